"""What may be requested of a live dream beside one motif: layers together, a guide, a part of the picture, priors."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hallucinate.dream.flow import Motion
from hallucinate.dream.motion_mask import motion_mask
from hallucinate.dream.objectives import features
from hallucinate.frame import Frame, Picture, to_tensor
from tests.dream.networks import TinyNetwork
from tests.dream.sessions import POINT, SETTINGS, apart, dream, new_session, run, world


def stripes() -> Picture:
    across = (np.arange(256) // 4 % 2 * 160 + 40).astype(np.uint8)
    return np.ascontiguousarray(np.broadcast_to(across[None, :, None], (144, 256, 3)))


def likeness(picture: Picture, guide: Picture) -> float:
    """Mean over places of the largest product with the guide's columns."""
    network = TinyNetwork()
    a, y = (features(network, "second", to_tensor(p, torch.device("cpu"))) for p in (picture, guide))
    return float((a.T @ y).amax(1).mean())


def test_a_guide_is_dreamed_of_and_without_one_nothing_is() -> None:
    settings = SETTINGS.model_copy(update={"layers": {}, "guide": 1.0})
    camera, dreamed = run(new_session(), 25, settings=settings)
    assert np.array_equal(camera, dreamed)
    guides = stripes(), np.ascontiguousarray(world(5)[:, :256])
    dreams = []
    for guide in guides:
        session = new_session()
        session.dreamer.set_guide(guide)
        dreams.append(run(session, 25, settings=settings)[1])
    assert apart(*dreams) > 0.02
    for guide, dreamed in zip(guides, dreams, strict=True):
        assert likeness(dreamed, guide) > 1.01 * likeness(camera, guide)
    session.dreamer.set_guide(None)  # meanwhile somebody took it away
    run(session, 2, settings=settings, start=25)


def test_layers_channels_and_motifs_are_dreamed_together() -> None:
    only = run(new_session(), 25)[1]
    mixed = SETTINGS.model_copy(
        update={"layers": {"second": 1.0, "first:3": 0.5, "first:2@centre": 0.1}, "motifs": {"light": 0.3}}
    )
    camera, dreamed = run(new_session(), 25, settings=mixed)
    assert apart(camera, dreamed) > 0.05
    assert apart(only, dreamed) > 0.02


def test_only_what_was_painted_dreams_and_it_goes_as_far_there_as_otherwise_everywhere() -> None:
    mask = np.zeros((72, 128, 3), np.uint8)
    mask[:, 64:] = 255
    session, settings = new_session(), SETTINGS.model_copy(update={"where": "painted"})
    session.dreamer.set_mask(mask)
    camera, dreamed = run(session, 40, settings=settings)
    assert np.array_equal(camera[:, :120], dreamed[:, :120])
    whole = apart(*run(new_session(), 40))
    assert 0.7 * whole < apart(camera[:, 136:], dreamed[:, 136:]) < 1.3 * whole


def test_only_what_moves_dreams_and_what_has_stopped_fades() -> None:
    settings = SETTINGS.model_copy(update={"where": "moving", "half_life_s": 0.5, "motion_compensation": False})
    session, back, thing = new_session(), world()[:, :256], world(3)[40:100, :60]

    def frame(n: int, x: int) -> tuple[Picture, Picture]:
        camera = back.copy()
        camera[40:100, x : x + 60] = thing
        return camera, dream(session, Frame(camera, int(n / 25 * 1e9)), settings, POINT)

    for n in range(30):
        camera, dreamed = frame(n, 20 + 3 * n)
    assert apart(camera[40:100, 107:167], dreamed[40:100, 107:167]) > 0.05
    assert apart(camera[:, 200:], dreamed[:, 200:]) < 0.005
    for n in range(30, 100):
        camera, dreamed = frame(n, 107)
    assert apart(camera, dreamed) < 0.005


def test_what_moves_is_told_from_a_camera_that_does() -> None:
    back = np.full((36, 64, 2), 3.0, np.float32)
    back[10:20, 30:40] = (0.0, -4.0)
    found = motion_mask(None, Motion(back, np.ones((36, 64), np.float32)), (36, 64), 0.04, 1.0)
    assert found[15, 35] == 1
    assert found[:, :20].max() == 0
    # What has stopped fades by half in a half-life; the same at any frame rate.
    slow = fast = found
    for _ in range(2):
        slow = motion_mask(slow, None, (36, 64), 0.5, 1.0)
    for _ in range(20):
        fast = motion_mask(fast, None, (36, 64), 0.05, 1.0)
    assert slow[15, 35] == pytest.approx(0.5)
    assert np.allclose(slow, fast, atol=1e-5)


@pytest.mark.parametrize(
    "knobs", [{"gradient_blur": 3.0}, {"laplacian_levels": 3}, {"total_variation": 0.5}, {"l2_weight": 0.5}], ids=str
)
def test_every_prior_changes_the_dream(knobs: dict[str, float]) -> None:
    camera, plain = run(new_session(), 25)
    _, other = run(new_session(), 25, settings=SETTINGS.model_copy(update=knobs))
    assert apart(plain, other) > 0.01
    assert np.isfinite(other).all()
    if "l2_weight" in knobs:
        assert apart(camera, other) < 0.95 * apart(camera, plain)
    if knobs.keys() & {"gradient_blur", "total_variation"}:
        # Smoother than without: less difference between neighbours for the distance gone.
        assert roughness(camera, other) < 0.8 * roughness(camera, plain)


def roughness(camera: Picture, dreamed: Picture) -> float:
    r = dreamed.astype(np.float64) - camera
    return float(np.abs(np.diff(r, axis=1)).mean() / np.abs(r).mean())


def test_a_dreamer_takes_a_guide_and_a_mask_of_any_shape() -> None:
    for shape in ((1, 1, 3), (700, 20, 3), (20, 3000, 3)):
        session = new_session()
        session.dreamer.set_guide(np.full(shape, 90, np.uint8))
        session.dreamer.set_mask(np.full(shape, 255, np.uint8))
        run(session, 2, settings=SETTINGS.model_copy(update={"guide": 1.0, "where": "painted"}))

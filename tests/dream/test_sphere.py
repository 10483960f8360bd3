"""Dreaming on a sphere: fair from equator to pole, without a seam, and one dream for both eyes."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from benchmarks.sphere import directions, frequencies, noise_on_sphere, seam, spread, strengths
from hallucinate.dream.ascent import resized
from hallucinate.dream.dreamer import Dreamer
from hallucinate.dream.drift import drift_on_sphere
from hallucinate.dream.flow import Flow, warped
from hallucinate.dream.objectives import UnitObjective
from hallucinate.dream.residual import limit_crowding
from hallucinate.dream.sphere import (
    DEEPEST,
    TILTS,
    balanced_on_sphere,
    direction_on_sphere,
    views,
)
from hallucinate.dream.surface import Geometry, Surface, beside_each_other, eyes, widened
from hallucinate.frame import Frame, OperatingPoint, Picture, add_residual
from hallucinate.panorama.remap import Layout
from hallucinate.settings import Settings, Unit
from tests.dream.networks import TinyNetwork

CPU = torch.device("cpu")
HEIGHT, WIDTH = 96, 192


def dream_of(settings: Settings, surface: Surface, camera: Picture, frames: int, seed: int = 0) -> Picture:
    session, point = (
        Dreamer(TinyNetwork()).session(settings, seed, Geometry(surface)),
        OperatingPoint(camera.shape[1], 1),
    )
    return [session.step(Frame(camera, round(n / 10 * 1e9)), 0, point).dream for n in range(frames)][-1]


@pytest.fixture(scope="module")
def residuals() -> list[np.ndarray]:
    """What is dreamed on noise, of three seeds: float64 (H, W, 3) each."""
    settings = Settings(
        motifs={}, layers={"second": 1.0}, strength=0.5, motif_degrees=20.0, octaves=2, gradient_blur=2.0
    )
    found = []
    for seed in range(3):
        camera = noise_on_sphere(HEIGHT, WIDTH, seed=seed)
        found.append(dream_of(settings, Surface.SPHERE, camera, 40, seed).astype(np.float64) - camera)
    return found


def test_a_dream_is_as_strong_at_the_poles_as_at_the_equator(residuals: list[np.ndarray]) -> None:
    strength = np.mean([strengths(r) for r in residuals], 0).tolist()
    assert min(strength) > 3
    assert spread(strength) < 0.2, strength  # of three seeds; from three to three it is 0.1 to 0.3


def test_what_is_dreamed_is_as_large_at_the_poles_as_at_the_equator(residuals: list[np.ndarray]) -> None:
    large = np.mean([frequencies(r) for r in residuals], 0).tolist()
    assert spread(large) < 0.15, large


def test_there_is_no_seam(residuals: list[np.ndarray]) -> None:
    assert all(seam(r) <= 1 for r in residuals)


def test_a_small_dream_is_added_to_a_large_picture_without_a_seam() -> None:
    r = torch.from_numpy(noise_on_sphere(32, 64, 6).astype(np.float32) / 255 - 0.5).permute(2, 0, 1)[None]
    large = add_residual(np.full((256, 512, 3), 128, np.uint8), 0.5 * r, wraps=True).astype(int)
    beside = np.abs(np.diff(large, axis=1)).mean((0, 2))
    assert np.abs(large[:, 0] - large[:, -1]).mean() <= beside.max()
    enlarged = resized(r, 256, 512, wraps=True)[0].permute(1, 2, 0).numpy() * 0.5 * 255 + 128
    assert np.abs(large - enlarged).max() <= 1


@pytest.mark.parametrize("columns", [1, 40, 96])
def test_what_is_done_to_a_sphere_is_done_alike_wherever_its_picture_begins(columns: int) -> None:
    r = torch.randn(1, 3, 48, 96, generator=torch.Generator().manual_seed(0))
    turned = r.roll(columns, 3)
    fields = 0.03 * torch.randn(1, 3, 48, 96, generator=torch.Generator().manual_seed(1))
    fields[:, 2] = 1
    for work in (
        balanced_on_sphere,
        lambda x: limit_crowding(x, 0.1, wraps=True) if columns % 12 == 0 else x,  # its parts are of so many pixels
        lambda x: resized(x, 24, 48, wraps=True) if columns % 2 == 0 else x,
    ):
        back = work(r)
        assert torch.allclose(work(turned), back.roll(columns * back.shape[3] // 96, 3), atol=1e-5)
    moved = warped(turned, fields.roll(columns, 3), wraps=True)
    assert torch.allclose(moved, warped(r, fields, wraps=True).roll(columns, 3), atol=1e-4)


def test_a_sphere_is_balanced_by_its_broadest_harmonics_and_no_more() -> None:
    x, y, z = np.moveaxis(directions(64, 128), -1, 0)
    broad = {
        "mean": np.ones_like(x),
        "dipole": y,
        "quadrupole": x * z,
        "octupole": x * y * z,
        "zonal": 5 * y**3 - 3 * y,
    }
    fine = {"sectoral": np.real((x + 1j * z) ** 6)}
    for name, picture in (broad | fine).items():
        r = torch.from_numpy(picture.astype(np.float32)).expand(1, 3, 64, 128)
        rest = balanced_on_sphere(r)
        assert torch.allclose(balanced_on_sphere(rest), rest, atol=1e-5)
        assert (rest.abs().max() < 1e-4) == (name in broad), name
        if name in fine:
            assert torch.allclose(rest, r, atol=1e-4)


@pytest.mark.parametrize("whole", [True, False])
def test_every_place_is_seen_and_what_the_views_see_comes_back_to_its_place(whole: bool) -> None:
    span = 2 * math.pi if whole else math.pi
    height, width = 96, 192 if whole else 96
    seen = views(height, width, whole, CPU)
    assert torch.allclose(seen.weights.sum(1), torch.ones(TILTS, height, width))
    picture = noise_on_sphere(height, width, cells=8, span=span)
    x = torch.from_numpy(picture).permute(2, 0, 1)[None].float()
    for n in range(TILTS):
        tiles = F.grid_sample(
            widened(x) if whole else x, seen.out[n : n + 1], padding_mode="border", align_corners=False
        )
        assert tiles.shape == (1, 3, (6 if whole else 5) * seen.side, seen.side)
        back = F.grid_sample(tiles, seen.back[n : n + 1], align_corners=False)
        back = (back.view(1, 3, DEEPEST, height, width) * seen.weights[n]).sum(2)
        off = (back - x).abs()[..., 2:-2]  # half a sphere's views see beyond its sides
        assert off.mean() < 1.5
        assert off.max() < 25


def test_a_step_is_one_in_the_mean_over_the_solid_angle_and_pictures_are_stepped_each_by_itself() -> None:
    one, other = (
        torch.from_numpy(noise_on_sphere(48, 96, seed=n)).permute(2, 0, 1)[None].float() / 255 for n in (0, 1)
    )
    objective, shift = UnitObjective(TinyNetwork(), Unit("first")), torch.tensor([[6, 500], [7, 12345]])
    both = direction_on_sphere(torch.cat([one, other]), [objective], shift)
    solid = views(48, 96, True, CPU).solid
    assert torch.allclose((both.abs() * solid).mean((1, 2, 3)), torch.ones(2), rtol=1e-3)
    for n, x in enumerate((one, other)):
        alone = direction_on_sphere(x, [objective], shift[n : n + 1])
        assert torch.allclose(both[n : n + 1], alone, rtol=1e-3, atol=1e-4)
    several = direction_on_sphere(other, [objective, objective], shift[1:], shares=torch.tensor([0.3, 0.7]))
    assert torch.allclose(several, both[1:], rtol=1e-3, atol=1e-4)


def test_motion_across_the_seam_is_found() -> None:
    world = noise_on_sphere(64, 128, cells=12)[..., 1]
    world = np.repeat(np.repeat(world, 2, 0), 2, 1)
    motion = Flow().between(world, np.roll(world, 4, 1), wraps=True)
    assert motion.back.shape == (128, 256, 2)
    assert np.array_equal(Flow().back(world, np.roll(world, 4, 1), wraps=True), motion.back)
    at_the_seam = np.concatenate([motion.back[40:88, :8, 0], motion.back[40:88, -8:, 0]])
    assert np.median(at_the_seam) == pytest.approx(-4, abs=0.3)


def test_a_sphere_turns_zooms_and_flows_of_itself() -> None:
    still = Settings()
    assert drift_on_sphere(True, 32, 64, 0.1, 0.0, still) is None
    turn = drift_on_sphere(True, 32, 64, 0.5, 0.0, still.model_copy(update={"drift_turn": 90.0}))
    assert turn is not None
    assert torch.allclose(turn[0], torch.full((32, 64), -0.25), atol=1e-4)  # 45° of 360°, in half pictures
    assert turn[1].abs().max() < 1e-4
    zoom = drift_on_sphere(True, 32, 64, 1.0, 0.0, still.model_copy(update={"drift_zoom": 0.2}))
    assert zoom is not None
    # In front it grows by a fifth a second: what is at a small angle was at one that was as much smaller.
    ahead = 0.5 * 2 * math.pi / 64
    assert zoom[0, 16, 32].item() * math.pi == pytest.approx(ahead / 1.2 - ahead, rel=0.02)
    flow = drift_on_sphere(True, 32, 64, 0.1, 3.0, still.model_copy(update={"drift_flow": 0.1}))
    assert flow is not None
    assert 0.2 < (flow[0] * math.pi).abs().mean() / (2 * math.pi * 0.01) < 2
    assert (flow[:, :, 0] - flow[:, :, -1]).abs().max() < 0.1 * flow.abs().max()  # no seam


@pytest.mark.parametrize("layout", [Layout.TOP_BOTTOM, Layout.SIDE_BY_SIDE])
def test_both_eyes_see_one_dream_moved_by_the_disparity(layout: Layout) -> None:
    world = np.asarray(np.repeat(np.repeat(noise_on_sphere(48, 110, cells=20), 2, 0), 2, 1))
    left, right = world[:, 6:198], world[:, :192]  # everything is 6 px further right for the right eye
    pair = beside_each_other((left, right), layout)
    assert all(np.array_equal(a, b) for a, b in zip(eyes(pair, layout), (left, right), strict=True))
    settings = Settings(motifs={}, layers={"second": 1.0}, strength=0.6)
    session = Dreamer(TinyNetwork()).session(settings, geometry=Geometry(layout=layout))
    for n in range(25):
        output = session.step(Frame(pair, round(n / 10 * 1e9)), 0, OperatingPoint(192, 1))
    assert output.camera is pair
    dreams_of_both = output.dream
    assert dreams_of_both.shape == pair.shape
    dreams = [d.astype(float) - c for d, c in zip(eyes(dreams_of_both, layout), (left, right), strict=True)]
    moved, unmoved = dreams[1][10:-10, 16:-10], dreams[1][10:-10, 10:-16]
    here = dreams[0][10:-10, 10:-16]
    assert np.corrcoef(here.ravel(), moved.ravel())[0, 1] > 0.9
    assert np.corrcoef(here.ravel(), unmoved.ravel())[0, 1] < 0.7


def test_half_a_sphere_and_a_flat_guest_are_dreamed_beside_a_whole_one() -> None:
    settings = Settings(motifs={}, layers={"second": 1.0}, strength=0.5)
    for surface, size in ((Surface.HALF, (96, 96)), (Surface.SPHERE, (64, 128))):
        camera = noise_on_sphere(*size, span=math.radians(surface.degrees))
        r = dream_of(settings, surface, camera, 12).astype(float) - camera
        assert 3 < np.sqrt((r**2).mean()) < 40
        assert np.abs(r.mean((0, 1))).max() < 2.5

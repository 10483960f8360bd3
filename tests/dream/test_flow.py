import cv2
import numpy as np
import pytest
import torch

from hallucinate.dream.flow import Flow, Motion, disoccluded, motion_border, motion_field, warped


def texture(height: int, width: int, seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).integers(0, 256, (height, width), dtype=np.uint8)
    soft = cv2.GaussianBlur(noise, (0, 0), 2.5)
    return cv2.normalize(soft, np.empty_like(soft), 0, 255, cv2.NORM_MINMAX)


def constant_motion(h: int, w: int, dx: float, dy: float) -> Motion:
    return Motion(np.full((h, w, 2), (dx, dy), np.float32), np.ones((h, w), np.float32))


def test_a_pan_is_measured_backward() -> None:
    wide = texture(90, 200)
    old, new = wide[:, 20:180], wide[:, 23:183]  # the camera turned right by 3 px: things moved to the left
    motion = Flow().between(old.copy(), new.copy())
    inner = motion.back[10:-10, 10:-10]
    # What is at x now was at x + 3.
    assert np.median(inner[..., 0]) == pytest.approx(3.0, abs=0.15)
    assert np.median(inner[..., 1]) == pytest.approx(0.0, abs=0.15)
    assert motion.visible[10:-10, 10:-10].mean() > 0.95


def test_a_still_world_has_no_motion_at_all() -> None:
    still = texture(90, 160)
    motion = Flow().between(still, still.copy())
    assert not motion.back.any()
    assert motion.visible.mean() > 0.99


def test_what_an_object_uncovers_was_hidden() -> None:
    ground, thing = texture(90, 160), texture(40, 40, seed=1)
    old, new = ground.copy(), ground.copy()
    old[25:65, 40:80] = thing
    new[25:65, 50:90] = thing  # it moved 10 px to the right and uncovered columns 40 to 50
    motion = Flow().between(old, new)
    assert motion.visible[30:60, 41:48].mean() < 0.5
    assert motion.visible[:, 110:].mean() > 0.95


def test_the_check_is_that_of_ruder_et_al() -> None:
    back = np.zeros((20, 20, 2), np.float32)
    forth = np.zeros((20, 20, 2), np.float32)
    forth[5:10, 5:10, 0] = 0.7  # 0.49 < 0.5 + ...: within the tolerance
    forth[12:17, 12:17, 0] = 0.8  # 0.64 > 0.01 · 0.64 + 0.5: not
    found = disoccluded(back, forth)
    assert not found[5:10, 5:10].any()
    assert found[12:17, 12:17].all()


def test_a_break_in_the_flow_is_a_border_and_a_gentle_slope_is_not() -> None:
    x = np.arange(40, dtype=np.float32)
    slope = np.zeros((10, 40, 2), np.float32)
    slope[..., 0] = 0.03 * x
    assert not motion_border(slope).any()
    slope[:, 20:, 0] += 3
    assert motion_border(slope)[:, 19:21].all()
    assert not motion_border(slope)[:, :18].any()


def moved_by(residual: torch.Tensor, motion: Motion) -> torch.Tensor:
    field = motion_field(motion, None)
    assert field is not None
    return warped(residual, torch.from_numpy(field)[None])


@pytest.mark.parametrize(("dx", "dy"), [(4, 0), (-3, 2), (0, -5)])
def test_whole_pixels_are_warped_exactly(dx: int, dy: int) -> None:
    r = torch.randn(1, 3, 24, 32, generator=torch.Generator().manual_seed(0))
    moved = moved_by(r, constant_motion(24, 32, dx, dy))
    ys, xs = range(6, 18), range(6, 26)
    expected = r[:, :, ys.start + dy : ys.stop + dy, xs.start + dx : xs.stop + dx]
    assert torch.allclose(moved[:, :, 6:18, 6:26], expected, atol=1e-5)


@pytest.mark.parametrize("step", [0.1, 0.25, 0.6, 0.8])
def test_many_small_moves_lead_where_one_large_one_does(step: float) -> None:
    """Sampling that shifts a little too far each time would let a hallucination run ahead of its world."""
    ys, xs = torch.meshgrid(torch.arange(48.0), torch.arange(96.0), indexing="ij")
    r = torch.exp(-((xs - 70) ** 2 + (ys - 24) ** 2) / 30)[None, None]
    for _ in range(40):
        r = moved_by(r, constant_motion(48, 96, step, 0))
    top = (r[0, 0] - 0.5 * r.max()).clamp(min=0)
    assert float((top * xs).sum() / top.sum()) == pytest.approx(70 - 40 * step, abs=0.3)
    assert r.max() > 0.9  # and without washing out


def test_flow_measured_small_warps_a_larger_residual() -> None:
    r = torch.randn(1, 3, 48, 64, generator=torch.Generator().manual_seed(0))
    moved = moved_by(r, constant_motion(24, 32, 2, 1))  # 2, 1 flow pixels are 4, 2 here
    assert torch.allclose(moved[:, :, 10:30, 10:40], r[:, :, 12:32, 14:44], atol=1e-4)


def test_no_motion_changes_nothing() -> None:
    r = torch.randn(1, 3, 48, 64, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(moved_by(r, constant_motion(24, 32, 0, 0)), r, atol=1e-5)


def test_hidden_places_and_what_comes_from_outside_are_empty() -> None:
    r = torch.ones(1, 3, 24, 32)
    motion = constant_motion(24, 32, 6, 0)
    motion.visible[:12] = 0
    moved = moved_by(r, motion)
    assert not moved[:, :, :11].any()
    assert not moved[:, :, :, 27:].any()  # was at x + 6: outside the old picture
    assert torch.allclose(moved[:, :, 14:, :20], torch.ones(1))

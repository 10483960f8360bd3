from __future__ import annotations

import cv2
import numpy as np
import pytest

from hallucinate.frame import Picture, to_luma
from hallucinate.sources.scene import Scene


@pytest.fixture(scope="module")
def scene() -> Scene:
    return Scene(320, 180, seed=0)


def luma(picture: Picture) -> np.ndarray:
    return to_luma(picture, 320, 180).astype(np.float32)


def test_it_is_a_pure_function_of_time_and_seed(scene: Scene) -> None:
    first = scene.draw(3.0)
    scene.draw(50.0)
    again = Scene(320, 180, seed=0)
    other = Scene(320, 180, seed=1)
    assert np.array_equal(first, scene.draw(3.0))
    assert np.array_equal(first, again.draw(3.0))
    assert not np.array_equal(first, other.draw(3.0))


@pytest.mark.parametrize("size", [(640, 360), (360, 640), (64, 48), (500, 101), (33, 17)])
def test_it_fills_any_size(size: tuple[int, int]) -> None:
    picture = Scene(*size, seed=2).draw(1.0)
    assert picture.shape == (size[1], size[0], 3)
    assert picture.dtype == np.uint8
    assert picture.std() > 25


def ground_shift(scene: Scene, t: float, seconds: float) -> tuple[float, float]:
    """How far the ground moves in the picture: it tells where the camera goes, the sky has a wind of its own."""
    window = cv2.createHanningWindow((320, 70), cv2.CV_32F)
    before, after = (luma(scene.draw(at))[110:] for at in (t, t + seconds))
    (dx, dy), _ = cv2.phaseCorrelate(before, after, window)
    return dx, dy


def test_the_camera_pans_smoothly_to_and_fro(scene: Scene) -> None:
    for t in np.arange(0, 40, 1.7):
        dx, dy = ground_shift(scene, t, 1 / 24)
        assert abs(dx) < 1.5
        assert abs(dy) < 1
        assert np.abs(luma(scene.draw(t)) - luma(scene.draw(t + 1 / 24))).mean() > 0.2  # it never stands still
    pans = [ground_shift(scene, t, 0.5)[0] for t in np.arange(0.0, 46, 2)]
    assert min(pans) < -1.5  # to the right ...
    assert max(pans) > 1.5  # ... and back
    assert max(map(abs, pans)) < 8


def test_there_is_texture_at_several_scales_and_contrast_in_the_middle(scene: Scene) -> None:
    picture = luma(scene.draw(10.0))
    assert 80 < picture.mean() < 170
    assert 30 < picture.std() < 75
    for sigma in (1, 2, 4, 8):
        band = cv2.GaussianBlur(picture, (0, 0), sigma) - cv2.GaussianBlur(picture, (0, 0), 2 * sigma)
        assert band.std() > 2.5


def test_hours_later_it_still_moves_and_does_not_jump(scene: Scene) -> None:
    for t in (3600.0, 86400.0 * 30):
        a, b = scene.draw(t), scene.draw(t + 1 / 24)
        assert 0.2 < np.abs(luma(a) - luma(b)).mean() < 8

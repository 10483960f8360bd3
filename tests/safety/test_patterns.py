"""Which pictures are warned of."""

import math

import cv2
import numpy as np
import pytest

from hallucinate.frame import Picture
from hallucinate.safety.patterns import find_stripes
from hallucinate.sources.scene import View

HEIGHT, WIDTH = 360, 640


def stripes(
    period: float, degrees: float = 0, area: float = 1, dark: int = 0, light: int = 255, around: int = 128
) -> Picture:
    """On grey, from the upper left corner on."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    along = x * math.cos(math.radians(degrees)) + y * math.sin(math.radians(degrees))
    drawn = np.where(along / period % 1 < 0.5, dark, light)
    inside = (x < WIDTH * math.sqrt(area)) & (y < HEIGHT * math.sqrt(area))
    return np.where(inside, drawn, around)[..., None].repeat(3, 2).astype(np.uint8)


@pytest.mark.parametrize("degrees", [0, 20, 90, 135])
@pytest.mark.parametrize("period", [5, 8, 20, 40, 60])
def test_stripes_of_any_width_and_direction_are_warned_of(period: float, degrees: float) -> None:
    found = find_stripes(stripes(period, degrees))
    assert found.warns
    assert found.area > 0.8


def test_stripes_that_are_few_small_or_faint_are_not() -> None:
    assert not find_stripes(stripes(160)).warns  # four pairs
    assert not find_stripes(stripes(20, area=0.12)).warns
    assert not find_stripes(stripes(20, dark=120, light=140)).warns
    assert not find_stripes(stripes(20, dark=0, light=110, around=60)).warns  # the light ones are dark, too


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("cells", [8, 16, 32, 64, 640])
def test_noise_of_any_size_is_no_pattern(cells: int, seed: int) -> None:
    noise = np.random.default_rng(seed).integers(0, 256, (cells * HEIGHT // WIDTH, cells, 3), np.uint8)
    large = cv2.resize(noise, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    assert not find_stripes(np.asarray(large, np.uint8)).warns


def test_a_landscape_is_no_pattern() -> None:
    view = View(WIDTH, HEIGHT, seed=0)
    assert not any(find_stripes(view.draw(t)).warns for t in (0.0, 12.0, 40.0))


@pytest.mark.parametrize("shape", [(1, 1), (4, 300), (300, 4), (16, 16)])
def test_pictures_too_small_for_stripes_have_none(shape: tuple[int, int]) -> None:
    find_stripes(np.full((*shape, 3), 200, np.uint8))

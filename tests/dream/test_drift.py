"""The hallucination's own motion: the same in a second at every frame rate."""

import math

import numpy as np
import pytest
import torch

from hallucinate.dream.drift import drift, stream
from hallucinate.dream.flow import motion_field, warped
from hallucinate.settings import Settings

HEIGHT, WIDTH = 90, 160


def blob(x: float, y: float) -> torch.Tensor:
    """A soft spot ``x``, ``y`` pixels off the middle, (1, 1, H, W)."""
    ys, xs = torch.meshgrid(
        torch.arange(HEIGHT) - HEIGHT / 2 + 0.5, torch.arange(WIDTH) - WIDTH / 2 + 0.5, indexing="ij"
    )
    return torch.exp(-((xs - x) ** 2 + (ys - y) ** 2) / 30)[None, None]


def middle(r: torch.Tensor) -> tuple[float, float]:
    ys, xs = torch.meshgrid(
        torch.arange(HEIGHT) - HEIGHT / 2 + 0.5, torch.arange(WIDTH) - WIDTH / 2 + 0.5, indexing="ij"
    )
    r = (r - 0.5 * r.max()).clamp(min=0)  # its top: bicubic sampling rings a little at the foot
    return float((r * xs).sum() / r.sum()), float((r * ys).sum() / r.sum())


def after_a_second(r: torch.Tensor, fps: int, settings: Settings) -> torch.Tensor:
    for n in range(fps):
        motion = motion_field(None, drift(HEIGHT, WIDTH, 1 / fps, n / fps, settings))
        assert motion is not None
        r = warped(r, torch.from_numpy(motion)[None])
    return r


@pytest.mark.parametrize("fps", [12, 30])
def test_zoom_is_a_share_per_second(fps: int) -> None:
    x, y = middle(after_a_second(blob(30, 15), fps, Settings(drift_zoom=0.25)))
    assert (x, y) == pytest.approx((37.5, 18.75), abs=0.4)


@pytest.mark.parametrize("fps", [12, 30])
def test_turn_is_in_degrees_per_second_clockwise_and_round_on_a_wide_picture(fps: int) -> None:
    x, y = middle(after_a_second(blob(25, 0), fps, Settings(drift_turn=60.0)))
    assert math.hypot(x, y) == pytest.approx(25, abs=0.4)
    assert math.degrees(math.atan2(y, x)) == pytest.approx(60, abs=1)  # rows run down, so this is clockwise


@pytest.mark.parametrize("fps", [12, 30])
def test_flow_is_a_share_of_the_width_per_second_with_no_source_or_sink(fps: int) -> None:
    moves = [drift(HEIGHT, WIDTH, 1 / fps, n / fps, Settings(drift_flow=0.1)) for n in range(fps)]
    speed = np.mean(
        [
            np.sqrt(np.mean((m * torch.tensor([WIDTH / 2, HEIGHT / 2])[:, None, None]).square().sum(0).numpy())) * fps
            for m in moves
            if m is not None
        ]
    )
    assert speed == pytest.approx(0.1 * WIDTH, rel=0.25)
    y, x = torch.meshgrid(torch.linspace(-1, 1, 201), torch.linspace(-1, 1, 201), indexing="ij")
    u, v = stream(x, y, 3.0)
    grown = (u[1:-1, 2:] - u[1:-1, :-2] + v[2:, 1:-1] - v[:-2, 1:-1]) / 0.02
    turned = (v[1:-1, 2:] - v[1:-1, :-2] - u[2:, 1:-1] + u[:-2, 1:-1]) / 0.02
    assert grown.abs().max() < 0.01 * turned.abs().max()


def test_there_is_no_motion_by_default() -> None:
    assert drift(HEIGHT, WIDTH, 0.1, 5.0, Settings()) is None
    assert drift(HEIGHT, WIDTH, 0.0, 5.0, Settings(drift_zoom=0.2)) is None
    assert motion_field(None, None) is None

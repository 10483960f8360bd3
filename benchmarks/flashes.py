"""What flashes of what a viewer gets: the share of the worst 10° field that flashes more than three times in a second.

    python -m benchmarks.flashes --json benchmarks/results/flashes.json

Each row is a clip, made by a real session from drawn frames, and judged by the slow reference of the tests in float64.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from hallucinate.dream.dreamer import Dreamer
from hallucinate.dream.strength_calibration import read_strength_calibration
from hallucinate.files import shipped
from hallucinate.frame import Frame, OperatingPoint, Picture
from hallucinate.networks.registry import open_quickest
from hallucinate.settings import Settings
from hallucinate.sources.scene import View as Landscape
from tests.safety.reference import DESK, HEADSET, Judged, judge

WIDTH, HEIGHT = 640, 360
CPU = torch.device("cpu")


@dataclass(frozen=True)
class Clip:
    """Pictures, uint8 RGB (H, W, 3) each, and when each is shown, in nanoseconds."""

    pictures: Sequence[Picture]
    times_ns: Sequence[int]


def dreamer() -> Dreamer:
    """The bundled network, as live."""
    network, _ = open_quickest("motif", CPU)
    return Dreamer(
        network, CPU, read_strength_calibration(shipped("calibration") / "strength" / f"{network.name}.json")
    )


def dreamed_clip(clip: Clip, width: int, **overrides: Any) -> Clip:
    """A clip as a live session dreams it, at a dream width, with settings that differ from the defaults."""
    session = dreamer().session(Settings(**overrides))
    point = OperatingPoint(width, 1)
    frames = (Frame(picture, ns) for picture, ns in zip(clip.pictures, clip.times_ns, strict=True))
    return Clip([session.step(frame, frame.captured_ns, point).dream for frame in frames], clip.times_ns)


def still_clip(fps: float, seconds: float) -> Clip:
    """The landscape, standing still."""
    picture = Landscape(WIDTH, HEIGHT, seed=0).draw(12.0)
    count = round(seconds * fps)
    return Clip([picture] * count, [round(n / fps * 1e9) for n in range(count)])


def shares(clip: Clip) -> tuple[Judged, Judged]:
    """How a clip is judged on a desk and on the headset page's screen."""
    desk, headset = (judge(clip.pictures, clip.times_ns, view) for view in (DESK, HEADSET))
    return desk, headset


def still_row(overrides: dict[str, Any], fps: float = 20, width: int = 160, seconds: float = 3) -> tuple[float, float]:
    """The worst shares, on a desk and in a headset, of a still picture dreamed with some settings. Over 0.25 fails."""
    desk, headset = shares(dreamed_clip(still_clip(fps, seconds), width, **overrides))
    return desk.worst(), headset.worst()


if __name__ == "__main__":
    for strength, growth_s, half_life_s, width in (
        (1, 0.1, 0.05, 160),
        (1, 0.1, 0.05, 320),
        (1, 0.1, 0.05, 480),
        (0.6, 0.6, 1.5, 160),
        (0.6, 0.2, 1.5, 160),
        (1, 0.6, 1.5, 160),
    ):
        settings = {"strength": float(strength), "growth_s": growth_s, "half_life_s": half_life_s}
        print(settings, width, still_row(settings, 20, width))

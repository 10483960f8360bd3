"""A clip dreamed to its end, as a live dream of it would have been: for measuring and for galleries."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

import torch

from hallucinate.dream.dreamer import Dreamer
from hallucinate.dream.strength import StrengthCalibration
from hallucinate.frame import Frame, OperatingPoint, Picture
from hallucinate.networks import Network
from hallucinate.settings import Settings


def dreamed(
    network: Network, frames: Iterable[Frame], settings: Settings, width: int, calibration: StrengthCalibration
) -> tuple[Picture, Picture]:
    """The last of the frames, and what a live dream of all of them has made of it: uint8 RGB (H, W, 3) both.

    At least one frame; ``width``: of the dream, in pixels. On the CPU, with as many steps a frame as the settings say.
    """
    dreamer = Dreamer(network, torch.device("cpu"), calibration=calibration)
    point = OperatingPoint(width, settings.steps)
    return deque(((frame.picture, dreamer.dream(frame, settings, point)) for frame in frames), maxlen=1).pop()

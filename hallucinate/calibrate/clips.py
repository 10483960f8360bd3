"""A clip dreamed as live, for what is measured on it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from hallucinate.dream.dreamer import Dreamer
from hallucinate.dream.strength_calibration import StrengthCalibration
from hallucinate.frame import Frame, OperatingPoint, OutputFrame
from hallucinate.networks import Network
from hallucinate.settings import Settings


def render_clip(
    network: Network, frames: Iterable[Frame], settings: Settings, width: int, calibration: StrengthCalibration
) -> OutputFrame:
    """The last output of a live dream of all frames, at least one, on the CPU, with the settings' steps on each.

    width: of the dream, in pixels.
    """
    session = Dreamer(network, calibration=calibration).session(settings)
    point = OperatingPoint(width, settings.steps)
    return deque((session.step(frame, frame.captured_ns, point) for frame in frames), maxlen=1).pop()

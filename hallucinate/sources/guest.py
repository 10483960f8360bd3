"""A guest's camera, sent from a browser or OBS: frames are put by the server and read by the loop."""

from __future__ import annotations

from hallucinate.frame import Frame
from hallucinate.sources import SourceStatistics
from hallucinate.subscriber import Subscriber

READ_WITHIN_S = 1.0
"""How long ``read`` waits for a frame before it returns None."""


class GuestSource:
    """The newest frame that a guest sent. ``put`` never waits; a frame that nobody read is overwritten."""

    def __init__(self, name: str = "guest") -> None:
        self.name = name
        self._slot: Subscriber[Frame] = Subscriber()
        self._read = self._skipped = 0

    @property
    def statistics(self) -> SourceStatistics:
        """See Source. Skipped are frames that were overwritten before they were read, and those of ``skip``."""
        return SourceStatistics(self._read, self._skipped + self._slot.dropped)

    def set_fps(self, fps: float) -> None:
        """Nothing: a guest's browser has its own rate."""

    def put(self, frame: Frame) -> None:
        """Hand over a frame, from any thread."""
        self._slot.put(frame)

    def skip(self) -> None:
        """Count a frame that came and is not put, because the one before it is still being converted."""
        self._skipped += 1

    def read(self) -> Frame | None:
        """Wait for the newest frame and return it; None when none came for a second, or after ``close``."""
        frame = self._slot.take(READ_WITHIN_S)
        self._read += frame is not None
        return frame

    def close(self) -> None:
        """Wake a blocked ``read``. May be called twice."""
        self._slot.close()

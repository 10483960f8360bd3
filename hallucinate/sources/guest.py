"""A guest's camera, sent from a browser or OBS: frames are put by the server and read by the loop."""

from __future__ import annotations

from hallucinate.frame import Frame, Slot

READ_WITHIN_S = 1.0
"""How long ``read`` waits for a frame before it says that there is none."""


class GuestSource:
    """The newest frame that a guest sent. ``put`` never waits; a frame that nobody read is overwritten."""

    def __init__(self, name: str = "guest") -> None:
        self.name = name
        self._slot: Slot[Frame] = Slot()

    @property
    def dropped(self) -> int:
        """Frames that were overwritten before they were read."""
        return self._slot.dropped

    def put(self, frame: Frame) -> None:
        """Hand over a frame, from any thread."""
        self._slot.put(frame)

    def read(self) -> Frame | None:
        """Wait for the newest frame and return it; None when none came for a second, or after ``close``."""
        return self._slot.take(READ_WITHIN_S)

    def close(self) -> None:
        """Wake a blocked ``read``. May be called twice."""
        self._slot.close()

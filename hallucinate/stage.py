"""The stage: the newest dreamed frame, for whoever watches. Nothing queues; who is late sees the newest."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from hallucinate.frame import Picture


@dataclass(frozen=True, slots=True)
class Shown:
    """What is on the stage: the dream, the camera's own picture of the same moment, and when.

    dream, camera: uint8 RGB (H, W, 3), equal in size, never written to.
    captured_ns, dreamed_ns: ``clock.now_ns()`` at the camera, and when the dream was ready.
    """

    dream: Picture
    camera: Picture
    captured_ns: int
    dreamed_ns: int


class Stage:
    """Holds the newest ``Shown``. The dreamer's thread shows; encoders wait for a newer one."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._shown: Shown | None = None
        self._closed = False
        self._asked = False

    def asked(self) -> bool:
        """Whether anybody has waited for a frame since this was last called: whether somebody watches."""
        asked, self._asked = self._asked, False
        return asked

    @property
    def newest(self) -> Shown | None:
        """What is on the stage now; None before the first frame."""
        return self._shown

    @property
    def closed(self) -> bool:
        """True once nothing more will be shown."""
        return self._closed

    def show(self, shown: Shown) -> None:
        """Put a frame on the stage."""
        with self._changed:
            self._shown = shown
            self._changed.notify_all()

    def newer(self, than: Shown | None, timeout_s: float) -> Shown | None:
        """Wait at most ``timeout_s`` for a frame other than ``than``; None when none came or it closed."""
        self._asked = True
        with self._changed:
            came = self._changed.wait_for(lambda: self._shown is not than or self._closed, timeout_s)
            return self._shown if came and not self._closed and self._shown is not than else None

    def close(self) -> None:
        """Nothing more will be shown; wake all who wait."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

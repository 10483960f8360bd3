"""The stage: the newest dreamed frame, for whoever watches. Nothing queues; who is late sees the newest."""

from __future__ import annotations

import threading

from hallucinate.frame import OutputFrame


class Stage:
    """Holds the newest ``OutputFrame``. The dreamer's thread shows; encoders wait for a newer one."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._shown: OutputFrame | None = None
        self._closed = False
        self._asked = False

    def asked(self) -> bool:
        """Whether anybody has waited for a frame since this was last called: whether somebody watches."""
        asked, self._asked = self._asked, False
        return asked

    @property
    def newest(self) -> OutputFrame | None:
        """What is on the stage now; None before the first frame."""
        return self._shown

    @property
    def closed(self) -> bool:
        """True once nothing more will be shown."""
        return self._closed

    def publish(self, shown: OutputFrame) -> None:
        """Put a frame on the stage."""
        with self._changed:
            self._shown = shown
            self._changed.notify_all()

    def newer(self, than: OutputFrame | None, timeout_s: float) -> OutputFrame | None:
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

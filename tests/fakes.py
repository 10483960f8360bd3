"""Stand-ins for the edges, so that tests never wait and never need a camera."""

from __future__ import annotations

import threading


class FakeClock:
    """A clock that tests turn by hand; waiting advances it at once. Safe between threads."""

    def __init__(self, start_ns: int = 1_000_000_000) -> None:
        self._lock = threading.Lock()
        self._now_ns = start_ns
        self.waits: list[float] = []

    def now_ns(self) -> int:
        with self._lock:
            return self._now_ns

    def advance(self, seconds: float) -> None:
        with self._lock:
            self._now_ns += round(seconds * 1e9)

    def wait(self, seconds: float, until: threading.Event) -> bool:
        if not until.is_set():
            self.advance(max(0.0, seconds))
            with self._lock:
                self.waits.append(seconds)
                del self.waits[:-1000]
        return until.is_set()

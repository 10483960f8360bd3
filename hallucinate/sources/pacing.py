"""A beat for sources that could deliver as fast as they are asked: stills and the built-in scene."""

from __future__ import annotations

import threading

from hallucinate.clock import Clock


class Beat:
    """Waits for the next tick of ``fps`` per second. Who is late starts a new beat: ticks are never caught up."""

    def __init__(self, fps: float, clock: Clock) -> None:
        self._period_ns = round(1e9 / fps)
        self._clock = clock
        self._due_ns = clock.now_ns()

    def wait(self, closing: threading.Event) -> bool:
        """Wait for the next tick; return whether ``closing`` was set."""
        closed = self._clock.wait((self._due_ns - self._clock.now_ns()) / 1e9, closing)
        self._due_ns = max(self._due_ns + self._period_ns, self._clock.now_ns())
        return closed


class Timeline:
    """Places a film's frames on the clock by their own timestamps, loop after loop without a gap.

    Times are the film's, in seconds; what is due is on the clock, in nanoseconds.
    """

    LONGEST_STEP_S = 60.0
    """A longer step between two frames is a damaged timestamp, not a pause that somebody made."""

    def __init__(self, start_ns: int) -> None:
        self.due_ns = start_ns
        self._last_s: float | None = None
        self._duration_s = 0.0

    def place(self, time_s: float | None, duration_s: float) -> int:
        """When the next frame is due. A timestamp that is missing or jumps is replaced by the frame before's end."""
        step_s = self._duration_s
        if time_s is not None and self._last_s is not None and 0 < time_s - self._last_s <= self.LONGEST_STEP_S:
            step_s = time_s - self._last_s
        self._last_s, self._duration_s = time_s, duration_s
        self.due_ns += round(step_s * 1e9)
        return self.due_ns

    def restart(self) -> None:
        """The film begins again: its first frame follows when the last one's time is over."""
        self._last_s = None

    def rebase(self, now_ns: int) -> None:
        """The last placed frame is due now after all, and what follows is counted from it."""
        self.due_ns = now_ns

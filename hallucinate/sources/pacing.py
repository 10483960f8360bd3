"""A beat for sources that could deliver as fast as they are asked, and the times at which a film's frames are due."""

from __future__ import annotations

import threading
from collections.abc import Callable

from hallucinate.clock import Clock
from hallucinate.frame import Frame, Picture


class Beat:
    """Waits for the next tick of ``fps`` per second. Who is late starts a new beat: ticks are never caught up."""

    def __init__(self, fps: float, clock: Clock) -> None:
        self._period_ns = round(1e9 / fps)
        self._clock, self._closing = clock, threading.Event()
        self._due_ns = clock.now_ns()

    def wait(self) -> bool:
        """Wait for the next tick; return whether the beat goes on."""
        closed = self._clock.wait((self._due_ns - self._clock.now_ns()) / 1e9, self._closing)
        self._due_ns = max(self._due_ns + self._period_ns, self._clock.now_ns())
        return not closed

    def close(self) -> None:
        """End the beat, and wake who waits for it. May be called twice."""
        self._closing.set()


class Drawn:
    """A source whose pictures are a function of time: a built-in scene, or a still, which is the same at all times.

    draw: seconds since the start -> uint8 RGB (H, W, 3). It is asked ``fps`` times a second.
    """

    def __init__(self, name: str, draw: Callable[[float], Picture], fps: float, clock: Clock) -> None:
        self.name = name
        self._draw, self._clock = draw, clock
        self._start_ns = clock.now_ns()
        self._beat = Beat(fps, clock)

    def read(self) -> Frame | None:
        """What is to be seen now, when its next beat is due; None once closed."""
        if not self._beat.wait():
            return None
        now_ns = self._clock.now_ns()
        return Frame(self._draw((now_ns - self._start_ns) / 1e9), now_ns)

    def close(self) -> None:
        """Wake a waiting ``read``."""
        self._beat.close()


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

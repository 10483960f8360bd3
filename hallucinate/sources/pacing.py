"""When frames are due: a beat for what is drawn, a film's own timeline, and which frames of a fast film are used."""

from __future__ import annotations

import threading
from collections.abc import Callable

from hallucinate.clock import Clock
from hallucinate.frame import Frame, Picture
from hallucinate.sources import SourceStatistics


class Beat:
    """Waits for the next tick of ``fps`` per second. Who is late starts a new beat: ticks are never caught up."""

    def __init__(self, fps: float, clock: Clock) -> None:
        self._period_ns = round(1e9 / fps)
        self._clock, self._closing = clock, threading.Event()
        self._tick_ns = clock.now_ns() - self._period_ns  # the one before the first

    def set_fps(self, fps: float) -> None:
        """Tick at another rate, after a wait that has begun. May be called from any thread."""
        self._period_ns = round(1e9 / fps)

    def wait(self) -> bool:
        """Wait for the next tick; return whether the beat goes on."""
        due_ns = self._tick_ns + self._period_ns
        closed = self._clock.wait((due_ns - self._clock.now_ns()) / 1e9, self._closing)
        self._tick_ns = max(due_ns, self._clock.now_ns() - self._period_ns)
        return not closed

    def close(self) -> None:
        """End the beat, and wake who waits for it. May be called twice."""
        self._closing.set()


class Drawn:
    """A source whose pictures are a function of time: a built-in scene, or a still, which is the same at all times.

    draw: seconds since the start -> uint8 RGB (H, W, 3). It is called ``fps`` times a second.
    """

    def __init__(self, name: str, draw: Callable[[float], Picture], fps: float, clock: Clock) -> None:
        self.name = name
        self._draw, self._clock = draw, clock
        self._start_ns = clock.now_ns()
        self._beat = Beat(fps, clock)
        self._read = 0

    @property
    def statistics(self) -> SourceStatistics:
        """See Source. Nothing is drawn that is not handed over."""
        return SourceStatistics(self._read)

    def set_fps(self, fps: float) -> None:
        """Draw so many frames per second from now on."""
        self._beat.set_fps(fps)

    def read(self) -> Frame | None:
        """What is to be seen now, when its next beat is due; None once closed."""
        if not self._beat.wait():
            return None
        now_ns = self._clock.now_ns()
        self._read += 1
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

    def __init__(self, start_ns: int, longest_step_s: float = LONGEST_STEP_S) -> None:
        """longest_step_s: a longer step is no pause; of a film whose clock may start anew it is shorter."""
        self.due_ns, self._longest_step_s = start_ns, longest_step_s
        self._last_s: float | None = None
        self._duration_s = 0.0

    def place(self, time_s: float | None, duration_s: float) -> int:
        """When the next frame is due. A timestamp that is missing or jumps is replaced by the frame before's end."""
        step_s = self._duration_s
        if time_s is not None and self._last_s is not None and 0 < time_s - self._last_s <= self._longest_step_s:
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


class Decimator:
    """Which frames of a film are used, so that there are ``fps`` per second, evenly; of a slower film all are.

    ``skipped`` counts the others. Rates may be infinite: then every frame is used.
    """

    def __init__(self, fps: float) -> None:
        self.skipped = 0
        self._period_ns = round(1e9 / fps)
        self._next_ns: int | None = None

    def set_fps(self, fps: float) -> None:
        """Use so many frames per second from now on. May be called from any thread."""
        self._period_ns, self._next_ns = round(1e9 / fps), None

    def uses(self, due_ns: int, duration_s: float) -> bool:
        """Whether the frame that is due then, and is shown so long, is used. To be called once for each frame."""
        next_ns = self._next_ns if self._next_ns is not None else due_ns
        if due_ns + duration_s * 0.5e9 < next_ns:  # the next frame is at least as near to the tick
            self.skipped += 1
            return False
        # From the tick, so that the rate is exact; of a slower film, whose ticks stay behind, from the frame.
        self._next_ns = max(next_ns + self._period_ns, due_ns + self._period_ns // 2)
        return True

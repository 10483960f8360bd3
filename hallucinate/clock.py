"""Time as an argument: what needs the time takes a clock, so that tests never wait."""

import threading
import time
from typing import Protocol


class Clock(Protocol):
    """Monotonic time, and waiting that an event can cut short."""

    def now_ns(self) -> int:
        """Nanoseconds on a clock that never goes back."""
        ...

    def wait(self, seconds: float, until: threading.Event) -> bool:
        """Wait ``seconds``, or less if ``until`` is set; return whether it is set."""
        ...


class SystemClock:
    """The machine's own monotonic clock."""

    def now_ns(self) -> int:
        """``time.monotonic_ns``."""
        return time.monotonic_ns()

    def wait(self, seconds: float, until: threading.Event) -> bool:
        """Wait on the event itself, so that closing never takes as long as the wait."""
        return until.wait(max(0.0, seconds))

"""The reader's thread: opens a source, hands its frames over, and opens it again when it breaks."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from hallucinate.clock import Clock
from hallucinate.errors import SourceError
from hallucinate.frame import Frame
from hallucinate.plain_text import printable, without_secrets
from hallucinate.sources import Remarking, Source, SourceStatistics
from hallucinate.status import SourceStatus
from hallucinate.subscriber import Subscriber

log = logging.getLogger(__name__)

FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 8.0
JOIN_S = 2.0


def seconds_to_wait(failures: int) -> float:
    """How long to wait before trying again after ``failures`` ≥ 1 in a row: 0.5, 1, 2, 4, then always 8 s."""
    return float(min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** min(failures - 1, 10)))


class Reader:
    """Reads a source into a slot, on a thread of its own, until closed. Nothing that a source does ends it.

    ``open`` makes the source; it is called again after each failure. ``status`` is what goes on, ``status_text`` the
    same in words for a person; ``on_status`` is called with the words, on the reader's thread.
    """

    def __init__(
        self,
        open: Callable[[], Source],
        slot: Subscriber[Frame],
        clock: Clock,
        on_status: Callable[[str], None] = lambda status: None,
    ) -> None:
        self._open, self._slot, self._clock, self._on_status = open, slot, clock, on_status
        self.status, self.status_text = SourceStatus.OPENING, "opening the source"
        self._fps: float | None = None
        self._before = SourceStatistics()  # of the sources that were opened before this one
        self._failures = 0
        self._name = ""
        self._logged: str = ""
        self._source: Source | None = None
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="reader", daemon=True)

    def start(self) -> None:
        """Start the thread. Returns at once; the source is opened on the thread."""
        self._thread.start()

    @property
    def statistics(self) -> SourceStatistics:
        """What became of the frames of all sources that this reader has opened; those that broke included."""
        with self._lock:
            return self._before if self._source is None else self._before + self._source.statistics

    def set_fps(self, fps: float) -> None:
        """Have the source, and each that is opened after it, follow the dream's frame rate, in frames per second.

        May be called from any thread, and at every turn: only a change is passed on.
        """
        with self._lock:
            if fps == self._fps:
                return
            self._fps = fps
            if self._source is not None:
                self._source.set_fps(fps)

    def close(self) -> None:
        """Close the source and end the thread, within 2 s. May be called twice, or before ``start``."""
        self._closing.set()
        with self._lock:
            source = self._source
        if source is not None:
            source.close()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(JOIN_S)

    def _run(self) -> None:
        while not self._closing.is_set():
            try:
                self._read_until_it_breaks()
            except Exception as error:  # a source must not end the dream, whatever it raises
                if self._closing.is_set():
                    break
                self._failures += 1
                wait_s = seconds_to_wait(self._failures)
                text = self._in_words(error)
                again = f"trying again in {wait_s:g} s"
                words = f"{text} {again.capitalize()}" if text.endswith(("?", ".")) else f"{text}; {again}"
                self._say(SourceStatus.RECONNECTING, words)
                self._clock.wait(wait_s, self._closing)
        self._say(SourceStatus.CLOSED, "closed")

    def _read_until_it_breaks(self) -> None:
        source = self._open()
        try:
            with self._lock:
                self._source = source
                if self._fps is not None:
                    source.set_fps(self._fps)
            self._name = source.name
            opened, remark = True, ""
            while not self._closing.is_set():
                frame = source.read()
                if frame is None:
                    continue
                if opened:
                    words = f"{self._name} is back" if self._failures else f"reading {self._name}"
                    self._say(SourceStatus.LIVE, words)
                    opened, self._failures = False, 0
                if isinstance(source, Remarking) and source.remark != remark:
                    remark = source.remark
                    self._say(SourceStatus.LIVE, remark or f"reading {self._name}")
                self._slot.put(frame)
        finally:
            with self._lock:
                self._source = None
                self._before += source.statistics
            source.close()

    def _in_words(self, error: Exception) -> str:
        if isinstance(error, SourceError):
            text = str(error)
        else:
            text = without_secrets(printable(f"{type(error).__name__}: {error}"))
            if text != self._logged:  # once, not at every retry of a night
                log.debug("a source failed unexpectedly", exc_info=error)
                self._logged = text
        if self._name and self._name not in text:
            text = f"{self._name} is gone: {text}"
        return text

    def _say(self, status: SourceStatus, words: str) -> None:
        self.status, self.status_text = status, words
        self._on_status(words)

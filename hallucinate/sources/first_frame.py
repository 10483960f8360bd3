"""A source's first frame, read before anything is dreamed: where nobody chose a size, it says frames' shape."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace

from hallucinate.clock import Clock
from hallucinate.frame import Frame
from hallucinate.plain_text import printable, without_secrets
from hallucinate.sources import Remarking, Source, SourceStatistics
from hallucinate.sources.zoom import Zoom

log = logging.getLogger(__name__)

WITHIN_S = 5.0
"""How long the first frame may take: over a network, a connection and its first keyframe come before it."""

UNTIL_THEN = "the picture is %d×%d until the first frame comes, and has its shape then: %s"


class Opened:
    """A source of which the first frame has been read: it comes first, as if it had come just now."""

    def __init__(self, source: Source, first: Frame, clock: Clock) -> None:
        self.name = source.name
        self._source, self._clock = source, clock
        self._first: Frame | None = first

    @property
    def statistics(self) -> SourceStatistics:
        """See Source."""
        return self._source.statistics

    @property
    def remark(self) -> str:
        """See Remarking; "" for a source that has nothing to say."""
        return self._source.remark if isinstance(self._source, Remarking) else ""

    def set_fps(self, fps: float) -> None:
        """See Source."""
        self._source.set_fps(fps)

    def read(self) -> Frame | None:
        """See Source."""
        first, self._first = self._first, None
        return self._source.read() if first is None else replace(first, captured_ns=self._clock.now_ns())

    def close(self) -> None:
        """See Source."""
        self._source.close()


def begin(
    open_source: Callable[[], Source], clock: Clock, size: tuple[int, int]
) -> tuple[Callable[[], Source], tuple[int, int]]:
    """What opens the source each time, as ``open_source`` does, and its frames' (width, height) by the first frame.

    The source is opened now, and handed over by the first call. Where no frame comes within WITHIN_S, or the source
    breaks, the log says so, and the size is ``size`` until one comes.
    """
    source = open_source()
    if isinstance(source, Zoom):  # its next frame needs a dream of the first
        return starting_with(source, open_source), source.size
    try:
        first = _first(source, clock)
    except Exception as error:  # whatever a source raises: whoever reads it next opens it again, and says so
        source.close()
        log.warning(UNTIL_THEN, *size, without_secrets(printable(str(error))))
        return open_source, size
    if first is None:
        log.warning(UNTIL_THEN, *size, f"{source.name} has sent none in {WITHIN_S:g} s")
        return starting_with(source, open_source), size
    height, width = first.picture.shape[:2]
    return starting_with(Opened(source, first, clock), open_source), (width, height)


def _first(source: Source, clock: Clock) -> Frame | None:
    late_ns = clock.now_ns() + int(WITHIN_S * 1e9)
    while (frame := source.read()) is None and clock.now_ns() < late_ns:
        pass
    return frame


def starting_with(ready: Source, open_source: Callable[[], Source]) -> Callable[[], Source]:
    """What hands over a source that is open, and opens it each time after that."""
    waiting = [ready]
    return lambda: waiting.pop() if waiting else open_source()

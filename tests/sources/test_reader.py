from __future__ import annotations

import logging
import threading
from collections.abc import Callable

import numpy as np
import pytest

from hallucinate.errors import SourceError, SourceUnavailable
from hallucinate.frame import Frame
from hallucinate.sources import SourceStatistics
from hallucinate.sources.reader import Reader, seconds_to_wait
from hallucinate.status import SourceStatus
from hallucinate.subscriber import Subscriber
from tests.fakes import FakeClock

PICTURE = np.zeros((2, 2, 3), np.uint8)


class Scripted:
    """A source that plays its script, then blocks until it is closed."""

    name = "camera 0"

    def __init__(self, *script: object) -> None:
        self.script = list(script)
        self.closed = threading.Event()
        self.statistics = SourceStatistics()
        self.rates: list[float] = []

    def read(self) -> Frame | None:
        if not self.script:
            self.closed.wait(10)
            return None
        step = self.script.pop(0)
        if isinstance(step, Exception):
            raise step
        if isinstance(step, Frame):
            self.statistics += SourceStatistics(read=1, skipped=2, damaged=3)
            return step
        return None

    def set_fps(self, fps: float) -> None:
        self.rates.append(fps)

    def close(self) -> None:
        self.closed.set()


def frame(n: int) -> Frame:
    return Frame(PICTURE, n)


class Play:
    """Runs a reader over scripted sources (or errors that opening them raises) and records its statuses."""

    def __init__(self, *opens: Scripted | Exception) -> None:
        self.opens = list(opens)
        self.clock, self.slot = FakeClock(), Subscriber[Frame]()
        self.statuses: list[str] = []
        self.heard = threading.Condition()
        self.reader = Reader(self.open, self.slot, self.clock, self.hear)

    def open(self) -> Scripted:
        step = self.opens.pop(0)
        if isinstance(step, Exception):
            raise step
        return step

    def hear(self, status: str) -> None:
        with self.heard:
            self.statuses.append(status)
            self.heard.notify_all()

    def until(self, holds: Callable[[], bool]) -> None:
        with self.heard:
            assert self.heard.wait_for(holds, 5), self.statuses


def test_the_waits_grow_and_stay_bounded() -> None:
    assert [seconds_to_wait(n) for n in range(1, 8)] == [0.5, 1, 2, 4, 8, 8, 8]
    assert seconds_to_wait(10**9) == 8


def test_frames_come_through_and_are_counted() -> None:
    source = Scripted(frame(1), None, frame(2))
    play = Play(source)
    assert (play.reader.status, play.reader.status_text) == (SourceStatus.OPENING, "opening the source")
    play.reader.start()
    play.until(lambda: "reading camera 0" in play.statuses)
    assert play.reader.status is SourceStatus.LIVE
    while (taken := play.slot.take(1)) is not None and taken.captured_ns == 1:
        pass
    assert taken is not None
    assert taken.captured_ns == 2
    play.reader.close()
    assert play.reader.statistics == SourceStatistics(2, 4, 6)
    assert source.closed.is_set()
    assert play.statuses == ["reading camera 0", "closed"]
    assert not play.reader._thread.is_alive()
    play.reader.close()


class Remarked(Scripted):
    """Has something to say of each frame: the words that are its time's entry."""

    remarks = ("", "it looks frozen", "it looks frozen", "")

    @property
    def remark(self) -> str:
        return self.remarks[self.statistics.read - 1]


def test_what_a_source_remarks_is_its_status_as_long_as_it_holds() -> None:
    play = Play(Remarked(*map(frame, range(4))))
    play.reader.start()
    play.until(lambda: play.statuses.count("reading camera 0") == 2)
    assert play.statuses == ["reading camera 0", "it looks frozen", "reading camera 0"]
    assert play.reader.status is SourceStatus.LIVE
    play.reader.close()


def test_a_camera_that_fails_and_comes_back_is_reported_in_words() -> None:
    first = Scripted(frame(1), SourceError("camera 0 stopped delivering frames; is it unplugged?"))
    gone = SourceError("camera 0 did not open; is another program using it, or is it unplugged?")
    play = Play(first, gone, gone, Scripted(frame(2), SourceError("it ended")), Scripted(frame(3)))
    play.reader.start()
    play.until(lambda: play.statuses.count("camera 0 is back") == 2)
    play.reader.close()
    assert first.closed.is_set()
    assert play.statuses == [
        "reading camera 0",
        "camera 0 stopped delivering frames; is it unplugged? Trying again in 0.5 s",
        "camera 0 did not open; is another program using it, or is it unplugged? Trying again in 1 s",
        "camera 0 did not open; is another program using it, or is it unplugged? Trying again in 2 s",
        "camera 0 is back",
        "camera 0 is gone: it ended; trying again in 0.5 s",  # a good frame made it patient again
        "camera 0 is back",
        "closed",
    ]
    assert play.clock.waits == [0.5, 1, 2, 0.5]


def test_a_changed_rate_gets_to_the_source_and_to_those_opened_after_it() -> None:
    unplugged = SourceError("camera 0 stopped delivering frames")
    first, second = Scripted(frame(1), unplugged), Scripted(frame(2))
    play = Play(first, second)
    play.reader.set_fps(25)
    play.reader.start()
    play.until(lambda: "camera 0 is back" in play.statuses)
    play.reader.set_fps(25)
    play.reader.set_fps(12)
    play.reader.close()
    assert first.rates == [25]
    assert second.rates == [25, 12]
    assert play.reader.statistics == SourceStatistics(2, 4, 6)  # of both


def test_a_source_that_is_gone_has_a_status_of_its_own() -> None:
    play = Play(SourceError("gone"), Scripted(frame(1)))
    statuses: list[SourceStatus] = []

    def hear(words: str) -> None:
        statuses.append(play.reader.status)
        play.hear(words)

    play.reader._on_status = hear
    play.reader.start()
    play.until(lambda: len(statuses) == 2)
    play.reader.close()
    assert statuses == [SourceStatus.RECONNECTING, SourceStatus.LIVE, SourceStatus.CLOSED]


def test_whatever_a_source_raises_the_reader_lives_and_logs_it_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "hallucinate.sources.reader")
    broken = [Scripted(ValueError("bits fell out")) for _ in range(3)]
    play = Play(*broken, SourceUnavailable("no such file"), Scripted(frame(1)))
    play.reader.start()
    play.until(lambda: "camera 0 is back" in play.statuses)
    play.reader.close()
    assert play.statuses[0] == "camera 0 is gone: ValueError: bits fell out; trying again in 0.5 s"
    assert all(source.closed.is_set() for source in broken)
    assert len([record for record in caplog.records if record.exc_info]) == 1


def test_closing_while_it_waits_to_try_again_ends_it() -> None:
    class Stuck(FakeClock):
        def __init__(self) -> None:
            super().__init__()
            self.waiting = threading.Event()

        def wait(self, seconds: float, until: threading.Event) -> bool:
            self.waiting.set()
            return until.wait(10)

    clock = Stuck()

    def refuse() -> Scripted:
        raise SourceError("no")

    reader = Reader(refuse, Subscriber(), clock)
    reader.start()
    assert clock.waiting.wait(2)
    reader.close()
    assert not reader._thread.is_alive()
    assert reader.status is SourceStatus.CLOSED


def test_closing_before_the_start_is_allowed() -> None:
    Play().reader.close()

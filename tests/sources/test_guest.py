"""A guest's camera as a source: the newest frame, and nothing else."""

import threading

import numpy as np
import pytest

from hallucinate.frame import Frame
from hallucinate.sources import SourceStatistics, guest
from hallucinate.sources.guest import GuestSource


def frame(captured_ns: int) -> Frame:
    return Frame(np.zeros((2, 2, 3), np.uint8), captured_ns)


def test_the_newest_frame_wins_and_the_others_are_counted() -> None:
    source = GuestSource()
    for captured_ns in (1, 2, 3):
        source.put(frame(captured_ns))
    newest = source.read()
    assert newest is not None
    assert newest.captured_ns == 3
    source.skip()
    assert source.statistics == SourceStatistics(read=1, skipped=3)


def test_no_frame_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guest, "READ_WITHIN_S", 0.01)
    assert GuestSource().read() is None


def test_close_wakes_a_blocked_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guest, "READ_WITHIN_S", 60)
    source = GuestSource()
    read: list[Frame | None] = []
    reader = threading.Thread(target=lambda: read.append(source.read()))
    reader.start()
    source.close()
    source.close()
    reader.join(5)
    assert read == [None]

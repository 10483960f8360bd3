"""The first frame is read ahead: it says the size, comes all the same, and nothing that its source says is lost."""

from __future__ import annotations

import numpy as np
import pytest

from hallucinate.errors import SourceError
from hallucinate.frame import Frame
from hallucinate.sources import Remarking, Source, SourceStatistics
from hallucinate.sources.first_frame import begin
from hallucinate.sources.zoom import Zoom
from tests.fakes import FakeClock

SIZE = (640, 360)


class Portraits:
    """Delivers frames that are numbered by their grey; each wait for one takes a second."""

    def __init__(self, clock: FakeClock, silent: int = 0, error: Exception | None = None) -> None:
        self.name, self.remark, self.closed = "camera 0", "", False
        self.statistics, self.rates = SourceStatistics(skipped=3), list[float]()
        self._clock, self._silent, self._error, self._number = clock, silent, error, 0

    def set_fps(self, fps: float) -> None:
        self.rates.append(fps)

    def read(self) -> Frame | None:
        self._clock.advance(1)
        if self._error is not None:
            raise self._error
        self._silent -= 1
        if self._silent >= 0:
            return None
        self._number += 1
        return Frame(np.full((640, 360, 3), self._number, np.uint8), self._clock.now_ns())

    def close(self) -> None:
        self.closed = True


def test_the_first_frame_says_the_size_and_comes_as_if_just_now() -> None:
    clock = FakeClock()
    camera, again = Portraits(clock, silent=3), Portraits(clock)
    waiting = [camera, again]
    opens, size = begin(lambda: waiting.pop(0), clock, SIZE)
    assert size == (360, 640)
    clock.advance(30)  # a network is loaded
    source = opens()
    frames = [source.read(), source.read()]
    assert [int(frame.picture[0, 0, 0]) for frame in frames if frame] == [1, 2]
    assert frames[0] is not None
    assert frames[0].captured_ns >= clock.now_ns() - 10**9
    assert opens() is again


def test_what_its_source_has_to_say_is_heard() -> None:
    clock = FakeClock()
    camera = Portraits(clock)
    opens, _ = begin(lambda: camera, clock, SIZE)
    source = opens()
    source.set_fps(12)
    camera.remark = "camera 0 has sent the same picture for 10 s; is it frozen?"
    assert isinstance(source, Remarking)
    assert source.remark == camera.remark
    assert (source.name, source.statistics, camera.rates) == (camera.name, camera.statistics, [12])
    source.close()
    assert camera.closed


@pytest.mark.parametrize("error", [None, SourceError("camera 0 broke"), RuntimeError("C++ text")])
def test_without_a_first_frame_it_is_the_size_without_a_shape_and_the_log_says_so(
    error: Exception | None, caplog: pytest.LogCaptureFixture
) -> None:
    clock = FakeClock()
    began_ns = clock.now_ns()
    camera = Portraits(clock, silent=100, error=error)
    opens, size = begin(lambda: camera, clock, SIZE)
    assert size == SIZE
    assert opens() is camera
    assert (clock.now_ns() - began_ns) / 1e9 <= 6
    assert camera.closed == (error is not None)
    (message,) = caplog.messages
    assert "640×360" in message
    assert (str(error) if error else camera.name) in message


def test_the_endless_zoom_begins_with_its_own_first_frame() -> None:
    clock = FakeClock()

    def zoom() -> Source:
        return Zoom(None, (64, 48), 20, clock, lambda: None)

    opens, size = begin(zoom, clock, SIZE)
    source = opens()
    first = source.read()
    source.close()
    assert size == (64, 48)
    assert isinstance(source, Zoom)
    assert first is not None

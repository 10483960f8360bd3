"""Where nobody chose a size, frames have the source's own shape, and the first one says which."""

from __future__ import annotations

import logging
from fractions import Fraction
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from hallucinate.clock import SystemClock
from hallucinate.errors import SourceError
from hallucinate.frame import Frame, OutputFrame, Picture, own_size
from hallucinate.sources import SourceStatistics
from hallucinate.sources.address import Address
from hallucinate.sources.camera import Camera
from hallucinate.sources.film import Film
from hallucinate.sources.first_frame import WITHIN_S, begin
from hallucinate.sources.opening import open_source
from hallucinate.sources.zoom import Zoom
from tests.fakes import FakeClock
from tests.film.films import film
from tests.sources.test_address import serving
from tests.sources.test_camera import ScriptedCapture

BOUND = (640, 360)


def grey(width: int, height: int, level: int = 90) -> Picture:
    return np.full((height, width, 3), level, np.uint8)


@pytest.mark.parametrize(
    ("whole", "frames"),
    [
        ((1920, 1080), (640, 360)),
        ((640, 360), (640, 360)),
        ((854, 480), (640, 360)),
        ((1366, 768), (640, 360)),
        ((1080, 1920), (360, 640)),
        ((640, 480), (640, 480)),
        ((100, 100), (640, 640)),  # enlarged
        ((1080, 2340), (296, 640)),
        ((1, 1), (640, 640)),
        ((3, 1000), (64, 640)),
        ((2000, 2), (640, 64)),
    ],
)
def test_frames_have_the_sources_shape_even_bounded_and_never_too_thin(
    whole: tuple[int, int], frames: tuple[int, int]
) -> None:
    assert own_size(*whole) == frames


@pytest.mark.parametrize("size", [(1, 1), (3, 1000), (2000, 2), (360, 640), (333, 777)])
def test_a_picture_is_shown_whole(size: tuple[int, int], tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    cv2.imwrite(str(path), grey(*size))
    for spec in (str(path), f"zoom:{path}"):
        frame = open_source(spec, BOUND, 20, FakeClock(), own_shape=True).read()
        assert frame is not None
        assert frame.picture.shape[1::-1] == own_size(*size)
        cropped = open_source(spec, BOUND, 20, FakeClock()).read()
        assert cropped is not None
        assert cropped.picture.shape == (360, 640, 3)


@pytest.mark.parametrize(
    ("made", "frames"),
    [
        ({}, (640, 426)),
        ({"rotation": 90}, (426, 640)),  # as a phone writes it
        ({"rotation": 270}, (426, 640)),
        ({"rotation": 180}, (640, 426)),
        ({"aspect": Fraction(3, 4)}, (640, 568)),  # 72 × 64 with square pixels
        ({"aspect": Fraction(4, 3), "rotation": 90}, (320, 640)),
    ],
)
def test_a_film_is_shown_whole_upright_with_square_pixels(
    made: dict[str, Any], frames: tuple[int, int], tmp_path: Path
) -> None:
    path = film(tmp_path / "in.mp4", sound=None, **made)
    source = Film(path, *BOUND, FakeClock(), own_shape=True)
    frame = source.read()
    source.close()
    assert frame is not None
    assert frame.picture.shape == (frames[1], frames[0], 3)


def test_a_camera_is_requested_one_size_and_shown_in_the_shape_that_comes() -> None:
    capture = ScriptedCapture(1)  # it delivers 64 × 48
    source = Camera(0, *BOUND, 30, FakeClock(), lambda index: capture, own_shape=True)
    frame = source.read()
    source.close()
    assert frame is not None
    assert frame.picture.shape == (480, 640, 3)
    assert capture.requested[cv2.CAP_PROP_FRAME_WIDTH] == 640
    assert capture.requested[cv2.CAP_PROP_FRAME_HEIGHT] == 360


def turning(request: BaseHTTPRequestHandler) -> None:
    """A stream of pictures that is turned in the middle, as a phone is."""
    request.send_response(200)
    request.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
    request.end_headers()
    for size in [(96, 64)] * 40 + [(64, 96)] * 40:
        data = cv2.imencode(".jpg", grey(*size))[1].tobytes()
        request.wfile.write(b"--frame\r\nContent-Type: image/jpeg\r\n\r\n" + data + b"\r\n")


def test_a_stream_that_is_turned_stays_whole() -> None:
    with serving(turning) as url:
        source = Address(f"{url}/cam.mjpg", *BOUND, SystemClock(), own_shape=True)
        shapes: list[tuple[int, ...]] = []
        try:
            while not shapes or shapes[-1] != (640, 426, 3):
                frame = source.read()
                shapes += [frame.picture.shape] if frame is not None else []
        finally:
            source.close()
    assert set(shapes) <= {(426, 640, 3), (640, 426, 3)}


class Scripted:
    """A source that delivers these, one a second."""

    name = "scripted"
    statistics = SourceStatistics()

    def __init__(self, clock: FakeClock, *frames: Frame | Exception | None) -> None:
        self.clock, self.frames, self.closed, self.fps = clock, list(frames), False, 0.0

    def set_fps(self, fps: float) -> None:
        self.fps = fps

    def read(self) -> Frame | None:
        self.clock.advance(1)
        frame = self.frames.pop(0) if self.frames else None
        if isinstance(frame, Exception):
            raise frame
        return frame

    def close(self) -> None:
        self.closed = True


def test_the_first_frame_says_the_shape_and_is_not_lost() -> None:
    clock = FakeClock()
    first, second = (Frame(grey(360, 640, level), 0) for level in (10, 20))
    opened = [Scripted(clock, None, first, second), Scripted(clock)]
    opens, size = begin(iter(opened).__next__, clock, BOUND)
    assert size == (360, 640)
    clock.advance(60)  # a network is loaded meanwhile
    source = opens()
    read = [source.read(), source.read()]
    assert [frame and frame.picture[0, 0, 0] for frame in read] == [10, 20]
    assert read[0] is not None
    assert read[0].captured_ns > 60 * 10**9  # it comes now
    source.set_fps(7)
    assert opened[0].fps == 7
    source.close()
    assert opened[0].closed
    assert opens() is opened[1]


def test_a_source_that_is_silent_is_waited_for_so_long_and_not_opened_twice(caplog: pytest.LogCaptureFixture) -> None:
    clock = FakeClock(0)
    silent = Scripted(clock)
    opens, size = begin([silent].pop, clock, BOUND)
    assert size == BOUND
    assert WITHIN_S <= clock.now_ns() / 1e9 <= WITHIN_S + 1
    assert opens() is silent
    assert not silent.closed
    (line,) = caplog.messages
    assert "scripted" in line
    assert "640×360" in line


def test_a_source_that_breaks_at_once_is_opened_again_later(caplog: pytest.LogCaptureFixture) -> None:
    clock = FakeClock()
    broken, well = Scripted(clock, SourceError("cam did not open")), Scripted(clock)
    opens, size = begin(iter([broken, well]).__next__, clock, BOUND)
    assert size == BOUND
    assert broken.closed
    assert opens() is well
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "cam did not open" in caplog.text


def test_the_zooms_first_frame_is_left_to_whoever_dreams_it(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    cv2.imwrite(str(path), grey(100, 200))
    looked: list[OutputFrame | None] = []

    def latest() -> OutputFrame | None:
        looked.append(None)
        return None

    clock = FakeClock()
    opens, size = begin(lambda: Zoom(path, BOUND, 20, clock, latest, own_shape=True), clock, BOUND)
    assert size == (320, 640)
    assert looked == []
    assert opens().read() is not None

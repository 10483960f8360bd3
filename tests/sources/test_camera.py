from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from hallucinate.errors import SourceError
from hallucinate.sources.camera import Camera, camera_indexes, first_camera, quiet_opencv, to_rgb
from tests.fakes import FakeClock
from tests.refusals import refused


class ScriptedCapture:
    """A camera that delivers what its script says; after the script, ``then`` (a value, or a blocking read)."""

    def __init__(self, frames: int, opens: bool = True, hang: threading.Event | None = None) -> None:
        self.frames, self.opens, self.hang = frames, opens, hang
        self.released = threading.Event()
        self.requested: dict[int, float] = {}
        self.rates: list[float] = []

    def isOpened(self) -> bool:  # noqa: N802 - OpenCV's name
        return self.opens

    def read(self) -> tuple[bool, Any]:
        if self.frames > 0:
            self.frames -= 1
            return True, np.full((48, 64, 3), (255, 128, 0), np.uint8)  # BGR: a light blue
        if self.hang is not None:
            self.hang.wait(5)
        return False, None

    def set(self, prop: int, value: float) -> bool:
        self.requested[prop] = value
        if prop == cv2.CAP_PROP_FPS:
            self.rates.append(value)
        return True

    def release(self) -> None:
        self.released.set()


def camera(capture: ScriptedCapture, clock: FakeClock, size: tuple[int, int] = (32, 24)) -> Camera:
    return Camera(3, *size, 30, clock, lambda index: capture, patience_s=0.05)


def until_error(read: Callable[[], object]) -> SourceError:
    try:
        for _ in range(100):
            read()
    except SourceError as error:
        return error
    pytest.fail("no error came")


def test_frames_are_rgb_of_the_frames_size_and_have_their_time() -> None:
    clock, capture = FakeClock(), ScriptedCapture(10**6)
    source = camera(capture, clock)
    frame = source.read()
    source.close()
    assert frame is not None
    assert frame.picture.shape == (24, 32, 3)
    assert tuple(frame.picture[0, 0]) == (0, 128, 255)
    assert frame.captured_ns == clock.now_ns()
    assert source.name == "camera 3"
    assert capture.released.wait(1)
    assert capture.requested[cv2.CAP_PROP_BUFFERSIZE] == 1
    assert cv2.CAP_PROP_FOURCC not in capture.requested


def test_a_changed_rate_is_requested_of_the_open_camera() -> None:
    capture = ScriptedCapture(10**6)
    source = camera(capture, FakeClock())
    assert source.read() is not None
    source.set_fps(12)
    while capture.rates != [30, 12]:
        assert source.read() is not None
    source.close()
    statistics = source.statistics
    assert statistics.read >= 1
    assert statistics.read + statistics.skipped <= 10**6 - capture.frames  # the last one may still be waiting


def test_large_pictures_are_requested_compressed() -> None:
    capture = ScriptedCapture(1)
    source = camera(capture, FakeClock(), (1280, 720))
    until_error(source.read)
    source.close()
    assert capture.requested[cv2.CAP_PROP_FOURCC] == cv2.VideoWriter.fourcc(*"MJPG")
    assert capture.requested[cv2.CAP_PROP_FRAME_WIDTH] == 1280


def test_a_camera_that_does_not_open_is_named() -> None:
    capture = ScriptedCapture(0, opens=False)
    source = camera(capture, FakeClock())
    error = until_error(source.read)
    source.close()
    assert "camera 3" in str(error)
    assert capture.released.is_set()


def test_a_camera_that_fails_mid_stream_is_an_error_and_is_released() -> None:
    capture = ScriptedCapture(3)
    source = camera(capture, FakeClock())
    assert "camera 3" in str(until_error(source.read))
    source.close()
    assert capture.released.wait(1)


def test_a_camera_that_hangs_is_an_error_after_two_seconds_and_close_does_not_wait_for_it() -> None:
    clock, hang = FakeClock(), threading.Event()
    capture = ScriptedCapture(1, hang=hang)
    source = camera(capture, clock)
    assert source.read() is not None
    clock.advance(1.5)
    assert source.read() is None
    clock.advance(0.6)
    with refused("source_failed", "camera 3"):
        source.read()
    source.close()
    assert source.read() is None
    assert not capture.released.is_set()
    hang.set()  # the driver returns at last: the thread lets go by itself
    assert capture.released.wait(2)


def test_close_wakes_a_blocked_read() -> None:
    hang = threading.Event()
    source = Camera(0, 32, 24, 30, FakeClock(), lambda index: ScriptedCapture(0, hang=hang), patience_s=20)
    reading = threading.Thread(target=source.read)
    reading.start()
    source.close()
    reading.join(1)
    assert not reading.is_alive()
    hang.set()


def test_the_first_camera_is_the_first_that_opens() -> None:
    captures = {0: ScriptedCapture(0, opens=False), 1: ScriptedCapture(1), 2: ScriptedCapture(1)}
    assert first_camera([0, 1, 2], captures.__getitem__) == 1
    assert captures[0].released.is_set()
    assert captures[1].released.is_set()
    assert first_camera([], captures.__getitem__) is None
    assert first_camera([0], captures.__getitem__) is None


def test_indexes_are_read_from_the_device_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("video10", "video2", "video-x", "videodev"):
        (tmp_path / name).touch()
    monkeypatch.setattr("sys.platform", "linux")
    assert camera_indexes(tmp_path) == [2, 10]
    monkeypatch.setattr("sys.platform", "darwin")
    assert camera_indexes(tmp_path) == [0, 1, 2, 3]


def test_opencv_says_nothing_of_its_own_when_no_camera_is_there(capfd: pytest.CaptureFixture[str]) -> None:
    before = getattr(cv2.utils, "logging", cv2).getLogLevel()
    assert first_camera([97]) is None
    assert capfd.readouterr().err == ""
    assert getattr(cv2.utils, "logging", cv2).getLogLevel() == before
    with quiet_opencv(), quiet_opencv():  # two cameras may be tried at a time
        assert getattr(cv2.utils, "logging", cv2).getLogLevel() == 0
    assert getattr(cv2.utils, "logging", cv2).getLogLevel() == before


@pytest.mark.parametrize("shape", [(4, 4), (4, 4, 1), (4, 4, 3), (4, 4, 4)])
def test_whatever_a_camera_delivers_becomes_rgb(shape: tuple[int, ...]) -> None:
    assert to_rgb(np.zeros(shape, np.uint8)).shape == (4, 4, 3)

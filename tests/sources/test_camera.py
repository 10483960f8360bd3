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
    capture = ScriptedCapture(0, hang=hang)
    source = Camera(0, 32, 24, 30, FakeClock(), lambda index: capture, patience_s=20)
    reading = threading.Thread(target=source.read)
    reading.start()
    source.close()
    reading.join(1)
    assert not reading.is_alive()
    hang.set()
    assert capture.released.wait(2)


class PassingClock(FakeClock):
    """Each look at it takes a tenth of a second."""

    def now_ns(self) -> int:
        self.advance(0.1)
        return super().now_ns()


class Delivering:
    """A camera whose reads return, or raise, what ``script`` yields, by their number; nothing stops it."""

    def __init__(self, script: Callable[[int], object]) -> None:
        self.script, self.reads = script, 0
        self.released = threading.Event()
        self.requested: list[tuple[int, float]] = []

    def isOpened(self) -> bool:  # noqa: N802 - OpenCV's name
        return True

    def read(self) -> Any:
        self.reads += 1
        raw = self.script(self.reads)
        if isinstance(raw, Exception):
            raise raw
        return True, raw

    def set(self, prop: int, value: float) -> bool:
        self.requested.append((prop, value))
        return True

    def release(self) -> None:
        self.released.set()


COLOURED = np.dstack([np.full((24, 32), value, np.uint8) for value in (255, 128, 0)])
CPP = "OpenCV(5.0.0) /io/opencv/modules/videoio/src/cap_v4l.cpp:1:\nerror: (-215:Assertion failed)\n"
SIZE = (32, 24)


def first_of(*captures: Any) -> tuple[int | None, str]:
    """Which is the first camera of these, and what is said of those before it."""
    found, faults = first_camera(
        SIZE, 30, PassingClock(), indexes=list(range(len(captures))), factory=captures.__getitem__
    )
    if found is not None:
        assert found.read() is not None
        found.close()
    assert "\n" not in faults
    return None if found is None else found.index, faults


def test_the_first_camera_is_the_first_that_delivers_and_is_handed_on_open() -> None:
    captures = [ScriptedCapture(0, opens=False), ScriptedCapture(10**6), ScriptedCapture(10**6)]
    assert first_of(*captures) == (1, "camera 0 did not open")
    assert captures[0].released.is_set()
    assert captures[1].released.wait(1)
    assert captures[2].requested == {}
    assert first_of() == (None, "")
    assert first_of(ScriptedCapture(0, opens=False)) == (None, "camera 0 did not open")


def test_a_camera_that_hangs_is_passed_over_and_the_start_does_not_wait_for_it() -> None:
    hang = threading.Event()
    silent = ScriptedCapture(0, hang=hang)
    assert first_of(silent, ScriptedCapture(10**6)) == (1, "camera 0 opened and delivered no frame within 2 s")
    hang.set()
    assert silent.released.wait(2)


def test_a_camera_that_is_merely_slow_is_not_lost_where_there_is_no_other() -> None:
    hang = threading.Event()
    captures = [ScriptedCapture(0, hang=hang), ScriptedCapture(0, opens=False), ScriptedCapture(10**6)]
    opened = iter(captures)  # camera 0, camera 1, and camera 0 once more
    found, faults = first_camera(SIZE, 30, PassingClock(), indexes=[0, 1], factory=lambda index: next(opened))
    hang.set()
    assert found is not None
    assert (found.index, faults) == (0, "camera 1 did not open")
    found.close()
    assert captures[0].released.wait(2)


def test_where_no_camera_delivers_the_last_word_is_of_the_longer_wait() -> None:
    hang = threading.Event()
    faults = first_of(ScriptedCapture(0, hang=hang))
    hang.set()
    assert faults == (None, "camera 0 opened and delivered no frame within 8 s")


def test_a_driver_that_hangs_while_it_opens_is_passed_over() -> None:
    hang, opened = threading.Event(), ScriptedCapture(10**6)

    def factory(index: int) -> ScriptedCapture:
        if index == 0:
            hang.wait(5)
        return opened

    found, faults = first_camera(SIZE, 30, PassingClock(), indexes=[0, 1], factory=factory)
    assert (found and found.index, faults) == (1, "camera 0 did not open")
    hang.set()
    assert found is not None
    found.close()


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (np.zeros((0, 0, 3), np.uint8), "delivers empty pictures"),
        (None, "opened and delivered no frame within 2 s"),
        (cv2.error(CPP), "opened and delivered no frame within 2 s"),
        (np.zeros((24, 32, 5), np.uint8), "5 channels"),
    ],
)
def test_a_useless_camera_is_passed_over_in_words(raw: object, words: str) -> None:
    found, faults = first_of(Delivering(lambda n: raw), ScriptedCapture(10**6))
    assert found == 1
    assert faults.startswith("camera 0 ")
    assert words in faults
    assert "OpenCV" not in faults


def test_a_camera_that_warms_up_by_misses_counts() -> None:
    warm = Delivering(lambda n: COLOURED if n > 30 else None)  # after a second and a half
    found, faults = first_camera(SIZE, 30, FakeClock(), indexes=[0], factory=lambda index: warm)
    assert faults == ""
    assert found is not None
    found.close()


def test_many_devices_that_do_not_open_are_counted_not_listed() -> None:
    shut = [ScriptedCapture(0, opens=False) for _ in range(12)]
    assert first_of(*shut) == (None, "cameras 0, 1, 2 and 9 more did not open")


def test_a_driver_that_raises_at_every_call_is_words() -> None:
    class Raising(Delivering):
        def isOpened(self) -> bool:  # noqa: N802
            raise cv2.error(CPP)

        def release(self) -> None:
            raise cv2.error(CPP)

    def factory(index: int) -> Any:
        raise RuntimeError(CPP)

    assert first_of(Raising(lambda n: None)) == (None, "camera 0 did not open")
    assert first_camera(SIZE, 30, FakeClock(), indexes=[7], factory=factory) == (None, "camera 7 did not open")

    class Unsettable(Delivering):
        def set(self, prop: int, value: float) -> bool:
            raise cv2.error(CPP)

    assert first_of(Unsettable(lambda n: COLOURED)) == (0, "")


def test_a_named_camera_may_take_longer() -> None:
    hang, clock = threading.Event(), FakeClock()
    source = camera(ScriptedCapture(0, hang=hang), clock)
    while not source.opened:
        assert source.read() is None
    clock.advance(7.5)
    assert source.read() is None
    clock.advance(0.6)
    with refused("source_failed", "camera 3 opened and delivered no frame within 8 s"):
        source.read()
    source.close()
    hang.set()


def test_an_open_camera_delivers_another_size_when_that_is_chosen() -> None:
    capture = Delivering(lambda n: COLOURED)
    source = Camera(0, *SIZE, 30, FakeClock(), lambda index: capture)
    assert source.first_frame_fault() == ""
    source.frames_of((64, 64), None)
    frame = source.read()
    assert frame is not None
    assert frame.picture.shape == (64, 64, 3)
    while (cv2.CAP_PROP_FRAME_WIDTH, 64) not in capture.requested:
        assert source.read() is not None
    source.close()
    assert capture.requested.count((cv2.CAP_PROP_BUFFERSIZE, 1)) == 1
    assert capture.requested.count((cv2.CAP_PROP_FPS, 30)) == 1


def test_a_picture_that_cannot_be_used_is_a_miss_and_the_next_one_is_read() -> None:
    source = Camera(3, *SIZE, 30, FakeClock(), lambda index: Delivering(lambda n: COLOURED if n % 3 == 0 else "no"))
    for _ in range(20):
        assert source.read() is not None
    source.close()
    once = Camera(3, *SIZE, 30, FakeClock(), lambda index: Delivering(lambda n: COLOURED if n == 1 else [[1]]))
    assert "camera 3 delivers no pictures, but list; is another program" in str(until_error(once.read))
    once.close()


def test_a_size_that_changes_midway_changes_nothing() -> None:
    sizes = [(24, 32, 3), (480, 270, 3), (17, 1001), (2160, 3840, 3)]
    source = Camera(3, *SIZE, 30, FakeClock(), lambda index: Delivering(lambda n: np.zeros(sizes[n % 4], np.uint8)))
    for _ in range(12):
        frame = source.read()
        assert frame is not None
        assert frame.picture.shape == (24, 32, 3)
    source.close()


def test_a_frozen_camera_is_remarked_on_and_goes_on() -> None:
    clock, moves = FakeClock(), threading.Event()
    buffer = COLOURED.copy()  # one memory for all pictures, as some drivers have it

    def picture(n: int) -> object:
        if moves.is_set():
            buffer[:] = n % 250
        return buffer

    source = Camera(3, *SIZE, 30, clock, lambda index: Delivering(picture))
    assert source.read() is not None
    clock.advance(9.9)
    for _ in range(3):
        assert source.read() is not None
    assert source.remark == ""
    clock.advance(0.2)
    while not source.remark:
        assert source.read() is not None
    assert source.remark == "camera 3 has sent the same picture for 10 s; is it frozen?"
    moves.set()
    while source.remark:
        assert source.read() is not None
    source.close()


def test_indexes_are_read_from_the_device_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("video10", "video2", "video-x", "videodev"):
        (tmp_path / name).touch()
    monkeypatch.setattr("sys.platform", "linux")
    assert camera_indexes(tmp_path) == [2, 10]
    monkeypatch.setattr("sys.platform", "darwin")
    assert camera_indexes(tmp_path) == [0, 1, 2, 3]


def test_opencv_says_nothing_of_its_own_when_no_camera_is_there(capfd: pytest.CaptureFixture[str]) -> None:
    before = getattr(cv2.utils, "logging", cv2).getLogLevel()
    assert first_camera(SIZE, 30, FakeClock(), indexes=[97]) == (None, "camera 97 did not open")
    assert capfd.readouterr().err == ""
    assert getattr(cv2.utils, "logging", cv2).getLogLevel() == before
    with quiet_opencv(), quiet_opencv():  # two cameras may be tried at a time
        assert getattr(cv2.utils, "logging", cv2).getLogLevel() == 0
    assert getattr(cv2.utils, "logging", cv2).getLogLevel() == before


@pytest.mark.parametrize("shape", [(4, 4), (4, 4, 1), (4, 4, 3), (4, 4, 4)])
def test_whatever_a_camera_delivers_becomes_rgb(shape: tuple[int, ...]) -> None:
    assert to_rgb(np.zeros(shape, np.uint8)).shape == (4, 4, 3)

"""A camera at this machine, by OpenCV: always its newest frame, and an error when it is gone."""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np

from hallucinate.clock import Clock
from hallucinate.errors import LensError, PanoramaError, SourceError
from hallucinate.frame import Frame, Picture
from hallucinate.panorama.fitting import Fitting, fitted
from hallucinate.sources import SourceStatistics
from hallucinate.sources.pump import Pump

PATIENCE_S = 1.0  # how long one read waits before it returns None
SILENCE_S = 2.0  # a camera that was alive and is silent for this long is gone
WARM_UP_S = 8.0  # opening a USB camera and its first exposure take seconds
MISSES = 10  # reads in a row that fail at once: what V4L2 does when the plug is pulled
MISS_WAIT_S = 0.05


class Capture(Protocol):
    """The part of ``cv2.VideoCapture`` that is used here; tests script one."""

    def isOpened(self) -> bool:  # noqa: N802 - OpenCV's name
        """Whether the device is open."""
        ...

    def read(self) -> tuple[bool, Any]:
        """Whether a frame came, and the frame: uint8 BGR (H, W, 3)."""
        ...

    def set(self, prop: int, value: float) -> bool:
        """Request a property; drivers are free to ignore it."""
        ...

    def release(self) -> None:
        """Release the device."""
        ...


OpenCapture = Callable[[int], Capture]

SILENT = 0
"""OpenCV's LOG_LEVEL_SILENT."""

_quiet_lock = threading.Lock()
_quiet_users: list[int] = []  # the level to go back to, once for each who wants quiet


@contextmanager
def quiet_opencv() -> Iterator[None]:
    """Keep OpenCV from writing its own warnings to stderr while a camera is tried: our own error says it in one line.

    The level is global to the process, and the environment variable is read only once, at import.
    """
    log = getattr(cv2.utils, "logging", cv2)  # OpenCV 4 has the same two functions in cv2 itself
    with _quiet_lock:  # held only here: a driver that hangs must not keep others from opening a picture
        _quiet_users.append(_quiet_users[0] if _quiet_users else log.getLogLevel())
        log.setLogLevel(SILENT)
    try:
        yield
    finally:
        with _quiet_lock:
            before = _quiet_users.pop()
            if not _quiet_users:
                log.setLogLevel(before)


def open_capture(index: int) -> Capture:
    """OpenCV's capture by the platform's own interface; ``isOpened`` says whether it worked."""
    backends = {"linux": cv2.CAP_V4L2, "darwin": cv2.CAP_AVFOUNDATION, "win32": cv2.CAP_DSHOW}
    capture: Capture = cv2.VideoCapture(index, backends.get(sys.platform, cv2.CAP_ANY))
    return capture


def camera_indexes(dev: Path = Path("/dev")) -> list[int]:
    """The indexes worth trying: on Linux the video devices that exist, elsewhere the first four."""
    if not sys.platform.startswith("linux"):
        return [0, 1, 2, 3]
    names = (re.fullmatch(r"video(\d+)", path.name) for path in dev.glob("video*"))
    return sorted(int(match[1]) for match in names if match)


def first_camera(indexes: list[int] | None = None, factory: OpenCapture = open_capture) -> int | None:
    """The index of the first camera that opens, or None. Instant where there is no device at all.

    A webcam has a second device node for its metadata, which exists but does not open: hence the trying.
    """
    for index in camera_indexes() if indexes is None else indexes:
        with quiet_opencv():
            capture = factory(index)
            try:
                if capture.isOpened():
                    return index
            finally:
                capture.release()
    return None


class Camera:
    """A local camera. Opened and read on a thread of its own, because a driver's read cannot be woken."""

    def __init__(
        self,
        index: int,
        width: int,
        height: int,
        fps: float,
        clock: Clock,
        factory: OpenCapture = open_capture,
        patience_s: float = PATIENCE_S,
        panorama: Fitting | None = None,
        own_shape: bool = False,
    ) -> None:
        """own_shape: as for ``fitted``; the size is requested of the camera, and what comes has the shape it has."""
        self.name = f"camera {index}"
        self._index, self._width, self._height, self._fps = index, width, height, fps
        self._clock, self._factory, self._patience_s, self._panorama = clock, factory, patience_s, panorama
        self._own_shape = own_shape
        self._alive_ns = clock.now_ns()
        self._silence_s = WARM_UP_S
        self._closed, self._read = False, 0
        self._pump: Pump[tuple[Picture, int]] = Pump(self.name, self._frames)

    @property
    def statistics(self) -> SourceStatistics:
        """See Source. Skipped are frames that a newer one overwrote before they were read."""
        return SourceStatistics(self._read, self._pump.dropped)

    def set_fps(self, fps: float) -> None:
        """Request another rate from the camera, before its next frame. Drivers are free to ignore it."""
        self._fps = fps

    def read(self) -> Frame | None:
        """The newest frame, RGB, at the frames' size; None when none came for a second.

        Raises SourceError when the camera did not open, failed, or fell silent for 2 s.
        """
        newest = self._pump.take(self._patience_s)
        now_ns = self._clock.now_ns()
        if newest is None:
            if not self._closed and (now_ns - self._alive_ns) / 1e9 >= self._silence_s:
                raise SourceError(
                    f"{self.name} is open but delivers no frames; is another program using it, or is it unplugged?"
                )
            return None
        self._alive_ns, self._silence_s = now_ns, SILENCE_S
        picture, captured_ns = newest
        try:
            frame = fitted(picture, self._width, self._height, self._panorama, self._own_shape)
        except (PanoramaError, LensError) as error:
            raise SourceError(f"{self.name}: {error}") from None
        self._read += 1
        return Frame(to_rgb(frame), captured_ns)

    def close(self) -> None:
        """Release the camera, at once or as soon as the driver returns."""
        self._closed = True
        self._pump.close()

    def _frames(self, closing: threading.Event) -> Generator[tuple[Picture, int], None, None]:
        with quiet_opencv():
            capture = self._factory(self._index)
        try:
            if not capture.isOpened():
                raise SourceError(f"{self.name} did not open; is another program using it, or is it unplugged?")
            fps = self._request(capture)
            misses = 0
            while not closing.is_set():
                if self._fps != fps:  # here, because a capture belongs to one thread
                    fps = self._fps
                    capture.set(cv2.CAP_PROP_FPS, fps)
                ok, picture = capture.read()
                if ok and picture is not None:
                    misses = 0
                    yield picture, self._clock.now_ns()
                    continue
                misses += 1
                if misses >= MISSES:
                    raise SourceError(f"{self.name} stopped delivering frames; is it unplugged?")
                self._clock.wait(MISS_WAIT_S, closing)
        finally:
            capture.release()

    def _request(self, capture: Capture) -> float:
        """Request size, rate and a short queue of an open camera; returns the rate, in frames per second."""
        fps = self._fps
        width, height = (self._width, self._height) if self._panorama is None else self._panorama.camera_size
        if width * height > 640 * 480:
            # Raw YUYV above VGA does not fit through USB 2 at 30 frames per second; compressed it does.
            capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
        capture.set(cv2.CAP_PROP_FRAME_WIDTH, width)
        capture.set(cv2.CAP_PROP_FRAME_HEIGHT, height)
        capture.set(cv2.CAP_PROP_FPS, fps)
        capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)  # a driver's queue would only add delay
        return fps


def to_rgb(picture: Picture) -> Picture:
    """uint8 BGR (H, W, 3), BGRA (H, W, 4) or grey (H, W) -> uint8 RGB (H, W, 3)."""
    if picture.ndim == 2 or picture.shape[2] == 1:
        code = cv2.COLOR_GRAY2RGB
    else:
        code = cv2.COLOR_BGR2RGB if picture.shape[2] == 3 else cv2.COLOR_BGRA2RGB
    return np.asarray(cv2.cvtColor(picture, code), np.uint8)

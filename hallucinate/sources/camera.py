"""A camera at this machine, by OpenCV: the first that delivers, its newest frame, and an error when it is gone."""

from __future__ import annotations

import logging
import re
import sys
import threading
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypeVar

import cv2
import numpy as np

from hallucinate.clock import Clock
from hallucinate.errors import LensError, PanoramaError, SourceError
from hallucinate.frame import Frame, Picture
from hallucinate.panorama.fitting import Fitting, fitted
from hallucinate.sources import SourceStatistics
from hallucinate.sources.pump import Pump
from hallucinate.sources.raw_pictures import RawPictures, Unchanged

log = logging.getLogger(__name__)

PATIENCE_S = 1.0  # how long one read waits before it returns None
SILENCE_S = 2.0  # a camera that was alive and is silent for this long is gone
WARM_UP_S = 8.0  # that was named: opening a USB camera, and then its first exposure, may take seconds each
PROBE_OPEN_S, PROBE_S = 4.0, 2.0  # that nobody named: to open, and then to its first frame; the next one is tried
PROBE_TURN_S = 0.1  # how often it is looked at meanwhile
MISSES = 10  # reads in a row that fail at once: what V4L2 does when the plug is pulled
MISS_WAIT_S = 0.05
FROZEN_S = 10.0  # the same picture for this long is remarked on
FIX = "is another program using it, or is it unplugged?"


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


T = TypeVar("T")

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


class Camera:
    """A local camera. Opened and read on a thread of its own, because a driver's read cannot be woken.

    index: the system's number of it. width, height, panorama, own_shape: as in ``frames_of``. fps: as in
    ``Source.set_fps``. open_s, first_frame_s: how long it may take to open, and from then to its first frame, in
    seconds.
    """

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
        open_s: float = WARM_UP_S,
        first_frame_s: float = WARM_UP_S,
        own_shape: bool = False,
    ) -> None:
        self.name, self.index = f"camera {index}", index
        self.remark = ""
        self._size, self._fps, self._panorama, self._own_shape = (width, height), fps, panorama, own_shape
        self._clock, self._factory, self._patience_s = clock, factory, patience_s
        self._open_s, self._first_frame_s = open_s, first_frame_s
        self._made_ns = clock.now_ns()
        self._opened_ns: int | None = None
        self._alive_ns: int | None = None
        self._closed, self._read = False, 0
        self._pump: Pump[tuple[Picture, int, int]] = Pump(self.name, self._pictures_of_the_device)

    @property
    def opened(self) -> bool:
        """Whether the device opened; it may still deliver nothing."""
        return self._opened_ns is not None

    @property
    def statistics(self) -> SourceStatistics:
        """See Source. Skipped are frames that a newer one overwrote before they were read."""
        return SourceStatistics(self._read, self._pump.dropped)

    def set_fps(self, fps: float) -> None:
        """Request another rate from the camera, before its next frame. Drivers are free to ignore it."""
        self._fps = fps

    def frames_of(self, size: tuple[int, int], panorama: Fitting | None, own_shape: bool = False) -> None:
        """From the next ``read`` on, deliver frames of ``size`` = (width, height); of a panorama, where it is one.

        own_shape: as for ``fitted``; the size is requested of the camera, and what comes has the shape it has.
        The camera is requested to deliver what fits. To be called on the thread that reads, or before.
        """
        self._size, self._panorama, self._own_shape = size, panorama, own_shape

    def first_frame_fault(self) -> str:
        """Wait for its first frame, and let it go: "" when it came, otherwise what is wrong, in words."""
        try:
            while not self._closed and self._newest(PROBE_TURN_S) is None:
                pass
        except SourceError as error:
            return str(error)
        return ""

    def read(self) -> Frame | None:
        """The newest frame, RGB, at the frames' size; None when none came for a second.

        Raises SourceError when the camera did not open, failed, delivers what is no picture, or fell silent for 2 s.
        """
        try:
            newest = self._newest(self._patience_s)
        except SourceError as error:
            raise SourceError(f"{error}; {FIX}") from None
        if newest is None:
            return None
        picture, captured_ns, same_since_ns = newest
        frozen = captured_ns - same_since_ns >= FROZEN_S * 1e9
        self.remark = f"{self.name} has sent the same picture for {FROZEN_S:g} s; is it frozen?" if frozen else ""
        try:
            frame = fitted(picture, *self._size, self._panorama, self._own_shape)
        except (PanoramaError, LensError) as error:
            raise SourceError(f"{self.name}: {error}") from None
        self._read += 1
        return Frame(to_rgb(frame), captured_ns)

    def close(self) -> None:
        """Release the camera, at once or as soon as the driver returns."""
        self._closed = True
        self._pump.close()

    def _newest(self, patience_s: float) -> tuple[Picture, int, int] | None:
        """The newest picture, uint8 BGR (H, W, 3), when it came, and since when it is the same; None when none came.

        Raises SourceError, without what to do about it.
        """
        newest = self._pump.take(patience_s)
        now_ns = self._clock.now_ns()
        if newest is not None:
            self._alive_ns = now_ns
        elif not self._closed:
            since_ns, most_s, words = self._patience()
            if (now_ns - since_ns) / 1e9 >= most_s:
                raise SourceError(f"{self.name} {words} {most_s:g} s")
        return newest

    def _patience(self) -> tuple[int, float, str]:
        """Since when it is silent, how long it may be, and what to say beyond that, before the seconds."""
        if self._alive_ns is not None:
            return self._alive_ns, SILENCE_S, "is open and has delivered no frame for"
        if self._opened_ns is not None:
            return self._opened_ns, self._first_frame_s, "opened and delivered no frame within"
        return self._made_ns, self._open_s, "did not open within"

    def _pictures_of_the_device(self, closing: threading.Event) -> Generator[tuple[Picture, int, int], None, None]:
        with quiet_opencv():  # as long as it is open: OpenCV writes of a driver that times out, too
            capture = _tried(partial(self._factory, self.index))
            if capture is None:
                raise SourceError(f"{self.name} did not open")
            try:
                if not _tried(capture.isOpened):
                    raise SourceError(f"{self.name} did not open")
                yield from self._pictures(capture, closing)
            finally:
                _tried(capture.release)

    def _pictures(self, capture: Capture, closing: threading.Event) -> Generator[tuple[Picture, int, int], None, None]:
        """uint8 BGR (H, W, 3), when it came, and since when it is the same. Raises SourceError after MISSES."""
        requested = self._request(capture, None)
        raw_pictures, unchanged = RawPictures(), Unchanged()
        self._opened_ns = self._clock.now_ns()
        misses, came = 0, False
        while not closing.is_set():
            requested = self._request(capture, requested)  # here, because a capture belongs to one thread
            raw = _delivered(capture)
            now_ns, fault = self._clock.now_ns(), ""
            if raw is not None:
                try:
                    picture = raw_pictures.bgr(raw, now_ns)
                    same_since_ns = unchanged.since_ns(np.asarray(raw), now_ns)
                except SourceError as error:
                    fault = str(error)
                else:
                    misses, came = 0, True
                    yield picture, now_ns, same_since_ns
                    continue
            misses += 1
            if misses >= MISSES and (came or now_ns - self._opened_ns >= PROBE_S * 1e9):
                before = "stopped delivering frames" if came else f"opened and delivered no frame within {PROBE_S:g} s"
                raise SourceError(f"{self.name} {fault or before}")
            self._clock.wait(MISS_WAIT_S, closing)

    def _request(self, capture: Capture, before: tuple[int, int, float] | None) -> tuple[int, int, float]:
        """Request of an open camera what was not requested ``before``: width, height, frames per second.

        At first a short queue too. Returns what is requested now.
        """
        panorama, fps = self._panorama, self._fps
        width, height = self._size if panorama is None else panorama.camera_size
        wanted: dict[int, float] = {}
        if before is None or before[:2] != (width, height):
            if width * height > 640 * 480:
                # Raw YUYV above VGA does not fit through USB 2 at 30 frames per second; compressed it does.
                wanted[cv2.CAP_PROP_FOURCC] = cv2.VideoWriter.fourcc(*"MJPG")
            wanted |= {cv2.CAP_PROP_FRAME_WIDTH: width, cv2.CAP_PROP_FRAME_HEIGHT: height}
        if before is None or before[2] != fps:
            wanted[cv2.CAP_PROP_FPS] = fps
        if before is None:
            wanted[cv2.CAP_PROP_BUFFERSIZE] = 1  # a driver's queue would only add delay
        for prop, value in wanted.items():
            _tried(partial(capture.set, prop, value))
        return width, height, fps


def first_camera(
    size: tuple[int, int],
    fps: float,
    clock: Clock,
    panorama: Fitting | None = None,
    indexes: list[int] | None = None,
    factory: OpenCapture = open_capture,
    own_shape: bool = False,
) -> tuple[Camera | None, str]:
    """The first camera that delivers a frame, open, and what is wrong with those before it, in words.

    Instant where there is no device at all. What opens need not deliver: a webcam has a second device node for its
    metadata, and there are hubs too slow, drivers that hang, and virtual cameras that nobody feeds. Where none delivers
    in PROBE_S, those that opened are tried once more, and have WARM_UP_S: one may be merely slow.
    """
    faults: dict[int, str] = {}
    shut: list[int] = []
    chosen: dict[str, Any] = {"panorama": panorama, "own_shape": own_shape, "open_s": PROBE_OPEN_S}
    for index in camera_indexes() if indexes is None else indexes:
        camera = Camera(index, *size, fps, clock, factory, first_frame_s=PROBE_S, **chosen)
        fault = camera.first_frame_fault()
        if not fault:
            return camera, _in_words(faults, shut)
        camera.close()
        if camera.opened:
            faults[index] = fault
        else:
            shut.append(index)
    for index in list(faults):
        camera = Camera(index, *size, fps, clock, factory, **chosen)
        fault = camera.first_frame_fault()
        if not fault:
            del faults[index]
            return camera, _in_words(faults, shut)
        camera.close()
        if camera.opened:
            faults[index] = fault
    return None, _in_words(faults, shut)


def _in_words(faults: Mapping[int, str], shut: Sequence[int]) -> str:
    """What is wrong with cameras, each with its fault; of those that did not open, shut, the numbers."""
    parts = list(faults.values())
    if shut:
        named = list(map(str, shut)) if len(shut) <= 4 else [*map(str, shut[:3]), f"{len(shut) - 3} more"]
        words = " and ".join(filter(None, [", ".join(named[:-1]), named[-1]]))
        parts.append(f"camera{'s' if len(shut) > 1 else ''} {words} did not open")
    return "; ".join(parts)


def to_rgb(picture: Picture) -> Picture:
    """uint8 BGR (H, W, 3), BGRA (H, W, 4) or grey (H, W) -> uint8 RGB (H, W, 3)."""
    if picture.ndim == 2 or picture.shape[2] == 1:
        code = cv2.COLOR_GRAY2RGB
    else:
        code = cv2.COLOR_BGR2RGB if picture.shape[2] == 3 else cv2.COLOR_BGRA2RGB
    return np.asarray(cv2.cvtColor(picture, code), np.uint8)


def _tried(call: Callable[[], T]) -> T | None:
    """What a driver's call returns; None where it raises, which OpenCV does with C++ text that helps nobody."""
    try:
        return call()
    except Exception as error:  # whatever a driver raises is the same to us: it did not do it
        log.debug("a camera's driver failed", exc_info=error)
        return None


def _delivered(capture: Capture) -> object | None:
    """What the next read delivers, of whatever kind, or None for nothing."""

    def read() -> object | None:
        ok, raw = capture.read()
        return raw if ok else None

    return _tried(read)

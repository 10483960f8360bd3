"""FFmpeg, by PyAV: opens a film or an address, decodes what can be decoded, counts what cannot."""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction

import av
import numpy as np
from av.error import FFmpegError
from av.stream import Disposition

from hallucinate.errors import SourceError, SourceUnavailable
from hallucinate.frame import Picture, fit, own_size
from hallucinate.panorama.fitting import Fitting

MOST_DAMAGE = 300
"""Packets in a row that do not decode before reading stops, instead of going through gigabytes of it."""

LIVE_OPTIONS = {"rtsp_transport": "tcp", "flags": "low_delay", "analyzeduration": "1000000"}
"""Not "nobuffer": it throws away what was read to find out about the stream, its first key frame with it."""


class Decoder:
    """One open film or address. Not safe between threads: its owner sees to that.

    ``damaged`` counts packets that did not decode; ``duration_s`` is None for a live stream. ``first_packet``: the
    first one that was read.
    """

    def __init__(self, address: str, name: str, live: bool = False, timeout_s: float = 5.0) -> None:
        self.name, self.damaged = name, 0
        self.first_packet: av.Packet[av.VideoStream] | None = None
        self._live = live
        try:
            self._container = av.open(
                address,
                options=LIVE_OPTIONS if live else {},
                timeout=(timeout_s, timeout_s) if live else None,
                metadata_errors="replace",
            )
        except (FFmpegError, OSError, ValueError) as error:
            raise _refusal(name, error, live) from None
        moving = [s for s in self._container.streams.video if not s.disposition & Disposition.attached_pic]
        if not moving:
            self.close()
            raise SourceUnavailable(
                f"{name} holds no pictures, only sound or data; name a file with a video stream", code="video_missing"
            )
        self._stream = moving[0]
        # Frame threads hold back a frame per thread: welcome speed in a film, delay in a live stream.
        self._stream.thread_type = "SLICE" if live else "AUTO"
        length = self._container.duration
        self.duration_s = None if not length or length <= 0 else length / av.time_base
        # Read now: a frame outlives the container, and its stream must not be used after closing.
        self._aspect = float(self._stream.sample_aspect_ratio or 1)
        self.period_s = float(1 / (self._stream.average_rate or Fraction(25)))

    def frames(self) -> Iterator[av.VideoFrame]:
        """Decode from here to the end. Damaged packets are passed over.

        A film that breaks off ends there. Raises SourceError when a live stream breaks or holds nothing
        that decodes.
        """
        packets = self._container.demux(self._stream)
        damaged_in_a_row = 0
        while True:
            try:
                packet = next(packets, None)
            except (FFmpegError, OSError) as error:
                if self._live:
                    raise SourceError(f"{self.name} broke off: {_reason(error)}") from None
                return
            if packet is None:
                return
            if self.first_packet is None and packet.size:
                self.first_packet = packet
            try:
                decoded = packet.decode()
                damaged_in_a_row = 0 if decoded else damaged_in_a_row
            except (FFmpegError, ValueError):
                self.damaged += 1
                damaged_in_a_row += 1
                if damaged_in_a_row >= MOST_DAMAGE:
                    raise SourceError(f"{self.name} does not decode; is the file damaged?") from None
                continue
            yield from decoded

    def rewind(self) -> None:
        """Go back to the beginning. Raises SourceError where that cannot be done: open it again instead."""
        try:
            self._container.seek(0, backward=True, any_frame=False)
        except (FFmpegError, OSError):
            raise SourceError(f"{self.name} ended") from None

    @property
    def stream(self) -> av.VideoStream:
        """The pictures' stream, for its metadata. Not to be used once this is closed."""
        return self._stream

    def go_before(self, pts: int) -> bool:
        """Go to a key frame before a time, in the stream's units; False where that cannot be done."""
        try:
            self._container.seek(pts, backward=True, any_frame=False, stream=self._stream)
        except (FFmpegError, OSError):
            return False
        return True

    def seconds(self, frame: av.VideoFrame) -> tuple[float | None, float]:
        """A frame's own time, None when it has none, and how long it is shown, both in seconds."""
        base = frame.time_base or self._stream.time_base
        if base is None:
            return None, self.period_s
        duration_s = float(frame.duration * base) if frame.duration else self.period_s
        return (None if frame.pts is None else float(frame.pts * base)), duration_s

    def own_size(self, frame: av.VideoFrame, longest: int) -> tuple[int, int]:
        """(width, height) of frames that have this one's own shape, upright and with square pixels."""
        sideways = round(frame.rotation / 90) % 2 == 1
        across, down = frame.width * pixel_shape(self._aspect), float(frame.height)
        return own_size(down, across, longest) if sideways else own_size(across, down, longest)

    def picture(self, frame: av.VideoFrame, width: int, height: int, panorama: Fitting | None = None) -> Picture:
        """A decoded frame -> uint8 RGB (height, width, 3): upright, square pixels, filling the size.

        A panorama is remapped instead, as its Fitting says, whatever the shape of its pixels.
        """
        turns = round(frame.rotation / 90) % 4  # quarter turns counter-clockwise
        sideways = bool(turns % 2)
        if panorama is None:
            size = cover((frame.width, frame.height), self._aspect, turned((width, height), sideways))
        else:
            whole = turned((frame.width, frame.height), sideways)
            size = turned(panorama.read_size(whole), sideways)
        # Scaled by FFmpeg in the conversion to RGB: a 4K film is never a 4K RGB picture here.
        rgb = frame.to_ndarray(format="rgb24", width=size[0], height=size[1], interpolation="AREA")
        upright = np.ascontiguousarray(np.rot90(rgb, turns) if turns else rgb, np.uint8)
        return fit(upright, width, height) if panorama is None else panorama.picture(upright, whole)

    def close(self) -> None:
        """Close the file or the connection. May be called twice."""
        self._container.close()


def cover(size: tuple[int, int], aspect: float, target: tuple[int, int]) -> tuple[int, int]:
    """The size at which a ``size`` picture with pixels ``aspect`` times as wide as high just covers ``target``."""
    w, h = size[0] * pixel_shape(aspect), float(size[1])
    scale = max(target[0] / w, target[1] / h)
    covering = max(target[0], math.ceil(w * scale - 0.5)), max(target[1], math.ceil(h * scale - 0.5))
    # A sliver of a picture would cover only as something enormous; ``fit`` cuts it before it scales.
    return covering if covering[0] * covering[1] <= 16 * target[0] * target[1] else size


def pixel_shape(aspect: float) -> float:
    """How many times as wide as high pixels are, by their header; 1 where that is no real lens's but damaged."""
    return aspect if 0.2 < aspect < 5 else 1.0


def turned(size: tuple[int, int], sideways: bool) -> tuple[int, int]:
    """(width, height), exchanged for a picture that is a quarter turn off."""
    return (size[1], size[0]) if sideways else size


def _reason(error: BaseException) -> str:
    """FFmpeg's reason without the address, which may hold a password."""
    if isinstance(error, av.error.ExitError):
        return "no answer in time"
    return str(getattr(error, "strerror", None) or type(error).__name__)


def _refusal(name: str, error: Exception, live: bool) -> SourceError:
    reason = _reason(error)
    if isinstance(error, (av.error.InvalidDataError, av.error.ProtocolNotFoundError)):
        what = "answers, but not with a film or a stream" if live else "is not a film, or its beginning is missing"
        return SourceUnavailable(f"{name} {what} ({reason}); try it in a video player", code="film_invalid")
    if live:
        return SourceError(f"{name} did not open ({reason}); is the address right, and is it sending?")
    return SourceUnavailable(f"{name} did not open ({reason}); name a film that can be read")

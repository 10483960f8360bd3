"""FFmpeg, by PyAV: opens a film or an address, decodes what can be decoded, counts what cannot."""

from __future__ import annotations

import errno
import math
from collections.abc import Iterator
from fractions import Fraction

import av
from av.error import FFmpegError

from hallucinate.errors import SourceError, SourceUnavailable
from hallucinate.frame import Picture, fit, own_size
from hallucinate.panorama.fitting import Fitting
from hallucinate.sources.clocks import STEP_FORWARD_S, TS_DISCONT, FilmClock, PacketClock
from hallucinate.sources.deinterlacing import Deinterlacer
from hallucinate.sources.pacing import Timeline
from hallucinate.sources.pixels import Orientation, upright_rgb
from hallucinate.sources.streams import main_pictures

UNREADABLE = {errno.EIO, errno.ENODEV, errno.ENXIO, errno.ESTALE, errno.EACCES, errno.ETIMEDOUT}
"""The system's reasons why the rest of a file cannot be read: there is more of the film than was seen."""

MOST_DAMAGE = 300
"""Packets in a row that do not decode before reading stops, instead of going through gigabytes of it."""

LIVE_OPTIONS = {"rtsp_transport": "tcp", "flags": "low_delay", "analyzeduration": "1000000"}
"""Not "nobuffer": it throws away what was read to find out about the stream, its first key frame with it."""


class Decoder:
    """One open film or address. Not safe between threads: its owner sees to that.

    Of several picture streams the main one is decoded, see ``main_pictures``; frames of two fields are deinterlaced.
    ``damaged`` counts packets that did not decode; ``duration_s`` is None for a live stream. ``first_packet``: the
    first one that was read. ``deinterlaces``: whether a frame of two fields was met. ``aspect``: of the frame that was
    last decoded, width over height of its pixels, None where nothing is said.
    """

    def __init__(
        self, address: str, name: str, live: bool = False, timeout_s: float = 5.0, clock: FilmClock | None = None
    ) -> None:
        """Open a film or an address. clock: puts the frames' times right. Raises SourceError or SourceUnavailable."""
        self.name, self.damaged, self.deinterlaces = name, 0, False
        self.first_packet: av.Packet[av.VideoStream] | None = None
        self.aspect: Fraction | None = None
        self._live, self._clock = live, clock
        try:
            self._container = av.open(
                address,
                options=LIVE_OPTIONS if live else {},
                timeout=(timeout_s, timeout_s) if live else None,
                metadata_errors="surrogateescape",
            )
        except (FFmpegError, OSError, ValueError) as error:
            raise _refusal(name, error, live, begins_as_mp4(address)) from None
        pictures = main_pictures(self._container)
        if pictures is None:
            self.close()
            raise SourceUnavailable(
                f"{name} holds no pictures, only sound or data; name a file with a video stream", code="video_missing"
            )
        self._stream = pictures
        # Frame threads hold back a frame per thread: welcome speed in a film, delay in a live stream.
        self._stream.thread_type = "SLICE" if live else "AUTO"
        self._with_alpha = decoder_with_alpha(pictures)
        length = self._container.duration
        self.duration_s = None if not length or length <= 0 else length / av.time_base
        # Read now: a frame outlives the container, and its stream must not be used after closing.
        self._aspect = float(self._stream.sample_aspect_ratio or 1)
        self.period_s = float(1 / (self._stream.average_rate or Fraction(25)))

    def frames(self) -> Iterator[av.VideoFrame]:
        """Decode from here to the end. Damaged packets are passed over.

        A film that breaks off ends there. Raises SourceError when a live stream breaks, a film can no longer be
        read, or nothing decodes.
        """
        deinterlacer = Deinterlacer()
        for frame in self._decoded():
            aspect = self._stream.codec_context.sample_aspect_ratio
            if aspect != self.aspect:
                yield from deinterlacer.drain()  # what comes before has the other shape
                self.aspect = aspect
            yield from deinterlacer.frames(frame)
            self.deinterlaces |= deinterlacer.is_at_work
        yield from deinterlacer.drain()

    def _decoded(self) -> Iterator[av.VideoFrame]:
        """The frames as they are coded."""
        times = None if self._clock is None else PacketClock(self._clock)
        damaged_in_a_row = 0
        if self._with_alpha is not None:
            self._with_alpha.flush_buffers()  # after seeking, of which it does not know
        for packet in self._packets():
            if self.first_packet is None and packet.size:
                self.first_packet = packet
            if times is not None:
                times.correct(packet)
            try:
                decoded = self._frames_of(packet)
                damaged_in_a_row = 0 if decoded else damaged_in_a_row
            except (FFmpegError, ValueError):
                self.damaged += 1
                damaged_in_a_row += 1
                if damaged_in_a_row >= MOST_DAMAGE:
                    raise SourceError(f"{self.name} does not decode; is the file damaged?") from None
                continue
            yield from decoded

    def _frames_of(self, packet: av.Packet[av.VideoStream]) -> list[av.VideoFrame]:
        if self._with_alpha is None:
            return packet.decode()
        return self._with_alpha.decode(packet if packet.size else None)

    def _packets(self) -> Iterator[av.Packet[av.VideoStream]]:
        """The pictures' packets from here to the end."""
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets, None)
            except (FFmpegError, OSError) as error:
                if self._live:
                    raise SourceError(f"{self.name} broke off: {_reason(error)}") from None
                if error.errno in UNREADABLE:  # the disk, and not what is on it
                    raise SourceError(f"{self.name} can no longer be read ({_reason(error)})") from None
                return
            if packet is None:
                return
            yield packet

    def rewind(self) -> None:
        """Go back to the beginning. Raises SourceError where that cannot be done: open it again instead."""
        container = self._container
        try:
            if self.may_start_anew and not self._live:
                # By its place in the file: of two moments of one time, as after a clock's new start, either is found.
                container.seek(0, unsupported_byte_offset=True)
            else:
                container.seek(min(0, container.start_time or 0), backward=True, any_frame=False)
        except (FFmpegError, OSError):
            raise SourceError(f"{self.name} ended") from None

    @property
    def may_start_anew(self) -> bool:
        """Whether it is of a kind whose clock may start anew in the middle, as MPEG's transport streams."""
        return bool(self._container.format.flags & TS_DISCONT)

    @property
    def longest_step_s(self) -> float:
        """From one frame to the next: a longer step is no pause, but a new clock or a damaged time; in seconds."""
        return float(STEP_FORWARD_S) if self.may_start_anew else Timeline.LONGEST_STEP_S

    @property
    def stream(self) -> av.VideoStream:
        """The pictures' stream, for its metadata. Not to be used once this is closed."""
        return self._stream

    def go_before(self, pts: int) -> bool:
        """Go to a key frame before a time, in the stream's units; False where that cannot be done.

        Times are the film's, as its clock has them. Where that starts anew no time says where in the file it is.
        """
        if self._clock is not None and not self._clock.is_plain:
            return False
        offset_s = Fraction(0) if self._clock is None else self._clock.offset_s
        pts -= round(offset_s / (self._stream.time_base or 1))
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
        across, down = frame.width * pixel_shape(self._aspect), float(frame.height)
        transposed = Orientation.of_frame(frame).transposed
        return own_size(down, across, longest) if transposed else own_size(across, down, longest)

    def picture(self, frame: av.VideoFrame, width: int, height: int, panorama: Fitting | None = None) -> Picture:
        """A decoded frame -> uint8 RGB (height, width, 3): upright, square pixels, filling the size.

        A panorama is remapped instead, as its Fitting says, whatever the shape of its pixels.
        """
        orientation = Orientation.of_frame(frame)
        whole = orientation.size(frame.width, frame.height)
        if panorama is not None:
            return panorama.picture(upright_rgb(frame, panorama.read_size(whole)), whole)
        aspect = 1 / self._aspect if orientation.transposed else self._aspect
        return fit(upright_rgb(frame, cover(whole, aspect, (width, height))), width, height)

    def close(self) -> None:
        """Close the file or the connection. May be called twice."""
        self._container.close()


LIBVPX = {"vp8": "libvpx", "vp9": "libvpx-vp9"}
"""FFmpeg's decoders that read the second picture beside each in a WebM, its opacity; its own leave that out."""


def decoder_with_alpha(stream: av.VideoStream) -> av.VideoCodecContext | None:
    """A decoder for a WebM's pictures with alpha; None for other streams, which their own decoders read."""
    name = LIBVPX.get(stream.codec_context.codec.canonical_name)
    tags = {key.lower(): value for key, value in stream.metadata.items()}
    if name is None or tags.get("alpha_mode") != "1":
        return None
    context = av.CodecContext.create(name, "r")
    assert isinstance(context, av.VideoCodecContext)
    return context


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


def _reason(error: BaseException) -> str:
    """FFmpeg's reason without the address, which may hold a password."""
    if isinstance(error, av.error.ExitError):
        return "no answer in time"
    return str(getattr(error, "strerror", None) or type(error).__name__)


def begins_as_mp4(address: str) -> bool:
    """Whether an address is a file that begins as an MP4 does."""
    try:
        with open(address.removeprefix("file:"), "rb") as file:
            return file.read(8)[4:] == b"ftyp"
    except (OSError, ValueError):
        return False


def _refusal(name: str, error: Exception, live: bool, is_mp4: bool) -> SourceError:
    reason = _reason(error)
    if isinstance(error, av.error.InvalidDataError) and is_mp4:
        return SourceUnavailable(
            f"{name} begins as an MP4 and has no index, as where a recording or a copy broke off ({reason}); copy it "
            "again, or repair it with a tool for that, e.g. untrunc",
            code="film_invalid",
        )
    if isinstance(error, (av.error.InvalidDataError, av.error.ProtocolNotFoundError)):
        what = "answers, but not with a film or a stream" if live else "is not a film, or its beginning is missing"
        return SourceUnavailable(f"{name} {what} ({reason}); try it in a video player", code="film_invalid")
    if live:
        return SourceError(f"{name} did not open ({reason}); is the address right, and is it sending?")
    return SourceUnavailable(f"{name} did not open ({reason}); name a film that can be read")

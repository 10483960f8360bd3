"""A film that is rendered: opened once, its facts read once, and then every frame that decodes, in order."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import av
import numpy as np
from av.container import InputContainer
from av.error import FFmpegError
from av.sidedata.sidedata import Type as SideDataType

from hallucinate.dream.cuts import is_cut
from hallucinate.dream.flow import FLOW_WIDTH, Flow
from hallucinate.errors import SourceError, SourceUnavailable
from hallucinate.files import ffmpeg_path
from hallucinate.film.boxes import picture_boxes
from hallucinate.film.fitting import FrameShape, fitted
from hallucinate.film.picture_format import DecodedFormat, decoded_format
from hallucinate.frame import Picture
from hallucinate.panorama.fitting import PanoramaSpec
from hallucinate.sources.clocks import FilmClock, read_clock
from hallucinate.sources.decode import Decoder
from hallucinate.sources.film import check_file
from hallucinate.sources.panoramas import panorama_of_film, side_data
from hallucinate.sources.picture import is_animated, is_picture
from hallucinate.sources.pixels import Orientation, has_alpha, opacity_of

RUN_UP_S = 2.0
"""Decoding starts so long before the first frame that is needed: what refers across a key frame is whole by then."""

SHORTEST_SCENE_S = 1.0
"""A scene is at least so long: a flash or a quick cut does not make a task of its own."""


@dataclass(frozen=True)
class Span:
    """A part of a film, in the units of its stream's time, as its clock is put right: from ``start`` on, before
    ``end``; None for the film's own start or end."""

    start: int | None = None
    end: int | None = None


@dataclass(frozen=True)
class FilmFacts:
    """All that a film says of itself, read once; it outlives the open file.

    decoded: what its frames are decoded to. orientation: how they are turned and mirrored to stand
    upright. side_data: of the first frame that decodes. pixel_aspect: width over height of a pixel, None where
    nothing is said. interlaced: whether its first frame is of two fields. time_base: of frames' times, in seconds.
    rate: usual frames in a second. frames: how many there are, about; 0 where the film does not say. tags,
    picture_tags: of the film and of its pictures. boxes: MP4 boxes that describe the pictures, see ``boxes``.
    transparent: whether one sees through the first frame. sounds: the codec of each sound, by its index. missing_s: how
    much of what its header promises is not there, in seconds. clock: what puts its times right.
    """

    path: Path
    decoded: DecodedFormat
    orientation: Orientation
    side_data: Mapping[SideDataType, bytes]
    pixel_aspect: Fraction | None
    interlaced: bool
    time_base: Fraction
    rate: Fraction
    frames: int
    tags: dict[str, str]
    picture_tags: dict[str, str]
    chapters: list[Any]
    boxes: bytes
    transparent: bool
    sounds: dict[int, str]
    missing_s: Fraction
    clock: FilmClock

    @property
    def frame_duration(self) -> int:
        """How long a frame is usually shown, in units of ``time_base``."""
        return max(1, round(1 / (self.rate * self.time_base)))

    @property
    def upright_size(self) -> tuple[int, int]:
        """(width, height) of the pictures as players show them, turned as the film says."""
        return self.orientation.size(self.decoded.width, self.decoded.height)

    @property
    def display_matrix(self) -> list[int] | None:
        """How players turn the pictures, 9 fixed-point numbers; None where nothing is said."""
        matrix = self.side_data.get(SideDataType.DISPLAYMATRIX)
        return None if matrix is None else np.frombuffer(matrix, np.int32).tolist()

    @functools.cached_property
    def panorama(self) -> PanoramaSpec | None:
        """The panorama that the film says it is; None for flat pictures. Raises SourceUnavailable for a part of one."""
        return panorama_of_film(self.side_data, f"film {self.path.name}")


class FilmReader:
    """One open film. ``facts``: what it says of itself. Closed at the end of its ``with`` block.

    ``fitted``: how many frames were of another shape than the first, since ``frames`` was last called.
    """

    def __init__(self, path: Path) -> None:
        """Open the film and read its facts. Raises SourceUnavailable when it is not a film."""
        check_file(path)
        if is_picture(path):
            kind = "an animated picture of a kind that is not read as a film" if is_animated(path) else "a picture"
            fix = "make a GIF or a film of it first, or dream its first picture" if is_animated(path) else "dream it"
            raise SourceUnavailable(f"{path} is {kind}; {fix} with hallucinate still", code="film_is_picture")
        self.path = path
        self._corrupt = self.fitted = 0
        try:
            self.clock = read_clock(path)
        except (FFmpegError, OSError, ValueError):
            self.clock = FilmClock()  # it does not open: the decoder says why
        self._decoder = self._open()
        self._untouched: Iterator[av.VideoFrame] | None = None
        frames = self._decodable()
        try:
            first = next(frames, None)
        except SourceError:
            first = None
        if first is None:
            self.close()
            raise SourceUnavailable(f"{path} holds no frame that decodes; is the file damaged or empty?")
        self.facts = self._read_facts(first)
        self._shape = FrameShape.of(first, self._decoder.aspect)
        self._untouched = itertools.chain([first], frames)

    def _read_facts(self, first: av.VideoFrame) -> FilmFacts:
        stream, packet = self._decoder.stream, self._decoder.first_packet
        assert packet is not None  # a frame came of it
        return FilmFacts(
            path=self.path,
            decoded=decoded_format(first),
            orientation=Orientation.of_frame(first),
            side_data=side_data(first),
            pixel_aspect=stream.sample_aspect_ratio,
            interlaced=self._decoder.deinterlaces,
            time_base=stream.time_base or Fraction(1, 90_000),
            rate=usual_rate(stream),
            frames=self.clock.counts.get(stream.index, 0),
            tags=readable(self.container.metadata),
            picture_tags=readable(stream.metadata),
            chapters=moved_chapters(self.container, self.clock.offset_s),
            boxes=picture_boxes(self.path, stream, packet),
            transparent=has_alpha(first) and bool(opacity_of(first).min() < 1),
            sounds={s.index: s.codec_context.name for s in self.container.streams.audio if s.codec_context is not None},
            missing_s=missing_s(self.container, self.clock),
            clock=self.clock,
        )

    @property
    def container(self) -> InputContainer:
        """The open file, for what its other streams are."""
        container = self._decoder.stream.container
        assert isinstance(container, InputContainer)
        return container

    @property
    def pictures(self) -> av.VideoStream:
        """The open stream that is dreamed."""
        return self._decoder.stream

    @property
    def damaged(self) -> int:
        """Packets and frames skipped because they did not decode, since ``frames`` was last called."""
        return self._corrupt + self._decoder.damaged

    def __enter__(self) -> FilmReader:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._decoder.close()

    def frames(self, span: Span, after: int | None = None) -> Iterator[tuple[int, av.VideoFrame]]:
        """The span's frames, each with its time in units of ``facts.time_base``; times always rise.

        All are of the first one's shape: others are fitted into it.         after: only frames later than this time.
        A second call starts over, and ends the iteration of the first.
        """
        last, usual, self.fitted = after, self.facts.frame_duration, 0
        expected: int | None = None  # of a frame without a time: when the one before it ends
        for frame in self._starting_at(after if after is not None else span.start):
            time = frame.pts if frame.pts is not None else frame.dts
            if time is None:
                time = expected or 0
            expected = time + (frame.duration or usual)
            if (span.start is not None and time < span.start) or (after is not None and time <= after):
                continue
            if span.end is not None and time >= span.end:
                return
            # Two frames of one time cannot be written.
            last = time if last is None else max(time, last + 1)
            yield last, self._fitted(frame)

    def _fitted(self, frame: av.VideoFrame) -> av.VideoFrame:
        """A frame, of the first one's shape."""
        shape = FrameShape.of(frame, self._decoder.aspect)
        if shape == self._shape:
            return frame
        self.fitted += 1
        return fitted(frame, shape, self._shape)

    def scenes(self) -> list[Span]:
        """The film's scenes, from one cut to the next, found by decoding all of it."""
        flow, starts = Flow(), list[int]()
        least = SHORTEST_SCENE_S / float(self.facts.time_base)
        before: Picture | None = None
        for time, frame in self.frames(Span()):
            height = max(16, round(frame.height * FLOW_WIDTH / frame.width))
            luma = np.asarray(frame.reformat(FLOW_WIDTH, height, "gray", interpolation="AREA").to_ndarray(), np.uint8)
            # Flow is what costs: it is measured only where the small pictures look like a cut.
            cut = before is not None and is_cut(before, luma, None) and is_cut(before, luma, flow.between(before, luma))
            if not starts or (cut and time - starts[-1] >= least):
                starts.append(time)
            before = luma
        return [Span(*each) for each in zip([None, *starts[1:]], [*starts[1:], None], strict=True)]

    def _starting_at(self, time: int | None) -> Iterator[av.VideoFrame]:
        """Frames from here on, of which the first is no later than this time; from the beginning where it is None."""
        untouched, self._untouched = self._untouched, None
        if time is None and untouched is not None:
            return untouched
        if time is not None and self._decoder.go_before(time - round(RUN_UP_S / float(self.facts.time_base))):
            self._corrupt = self._decoder.damaged = 0
            frames = self._decodable()
            first = next(frames, None)
            # A film whose index misleads is decoded from its beginning.
            if first is not None and first.key_frame and first.pts is not None and first.pts <= time:
                return itertools.chain([first], frames)
        self._decoder.close()
        self._corrupt = 0
        self._decoder = self._open()
        return self._decodable()

    def _decodable(self) -> Iterator[av.VideoFrame]:
        for frame in self._decoder.frames():
            if frame.is_corrupt:
                self._corrupt += 1
                continue
            yield frame

    def _open(self) -> Decoder:
        return Decoder(ffmpeg_path(self.path), str(self.path), clock=self.clock)


SAY_HOW_LONG = {"mov", "matroska", "flv"}
"""Containers that say how long they are, where FFmpeg does not guess it from what is there. By FFmpeg's first name."""


def missing_s(container: InputContainer, clock: FilmClock) -> Fraction:
    """How much of what a film's header promises is not there, in seconds: a copy or a download broke off."""
    if container.format.name.partition(",")[0] not in SAY_HOW_LONG or not container.duration or not clock.is_plain:
        return Fraction(0)
    return max(Fraction(0), Fraction(container.duration, av.time_base) - clock.end_s)


MOST_USUAL = 240
"""Frames in a second that no film has all the time: what guesses more has met two frames that are close together."""


def usual_rate(stream: av.VideoStream) -> Fraction:
    """How many frames a film usually has in a second: as FFmpeg guesses, but for guesses that cannot be."""
    for rate in (stream.guessed_rate, stream.average_rate):
        if rate is not None and 0 < rate <= MOST_USUAL:
            return rate
    return Fraction(25)


def readable(tags: Mapping[str, str]) -> dict[str, str]:
    """Tags whose bytes were no UTF-8, as people mean them: Windows' Western characters, of which each byte is one."""
    return {_readable(key): _readable(value) for key, value in tags.items()}


def _readable(text: str) -> str:
    data = text.encode("utf-8", "surrogateescape")
    for encoding in ("utf-8", "cp1252"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return data.decode("latin-1")


def moved_chapters(container: InputContainer, by_s: Fraction) -> list[Any]:
    """A film's chapters, by so many seconds later."""
    moved = []
    for chapter in container.chapters():
        by = round(by_s / (chapter["time_base"] or 1))
        times = {name: max(0, chapter[name] + by) for name in ("start", "end")}
        moved.append({**chapter, **times, "metadata": readable(chapter["metadata"])})
    return moved

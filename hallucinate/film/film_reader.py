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
from av.sidedata.sidedata import Type as SideDataType

from hallucinate.dream.cuts import is_cut
from hallucinate.dream.flow import FLOW_WIDTH, Flow
from hallucinate.errors import SourceError, SourceUnavailable
from hallucinate.files import ffmpeg_path
from hallucinate.film.boxes import picture_boxes
from hallucinate.film.picture_format import DecodedFormat, decoded_format
from hallucinate.frame import Picture
from hallucinate.panorama.fitting import PanoramaSpec
from hallucinate.sources.decode import Decoder, turned
from hallucinate.sources.film import check_file
from hallucinate.sources.panoramas import panorama_of_film, panorama_of_picture, side_data
from hallucinate.sources.picture import is_picture

RUN_UP_S = 2.0
"""Decoding starts so long before the first frame that is needed: what refers across a key frame is whole by then."""

SHORTEST_SCENE_S = 1.0
"""A scene is at least so long: a flash or a quick cut does not make a task of its own."""


@dataclass(frozen=True)
class Span:
    """A part of a film, in the units of its stream's time: from ``start`` on, before ``end``; None for the film's own
    start or end."""

    start: int | None = None
    end: int | None = None


@dataclass(frozen=True)
class FilmFacts:
    """All that a film says of itself, read once; it outlives the open file.

    decoded: what its frames are decoded to. turns: by how many quarter turns, counter-clockwise, they are turned to
    stand upright. side_data: of the first frame that decodes. pixel_aspect: width over height of a pixel, None where
    nothing is said. time_base: of frames' times, in seconds. rate: usual frames in a second. frames: how many there
    are, about; 0 where the film does not say. tags, picture_tags: of the film and of its pictures. boxes: MP4 boxes
    that describe the pictures, see ``boxes``.
    """

    path: Path
    decoded: DecodedFormat
    turns: int
    side_data: Mapping[SideDataType, bytes]
    pixel_aspect: Fraction | None
    time_base: Fraction
    rate: Fraction
    frames: int
    tags: dict[str, str]
    picture_tags: dict[str, str]
    chapters: list[Any]
    boxes: bytes

    @property
    def frame_duration(self) -> int:
        """How long a frame is usually shown, in units of ``time_base``."""
        return max(1, round(1 / (self.rate * self.time_base)))

    @property
    def upright_size(self) -> tuple[int, int]:
        """(width, height) of the pictures as players show them, turned as the film says."""
        return turned((self.decoded.width, self.decoded.height), bool(self.turns % 2))

    @property
    def display_matrix(self) -> list[int] | None:
        """How players turn the pictures, 9 fixed-point numbers; None where nothing is said."""
        matrix = self.side_data.get(SideDataType.DISPLAYMATRIX)
        return None if matrix is None else np.frombuffer(matrix, np.int32).tolist()

    @functools.cached_property
    def panorama(self) -> PanoramaSpec | None:
        """The panorama that the film says it is; None for flat pictures. Raises SourceUnavailable for a part of one."""
        if is_picture(self.path):
            return panorama_of_picture(self.path)
        return panorama_of_film(self.side_data, f"film {self.path.name}")


class FilmReader:
    """One open film. ``facts``: what it says of itself. Closed at the end of its ``with`` block."""

    def __init__(self, path: Path) -> None:
        """Open the film and read its facts. Raises SourceUnavailable when it is not a film."""
        check_file(path)
        self.path = path
        self._corrupt = 0
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
        self._untouched = itertools.chain([first], frames)

    def _read_facts(self, first: av.VideoFrame) -> FilmFacts:
        stream, packet = self._decoder.stream, self._decoder.first_packet
        assert packet is not None  # a frame came of it
        rate = stream.guessed_rate or stream.average_rate or Fraction(25)
        return FilmFacts(
            path=self.path,
            decoded=decoded_format(first),
            turns=quarter_turns(first),
            side_data=side_data(first),
            pixel_aspect=stream.sample_aspect_ratio,
            time_base=stream.time_base or Fraction(1, 90_000),
            rate=rate,
            frames=stream.frames or round((self._decoder.duration_s or 0) * rate),
            tags=dict(self.container.metadata),
            picture_tags=dict(stream.metadata),
            chapters=list(self.container.chapters()),
            boxes=picture_boxes(self.path, stream, packet),
        )

    @property
    def container(self) -> InputContainer:
        """The open file, for what its other streams are."""
        container = self._decoder.stream.container
        assert isinstance(container, InputContainer)
        return container

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

        after: only frames later than this time. A second call starts over, and ends the iteration of the first.
        """
        last = after
        for n, frame in enumerate(self._starting_at(after if after is not None else span.start)):
            time = frame.pts if frame.pts is not None else frame.dts
            if time is None:  # a stream without times, decoded from its beginning: evenly
                time = n * self.facts.frame_duration
            if (span.start is not None and time < span.start) or (after is not None and time <= after):
                continue
            if span.end is not None and time >= span.end:
                return
            # Two frames of one time cannot be written.
            last = time if last is None else max(time, last + 1)
            yield last, frame

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
        return Decoder(ffmpeg_path(self.path), str(self.path))


def quarter_turns(frame: av.VideoFrame) -> int:
    """By how many quarter turns, counter-clockwise, a frame is turned to stand upright: 0 to 3."""
    return round(frame.rotation / 90) % 4

"""A film that is rendered: every frame that decodes, in its order and with its own time; from anywhere in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from hallucinate.dream.cuts import is_cut
from hallucinate.dream.flow import FLOW_WIDTH, Flow
from hallucinate.errors import SourceError, SourceUnavailable
from hallucinate.frame import Picture
from hallucinate.sources.decode import Decoder
from hallucinate.sources.film import check_file

RUN_UP_S = 2.0
"""Decoding begins so long before the frame that is wanted: what refers across a key frame is whole by then."""

SHORTEST_SCENE_S = 1.0
"""A scene is at least so long: a flash or a quick cut does not make a task of its own."""


@dataclass(frozen=True)
class Span:
    """A stretch of a film, in the units of its stream's time: from ``start`` on, up to ``end``; None is its own."""

    start: int | None = None
    end: int | None = None


class Footage:
    """One open film. ``damaged`` counts packets and frames that did not decode, and were left out."""

    def __init__(self, path: Path) -> None:
        """Open the film and look at its first frame. Raises SourceUnavailable when it is no film."""
        check_file(path)
        self.path = path
        self._damaged = 0
        self._decoder = self._opened()
        stream = self._decoder.stream
        self.time_base = stream.time_base or Fraction(1, 90_000)
        self.rate = stream.guessed_rate or stream.average_rate or Fraction(25)
        self.aspect = stream.sample_aspect_ratio
        try:
            first = next(self._whole(), None)
        except SourceError:
            first = None
        if first is None:
            self.close()
            raise SourceUnavailable(f"{path} holds no frame that decodes; is the file damaged or empty?")
        self.first = first
        self.expected = stream.frames or round((self._decoder.duration_s or 0) * self.rate)
        self._reopen()

    @property
    def damaged(self) -> int:
        """Packets and frames that did not decode, so far."""
        return self._damaged + self._decoder.damaged

    def close(self) -> None:
        """Close the file."""
        self._decoder.close()

    def frames(self, span: Span, after: int | None = None) -> Iterator[tuple[int, av.VideoFrame]]:
        """The span's frames, each with its time, which always rises; those after a time, where one is given."""
        last = after
        for n, frame in enumerate(self._from(after if after is not None else span.start)):
            time = frame.pts if frame.pts is not None else frame.dts
            if time is None:  # a stream without times, decoded from its beginning: evenly
                time = n * self.period
            if (span.start is not None and time < span.start) or (after is not None and time <= after):
                continue
            if span.end is not None and time >= span.end:
                return
            # Two frames of one time cannot be written.
            last = time if last is None else max(time, last + 1)
            yield last, frame

    @property
    def period(self) -> int:
        """How long a frame is shown, usually, in the stream's units."""
        return max(1, round(1 / (self.rate * self.time_base)))

    def scenes(self) -> list[Span]:
        """The film's scenes, from one cut to the next, found by decoding all of it once."""
        flow, starts = Flow(), list[int]()
        least = SHORTEST_SCENE_S / float(self.time_base)
        before: Picture | None = None
        for time, frame in self.frames(Span()):
            height = max(16, round(frame.height * FLOW_WIDTH / frame.width))
            luma = np.asarray(frame.reformat(FLOW_WIDTH, height, "gray", interpolation="AREA").to_ndarray(), np.uint8)
            # Flow is what costs: it is asked only where a glance takes it for a cut.
            cut = before is not None and is_cut(before, luma, None) and is_cut(before, luma, flow.between(before, luma))
            if not starts or (cut and time - starts[-1] >= least):
                starts.append(time)
            before = luma
        self._reopen()
        return [Span(*each) for each in zip([None, *starts[1:]], [*starts[1:], None], strict=True)]

    def _from(self, time: int | None) -> Iterator[av.VideoFrame]:
        """Frames from here on, which begin no later than this time."""
        if time is not None and self._decoder.go_before(time - round(RUN_UP_S / float(self.time_base))):
            frames = self._whole()
            first = next(frames, None)
            # A film whose index misleads is decoded from its beginning.
            if first is not None and first.key_frame and first.pts is not None and first.pts <= time:
                yield first
                yield from frames
                return
        self._reopen()
        yield from self._whole()

    def _whole(self) -> Iterator[av.VideoFrame]:
        for frame in self._decoder.frames():
            if frame.is_corrupt:
                self._damaged += 1
                continue
            yield frame

    def _opened(self) -> Decoder:
        # "file:" keeps FFmpeg from taking a name with a colon for a protocol.
        return Decoder(f"file:{self.path}", str(self.path))

    def _reopen(self) -> None:
        self._decoder.close()
        self._damaged = 0
        self._decoder = self._opened()

"""Frames of two fields made whole: a comb of two moments is nothing to dream on, and no screen shows it any more."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import av
from av.error import EOFError as EndOfFrames
from av.filter import Graph


@dataclass(frozen=True)
class Times:
    """When a frame is shown, which the filter counts in halves."""

    pts: int | None
    dts: int | None
    duration: int
    time_base: Fraction | None

    @classmethod
    def of(cls, frame: av.VideoFrame) -> Times:
        """A frame's own."""
        return cls(frame.pts, frame.dts, frame.duration, frame.time_base)

    def put_on(self, frame: av.VideoFrame) -> av.VideoFrame:
        """The frame, with these times."""
        frame.pts, frame.dts, frame.duration = self.pts, self.dts, self.duration
        if self.time_base is not None:
            frame.time_base = self.time_base
        return frame


class Deinterlacer:
    """Makes whole frames of those that say that they are two fields, with FFmpeg's bwdif; all others are let through.

    A frame becomes a frame, which needs the one before and the one after it: from the first of two fields on, frames
    come one later. What a frame becomes does not depend on how long before it decoding began, if that was at least a
    frame.
    """

    def __init__(self) -> None:
        self._graph: Graph | None = None
        self._before: av.VideoFrame | None = None
        self._times = deque[Times | None]()  # of what the filter has; None for a frame that was let through already

    @property
    def is_at_work(self) -> bool:
        """Whether a frame of two fields was met."""
        return self._graph is not None

    def frames(self, frame: av.VideoFrame) -> Iterator[av.VideoFrame]:
        """The next frame -> those that are finished by it, in order."""
        if self._before is not None and kind(self._before) != kind(frame):
            yield from self.drain()
        if self._graph is None and frame.interlaced_frame:
            self._graph = bwdif(frame)
            if self._before is not None:
                self._push(self._before, None)
        if self._graph is None:
            yield frame
        else:
            self._push(frame, Times.of(frame))
            yield from self._finished(self._graph)
        self._before = frame

    def drain(self) -> Iterator[av.VideoFrame]:
        """What the filter still has; the next frame is the first of something else."""
        if self._graph is not None:
            self._graph.vpush(None)
            yield from self._finished(self._graph)
        self._graph = self._before = None
        self._times.clear()

    def _push(self, frame: av.VideoFrame, times: Times | None) -> None:
        assert self._graph is not None
        self._times.append(times)
        self._graph.vpush(frame)

    def _finished(self, graph: Graph) -> Iterator[av.VideoFrame]:
        while self._times:
            try:
                frame = graph.vpull()
            except (BlockingIOError, EndOfFrames):
                return
            times = self._times.popleft()
            if times is not None:
                yield times.put_on(frame)


def kind(frame: av.VideoFrame) -> tuple[int, int, str]:
    """What frames must have in common to go through one filter."""
    return frame.width, frame.height, frame.format.name


def bwdif(frame: av.VideoFrame) -> Graph:
    """A filter for frames like this one: a frame for a frame, and only of those that say that they are two fields."""
    graph = Graph()
    time_base = frame.time_base or Fraction(1, 25)
    source = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=time_base)
    whole = graph.add("bwdif", mode="send_frame", parity="auto", deint="interlaced")
    graph.link_nodes(source, whole, graph.add("buffersink")).configure()
    return graph

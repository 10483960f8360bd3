"""A stream or film at an address: RTSP or HTTP, always its newest frame."""

from __future__ import annotations

import math
import threading
from collections.abc import Generator, Iterator
from urllib.parse import urlsplit, urlunsplit

import av

from hallucinate.clock import Clock
from hallucinate.errors import LensError, PanoramaError, SourceError, SourceUnavailable
from hallucinate.frame import Frame
from hallucinate.panorama.fitting import Fitting
from hallucinate.sources import SourceStatistics
from hallucinate.sources.decode import Decoder
from hallucinate.sources.pacing import Decimator, Timeline
from hallucinate.sources.pump import Pump

PATIENCE_S = 1.0  # how long one read waits before it returns None
TIMEOUT_S = 5.0  # without an answer, to opening and to each read of the network


class Address:
    """An RTSP or HTTP address. Opened and decoded on a thread of its own: the network's reads cannot be woken.

    A live stream is shown as it comes; its end is an error, so that the reader opens it again. A film on a web server
    (it has a length) keeps its own time, and loops; of one with more than ``fps`` frames per second so many are used.
    own_shape: as for ``fitted``.
    """

    def __init__(
        self,
        url: str,
        width: int,
        height: int,
        clock: Clock,
        timeout_s: float = TIMEOUT_S,
        panorama: Fitting | None = None,
        fps: float = math.inf,
        own_shape: bool = False,
    ) -> None:
        self.name = without_password(url)
        self._url, self._timeout_s = url, timeout_s
        self._width, self._height, self._clock, self._panorama = width, height, clock, panorama
        self._own_shape = own_shape
        self._decimator, self._read = Decimator(fps), 0
        self._decoder: Decoder | None = None
        self._pump: Pump[tuple[Decoder, av.VideoFrame, int]] = Pump(self.name, self._frames)

    @property
    def statistics(self) -> SourceStatistics:
        """See Source. Skipped are frames that a newer one overwrote, and those of a film beyond the frame rate."""
        damaged = 0 if self._decoder is None else self._decoder.damaged
        return SourceStatistics(self._read, self._pump.dropped + self._decimator.skipped, damaged)

    def set_fps(self, fps: float) -> None:
        """Use at most so many of a film's frames per second; a live stream has its own rate, and nothing changes."""
        self._decimator.set_fps(fps)

    def read(self) -> Frame | None:
        """The newest frame; None when none came for a second.

        Raises SourceError when the address refuses, breaks off or ends, SourceUnavailable when what it
        sends is not a film.
        """
        newest = self._pump.take(PATIENCE_S)
        if newest is None:
            return None
        decoder, frame, captured_ns = newest
        size = self._width, self._height
        if self._own_shape:
            size = decoder.own_size(frame, max(size))
        try:
            picture = decoder.picture(frame, *size, self._panorama)
        except (PanoramaError, LensError) as error:
            raise SourceUnavailable(f"{self.name}: {error}") from None
        self._read += 1
        return Frame(picture, captured_ns)

    def close(self) -> None:
        """Wake a waiting ``read``; the connection ends at once, or when FFmpeg's own timeout lets it."""
        self._pump.close()

    def _frames(self, closing: threading.Event) -> Generator[tuple[Decoder, av.VideoFrame, int], None, None]:
        decoder = self._decoder = Decoder(self._url, self.name, live=True, timeout_s=self._timeout_s)
        try:
            frames = decoder.frames() if decoder.duration_s is None else self._in_its_time(decoder, closing)
            for frame in frames:
                if closing.is_set():
                    return
                yield decoder, frame, self._clock.now_ns()
            raise SourceError(f"{self.name} ended")
        finally:
            decoder.close()

    def _in_its_time(self, decoder: Decoder, closing: threading.Event) -> Iterator[av.VideoFrame]:
        """A film's frames when they are due, loop after loop."""
        timeline = Timeline(self._clock.now_ns(), decoder.longest_step_s)
        while True:
            count = 0
            for count, frame in enumerate(decoder.frames(), 1):  # noqa: B007 - counted, to end an empty film
                time_s, duration_s = decoder.seconds(frame)
                due_ns = timeline.place(time_s, duration_s)
                late_ns = self._clock.now_ns() - due_ns
                if late_ns > 0:
                    timeline.rebase(due_ns + late_ns)  # the network stalled: go on from here
                elif self._clock.wait(-late_ns / 1e9, closing):
                    return
                if self._decimator.uses(timeline.due_ns, duration_s):
                    yield frame
            if not count:
                return
            decoder.rewind()
            timeline.restart()


def without_password(url: str) -> str:
    """The address as it may be shown and logged: the password as ***."""
    parts = urlsplit(url)
    login, at, host = parts.netloc.rpartition("@")
    if ":" not in login:
        return url
    return urlunsplit(parts._replace(netloc=f"{login.partition(':')[0]}:***{at}{host}"))

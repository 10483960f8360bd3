"""A stream or film at an address: RTSP or HTTP, always its newest frame."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator
from urllib.parse import urlsplit, urlunsplit

import av

from hallucinate.clock import Clock
from hallucinate.errors import LensError, PanoramaError, SourceError, SourceUnavailable
from hallucinate.frame import Frame
from hallucinate.panorama.fitting import Fitting
from hallucinate.sources.decode import Decoder
from hallucinate.sources.pacing import Timeline
from hallucinate.sources.pump import Pump

PATIENCE_S = 1.0  # how long one read waits before it returns None
TIMEOUT_S = 5.0  # without an answer, to opening and to each read of the network


class Address:
    """An RTSP or HTTP address. Opened and decoded on a thread of its own: the network's reads cannot be woken.

    A live stream is shown as it comes; its end is an error, so that the reader opens it again. A film that
    lies on a web server (it has a length) keeps its own time, and loops.
    """

    def __init__(
        self,
        url: str,
        width: int,
        height: int,
        clock: Clock,
        timeout_s: float = TIMEOUT_S,
        panorama: Fitting | None = None,
    ) -> None:
        self.name = without_password(url)
        self._url, self._timeout_s = url, timeout_s
        self._width, self._height, self._clock, self._panorama = width, height, clock, panorama
        self._pump: Pump[tuple[Decoder, av.VideoFrame, int]] = Pump(self.name, self._frames)

    def read(self) -> Frame | None:
        """The newest frame; None when none came for a second.

        Raises SourceError when the address refuses, breaks off or ends, SourceUnavailable when what it
        sends is no film.
        """
        came = self._pump.take(PATIENCE_S)
        if came is None:
            return None
        decoder, frame, captured_ns = came
        try:
            picture = decoder.picture(frame, self._width, self._height, self._panorama)
        except (PanoramaError, LensError) as error:
            raise SourceUnavailable(f"{self.name}: {error}") from None
        return Frame(picture, captured_ns)

    def close(self) -> None:
        """Wake a waiting ``read``; the connection ends at once, or when FFmpeg's own timeout lets it."""
        self._pump.close()

    def _frames(self, closing: threading.Event) -> Generator[tuple[Decoder, av.VideoFrame, int], None, None]:
        decoder = Decoder(self._url, self.name, live=True, timeout_s=self._timeout_s)
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
        timeline = Timeline(self._clock.now_ns())
        while True:
            came = 0
            for came, frame in enumerate(decoder.frames(), 1):  # noqa: B007 - counted, to end an empty film
                due_ns = timeline.place(*decoder.seconds(frame))
                late_ns = self._clock.now_ns() - due_ns
                if late_ns > 0:
                    timeline.rebase(due_ns + late_ns)  # the network stalled: go on from here
                elif self._clock.wait(-late_ns / 1e9, closing):
                    return
                yield frame
            if not came:
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

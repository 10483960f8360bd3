"""A stream or film at an address: RTSP or HTTP, always its newest frame."""

from __future__ import annotations

import math
import re
import threading
from collections.abc import Generator, Iterator

import av

from hallucinate.clock import Clock
from hallucinate.errors import LensError, PanoramaError, SourceError, SourceUnavailable
from hallucinate.frame import Frame
from hallucinate.panorama.fitting import Fitting
from hallucinate.plain_text import HOST
from hallucinate.sources import SourceStatistics
from hallucinate.sources.decode import Decoder
from hallucinate.sources.names import public_name
from hallucinate.sources.pacing import Decimator, Timeline
from hallucinate.sources.pump import Pump

PATIENCE_S = 1.0  # how long one read waits before it returns None
TIMEOUT_S = 5.0  # without an answer, to opening and to each read of the network

UNSURE_HOST = re.compile(r"(?!localhost:)[^.\[]+:\d*")
"""What may be a host and its port, or a user's name and the beginning of a password."""


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
        """Begin to open it. Raises SourceUnavailable for an address that is written badly, see ``check_address``."""
        self.name = public_name(url)
        check_address(url)
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


def check_address(url: str) -> None:
    """Raise SourceUnavailable for an address that FFmpeg would read as another than it was meant.

    A user's name and password have to be escaped where a sign in them has a meaning in addresses (RFC 3986, 3.2.1).
    """
    if signs := unescaped(url):
        fixes = " and ".join(f"{'a space' if c.isspace() else c} as %{ord(c):02X}" for c in dict.fromkeys(signs))
        raise SourceUnavailable(
            f"{public_name(url)}: a sign in the user name or password means something else in addresses; write {fixes}"
            + ("" if signs.strip("/?") else ", or @ as %40 where it is in the path"),
            code="address_invalid",
        )
    _, _, host = _authority(url).rpartition("@")
    port = re.search(r":(\d+)$", host)
    if not re.fullmatch(HOST, host) or (port and int(port[1]) > 65535):
        raise SourceUnavailable(
            f"{public_name(url)}: the host or its port is not one; write USER:PASSWORD@HOST:PORT/PATH after the ://, "
            "the port from 0 to 65535 or omitted",
            code="address_invalid",
        )


def unescaped(url: str) -> str:
    """The signs in an address that were to be escaped, as far as they can be told from those that mean themselves.

    >>> unescaped("rtsp://admin:se#cr/et@cam/live"), unescaped("rtsp://admin:100%@cam"), unescaped("http://cam/@me")
    ('#/', '%', '')
    """
    rest, authority = url.partition("://")[2], _authority(url)
    login, at, host = authority.rpartition("@")
    beyond = rest[len(authority) :].rpartition("@")[0]  # what is before the last @, where one comes after the host
    # An @ may be a part of a path or a query; but after "admin:12" or "admin:se" it is the end of a password.
    ended = "#" in beyond or not re.fullmatch(HOST, host) or (not at and UNSURE_HOST.fullmatch(host) is not None)
    signs = re.findall(r"[/?#\\]", beyond) if beyond and ended else []
    if not signs and re.search(r"%(?![0-9A-Fa-f]{2})", login):
        signs = ["%"]
    return "".join([*signs, *re.findall(r"\s", url)])


def _authority(url: str) -> str:
    """What is between the scheme and the path: the login, the host, the port."""
    return re.split(r"[/?#\\]", url.partition("://")[2], maxsplit=1)[0]

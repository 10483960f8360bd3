"""A film file as a source: in its own time, round and round, never late by more than it must be."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av

from hallucinate.clock import Clock
from hallucinate.errors import LensError, PanoramaError, SourceError, SourceUnavailable
from hallucinate.files import ffmpeg_path
from hallucinate.frame import Frame
from hallucinate.panorama.fitting import Fitting
from hallucinate.plain_text import printable
from hallucinate.sources import SourceStatistics
from hallucinate.sources.decode import Decoder
from hallucinate.sources.pacing import Decimator, Timeline

PATIENCE_NS = 1_000_000_000  # how long one read waits before it returns None
SKIP_NS = 100_000_000  # how long one read decodes past old frames before it shows one all the same
LOST_NS = 2_000_000_000  # later than this (a laptop that slept) is not caught up by decoding through it


@dataclass(frozen=True)
class FilmProbe:
    """A film file that is open, and its first frame: enough to find out what it shows, and to play on from there.

    ``rest``: the frames after the first. Who plays the film closes ``decoder``.
    """

    path: Path
    decoder: Decoder
    first: av.VideoFrame
    rest: Iterator[av.VideoFrame]

    @classmethod
    def open(cls, path: Path) -> FilmProbe:
        """Open a film and decode its first frame. Raises SourceUnavailable when it is not a film that decodes."""
        check_file(path)
        decoder = Decoder(ffmpeg_path(path), f"film {printable(path.name)}")
        frames = decoder.frames()
        try:
            first = next(frames, None)
        except SourceError:
            first = None
        if first is None:
            decoder.close()
            raise SourceUnavailable(f"{decoder.name} holds no frame that decodes; is the file damaged or empty?")
        return cls(path, decoder, first, frames)


class Film:
    """A film file, looping. Frames come when their timestamps say; those whose time is over are skipped.

    Of a film that has more than ``fps`` frames per second, only so many are converted to RGB and handed over.
    """

    def __init__(
        self,
        film: Path | FilmProbe,
        width: int,
        height: int,
        clock: Clock,
        panorama: Fitting | None = None,
        fps: float = math.inf,
        own_shape: bool = False,
    ) -> None:
        """Open the film and decode its first frame, unless that is done. fps: as in ``set_fps``.

        panorama: what its pictures are, if they are not flat. own_shape: as for ``fitted``. Raises SourceUnavailable
        when it is not a film, or its pictures are not of the panorama's shape.
        """
        probe = film if isinstance(film, FilmProbe) else FilmProbe.open(film)
        self.name = probe.decoder.name
        self._read = self._late = 0
        self._width, self._height, self._clock, self._panorama = width, height, clock, panorama
        self._own_shape = own_shape
        self._closing = threading.Event()
        self._lock = threading.Lock()  # held while FFmpeg works, so that ``close`` never pulls the file from under it
        self._decoder, self._frames = probe.decoder, probe.rest
        self._timeline = Timeline(clock.now_ns(), self._decoder.longest_step_s)
        self._decimator = Decimator(fps)
        if panorama is not None:
            try:
                self._decoder.picture(probe.first, width, height, panorama)
            except (PanoramaError, LensError) as error:
                self.close()
                raise SourceUnavailable(f"{self.name}: {error}") from None
        time_s, duration_s = self._decoder.seconds(probe.first)
        self._pending: tuple[av.VideoFrame, int, float] | None = (
            probe.first,
            self._timeline.place(time_s, duration_s),
            duration_s,
        )

    @property
    def statistics(self) -> SourceStatistics:
        """See Source; over all loops."""
        return SourceStatistics(self._read, self._late + self._decimator.skipped, self._decoder.damaged)

    def set_fps(self, fps: float) -> None:
        """Hand over at most so many frames per second from now on; the film goes on in its own time."""
        self._decimator.set_fps(fps)

    def read(self) -> Frame | None:
        """The next frame, when it is due; None when it is not due within a second, or when closed.

        Raises SourceError when the film can no longer be read.
        """
        patient_ns = self._clock.now_ns() + PATIENCE_NS
        while True:
            with self._lock:
                if self._closing.is_set():
                    return None
                frame, due_ns, duration_s = self._pending or self._advance()
                self._pending = frame, due_ns, duration_s
            wait_ns = min(due_ns, patient_ns) - self._clock.now_ns()
            if self._clock.wait(wait_ns / 1e9, self._closing) or due_ns > patient_ns:
                return None
            self._pending = None
            if self._decimator.uses(due_ns, duration_s):
                self._read += 1
                size, captured_ns = (self._width, self._height), self._clock.now_ns()
                if self._own_shape:
                    size = self._decoder.own_size(frame, max(size))
                return Frame(self._decoder.picture(frame, *size, self._panorama), captured_ns)

    def close(self) -> None:
        """Wake a waiting ``read`` and close the file."""
        self._closing.set()
        with self._lock:
            self._decoder.close()

    def _advance(self) -> tuple[av.VideoFrame, int, float]:
        """The newest frame whose time is not over yet, when it is due, and how long it is shown in seconds."""
        until_ns = self._clock.now_ns() + SKIP_NS
        while True:
            frame = self._next()
            time_s, duration_s = self._decoder.seconds(frame)
            due_ns, now_ns = self._timeline.place(time_s, duration_s), self._clock.now_ns()
            if now_ns - due_ns > LOST_NS:
                self._timeline.rebase(now_ns)
                return frame, now_ns, duration_s
            if due_ns + duration_s * 1e9 > now_ns or now_ns >= until_ns:
                return frame, due_ns, duration_s
            self._late += 1

    def _next(self) -> av.VideoFrame:
        frame = next(self._frames, None)
        if frame is None:
            self._decoder.rewind()
            self._frames = self._decoder.frames()
            self._timeline.restart()
            frame = next(self._frames, None)
            if frame is None:
                raise SourceError(f"{self.name} can no longer be read; was the file changed?")
        return frame


def check_file(path: Path) -> None:
    """Raise SourceUnavailable, in one line, for a path that is not a readable file with something in it."""
    if path.is_dir():
        raise SourceUnavailable(f"{path} is a folder; name a film or a picture in it")
    try:
        with path.open("rb") as file:
            if not file.read(1):
                raise SourceUnavailable(f"{path} is empty (0 bytes); was it copied to the end?", code="file_empty")
    except FileNotFoundError:
        raise SourceUnavailable(
            f"there is no file {path}; check the spelling and the folder", code="file_missing"
        ) from None
    except OSError as error:
        raise SourceUnavailable(f"{path} cannot be read ({error.strerror}); check its permissions") from None

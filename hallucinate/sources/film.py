"""A film file as a source: in its own time, round and round, never late by more than it must be."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import av

from hallucinate.clock import Clock
from hallucinate.errors import LensError, PanoramaError, SourceError, SourceUnavailable
from hallucinate.frame import Frame
from hallucinate.panorama.fitting import Fitting
from hallucinate.sources.decode import Decoder
from hallucinate.sources.pacing import Timeline

PATIENCE_NS = 1_000_000_000  # how long one read waits before it returns None
SKIP_NS = 100_000_000  # how long one read decodes past old frames before it shows one all the same
LOST_NS = 2_000_000_000  # later than this (a laptop that slept) is not caught up by decoding through it


class Film:
    """A film file, looping. Frames come when their timestamps say; those whose time is over are skipped.

    ``skipped`` and ``damaged`` count frames left out because it was late, and packets that did not decode.
    """

    def __init__(self, path: Path, width: int, height: int, clock: Clock, panorama: Fitting | None = None) -> None:
        """Open the film and decode its first frame. Raises SourceUnavailable when it is no film.

        panorama: what its pictures are, if they are not flat; SourceUnavailable too when their shape is another.
        """
        self.name = f"film {path.name}"
        self.skipped = 0
        self._width, self._height, self._clock, self._panorama = width, height, clock, panorama
        self._closing = threading.Event()
        self._lock = threading.Lock()  # held while FFmpeg works, so that ``close`` never pulls the file from under it
        check_file(path)
        # "file:" keeps FFmpeg from taking a name with a colon for a protocol.
        self._decoder = Decoder(f"file:{path}", self.name)
        self._frames: Iterator[av.VideoFrame] = self._decoder.frames()
        self._timeline = Timeline(clock.now_ns())
        self._pending: tuple[av.VideoFrame, int] | None = None
        try:
            first = next(self._frames, None)
        except SourceError:
            first = None
        if first is None:
            self.close()
            raise SourceUnavailable(f"{self.name} holds no frame that decodes; is the file damaged or empty?")
        if panorama is not None:
            try:
                self._decoder.picture(first, width, height, panorama)
            except (PanoramaError, LensError) as error:
                self.close()
                raise SourceUnavailable(f"{self.name}: {error}") from None
        self._pending = first, self._timeline.place(*self._decoder.seconds(first))

    @property
    def damaged(self) -> int:
        """Packets that did not decode, over all loops."""
        return self._decoder.damaged

    def read(self) -> Frame | None:
        """The next frame, when it is due; None when it is not due within a second, or when closed.

        Raises SourceError when the film can no longer be read.
        """
        with self._lock:
            if self._closing.is_set():
                return None
            frame, due_ns = self._pending or self._advance()
            self._pending = frame, due_ns
        wait_ns = due_ns - self._clock.now_ns()
        if self._clock.wait(min(wait_ns, PATIENCE_NS) / 1e9, self._closing) or wait_ns > PATIENCE_NS:
            return None
        self._pending = None
        captured_ns = self._clock.now_ns()
        return Frame(self._decoder.picture(frame, self._width, self._height, self._panorama), captured_ns)

    def close(self) -> None:
        """Wake a waiting ``read`` and close the file."""
        self._closing.set()
        with self._lock:
            self._decoder.close()

    def _advance(self) -> tuple[av.VideoFrame, int]:
        """The newest frame whose time is not over yet, and when it is due."""
        until_ns = self._clock.now_ns() + SKIP_NS
        while True:
            frame = self._next()
            time_s, duration_s = self._decoder.seconds(frame)
            due_ns, now_ns = self._timeline.place(time_s, duration_s), self._clock.now_ns()
            if now_ns - due_ns > LOST_NS:
                self._timeline.rebase(now_ns)
                return frame, now_ns
            if due_ns + duration_s * 1e9 > now_ns or now_ns >= until_ns:
                return frame, due_ns
            self.skipped += 1

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
    """Raise SourceUnavailable, in one line, for a path that is no readable file with something in it."""
    if path.is_dir():
        raise SourceUnavailable(f"{path} is a folder; give a film or a picture in it")
    try:
        with path.open("rb") as file:
            if not file.read(1):
                raise SourceUnavailable(f"{path} is empty (0 bytes); was it copied to the end?")
    except FileNotFoundError:
        raise SourceUnavailable(f"there is no file {path}; check the spelling and the folder") from None
    except OSError as error:
        raise SourceUnavailable(f"{path} cannot be read ({error.strerror}); check its permissions") from None

"""Where frames come from: a camera, a film, an address, a picture, the built-in scene, a guest's camera."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from hallucinate.frame import Frame


@dataclass(frozen=True, slots=True)
class SourceStatistics:
    """What became of a source's frames, counted from its opening.

    read: handed over to the reader. skipped: frames that came or were decoded, and were not handed over: too late,
    more than the frame rate needs, or overwritten by a newer one. damaged: packets that did not decode.
    """

    read: int = 0
    skipped: int = 0
    damaged: int = 0

    def __add__(self, other: SourceStatistics) -> SourceStatistics:
        """The sums of both."""
        return SourceStatistics(self.read + other.read, self.skipped + other.skipped, self.damaged + other.damaged)


class Source(Protocol):
    """Something that delivers frames, one at a time, on the reader's thread.

    ``name`` is for people ("camera 0", "film sea.mp4").
    """

    name: str

    @property
    def statistics(self) -> SourceStatistics:
        """What became of its frames so far. May be read from any thread, also after ``close``."""
        ...

    def set_fps(self, fps: float) -> None:
        """Follow the dream's frame rate, in frames per second, from the next frame on. May be called from any thread.

        A source that is drawn delivers frames at this rate; a film keeps its own time and skips what goes beyond this
        rate; a camera is requested to deliver it; a stream or a guest's camera has its own rate, and nothing changes.
        """
        ...

    def read(self) -> Frame | None:
        """Block until the next frame is due and return it; None when none came for about a second.

        Raises SourceError when it broke (the loop opens it again, with back-off).
        """
        ...

    def close(self) -> None:
        """Let go of the device or file; also wakes a blocked ``read``. May be called twice."""
        ...


@runtime_checkable
class Remarking(Protocol):
    """A source that may have something to say while its frames come."""

    @property
    def remark(self) -> str:
        """What people should know of its last frame, in words that name the source; "" when all is well."""
        ...

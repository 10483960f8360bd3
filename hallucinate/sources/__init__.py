"""Where frames come from: a camera, a film, an address, a picture, the built-in scene, a guest's camera."""

from __future__ import annotations

from typing import Protocol

from hallucinate.frame import Frame


class Source(Protocol):
    """Something that gives frames, one at a time, on the reader's thread.

    ``name`` is for people ("camera 0", "film sea.mp4").
    """

    name: str

    def read(self) -> Frame | None:
        """Block until the next frame is due and return it; None when none came for about a second.

        Raises SourceError when it broke (the loop opens it again, with back-off).
        """
        ...

    def close(self) -> None:
        """Let go of the device or file; also wakes a blocked ``read``. May be called twice."""
        ...

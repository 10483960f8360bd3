"""What the server needs of the loop, and no more: the tests put a scripted one in its place."""

from __future__ import annotations

from typing import Protocol

from hallucinate.frame import Picture
from hallucinate.sources.visitor import VisitorSource
from hallucinate.stage import Stage


class Dream(Protocol):
    """One dream: what is shown, and the name that viewers ask for it by."""

    @property
    def id(self) -> str:
        """``main``, or a visitor's own."""
        ...

    @property
    def stage(self) -> Stage:
        """Where its newest frame is; closed when the dream ends."""
        ...


class Loop(Protocol):
    """The dreams that there are, and the way for a visitor to get one."""

    @property
    def main(self) -> Dream:
        """The dream that everybody sees."""
        ...

    def admit(self, source: VisitorSource) -> Dream:
        """Start a dream of what ``source`` gives. Raises BusyError, with the reason, when there is no room."""
        ...

    def dismiss(self, dream_id: str) -> None:
        """End a visitor's dream; an unknown id is no error."""
        ...

    def find(self, dream_id: str) -> Dream | None:
        """The dream of that name, or None."""
        ...

    def lay(self, kind: str, picture: Picture | None) -> None:
        """Take a "guide" or a "mask", uint8 RGB (H, W, 3), or with None take it away."""
        ...

    def laid(self, kind: str) -> Picture | None:
        """The guide or the mask that was handed in, or None."""
        ...

    def stats(self) -> dict[str, object]:
        """Figures about the loop, ready for JSON."""
        ...

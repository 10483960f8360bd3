"""What the server needs of the loop, and no more: the tests put a scripted one in its place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from hallucinate.frame import Picture
from hallucinate.sources.guest import GuestSource
from hallucinate.statistics import LoopStatistics, NetworkStatistics
from hallucinate.subscriber import Stage


class DreamApi(Protocol):
    """One dream: what leaves it, and the name by which viewers request it."""

    @property
    def id(self) -> str:
        """``main``, or a guest's own."""
        ...

    @property
    def stage(self) -> Stage:
        """Where its newest frame is; closed when the dream ends."""
        ...


class NetworksApi(Protocol):
    """Which network dreams, and how another one is loaded."""

    @property
    def facts(self) -> Mapping[str, object]:
        """What there is to say about the one that dreams, ready for JSON."""
        ...

    def choices(self) -> list[dict[str, object]]:
        """Those that there are, ready for JSON; reads the disk."""
        ...

    def begin(self, name: str) -> None:
        """Begin to load one. Raises LoadingError while another is loaded, NetworkError for an unknown name."""
        ...

    def listen(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call ``listener`` after each change, on any thread; returns what ends that."""
        ...

    def stats(self) -> NetworkStatistics:
        """Which one dreams, which is being loaded, how much of it has arrived, what went wrong."""
        ...


class LoopApi(Protocol):
    """The dreams that there are, and how a guest gets one."""

    @property
    def main(self) -> DreamApi:
        """The dream that everybody sees."""
        ...

    @property
    def networks(self) -> NetworksApi:
        """Which network dreams, and how another one is loaded."""
        ...

    def admit(self, source: GuestSource) -> DreamApi:
        """Start a dream of what ``source`` gives. Raises BusyError, with the reason, when there is no room."""
        ...

    def dismiss(self, dream_id: str) -> None:
        """End a guest's dream; an unknown id is no error."""
        ...

    def find(self, dream_id: str) -> DreamApi | None:
        """The dream of that name, or None."""
        ...

    def set_picture(self, kind: str, picture: Picture | None) -> None:
        """Take a "guide" or a "mask", uint8 RGB (H, W, 3), or with None take it away."""
        ...

    def picture_of(self, kind: str) -> Picture | None:
        """The guide or the mask that was handed in, or None."""
        ...

    def stats(self) -> LoopStatistics:
        """The loop's figures."""
        ...

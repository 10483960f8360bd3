"""A thread for sources whose reads block in the driver or the network, where no event can wake them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from typing import Generic, TypeVar

from hallucinate.errors import SourceError
from hallucinate.subscriber import Subscriber

T = TypeVar("T")

JOIN_S = 0.5
"""How long ``close`` waits for the thread. A thread whose driver blocks longer is abandoned: it closes the device by
itself as soon as the driver returns."""


class Pump(Generic[T]):
    """Runs a generator of items on a thread of its own and holds the newest item.

    ``items(closing)`` opens the device, yields, and closes the device in a ``finally``; it looks at ``closing``
    wherever it waits. Opening happens on the thread too, so that making a source never blocks its owner.
    """

    def __init__(self, name: str, items: Callable[[threading.Event], Generator[T, None, None]]) -> None:
        self._items = items
        self._slot: Subscriber[T] = Subscriber()
        self._closing = threading.Event()
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name=f"source: {name}", daemon=True)
        self._thread.start()

    @property
    def dropped(self) -> int:
        """Items that were overwritten by newer ones before they were taken."""
        return self._slot.dropped

    def take(self, timeout_s: float) -> T | None:
        """The newest item, waiting at most ``timeout_s`` seconds; None when none came or the pump was closed.

        Raises what ended the generator: usually SourceError.
        """
        item = self._slot.take(timeout_s)
        if item is None and self._error is not None and not self._closing.is_set():
            raise self._error
        return item

    def close(self) -> None:
        """Wake ``take`` and have the thread end. May be called twice, and from any thread."""
        self._closing.set()
        self._slot.close()
        if self._thread is not threading.current_thread():
            self._thread.join(JOIN_S)

    def _run(self) -> None:
        items = self._items(self._closing)
        try:
            for item in items:
                if self._closing.is_set():
                    break
                self._slot.put(item)
            else:
                self._error = SourceError("it ended")
        except Exception as error:  # handed to the reader, which reports it and tries again
            self._error = error
        finally:
            items.close()  # runs the generator's own ``finally`` here, on the thread that opened the device
            self._slot.close()

"""The contract between who makes something and who takes it: a ring of its own for each subscriber, newest wins.

A subscriber that is slow loses its own items, counts them, and delays neither the publisher nor another subscriber.
The same contract serves frames between two threads, raw pictures (a stage) and encoded packets (an encoder). One with
room for one item is a slot.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

from hallucinate.frame import OutputFrame

T = TypeVar("T")


class Subscriber(Generic[T]):
    """A bounded ring between a publisher and one reader. Safe between threads.

    room: items that may wait, at least 1; with 1 the newest wins. wake: called after each item and after the end, on
    the publisher's thread, and must not wait: a reader that has an event loop is woken by it.
    """

    def __init__(self, room: int = 1, wake: Callable[[], None] = lambda: None) -> None:
        self._ready = threading.Condition()
        self._items: deque[T] = deque(maxlen=room)
        self._wake = wake
        self._closed = False
        self._dropped = 0

    @property
    def dropped(self) -> int:
        """Items that were pushed out before they were taken."""
        return self._dropped

    @property
    def full(self) -> bool:
        """Whether no more fits without pushing one out; with room for one: whether an item waits."""
        return len(self._items) == self._items.maxlen

    @property
    def closed(self) -> bool:
        """True once nothing more comes; what waits can still be taken."""
        return self._closed

    def put(self, item: T) -> None:
        """Hand over an item, and push out the oldest where there is no room. Never waits; ignored once closed."""
        with self._ready:
            if self._closed:
                return
            self._dropped += self.full
            self._items.append(item)
            self._ready.notify()
        self._wake()

    def take(self, timeout_s: float) -> T | None:
        """The oldest item that waits, within ``timeout_s`` seconds; None when there is none, at once when closed."""
        with self._ready:
            self._ready.wait_for(lambda: self._items or self._closed, timeout_s)
            return self._items.popleft() if self._items else None

    def close(self) -> None:
        """Nothing more comes; wake the reader. May be called twice."""
        with self._ready:
            self._closed = True
            self._ready.notify_all()
        self._wake()


class Publisher(Generic[T]):
    """Hands each item to all its subscribers. One thread publishes; any thread subscribes and closes.

    Reading a property changes nothing.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._subscribers: tuple[Subscriber[T], ...] = ()
        self._newest: T | None = None
        self._closed = False
        self._dropped_before = 0

    @property
    def newest(self) -> T | None:
        """What was published last; None before the first item."""
        return self._newest

    @property
    def subscribers(self) -> int:
        """How many there are."""
        return len(self._subscribers)

    @property
    def dropped(self) -> int:
        """Items that subscribers lost, those who are gone included."""
        with self._lock:
            return self._dropped_before + sum(subscriber.dropped for subscriber in self._subscribers)

    @property
    def closed(self) -> bool:
        """True once nothing more will be published."""
        return self._closed

    def subscribe(self, room: int = 1, wake: Callable[[], None] = lambda: None, replay: bool = False) -> Subscriber[T]:
        """A subscriber that gets every item from now on; one that is closed where nothing more comes.

        room, wake: as for ``Subscriber``. replay: whether it gets the newest item at once.
        """
        subscriber: Subscriber[T] = Subscriber(room, wake)
        with self._lock:
            if replay and self._newest is not None:
                subscriber.put(self._newest)
            if not self._closed:
                self._subscribers = (*self._subscribers, subscriber)
                return subscriber
        subscriber.close()
        return subscriber

    def unsubscribe(self, subscriber: Subscriber[T]) -> None:
        """Close a subscriber and give it nothing more. One that is gone already is fine."""
        with self._lock:
            if subscriber in self._subscribers:
                self._subscribers = tuple(other for other in self._subscribers if other is not subscriber)
                self._dropped_before += subscriber.dropped
        subscriber.close()

    def publish(self, item: T) -> None:
        """Hand an item to all subscribers; never waits. Ignored once closed."""
        with self._lock:
            if self._closed:
                return
            self._newest, subscribers = item, self._subscribers
        for subscriber in subscribers:
            subscriber.put(item)

    def close(self) -> None:
        """Nothing more will be published; close all subscribers. May be called twice."""
        with self._lock:
            self._closed = True
            subscribers = self._subscribers
        for subscriber in subscribers:
            subscriber.close()


Stage = Publisher[OutputFrame]
"""Where a dream's newest ``OutputFrame`` is: what raw pictures are taken from."""

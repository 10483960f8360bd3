"""The contract: whoever is slow loses its own items, counts them, and delays nobody."""

import threading

from hallucinate.subscriber import Publisher, Subscriber

SOON = 10.0


def test_with_room_for_one_the_newest_wins_and_the_others_are_counted() -> None:
    subscriber: Subscriber[int] = Subscriber()
    for n in range(5):
        subscriber.put(n)
    assert subscriber.full
    assert (subscriber.take(0), subscriber.dropped, subscriber.full) == (4, 4, False)
    assert subscriber.take(0) is None


def test_a_ring_pushes_out_the_oldest() -> None:
    subscriber: Subscriber[int] = Subscriber(room=3)
    for n in range(5):
        subscriber.put(n)
    assert [subscriber.take(0) for _ in range(4)] == [2, 3, 4, None]
    assert subscriber.dropped == 2


def test_a_reader_waits_for_an_item_and_for_the_end() -> None:
    subscriber: Subscriber[str] = Subscriber()
    first = threading.Event()
    seen: list[str | None] = []

    def read() -> None:
        seen.append(subscriber.take(SOON))
        first.set()
        seen.append(subscriber.take(SOON))

    reading = threading.Thread(target=read)
    reading.start()
    subscriber.put("one")
    assert first.wait(SOON)
    subscriber.close()
    reading.join(SOON)
    assert seen == ["one", None]


def test_what_waits_at_the_end_can_still_be_taken_and_nothing_comes_after() -> None:
    subscriber: Subscriber[int] = Subscriber(room=2)
    subscriber.put(1)
    subscriber.close()
    subscriber.put(2)
    assert subscriber.closed
    assert [subscriber.take(0), subscriber.take(SOON)] == [1, None]


def test_it_wakes_whoever_reads_elsewhere() -> None:
    woken: list[bool] = []
    subscriber: Subscriber[int] = Subscriber(wake=lambda: woken.append(subscriber.closed))
    subscriber.put(1)
    subscriber.close()
    assert woken == [False, True]


def test_each_subscriber_has_its_own_items_and_its_own_losses() -> None:
    publisher: Publisher[int] = Publisher()
    slow, quick = publisher.subscribe(), publisher.subscribe()
    taken = []
    for n in range(4):
        publisher.publish(n)
        taken.append(quick.take(0))
    assert (taken, quick.dropped) == ([0, 1, 2, 3], 0)
    assert (slow.take(0), slow.dropped) == (3, 3)
    assert publisher.dropped == 3
    publisher.unsubscribe(slow)
    publisher.unsubscribe(slow)
    assert (publisher.dropped, publisher.subscribers, slow.closed) == (3, 1, True)


def test_looking_changes_nothing() -> None:
    publisher: Publisher[int] = Publisher()
    assert (publisher.newest, publisher.subscribers, publisher.closed) == (None, 0, False)
    subscriber = publisher.subscribe()
    publisher.publish(1)
    for _ in range(2):
        assert (publisher.newest, publisher.subscribers) == (1, 1)
    assert subscriber.take(0) == 1


def test_the_newest_comes_at_once_and_once_to_who_wants_it() -> None:
    publisher: Publisher[int] = Publisher()
    publisher.publish(1)
    publisher.publish(2)
    early, late = publisher.subscribe(room=4, replay=True), publisher.subscribe(room=4)
    publisher.publish(3)
    assert [early.take(0), early.take(0), early.take(0)] == [2, 3, None]
    assert [late.take(0), late.take(0)] == [3, None]


def test_the_end_is_everybodys_and_who_comes_after_it_is_told_at_once() -> None:
    publisher: Publisher[int] = Publisher()
    before = publisher.subscribe()
    publisher.close()
    publisher.close()
    publisher.publish(1)
    after = publisher.subscribe()
    assert before.closed
    assert after.closed
    assert publisher.closed
    assert (publisher.newest, before.take(SOON)) == (None, None)


def test_a_subscriber_that_is_never_read_delays_nobody() -> None:
    publisher: Publisher[int] = Publisher()
    publisher.subscribe()
    reader = publisher.subscribe(room=1000)

    def publish() -> None:
        for n in range(1000):
            publisher.publish(n)

    publishing = threading.Thread(target=publish)
    publishing.start()
    publishing.join(SOON)
    assert [reader.take(0) for _ in range(1000)] == list(range(1000))

"""Shared encoders: one for all who want the same of a stage, a few at most, with packets for whoever subscribes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Protocol

import numpy as np
import pytest
from av.packet import Packet

from hallucinate.clock import SystemClock
from hallucinate.frame import OutputFrame
from hallucinate.outputs import marker
from hallucinate.outputs.encoder import Codec, ticks
from hallucinate.outputs.encoding import KEYFRAME_APART_NS, Continuity, EncodedPacket, Encoders, Feed
from hallucinate.outputs.encoding_statistics import WINDOW_FRAMES, WINDOW_NS, EncodedPicture, EncodingWindow
from hallucinate.outputs.marker import CYCLE_MS
from hallucinate.outputs.rungs import Rung, View, nearest
from hallucinate.subscriber import Stage
from tests.outputs.pictures import decode
from tests.refusals import refused
from tests.stream.foreign import BLUE, RED, picture_of, plain

SOON = 10.0
VP8 = Rung(Codec.VP8)


class SetClock(SystemClock):
    """Tells the time that it is set to."""

    def __init__(self) -> None:
        self.ns = 1_000_000_000_000

    def now_ns(self) -> int:
        return self.ns


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def encoders(clock: SetClock) -> Encoders:
    return Encoders(lambda: 24.0, clock)


@pytest.fixture
def stage() -> Stage:
    return Stage()


class Subscribe(Protocol):
    """Subscribes to a rung of the stage."""

    def __call__(self, rung: Rung = VP8, instead_of: Feed | None = None) -> Feed: ...


@pytest.fixture
def subscribe(encoders: Encoders, stage: Stage) -> Iterator[Subscribe]:
    """Subscribes to rungs of the stage; at the end, whoever is still there leaves, and every thread ends."""
    feeds: list[Feed] = []

    def subscribe(rung: Rung = VP8, instead_of: Feed | None = None) -> Feed:
        feeds.append(encoders.subscribe(stage, rung, 16, lambda: None, instead_of))
        return feeds[-1]

    yield subscribe
    for feed in feeds:
        encoders.unsubscribe(feed)
    encoders.join(SOON)
    assert not any(feed.encoder.thread.is_alive() for feed in feeds)
    assert (len(encoders), stage.subscribers) == (0, 0)


def publish(stage: Stage, clock: SetClock, age_ns: int = 7_000_000) -> None:
    clock.ns += 40_000_000
    stage.publish(OutputFrame(plain(RED), plain(BLUE), clock.ns - age_ns, clock.ns))


def take(feed: Feed) -> EncodedPacket:
    """Wait until the next packet has come."""
    taken = feed.packets.take(SOON)
    assert taken is not None
    return taken


def encoded(stage: Stage, clock: SetClock, feed: Feed, age_ns: int = 7_000_000) -> Packet[Any]:
    """Publish one frame, and wait until its packet has come."""
    publish(stage, clock, age_ns)
    return take(feed).packet


def test_keyframes_come_when_wanted_and_are_rationed(subscribe: Subscribe, stage: Stage, clock: SetClock) -> None:
    feed = subscribe()
    assert encoded(stage, clock, feed).is_keyframe
    feed.encoder.want_keyframe()
    apart = KEYFRAME_APART_NS // 40_000_000
    keys = [encoded(stage, clock, feed).is_keyframe for _ in range(apart + 3)]
    assert keys.index(True) == apart
    assert sum(keys) == 1


def test_packets_are_numbered_without_a_gap(subscribe: Subscribe, stage: Stage, clock: SetClock) -> None:
    feed = subscribe()
    numbers = []
    for _ in range(4):
        publish(stage, clock)
        numbers.append(take(feed).sequence)
    assert numbers == [1, 2, 3, 4]


def test_a_stage_that_stands_still_is_encoded_for_who_comes(
    subscribe: Subscribe, stage: Stage, clock: SetClock
) -> None:
    first = subscribe()
    before = encoded(stage, clock, first)
    clock.ns += 2_000_000_000
    second = subscribe()
    packet = take(second).packet
    assert packet.is_keyframe
    assert packet.pts is not None
    assert before.pts is not None
    assert packet.pts > before.pts
    assert second.encoder is first.encoder


def test_what_was_on_the_stage_before_comes_at_once(subscribe: Subscribe, stage: Stage, clock: SetClock) -> None:
    publish(stage, clock)
    assert take(subscribe()).packet.is_keyframe


def test_latency_is_from_capture_to_packet(
    encoders: Encoders, subscribe: Subscribe, stage: Stage, clock: SetClock
) -> None:
    encoded(stage, clock, subscribe())
    statistics = encoders.statistics()
    assert (statistics.capture_to_packet_ms, statistics.frames) == (7.0, 1)


def test_timestamps_are_of_encoding_so_that_a_slow_dream_is_no_jitter(
    subscribe: Subscribe, stage: Stage, clock: SetClock
) -> None:
    feed = subscribe()
    for age_ns in (7_000_000, 90_000_000, 20_000_000):
        assert encoded(stage, clock, feed, age_ns=age_ns).pts == ticks(clock.ns)


def test_who_measures_has_an_encoder_with_the_marker_and_the_others_have_none(
    encoders: Encoders, subscribe: Subscribe, stage: Stage, clock: SetClock
) -> None:
    feeds = subscribe(), subscribe(replace(VP8, marked=True))
    clock.ns += 40_000_000
    stage.publish(OutputFrame(plain(RED, 640, 360), plain(BLUE, 640, 360), clock.ns - 7_000_000, clock.ns))
    packets = [take(feed).packet for feed in feeds]
    seen = [picture_of(decode(Codec.VP8, [packet])[0]) for packet in packets]
    assert [marker.read(picture) for picture in seen] == [None, (clock.ns - 7_000_000) // 1_000_000 % CYCLE_MS]
    assert stage.newest is not None
    assert (stage.newest.dream == RED).all()
    encoders.unsubscribe(feeds[1])
    assert len(encoders) == 1


def test_a_closed_stage_ends_all_subscribers(subscribe: Subscribe, stage: Stage) -> None:
    before = subscribe()
    stage.close()
    assert before.packets.take(SOON) is None
    assert before.packets.closed
    after = subscribe()
    assert after.packets.take(SOON) is None
    assert after.packets.closed


def test_a_picture_that_cannot_be_encoded_is_counted_and_the_next_one_comes(
    encoders: Encoders, subscribe: Subscribe, stage: Stage, clock: SetClock, caplog: pytest.LogCaptureFixture
) -> None:
    feed = subscribe()
    for n in range(1, 4):
        bad = np.zeros((1, 1, 3), np.uint8)
        stage.publish(OutputFrame(bad, bad, clock.ns, clock.ns))
        while encoders.statistics().failures < n:
            pass
    assert encoded(stage, clock, feed).is_keyframe
    assert len(caplog.records) == 1


def test_a_subscriber_that_reads_nothing_loses_its_own_packets_only(
    encoders: Encoders, subscribe: Subscribe, stage: Stage, clock: SetClock
) -> None:
    slow, quick = subscribe(), subscribe()
    packets = [encoded(stage, clock, quick) for _ in range(20)]
    assert len(packets) == 20
    assert (quick.packets.dropped, slow.packets.dropped) == (0, 4)
    assert encoders.statistics().dropped_packets == 4
    encoders.unsubscribe(slow)
    encoders.unsubscribe(quick)
    assert encoders.statistics().dropped_packets == 4


def test_an_encoder_that_is_late_counts_the_frames_that_it_lost(
    encoders: Encoders, subscribe: Subscribe, stage: Stage, clock: SetClock
) -> None:
    feed = subscribe()
    encoded(stage, clock, feed)
    going_on = threading.Event()

    class Held(SetClock):
        def now_ns(self) -> int:
            going_on.wait(SOON)
            return clock.ns

    feed.encoder._clock = Held()
    for _ in range(5):
        publish(stage, clock)
    while feed.encoder._frames._items and not feed.encoder.dropped:
        pass
    going_on.set()
    assert feed.packets.take(SOON) is not None
    assert encoders.statistics().dropped_frames >= 3


class TestCap:
    """As many encoders as may run, and what a subscriber gets who would need one more."""

    @pytest.fixture
    def encoders(self, clock: SetClock) -> Encoders:
        return Encoders(lambda: 24.0, clock, limit=2)

    def test_one_too_many_shares_the_nearest(self, encoders: Encoders, subscribe: Subscribe) -> None:
        full, least = subscribe(), subscribe(replace(VP8, share=0.25))
        assert subscribe(replace(VP8, share=0.63)).encoder is least.encoder  # rather fewer bits than more
        assert subscribe().encoder is full.encoder
        assert len(encoders) == 2

    def test_where_none_is_near_it_is_refused_and_nothing_changes(
        self, encoders: Encoders, subscribe: Subscribe, stage: Stage
    ) -> None:
        subscribe()
        other, _ = subscribe(replace(VP8, view=View.CAMERA)), subscribe(replace(VP8, view=View.CAMERA))
        for rung in (Rung(Codec.H264), replace(VP8, marked=True)):
            with refused("encoders_in_use", "2 encoders"):
                encoders.check(stage, rung)
            with refused("encoders_in_use", "2 encoders"):
                subscribe(rung, instead_of=other)
        assert not other.packets.closed
        with refused("encoders_in_use", "2 encoders"):
            encoders.check(Stage(), VP8)  # another dream's rung is never near
        assert len(encoders) == 2

    def test_who_leaves_an_encoder_alone_makes_room_for_its_next(
        self, encoders: Encoders, subscribe: Subscribe
    ) -> None:
        subscribe()
        feed = subscribe(replace(VP8, view=View.CAMERA))
        marked = subscribe(replace(VP8, marked=True), instead_of=feed)
        assert marked.encoder.rung.marked
        assert feed.packets.closed
        assert len(encoders) == 2

    def test_where_its_own_is_the_nearest_it_stays(self, encoders: Encoders, subscribe: Subscribe) -> None:
        feed = subscribe(replace(VP8, share=0.4))
        subscribe(replace(VP8, share=0.4))
        subscribe(replace(VP8, view=View.CAMERA))
        assert subscribe(replace(VP8, share=0.25), instead_of=feed) is feed
        assert not feed.packets.closed


def test_the_nearest_rung_shows_the_same_and_is_never_wider() -> None:
    rung = Rung(Codec.VP8, max_width=2048)
    others = [
        Rung(Codec.H264, max_width=2048),
        Rung(Codec.VP8, View.CAMERA, max_width=2048),
        Rung(Codec.VP8, max_width=2048, marked=True),
        Rung(Codec.VP8),
        Rung(Codec.VP8, max_width=4096),
    ]
    assert nearest(rung, others) is None
    small = Rung(Codec.VP8, max_width=1280)
    assert nearest(rung, [*others, small]) == small
    shares = [replace(rung, share=share) for share in (1.0, 0.4, 0.25)]
    assert nearest(replace(rung, share=0.63), [*others, small, *shares]) == shares[1]
    assert nearest(replace(rung, share=0.25), shares[:2]) == shares[1]
    assert nearest(Rung(Codec.VP8), [*shares, small]) == shares[0]


def test_statistics_name_each_rung_and_what_it_gets(
    encoders: Encoders, subscribe: Subscribe, stage: Stage, clock: SetClock
) -> None:
    feed = subscribe(Rung(Codec.VP8, max_width=1280, share=0.63))
    (before,) = encoders.statistics().rungs
    encoded(stage, clock, feed)
    subscribe(Rung(Codec.VP8, max_width=1280, share=0.63))
    (after,) = encoders.statistics().rungs
    assert (before.target_bps, before.subscribers) == (None, 1)
    assert (after.view, after.codec, after.max_width_px, after.marked) == ("dream", "VP8", 1280, False)
    assert (after.bitrate_share, after.target_bps, after.subscribers) == (0.63, feed.encoder.target_bps, 2)
    assert feed.encoder.target_bps == int(0.63 * feed.encoder.full_bps)


def packet_that_is(key: bool) -> Packet[Any]:
    packet: Packet[Any] = Packet(b"\x00")
    packet.is_keyframe = key
    return packet


def test_packets_can_be_decoded_from_a_keyframe_until_one_is_missing() -> None:
    continuity = Continuity()
    script = [(1, False), (2, True), (3, False), (5, False), (6, False), (7, True), (8, False), (20, True), (21, False)]
    admitted = [n for n, key in script if continuity.admits(EncodedPacket(packet_that_is(key), n))]
    assert admitted == [2, 3, 7, 8, 20, 21]


def test_figures_are_of_the_last_seconds_and_bounded() -> None:
    window = EncodingWindow()
    window.add(EncodedPicture(0, 1_000_000, 900_000_000, 100))
    for n in range(WINDOW_FRAMES + 50):
        window.add(EncodedPicture(WINDOW_NS + 1 + n * 1_000_000, 2_000_000, n * 1_000_000, 125))
    figures = window.figures(WINDOW_NS + 1 + (WINDOW_FRAMES + 49) * 1_000_000)
    assert figures.frames == WINDOW_FRAMES + 51
    assert figures.encode_ms == 2.0
    assert figures.capture_to_packet_ms == pytest.approx(50 + WINDOW_FRAMES / 2, abs=1)
    assert figures.capture_to_packet_p95_ms == pytest.approx(50 + 0.95 * WINDOW_FRAMES, abs=1)
    assert figures.bitrate_bps == 1_000_000  # 125 bytes each millisecond
    assert EncodingWindow().figures(0).bitrate_bps is None

"""Shared encoders: one for all who want the same of a stage, a few at most, with packets for whoever subscribes."""

import threading
from dataclasses import replace

import numpy as np
import pytest

from hallucinate.clock import SystemClock
from hallucinate.errors import BusyError
from hallucinate.frame import OutputFrame
from hallucinate.outputs import marker
from hallucinate.outputs.encoder import Codec, ticks
from hallucinate.outputs.encoding import KEYFRAME_APART_NS, Continuity, EncodedPacket, Encoders, Feed
from hallucinate.outputs.encoding_statistics import WINDOW_FRAMES, WINDOW_NS, EncodedPicture, EncodingWindow
from hallucinate.outputs.marker import CYCLE_MS
from hallucinate.outputs.rungs import Rung, View, nearest
from hallucinate.subscriber import Stage
from tests.outputs.pictures import decode
from tests.stream.foreign import BLUE, RED, plain

SOON = 10.0
VP8 = Rung(Codec.VP8)


class SetClock(SystemClock):
    """Tells the time that it is set to."""

    def __init__(self) -> None:
        self.ns = 1_000_000_000_000

    def now_ns(self) -> int:
        return self.ns


@pytest.fixture
def clock():
    return SetClock()


@pytest.fixture
def encoders(clock):
    return Encoders(lambda: 24.0, clock)


@pytest.fixture
def stage():
    return Stage()


@pytest.fixture
def subscribe(encoders, stage):
    """Subscribes to rungs of the stage; at the end, whoever is still there leaves, and every thread ends."""
    feeds: list[Feed] = []

    def subscribe(rung=VP8, **more) -> Feed:
        feeds.append(encoders.subscribe(stage, rung, 16, lambda: None, **more))
        return feeds[-1]

    yield subscribe
    for feed in feeds:
        encoders.unsubscribe(feed)
    encoders.join(SOON)
    assert not any(feed.encoder.thread.is_alive() for feed in feeds)
    assert (len(encoders), stage.subscribers) == (0, 0)


def publish(stage, clock, age_ns=7_000_000):
    clock.ns += 40_000_000
    stage.publish(OutputFrame(plain(RED), plain(BLUE), clock.ns - age_ns, clock.ns))


def encoded(stage, clock, feed, **more):
    """Publish one frame, and wait until its packet has come."""
    publish(stage, clock, **more)
    taken = feed.packets.take(SOON)
    assert taken is not None
    return taken.packet


def test_keyframes_come_when_wanted_and_are_rationed(subscribe, stage, clock):
    feed = subscribe()
    assert encoded(stage, clock, feed).is_keyframe
    feed.encoder.want_keyframe()
    apart = KEYFRAME_APART_NS // 40_000_000
    keys = [encoded(stage, clock, feed).is_keyframe for _ in range(apart + 3)]
    assert keys.index(True) == apart
    assert sum(keys) == 1


def test_packets_are_numbered_without_a_gap(subscribe, stage, clock):
    feed = subscribe()
    numbers = []
    for _ in range(4):
        publish(stage, clock)
        numbers.append(feed.packets.take(SOON).sequence)
    assert numbers == [1, 2, 3, 4]


def test_a_stage_that_stands_still_is_encoded_for_who_comes(subscribe, stage, clock):
    first = subscribe()
    before = encoded(stage, clock, first)
    clock.ns += 2_000_000_000
    second = subscribe()
    packet = second.packets.take(SOON).packet
    assert packet.is_keyframe
    assert packet.pts > before.pts
    assert second.encoder is first.encoder


def test_what_was_on_the_stage_before_comes_at_once(subscribe, stage, clock):
    publish(stage, clock)
    assert subscribe().packets.take(SOON).packet.is_keyframe


def test_latency_is_from_capture_to_packet(encoders, subscribe, stage, clock):
    encoded(stage, clock, subscribe())
    statistics = encoders.statistics()
    assert (statistics.capture_to_packet_ms, statistics.frames) == (7.0, 1)


def test_timestamps_are_of_encoding_so_that_a_slow_dream_is_no_jitter(subscribe, stage, clock):
    feed = subscribe()
    for age_ns in (7_000_000, 90_000_000, 20_000_000):
        assert encoded(stage, clock, feed, age_ns=age_ns).pts == ticks(clock.ns)


def test_who_measures_has_an_encoder_with_the_marker_and_the_others_have_none(encoders, subscribe, stage, clock):
    feeds = subscribe(), subscribe(replace(VP8, marked=True))
    clock.ns += 40_000_000
    stage.publish(OutputFrame(plain(RED, 640, 360), plain(BLUE, 640, 360), clock.ns - 7_000_000, clock.ns))
    packets = [feed.packets.take(SOON).packet for feed in feeds]
    seen = [decode(Codec.VP8, [packet])[0].to_ndarray(format="rgb24") for packet in packets]
    assert [marker.read(picture) for picture in seen] == [None, (clock.ns - 7_000_000) // 1_000_000 % CYCLE_MS]
    assert stage.newest is not None
    assert (stage.newest.dream == RED).all()
    encoders.unsubscribe(feeds[1])
    assert len(encoders) == 1


def test_a_closed_stage_ends_all_subscribers(subscribe, stage):
    before = subscribe()
    stage.close()
    assert before.packets.take(SOON) is None
    assert before.packets.closed
    after = subscribe()
    assert after.packets.take(SOON) is None
    assert after.packets.closed


def test_a_picture_that_cannot_be_encoded_is_counted_and_the_next_one_comes(encoders, subscribe, stage, clock, caplog):
    feed = subscribe()
    for n in range(1, 4):
        bad = np.zeros((1, 1, 3), np.uint8)
        stage.publish(OutputFrame(bad, bad, clock.ns, clock.ns))
        while encoders.statistics().failures < n:
            pass
    assert encoded(stage, clock, feed).is_keyframe
    assert len(caplog.records) == 1


def test_a_subscriber_that_reads_nothing_loses_its_own_packets_only(encoders, subscribe, stage, clock):
    slow, quick = subscribe(), subscribe()
    packets = [encoded(stage, clock, quick) for _ in range(20)]
    assert len(packets) == 20
    assert (quick.packets.dropped, slow.packets.dropped) == (0, 4)
    assert encoders.statistics().dropped_packets == 4
    encoders.unsubscribe(slow)
    encoders.unsubscribe(quick)
    assert encoders.statistics().dropped_packets == 4


def test_an_encoder_that_is_late_counts_the_frames_that_it_lost(encoders, subscribe, stage, clock):
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
    def encoders(self, clock):
        return Encoders(lambda: 24.0, clock, limit=2)

    def test_one_too_many_shares_the_nearest(self, encoders, subscribe):
        full, least = subscribe(), subscribe(replace(VP8, share=0.25))
        assert subscribe(replace(VP8, share=0.63)).encoder is least.encoder  # rather fewer bits than more
        assert subscribe().encoder is full.encoder
        assert len(encoders) == 2

    def test_where_none_is_near_it_is_refused_and_nothing_changes(self, encoders, subscribe, stage):
        subscribe()
        other, _ = subscribe(replace(VP8, view=View.CAMERA)), subscribe(replace(VP8, view=View.CAMERA))
        for rung in (Rung(Codec.H264), replace(VP8, marked=True)):
            with pytest.raises(BusyError, match="all 2 encoders"):
                encoders.check(stage, rung)
            with pytest.raises(BusyError, match="all 2 encoders"):
                subscribe(rung, instead_of=other)
        assert not other.packets.closed
        with pytest.raises(BusyError):
            encoders.check(Stage(), VP8)  # another dream's rung is never near
        assert len(encoders) == 2

    def test_who_leaves_an_encoder_alone_makes_room_for_its_next(self, encoders, subscribe):
        subscribe()
        feed = subscribe(replace(VP8, view=View.CAMERA))
        marked = subscribe(replace(VP8, marked=True), instead_of=feed)
        assert marked.encoder.rung.marked
        assert feed.packets.closed
        assert len(encoders) == 2

    def test_where_its_own_is_the_nearest_it_stays(self, encoders, subscribe):
        feed = subscribe(replace(VP8, share=0.4))
        subscribe(replace(VP8, share=0.4))
        subscribe(replace(VP8, view=View.CAMERA))
        assert subscribe(replace(VP8, share=0.25), instead_of=feed) is feed
        assert not feed.packets.closed


def test_the_nearest_rung_shows_the_same_and_is_never_wider():
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


def test_statistics_name_each_rung_and_what_it_gets(encoders, subscribe, stage, clock):
    feed = subscribe(Rung(Codec.VP8, max_width=1280, share=0.63))
    (before,) = encoders.statistics().rungs
    encoded(stage, clock, feed)
    subscribe(Rung(Codec.VP8, max_width=1280, share=0.63))
    (after,) = encoders.statistics().rungs
    assert (before.target_bps, before.subscribers) == (None, 1)
    assert (after.view, after.codec, after.max_width_px, after.marked) == ("dream", "VP8", 1280, False)
    assert (after.bitrate_share, after.target_bps, after.subscribers) == (0.63, feed.encoder.target_bps, 2)
    assert feed.encoder.target_bps == int(0.63 * feed.encoder.full_bps)


class Marked:
    """What a packet says of itself."""

    def __init__(self, is_keyframe: bool) -> None:
        self.is_keyframe = is_keyframe


def test_packets_can_be_decoded_from_a_keyframe_until_one_is_missing():
    continuity = Continuity()
    script = [(1, False), (2, True), (3, False), (5, False), (6, False), (7, True), (8, False), (20, True), (21, False)]
    admitted = [n for n, key in script if continuity.admits(EncodedPacket(Marked(key), n))]
    assert admitted == [2, 3, 7, 8, 20, 21]


def test_figures_are_of_the_last_seconds_and_bounded():
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

"""A viewer's track alone: what it takes of the packets that come, and how it requests what is missing."""

import asyncio
import threading
from collections.abc import AsyncIterator
from dataclasses import replace

import av
import pytest
from aiortc.mediastreams import MediaStreamError

from hallucinate.clock import SystemClock
from hallucinate.errors import BusyError
from hallucinate.outputs.encoder import CLOCK_RATE, TIME_BASE, Codec
from hallucinate.outputs.encoding import EncodedPacket, Encoders, Feed
from hallucinate.outputs.rungs import Rung
from hallucinate.stream.track import ROOM, DreamTrack
from hallucinate.subscriber import Stage
from tests.stream.foreign import until

VP8 = Rung(Codec.VP8)


class Script:
    """Puts packets into a track as its encoder would."""

    def __init__(self, track: DreamTrack) -> None:
        self.track, self.sequence = track, 0

    @property
    def feed(self) -> Feed:
        feed = self.track._feed
        assert feed is not None
        return feed

    def put(self, pts: int, key: bool = False, size: int = 10) -> None:
        packet = av.Packet(b"\x00" * size)
        packet.pts, packet.time_base, packet.is_keyframe = pts, TIME_BASE, key
        self.sequence += 1
        self.feed.packets.put(EncodedPacket(packet, self.sequence))

    @property
    def keyframe_wanted(self) -> threading.Event:
        return self.feed.encoder._keyframe_wanted

    async def next(self) -> int | None:
        return (await asyncio.wait_for(self.track.recv(), 5)).pts


@pytest.fixture
async def encoders() -> AsyncIterator[Encoders]:
    encoders = Encoders(lambda: 24.0, SystemClock(), limit=2)
    yield encoders
    assert len(encoders) == 0
    await asyncio.to_thread(encoders.join, 5)


@pytest.fixture
async def track(encoders: Encoders) -> AsyncIterator[DreamTrack]:
    track = DreamTrack(encoders, Stage(), VP8)
    track._subscribe()
    yield track
    track.stop()


@pytest.fixture
def script(track: DreamTrack) -> Script:
    return Script(track)


async def test_it_starts_with_a_keyframe(script: Script) -> None:
    script.put(1)
    script.put(2, key=True)
    assert await script.next() == 2


async def test_it_waits_for_what_comes_from_another_thread(script: Script) -> None:
    reading = asyncio.create_task(script.next())
    await asyncio.to_thread(script.put, 7, True)
    assert await reading == 7


async def test_a_slow_viewer_goes_on_at_a_keyframe_that_it_requests_once(script: Script, track: DreamTrack) -> None:
    script.put(1, key=True)
    assert await script.next() == 1
    script.keyframe_wanted.clear()
    for pts in range(2, ROOM + 3):  # one more than there is room for
        script.put(pts)
    assert script.feed.packets.dropped == 1
    reading = asyncio.create_task(script.next())
    await until(script.keyframe_wanted.is_set)
    script.keyframe_wanted.clear()
    script.put(20)
    await until(lambda: not script.feed.packets._items)
    assert not script.keyframe_wanted.is_set()
    script.put(21, key=True)
    assert await reading == 21


async def test_a_keyframe_that_waits_already_is_gone_on_from(script: Script) -> None:
    script.put(1, key=True)
    assert await script.next() == 1
    script.keyframe_wanted.clear()
    for pts in range(2, ROOM + 4):
        script.put(pts, key=pts == 6)
    assert await script.next() == 6
    assert not script.keyframe_wanted.is_set()


async def test_times_rise_strictly(script: Script) -> None:
    for pts in (5, 5, 4):
        script.put(pts, key=True)
    assert [await script.next() for _ in range(3)] == [5, 6, 7]


async def test_the_sent_bitrate_is_of_the_last_two_seconds(script: Script, track: DreamTrack) -> None:
    for second in range(10):
        script.put(second * CLOCK_RATE, key=True, size=1000)
        await script.next()
    assert track.sent_bps(9.5) == 2 * 8000 / 2
    assert track.sent_bps(20.0) == 0


async def test_stopped_while_it_is_read(script: Script, track: DreamTrack) -> None:
    reading = asyncio.create_task(script.next())
    await asyncio.sleep(0)
    track.stop()
    with pytest.raises(MediaStreamError):
        await reading


async def test_the_end_of_the_dream_is_its_end(script: Script, track: DreamTrack) -> None:
    reading = asyncio.create_task(script.next())
    track._stage.close()
    with pytest.raises(MediaStreamError):
        await reading


async def test_who_never_reads_costs_no_encoder(encoders: Encoders) -> None:
    before = set(threading.enumerate())
    track = DreamTrack(encoders, Stage(), VP8)
    track.stop()
    assert len(encoders) == 0
    assert not set(threading.enumerate()) - before


async def test_where_there_is_no_encoder_for_it_it_ends_or_stays_as_it_is(
    encoders: Encoders, track: DreamTrack
) -> None:
    others = [DreamTrack(encoders, Stage(), VP8) for _ in range(2)]
    others[0]._subscribe()
    with pytest.raises(MediaStreamError):
        await others[1].recv()
    feed = track._feed
    shared = DreamTrack(encoders, track._stage, VP8)
    shared._subscribe()
    with pytest.raises(BusyError):
        track.switch(replace(VP8, marked=True))
    track.switch(replace(VP8, share=0.4))  # its own is the nearest
    assert (track._feed, track.rung) == (feed, VP8)
    for other in (*others, shared):
        other.stop()

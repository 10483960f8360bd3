"""The encoder alone, the shared one with a scripted stage, and a track with a scripted encoder."""

import asyncio
import threading

import av
import cv2
import numpy as np
import pytest
from aiortc.mediastreams import MediaStreamError
from foreign import BLUE, GREEN, RED, SOON, looks, plain, until

from hallucinate.clock import SystemClock
from hallucinate.frame import OutputFrame
from hallucinate.stage import Stage
from hallucinate.stream import marker
from hallucinate.stream.encoder import MAX_BITRATE, MIN_BITRATE, TIME_BASE, Codec, PictureEncoder, bitrate_for, ticks
from hallucinate.stream.figures import WINDOW_FRAMES, WINDOW_NS, Encoded, Figures
from hallucinate.stream.marker import CYCLE_MS
from hallucinate.stream.shared import KEYFRAME_APART_NS, Encoders, Show, Wanted
from hallucinate.stream.track import ROOM, DreamTrack


class SetClock(SystemClock):
    """Tells the time that it is set to."""

    def __init__(self) -> None:
        self.ns = 1_000_000_000_000

    def now_ns(self) -> int:
        return self.ns


def busy(n: int, width: int = 640, height: int = 360) -> np.ndarray:
    """A dream's kind of picture: detail everywhere, all of it moving, some of it new in each frame."""
    rng = np.random.default_rng(0)
    scene = cv2.resize(rng.integers(0, 255, (height // 4, width // 4, 3), np.uint8), (width, height))
    grain = np.random.default_rng(n).integers(-6, 7, scene.shape)
    return np.clip(np.roll(scene, 3 * n, axis=1) + grain, 0, 255).astype(np.uint8)


def decode(codec: Codec, packets: list) -> list[av.VideoFrame]:
    decoder = av.CodecContext.create("libvpx" if codec is Codec.VP8 else "h264", "r")
    frames = [frame for packet in packets for frame in decoder.decode(packet)]
    return frames + decoder.decode(None)


def test_bitrates():
    assert 0.25 <= bitrate_for(640, 360, 24) / (640 * 360 * 24) <= 0.35
    assert bitrate_for(640, 360, 24) < bitrate_for(1280, 720, 24) < 4 * bitrate_for(640, 360, 24)
    assert bitrate_for(16, 16, 1) == MIN_BITRATE
    assert bitrate_for(3840, 2160, 60) == MAX_BITRATE


@pytest.mark.parametrize("codec", Codec)
class TestPictureEncoder:
    def test_one_picture_in_one_packet_out(self, codec):
        encoder = PictureEncoder(codec)
        packets = [encoder.encode(plain(GREEN), pts * 3000, 30, False) for pts in range(5)]
        assert [p.pts for p in packets] == [0, 3000, 6000, 9000, 12000]
        assert {p.time_base for p in packets} == {TIME_BASE}
        assert [p.is_keyframe for p in packets] == [True, False, False, False, False]
        assert all(looks(frame, GREEN) for frame in decode(codec, packets))

    def test_a_keyframe_that_is_asked_for_can_be_joined_at(self, codec):
        encoder = PictureEncoder(codec)
        packets = [encoder.encode(plain(RED), n * 3000, 30, n == 3) for n in range(6)]
        assert [p.is_keyframe for p in packets] == [True, False, False, True, False, False]
        assert looks(decode(codec, packets[3:])[0], RED)

    def test_a_new_size_starts_with_a_keyframe(self, codec):
        encoder = PictureEncoder(codec)
        encoder.encode(plain(RED), 0, 30, False)
        packet = encoder.encode(plain(BLUE, 323, 181), 3000, 30, False)
        assert packet.is_keyframe
        frame = decode(codec, [packet])[0]
        assert (frame.width, frame.height) == (322, 180)
        assert looks(frame, BLUE)

    def test_the_rate_is_kept(self, codec):
        encoder, fps = PictureEncoder(codec), 24
        sizes = [encoder.encode(busy(n), n * 90_000 // fps, fps, False).size for n in range(4 * fps)]
        rate = sum(sizes[fps:]) * 8 / 3  # the first second settles
        assert 0.6 < rate / bitrate_for(640, 360, fps) < 1.3

    def test_red_stays_red_and_not_blue(self, codec):
        picture = plain(RED)
        picture[:, 160:] = BLUE
        seen = decode(codec, [PictureEncoder(codec).encode(picture, 0, 30, True)])[0].to_ndarray(format="rgb24")
        assert np.abs(seen[90, 80].astype(int) - RED).max() < 16
        assert np.abs(seen[90, 240].astype(int) - BLUE).max() < 16


class Taker:
    """A viewer's end that remembers what came."""

    def __init__(self) -> None:
        self.packets: list = []
        self.ended = False

    def put(self, packet) -> None:
        self.packets.append(packet)

    def end(self) -> None:
        self.ended = True


class TestSharedEncoder:
    @pytest.fixture
    def clock(self):
        return SetClock()

    @pytest.fixture
    async def encoders(self, clock):
        return Encoders(lambda: 24.0, clock)

    @pytest.fixture
    def stage(self):
        return Stage()

    def publish(self, stage, clock, step_ns=40_000_000):
        clock.ns += step_ns
        stage.publish(OutputFrame(plain(RED), plain(BLUE), clock.ns - 7_000_000, clock.ns))

    async def shown(self, stage, clock, taker, **step):
        """Show one frame, and wait until it has come."""
        before = len(taker.packets)
        self.publish(stage, clock, **step)
        await until(lambda: len(taker.packets) > before)
        return taker.packets[-1]

    async def test_keyframes_are_given_and_rationed(self, encoders, stage, clock):
        taker = Taker()
        encoder = encoders.join(taker, Wanted(stage, Show.DREAM, Codec.VP8))
        assert (await self.shown(stage, clock, taker)).is_keyframe
        encoder.want_keyframe()
        apart = KEYFRAME_APART_NS // 40_000_000
        keys = [(await self.shown(stage, clock, taker)).is_keyframe for _ in range(apart + 3)]
        assert keys.index(True) == apart
        assert sum(keys) == 1
        encoders.leave(encoder, taker)
        await encoders.ended()
        assert not encoder.thread.is_alive()

    async def test_a_stage_that_stands_still_is_shown_to_who_comes(self, encoders, stage, clock):
        first, second = Taker(), Taker()
        encoder = encoders.join(first, Wanted(stage, Show.DREAM, Codec.VP8))
        await self.shown(stage, clock, first)
        clock.ns += 2_000_000_000
        encoders.join(second, Wanted(stage, Show.DREAM, Codec.VP8))
        await until(lambda: second.packets)
        assert second.packets[0].is_keyframe
        assert second.packets[0].pts > first.packets[0].pts
        for taker in (first, second):
            encoders.leave(encoder, taker)
        await encoders.ended()

    async def test_latency_is_from_capture_to_encoded(self, encoders, stage, clock):
        taker = Taker()
        encoder = encoders.join(taker, Wanted(stage, Show.DREAM, Codec.VP8))
        await self.shown(stage, clock, taker)
        figures = encoders.figures.snapshot(clock.ns)
        assert (figures["latency_ms"], figures["frames"]) == (7.0, 1)
        encoders.leave(encoder, taker)
        await encoders.ended()

    async def test_timestamps_are_of_encoding_so_that_a_slow_dream_is_no_jitter(self, encoders, stage, clock):
        taker = Taker()
        encoder = encoders.join(taker, Wanted(stage, Show.DREAM, Codec.VP8))
        shown_at = []
        for age_ns in (7_000_000, 90_000_000, 20_000_000):
            clock.ns += 40_000_000
            shown_at.append(clock.ns)
            stage.publish(OutputFrame(plain(RED), plain(BLUE), clock.ns - age_ns, clock.ns))
            await until(lambda: len(taker.packets) == len(shown_at))
        assert [packet.pts for packet in taker.packets] == [ticks(ns) for ns in shown_at]
        encoders.leave(encoder, taker)
        await encoders.ended()

    async def test_who_measures_has_an_encoder_with_the_marker_and_the_others_have_none(self, encoders, stage, clock):
        takers = Taker(), Taker()
        wanted = Wanted(stage, Show.DREAM, Codec.VP8)
        plainly, marked = (
            encoders.join(t, w) for t, w in zip(takers, (wanted, wanted._replace(marked=True)), strict=True)
        )
        clock.ns += 40_000_000
        stage.publish(OutputFrame(plain(RED, 640, 360), plain(BLUE, 640, 360), clock.ns - 7_000_000, clock.ns))
        await until(lambda: all(taker.packets for taker in takers))
        seen = [decode(Codec.VP8, taker.packets)[0].to_ndarray(format="rgb24") for taker in takers]
        assert [marker.read(picture) for picture in seen] == [None, (clock.ns - 7_000_000) // 1_000_000 % CYCLE_MS]
        assert stage.newest is not None
        assert (stage.newest.dream == RED).all()
        encoders.leave(marked, takers[1])
        assert len(encoders) == 1
        encoders.leave(plainly, takers[0])
        await encoders.ended()

    async def test_a_closed_stage_ends_all_takers(self, encoders, stage, clock):
        before, after = Taker(), Taker()
        encoder = encoders.join(before, Wanted(stage, Show.DREAM, Codec.VP8))
        stage.close()
        await until(lambda: before.ended)
        encoders.join(after, Wanted(stage, Show.DREAM, Codec.VP8))
        assert after.ended
        encoder.thread.join(SOON)

    async def test_a_picture_that_cannot_be_encoded_is_counted_and_the_next_one_comes(
        self, encoders, stage, clock, caplog
    ):
        taker = Taker()
        encoder = encoders.join(taker, Wanted(stage, Show.DREAM, Codec.VP8))
        for _ in range(3):
            bad = np.zeros((1, 1, 3), np.uint8)
            failures = encoders.figures.snapshot(clock.ns)["failures"]
            stage.publish(OutputFrame(bad, bad, clock.ns, clock.ns))
            await until(lambda n=failures: encoders.figures.snapshot(clock.ns)["failures"] > n)
        assert (await self.shown(stage, clock, taker)).is_keyframe
        assert len(caplog.records) == 1
        encoders.leave(encoder, taker)
        await encoders.ended()


class TestTrack:
    def packet(self, pts, key=False):
        packet = av.Packet(b"\x00" * 10)
        packet.pts, packet.time_base, packet.is_keyframe = pts, TIME_BASE, key
        return packet

    @pytest.fixture
    async def track(self):
        track = DreamTrack(Encoders(lambda: 24.0, SetClock()), Stage(), Codec.VP8)
        reading = asyncio.create_task(track.recv())
        await until(lambda: track._encoder is not None)
        self.packet_before_the_first = reading
        yield track
        reading.cancel()
        track.stop()

    async def test_it_starts_with_a_keyframe(self, track):
        track.put(self.packet(1))
        track.put(self.packet(2, key=True))
        assert (await self.packet_before_the_first).pts == 2

    async def test_a_slow_viewer_goes_on_at_a_keyframe(self, track):
        for pts in range(1, ROOM + 2):  # one more than there is room for
            track.put(self.packet(pts, key=pts == 1))
        assert track.overflows == 1
        track.put(self.packet(20))
        track.put(self.packet(21, key=True))
        assert (await self.packet_before_the_first).pts == 21

    async def test_times_rise_strictly(self, track):
        for pts in (5, 5, 4):
            track.put(self.packet(pts, key=True))
        times = [(await self.packet_before_the_first).pts, (await track.recv()).pts, (await track.recv()).pts]
        assert times == [5, 6, 7]

    async def test_stopped_while_it_is_read(self, track):
        track.stop()
        with pytest.raises(MediaStreamError):
            await self.packet_before_the_first

    async def test_who_never_reads_costs_no_encoder(self):
        before, encoders = set(threading.enumerate()), Encoders(lambda: 24.0, SetClock())
        track = DreamTrack(encoders, Stage(), Codec.VP8)
        track.stop()
        assert len(encoders) == 0
        assert not set(threading.enumerate()) - before


def test_figures_are_of_the_last_seconds_and_bounded():
    figures = Figures()
    figures.add(Encoded(0, 1_000_000, 900_000_000, 100))
    for n in range(WINDOW_FRAMES + 50):
        figures.add(Encoded(WINDOW_NS + 1 + n * 1_000_000, 2_000_000, n * 1_000_000, 125))
    snapshot = figures.snapshot(WINDOW_NS + 1 + (WINDOW_FRAMES + 49) * 1_000_000)
    assert snapshot["frames"] == WINDOW_FRAMES + 51
    assert snapshot["encode_ms"] == 2.0
    assert snapshot["latency_ms"] == pytest.approx(50 + WINDOW_FRAMES / 2, abs=1)
    assert snapshot["latency_p95_ms"] == pytest.approx(50 + 0.95 * WINDOW_FRAMES, abs=1)
    assert snapshot["bitrate"] == 1_000_000  # 125 bytes each millisecond
    assert Figures().snapshot(0)["bitrate"] is None

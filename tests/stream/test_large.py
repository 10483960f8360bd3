"""Large pictures: the level that H.264 needs, packets at a pace, a panorama all the way to a foreign peer."""

from __future__ import annotations

import re

import numpy as np
import pytest
from foreign import GREEN, Peer, looks, offer, plain, until

from hallucinate.stream import pacing
from hallucinate.stream.encoder import MAX_BITRATE, Codec, PictureEncoder, bitrate_for, h264_level
from hallucinate.stream.offers import read_offer
from hallucinate.stream.pacing import BURST_BITS, PACE, Pace, paced

PANORAMA = (2048, 1024)


@pytest.mark.parametrize(
    ("width", "height", "fps", "level"),
    [(640, 360, 24, 31), (1920, 1080, 30, 40), (2048, 1024, 24, 40), (2048, 1024, 60, 42), (4096, 2048, 24, 51)],
)
def test_levels(width, height, fps, level):
    assert h264_level(width, height, fps) == level


def test_a_level_that_there_is_for_what_is_larger_than_any():
    assert h264_level(8192, 4096, 60) == 52


@pytest.mark.parametrize(("width", "height"), [PANORAMA, (4096, 2048)])
def test_the_stream_says_the_level_itself(width, height):
    packet = PictureEncoder(Codec.H264).encode(plain(GREEN, width, height), 0, 20, True)
    data = bytes(packet)
    parameters = data[data.index(b"\x00\x00\x01\x67") + 4 :]  # the sequence parameter set: profile, constraints, level
    assert (parameters[0], parameters[2]) == (66, h264_level(width, height, 20))


def test_large_pictures_get_the_bits_that_they_need():
    assert bitrate_for(2048, 1024, 24) < bitrate_for(4096, 2048, 24) < MAX_BITRATE
    assert bitrate_for(4096, 2048, 24) > 24_000_000  # 38 dB; at the 12 that were the most before, 34


async def test_what_the_peer_likes_best_is_answered():
    both = await offer()  # aiortc's own: VP8 first
    assert read_offer(both, "receive") is Codec.VP8
    numbers = re.search(r"m=video \d+ \S+ (.*)\r", both)
    assert numbers is not None
    turned = both.replace(numbers[1], " ".join(reversed(numbers[1].split())))
    assert read_offer(turned, "receive") is Codec.H264
    # High profile first is no reason to refuse who also takes VP8.
    assert read_offer(turned.replace("profile-level-id=42", "profile-level-id=64"), "receive") is Codec.VP8


def test_a_burst_goes_at_once_and_the_rest_at_the_pace():
    pace, size = Pace(), 1250
    waits = [pace.seconds_to_wait(size, 5.0) for _ in range(500)]
    assert waits[: BURST_BITS // (size * 8)] == [0.0] * (BURST_BITS // (size * 8))
    assert waits[-1] == pytest.approx((500 * size * 8 - BURST_BITS) / PACE)
    assert pace.seconds_to_wait(size, 6.0) == 0.0  # it has emptied


async def test_packets_keep_their_order_and_wait_their_time(monkeypatch):
    now, sent = [0.0], []

    async def sleep(seconds: float) -> None:
        now[0] += seconds

    async def send(data: bytes) -> None:
        sent.append((data, now[0]))

    monkeypatch.setattr(pacing.asyncio, "sleep", sleep)
    slowly = paced(send, Pace(), lambda: now[0])
    for n in range(200):
        await slowly(n.to_bytes(2) * 600)
    assert [data[:2] for data, _ in sent] == [n.to_bytes(2) for n in range(200)]
    assert sent[-1][1] == pytest.approx((200 * 1200 * 8 - BURST_BITS) / PACE)


@pytest.mark.parametrize("codec", Codec)
async def test_a_panorama_reaches_a_foreign_peer_at_its_full_size(codec, painter, peer, room):
    picture = np.repeat(np.repeat(np.random.default_rng(0).integers(0, 256, (64, 128, 3), np.uint8), 16, 0), 16, 1)
    painter.dream = picture
    viewer: Peer = await peer().watch(codec=codec)
    frame = await viewer.frame_that(lambda frame: frame.width == PANORAMA[0])
    assert (frame.width, frame.height) == PANORAMA
    assert np.abs(frame.to_ndarray(format="rgb24").astype(int) - picture).mean() < 12


async def test_the_answer_names_the_level_that_is_sent(http, painter, peer, room):
    painter.dream = plain(GREEN, *PANORAMA)
    await _until_large(room)
    viewer = await peer().watch(codec="H264")
    answer = viewer.pc.remoteDescription.sdp
    assert re.findall(r"profile-level-id=(\w+)", answer)[0].endswith(f"{h264_level(*PANORAMA, 20):02x}")


async def test_a_viewer_asks_for_what_its_device_decodes(http, painter, peer, room):
    painter.dream = plain(GREEN, *PANORAMA)
    await _until_large(room)
    assert (await (await http.get("/api/about")).json())["size"] == list(PANORAMA)
    viewer = await peer().watch("/whep?width=1280")
    frame = await viewer.frame_that(lambda frame: looks(frame, GREEN))
    assert (frame.width, frame.height) == (1280, 640)
    reply = await http.post("/whep?width=77", data=await offer(), headers={"Content-Type": "application/sdp"})
    assert reply.status == 400
    assert "1280, 2048, 4096" in (await reply.json())["error"]


async def _until_large(room):
    await until(lambda: room.main.stage.newest is not None and room.main.stage.newest.dream.shape[1] == PANORAMA[0])

"""Large pictures: packets at a pace, a panorama sent to a foreign peer at the size that it can decode."""

from __future__ import annotations

import asyncio
import re

import numpy as np
import pytest

from hallucinate.outputs.encoder import Codec, h264_level
from hallucinate.stream.packet_pacing import BURST_BITS, PACE, Pace, paced
from hallucinate.stream.sdp import read_offer
from tests.stream.foreign import (
    GREEN,
    SDP,
    Http,
    NewPeer,
    Painter,
    ScriptedLoop,
    looks,
    offer,
    picture_of,
    plain,
    until,
)

PANORAMA = (2048, 1024)


async def test_what_the_peer_prefers_is_answered() -> None:
    both = await offer()  # aiortc's own: VP8 first
    assert read_offer(both, "receive").codec is Codec.VP8
    numbers = re.search(r"m=video \d+ \S+ (.*)\r", both)
    assert numbers is not None
    turned = both.replace(numbers[1], " ".join(reversed(numbers[1].split())))
    assert read_offer(turned, "receive").codec is Codec.H264
    # High profile first is no reason to refuse who also takes VP8.
    assert read_offer(turned.replace("profile-level-id=42", "profile-level-id=64"), "receive").codec is Codec.VP8


def test_a_burst_goes_at_once_and_the_rest_at_the_pace() -> None:
    pace, size = Pace(), 1250
    waits = [pace.seconds_to_wait(size, 5.0) for _ in range(500)]
    assert waits[: BURST_BITS // (size * 8)] == [0.0] * (BURST_BITS // (size * 8))
    assert waits[-1] == pytest.approx((500 * size * 8 - BURST_BITS) / PACE)
    assert pace.seconds_to_wait(size, 6.0) == 0.0  # it has emptied


async def test_packets_keep_their_order_and_wait_their_time(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    sent: list[tuple[bytes, float]] = []

    async def sleep(seconds: float) -> None:
        now[0] += seconds

    async def send(data: bytes) -> None:
        sent.append((data, now[0]))

    monkeypatch.setattr(asyncio, "sleep", sleep)
    slowly = paced(send, Pace(), lambda: now[0])
    for n in range(200):
        await slowly(n.to_bytes(2) * 600)
    assert [data[:2] for data, _ in sent] == [n.to_bytes(2) for n in range(200)]
    assert sent[-1][1] == pytest.approx((200 * 1200 * 8 - BURST_BITS) / PACE)


@pytest.mark.parametrize("codec", Codec)
async def test_a_panorama_arrives_at_a_foreign_peer_in_its_full_size(
    codec: Codec, painter: Painter, peer: NewPeer, loop: ScriptedLoop
) -> None:
    picture = np.repeat(np.repeat(np.random.default_rng(0).integers(0, 256, (64, 128, 3), np.uint8), 16, 0), 16, 1)
    painter.dream = picture
    viewer = await peer().watch(codec=codec)
    frame = await viewer.frame_that(lambda frame: frame.width == PANORAMA[0])
    assert (frame.width, frame.height) == PANORAMA
    assert np.abs(picture_of(frame).astype(int) - picture).mean() < 12


async def test_the_answer_names_the_level_that_is_sent(
    http: Http, painter: Painter, peer: NewPeer, loop: ScriptedLoop
) -> None:
    painter.dream = plain(GREEN, *PANORAMA)
    await _until_large(loop)
    viewer = await peer().watch(codec="H264")
    answer = viewer.pc.remoteDescription.sdp
    assert re.findall(r"profile-level-id=(\w+)", answer)[0].endswith(f"{h264_level(*PANORAMA, 20):02x}")


async def test_a_viewer_gets_what_its_device_decodes(
    http: Http, painter: Painter, peer: NewPeer, loop: ScriptedLoop
) -> None:
    painter.dream = plain(GREEN, *PANORAMA)
    await _until_large(loop)
    assert (await (await http.get("/api/about")).json())["size"] == list(PANORAMA)
    viewer = await peer().watch("/whep?width=1280")
    frame = await viewer.frame_that(lambda frame: looks(frame, GREEN))
    assert (frame.width, frame.height) == (1280, 640)
    reply = await http.post("/whep?width=77", data=await offer(), headers=SDP)
    assert reply.status == 400
    assert "1280, 2048, 4096" in (await reply.json())["error"]


async def _until_large(loop: ScriptedLoop) -> None:
    await until(lambda: loop.main.stage.newest is not None and loop.main.stage.newest.dream.shape[1] == PANORAMA[0])

"""Sending a camera: WHIP with a real peer."""

import asyncio
import threading
from fractions import Fraction

import numpy as np
import pytest
from aiortc import VideoStreamTrack
from av import CodecContext, VideoCodecContext, VideoFrame

from hallucinate.clock import SystemClock
from hallucinate.frame import Picture
from hallucinate.stream.peers import LONGEST_SIDE, to_rgb
from tests.stream.foreign import (
    GREEN,
    RED,
    SDP,
    SOON,
    Http,
    NewPeer,
    Painter,
    Peer,
    ScriptedLoop,
    all_gone,
    looks,
    offer,
    plain,
    stats,
    until,
)


class Camera(VideoStreamTrack):
    def __init__(self, picture: Picture) -> None:
        super().__init__()
        self.picture = picture

    async def recv(self) -> VideoFrame:
        pts, time_base = await self.next_timestamp()
        frame = VideoFrame.from_ndarray(self.picture, format="rgb24").reformat(format="yuv420p")
        frame.pts, frame.time_base = pts, time_base
        return frame


async def send(guest: Peer, picture: Picture | None = None) -> str:
    """Send a picture; returns the id of the dream that is made of it."""
    guest.pc.addTransceiver(Camera(plain(GREEN) if picture is None else picture), direction="sendonly")
    reply = await guest.post("/whip")
    await asyncio.wait_for(guest.connected.wait(), SOON)
    return reply.headers["Hallucinate-Dream"]


async def test_a_guests_picture_arrives(http: Http, loop: ScriptedLoop, peer: NewPeer) -> None:
    before = SystemClock().now_ns()
    guest = peer()
    dream = await send(guest)
    assert guest.location.startswith("/whip/")
    assert "a=recvonly" in guest.pc.remoteDescription.sdp
    frame = None
    while frame is None:
        frame = await asyncio.to_thread(loop.sources[dream].read)
    assert frame.picture.shape == (180, 320, 3)
    assert frame.picture.dtype == np.uint8
    assert np.abs(frame.picture.mean(axis=(0, 1)) - GREEN).max() < 16
    assert before < frame.captured_ns <= SystemClock().now_ns()
    figures = await stats(http)
    assert (figures["peers"]["guests"], figures["peers"]["viewers"]) == (1, 0)


async def test_a_guest_watches_a_dream_of_its_own(
    http: Http, loop: ScriptedLoop, painter: Painter, peer: NewPeer
) -> None:
    dream = await send(peer())
    found = loop.find(dream)
    assert found is not None
    own = Painter(found.stage)
    own.dream = plain(GREEN)
    own.start()
    try:
        mine, everybodys = await peer().watch(f"/whep?dream={dream}"), await peer().watch()
        assert looks(await mine.frame(), GREEN)
        assert looks(await everybodys.frame(), RED)
    finally:
        own.stop()


async def test_a_guests_sound_is_declined(http: Http, peer: NewPeer) -> None:
    guest = peer()
    guest.pc.addTransceiver("audio", direction="sendonly")
    await send(guest)
    sound = guest.pc.remoteDescription.sdp.split("m=")[1]
    assert sound.startswith("audio")
    assert "a=inactive" in sound


async def test_delete_ends_the_dream_and_its_viewers(
    http: Http, loop: ScriptedLoop, peer: NewPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hallucinate.sources.guest.READ_WITHIN_S", 60)
    guest = peer()
    dream = await send(guest)
    source = loop.sources[dream]
    viewer = await peer().watch(f"/whep?dream={dream}")
    assert (await http.delete(guest.location)).status == 200
    await asyncio.wait_for(guest.closed.wait(), SOON)
    await asyncio.wait_for(viewer.closed.wait(), SOON)
    await until(lambda: not any("decoder" in t.name or "encoder" in t.name for t in threading.enumerate()))
    assert loop.sources == {}
    await all_gone(http)
    assert (await stats(http))["encoding"]["encoders"] == 0
    await asyncio.wait_for(asyncio.to_thread(source.read), SOON)  # closed: what still waited, or None
    assert await asyncio.wait_for(asyncio.to_thread(source.read), SOON) is None


async def test_one_guest_too_many_hears_why(http: Http, loop: ScriptedLoop) -> None:
    for _ in range(loop.places):
        assert (await http.post("/whip", data=await offer(direction="sendonly"), headers=SDP)).status == 201
    reply = await http.post("/whip", data=await offer(direction="sendonly"), headers=SDP)
    assert reply.status == 503
    assert int(reply.headers["Retry-After"]) > 0
    assert "2 guests are dreamed already" in (await reply.json())["error"]


@pytest.mark.parametrize("direction", ["recvonly", "inactive"])
async def test_a_camera_must_send(http: Http, loop: ScriptedLoop, direction: str) -> None:
    reply = await http.post("/whip", data=await offer(direction=direction), headers=SDP)
    assert reply.status == 400
    assert direction in (await reply.json())["error"]
    assert loop.sources == {}


async def test_an_offer_that_fails_late_gives_its_place_back(http: Http, loop: ScriptedLoop) -> None:
    text = (
        (await offer(direction="sendonly")).replace("a=setup:actpass", "a=setup:actpass").replace("a=rtcp-mux\r\n", "")
    )
    reply = await http.post("/whip", data=text, headers=SDP)
    assert reply.status == 400
    assert loop.sources == {}


def test_large_pictures_are_made_smaller() -> None:
    assert to_rgb(VideoFrame(3840, 2160, "yuv420p")).shape == (720, LONGEST_SIDE, 3)
    assert to_rgb(VideoFrame(640, 360, "yuv420p")).shape == (360, 640, 3)


@pytest.mark.parametrize(
    ("sent", "dreamed"),
    [
        ((360, 640), (360, 640)),  # a phone, upright
        ((1080, 1920), (720, 1280)),
        ((321, 181), (320, 180)),
        ((16, 8), (128, 64)),
        ((2, 2), (64, 64)),
        ((2, 4000), (64, 1280)),
    ],
)
def test_a_guests_picture_has_its_own_shape(sent: tuple[int, int], dreamed: tuple[int, int]) -> None:
    assert to_rgb(VideoFrame(*sent, "yuv420p")).shape == (dreamed[1], dreamed[0], 3)


@pytest.mark.parametrize(("codec", "decoder"), [("libvpx", "libvpx"), ("libx264", "h264")])
def test_a_guests_hd_without_tags_is_601_as_browsers_send_it(codec: str, decoder: str) -> None:
    red = np.full((720, 1280, 3), (200, 30, 30), np.uint8)
    encoder, reader = CodecContext.create(codec, "w"), CodecContext.create(decoder, "r")
    assert isinstance(encoder, VideoCodecContext)
    assert isinstance(reader, VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt, encoder.time_base = 1280, 720, "yuv420p", Fraction(1, 25)
    frame = VideoFrame.from_ndarray(red, "rgb24").reformat(format="yuv420p", dst_colorspace="itu601")
    frame.colorspace, frame.pts = 2, 0
    decoded = [each for packet in [*encoder.encode(frame), *encoder.encode()] for each in reader.decode(packet)]
    picture = to_rgb((decoded or reader.decode(None))[0])
    np.testing.assert_allclose(picture[::90, ::90].reshape(-1, 3), np.tile((200, 30, 30), (8 * 15, 1)), atol=6)

"""Watching: WHEP with a real peer, the shared encoder behind it."""

import asyncio
import threading

import pytest

from hallucinate.clock import SystemClock
from hallucinate.outputs.marker import CYCLE_MS, read
from tests.stream.foreign import (
    BLUE,
    GREEN,
    GREY,
    RED,
    SDP,
    Http,
    NewPeer,
    Painter,
    ScriptedLoop,
    all_gone,
    looks,
    picture_of,
    plain,
    stats,
    until,
)


async def test_a_viewer_sees_the_dream(http: Http, painter: Painter, peer: NewPeer) -> None:
    viewer = await peer().watch()
    frame = await viewer.frame()
    assert (frame.width, frame.height) == (320, 180)
    assert looks(frame, RED)
    painter.dream = plain(GREEN)
    await viewer.frame_that(lambda f: looks(f, GREEN))


async def test_h264_for_who_has_nothing_else(http: Http, painter: Painter, peer: NewPeer) -> None:
    viewer = await peer().watch(codec="H264")
    assert "H264" in viewer.pc.remoteDescription.sdp
    assert "VP8" not in viewer.pc.remoteDescription.sdp
    assert looks(await viewer.frame(), RED)


async def test_the_answer_has_all_candidates(http: Http, peer: NewPeer) -> None:
    viewer = peer()
    viewer.pc.addTransceiver("video", direction="recvonly")
    reply = await viewer.post("/whep")
    answer = await reply.text()
    assert reply.content_type == "application/sdp"
    assert reply.headers["Hallucinate-Dream"] == "main"
    assert "a=candidate:" in answer
    assert "a=end-of-candidates" in answer
    assert "a=sendonly" in answer


async def test_a_browser_that_hides_its_addresses(
    http: Http, painter: Painter, peer: NewPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a camera's permission browsers offer mDNS names; nobody resolves them, and they connect."""
    monkeypatch.setattr("aioice.ice.get_or_create_mdns_protocol", None)
    viewer = peer()
    viewer.hide_addresses = True
    assert looks(await (await viewer.watch()).frame(), RED)


async def test_sound_is_declined_not_refused(http: Http, painter: Painter, peer: NewPeer) -> None:
    viewer = await peer().watch(sound=True)
    sound, video = viewer.pc.remoteDescription.sdp.split("m=")[1:]
    assert sound.startswith("audio")
    assert "a=inactive" in sound
    assert "a=sendonly" in video
    assert looks(await viewer.frame(), RED)


@pytest.mark.parametrize("codec", ["VP8", "H264"])
async def test_the_marker_is_for_who_measures_and_goes_with_them(
    http: Http, painter: Painter, peer: NewPeer, codec: str
) -> None:
    painter.dream = plain(GREY, 640, 360)
    other, measures = await peer().watch(codec=codec), await peer().watch(codec=codec)
    await other.frame()
    assert read(picture_of(await measures.frame())) is None
    path = measures.location.replace("/whep/", "/api/viewers/")
    reply = await http.patch(path, json={"marker": True})
    assert await reply.json() == {"show": "dream", "marker": True}
    frame = await measures.frame_that(lambda f: read(picture_of(f)) is not None)
    marked_ms = read(picture_of(frame))
    assert marked_ms is not None
    age_ms = (SystemClock().now_ns() / 1e6 - marked_ms) % CYCLE_MS
    assert age_ms < 5000
    for _ in range(5):
        assert read(picture_of(await other.frame())) is None
    assert (await stats(http))["encoding"]["encoders"] == 2

    await http.patch(path, json={"show": "camera"})  # the marker stays through a look at the camera
    reply = await http.patch(path, json={"marker": False})
    assert await reply.json() == {"show": "camera", "marker": False}
    await http.patch(path, json={"show": "dream"})
    await measures.frame_that(lambda f: f.width == 640 and read(picture_of(f)) is None)
    assert (await stats(http))["encoding"]["encoders"] == 1

    await http.patch(path, json={"marker": True})
    await measures.frame_that(lambda f: read(picture_of(f)) is not None)
    assert (await http.delete(measures.location)).status == 200
    assert (await stats(http))["encoding"]["encoders"] == 1
    assert read(picture_of(await other.frame())) is None


async def test_latency_is_measured_and_small(http: Http, painter: Painter, peer: NewPeer) -> None:
    viewer = await peer().watch()
    for _ in range(10):
        await viewer.frame()
    encoding = (await stats(http))["encoding"]
    assert encoding["frames"] >= 10
    assert 0 < encoding["encode_ms"] <= encoding["capture_to_packet_ms"] <= encoding["capture_to_packet_p95_ms"] < 1000
    assert encoding["bitrate_bps"] > 0
    assert encoding["failures"] == 0


async def test_two_viewers_share_one_encoder(http: Http, painter: Painter, peer: NewPeer) -> None:
    first, second = await peer().watch(), await peer().watch()
    assert looks(await first.frame(), RED)
    assert looks(await second.frame(), RED)
    figures = await stats(http)
    assert (figures["peers"]["viewers"], figures["encoding"]["encoders"]) == (2, 1)
    (rung,) = figures["encoding"]["rungs"]
    assert (rung["view"], rung["codec"], rung["subscribers"]) == ("dream", "VP8", 2)
    assert sum(t.name.startswith("encoder") for t in threading.enumerate()) == 1


async def test_hold_to_compare(http: Http, painter: Painter, peer: NewPeer) -> None:
    viewer, other = await peer().watch(), await peer().watch()
    await viewer.frame()
    path = viewer.location.replace("/whep/", "/api/viewers/")
    assert (await http.patch(path, json={"show": "camera"})).status == 200
    camera = await viewer.frame_that(lambda f: looks(f, BLUE))
    assert looks(await other.frame(), RED)
    await http.patch(path, json={"show": "dream"})
    dream = await viewer.frame_that(lambda f: looks(f, RED))
    assert dream.pts is not None
    assert camera.pts is not None
    assert dream.pts > camera.pts
    await until(lambda: sum(t.name.startswith("encoder") for t in threading.enumerate()) == 1)
    reply = await http.patch(path, json={"show": "nothing"})
    assert (reply.status, (await reply.json())["code"]) == (400, "request_invalid")


async def test_the_picture_changes_its_size(http: Http, painter: Painter, peer: NewPeer) -> None:
    viewer = await peer().watch()
    await viewer.frame()
    painter.dream = plain(GREEN, 641, 361)  # odd: the last row and column are cut off
    frame = await viewer.frame_that(lambda f: f.width == 640)
    assert frame.height == 360
    assert looks(frame, GREEN)


async def test_delete_frees(http: Http, painter: Painter, peer: NewPeer) -> None:
    await stats(http)
    viewer = await peer().watch()
    await viewer.frame()
    assert (await http.delete(viewer.location)).status == 200
    await asyncio.wait_for(viewer.closed.wait(), 5)
    figures = await stats(http)
    assert (figures["peers"]["viewers"], figures["encoding"]["encoders"]) == (0, 0)
    await until(lambda: not any(t.name.startswith("encoder") for t in threading.enumerate()))
    again = await http.delete(viewer.location)
    assert again.status == 404
    assert (await again.json())["code"] == "not_found"


async def test_each_session_has_a_place_of_its_own(http: Http, peer: NewPeer) -> None:
    locations = set()
    for _ in range(3):
        viewer = peer()
        viewer.pc.addTransceiver("video", direction="recvonly")
        locations.add((await viewer.post("/whep")).headers["Location"])
    assert len(locations) == 3


async def test_a_viewer_that_vanishes_is_freed(
    http: Http, painter: Painter, peer: NewPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # RFC 7675's consent expires after 6 checks, 5 s apart; here they are quick.
    monkeypatch.setattr("aioice.ice.CONSENT_INTERVAL", 0.02)
    monkeypatch.setattr("aioice.stun.RETRY_RTO", 0.02)
    stays, goes = await peer().watch(), await peer().watch()
    await goes.frame()
    goes.vanish()
    async with asyncio.timeout(10):
        while (await stats(http))["peers"]["viewers"] != 1:
            await stays.frame()
    assert looks(await stays.frame(), RED)


async def test_the_end_of_a_dream_ends_its_viewers(http: Http, loop: ScriptedLoop, peer: NewPeer) -> None:
    viewer = await peer().watch()
    loop.main.stage.close()
    await asyncio.wait_for(viewer.closed.wait(), 5)
    await until(lambda: not any(t.name.startswith("encoder") for t in threading.enumerate()))
    await all_gone(http)


async def test_no_such_dream(http: Http) -> None:
    reply = await http.post("/whep?dream=nobody", data="v=0", headers=SDP)
    assert reply.status == 404
    assert "'nobody'" in (await reply.json())["error"]

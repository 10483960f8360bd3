"""Bad input: one clear line and a 4xx, nothing leaked, and the stream goes on."""

import asyncio
import io
import threading

import aiohttp
import psutil
import pytest
from aiortc import RTCDtlsParameters

from hallucinate.clock import SystemClock
from hallucinate.control.live_settings import LiveSettings
from hallucinate.errors import BusyError
from hallucinate.outputs.encoding import Encoders
from hallucinate.stream.peers import Limits, Peers
from tests.stream.foreign import BLUE, RED, SDP, Http, NewPeer, Painter, ScriptedLoop, looks, offer, stats, until


async def refused(reply: aiohttp.ClientResponse, status: int, *words: str) -> None:
    assert reply.status == status
    body = await reply.json()
    assert list(body) == ["error", "code"]
    assert body["code"].replace("_", "").isalnum()
    assert "\n" not in body["error"]
    assert "Traceback" not in body["error"]
    for word in words:
        assert word in body["error"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("", "not an SDP offer"),
        ("hello", "not an SDP offer"),
        ("v=0\r\nm=video", "malformed ('m=video')"),
        ("v=0\r\nm=video -1 UDP/TLS/RTP/SAVPF 96\r\n", "malformed ('m=video -1 UDP/TLS/RTP/SAVPF 96')"),
        ("v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=ssrc:secret x\r\n", "malformed ('a=ssrc')"),
        ("v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF ninety-six\r\n", "malformed"),
        ("v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n", "no video"),
        (b"v=0\r\n\xff\xfe", "UTF-8"),
    ],
)
async def test_malformed_sdp(http: Http, body: str | bytes, words: str) -> None:
    await refused(await http.post("/whep", data=body, headers=SDP), 400, words)
    await refused(await http.post("/whip", data=body, headers=SDP), 400, words)


async def test_every_line_of_an_offer_may_be_missing(http: Http) -> None:
    """No offer that was cut short is a traceback, and none leaves a peer behind."""
    lines = (await offer()).splitlines(keepends=True)
    for missing in range(len(lines)):
        text = "".join(lines[:missing] + lines[missing + 1 :])
        reply = await http.post("/whep", data=text, headers=SDP)
        if reply.status == 201:
            await http.delete(reply.headers["Location"])
        else:
            assert 400 <= reply.status < 500, lines[missing]
            assert (await reply.json())["error"]
    assert (await stats(http))["peers"]["viewers"] == 0


async def test_no_video(http: Http) -> None:
    await refused(await http.post("/whep", data=await offer("audio"), headers=SDP), 400, "no video")


@pytest.mark.parametrize("direction", ["sendonly", "inactive"])
async def test_video_that_cannot_be_watched(http: Http, direction: str) -> None:
    reply = await http.post("/whep", data=await offer(direction=direction), headers=SDP)
    await refused(reply, 400, direction, "must be recvonly")


async def test_no_codec_in_common(http: Http) -> None:
    text = (await offer()).replace("VP8/90000", "VP9/90000").replace("H264/90000", "AV1/90000")
    await refused(await http.post("/whep", data=text, headers=SDP), 422, "VP8 or H264", "AV1")
    high = (await offer()).replace("VP8/90000", "VP9/90000").replace("packetization-mode=1", "packetization-mode=0")
    await refused(await http.post("/whep", data=high, headers=SDP), 422, "packetization-mode=1")


async def test_a_connection_that_does_not_close_is_abandoned(
    loop: ScriptedLoop, live: LiveSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hallucinate.stream.peers.CLOSE_WITHIN_S", 0.05)
    peers = Peers(loop, Encoders(lambda: 24.0, SystemClock()), SystemClock(), Limits())
    guest, _ = await peers.send(await offer(direction="sendonly"))
    close = guest.connection.close
    monkeypatch.setattr(guest.connection, "close", asyncio.Event().wait)
    await guest.close()
    assert (peers.guests, loop.sources) == ({}, {})
    await close()
    await peers.stop()
    with pytest.raises(BusyError) as caught:
        await peers.send(await offer(direction="sendonly"))
    assert caught.value.code == "server_stopping"


async def test_wrong_content_type(http: Http) -> None:
    reply = await http.post("/whep", data="v=0", headers={"Content-Type": "text/plain"})
    await refused(reply, 415, "application/sdp", "text/plain")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "/api/settings", "GET,PATCH"),
        ("DELETE", "/", "GET,HEAD"),
        ("POST", "/index.html", "GET,HEAD"),
    ],
)
async def test_wrong_method(http: Http, method: str, path: str, allowed: str) -> None:
    reply = await http.request(method, path)
    await refused(reply, 405, f"{method} is not for {path}; there is: ")
    assert reply.headers["Allow"] == allowed


async def test_a_body_that_is_not_coded_as_it_says(http: Http) -> None:
    reply = await http.patch("/api/settings", data=b"not gzip", headers={"Content-Encoding": "gzip"})
    await refused(reply, 400, "the body", "Content-Encoding")


async def test_the_live_channel_without_a_websocket(http: Http) -> None:
    await refused(await http.get("/api/live"), 400, "WebSocket", "/api/stats")


@pytest.mark.parametrize("path", ["/whep", "/whip", "/api/settings", "/api/viewers/x"])
async def test_ten_megabytes(http: Http, path: str) -> None:
    method = "POST" if path.startswith("/wh") else "PATCH"
    reply = await http.request(method, path, data=io.BytesIO(b"x" * 10_000_000), headers=SDP)
    await refused(reply, 413, "64 KiB")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("{", "not JSON"),
        ("[" * 30_000, "not JSON"),
        ("[1]", "must be a JSON object"),
        ('{"strength": 7}', "strength"),
        ('{"strength": NaN}', "strength"),
        ('{"strength": "x"}', "strength"),
        ('{"strenght": 0.5}', "did you mean 'strength'"),
        ('{"motifs": {"eey\\n": 1}}', "eey"),
    ],
)
async def test_invalid_settings(http: Http, live: LiveSettings, body: str, words: str) -> None:
    before = live.current
    await refused(await http.patch("/api/settings", data=body), 400, words)
    assert live.current is before


MEASURED = {
    "seconds": 10.0,
    "frames": 240,
    "unreadable": 0,
    "median_ms": 90,
    "p95_ms": 120.5,
    "clock_error_ms": 0.4,
}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"seconds": 0}, "seconds: input should be greater than 0"),
        ({"frames": -1}, "frames"),
        ({"frames": "240"}, "valid integer, received '240'"),
        ({"median_ms": 1e9}, "median_ms"),
        ({"p95_ms": float("nan")}, "p95_ms"),
        ({"clock_error_ms": []}, "clock_error_ms"),
    ],
)
async def test_an_invalid_latency(http: Http, change: dict[str, object], words: str) -> None:
    await refused(await http.post("/api/latency", json={**MEASURED, **change}), 400, words)
    await refused(await http.get("/api/latency"), 404, "no page has measured")


async def test_the_last_latency_is_stored_with_the_browsers_name(http: Http) -> None:
    await refused(await http.post("/api/latency", json={"seconds": 1.0}), 400, "frames: field required")
    foreign = {"Origin": "http://elsewhere.example"}
    await refused(await http.post("/api/latency", json=MEASURED, headers=foreign), 403, "elsewhere.example")
    for frames in (1, 240):
        reply = await http.post(
            "/api/latency", json={**MEASURED, "frames": frames}, headers={"User-Agent": "Netscape" * 100}
        )
        assert reply.status == 200
    last = await (await http.get("/api/latency")).json()
    assert last.pop("browser").startswith("Netscape")
    assert last == MEASURED


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("{}", "give show (dream or camera), or marker"),
        ('{"marker": "on"}', "marker: must be true or false"),
        ('{"marker": null}', "marker: must be true or false"),
        ('{"show": null, "marker": true}', "show: must be dream or camera"),
    ],
)
async def test_an_invalid_view(http: Http, body: str, words: str) -> None:
    await refused(await http.patch("/api/viewers/nobody", data=body), 400, words)
    await refused(await http.patch("/api/viewers/nobody", json={"marker": True}), 404, "no such viewer")


async def test_nothing_there(http: Http) -> None:
    for path in (
        "/nothing",
        "/js/../../secret.txt",
        "/..%2fsecret.txt",
        "/js",
        "/api/nothing",
        "/%00",
        "/" + "x" * 300,
    ):
        await refused(await http.get(path), 404, "there is nothing at")


async def test_what_breaks_inside_is_logged_and_not_sent(
    http: Http, loop: ScriptedLoop, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "stats", lambda: 1 / 0)
    await refused(await http.get("/api/stats"), 500, "its log says what")
    assert sum("ZeroDivisionError" in str(r.exc_info) for r in caplog.records if r.exc_info) == 1


class TestOffersNeverAnswered:
    @pytest.fixture
    def limits(self) -> Limits:
        return Limits(max_viewers=8, connect_within_s=0.3)

    async def test_a_hundred_in_a_row_leave_nothing(self, http: Http, painter: Painter, peer: NewPeer) -> None:
        stays = await peer().watch()
        assert looks(await stays.frame(), RED)
        text, process = await offer(), psutil.Process()
        sockets = len(process.net_connections("udp"))
        await http.post("/whep", data=text, headers=SDP)  # what is made once is made
        await until(lambda: len(process.net_connections("udp")) <= sockets)
        threads, files, tasks = threading.active_count(), process.num_fds(), len(asyncio.all_tasks())
        answers = [(await http.post("/whep", data=text, headers=SDP)).status for _ in range(100)]
        assert set(answers) == {201, 503}
        await until(lambda: process.num_fds() <= files and len(asyncio.all_tasks()) <= tasks)
        figures = await stats(http)
        assert (figures["peers"]["viewers"], figures["encoding"]["encoders"]) == (1, 1)
        assert threading.active_count() <= threads
        assert looks(await stays.frame(), RED)

    async def test_a_peer_that_stops_halfway(
        self, http: Http, loop: ScriptedLoop, peer: NewPeer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It has shown its address, and never starts the encryption: aiortc waits for that without end."""
        viewer, came_so_far, at_last = peer(), asyncio.Event(), asyncio.Event()

        async def late(parameters: RTCDtlsParameters) -> None:
            came_so_far.set()
            await at_last.wait()

        viewer.pc.addTransceiver("video", direction="recvonly")
        monkeypatch.setattr(viewer.receiver.transport, "start", late)
        await viewer.post("/whep")
        await asyncio.wait_for(came_so_far.wait(), 5)
        async with asyncio.timeout(5):
            while (await stats(http))["peers"]["viewers"]:
                pass
        at_last.set()


class TestNoRoom:
    @pytest.fixture
    def limits(self) -> Limits:
        return Limits(max_viewers=8, max_encoders=1)

    async def test_a_viewer_too_many_hears_why(self, http: Http) -> None:
        text = await offer()
        for _ in range(8):
            assert (await http.post("/whep", data=text, headers=SDP)).status == 201
        reply = await http.post("/whep", data=text, headers=SDP)
        assert int(reply.headers["Retry-After"]) > 0
        await refused(reply, 503, "8 viewers")

    async def test_an_encoder_too_many_is_refused_and_what_plays_goes_on(
        self, http: Http, painter: Painter, peer: NewPeer
    ) -> None:
        viewer, other = await peer().watch(codec="VP8"), await peer().watch(codec="VP8")
        assert looks(await viewer.frame(), RED)
        assert looks(await other.frame(), RED)
        h264 = (await offer()).replace("VP8/90000", "VP9/90000")
        await refused(await http.post("/whep", data=h264, headers=SDP), 503, "encoders")
        path = viewer.location.replace("/whep/", "/api/viewers/")
        await refused(await http.patch(path, json={"show": "camera"}), 503, "encoders")
        assert looks(await viewer.frame(), RED)
        assert (await http.delete(other.location)).status == 200
        assert (await http.patch(path, json={"show": "camera"})).status == 200  # its own encoder makes loop
        await viewer.frame_that(lambda frame: looks(frame, BLUE))

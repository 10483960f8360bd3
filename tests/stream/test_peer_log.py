"""What the log says of each peer, in one line, and what the figures count."""

import asyncio
import logging
import re
from collections.abc import Callable

import pytest
from aiortc import RTCDtlsParameters

from hallucinate.errors import BusyError
from hallucinate.stream.peer_log import Offerer, PeerLog
from hallucinate.stream.peers import Limits
from hallucinate.stream.sdp import summary
from tests.stream.foreign import SDP, Http, NewPeer, Painter, Peer, offer, rsa_certificate, stats, until


@pytest.fixture
def limits() -> Limits:
    return Limits(connect_within_s=0.3)


@pytest.fixture(autouse=True)
def lines(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """What the log of peers has."""
    caplog.set_level(logging.INFO, "hallucinate")
    return lambda: [r.message for r in caplog.records if r.name == "hallucinate.stream.peer_log"]


Lines = Callable[[], list[str]]


async def failed(http: Http) -> dict[str, int]:
    """The reasons that were counted."""
    return {reason: count for reason, count in (await stats(http))["peers"]["failed"].items() if count}


async def test_one_that_nothing_comes_from(http: Http, lines: Lines) -> None:
    text = await offer()
    reply = await http.post("/whep", data=text, headers={**SDP, "User-Agent": "Larix/1.0"})
    await until(lambda: bool(lines()))
    (line,) = lines()
    location = reply.headers["Location"].removeprefix("/whep/")
    assert line.startswith(f"viewer {location[:4]} did not connect: ICE: ")
    for part in ("codecs VP8, rtx, H264", "setup actpass", "fingerprint sha-256", "udp host", "program Larix/1.0"):
        assert part in line
    secrets = re.findall(r"^a=(?:ice-ufrag|ice-pwd):(\S+)", text, re.MULTILINE)
    for secret in (*secrets, location):
        assert secret not in line
    assert await failed(http) == {"ice": 1}


async def test_one_that_stops_in_the_handshake(
    http: Http, peer: NewPeer, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer, at_last = peer(), asyncio.Event()
    viewer.pc.addTransceiver("video", direction="recvonly")

    async def late(parameters: RTCDtlsParameters) -> None:
        await at_last.wait()

    monkeypatch.setattr(viewer.receiver.transport, "start", late)
    await viewer.post("/whep")
    await until(lambda: bool(lines()))
    assert "did not connect: DTLS: " in lines()[0]
    assert await failed(http) == {"dtls": 1}
    at_last.set()


async def test_one_without_a_cipher_suite_in_common(http: Http, peer: NewPeer, lines: Lines) -> None:
    viewer = peer(rsa_certificate("AES128-GCM-SHA256"), "active")
    viewer.pc.addTransceiver("video", direction="recvonly")
    await viewer.post("/whep")
    await until(lambda: bool(lines()))
    (line,) = lines()
    assert "did not connect: DTLS: no shared cipher; it offered " in line
    assert await failed(http) == {"dtls": 1}


class TestOnesThatConnect:
    @pytest.fixture
    def limits(self) -> Limits:
        return Limits()

    async def test_that_leaves(self, http: Http, painter: Painter, peer: NewPeer, lines: Lines) -> None:
        viewer = await peer().watch(codec="H264")
        await viewer.frame()
        (line,) = lines()
        assert re.fullmatch(r"viewer [\w-]{4} connected: H264, udp (host|prflx) \S+ port \d+", line)
        assert (await http.delete(viewer.location)).status == 200
        other = await peer().watch()
        await other.pc.close()
        assert len(lines()) == 2
        assert await failed(http) == {}

    async def test_that_stops_answering(
        self, http: Http, painter: Painter, peer: NewPeer, lines: Lines, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # RFC 7675's consent expires after 6 checks, 5 s apart; here they are quick.
        monkeypatch.setattr("aioice.ice.CONSENT_INTERVAL", 0.02)
        monkeypatch.setattr("aioice.stun.RETRY_RTO", 0.02)
        viewer: Peer = await peer().watch()
        viewer.vanish()
        await until(lambda: len(lines()) > 1)
        assert "is gone" in lines()[1]
        assert await failed(http) == {"vanished": 1}


async def test_one_that_is_refused(http: Http, lines: Lines) -> None:
    text = (await offer()).replace("VP8/90000", "AV1/90000").replace("packetization-mode=1", "packetization-mode=0")
    await http.post("/whip", data=text.replace("recvonly", "sendonly"), headers=SDP)
    assert lines()[0].startswith("a guest was refused: no codec in common")
    for part in ("AV1", "H264", "42001f", "packetization-mode 0"):
        assert part in lines()[0]
    await http.post("/whip", data="GET / HTTP/1.1\r\n\r\n", headers=SDP)
    assert lines()[1].startswith("a guest was refused: the body is not an SDP offer")
    assert await failed(http) == {"codec": 1, "offer": 1}


async def test_one_that_is_ended_before_it_connects(http: Http, lines: Lines) -> None:
    reply = await http.post("/whep", data=await offer(), headers=SDP)
    assert (await http.delete(reply.headers["Location"])).status == 200
    assert lines() == []
    assert await failed(http) == {}


def test_whatever_is_sent_the_line_is_one_line(lines: Lines) -> None:
    text = "a=rtpmap:96 VP8\x1b[31m/90000\na=setup:x\u2028y\na=fingerprint:\r sha\na=rtpmap:97 " + "x" * 5000 + "/9\n"
    log = PeerLog()
    log.refused(Offerer("viewer", text * 500, "\x1b[2J\r\nProgram\u2028" * 99), BusyError("no\nroom"))
    (line,) = lines()
    assert line.isprintable()
    assert len(line) < 1000
    assert log.failed.room == 1


def test_what_a_summary_has() -> None:
    """Lines as a browser and GStreamer write them."""
    text = "\r\n".join(
        [
            "a=fingerprint:sha-256 AA:BB",
            "a=candidate:1 1 UDP 2015363327 fe80::1 52041 typ host",
            "a=candidate:2 1 TCP 1015021823 192.0.2.1 9 typ host tcptype active",
            "a=candidate:3 1 udp 1015021823 198.51.100.1 9000 typ srflx raddr 192.0.2.1 rport 9",
            "a=candidate:4 1 udp 2015363327 192.0.2.1 9000 typ host",
            "a=rtpmap:96 H264/90000",
            "a=fmtp:96 packetization-mode=1;profile-level-id=42c01f",
            "a=setup:active",
            "",
        ]
    )
    assert summary(text) == (
        "codecs H264; H264 profiles 42c01f; packetization-mode 1; setup active; fingerprint sha-256; "
        "candidates 2 udp host, 1 tcp host, 1 udp srflx"
    )

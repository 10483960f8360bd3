"""Each private part of aiortc that is relied on: these tests notice when a version of it changes one."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from aiortc import RTCCertificate, rtcrtpsender
from aiortc.rtcdtlstransport import SRTP_AES128_CM_SHA1_80
from aiortc.rtp import (
    RTCP_PSFB_APP,
    RTCP_PSFB_FIR,
    RTCP_PSFB_PLI,
    RTCP_RTPFB_NACK,
    AnyRtcpPacket,
    RtcpPsfbPacket,
    RtcpReceiverInfo,
    RtcpRrPacket,
    RtcpRtpfbPacket,
    RtpPacket,
    pack_remb_fci,
)

from hallucinate.clock import SystemClock
from hallucinate.control.live_settings import LiveSettings
from hallucinate.outputs.bitrate import LOWER_AFTER_S, RAISE_AFTER_S, ReceiverReport
from hallucinate.outputs.encoder import h264_level
from hallucinate.stream.access import Access
from hallucinate.stream.aiortc_adapter import CIPHERS, HISTORY_PACKETS, receiver_report
from hallucinate.stream.peers import Limits
from hallucinate.stream.server import make_app
from tests.outputs.pictures import busy
from tests.stream.foreign import (
    GREEN,
    RED,
    SOON,
    ForeignCertificate,
    Http,
    NewPeer,
    Painter,
    Peer,
    ScriptedLoop,
    looks,
    plain,
    rsa_certificate,
    stats,
    until,
)
from tests.stream.test_guests import send as send_camera


class AheadClock(SystemClock):
    """The machine's clock, and as much more as a test says: nobody waits for a bitrate to settle."""

    def __init__(self) -> None:
        self.ahead_s = 0.0

    def now_ns(self) -> int:
        return super().now_ns() + int(self.ahead_s * 1e9)


def ssrc_of(viewer: Peer) -> int:
    """What the server calls its stream."""
    found = re.search(r"a=ssrc:(\d+)", viewer.pc.remoteDescription.sdp)
    assert found is not None
    return int(found[1])


async def send(viewer: Peer, packet: AnyRtcpPacket) -> None:
    await viewer.receiver.transport._send_rtp(bytes(packet))


async def send_remb(viewer: Peer, bps: float) -> None:
    fci = pack_remb_fci(int(bps), [ssrc_of(viewer)])
    await send(viewer, RtcpPsfbPacket(fmt=RTCP_PSFB_APP, ssrc=1, media_ssrc=0, fci=fci))


@pytest.mark.parametrize("feedback", [RTCP_PSFB_PLI, RTCP_PSFB_FIR])
async def test_keyframe_requests_are_led_to_our_encoder(
    http: Http, painter: Painter, peer: NewPeer, feedback: int
) -> None:
    viewer = await peer().watch(codec="H264")  # whose decoder says which frames are key
    assert (await viewer.frame()).key_frame
    for _ in range(5):
        assert not (await viewer.frame()).key_frame  # none comes by itself
    await send(viewer, RtcpPsfbPacket(fmt=feedback, ssrc=1, media_ssrc=ssrc_of(viewer)))
    await viewer.frame_that(lambda f: f.key_frame)


async def test_more_packets_can_be_sent_again_than_aiortc_has_by_itself(
    http: Http, painter: Painter, peer: NewPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first packet, requested again after 200 more, comes again."""
    assert vars(rtcrtpsender)["RTP_HISTORY_SIZE"] == HISTORY_PACKETS
    viewer = peer()
    came: list[tuple[int, int]] = []
    viewer.pc.addTransceiver("video", direction="recvonly")
    handle = viewer.receiver._handle_rtp_packet

    async def note(packet: RtpPacket, arrival_time_ms: int) -> None:
        came.append((packet.ssrc, packet.sequence_number))
        await handle(packet, arrival_time_ms)

    monkeypatch.setattr(viewer.receiver, "_handle_rtp_packet", note)
    painter.dream = busy(0, 1280, 720)
    await viewer.post("/whep")
    await until(lambda: len(came) > 200)
    ours, first = came[0]
    before = len([1 for ssrc, _ in came if ssrc != ours])
    await send(viewer, RtcpRtpfbPacket(fmt=RTCP_RTPFB_NACK, ssrc=1, media_ssrc=ours, lost=[first]))
    await until(lambda: len([1 for ssrc, _ in came if ssrc != ours]) > before)  # retransmissions have an SSRC of theirs


async def test_packets_pass_the_pace(
    http: Http, painter: Painter, peer: NewPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []

    class Counting:
        def seconds_to_wait(self, size: int, now_s: float) -> float:
            sizes.append(size)
            return 0.0

    monkeypatch.setattr("hallucinate.stream.aiortc_adapter.Pace", Counting)
    painter.dream = busy(0)
    await (await peer().watch()).frame()
    assert sum(sizes) > 10_000
    assert max(sizes) < 1500


async def test_the_answer_names_the_level_that_is_sent(
    http: Http, painter: Painter, peer: NewPeer, loop: ScriptedLoop
) -> None:
    painter.dream = plain(GREEN, 2048, 1024)
    await until(lambda: loop.main.stage.newest is not None and loop.main.stage.newest.dream.shape[1] == 2048)
    viewer = await peer().watch(codec="H264")
    levels = re.findall(r"profile-level-id=(\w+)", viewer.pc.remoteDescription.sdp)
    assert levels[0].endswith(f"{h264_level(2048, 1024, 20):02x}")


# GStreamer's webrtcbin: RSA alone as the DTLS server; as the client it offers all that OpenSSL has.
@pytest.mark.parametrize(("setup", "ciphers"), [("actpass", "ECDHE-RSA-AES128-GCM-SHA256"), ("active", "DEFAULT")])
async def test_a_peer_with_an_rsa_certificate_connects(
    http: Http, painter: Painter, peer: NewPeer, loop: ScriptedLoop, setup: str, ciphers: str
) -> None:
    certificate = rsa_certificate(ciphers)
    viewer = await peer(certificate, setup).watch()
    assert looks(await viewer.frame(), RED)
    guest = peer(certificate, setup)
    dream = await send_camera(guest)
    assert (await asyncio.to_thread(loop.sources[dream].read)) is not None


@pytest.mark.parametrize("suite", CIPHERS)
async def test_each_cipher_suite_is_one_to_connect_with(
    http: Http, painter: Painter, peer: NewPeer, suite: str
) -> None:
    viewer = await peer(rsa_certificate(suite) if "RSA" in suite.split("-") else ForeignCertificate(suite)).watch()
    ssl = viewer.receiver.transport._ssl
    assert ssl is not None
    assert ssl.get_cipher_name() == suite


class TestWhyAHandshakeFails:
    async def reason(self, peer: Peer, caplog: pytest.LogCaptureFixture) -> str:
        if not peer.pc.getTransceivers():
            peer.pc.addTransceiver("video", direction="recvonly")
        await peer.post("/whep")
        await until(lambda: any("did not connect" in line for line in caplog.messages))
        (line,) = [line for line in caplog.messages if "did not connect" in line]
        return line

    @pytest.mark.parametrize(
        ("setup", "reason"), [("active", "no shared cipher"), ("actpass", "it refused: handshake failure")]
    )
    async def test_no_cipher_in_common(
        self, http: Http, peer: NewPeer, caplog: pytest.LogCaptureFixture, setup: str, reason: str
    ) -> None:
        stranger = peer(rsa_certificate("AES128-GCM-SHA256"), setup)  # no forward secrecy
        assert reason in await self.reason(stranger, caplog)

    async def test_another_certificate_than_was_offered(
        self, http: Http, peer: NewPeer, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        fingerprints = RTCCertificate.generateCertificate().getFingerprints()
        certificate = ForeignCertificate("DEFAULT")
        monkeypatch.setattr(certificate, "getFingerprints", lambda: fingerprints)
        assert "fingerprint" in await self.reason(peer(certificate), caplog)

    async def test_no_srtp_profile_in_common(
        self, http: Http, peer: NewPeer, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        stranger = peer()
        stranger.pc.addTransceiver("video", direction="recvonly")
        short = replace(SRTP_AES128_CM_SHA1_80, openssl_profile=b"SRTP_AES128_CM_SHA1_32")
        monkeypatch.setattr(stranger.receiver.transport, "_srtp_profiles", [short])
        assert "SRTP" in await self.reason(stranger, caplog)


def test_reports_are_read() -> None:
    info = RtcpReceiverInfo(ssrc=7, fraction_lost=64, packets_lost=9, highest_sequence=1, jitter=0, lsr=0, dlsr=0)
    receiver = RtcpRrPacket(ssrc=1, reports=[replace(info, ssrc=8, fraction_lost=0), info])
    assert receiver_report(receiver, 7) == ReceiverReport(fraction_lost=0.25)
    assert receiver_report(receiver, 9) is None
    remb = RtcpPsfbPacket(fmt=RTCP_PSFB_APP, ssrc=1, media_ssrc=0, fci=pack_remb_fci(500_000, [7, 8]))
    assert receiver_report(remb, 8) == ReceiverReport(estimate_bps=500_000)
    assert receiver_report(remb, 9) is None
    assert receiver_report(RtcpPsfbPacket(fmt=RTCP_PSFB_APP, ssrc=1, media_ssrc=0, fci=b"else"), 7) is None
    assert receiver_report(RtcpPsfbPacket(fmt=RTCP_PSFB_PLI, ssrc=1, media_ssrc=7), 7) is None


class TestBitrate:
    @pytest.fixture
    def clock(self) -> AheadClock:
        return AheadClock()

    @pytest.fixture
    async def http(
        self, loop: ScriptedLoop, live: LiveSettings, access: Access, pages: Path, limits: Limits, clock: AheadClock
    ) -> AsyncIterator[Http]:
        async with TestClient(TestServer(make_app(loop, live, access, {}, pages, limits, clock))) as client:
            yield client

    async def rungs(self, http: Http) -> dict[float, dict[str, Any]]:
        return {rung["bitrate_share"]: rung for rung in (await stats(http))["encoding"]["rungs"]}

    async def until_share(self, http: Http, share: float, report: Callable[[], Awaitable[None]]) -> None:
        async with asyncio.timeout(SOON):
            while share not in await self.rungs(http):
                await report()

    async def test_it_follows_what_a_viewer_reports_and_the_others_are_not_touched(
        self, http: Http, painter: Painter, peer: NewPeer, clock: AheadClock
    ) -> None:
        """A peer that says by REMB, and then by its receiver reports, that less gets through."""
        painter.dream = busy(0)
        painter.moves = 3
        slow, other = await peer().watch(), await peer().watch()
        await slow.frame()
        full_bps = (await self.rungs(http))[1.0]["target_bps"]

        async def narrow() -> None:
            await slow.frame()
            await send_remb(slow, 0.5 * full_bps)

        clock.ahead_s += LOWER_AFTER_S
        await self.until_share(http, 0.4, narrow)
        rungs = await self.rungs(http)
        assert (rungs[0.4]["subscribers"], rungs[1.0]["subscribers"]) == (1, 1)
        assert rungs[0.4]["target_bps"] in (None, int(0.4 * full_bps))
        assert (await slow.frame()).width == (await other.frame()).width == 640

        lost = RtcpReceiverInfo(ssrc_of(slow), 100, 1, 1, 0, 0, 0)

        async def lossy() -> None:
            await slow.frame()
            await send(slow, RtcpRrPacket(ssrc=1, reports=[lost]))

        clock.ahead_s += LOWER_AFTER_S
        await self.until_share(http, 0.25, lossy)

        async def wide() -> None:
            await slow.frame()
            await send(slow, RtcpRrPacket(ssrc=1, reports=[replace(lost, fraction_lost=0)]))
            await send_remb(slow, 10 * full_bps)
            clock.ahead_s += RAISE_AFTER_S / 4

        await self.until_share(http, 0.63, wide)

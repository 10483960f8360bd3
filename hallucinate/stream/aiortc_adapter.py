"""Everything that touches private parts of aiortc, and nothing else does.

tests/stream/test_aiortc_adapter.py has a test for each part, and notices when aiortc changes it.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

from aiortc import RTCCertificate, RTCDtlsParameters, RTCDtlsTransport, RTCRtpSender, RTCRtpTransceiver, rtcrtpsender
from aiortc.rtcdtlstransport import SRTPProtectionProfile
from aiortc.rtp import RTCP_PSFB_APP, AnyRtcpPacket, RtcpPsfbPacket, RtcpRrPacket, RtcpSrPacket, unpack_remb_fci
from OpenSSL import SSL

from hallucinate.outputs.bitrate import ReceiverReport
from hallucinate.stream.packet_pacing import Pace, paced

HISTORY_PACKETS = 1024
"""Packets that can be sent again. aiortc has 128, 170 kB: a keyframe at 4096×2048 is five times that, and what is lost
of it would be lost for good, and the next keyframe requested. A power of two, as sequence numbers wrap."""

setattr(rtcrtpsender, "RTP_HISTORY_SIZE", HISTORY_PACKETS)  # noqa: B010

CIPHERS = (
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-CHACHA20-POLY1305",
    "ECDHE-RSA-CHACHA20-POLY1305",
    "ECDHE-ECDSA-AES128-SHA",
    "ECDHE-ECDSA-AES256-SHA",
)
"""What DTLS 1.2 is offered and accepted with, by OpenSSL's names, the best first.

aiortc has those of ECDSA alone. GStreamer's webrtcbin, and others, have an RSA certificate, and where the peer is the
DTLS server, the suite is of its certificate's kind. All have forward secrecy; the first is what RFC 8827, 6.5, demands
of everybody, the four with GCM are those of RFC 9325, 4.2, and the last two, aiortc's, are for old browsers."""


def _offer_ciphers() -> None:
    make_context: Callable[[RTCCertificate, list[SRTPProtectionProfile]], SSL.Context]
    make_context = RTCCertificate._create_ssl_context

    def make_context_for_rsa_too(
        certificate: RTCCertificate, srtp_profiles: list[SRTPProtectionProfile]
    ) -> SSL.Context:
        context = make_context(certificate, srtp_profiles)
        context.set_cipher_list(":".join(CIPHERS).encode())
        return context

    setattr(RTCCertificate, "_create_ssl_context", make_context_for_rsa_too)  # noqa: B010


_offer_ciphers()


def listen_to_handshake(transport: RTCDtlsTransport, failed: Callable[[str], None]) -> None:
    """Call ``failed`` with why the DTLS handshake failed, in OpenSSL's words or ours; aiortc does not say it."""
    shake, validate, set_up = transport._do_handshake, transport._validate_peer_identity, transport._setup_srtp

    async def shake_and_tell() -> None:
        reasons: list[str] = []
        ssl = transport._ssl
        # The packet that breaks a handshake does so in recv, where aiortc ignores it; do_handshake has no reason then.
        for name in ("recv", "do_handshake"):
            setattr(ssl, name, _noting(getattr(ssl, name), reasons))
        await shake()
        for name in ("recv", "do_handshake"):
            delattr(ssl, name)
        if transport.state == "failed":
            failed(_in_words(reasons[0]) if reasons else "it went away")

    def validate_and_tell(parameters: RTCDtlsParameters) -> None:
        validate(parameters)
        if transport.state == "failed":
            failed("its certificate is not that of the fingerprint in its offer")

    def set_up_and_tell() -> None:
        set_up()
        if transport.state == "failed":
            failed("no SRTP profile in common")

    for name, wrapped in (
        ("_do_handshake", shake_and_tell),
        ("_validate_peer_identity", validate_and_tell),
        ("_setup_srtp", set_up_and_tell),
    ):
        setattr(transport, name, wrapped)


def _noting(call: Callable[..., object], reasons: list[str]) -> Callable[..., object]:
    """The call, with what OpenSSL says of its failures added to ``reasons``."""

    def call_and_note(*arguments: object) -> object:
        try:
            return call(*arguments)
        except SSL.Error as error:
            if error.args and isinstance(error.args[0], list):  # the queue: (library, function, reason)
                reasons.extend(reason for _, _, reason in error.args[0])
            raise

    return call_and_note


def _in_words(reason: str) -> str:
    """OpenSSL's reason; an alert is the peer's, which then refused."""
    alert = re.fullmatch(r"\S+ alert (.+)", reason)
    return f"it refused: {alert[1]}" if alert else reason


def path_of(transport: RTCDtlsTransport) -> str:
    """The peer's end of the pair that ICE chose, such as "udp host 192.0.2.7 port 5004"; "" before there is one.

    Its kind is one of RFC 8445, 5.1.1: host, srflx, prflx or relay.
    """
    pairs = transport.transport._connection._nominated
    if not pairs:
        return ""
    peer = pairs[min(pairs)].remote_candidate
    return f"{peer.transport.lower()} {peer.type} {peer.host} port {peer.port}"


def lead_keyframe_requests(sender: RTCRtpSender, want_keyframe: Callable[[], None]) -> None:
    """Call ``want_keyframe`` for each PLI and FIR of the peer.

    aiortc requests a keyframe of *its* encoder then; packets that are encoded already pass its encoder by.
    """
    setattr(sender, "_send_keyframe", want_keyframe)  # noqa: B010


def listen_to_reports(sender: RTCRtpSender, heard: Callable[[ReceiverReport], None]) -> None:
    """Call ``heard`` with what the peer reports of its connection: REMB, and the loss in its receiver reports."""
    handle: Callable[[AnyRtcpPacket], Awaitable[None]] = sender._handle_rtcp_packet

    async def handle_and_tell(packet: AnyRtcpPacket) -> None:
        await handle(packet)
        report = receiver_report(packet, sender._ssrc)
        if report is not None:
            heard(report)

    setattr(sender, "_handle_rtcp_packet", handle_and_tell)  # noqa: B010


def receiver_report(packet: AnyRtcpPacket, ssrc: int) -> ReceiverReport | None:
    """What an RTCP packet says of how ``ssrc`` is received; None when it says nothing of it.

    Receiver reports: RFC 3550, 6.4. REMB: draft-alvestrand-rmcat-remb-03.
    """
    if isinstance(packet, RtcpRrPacket | RtcpSrPacket):
        for report in packet.reports:
            if report.ssrc == ssrc:
                return ReceiverReport(fraction_lost=report.fraction_lost / 256)
    elif isinstance(packet, RtcpPsfbPacket) and packet.fmt == RTCP_PSFB_APP:
        try:
            bitrate, ssrcs = unpack_remb_fci(packet.fci)
        except ValueError:  # another application's message
            return None
        if ssrc in ssrcs:
            return ReceiverReport(estimate_bps=float(bitrate))
    return None


def pace_packets(sender: RTCRtpSender) -> None:
    """Send a picture's packets at a pace (see pacing.py), where aiortc sends them in one go."""
    transport = sender.transport
    setattr(transport, "_send_rtp", paced(transport._send_rtp, Pace()))  # noqa: B010


def declare_level(transceiver: RTCRtpTransceiver, level: int) -> None:
    """Have an answer name the H.264 level (times ten) that is sent, where aiortc says 3.1 whatever comes.

    For a stream that only goes out, profile-level-id is what it is, not what could be received (RFC 6184, 8.2.2).
    """
    for codec in transceiver._codecs:
        if "profile-level-id" in codec.parameters:
            codec.parameters["profile-level-id"] = f"{str(codec.parameters['profile-level-id'])[:4]}{level:02x}"

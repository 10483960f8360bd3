"""Everything that touches private parts of aiortc, and nothing else does.

tests/stream/test_aiortc_adapter.py has a test for each part, and notices when aiortc changes it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiortc import RTCRtpSender, RTCRtpTransceiver, rtcrtpsender
from aiortc.rtp import RTCP_PSFB_APP, AnyRtcpPacket, RtcpPsfbPacket, RtcpRrPacket, RtcpSrPacket, unpack_remb_fci

from hallucinate.outputs.bitrate import ReceiverReport
from hallucinate.stream.packet_pacing import Pace, paced

HISTORY_PACKETS = 1024
"""Packets that can be sent again. aiortc has 128, 170 kB: a keyframe at 4096×2048 is five times that, and what is lost
of it would be lost for good, and the next keyframe requested. A power of two, as sequence numbers wrap."""

setattr(rtcrtpsender, "RTP_HISTORY_SIZE", HISTORY_PACKETS)  # noqa: B010


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

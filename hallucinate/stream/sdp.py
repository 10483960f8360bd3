"""Reading SDP offers: whether it is one, whether it has video that can be answered, and in which codec."""

from __future__ import annotations

from aiortc import RTCRtpCodecCapability, RTCRtpCodecParameters, RTCRtpSender
from aiortc.sdp import MediaDescription, SessionDescription

from hallucinate.errors import OfferError
from hallucinate.outputs.encoder import Codec


class CodecError(OfferError):
    """An offer that is well formed, and has no codec in common with us."""

    code = "codec_unsupported"


def without_dead_ends(offer: str) -> str:
    """The offer without the lines that would make ICE wait, or give up too early.

    Browsers hide their addresses behind mDNS names until a camera is allowed. Resolving one takes up to a
    second, and fails where multicast does. It is not needed: the peer knows our addresses, and its checks
    show us its own (RFC 8445, 7.3.1.3). They come after the offer, so its candidates are never all of them.
    """
    lines = [
        line
        for line in offer.splitlines()
        if not (line.startswith("a=candidate:") and ".local " in line) and not line.startswith("a=end-of-candidates")
    ]
    return "\r\n".join(lines) + "\r\n"


def read_offer(offer: str, peer_should: str) -> Codec:
    """Check that the offer has video in the direction that ``peer_should`` ("send" or "receive").

    Returns the codec to answer with: the first in the offer that we have, for an offer names what it prefers
    first (RFC 3264, 5.1). Raises OfferError, naming what is missing.
    """
    if not offer.lstrip().startswith("v=0"):
        raise OfferError("the body is not an SDP offer: it does not begin with v=0")
    try:
        description = SessionDescription.parse(offer)
    except Exception as error:  # the parser raises whatever the text makes it stumble over
        raise OfferError(f"the SDP offer is malformed ({type(error).__name__})") from None
    # Port 0 is a section that was switched off, unless it shares the first one's port (RFC 9143).
    bundle = {str(mid) for group in description.group if group.semantic == "BUNDLE" for mid in group.items}
    videos = [m for m in description.media if m.kind == "video" and (m.port or str(m.rtp.muxId) in bundle)]
    if not videos:
        raise OfferError("the SDP offer has no video; offer one video section")
    _check_direction(videos[0], peer_should)
    for media in description.media:
        _check_transport(media)
    numbers = videos[0].fmt  # the order of the m= line counts, not that of the lines below it
    offered = [codec for number in numbers for codec in videos[0].rtp.codecs if codec.payloadType == number]
    ours = [Codec(name) for codec in offered if (name := codec.name.upper()) in list(Codec) and _is_packable(codec)]
    if ours:
        return ours[0]
    names = sorted({codec.name.upper() for codec in offered})
    if Codec.H264 in names:
        raise CodecError("no codec in common; offer VP8, or H264 baseline with packetization-mode=1")
    raise CodecError(f"no video codec in common: offer VP8 or H264, not only {', '.join(names) or 'none'}")


def _is_packable(codec: RTCRtpCodecParameters) -> bool:
    """Whether aiortc packs this: any VP8; H.264 of Baseline alone, in packets that may hold a part of a slice."""
    if codec.name.upper() != Codec.H264:
        return True
    profile = str(codec.parameters.get("profile-level-id", "42E01F"))  # its default: RFC 6184, 8.1
    return profile[:2] == "42" and str(codec.parameters.get("packetization-mode", 0)) == "1"


def _check_direction(video: MediaDescription, peer_should: str) -> None:
    direction = video.direction or "sendrecv"  # the default of RFC 8866, 6.7
    fitting = "sendonly" if peer_should == "send" else "recvonly"
    if direction not in (fitting, "sendrecv"):
        raise OfferError(f"the video in the SDP offer is {direction}; to {peer_should} it must be {fitting}")


def _check_transport(media: MediaDescription) -> None:
    kind = media.kind
    if media.ice is None or not media.ice.usernameFragment or not media.ice.password:
        raise OfferError(f"the {kind} section of the SDP offer has no a=ice-ufrag or a=ice-pwd")
    if media.dtls is None or not media.dtls.fingerprints:
        raise OfferError(f"the {kind} section of the SDP offer has no a=fingerprint or a=setup")


def preferences(codec: Codec) -> list[RTCRtpCodecCapability]:
    """This codec and its retransmissions, for ``setCodecPreferences``."""
    ours = RTCRtpSender.getCapabilities("video").codecs
    return [c for c in ours if c.mimeType.lower() in (f"video/{codec.lower()}", "video/rtx")]

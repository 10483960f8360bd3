"""Reading SDP offers: whether it is one, whether it has video that can be answered, and in which codec."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aiortc import RTCRtpCodecCapability, RTCRtpCodecParameters, RTCRtpSender
from aiortc.sdp import DIRECTIONS, MediaDescription, SessionDescription

from hallucinate.errors import OfferError
from hallucinate.outputs.encoder import Codec

HASHES = ("sha-256", "sha-384", "sha-512")
"""Of fingerprints: what aiortc compares. RFC 8827, 6.5, demands the first."""

SETUPS = ("actpass", "active", "passive")
MOST_NAMED = 12
MOST_OF_A_LINE = 60


class CodecError(OfferError):
    """An offer that is well formed, and has no codec in common with us."""

    code = "codec_unsupported"


@dataclass(frozen=True)
class Offer:
    """An offer that can be answered.

    codec: to answer with. text: what aiortc is to answer, without the sections that are declined. declined: the lines
    to decline them with, by their place in the offer.
    """

    codec: Codec
    text: str
    declined: Mapping[int, str]

    def whole(self, answer: str) -> str:
        """The answer to ``text`` -> that to the whole offer: as many sections, in their order (RFC 3264, 6)."""
        session, *sections = _sections(answer)
        for place in sorted(self.declined):
            sections.insert(place, self.declined[place])
        return session + "".join(sections)


def read_offer(offer: str, peer_should: str) -> Offer:
    """Check that the offer has video in the direction that ``peer_should`` ("send" or "receive").

    The codec is the first in the offer that we have, for an offer names what it prefers first (RFC 3264, 5.1). Raises
    OfferError, naming what is missing.
    """
    offer = _readable(offer)
    description = _parse(offer)
    # Port 0 is a section that was switched off, unless it shares the first one's port (RFC 9143).
    groups = [group.items for group in description.group if group.semantic == "BUNDLE"]
    bundle = {str(mid) for items in groups[:1] for mid in items}
    live = [m for m in description.media if m.port or m.rtp.muxId in bundle]
    video = _video([m for m in live if m.kind == "video"], peer_should)
    answered = [m for m in live if m is video or (m.kind == "audio" and _is_sound(m)) or _is_data(m)]
    for media in answered:
        _check_transport(media)
        if len(answered) > 1 and media.rtp.muxId not in bundle:
            raise OfferError(
                f"the {media.kind} section of the SDP offer is outside the BUNDLE group; "
                "sections must share one (RFC 9725, SDP Bundle)"
            )
    declined = {n: _declined(m) for n, m in enumerate(description.media) if m not in answered}
    return Offer(_codec(video), _for_aiortc(offer, description, declined), declined)


def _readable(offer: str) -> str:
    """The offer without the lines that would make ICE wait, or give up too early, or that aiortc stumbles over.

    Browsers hide their addresses behind mDNS names until a camera is allowed. Resolving one takes up to a
    second, and fails where multicast does. It is not needed: the peer knows our addresses, and its checks
    show us its own (RFC 8445, 7.3.1.3). They come after the offer, so its candidates are never all of them.

    Formats have their numbers by default, and then a fmtp without a rtpmap (RFC 3551, 6); aiortc finds none. It reads
    no attributes of header extensions (RFC 8285, 5) either.
    """
    session, *sections = _sections("\r\n".join(offer.splitlines()) + "\r\n")
    text = session
    for section in sections:
        mapped = set(re.findall(r"^a=rtpmap:(\d+) ", section, re.MULTILINE))
        for line in section.splitlines(keepends=True):
            hidden = line.startswith("a=candidate:") and ".local " in line
            unmapped = line.startswith("a=fmtp:") and line[7:].split(" ")[0] not in mapped
            if not (hidden or unmapped or line.startswith("a=end-of-candidates")):
                text += re.sub(r"^(a=extmap:\S+ \S+) .*\r$", r"\1\r", line)
    return text


def _parse(offer: str) -> SessionDescription:
    if not offer.lstrip().startswith("v=0"):
        raise OfferError("the body is not an SDP offer: it does not begin with v=0")
    for setup in re.findall(r"^a=setup:(\S*)", offer, re.MULTILINE):
        if setup not in SETUPS:
            raise OfferError(f"a=setup in the SDP offer must be {', '.join(SETUPS)}, not {setup[:20]!r}")
    try:
        description = SessionDescription.parse(offer)
    except Exception as error:  # the parser raises whatever the text makes it stumble over
        line = _stumbled_over(offer) or type(error).__name__
        raise OfferError(f"the SDP offer is malformed ({line}); write it as RFC 8866 and RFC 8829 have it") from None
    # Where a section has no direction it is the session's, and where that has none it is sendrecv (RFC 8866, 6.7).
    session = [line[2:] for line in _sections(offer)[0].split() if line[2:] in DIRECTIONS]
    for media in description.media:
        media.direction = media.direction or (session or ["sendrecv"])[0]
    return description


def _stumbled_over(offer: str) -> str:
    """The first line that cannot be parsed, up to its colon, for a value may be secret; "" where it is no line's."""
    lines = offer.splitlines(keepends=True)

    def fails(count: int) -> bool:
        try:
            SessionDescription.parse("".join(lines[:count]))
        except Exception:  # as in _parse
            return True
        return False

    count = bisect_left(range(1, len(lines) + 1), True, key=fails)
    return repr(lines[count].strip().partition(":")[0][:MOST_OF_A_LINE]) if count < len(lines) else ""


def _video(videos: Sequence[MediaDescription], peer_should: str) -> MediaDescription:
    """The section to answer. One that sends more than one picture is refused, not half answered (RFC 9725)."""
    if not videos:
        raise OfferError("the SDP offer has no video; offer one video section")
    direction = "sendonly" if peer_should == "send" else "recvonly"
    fitting = [m for m in videos if m.direction in (direction, "sendrecv")]
    if not fitting:
        raise OfferError(
            f"the video in the SDP offer is {videos[0].direction}; to {peer_should} it must be {direction}"
        )
    if peer_should == "send" and len(fitting) > 1:
        raise OfferError(
            f"the SDP offer sends {len(fitting)} videos; send one, and the others with requests of their own",
            code="videos_too_many",
        )
    return fitting[0]


def _is_sound(media: MediaDescription) -> bool:
    """Whether it is sound that aiortc can read, and answer with a section that is inactive."""
    known = {(c.mimeType.lower(), c.clockRate) for c in RTCRtpSender.getCapabilities("audio").codecs}
    return any((codec.mimeType.lower(), codec.clockRate) in known for codec in media.rtp.codecs)


def _is_data(media: MediaDescription) -> bool:
    return media.kind == "application" and media.profile.endswith("DTLS/SCTP")


def _codec(video: MediaDescription) -> Codec:
    numbers = video.fmt  # the order of the m= line counts, not that of the lines below it
    offered = [codec for number in numbers for codec in video.rtp.codecs if codec.payloadType == number]
    for codec in offered:
        if (name := codec.name.upper()) in list(Codec) and _is_packable(codec):
            return Codec(name)
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


def _check_transport(media: MediaDescription) -> None:
    where = f"the {media.kind} section of the SDP offer"
    if media.ice is None or not media.ice.usernameFragment or not media.ice.password:
        raise OfferError(f"{where} has no a=ice-ufrag or a=ice-pwd")
    if media.dtls is None or not media.dtls.fingerprints:
        raise OfferError(f"{where} has no a=fingerprint or a=setup")
    hashes = [fingerprint.algorithm.lower()[:20] for fingerprint in media.dtls.fingerprints]
    if not any(name in HASHES for name in hashes):
        raise OfferError(f"{where} has a fingerprint of {', '.join(hashes)} alone; it must be of {', '.join(HASHES)}")
    if media.kind != "application" and not media.rtcp_mux:
        raise OfferError(f"{where} has no a=rtcp-mux; RTP and RTCP must share a port")


def _declined(media: MediaDescription) -> str:
    """Port 0 declines a section (RFC 3264, 6)."""
    formats = " ".join(map(str, media.fmt))
    mid = f"a=mid:{media.rtp.muxId}\r\n" if media.rtp.muxId else ""
    return f"m={media.kind} 0 {media.profile} {formats}\r\nc=IN IP4 0.0.0.0\r\n{mid}a=inactive\r\n"


def _sections(text: str) -> list[str]:
    """The session's lines, and those of each media section, with their ends of line."""
    return re.split(r"^(?=m=)", text, flags=re.MULTILINE)


def _for_aiortc(offer: str, description: SessionDescription, declined: Mapping[int, str]) -> str:
    """The offer without the sections that are declined; the others have their directions, which may be the default."""
    session, *sections = _sections(offer)
    answered = [n for n in range(len(sections)) if n not in declined]
    if declined:
        mids = " ".join(description.media[n].rtp.muxId for n in answered)
        session = re.sub(r"^a=group:BUNDLE.*$", f"a=group:BUNDLE {mids}\r", session, flags=re.MULTILINE)
    for n in answered:
        lines = [line for line in sections[n].splitlines(keepends=True) if line[2:].strip() not in DIRECTIONS]
        session += "".join(lines)
        if description.media[n].kind != "application":
            session += f"a={description.media[n].direction}\r\n"
    return session


def preferences(codec: Codec) -> list[RTCRtpCodecCapability]:
    """This codec and its retransmissions, for ``setCodecPreferences``."""
    ours = RTCRtpSender.getCapabilities("video").codecs
    return [c for c in ours if c.mimeType.lower() in (f"video/{codec.lower()}", "video/rtx")]


def summary(offer: str) -> str:
    """What an offer has, in one line for the log, also where it cannot be followed; nothing in it is secret.

    Codecs (of H.264 each profile and packetization mode), the DTLS role, the fingerprints' hashes, how many candidates
    of which kind.
    """

    def found(pattern: str) -> list[str]:
        return list(dict.fromkeys(re.findall(pattern, offer, re.M | re.A)))[:MOST_NAMED]

    codecs = found(r"^a=rtpmap:\d+ ([\w.-]{1,20})/")
    profiles = found(r"^a=fmtp:\d+ .*?\bprofile-level-id=(\w{1,8})")
    modes = found(r"^a=fmtp:\d+ .*?\bpacketization-mode=(\d)")
    pattern = r"^a=candidate:\S+ \d+ (\w{1,8}) \d+ \S+ \d+ typ (\w{1,8})"
    candidates = Counter(re.findall(pattern, offer.lower(), re.M | re.A))
    kinds = [f"{count} {transport} {kind}" for (transport, kind), count in candidates.most_common(MOST_NAMED)]
    parts = {
        "codecs": codecs,
        "H264 profiles": profiles,
        "packetization-mode": modes,
        "setup": found(r"^a=setup:(\w{1,20})"),
        "fingerprint": found(r"^a=fingerprint:([\w-]{1,20}) "),
        "candidates": kinds or ["none"],
    }
    return "; ".join(f"{name} {', '.join(values)}" for name, values in parts.items() if values)

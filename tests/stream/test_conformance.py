"""WHIP and WHEP by table: a situation, and the status, the headers and the code that answer it.

RFC 9725 (WHIP), the draft of WHEP, and what they leave to HTTP (RFC 9110) and SDP (RFC 3264, 8842, 9143).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pytest
from aiortc.sdp import SessionDescription

from hallucinate.stream.peers import Limits
from tests.stream.foreign import SDP, Http, Painter, offer, stats

ENDPOINTS = ["/whep", "/whip"]
DIRECTION = {"/whep": "recvonly", "/whip": "sendonly"}
ANSWERED = {"/whep": "sendonly", "/whip": "recvonly"}
TRICKLE = {"Content-Type": "application/trickle-ice-sdpfrag"}
OUTSIDE = {"X-Forwarded-For": "192.0.2.7"}
"""Whoever comes by a proxy is not on this machine, and needs the token."""

OPENS = {**OUTSIDE, "Authorization": "Bearer open-sesame"}


async def offer_for(path: str) -> str:
    return await offer(direction=DIRECTION[path])


async def open_session(http: Http, path: str, text: str | None = None) -> str:
    reply = await http.post(path, data=text or await offer_for(path), headers=SDP)
    assert reply.status == 201, await reply.text()
    return str(reply.headers["Location"])


# The endpoint, whatever the offer


@dataclass(frozen=True)
class Row:
    """A request to an endpoint, and its answer. body: what is made of a good offer. headers: "" where there is none."""

    method: str
    status: int
    code: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    sends: Mapping[str, str] = field(default_factory=dict)
    body: Callable[[str], str | bytes] = str


ALLOW = {"Allow": "GET,HEAD,OPTIONS,POST"}
CREATED = {"Content-Type": "application/sdp", "ETag": "", "Link": "", "Accept-Patch": "", "Cache-Control": "no-store"}

ENDPOINT = {
    "an offer": Row("POST", 201, headers=CREATED, sends=SDP),
    "capitals, a parameter": Row("POST", 201, sends={"Content-Type": "Application/SDP; charset=utf-8"}),
    "ends of line of Unix": Row("POST", 201, sends=SDP, body=lambda text: text.replace("\r\n", "\n")),
    "no last end of line": Row("POST", 201, sends=SDP, body=str.rstrip),
    "whoever accepts SDP alone": Row("POST", 201, sends={**SDP, "Accept": "application/sdp"}),
    "text/plain": Row("POST", 415, "content_type_unsupported", {"Accept-Post": "application/sdp"}),
    "no type": Row("POST", 415, "content_type_unsupported", sends={"Content-Type": ""}),
    "JSON": Row("POST", 415, "content_type_unsupported", sends={"Content-Type": "application/json"}),
    "nothing": Row("POST", 400, "offer_invalid", sends=SDP, body=lambda text: ""),
    "half an offer": Row("POST", 400, "offer_invalid", sends=SDP, body=lambda text: text[: len(text) // 4]),
    "not UTF-8": Row("POST", 400, "offer_invalid", sends=SDP, body=lambda text: text.encode("utf-16")),
    "70 KiB": Row("POST", 413, "body_too_large", sends=SDP, body=lambda text: text + "a=x\r\n" * 14_000),
    "without the token": Row("POST", 401, "token_missing", {"WWW-Authenticate": "Bearer"}, {**SDP, **OUTSIDE}),
    "a wrong token": Row("POST", 401, "token_missing", sends={**SDP, **OUTSIDE, "Authorization": "Bearer sesame"}),
    "another scheme": Row("POST", 401, "token_missing", sends={**SDP, **OUTSIDE, "Authorization": "Basic b3Blbg=="}),
    "the token": Row("POST", 201, sends={**SDP, **OPENS}),
    "the token, other capitals": Row("POST", 201, sends={**SDP, **OUTSIDE, "Authorization": "bearer open-sesame"}),
    "OPTIONS": Row("OPTIONS", 200, headers={"Accept-Post": "application/sdp", "Link": ""}),
    "OPTIONS without the token": Row("OPTIONS", 200, headers={"Accept-Post": "application/sdp"}, sends=OUTSIDE),
    "GET": Row("GET", 204),
    "HEAD": Row("HEAD", 204),
    "GET without the token": Row("GET", 401, "token_missing", sends=OUTSIDE),
    "PUT": Row("PUT", 405, "method_not_allowed", ALLOW, SDP),
    "PATCH": Row("PATCH", 405, "method_not_allowed", ALLOW, TRICKLE),
    "DELETE": Row("DELETE", 405, "method_not_allowed", ALLOW),
    "a method of others": Row("PROPFIND", 405, "method_not_allowed", ALLOW),
}


@pytest.mark.parametrize("path", [*ENDPOINTS, "/whep/", "/whip/"])
@pytest.mark.parametrize("row", ENDPOINT.values(), ids=ENDPOINT.keys())
async def test_endpoint(http: Http, path: str, row: Row) -> None:
    data = row.body(await offer_for(path.rstrip("/"))) if row.method in ("POST", "PUT", "PATCH") else None
    sends = {"Content-Type": "text/plain", **row.sends} if data is not None else row.sends
    reply = await http.request(row.method, path, data=data, headers=sends, skip_auto_headers=["Content-Type"])
    assert reply.status == row.status, await reply.text()
    for name, value in row.headers.items():
        assert reply.headers.get(name, "") == value
    if row.code:
        assert (await reply.json())["code"] == row.code
    if row.status == 201:
        assert re.fullmatch(rf"{path.rstrip('/')}/[\w-]{{16}}", reply.headers["Location"])
        assert (await reply.text()).startswith("v=0\r\n")
    elif row.status in (200, 204):
        assert await reply.read() == b""


# A session, which an offer made


SESSION = {
    "GET": Row("GET", 204),
    "HEAD": Row("HEAD", 204),
    "OPTIONS": Row("OPTIONS", 200, headers={"Allow": "DELETE, GET, HEAD, OPTIONS", "Accept-Patch": ""}),
    "OPTIONS without the token": Row("OPTIONS", 200, sends=OUTSIDE),
    "trickle": Row("PATCH", 405, "method_not_allowed", {"Allow": "DELETE,GET,HEAD,OPTIONS"}, TRICKLE),
    "an ICE restart": Row("PATCH", 405, "method_not_allowed", sends={**TRICKLE, "If-Match": "*"}),
    "PATCH of another type": Row("PATCH", 405, "method_not_allowed", sends={"Content-Type": "text/plain"}),
    "another offer": Row("POST", 405, "method_not_allowed", sends=SDP),
    "PUT": Row("PUT", 405, "method_not_allowed", sends=SDP),
    "DELETE without the token": Row("DELETE", 401, "token_missing", {"WWW-Authenticate": "Bearer"}, OUTSIDE),
    "DELETE": Row("DELETE", 200),
    "DELETE with the token": Row("DELETE", 200, sends=OPENS),
    "DELETE with an ETag": Row("DELETE", 200, sends={"If-Match": '"xyzzy"'}),
}


@pytest.mark.parametrize("path", ENDPOINTS)
@pytest.mark.parametrize("row", SESSION.values(), ids=SESSION.keys())
async def test_session(http: Http, path: str, row: Row) -> None:
    location = await open_session(http, path)
    reply = await http.request(row.method, location, headers=row.sends)
    assert reply.status == row.status
    for name, value in row.headers.items():
        assert reply.headers.get(name, "") == value
    if row.code:
        body = await reply.json()
        assert body["code"] == row.code
        assert ("candidates" in body["error"]) == (row.method == "PATCH")
    gone = 404 if row.method == "DELETE" and row.status == 200 else 200
    assert (await http.delete(location, headers=OPENS)).status == gone


@pytest.mark.parametrize("path", ENDPOINTS)
@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE", "PATCH", "POST"])
async def test_no_session(http: Http, path: str, method: str) -> None:
    """One that never was, one that has ended, and one of the other kind."""
    ended = await open_session(http, path)
    assert (await http.delete(ended)).status == 200
    other = next(each for each in ENDPOINTS if each != path)
    others = (await open_session(http, other)).replace(other, path)
    for address in (f"{path}/nobody", ended, others):
        assert (await http.request(method, address)).status == 404


class TestNoRoom:
    @pytest.fixture
    def limits(self) -> Limits:
        return Limits(max_viewers=1)

    async def test_it_may_be_tried_again(self, http: Http) -> None:
        await open_session(http, "/whep")
        reply = await http.post("/whep", data=await offer_for("/whep"), headers=SDP)
        assert (reply.status, (await reply.json())["code"]) == (503, "no_room")
        assert int(reply.headers["Retry-After"]) > 0
        assert (await stats(http))["peers"]["failed"]["room"] == 1


# The offer

Change = Callable[[str], str]


def line(pattern: str, instead: str) -> Change:
    """Each line that is as ``pattern`` is replaced; without an end of line it is left out."""
    return lambda text: re.sub(rf"^{pattern}\r\n", instead and f"{instead}\r\n", text, flags=re.MULTILINE)


def codecs(*lines: str) -> Change:
    """The offer with these payload types from 96 on instead: each "NAME/CLOCK", or with " PARAMETERS" behind it."""

    def change(text: str) -> str:
        text = re.sub(r"^a=(rtpmap|fmtp|rtcp-fb):.*\r\n", "", text, flags=re.MULTILINE)
        text = re.sub(
            r"^(m=video \d+ \S+).*\r\n", rf"\1 {' '.join(map(str, range(96, 96 + len(lines))))}\r\n", text, flags=re.M
        )
        for number, each in enumerate(lines, 96):
            name, _, parameters = each.partition(" ")
            text += f"a=rtpmap:{number} {name}\r\n" + (f"a=fmtp:{number} {parameters}\r\n" if parameters else "")
        return text

    return change


def before(first: str) -> Change:
    """With another section first, of the same bundle."""

    def change(text: str) -> str:
        session, video = re.split(r"^(?=m=)", text, maxsplit=1, flags=re.MULTILINE)
        transport = "".join(re.findall(r"^a=(?:ice-ufrag|ice-pwd|fingerprint|setup).*\r\n", video, re.MULTILINE))
        session = re.sub(r"a=group:BUNDLE .*\r\n", "a=group:BUNDLE first 0\r\n", session)
        lines = first.replace("TRANSPORT", transport).replace("\n", "\r\n")
        return f"{session}{lines}a=mid:first\r\n{video}"

    return change


def after(last: str) -> Change:
    def change(text: str) -> str:
        transport = "".join(re.findall(r"^a=(?:ice-ufrag|ice-pwd|fingerprint|setup).*\r\n", text, re.MULTILINE))
        text = re.sub(r"a=group:BUNDLE .*\r\n", "a=group:BUNDLE 0 last\r\n", text)
        return text + last.replace("TRANSPORT", transport).replace("\n", "\r\n") + "a=mid:last\r\n"

    return change


def unbundled(change: Change) -> Change:
    return lambda text: re.sub(r"a=group:BUNDLE.*\r\n", "", change(text))


def on_port_0(text: str) -> str:
    return re.sub(r"^m=video \d+", "m=video 0", text, flags=re.MULTILINE)


H264 = "H264/90000 level-asymmetry-allowed=1;packetization-mode={};profile-level-id={}"
OPUS = "m=audio 9 UDP/TLS/RTP/SAVPF 111\nc=IN IP4 0.0.0.0\nTRANSPORTa=rtcp-mux\na=rtpmap:111 opus/48000/2\n"
AAC = OPUS.replace("opus/48000/2", "MP4A-LATM/48000/2")
VIDEO = "m=video 9 UDP/TLS/RTP/SAVPF 96\nc=IN IP4 0.0.0.0\nTRANSPORTa=rtcp-mux\na=rtpmap:96 VP8/90000\n"
DATA = "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\nc=IN IP4 0.0.0.0\nTRANSPORTa=sctp-port:5000\n"
OFF = "m=audio 0 UDP/TLS/RTP/SAVPF 111\nc=IN IP4 0.0.0.0\na=inactive\n"
VIDEO_OFF = "m=video 0 UDP/TLS/RTP/SAVPF 96\nc=IN IP4 0.0.0.0\na=inactive\n"
TEXT = "m=text 9 UDP/TLS/RTP/SAVPF 98\nc=IN IP4 0.0.0.0\nTRANSPORTa=rtcp-mux\na=rtpmap:98 t140/1000\n"
RIDS = "a=rid:h send\r\na=rid:l send\r\na=simulcast:send h;l\r\n"

GOOD: dict[str, tuple[Change, list[str]]] = {
    "sendrecv": (line("a=(sendonly|recvonly)", "a=sendrecv"), ["video"]),
    "no direction, which is sendrecv": (line("a=(sendonly|recvonly)", ""), ["video"]),
    "the session's direction": (
        lambda text: re.sub(r"(?s)(t=0 0\r\n)(.*)a=(sendonly|recvonly)\r\n", r"\1a=\3\r\n\2", text),
        ["video"],
    ),
    "setup active": (line("a=setup:.*", "a=setup:active"), ["video"]),
    "setup passive": (line("a=setup:.*", "a=setup:passive"), ["video"]),
    "ICE lite": (line("t=0 0", "t=0 0\r\na=ice-lite"), ["video"]),
    "no candidate yet": (line("a=(candidate|end-of-candidates).*", ""), ["video"]),
    "no BUNDLE, one section": (line("a=group:BUNDLE.*", ""), ["video"]),
    "candidates of TCP alone": (
        line(
            r"a=candidate:(\S+) (\d) udp (\d+) (\S+) \d+ typ host.*",
            r"a=candidate:\1 \2 tcp \3 \4 9 typ host tcptype active",
        ),
        ["video"],
    ),
    "bundle-only": (lambda text: on_port_0(text).replace("a=mid:0", "a=mid:0\r\na=bundle-only"), ["video"]),
    "VP8 alone": (codecs("VP8/90000"), ["video"]),
    "capitals of nobody": (codecs("vp8/90000"), ["video"]),
    "42e01f": (codecs(H264.format(1, "42e01f")), ["video"]),
    "42001f": (codecs(H264.format(1, "42001f")), ["video"]),
    "42c01f, as GStreamer has it": (codecs(H264.format(1, "42c01f")), ["video"]),
    "42E034, a high level": (codecs(H264.format(1, "42E034")), ["video"]),
    "H264 behind VP9, AV1, H265": (
        codecs("VP9/90000", "AV1/90000", "H265/90000", H264.format(1, "42e01f")),
        ["video"],
    ),
    "RTX, RED, FEC": (
        codecs(
            "VP8/90000",
            "rtx/90000 apt=96",
            "red/90000",
            "rtx/90000 apt=98",
            "ulpfec/90000",
            "flexfec-03/90000 repair-window=1",
        ),
        ["video"],
    ),
    "simulcast": (lambda text: text + RIDS, ["video"]),
    "sound first": (before(OPUS), ["audio", "video"]),
    "sound last": (after(OPUS), ["video", "audio"]),
    "sound that we have no codec for": (before(AAC), ["audio declined", "video"]),
    "sound that is switched off": (unbundled(before(OFF)), ["audio declined", "video"]),
    "a video that is switched off first": (unbundled(before(VIDEO_OFF)), ["video declined", "video"]),
    "a data channel": (after(DATA), ["video", "application"]),
    "a data channel first": (before(DATA), ["application", "video"]),
    "a fmtp without a rtpmap": (before(OPUS + "a=fmtp:0 annexb=no\n"), ["audio", "video"]),
    "attributes of an extension": (
        lambda text: text + "a=extmap:1/sendonly urn:ietf:params:rtp-hdrext:sdes:mid short\r\n",
        ["video"],
    ),
    "text": (after(TEXT), ["video", "text declined"]),
}

BAD: dict[str, tuple[Change, int, str]] = {
    "inactive": (line("a=(sendonly|recvonly)", "a=inactive"), 400, "offer_invalid"),
    "the session is inactive": (
        lambda text: line("t=0 0", "t=0 0\r\na=inactive")(line("a=(sendonly|recvonly)", "")(text)),
        400,
        "offer_invalid",
    ),
    "port 0": (unbundled(on_port_0), 400, "offer_invalid"),
    "no RTP with RTCP": (line("a=rtcp-mux", ""), 400, "offer_invalid"),
    "no fingerprint": (line("a=fingerprint:.*", ""), 400, "offer_invalid"),
    "a fingerprint of SHA-1 alone": (line("a=fingerprint:.*", "a=fingerprint:sha-1 00:11"), 400, "offer_invalid"),
    "no DTLS role": (line("a=setup:.*", ""), 400, "offer_invalid"),
    "setup holdconn": (line("a=setup:.*", "a=setup:holdconn"), 400, "offer_invalid"),
    "no ICE password": (line("a=ice-pwd:.*", ""), 400, "offer_invalid"),
    "no BUNDLE, two sections": (unbundled(before(OPUS)), 400, "offer_invalid"),
    "VP9 alone": (codecs("VP9/90000 profile-id=0"), 422, "codec_unsupported"),
    "AV1 alone": (codecs("AV1/90000"), 422, "codec_unsupported"),
    "H265 alone": (codecs("H265/90000"), 422, "codec_unsupported"),
    "H264 Main": (codecs(H264.format(1, "4d001f")), 422, "codec_unsupported"),
    "H264 High": (codecs(H264.format(1, "640032")), 422, "codec_unsupported"),
    "single packets": (codecs(H264.format(0, "42e01f")), 422, "codec_unsupported"),
    "a level that nobody knows": (codecs(H264.format(1, "42e0ff")), 422, "codec_unsupported"),
    "RTX alone": (codecs("rtx/90000 apt=96"), 422, "codec_unsupported"),
}


def sections(answer: str) -> list[str]:
    return [m.kind if m.port else f"{m.kind} declined" for m in SessionDescription.parse(answer).media]


@pytest.mark.parametrize("path", ENDPOINTS)
@pytest.mark.parametrize(("change", "answered"), GOOD.values(), ids=GOOD.keys())
async def test_offers_that_are_answered(http: Http, path: str, change: Change, answered: list[str]) -> None:
    reply = await http.post(path, data=change(await offer_for(path)), headers=SDP)
    answer = await reply.text()
    assert reply.status == 201, answer
    assert sections(answer) == answered
    video = next(part for part in answer.split("m=")[1:] if re.match(r"video [1-9]", part))
    assert f"a={ANSWERED[path]}\r\n" in video
    assert len(re.findall(r"a=rtpmap:\d+ (?!rtx/)", video)) == 1
    assert "a=candidate:" in video
    assert "a=simulcast" not in answer
    assert re.search("^a=ice-lite", answer, re.MULTILINE) is None


@pytest.mark.parametrize("path", ENDPOINTS)
@pytest.mark.parametrize(("change", "status", "code"), BAD.values(), ids=BAD.keys())
async def test_offers_that_are_refused(http: Http, path: str, change: Change, status: int, code: str) -> None:
    reply = await http.post(path, data=change(await offer_for(path)), headers=SDP)
    assert (reply.status, (await reply.json())["code"]) == (status, code)
    peers = (await stats(http))["peers"]
    assert (peers["viewers"], peers["guests"]) == (0, 0)
    assert peers["failed"]["codec" if status == 422 else "offer"] == 1


@pytest.mark.parametrize(("setup", "ours"), [("actpass", "active"), ("active", "passive"), ("passive", "active")])
async def test_the_dtls_role_is_the_other_one(http: Http, setup: str, ours: str) -> None:
    text = (await offer_for("/whep")).replace("a=setup:actpass", f"a=setup:{setup}")
    answer = await (await http.post("/whep", data=text, headers=SDP)).text()
    assert re.findall(r"^a=setup:(\w+)", answer, re.MULTILINE) == [ours]


async def test_two_videos(http: Http, painter: Painter) -> None:
    """A viewer gets one of them; of a guest's two neither is taken in silence (RFC 9725, Single MediaStream)."""
    watch = after(VIDEO + "a=recvonly\n")(await offer_for("/whep"))
    reply = await http.post("/whep", data=watch, headers=SDP)
    assert sections(await reply.text()) == ["video", "video declined"]
    send = after(VIDEO + "a=sendonly\n")(await offer_for("/whip"))
    reply = await http.post("/whip", data=send, headers=SDP)
    assert (reply.status, (await reply.json())["code"]) == (422, "videos_too_many")


async def test_sound_alone(http: Http) -> None:
    for path in ENDPOINTS:
        reply = await http.post(path, data=await offer("audio", DIRECTION[path]), headers=SDP)
        assert (reply.status, (await reply.json())["code"]) == (400, "offer_invalid")

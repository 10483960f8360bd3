"""A scripted loop with real stages, and foreign clients: real peer connections, from outside the server."""

from __future__ import annotations

import asyncio
import gc
import itertools
import re
import threading
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import aiohttp
import av
import numpy as np
import numpy.typing as npt
from aiohttp import web
from aiohttp.test_utils import TestClient
from aiortc import (
    RTCCertificate,
    RTCConfiguration,
    RTCPeerConnection,
    RTCRtpReceiver,
    RTCRtpSender,
    RTCSessionDescription,
)
from aiortc.rtcdtlstransport import SRTPProtectionProfile, generate_certificate
from cryptography.hazmat.primitives.asymmetric import rsa
from OpenSSL import SSL

from hallucinate.clock import SystemClock
from hallucinate.errors import BusyError, LoadingError, NetworkError
from hallucinate.frame import OutputFrame, Picture
from hallucinate.sources.guest import GuestSource
from hallucinate.statistics import LoopStatistics, NetworkStatistics
from hallucinate.status import SourceStatus
from hallucinate.subscriber import Stage

Http = TestClient[web.Request, web.Application]

SDP = {"Content-Type": "application/sdp"}
RED, GREEN, BLUE, GREY = (200, 30, 30), (30, 180, 40), (40, 40, 200), (128, 128, 128)
SOON = 10.0
"""Seconds within which what is waited for must have happened; nothing waits this long when all is well."""


def plain(colour: tuple[int, int, int], width: int = 320, height: int = 180) -> Picture:
    return np.full((height, width, 3), colour, np.uint8)


def picture_of(frame: av.VideoFrame) -> Picture:
    return np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)


def colour_of(frame: av.VideoFrame) -> npt.NDArray[np.float64]:
    return np.asarray(picture_of(frame).astype(float).mean(axis=(0, 1)))


def looks(frame: av.VideoFrame, colour: tuple[int, int, int]) -> bool:
    return bool(np.abs(colour_of(frame) - colour).max() < 16)


@dataclass
class ScriptedDream:
    id: str
    stage: Stage = field(default_factory=Stage)


class ScriptedNetworks:
    """Says which network dreams; the tests say when another one does."""

    def __init__(self) -> None:
        self.facts: dict[str, object] = {"network": "motif"}
        self.requested: list[str] = []
        self.listeners: list[Callable[[], None]] = []

    def choices(self) -> list[dict[str, object]]:
        return [{"name": name, "current": name == self.facts["network"]} for name in ("motif", "vgg16")]

    def begin(self, name: str) -> None:
        if name not in ("motif", "vgg16"):
            raise NetworkError(f"no network is called {name!r}; did you mean 'vgg16'?")
        if self.requested:
            raise LoadingError(f"the network {self.requested[-1]!r} is being loaded; try again when it dreams")
        self.requested.append(name)

    def done(self) -> None:
        self.facts = {"network": self.requested.pop()}
        for listener in list(self.listeners):
            listener()

    def listen(self, listener: Callable[[], None]) -> Callable[[], None]:
        self.listeners.append(listener)
        return lambda: self.listeners.remove(listener)

    def stats(self) -> NetworkStatistics:
        loading = self.requested[-1] if self.requested else ""
        return NetworkStatistics(name=str(self.facts["network"]), loading=loading, share=None, error="")


class ScriptedLoop:
    """Does what the server needs of a loop, and dreams nothing."""

    def __init__(self, guests: int = 2) -> None:
        self.main = ScriptedDream("main")
        self.networks = ScriptedNetworks()
        self.places = guests
        self.dreams = {"main": self.main}
        self.sources: dict[str, GuestSource] = {}
        self.pictures: dict[str, Picture | None] = {}
        self._numbers = itertools.count(1)

    def admit(self, source: GuestSource) -> ScriptedDream:
        if len(self.sources) >= self.places:
            raise BusyError(f"{self.places} guests are dreamed already; try again in a moment")
        dream = ScriptedDream(f"guest-{next(self._numbers)}")
        self.dreams[dream.id], self.sources[dream.id] = dream, source
        return dream

    def dismiss(self, dream_id: str) -> None:
        if self.sources.pop(dream_id, None) is not None:
            self.dreams.pop(dream_id).stage.close()

    def find(self, dream_id: str) -> ScriptedDream | None:
        return self.dreams.get(dream_id)

    def set_picture(self, kind: str, picture: Picture | None) -> None:
        self.pictures[kind] = picture

    def picture_of(self, kind: str) -> Picture | None:
        return self.pictures.get(kind)

    def stats(self) -> LoopStatistics:
        return LoopStatistics(
            status=SourceStatus.LIVE,
            status_text="reading a script",
            notice="",
            fps=24.0,
            dream_ms=30.0,
            capture_to_dream_ms=40.0,
            dream_width_px=320,
            steps=1,
            step_interval=1,
            source_skipped_frames=0,
            source_damaged_packets=0,
            dropped_frames=0,
            cleared_residuals=0,
            guests=len(self.sources),
            pictures=(),
            network=self.networks.stats(),
        )


class Painter:
    """Shows pictures on a stage at a camera's pace, on a thread of its own, until it is stopped."""

    def __init__(self, stage: Stage) -> None:
        self.dream, self.camera = plain(RED), plain(BLUE)
        self.moves = 0  # pixels between two frames
        self._stage, self._stop = stage, threading.Event()
        self._thread = threading.Thread(target=self._run, name="painter")

    def start(self) -> Painter:
        self._thread.start()
        return self

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        clock = SystemClock()
        for n in itertools.count():
            if self._stop.wait(1 / 40):
                return
            now = clock.now_ns()
            dream = np.roll(self.dream, n * self.moves, 1) if self.moves else self.dream
            self._stage.publish(OutputFrame(dream, self.camera, now, now))


class Poster(Protocol):
    """What a peer needs of a client."""

    def post(self, path: str, /, *, data: str, headers: Mapping[str, str]) -> Awaitable[aiohttp.ClientResponse]: ...


class ForeignCertificate(RTCCertificate):
    """A certificate with the cipher suites of another program, by OpenSSL's names."""

    def __init__(self, ciphers: str, own: RTCCertificate | None = None) -> None:
        own = own or RTCCertificate.generateCertificate()
        super().__init__(own._key, own._cert)
        self._ciphers = ciphers

    def _create_ssl_context(self, srtp_profiles: list[SRTPProtectionProfile]) -> SSL.Context:
        context = super()._create_ssl_context(srtp_profiles)
        context.set_cipher_list(self._ciphers.encode())
        return context


def rsa_certificate(ciphers: str = "ECDHE-RSA-AES128-GCM-SHA256", bits: int = 2048) -> ForeignCertificate:
    """As GStreamer's webrtcbin has one."""
    key: Any = rsa.generate_private_key(65537, bits)  # aiortc's own are of elliptic curves
    return ForeignCertificate(ciphers, RTCCertificate(key, generate_certificate(key)))


class Peer:
    """A foreign client: aiortc's other end, spoken to by HTTP alone.

    certificate: instead of an own one of ECDSA. setup: its DTLS role, as the offer has it.
    """

    def __init__(self, http: Poster, certificate: RTCCertificate | None = None, setup: str = "actpass") -> None:
        self.http, self.setup = http, setup
        self.pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        if certificate is not None:
            setattr(self.pc, "_RTCPeerConnection__certificates", [certificate])  # noqa: B010
        self.connected = asyncio.Event()
        self.closed = asyncio.Event()
        self.location = ""
        self.hide_addresses = False
        self.pc.on("connectionstatechange", self._changed)

    def _changed(self) -> None:
        if self.pc.connectionState == "connected":
            self.connected.set()
        elif self.pc.connectionState in ("closed", "failed"):
            self.closed.set()

    async def watch(self, path: str = "/whep", codec: str | None = None, sound: bool = False) -> Peer:
        if sound:
            self.pc.addTransceiver("audio", direction="recvonly")
        transceiver = self.pc.addTransceiver("video", direction="recvonly")
        if codec:
            ours = RTCRtpSender.getCapabilities("video").codecs
            transceiver.setCodecPreferences([c for c in ours if c.mimeType == f"video/{codec}"])
        await self.post(path)
        await asyncio.wait_for(self.connected.wait(), SOON)
        return self

    async def post(self, path: str) -> aiohttp.ClientResponse:
        await self.pc.setLocalDescription(await self.pc.createOffer())
        sdp = self.pc.localDescription.sdp.replace("a=setup:actpass", f"a=setup:{self.setup}")
        if self.hide_addresses:
            sdp = re.sub(r"(a=candidate:\S+ \d udp \d+) \S+", r"\1 0f2bd0d4-54ab-4a5c.local", sdp)
            assert ".local" in sdp
        reply = await self.http.post(path, data=sdp, headers=SDP)
        assert reply.status == 201, await reply.text()
        self.location = reply.headers["Location"]
        await self.pc.setRemoteDescription(RTCSessionDescription(await reply.text(), "answer"))
        return reply

    @property
    def receiver(self) -> RTCRtpReceiver:
        return next(t.receiver for t in self.pc.getTransceivers() if t.kind == "video")

    async def frame(self) -> av.VideoFrame:
        return await asyncio.wait_for(self._next(), SOON)

    async def frame_that(self, fits: Callable[[av.VideoFrame], bool]) -> av.VideoFrame:
        async with asyncio.timeout(SOON):
            while not fits(frame := await self._next()):
                pass
            return frame

    async def _next(self) -> av.VideoFrame:
        frame = await self.receiver.track.recv()
        assert isinstance(frame, av.VideoFrame)
        return frame

    def vanish(self) -> None:
        """Go without a word: the sockets are gone, nobody hears of it, nothing answers."""
        for transceiver in self.pc.getTransceivers():
            for protocol in transceiver.receiver.transport.transport._connection._protocols:
                protocol.transport.abort()


NewPeer = Callable[..., Peer]


async def offer(kind: str = "video", direction: str = "recvonly") -> str:
    """An offer that nobody will ever connect with."""
    pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    pc.addTransceiver(kind, direction=direction)
    await pc.setLocalDescription(await pc.createOffer())
    sdp = pc.localDescription.sdp
    await pc.close()
    return sdp


async def until(true: Callable[[], bool]) -> None:
    """Give the event loop turns until something is so."""
    async with asyncio.timeout(SOON):
        while not true():
            gc.collect(0)
            await asyncio.sleep(0.005)


async def stats(http: Http) -> Any:
    return await (await http.get("/api/stats")).json()


async def all_gone(http: Http) -> None:
    """Wait until no viewer and no guest is counted any more: the server hears of an end after the peer does."""
    async with asyncio.timeout(SOON):
        while (figures := (await stats(http))["peers"])["viewers"] or figures["guests"]:
            gc.collect(0)


async def heard(socket: aiohttp.ClientWebSocketResponse, kind: str) -> Any:
    """The next message of a kind that comes on the control channel."""
    async with asyncio.timeout(SOON):
        while (message := await socket.receive_json())["type"] != kind:
            pass
        return message

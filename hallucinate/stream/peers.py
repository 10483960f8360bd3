"""The peers: viewers that a dream is sent to (WHEP), guests that send a camera (WHIP)."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import av
from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCDtlsTransport,
    RTCPeerConnection,
    RTCRtpTransceiver,
    RTCSessionDescription,
)
from aiortc.exceptions import InvalidStateError, OperationError
from aiortc.mediastreams import MediaStreamError

from hallucinate.clock import Clock
from hallucinate.errors import BusyError, OfferError
from hallucinate.frame import LEAST, Frame, Picture, fit, own_size
from hallucinate.outputs.bitrate import RateState, ReceiverReport, follow
from hallucinate.outputs.encoder import Codec
from hallucinate.outputs.encoding import MAX_ENCODERS, Encoders
from hallucinate.outputs.rungs import Rung, View
from hallucinate.sources.guest import GuestSource
from hallucinate.sources.pixels import Orientation, in_webrtc, upright_rgb
from hallucinate.statistics import FailedPeers
from hallucinate.stream import aiortc_adapter
from hallucinate.stream.loop_api import DreamApi, LoopApi
from hallucinate.stream.peer_log import Offerer, PeerLog
from hallucinate.stream.sdp import CodecError, Offer, preferences, read_offer
from hallucinate.stream.track import DreamTrack

logger = logging.getLogger(__name__)

LONGEST_SIDE = 1280
"""A guest's picture is made smaller than this before it is handed on: a dream is not larger."""

NOT_AN_OFFER = (ValueError, LookupError, AttributeError, TypeError, AssertionError, InvalidStateError)
"""What aiortc raises over an offer that parses, and does not hold together; or a connection closed meanwhile."""

CLOSE_WITHIN_S = 2.0
"""Closing is a few packets; what is behind a connection is freed even when its close should hang."""

ENCODERS_END_WITHIN_S = 1.0
"""How long the thread of an encoder that nobody needs any more may take over its last picture."""


@dataclass(frozen=True)
class Limits:
    """How many viewers and encoders may be, how long a peer may take to connect, how often pages get statistics."""

    max_viewers: int = 32
    max_encoders: int = MAX_ENCODERS
    connect_within_s: float = 15.0
    stats_every_s: float = 1.0


class Peer:
    """One peer connection, from its offer to its end. ``ended`` is called once, when all is freed."""

    def __init__(self, offerer: Offerer, log: PeerLog, ended: Callable[[Peer], None]) -> None:
        self.id = secrets.token_urlsafe(12)
        self._caller, self._log = offerer, log
        # No STUN or TURN servers: a server on the local network needs no other host.
        self.connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._ended = ended
        self._closing: asyncio.Task[None] | None = None
        self._overdue: asyncio.TimerHandle | None = None
        self._codec, self._connected, self._handshake_error = "", False, ""
        self.connection.on("connectionstatechange", self._state_changed)

    async def answer(self, offer: Offer, connect_within_s: float) -> str:
        """Answer the offer with SDP that has every ICE candidate in it; closes the connection on failure."""
        self._codec = offer.codec
        try:
            await self._negotiate(offer.text)
        except BaseException:
            await self.close()
            raise
        self._overdue = asyncio.get_running_loop().call_later(connect_within_s, self.close_soon)
        return offer.whole(self.connection.localDescription.sdp)

    async def _negotiate(self, offer: str) -> None:
        try:
            await self.connection.setRemoteDescription(RTCSessionDescription(offer, "offer"))
            ours = self.connection.getTransceivers()[0]
            for transceiver in self.connection.getTransceivers():
                if transceiver is not ours:
                    transceiver.direction = "inactive"  # sound, and a second video, are declined
            aiortc_adapter.listen_to_handshake(self._transport(), self._handshake_failed)
            self._agree(ours)
            # Gathers, and returns when it is complete: clients such as OBS don't trickle.
            await self.connection.setLocalDescription(await self.connection.createAnswer())
        except OperationError as error:
            raise CodecError(
                f"no codec in common ({error}); offer VP8, or H264 baseline with packetization-mode=1"
            ) from None
        except NOT_AN_OFFER as error:
            raise OfferError(f"the SDP offer cannot be answered: {error or type(error).__name__}") from None

    def _agree(self, transceiver: RTCRtpTransceiver) -> None:
        """What is settled between the offer and the answer."""

    def _handshake_failed(self, why: str) -> None:
        self._handshake_error = why

    def _state_changed(self) -> None:
        state = self.connection.connectionState
        if state == "connected" and self._overdue is not None:
            self._overdue.cancel()
            self._connected = True
            path = aiortc_adapter.path_of(self._transport())
            self._log.connected(self._caller, self.id, self._codec, path)
        elif state in ("failed", "closed", "disconnected"):
            self.close_soon()

    def _transport(self) -> RTCDtlsTransport:
        """The one that all sections share."""
        transport: RTCDtlsTransport = self.connection.getTransceivers()[0].receiver.transport
        return transport

    def _tell_why(self) -> None:
        """Why a peer that was answered is closed, unless it left, was sent away, or the server stops."""
        if self._overdue is None:
            return  # it was refused
        dtls, ice = self._transport(), self._transport().transport
        overdue = self._overdue.when() <= asyncio.get_running_loop().time()
        if self._connected:
            if ice.state == "failed":  # its consent expired; whoever leaves leaves it "completed"
                self._log.vanished(self._caller, self.id)
        elif self._handshake_error:
            self._log.did_not_connect(self._caller, self.id, "dtls", self._handshake_error)
        elif ice.state == "failed" or (overdue and ice.state != "completed"):
            self._log.did_not_connect(
                self._caller, self.id, "ice", "no candidate of it answered, and nothing came from it"
            )
        elif overdue:
            self._log.did_not_connect(self._caller, self.id, "dtls", f"its handshake stopped ({dtls.state})")

    def close_soon(self) -> None:
        """Close from where nothing can be awaited."""
        if self._closing is None:
            self._closing = asyncio.ensure_future(self._close())

    async def close(self) -> None:
        """Tell the peer and free everything; returns when it is done, however often it is called."""
        self.close_soon()
        assert self._closing is not None
        await asyncio.shield(self._closing)

    async def _close(self) -> None:
        self._tell_why()
        if self._overdue is not None:
            self._overdue.cancel()
        try:
            await asyncio.wait_for(self.connection.close(), CLOSE_WITHIN_S)
        except TimeoutError:
            logger.warning("a peer connection did not close within %.0f s; it is abandoned", CLOSE_WITHIN_S)
        finally:
            await self._free()
            self._ended(self)

    async def _free(self) -> None:
        """Let go of what is behind the connection, after it: tracks stopped first make its close hang."""


class Viewer(Peer):
    """A peer that watches a dream. Its bitrate follows what it reports of its connection."""

    def __init__(
        self,
        dream: DreamApi,
        rung: Rung,
        encoders: Encoders,
        clock: Clock,
        offerer: Offerer,
        log: PeerLog,
        ended: Callable[[Peer], None],
    ) -> None:
        super().__init__(offerer, log, ended)
        self._stage, self._encoders, self._clock = dream.stage, encoders, clock
        self._rate = RateState(changed_s=clock.now_ns() / 1e9)
        self.track = DreamTrack(encoders, dream.stage, rung)
        self.track.on("ended", self.close_soon)  # the dream is over, or aiortc gave up sending
        transceiver = self.connection.addTransceiver(self.track, direction="sendonly")
        transceiver.setCodecPreferences(preferences(rung.codec))
        aiortc_adapter.lead_keyframe_requests(transceiver.sender, self.track.want_keyframe)
        aiortc_adapter.listen_to_reports(transceiver.sender, self._reported)

    def _agree(self, transceiver: RTCRtpTransceiver) -> None:
        level = self._encoders.level(self._stage, self.track.rung)
        if level is not None:
            aiortc_adapter.declare_level(transceiver, level)
        aiortc_adapter.pace_packets(transceiver.sender)

    def _reported(self, report: ReceiverReport) -> None:
        now_s, rung = self._clock.now_ns() / 1e9, self.track.rung
        before = replace(self._rate, share=rung.share)  # without a free encoder it is another than was decided
        self._rate = follow(before, report, self.track.sent_bps(now_s), self.track.full_bps, now_s)
        if self._rate.share != rung.share:
            self.track.switch(replace(rung, share=self._rate.share))

    async def _free(self) -> None:
        self.track.stop()


class Guest(Peer):
    """A peer that sends its camera; what it is made into is ``dream``."""

    def __init__(
        self,
        dream: DreamApi,
        source: GuestSource,
        loop: LoopApi,
        codec: Codec,
        workers: ThreadPoolExecutor,
        clock: Clock,
        offerer: Offerer,
        log: PeerLog,
        ended: Callable[[Peer], None],
    ) -> None:
        super().__init__(offerer, log, ended)
        self.dream, self._source, self._loop = dream, source, loop
        self._workers, self._clock = workers, clock
        self._taking: asyncio.Task[None] | None = None
        self.connection.addTransceiver("video", direction="recvonly").setCodecPreferences(preferences(codec))
        self.connection.on("track", self._track_came)

    def _track_came(self, track: MediaStreamTrack) -> None:
        if track.kind == "video" and self._taking is None:
            self._taking = asyncio.ensure_future(self._take(track))

    async def _take(self, track: MediaStreamTrack) -> None:
        """Hand on the newest frame. aiortc decodes on a thread of its own; the colours change on another."""
        events = asyncio.get_running_loop()
        converting: asyncio.Future[None] | None = None
        while True:
            try:
                frame = await track.recv()
            except MediaStreamError:
                return
            if not isinstance(frame, av.VideoFrame):
                continue
            # One at a time: while one is converted the next are dropped, and nothing queues.
            if converting is not None and not converting.done():
                self._source.skip()
                continue
            converting = events.run_in_executor(self._workers, self._convert, frame, self._clock.now_ns())

    def _convert(self, frame: av.VideoFrame, captured_ns: int) -> None:
        try:
            self._source.put(Frame(to_rgb(frame), captured_ns))
        except (av.FFmpegError, ValueError) as error:
            logger.debug("a guest's frame could not be converted: %s", error)

    async def _free(self) -> None:
        if self._taking is not None:
            self._taking.cancel()
            await asyncio.wait([self._taking])
        self._source.close()
        await asyncio.get_running_loop().run_in_executor(self._workers, self._loop.dismiss, self.dream.id)


def to_rgb(frame: av.VideoFrame) -> Picture:
    """A decoded frame -> uint8 RGB (H, W, 3) of its own shape, upright, its longest side at most LONGEST_SIDE.

    Its sides are even; only where one is less than LEAST is it enlarged, and its ends cut off where that is not enough.
    """
    width, height = Orientation.of_frame(frame).size(frame.width, frame.height)
    scale = min(1.0, LONGEST_SIDE / max(width, height))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    enlarged = max(size) * max(1.0, LEAST / min(size))
    return fit(upright_rgb(in_webrtc(frame), size), *own_size(*size, min(LONGEST_SIDE, round(enlarged))))


class Peers:
    """All peers: opens them within the limits, finds them by id, forgets them when they end."""

    def __init__(self, loop: LoopApi, encoders: Encoders, clock: Clock, limits: Limits) -> None:
        self._loop, self._encoders, self._clock, self._limits = loop, encoders, clock, limits
        self._stopping, self._log = False, PeerLog()
        self._workers = ThreadPoolExecutor(2, thread_name_prefix="guest")
        self.viewers: dict[str, Viewer] = {}
        self.guests: dict[str, Guest] = {}

    async def watch(
        self, text: str, dream: DreamApi, width: int | None = None, program: str = ""
    ) -> tuple[Viewer, str]:
        """Answer a viewer's offer, with a picture no wider than ``width``, one of WIDTHS.

        program: what the viewer's calls itself, for the log. Raises OfferError, or BusyError when there are
        ``max_viewers``, or no encoder can make this picture.
        """
        offerer = Offerer("viewer", text, program)
        with self._refusals_logged(offerer):
            self._check_open()
            offer = read_offer(text, "receive")
            rung = Rung(offer.codec, max_width=width)
            if len(self.viewers) >= self._limits.max_viewers:
                raise BusyError(f"there are {self._limits.max_viewers} viewers, and no room for more; try again later")
            self._encoders.check(dream.stage, rung)
            viewer = Viewer(dream, rung, self._encoders, self._clock, offerer, self._log, self._forget)
            self.viewers[viewer.id] = viewer
            return viewer, await viewer.answer(offer, self._limits.connect_within_s)

    async def send(self, text: str, program: str = "") -> tuple[Guest, str]:
        """Answer a guest's camera. Raises OfferError, or BusyError when the loop has no room."""
        offerer = Offerer("guest", text, program)
        with self._refusals_logged(offerer):
            self._check_open()
            offer = read_offer(text, "send")
            source = GuestSource()
            events = asyncio.get_running_loop()
            dream = await events.run_in_executor(self._workers, self._loop.admit, source)
            guest = Guest(
                dream, source, self._loop, offer.codec, self._workers, self._clock, offerer, self._log, self._forget
            )
            self.guests[guest.id] = guest
            return guest, await guest.answer(offer, self._limits.connect_within_s)

    @property
    def failed(self) -> FailedPeers:
        """Those that did not come about, or did not stay, by reason."""
        return self._log.failed

    @contextlib.contextmanager
    def _refusals_logged(self, offerer: Offerer) -> Iterator[None]:
        try:
            yield
        except (OfferError, BusyError) as error:
            self._log.refused(offerer, error)
            raise

    def show(self, viewer_id: str, view: View | None, marked: bool | None) -> Rung | None:
        """Which picture a viewer sees, and whether with the marker; None leaves that as it is.

        Returns what it sees from now on, or None when there is no such viewer. Raises BusyError when no encoder can
        make this picture.
        """
        viewer = self.viewers.get(viewer_id)
        if viewer is None:
            return None
        rung = viewer.track.rung
        marked = rung.marked if marked is None else marked
        viewer.track.switch(replace(rung, view=view or rung.view, marked=marked))
        return viewer.track.rung

    async def close(self) -> None:
        """Tell all peers, free what they had, and take no more."""
        self._stopping = True
        peers: list[Peer] = [*self.viewers.values(), *self.guests.values()]
        await asyncio.gather(*(peer.close() for peer in peers), return_exceptions=True)

    async def stop(self) -> None:
        """End the threads, when no request is being answered any more."""
        await self.close()  # who was being answered while the others were closed
        await asyncio.to_thread(self._encoders.join, ENCODERS_END_WITHIN_S)
        self._workers.shutdown(wait=False)

    def _check_open(self) -> None:
        if self._stopping:
            raise BusyError("the server is stopping", code="server_stopping")

    def _forget(self, peer: Peer) -> None:
        self.viewers.pop(peer.id, None)
        self.guests.pop(peer.id, None)

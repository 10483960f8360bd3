"""The peers: viewers that a dream is sent to (WHEP), guests that send a camera (WHIP)."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import av
import numpy as np
from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCPeerConnection,
    RTCRtpTransceiver,
    RTCSessionDescription,
    rtcrtpsender,
)
from aiortc.exceptions import InvalidStateError, OperationError
from aiortc.mediastreams import MediaStreamError

from hallucinate.clock import Clock
from hallucinate.errors import BusyError, OfferError
from hallucinate.frame import Frame, Picture
from hallucinate.sources.guest import GuestSource
from hallucinate.stream.encoder import Codec
from hallucinate.stream.offers import CodecError, declare_level, preferences, read_offer, without_dead_ends
from hallucinate.stream.pacing import Pace, paced
from hallucinate.stream.room import Dream, Loop
from hallucinate.stream.shared import Encoders, Show, Wanted
from hallucinate.stream.track import DreamTrack

logger = logging.getLogger(__name__)

# aiortc keeps 128 packets to send again, 170 kB: a keyframe at 4096×2048 is five times that, and what is lost of it
# would be lost for good, and the next keyframe asked for. A power of two, as sequence numbers wrap.
setattr(rtcrtpsender, "RTP_HISTORY_SIZE", 1024)  # noqa: B010

LONGEST_SIDE = 1280
"""A guest's picture is made smaller than this before it is handed on: a dream is no larger."""

NOT_AN_OFFER = (ValueError, LookupError, AttributeError, TypeError, AssertionError, InvalidStateError)
"""What aiortc raises over an offer that parses, and does not hold together; or a session closed meanwhile."""

CLOSE_WITHIN_S = 2.0
"""Closing is a few packets; what is behind a connection is freed even when its close should hang."""


@dataclass(frozen=True)
class Limits:
    """How many viewers there may be, how long a peer may take to connect, how often pages are told the stats."""

    max_viewers: int = 32
    connect_within_s: float = 15.0
    stats_every_s: float = 1.0


class Session:
    """One peer connection, from its offer to its end. ``ended`` is called once, when all is freed."""

    def __init__(self, ended: Callable[[Session], None]) -> None:
        self.id = secrets.token_urlsafe(12)
        # No STUN or TURN servers: a server on the local network asks no other host for anything.
        self.connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._ended = ended
        self._closing: asyncio.Task[None] | None = None
        self._overdue: asyncio.TimerHandle | None = None
        self.connection.on("connectionstatechange", self._state_changed)

    async def answer(self, offer: str, connect_within_s: float) -> str:
        """Answer the offer with SDP that has every ICE candidate in it; closes the session on failure."""
        try:
            await self._negotiate(offer)
        except BaseException:
            await self.close()
            raise
        self._overdue = asyncio.get_running_loop().call_later(connect_within_s, self.close_soon)
        return self.connection.localDescription.sdp

    async def _negotiate(self, offer: str) -> None:
        try:
            await self.connection.setRemoteDescription(RTCSessionDescription(offer, "offer"))
            ours = self.connection.getTransceivers()[0]
            for transceiver in self.connection.getTransceivers():
                if transceiver is not ours:
                    transceiver.direction = "inactive"  # sound, and a second video, are declined
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

    def _state_changed(self) -> None:
        state = self.connection.connectionState
        if state == "connected" and self._overdue is not None:
            self._overdue.cancel()
        elif state in ("failed", "closed", "disconnected"):
            self.close_soon()

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
        if self._overdue is not None:
            self._overdue.cancel()
        try:
            await asyncio.wait_for(self.connection.close(), CLOSE_WITHIN_S)
        except TimeoutError:
            logger.warning("a peer connection did not close within %.0f s; it is left behind", CLOSE_WITHIN_S)
        finally:
            await self._free()
            self._ended(self)

    async def _free(self) -> None:
        """Let go of what is behind the connection, after it: tracks stopped first make its close hang."""


class Viewer(Session):
    """A peer that watches a dream."""

    def __init__(
        self,
        dream: Dream,
        codec: Codec,
        encoders: Encoders,
        ended: Callable[[Session], None],
        width: int | None = None,
    ) -> None:
        super().__init__(ended)
        self._encoders = encoders
        self.track = DreamTrack(encoders, dream.stage, codec, width)
        self.track.on("ended", self.close_soon)  # the dream is over, or aiortc gave up sending
        transceiver = self.connection.addTransceiver(self.track, direction="sendonly")
        transceiver.setCodecPreferences(preferences(codec))
        # aiortc turns a peer's PLI or FIR into this call, which asks *its* encoder for a keyframe. Ours is
        # elsewhere, and packets pass its by, so the request is led there. tests/stream/test_watch.py sends
        # a real PLI, and notices when aiortc changes this.
        setattr(transceiver.sender, "_send_keyframe", self.track.want_keyframe)  # noqa: B010

    def _agree(self, transceiver: RTCRtpTransceiver) -> None:
        level = self._encoders.level(self.track.wanted)
        if level is not None:
            declare_level(transceiver._codecs, level)
        # aiortc sends a picture's packets in one go. See pacing.py.
        transport = transceiver.sender.transport
        setattr(transport, "_send_rtp", paced(transport._send_rtp, Pace()))  # noqa: B010

    async def _free(self) -> None:
        self.track.stop()


class Guest(Session):
    """A peer that sends its camera; what it is made into is ``dream``."""

    def __init__(
        self,
        dream: Dream,
        source: GuestSource,
        room: Loop,
        codec: Codec,
        workers: ThreadPoolExecutor,
        clock: Clock,
        ended: Callable[[Session], None],
    ) -> None:
        super().__init__(ended)
        self.dream, self._source, self._room = dream, source, room
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
            # One at a time: while one is converted the next are let go, and nothing queues.
            if isinstance(frame, av.VideoFrame) and (converting is None or converting.done()):
                captured_ns = self._clock.now_ns()
                converting = events.run_in_executor(self._workers, self._convert, frame, captured_ns)
            else:
                self._source.skip()

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
        await asyncio.get_running_loop().run_in_executor(self._workers, self._room.dismiss, self.dream.id)


def to_rgb(frame: av.VideoFrame) -> Picture:
    """A decoded frame -> uint8 RGB (H, W, 3), its longest side at most LONGEST_SIDE."""
    scale = min(1.0, LONGEST_SIDE / max(frame.width, frame.height))
    width, height = max(1, round(frame.width * scale)), max(1, round(frame.height * scale))
    return np.asarray(frame.reformat(width=width, height=height, format="rgb24").to_ndarray(), np.uint8)


class Peers:
    """All sessions: opens them within the limits, finds them by id, forgets them when they end."""

    def __init__(self, room: Loop, encoders: Encoders, clock: Clock, limits: Limits) -> None:
        self._room, self._encoders, self._clock, self._limits = room, encoders, clock, limits
        self._stopping = False
        self._workers = ThreadPoolExecutor(2, thread_name_prefix="guest")
        self.viewers: dict[str, Viewer] = {}
        self.guests: dict[str, Guest] = {}

    async def watch(self, offer: str, dream: Dream, width: int | None = None) -> tuple[Viewer, str]:
        """Answer a viewer, with a picture no wider than ``width``, one of WIDTHS.

        Raises OfferError, or BusyError when there are ``max_viewers``.
        """
        self._check_open()
        codec = read_offer(offer, "receive")
        if len(self.viewers) >= self._limits.max_viewers:
            raise BusyError(f"there are {self._limits.max_viewers} viewers, and no room for more; try again later")
        viewer = Viewer(dream, codec, self._encoders, self._forget, width)
        self.viewers[viewer.id] = viewer
        return viewer, await viewer.answer(without_dead_ends(offer), self._limits.connect_within_s)

    async def send(self, offer: str) -> tuple[Guest, str]:
        """Answer a guest's camera. Raises OfferError, or BusyError when the loop has no room."""
        self._check_open()
        codec = read_offer(offer, "send")
        source = GuestSource()
        events = asyncio.get_running_loop()
        dream = await events.run_in_executor(self._workers, self._room.admit, source)
        guest = Guest(dream, source, self._room, codec, self._workers, self._clock, self._forget)
        self.guests[guest.id] = guest
        return guest, await guest.answer(without_dead_ends(offer), self._limits.connect_within_s)

    def show(self, viewer_id: str, show: Show | None, marker: bool | None) -> Wanted | None:
        """Which picture a viewer sees, and whether with the marker; None leaves that as it is.

        Returns what it sees from now on, or None when there is no such viewer.
        """
        viewer = self.viewers.get(viewer_id)
        if viewer is None:
            return None
        old = viewer.track.wanted
        viewer.track.switch(
            old._replace(show=old.show if show is None else show, marked=old.marked if marker is None else marker)
        )
        return viewer.track.wanted

    async def close(self) -> None:
        """Tell all peers, free what they had, and take no more."""
        self._stopping = True
        sessions: list[Session] = [*self.viewers.values(), *self.guests.values()]
        await asyncio.gather(*(session.close() for session in sessions), return_exceptions=True)

    async def stop(self) -> None:
        """End the threads, when no request is being answered any more."""
        await self.close()  # who was being answered while the others were told
        await self._encoders.ended()
        self._workers.shutdown(wait=False)

    def _check_open(self) -> None:
        if self._stopping:
            raise BusyError("the server is stopping")

    def _forget(self, session: Session) -> None:
        self.viewers.pop(session.id, None)
        self.guests.pop(session.id, None)

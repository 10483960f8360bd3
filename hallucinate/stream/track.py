"""A viewer's video: the packets of a shared encoder, a few at most, starting with a keyframe."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from typing import Any

import av
from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError
from av.packet import Packet

from hallucinate.errors import BusyError
from hallucinate.outputs.encoder import CLOCK_RATE, TIME_BASE
from hallucinate.outputs.encoding import Continuity, Encoders, Feed
from hallucinate.outputs.rungs import Rung
from hallucinate.subscriber import Stage

ROOM = 8
"""Packets that may wait for one viewer: a third of a second. What is late is dropped, and a keyframe requested."""

SENT_WITHIN_S = 2.0
"""The time over which the sent bitrate is taken."""


class DreamTrack(MediaStreamTrack):
    """What aiortc sends to one viewer: a subscriber to packets, bridged to the event loop that it is read on.

    It subscribes when it is first read, so who never connects costs no encoder.
    """

    kind = "video"

    def __init__(self, encoders: Encoders, stage: Stage, rung: Rung) -> None:
        super().__init__()
        self._encoders, self._stage, self._rung = encoders, stage, rung
        self._feed: Feed | None = None
        self._continuity = Continuity()
        self._ready = asyncio.Event()
        self._event_loop = asyncio.get_running_loop()
        self._dropped = 0
        self._last_pts = -1
        self._sent: deque[tuple[int, int]] = deque(maxlen=256)

    @property
    def rung(self) -> Rung:
        """What this viewer gets, or will get when it connects."""
        return self._rung if self._feed is None else self._feed.encoder.rung

    @property
    def full_bps(self) -> int:
        """Bits per second of this picture at a bitrate share of 1; 0 before the first."""
        return 0 if self._feed is None else self._feed.encoder.full_bps

    def sent_bps(self, now_s: float) -> float:
        """Bits per second over the last two seconds. now_s: on the clock that the packets were stamped by."""
        since = (now_s - SENT_WITHIN_S) * CLOCK_RATE
        return sum(size for pts, size in self._sent if pts > since) * 8 / SENT_WITHIN_S

    async def recv(self) -> Packet[Any]:
        """The next packet, with 90 kHz timestamps of when it was ready, strictly rising. Raises MediaStreamError."""
        if self._feed is None and self.readyState == "live":
            try:
                self._subscribe()
            except BusyError:  # others took the last encoder meanwhile; the viewer's next offer is refused, and says so
                raise MediaStreamError from None
        while True:
            self._ready.clear()  # before looking: what comes from here on sets it again
            packet = self._next()
            if packet is not None:
                break
            if self.readyState != "live" or self._feed is None or self._feed.packets.closed:
                raise MediaStreamError
            await self._ready.wait()
        if packet.pts is None or packet.pts <= self._last_pts:
            # Another encoder of the same moment (dream, camera) may come with a time that is past.
            packet = _stamped(packet, self._last_pts + 1)
        self._last_pts = packet.pts if packet.pts is not None else self._last_pts + 1
        self._sent.append((self._last_pts, packet.size))
        return packet

    def _next(self) -> Packet[Any] | None:
        """The next packet that can be decoded, of those that wait; requests a keyframe where only that would help."""
        if self._feed is None:
            return None
        packets = self._feed.packets
        while encoded := packets.take(0):
            if self._continuity.admits(encoded):
                return encoded.packet
        if self._continuity.broken and packets.dropped > self._dropped:  # perhaps a keyframe was among them
            self._dropped = packets.dropped
            self.want_keyframe()
        return None

    def want_keyframe(self) -> None:
        """This viewer cannot go on without a keyframe."""
        if self._feed is not None:
            self._feed.encoder.want_keyframe()

    def switch(self, rung: Rung) -> None:
        """Show another rung from the next frame on. Raises BusyError, and goes on as before, when there is no room."""
        if rung == self.rung:
            return
        if self._feed is not None:
            self._subscribe(rung)
        self._rung = rung

    def stop(self) -> None:
        """Leave the encoder. aiortc calls this when its sender ends."""
        if self._feed is not None:
            self._encoders.unsubscribe(self._feed)
            self._feed = None
        super().stop()
        self._ready.set()

    def _subscribe(self, rung: Rung | None = None) -> None:
        feed = self._encoders.subscribe(self._stage, rung or self._rung, ROOM, self._wake, self._feed)
        if feed is not self._feed:
            self._feed, self._continuity, self._dropped = feed, Continuity(), 0

    def _wake(self) -> None:
        with contextlib.suppress(RuntimeError):  # the event loop is closed: nobody waits there any more
            self._event_loop.call_soon_threadsafe(self._ready.set)


def _stamped(packet: Packet[Any], pts: int) -> Packet[Any]:
    """The same bits with another time; the packet itself is shared with other viewers."""
    copy = av.Packet(bytes(packet))
    copy.pts, copy.time_base = pts, TIME_BASE
    return copy

"""A viewer's video: the packets of a shared encoder, a few at most, starting with a keyframe."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

import av
from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError
from av.packet import Packet

from hallucinate.stage import Stage
from hallucinate.stream.encoder import TIME_BASE, Codec
from hallucinate.stream.shared import Encoders, SharedEncoder, Show, Wanted

ROOM = 8
"""Packets that may wait for one viewer: a third of a second. What is late is dropped, and a keyframe asked for."""


class DreamTrack(MediaStreamTrack):
    """What aiortc sends to one viewer. It joins its encoder when it is first read, so who never connects costs none."""

    kind = "video"

    def __init__(self, encoders: Encoders, stage: Stage, codec: Codec, width: int | None = None) -> None:
        super().__init__()
        self._encoders, self.wanted = encoders, Wanted(stage, Show.DREAM, codec, width=width)
        self._encoder: SharedEncoder | None = None
        self._packets: deque[Packet[Any]] = deque()
        self._ready = asyncio.Event()
        self._over = False
        self._at_keyframe = False
        self._last_pts = -1
        self.overflows = 0

    async def recv(self) -> Packet[Any]:
        """The next packet, 90 kHz timestamps of when it was ready, strictly rising."""
        if self._encoder is None and self.readyState == "live":
            self._join()
        while not self._packets:
            if self._over or self.readyState != "live":
                raise MediaStreamError
            self._ready.clear()
            await self._ready.wait()
        packet = self._packets.popleft()
        if packet.pts is None or packet.pts <= self._last_pts:
            # Another encoder of the same moment (dream, camera) may come with a time that is past.
            packet = _stamped(packet, self._last_pts + 1)
        self._last_pts = packet.pts if packet.pts is not None else self._last_pts + 1
        return packet

    def put(self, packet: Packet[Any]) -> None:
        """Take a packet from the encoder; nothing before a keyframe can be decoded, so it is left out."""
        if len(self._packets) >= ROOM:
            self._packets.clear()
            self._at_keyframe = False
            self.overflows += 1
            self.want_keyframe()
        self._at_keyframe = self._at_keyframe or packet.is_keyframe
        if self._at_keyframe:
            self._packets.append(packet)
            self._ready.set()

    def end(self) -> None:
        """The dream is over: the reader is told, once it has what is waiting."""
        self._over = True
        self._ready.set()

    def want_keyframe(self) -> None:
        """This viewer cannot go on without a keyframe."""
        if self._encoder is not None:
            self._encoder.want_keyframe()

    def switch(self, wanted: Wanted) -> None:
        """Show another picture from the next frame on, or the same with the marker, or without."""
        if wanted == self.wanted:
            return
        self.wanted = wanted
        if self._encoder is not None:
            self._leave()
            self._join()

    def stop(self) -> None:
        """Leave the encoder. aiortc calls this when its sender ends."""
        self._leave()
        super().stop()
        self._ready.set()

    def _join(self) -> None:
        self._packets.clear()
        self._at_keyframe = False
        self._encoder = self._encoders.join(self, self.wanted)

    def _leave(self) -> None:
        if self._encoder is not None:
            self._encoders.leave(self._encoder, self)
            self._encoder = None


def _stamped(packet: Packet[Any], pts: int) -> Packet[Any]:
    """The same bits with another time; the packet itself is shared with other viewers."""
    copy = av.Packet(bytes(packet))
    copy.pts, copy.time_base = pts, TIME_BASE
    return copy

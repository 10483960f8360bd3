"""Packets at a pace: a large picture is hundreds of packets, and no receiver takes them all at once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

PACE = 200_000_000
"""Bits per second. A frame at 4096×2048 takes 5 ms at this pace, a keyframe 30; half of what Wi-Fi 6 carries."""

BURST_BITS = 32_000 * 8
"""What may go at once. Chromium's sockets hold 64 KiB, and a picture of 640×360 is smaller than this."""


class Pace:
    """A bucket of BURST_BITS that empties at PACE, as webrtc.org's own senders have one."""

    def __init__(self) -> None:
        self._empty_at = 0.0

    def seconds_to_wait(self, size: int, now_s: float) -> float:
        """How long the packet of ``size`` bytes has to wait; it counts as sent then."""
        self._empty_at = max(self._empty_at, now_s) + size * 8 / PACE
        return max(0.0, self._empty_at - BURST_BITS / PACE - now_s)


def paced(
    send: Callable[[bytes], Awaitable[None]], pace: Pace, now_s: Callable[[], float] = time.monotonic
) -> Callable[[bytes], Awaitable[None]]:
    """``send`` at a pace; others get their turn on the event loop while it waits."""

    async def send_later(data: bytes) -> None:
        wait_s = pace.seconds_to_wait(len(data), now_s())
        if wait_s:
            await asyncio.sleep(wait_s)
        await send(data)

    return send_later

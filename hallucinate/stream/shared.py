"""One encoder for all who watch the same picture: it runs on its own thread, only while somebody watches."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from enum import StrEnum
from typing import Any, NamedTuple, Protocol

import av
import cv2
from av.packet import Packet

from hallucinate.clock import Clock
from hallucinate.frame import OutputFrame, Picture, shrunk
from hallucinate.stage import Stage
from hallucinate.stream.encoder import Codec, PictureEncoder, h264_level, ticks
from hallucinate.stream.figures import Encoded, Figures
from hallucinate.stream.marker import drawn

logger = logging.getLogger(__name__)

LOOK_AGAIN_S = 0.2
"""How long the thread waits for a frame before it looks whether it is still wanted."""

WIDTHS = (1280, 2048, 4096)
"""What a viewer may ask a wider picture to be made no wider than. Each that is asked for costs an encoder."""

KEYFRAME_APART_NS = 300_000_000
"""Keyframes are some ten times a frame's size: a viewer that asks for them without end gets about three a second."""


class Show(StrEnum):
    """Which of the two pictures of the same moment."""

    DREAM = "dream"
    CAMERA = "camera"


class Wanted(NamedTuple):
    """What viewers share an encoder by.

    marked: with each frame's capture time drawn into it (see marker.py). Who measures has an encoder for it, and
    nobody else ever sees the marker. width: the picture is made no wider than this, one of WIDTHS; None leaves it.
    """

    stage: Stage
    show: Show
    codec: Codec
    marked: bool = False
    width: int | None = None

    def picture_of(self, shown: OutputFrame) -> Picture:
        """What is seen of this: uint8 RGB (H, W, 3)."""
        picture = shown.dream if self.show is Show.DREAM else shown.camera
        height, width = picture.shape[:2]
        if self.width is None or width <= self.width:
            return picture
        return shrunk(picture, self.width, max(2, round(height * self.width / width / 2) * 2))


class Taker(Protocol):
    """A viewer's end of a shared encoder; both are called on the event loop and must not wait."""

    def put(self, packet: Packet[Any]) -> None:
        """Take a packet; it is shared with the other takers, so it is read only."""
        ...

    def end(self) -> None:
        """Nothing more will come: the dream is over."""
        ...


class SharedEncoder:
    """Encodes the newest frame of a stage for all its takers. Made, joined and left on the event loop."""

    def __init__(self, wanted: Wanted, fps: Callable[[], float], clock: Clock, figures: Figures) -> None:
        self.wanted, self._stage = wanted, wanted.stage
        self._fps, self._clock, self._figures = fps, clock, figures
        self._encoder = PictureEncoder(wanted.codec)
        self._takers: list[Taker] = []
        self._stop, self._keyframe_wanted = threading.Event(), threading.Event()
        self._last_pts = self._last_keyframe_ns = -1
        self._events = asyncio.get_running_loop()
        self.thread = threading.Thread(target=self._run, name=f"encoder {wanted.show} {wanted.codec}", daemon=True)

    def join(self, taker: Taker) -> None:
        """Give ``taker`` every packet from now on, a keyframe soon."""
        if self._stage.closed:
            taker.end()
            return
        self._takers.append(taker)
        self._keyframe_wanted.set()
        if self.thread.ident is None:
            self.thread.start()

    def leave(self, taker: Taker) -> bool:
        """Give ``taker`` nothing more; returns True when nobody is left, and the thread is ending."""
        if taker in self._takers:
            self._takers.remove(taker)
        if not self._takers:
            self._stop.set()
        return not self._takers

    def want_keyframe(self) -> None:
        """Somebody cannot go on without a keyframe. Any thread; safe to call often."""
        self._keyframe_wanted.set()

    def _run(self) -> None:
        shown: OutputFrame | None = None
        while not self._stop.is_set() and not self._stage.closed:
            newer = self._stage.newer(shown, LOOK_AGAIN_S)
            if newer is None and (shown is None or not self._keyframe_due()):
                continue
            # A stage that stands still is encoded again for who has just come.
            again, shown = newer is None, newer or shown
            packet = self._encode(shown, again) if shown is not None else None
            if packet is not None:
                self._call(self._deliver, packet)
        if self._stage.closed:
            self._call(self._end)

    def _encode(self, shown: OutputFrame, again: bool) -> Packet[Any] | None:
        started_ns = self._clock.now_ns()
        picture = self.wanted.picture_of(shown)
        if self.wanted.marked:
            picture = drawn(picture, shown.captured_ns // 1_000_000)
        # The encoder shares out its bits by the time between captures, which is even.
        pts = max(ticks(started_ns if again else shown.captured_ns), self._last_pts + 1)
        if keyframe := self._keyframe_due():
            self._keyframe_wanted.clear()  # before encoding: who asks from here on gets another
        try:
            packet = self._encoder.encode(picture, pts, self._fps(), keyframe)
        except (av.FFmpegError, cv2.error, ValueError) as error:
            if self._figures.failed() == 1:  # once, not per frame; the stats count them
                logger.error("a picture of shape %s could not be encoded: %s", picture.shape, error)
            self._encoder = PictureEncoder(self.wanted.codec)
            return None
        if packet is None:
            return None
        done_ns, self._last_pts = self._clock.now_ns(), pts
        # A browser takes it for jitter of the network when dreaming takes longer than the last time, and holds all
        # frames back for as long: 15 to 52 ms on two busy cores, and 9 to 15 when each is stamped as it leaves.
        packet.pts = ticks(done_ns)
        if packet.is_keyframe:
            self._last_keyframe_ns = done_ns
        if not again:
            self._figures.add(Encoded(done_ns, done_ns - started_ns, done_ns - shown.captured_ns, packet.size))
        return packet

    def _keyframe_due(self) -> bool:
        long_ago = self._last_keyframe_ns < 0 or self._clock.now_ns() - self._last_keyframe_ns >= KEYFRAME_APART_NS
        return long_ago and self._keyframe_wanted.is_set()

    def _call(self, function: Callable[..., None], *args: object) -> None:
        try:
            self._events.call_soon_threadsafe(function, *args)
        except RuntimeError:  # the event loop is closed: nobody is left to tell
            self._stop.set()

    def _deliver(self, packet: Packet[Any]) -> None:
        for taker in list(self._takers):
            taker.put(packet)

    def _end(self) -> None:
        for taker in list(self._takers):
            taker.end()


class Encoders:
    """The encoders that run, one for all who want the same. Event loop only."""

    def __init__(self, fps: Callable[[], float], clock: Clock) -> None:
        self.figures = Figures()
        self._fps, self._clock = fps, clock
        self._running: dict[Wanted, SharedEncoder] = {}
        self._ending: list[threading.Thread] = []

    def __len__(self) -> int:
        return len(self._running)

    def join(self, taker: Taker, wanted: Wanted) -> SharedEncoder:
        """The encoder of what is wanted, which gives to ``taker`` from now on."""
        if wanted not in self._running:
            self._running[wanted] = SharedEncoder(wanted, self._fps, self._clock, self.figures)
        encoder = self._running[wanted]
        encoder.join(taker)
        return encoder

    def level(self, wanted: Wanted) -> int | None:
        """The H.264 level (times ten) of what is wanted, as far as it is known: None before the first picture."""
        shown = wanted.stage.newest
        if shown is None:
            return None
        height, width = wanted.picture_of(shown).shape[:2]
        return h264_level(width, height, self._fps())

    def leave(self, encoder: SharedEncoder, taker: Taker) -> None:
        """``taker`` is gone; the last one takes the encoder along."""
        if encoder.leave(taker) and self._running.get(encoder.wanted) is encoder:
            del self._running[encoder.wanted]
            self._ending = [thread for thread in (*self._ending, encoder.thread) if thread.is_alive()]

    async def ended(self) -> None:
        """Wait for the threads of the encoders that nobody watches any more."""
        for thread in self._ending:
            await asyncio.to_thread(thread.join, 2 * LOOK_AGAIN_S + 1)
        self._ending.clear()

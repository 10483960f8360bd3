"""Encoders: each takes a stage's newest picture for one rung, and publishes packets to all who share the rung."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import av
import cv2
from av.packet import Packet

from hallucinate.clock import Clock
from hallucinate.errors import BusyError
from hallucinate.frame import OutputFrame
from hallucinate.outputs.bitrate import bitrate_for
from hallucinate.outputs.encoder import PictureEncoder, h264_level, ticks
from hallucinate.outputs.encoding_statistics import EncodedPicture, EncodingWindow
from hallucinate.outputs.rungs import Rung, nearest
from hallucinate.statistics import EncodingStatistics, RungStatistics
from hallucinate.subscriber import Publisher, Stage, Subscriber

logger = logging.getLogger(__name__)

LOOK_AGAIN_S = 0.2
"""How long the thread waits for a frame before it looks whether a keyframe is due without one."""

KEYFRAME_APART_NS = 300_000_000
"""Keyframes are some ten times a frame's size: subscribers that want them without end get about three a second."""

MAX_ENCODERS = 8
"""Encoders that may run at once. At 640×360 one takes a tenth of a core, at 4096×2048 more than one."""


@dataclass(frozen=True, slots=True)
class EncodedPacket:
    """One encoded picture. The packet is shared by all subscribers, so it is read only.

    packet: 90 kHz timestamps of when it was ready. sequence: counts the encoder's packets without a gap.
    """

    packet: Packet[Any]
    sequence: int


class Continuity:
    """Which packets can be decoded: from a keyframe on, until one is missing."""

    def __init__(self) -> None:
        self._next: int | None = None

    @property
    def broken(self) -> bool:
        """Whether nothing can be decoded before a keyframe comes."""
        return self._next is None

    def admits(self, encoded: EncodedPacket) -> bool:
        """Whether this packet, the next that was taken, can be decoded."""
        if encoded.packet.is_keyframe or encoded.sequence == self._next:
            self._next = encoded.sequence + 1
        else:
            self._next = None
        return not self.broken


class Encoder:
    """Encodes the newest frame of a stage for a rung, on a thread of its own, from ``start`` to ``close``.

    fps: what the encoder shares out its bits by. ``packets`` ends with the stage.
    """

    def __init__(
        self, stage: Stage, rung: Rung, fps: Callable[[], float], clock: Clock, window: EncodingWindow
    ) -> None:
        self.stage, self.rung = stage, rung
        self.packets: Publisher[EncodedPacket] = Publisher()
        self._frames: Subscriber[OutputFrame] = Subscriber()
        self._fps, self._clock, self._window = fps, clock, window
        self._encoder = PictureEncoder(rung.codec, rung.share)
        self._keyframe_wanted = threading.Event()
        self._last_pts = self._last_keyframe_ns = -1
        self._sequence = 0
        self._size = (0, 0)
        self.thread = threading.Thread(target=self._run, name=f"encoder {rung.view} {rung.codec}", daemon=True)

    @property
    def dropped(self) -> int:
        """Frames that came too fast for it."""
        return self._frames.dropped

    @property
    def full_bps(self) -> int:
        """Bits per second that its pictures get at a share of 1; 0 before the first."""
        return bitrate_for(*self._size, self._fps()) if all(self._size) else 0

    @property
    def target_bps(self) -> int:
        """Bits per second that its pictures get; 0 before the first."""
        return bitrate_for(*self._size, self._fps(), self.rung.share) if all(self._size) else 0

    def start(self) -> None:
        """Take the stage's frames from now on, the newest at once."""
        self._frames = self.stage.subscribe(replay=True)
        self.thread.start()

    def close(self) -> None:
        """Leave the stage; the thread ends soon."""
        self.stage.unsubscribe(self._frames)

    def want_keyframe(self) -> None:
        """Somebody cannot go on without a keyframe. Any thread; safe to call often."""
        self._keyframe_wanted.set()

    def _run(self) -> None:
        output: OutputFrame | None = None
        try:
            while not self._frames.closed:
                newer = self._frames.take(LOOK_AGAIN_S)
                if newer is None and (output is None or not self._keyframe_due()):
                    continue
                # A stage that stands still is encoded again for who has just come.
                again, output = newer is None, newer or output
                encoded = self._encode(output, again) if output is not None else None
                if encoded is not None:
                    self.packets.publish(encoded)
        finally:
            self.packets.close()

    def _encode(self, output: OutputFrame, again: bool) -> EncodedPacket | None:
        started_ns = self._clock.now_ns()
        picture = self.rung.picture(output)
        # The encoder shares out its bits by the time between captures, which is even.
        pts = max(ticks(started_ns if again else output.captured_ns), self._last_pts + 1)
        if keyframe := self._keyframe_due():
            self._keyframe_wanted.clear()  # before encoding: who wants one from here on gets another
        try:
            packet = self._encoder.encode(picture, pts, self._fps(), keyframe)
        except (av.FFmpegError, cv2.error, ValueError) as error:
            if self._window.failed() == 1:  # once, not per frame; the statistics count them
                logger.error("a picture of shape %s could not be encoded: %s", picture.shape, error)
            self._encoder = PictureEncoder(self.rung.codec, self.rung.share)
            return None
        if packet is None:
            return None
        done_ns, self._last_pts = self._clock.now_ns(), pts
        self._size = (picture.shape[1], picture.shape[0])
        # A browser takes it for jitter of the network when dreaming takes longer than the last time, and holds all
        # frames back for as long: 15 to 52 ms on two busy cores, and 9 to 15 when each is stamped as it leaves.
        packet.pts = ticks(done_ns)
        if packet.is_keyframe:
            self._last_keyframe_ns = done_ns
        if not again:
            self._window.add(EncodedPicture(done_ns, done_ns - started_ns, done_ns - output.captured_ns, packet.size))
        self._sequence += 1
        return EncodedPacket(packet, self._sequence)

    def _keyframe_due(self) -> bool:
        long_ago = self._last_keyframe_ns < 0 or self._clock.now_ns() - self._last_keyframe_ns >= KEYFRAME_APART_NS
        return long_ago and self._keyframe_wanted.is_set()


@dataclass(frozen=True, eq=False)
class Feed:
    """One subscriber's packets, and the encoder that they come from."""

    encoder: Encoder
    packets: Subscriber[EncodedPacket]


class Encoders:
    """The encoders that run: one for all who want the same of a stage, only while somebody does. Any thread.

    limit: how many may run at once.
    """

    def __init__(self, fps: Callable[[], float], clock: Clock, limit: int = MAX_ENCODERS) -> None:
        self._fps, self._clock, self._limit = fps, clock, limit
        self._window = EncodingWindow()
        self._lock = threading.Lock()
        self._running: dict[tuple[Stage, Rung], Encoder] = {}
        self._ending: list[threading.Thread] = []
        self._dropped_frames = self._dropped_packets = 0

    def __len__(self) -> int:
        return len(self._running)

    def subscribe(
        self, stage: Stage, rung: Rung, room: int, wake: Callable[[], None], instead_of: Feed | None = None
    ) -> Feed:
        """Packets of this rung from now on, a keyframe soon; or of the nearest rung where there is no more room.

        room, wake: as for ``Subscriber``. instead_of: a feed that ends once the new one is there; it comes back itself
        where it is the nearest. Raises BusyError, and leaves things as they were, when no rung is near.
        """
        with self._lock:
            encoder = self._encoder_for(stage, rung, instead_of)
            if instead_of is not None and encoder is instead_of.encoder:
                return instead_of
            packets = encoder.packets.subscribe(room, wake)
            encoder.want_keyframe()
            if encoder.thread.ident is None:
                self._running[stage, rung] = encoder
                encoder.start()
            if instead_of is not None:
                self._unsubscribe(instead_of)
            return Feed(encoder, packets)

    def unsubscribe(self, feed: Feed) -> None:
        """End a feed; the last one of an encoder takes the encoder along."""
        with self._lock:
            self._unsubscribe(feed)

    def check(self, stage: Stage, rung: Rung) -> None:
        """Raise BusyError where ``subscribe`` would now."""
        with self._lock:
            self._encoder_for(stage, rung, None)

    def level(self, stage: Stage, rung: Rung) -> int | None:
        """The H.264 level (times ten) of a rung, as far as it is known: None before the first picture."""
        output = stage.newest
        if output is None:
            return None
        height, width = rung.picture(output).shape[:2]
        return h264_level(width, height, self._fps())

    def statistics(self) -> EncodingStatistics:
        """What the encoders know, now."""
        with self._lock:
            running = list(self._running.values())
            dropped_frames = self._dropped_frames + sum(encoder.dropped for encoder in running)
            dropped_packets = self._dropped_packets + sum(encoder.packets.dropped for encoder in running)
        figures = self._window.figures(self._clock.now_ns())
        return EncodingStatistics(
            encoders=len(running),
            rungs=tuple(_rung_statistics(encoder) for encoder in running),
            frames=figures.frames,
            failures=figures.failures,
            dropped_frames=dropped_frames,
            dropped_packets=dropped_packets,
            encode_ms=figures.encode_ms,
            capture_to_packet_ms=figures.capture_to_packet_ms,
            capture_to_packet_p95_ms=figures.capture_to_packet_p95_ms,
            bitrate_bps=figures.bitrate_bps,
        )

    def join(self, timeout_s: float) -> None:
        """Wait for the threads of encoders that have ended, at most so long for each."""
        with self._lock:
            ending, self._ending = self._ending, []
        for thread in ending:
            thread.join(timeout_s)

    def _encoder_for(self, stage: Stage, rung: Rung, instead_of: Feed | None) -> Encoder:
        if found := self._running.get((stage, rung)):
            return found
        makes_room = instead_of is not None and instead_of.encoder.packets.subscribers == 1
        if len(self._running) - makes_room < self._limit:
            return Encoder(stage, rung, self._fps, self._clock, self._window)
        near = nearest(rung, [other for on, other in self._running if on is stage])
        if near is None:
            raise BusyError(
                f"all {self._limit} encoders are in use, and none makes this picture; try again when somebody leaves",
                code="encoders_in_use",
            )
        return self._running[stage, near]

    def _unsubscribe(self, feed: Feed) -> None:
        encoder = feed.encoder
        encoder.packets.unsubscribe(feed.packets)
        if encoder.packets.subscribers or self._running.get((encoder.stage, encoder.rung)) is not encoder:
            return
        del self._running[encoder.stage, encoder.rung]
        encoder.close()
        self._dropped_frames += encoder.dropped
        self._dropped_packets += encoder.packets.dropped
        self._ending = [thread for thread in (*self._ending, encoder.thread) if thread.is_alive()]


def _rung_statistics(encoder: Encoder) -> RungStatistics:
    rung = encoder.rung
    return RungStatistics(
        view=rung.view,
        codec=rung.codec,
        max_width_px=rung.max_width,
        marked=rung.marked,
        bitrate_share=rung.share,
        target_bps=encoder.target_bps or None,
        subscribers=encoder.packets.subscribers,
    )

"""Pictures to VP8 or H.264: realtime, constant rate, one packet out for each picture in."""

from __future__ import annotations

import os
from enum import StrEnum
from fractions import Fraction
from typing import Any

import av
import cv2
import numpy as np
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType

from hallucinate.frame import Picture
from hallucinate.outputs.bitrate import bitrate_for

CLOCK_RATE = 90_000
"""RTP's clock for video, in ticks per second (RFC 6184, RFC 7741)."""

TIME_BASE = Fraction(1, CLOCK_RATE)

REOPEN_BEYOND = 0.25
"""The encoder is opened anew when the rate it should have differs by more than this part."""


# The levels that Baseline pictures of this century need: (level × 10, macroblocks per second, macroblocks per frame,
# kbit/s), each at most: ITU-T H.264 (08/2021), table A-1.
LEVELS = (
    (31, 108_000, 3_600, 14_000),
    (32, 216_000, 5_120, 20_000),
    (40, 245_760, 8_192, 20_000),
    (42, 522_240, 8_704, 50_000),
    (50, 589_824, 22_080, 135_000),
    (51, 983_040, 36_864, 240_000),
    (52, 2_073_600, 36_864, 240_000),
)


def h264_level(width: int, height: int, fps: float) -> int:
    """The lowest H.264 level, times ten, for pictures of this size and rate: 31 for 640×360, 51 for 4096×2048.

    The highest of them for what is larger than any allows.
    """
    blocks, rate = -(-width // 16) * -(-height // 16), bitrate_for(width, height, fps) / 1000
    for level, per_second, per_frame, most_rate in LEVELS:
        if blocks <= per_frame and blocks * fps <= per_second and rate <= most_rate:
            return level
    return LEVELS[-1][0]


def ticks(now_ns: int) -> int:
    """``clock.now_ns()`` -> RTP ticks; not wrapped, aiortc wraps at 32 bits when it sends."""
    return now_ns * CLOCK_RATE // 1_000_000_000


class Codec(StrEnum):
    """What browsers, OBS and GStreamer all decode, and aiortc packs."""

    VP8 = "VP8"
    H264 = "H264"


class PictureEncoder:
    """One video encoder. Opened at the first picture, and anew (with a keyframe) when the size changes.

    share: of the bitrate that such pictures get in full, above 0, at most 1.
    """

    def __init__(self, codec: Codec, share: float = 1.0) -> None:
        self._codec, self._share = codec, share
        self._context: VideoCodecContext | None = None

    def encode(self, picture: Picture, pts: int, fps: float, keyframe: bool) -> Packet[Any] | None:
        """Encode one picture; None when the encoder held it back, which realtime settings forbid.

        picture: uint8 RGB (H, W, 3), at least 2 × 2; an odd last row or column is cut off, for 4:2:0
        has one colour for each 2 × 2 pixels.
        pts: 90 kHz, larger than the one before.
        """
        height, width = picture.shape[0] & ~1, picture.shape[1] & ~1
        context = self._context_for(width, height, fps)
        # OpenCV's conversion takes a tenth of swscale's time (0.12 ms for 1.1 ms at 640×360); both are BT.601.
        planes = cv2.cvtColor(np.ascontiguousarray(picture[:height, :width]), cv2.COLOR_RGB2YUV_I420)
        frame = av.VideoFrame.from_ndarray(np.asarray(planes, np.uint8), format="yuv420p")
        frame.pts, frame.time_base, frame.duration = pts, TIME_BASE, round(CLOCK_RATE / fps)
        if keyframe:
            frame.pict_type = PictureType.I
        packets = context.encode(frame)
        return packets[0] if packets else None

    def _context_for(self, width: int, height: int, fps: float) -> VideoCodecContext:
        bitrate, context = bitrate_for(width, height, fps, self._share), self._context
        if context is not None and (context.width, context.height) == (width, height):
            opened_with = context.bit_rate or bitrate
            if abs(opened_with - bitrate) <= REOPEN_BEYOND * opened_with:
                return context
        self._context = _open(self._codec, width, height, bitrate, fps, tight=self._share < 1)
        return self._context


def _open(codec: Codec, width: int, height: int, bitrate: int, fps: float, tight: bool) -> VideoCodecContext:
    name = "libvpx" if codec is Codec.VP8 else "libx264"
    context = av.CodecContext.create(name, "w")
    assert isinstance(context, VideoCodecContext)
    context.width, context.height, context.pix_fmt = width, height, "yuv420p"
    context.time_base, context.framerate = TIME_BASE, Fraction(round(fps * 1000), 1000)
    context.bit_rate = bitrate
    context.gop_size = 100_000  # keyframes come when somebody needs one, not by the clock
    context.thread_count = _threads(width * height)
    if codec is Codec.VP8:
        context.options = _vp8_options(bitrate, tight)
    else:
        context.options = _h264_options(bitrate, h264_level(width, height, fps))
        context.profile = "Baseline"
    return context


def _vp8_options(bitrate: int, tight: bool) -> dict[str, str]:
    """tight: whether the bitrate is less than such pictures get in full."""
    return {
        "deadline": "realtime",
        # A fixed speed; positive values let libvpx slow down to fill the time there is. Beyond -8 nothing is won but
        # blocks: at 4096×2048 71 ms become 52, and 38 dB become 29. Where bits are few, -8 is too quick as well: at 0.4
        # of 640×360's rate it takes 2.2 times as many, and gives 17.4 dB for the 22.7 of -6, which takes no longer.
        "cpu-used": "-6" if tight else "-8",
        "lag-in-frames": "0",
        "error-resilient": "default",
        # minrate = maxrate = the rate is what makes libvpx hold it; the buffer is half a second.
        "minrate": str(bitrate),
        "maxrate": str(bitrate),
        "bufsize": str(bitrate // 2),
        "undershoot-pct": "100",
        "overshoot-pct": "15",
        "max-intra-rate": "600",  # a keyframe may take 6 frames' worth: they are few, and needed at once
        "static-thresh": "1",
    }


def _h264_options(bitrate: int, level: int) -> dict[str, str]:
    return {
        # ultrafast takes 34 ms for 43 at 4096×2048, and loses 2.6 dB.
        "preset": "superfast",
        "level": str(level),
        "tune": "zerolatency",
        "maxrate": str(bitrate),
        "bufsize": str(bitrate // 2),
        # Chromium takes untagged H.264 of 720 lines and more for BT.709; ours is BT.601, as VP8's always is.
        "x264-params": "colorprim=smpte170m:transfer=smpte170m:colormatrix=smpte170m",
    }


def _threads(pixels: int) -> int:
    """Threads for one encoder: encoding must not take the cores from the dream."""
    useful = 1 if pixels <= 640 * 480 else 2 if pixels <= 1280 * 720 else 4
    return max(1, min(useful, (os.cpu_count() or 1) // 2))

"""Pictures as a dream makes them, and packets decoded again."""

from __future__ import annotations

from collections.abc import Sequence

import av
import cv2
import numpy as np
from av.packet import Packet
from av.video.stream import VideoStream

from hallucinate.frame import Picture
from hallucinate.outputs.encoder import Codec


def busy(n: int, width: int = 640, height: int = 360) -> Picture:
    """A dream's kind of picture: detail everywhere, all of it moving, some of it new in each frame."""
    rng = np.random.default_rng(0)
    scene = cv2.resize(rng.integers(0, 255, (height // 4, width // 4, 3), np.uint8), (width, height))
    grain = np.random.default_rng(n).integers(-6, 7, scene.shape)
    picture: Picture = np.clip(np.roll(scene, 3 * n, axis=1) + grain, 0, 255).astype(np.uint8)
    return picture


def decode(codec: Codec, packets: Sequence[Packet[VideoStream]]) -> list[av.VideoFrame]:
    decoder = av.CodecContext.create("libvpx" if codec is Codec.VP8 else "h264", "r")
    frames = [frame for packet in packets for frame in decoder.decode(packet)]
    return frames + decoder.decode(None)

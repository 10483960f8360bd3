"""Pictures as a dream makes them, and packets decoded again."""

import av
import cv2
import numpy as np

from hallucinate.outputs.encoder import Codec


def busy(n: int, width: int = 640, height: int = 360) -> np.ndarray:
    """A dream's kind of picture: detail everywhere, all of it moving, some of it new in each frame."""
    rng = np.random.default_rng(0)
    scene = cv2.resize(rng.integers(0, 255, (height // 4, width // 4, 3), np.uint8), (width, height))
    grain = np.random.default_rng(n).integers(-6, 7, scene.shape)
    return np.clip(np.roll(scene, 3 * n, axis=1) + grain, 0, 255).astype(np.uint8)


def decode(codec: Codec, packets: list) -> list[av.VideoFrame]:
    decoder = av.CodecContext.create("libvpx" if codec is Codec.VP8 else "h264", "r")
    frames = [frame for packet in packets for frame in decoder.decode(packet)]
    return frames + decoder.decode(None)

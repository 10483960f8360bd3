"""How long a decoded frame takes to become RGB: of SDR, of HDR, and with alpha.

python -m benchmarks.reading
"""

from __future__ import annotations

import time
from collections.abc import Callable

import av
import numpy as np

from hallucinate.sources.pixels import upright_rgb
from hallucinate.sources.tone import HLG, PQ

FRAMES = 10
KINDS = {
    "sdr": ("yuv420p", 1, 1),
    "pq": ("yuv420p10le", 9, PQ),
    "hlg": ("yuv420p10le", 9, HLG),
    "alpha": ("yuva420p", 1, 1),
}
SIZES = ((640, 360), (1280, 720))
SOURCE = (1920, 1080)


def frame_of(pixels: str, primaries: int, transfer: int) -> av.VideoFrame:
    """A frame of soft noise in these colours."""
    noise = np.random.default_rng(0).integers(0, 255, (SOURCE[1] // 40, SOURCE[0] // 40, 4), np.uint8)
    large = np.kron(noise, np.ones((40, 40, 1), np.uint8))
    frame = av.VideoFrame.from_ndarray(large, "rgba").reformat(format=pixels)
    frame.colorspace = frame.color_primaries = primaries
    frame.color_trc = transfer
    return frame


def milliseconds(work: Callable[[], object]) -> float:
    """The median of a few calls, after one that is not counted."""
    taken = []
    work()
    for _ in range(FRAMES):
        started_s = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started_s)
    return 1000 * float(np.median(taken))


def main() -> None:
    """Print milliseconds for each kind and size."""
    for name, colours in KINDS.items():
        frame = frame_of(*colours)
        for size in SIZES:
            took = milliseconds(lambda frame=frame, size=size: upright_rgb(frame, size))  # type: ignore[misc]
            print(f"{name:6} {SOURCE[0]}×{SOURCE[1]} -> {size[0]}×{size[1]}: {took:.1f} ms")


if __name__ == "__main__":
    main()

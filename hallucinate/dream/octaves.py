"""The octaves: the scales of the pyramid, and which of them a step is taken on."""

from __future__ import annotations

SMALLEST = 32
"""No octave is smaller than this on its shorter side: two places of a network with stride 16."""


def octave_sizes(height: int, width: int, octaves: int, scale: float) -> list[tuple[int, int]]:
    """Sizes (height, width) from coarse to fine; the last is the picture's own.

    Each is ``scale`` times smaller than the next. Those under SMALLEST are left out, so a small picture
    has fewer octaves rather than several alike.
    """
    sizes = []
    for level in range(octaves - 1, -1, -1):
        factor = scale**level
        size = (round(height / factor), round(width / factor))
        if min(size) >= SMALLEST or level == 0:
            sizes.append(size)
    return sizes


def dream_size(frame_height: int, frame_width: int, dream_width: int) -> tuple[int, int]:
    """(height, width) at which a frame is dreamed: its own shape, ``dream_width`` wide, never enlarged."""
    width = min(dream_width, frame_width)
    return max(SMALLEST, round(frame_height * width / frame_width)), width

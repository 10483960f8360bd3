"""The octaves: the scales of the pyramid, and which of them a step is taken on."""

from __future__ import annotations

SMALLEST = 32
"""No octave is smaller than this on its shorter side: two places of a network with stride 16."""


def octave_sizes(
    height: int, width: int, finest: float, octaves: int, scale: float, multiple: int = 1
) -> list[tuple[int, int]]:
    """Sizes (height, width) from coarse to fine of a picture that is dreamed ``width`` wide.

    The last is ``finest`` pixels wide, or as wide as the picture where that is less; each is ``scale`` times
    smaller than the next. Those under SMALLEST are left out, and those that would be larger than the picture are
    as large as it: so there may be fewer octaves, but never two alike.
    """
    sizes: list[tuple[int, int]] = []
    for level in range(octaves - 1, -1, -1):
        factor = max(1.0, width / finest * scale**level)
        size = (round(height / factor), max(multiple, round(width / factor / multiple) * multiple))
        if (min(size) >= SMALLEST or level == 0) and size not in sizes:
            sizes.append(size)
    return sizes


def dream_size(frame_height: int, frame_width: int, dream_width: int, multiple: int = 1) -> tuple[int, int]:
    """(height, width) at which a frame is dreamed: its own shape, ``dream_width`` wide, never enlarged.

    multiple: of which the width is one, where a multiple is requested.
    """
    width = max(multiple, min(dream_width, frame_width) // multiple * multiple)
    return max(SMALLEST, round(frame_height * width / frame_width)), width

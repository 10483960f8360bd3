"""A frame's capture time as a block code in its corner, which a page reads back through any codec.

Eight columns and four rows of black and white cells, top left, row by row, white for 1: ``10``, sixteen bits of
milliseconds, twelve check bits, ``01``. The four outer bits are always the same, and tell a reader what is black and
what is white here. web/latency.js reads the same.
"""

from __future__ import annotations

import numpy as np

from hallucinate.frame import Picture

COLUMNS, ROWS = 8, 4
CYCLE_MS = 1 << 16
"""Capture times are drawn modulo this, a minute and five seconds."""

CHECK_BITS = 12
POLYNOMIAL = 0b1_1000_0000_1111
"""CRC-12, x¹² + x¹¹ + x³ + x² + x + 1: finds every single, double and odd error, and every burst of twelve bits."""

WHITES, BLACKS = [0, COLUMNS * ROWS - 1], [1, COLUMNS * ROWS - 2]
CLEAR = 96
"""By how much the whites are brighter than the blacks, at least, of 255: otherwise there is no marker."""


def cell_size(width: int) -> int:
    """Pixels along a cell's edge in a picture so wide: 16 at 640, one macroblock; even, at least 8."""
    return max(8, width // 80 * 2)


def drawn(picture: Picture, captured_ms: int) -> Picture:
    """The picture with the marker of ``captured_ms``; a picture that is too small for it comes back unchanged.

    picture: uint8 RGB (H, W, 3), not written to. captured_ms: milliseconds, 0 or more.
    """
    size = cell_size(picture.shape[1])
    if picture.shape[0] < ROWS * size or picture.shape[1] < COLUMNS * size:
        return picture
    word = 0b10 << 30 | _with_check(captured_ms % CYCLE_MS) << 2 | 0b01
    bits = np.array([word >> n & 1 for n in reversed(range(COLUMNS * ROWS))], np.uint8).reshape(ROWS, COLUMNS)
    marked = picture.copy()
    marked[: ROWS * size, : COLUMNS * size] = (bits * 255).repeat(size, 0).repeat(size, 1)[..., None]
    return marked


def read(picture: Picture) -> int | None:
    """The capture time in the marker, in milliseconds modulo CYCLE_MS; None when none can be read.

    picture: uint8 RGB (H, W, 3), as large as it was drawn.
    """
    size = cell_size(picture.shape[1])
    if picture.shape[0] < ROWS * size or picture.shape[1] < COLUMNS * size:
        return None
    corner = picture[: ROWS * size, : COLUMNS * size].reshape(ROWS, size, COLUMNS, size, 3)
    quarter = size // 4  # the edges of a cell run over into its neighbours
    levels = corner[:, quarter:-quarter, :, quarter:-quarter].mean((1, 3, 4)).ravel()
    white, black = levels[WHITES].mean(), levels[BLACKS].mean()
    if white - black < CLEAR:
        return None
    word = 0
    for level in levels:
        word = word << 1 | int(level > (white + black) / 2)
    code = word >> 2 & (1 << 16 + CHECK_BITS) - 1
    ms = code >> CHECK_BITS
    return ms if _with_check(ms) == code else None


def _with_check(ms: int) -> int:
    """16 bits -> 28: the bits, then the rest of their division by the polynomial."""
    rest = ms << CHECK_BITS
    for bit in reversed(range(CHECK_BITS, CHECK_BITS + 16)):
        if rest >> bit & 1:
            rest ^= POLYNOMIAL << bit - CHECK_BITS
    return ms << CHECK_BITS | rest

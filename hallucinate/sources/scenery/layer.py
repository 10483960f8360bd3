"""Noise to paint with, and the layers that the painting becomes."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from hallucinate.frame import Picture

Field = npt.NDArray[np.float32]
"""float32, (H, W) for one value per pixel or (H, W, 3) for RGB in [0, 1]."""


def fractal(
    rng: np.random.Generator,
    size: tuple[int, int],
    cell: float,
    octaves: int,
    gain: float = 0.5,
    stretch: float = 1.0,
) -> Field:
    """Smooth random field (H, W) that goes round in x; mean about 0, standard deviation 1.

    size: (W, H). cell: pixels from hill to hill at the coarsest scale, ``stretch`` times as many in x.
    Each octave is half as large and ``gain`` times as strong.
    """
    w, h = size
    total = np.zeros((h, w), np.float32)
    for octave in range(octaves):
        step = cell / 2**octave
        if step < 1:
            break
        columns, rows = max(2, round(w / (step * stretch))), max(1, round(h / step)) + 3
        grid = rng.standard_normal((rows, columns), np.float32)
        grid = np.concatenate([grid[:, -2:], grid, grid[:, :2]], axis=1)  # goes round in x
        wide = round(w * (columns + 4) / columns)
        smooth = cv2.resize(grid, (wide, round(rows * step)), interpolation=cv2.INTER_CUBIC)
        left, top = round(2 * w / columns), min(round(1.5 * step), smooth.shape[0] - h)
        total += gain**octave * smooth[top : top + h, left : left + w]
    total -= total.mean()
    return np.asarray(total / (total.std() + 1e-6), np.float32)


def smoothstep(low: float, high: float, x: Field) -> Field:
    """0 below ``low``, 1 above ``high``, an S between."""
    t = np.clip((x - low) / (high - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)


def mix(a: object, b: object, amount: Field) -> Field:
    """From colour ``a`` to colour ``b`` (RGB triples or (H, W, 3)) by ``amount`` (H, W)."""
    start, end = np.asarray(a, np.float32), np.asarray(b, np.float32)
    return np.asarray(start + (end - start) * amount[..., None], np.float32)


def to_bytes(field: Field) -> Picture:
    """[0, 1] -> uint8, rounded."""
    return np.asarray(np.clip(field, 0, 1) * 255 + 0.5, np.uint8)


@dataclass(frozen=True)
class Layer:
    """A painted sheet wider than the picture, composited over what is behind it.

    paint: uint8 RGB (H, W, 3), multiplied by its opacity. keep: uint8 (H, W, 3), how much of what is
    behind it stays. top: the canvas row of its first row. solid: from this row on nothing behind is seen.
    """

    paint: Picture
    keep: Picture
    top: int
    solid: int

    @classmethod
    def of(cls, colour: Field, opacity: Field, top: int, round_about: int = 0) -> Layer:
        """From colours (H, W, 3) and opacities (H, W). ``round_about`` columns are repeated at the right."""
        alpha = np.repeat(np.clip(opacity, 0, 1)[..., None], 3, axis=2)
        solid_rows = np.flatnonzero(~(opacity >= 0.998).all(axis=1))
        paint, keep = to_bytes(colour * alpha), to_bytes(1 - alpha)
        if round_about:
            paint = np.concatenate([paint, paint[:, :round_about]], axis=1)
            keep = np.concatenate([keep, keep[:, :round_about]], axis=1)
        return cls(paint, keep, top, int(solid_rows[-1]) + 1 if len(solid_rows) else 0)

    def draw(self, canvas: Picture, x: float) -> None:
        """Composite the layer's columns from ``x`` (in fractions of a pixel) over the whole width of the canvas."""
        bottom = min(self.paint.shape[0], canvas.shape[0] - self.top)
        solid = min(self.solid, bottom)
        if solid:
            below = canvas[self.top : self.top + solid]
            cv2.multiply(below, shifted(self.keep[:solid], x, canvas.shape[1]), dst=below, scale=1 / 255)
            cv2.add(below, shifted(self.paint[:solid], x, canvas.shape[1]), dst=below)
        if bottom > solid:
            shifted(self.paint[solid:bottom], x, canvas.shape[1], canvas[self.top + solid : self.top + bottom])


def shifted(sheet: Picture, x: float, width: int, into: Picture | None = None) -> Picture:
    """``width`` columns of a wide sheet from ``x`` on, which need not be whole: two neighbours, weighted."""
    left = min(max(int(x), 0), sheet.shape[1] - width - 1)
    part = min(max(x - left, 0.0), 1.0)
    near, next_ = sheet[:, left : left + width], sheet[:, left + 1 : left + 1 + width]
    return np.asarray(cv2.addWeighted(near, 1 - part, next_, part, 0, dst=into), np.uint8)

"""Mountains and hills: real height fields, seen in perspective, bright on the sun's side, paled by the air.

A slab of land is ``DEPTHS`` rows of heights, from near to far. For each column of the picture, the highest
row of the land up to each depth is a curve that only rises; inverted, it is for each pixel the depth
that is seen there (terrain column by column, as the "voxel space" engines draw it).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from hallucinate.sources.scenery.layer import Field, Layer, fractal, mix, smoothstep

DEPTHS = 160
AIR = (0.80, 0.80, 0.82)


@dataclass(frozen=True)
class Land:
    """What kind of land: lengths in ``u``, rows of the 360-row picture."""

    foot: float
    """Row of its nearest, lowest ground."""
    rise: float
    """How many rows its far ground is above the near, before any hill."""
    height: float
    """How many rows a hill of one standard deviation stands up."""
    cell: float
    """Pixels from hill to hill."""
    ridged: float
    """0 for round hills, 1 for sharp ridges."""
    haze: tuple[float, float]
    """How much of the air's colour is over it, near and far."""
    snow: float
    """Height above which there is snow, in standard deviations; 9 for none."""
    grass: tuple[float, float, float]
    forest: tuple[float, float, float]
    rock: tuple[float, float, float]


MOUNTAINS = Land(204, 30, 46, 200, 1.0, (0.22, 0.46), 0.30,
                 (0.40, 0.46, 0.34), (0.25, 0.34, 0.31), (0.44, 0.42, 0.44))  # fmt: skip
HILLS = Land(205, 22, 14, 130, 0.35, (0.12, 0.34), 9,
             (0.46, 0.53, 0.27), (0.17, 0.29, 0.19), (0.47, 0.44, 0.36))  # fmt: skip
SHORE = Land(205, 9, 5.5, 150, 0.0, (0.03, 0.16), 9,
             (0.50, 0.55, 0.25), (0.18, 0.28, 0.14), (0.50, 0.45, 0.34))  # fmt: skip


def heights(rng: np.random.Generator, land: Land, width: int, u: float) -> Field:
    """Heights (DEPTHS, width), near to far, in standard deviations."""
    size = (width, DEPTHS)
    smooth = fractal(rng, size, land.cell * u / 2.2, 7, 0.46, stretch=2.2)
    if land.ridged:
        folds = sum(
            (0.52**k * (1 - 1.6 * np.abs(fractal(rng, size, land.cell * u / 2.2 / 2**k, 2, 0.4, 2.2)) ** 0.8))
            for k in range(6)
        )
        smooth = np.asarray(smooth * (1 - 0.72 * land.ridged) + folds * 0.72 * land.ridged, np.float32)
    return smooth


def paint_land(rng: np.random.Generator, land: Land, width: int, u: float, top: int) -> Layer:
    """One slab of land as a layer whose first row is canvas row ``top``."""
    field = heights(rng, land, width, u)
    depth = np.linspace(0, 1, DEPTHS, dtype=np.float32)[:, None]
    base = depth ** (0.7 if land.ridged > 0.5 else 0.55)
    rows = (land.foot - land.rise * base) * u - land.height * u * field * (0.25 + 0.75 * depth**0.5)
    seen, silhouette = _visible(np.asarray(rows, np.float32), top, round(land.foot * u) + 2)
    colour = _colours(rng, land, field, u)
    columns = np.arange(width, dtype=np.float32)[None] + np.zeros((seen.shape[0], 1), np.float32)
    painted = cv2.remap(colour, columns, seen, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    grain = fractal(rng, (width, seen.shape[0]), 5 * u, 3, 0.7) * (0.05 if land.ridged > 0.5 else 0.07)
    haze = np.asarray(land.haze[0] + (land.haze[1] - land.haze[0]) * seen / DEPTHS, np.float32)
    painted = mix(painted * (1 + grain[..., None]), AIR, haze)
    y = np.arange(top, top + seen.shape[0], dtype=np.float32)[:, None]
    return Layer.of(painted, np.asarray(np.clip(y - silhouette + 0.5, 0, 1), np.float32), top)


def _visible(rows: Field, top: int, bottom: int) -> tuple[Field, Field]:
    """Which depth is seen at each pixel (bottom - top, W), and the row (W) where the land meets the sky."""
    highest = np.minimum.accumulate(rows, axis=0)
    y = np.arange(top, bottom, dtype=np.float32)
    seen = np.empty((len(y), rows.shape[1]), np.float32)
    depths = np.arange(len(rows), dtype=np.float32)[::-1]
    for column in range(rows.shape[1]):
        seen[:, column] = np.interp(y, highest[::-1, column], depths)
    return seen, highest[-1]


def _colours(rng: np.random.Generator, land: Land, field: Field, u: float) -> Field:
    """The land from above, in sunlight: RGB (DEPTHS, W, 3)."""
    slope_x = cv2.Sobel(field, cv2.CV_32F, 1, 0, ksize=3) * u
    slope_z = cv2.Sobel(field, cv2.CV_32F, 0, 1, ksize=3) * u
    light = smoothstep(-1.0, 1.0, np.asarray(-slope_x * 2.0 - slope_z * 0.5 + 0.10, np.float32))
    steep = np.hypot(slope_x, slope_z)
    patches = fractal(rng, (field.shape[1], DEPTHS), 26 * u, 5, 0.6, stretch=2)
    colour = mix(land.grass, land.forest, smoothstep(-0.35, 0.45, patches - 0.25 * field))
    colour = mix(colour, land.rock, smoothstep(0.42, 0.85, steep + 0.12 * patches + 0.05 * field))
    if land.snow < 9:
        snowy = field + 0.22 * patches - 0.35 * steep
        colour = mix(colour, (0.97, 0.96, 0.95), smoothstep(land.snow, land.snow + 0.35, snowy))
    shade = mix((0.42, 0.47, 0.60), (1.18, 1.10, 0.95), light)
    hollow = np.asarray(np.clip(field - cv2.GaussianBlur(field, (0, 0), 6 * u), -0.5, 0.5), np.float32)
    return np.asarray(colour * shade * (1 + 0.6 * hollow[..., None]), np.float32)

"""The sky: its light, cirrus, cumulus, and the shadows that clouds throw on the land."""

from __future__ import annotations

import cv2
import numpy as np

from hallucinate.frame import Picture
from hallucinate.sources.scenery.layer import Field, Layer, fractal, mix, smoothstep, to_bytes

SUN = (0.72, 0.36)
"""Where the light comes from: fractions of the sky's width and of the horizon's height."""


def paint_sky(rng: np.random.Generator, width: int, height: int, u: float) -> Picture:
    """The air itself: uint8 RGB (height, width, 3), blue above, warm and bright towards the sun."""
    y = np.linspace(0, 1, height, dtype=np.float32)[:, None] * np.ones((1, width), np.float32)
    x = np.linspace(0, 1, width, dtype=np.float32)[None] * np.ones((height, 1), np.float32)
    colour = mix((0.27, 0.46, 0.66), (0.58, 0.74, 0.82), smoothstep(0.0, 0.62, y))
    colour = mix(colour, (0.97, 0.86, 0.70), smoothstep(0.40, 1.0, y) * 0.9)
    far = np.hypot((x - SUN[0]) * width / height * 0.8, y - SUN[1] * 1.9)
    glow = np.exp(-((far / 0.55) ** 2)) * 0.55
    colour = mix(colour, (1.0, 0.90, 0.70), np.asarray(glow, np.float32))
    grain = rng.standard_normal((height, width), np.float32)[..., None] * 0.0022  # hides 8-bit bands
    return to_bytes(colour + grain)


def paint_cirrus(rng: np.random.Generator, width: int, height: int, margin: int, u: float) -> Layer:
    """High thin streaks, that let the blue through."""
    streaks = fractal(rng, (width, height), 60 * u, 6, 0.55, stretch=4)
    bend = fractal(rng, (width, height), 120 * u, 2) * 14 * u
    columns = np.arange(width, dtype=np.float32)[None] + np.zeros((height, 1), np.float32)
    rows = np.arange(height, dtype=np.float32)[:, None] + bend
    streaks = np.asarray(cv2.remap(streaks, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT))
    y = np.linspace(0, 1, height, dtype=np.float32)[:, None]
    opacity = smoothstep(-0.2, 2.4, streaks) * 0.62 * (1 - smoothstep(0.55, 1.0, y))
    return Layer.of(mix((1.0, 0.97, 0.93), (0.98, 0.93, 0.86), opacity), opacity, 0, margin)


def paint_cumulus(
    rng: np.random.Generator, width: int, height: int, margin: int, u: float, cell: float, cover: float
) -> Layer:
    """Heaped clouds: flat grey-violet feet, bright heads on the sun's side.

    cell: size of a cloud in ``u``. cover: the density, in standard deviations, above which there is cloud.
    """
    heaps = fractal(rng, (width, height), cell * u, 7, 0.52, stretch=1.7)
    # Billows: the folds of |noise| make cauliflower heads where plain noise makes smoke.
    billows = 0.8 - np.abs(fractal(rng, (width, height), cell * u / 2.6, 5, 0.55, 1.3))
    y = np.linspace(0, 1, height, dtype=np.float32)[:, None]
    thinner = 2.6 * np.abs(y - 0.58) ** 1.5 + 1.6 * smoothstep(0.8, 1.0, y) + 1 - smoothstep(0, 0.25, y)
    density = np.asarray(heaps + 0.55 * billows - thinner, np.float32)
    opacity = smoothstep(cover, cover + 0.75, density)
    offset = max(1, round(7 * u))
    soft = cv2.GaussianBlur(density, (0, 0), 1.3 * u)
    # Bright where it is thinner towards the sun, up and to the right; dim where it is thick above.
    towards_sun = soft - np.roll(np.roll(soft, -offset, axis=1), offset, axis=0)
    thick = cv2.GaussianBlur(np.asarray(np.maximum(density - cover, 0), np.float32), (0, 0), 9 * u)
    light = smoothstep(-0.75, 0.85, np.asarray(towards_sun * 1.1 - thick * 0.28 + 0.22, np.float32))
    colour = mix((0.56, 0.58, 0.67), (0.80, 0.78, 0.79), smoothstep(0.0, 0.55, light))
    colour = mix(colour, (1.0, 0.965, 0.90), smoothstep(0.45, 1.0, light))
    colour = mix(colour, (0.95, 0.85, 0.74), smoothstep(0.45, 1.0, y) * 0.45)  # hazier, warmer when far
    return Layer.of(colour, np.asarray(opacity * 0.96, np.float32), 0, margin)


def paint_shadows(rng: np.random.Generator, width: int, height: int, margin: int, u: float) -> Picture:
    """What the clouds take of the land's light: uint8 (height, width + margin, 3), 255 takes nothing."""
    shade = fractal(rng, (width, height), 46 * u, 3, 0.4, stretch=4.5)
    fade = smoothstep(0.0, 0.4, np.linspace(0, 1, height, dtype=np.float32)[:, None])  # no edge at the top
    light: Field = np.asarray(1 - 0.36 * fade * smoothstep(-0.3, 1.1, shade), np.float32)
    cool = np.stack([light, light + (1 - light) * 0.10, light + (1 - light) * 0.25], axis=2)
    sheet = to_bytes(cool)
    return np.concatenate([sheet, sheet[:, :margin]], axis=1)

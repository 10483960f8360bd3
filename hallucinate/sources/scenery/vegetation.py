"""What grows: conifers along the shore, leafy trees, the meadow with its stones and flowers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np

from hallucinate.frame import Picture
from hallucinate.sources.scenery.layer import Field, Layer, fractal, mix, smoothstep, to_bytes
from hallucinate.sources.scenery.things import Sprite

FINE = 2
"""Plants are drawn this much larger and averaged down: that is cheaper, and softer, than smooth lines."""

FLOWERS = ((0.97, 0.95, 0.88), (0.86, 0.22, 0.14), (0.97, 0.80, 0.22), (0.55, 0.42, 0.78))


def _sheet(width: int, height: int, colour: tuple[float, float, float]) -> Picture:
    """A large clear sheet, uint8 RGBA; its hidden colour is what the edges fade to."""
    sheet = np.zeros((height * FINE, width * FINE, 4), np.uint8)
    sheet[..., :3] = [round(255 * c) for c in colour]
    return sheet


def _finish(sheet: Picture) -> tuple[Field, Field]:
    """A large sheet -> colours (H, W, 3) and opacities (H, W), averaged down."""
    size = (sheet.shape[1] // FINE, sheet.shape[0] // FINE)
    small = cv2.resize(sheet, size, interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    return np.asarray(small[..., :3], np.float32), np.asarray(small[..., 3], np.float32)


def _ink(colour: Iterable[float], light: float = 1.0) -> tuple[float, float, float, float]:
    r, g, b = (min(255.0, max(0.0, 255 * float(c) * light)) for c in colour)
    return r, g, b, 255


def paint_conifers(rng: np.random.Generator, width: int, u: float, top: int, bottom: int) -> Layer:
    """Stands of firs along the water, with gaps between."""
    height, s = bottom - top, u * FINE
    sheet = _sheet(width, height, (0.14, 0.22, 0.14))
    stand = fractal(rng, (width, 1), 70 * u, 4, 0.6)[0]
    places = np.sort(rng.uniform(0, width - 1, round(width / u * 0.8)))
    for x in places[stand[places.astype(int)] > -0.15]:
        tall = s * (6 + 13 * rng.random() ** 2 + 3.0 * max(0.0, float(stand[int(x)])))
        foot = height * FINE - s * (1 + 2.5 * rng.random())
        dark = np.array((0.135, 0.20, 0.115)) * rng.uniform(0.8, 1.5) + rng.uniform(-0.01, 0.03, 3)
        half = tall * rng.uniform(0.16, 0.30)
        for tier in range(6):
            up = foot - tall * tier / 6.6
            wide, tip = half * (1 - tier / 6.8), up - tall * 0.30
            for side, light in ((-1.0, 0.85), (1.0, 1.6)):  # the sun stands at the right
                points = ((x * FINE, tip), (x * FINE + side * wide, up), (x * FINE, up - s * 0.3))
                cv2.fillConvexPoly(sheet, np.array(points, np.int32), _ink(dark, light))
    return Layer.of(*_finish(sheet), top)


def paint_tree(rng: np.random.Generator, height: float, hue: float) -> Sprite:
    """A leafy tree ``height`` pixels tall, standing on the middle of its lower edge.

    hue: 0 for fresh green to 1 for the first autumn.
    """
    w, h = round(height * 1.6), round(height)
    sheet = _sheet(w, h, (0.20, 0.26, 0.12))
    s = height * FINE / 100
    twigs: list[tuple[float, float]] = []

    def grow(x: float, y: float, angle: float, length: float, thick: float) -> None:
        x2, y2 = x + length * np.sin(angle), y - length * np.cos(angle)
        ends = ((round(x), round(y)), (round(x2), round(y2)))
        cv2.line(sheet, *ends, _ink((0.24, 0.19, 0.15)), max(1, round(thick)))
        side = round(thick * 0.22)
        bright = ((ends[0][0] + side, ends[0][1]), (ends[1][0] + side, ends[1][1]))
        cv2.line(sheet, *bright, _ink((0.44, 0.36, 0.28)), max(1, round(thick * 0.3)))
        if length < 7 * s:
            twigs.append((x2, y2))
            return
        for lean in (-0.62, 0.0, 0.6) if rng.random() < 0.7 else (-0.5, 0.5):
            grow(x2, y2, angle * 0.95 + lean * rng.uniform(0.5, 1.5), length * rng.uniform(0.66, 0.92), thick * 0.62)

    grow(w * FINE / 2, h * FINE, rng.uniform(-0.06, 0.06), 18 * s, 5 * s)
    _leaves(rng, sheet, np.array(twigs, np.float32), s, hue)
    colour, opacity = _finish(sheet)
    return Sprite.of(colour, opacity)


def _leaves(rng: np.random.Generator, sheet: Picture, twigs: Field, s: float, hue: float) -> None:
    """Leaves about the twigs' ends, from the dark ones behind to those in the sun."""
    dark = np.array((0.08, 0.15, 0.06)) * (1 - hue) + np.array((0.27, 0.16, 0.07)) * hue
    bright = np.array((0.56, 0.60, 0.22)) * (1 - hue) + np.array((0.86, 0.56, 0.20)) * hue
    middle, spread = twigs.mean(axis=0), twigs.std(axis=0) + 1
    count = max(1, round(4200 / len(twigs)))
    around = rng.standard_normal((len(twigs), count, 2)) * (4.4 * s, 3.4 * s)
    places = (twigs[:, None] + around).reshape(-1, 2)
    # In the sun: towards the upper right of the crown, and of each twig's own bunch.
    out = (places - middle) / spread @ np.array((0.30, -0.42)) + around.reshape(-1, 2) @ np.array((0.30, -0.46)) / (
        3 * s
    )
    light = 1 / (1 + np.exp(-1.9 * (-0.25 + out + 0.35 * rng.standard_normal(len(out)))))
    for index in np.argsort(light + 0.25 * rng.random(len(light))):
        x, y = places[index]
        axes = max(1, round(rng.uniform(0.7, 1.4) * s)), max(1, round(rng.uniform(0.4, 0.8) * s))
        colour = dark + (bright - dark) * light[index]
        cv2.ellipse(sheet, (round(x), round(y)), axes, rng.uniform(0, 180), 0, 360, _ink(colour), -1)


@dataclass(frozen=True)
class Meadow:
    """A strip of ground: rows of the 360-row picture, and how its grass looks."""

    top: float
    bottom: float
    bumps: float
    blade: tuple[float, float]
    """How long grass is at its far and its near edge."""
    density: float
    """Blades per square ``u``."""
    flowers: float
    stones: int


FAR_MEADOW = Meadow(252, 322, 5, (2.5, 9), 0.17, 0.012, 16)
NEAR_MEADOW = Meadow(306, 388, 7, (9, 26), 0.13, 0.008, 9)


def paint_meadow(rng: np.random.Generator, meadow: Meadow, width: int, u: float) -> Layer:
    """A strip of meadow: earth, stones, grass blade by blade from far to near, flowers."""
    head = round(26 * u)
    top, bottom = round(meadow.top * u) - head, round(meadow.bottom * u)
    height = bottom - top
    edge = head + fractal(rng, (width, 1), 140 * u, 5, 0.45)[0] * meadow.bumps * u
    sheet = _sheet(width, height, (0.30, 0.36, 0.16))
    patches = fractal(rng, (width, height), 30 * u, 5, 0.6, stretch=2.4)
    earth = mix((0.20, 0.25, 0.09), (0.37, 0.40, 0.16), smoothstep(-1.2, 1.2, patches))
    inside = np.arange(height)[:, None] >= edge[None]
    ground = np.dstack([to_bytes(earth), np.where(inside, 255, 0).astype(np.uint8)])
    large = cv2.resize(ground, (width * FINE, height * FINE), interpolation=cv2.INTER_NEAREST)
    sheet[:] = np.where(large[..., 3:] > 0, large, sheet)
    count = round(meadow.density * width * (height - head) / u**2)
    near = np.sort(rng.random(count + meadow.stones) ** 0.85)
    columns = rng.uniform(0, width - 1, count + meadow.stones)
    stones = set(rng.choice(count, meadow.stones, replace=False).tolist())
    for index, (x, depth) in enumerate(zip(columns, near, strict=True)):
        y = edge[int(x)] + depth * (height - edge[int(x)] + 4 * u)
        size = (meadow.blade[0] + (meadow.blade[1] - meadow.blade[0]) * depth) * u
        patch = float(patches[min(height - 1, int(y)), int(x)])
        if index in stones:
            _stone(rng, sheet, x * FINE, y * FINE, size * FINE * rng.uniform(0.5, 1.1))
        else:
            _blade(rng, sheet, x * FINE, y * FINE, size * FINE, patch, rng.random() < meadow.flowers * (2 + 2 * patch))
    return Layer.of(*_finish(sheet), top)


def _blade(
    rng: np.random.Generator, sheet: Picture, x: float, y: float, size: float, patch: float, flower: bool
) -> None:
    """A blade of grass bent by the wind, some with a flower on it; lengths in large pixels."""
    tall, lean = size * rng.uniform(0.6, 1.25), size * (0.14 + 0.30 * rng.standard_normal())
    sun = rng.random() ** 1.6
    green = np.array((0.22, 0.33, 0.10)) * (1 - sun) + np.array((0.66, 0.68, 0.28)) * sun
    straw = min(1.0, max(0.0, 0.28 * patch + 0.15))
    colour = green * (1 - straw) + np.array((0.70, 0.60, 0.32)) * (0.55 + 0.45 * sun) * straw
    tip = (round(x + lean), round(y - tall))
    points = np.array(((x, y), (x + lean * 0.3, y - tall * 0.6), tip), np.int32)
    cv2.polylines(sheet, [points], False, _ink(colour), max(1, round(size / 17)))
    if flower:
        petal = FLOWERS[int(rng.choice(len(FLOWERS), p=(0.5, 0.14, 0.22, 0.14)))]
        radius = max(1, round(size * 0.13))
        cv2.ellipse(sheet, tip, (radius, max(1, round(radius * 0.8))), 0, 0, 360, _ink(petal), -1)
        cv2.circle(sheet, tip, max(1, radius // 3), _ink((0.80, 0.58, 0.16)), -1)


def _stone(rng: np.random.Generator, sheet: Picture, x: float, y: float, size: float) -> None:
    """A stone, bright on the right, with speckles."""
    angles = np.linspace(0, 2 * np.pi, 14, endpoint=False)
    shape = size * (1 + 0.16 * rng.standard_normal(14))
    outline = np.stack([np.cos(angles) * shape * 1.35, np.sin(angles) * shape * 0.75], axis=1)
    grey = np.array((0.40, 0.385, 0.385)) * rng.uniform(0.85, 1.15)
    for step in range(6):
        part = 1 - 0.14 * step
        moved = outline * part + (x + size * 0.075 * step, y - size * 0.06 * step)
        cv2.fillPoly(sheet, [moved.astype(np.int32)], _ink(grey, 0.62 + 0.2 * step))
    for _ in range(14):
        dot = np.array((x, y)) + rng.uniform(-0.6, 0.6, 2) * size * (1.1, 0.6)
        speckle = _ink(grey, rng.uniform(0.6, 1.7))
        cv2.circle(sheet, (round(dot[0]), round(dot[1])), max(1, round(size * 0.05)), speckle, -1)

"""The built-in scene all round: a meadow in a ring of mountains, drawn on the sphere, so that nobody needs a camera.

Everything is painted by direction: clouds and grass are on planes above and below the eye, ridges go round the
horizon. So there is no seam at ±180°, and straight up and straight down are places like any other.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
import numpy.typing as npt

from hallucinate.frame import Picture, fit, shrunk
from hallucinate.panorama.projections import Equirect
from hallucinate.panorama.remap import middles
from hallucinate.sources.scenery.layer import Field, fractal, mix, smoothstep, to_bytes
from hallucinate.sources.scenery.things import paint_balloon
from hallucinate.sources.scenery.vegetation import paint_tree

TILE = 512
"""Pixels of the squares that clouds and grass repeat in."""

CLOUD_TILES, GRASS_TILES = 0.35, 0.55
"""How many squares there are in one height of the plane above, or one depth of the one below."""

ROWS = 1024
"""More rows than these are made by enlarging the picture."""

WIND = (9.0, 4.0)
"""Pixels of the clouds' square per second."""

RIDGES = (
    ((0.52, 0.60, 0.70), 3.0, 5.5, 0.16),
    ((0.36, 0.47, 0.50), 1.5, 3.6, 0.11),
    ((0.20, 0.32, 0.22), 0.3, 1.6, 0.03),
)
"""From far to near: colour, degrees above the horizon and how much more or less, and width of its hills in turns."""

SUN = np.array([0.55, -0.45, 0.70])


class Surroundings:
    """The scene at a size, as equirect pictures: a pure function of time and ``seed``."""

    def __init__(self, width: int, height: int, seed: int) -> None:
        self._frame_size = width, height
        if height > ROWS:
            width, height = round(width * ROWS / height), ROWS
        self._size = width, height
        rng = np.random.default_rng(seed)
        directions = Equirect().directions(middles((2 * width, 2 * height))).astype(np.float32)  # four rays a pixel
        self._still = shrunk(_paint(rng, directions), width, height)
        self._horizon = height // 2
        above = directions[::2, ::2][: self._horizon]
        self._cloud_x, self._cloud_y = _on_plane(above, CLOUD_TILES)
        self._cover = smoothstep(1.05, 1.75, _tile(rng, 1.7) + 1)
        light = mix((0.72, 0.73, 0.79), (1.0, 0.98, 0.94), smoothstep(-1.5, 1.0, _tile(rng, 1.5)))
        self._cloud_colour = to_bytes(light)
        # Towards the horizon a pixel would skip over many clouds: there is haze instead.
        sky = np.all(np.abs(self._still[: self._horizon].astype(int) - _air(above)) < 12, axis=-1)
        self._fade = (smoothstep(0.06, 0.30, -above[..., 1]) * cv2.blur(sky.astype(np.float32), (3, 3))).astype(
            np.float32
        )
        self._balloons = [paint_balloon(height / share) for share in (300.0, 460.0, 620.0)]

    def draw(self, t: float) -> Picture:
        """The scene ``t`` seconds after its start: uint8 RGB (height, width, 3)."""
        picture = self._still.copy()
        x, y = self._cloud_x + np.float32(WIND[0] * t % TILE), self._cloud_y + np.float32(WIND[1] * t % TILE)
        cover = cv2.remap(self._cover, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP) * self._fade
        colour = cv2.remap(self._cloud_colour, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
        sky = picture[: self._horizon]
        sky[:] = cv2.blendLinear(np.ascontiguousarray(sky), colour, 1 - cover, cover)
        width, height = self._size
        for n, balloon in enumerate(self._balloons):
            at = (width * (0.2 + 0.34 * n) + width * t / (47 + 20 * n)) % width
            row = height * (0.36 - 0.05 * n + 0.015 * math.sin(t / 5 + n))
            for turn in (-width, 0, width):  # what goes out at the right comes in at the left
                balloon.draw(picture, at + turn, row)
        return fit(picture, *self._frame_size)


def _air(directions: Field) -> Picture:
    """The clear sky by direction: uint8 RGB, pale at the horizon, blue above, warm around the sun."""
    up = -directions[..., 1]
    colour = mix((0.90, 0.88, 0.82), (0.55, 0.72, 0.84), smoothstep(0.0, 0.28, up))
    colour = mix(colour, (0.24, 0.44, 0.68), smoothstep(0.2, 1.0, up))
    near_sun = np.clip(directions @ (SUN / np.linalg.norm(SUN)).astype(np.float32), 0, 1)
    return to_bytes(mix(colour, (1.0, 0.95, 0.80), np.asarray(near_sun**24, np.float32)))


def _paint(rng: np.random.Generator, directions: Field) -> Picture:
    """What stands still: uint8 RGB (H, W, 3)."""
    height, width = directions.shape[:2]
    up = -directions[..., 1]
    picture: Field = _air(directions).astype(np.float32) / np.float32(255)
    degrees = np.degrees(np.arcsin(np.clip(up, -1, 1))).astype(np.float32)
    pixel = 180 / height
    for colour, base, more, hills in RIDGES:
        ridge = base + more * (0.5 + 0.5 * fractal(rng, (width, 8), hills * width, 7, 0.48)[0])
        rough = fractal(rng, (width, height), 0.012 * width, 5, 0.6)
        land = np.asarray(np.array(colour, np.float32) * (1 + 0.16 * rough[..., None]), np.float32)
        picture = mix(picture, land, smoothstep(-pixel, pixel, np.asarray(ridge[None] - degrees, np.float32)))
    x, y = _on_plane(directions, GRASS_TILES)
    grass = cv2.remap(_tile(rng, 0.9), x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
    patches = cv2.remap(_tile(rng, 1.8), x / 3, y / 3, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
    # As with the clouds: far grass is its own mean colour.
    near = smoothstep(0.03, 0.3, -up)
    green = mix((0.30, 0.42, 0.17), (0.58, 0.58, 0.27), smoothstep(-1.5, 1.5, np.asarray(patches, np.float32)))
    ground = green * (1 + 0.22 * (grass * near)[..., None])
    ground = mix(np.asarray(ground, np.float32), (0.46, 0.54, 0.33), 1 - smoothstep(0.0, 0.16, -up))
    picture = mix(picture, ground, smoothstep(-pixel / 90, pixel / 90, -up))
    return _with_trees(rng, to_bytes(picture))


def _with_trees(rng: np.random.Generator, picture: Picture) -> Picture:
    """Trees around the meadow, each as large as it is near."""
    height, width = picture.shape[:2]
    kinds = ((0.256, 0.12), (0.167, 0.5), (0.122, 0.22), (0.083, 0.4))  # how tall, of the picture, and their hue
    trees = [paint_tree(rng, tall * height, hue) for tall, hue in kinds]
    for n in range(14):
        tree = trees[n % 4]
        x, y = width * (n + rng.uniform(-0.3, 0.3)) / 14, height * (0.548, 0.53, 0.522, 0.514)[n % 4]
        for turn in (-width, 0, width):
            tree.draw(picture, x + turn, y)
    return picture


def _on_plane(directions: Field, tiles: float) -> tuple[Field, Field]:
    """Where rays meet the planes one above and one below, in pixels of a square that repeats: float32 (H, W) each."""
    depth = np.maximum(np.abs(directions[..., 1]), 0.02)
    x, y = (directions[..., axis] / depth * (tiles * TILE) for axis in (0, 2))
    return np.asarray(x, np.float32), np.asarray(y, np.float32)


def _tile(rng: np.random.Generator, smoothness: float) -> npt.NDArray[np.float32]:
    """Noise that repeats in x and y, float32 (TILE, TILE), standard deviation 1; its spectrum is 1/f^smoothness."""
    spectrum = np.fft.rfft2(rng.standard_normal((TILE, TILE)))
    frequency = np.hypot(np.fft.fftfreq(TILE)[:, None], np.fft.rfftfreq(TILE)[None]) * TILE
    frequency[0, 0] = 1
    field = np.fft.irfft2(spectrum / np.maximum(frequency, 2) ** smoothness, (TILE, TILE))
    return np.asarray((field - field.mean()) / field.std(), np.float32)

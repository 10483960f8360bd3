"""The built-in scene: a lake between mountains on a breezy afternoon, drawn live, no asset.

It has what a camera's pictures have: texture at several scales, a camera that pans and sways, things near
and far that shift against each other (for the optical flow), and things that cross.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import cv2
import numpy as np

from hallucinate.frame import Frame, Picture, fit
from hallucinate.sources.scenery import land, sky, things, vegetation
from hallucinate.sources.scenery.layer import shifted, to_bytes
from hallucinate.sources.scenery.water import Lake

ROWS = (120, 720)
"""Fewer rows than the first, or more than the second, are made by shrinking or enlarging the picture."""

HAZY, SHORE, MEADOW = 174, 203, 266
"""Rows of the 360-row picture: where cloud shadows begin, where the lake begins, where grass surely hides it."""


class Scene:
    """The built-in scene at a size: a pure function of time and ``seed``."""

    def __init__(self, width: int, height: int, seed: int) -> None:
        self._size = width, height
        rows = min(max(height, ROWS[0]), ROWS[1])
        self._view = View(max(16, round(width * rows / height)), rows, seed)

    def draw(self, t: float) -> Picture:
        """The scene ``t`` seconds after its start: uint8 RGB (height, width, 3)."""
        return fit(self._view.draw(t), *self._size)


class View:
    """The painted world, and the camera that looks at it. Everything wide is painted once, here."""

    def __init__(self, width: int, height: int, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self._u = u = height / 360
        self._size = width, height
        self._rim = math.ceil(5 * u) + 2  # what the sway may bring into view
        self._width = wide = width + 2 * self._rim
        self._pan = 0.20 * width  # how far the nearest ground moves to either side
        self._round = round(2.2 * wide)  # the clouds come round again after this many columns

        def sheet(nearness: float) -> int:
            return math.ceil(wide + 2 * self._pan * nearness) + 3

        margin = wide + 2
        self._air = sky.paint_sky(rng, sheet(0.3), round(SHORE * u) + 1, u)
        self._cirrus = sky.paint_cirrus(rng, self._round, round(150 * u), margin, u)
        self._high = sky.paint_cumulus(rng, self._round, round(190 * u), margin, u, 105, 0.55)
        self._low = sky.paint_cumulus(rng, self._round, round(178 * u), margin, u, 46, 0.80)
        self._far_shade = sky.paint_shadows(rng, self._round, round((SHORE - HAZY) * u), margin, u)
        self._near_shade = sky.paint_shadows(rng, self._round, height + 2 * self._rim - round(MEADOW * u), margin, u)
        self._mountains = land.paint_land(rng, land.MOUNTAINS, sheet(0.36), u, round(40 * u))
        self._hills = land.paint_land(rng, land.HILLS, sheet(0.48), u, round(110 * u))
        self._shore = land.paint_land(rng, land.SHORE, sheet(0.6), u, round(160 * u))
        self._firs = vegetation.paint_conifers(rng, sheet(0.6), u, round(170 * u), round(SHORE * u) + 1)
        self._lake = Lake(rng, wide, round(SHORE * u), round(MEADOW * u), u)
        self._far_meadow = vegetation.paint_meadow(rng, vegetation.FAR_MEADOW, sheet(0.8), u)
        self._near_meadow = vegetation.paint_meadow(rng, vegetation.NEAR_MEADOW, sheet(1.0), u)
        self._trees = [vegetation.paint_tree(rng, tall * u, hue) for tall, hue in ((205, 0.12), (112, 0.5), (86, 0.22))]
        self._balloon = things.paint_balloon(u)
        self._kite = things.paint_kite(u)
        self._tint: tuple[bytes, Picture] = b"", np.zeros(0, np.uint8)
        self._stone, self._gleam = things.paint_ball(rng, 21 * u)
        self._tree_shadow = things.paint_shadow(92 * u, 11 * u)
        self._shadow = things.paint_shadow(54 * u, 13 * u)

    def draw(self, t: float) -> Picture:
        """The world at ``t`` seconds: uint8 RGB (height, width, 3)."""
        canvas = np.zeros((self._size[1] + 2 * self._rim, self._width, 3), np.uint8)
        pan = self._pan * (0.72 * math.sin(t / 7.3) + 0.28 * math.sin(t / 3.1 + 1))
        self._draw_far(canvas, pan, t)
        self._lake.draw(canvas, 0.7 * pan, t)
        self._draw_near(canvas, pan, t)
        return self._look(canvas, t)

    def _draw_far(self, canvas: Picture, pan: float, t: float) -> None:
        u, at = self._u, self._pan + pan
        canvas[: self._air.shape[0]] = shifted(self._air, 0.3 * at, self._width)
        for clouds, nearness, wind in ((self._cirrus, 0.3, 1.5), (self._low, 0.32, 2.6), (self._high, 0.34, 5.0)):
            clouds.draw(canvas, (nearness * at + wind * u * t) % self._round)
        self._mountains.draw(canvas, 0.36 * at)
        self._balloon.draw(canvas, self._crossing(t, 7.0, 0.30, 60) - 0.42 * pan, (96 + 9 * math.sin(t / 5)) * u)
        self._hills.draw(canvas, 0.48 * at)
        self._shore.draw(canvas, 0.6 * at)
        self._firs.draw(canvas, 0.6 * at)
        self._shade(canvas, self._far_shade, round(HAZY * u), 0.5 * at + 6 * u * t)
        flock = self._crossing(t, 26.0, 0.55, 140), (74 + 16 * math.sin(t / 6.1)) * u
        things.draw_birds(canvas, flock[0] - 0.5 * pan, flock[1], t, u)

    def _draw_near(self, canvas: Picture, pan: float, t: float) -> None:
        u, at = self._u, self._pan + pan
        self._far_meadow.draw(canvas, 0.8 * at)
        for tree, place, foot, lean in zip(
            self._trees, (0.10, 0.86, 0.97), (304, 276, 270), (1, 1.4, 1.7), strict=True
        ):
            sway = 0.006 * lean * math.sin(t * 0.9 * lean + place * 9) + 0.003 * math.sin(2.3 * t + place * 5)
            tall = tree.paint.shape[0]
            self._tree_shadow.draw(canvas, place * self._width - 0.85 * pan - 16 * u, foot * u - u)
            x = place * self._width - 0.85 * pan - sway * tall / 2
            tree.draw(canvas, x, foot * u - tall / 2, sway)
        kite = self._crossing(t, 31.0, 0.18, 240) + 9 * u * math.sin(t / 1.9)
        things.draw_kite(canvas, self._kite, kite - 0.85 * pan, (138 + 20 * math.sin(t / 3.7)) * u, t, u)
        ball = self._crossing(t, 24.0, 0.42, 90)
        x, y = ball - 0.92 * pan, 291 * u
        self._shadow.draw(canvas, x - 7 * u, y + 17 * u)
        self._stone.draw(canvas, x, y, ball / (21 * u))
        self._gleam.draw(canvas, x, y)
        self._near_meadow.draw(canvas, at)
        self._shade(canvas, self._near_shade, round(MEADOW * u), 0.9 * at + 11 * u * t)

    def _shade(self, canvas: Picture, shadows: Picture, top: int, x: float) -> None:
        """Cloud shadows over the canvas from row ``top`` on."""
        ground = canvas[top : top + shadows.shape[0]]
        cv2.multiply(ground, shifted(shadows, x % self._round, self._width), ground, 1 / 255)

    def _crossing(self, t: float, speed: float, start: float, beyond: float) -> float:
        """The column of a thing that crosses at ``speed`` u/s, over and over, going ``beyond`` u out of sight.

        start: where it begins, as a share of its path.
        """
        path = self._width + 2 * beyond * self._u
        return (start * path + speed * self._u * t) % path - beyond * self._u

    def _look(self, canvas: Picture, t: float) -> Picture:
        """The hand that holds the camera, and the light of the hour."""
        width, height = self._size
        u, turn = self._u, 0.0035 * math.sin(t / 2.9) + 0.0015 * math.sin(t / 1.3 + 2)
        dx = (1.6 * math.sin(t / 1.7) + 0.8 * math.sin(t / 0.77 + 1)) * u
        dy = (1.9 * math.sin(t / 2.3 + 0.5) + 0.6 * math.sin(t / 0.9)) * u
        c, s = math.cos(turn), math.sin(turn)
        mx, my = width / 2, height / 2
        back = np.array([[c, -s, self._rim + dx + mx - c * mx + s * my], [s, c, self._rim + dy + my - s * mx - c * my]])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        seen = cv2.warpAffine(canvas, back, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE)
        late = 0.5 - 0.5 * math.cos(t / 47)  # from clear afternoon to a golden hour and back, in five minutes
        gains = to_bytes(np.array((1.0, 1 - 0.06 * late, 1 - 0.19 * late), np.float32))
        if self._tint[0] != gains.tobytes():  # every few seconds; multiplying pictures is the quickest
            self._tint = gains.tobytes(), np.full(seen.shape, gains, np.uint8)
        return np.asarray(cv2.multiply(seen, self._tint[1], dst=seen, scale=1 / 255), np.uint8)


def filmed(
    seconds: float, start_s: float = 12.0, fps: float = 24.0, size: tuple[int, int] = (640, 360)
) -> Iterator[Frame]:
    """So many seconds of the scene, as a camera would deliver them; for measuring and for galleries."""
    view = View(*size, seed=0)
    for n in range(round(seconds * fps) + 1):
        yield Frame(view.draw(start_s + n / fps), round(n / fps * 1e9))

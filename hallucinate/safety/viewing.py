"""How pictures are seen: places, their solid angles, and fields of 10° around each.

A field is what the rules call any 10° of the visual field. On a desk it is WCAG's rectangle; in a headset and on a
sphere it is a cap 10° across. Shares of a field are of WCAG's own solid angles: over a quarter, 0.006 sr, is too much.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

FIELD_DEGREES = 10.0
"""WCAG 2.2, general flash and red flash thresholds: "any 10 degree visual field"."""

FIELD_SR = 0.024
"""A whole field: WCAG 2.2 has 0.006 sr for a quarter of one. A cap 10° across is 0.0239 sr."""

FIELD_ASPECT = 256 / 341
"""Height over width of the rectangle that WCAG 2.2 takes for a field on a desk."""

DESK_DEGREES = 1024 / 341 * FIELD_DEGREES
"""Width of a picture as wide as WCAG 2.2's screen: 1024 px, of which 341 are 10°."""

SCREEN_DEGREES = 76.0
"""Width of the curved screen on the headset page, web/headset/surfaces.js."""

PLACE_PX = 8
"""On a flat picture a place is about so many pixels wide and high ..."""

COLUMNS = (80, 160)
"""... but a picture has at least and at most so many of them beside each other."""

PLACE_DEGREES = 360 / 256
"""On a sphere a place is about so many degrees of longitude and of latitude."""


class Surface(StrEnum):
    """What pictures are on. DESK: a flat screen. CURVED: a screen bent around the eye. The others: a panorama."""

    DESK = "desk"
    CURVED = "curved screen"
    SPHERE = "sphere"
    HALF = "half sphere"

    @property
    def is_panorama(self) -> bool:
        """Whether rows are latitudes."""
        return self in (Surface.SPHERE, Surface.HALF)


@dataclass(frozen=True)
class Viewing:
    """How wide, in degrees, a picture is seen, and on what."""

    surface: Surface
    degrees: float

    def __str__(self) -> str:
        return f"{self.surface}, {self.degrees:.4g}° wide"

    @property
    def wraps(self) -> bool:
        """Whether the picture's sides meet."""
        return self.surface is Surface.SPHERE

    def places(self, height: int, width: int, place_px: float | None = None) -> tuple[int, int]:
        """(rows, columns) of the places of a picture. place_px: so many pixels wide and high, about."""
        if place_px is None:
            least, most = COLUMNS
            by_size = max(min(PLACE_PX, width / least), width / most)
            place_px = PLACE_DEGREES * width / self.degrees if self.surface.is_panorama else by_size
        px = max(1.0, place_px)
        return max(1, round(height / px)), max(1, round(width / px))


DESK = Viewing(Surface.DESK, DESK_DEGREES)
HEADSET = Viewing(Surface.CURVED, SCREEN_DEGREES)
SPHERE = Viewing(Surface.SPHERE, 360.0)
HALF_SPHERE = Viewing(Surface.HALF, 180.0)


class Fields:
    """The fields around every place of a picture.

    weights: (rows,), which share of the picture's solid angle a place in each row is.
    """

    def __init__(self, viewing: Viewing, height: int, width: int, rows: int, columns: int) -> None:
        """height, width: of the picture, in pixels. rows, columns: of its places."""
        self._shape, self._wraps = (rows, columns), viewing.wraps
        bands = _desk_bands if viewing.surface is Surface.DESK else _cap_bands
        half, worth, weights = bands(viewing, height / width, rows, columns)
        self.weights = weights / (weights.sum() * columns)
        # On a desk all fields are alike: what is beside each other is added up once, and then what is above.
        self._down = worth if viewing.surface is Surface.DESK else None
        if self._down is not None:
            half, worth = np.diag(np.diag(half)), np.eye(rows)
        if self._wraps:
            half = np.minimum(half, columns / 2)
        # One entry for each field's row and each row of places that it covers; sorted by the field's.
        field, self._row = np.nonzero((half > 0) & (worth > 0))
        self._worth = worth[field, self._row]
        self._first = np.searchsorted(field, np.arange(rows))
        ends = columns + 0.5 + np.array([[-1], [1]]) * half[field, self._row]
        self._offset = np.floor(ends).astype(np.intp)
        self._part = ends - self._offset

    def shares(self, places: npt.NDArray[np.bool_]) -> Array:
        """Which share of the field around each place (rows, columns) these places are, 0 to 1."""
        rows, columns = self._shape
        if not places.any():
            return np.zeros(self._shape)
        wide = np.pad(places, ((0, 0), (columns, columns + 1)), "wrap" if self._wraps else "constant")
        before = np.zeros((rows, wide.shape[1] + 1))
        np.cumsum(wide, 1, out=before[:, 1:])
        at = np.arange(columns)
        start, end = (
            (1 - part)[:, None] * before[self._row[:, None], offset[:, None] + at]
            + part[:, None] * before[self._row[:, None], offset[:, None] + at + 1]
            for offset, part in zip(np.clip(self._offset, 0, 2 * columns), self._parts(), strict=True)
        )
        found: Array = np.add.reduceat((end - start) * self._worth[:, None], self._first, axis=0)
        return found if self._down is None else np.asarray(self._down @ found, np.float64)

    def _parts(self) -> Array:
        # A field that goes on beyond the padding has all that there is on that side.
        return np.where((self._offset >= 0) & (self._offset <= 2 * self._shape[1]), self._part, 0.0)


Bands = tuple[Array, Array, Array]
"""Of the field around each row (rows, rows): half its width in each row, in columns, and the share of a field that a
whole place there is; and (rows,) the solid angle of a place, in any unit."""


def _desk_bands(viewing: Viewing, aspect: float, rows: int, columns: int) -> Bands:
    """Rectangles on a plane. aspect: height over width of the picture."""
    wide = FIELD_DEGREES / viewing.degrees * columns
    tall = FIELD_DEGREES / viewing.degrees * FIELD_ASPECT / aspect * rows
    apart = np.arange(rows)[None] - np.arange(rows)[:, None]
    down = np.clip(np.minimum(apart + 0.5, tall / 2) - np.maximum(apart - 0.5, -tall / 2), 0, None)
    return np.full((rows, rows), wide / 2), down / (tall * wide), np.ones(rows)


def _cap_bands(viewing: Viewing, aspect: float, rows: int, columns: int) -> Bands:
    """Caps on the sphere of directions, cut into rows at their middles."""
    span = math.radians(viewing.degrees)
    # A curved screen would go on above and below: a cap across its border is as large as any.
    beyond = 0 if viewing.surface.is_panorama else 3 * rows
    down = 0.5 - np.arange(-beyond, rows + beyond + 1) / rows
    edges = down * math.pi if viewing.surface.is_panorama else np.arctan(down * span * aspect)
    upper, lower = edges[:-1], edges[1:]
    middle = np.arctan2(np.sin(upper) + np.sin(lower), np.cos(upper) + np.cos(lower))
    own = slice(beyond, beyond + rows)
    beside = np.cos(middle[own])[:, None] * np.cos(middle)[None]
    above = math.cos(math.radians(FIELD_DEGREES / 2)) - np.sin(middle[own])[:, None] * np.sin(middle)[None]
    cosine = np.divide(above, beside, out=np.full_like(above, np.inf), where=beside > 1e-12)
    half = np.arccos(np.clip(cosine, -1, 1)) / span * columns
    solid = span / columns * (np.sin(upper) - np.sin(lower))
    cap = 2 * math.pi * (1 - math.cos(math.radians(FIELD_DEGREES / 2)))
    whole = (2 * half * solid).sum(1, keepdims=True)
    return half[:, own], solid[own] * cap / whole / FIELD_SR, solid[own]

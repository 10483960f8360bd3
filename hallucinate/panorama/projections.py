"""Projections of the sphere: from a direction to the place in the picture where it is seen, and back.

A direction is a vector of length 1: x to the right, y down, z forward (OpenCV's camera, and FFmpeg's v360). A place
is (u, v) as shares of the picture's width and height, 0 to 1 from its upper left corner: pixel i of n has its middle
at (i + 0.5) / n. All arrays are float64. NaN stands for what a projection does not show. Lenses are in lenses.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


class Projection(Protocol):
    """How directions are put into a picture.

    ``tiles``: (columns, rows) of parts that do not continue into each other, so that none is read across its border.
    ``wraps``: whether the right border continues at the left one.
    """

    @property
    def tiles(self) -> tuple[int, int]:
        """Columns and rows of parts on their own."""
        ...

    @property
    def wraps(self) -> bool:
        """Whether the picture's left and right borders are the same meridian."""
        ...

    def places(self, directions: Array) -> Array:
        """Directions (..., 3) -> places (..., 2); NaN, or outside of 0 to 1, where the picture does not show them."""
        ...

    def directions(self, places: Array) -> Array:
        """Places (..., 2) -> directions (..., 3); NaN where the picture shows nothing."""
        ...


@dataclass(frozen=True)
class Equirect:
    """Longitude to the right, latitude upwards: a picture of 2:1 is the whole sphere, longitude 0 in its middle.

    ``degrees`` of longitude across the picture: 360, or 180 for the half in front (VR180).
    """

    degrees: float = 360.0
    tiles: ClassVar[tuple[int, int]] = (1, 1)

    @property
    def wraps(self) -> bool:
        """Only the whole sphere closes."""
        return self.degrees == 360

    def places(self, directions: Array) -> Array:
        """See Projection. The half in front shows nothing behind."""
        x, y, z = np.moveaxis(directions, -1, 0)
        u = np.arctan2(x, z) / np.radians(self.degrees) + 0.5
        v = np.arctan2(y, np.hypot(x, z)) / np.pi + 0.5
        return np.stack([u, v], -1)

    def directions(self, places: Array) -> Array:
        """See Projection."""
        longitude = (places[..., 0] - 0.5) * np.radians(self.degrees)
        latitude = (places[..., 1] - 0.5) * np.pi  # downwards, as y
        along = np.cos(latitude)
        return np.stack([along * np.sin(longitude), np.sin(latitude), along * np.cos(longitude)], -1)


@dataclass(frozen=True)
class Flat:
    """An ordinary (rectilinear, gnomonic) picture of so many degrees across and down."""

    degrees: tuple[float, float]
    tiles: ClassVar[tuple[int, int]] = (1, 1)
    wraps: ClassVar[bool] = False

    def places(self, directions: Array) -> Array:
        """See Projection. Nothing at 90° or more from the middle is shown."""
        x, y, z = np.moveaxis(directions, -1, 0)
        ahead = np.where(z > 1e-9, z, np.nan)
        half_extent = np.tan(np.radians(self.degrees) / 2)
        return np.stack([x / ahead / half_extent[0] / 2 + 0.5, y / ahead / half_extent[1] / 2 + 0.5], -1)

    def directions(self, places: Array) -> Array:
        """See Projection."""
        plane = (2 * places - 1) * np.tan(np.radians(self.degrees) / 2)
        return unit(np.concatenate([plane, np.ones_like(plane[..., :1])], -1))


FACES = np.array(
    [
        [[1, 0, 0], [0, 0, -1], [0, 1, 0]],
        [[-1, 0, 0], [0, 0, 1], [0, 1, 0]],
        [[0, -1, 0], [1, 0, 0], [0, 0, 1]],
        [[0, 1, 0], [1, 0, 0], [0, 0, -1]],
        [[0, 0, 1], [1, 0, 0], [0, 1, 0]],
        [[0, 0, -1], [-1, 0, 0], [0, 1, 0]],
    ],
    np.float64,
)
"""The cube's faces, (6, 3, 3), in FFmpeg's order for c3x2 (right, left, up / down, front, back): the directions of the
middle, of right and of down in the picture (libavfilter/vf_v360.c, cube_to_xyz with "rludfb", no turns).
"""


@dataclass(frozen=True)
class Cubemap:
    """Six faces of a cube around the eye, three to a row: right, left, up; down, front, back (FFmpeg's c3x2)."""

    tiles: ClassVar[tuple[int, int]] = (3, 2)
    wraps: ClassVar[bool] = False

    def places(self, directions: Array) -> Array:
        """See Projection."""
        facing = directions @ FACES[:, 0].T  # (..., 6)
        face = facing.argmax(-1)
        depth = np.take_along_axis(facing, face[..., None], -1)[..., 0]
        on_face = np.einsum("...ij,...j->...i", FACES[face][..., 1:, :], directions) / depth[..., None]
        inside = np.clip(on_face / 2 + 0.5, 0, 1 - 1e-12)  # the border belongs to this face, not to the next
        row, column = np.divmod(face, 3)
        return np.stack([(column + inside[..., 0]) / 3, (row + inside[..., 1]) / 2], -1)

    def directions(self, places: Array) -> Array:
        """See Projection."""
        scaled = places * np.array(self.tiles, np.float64)
        tile = np.clip(np.floor(scaled), 0, np.array(self.tiles) - 1)
        right, down = np.moveaxis(2 * (scaled - tile) - 1, -1, 0)
        face = FACES[(tile[..., 1] * 3 + tile[..., 0]).astype(np.intp)]
        return unit(face[..., 0, :] + right[..., None] * face[..., 1, :] + down[..., None] * face[..., 2, :])


def unit(vectors: Array) -> Array:
    """Vectors (..., 3) at length 1."""
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True), np.float64)

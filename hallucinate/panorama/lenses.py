"""Lenses: how far from its middle a picture shows what is so many degrees from the axis.

Kannala and Brandt 2006, "A generic camera model and calibration method for conventional, wide-angle, and fish-eye
lenses", in OpenCV's form: r = θ + k1 θ³ + k2 θ⁵ + k3 θ⁷ + k4 θ⁹, with θ from atan2, so that it goes on behind the
lens, where OpenCV's own fisheye functions stop. With no k it is the equidistant lens. Equisolid: r = 2 sin(θ/2).
Pinhole: r = tan θ with Brown's distortion (k1 k2 p1 p2 k3), as OpenCV and ROS write it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar, Literal

import numpy as np

from hallucinate.errors import LensError
from hallucinate.panorama.projections import Array

Kind = Literal["kannala-brandt", "equisolid", "pinhole"]

NEWTON_STEPS = 12
"""Enough from a start on a fine table of the same curve to end at float64's own noise."""


@dataclass(frozen=True)
class Lens:
    """One lens in front of a picture of ``size`` = (width, height) pixels.

    ``focal`` and ``centre``: (x, y) in pixels; (0, 0) is the middle of the upper left pixel, as in OpenCV.
    ``coefficients``: k1 to k4 of Kannala-Brandt, k1 k2 p1 p2 k3 of a pinhole, none of an equisolid lens.
    ``degrees``: the field of view, measured across through the centre; nothing is seen beyond.
    """

    kind: Kind
    size: tuple[int, int]
    focal: tuple[float, float]
    centre: tuple[float, float]
    coefficients: tuple[float, ...]
    degrees: float
    tiles: ClassVar[tuple[int, int]] = (1, 1)
    wraps: ClassVar[bool] = False

    def places(self, directions: Array) -> Array:
        """See projections.Projection."""
        return (self.pixels(directions) + 0.5) / np.array(self.size, np.float64)

    def directions(self, places: Array) -> Array:
        """See projections.Projection."""
        return self.rays(places * np.array(self.size, np.float64) - 0.5)

    def pixels(self, directions: Array) -> Array:
        """Directions (..., 3) of any length -> pixels (..., 2); NaN beyond the field of view."""
        x, y, z = np.moveaxis(directions, -1, 0)
        aside = np.hypot(x, y)
        angle = np.arctan2(aside, z)
        seen = np.where(angle <= self.max_angle, angle, np.nan)
        # On the axis every heading is as good: 0/1 instead of 0/0.
        heading = np.stack([x, y], -1) / np.where(aside > 0, aside, 1.0)[..., None]
        plane = heading * self.radius(seen)[..., None]
        if self.kind == "pinhole":
            plane = self._distorted(plane)
        return np.asarray(plane * np.array(self.focal) + np.array(self.centre))

    def rays(self, pixels: Array) -> Array:
        """Pixels (..., 2) -> directions (..., 3) of length 1; NaN beyond the field of view."""
        plane = (pixels - np.array(self.centre)) / np.array(self.focal)
        if self.kind == "pinhole":
            plane = self._undistorted(plane)
        radius = np.hypot(plane[..., 0], plane[..., 1])
        angle = self.angle(radius)
        heading = plane / np.where(radius > 0, radius, 1.0)[..., None]
        return np.concatenate([heading * np.sin(angle)[..., None], np.cos(angle)[..., None]], -1)

    def radius(self, angle: Array) -> Array:
        """Radians from the axis -> distance from the centre, in focal lengths."""
        if self.kind == "equisolid":
            return np.asarray(2 * np.sin(angle / 2))
        if self.kind == "pinhole":
            return np.asarray(np.tan(angle))
        return odd_polynomial(self.coefficients, angle)

    def angle(self, radius: Array) -> Array:
        """The inverse of ``radius``; NaN beyond the field of view."""
        if self.kind == "equisolid":
            found = 2 * np.arcsin(np.minimum(radius / 2, 1))
        elif self.kind == "pinhole":
            found = np.arctan(radius)
        else:
            grid = np.linspace(0, self.max_angle, 512)
            found = np.interp(radius, self.radius(grid), grid)
            for _ in range(NEWTON_STEPS):
                slope = odd_slope(self.coefficients, found)
                found = found - (self.radius(found) - radius) / np.where(np.abs(slope) > 1e-6, slope, 1e-6)
                found = np.clip(found, 0, self.max_angle + 1e-9)
        beyond = radius > self.radius(np.asarray(self.max_angle)) * (1 + 1e-9)
        return np.where(beyond, np.nan, found)

    @cached_property
    def max_angle(self) -> float:
        """Radians from the axis to the last ray seen: half the field of view, or where the curve would turn back."""
        half = float(np.radians(self.degrees) / 2)
        if self.kind == "pinhole":
            return min(half, np.pi / 2 - 1e-6)
        if self.kind == "kannala-brandt":
            grid = np.linspace(0, half, 2048)
            turned = np.flatnonzero(odd_slope(self.coefficients, grid) <= 0)
            if turned.size:
                return float(grid[max(1, turned[0] - 1)])
        return half

    def scaled_to(self, size: tuple[int, int], name: str) -> Lens:
        """The same lens in front of the same picture at another size.

        Raises LensError when that size has another shape: then it is another part of the lens's picture.
        """
        sx, sy = size[0] / self.size[0], size[1] / self.size[1]
        if abs(sx / sy - 1) > 0.01:
            was, now = (f"{w}×{h}" for w, h in (self.size, size))
            raise LensError(f"{name} is for pictures of {was}, or of the same shape at another size; these are {now}")
        return replace(
            self,
            size=size,
            focal=(self.focal[0] * sx, self.focal[1] * sy),
            centre=((self.centre[0] + 0.5) * sx - 0.5, (self.centre[1] + 0.5) * sy - 0.5),
        )

    def _distorted(self, plane: Array) -> Array:
        """Brown's model, as in OpenCV's calib3d: (..., 2) at distance 1 -> the same, distorted."""
        k1, k2, p1, p2, k3 = (*self.coefficients, 0.0, 0.0, 0.0, 0.0, 0.0)[:5]
        x, y = plane[..., 0], plane[..., 1]
        r2 = x * x + y * y
        radial = 1 + r2 * (k1 + r2 * (k2 + r2 * k3))
        dx = 2 * p1 * x * y + p2 * (r2 + 2 * x * x)
        dy = p1 * (r2 + 2 * y * y) + 2 * p2 * x * y
        return np.stack([x * radial + dx, y * radial + dy], -1)

    def _undistorted(self, plane: Array) -> Array:
        found = plane
        with np.errstate(all="ignore"):  # far outside the calibrated picture it runs away, and is seen to be NaN
            for _ in range(30):
                found = found + plane - self._distorted(found)
        return np.where(np.abs(self._distorted(found) - plane) < 1e-6, found, np.nan)


def odd_polynomial(k: tuple[float, ...], t: Array) -> Array:
    """θ + k1 θ³ + k2 θ⁵ + k3 θ⁷ + k4 θ⁹."""
    t2 = t * t
    total = np.zeros_like(t2)
    for coefficient in reversed(k):
        total = (total + coefficient) * t2
    return np.asarray(t * (1 + total))


def odd_slope(k: tuple[float, ...], t: Array) -> Array:
    """1 + 3 k1 θ² + 5 k2 θ⁴ + 7 k3 θ⁶ + 9 k4 θ⁸: the derivative of ``odd_polynomial``."""
    t2 = t * t
    total = np.zeros_like(t2)
    for n in range(len(k), 0, -1):
        total = (total + (2 * n + 1) * k[n - 1]) * t2
    return np.asarray(1 + total)


def ideal(kind: Literal["equidistant", "equisolid"], degrees: float, size: tuple[int, int]) -> Lens:
    """A lens without faults, whose circle of ``degrees`` just fits into a picture of ``size``, in its middle."""
    half, radius = np.radians(degrees) / 2, min(size) / 2
    focal = float(radius / (half if kind == "equidistant" else 2 * np.sin(half / 2)))
    centre = (size[0] / 2 - 0.5, size[1] / 2 - 0.5)
    if kind == "equidistant":
        return Lens("kannala-brandt", size, (focal, focal), centre, (0.0, 0.0, 0.0, 0.0), degrees)
    return Lens(kind, size, (focal, focal), centre, (), degrees)


@dataclass(frozen=True, eq=False)
class DualFisheye:
    """Two lenses back to back in one picture, whose edges overlap.

    ``rotation`` (3, 3) takes the directions of the first lens's frame, which is the panorama's, into the second's.
    Both lenses are in front of the whole picture, each with its own centre.
    """

    first: Lens
    second: Lens
    rotation: Array
    tiles: ClassVar[tuple[int, int]] = (1, 1)
    wraps: ClassVar[bool] = False

    def sightings(self, directions: Array) -> list[tuple[Array, Array]]:
        """Where each lens shows the directions, and its weight in the blend (...), 0 to 1: together 1, or 0 if unseen.

        A lens's weight falls to 0 towards its last ray, with the angle that remains: no seam on either side.
        """
        turned = [directions, directions @ self.rotation.T]
        lenses = [self.first, self.second]
        places = [lens.places(own) for lens, own in zip(lenses, turned, strict=True)]
        margins = [self._margin(lens, own) for lens, own in zip(lenses, turned, strict=True)]
        both = np.maximum(margins[0] + margins[1], 1e-12)
        return [(place, part / both) for place, part in zip(places, margins, strict=True)]

    def places(self, directions: Array) -> Array:
        """See projections.Projection; of the lens that has more of the blend."""
        (first, weight), (second, _) = self.sightings(directions)
        return np.where((weight >= 0.5)[..., None], first, second)

    def directions(self, places: Array) -> Array:
        """See projections.Projection; a place belongs to the lens whose centre is nearer."""
        pixels = places * np.array(self.first.size, np.float64) - 0.5
        off = [np.linalg.norm(pixels - np.array(lens.centre), axis=-1) for lens in (self.first, self.second)]
        from_second = self.second.rays(pixels) @ self.rotation
        return np.where((off[0] <= off[1])[..., None], self.first.rays(pixels), from_second)

    def scaled_to(self, size: tuple[int, int], name: str) -> DualFisheye:
        """See Lens."""
        return DualFisheye(self.first.scaled_to(size, name), self.second.scaled_to(size, name), self.rotation)

    @staticmethod
    def _margin(lens: Lens, directions: Array) -> Array:
        angle = np.arctan2(np.hypot(directions[..., 0], directions[..., 1]), directions[..., 2])
        # The last ray itself is still seen: a hair above 0, so that there is no gap between two lenses of just 180°.
        return np.where(angle <= lens.max_angle + 1e-9, lens.max_angle - angle + 1e-6, 0.0)


BACK = np.diag([-1.0, 1.0, -1.0])
"""Half a turn about the vertical: from the first lens's directions to those of a second that looks straight back."""


def ideal_dual(degrees: float, size: tuple[int, int]) -> DualFisheye:
    """Two equidistant lenses of ``degrees``, one circle in each half of a picture of 2:1 or so.

    The first, which looks ahead, is the right one, as in FFmpeg's dfisheye and in Ricoh's cameras.
    """
    half = ideal("equidistant", degrees, (size[0] // 2, size[1]))
    x, y = half.centre
    second = replace(half, size=size)
    return DualFisheye(replace(second, centre=(x + size[0] / 2, y)), second, BACK)

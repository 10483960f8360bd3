"""From corners of a board in several pictures to the lens that saw them so.

Each picture's pose comes from a homography between the board and directions (not pixels: so a board may lie beyond 90°
from the axis), for the best of a row of guesses of the focal length. Then lens and poses are refined together by least
squares (scipy.optimize.least_squares), with Huber's loss, so that a corner that was found wrongly counts less.
OpenCV's own fisheye calibration stops at 180°.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import cv2
import numpy as np
from scipy.optimize import least_squares

from hallucinate.errors import LensError
from hallucinate.panorama.lenses import Lens
from hallucinate.panorama.projections import Array, unit

Model = Literal["fisheye", "pinhole"]

GUESSES: dict[Model, tuple[int, ...]] = {
    "fisheye": (40, 60, 80, 100, 120, 140, 160, 180, 200, 220, 240, 260),
    "pinhole": (20, 30, 40, 50, 60, 75, 90, 105),
}
"""Degrees across the shorter side of the picture, from which the search begins."""

TRIED = 3
"""So many of the best guesses are refined for a few rounds, before the best of them is refined to its end."""

HUBER_PX = 1.0
"""Up to this residual the loss is half its square, and from there it grows in proportion."""


@dataclass(frozen=True)
class Sighting:
    """One picture's corners: ``board`` (n, 2) in mm on the board, ``pixels`` (n, 2), 0 at the first pixel's middle."""

    name: str
    board: Array
    pixels: Array


@dataclass(frozen=True, eq=False)
class Fit:
    """The lens, where each board was (rotation (3, 3), position (3,) in mm), and the residuals in pixels (n, 2)."""

    lens: Lens
    poses: list[tuple[Array, Array]]
    residuals: list[Array]

    def errors(self) -> list[float]:
        """Root mean square of the distances, in pixels, picture by picture."""
        return [float(np.sqrt((part**2).sum(-1).mean())) for part in self.residuals]

    def error(self) -> float:
        """Root mean square over all corners, in pixels."""
        return float(np.sqrt((np.concatenate(self.residuals) ** 2).sum(-1).mean()))

    def spread(self) -> float:
        """Degrees between the two of the board's normals that are farthest apart."""
        normals = np.array([rotation[:, 2] for rotation, _ in self.poses])
        return math.degrees(math.acos(float(np.clip(normals @ normals.T, -1, 1).min())))


def fit_lens(sightings: list[Sighting], size: tuple[int, int], model: Model) -> Fit:
    """The lens in front of pictures of ``size``, from four sightings or more. Its field of view is what was seen.

    Raises LensError where no guess of the focal length explains all corners.
    """
    guesses = []
    for degrees in GUESSES[model]:
        lens = guess(model, degrees, size)
        poses = [pose(lens, sighting) for sighting in sightings]
        residuals = _residuals(lens, sightings, poses)
        distances = np.linalg.norm(np.concatenate(residuals), axis=-1)
        if np.isfinite(distances).all():
            guesses.append((float(np.median(distances)), Fit(lens, poses, residuals)))
    if not guesses:
        raise LensError(
            "no lens of this model can see all corners of the board; check --model, --columns and --rows",
            code="pictures_disagree",
        )
    guesses.sort(key=lambda pair: pair[0])
    tried = [_refined(start, sightings, rounds=15) for _, start in guesses[:TRIED]]
    best, _ = min(tried, key=lambda pair: pair[1])
    return _with_what_was_seen(_refined(best, sightings, rounds=80)[0], sightings)


def guess(model: Model, degrees: float, size: tuple[int, int]) -> Lens:
    """A lens without faults, with so many degrees across the shorter side; it sees all round, as far as it can."""
    half, radius = math.radians(degrees) / 2, min(size) / 2
    centre = ((size[0] - 1) / 2, (size[1] - 1) / 2)
    if model == "pinhole":
        focal = radius / math.tan(half)
        return Lens("pinhole", size, (focal, focal), centre, (0.0,) * 5, 360.0)
    return Lens("kannala-brandt", size, (radius / half,) * 2, centre, (0.0,) * 4, 360.0)


def pose(lens: Lens, sighting: Sighting) -> tuple[Array, Array]:
    """Where the board is: rotation (3, 3), position (3,), by the homography to directions (direct linear transform)."""
    rays = lens.rays(sighting.pixels)
    known = np.isfinite(rays).all(-1)
    middle, scale = sighting.board.mean(0), float(sighting.board.std()) or 1.0
    plane = np.concatenate([(sighting.board - middle) / scale, np.ones((len(rays), 1))], -1)
    if known.sum() < 4:
        return np.eye(3), np.array([0.0, 0.0, 10 * scale])
    x, y, z = rays[known].T
    zero = np.zeros_like(x)
    across = np.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1).reshape(-1, 3, 3)  # ray × (homography · point) = 0
    rows = np.einsum("nij,nk->nijk", across, plane[known]).reshape(-1, 9)
    homography = np.linalg.eigh(rows.T @ rows)[1][:, 0].reshape(3, 3)
    if (np.einsum("ni,ni->n", rays[known], plane[known] @ homography.T)).sum() < 0:
        homography = -homography
    first, second = homography[:, 0], homography[:, 1]
    length = (np.linalg.norm(first) + np.linalg.norm(second)) / 2
    u, _, vt = np.linalg.svd(np.stack([first, second, np.cross(first, second) / length], -1))
    rotation = u @ np.diag([1, 1, np.linalg.det(u @ vt)]) @ vt
    return rotation, homography[:, 2] / length * scale - rotation[:, :2] @ middle


def _refined(start: Fit, sightings: list[Sighting], rounds: int) -> tuple[Fit, float]:
    """The fit of the least cost near ``start``, and that cost. Unknown: the lens's figures, and six of each pose."""
    unknowns = np.concatenate([_figures(start.lens), np.zeros(6 * len(sightings))])
    lowest = np.full(len(unknowns), -np.inf)
    lowest[:2] = 1.0  # focal lengths, in pixels
    unseen = math.hypot(*start.lens.size)  # a corner beyond the lens's field of view is as far off as can be

    def residuals(unknowns: Array) -> Array:
        return _huber(np.nan_to_num(np.concatenate(_moved(start, sightings, unknowns).residuals), nan=unseen))

    found = least_squares(
        residuals,
        unknowns,
        jac=partial(_jacobian, residuals, [2 * len(sighting.board) for sighting in sightings]),
        bounds=(lowest, np.inf),
        x_scale="jac",
        ftol=1e-9,
        max_nfev=rounds,
    )
    return _moved(start, sightings, found.x), float(found.cost)


def _huber(residuals: Array) -> Array:
    """Residuals (n, 2), shortened so that their squares are Huber's loss of the distance: (2n,).

    scipy's own loss takes each coordinate by itself, and a corner is wrong in both.
    """
    distance = np.maximum(np.linalg.norm(residuals, axis=-1, keepdims=True), HUBER_PX)
    return np.asarray(residuals * np.sqrt(HUBER_PX * (2 * distance - HUBER_PX)) / distance).ravel()


def _jacobian(residuals: Callable[[Array], Array], lengths: list[int], unknowns: Array) -> Array:
    """By central differences: (residuals, unknowns). A picture's residuals depend on the lens and on its own pose.

    So all poses are moved at once, which takes a tenth of the time of one after the other (scipy's "3-point").
    lengths: how many residuals each picture has.
    """
    count = len(unknowns) - 6 * len(lengths)
    picture = np.repeat(np.arange(len(lengths)), lengths)
    shifts = np.cbrt(np.finfo(np.float64).eps) * np.maximum(1.0, np.abs(unknowns))
    jacobian = np.zeros((len(picture), len(unknowns)))
    columns = [*(np.full_like(picture, n) for n in range(count)), *(count + 6 * picture + n for n in range(6))]
    for column in columns:  # of each residual
        shift = np.zeros_like(unknowns)
        shift[column] = shifts[column]
        difference = residuals(unknowns + shift) - residuals(unknowns - shift)
        jacobian[np.arange(len(picture)), column] = difference / (2 * shifts[column])
    return jacobian


def _moved(start: Fit, sightings: list[Sighting], unknowns: Array) -> Fit:
    """The lens of these figures, and the poses of ``start``, each turned by a rotation vector and shifted in mm."""
    count = len(_figures(start.lens))
    lens = _with_figures(start.lens, unknowns[:count])
    poses = [
        (cv2.Rodrigues(move[:3])[0] @ rotation, position + move[3:])
        for (rotation, position), move in zip(start.poses, unknowns[count:].reshape(-1, 6), strict=True)
    ]
    return Fit(lens, poses, _residuals(lens, sightings, poses))


def _residuals(lens: Lens, sightings: list[Sighting], poses: list[tuple[Array, Array]]) -> list[Array]:
    points = [s.board @ rotation[:, :2].T + position for s, (rotation, position) in zip(sightings, poses, strict=True)]
    pixels = np.split(lens.pixels(np.concatenate(points)), np.cumsum([len(part) for part in points])[:-1])
    return [part - sighting.pixels for part, sighting in zip(pixels, sightings, strict=True)]


def _figures(lens: Lens) -> Array:
    return np.array([*lens.focal, *lens.centre, *lens.coefficients])


def _with_figures(lens: Lens, figures: Array) -> Lens:
    fx, fy, cx, cy, *rest = (float(value) for value in figures)
    return replace(lens, focal=(fx, fy), centre=(cx, cy), coefficients=tuple(rest))


def _with_what_was_seen(fit: Fit, sightings: list[Sighting]) -> Fit:
    """The field of view ends a twentieth beyond the farthest corner: nothing is known of the lens out there."""
    farthest = max(float(angles.max()) for angles in _angles(fit, sightings))
    lens = fit.lens
    degrees = min(360.0, 2.1 * math.degrees(farthest), 2 * math.degrees(lens.max_angle))
    return replace(fit, lens=replace(lens, degrees=round(degrees, 1)))


def _angles(fit: Fit, sightings: list[Sighting]) -> Iterator[Array]:
    """Radians from the axis of each picture's corners."""
    for sighting, (rotation, position) in zip(sightings, fit.poses, strict=True):
        directions = unit(sighting.board @ rotation[:, :2].T + position)
        yield np.asarray(np.arctan2(np.hypot(directions[:, 0], directions[:, 1]), directions[:, 2]))

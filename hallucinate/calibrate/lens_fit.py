"""From corners of a board in several pictures to the lens that saw them so.

Each picture's pose comes from a homography between the board and directions (not pixels: so a board may lie beyond 90°
from the axis), for the best of a row of guesses of the focal length. Then lens and poses are refined together by
Levenberg and Marquardt's method (Marquardt 1963), with Huber's weights, so that a corner found wrongly counts less.
OpenCV's own fisheye calibration stops at 180°.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import cv2
import numpy as np

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
DIFFERENCE = 1e-6
"""Relative step of central differences: the third root of float64's precision, rounded down."""


@dataclass(frozen=True)
class Sighting:
    """One picture's corners: ``board`` (n, 2) in mm on the board, ``pixels`` (n, 2), 0 at the first pixel's middle."""

    name: str
    board: Array
    pixels: Array


@dataclass(frozen=True, eq=False)
class Fit:
    """The lens, where each board was (rotation (3, 3), position (3,) in mm), and what is left over in pixels (n, 2)."""

    lens: Lens
    poses: list[tuple[Array, Array]]
    left_over: list[Array]

    def errors(self) -> list[float]:
        """Root mean square of the distances, in pixels, picture by picture."""
        return [float(np.sqrt((left**2).sum(-1).mean())) for left in self.left_over]

    def error(self) -> float:
        """Root mean square over all corners, in pixels."""
        return float(np.sqrt((np.concatenate(self.left_over) ** 2).sum(-1).mean()))

    def spread(self) -> float:
        """Degrees between the two of the board's normals that are farthest apart."""
        normals = np.array([rotation[:, 2] for rotation, _ in self.poses])
        return math.degrees(math.acos(float(np.clip(normals @ normals.T, -1, 1).min())))


def fit_lens(sightings: list[Sighting], size: tuple[int, int], model: Model) -> Fit:
    """The lens in front of pictures of ``size``, from four sightings or more. Its field of view is what was seen."""
    guesses = []
    for degrees in GUESSES[model]:
        lens = guess(model, degrees, size)
        poses = [pose(lens, sighting) for sighting in sightings]
        left = _left_over(lens, sightings, poses)
        error = float(np.median(np.concatenate([np.linalg.norm(part, axis=-1) for part in left])))
        guesses.append((error, Fit(lens, poses, left)))
    guesses.sort(key=lambda pair: pair[0] if math.isfinite(pair[0]) else math.inf)
    begun = [_refined(start, sightings, rounds=15) for _, start in guesses[:TRIED]]
    best = min(begun, key=lambda fit: _cost(fit.left_over))
    return _with_what_was_seen(_refined(best, sightings, rounds=80), sightings)


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


def _refined(start: Fit, sightings: list[Sighting], rounds: int) -> Fit:
    fit, cost, damping = start, _cost(start.left_over), 1e-3
    for _ in range(rounds):
        normal, gradient = _normal_equations(fit, sightings)
        improved = None
        while damping < 1e10:
            try:
                step = np.linalg.solve(normal + damping * np.diag(np.diag(normal) + 1e-12), -gradient)
                improved = _stepped(fit, sightings, np.asarray(step, np.float64))
            except (np.linalg.LinAlgError, ValueError):
                improved = None
            if improved is not None and _cost(improved.left_over) < cost:
                break
            improved, damping = None, damping * 5
        if improved is None:
            return fit
        before, cost = cost, _cost(improved.left_over)
        fit, damping = improved, max(damping / 5, 1e-12)
        if before - cost < 1e-9 * before:
            return fit
    return fit


def _cost(left_over: list[Array]) -> float:
    """Huber's: half the square up to HUBER_PX, and from there in proportion to the distance."""
    distance = np.linalg.norm(np.concatenate(left_over), axis=-1)
    if not np.isfinite(distance).all():
        return math.inf
    near = np.minimum(distance, HUBER_PX)
    return float((near * (distance - near / 2)).sum())


def _stepped(fit: Fit, sightings: list[Sighting], step: Array) -> Fit:
    figures = _figures(fit.lens) + step[: len(_figures(fit.lens))]
    if figures[0] <= 0 or figures[1] <= 0:
        raise ValueError("a focal length below 0")
    lens = _with_figures(fit.lens, figures)
    moves = step[len(figures) :].reshape(-1, 6)
    poses = [
        (cv2.Rodrigues(move[:3])[0] @ rotation, position + move[3:])
        for (rotation, position), move in zip(fit.poses, moves, strict=True)
    ]
    return Fit(lens, poses, _left_over(lens, sightings, poses))


def _normal_equations(fit: Fit, sightings: list[Sighting]) -> tuple[Array, Array]:
    """JᵀJ and Jᵀr, with Huber's weights: the lens's figures first, then six of each pose (a turn, and a shift)."""
    own = len(_figures(fit.lens))
    count = own + 6 * len(sightings)
    normal, gradient = np.zeros((count, count)), np.zeros(count)
    jacobian = _jacobian(fit, sightings)
    start = 0
    for n, left in enumerate(fit.left_over):
        part = jacobian[start : start + len(left)]
        start += len(left)
        weighted = part * (HUBER_PX / np.maximum(np.linalg.norm(left, axis=-1), HUBER_PX))[:, None, None]
        where = np.r_[0:own, own + 6 * n : own + 6 * n + 6]
        normal[np.ix_(where, where)] += np.einsum("nai,naj->ij", weighted, part)
        gradient[where] += np.einsum("nai,na->i", weighted, left)
    return normal, gradient


def _jacobian(fit: Fit, sightings: list[Sighting]) -> Array:
    """All pixels' derivatives by the lens's figures and by their own pose: (n, 2, figures + 6). Central differences."""
    pairs = list(zip(sightings, fit.poses, strict=True))
    turned = np.concatenate([sighting.board @ rotation[:, :2].T for sighting, (rotation, _) in pairs])
    points = turned + np.concatenate([np.tile(at, (len(sighting.board), 1)) for sighting, (_, at) in pairs])
    figures = _figures(fit.lens)
    by_figure = []
    for index, value in enumerate(figures):
        max_angle = DIFFERENCE * max(abs(value), 0.01)
        ends = [_with_figures(fit.lens, _moved(figures, index, by)).pixels(points) for by in (max_angle, -max_angle)]
        by_figure.append((ends[0] - ends[1]) / (2 * max_angle))
    by_point = []
    for axis in range(3):
        reaches = DIFFERENCE * np.linalg.norm(points, axis=-1, keepdims=True)
        shift = reaches * np.eye(3)[axis]
        by_point.append((fit.lens.pixels(points + shift) - fit.lens.pixels(points - shift)) / (2 * reaches))
    along = np.stack(by_point, -1)  # (n, 2, 3)
    # A small turn w moves a turned point p by w × p: the derivative is −[p]×.
    x, y, z = turned.T
    zero = np.zeros_like(x)
    crossed = np.stack([zero, z, -y, -z, zero, x, y, -x, zero], -1).reshape(-1, 3, 3)
    return np.concatenate([np.stack(by_figure, -1), along @ crossed, along], -1)


def _left_over(lens: Lens, sightings: list[Sighting], poses: list[tuple[Array, Array]]) -> list[Array]:
    points = [s.board @ rotation[:, :2].T + position for s, (rotation, position) in zip(sightings, poses, strict=True)]
    pixels = np.split(lens.pixels(np.concatenate(points)), np.cumsum([len(part) for part in points])[:-1])
    return [part - sighting.pixels for part, sighting in zip(pixels, sightings, strict=True)]


def _figures(lens: Lens) -> Array:
    return np.array([*lens.focal, *lens.centre, *lens.coefficients])


def _with_figures(lens: Lens, figures: Array) -> Lens:
    fx, fy, cx, cy, *rest = (float(value) for value in figures)
    return replace(lens, focal=(fx, fy), centre=(cx, cy), coefficients=tuple(rest))


def _moved(figures: Array, index: int, by: float) -> Array:
    moved = figures.copy()
    moved[index] += by
    return moved


def _with_what_was_seen(fit: Fit, sightings: list[Sighting]) -> Fit:
    """The field of view ends a twentieth beyond the farthest corner: there is no knowing of the lens out there."""
    farthest = max(float(angles.max()) for angles in _angles(fit, sightings))
    lens = fit.lens
    degrees = min(360.0, 2.1 * math.degrees(farthest), 2 * math.degrees(lens.max_angle))
    return Fit(
        Lens(lens.kind, lens.size, lens.focal, lens.centre, lens.coefficients, round(degrees, 1)),
        fit.poses,
        fit.left_over,
    )


def _angles(fit: Fit, sightings: list[Sighting]) -> Iterator[Array]:
    """Radians from the axis of each picture's corners."""
    for sighting, (rotation, position) in zip(sightings, fit.poses, strict=True):
        directions = unit(sighting.board @ rotation[:, :2].T + position)
        yield np.asarray(np.arctan2(np.hypot(directions[:, 0], directions[:, 1]), directions[:, 2]))

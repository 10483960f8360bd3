"""How two lenses back to back are turned against each other, from what both see where their pictures overlap."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from hallucinate.console import print_line
from hallucinate.errors import LensError
from hallucinate.frame import Picture
from hallucinate.panorama.lenses import DualFisheye, Lens
from hallucinate.panorama.lensfile import AnyLens, Ideal, write_lens
from hallucinate.panorama.projections import Array
from hallucinate.plain_text import printable
from hallucinate.sources.picture import load_picture

RING_PIXELS = 2048
"""Around the ring that both lenses see; degrees have the same length in both directions."""

FARTHEST_DEGREES = 8.0
"""No camera is built so badly that its lenses are farther than this from where they should be."""

NEAR_DEGREES = 0.35
"""Two sightings of one thing agree within this: two pixels of the ring. Nearer things are apart by parallax."""

FEWEST_MATCHES = 20
TRIALS = 400


def align(
    pictures: list[Path], lens: AnyLens, name: str, out: Path, report: Callable[[str], None] = print_line
) -> DualFisheye:
    """Find the second lens's rotation from pictures of both lenses, and write the pair to ``out``. Raises LensError."""
    photos = [(path.name, load_picture(path)) for path in pictures]
    if not photos:
        message = "there are no pictures; give some that show both lenses' circles, with detail all round"
        raise LensError(message, code="pictures_missing")
    sizes = {(picture.shape[1], picture.shape[0]) for _, picture in photos}
    if len(sizes) > 1:
        message = f"the pictures are of {len(sizes)} sizes; give pictures of one size, as the camera takes them"
        raise LensError(message, code="pictures_differ")
    nominal = lens.scaled_to(sizes.pop(), name) if isinstance(lens, (Ideal, DualFisheye)) else lens
    if not isinstance(nominal, DualFisheye):
        message = f"{name} is one lens; give a file or profile of two, e.g. dual-equidistant-190"
        raise LensError(message, code="lens_not_dual")
    pairs = []
    for title, picture in photos:
        pairs.append(matches(picture, nominal))
        report(f"{title:<32} {len(pairs[-1][0]):>4} things seen by both lenses")
    aligned, agreeing, off = turned(
        nominal, np.concatenate([a for a, _ in pairs]), np.concatenate([b for _, b in pairs])
    )
    report(f"{agreeing} of them agree, within {off:.2f}° in the middle; the second lens is {in_words(aligned)}")
    notes = [
        f"hallucinate calibrate align: from {printable(Path(name).name)}, and {agreeing} things that both lenses see, "
        f"photos: {len(photos)}",
        f"which agree within {off:.3f} degrees in the middle",
    ]
    write_lens(out, aligned, notes)
    report(f"written to {out}")
    return aligned


def matches(picture: Picture, dual: DualFisheye) -> tuple[Array, Array]:
    """What both lenses see: unit directions (n, 3) by the first and by the second lens, both in the first's frame.

    picture: uint8 RGB (H, W, 3). The two differ by what the rotation is off. Raises LensError without an overlap.
    """
    low, high = math.pi - dual.second.max_angle, dual.first.max_angle
    if high - low < math.radians(2):
        message = "the two lenses' fields of view do not overlap; an alignment needs more than 182° of each"
        raise LensError(message, code="lenses_do_not_overlap")
    rows = round((high - low) / (2 * math.pi) * RING_PIXELS)
    around = (np.arange(RING_PIXELS) + 0.5) / RING_PIXELS * 2 * math.pi
    away = low + (np.arange(rows) + 0.5) / rows * (high - low)
    directions = _on_ring(np.stack(np.meshgrid(around, away), -1))
    by_first, ours = _features(_seen(picture, dual.first, directions))
    by_second, theirs = _features(_seen(picture, dual.second, directions @ dual.rotation.T))
    if ours is None or theirs is None:
        return np.empty((0, 3)), np.empty((0, 3))
    pairs = cv2.BFMatcher(cv2.NORM_L2, crossCheck=True).match(ours, theirs)
    scale = np.array([2 * math.pi / RING_PIXELS, (high - low) / rows])
    places = [points * scale + np.array([0.0, low]) + scale / 2 for points in (by_first, by_second)]
    first = _on_ring(places[0][[pair.queryIdx for pair in pairs]])
    second = _on_ring(places[1][[pair.trainIdx for pair in pairs]])
    near = (first * second).sum(-1) > math.cos(math.radians(FARTHEST_DEGREES))
    return first[near], second[near]


def turned(dual: DualFisheye, first: Array, second: Array) -> tuple[DualFisheye, int, float]:
    """The pair with its rotation put right, how many matches agree, and by how many degrees they are off in the middle.

    By random samples of two (RANSAC; Fischler and Bolles 1981), then over all that agree (Kabsch 1976).
    """
    rng = np.random.default_rng(0)
    limit = 2 * math.sin(math.radians(NEAR_DEGREES) / 2)
    best = np.zeros(len(first), bool)
    for _ in range(TRIALS if len(first) >= 2 else 0):
        two = rng.choice(len(first), 2, replace=False)
        agree = np.linalg.norm(first @ _rotation(first[two], second[two]).T - second, axis=-1) < limit
        if agree.sum() > best.sum():
            best = agree
    if best.sum() < FEWEST_MATCHES:
        raise LensError(
            f"{best.sum()} things agree where the two lenses overlap, {FEWEST_MATCHES} are needed; give pictures with "
            "detail all round, of things some metres away",
            code="pictures_disagree",
        )
    for _ in range(3):
        off = np.linalg.norm(first @ _rotation(first[best], second[best]).T - second, axis=-1)
        best = off < limit
    rotation = dual.rotation @ _rotation(first[best], second[best])
    return DualFisheye(dual.first, dual.second, rotation), int(best.sum()), math.degrees(float(np.median(off[best])))


def in_words(dual: DualFisheye) -> str:
    """How far the second lens is from straight back, and by how much it is rolled."""
    axis = dual.rotation[2]  # where the second lens looks, in the first's frame
    back = math.degrees(math.acos(float(np.clip(-axis[2], -1, 1))))
    roll = math.degrees(math.atan2(dual.rotation[0, 1], dual.rotation[1, 1]))
    return f"{back:.2f}° from straight back, rolled by {roll:.2f}°"


def _on_ring(angles: Array) -> Array:
    """(around, away from the axis) in radians (..., 2) -> directions (..., 3)."""
    around, away = angles[..., 0], angles[..., 1]
    return np.stack([np.sin(away) * np.cos(around), np.sin(away) * np.sin(around), np.cos(away)], -1)


def _seen(picture: Picture, lens: Lens, directions: Array) -> Picture:
    pixels = np.nan_to_num(lens.pixels(directions), nan=-10).astype(np.float32)
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    return np.asarray(cv2.remap(grey, pixels[..., 0], pixels[..., 1], cv2.INTER_LINEAR), np.uint8)


def _features(ring: Picture) -> tuple[Array, np.ndarray | None]:
    points, descriptors = cv2.SIFT.create(3000).detectAndCompute(ring, None)
    return np.array([point.pt for point in points], np.float64).reshape(-1, 2), descriptors


def _rotation(first: Array, second: Array) -> Array:
    """The rotation that takes the first directions nearest to the second, in the sense of least squares."""
    u, _, vt = np.linalg.svd(second.T @ first)
    return np.asarray(u @ np.diag([1, 1, np.linalg.det(u @ vt)]) @ vt)

"""What flashes, slowly and plainly: all frames at once, in float64, searched place by place.

Written apart from ``hallucinate.safety`` and from the text of the rules, so that the two may be compared. Nothing is
streamed: each place's whole history is an array; a turn is found by searching forward from the last one, windows by
comparing all times of turns, and every field is a row of a matrix over all places.

The rules are those of WCAG 2.2 (W3C Recommendation, 5 October 2023), "general flash and red flash thresholds", and
for red also those of WCAG 2.0 (2008); see docs/safety.md.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse

Array = npt.NDArray[np.float64]
SECOND = 1_000_000_000
RULES = ("general", "red", "red_2_0")

RED_PRIMARY, WHITE = (0.4507, 0.5229), (0.1978, 0.4683)
"""u′v′ of the red primary of sRGB and of D65."""

BLACK = 0.02
"""Of less than so much R + G + B there is no colour to speak of: it counts as neutral."""


@dataclass(frozen=True)
class View:
    """How pictures are seen. kind: desk, headset, sphere or half-sphere. degrees: of a flat picture's width."""

    kind: str
    degrees: float = 0.0


DESK = View("desk", 1024 / 34.1)
HEADSET = View("headset", 76.0)
SPHERE = View("sphere", 360.0)
HALF_SPHERE = View("half-sphere", 180.0)


@dataclass(frozen=True)
class Judged:
    """What was found. All by rule, and by frame.

    shares: of the worst field, 0 to 1: over 0.25 fails. rates: flashes in the last second at the worst place.
    turns: (frames, rows, columns), which places turned at a frame.
    """

    shares: dict[str, Array]
    rates: dict[str, Array]
    turns: dict[str, npt.NDArray[np.bool_]]

    def worst(self, *rules: str) -> float:
        """The share of the worst field of all frames, by these rules, or by any."""
        return max(float(self.shares[rule].max()) for rule in rules or RULES)

    @property
    def fails(self) -> bool:
        """Whether more than a quarter of a field flashes more than three times in a second."""
        return self.worst() > 0.25


def judge(
    pictures: Sequence[npt.NDArray[np.uint8]], times_ns: Sequence[int], view: View, place_px: float = 8
) -> Judged:
    """Judge a clip: uint8 RGB (H, W, 3) each, and when each is shown, in nanoseconds, rising."""
    height, width = pictures[0].shape[:2]
    rows, columns = max(1, round(height / place_px)), max(1, round(width / place_px))
    light = np.stack([place_means(picture, rows, columns) for picture in pictures])
    fields = field_matrix(view, height, width, rows, columns)
    times = np.asarray(times_ns, np.int64)
    found = {"general": general_turns(light), "red": red_turns(light), "red_2_0": old_red_turns(light)}
    counts = {rule: in_last_second(turns, times) for rule, turns in found.items()}
    shares = {
        # More than three flashes: a flash is two turns.
        rule: np.array([(fields @ (each > 6).ravel().astype(float)).max() for each in count])
        for rule, count in counts.items()
    }
    return Judged(shares, {rule: count.max((1, 2)) / 2 for rule, count in counts.items()}, found)


def linear(picture: npt.NDArray[np.uint8]) -> Array:
    """sRGB to linear light (IEC 61966-2-1; WCAG 2.2, "relative luminance")."""
    v = picture.astype(np.float64) / 255
    found: Array = np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)
    return found


def overlaps(length: int, parts: int) -> Array:
    """(parts, length): the share of each part's mean that each pixel makes up."""
    edges = np.linspace(0, length, parts + 1)
    starts = np.arange(length)
    inside = np.minimum(edges[1:, None], starts + 1) - np.maximum(edges[:-1, None], starts)
    return np.asarray(np.clip(inside, 0, None) * parts / length, np.float64)


def place_means(picture: npt.NDArray[np.uint8], rows: int, columns: int) -> Array:
    """Mean linear RGB of each place: (rows, columns, 3)."""
    down, across = overlaps(picture.shape[0], rows), overlaps(picture.shape[1], columns)
    return np.stack([down @ channel @ across.T for channel in np.moveaxis(linear(picture), -1, 0)], -1)


def general_turns(light: Array) -> npt.NDArray[np.bool_]:
    """Opposing changes of relative luminance of at least 0.1 whose darker state is below 0.8."""
    luminance = light @ np.array([0.2126, 0.7152, 0.0722])
    turns = np.zeros(luminance.shape, bool)
    moving = np.ptp(luminance, axis=0) >= 0.1
    for row, column in np.argwhere(moving):
        y = luminance[:, row, column]
        start, direction = 0, 0
        while True:
            rest = y[start:]
            low, high = np.minimum.accumulate(rest), np.maximum.accumulate(rest)
            rises = (rest - low >= 0.1) & (low < 0.8) & (direction <= 0)
            falls = (high - rest >= 0.1) & (rest < 0.8) & (direction >= 0)
            at = np.flatnonzero(rises | falls)
            if not at.size:
                break
            start, direction = start + int(at[0]), 1 if rises[at[0]] else -1
            turns[start, row, column] = True
    return turns


def saturated(light: Array) -> npt.NDArray[np.bool_]:
    """R/(R+G+B) ≥ 0.8, where there is a colour."""
    total = light.sum(-1)
    found: npt.NDArray[np.bool_] = (light[..., 0] >= 0.8 * total) & (total >= BLACK)
    return found


def chromaticity(light: Array) -> Array:
    """CIE 1976 u′v′ of linear sRGB (..., 3): (..., 2)."""
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    x, y, z = np.moveaxis(light @ to_xyz.T, -1, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = np.stack([4 * x, 9 * y], -1) / (x + 15 * y + 3 * z)[..., None]
    return np.where((light.sum(-1) >= BLACK)[..., None], found, WHITE)


def red_turns(light: Array) -> npt.NDArray[np.bool_]:
    """Opposing changes of more than 0.2 in u′v′ from or to a saturated red (WCAG 2.2, after ISO 9241-391).

    What is compared is the most saturated red since the last turn, and what was farthest from the red primary.
    """
    is_red, uv = saturated(light), chromaticity(light)
    share = light[..., 0] / np.maximum(light.sum(-1), BLACK)
    away = np.linalg.norm(uv - RED_PRIMARY, axis=-1)
    turns = np.zeros(is_red.shape, bool)
    for row, column in np.argwhere(is_red.any(0) & (np.ptp(uv, axis=0).max(-1) > 0.1)):
        red, colour, saturation, off = (a[:, row, column] for a in (is_red, uv, share, away))
        start, direction = 0, 0  # 1: it has turned red
        t = 1
        while t < len(red):
            since = np.arange(start, t + 1)
            reds = since[red[since]]
            fell = rose = False
            if direction >= 0 and reds.size:
                fell = math.dist(colour[reds[np.argmax(saturation[reds])]], colour[t]) > 0.2
            if direction <= 0 and red[t]:
                rose = math.dist(colour[since[np.argmax(off[since])]], colour[t]) > 0.2
            if fell or rose:
                start, direction = t, 1 if rose else -1
                turns[t, row, column] = True
            t += 1
    return turns


def old_red_turns(light: Array) -> npt.NDArray[np.bool_]:
    """Opposing changes of more than 20 in (R − G − B) × 320, not below 0, where either state is a saturated red."""
    is_red = saturated(light)
    redness = np.clip((light[..., 0] - light[..., 1] - light[..., 2]) * 320, 0, None)
    turns = np.zeros(is_red.shape, bool)
    for row, column in np.argwhere(is_red.any(0) & (np.ptp(redness, axis=0) > 20)):
        red, v = is_red[:, row, column], redness[:, row, column]
        start, direction = 0, 0
        for t in range(1, len(v)):
            since = np.arange(start, t + 1)
            allowed = since if red[t] else since[red[since]]
            rose = direction <= 0 and bool((v[t] - v[allowed] > 20).any())
            fell = direction >= 0 and bool((v[allowed] - v[t] > 20).any())
            if rose or fell:
                start, direction = t, 1 if rose else -1
                turns[t, row, column] = True
    return turns


def in_last_second(turns: npt.NDArray[np.bool_], times: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """How many turns each place has made in the second that ends with each frame: (frames, rows, columns)."""
    age = times[:, None] - times[None]
    within = (age >= 0) & (age < SECOND)
    return np.tensordot(within.astype(np.float64), turns.astype(np.float64), 1).astype(np.int64)


@functools.cache
def field_matrix(view: View, height: int, width: int, rows: int, columns: int) -> scipy.sparse.csr_matrix:
    """(fields, places): which share of each field a place is. A field is centred on each place."""
    low, at = np.arange(columns)[None], np.arange(columns)[:, None] + 0.5
    blocks = []
    for row in range(rows):
        half, worth = field_rows(view, height, width, rows, columns, row)
        across = []
        for k in range(rows):
            inside = np.zeros((columns, columns))
            half_width = min(half[k], columns / 2) if view.kind == "sphere" else half[k]
            for turn in (-columns, 0, columns) if view.kind == "sphere" else (0,):
                start, end = at - half_width, at + half_width
                inside += np.clip(np.minimum(low + turn + 1, end) - np.maximum(low + turn, start), 0, 1)
            across.append(inside * worth[k])
        blocks.append(scipy.sparse.csr_matrix(np.concatenate(across, 1)))
    return scipy.sparse.vstack(blocks).tocsr()


def field_rows(view: View, height: int, width: int, rows: int, columns: int, row: int) -> tuple[Array, Array]:
    """Of the field around a row: how far it goes to either side in each row, in columns, and which share of the field
    a whole place in that row is."""
    if view.kind == "desk":  # WCAG: 341 × 256 of 1024 × 768 px, as 10° are so wide
        wide = width / view.degrees * 10
        tall = wide * 256 / 341
        edges = np.arange(rows + 1) * height / rows
        middle = (edges[row] + edges[row + 1]) / 2
        down = np.clip(np.minimum(edges[1:], middle + tall / 2) - np.maximum(edges[:-1], middle - tall / 2), 0, None)
        return np.full(rows, wide / 2 / (width / columns)), down * (width / columns) / (tall * wide)
    span = math.radians(view.degrees)
    if view.kind == "headset":  # a screen bent around the eye, and the rows that it would have if it went on
        beyond = 3 * rows
        rises = np.arctan((0.5 - np.arange(-beyond, rows + beyond + 1) / rows) * span * height / width)
    else:
        beyond = 0
        rises = (0.5 - np.arange(rows + 1) / rows) * math.pi
    middles = np.arctan2(np.sin(rises[:-1]) + np.sin(rises[1:]), np.cos(rises[:-1]) + np.cos(rises[1:]))
    half = np.array([cap_half_width(middles[row + beyond], each) for each in middles]) / (span / columns)
    solid = span / columns * (np.sin(rises[:-1]) - np.sin(rises[1:]))
    # Rows are as high as they are: what they make of a cap is brought to a cap's own solid angle.
    solid *= 2 * math.pi * (1 - math.cos(math.radians(5))) / (2 * half * solid).sum()
    inner = slice(beyond, beyond + rows)
    return half[inner], solid[inner] / 0.024


def cap_half_width(of: float, at: float) -> float:
    """How far to either side, in radians of azimuth, a cap of 10° around elevation ``of`` goes at elevation ``at``."""
    beside = math.cos(of) * math.cos(at)
    cosine = (math.cos(math.radians(5)) - math.sin(of) * math.sin(at)) / beside if beside > 1e-12 else math.inf
    return math.acos(max(-1.0, min(1.0, cosine)))

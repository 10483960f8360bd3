"""The direction of a step on a sphere: what is dreamed at the poles is as large, as strong and as upright as it can be.

An equirectangular picture is seen through six views on the faces of a cube, each stereographic, so that nothing is
sheared and nothing is more than a quarter larger than at its middle, and each wider than its face, so that they
overlap. What the network finds in each is brought back and blended, with no weight where a view ends. From step to
step the cube is turned about the upright and tilted a little: no place is always at an edge. (Turned about at random
altogether, a sphere would be as fair, but faces would stand on their heads.)
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
import torch.nn.functional as F

from hallucinate.dream.ascent import FLAT, combined_gradient, indexed
from hallucinate.dream.objectives import Objective
from hallucinate.dream.priors import PLAIN, Shaping, shaped
from hallucinate.dream.surface import MARGIN, widened
from hallucinate.panorama.projections import FACES, Array, Equirect
from hallucinate.panorama.remap import middles

HALF_VIEW = math.radians(58)
"""From a view's middle to the middle of its edges; a cube's corners are 54.7° from the middles of its faces."""

TILTS, TILT = 4, math.radians(15)
"""In how many orientations the cube stands, and how far it is tilted in them, about."""

DEEPEST = 3
"""How many views' answers are blended at a place, at most: at a cube's corners three meet."""


@dataclass(frozen=True, slots=True)
class Views:
    """Where the views take their pixels from, and where each pixel of the picture finds its own in them.

    count: how many: a half sphere's back is not looked at. side: s, pixels of a view.
    out: float32 (TILTS, count · s, s, 2), places in the picture, wrapped as ``widened`` wraps it, for ``grid_sample``.
    back: float32 (TILTS, DEEPEST · h, w, 2), places in the views, set above each other. weights: float32
    (TILTS, DEEPEST, h, w), summing to 1 at each place. solid: float32 (1, 1, h, 1), solid angles of rows, mean 1.
    """

    count: int
    side: int
    out: torch.Tensor
    back: torch.Tensor
    weights: torch.Tensor
    solid: torch.Tensor


def direction_on_sphere(
    x: torch.Tensor,
    objectives: Sequence[Objective],
    shift: torch.Tensor,
    whole: bool = True,
    shaping: Shaping = PLAIN,
    shares: torch.Tensor | None = None,
    sigma: torch.Tensor | None = None,
) -> torch.Tensor:
    """``ascent.direction`` on an equirectangular picture, whole (360° × 180°) or its front half (180° × 180°).

    x: float32 (B, 3, H, W) in [0, 1]. shift: int64 (B, 2), any numbers: by them the cube is tilted and, on a whole
    sphere, turned. Returns float32 (B, 3, H, W), the mean magnitude over each sphere's solid angle 1, or all near 0.
    """
    batch, _, height, width = x.shape
    seen = views(height, width, whole, x.device)
    tilt = (shift[:, 0] % TILTS).long()
    columns = torch.arange(width, device=x.device)
    turn = shift[:, 1:] % width
    if whole:
        x = indexed(x, None, (columns + turn) % width)
    out, back, weights = (table.index_select(0, tilt) for table in (seen.out, seen.back, seen.weights))
    tiles = F.grid_sample(widened(x) if whole else x, out, padding_mode="border", align_corners=False)
    tiles = tiles.view(batch, 3, seen.count, seen.side, seen.side).transpose(1, 2).flatten(0, 1)
    g = shaped(combined_gradient(tiles, objectives, shares, seen.count), shaping, sigma)
    g = g.view(batch, seen.count, 3, seen.side, seen.side).transpose(1, 2).flatten(2, 3)
    g = F.grid_sample(g, back, padding_mode="zeros", align_corners=False)
    g = (g.view(batch, 3, DEEPEST, height, width) * weights[:, None]).sum(2)
    if whole:
        g = indexed(g, None, (columns - turn) % width)
    return g / ((g.abs() * seen.solid).mean((1, 2, 3), keepdim=True) + FLAT)


@functools.lru_cache(maxsize=16)
def views(height: int, width: int, whole: bool, device: torch.device) -> Views:
    """The tables for a picture of this size. Kept on the device for the next frame."""
    picture = Equirect(360 if whole else 180)
    extent = 2 * math.tan(HALF_VIEW / 2)
    side = max(32, round(2 * extent * width / math.radians(picture.degrees)))
    found = [view_tables(height, width, picture, side, extent, rotation) for rotation in rotations(whole)]
    out, back, weights = (
        torch.from_numpy(np.stack(tables).astype(np.float32)).to(device) for tables in zip(*found, strict=True)
    )
    return Views(len(faces(whole)), side, out, back, weights, solid_angles(height, device))


@functools.lru_cache(maxsize=64)
def solid_angles(height: int, device: torch.device) -> torch.Tensor:
    """Of the rows of an equirectangular picture, on average 1: float32 (1, 1, height, 1). Kept on the device."""
    latitudes = (0.5 - (np.arange(height) + 0.5) / height) * math.pi
    solid = torch.from_numpy((np.cos(latitudes) / np.cos(latitudes).mean()).astype(np.float32)).to(device)
    return solid.view(1, 1, height, 1)


def view_tables(
    height: int, width: int, picture: Equirect, side: int, extent: float, rotation: Array
) -> tuple[Array, Array, Array]:
    """``Views``' out, back and weights for one orientation of the cube: ``rotation`` turns its axes to the world's."""
    views_of = faces(picture.wraps)
    u, v = np.moveaxis((middles((side, side)) * 2 - 1) * extent, -1, 0)
    # Stereographic (Snyder 1987, eq. 20-14 to 20-18 turned round): r = 2 tan(θ/2), upright as seen from within.
    scale = 4 / (4 + u * u + v * v)
    local = np.stack([2 * scale - 1, u * scale, v * scale], -1)
    margin = (width // MARGIN) / width if picture.wraps else 0.0
    wider = np.array([1 + 2 * margin, 1])
    out = [(2 * picture.places(local @ face @ rotation.T) - 1) / wider for face in views_of]
    world = picture.directions(middles((width, height)))
    places, weights = [], []
    for n, face in enumerate(views_of):
        forward, right, down = np.moveaxis(world @ rotation @ face.T, -1, 0)
        r = 2 / np.maximum(1 + forward, 1e-6)
        row = (n + (1 + down * r / extent) / 2) / len(views_of) * 2 - 1
        places.append(np.stack([right * r / extent, row], -1))
        weights.append(np.clip(forward - math.cos(HALF_VIEW), 0, None) ** 2)
    order = np.argsort(-np.stack(weights), 0)[:DEEPEST]
    chosen = np.take_along_axis(np.stack(weights), order, 0)
    back = np.take_along_axis(np.stack(places), order[..., None], 0)
    return np.concatenate(out), back.reshape(DEEPEST * height, width, 2), chosen / chosen.sum(0)


def faces(whole: bool) -> Array:
    """The cube's faces that are looked at: of a half sphere the last, the back, shows nothing, however it is tilted."""
    return FACES if whole else FACES[:-1]


def rotations(whole: bool) -> list[Array]:
    """The orientations of the cube: tilted about level axes all around, and turned a little where no column wraps."""
    found = []
    for n in range(TILTS):
        heading = 2 * math.pi * (n + 0.5) / TILTS
        tilt, turn = TILT * (0.5 + n % 2), 0.0 if whole else math.radians((-20, 7, 20, -7)[n % 4])
        level = np.array([math.cos(heading), 0, math.sin(heading)])
        tilted, turned = cv2.Rodrigues(-tilt * level)[0], cv2.Rodrigues(np.array([0, turn, 0]))[0]
        found.append(np.asarray(tilted @ turned, np.float64))
    return found


BROADEST = 3
"""Degree of the spherical harmonics, at most, that a residual has none of."""


def balanced_on_sphere(residual: torch.Tensor) -> torch.Tensor:
    """``residual.balanced`` on a whole sphere: take away its spherical harmonics up to BROADEST.

    Each channel's mean, and what is broader than motifs are, by solid angle: an orthogonal projection, and no seam.
    residual: (B, 3, H, W), equirectangular.
    """
    around, upward, weighed = harmonics(*residual.shape[2:], residual.device)
    waves = residual @ around
    parts, column = [], 0
    for order, (up, weight) in enumerate(zip(upward, weighed, strict=True)):
        count = 1 if order == 0 else 2
        parts.append(up @ (weight.T @ waves[..., column : column + count]))
        column += count
    return residual - torch.cat(parts, -1) @ around.T


@functools.lru_cache(maxsize=16)
def harmonics(
    height: int, width: int, device: torch.device
) -> tuple[torch.Tensor, list[torch.Tensor], list[torch.Tensor]]:
    """Real spherical harmonics as products, orthonormal on the pixels themselves, float32.

    Waves around, (width, 2 · BROADEST + 1); by order, those upward, (height, n); and these times the solid angles.
    """
    x = (torch.arange(width, dtype=torch.float64) + 0.5) * (2 * math.pi / width)
    around = [torch.full((width,), math.sqrt(1 / width), dtype=torch.float64)]
    for order in range(1, BROADEST + 1):
        around += [math.sqrt(2 / width) * wave(order * x) for wave in (torch.cos, torch.sin)]
    latitude = (0.5 - (torch.arange(height, dtype=torch.float64) + 0.5) / height) * math.pi
    solid = latitude.cos()
    upward, weighed = [], []
    for order in range(BROADEST + 1):
        # cosᵐ · sinᵏ span what the associated Legendre functions of order m do.
        powers = [latitude.cos() ** order * latitude.sin() ** k for k in range(BROADEST - order + 1)]
        orthonormal, _ = torch.linalg.qr(torch.stack(powers, 1) * solid.sqrt()[:, None])
        up = orthonormal / solid.sqrt()[:, None]
        upward.append(up.float().to(device))
        weighed.append((up * solid[:, None]).float().to(device))
    return torch.stack(around, 1).float().to(device), upward, weighed

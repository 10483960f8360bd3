"""From one panorama to another, by a table that is built once and applied to every frame.

Reading is bilinear, and only between neighbours that are neighbours on the sphere: across ±180°, but not across a
cube's faces or a stereo pair's eyes. Where a picture shrinks it is averaged over areas first, to the size at which
the middle of the table's steps is one pixel: no moiré, and no more blur than that. What is not seen is black.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import cv2
import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F

from hallucinate.errors import PanoramaError
from hallucinate.frame import Picture, shrunk
from hallucinate.panorama.lenses import DualFisheye
from hallucinate.panorama.projections import Array, Projection


class Layout(StrEnum):
    """How a picture holds one eye's view, or both: the left one above, or on the left."""

    MONO = "mono"
    TOP_BOTTOM = "top-bottom"
    SIDE_BY_SIDE = "side-by-side"


EYES = {Layout.MONO: (1, 1), Layout.TOP_BOTTOM: (1, 2), Layout.SIDE_BY_SIDE: (2, 1)}
"""Columns and rows of eyes in one picture; the left eye is the upper or the left one, as in Google's st3d."""

UNSEEN = -100.0
"""Pixels to the left of and above the picture: what is read there is black."""

MAX_SIDE = 1 << 14
"""Pixels of a side: no source has more."""


def eye_size(layout: Layout, size: tuple[int, int]) -> tuple[int, int]:
    """(width, height) of one eye's part of a picture. Raises PanoramaError when it does not divide."""
    columns, rows = EYES[layout]
    if size[0] % columns or size[1] % rows:
        side, length = ("width", size[0]) if size[0] % columns else ("height", size[1])
        raise PanoramaError(
            f"{layout} needs an even {side} for its two eyes; the picture is {size[0]}×{size[1]}: "
            f"make the {side} {length - 1} or {length + 1}, or choose another layout"
        )
    return size[0] // columns, size[1] // rows


@dataclass(frozen=True, eq=False)
class Panorama:
    """A projection, and how the pictures of two eyes are arranged in one."""

    projection: Projection
    layout: Layout = Layout.MONO

    def boxes(self, size: tuple[int, int]) -> list[tuple[slice, slice]]:
        """Rows and columns of each eye's part of a picture of ``size``, the left eye's first."""
        columns, rows = EYES[self.layout]
        w, h = eye_size(self.layout, size)
        return [
            (slice(row * h, (row + 1) * h), slice(column * w, (column + 1) * w))
            for row in range(rows)
            for column in range(columns)
        ]


@dataclass(frozen=True, eq=False)
class SamplingMap:
    """Where each pixel of one eye's picture is read: ``x`` and ``y`` float32 (H, W) in pixels of the eye's source.

    ``weight`` float32 (H, W), 0 to 1: how much of the pixel this reading is; two lenses that overlap have two maps.
    Pixels that are not seen are read at UNSEEN, and their weight is 0.
    """

    x: npt.NDArray[np.float32]
    y: npt.NDArray[np.float32]
    weight: npt.NDArray[np.float32]


class Remap:
    """The table from pictures of ``source`` at ``source_size`` to pictures of ``target`` at ``size``.

    ``read_size``: (width, height) to which a larger source picture is shrunk before it is read; a decoder may
    deliver it at that size at once. Of a stereo source a mono target shows the left eye.
    """

    def __init__(self, source: Panorama, source_size: tuple[int, int], target: Panorama, size: tuple[int, int]) -> None:
        """Sizes are (width, height) of whole pictures. Raises PanoramaError when a layout does not divide one."""
        eye, own = eye_size(source.layout, source_size), eye_size(target.layout, size)
        seen = _sightings(source.projection, target.projection.directions(middles(own)))
        read = [min(eye[axis], _needed([places for places, _ in seen], axis)) for axis in (0, 1)]
        columns, rows = EYES[source.layout]
        self.size, self.read_size = size, (read[0] * columns, read[1] * rows)
        self._wraps = source.projection.wraps
        self._maps = [_sampling_map(places, weight, (read[0], read[1]), source.projection) for places, weight in seen]
        self._unseen = np.all([m.weight == 0 for m in self._maps], axis=0)
        eyes = source.boxes(self.read_size)
        # Box by box of the target, the source's box: both eyes of a pair, or the only one again.
        self._boxes = [(eyes[min(n, len(eyes) - 1)], box) for n, box in enumerate(target.boxes(size))]
        self._on: dict[torch.device, list[tuple[torch.Tensor, torch.Tensor]]] = {}

    def picture(self, picture: Picture) -> Picture:
        """uint8 (h, w, 3) of the source -> uint8 (H, W, 3) of the target, on the CPU."""
        read = shrunk(picture, *self.read_size)
        out = np.empty((self.size[1], self.size[0], 3), np.uint8)
        border = cv2.BORDER_WRAP if self._wraps else cv2.BORDER_CONSTANT
        for eye, box in self._boxes:
            part = np.ascontiguousarray(read[eye])
            seen = [cv2.remap(part, m.x, m.y, cv2.INTER_LINEAR, borderMode=border) for m in self._maps]
            weights = [m.weight for m in self._maps]
            out[box] = seen[0] if len(seen) == 1 else cv2.blendLinear(*seen, *weights)
            if self._wraps and self._unseen.any():  # a border that wraps leaves no outside that is black
                out[box][self._unseen] = 0
        return out

    def tensor(self, tensor: torch.Tensor) -> torch.Tensor:
        """float (n, c, h, w) of the source -> the same dtype (n, c, H, W) of the target, on the tensor's device."""
        width, height = self.read_size
        if tensor.shape[2:] != (height, width):
            tensor = F.interpolate(tensor, (height, width), mode="bilinear", align_corners=False, antialias=True)
        out = tensor.new_empty((*tensor.shape[:2], self.size[1], self.size[0]))
        for eye, box in self._boxes:
            part = tensor[..., eye[0], eye[1]]
            if self._wraps:
                part = F.pad(part, (1, 1, 0, 0), mode="circular")
            grids = self._on_device(tensor.device, part.shape[3], part.shape[2])
            # In float32: a half-precision grid is a pixel off from the thousandth column on.
            seen = [
                F.grid_sample(part.float(), grid.expand(len(part), -1, -1, -1), align_corners=True) * weight
                for grid, weight in grids
            ]
            out[..., box[0], box[1]] = sum(seen[1:], seen[0]).to(tensor.dtype)
        return out

    def _on_device(self, device: torch.device, width: int, height: int) -> list[tuple[torch.Tensor, torch.Tensor]]:
        """Each map as grid_sample takes it, float32 (1, H, W, 2) in -1 to 1, and its weight; sent once."""
        if device not in self._on:
            self._on[device] = [
                (
                    torch.from_numpy(
                        np.stack(
                            [2 * (m.x + self._wraps) / max(1, width - 1) - 1, 2 * m.y / max(1, height - 1) - 1], -1
                        )[None]
                    ).to(device),
                    torch.from_numpy(m.weight).to(device),
                )
                for m in self._maps
            ]
        return self._on[device]


def middles(size: tuple[int, int]) -> Array:
    """The places of all pixels' middles: (height, width, 2)."""
    u, v = ((np.arange(length) + 0.5) / length for length in size)
    return np.stack(np.broadcast_arrays(u[None, :], v[:, None]), -1)


def _sightings(source: Projection, directions: Array) -> list[tuple[Array, Array]]:
    """Places (H, W, 2) in the source, and how much each counts (H, W); NaN and 0 where nothing is seen."""
    both = (
        source.sightings(directions)
        if isinstance(source, DualFisheye)
        else [(source.places(directions), np.ones(directions.shape[:-1]))]
    )
    seen = []
    for places, weight in both:
        # A float's last digit may put what is on the border outside of it.
        inside = (np.abs(places - 0.5) <= 0.5 + 1e-9).all(-1) & (weight > 0)
        seen.append((np.where(inside[..., None], places, np.nan), np.where(inside, weight, 0.0)))
    if len(seen) == 2:  # where one lens's circle leaves the picture, the other has all
        total = np.maximum(seen[0][1] + seen[1][1], 1e-12)
        seen = [(places, weight / total) for places, weight in seen]
    return seen


def _needed(places: list[Array], axis: int) -> int:
    """How many pixels the source should have along an axis, for the middle one of the table's steps to be one."""
    steps = [
        np.hypot(np.diff(p[1:, :, axis], axis=1), np.diff(p[:, 1:, axis], axis=0))  # (H - 1, W - 1)
        for p in places
    ]
    known = np.concatenate([s[np.isfinite(s)] for s in steps])
    middle = float(np.median(known)) if known.size else 0.0
    return max(2, round(1 / middle)) if middle > 0 else MAX_SIDE


def _sampling_map(places: Array, weight: Array, size: tuple[int, int], source: Projection) -> SamplingMap:
    found = []
    for axis in (0, 1):
        length, tiles = size[axis], source.tiles[axis]
        pixels = places[..., axis] * length - 0.5
        if not (axis == 0 and source.wraps):
            tile = np.clip(np.floor(places[..., axis] * tiles), 0, tiles - 1)
            # Not beyond the middle of a tile's outermost pixel: its neighbour there is not its neighbour on the sphere.
            pixels = np.clip(pixels, tile * length / tiles, (tile + 1) * length / tiles - 1)
        found.append(np.where(np.isnan(pixels), UNSEEN, pixels).astype(np.float32))
    return SamplingMap(found[0], found[1], weight.astype(np.float32))

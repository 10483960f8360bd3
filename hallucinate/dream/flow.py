"""Where each pixel was a frame ago, and whether it could be seen then.

Dense inverse search (Kroeger et al. 2016, OpenCV's DIS) on a small luma picture, in both directions.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F

from hallucinate.frame import Picture

FLOW_WIDTH = 256
"""Width of the luma picture that flow is measured on; finer costs more and finds the same motion."""

LEAST_SIDE = 32
"""Rows and columns that DIS is handed at least: of a wide picture with fewer rows, OpenCV 4 reads beyond the memory."""

STILL_PX = 0.1
"""Motion below this many flow pixels is DIS's own noise: a still world is not resampled, so it cannot blur."""

Field = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Motion:
    """Backward motion between two pictures.

    back: float32 (h, w, 2), in pixels (x, y): the pixel p of the new picture was at p + back[p] in the old one.
    visible: float32 (h, w), 1 where the pixel could be seen in the old picture, 0 where it was hidden.
    """

    back: Field
    visible: Field


class Flow:
    """Measures motion. Holds DIS's buffers, so one for each dream and thread."""

    def __init__(self) -> None:
        self._dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)

    def between(self, old: Picture, new: Picture, wraps: bool = False) -> Motion:
        """uint8 luma (h, w) twice -> where the new one's pixels were in the old. wraps: whether their sides meet."""
        margin = old.shape[1] // 8 if wraps else 0
        old, new = beyond(old, margin), beyond(new, margin)
        back, forth = self._flow(new, old), self._flow(old, new)
        visible = ~(disoccluded(back, forth) | motion_border(back))
        found = Motion(stilled(back), visible.astype(np.float32))
        return Motion(*(part[:, margin:-margin] for part in (found.back, found.visible))) if wraps else found

    def back(self, old: Picture, new: Picture, wraps: bool = False) -> Field:
        """``between``'s back alone, for half the work: where nobody asks what could be seen."""
        margin = old.shape[1] // 8 if wraps else 0
        back = stilled(self._flow(beyond(new, margin), beyond(old, margin)))
        return back[:, margin:-margin] if wraps else back

    def _flow(self, start: Picture, end: Picture) -> Field:
        rows, columns = start.shape
        beyond = ((0, max(0, LEAST_SIDE - rows)), (0, max(0, LEAST_SIDE - columns)))
        start, end = (np.pad(each, beyond, "edge") for each in (start, end))
        # DIS searches from the flow it is handed: here from no motion.
        still = np.zeros((*start.shape, 2), np.float32)
        return np.asarray(self._dis.calc(start, end, still)[:rows, :columns], np.float32)


def beyond(luma: Picture, margin: int) -> Picture:
    """The picture, with so many columns of its other side on either side: (h, w) -> (h, w + 2 · margin)."""
    return np.pad(luma, ((0, 0), (margin, margin)), "wrap") if margin else luma


def stilled(back: Field) -> Field:
    """Motion, (h, w, 2), without what is DIS's own noise. In place."""
    back[squared(back) < STILL_PX**2] = 0.0
    return back


def sampled(picture: npt.NDArray[Any], back: Field) -> npt.NDArray[Any]:
    """What is where ``back`` leads from each place, float32 (h, w, 2): (h, w) or (h, w, c), as ``picture`` is.

    Bilinear; beyond the picture, its edge.
    """
    x, y = places(*back.shape[:2])
    there = (x + back[..., 0], y + back[..., 1])
    return np.asarray(cv2.remap(picture, *there, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))


@functools.lru_cache(maxsize=8)
def places(height: int, width: int) -> tuple[Field, Field]:
    """Each pixel's own x and y: float32 (height, width) both. Kept; not to be written to."""
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    return x, y


def squared(vectors: Field) -> Field:
    """|v|²: (h, w, 2) -> (h, w). In two planes, which numpy does several times as quickly as a sum over two."""
    u, v = vectors[..., 0], vectors[..., 1]
    return np.asarray(u * u + v * v)


def disoccluded(back: Field, forth: Field) -> npt.NDArray[np.bool_]:
    """Where going back and forth again does not lead home: |w̃+ŵ|² > 0.01(|w̃|²+|ŵ|²)+0.5 (Ruder et al. 2016, eq. 6).

    ŵ is the backward flow, w̃ the forward flow read where ŵ leads. Both float32 (h, w, 2); bool (h, w).
    """
    warped = sampled(forth, back)
    return np.asarray(squared(warped + back) > 0.01 * (squared(warped) + squared(back)) + 0.5)


def motion_border(back: Field) -> npt.NDArray[np.bool_]:
    """Where the flow itself breaks: |∇ŵ|² > 0.01|ŵ|²+0.002 (Ruder et al. 2016, eq. 7). bool (h, w)."""
    u, v = (np.ascontiguousarray(back[..., n]) for n in (0, 1))
    steepness = sum(slope * slope for part in (u, v) for slope in np.gradient(part))
    return np.asarray(steepness > 0.01 * (u * u + v * v) + 0.002)


def motion_field(motion: Motion | None, own: torch.Tensor | None) -> Field | None:
    """What ``warped`` goes by: the world's motion and the hallucination's own, as one.

    own: float32 (2, h, w) (``hallucinate.dream.drift``), of the motion's size where there are both. Returns float32
    (3, h, w): displacements x, y in units in which the picture is 2 wide and 2 high (``grid_sample``'s), so good for a
    residual of any size; and 1 where the place could be seen before, 0 where not. None where nothing moves.
    """
    if motion is None:
        return None if own is None else np.concatenate([own.numpy(), np.ones((1, *own.shape[1:]), np.float32)])
    h, w = motion.visible.shape
    where = np.stack([motion.back[..., 0] * (2 / w), motion.back[..., 1] * (2 / h), motion.visible])
    if own is not None:
        where[:2] += own.numpy()
    return where


def warped(residual: torch.Tensor, fields: torch.Tensor, wraps: bool = False) -> torch.Tensor:
    """M · warp(r, flow): the residual where its pixels have gone; 0 where they had been hidden, or came from outside.

    residual: float32 (B, C, H, W). fields: float32 (B, 3, h, w), as ``motion_field`` gives them, of any size. One
    resampling for all motion. wraps: whether the picture's sides meet, and nothing comes from outside there.
    """
    _, _, height, width = residual.shape
    y = (torch.arange(height, device=residual.device, dtype=torch.float32) * 2 + 1) / height - 1
    x = (torch.arange(width, device=residual.device, dtype=torch.float32) * 2 + 1) / width - 1
    dx, dy, visible = F.interpolate(fields, size=(height, width), mode="bilinear", align_corners=False).unbind(1)
    x, y = x + dx, y[:, None] + dy
    if wraps:
        residual = F.pad(residual, (width // 8, width // 8, 0, 0), mode="circular")
        x = ((x + 1) % 2 - 1) * (width / residual.shape[3])
    grid = torch.stack([unbiased(x, residual.shape[3]), unbiased(y, height)], -1)
    # Bicubic: a residual is resampled every frame, and bilinear would wash it out within a second.
    moved = F.grid_sample(residual, grid, "bicubic", "border", align_corners=False)
    inside = (x.abs() <= 1) & (y.abs() <= 1)
    return moved * (visible * inside)[:, None]


def unbiased(along: torch.Tensor, size: int) -> torch.Tensor:
    """Places from which torch's bicubic sampling takes what is at ``along``, in its units, of ``size`` pixels.

    Its kernel (Keys 1981, with a = −0.75; only a = −0.5 keeps straight lines straight) shifts by
    m(t) = t³ − 1.5t² + 1.5t where t is requested: a fifth too far for a quarter of a pixel. Frame after frame,
    a hallucination would run ahead of what it was dreamed on. So t = m⁻¹(d) is requested: around the half, u³ + 0.75u
    = s, by Newton's method from a start that is exact at both ends and in the middle (twice leads to 1e-6 of a pixel).
    """
    pixels = ((along + 1) * size - 1) / 2
    whole = pixels.floor()
    s = pixels - whole - 0.5
    u = s * (4 / 3) * (1 - s * s)
    for _ in range(2):
        u = (2 * u * u * u + s) / (3 * u * u + 0.75)
    return ((whole + 0.5 + u) * 2 + 1) / size - 1

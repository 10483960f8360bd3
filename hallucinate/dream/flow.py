"""Where each pixel was a frame ago, and whether it could be seen then.

Dense inverse search (Kroeger et al. 2016, OpenCV's DIS) on a small luma picture, in both directions.
"""

from __future__ import annotations

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

    def between(self, old: Picture, new: Picture) -> Motion:
        """uint8 luma (h, w) twice -> how the new one's pixels lay in the old one."""
        back, forth = self._flow(new, old), self._flow(old, new)
        visible = ~(disoccluded(back, forth) | motion_border(back))
        back[np.sum(back * back, -1) < STILL_PX**2] = 0.0
        return Motion(back, visible.astype(np.float32))

    def _flow(self, start: Picture, end: Picture) -> Field:
        # DIS searches from the flow it is handed: here from no motion.
        still = np.zeros((*start.shape, 2), np.float32)
        return np.asarray(self._dis.calc(start, end, still), np.float32)


def read_at(picture: npt.NDArray[Any], back: Field) -> npt.NDArray[Any]:
    """What lies where ``back`` leads from each place, float32 (h, w, 2): (h, w) or (h, w, c), as ``picture`` is.

    Bilinear; beyond the picture, its edge.
    """
    h, w = back.shape[:2]
    x, y = np.meshgrid(np.arange(w, dtype=np.float32), np.arange(h, dtype=np.float32))
    there = (x + back[..., 0], y + back[..., 1])
    return np.asarray(cv2.remap(picture, *there, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))


def disoccluded(back: Field, forth: Field) -> npt.NDArray[np.bool_]:
    """Where going back and forth again does not lead home: |w̃+ŵ|² > 0.01(|w̃|²+|ŵ|²)+0.5 (Ruder et al. 2016, eq. 6).

    ŵ is the backward flow, w̃ the forward flow read where ŵ leads. Both float32 (h, w, 2); bool (h, w).
    """
    warped = read_at(forth, back)
    there_and_back = np.sum((warped + back) ** 2, -1)
    return np.asarray(there_and_back > 0.01 * (np.sum(warped**2, -1) + np.sum(back**2, -1)) + 0.5)


def motion_border(back: Field) -> npt.NDArray[np.bool_]:
    """Where the flow itself breaks: |∇ŵ|² > 0.01|ŵ|²+0.002 (Ruder et al. 2016, eq. 7). bool (h, w)."""
    du, dv = np.gradient(back[..., 0]), np.gradient(back[..., 1])
    steepness = du[0] ** 2 + du[1] ** 2 + dv[0] ** 2 + dv[1] ** 2
    return np.asarray(steepness > 0.01 * np.sum(back**2, -1) + 0.002)


def field(motion: Motion | None, own: torch.Tensor | None) -> Field | None:
    """What ``carried`` goes by: the world's motion and the hallucination's own, as one.

    own: float32 (h, w, 2) (``hallucinate.dream.drift``), of the motion's size where both are given. Returns float32
    (h, w, 3): displacements (x, y) in units in which the picture is 2 wide and 2 high (``grid_sample``'s), so good for
    a residual of any size; and 1 where the place could be seen before, 0 where not. None where nothing moves.
    """
    if motion is None:
        return None if own is None else np.dstack([own.numpy(), np.ones(own.shape[:2], np.float32)])
    h, w = motion.visible.shape
    back = motion.back * np.array([2.0 / w, 2.0 / h], np.float32)
    return np.dstack([back if own is None else back + own.numpy(), motion.visible])


def carried(residual: torch.Tensor, fields: torch.Tensor) -> torch.Tensor:
    """M · warp(r, flow): the residual where its pixels have gone; 0 where they had been hidden, or came from outside.

    residual: float32 (B, C, H, W). fields: float32 (B, h, w, 3), as ``field`` gives them, enlarged to the residual's
    size. One resampling for all motion.
    """
    _, _, height, width = residual.shape
    y = (torch.arange(height, device=residual.device, dtype=torch.float32) * 2 + 1) / height - 1
    x = (torch.arange(width, device=residual.device, dtype=torch.float32) * 2 + 1) / width - 1
    grid = torch.stack([x.expand(height, width), y[:, None].expand(height, width)], -1)[None]
    large = F.interpolate(fields.permute(0, 3, 1, 2), size=(height, width), mode="bilinear", align_corners=False)
    grid = grid + large[:, :2].permute(0, 2, 3, 1)
    # Bicubic: a residual is resampled every frame, and bilinear would wash it out within a second.
    moved = F.grid_sample(residual, unbiased(grid, height, width), "bicubic", "border", align_corners=False)
    inside = (grid.abs() <= 1).all(-1)[:, None]
    return moved * large[:, 2:3] * inside


def unbiased(grid: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """Places from which torch's bicubic sampling takes what lies at ``grid``, (B, H, W, 2) in its units.

    Its kernel (Keys 1981, with a = −0.75; only a = −0.5 keeps straight lines straight) shifts by
    m(t) = t³ − 1.5t² + 1.5t where t is asked for: a fifth too far for a quarter of a pixel. Frame after frame,
    a hallucination would run ahead of what it was dreamed on. So t = m⁻¹(d), from Cardano's formula, is asked for.
    """
    places = []
    for along, size in ((grid[..., 0], width), (grid[..., 1], height)):
        pixels = ((along + 1) * size - 1) / 2
        whole = pixels.floor()
        part = 0.5 + torch.sinh(torch.asinh(4 * (pixels - whole - 0.5)) / 3)
        places.append(((whole + part) * 2 + 1) / size - 1)
    return torch.stack(places, -1)

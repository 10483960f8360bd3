"""What a camera's picture is projected on: a plane, the whole sphere or its front half; and for which eyes it is."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F

from hallucinate.dream.flow import Flow
from hallucinate.frame import Picture
from hallucinate.panorama.remap import Layout

MARGIN = 8
"""A picture that wraps is shown wider by an eighth on either side: enough for every kernel that is moved over it.

So that all its sizes agree at the seam, its width is a multiple of this.
"""


class Surface(StrEnum):
    """FLAT: an ordinary camera's. SPHERE: equirectangular, 360° × 180°. HALF: its front half, 180° × 180°."""

    FLAT = "flat"
    SPHERE = "equirect"
    HALF = "half-equirect"

    @property
    def wraps(self) -> bool:
        """Whether the picture's sides meet."""
        return self is Surface.SPHERE

    @property
    def degrees(self) -> float:
        """Of longitude across the picture; 0 on a plane, where nobody knows."""
        return {Surface.FLAT: 0.0, Surface.SPHERE: 360.0, Surface.HALF: 180.0}[self]


class Geometry(NamedTuple):
    """What a session's pictures are projected on, and for which eyes they are."""

    surface: Surface = Surface.FLAT
    layout: Layout = Layout.MONO


FLAT_MONO = Geometry()


def widened(x: torch.Tensor) -> torch.Tensor:
    """(B, C, H, W) -> (B, C, H, W + 2 · (W // MARGIN)): what is beyond either side is the other."""
    margin = x.shape[3] // MARGIN
    return F.pad(x, (margin, margin, 0, 0), mode="circular")


def narrowed(x: torch.Tensor, width: int) -> torch.Tensor:
    """What ``widened`` made wider, or its like, as wide as it was: the middle (B, C, H, width)."""
    margin = (x.shape[3] - width) // 2
    return x[..., margin : margin + width]


def eyes(picture: Picture, layout: Layout) -> tuple[Picture, ...]:
    """The view of the only eye, or of the left and the right: uint8 RGB (H, W, 3) each."""
    if layout is Layout.MONO:
        return (picture,)
    left, right = np.array_split(picture, 2, axis=0 if layout is Layout.TOP_BOTTOM else 1)
    return np.ascontiguousarray(left), np.ascontiguousarray(right)


def beside_each_other(views: tuple[Picture, ...], layout: Layout) -> Picture:
    """``eyes`` undone."""
    return views[0] if layout is Layout.MONO else np.concatenate(views, 0 if layout is Layout.TOP_BOTTOM else 1)


def disparity(flow: Flow, left: Picture, right: Picture, surface: Surface) -> torch.Tensor:
    """Where each pixel of the right eye's view is in the left one's, as ``flow.warped`` takes it: (1, 3, h, w).

    Both uint8 luma (h, w). All of it counts as seen: what only the right eye sees takes what is beside it.
    """
    back = flow.back(left, right, surface.wraps)
    h, w = left.shape
    seen = np.ones((h, w), np.float32)
    return torch.from_numpy(np.stack([back[..., 0] * (2 / w), back[..., 1] * (2 / h), seen]))[None]

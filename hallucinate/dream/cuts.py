"""Has the camera changed to another scene? Then what was dreamed on the old one must not haunt the new."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from hallucinate.dream.flow import Motion, sampled
from hallucinate.frame import Picture

ALIKE = 0.5
"""Correlation of two pictures of one scene, once motion is allowed for. In the clips of benchmarks/temporal it is 0.97
at the least within a scene, and 0.16 at the most across the cut."""

FLAT = 2.0
"""Standard deviation, of 255, under which a picture has nothing in it to compare."""

GLANCE = (16, 9)
"""Size at which pictures are compared where no motion was measured: too coarse for most motion to matter."""


def is_cut(old: Picture, new: Picture, motion: Motion | None) -> bool:
    """Whether ``new`` shows another scene than ``old``, both uint8 luma (h, w).

    By their correlation, which a flicker or a cloud before the sun leaves alone: of the new picture with the old
    one as the motion has moved it, or of coarse versions where no motion was measured.
    """
    if motion is None:
        before, after = (
            cv2.resize(luma, GLANCE, interpolation=cv2.INTER_AREA).astype(np.float32) for luma in (old, new)
        )
    else:
        before, after = sampled(old, motion.back).astype(np.float32), new.astype(np.float32)
    flat = before.std() < FLAT, after.std() < FLAT
    if any(flat):
        return not all(flat)
    return correlation(before, after) < ALIKE


def correlation(a: npt.NDArray[np.float32], b: npt.NDArray[np.float32]) -> float:
    """Pearson's, of two pictures of one size, neither of them flat."""
    a, b = a - a.mean(), b - b.mean()
    return float(np.sum(a * b) / np.sqrt(np.sum(a * a) * np.sum(b * b)))

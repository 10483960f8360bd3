"""What moves in the picture, of itself and not because the camera does: where a dream may be told to live."""

from __future__ import annotations

import cv2
import numpy as np

from hallucinate.dream.flow import STILL_PX, Field, Motion
from hallucinate.dream.residual import fade

FAST = 0.02
"""What moves by this share of the picture's width in a second, against the picture as a whole, moves."""

SOFT = 0.03
"""Width of the soft edge around what moves, as a share of the picture's width."""


def motion_mask(
    before: Field | None, motion: Motion | None, shape: tuple[int, ...], seconds: float, half_life_s: float
) -> Field:
    """How much each place may dream because of what moves there, or did: float32 (h, w) of ``shape``, 0 to 1.

    motion: since ``seconds`` ago, None where nothing moved at all. Against the camera's own motion, taken to be the
    median of all. What has stopped moving fades by half in a half-life. before: what this returned then.
    """
    mask = np.zeros(shape, np.float32) if before is None or before.shape != shape else before
    mask = mask * np.float32(fade(seconds, half_life_s))
    if motion is None or seconds <= 0:
        return mask
    width = shape[1]
    against = motion.back - np.median(motion.back, (0, 1))
    fast = np.hypot(against[..., 0], against[..., 1]) > max(2 * STILL_PX, FAST * width * seconds)
    size = max(3, round(SOFT * width) | 1)
    grown = cv2.dilate(fast.astype(np.float32), np.ones((size, size), np.uint8))
    return np.maximum(mask, np.asarray(cv2.blur(grown, (size, size)), np.float32))

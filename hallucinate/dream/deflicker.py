"""Light that flickers, evened out: mains light against a camera's shutter, an exposure that hunts, a strobe.

A dream that is added to a flickering picture flickers with it. Only light that goes up and down again is evened out: a
lamp that is switched on, a cloud before the sun and a fade to black stay as they are.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from hallucinate.dream.flow import Motion, sampled
from hallucinate.dream.residual import fade
from hallucinate.frame import Picture

GLANCE = (64, 36)
"""Pictures are compared in so many parts, across and down: a webcam's noise is hardly in the mean of one."""

CHANGED = 0.01
"""A change of light by less than this, as a logarithm, is none."""

ONE_LIGHT = 0.5
"""Most that the middle half of the parts may differ in how they changed, over how all did: else things moved."""

DARK, BRIGHT = 16, 239
"""Parts darker or brighter than this say little: noise, or cut off."""

TURNS, FLICKER_S = 2, 0.7
"""Light that turned from brighter to darker, or back, so often within so many seconds flickers."""

FOLLOW_S, LET_GO_S = 1.5, 0.1
"""Half-lives with which what is shown comes back to what the camera sees: while it flickers, and when it has ended."""

FARTHEST = 0.3
"""How far what is shown may be from what the camera sees, as a logarithm."""


@dataclass(frozen=True, slots=True)
class Light:
    """How a camera's light has gone of late.

    lag: the logarithm of what is shown over what the camera sees. trend: of the last change, 1 brighter, −1 darker,
    0 before any. turned_s: when it turned, within the last FLICKER_S.
    """

    lag: float = 0.0
    trend: int = 0
    turned_s: tuple[float, ...] = ()

    @property
    def gain(self) -> float:
        """By which the camera's picture is multiplied."""
        return math.exp(self.lag)


def brightened(old: Picture, new: Picture, motion: Motion | None) -> float:
    """By how much one light on all that is seen has changed, as a logarithm; 0.0 where it has not, or not as one.

    uint8 luma (h, w) twice. motion: of the new one against the old, None where it was not measured.
    """
    before = old if motion is None else sampled(old, motion.back)
    a, b = (cv2.resize(luma, GLANCE, interpolation=cv2.INTER_AREA).astype(np.float32) for luma in (before, new))
    seen = (np.minimum(a, b) > DARK) & (np.maximum(a, b) < BRIGHT)
    if seen.mean() < 0.25:
        return 0.0
    low, middle, high = np.percentile(np.log(b[seen] / a[seen]), (25, 50, 75))
    changed = abs(middle) > CHANGED and high - low < ONE_LIGHT * abs(middle)
    return float(middle) if changed else 0.0


def followed(light: Light, change: float, now_s: float, seconds: float) -> Light:
    """The light after it has changed by ``change``, as ``brightened`` gives it, in so many seconds."""
    trend = (change > 0) - (change < 0)
    turned = tuple(at_s for at_s in light.turned_s if now_s - at_s < FLICKER_S)
    if trend == -light.trend != 0:
        turned = (*turned, now_s)
    flickers = len(turned) >= TURNS
    lag = min(FARTHEST, max(-FARTHEST, light.lag - change * flickers))
    return Light(lag * fade(seconds, FOLLOW_S if flickers else LET_GO_S), trend or light.trend, turned)


def with_gain(picture: Picture, gain: float) -> Picture:
    """The picture, uint8 of any shape, ``gain`` times as bright; itself where that is no difference."""
    if abs(gain - 1) * 255 < 0.5:
        return picture
    return np.asarray(cv2.convertScaleAbs(picture, alpha=gain))  # seven times as quick as a table of 256

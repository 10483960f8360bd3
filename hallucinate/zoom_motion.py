"""How a picture that feeds itself moves from frame to frame, and what holds it in bounds. The dreaming is elsewhere."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from hallucinate.frame import Picture, to_luma

CONTRAST = (0.14, 0.22)
"""Standard deviation of luma within which a zoom's contrast is held, in [0, 1]: about what photographs have."""

CORRECTION_HALF_LIFE_S = 0.4
"""Half-life of what is wrong with a zoom's brightness, hue and contrast."""

GRAIN = 0.012
"""Standard deviation of the noise added to every frame, in [0, 1]: enlarging blurs, and a network finds nothing in a
blur."""

Levels = npt.NDArray[np.float32]


@dataclass(frozen=True)
class ZoomMotion:
    """How a picture moves in a second: so many times larger, degrees clockwise, shares of its width and height."""

    scale: float = 1.2
    turn: float = 0.0
    shift_x: float = 0.0
    shift_y: float = 0.0


@dataclass(frozen=True)
class Appearance:
    """What a zoom is held to. mean: of red, green and blue, in [0, 1]. contrast: standard deviation of luma."""

    mean: Levels
    contrast: float


def appearance_of(picture: Picture) -> Appearance:
    """The appearance of a picture, its contrast within CONTRAST."""
    contrast = float(to_luma(picture, picture.shape[1], picture.shape[0]).std()) / 255
    mean = picture.mean((0, 1), dtype=np.float32) / np.float32(255)
    return Appearance(mean, min(max(contrast, CONTRAST[0]), CONTRAST[1]))


def moved(picture: Picture, motion: ZoomMotion, seconds: float) -> Picture:
    """The picture so much later: uint8 RGB (H, W, 3). What comes in at an edge is the mirrored picture."""
    height, width = picture.shape[:2]
    matrix = cv2.getRotationMatrix2D(
        ((width - 1) / 2, (height - 1) / 2), -motion.turn * seconds, math.pow(motion.scale, seconds)
    )
    matrix[:, 2] += motion.shift_x * seconds * width, motion.shift_y * seconds * height
    warped = cv2.warpAffine(picture, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101)
    return np.asarray(warped, np.uint8)


def stabilised(picture: Picture, target: Appearance, seconds: float, random: np.random.Generator) -> Picture:
    """The picture brought back towards an appearance, as far as such a time allows, with fresh grain.

    picture: uint8 RGB (H, W, 3); so is what is returned. Without this, a dream that feeds itself ends in white, in
    neon, or in a blur in which nothing is to be seen.
    """
    x = picture.astype(np.float32) / 255
    share = np.float32(1 - 0.5 ** (seconds / CORRECTION_HALF_LIFE_S))
    mean = x.mean((0, 1))
    luma = x @ np.array([0.299, 0.587, 0.114], np.float32)
    gain = (target.contrast / max(float(luma.std()), 0.02)) ** float(share)
    x = (x - mean) * np.float32(min(gain, 1.5)) + mean + share * (target.mean - mean)
    x += GRAIN * random.standard_normal(x.shape, np.float32)
    return np.asarray((x.clip(0, 1) * 255).round(), np.uint8)


def noise(width: int, height: int, seed: int) -> Picture:
    """Where a zoom from nothing begins: clouds of all sizes, a little coloured. uint8 RGB (height, width, 3)."""
    random, x = np.random.default_rng(seed), np.full((height, width, 3), 0.5, np.float32)
    for level in range(2, 9):
        small = random.standard_normal((2 + height * 2**level // 512, 2 + width * 2**level // 512, 3), np.float32)
        grey = small.mean(2, keepdims=True)
        x += 0.09 * cv2.resize(grey + 0.4 * (small - grey), (width, height), interpolation=cv2.INTER_CUBIC)
    return np.asarray((x.clip(0, 1) * 255).round(), np.uint8)

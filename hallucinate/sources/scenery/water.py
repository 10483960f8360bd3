"""The lake: what stands above it, mirrored in ripples, with the sun's glitter."""

from __future__ import annotations

import cv2
import numpy as np

from hallucinate.frame import Picture
from hallucinate.sources.scenery.layer import Field, fractal, mix, to_bytes

MIRRORED = 2.1
"""How many rows above the shore a row of water mirrors: nearer water is looked into more steeply."""


class Lake:
    """The lake between canvas rows ``top`` (the shore) and ``bottom``, ``width`` pixels of it seen at a time."""

    def __init__(self, rng: np.random.Generator, width: int, top: int, bottom: int, u: float) -> None:
        self._top, self._bottom, self._width, self._u = top, bottom, width, u
        height = bottom - top
        self._period = round(width * 1.5)
        self._ripples = [self._ripple(rng, height, cell) for cell in (26.0, 15.0)]
        near = np.linspace(0, 1, height, dtype=np.float32)[:, None]
        self._rows = np.asarray(top - 1 - near * height * MIRRORED + np.zeros((height, width)), np.float32)
        self._columns = np.asarray(np.arange(width, dtype=np.float32)[None] + np.zeros((height, 1)), np.float32)
        self._sway = np.asarray((0.5 + 5.0 * near) * u + np.zeros((height, width)), np.float32)
        zero = np.zeros((height, width), np.float32)
        self._keep = to_bytes(mix((0.88, 0.90, 0.90), (0.52, 0.60, 0.64), near + zero))
        self._own = to_bytes(mix((0.03, 0.04, 0.04), (0.045, 0.085, 0.10), near + zero))
        sunny = np.exp(-(((np.arange(width)[None] / width - 0.70) / 0.20) ** 2)) * (1 - 0.6 * near)
        self._glitter = np.asarray(150 * sunny, np.float32)

    def draw(self, canvas: Picture, x: float, t: float) -> None:
        """Fill the lake's rows with what the canvas shows above them; ``x`` is the camera's pan in pixels."""
        a = self._seen(self._ripples[0], x + 5.0 * self._u * t)
        b = self._seen(self._ripples[1], x - 3.4 * self._u * t + 900)
        waves = cv2.addWeighted(a, 0.6, b, 0.6, 0)
        rows = cv2.add(self._rows, cv2.multiply(waves, self._sway))
        columns = cv2.scaleAdd(waves, 0.8 * self._u, self._columns)
        above = canvas[: self._top]
        water = cv2.remap(above, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
        cv2.multiply(water, self._keep, dst=water, scale=1 / 255)
        cv2.add(water, self._own, dst=water)
        glints = cv2.multiply(waves - np.float32(1.35), self._glitter)
        bright = cv2.convertScaleAbs(cv2.threshold(glints, 0, 0, cv2.THRESH_TOZERO)[1])
        cv2.add(water, cv2.cvtColor(bright, cv2.COLOR_GRAY2RGB), dst=water)
        canvas[self._top : self._bottom] = water

    def _ripple(self, rng: np.random.Generator, height: int, cell: float) -> Field:
        """Waves (height, period + width + 1), about ±1: long and low, finer and closer towards the far shore."""
        deep = fractal(rng, (self._period, height * 4), cell * self._u, 4, 0.6, stretch=4.0)
        near = (np.arange(height, dtype=np.float32)[:, None] + 4 * self._u) / (height + 4 * self._u)
        rows = np.asarray((height * 4 - 1) * (1 - near**0.45) + np.zeros((1, self._period)), np.float32)
        columns = np.asarray(np.arange(self._period)[None] + np.zeros((height, 1)), np.float32)
        waves = cv2.remap(deep, columns, rows, cv2.INTER_LINEAR)
        return np.concatenate([waves, waves[:, : self._width + 1]], axis=1)

    def _seen(self, waves: Field, x: float) -> Field:
        left = x % self._period
        whole, part = int(left), left - int(left)
        near, next_ = waves[:, whole : whole + self._width], waves[:, whole + 1 : whole + 1 + self._width]
        return np.asarray(cv2.addWeighted(near, 1 - part, next_, part, 0), np.float32)

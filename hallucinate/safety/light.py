"""From a picture to the light of its places: luminance, redness and chromaticity, all linear."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
import numpy.typing as npt

from hallucinate.frame import Picture

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

LUMINANCE = np.array([0.2126, 0.7152, 0.0722])
"""Of linear R, G, B: WCAG 2.2, "relative luminance" (Rec. ITU-R BT.709)."""

TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
"""Linear sRGB to CIE XYZ, IEC 61966-2-1:1999."""

RED_SHARE = 0.8
"""A red is saturated from R / (R + G + B) of so much on: WCAG 2.2, note on red flashes, after ISO 9241-391."""

NO_COLOUR = 0.02
"""Of less R + G + B than this there is no colour to speak of: it counts as WHITE. The rules do not say; without it the
noise of a dark picture would be saturated red. By the older rule a red so dark cannot flash either."""

WHITE = np.array([0.1978, 0.4683])
"""u′v′ of D65."""

RED_PRIMARY = np.array([0.4507, 0.5229])
"""u′v′ of sRGB's red."""


def _linear_table() -> npt.NDArray[np.float32]:
    """sRGB's 256 values -> linear light: IEC 61966-2-1:1999; WCAG 2.2, "relative luminance"."""
    v = np.arange(256) / 255
    return np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4).astype(np.float32)


LINEAR = _linear_table()


@dataclass(frozen=True)
class Light:
    """The light of a picture's places. rgb: (rows, columns, 3), means of linear R, G, B over each, 0 to 1."""

    rgb: Array

    @classmethod
    def of_picture(cls, picture: Picture, rows: int, columns: int) -> Light:
        """Average a picture, uint8 RGB (H, W, 3), over places: light adds, so it is made linear first."""
        linear = cv2.LUT(picture, LINEAR)
        return cls(cv2.resize(linear, (columns, rows), interpolation=cv2.INTER_AREA).astype(np.float64))

    @cached_property
    def luminance(self) -> Array:
        """Relative luminance (rows, columns), 0 to 1."""
        return np.asarray(self.rgb @ LUMINANCE, np.float64)

    @cached_property
    def redness(self) -> Array:
        """R − G − B, and 0 where that is below: (rows, columns), 0 to 1."""
        return np.clip(self.rgb[..., 0] - self.rgb[..., 1] - self.rgb[..., 2], 0, None)

    @cached_property
    def red_share(self) -> Array:
        """R / (R + G + B), and 0 of no colour: (rows, columns)."""
        total = self.rgb.sum(-1)
        found: Array = np.divide(self.rgb[..., 0], total, out=np.zeros_like(total), where=total >= NO_COLOUR)
        return found

    @cached_property
    def chromaticity(self) -> Array:
        """CIE 1976 u′v′ (rows, columns, 2)."""
        xyz = self.rgb @ TO_XYZ.T
        below = (xyz @ np.array([1.0, 15.0, 3.0]))[..., None]
        has_colour = (self.rgb.sum(-1) >= NO_COLOUR)[..., None]
        uv = xyz[..., :2] * np.array([4.0, 9.0])
        found: Array = np.divide(uv, below, out=np.broadcast_to(WHITE, uv.shape).copy(), where=has_colour)
        return found

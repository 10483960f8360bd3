"""Stripes that stand still can be harmful as well: a warning, and no verdict.

After Wilkins, Emmett and Harding (2005), "Characterizing the patterned images that precipitate seizures and optimizing
guidelines to prevent them", Epilepsia 46(8), and Rec. ITU-R BT.1702: see docs/safety.md for what of these was read.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from hallucinate.frame import Picture, shrunk
from hallucinate.safety.light import LINEAR, LUMINANCE, Array

MOST_PAIRS = 5
"""Light-dark pairs of stripes: more of them make a pattern."""

LEAST_AREA = 0.25
"""Of the picture. Patterns that drift steadily may be larger, 0.4: here they are warned of from a quarter on, too."""

LEAST_S = 0.5
"""Seconds that a pattern lasts at least."""

LEAST_DIFFERENCE = 0.1
"""Of relative luminance, from stripe to stripe: that of a flash."""

LEAST_LIGHT = 0.25
"""Relative luminance of the light stripes: 50 cd/m² on a screen of 200 cd/m²."""

CONCENTRATION = 0.5
"""The share of a window's variance that is in one direction and one frequency, where there are stripes. Ours."""

LEAST_CYCLES = 2
"""In a window; fewer are light and shade. Ours."""

COLUMNS = 256
"""Width at which patterns are looked for, in pixels: stripes down to 2 px of it."""

PARTS = (8, 4, 2)
"""Windows are such parts of the picture's width: finer and coarser stripes."""


@dataclass(frozen=True)
class Stripes:
    """Regular stripes in a picture. area: their share of it. pairs: light-dark pairs across the largest patch."""

    area: float = 0.0
    pairs: float = 0.0

    @property
    def warns(self) -> bool:
        """Whether there are so many pairs on so much of the picture."""
        return self.pairs > MOST_PAIRS and self.area >= LEAST_AREA


def find_stripes(picture: Picture) -> Stripes:
    """Regular stripes in a picture, uint8 RGB (H, W, 3)."""
    height, width = picture.shape[:2]
    columns = min(width, COLUMNS)
    luminance = cv2.LUT(shrunk(picture, columns, max(8, round(height * columns / width))), LINEAR) @ LUMINANCE
    return max((_stripes_in(luminance, columns // parts) for parts in PARTS), key=lambda each: (each.warns, each.area))


def _stripes_in(luminance: Array, side: int) -> Stripes:
    """By windows of side × side px, half of each over the next."""
    rows, columns = luminance.shape
    if side < 8 or rows < side:
        return Stripes()
    step, margin = side // 2, side // 4
    # Each window speaks for its middle; what is beyond the border is its mirror image.
    wide = np.pad(luminance, margin, "reflect")
    cycles = _cycles(np.lib.stride_tricks.sliding_window_view(wide, (side, side))[::step, ::step], side)
    striped = cycles > 0
    count, patches = cv2.connectedComponents(striped.astype(np.uint8), connectivity=8)
    found = [Stripes()]
    for patch in range(1, count):
        inside = patches == patch
        down, across = (int(np.ptp(at) + 1) * step / side for at in np.nonzero(inside))
        pairs = float(np.median(cycles[inside])) * max(down, across)
        found.append(Stripes(float(inside.sum()) * step * step / (rows * columns), pairs))
    return max(found, key=lambda each: (each.warns, each.area))


def _cycles(windows: Array, side: int) -> Array:
    """Of windows (..., side, side): cycles in each that is striped, and 0 in each that is not."""
    hann = np.hanning(side + 2)[1:-1]
    taper = hann[:, None] * hann[None]
    mean = (windows * taper).sum((-2, -1)) / taper.sum()
    spectrum = np.abs(np.fft.rfft2((windows - mean[..., None, None]) * taper))
    power = spectrum**2
    power[..., 1:-1] *= 2  # what is beyond the middle column is its mirror image
    down = np.asarray(np.fft.fftfreq(side, 1 / side)[:, None], np.float64)
    across = np.arange(side // 2 + 1)[None]
    frequency = np.hypot(down, across)
    total = power.sum((-2, -1))
    power[..., frequency < LEAST_CYCLES] = 0
    peak = power.reshape(*power.shape[:-2], -1).argmax(-1)
    at_down, at_across = np.broadcast_to(down, frequency.shape).ravel()[peak], peak % (side // 2 + 1)
    share = _near(power, down, across, at_down, at_across) / np.maximum(total, 1e-12)
    at_peak = np.take_along_axis(spectrum.reshape(*peak.shape, -1), peak[..., None], -1)[..., 0]
    difference = 4 * at_peak / taper.sum()
    light = mean + difference / 2
    clear = (share >= CONCENTRATION) & (difference >= LEAST_DIFFERENCE) & (light >= LEAST_LIGHT)
    return np.where(clear, np.hypot(at_down, at_across), 0.0)


def _near(
    power: Array, down: Array, across: npt.NDArray[np.int_], at_down: Array, at_across: npt.NDArray[np.intp]
) -> Array:
    """Power within a bin of a peak and of its mirror image: the width of the taper's own spectrum."""
    to_down, to_across = at_down[..., None, None], at_across[..., None, None]
    near = (abs(down - to_down) <= 1) & (abs(across - to_across) <= 1)
    mirrored = (abs(down + to_down) <= 1) & (across + to_across <= 1)
    found: Array = (power * (near | mirrored)).sum((-2, -1))
    return found

"""When a place turns: the opposing changes of which two make a flash.

Each rule remembers, for each place, the extremes since its last turn. A change counts from an extreme, not from the
frame before, so that slow and stepwise changes count as one; and it counts once, when it has become large enough.
"""

from __future__ import annotations

from collections import deque

import numpy as np
import numpy.typing as npt

from hallucinate.safety.light import RED_PRIMARY, RED_SHARE, Array, Light, Mask

LEAST_CHANGE = 0.1
"""Of relative luminance: WCAG 2.2, "10% or more of the maximum relative luminance (1.0)"."""

DARKER_BELOW = 0.8
"""... "where the relative luminance of the darker image is below 0.80"."""

LEAST_RED_DISTANCE = 0.2
"""In CIE 1976 u′v′: WCAG 2.2, note on red flashes, after ISO 9241-391; more than this."""

LEAST_REDNESS = 20 / 320
"""Of R − G − B: WCAG 2.0 and 2.1, (R − G − B) × 320; more than 20."""

SECOND_NS = 1_000_000_000


class GeneralTurns:
    """Of relative luminance: WCAG 2.2, "general flash"."""

    def __init__(self, shape: tuple[int, int]) -> None:
        self._low, self._high = np.full(shape, np.inf), np.full(shape, -np.inf)
        self._direction = np.zeros(shape, np.int8)

    def update(self, light: Light) -> Mask:
        """Which places turn with this picture: (rows, columns)."""
        now = light.luminance
        np.minimum(self._low, now, out=self._low)
        np.maximum(self._high, now, out=self._high)
        rises = (now - self._low >= LEAST_CHANGE) & (self._low < DARKER_BELOW) & (self._direction <= 0)
        falls = (self._high - now >= LEAST_CHANGE) & (now < DARKER_BELOW) & (self._direction >= 0)
        turns: Mask = rises | falls
        self._low[turns] = self._high[turns] = now[turns]
        self._direction[turns] = np.where(rises, 1, -1)[turns]
        return turns


class RedTurns:
    """From or to a saturated red, in chromaticity: WCAG 2.2's note on red flashes, after ISO 9241-391.

    One state is a saturated red, and they differ by more than 0.2 in u′v′. Compared are the most saturated red since
    the last turn, and what was then farthest from sRGB's red.
    """

    def __init__(self, shape: tuple[int, int]) -> None:
        self._direction = np.zeros(shape, np.int8)
        self._saturation, self._red = np.zeros(shape), np.full((*shape, 2), np.nan)
        self._distance, self._far = np.full(shape, -np.inf), np.full((*shape, 2), np.nan)

    def update(self, light: Light) -> Mask:
        """Which places turn with this picture: (rows, columns)."""
        share, now = light.red_share, light.chromaticity
        is_red = share >= RED_SHARE
        distance = np.linalg.norm(now - RED_PRIMARY, axis=-1)
        self._remember(is_red & (share > self._saturation), distance > self._distance, share, distance, now)
        falls = (np.linalg.norm(self._red - now, axis=-1) > LEAST_RED_DISTANCE) & (self._direction >= 0)
        rises = (np.linalg.norm(self._far - now, axis=-1) > LEAST_RED_DISTANCE) & (self._direction <= 0) & is_red
        turns: Mask = rises | falls
        self._direction[turns] = np.where(rises, 1, -1)[turns]
        self._saturation[turns], self._red[turns] = 0, np.nan
        self._remember(turns & is_red, turns, share, distance, now)
        return turns

    def _remember(self, redder: Mask, farther: Mask, share: Array, distance: Array, now: Array) -> None:
        self._saturation[redder], self._red[redder] = share[redder], now[redder]
        self._distance[farther], self._far[farther] = distance[farther], now[farther]


class OldRedTurns:
    """From or to a saturated red, in R − G − B: WCAG 2.0's and 2.1's note on red flashes (Harding and Binnie 2002).

    Either state is a saturated red, and they differ by more than 20 in (R − G − B) × 320.
    """

    def __init__(self, shape: tuple[int, int]) -> None:
        self._direction = np.zeros(shape, np.int8)
        self._low, self._high = np.full(shape, np.inf), np.full(shape, -np.inf)
        self._red_low, self._red_high = np.full(shape, np.inf), np.full(shape, -np.inf)

    def update(self, light: Light) -> Mask:
        """Which places turn with this picture: (rows, columns)."""
        now, is_red = light.redness, light.red_share >= RED_SHARE
        self._remember(now, is_red)
        low, high = np.where(is_red, self._low, self._red_low), np.where(is_red, self._high, self._red_high)
        rises = (now - low > LEAST_REDNESS) & (self._direction <= 0)
        falls = (high - now > LEAST_REDNESS) & (self._direction >= 0)
        turns: Mask = rises | falls
        self._direction[turns] = np.where(rises, 1, -1)[turns]
        self._low[turns] = self._red_low[turns] = np.inf
        self._high[turns] = self._red_high[turns] = -np.inf
        self._remember(now, is_red)
        return turns

    def _remember(self, now: Array, is_red: Mask) -> None:
        np.minimum(self._low, now, out=self._low)
        np.maximum(self._high, now, out=self._high)
        np.minimum(self._red_low, now, out=self._red_low, where=is_red)
        np.maximum(self._red_high, now, out=self._red_high, where=is_red)


class LastSecond:
    """How often each place turned in the second that ends now, by the frames' own times: later than a second ago."""

    def __init__(self, shape: tuple[int, int]) -> None:
        self.counts: npt.NDArray[np.int16] = np.zeros(shape, np.int16)
        self._turns: deque[tuple[int, Mask]] = deque()

    def add(self, turns: Mask, time_ns: int) -> None:
        """What turned at a time, no earlier than any before it."""
        while self._turns and time_ns - self._turns[0][0] >= SECOND_NS:
            self.counts -= self._turns.popleft()[1]
        if turns.any():
            self._turns.append((time_ns, turns))
            self.counts += turns

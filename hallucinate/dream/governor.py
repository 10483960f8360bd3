"""Holds the frame rate: trades dream size, then steps, by what the loop's own turns cost. Never lets latency grow."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from hallucinate.settings import Settings

NOTCH = 32
"""Dream widths go in notches: few shapes, so that what is prepared per shape is used again, and its memory too."""

FULL = 0.85
"""Share of the frame's time that dreaming may fill; the rest is for the other threads."""

ROOMY = 0.65
"""Below this share there is room to grow. The gap to FULL is what keeps it from hunting."""


REPENT_S, LONGEST_PATIENCE_S = 10.0, 120.0
"""Growing that had to be taken back within so long doubles the patience before the next try, up to the longest."""

SETTLING = 4
"""Turns after a change that say nothing: a new size has its kernels chosen and its memory found first."""


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """What one frame is dreamed with: the width that the network sees, in pixels, and the steps taken."""

    width: int
    steps: int


class Governor:
    """Decides the operating point. Pure: it is told what turns cost and when, and never looks at a clock."""

    def __init__(self, window: int = 18, patience_s: float = 2.0) -> None:
        self._costs: deque[float] = deque(maxlen=window)
        self._shortest_patience_s = self._patience_s = patience_s
        self._changed_s = self._grown_s = float("-inf")
        self._width: int | None = None
        self._steps = 1
        self._ceiling: int | None = None
        self._settling = SETTLING

    def point(self, settings: Settings) -> OperatingPoint:
        """The point in force, inside the limits that the settings set now."""
        if self._width is None:
            # Start low: the first frame comes early, and growing looks better than stalling.
            self._width, self._steps = (settings.dream_width_min + settings.dream_width) // 2, 1
        top = settings.dream_width if self._ceiling is None else min(settings.dream_width, self._ceiling)
        width = max(min(settings.dream_width_min, top), min(top, self._width))
        return OperatingPoint(width // NOTCH * NOTCH, min(settings.steps, self._steps))

    def observe(self, cost_s: float, now_s: float, settings: Settings) -> None:
        """Take note of what a turn cost, in seconds, and move the point when the window says so.

        The costliest octave of a cycle must fit as well, so the judge is the upper third, not the mean; a
        few turns that something else on the machine held up are no reason to go lower.
        """
        if self._settling > 0:
            self._settling -= 1
            return
        self._costs.append(cost_s)
        if len(self._costs) < (self._costs.maxlen or 0) // 2:
            return
        ordered = sorted(self._costs)
        load = ordered[int(0.7 * (len(ordered) - 1))] * settings.fps
        if load > FULL:
            self._less(load, now_s, settings)
        elif load < ROOMY and len(self._costs) == self._costs.maxlen and now_s - self._changed_s > self._patience_s:
            self._more(load, now_s, settings)

    def out_of_memory(self, settings: Settings) -> int:
        """Go a size down and stay there; returns the width that is the ceiling from now on."""
        self._ceiling = max(settings.dream_width_min, int(self.point(settings).width * 0.75) // NOTCH * NOTCH)
        self._costs.clear()
        return self._ceiling

    def _less(self, load: float, now_s: float, settings: Settings) -> None:
        now = self.point(settings)
        too_much = now_s - self._grown_s < REPENT_S
        self._patience_s = min(2 * self._patience_s, LONGEST_PATIENCE_S) if too_much else self._shortest_patience_s
        if now.width > settings.dream_width_min:
            # Cost goes with the area; half-way between the two targets leaves room on both sides.
            wanted = now.width * ((FULL + ROOMY) / 2 / load) ** 0.5
            self._set(max(settings.dream_width_min, min(int(wanted), now.width - NOTCH)), now.steps, now_s)
        elif now.steps > 1:
            self._set(now.width, now.steps - 1, now_s)

    def _more(self, load: float, now_s: float, settings: Settings) -> None:
        now, self._grown_s = self.point(settings), now_s
        if now.steps < settings.steps and load * (now.steps + 1) / now.steps < FULL:
            self._set(now.width, now.steps + 1, now_s)
        elif now.width < settings.dream_width:
            # At most a quarter wider at once: the estimate is for a machine that others use too.
            wanted = min(now.width * 1.25, now.width * ((FULL + ROOMY) / 2 / max(load, 1e-3)) ** 0.5)
            self._set(min(settings.dream_width, max(int(wanted), now.width + NOTCH)), now.steps, now_s)

    def _set(self, width: int, steps: int, now_s: float) -> None:
        self._width, self._steps, self._changed_s, self._settling = width, steps, now_s, SETTLING
        self._costs.clear()

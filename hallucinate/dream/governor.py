"""Holds the frame rate: trades dream size, then steps, by what the loop's own turns cost. Never lets latency grow.

Where one step at the least width is still too much, steps are taken on every second or third frame: the others keep
what was dreamed, and the next step is as much longer.

It looks at the newest turns, half a second of them, and changes the point when they say too much or too little, and the
next as many, all new, say it again: what something else on the machine held up for a moment is gone by then. After a
change of its own it goes on in the same direction at the first look. So a load that is four times what it was, or a
quarter, is answered within 2 s at 20 frames a second and more, and at 10 within 4 s.
"""

from __future__ import annotations

import math
import sys

from hallucinate.frame import OperatingPoint
from hallucinate.settings import Settings

NOTCH = 32
"""Dream widths go in notches: few shapes, so that what is prepared per shape is used again, and its memory too."""

FULL = 0.85
"""Share of the frame's time that dreaming may fill; the rest is for the other threads."""

ROOMY = 0.65
"""Below this share there is room to grow. The gap to FULL is what keeps it from hunting."""

GOAL = (FULL + ROOMY) / 2
"""The share that a change aims at: room on both sides."""

LOOK_S, CYCLES, LONG_LOOK_S = 0.5, 4, 0.5
"""Seconds of turns that a look takes in; at a low frame rate, so many cycles of octaves. Turns so slow that dreaming
alone took LONG_LOOK_S are looked at for two cycles only."""

PAUSE_S = 0.3
"""A turn that came so long after the one before says what waking costs, not what dreaming costs."""

PATIENCE_S, LONGEST_PATIENCE_S, REPENT_S = 0.5, 120.0, 10.0
"""Seconds from a change to growing. Growing that had to be taken back within REPENT_S doubles them, up to the longest;
otherwise they are the first again."""

CHEAPER = 0.7
"""Where the load is this share of what it was when the dream last grew, what patience was learnt from is over."""

LONGEST_INTERVAL = 3
"""Steps are taken on every third frame at least: at 20 frames a second, seven times a second."""

START = 320
"""The width of the first frame, at most, where nothing is known: growing looks better than stalling."""

FLATTEST = 0.5
"""How far from in proportion cost may be taken to go with the work: this share of the slope, at the least."""


class Governor:
    """Decides the operating point. Pure: it is told what turns cost and when, and never looks at a clock.

    start: the point of the first frame, inside the settings' limits; None starts low.
    """

    def __init__(self, start: OperatingPoint | None = None) -> None:
        self._point = start
        self._ceiling = self._widest = sys.maxsize
        self._costs: list[float] = []
        self._unstepped_s = 0.0
        self._settling = 0
        self._believed: tuple[int, ...] = ()
        self._before: tuple[int, float] | None = None
        self._patience_s, self._grown_load = PATIENCE_S, 0.0
        self._seen_s = self._changed_s = self._grown_s = -math.inf

    def point(self, settings: Settings) -> OperatingPoint:
        """The point in force, inside the limits that the settings set now."""
        now = self._point or OperatingPoint(min(START, (settings.dream_width_min + settings.dream_width) // 2), 1)
        return OperatingPoint(self._notch(now.width, settings), min(settings.steps, now.steps), now.step_interval)

    def fit_frames(self, width: int) -> None:
        """Frames are so wide now: a dream is no wider, whatever the settings allow, and a portrait one narrower."""
        self._widest = width

    def observe(self, cost_s: float, now_s: float, settings: Settings, stepped: bool = True) -> None:
        """Take note of what a turn cost, in seconds, and when it was done; move the point when it is time to.

        stepped: whether steps were taken. Turns without are known by the last one's cost, and judged with the others.

        A cycle's octaves cost differently, and a turn that is a little late makes it up on the next, cheaper one. So
        the judge is midway between the median of all turns and that of the costliest octave's: of all with one
        octave, of a half with two, of a third with more. The mean of a cycle is below it.
        """
        self._point = self._point or self.point(settings)
        idle_s, self._seen_s = now_s - self._seen_s - cost_s, now_s
        if idle_s > max(PAUSE_S, 2 / settings.fps):
            self._look_anew((-1, 1), settings.octaves + 1)
        if not stepped:
            self._unstepped_s = cost_s
            return
        if self._settling > 0:
            self._settling -= 1
            return
        interval = self.point(settings).step_interval
        look = max(CYCLES * settings.octaves, round(LOOK_S * settings.fps))
        if interval > 1:
            look = max(2 * settings.octaves, look // interval)
        self._costs = [*self._costs, cost_s][-look:]
        seen = len(self._costs)
        if seen < look and not (sum(self._costs) > LONG_LOOK_S and seen >= 2 * settings.octaves):
            return
        ordered = sorted(self._costs)
        load = (ordered[seen // 2] + ordered[-1 - seen // (2 * min(settings.octaves, 3))]) / 2 * settings.fps
        load = (load + (interval - 1) * self._unstepped_s * settings.fps) / interval
        if load < CHEAPER * self._grown_load:
            self._patience_s = PATIENCE_S
        verdict = 1 if load > FULL else -1 if load < ROOMY and now_s - self._changed_s > self._patience_s else 0
        if verdict == 0:
            self._believed, self._before = (), None
        elif verdict not in self._believed:
            self._before = None
            self._look_anew((verdict,))
        elif verdict > 0:
            self._less(load, now_s, settings)
        else:
            self._more(load, now_s, settings)

    def out_of_memory(self, settings: Settings) -> int:
        """Go a size down and stay there; returns the width that is the ceiling from now on."""
        self._ceiling = max(settings.dream_width_min, int(self.point(settings).width * 0.75) // NOTCH * NOTCH)
        self._look_anew((-1, 1), settings.octaves + 1)
        return self._ceiling

    def _less(self, load: float, now_s: float, settings: Settings) -> None:
        now, fits = self.point(settings), self._fitting(load, settings)
        width = self._notch(min(math.isqrt(fits // now.steps), now.width - NOTCH), settings)
        # Steps go when the least width is still too much.
        steps = now.steps if width < now.width else max(1, min(fits // width**2, now.steps - 1))
        least = (width, steps) == (now.width, now.steps)
        longer = max(now.step_interval, self._interval(load, now.step_interval, settings))
        point = OperatingPoint(width, steps, longer if least else now.step_interval)
        if point == now:
            return
        too_much = now_s - self._grown_s < REPENT_S
        self._patience_s = min(2 * self._patience_s, LONGEST_PATIENCE_S) if too_much else PATIENCE_S
        self._change(point, 1, load, now_s, settings)

    def _more(self, load: float, now_s: float, settings: Settings) -> None:
        now = self.point(settings)
        # A long step interval is what looks worst: it is shortened before the dream grows.
        interval = self._interval(load, now.step_interval, settings)
        if interval > 1:
            if interval < now.step_interval:
                self._grown_s, self._grown_load = now_s, load
                self._change(OperatingPoint(now.width, now.steps, interval), -1, load, now_s, settings)
            return
        load = self._stepped_load(load, now.step_interval, settings)
        fits = self._fitting(load, settings)
        steps = max(now.steps, min(fits // now.width**2, settings.steps))
        width = max(now.width, self._notch(math.isqrt(fits // steps), settings))
        if OperatingPoint(width, steps) != now:
            self._grown_s, self._grown_load = now_s, load
            self._change(OperatingPoint(width, steps), -1, load, now_s, settings)

    def _interval(self, load: float, interval: int, settings: Settings) -> int:
        """The shortest step interval that brings this load, measured at ``interval``, below the goal."""
        unstepped, stepped = self._unstepped_s * settings.fps, self._stepped_load(load, interval, settings)
        fits = (n for n in range(1, LONGEST_INTERVAL) if (stepped + (n - 1) * unstepped) / n < GOAL)
        return next(fits, LONGEST_INTERVAL)

    def _stepped_load(self, load: float, interval: int, settings: Settings) -> float:
        """The load that a point with this step interval would have with steps on every frame."""
        return load * interval - (interval - 1) * self._unstepped_s * settings.fps

    def _fitting(self, load: float, settings: Settings) -> int:
        """The work that would meet the goal, on the line through this load and the one just before a change."""
        work = self.point(settings).work
        slope = max(load, 1e-6) / work
        if self._before is not None and self._before[0] != work:
            found = (load - self._before[1]) / (work - self._before[0])
            slope = min(max(found, FLATTEST * slope), slope)
        return max(1, int(work + (GOAL - load) / slope))

    def _change(self, point: OperatingPoint, verdict: int, load: float, now_s: float, settings: Settings) -> None:
        self._before, self._point, self._changed_s = (self.point(settings).work, load), point, now_s
        self._look_anew((verdict,), settings.octaves + 1)

    def _look_anew(self, believed: tuple[int, ...], settling: int = 0) -> None:
        """Forget what turns cost; ``believed`` are the verdicts that the next look alone will do for.

        settling: turns that say nothing, for a new size has its kernels chosen and its memory found first.
        """
        self._costs, self._believed, self._settling = [], believed, settling

    def _notch(self, width: float, settings: Settings) -> int:
        """The notch at or under a width, inside the limits."""
        top = min(settings.dream_width, self._ceiling, self._widest)
        return max(min(settings.dream_width_min, top), int(min(width, top)) // NOTCH * NOTCH)

"""What was measured of a film, from its first picture to its last: the worst moment, and what fails."""

from __future__ import annotations

from array import array
from dataclasses import dataclass

from hallucinate.frame import Picture, shrunk
from hallucinate.safety.light import Mask
from hallucinate.safety.measure import MOST_SHARE, Flashing, Reading, Rule
from hallucinate.safety.patterns import LEAST_S, Stripes

SNAPSHOT = 480
"""Width of the worst moment's picture, in pixels."""

RUN_GAP_S = 0.5
"""Failing frames so near to each other are one stretch."""


@dataclass
class Stretch:
    """Frames one after the other that fail by one rule. start_s, end_s: of its first and last. worst: the most of a
    field in it. area: the most of the picture. eye: 0, or 1 for the right one of a pair."""

    rule: Rule
    start_s: float
    end_s: float
    frames: int
    worst: Flashing
    area: float
    eye: int


@dataclass(frozen=True)
class Moment:
    """The worst one. by: the rule. picture: uint8 RGB, small. places: what flashed, (rows, columns)."""

    time_s: float
    by: Rule
    flashing: Flashing
    eye: int
    picture: Picture
    places: Mask


class FlashReport:
    """Collects readings, a few numbers of each.

    times_s, luminance, redness: of each picture. shares, rates: by rule. stretches: that fail. moment: the worst, None
    where nothing flashed. patterns: (start, end, most) of stretches with stripes, in seconds.
    """

    def __init__(self) -> None:
        self.times_s, self.luminance, self.redness = array("d"), array("d"), array("d")
        self.shares = {rule: array("d") for rule in Rule}
        self.rates = {rule: array("d") for rule in Rule}
        self.failing = 0
        self.stretches: list[Stretch] = []
        self.moment: Moment | None = None
        self._striped: list[tuple[float, float, Stripes]] = []
        self._stripes_end = False

    @property
    def fails(self) -> bool:
        """Whether any picture fails by any rule."""
        return self.failing > 0

    @property
    def patterns(self) -> list[tuple[float, float, Stripes]]:
        """Stretches with regular stripes that last long enough to warn of."""
        return [each for each in self._striped if each[1] - each[0] >= LEAST_S]

    def add(self, readings: list[Reading]) -> bool:
        """What was read of one picture, by eye. Returns whether it is the worst so far: then ``keep`` it."""
        time_s = readings[0].time_ns / 1e9
        self.times_s.append(time_s)
        self.luminance.append(sum(each.luminance for each in readings) / len(readings))
        self.redness.append(sum(each.redness for each in readings) / len(readings))
        for rule in Rule:
            found = [each.flashing[rule] for each in readings]
            self.shares[rule].append(max(each.share for each in found))
            self.rates[rule].append(max(each.rate for each in found))
            for eye, flashing in enumerate(found):
                if flashing.fails:
                    self._extend(rule, time_s, flashing, eye)
        self.failing += any(each.fails for each in readings)
        # Of equal shares the more often; shares are sums, which are not equal to the last digit.
        worst = max((round(each.share, 6), each.rate) for reading in readings for each in reading.flashing.values())
        moment = self.moment
        return worst[0] > 0 and (moment is None or worst > (round(moment.flashing.share, 6), moment.flashing.rate))

    def keep(self, reading: Reading, eye: int, picture: Picture, places: Mask) -> None:
        """Remember a picture, uint8 RGB (H, W, 3), as the worst so far."""
        by, width = reading.worst, min(SNAPSHOT, picture.shape[1])
        small = shrunk(picture, width, max(1, round(picture.shape[0] * width / picture.shape[1])))
        self.moment = Moment(reading.time_ns / 1e9, by, reading.flashing[by], eye, small, places)

    def add_stripes(self, time_s: float, stripes: Stripes) -> None:
        """What stripes are in a picture; pictures in order, some of them."""
        if stripes.warns:
            if self._stripes_end:
                start, _, most = self._striped.pop()
                self._striped.append((start, time_s, max(stripes, most, key=lambda each: each.area)))
            else:
                self._striped.append((time_s, time_s, stripes))
        self._stripes_end = stripes.warns

    def _extend(self, rule: Rule, time_s: float, flashing: Flashing, eye: int) -> None:
        for each in reversed(self.stretches):
            if (each.rule, each.eye) == (rule, eye):
                if time_s - each.end_s > RUN_GAP_S:
                    break
                each.end_s, each.frames = time_s, each.frames + 1
                each.area = max(each.area, flashing.area)
                each.worst = max(each.worst, flashing, key=lambda one: one.share)
                return
        self.stretches.append(Stretch(rule, time_s, time_s, 1, flashing, flashing.area, eye))


RULES = {
    Rule.GENERAL: "luminance",
    Rule.RED: "red (WCAG 2.2)",
    Rule.OLD_RED: "red (WCAG 2.0)",
}
"""The rules, as people read them."""

ROWS = 24
"""Of the table over time, at most."""


def report_lines(report: FlashReport) -> list[str]:
    """The report in words, a line each: the verdict, what fails, warnings, and a table over time."""
    lines = [verdict(report), *(describe(each) for each in report.stretches)]
    for start, end, stripes in report.patterns:
        lines.append(
            f"warning: regular stripes from {start:.2f} to {end:.2f} s, {stripes.pairs:.0f} light-dark pairs on "
            f"{stripes.area:.0%} of the picture; five pairs, or a quarter of it, are the limit"
        )
    return [*lines, *over_time(report)]


def verdict(report: FlashReport) -> str:
    """Whether it passes, and the worst moment."""
    word = "FAILS" if report.fails else "passes"
    moment = report.moment
    if moment is None:
        rate = max(max(rates) for rates in report.rates.values())
        return f"{word}: nothing flashes more than three times in a second (at most {rate:g} times)"
    return (
        f"{word}: at worst, in the second to {moment.time_s:.2f} s, {moment.flashing.share:.2f} of a 10° field flashes "
        f"{moment.flashing.rate:g} times a second by {RULES[moment.by]}{place(moment.flashing, moment.eye)}; "
        f"{MOST_SHARE:g} of a field is the limit, above three times"
    )


def describe(stretch: Stretch) -> str:
    """A stretch that fails, in a line."""
    worst = stretch.worst
    frames = f"{stretch.frames} frame{'s' if stretch.frames != 1 else ''}"
    return (
        f"{RULES[stretch.rule]}: {frames} from {stretch.start_s:.2f} to {stretch.end_s:.2f} s, up to "
        f"{worst.share:.2f} of a field, {stretch.area:.0%} of the picture{place(worst, stretch.eye)}"
    )


def place(flashing: Flashing, eye: int) -> str:
    """Where the worst field is."""
    x, y = flashing.centre
    return f", around {x:.0%} of the width and {y:.0%} of the height{' in the right eye' if eye else ''}"


def over_time(report: FlashReport) -> list[str]:
    """Luminance, red and flashes by the second, or by several seconds of a long film."""
    first, last = report.times_s[0], report.times_s[-1]
    step = max(1, -(-int(last - first + 1) // ROWS))
    bins: dict[int, list[int]] = {}
    for n, time in enumerate(report.times_s):
        bins.setdefault(int((time - first) / step), []).append(n)
    lines = ["    time s    luminance     red   flashes/s   of a field"]
    for number, frames in bins.items():
        light = [report.luminance[n] for n in frames]
        red = max(report.redness[n] for n in frames)
        rate = max(rates[n] for n in frames for rates in report.rates.values())
        share = max(shares[n] for n in frames for shares in report.shares.values())
        mark = "  fails" if share > MOST_SHARE else ""
        lines.append(
            f"{first + number * step:10.1f}   {min(light):.2f}–{max(light):.2f}   {red:5.2f}   {rate:9.1f}   "
            f"{share:10.2f}{mark}"
        )
    return lines

"""The measure: pictures go in with their times, and out comes what flashes, place by place, and how much of a field."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from hallucinate.frame import Picture
from hallucinate.safety.light import Light, Mask
from hallucinate.safety.turns import GeneralTurns, LastSecond, OldRedTurns, RedTurns
from hallucinate.safety.viewing import Fields, Viewing

MOST_TURNS = 6
"""In a second: WCAG 2.2, "no more than three" flashes, of two turns each. A seventh turn is half a flash too many."""

MOST_SHARE = 0.25
"""Of any field: WCAG 2.2, "25% of any 10 degree visual field", 0.006 sr."""


class Rule(StrEnum):
    """GENERAL: of luminance. RED: of a saturated red, by WCAG 2.2. OLD_RED: the same by WCAG 2.0 and 2.1."""

    GENERAL = "general"
    RED = "red"
    OLD_RED = "red_2_0"


TURNS: dict[Rule, type[GeneralTurns | RedTurns | OldRedTurns]] = {
    Rule.GENERAL: GeneralTurns,
    Rule.RED: RedTurns,
    Rule.OLD_RED: OldRedTurns,
}


@dataclass(frozen=True)
class Flashing:
    """What flashes more than three times in the second that ends with a frame, by one rule.

    share: of the worst field, 0 to 1; it fails over MOST_SHARE. centre: of that field, (x, y) as shares of the
    picture's width and height. rate: flashes in that second at the worst place, in halves. area: share of the picture.
    """

    share: float = 0.0
    centre: tuple[float, float] = (0.5, 0.5)
    rate: float = 0.0
    area: float = 0.0

    @property
    def fails(self) -> bool:
        """Whether so much of a field flashes too often."""
        return self.share > MOST_SHARE


@dataclass(frozen=True)
class Reading:
    """What a picture adds. time_ns: its own. luminance, redness: means over the picture, 0 to 1. flashing: by rule."""

    time_ns: int
    luminance: float
    redness: float
    flashing: dict[Rule, Flashing]

    @property
    def worst(self) -> Rule:
        """The rule by which most of a field flashes."""
        return max(self.flashing, key=lambda rule: (self.flashing[rule].share, self.flashing[rule].rate))

    @property
    def fails(self) -> bool:
        """Whether it fails by any rule."""
        return any(each.fails for each in self.flashing.values())


class FlashMeasure:
    """Measures the pictures of one stream, all of one size, as they come. Not safe between threads."""

    def __init__(self, viewing: Viewing, height: int, width: int, place_px: float | None = None) -> None:
        """height, width: of the pictures. place_px: of a place, where it is not as ``Viewing.places`` has it."""
        self.viewing, self._size = viewing, (height, width)
        self._shape = viewing.places(height, width, place_px)
        self._fields = Fields(viewing, height, width, *self._shape)
        self._rules = {rule: (turns(self._shape), LastSecond(self._shape)) for rule, turns in TURNS.items()}

    def add(self, picture: Picture, time_ns: int) -> Reading:
        """The next picture, uint8 RGB (H, W, 3), and when it is shown: no earlier than the one before.

        Raises ValueError for a picture of another size.
        """
        if picture.shape[:2] != self._size:
            raise ValueError(f"a picture of {picture.shape[1]}×{picture.shape[0]}, not of the first one's size")
        light = Light.of_picture(picture, *self._shape)
        found = {}
        for rule, (turns, last_second) in self._rules.items():
            last_second.add(turns.update(light), time_ns)
            found[rule] = self._flashing(last_second)
        weights = self._fields.weights[:, None]
        luminance, redness = (float((each * weights).sum()) for each in (light.luminance, light.redness))
        return Reading(time_ns, luminance, redness, found)

    def places(self, rule: Rule) -> Mask:
        """Which places flash more than three times in the last second: (rows, columns)."""
        return self._rules[rule][1].counts > MOST_TURNS

    def _flashing(self, last_second: LastSecond) -> Flashing:
        rate = int(last_second.counts.max()) / 2
        places = last_second.counts > MOST_TURNS
        if not places.any():
            return Flashing(rate=rate)
        shares = self._fields.shares(places)
        row, column = np.unravel_index(np.argmax(shares), self._shape)
        centre = (float(column) + 0.5) / self._shape[1], (float(row) + 0.5) / self._shape[0]
        area = float((places * self._fields.weights[:, None]).sum())
        return Flashing(float(shares[row, column]), centre, rate, area)

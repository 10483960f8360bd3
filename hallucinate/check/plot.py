"""The report as a picture: luminance, red and flashes over time, and the worst moment with the places that flash."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TypeVar

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from hallucinate.check.film_check import CheckedFilm
from hallucinate.check.flash_report import RULES, Moment, verdict
from hallucinate.frame import Picture
from hallucinate.safety.measure import MOST_SHARE, Rule

WIDTH, PANEL, MARGIN, TEXT = 1280, 150, 56, 14
PAPER, INK, FAINT, FAILING = (255, 255, 255), (32, 32, 32), (190, 190, 190), (255, 220, 214)
GREY, RED, BLUE, ORANGE = (70, 70, 70), (200, 30, 30), (30, 90, 200), (230, 130, 0)
RULE_COLOURS = {Rule.GENERAL: BLUE, Rule.RED: RED, Rule.OLD_RED: ORANGE}


def draw_plot(film: CheckedFilm, name: str) -> Picture:
    """Panels one above the other, all on one time axis; uint8 RGB (H, 1280, 3). name: of the film."""
    report, moment = film.report, film.report.moment
    snapshot = None if moment is None else highlighted(moment)
    top = 3 * MARGIN
    below = 0 if snapshot is None else snapshot.shape[0] + MARGIN
    page = Image.new("RGB", (WIDTH, top + 4 * (PANEL + MARGIN) + below), PAPER)
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(TEXT)
    draw.text((MARGIN, 16), name, INK, ImageFont.load_default(TEXT + 4))
    draw.text((MARGIN, 44), f"{film.viewing}; {len(report.times_s)} frames", INK, font)
    for n, line in enumerate(textwrap.wrap(verdict(report), 150)):
        draw.text((MARGIN, 66 + n * (TEXT + 4)), line, RED if report.fails else INK, font)
    most = max(4.0, *(max(rates) for rates in report.rates.values()))
    shares: Lines = {RULES[rule]: (RULE_COLOURS[rule], report.shares[rule]) for rule in Rule}
    rates: Lines = {RULES[rule]: (RULE_COLOURS[rule], report.rates[rule]) for rule in Rule}
    panels: list[tuple[str, Lines, float, float | None]] = [
        ("relative luminance, mean", {"": (GREY, report.luminance)}, 1.0, None),
        ("red, mean of R - G - B", {"": (RED, report.redness)}, 1.0, None),
        ("share of the worst 10° field that flashes more than three times a second", shares, 1.0, MOST_SHARE),
        ("flashes a second, at the worst place", rates, most, 3.0),
    ]
    times = np.asarray(report.times_s)
    failing = [(each.start_s, each.end_s) for each in report.stretches]
    for n, (title, lines, highest, limit) in enumerate(panels):
        box = (MARGIN, top + n * (PANEL + MARGIN), WIDTH - MARGIN, top + n * (PANEL + MARGIN) + PANEL)
        Panel(draw, font, box, (float(times[0]), float(times[-1])), highest).draw(title, times, lines, failing, limit)
    if moment is not None and snapshot is not None:
        y = top + 4 * (PANEL + MARGIN)
        page.paste(Image.fromarray(snapshot), (MARGIN, y))
        note = f"{moment.time_s:.2f} s: the places that flash, by {RULES[moment.by]}; the others are darker"
        draw.text((MARGIN, y - 22), note, INK, font)
    return np.asarray(page, np.uint8)


Lines = dict[str, tuple[tuple[int, int, int], Sequence[float]]]
"""Colour and values of lines, by their names."""


Second = TypeVar("Second", float, npt.NDArray[np.float64])


class Panel:
    """One pair of axes, with time to the right."""

    def __init__(
        self,
        draw: ImageDraw.ImageDraw,
        font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
        box: tuple[int, int, int, int],
        span_s: tuple[float, float],
        highest: float,
    ) -> None:
        """box: left, top, right, bottom, in pixels. span_s: first and last second. highest: value at the top."""
        self._draw, self._font, self._box, self._span_s, self._highest = draw, font, box, span_s, highest

    def draw(
        self,
        title: str,
        times: npt.NDArray[np.float64],
        lines: Lines,
        failing: Sequence[tuple[float, float]],
        limit: float | None,
    ) -> None:
        """Draw stretches that fail, a limit, and the lines. times: of all lines' values, in seconds."""
        left, top, right, bottom = self._box
        for start, end in failing:
            self._draw.rectangle((self._x(start), top, max(self._x(end), self._x(start) + 1), bottom), FAILING)
        if limit is not None:
            self._draw.line((left, self._y(limit), right, self._y(limit)), FAINT)
        for colour, values in lines.values():
            self._line(times, np.asarray(values), colour)
        self._draw.rectangle(self._box, None, INK)
        self._draw.text((left, top - 20), title, INK, self._font)
        x = right
        for name, (colour, _) in reversed(lines.items()):
            x -= round(self._font.getlength(name)) + 16
            self._draw.text((x, top - 20), name, colour, self._font)
        for value in (0.0, self._highest):
            self._draw.text((8, self._y(value) - TEXT // 2), f"{value:g}", INK, self._font)
        for share in (0.0, 0.25, 0.5, 0.75, 1.0):
            second = self._span_s[0] + share * (self._span_s[1] - self._span_s[0])
            self._draw.text((left + share * (right - left) - 12, bottom + 4), f"{second:.1f} s", INK, self._font)

    def _line(
        self, times: npt.NDArray[np.float64], values: npt.NDArray[np.float64], colour: tuple[int, int, int]
    ) -> None:
        """Where there are more values than columns, each column has its lowest and its highest."""
        columns = np.round(self._x(times)).astype(int)
        starts = np.flatnonzero(np.diff(columns, prepend=columns[0] - 1))
        lowest, highest = np.minimum.reduceat(values, starts), np.maximum.reduceat(values, starts)
        points = [
            (int(columns[start]), float(self._y(value)))
            for start, low, high in zip(starts, lowest, highest, strict=True)
            for value in ((low, high) if low < high else (low,))
        ]
        self._draw.line(points if len(points) > 1 else points * 2, colour, 2)

    def _x(self, second: Second) -> Second:
        left, _, right, _ = self._box
        start, end = self._span_s
        return left + (second - start) / max(end - start, 1e-9) * (right - left)

    def _y(self, value: float) -> float:
        _, top, _, bottom = self._box
        return bottom - min(value / self._highest, 1.0) * (bottom - top)


def highlighted(moment: Moment) -> Picture:
    """The worst picture, with the places that flash as they are and all others darker: uint8 RGB (H, W, 3)."""
    height, width = moment.picture.shape[:2]
    flashing = cv2.resize(moment.places.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST)
    return np.asarray(moment.picture * (0.25 + 0.75 * flashing[..., None]), np.uint8)

"""A film, measured from its first frame to its last."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import av

from hallucinate.check.flash_report import FlashReport
from hallucinate.dream.surface import eyes
from hallucinate.film.film_reader import FilmFacts, FilmReader, Span
from hallucinate.frame import Picture
from hallucinate.panorama.fitting import Fitting, check_shape, read_panorama_spec
from hallucinate.panorama.remap import Layout, eye_size
from hallucinate.safety.measure import FlashMeasure
from hallucinate.safety.patterns import find_stripes
from hallucinate.safety.viewing import DESK_DEGREES, HALF_SPHERE, SCREEN_DEGREES, SPHERE, Surface, Viewing
from hallucinate.sources.decode import pixel_shape
from hallucinate.sources.pixels import upright_rgb

MOST_WIDTH = 2048
"""Wider pictures, of one eye, are made smaller first: places are a hundredth of it and more."""

STRIPES_EVERY_S = 0.2
"""How often stripes are looked for: they count from half a second on."""


@dataclass(frozen=True)
class CheckJob:
    """A film, and how it is seen.

    headset: on the headset page's curved screen; otherwise on a desk. degrees: the picture's width, None for what that
    is by default. panorama: as after ``--panorama``. A panorama is judged on its sphere, whatever else is named.
    """

    film: Path
    headset: bool = False
    degrees: float | None = None
    panorama: str = "auto"


@dataclass(frozen=True)
class CheckedFilm:
    """What was found. size: (width, height) as judged, of one eye. damaged: frames or packets that did not decode."""

    job: CheckJob
    viewing: Viewing
    size: tuple[int, int]
    damaged: int
    report: FlashReport


class FilmViews:
    """How a film's frames become the pictures that eyes see.

    viewing: of each. size: (width, height) of each.
    """

    def __init__(self, job: CheckJob, facts: FilmFacts) -> None:
        """Raises PanoramaError, LensError or SourceUnavailable for a panorama that cannot be."""
        spec = facts.panorama if job.panorama == "auto" else read_panorama_spec(job.panorama)
        self._layout = Layout.MONO if spec is None else Layout(spec.layout)
        self._fitting: Fitting | None = None
        whole = upright_shape(facts)
        if spec is None:
            self.viewing = flat_viewing(job, whole)
        else:
            check_shape(spec, facts.upright_size)
            eye_size(spec.layout, facts.upright_size)
            self.viewing = HALF_SPHERE if spec.becomes == "half-equirect" else SPHERE
            self._fitting = None if spec.kind in ("equirect", "half-equirect") else Fitting(spec)
        self._whole = shrunk_size(whole if spec is None else facts.upright_size, self._layout)
        size = self._whole if self._fitting is None else self._fitting.size
        self.size = eye_size(self._layout, size)

    def pictures(self, frame: av.VideoFrame) -> tuple[Picture, ...]:
        """What the only eye sees, or the left and the right: uint8 RGB (H, W, 3) each."""
        picture = upright_rgb(frame, self._whole)
        return eyes(picture if self._fitting is None else self._fitting.picture(picture), self._layout)


def flat_viewing(job: CheckJob, size: tuple[int, int]) -> Viewing:
    """How a flat picture of that (width, height) is seen: on a desk it fits on WCAG's screen of 1024 × 768."""
    if job.headset:
        return Viewing(Surface.CURVED, job.degrees or SCREEN_DEGREES)
    return Viewing(Surface.DESK, job.degrees or DESK_DEGREES * min(1.0, 0.75 * size[0] / size[1]))


def upright_shape(facts: FilmFacts) -> tuple[int, int]:
    """(width, height) of a film's pictures as players show them: turned, and with square pixels."""
    aspect = pixel_shape(float(facts.pixel_aspect or 1))
    stored = max(1, round(facts.decoded.width * aspect)), facts.decoded.height
    return facts.orientation.size(*stored)


def shrunk_size(size: tuple[int, int], layout: Layout) -> tuple[int, int]:
    """The same shape, for each eye at most MOST_WIDTH wide; whole pixels for each eye."""
    columns, rows = (2 if layout is Layout.SIDE_BY_SIDE else 1), (2 if layout is Layout.TOP_BOTTOM else 1)
    scale = min(1.0, MOST_WIDTH * columns / size[0])
    width, height = (max(1, round(side * scale / parts)) for side, parts in zip(size, (columns, rows), strict=True))
    return width * columns, height * rows


def check_film(job: CheckJob, done: Callable[[int], None]) -> CheckedFilm:
    """Measure a film. done: called with how many frames are done.

    Raises SourceError for what is not a film or cannot be read, PanoramaError and LensError for a panorama that cannot
    be.
    """
    with FilmReader(job.film) as film:
        views, report = FilmViews(job, film.facts), FlashReport()
        measures: list[FlashMeasure] = []
        stripes_at = -STRIPES_EVERY_S
        for n, (time, frame) in enumerate(film.frames(Span()), 1):
            pictures = views.pictures(frame)
            measures = measures or [FlashMeasure(views.viewing, *each.shape[:2]) for each in pictures]
            at = time * film.facts.time_base
            readings = [
                measure.add(picture, round(at * 1_000_000_000))
                for measure, picture in zip(measures, pictures, strict=True)
            ]
            if report.add(readings):
                shares = [reading.flashing[reading.worst].share for reading in readings]
                eye = shares.index(max(shares))
                report.keep(readings[eye], eye, pictures[eye], measures[eye].places(readings[eye].worst))
            if at - stripes_at >= STRIPES_EVERY_S:
                stripes_at = float(at)
                report.add_stripes(stripes_at, find_stripes(pictures[0]))
            done(n)
        return CheckedFilm(job, views.viewing, views.size, film.damaged, report)

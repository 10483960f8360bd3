"""``hallucinate film``: films dreamed one after the other, or over many machines, with a progress bar and a summary."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from hallucinate.console import open_console
from hallucinate.dream_request import complete_settings
from hallucinate.errors import HallucinateError, OutputError, SourceUnavailable
from hallucinate.film.distributed import render_distributed
from hallucinate.film.film_job import FilmJob
from hallucinate.film.film_reader import FilmReader
from hallucinate.film.frame_renderers import RendererFactory, renderer_factory
from hallucinate.film.parts import finished_frames, parts_folder
from hallucinate.film.rendering import plan_film, render_film
from hallucinate.film.reports import announce, summary
from hallucinate.networks.listing import outline
from hallucinate.progress import progress_bar

FILM_ENDINGS = (
    ".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".mts", ".m2ts", ".wmv", ".flv",
    ".3gp", ".3g2", ".asf", ".dv", ".f4v", ".gif", ".insv", ".mod", ".mxf", ".ogv", ".tod", ".vob",
)  # fmt: skip
"""Endings by which a film is found in a folder."""

SAME_ENDINGS = (".mp4", ".m4v", ".mov", ".mkv", ".wmv")
"""Films with these endings have them in a folder of outputs too; the others become .mkv, which holds every sound but
Windows' own."""


def render_films(sources: list[Path], out: Path, template: FilmJob, ray: str | None = None) -> None:
    """Dream films.

    out: a film for one, a folder for several or for a folder of them. template: all else of each job. ray: an address,
    to dream them over many machines. Raises HallucinateError when a film was not made.
    """
    request = template.request
    if not request.preset:
        pictures = [kind for kind, path in request.pictures().items() if path is not None]
        network = outline(request.network, request.network_options.run_code)
        settings = complete_settings(request.settings, pictures, network)
        template = replace(template, request=replace(request, settings=settings))
    jobs, console = film_jobs(sources, out, template), open_console()
    try:
        if ray is None:
            failed = render_here(jobs, renderer_factory(template), console)
        else:
            failed = render_distributed(jobs, ray, console)
    except KeyboardInterrupt:
        for job in jobs:
            folder, frames = parts_folder(job.out), finished_frames(job.out)
            if folder.exists():
                console.print(
                    f"stopped with {frames} finished frames in {folder}; run the same command again to continue"
                )
        raise
    if failed and len(jobs) == 1:
        raise failed[0]
    if failed:
        raise OutputError(f"{len(failed)} of {len(jobs)} films were not made: {' | '.join(map(str, failed))}")


def render_here(jobs: list[FilmJob], make_renderer: RendererFactory, console: Console) -> list[HallucinateError]:
    """Render films on this machine; returns what was wrong with those that were not made."""
    failed = list[HallucinateError]()
    for job in jobs:
        started_s = time.monotonic()
        try:
            with FilmReader(job.source) as reader:
                plan = plan_film(job, reader)
                announce(console, plan)
                with progress_bar(console, job.source.name, reader.facts.frames) as report:
                    film = render_film(plan, reader, make_renderer, report)
            console.print(summary(job, film, time.monotonic() - started_s))
        except HallucinateError as error:
            failed.append(error)
    return failed


def film_jobs(sources: list[Path], out: Path, template: FilmJob) -> list[FilmJob]:
    """A job for each film. A film of several whose output exists already is skipped, unless forced.

    Makes the folder of outputs. Raises HallucinateError for a folder without films, or where two films would be written
    to one file.
    """
    if len(sources) == 1 and not sources[0].is_dir() and not out.is_dir():
        return [replace(template, source=sources[0], out=out)]
    found = [film for source in sources for film in (films_in(source) if source.is_dir() else [source])]
    if out.exists() and not out.is_dir():
        raise OutputError(f"{out}: this is a file; for {len(found)} films name a folder, which need not exist yet")
    outs: dict[Path, Path] = {}
    for film in found:
        to = out / (film.name if film.suffix.lower() in SAME_ENDINGS else f"{film.stem}.mkv")
        if to in outs:
            raise OutputError(
                f"{film} and {outs[to]} would both be written to {to}; render one after the other",
                code="outputs_collide",
            )
        outs[to] = film
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{out}: the folder cannot be created ({error.strerror}); name another") from None
    return [replace(template, source=film, out=to) for to, film in outs.items() if template.force or not to.exists()]


def films_in(folder: Path) -> list[Path]:
    """The films in a folder, by their endings. Raises SourceUnavailable where there is none.

    A name that begins with a dot is nobody's film: ``._IMG_0001.MP4`` is what a Mac notes of IMG_0001.MP4 on a card.
    """
    named = (path for path in folder.iterdir() if path.suffix.lower() in FILM_ENDINGS and not path.name.startswith("."))
    found = sorted(path for path in named if path.is_file())
    if not found:
        raise SourceUnavailable(f"{folder} holds no film; films end in {', '.join(FILM_ENDINGS)}", code="films_missing")
    return found

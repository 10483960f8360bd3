"""What the terminal says of a film before and after it is rendered."""

from __future__ import annotations

from rich.console import Console

from hallucinate.film.film_job import FilmJob
from hallucinate.film.picture_format import colour_notes
from hallucinate.film.rendering import FilmPlan, FinishedFilm


def announce(console: Console, plan: FilmPlan) -> None:
    """Say, before a film is rendered, what will not be in it, or not be as somebody may expect."""
    job = plan.job
    if panorama := job.flattened(plan.facts):
        on_sphere = "" if job.request.preset else "; only equirect and half-equirect are dreamed on the sphere"
        console.print(f"{job.out}: {panorama}, dreamed as a flat picture{on_sphere}")
    for note in colour_notes(plan.facts.decoded, plan.written):
        console.print(f"{job.out}: {note}")
    if plan.omitted:
        console.print(f"{job.out}: not copied, because this container cannot hold it: {', '.join(plan.omitted)}")


def summary(job: FilmJob, film: FinishedFilm, seconds: float) -> str:
    """A finished film in a line."""
    written = film.written
    size = f"{written.width}×{written.height}, {job.codec} {written.bits}-bit"
    damaged = f"; {film.damaged} damaged frames or packets were skipped" if film.damaged else ""
    return f"{job.out}: {film.frames} frames, {size}, dreamed {film.rendering}, in {seconds:.0f} s{damaged}"

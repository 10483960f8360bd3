"""From the command's options to lines in the terminal, and the plot's file."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from hallucinate.check.film_check import CheckedFilm, CheckJob, check_film
from hallucinate.check.flash_report import report_lines
from hallucinate.check.plot import draw_plot
from hallucinate.console import open_console
from hallucinate.progress import progress_bar
from hallucinate.writing import check_output_file, write_whole


def check_and_report(job: CheckJob, plot: Path | None, force: bool) -> bool:
    """Check a film, print what was found, and write the plot where one is requested. Returns whether the film fails.

    Raises HallucinateError for a film that cannot be read, or a plot that cannot be written.
    """
    if plot is not None:
        check_output_file("--plot", plot, (".png",), force)
    console = open_console()
    with progress_bar(console, job.film.name, 0) as done:
        film = check_film(job, done)
    for line in [heading(film), *report_lines(film.report)]:
        console.print(line)
    if plot is not None:
        picture = Image.fromarray(draw_plot(film, job.film.name))
        write_whole(plot, lambda path: picture.save(path, "PNG"))
        console.print(f"{plot}: the plot")
    return film.report.fails


def heading(film: CheckedFilm) -> str:
    """What was judged, and as it is seen how."""
    times = film.report.times_s
    damaged = f"; {film.damaged} damaged frames or packets were skipped" if film.damaged else ""
    return (
        f"{film.job.film}: {len(times)} frames, {times[-1] - times[0]:.1f} s, {film.size[0]}×{film.size[1]}, "
        f"judged on a {film.viewing}{damaged}"
    )

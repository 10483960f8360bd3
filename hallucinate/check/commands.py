"""``hallucinate check``: the command."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

FAILED = 1
"""The exit code for a film that flashes too much. 0: it passes. 2: it could not be checked."""


def check(
    film: Annotated[Path, typer.Argument(help="the film to check, from here or from anywhere", show_default=False)],
    headset: Annotated[
        bool, typer.Option("--headset", help="as on the headset page's screen, 76° wide, where less may flash")
    ] = False,
    panorama: Annotated[
        str,
        typer.Option(
            help="what the film shows: flat, equirect, half-equirect or another panorama; "
            "auto takes what the film says of itself. A panorama is judged on its sphere"
        ),
    ] = "auto",
    width_degrees: Annotated[
        float | None,
        typer.Option(
            min=1,
            max=180,
            help="how wide the picture is seen, in degrees [default: 30, as on WCAG's screen; 76 with --headset]",
        ),
    ] = None,
    plot: Annotated[Path | None, typer.Option(help="write a plot over time, as a PNG")] = None,
    force: Annotated[bool, typer.Option("--force", help="replace a plot that exists")] = False,
) -> None:
    """Check whether a film flashes more than WCAG 2.2 allows, when and where. The exit code is 1 where it does, and 0
    where it does not. No certificate."""
    from hallucinate.check.film_check import CheckJob
    from hallucinate.check.run import check_and_report

    if check_and_report(CheckJob(film, headset, width_degrees, panorama), plot, force):
        raise typer.Exit(FAILED)


def add_check(app: typer.Typer) -> None:
    """Make the command part of the command line."""
    app.command("check")(check)

"""A lens from pictures of a printed board: which pictures were used, how far off each is, and the file."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hallucinate.calibrate.boards import Board
from hallucinate.calibrate.lens_fit import Fit, Model, Sighting, fit_lens
from hallucinate.console import print_line
from hallucinate.errors import LensError
from hallucinate.panorama.lensfile import write_lens
from hallucinate.sources.picture import load_picture

FEWEST_CORNERS = 8
"""Of one picture: a pose has six unknowns, and fewer corners than these leave little to judge it by."""

FEWEST_PICTURES = 4

LEAST_SPREAD = 15.0
"""Degrees between the board's most different angles. From one angle, focal length and distance cannot be told apart."""

OUTLIER, OUTLIER_PX = 3.0, 1.0
"""A picture is excluded when it is so many times farther off than the median, and farther than so many pixels."""

WORST_PX = 2.0
"""Farther off than this in all, the pictures are not of one lens and one flat board."""


@dataclass(frozen=True)
class Calibrated:
    """What was found: the fit, the sightings that it is from, and why each other picture was excluded."""

    fit: Fit
    used: list[Sighting]
    excluded: list[str]


def calibrate(
    pictures: list[Path], board: Board, model: Model, out: Path, ros: bool, report: Callable[[str], None] = print_line
) -> Calibrated:
    """Find the lens, report how far off each picture is, and write it to ``out``. Raises LensError, in one line."""
    sightings, size = sight(pictures, board)
    found = from_sightings(sightings, size, model, board)
    for name, error, seen in zip(
        [s.name for s in found.used], found.fit.errors(), [len(s.board) for s in found.used], strict=True
    ):
        report(f"{name:<32} {seen:>4} corners  {error:.2f} px")
    for reason in found.excluded:
        report(f"excluded: {reason}")
    lens = found.fit.lens
    report(f"in all: {found.fit.error():.2f} px over {len(found.used)} pictures")
    report(
        f"focal length {lens.focal[0]:.1f}, {lens.focal[1]:.1f} px; centre {lens.centre[0]:.1f}, {lens.centre[1]:.1f}"
    )
    report(f"field of view {lens.degrees:g}°: as far as corners were seen; for more, hold the board farther out")
    notes = [
        f"hallucinate calibrate lens: {len(found.used)} pictures of a {board.kind} of {board.columns}×{board.rows} "
        f"squares of {board.square_mm:g} mm",
        f"reprojection error {found.fit.error():.3f} px (root mean square)",
    ]
    write_lens(out, lens, notes, ros)
    report(f"written to {out}")
    return found


def sight(pictures: list[Path], board: Board) -> tuple[list[Sighting], tuple[int, int]]:
    """The board's corners in each picture, and the pictures' one size. Raises LensError where sizes differ."""
    sightings, size, first = [], None, ""
    for path in pictures:
        picture = load_picture(path)
        own = (picture.shape[1], picture.shape[0])
        if size is None:
            size, first = own, path.name
        if own != size:
            raise LensError(
                f"{path.name} is {own[0]}×{own[1]}, {first} is {size[0]}×{size[1]}; give pictures of one size, "
                "as the camera takes them",
                code="pictures_differ",
            )
        sightings.append(Sighting(path.name, *board.find(picture)))
    if size is None:
        message = f"there are no pictures; give at least {FEWEST_PICTURES} of the board, from different angles"
        raise LensError(message, code="pictures_missing")
    return sightings, size


def from_sightings(sightings: list[Sighting], size: tuple[int, int], model: Model, board: Board) -> Calibrated:
    """The lens from corners. Raises LensError, naming pictures, when no lens can be found from them."""
    if not any(len(sighting.board) for sighting in sightings):
        raise LensError(
            f"no board was found in any of {len(sightings)} pictures; is it a {board.kind} of "
            f"{board.columns}×{board.rows} squares? Give --board, --columns and --rows as it was printed",
            code="board_not_found",
        )
    used = [sighting for sighting in sightings if len(sighting.board) >= FEWEST_CORNERS]
    excluded = [
        f"{s.name}: {len(s.board)} of the board's {board.corners} corners were found, {FEWEST_CORNERS} are needed"
        for s in sightings
        if len(s.board) < FEWEST_CORNERS
    ]
    _enough(used, excluded)
    fit = fit_lens(used, size, model)
    while (worst := _outlier(fit)) is not None:
        excluded.append(
            f"{used[worst].name}: it is {fit.errors()[worst]:.1f} px off, the others "
            f"{statistics.median(fit.errors()):.1f}; was it blurred, or the board bent?"
        )
        used = [sighting for n, sighting in enumerate(used) if n != worst]
        _enough(used, excluded)
        fit = fit_lens(used, size, model)
    if fit.spread() < LEAST_SPREAD:
        raise LensError(
            f"all {len(used)} pictures are from one angle: the board's angles differ by {fit.spread():.0f}°, "
            f"{LEAST_SPREAD:.0f}° are needed; tilt the board, and hold it at the picture's edges too",
            code="pictures_from_one_angle",
        )
    if not fit.error() <= WORST_PX:
        raise LensError(
            f"the pictures do not agree: they are {fit.error():.1f} px off in all, {WORST_PX:g} are allowed; is it one "
            f"lens at one zoom, the board flat, and --columns, --rows right? Or try --model {_other(model)}",
            code="pictures_disagree",
        )
    return Calibrated(fit, used, excluded)


def _enough(used: list[Sighting], excluded: list[str]) -> None:
    if len(used) < FEWEST_PICTURES:
        why = f"; excluded are {'; '.join(excluded)}" if excluded else ""
        message = f"{len(used)} pictures can be used, {FEWEST_PICTURES} are needed, better 15{why}"
        raise LensError(message, code="pictures_too_few")


def _outlier(fit: Fit) -> int | None:
    errors = fit.errors()
    worst = max(range(len(errors)), key=errors.__getitem__)
    return worst if errors[worst] > max(OUTLIER_PX, OUTLIER * statistics.median(errors)) else None


def _other(model: Model) -> Model:
    return "pinhole" if model == "fisheye" else "fisheye"

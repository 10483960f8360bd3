"""The measuring commands: bench, and calibrate with its parts. Each imports what it needs when it runs."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated

import typer

from hallucinate.console import print_line
from hallucinate.errors import OptionError
from hallucinate.options import one_of, read_numbers

calibration = typer.Typer()


@calibration.command("speed")
def calibrate_speed(
    network: Annotated[str, typer.Option(help="the network that dreams")] = "motif",
    device: Annotated[str, typer.Option(help="what computes: auto, cpu, cuda, cuda:1")] = "auto",
) -> None:
    """Measure with which dream width, steps and precision this machine holds the frame rate, for the next start."""
    from hallucinate.speed_profile import calibrate

    calibrate(network, device)


@calibration.command("strength")
def calibrate_strength(
    network: Annotated[str, typer.Option(help="the network that dreams")] = "motif",
    out: Annotated[Path | None, typer.Option(help="folder for the results [default: calibration/strength]")] = None,
) -> None:
    """Measure each motif and layer, so that equal strength looks equally far from the source for all of them."""
    if out is not None and out.exists() and not out.is_dir():
        raise OptionError(f"--out {out}: this is not a folder; name one, which is made if it is missing")
    from hallucinate.calibrate.strength import calibrate
    from hallucinate.files import shipped

    calibrate(network, out or shipped("calibration") / "strength")


@calibration.command("latency")
def calibrate_latency(
    seconds: Annotated[float, typer.Option(min=1, max=3600, help="how many seconds are measured")] = 20.0,
    browser: Annotated[
        str | None,
        typer.Option(help="a Chromium to measure with [default: open the page yourself]"),
    ] = None,
    out: Annotated[Path | None, typer.Option("--json", help="write the figures to this file as well")] = None,
) -> None:
    """Measure the milliseconds from capture to screen, through a real browser on this machine."""
    if browser is not None and shutil.which(browser) is None:
        message = f"--browser {browser}: there is no such program; give its path, e.g. /usr/bin/chromium"
        raise OptionError(message, code="program_missing")
    check_figures("--json", out)
    from hallucinate.calibrate.latency import calibrate

    calibrate(seconds, browser, out)


@calibration.command("board")
def calibrate_board(
    out: Annotated[Path, typer.Option("--out", "-o", help="the file to write: .pdf or .png")],
    board: Annotated[str, typer.Option(help="pattern of the board: charuco or checkerboard")] = "charuco",
    columns: Annotated[int, typer.Option(help="how many squares the board has across")] = 10,
    rows: Annotated[int, typer.Option(help="how many squares the board has down")] = 7,
    square_mm: Annotated[float, typer.Option(help="side of a square in millimetres")] = 25.0,
    paper: Annotated[str, typer.Option(help="size of the paper: A4, A3, A2, A1")] = "A4",
) -> None:
    """Write a board to print at true scale, to calibrate a lens with."""
    one_of("--paper", paper, ("A4", "A3", "A2", "A1"))
    kind = one_of("--board", board, ("charuco", "checkerboard"))
    check_figures("--out", out)
    from hallucinate.calibrate.boards import Board

    print_line(Board(kind, columns, rows, square_mm).write(out, paper))


@calibration.command("lens")
def calibrate_lens(
    pictures: Annotated[list[Path], typer.Argument(help="about 15 pictures of the board from different angles")],
    out: Annotated[Path, typer.Option("--out", "-o", help="the lens file to write")],
    board: Annotated[str, typer.Option(help="pattern of the board: charuco or checkerboard")] = "charuco",
    columns: Annotated[int, typer.Option(help="how many squares the board has across")] = 10,
    rows: Annotated[int, typer.Option(help="how many squares the board has down")] = 7,
    square_mm: Annotated[float, typer.Option(help="side of a square in millimetres")] = 25.0,
    model: Annotated[str, typer.Option(help="fisheye (Kannala-Brandt, any angle) or pinhole")] = "fisheye",
    ros: Annotated[bool, typer.Option("--ros", help="write ROS's camera_info instead of OpenCV's YAML")] = False,
) -> None:
    """Measure a lens from pictures of a printed board."""
    kind = one_of("--board", board, ("charuco", "checkerboard"))
    formula = one_of("--model", model, ("fisheye", "pinhole"))
    check_lens_file(out)
    from hallucinate.calibrate.boards import Board
    from hallucinate.calibrate.lens import calibrate

    calibrate(pictures, Board(kind, columns, rows, square_mm), formula, out, ros)


@calibration.command("align")
def calibrate_align(
    pictures: Annotated[list[Path], typer.Argument(help="pictures with both lenses' circles, of things metres away")],
    lens: Annotated[str, typer.Option(help="the pair of lenses: a file, or a profile such as dual-equidistant-190")],
    out: Annotated[Path, typer.Option("--out", "-o", help="the lens file to write")],
) -> None:
    """Measure how the two lenses of a dual fisheye are turned, from where their pictures overlap."""
    check_lens_file(out)
    from hallucinate.calibrate.align import align
    from hallucinate.panorama.lensfile import read_lens

    align(pictures, read_lens(lens), lens, out)


def check_figures(option: str, path: Path | None) -> None:
    """Refuse a file that cannot be written, before minutes go into it; one that exists is replaced."""
    from hallucinate.writing import check_writable

    if path is not None:
        check_writable(option, path, force=True)


def check_lens_file(out: Path) -> None:
    """Refuse what no lens can be written to: ``-o photos/*.jpg`` would replace the first photograph."""
    if out.suffix not in (".yaml", ".yml"):
        raise OptionError(f"--out {out}: a lens file is written as .yaml or .yml; name one that ends so")
    check_figures("--out", out)


def bench_machine(
    networks: Annotated[str, typer.Option(help="networks to measure, separated by commas, e.g. motif")] = "motif",
    widths: Annotated[str, typer.Option(help="dream widths to measure, in pixels")] = "160,320,480,640",
    steps: Annotated[str, typer.Option(help="numbers of gradient steps a frame to measure")] = "1,3",
    device: Annotated[str, typer.Option(help="what computes: auto, cpu, cuda, cuda:1")] = "auto",
    out: Annotated[Path | None, typer.Option("--json", help="write the figures to this file as well")] = None,
) -> None:
    """Measure what this machine can dream: milliseconds, frames a second, memory, share of the roofline."""
    wide, counts = read_numbers("--widths", widths, 64, 4096), read_numbers("--steps", steps, 1, 64)
    check_figures("--json", out)
    from hallucinate.calibrate.bench import bench

    bench([name.strip() for name in networks.split(",")], wide, counts, device, out)


def add_calibration(app: typer.Typer) -> None:
    """Make the measuring commands part of the command line."""
    app.command("bench")(bench_machine)
    app.add_typer(calibration, name="calibrate", help="Measure what is otherwise assumed, and save it.")

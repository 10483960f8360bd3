"""The measuring commands: bench, and calibrate with what it can measure. Each imports what it needs when it runs."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated

import typer

from hallucinate.errors import SettingsError
from hallucinate.options import check_file, one_of, read_numbers

calibration = typer.Typer()


@calibration.command("speed")
def calibrate_speed(
    network: Annotated[str, typer.Option(help="the network that dreams")] = "motif",
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1")] = "auto",
) -> None:
    """With which dream width, steps and precision this machine holds the frame rate; the next start begins there."""
    from hallucinate.calibrate.speed import calibrate

    calibrate(network, device)


@calibration.command("strength")
def calibrate_strength(
    network: Annotated[str, typer.Option(help="the network that dreams")] = "motif",
    out: Annotated[
        Path | None, typer.Option(help="folder for what is measured [default: calibration/strength]")
    ] = None,
) -> None:
    """How far each motif and layer goes at one strength, so that equal strength looks equally far for all."""
    if out is not None and out.exists() and not out.is_dir():
        raise SettingsError(f"--out {out}: this is no folder; name one, which is made if it is not there")
    from hallucinate.calibrate.strength import calibrate
    from hallucinate.files import shipped

    calibrate(network, out or shipped("calibration") / "strength")


@calibration.command("latency")
def calibrate_latency(
    seconds: Annotated[float, typer.Option(min=1, max=3600, help="of watching")] = 20.0,
    browser: Annotated[str | None, typer.Option(help="a Chromium to watch with [default: the system's]")] = None,
    out: Annotated[Path | None, typer.Option("--json", help="write the figures to this file as well")] = None,
) -> None:
    """Milliseconds from capture to screen, through a real browser on this machine."""
    if browser is not None and shutil.which(browser) is None:
        raise SettingsError(f"--browser {browser}: there is no such program; give its path, e.g. /usr/bin/chromium")
    check_file("--json", out)
    from hallucinate.calibrate.latency import calibrate

    calibrate(seconds, browser, out)


@calibration.command("board")
def calibrate_board(
    out: Annotated[Path, typer.Option("--out", "-o", help="the file to write: .pdf or .png")],
    board: Annotated[str, typer.Option(help="charuco or checkerboard")] = "charuco",
    columns: Annotated[int, typer.Option(help="squares across")] = 10,
    rows: Annotated[int, typer.Option(help="squares down")] = 7,
    square_mm: Annotated[float, typer.Option(help="a square's side in millimetres")] = 25.0,
    paper: Annotated[str, typer.Option(help="A4, A3, A2, A1")] = "A4",
) -> None:
    """Print a board to calibrate a lens with, at true scale."""
    one_of("--paper", paper, ("A4", "A3", "A2", "A1"))
    kind = one_of("--board", board, ("charuco", "checkerboard"))
    check_file("--out", out)
    from hallucinate.calibrate.boards import Board

    print(Board(kind, columns, rows, square_mm).write(out, paper))


@calibration.command("lens")
def calibrate_lens(
    pictures: Annotated[list[Path], typer.Argument(help="of the board, 15 or so, from different angles")],
    out: Annotated[Path, typer.Option("--out", "-o", help="the lens file to write")],
    board: Annotated[str, typer.Option(help="charuco or checkerboard")] = "charuco",
    columns: Annotated[int, typer.Option(help="squares across")] = 10,
    rows: Annotated[int, typer.Option(help="squares down")] = 7,
    square_mm: Annotated[float, typer.Option(help="a square's side in millimetres")] = 25.0,
    model: Annotated[str, typer.Option(help="fisheye (Kannala-Brandt, any angle) or pinhole")] = "fisheye",
    ros: Annotated[bool, typer.Option("--ros", help="write ROS's camera_info instead of OpenCV's YAML")] = False,
) -> None:
    """A lens from pictures of a printed board."""
    kind = one_of("--board", board, ("charuco", "checkerboard"))
    formula = one_of("--model", model, ("fisheye", "pinhole"))
    check_lens_file(out)
    from hallucinate.calibrate.boards import Board
    from hallucinate.calibrate.lens import calibrate

    calibrate(pictures, Board(kind, columns, rows, square_mm), formula, out, ros)


@calibration.command("align")
def calibrate_align(
    pictures: Annotated[list[Path], typer.Argument(help="that show both lenses' circles; things some metres away")],
    lens: Annotated[str, typer.Option(help="of the pair: a file, or a profile such as dual-equidistant-190")],
    out: Annotated[Path, typer.Option("--out", "-o", help="the lens file to write")],
) -> None:
    """How the two lenses of a dual fisheye are turned, from where their pictures overlap."""
    check_lens_file(out)
    from hallucinate.calibrate.align import align
    from hallucinate.panorama.lensfile import read_lens

    align(pictures, read_lens(lens), lens, out)


def check_lens_file(out: Path) -> None:
    """Refuse what no lens can be written to. ``-o photos/*.jpg`` would put it in place of the first photograph."""
    if out.suffix not in (".yaml", ".yml"):
        raise SettingsError(f"--out {out}: a lens file is written as .yaml or .yml")
    check_file("--out", out)


def bench_machine(
    networks: Annotated[str, typer.Option(help="networks to measure, e.g. motif")] = "motif",
    widths: Annotated[str, typer.Option(help="dream widths in pixels")] = "160,320,480,640",
    steps: Annotated[str, typer.Option(help="gradient steps a frame")] = "1,3",
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1")] = "auto",
    out: Annotated[Path | None, typer.Option("--json", help="write the figures to this file as well")] = None,
) -> None:
    """What this machine can dream: milliseconds, frames a second, memory, share of the roofline."""
    wide, counts = read_numbers("--widths", widths, 64, 4096), read_numbers("--steps", steps, 1, 64)
    check_file("--json", out)
    from hallucinate.calibrate.bench import bench

    bench([name.strip() for name in networks.split(",")], wide, counts, device, out)


def add_calibration(app: typer.Typer) -> None:
    """Make the measuring commands part of the command line."""
    app.command("bench")(bench_machine)
    app.add_typer(calibration, name="calibrate", help="Measure what is otherwise assumed, and keep it.")

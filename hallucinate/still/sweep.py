"""``hallucinate sweep``: one picture dreamed with every combination of a few values, on labelled sheets."""

from __future__ import annotations

import itertools
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from rich.console import Console

from hallucinate.console import open_console
from hallucinate.dream_request import DreamRequest, objective_settings
from hallucinate.errors import SettingsError
from hallucinate.files import beside
from hallucinate.frame import Picture, shrunk
from hallucinate.progress import progress_bar
from hallucinate.sources.picture import load_picture
from hallucinate.still.memory import check_photo
from hallucinate.still.photos import FORMATS, write_photo
from hallucinate.still.renderer import StillRenderer, open_renderer
from hallucinate.work_folder import claim, file_identity, remove_pictures
from hallucinate.writing import check_output_file, check_writable

DEFAULTS: Mapping[str, tuple[str, ...]] = {
    "layer": (),
    "iterations": ("10", "50", "100"),
    "step": ("0.01", "0.1", "1"),
}
"""What may be swept over, and the values where none are named: all layers; what the field's tutorials show."""

GAP, TEXT = 6, 15
"""Pixels between cells, and of the labels' letters."""

PAPER, INK = (16, 16, 18), (225, 225, 225)

Cell = Mapping[str, str]
"""The value of each thing that is swept over."""


@dataclass(frozen=True)
class SweepJob:
    """A sweep to be made. values: of each thing that is swept over, in the order of rows, columns, sheets.

    steps: the sizes that the steps' texts mean. cell_px: width of a cell in pixels.
    """

    photo: Path
    out: Path
    request: DreamRequest
    values: Mapping[str, tuple[str, ...]]
    steps: Mapping[str, float]
    cell_px: int
    force: bool = False

    @property
    def folder(self) -> Path:
        """Where the finished cells are until the sheets are written."""
        return beside(self.out, ".parts")

    @property
    def cells(self) -> list[Cell]:
        """Every combination, in reading order."""
        return [dict(zip(self.values, each, strict=True)) for each in itertools.product(*self.values.values())]

    def sheets(self) -> dict[str, Path]:
        """The sheets by the third thing's value; one, "", where fewer things are swept over."""
        if len(self.values) < 3:
            return {"": self.out}
        name, values = list(self.values.items())[2]
        # "1.5/255" and "inception_3a/output" are values too.
        stem, ends = self.out.with_name(self.out.stem), {each: f"-{name}-{each.replace('/', '_')}" for each in values}
        return {each: beside(stem, f"{end}{self.out.suffix}") for each, end in ends.items()}

    def made_from(self) -> dict[str, object]:
        """All that decides what the cells are, as values for JSON."""
        values = {name: list(each) for name, each in self.values.items()}
        photo = file_identity(self.photo)
        return {"photo": photo, "values": values, "cell_px": self.cell_px, **self.request.facts()}


def render_sweep(job: SweepJob) -> None:
    """Dream every cell and put them on sheets. Raises HallucinateError; finished cells stay for the next run."""
    check_output_file("-o", job.out, tuple(FORMATS), job.force)
    console, started_s = open_console(), time.monotonic()
    renderer = open_renderer(job.request)
    if "layer" in job.values and not job.values["layer"]:
        job = replace(job, values={**job.values, "layer": renderer.network.layers})
    for layer in job.values.get("layer", ()):
        objective_settings("--layer", layer, renderer.network)
    sheets = job.sheets()
    for path in sheets.values():
        check_writable("-o", path, job.force)
    check_photo(job.photo, renderer.device)
    pictures = render_cells(job, renderer, console)
    for value, path in sheets.items():
        on_sheet = [
            picture
            for picture, cell in zip(pictures, job.cells, strict=True)
            if not value or value in list(cell.values())[2:]
        ]
        write_photo(path, draw_sheet(on_sheet, job.values, f"{job.photo.name}, {title(job, renderer, value)}"))
    shutil.rmtree(job.folder)
    names = ", ".join(map(str, sheets.values()))
    console.print(f"{names}: {len(pictures)} cells, in {time.monotonic() - started_s:.0f} s")


def render_cells(job: SweepJob, renderer: StillRenderer, console: Console) -> list[Picture]:
    """Dream the cells that are not finished yet; returns all of them, in reading order."""
    photo = load_picture(job.photo)
    photo = shrunk(photo, job.cell_px, max(32, round(photo.shape[0] * job.cell_px / photo.shape[1])))
    claim(job.folder, job.made_from(), job.force, remove_pictures)
    paths = [job.folder / f"{n:04}.png" for n in range(len(job.cells))]
    done = sum(path.exists() for path in paths)
    if done:
        console.print(f"continuing: {done} of {len(paths)} cells are finished already")
    with progress_bar(console, job.out.name, len(paths)) as report:
        for n, (path, cell) in enumerate(zip(paths, job.cells, strict=True)):
            if not path.exists():
                write_photo(path, cell_renderer(renderer, cell, job.steps).render(photo))
            report(n + 1)
    return [load_picture(path) for path in paths]


def title(job: SweepJob, renderer: StillRenderer, value: str) -> str:
    """What all cells of a sheet have in common, in words. value: of the third thing."""
    common = [renderer.network.name]
    if "layer" not in job.values:
        common += [*renderer.settings.motifs, *renderer.settings.layers]
    if "iterations" not in job.values:
        common.append(f"iterations {renderer.options.iterations}")
    if "step" not in job.values:
        step_size = renderer.options.step_size
        common.append("to its strength" if step_size is None else f"step {step_size:.2g}")
    return ", ".join([*common, *([f"{list(job.values)[2]} {value}"] if value else [])])


def cell_renderer(renderer: StillRenderer, cell: Cell, steps: Mapping[str, float]) -> StillRenderer:
    """What dreams a cell. steps: the sizes that the steps' texts mean."""
    if "layer" in cell:
        renderer = renderer.with_settings(**objective_settings("--layer", cell["layer"], renderer.network))
    options = renderer.options
    if "iterations" in cell:
        options = replace(options, iterations=int(cell["iterations"]))
    if "step" in cell:
        options = replace(options, step_size=steps[cell["step"]])
    return replace(renderer, options=options)


def draw_sheet(cells: Sequence[Picture], swept: Mapping[str, tuple[str, ...]], heading: str) -> Picture:
    """Cells in rows and columns, labelled at the edges; of one thing alone, in reading order, each with its label.

    cells: uint8 RGB (h, w, 3), all of one size. swept: the values by their names, rows first. Returns uint8 RGB.
    """
    names = list(swept)[:2]
    font = ImageFont.load_default(TEXT)
    height, width = cells[0].shape[:2]
    down = swept[names[0]]
    across = swept[names[1]] if len(names) > 1 else ()
    columns = len(across) or min(4, len(down))
    rows = -(-len(cells) // columns)
    line = TEXT + 2 * GAP
    margin = GAP + (max(round(font.getlength(label(names[0], one))) for one in down) + GAP if across else 0)
    top, step = line + (line if across else 0), height + GAP + (0 if across else line)
    size = max(margin + columns * (width + GAP), round(font.getlength(heading)) + 2 * GAP), top + rows * step
    page = Image.new("RGB", size, PAPER)
    draw = ImageDraw.Draw(page)
    draw.text((GAP, GAP), heading, INK, font)
    for n, cell in enumerate(cells):
        row, column = divmod(n, columns)
        x, y = margin + column * (width + GAP), top + row * step
        if not across:
            draw.text((x, y), label(names[0], down[n]), INK, font)
            y += line - GAP
        elif column == 0:
            draw.text((GAP, y + height // 2 - TEXT // 2), label(names[0], down[row]), INK, font)
        if across and row == 0:
            draw.text((x, line + GAP // 2), label(names[1], across[column]), INK, font)
        page.paste(Image.fromarray(cell), (x, y))
    return np.asarray(page, np.uint8)


def label(name: str, value: str) -> str:
    """A value as it stands beside its cells: a layer's name needs no other word."""
    return value if name == "layer" else f"{name} {value}"


def read_swept(over: str, texts: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """``layer,step`` and the values' texts by name -> the values to sweep over, by name. Raises SettingsError."""
    names = [name.strip() for name in over.split(",") if name.strip()]
    for name in names:
        if name not in DEFAULTS:
            raise SettingsError(f"--over {over}: there is no {name!r}; there are: {', '.join(DEFAULTS)}")
    if not names or len(set(names)) != len(names):
        raise SettingsError(f"--over {over}: name one to three of {', '.join(DEFAULTS)}, each once")
    for name, text in texts.items():
        if text and name not in names and "," in text:
            raise SettingsError(
                f"--{name} {text}: several values are for what is swept over; name one value, or add {name} to --over"
            )
    listed = {name: tuple(one.strip() for one in texts.get(name, "").split(",") if one.strip()) for name in names}
    return {name: tuple(dict.fromkeys(values)) or DEFAULTS[name] for name, values in listed.items()}

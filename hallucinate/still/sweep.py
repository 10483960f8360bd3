"""``hallucinate sweep``: one picture dreamed with every combination of a few values, on labelled sheets."""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import psutil
from PIL import Image, ImageDraw, ImageFont
from rich.console import Console

from hallucinate.console import open_console
from hallucinate.dream_request import DreamRequest, objective_settings
from hallucinate.errors import OutputError, SettingsError
from hallucinate.files import beside
from hallucinate.frame import Picture, shrunk
from hallucinate.progress import progress_bar
from hallucinate.sources.picture import load_picture
from hallucinate.still.memory import check_photo
from hallucinate.still.photo_formats import FORMATS, check_size
from hallucinate.still.photos import write_photo
from hallucinate.still.renderer import StillRenderer, open_renderer
from hallucinate.work_folder import claim, file_identity, remove_finished, remove_pictures
from hallucinate.writing import check_output_file, check_writable

DEFAULTS: Mapping[str, tuple[str, ...]] = {
    "layer": (),
    "iterations": ("10", "50", "100"),
    "step": ("0.01", "0.1", "1"),
}
"""What may be swept over, and the values where none are named: all layers; what the field's tutorials show."""

GAP, TEXT = 6, 15
"""Pixels between cells, and of the labels' letters."""

LINE = TEXT + 2 * GAP
"""The height of a line of text, in pixels."""

FONT = ImageFont.load_default(TEXT)

SHEET_BYTES_PER_PIXEL = 15
"""Memory for each pixel of a sheet: its cells, the page, the same as an array and as a file (14 were measured)."""

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
    def finished(self) -> str:
        """Where the finished cells are, in words, for an error."""
        return f"the finished cells are in {self.folder}, and the same command continues from there"

    @property
    def cells(self) -> list[Cell]:
        """Every combination, in reading order."""
        return [dict(zip(self.values, each, strict=True)) for each in itertools.product(*self.values.values())]

    def sheets(self) -> dict[str, Path]:
        """The sheets by the third thing's value; one, "", where fewer things are swept over. Raises OutputError."""
        if len(self.values) < 3:
            return {"": self.out}
        name, values = list(self.values.items())[2]
        # 1.5/255 is a step, and mixed4c:12 a layer; a slash is no part of a name, nor a colon on every disk.
        parts = {each: re.sub(r"[/\\:]", "_", each) for each in values}
        if len(set(parts.values())) < len(parts):
            raise OutputError(
                f"{self.out}: two sheets would have one name: {', '.join(values)}; name them in two commands",
                code="outputs_collide",
            )
        stem, ending = self.out.with_name(self.out.stem), self.out.suffix
        return {each: beside(stem, f"-{name}-{part}{ending}") for each, part in parts.items()}

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
    check_photo(job.photo, renderer.device)
    photo = load_picture(job.photo)
    photo = shrunk(photo, job.cell_px, max(32, round(photo.shape[0] * job.cell_px / photo.shape[1])))
    sheets = {path: Sheet(job.values, heading(job, renderer, value)) for value, path in job.sheets().items()}
    for path, sheet in sheets.items():
        check_writable("-o", path, job.force, [job.folder])
        check_sheet(path, sheet.size(job.cell_px, photo.shape[0]), len(job.cells))
    pictures = render_cells(job, renderer, photo, console)
    for value, (path, sheet) in zip(job.sheets(), sheets.items(), strict=True):
        on_sheet = [
            picture
            for picture, cell in zip(pictures, job.cells, strict=True)
            if not value or value in list(cell.values())[2:]
        ]
        write_photo(path, sheet.draw(on_sheet), None, job.finished)
    for note in remove_finished(job.folder):
        console.print(note)
    names = ", ".join(map(str, sheets))
    cells = f"{len(pictures)} cell{'s' if len(pictures) != 1 else ''}"
    console.print(f"{names}: {cells}, in {time.monotonic() - started_s:.0f} s")


def check_sheet(path: Path, size: tuple[int, int], cells: int) -> None:
    """Raise OutputError for a sheet, (width, height), that its format cannot hold, or the memory while it is drawn."""
    check_size(path, *size)
    needed, free = size[0] * size[1] * SHEET_BYTES_PER_PIXEL, int(psutil.virtual_memory().available)
    if needed > free:
        raise OutputError(
            f"{path}: a sheet of {cells} cells, {size[0]}×{size[1]}, takes {needed / 1e9:.1f} GB of memory, of which "
            f"{free / 1e9:.1f} are free; make --cell smaller, or name fewer values",
            code="picture_too_large",
        )


def render_cells(job: SweepJob, renderer: StillRenderer, photo: Picture, console: Console) -> list[Picture]:
    """Dream the cells that are not finished yet; returns all of them, in reading order.

    photo: uint8 RGB (H, W, 3), of a cell's size.
    """
    claim(job.folder, job.made_from(), job.force, remove_pictures)
    paths = [job.folder / f"{n:04}.png" for n in range(len(job.cells))]
    done = sum(path.exists() for path in paths)
    if done:
        console.print(f"continuing: {done} of {len(paths)} cells are finished already")
    with progress_bar(console, job.out.name, len(paths)) as report:
        for n, (path, cell) in enumerate(zip(paths, job.cells, strict=True)):
            if not path.exists():
                write_photo(path, cell_renderer(renderer, cell, job.steps).render(photo), None, job.finished)
            report(n + 1)
    return [load_picture(path) for path in paths]


def heading(job: SweepJob, renderer: StillRenderer, value: str) -> str:
    """The photo's name and what all cells of a sheet have in common, in one line. value: of the third thing."""
    common = [renderer.network.name]
    if "layer" not in job.values:
        common += [*renderer.settings.motifs, *renderer.settings.layers]
    if "iterations" not in job.values:
        common.append(f"iterations {renderer.options.iterations}")
    if "step" not in job.values:
        step_size = renderer.options.step_size
        common.append("to its strength" if step_size is None else f"step {step_size:.2g}")
    third = [f"{list(job.values)[2]} {value}"] if value else []
    return " ".join(", ".join([job.photo.name, *common, *third]).split())


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


@dataclass(frozen=True)
class Sheet:
    """Cells in rows and columns, labelled at the edges; of one thing alone, in reading order, each with its label.

    swept: the values by their names, rows first. heading: one line.
    """

    swept: Mapping[str, tuple[str, ...]]
    heading: str

    @property
    def names(self) -> list[str]:
        """What its rows are, and its columns."""
        return list(self.swept)[:2]

    @property
    def across(self) -> tuple[str, ...]:
        """The values of the columns; none where one thing alone is swept over."""
        return self.swept[self.names[1]] if len(self.names) > 1 else ()

    @property
    def down(self) -> tuple[str, ...]:
        """The values of the rows."""
        return self.swept[self.names[0]]

    @property
    def columns(self) -> int:
        """How many cells are side by side."""
        return len(self.across) or min(4, len(self.down))

    @property
    def corner(self) -> tuple[int, int]:
        """Where the first cell is, in pixels from the left and the top."""
        labels = (round(FONT.getlength(label(self.names[0], one))) for one in self.down)
        return GAP + (max(labels) + GAP if self.across else 0), LINE * (2 if self.across else 1)

    def size(self, width: int, height: int) -> tuple[int, int]:
        """The sheet's width and height in pixels, of cells of that size."""
        rows = len(self.down) if self.across else -(-len(self.down) // self.columns)
        left, top = self.corner
        wide = max(left + self.columns * (width + GAP), round(FONT.getlength(self.heading)) + 2 * GAP)
        return wide, top + rows * self.row_px(height)

    def row_px(self, height: int) -> int:
        """From one row to the next, of cells of that height."""
        return height + GAP + (0 if self.across else LINE)

    def draw(self, cells: Sequence[Picture]) -> Picture:
        """The sheet, uint8 RGB. cells: uint8 RGB (h, w, 3), all of one size, in reading order."""
        height, width = cells[0].shape[:2]
        left, top = self.corner
        page = Image.new("RGB", self.size(width, height), PAPER)
        draw = ImageDraw.Draw(page)
        draw.text((GAP, GAP), self.heading, INK, FONT)
        for n, cell in enumerate(cells):
            row, column = divmod(n, self.columns)
            x, y = left + column * (width + GAP), top + row * self.row_px(height)
            if not self.across:
                draw.text((x, y), label(self.names[0], self.down[n]), INK, FONT)
                y += LINE - GAP
            elif column == 0:
                draw.text((GAP, y + height // 2 - TEXT // 2), label(self.names[0], self.down[row]), INK, FONT)
            if self.across and row == 0:
                draw.text((x, LINE + GAP // 2), label(self.names[1], self.across[column]), INK, FONT)
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

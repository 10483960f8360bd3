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

from hallucinate.errors import SettingsError
from hallucinate.frame import Picture, shrunk
from hallucinate.sources.picture import load_picture
from hallucinate.studio.bar import bar
from hallucinate.studio.kept import claim, remove_pictures
from hallucinate.studio.photos import FORMATS, check_out, check_room, write_photo
from hallucinate.studio.sitting import Ask, Easel, asked_by, dreamed, easel, made_of, read_sized

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
class Order:
    """A sweep to be made. values: of each thing that is swept over, in the order of rows, columns, sheets.

    steps: the sizes that the steps' texts mean. cell: width of a cell in pixels.
    """

    photo: Path
    out: Path
    ask: Ask
    values: Mapping[str, tuple[str, ...]]
    steps: Mapping[str, float]
    cell: int
    force: bool = False

    def sheets(self) -> dict[str, Path]:
        """The sheets by the third thing's value: one, "", where there is none."""
        if len(self.values) < 3:
            return {"": self.out}
        name, values = list(self.values.items())[2]
        return {each: self.out.with_name(f"{self.out.stem}-{name}-{each}{self.out.suffix}") for each in values}


def sweep(order: Order) -> None:
    """Dream every cell and put them on sheets. Raises HallucinateError; a killed one's cells stay for the next try."""
    check_out("-o", order.out, tuple(FORMATS), order.force)
    console, started_s = Console(highlight=False, soft_wrap=True), time.monotonic()
    made = easel(order.ask)
    if "layer" in order.values and not order.values["layer"]:
        order = replace(order, values={**order.values, "layer": made.network.layers})
    for layer in order.values.get("layer", ()):
        asked_by("--layer", layer, made.network)
    for path in order.sheets().values():
        check_room("-o", path, order.force)
    read_sized(order.photo, made.device)
    photo = load_picture(order.photo)
    photo = shrunk(photo, order.cell, max(32, round(photo.shape[0] * order.cell / photo.shape[1])))
    cells = [dict(zip(order.values, each, strict=True)) for each in itertools.product(*order.values.values())]
    folder = order.out.with_name(f"{order.out.name}.parts")
    steps = {name: list(values) for name, values in order.values.items()}
    facts = {"photo": made_of(order.photo), "over": steps, "cell": order.cell, **order.ask.told()}
    claim(folder, facts, order.force, remove_pictures)
    paths = [folder / f"{n:04}.png" for n in range(len(cells))]
    if any(path.exists() for path in paths):
        console.print(f"going on: {sum(path.exists() for path in paths)} of {len(cells)} cells are there already")
    with bar(console, order.out.name, len(cells)) as tell:
        for n, (path, cell) in enumerate(zip(paths, cells, strict=True)):
            if not path.exists():
                write_photo(path, dreamed(of_cell(made, cell, order), photo))
            tell(n + 1)
    pictures = [load_picture(path) for path in paths]
    for value, path in order.sheets().items():
        here = [picture for picture, cell in zip(pictures, cells, strict=True) if not value or value in on_sheet(cell)]
        write_photo(path, sheet(here, order, f"{order.photo.name}, {titled(order, made, value)}"))
    shutil.rmtree(folder)
    sheets = ", ".join(map(str, order.sheets().values()))
    console.print(f"{sheets}: {len(cells)} cells, in {time.monotonic() - started_s:.0f} s")


def on_sheet(cell: Cell) -> list[str]:
    """What says on which sheet a cell is."""
    return list(cell.values())[2:]


def titled(order: Order, made: Easel, value: str) -> str:
    """What all cells of a sheet have in common, in words."""
    same = [made.network.name]
    if "layer" not in order.values:
        same += [*made.settings.motifs, *made.settings.layers]
    if "iterations" not in order.values:
        same.append(f"iterations {made.manner.iterations}")
    if "step" not in order.values:
        same.append("to its strength" if made.manner.step_size is None else f"step {made.manner.step_size:.2g}")
    return ", ".join([*same, *([f"{list(order.values)[2]} {value}"] if value else [])])


def of_cell(made: Easel, cell: Cell, order: Order) -> Easel:
    """What dreams a cell."""
    if "layer" in cell:
        made = made.asking(**asked_by("--layer", cell["layer"], made.network))
    manner = made.manner
    if "iterations" in cell:
        manner = replace(manner, iterations=int(cell["iterations"]))
    if "step" in cell:
        manner = replace(manner, step_size=order.steps[cell["step"]])
    return replace(made, manner=manner)


def sheet(cells: Sequence[Picture], order: Order, title: str) -> Picture:
    """Cells in rows and columns, named at the edges; of one thing alone, in reading order, each with its name."""
    names = list(order.values)[:2]
    font = ImageFont.load_default(TEXT)
    height, width = cells[0].shape[:2]
    down = order.values[names[0]]
    across = order.values[names[1]] if len(names) > 1 else ()
    columns = len(across) or min(4, len(down))
    rows = -(-len(cells) // columns)
    line = TEXT + 2 * GAP
    left = GAP + (max(round(font.getlength(label(names[0], one))) for one in down) + GAP if across else 0)
    top, step = line + (line if across else 0), height + GAP + (0 if across else line)
    size = max(left + columns * (width + GAP), round(font.getlength(title)) + 2 * GAP), top + rows * step
    page = Image.new("RGB", size, PAPER)
    draw = ImageDraw.Draw(page)
    draw.text((GAP, GAP), title, INK, font)
    for n, cell in enumerate(cells):
        row, column = divmod(n, columns)
        x, y = left + column * (width + GAP), top + row * step
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
    """A value as it stands beside its cells: layers speak for themselves."""
    return value if name == "layer" else f"{name} {value}"


def read_over(over: str, given: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """``layer,step`` and the values given for some of them -> what to sweep over. Raises SettingsError."""
    names = [name.strip() for name in over.split(",") if name.strip()]
    for name in names:
        if name not in DEFAULTS:
            raise SettingsError(f"--over {over}: no {name!r}; there are: {', '.join(DEFAULTS)}")
    if not names or len(set(names)) != len(names):
        raise SettingsError(f"--over {over}: name one to three of {', '.join(DEFAULTS)}, each once")
    for name, text in given.items():
        if text and name not in names and "," in text:
            raise SettingsError(f"--{name} {text}: several values are for what is swept over; add {name} to --over")
    listed = {name: tuple(one.strip() for one in given.get(name, "").split(",") if one.strip()) for name in names}
    return {name: tuple(dict.fromkeys(values)) or DEFAULTS[name] for name, values in listed.items()}

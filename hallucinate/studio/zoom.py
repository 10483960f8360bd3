"""``hallucinate zoom``: a film into a dream that feeds itself, from noise or from a picture.

Each frame is made of the one before as it was shown, in 8 bits, so the frames are all that has to be kept: killed, the
same command goes on from the last of them, to the same film.
"""

from __future__ import annotations

import itertools
import shutil
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from rich.console import Console

from hallucinate.dream.ascent import normalised, resized, shifted
from hallucinate.dream.still import StillRun, shape_gradient, sizes, tiles_for
from hallucinate.dream.tiles import gradient_by_tiles
from hallucinate.errors import SettingsError
from hallucinate.frame import Picture, fit, to_picture, to_tensor
from hallucinate.sources.picture import load_picture
from hallucinate.studio.bar import bar
from hallucinate.studio.kept import MADE_FROM, claim, remove_pictures
from hallucinate.studio.photos import check_out, check_room, write_photo
from hallucinate.studio.sitting import Ask, Easel, asked_by, easel, made_of, read_sized
from hallucinate.studio.strips import string_together
from hallucinate.zooming import Move, look_of, moved, noise, steadied

SIZE = (640, 360)
"""Width and height of a zoom from noise, where nobody said."""

STEP = 0.05
"""How far the steps of a frame go together at strength 1, in [0, 1], where no step size was given."""


@dataclass(frozen=True)
class Order:
    """A zoom to be made. through: layers or motifs, one after the other, the next after ``every`` frames."""

    start: Path | None
    out: Path
    ask: Ask
    frames: int
    fps: float
    move: Move
    size: tuple[int, int] | None = None
    through: tuple[str, ...] = ()
    every: int = 0
    force: bool = False

    @property
    def folder(self) -> Path:
        """Where the frames are: the output itself, where that has no ending."""
        return self.out if self.out.suffix == "" else self.out.with_name(f"{self.out.name}.parts")

    def made_from(self) -> dict[str, object]:
        """All that decides what the frames are, for JSON; how many there are does not."""
        start = None if self.start is None else made_of(self.start)
        through = {"through": self.through, "every": self.every, "size": self.size, "fps": self.fps}
        return {"start": start, "move": asdict(self.move), **through, **self.ask.told()}


def zoom(order: Order) -> None:
    """Make a zoom, and say so. Raises HallucinateError; a killed one's frames stay for the next try."""
    check_order(order)
    console, started_s = Console(highlight=False, soft_wrap=True), time.monotonic()
    made = easel(order.ask)
    easels = [made.asking(**asked_by("--through", name, made.network)) for name in order.through] or [made]
    start = first_frame(order, made)
    claim(order.folder, order.made_from(), order.force, remove_pictures)
    done = next(n for n in itertools.count() if not frame_path(order.folder, n).exists())
    if done:
        console.print(f"going on from frame {done + 1}")
    try:
        with bar(console, order.out.name, order.frames) as tell:
            for n, picture in enumerate(frames(order, easels, start, done), done):
                write_photo(frame_path(order.folder, n), picture)
                tell(n + 1)
    except KeyboardInterrupt:
        console.print(f"stopped; the same command goes on from the frames in {order.folder}")
        raise
    if order.folder == order.out:
        (order.folder / MADE_FROM).unlink(missing_ok=True)
    else:
        pictures = (load_picture(frame_path(order.folder, n)) for n in range(order.frames))
        string_together(order.out, pictures, order.fps)
        shutil.rmtree(order.folder)
    height, width = start.shape[:2]
    console.print(f"{order.out}: {order.frames} frames, {width}×{height}, in {time.monotonic() - started_s:.0f} s")


def check_order(order: Order) -> None:
    """Raise HallucinateError for what cannot be written, or would be written over."""
    if order.out.suffix:
        check_out("-o", order.out, (".mp4", ".gif"), order.force)
    elif not (order.out / MADE_FROM).exists():
        check_room("-o", order.out, order.force)


def first_frame(order: Order, made: Easel) -> Picture:
    """The picture that is zoomed into: uint8 RGB (H, W, 3), its sides even."""
    if order.start is None:
        return noise(*(order.size or SIZE), order.ask.seed)
    read_sized(order.start, made.device)
    picture = load_picture(order.start)
    width, height = order.size or (picture.shape[1] // 2 * 2, picture.shape[0] // 2 * 2)
    if min(width, height) < 32:
        raise SettingsError(f"{order.start.name} is {width}×{height}; give a picture from 32×32, or --size")
    return fit(picture, width, height)


def frame_path(folder: Path, n: int) -> Path:
    """Where a frame is kept, counted from 0."""
    return folder / f"{n + 1:06}.png"


def frames(order: Order, easels: list[Easel], start: Picture, done: int) -> Iterator[Picture]:
    """The frames after those that are done."""
    look, seconds = look_of(start), 1 / order.fps
    sittings = [one.sitting(start.shape[1], start.shape[0]) for one in easels]
    picture = load_picture(frame_path(order.folder, done - 1)) if done else start
    for n in range(done, order.frames):
        if n:
            random = np.random.default_rng([order.ask.seed, n])
            sitting = sittings[n // order.every % len(sittings)] if order.every else sittings[0]
            closer = steadied(moved(picture, order.move, seconds), look, seconds, random)
            picture = grown(sitting, closer, random, easels[0].device)
        yield picture


def grown(sitting: StillRun, picture: Picture, random: np.random.Generator, device: torch.device) -> Picture:
    """A frame dreamed: so many steps on each octave, coarse to fine, each enlarged and laid on the picture."""
    settings, manner = sitting.settings, sitting.options
    x = to_tensor(picture, device)
    octaves = sizes(sitting.network, settings, manner, *picture.shape[:2])
    todo = [size for size in octaves for _ in range(manner.iterations)]
    rate = manner.step_size if manner.step_size is not None else STEP * settings.strength / len(todo)
    for size in todo if sitting.objectives.objectives and rate else []:
        seen = resized(x, *size)
        jitter = min(settings.jitter, min(size) - 1)
        shift = torch.from_numpy(random.integers(0, jitter + 1, (1, 2))).to(device) if jitter else None
        g = shifted(seen, lambda it: gradient_by_tiles(sitting.objectives, it, tiles_for(sitting, it)), shift, jitter)
        x = (x + rate * resized(normalised(shape_gradient(sitting, g)), *x.shape[2:])).clamp(0, 1)
    return to_picture(x)

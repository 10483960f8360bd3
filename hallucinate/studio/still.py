"""``hallucinate still``: a photo dreamed at its full size, octave after octave."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from rich.console import Console

from hallucinate.dream.still import StillProgress, iterate, sizes
from hallucinate.errors import OutputError
from hallucinate.frame import Picture, to_tensor
from hallucinate.sources.picture import load_picture
from hallucinate.studio.bar import bar
from hallucinate.studio.kept import find, keep, kept_at
from hallucinate.studio.photos import FORMATS, check_out, check_room, read_photo, write_photo
from hallucinate.studio.sitting import Ask, Easel, easel, finished, made_of, read_sized
from hallucinate.studio.strips import string_together

KEEP_EVERY_S, KEEP_SHARE = 10.0, 0.05
"""A dream on its way is kept so often, and less often where keeping would take more than this share of the time."""

SMALLEST_TILE = 128
"""Tiles are not halved further than to this, in pixels."""

STAGES, STAGES_FPS = 40, 12.0
"""Stages that are strung together where ``--every`` does not say, about, and how fast they play."""


@dataclass(frozen=True)
class Order:
    """One photo to be dreamed. every: iterations between two stages that are written; 0 for none."""

    photo: Path
    out: Path
    ask: Ask
    every: int = 0
    gif: Path | None = None
    mp4: Path | None = None
    force: bool = False

    def check(self) -> None:
        """Raise HallucinateError for what cannot be written, or would be written over."""
        check_out("-o", self.out, tuple(FORMATS), self.force)
        for option, path, ending in (("--gif", self.gif, ".gif"), ("--mp4", self.mp4, ".mp4")):
            if path is not None:
                check_out(option, path, (ending,), self.force)
        if self.out.exists() and self.photo.exists() and self.out.samefile(self.photo):
            raise OutputError(f"{self.out} is the photo itself; name another file to write")
        if self.every:
            # What was left by a run that was killed may be written over, what was finished may not.
            first = stage_path(self.out, 1)
            check_room("--every", first, self.force or kept_at(self.out).exists())


@dataclass(frozen=True)
class Stages:
    """The stages of a dream of so many iterations: written every so many, and at its end."""

    out: Path
    total: int
    every: int

    def after(self, done: int) -> Path | None:
        """Where the stage after so many iterations is written, if one is."""
        if not self.every or (done % self.every and done != self.total):
            return None
        return stage_path(self.out, -(-done // self.every))

    def paths(self) -> list[Path]:
        """All of them, in order."""
        return [stage_path(self.out, n + 1) for n in range(-(-self.total // self.every))] if self.every else []


def stage_path(out: Path, n: int) -> Path:
    """Where the n-th stage is written."""
    return out.with_name(f"{out.stem}-{n:04}{out.suffix}")


def still(order: Order) -> None:
    """Dream a photo, and say what was made. Raises HallucinateError; what is there then was there before."""
    order.check()
    console, started_s = Console(highlight=False, soft_wrap=True), time.monotonic()
    made = easel(order.ask)
    read_sized(order.photo, made.device)
    photo, about = read_photo(order.photo)
    for note in about.notes:
        console.print(f"{order.photo.name}: {note}")
    strips = [path for path in (order.gif, order.mp4) if path is not None]
    octaves = sizes(made.network, made.settings, made.manner, *photo.shape[:2])
    total = len(octaves) * made.manner.iterations
    stages = Stages(order.out, total, order.every or (max(1, total // STAGES) if strips else 0))
    try:
        dreamed = dream(order, made, photo, stages, console)
    except KeyboardInterrupt:
        if kept_at(order.out).exists():
            console.print(f"stopped; the same command goes on from what is kept in {kept_at(order.out)}")
        raise
    write_photo(order.out, dreamed, about)
    for strip in strips:
        string_together(strip, (load_picture(stage) for stage in stages.paths()), STAGES_FPS)
    if not order.every:
        for stage in stages.paths():
            stage.unlink()
    kept_at(order.out).unlink(missing_ok=True)
    small, large = (f"{width}×{height}" for height, width in (octaves[0], photo.shape[:2]))
    count = f"{len(octaves)} octave{'s' if len(octaves) > 1 else ''}"
    steps = f"{count} from {small}, {made.manner.iterations} iterations on each"
    said = f"{order.out}: {large}, {steps}, in {time.monotonic() - started_s:.0f} s"
    console.print("; ".join([said, *map(str, strips)]))


def dream(order: Order, made: Easel, photo: Picture, stages: Stages, console: Console) -> Picture:
    """A photo dreamed to the end; in smaller tiles where memory ends."""
    x = to_tensor(photo, made.device)
    made_from: dict[str, object] = {"photo": made_of(order.photo), **order.ask.told()}
    while True:
        kept = find(kept_at(order.out), made_from, made.device)
        if kept is not None:
            console.print(f"going on from octave {kept.octave + 1} of {kept.octaves}, iteration {kept.iteration}")
        try:
            sitting = made.sitting(photo.shape[1], photo.shape[0])
            with bar(console, order.photo.name, stages.total) as done:
                reached = climbed(iterate(sitting, x, kept), made, x, stages, done, order.out, made_from) or kept
            return photo if reached is None else finished(x, reached.detail)
        except torch.OutOfMemoryError:
            if made.manner.tile <= SMALLEST_TILE:
                raise OutputError(f"{order.photo.name}: the device has too little memory; try --device cpu") from None
            made = replace(made, manner=replace(made.manner, tile=made.manner.tile // 2))
            console.print(f"the device ran out of memory; going on with tiles of {made.manner.tile} px")


def climbed(
    dreams: Iterator[StillProgress],
    made: Easel,
    x: torch.Tensor,
    stages: Stages,
    done: Callable[[int], None],
    out: Path,
    made_from: dict[str, object],
) -> StillProgress | None:
    """The last of the dreams; on the way, stages are written, and where it is is kept every so often."""
    reached, due_s = None, time.monotonic() + KEEP_EVERY_S
    for reached in dreams:
        count = reached.octave * made.manner.iterations + reached.iteration
        done(count)
        stage = stages.after(count)
        if stage is not None:
            write_photo(stage, finished(x, reached.detail))
        started_s = time.monotonic()
        if started_s >= due_s:
            keep(kept_at(out), reached, made_from)
            took_s = time.monotonic() - started_s
            due_s = started_s + max(KEEP_EVERY_S, took_s / KEEP_SHARE)
    return reached

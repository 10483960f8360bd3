"""``hallucinate still``: a photo dreamed at its full size, octave after octave."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from rich.console import Console

from hallucinate.console import open_console
from hallucinate.dream.still import StillProgress, iterate, sizes
from hallucinate.dream_request import DreamRequest
from hallucinate.errors import OutputError
from hallucinate.files import beside
from hallucinate.frame import Picture, to_tensor
from hallucinate.progress import progress_bar
from hallucinate.sources.picture import load_picture
from hallucinate.still.checkpoint import checkpoint_path, load_checkpoint, save_checkpoint
from hallucinate.still.memory import check_photo
from hallucinate.still.photos import FORMATS, read_photo, write_photo
from hallucinate.still.renderer import StillRenderer, composite, open_renderer
from hallucinate.still.sequences import write_sequence
from hallucinate.work_folder import file_identity
from hallucinate.writing import check_output_file, check_writable

CHECKPOINT_EVERY_S, CHECKPOINT_SHARE = 10.0, 0.05
"""A checkpoint is written so often, and less often where writing would take more than this share of the time."""

SMALLEST_TILE = 128
"""Tiles are not halved further than to this, in pixels."""

STAGES, STAGES_FPS = 40, 12.0
"""About how many stages a sequence has where ``--every`` does not say, and how fast they play."""


@dataclass(frozen=True)
class StillJob:
    """One photo to be dreamed.

    every: iterations between two stages that are written; 0 for none. gif, mp4: sequences of the stages. force:
    whether files that exist may be replaced.
    """

    photo: Path
    out: Path
    request: DreamRequest
    every: int = 0
    gif: Path | None = None
    mp4: Path | None = None
    force: bool = False

    @property
    def sequences(self) -> list[Path]:
        """The sequences that are requested."""
        return [path for path in (self.gif, self.mp4) if path is not None]

    def check(self) -> None:
        """Raise HallucinateError for an output that cannot be written, or that exists already."""
        check_output_file("-o", self.out, tuple(FORMATS), self.force)
        for option, path, ending in (("--gif", self.gif, ".gif"), ("--mp4", self.mp4, ".mp4")):
            if path is not None:
                check_output_file(option, path, (ending,), self.force)
        if self.out.exists() and self.photo.exists() and self.out.samefile(self.photo):
            raise OutputError(f"{self.out} is the photo itself; name another file to write", code="output_is_source")
        if self.every:
            # The stages of a run that was killed may be replaced, those of a finished one may not.
            check_writable("--every", stage_path(self.out, 1), self.force or checkpoint_path(self.out).exists())

    def made_from(self) -> dict[str, object]:
        """All that decides what the picture is, as values for JSON."""
        return {"photo": file_identity(self.photo), **self.request.facts()}


@dataclass(frozen=True)
class Stages:
    """The stages of a dream of ``total`` iterations: written every so many, and at its end. every: 0 for none."""

    out: Path
    total: int
    every: int

    def after(self, done: int) -> Path | None:
        """Where the stage after so many iterations is written; None where there is no stage."""
        if not self.every or (done % self.every and done != self.total):
            return None
        return stage_path(self.out, -(-done // self.every))

    def paths(self) -> list[Path]:
        """All of them, in order."""
        return [stage_path(self.out, n + 1) for n in range(-(-self.total // self.every))] if self.every else []


def stage_path(out: Path, n: int) -> Path:
    """Where the n-th stage is written, counted from 1."""
    return beside(out.with_name(out.stem), f"-{n:04}{out.suffix}")


def render_still(job: StillJob) -> None:
    """Dream a photo, write it and print what was written. Raises HallucinateError, with no output half-written."""
    job.check()
    console, started_s = open_console(), time.monotonic()
    renderer = open_renderer(job.request)
    check_photo(job.photo, renderer.device)
    photo, metadata = read_photo(job.photo)
    for note in metadata.notes:
        console.print(f"{job.photo.name}: {note}")
    iterations = renderer.options.iterations
    octaves = sizes(renderer.network, renderer.settings, renderer.options, *photo.shape[:2])
    total = len(octaves) * iterations
    stages = Stages(job.out, total, job.every or (max(1, total // STAGES) if job.sequences else 0))
    try:
        picture = dream_photo(job, renderer, photo, stages, console)
    except KeyboardInterrupt:
        if checkpoint_path(job.out).exists():
            console.print(f"stopped; run the same command again to continue from {checkpoint_path(job.out)}")
        raise
    write_photo(job.out, picture, metadata)
    for path in job.sequences:
        write_sequence(path, (load_picture(stage) for stage in stages.paths()), STAGES_FPS)
    if not job.every:
        for stage in stages.paths():
            stage.unlink()
    checkpoint_path(job.out).unlink(missing_ok=True)
    small, large = (f"{width}×{height}" for height, width in (octaves[0], photo.shape[:2]))
    octave_count = f"{len(octaves)} octave{'s' if len(octaves) > 1 else ''}"
    steps = f"{octave_count} from {small}, {iterations} iteration{'s' if iterations > 1 else ''} on each"
    summary = f"{job.out}: {large}, {steps}, in {time.monotonic() - started_s:.0f} s"
    console.print("; ".join([summary, *map(str, job.sequences)]))


def dream_photo(job: StillJob, renderer: StillRenderer, photo: Picture, stages: Stages, console: Console) -> Picture:
    """A photo dreamed to the end, uint8 RGB (H, W, 3); with smaller tiles where memory runs out.

    Raises OutputError where even the smallest tiles do not fit.
    """
    x = to_tensor(photo, renderer.device)
    made_from = job.made_from()
    while True:
        checkpoint = load_checkpoint(checkpoint_path(job.out), made_from, renderer.device)
        if checkpoint is not None:
            position = f"octave {checkpoint.octave + 1} of {checkpoint.octaves}, iteration {checkpoint.iteration}"
            console.print(f"continuing from {position}")
        try:
            run = renderer.start(photo.shape[1], photo.shape[0])
            with progress_bar(console, job.photo.name, stages.total) as report:
                steps = iterate(run, x, checkpoint)
                progress = with_checkpoints(steps, renderer, x, stages, report, job.out, made_from) or checkpoint
            return photo if progress is None else composite(x, progress.detail)
        except torch.OutOfMemoryError:
            tile = renderer.options.tile
            if tile <= SMALLEST_TILE:
                raise OutputError(
                    f"{job.photo.name}: the device has too little memory for tiles of {tile} px; try --device cpu"
                ) from None
            renderer = replace(renderer, options=replace(renderer.options, tile=tile // 2))
            console.print(f"the device ran out of memory; continuing with tiles of {tile // 2} px")


def with_checkpoints(
    steps: Iterator[StillProgress],
    renderer: StillRenderer,
    x: torch.Tensor,
    stages: Stages,
    report: Callable[[int], None],
    out: Path,
    made_from: dict[str, object],
) -> StillProgress | None:
    """The last of the steps, None where there was none; stages and checkpoints are written on the path there."""
    progress, due_s = None, time.monotonic() + CHECKPOINT_EVERY_S
    for progress in steps:
        count = progress.octave * renderer.options.iterations + progress.iteration
        report(count)
        stage = stages.after(count)
        if stage is not None:
            write_photo(stage, composite(x, progress.detail))
        started_s = time.monotonic()
        if started_s >= due_s:
            save_checkpoint(checkpoint_path(out), progress, made_from)
            took_s = time.monotonic() - started_s
            due_s = started_s + max(CHECKPOINT_EVERY_S, took_s / CHECKPOINT_SHARE)
    return progress

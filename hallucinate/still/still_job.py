"""``hallucinate still``: a photo dreamed at its full size, octave after octave."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from rich.console import Console

from hallucinate.console import open_console
from hallucinate.dream.still import StillProgress, iterate, sizes
from hallucinate.dream_request import DreamRequest, check_least_side
from hallucinate.errors import OutputError
from hallucinate.files import beside
from hallucinate.frame import Picture, to_tensor
from hallucinate.progress import progress_bar
from hallucinate.sources.picture import load_picture
from hallucinate.still.checkpoint import checkpoint_path, load_checkpoint, save_checkpoint
from hallucinate.still.memory import check_photo
from hallucinate.still.metadata import PhotoMetadata
from hallucinate.still.photo_formats import FORMATS, check_size, fitted, format_of
from hallucinate.still.photos import read_photo, write_photo
from hallucinate.still.renderer import StillRenderer, composite, open_renderer
from hallucinate.still.sequences import check_sequence, write_sequence
from hallucinate.work_folder import file_identity, remove_finished
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
    def sequences(self) -> dict[str, Path]:
        """The sequences that are requested, by their options."""
        return {option: path for option, path in (("--gif", self.gif), ("--mp4", self.mp4)) if path is not None}

    def check(self) -> None:
        """Raise HallucinateError for an output that cannot be written, or that exists already."""
        check_output_file("-o", self.out, tuple(FORMATS), self.force, [checkpoint_path(self.out)])
        for option, path in self.sequences.items():
            check_output_file(option, path, (f".{option.strip('-')}",), self.force)
        if self.out.exists() and self.photo.exists() and self.out.samefile(self.photo):
            raise OutputError(f"{self.out} is the photo itself; name another file to write", code="output_is_source")

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


@dataclass(frozen=True)
class StillPlan:
    """A photo that can be dreamed and written. metadata: what the output holds of it. notes: what it does not."""

    photo: Picture
    metadata: PhotoMetadata
    octaves: list[tuple[int, int]]
    stages: Stages
    notes: list[str]


def plan_still(job: StillJob, renderer: StillRenderer) -> StillPlan:
    """Read the photo and find all that cannot be written, before anything is dreamed. Raises HallucinateError."""
    check_photo(job.photo, renderer.device)
    photo, metadata = read_photo(job.photo)
    height, width = photo.shape[:2]
    check_size(job.out, width, height)
    check_least_side(f"{job.photo} is", width, height)
    octaves = sizes(renderer.network, renderer.settings, renderer.options, height, width)
    total = len(octaves) * renderer.options.iterations
    stages = Stages(job.out, total, job.every or (max(1, total // STAGES) if job.sequences else 0))
    if stages.every:
        # The stages of a run that was killed may be replaced, those of a finished one may not.
        check_stages(stages, job.force or checkpoint_path(job.out).exists())
    written, omitted = fitted(metadata, format_of(job.out))
    notes = [f"{job.photo.name}: {note}" for note in metadata.notes] + [f"{job.out.name}: {note}" for note in omitted]
    for option, path in job.sequences.items():
        notes += check_sequence(option, path, width, height, STAGES_FPS, len(stages.paths()))
    return StillPlan(photo, written, octaves, stages, notes)


def check_stages(stages: Stages, replace: bool) -> None:
    """Raise HallucinateError for stages that exist already, or cannot be written. replace: whether they may be."""
    for path in stages.paths():
        if path.exists() and not replace:
            raise OutputError(
                f"{path} exists already; replace it with --force, or name another file", code="output_exists"
            )
    check_writable("--every", stages.paths()[-1], force=True)  # of the longest name


def render_still(job: StillJob) -> None:
    """Dream a photo, write it and print what was written. Raises HallucinateError, with no output half-written."""
    job.check()
    console, started_s = open_console(), time.monotonic()
    renderer = open_renderer(job.request)
    plan = plan_still(job, renderer)
    for note in plan.notes:
        console.print(note)
    try:
        progress = dream_photo(job, renderer, plan.photo, plan.stages, console)
    except KeyboardInterrupt:
        if checkpoint_path(job.out).exists():
            console.print(f"stopped; run the same command again to continue from {checkpoint_path(job.out)}")
        raise
    write_outputs(job, plan, progress, renderer.device)
    unneeded = [] if job.every else plan.stages.paths()
    for note in remove_finished(*unneeded, checkpoint_path(job.out)):
        console.print(note)
    small, large = (f"{width}×{height}" for height, width in (plan.octaves[0], plan.photo.shape[:2]))
    octave_count = f"{len(plan.octaves)} octave{'s' if len(plan.octaves) > 1 else ''}"
    iterations = renderer.options.iterations
    steps = f"{octave_count} from {small}, {iterations} iteration{'s' if iterations > 1 else ''} on each"
    summary = f"{job.out}: {large}, {steps}, in {time.monotonic() - started_s:.0f} s"
    console.print("; ".join([summary, *map(str, job.sequences.values())]))


def write_outputs(job: StillJob, plan: StillPlan, progress: StillProgress | None, device: torch.device) -> None:
    """Write the dreamed photo and what is made of its stages.

    Raises OutputError, which says where the finished work is.
    """
    x = to_tensor(plan.photo, device)
    picture = plan.photo if progress is None else composite(x, progress.detail)
    try:
        write_photo(job.out, picture, plan.metadata)
    except OutputError as error:
        raise and_saved(error, job, progress) from None
    # An earlier run without --gif may have dreamed the first of them, and written no stages.
    stages = [path for path in plan.stages.paths() if path.exists()] or [job.out]
    for path in job.sequences.values():
        finished = f"{job.out} is written, and its stages are beside it"
        try:
            write_sequence(path, (load_picture(stage) for stage in stages), STAGES_FPS, len(stages), finished)
        except OutputError as error:
            raise and_saved(error, job, progress) from None


def and_saved(error: OutputError, job: StillJob, progress: StillProgress | None) -> OutputError:
    """The same error, after the dream so far was saved; it says where. Where its disk is full, elsewhere."""
    path = checkpoint_path(job.out)
    again = f"the same command{' with --force' if job.out.exists() else ''} continues from there"
    if progress is None:
        return error
    try:
        save_checkpoint(path, progress, job.made_from())
        saved = f"the dream so far is in {path}, and {again}; renamed to NAME{path.suffix}, it does for -o NAME too"
    except OutputError:
        try:
            other = Path(tempfile.mkdtemp(prefix="hallucinate-")) / path.name
            save_checkpoint(other, progress, job.made_from())
        except (OutputError, OSError):
            return error
        saved = f"the dream so far is in {other}; move it to {path}, and {again}"
    return OutputError(f"{error}; {saved}", code=error.code)


def dream_photo(
    job: StillJob, renderer: StillRenderer, photo: Picture, stages: Stages, console: Console
) -> StillProgress | None:
    """A photo dreamed to the end, with smaller tiles where memory runs out; None where there is nothing to dream.

    Raises OutputError where even the smallest tiles do not fit, or a stage cannot be written.
    """
    x = to_tensor(photo, renderer.device)
    while True:
        checkpoint = load_checkpoint(checkpoint_path(job.out), job.made_from(), renderer.device)
        if checkpoint is not None:
            console.print(continuing(checkpoint, stages, renderer.options.iterations))
        try:
            run = renderer.start(photo.shape[1], photo.shape[0])
            with progress_bar(console, job.photo.name, stages.total) as report:
                steps = iterate(run, x, checkpoint)
                return with_checkpoints(steps, renderer, x, stages, report, job, console) or checkpoint
        except torch.OutOfMemoryError:
            tile = renderer.options.tile
            if tile <= SMALLEST_TILE:
                raise OutputError(
                    f"{job.photo.name}: the device has too little memory for tiles of {tile} px; try --device cpu"
                ) from None
            renderer = replace(renderer, options=replace(renderer.options, tile=tile // 2))
            console.print(f"the device ran out of memory; continuing with tiles of {tile // 2} px")


def continuing(checkpoint: StillProgress, stages: Stages, iterations: int) -> str:
    """From where a dream is continued, and what an earlier run has not written of its stages, in words."""
    position = f"octave {checkpoint.octave + 1} of {checkpoint.octaves}, iteration {checkpoint.iteration}"
    done = checkpoint.octave * iterations + checkpoint.iteration
    due = [stages.after(n + 1) for n in range(done)]
    missing = [path.name for path in due if path is not None and not path.exists()]
    lacking = f"; {len(missing)} stages before it were not written: {missing[0]} to {missing[-1]}" if missing else ""
    return f"continuing from {position}{lacking}"


def with_checkpoints(
    steps: Iterator[StillProgress],
    renderer: StillRenderer,
    x: torch.Tensor,
    stages: Stages,
    report: Callable[[int], None],
    job: StillJob,
    console: Console,
) -> StillProgress | None:
    """The last of the steps, None where there was none; stages and checkpoints are written on the path there.

    A checkpoint that cannot be written is reported once, and ends nothing. Raises OutputError where a stage cannot be.
    """
    progress, due_s, failed = None, time.monotonic() + CHECKPOINT_EVERY_S, False
    for progress in steps:
        count = progress.octave * renderer.options.iterations + progress.iteration
        report(count)
        stage = stages.after(count)
        if stage is not None:
            try:
                write_photo(stage, composite(x, progress.detail))
            except OutputError as error:
                raise and_saved(error, job, progress) from None
        started_s = time.monotonic()
        if started_s >= due_s:
            try:
                save_checkpoint(checkpoint_path(job.out), progress, job.made_from())
            except OutputError as error:
                if not failed:
                    console.print(f"{error}; the dream goes on, and if it is stopped now, no more of it is saved")
                failed = True
            took_s = time.monotonic() - started_s
            due_s = started_s + max(CHECKPOINT_EVERY_S, took_s / CHECKPOINT_SHARE)
    return progress

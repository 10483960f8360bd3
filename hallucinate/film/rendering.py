"""One film, dreamed frame by frame and written part by part, so that it can be stopped at any moment and continued.

The path of a film: ``FilmReader`` opens it and reads its facts, ``plan_film`` checks all that can be wrong,
``render_span`` dreams its frames into parts, ``finish_film`` joins the parts.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import av
from av.error import FFmpegError

from hallucinate.dream_request import check_least_side
from hallucinate.errors import HallucinateError, OutputError, SourceError
from hallucinate.files import ffmpeg_path, write_json
from hallucinate.film.container import add_encoder, container_format
from hallucinate.film.contents import Contents
from hallucinate.film.film_job import FilmJob
from hallucinate.film.film_reader import FilmFacts, FilmReader, Span
from hallucinate.film.frame_renderers import FrameRenderer, RendererFactory, describe_rendering
from hallucinate.film.joining import DISK, Spans, join
from hallucinate.film.parts import (
    Checkpoint,
    SpanProgress,
    finish_part,
    latest_checkpoint,
    part_path,
    parts_folder,
    remove_parts,
    span_folder,
)
from hallucinate.film.picture_format import PictureFormat, add_dream, padded, picture_format
from hallucinate.film.trial import choose_contents, prepare_trial
from hallucinate.frame import Frame
from hallucinate.sources.pixels import stored_rgb
from hallucinate.work_folder import MADE_FROM, claim
from hallucinate.writing import cannot_write, check_writable

Report = Callable[[int], None]
"""Called after each frame with how many are done."""


@dataclass(frozen=True)
class FilmPlan:
    """A film that can be rendered.

    written: how its pictures are written. contents: what goes beside them. omitted: what of the source is not in it.
    """

    job: FilmJob
    facts: FilmFacts
    written: PictureFormat
    spans: list[Span]
    contents: Contents
    omitted: list[str]


@dataclass(frozen=True)
class FinishedFilm:
    """A finished film.

    damaged: frames and packets skipped. fitted: frames of another shape than the first. omitted: what could not be
    copied after all. rendering: how each frame was dreamed. The last two in words.
    """

    frames: int
    damaged: int
    fitted: int
    omitted: list[str]
    written: PictureFormat
    rendering: str


def plan_film(job: FilmJob, reader: FilmReader) -> FilmPlan:
    """Check all that can be wrong before anything is rendered, and find the spans.

    Raises HallucinateError in one line, with nothing written.
    """
    facts = reader.facts
    check_output(job)
    check_least_side(f"{facts.path}: its pictures are", *facts.upright_size)
    job.check_shape(facts)
    written = output_format(job, facts)
    contents, omitted = choose_contents(prepare_trial(job, facts, written, reader.container), reader.pictures)
    folder = parts_folder(job.out)
    made_from = claim(folder, job.made_from(), job.force, remove_parts)
    spans = [Span()]
    if job.scenes:
        if "scenes" not in made_from:
            found = [(span.start, span.end) for span in reader.scenes()]
            made_from = {**made_from, "scenes": found}
            try:
                write_json(folder / MADE_FROM, made_from)
            except OSError as error:
                raise cannot_write(folder / MADE_FROM, error) from None
        spans = [Span(*each) for each in made_from["scenes"]]
    return FilmPlan(job, facts, written, spans, contents, omitted)


def check_output(job: FilmJob) -> None:
    """Raise OutputError or OptionError for an output that is the source, exists already, or has no place to be."""
    out = job.out
    if out.exists() and out.samefile(job.source):
        raise OutputError(f"{out}: this is the film itself; name another file", code="output_is_source")
    if out.is_dir():
        raise OutputError(f"{out}: this is a folder; name a film in it, e.g. {out / job.source.name}")
    check_writable("--out", out, job.force)
    container_format(out)


def output_format(job: FilmJob, facts: FilmFacts) -> PictureFormat:
    """How a film's pictures are written."""
    return picture_format(facts.decoded, facts.pixel_aspect, job.codec, job.keep_chroma)


@dataclass(frozen=True)
class SpanWork:
    """A span that is rendered: where frames come from, how they are dreamed and written, who hears of each."""

    job: FilmJob
    reader: FilmReader
    written: PictureFormat
    folder: Path
    renderer: FrameRenderer
    report: Report


def render_span(
    job: FilmJob, reader: FilmReader, n: int, span: Span, renderer: FrameRenderer, report: Report
) -> SpanProgress:
    """Render a span, from its beginning or from its checkpoint. Returns where it ended.

    n: the span's number, from 0. Raises OutputError where a part cannot be written; finished ones stay.
    """
    work = SpanWork(job, reader, output_format(job, reader.facts), span_folder(job.out, n), renderer, report)
    try:
        work.folder.mkdir(exist_ok=True)
        checkpoint = latest_checkpoint(work.folder)
        before = checkpoint.progress if checkpoint else None
        frames = reader.frames(span, checkpoint.progress.last_time if checkpoint else None)
        while True:
            if checkpoint is not None:
                # In an unbroken run too: so that it is one and the same as a broken one.
                renderer.restore(checkpoint.tensors, checkpoint.values)
                report(checkpoint.progress.frames)
            first = next(frames, None)
            if first is None:
                break
            few = itertools.chain([first], itertools.islice(frames, renderer.frames_per_part - 1))
            checkpoint = render_part(work, few, checkpoint.progress if checkpoint else None, before)
    except HallucinateError:
        raise
    except (OSError, FFmpegError) as error:
        finished = "what was finished stays; run the same command again to continue"
        raise cannot_write(parts_folder(job.out), error, finished) from None
    if checkpoint is None:
        raise SourceError(
            f"{job.source}: no frame decodes from {span.start} to {span.end}; if the file was changed, add --force to "
            "start anew"
        )
    return checkpoint.progress


def render_part(
    work: SpanWork,
    frames: Iterator[tuple[int, av.VideoFrame]],
    before: SpanProgress | None,
    before_run: SpanProgress | None,
) -> Checkpoint:
    """Dream and encode a few frames, and make them the span's next part. Raises OSError or FFmpegError.

    before, before_run: where the span is so far, and where it was before this run; None at its beginning.
    """
    facts = work.reader.facts
    number, count = (before.parts, before.frames) if before else (0, 0)
    start, last, duration = (before.first_time, before.last_time, before.last_duration) if before else (None, 0, 0)
    path = part_path(work.folder, number).with_suffix(".part")
    with av.open(ffmpeg_path(path), "w", format="nut") as part:
        stream = add_encoder(part, work.job, work.written, facts.time_base, facts.rate)
        for time, frame in frames:
            start = time if start is None else start
            out = render_frame(work, frame, time)
            # From the span's beginning, because NUT has no times below 0.
            out.pts, out.time_base = time - start, facts.time_base
            part.mux(stream.encode(out))
            count, last, duration = count + 1, time, frame.duration or facts.frame_duration
            work.report(count)
        part.mux(stream.encode())
    assert start is not None  # the caller has a frame
    damaged, fitted = (before_run.damaged, before_run.fitted) if before_run else (0, 0)
    damaged, fitted = damaged + work.reader.damaged, fitted + work.reader.fitted
    progress = SpanProgress(start, last, duration, number + 1, count, damaged, fitted)
    checkpoint = Checkpoint(progress, *work.renderer.state())
    finish_part(work.folder, path, checkpoint)
    return checkpoint


def render_frame(work: SpanWork, frame: av.VideoFrame, time: int) -> av.VideoFrame:
    """A decoded frame -> the same, dreamed upright, turned as in the film. time: in units of FilmFacts.time_base."""
    facts, before = work.reader.facts, stored_rgb(frame, (work.written.width, work.written.height))
    captured_ns = round(time * facts.time_base * 10**9)
    dream = work.renderer.render(Frame(facts.orientation.upright(before), captured_ns))
    return padded(add_dream(frame, before, facts.orientation.stored(dream), work.written), work.written)


def finish_film(plan: FilmPlan, ends: list[SpanProgress]) -> FinishedFilm:
    """Join the rendered spans to the film, and remove the parts. Raises OutputError where it cannot be written.

    ends: where each span ended, in order.
    """
    job, folder = plan.job, parts_folder(plan.job.out)
    whole, spans = folder / f"whole{job.out.suffix}", [(span_folder(job.out, n), end) for n, end in enumerate(ends)]
    try:
        omitted = join_as_possible(plan, spans, whole)
        whole.replace(job.out)
    except (OSError, FFmpegError) as error:
        finished = f"every frame is rendered already, in {folder}: run the same command again to try again"
        raise cannot_write(job.out, error, finished) from None
    remove_parts(folder)
    frames, damaged, fitted = (
        sum(counts) for counts in zip(*((e.frames, e.damaged, e.fitted) for e in ends), strict=True)
    )
    rendering = describe_rendering(job, plan.facts.upright_size[0])
    return FinishedFilm(frames, damaged, fitted, omitted, plan.written, rendering)


def join_as_possible(plan: FilmPlan, spans: Spans, whole: Path) -> list[str]:
    """Join the rendered spans, with all that goes beside them, or else alone; returns what was omitted, in words.

    Raises OSError or FFmpegError where the disk is at fault, or the pictures alone cannot be written either.
    """
    try:
        return join(plan.job, plan.facts, plan.contents, spans, whole)
    except FFmpegError as error:
        # What the trial did not show: a film without its sound is better than frames that nobody can see.
        if error.errno in DISK or plan.contents == plan.contents.pictures_alone:
            raise
        join(plan.job, plan.facts, plan.contents.pictures_alone, spans, whole)
        return [f"all but the pictures ({error.strerror})"]


def render_film(plan: FilmPlan, reader: FilmReader, make_renderer: RendererFactory, report: Report) -> FinishedFilm:
    """Render a planned film on this machine. Raises HallucinateError."""
    ends: list[SpanProgress] = []
    for n, span in enumerate(plan.spans):
        before = sum(end.frames for end in ends)
        renderer = make_renderer(plan.job, plan.facts)
        ends.append(render_span(plan.job, reader, n, span, renderer, _after(before, report)))
    return finish_film(plan, ends)


def _after(before: int, report: Report) -> Report:
    return lambda count: report(before + count)

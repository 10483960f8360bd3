"""One film, dreamed: frame by frame as live, part by part, so that it can be stopped at any moment and gone on with."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import av
import numpy as np
from av.error import FFmpegError

from hallucinate.errors import OutputError, SourceError
from hallucinate.files import write_json
from hallucinate.frame import Frame
from hallucinate.sources.decode import turned
from hallucinate.studio.colours import Canvas, added, canvas_for, seen
from hallucinate.studio.footage import Footage, Span
from hallucinate.studio.joining import container_of, encoding, join, left_out
from hallucinate.studio.kept import MADE_FROM, claim
from hallucinate.studio.manners import Dreaming, in_words
from hallucinate.studio.order import Order
from hallucinate.studio.parts import Kept, Notes, clear, keep, latest, part_path, parts_folder, span_folder

Watch = Callable[[int], None]
"""Told, after each frame, how many frames of its span are done."""


@dataclass(frozen=True)
class Made:
    """A finished film. canvas: how its pictures are written; manner: how each was dreamed; damaged: left out."""

    frames: int
    damaged: int
    canvas: Canvas
    manner: str


@dataclass(frozen=True)
class Begun:
    """A film that can be rendered. frames: how many there are, about; 0 where the film does not say."""

    spans: list[Span]
    left_out: list[str]
    frames: int


def begin(order: Order) -> Begun:
    """Check all that can be wrong before anything is rendered, and find the spans.

    Raises HallucinateError in one line, with nothing written.
    """
    footage = Footage(order.source)
    try:
        check_out(order)
        first = footage.first
        order.check_shape(turned((first.width, first.height), bool(round(first.rotation / 90) % 2)))
        lost = left_out(order, canvas_for(footage.first, footage.aspect, order.formats()))
        made_from = claim(parts_folder(order.out), order.made_from(), order.force, clear)
        spans = [Span()]
        if order.scenes:
            if "scenes" not in made_from:
                found = [(span.start, span.end) for span in footage.scenes()]
                made_from = {**made_from, "scenes": found}
                write_json(parts_folder(order.out) / MADE_FROM, made_from)
            spans = [Span(*each) for each in made_from["scenes"]]
        return Begun(spans, lost, footage.expected)
    except OSError as error:
        raise OutputError(f"{order.out}: cannot be written ({reason(error)}); make room or name another") from None
    finally:
        footage.close()


def check_out(order: Order) -> None:
    """Raise OutputError for an output that is the source, is there already, or has no place to be."""
    out = order.out
    if out.exists() and out.samefile(order.source):
        raise OutputError(f"{out}: this is the film itself; name another file")
    if out.is_dir():
        raise OutputError(f"{out}: this is a folder; name a film in it, e.g. {out / order.source.name}")
    if out.exists() and not order.force:
        raise OutputError(f"{out} is there already; name another file, or replace it with --force")
    if not out.parent.is_dir():
        raise OutputError(f"{out}: there is no folder {out.parent}; make it, or name another file")
    container_of(out)


@dataclass(frozen=True)
class Work:
    """A span at work: what is read, how it is written, who dreams, and who watches."""

    order: Order
    footage: Footage
    canvas: Canvas
    folder: Path
    dreamer: Dreaming
    watch: Watch


def render_span(order: Order, n: int, span: Span, dreamer: Dreaming, watch: Watch) -> Notes:
    """Render a span, from its beginning or from where it was left. Returns where it ended.

    Raises OutputError where a part cannot be written; those that were are kept.
    """
    footage = Footage(order.source)
    work = Work(
        order,
        footage,
        canvas_for(footage.first, footage.aspect, order.formats()),
        span_folder(order.out, n),
        dreamer,
        watch,
    )
    try:
        work.folder.mkdir(exist_ok=True)
        kept = latest(work.folder)
        damaged = kept.notes.damaged if kept else 0
        frames = footage.frames(span, kept.notes.last if kept else None)
        while True:
            if kept is not None:
                # In an unbroken run too: so that it is one and the same as a broken one.
                dreamer.restore(kept.tensors, kept.values)
                watch(kept.notes.frames)
            first = next(frames, None)
            if first is None:
                break
            few = itertools.chain([first], itertools.islice(frames, dreamer.part - 1))
            kept = render_part(work, few, kept.notes if kept else None, damaged)
    except (OSError, FFmpegError) as error:
        raise OutputError(
            f"{parts_folder(order.out)}: cannot be written ({reason(error)}); make room, and the same command goes on "
            "from there"
        ) from None
    finally:
        footage.close()
    if kept is None:
        raise SourceError(f"{order.source}: no frame decodes from {span.start} to {span.end}; was the file changed?")
    return kept.notes


def render_part(work: Work, frames: Iterator[tuple[int, av.VideoFrame]], done: Notes | None, damaged: int) -> Kept:
    """Dream and encode a few frames, and keep them as the span's next part.

    done: where the span is so far. damaged: what was left out before this run.
    """
    footage, number, count = work.footage, done.parts if done else 0, done.frames if done else 0
    start, last, shown = (done.start, done.last, done.shown) if done else (None, 0, 0)
    path = part_path(work.folder, number).with_suffix(".part")
    with av.open(str(path), "w", format="nut") as part:
        stream = encoding(part, work.order, work.canvas, footage.time_base, footage.rate)
        for time, frame in frames:
            start = time if start is None else start
            out = dreamed(work, frame, time)
            # From the span's beginning, because NUT has no times below 0.
            out.pts, out.time_base = time - start, footage.time_base
            part.mux(stream.encode(out))
            count, last, shown = count + 1, time, frame.duration or footage.period
            work.watch(count)
        part.mux(stream.encode())
    assert start is not None  # the caller saw a frame
    kept = Kept(Notes(start, last, shown, number + 1, count, damaged + footage.damaged), *work.dreamer.saved())
    keep(work.folder, path, kept)
    return kept


def dreamed(work: Work, frame: av.VideoFrame, time: int) -> av.VideoFrame:
    """A decoded frame -> the same, dreamed upright, as it lies in the film. time: in the stream's units."""
    before = seen(frame, work.canvas)
    turns = round(frame.rotation / 90) % 4  # quarter turns counter-clockwise
    upright = Frame(np.ascontiguousarray(np.rot90(before, turns)), round(time * work.footage.time_base * 10**9))
    picture = work.dreamer.dream(upright)
    return added(frame, before, np.ascontiguousarray(np.rot90(picture, -turns)), work.canvas)


def finish(order: Order, ends: list[Notes]) -> Made:
    """Join the rendered spans to the film, and remove the parts. Raises OutputError where it cannot be written."""
    footage = Footage(order.source)
    footage.close()
    whole = parts_folder(order.out) / f"whole{order.out.suffix}"
    try:
        join(
            order,
            [(span_folder(order.out, n), notes) for n, notes in enumerate(ends)],
            footage.time_base,
            footage.first,
            whole,
        )
        whole.replace(order.out)
    except (OSError, FFmpegError) as error:
        raise OutputError(
            f"{order.out}: cannot be written ({reason(error)}); make room, and the same command goes on: "
            f"all is rendered in {parts_folder(order.out)}"
        ) from None
    clear(parts_folder(order.out))
    canvas = canvas_for(footage.first, footage.aspect, order.formats())
    frames, damaged = sum(end.frames for end in ends), sum(end.damaged for end in ends)
    width = canvas.height if round(footage.first.rotation / 90) % 2 else canvas.width  # upright
    return Made(frames, damaged, canvas, in_words(order, width))


def render(order: Order, spans: list[Span], dreamer: Callable[[Order], Dreaming], watch: Watch) -> Made:
    """Render a film that was begun, here. dreamer: makes one for each span. Raises HallucinateError."""
    ends: list[Notes] = []
    for n, span in enumerate(spans):
        before = sum(end.frames for end in ends)
        ends.append(render_span(order, n, span, dreamer(order), partial(_watched, watch, before)))
    return finish(order, ends)


def _watched(watch: Watch, before: int, count: int) -> None:
    watch(before + count)


def reason(error: OSError | FFmpegError) -> str:
    """Why something could not be written, e.g. ``No space left on device``."""
    return error.strerror or str(error)

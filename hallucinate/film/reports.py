"""What the terminal says of a film before and after it is rendered."""

from __future__ import annotations

from collections.abc import Iterator

import av
from rich.console import Console

from hallucinate.film.container import container_format
from hallucinate.film.film_job import FilmJob
from hallucinate.film.picture_format import chroma, colour_notes, depth, is_large
from hallucinate.film.rendering import FilmPlan, FinishedFilm

LATE_S = 10
"""A film whose clock begins so late begins at 0 with a word; less is what broadcasts begin with anyway."""


BROKEN_OFF_S = 1
"""Less of a film than that may be missing by what one container or another counts."""

MP4 = {"mp4", "ipod"}
"""FFmpeg's names of the container that plays everywhere."""

PLAYED_IN_MP4 = {"aac", "mp3", "mp3float", "ac3", "eac3", "opus", "libopus", "flac", "alac"}
"""Sounds that browsers or phones play in it; others are for editing, or for other containers."""


def announce(console: Console, plan: FilmPlan) -> None:
    """Say, before a film is rendered, what will not be in it, or not be as somebody may expect."""
    for words in (*changes(plan), *omissions(plan)):
        console.print(f"{plan.job.out}: {words}")


def omissions(plan: FilmPlan) -> Iterator[str]:
    """What will not be in a film, in words."""
    if plan.omitted:
        yield f"not copied: {', '.join(plan.omitted)}"


def changes(plan: FilmPlan) -> Iterator[str]:
    """What will be different in a film beside the dream, in words."""
    job = plan.job
    if panorama := job.flattened(plan.facts):
        on_sphere = "" if job.request.preset else "; only equirect and half-equirect are dreamed on the sphere"
        yield f"{panorama}, dreamed as a flat picture{on_sphere}"
    yield from changes_of_pictures(plan)
    yield from changes_of_codec(plan)
    yield from changes_of_times(plan)
    yield from changes_of_sounds(plan)


def changes_of_pictures(plan: FilmPlan) -> Iterator[str]:
    """What becomes of a film's samples and size, in words."""
    decoded, written = plan.facts.decoded, plan.written
    source = av.VideoFormat(decoded.pixels)
    was, now = chroma(decoded), next(kind for kind in ("420", "422", "444") if kind in written.pixels)
    if was != now:
        words = "RGB becomes" if source.is_rgb or source.has_palette else f"its {spoken(was)} chroma becomes"
        yield f"{words} {spoken(now)}, which every player shows; --keep-chroma keeps more"
    elif now != "420":
        yield f"its {spoken(now)} chroma is kept, which few players show"
    if depth(decoded) > written.bits:
        why = "; --codec hevc keeps ten" if written.bits == 8 else ""
        yield f"its {depth(decoded)} bits become {written.bits}{why}"
    if written.coded_size != (written.width, written.height):
        width, height = written.coded_size
        yield (
            f"{written.width}×{written.height} becomes {width}×{height}, because players need even sides: "
            "the last row or column is repeated"
        )
    yield from colour_notes(decoded, written, plan.facts.transparent)
    if plan.facts.interlaced:
        yield "its frames are of two fields each, which are made one (deinterlaced by bwdif)"


def changes_of_codec(plan: FilmPlan) -> Iterator[str]:
    """What somebody may not expect of the codec, in words."""
    job, decoded, written = plan.job, plan.facts.decoded, plan.written
    if job.codec == "auto" and written.codec == "hevc":
        if written.bits > 8:
            yield "written as HEVC, which keeps ten bits; --codec h264 writes eight, for older players"
        else:
            yield f"written as HEVC, because {written.width}×{written.height} is more than most players take of H.264"
    elif written.codec == "h264" and is_large(decoded.width, decoded.height):
        yield f"few players take H.264 of {written.width}×{written.height}; --codec hevc is taken by more"
    if written.codec == "h264" and job.crf == 0:
        yield "--crf 0 is H.264 without any loss, which few players show; --crf 1 is shown by all"


def changes_of_times(plan: FilmPlan) -> Iterator[str]:
    """What becomes of a film's clock, in words."""
    clock, missing_s = plan.facts.clock, plan.facts.missing_s
    if missing_s >= BROKEN_OFF_S:
        yield f"the last {float(missing_s):.1f} s that its header promises are not there; was it copied to the end?"
    if clock.corrupt:
        packets = f"{clock.corrupt} packet{'s' if clock.corrupt > 1 else ''}"
        yield f"bytes are missing of {packets}, of pictures or sound: what of that does not decode is left out"
    if clock.start_s >= LATE_S:
        yield f"its clock begins at {float(clock.start_s):.1f} s, and the film at 0"
    if clock.steps:
        times = "once" if clock.steps == 1 else f"{clock.steps} times"
        yield f"its clock starts anew {times}: what comes then follows what came before"
    if damaged := sum(len(numbers) for numbers in clock.damaged.values()):
        yield f"the times of {damaged} packet{'s' if damaged > 1 else ''} are damaged: each follows the one before it"


def changes_of_sounds(plan: FilmPlan) -> Iterator[str]:
    """Which of a film's sounds few players play, in words: they are copied as they are."""
    copied = {plan.facts.sounds[index] for index in plan.contents.streams if index in plan.facts.sounds}
    rare = sorted(copied - PLAYED_IN_MP4)
    if rare and container_format(plan.job.out) in MP4:
        yield f"its sound stays as it is, and few players play {', '.join(rare)} in an {plan.job.out.suffix}"


def spoken(kind: str) -> str:
    """``420`` -> ``4:2:0``."""
    return ":".join(kind)


def summary(job: FilmJob, film: FinishedFilm, seconds: float) -> str:
    """A finished film in a line."""
    written = film.written
    width, height = written.coded_size
    size = f"{width}×{height}, {written.codec} {written.bits}-bit"
    after = [
        f"; {film.damaged} damaged frames or packets were skipped" if film.damaged else "",
        f"; {film.fitted} frames of another size or shape were fitted in, with black bars" if film.fitted else "",
        f"; {', '.join(film.omitted)} could not be copied" if film.omitted else "",
    ]
    frames = f"{film.frames} frame{'s' if film.frames != 1 else ''}"
    return f"{job.out}: {frames}, {size}, dreamed {film.rendering}, in {seconds:.0f} s{''.join(after)}"

"""The container that a film is written to: what it is called, what it can hold, and the streams in it."""

from __future__ import annotations

import io
from fractions import Fraction
from pathlib import Path

import av
from av.container import InputContainer, OutputContainer
from av.error import FFmpegError
from av.stream import Disposition, Stream

from hallucinate.errors import OutputError
from hallucinate.files import ffmpeg_path
from hallucinate.film.film_job import CODECS, FilmJob
from hallucinate.film.picture_format import PictureFormat

QUICKTIME = ("mp4", "mov", "ipod")
"""The muxers of one family; they put the index first, and write what 360° films are known by."""


def container_format(out: Path) -> str:
    """FFmpeg's name of the container that a file's ending means. Raises OutputError for another ending."""
    try:
        with av.open(ffmpeg_path(out), "w") as container:  # writes nothing until something is written to it
            return container.format.name
    except (FFmpegError, ValueError):
        reason = f"the ending {out.suffix!r} does not belong to a film" if out.suffix else "it has no ending"
        raise OutputError(f"{out}: {reason}; name an .mp4, .mkv or .mov", code="ending_unknown") from None


def add_encoder(
    container: OutputContainer, job: FilmJob, written: PictureFormat, time_base: Fraction, rate: Fraction
) -> av.VideoStream:
    """Add a stream that encodes pictures of a format.

    time_base: of the frames' times, in seconds. rate: the usual frames a second. Raises FFmpegError or ValueError where
    the container cannot hold the codec.
    """
    stream = container.add_stream(CODECS[job.codec], rate=rate, options=job.encoder_options(), time_base=time_base)
    assert isinstance(stream, av.VideoStream)
    context = stream.codec_context
    context.width, context.height, context.pix_fmt = written.width, written.height, written.pixels
    if written.pixel_aspect:
        context.sample_aspect_ratio = written.pixel_aspect
    context.color_range, context.colorspace = written.range, written.matrix
    context.color_primaries, context.color_trc = written.primaries, written.transfer
    return stream


def check_container(job: FilmJob, source: InputContainer, written: PictureFormat) -> list[str]:
    """What the film's container cannot hold of the source, in words, found before anything is rendered.

    Raises OutputError where it cannot hold the pictures or the sound, which nobody wants to find out afterwards.
    """
    with av.open(io.BytesIO(), "w", format=container_format(job.out)) as trial:
        try:
            add_encoder(trial, job, written, Fraction(1, 25), Fraction(25))
        except (FFmpegError, ValueError):
            raise OutputError(
                f"{job.out}: this container cannot hold {job.codec}; name an .mp4, .mkv or .mov, or another --codec",
                code="container_unsuitable",
            ) from None
        _, omitted = add_copies(source, trial, job)
        try:
            trial.start_encoding()
        except (FFmpegError, ValueError) as error:
            raise OutputError(
                f"{job.out}: this container cannot hold the film ({error}); name an .mkv", code="container_unsuitable"
            ) from None
    return omitted


def add_copies(source: InputContainer, out: OutputContainer, job: FilmJob) -> tuple[dict[int, Stream], list[str]]:
    """Add a stream for each of the source's others that the container can hold.

    Returns them by their index in the source, and what is omitted, in words. Raises OutputError where the sound does
    not fit.
    """
    copies: dict[int, Stream] = {}
    omitted = []
    pictures = next(s for s in source.streams.video if not s.disposition & Disposition.attached_pic)
    for stream in source.streams:
        # MP4 has chapters as a stream as well; they are copied as chapters.
        if stream is pictures or (stream.type == "data" and stream.frames == len(source.chapters()) > 0):
            continue
        if stream.type not in ("audio", "subtitle", "attachment"):
            cover = stream.disposition & Disposition.attached_pic
            omitted.append("a cover picture" if cover else f"another {stream.type} stream")
            continue
        name = stream.codec_context.name if stream.codec_context is not None else "unknown"
        try:
            copy = out.add_stream_from_template(stream, opaque=True)
        except (FFmpegError, ValueError):
            if stream.type == "audio":
                raise OutputError(
                    f"{job.out}: this container cannot hold the sound of {job.source} ({name}), which is copied as "
                    "it is; name an .mkv or .mov",
                    code="container_unsuitable",
                ) from None
            omitted.append(f"{stream.type} ({name})")
            continue
        copy.metadata.update(stream.metadata)
        copy.disposition = stream.disposition
        copies[stream.index] = copy
    return copies, omitted

"""The container that a film is written to, the encoder of its pictures, and the streams that are copied beside them."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
from av.container import InputContainer, OutputContainer
from av.error import FFmpegError
from av.format import ContainerFormat
from av.stream import Stream

from hallucinate.errors import OutputError
from hallucinate.files import ffmpeg_path
from hallucinate.film.boxes import described_stream, open_part, without_light_levels
from hallucinate.film.contents import Contents
from hallucinate.film.film_job import CODECS, FilmJob
from hallucinate.film.film_reader import FilmFacts
from hallucinate.film.picture_format import PictureFormat

QUICKTIME = ("mp4", "mov", "ipod")
"""The muxers of one family; they put the index first, and write what 360° films are known by."""

LONGEST_SAMPLE = 2**31 - 1
"""The longest time of a frame in an MP4, in units of its clock (ISO/IEC 14496-12, 8.6.1.2; FFmpeg takes it as
signed)."""


def container_format(out: Path) -> str:
    """FFmpeg's name of the container that a file's ending means. Raises OutputError for another ending."""
    try:
        with av.open(ffmpeg_path(out), "w") as container:  # writes nothing until something is written to it
            name = container.format.name
        if not ContainerFormat(name, "w").no_file:  # which writes what it likes, wherever it likes
            return name
    except (FFmpegError, ValueError):
        pass
    reason = f"the ending {out.suffix!r} does not belong to a film" if out.suffix else "it has no ending"
    raise OutputError(f"{out}: {reason}; name an .mp4, .mkv or .mov", code="ending_unknown")


def add_encoder(
    container: OutputContainer, job: FilmJob, written: PictureFormat, time_base: Fraction, rate: Fraction
) -> av.VideoStream:
    """Add a stream that encodes pictures of a format.

    time_base: of the frames' times, in seconds. rate: the usual frames a second. Raises FFmpegError or ValueError where
    the container cannot hold the codec.
    """
    options = job.encoder_options(written.codec)
    stream = container.add_stream(CODECS[written.codec], rate=rate, options=options, time_base=time_base)
    assert isinstance(stream, av.VideoStream)
    context = stream.codec_context
    (context.width, context.height), context.pix_fmt = written.coded_size, written.pixels
    if written.pixel_aspect:
        context.sample_aspect_ratio = written.pixel_aspect
    context.color_range, context.colorspace = written.range, written.matrix
    context.color_primaries, context.color_trc = written.primaries, written.transfer
    return stream


def add_streams(
    out: OutputContainer, kind: str, facts: FilmFacts, contents: Contents, part: Path | bytes, source: InputContainer
) -> tuple[av.VideoStream, dict[int, Stream]]:
    """Add the streams of a film and all that is said of them, for packets that are encoded already.

    part: the pictures' first part. Returns the pictures' stream, and the copied ones by their index in
    the source. Raises FFmpegError or ValueError for what the container cannot hold.
    """
    with open_part(part) as encoded:
        context = encoded.streams.video[0].codec_context
        extradata, as_the_source = context.extradata, context.color_trc == facts.decoded.transfer
    boxes = facts.boxes if as_the_source else without_light_levels(facts.boxes)
    with described_stream(part, facts.display_matrix, boxes) as model:
        pictures = out.add_stream_from_template(model.streams.video[0], opaque=True)
    # As it is in the parts, so that the muxer takes their packets for what they are: NUT has start codes.
    pictures.codec_context.extradata = extradata
    if pictures.codec_context.name == "hevc" and kind in QUICKTIME:
        pictures.codec_context.codec_tag = "hvc1"  # else Apple's players show nothing
    pictures.codec_context.framerate = facts.rate  # a timecode counts frames
    pictures.time_base = written_time_base(facts)
    pictures.metadata.update(contents.picture_tags)
    copies = {}
    for index in contents.streams:
        stream = source.streams[index]
        copy = out.add_stream_from_template(stream, opaque=True)
        copy.metadata.update(contents.stream_tags.get(index, {}))
        copy.disposition = stream.disposition
        copies[index] = copy
    out.metadata.update(contents.tags)
    if contents.chapters:
        out.set_chapters(contents.chapters)
    return pictures, copies


def written_time_base(facts: FilmFacts) -> Fraction:
    """The unit of the written frames' times: the film's own, or a coarser one in which its longest pause can be
    said."""
    bases = (facts.time_base, Fraction(1, 90_000), Fraction(1, 1000))
    return next((base for base in bases if facts.clock.longest_pause_s / base < LONGEST_SAMPLE), bases[-1])


def muxer_options(kind: str) -> dict[str, str]:
    """Options of a container. 360° and HDR boxes are what FFmpeg calls unofficial."""
    return {"strict": "unofficial"} if kind in QUICKTIME else {}

"""The finished film: parts joined beside the source's own sound, subtitles, chapters and tags, packet by packet."""

from __future__ import annotations

import heapq
import io
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer
from av.error import FFmpegError
from av.stream import Stream

from hallucinate.errors import OutputError
from hallucinate.files import ffmpeg_path
from hallucinate.film.boxes import one_packet, with_boxes
from hallucinate.film.container import QUICKTIME, add_copies, container_format
from hallucinate.film.film_job import FilmJob
from hallucinate.film.film_reader import FilmFacts
from hallucinate.film.parts import SpanProgress, part_path

CONTAINER_TAGS = ("major_brand", "minor_version", "compatible_brands", "encoder")
"""What a container says of itself, which is no longer true of another."""

Spans = list[tuple[Path, SpanProgress]]
"""The folders of a film's spans, in order, and where each ended."""


def join(job: FilmJob, facts: FilmFacts, spans: Spans, whole: Path) -> None:
    """Write the film to ``whole``.

    The source is opened once more, to copy its other streams: rewound, a Matroska file gives no subtitles.
    Raises OSError or FFmpegError where the film cannot be written, and OutputError where parts do not fit together.
    """
    kind, first_part = container_format(job.out), part_path(spans[0][0], 0)
    options = {"strict": "unofficial", "movflags": "+faststart"} if kind in QUICKTIME else {}
    with (
        av.open(ffmpeg_path(job.source), metadata_errors="replace") as source,
        av.open(ffmpeg_path(whole), "w", format=kind, container_options=options) as out,
    ):
        with described_stream(facts, first_part) as model:
            pictures = out.add_stream_from_template(model.streams.video[0], opaque=True)
        with av.open(ffmpeg_path(first_part)) as part:
            # As it is in the parts, so that the muxer takes their packets for what they are: NUT has start codes.
            pictures.codec_context.extradata = part.streams.video[0].codec_context.extradata
        if job.codec == "hevc" and kind in QUICKTIME:
            pictures.codec_context.codec_tag = "hvc1"  # else Apple's players show nothing
        pictures.time_base = facts.time_base
        pictures.metadata.update(without_container_tags(facts.picture_tags))
        copies, _ = add_copies(source, out, job)
        out.metadata.update(without_container_tags(facts.tags))
        out.set_chapters(facts.chapters)
        rendered = part_packets(spans, pictures, facts.time_base)
        for packet in heapq.merge(rendered, copied_packets(source, copies), key=due_s):
            out.mux(packet)


def without_container_tags(tags: dict[str, str]) -> dict[str, str]:
    """The tags but for those of the container."""
    return {key: value for key, value in tags.items() if key not in CONTAINER_TAGS}


def described_stream(facts: FilmFacts, part: Path) -> InputContainer:
    """A part's stream, with all that the source says of its pictures: turned, 360°, HDR. An MP4 in memory."""
    with av.open(ffmpeg_path(part)) as container:
        stream = container.streams.video[0]
        packet = next(packet for packet in container.demux(stream) if packet.size)
        data = one_packet(stream, packet, facts.display_matrix)
    return av.open(io.BytesIO(with_boxes(data, facts.boxes)), "r")


def part_packets(spans: Spans, to: av.VideoStream, time_base: Fraction) -> Iterator[av.Packet[Any]]:
    """The parts' packets, one span after the other, with the source's own times, for a stream of the film.

    Raises OutputError for a part that was encoded differently.
    """
    expected: bytes | None = None
    last: av.Packet[Any] | None = None
    for folder, progress in spans:
        for n in range(progress.parts):
            with av.open(ffmpeg_path(part_path(folder, n))) as part:
                stream = part.streams.video[0]
                extradata = stream.codec_context.extradata
                expected = extradata if expected is None else expected
                if extradata != expected:
                    raise OutputError(
                        f"{part_path(folder, n)} was encoded differently from the parts before it; "
                        "use one version of PyAV on all machines, and remove that file to render it again"
                    )
                for packet in part.demux(stream):
                    if packet.pts is None:
                        continue
                    packet.pts = packet.dts = progress.first_time + round(packet.pts * packet.time_base / time_base)
                    packet.time_base, packet.stream = time_base, to
                    if last is not None and last.pts is not None:
                        last.duration = packet.pts - last.pts
                        yield last
                    last = packet
    if last is not None:
        last.duration = spans[-1][1].last_duration
        yield last


def copied_packets(source: InputContainer, copies: dict[int, Stream]) -> Iterator[av.Packet[Any]]:
    """The packets of the source's other streams, unchanged, but for those whose time goes back, which no muxer takes.

    copies: the film's streams by their index in the source. At the end of a broken file there are no more.
    """
    streams, last = [stream for stream in source.streams if stream.index in copies], dict[int, int]()
    packets = source.demux(*streams) if streams else iter(())
    while True:
        try:
            packet = next(packets, None)
        except FFmpegError:
            return
        if packet is None:
            return
        index = packet.stream_index
        if packet.dts is not None and packet.dts >= last.get(index, packet.dts):
            last[index] = packet.dts
            packet.stream = copies[index]
            yield packet


def due_s(packet: av.Packet[Any]) -> Fraction:
    """When a player reads a packet, in seconds."""
    return (packet.dts or 0) * packet.time_base

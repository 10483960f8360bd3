"""The finished film: parts joined beside the source's own sound, subtitles, chapters and tags, packet by packet."""

from __future__ import annotations

import errno
import heapq
from collections import Counter
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
from hallucinate.film.boxes import open_part
from hallucinate.film.container import QUICKTIME, add_streams, container_format, muxer_options
from hallucinate.film.contents import Contents, stream_words
from hallucinate.film.film_job import FilmJob
from hallucinate.film.film_reader import FilmFacts
from hallucinate.film.parts import SpanProgress, part_path
from hallucinate.sources.clocks import FilmClock, PacketClock, is_flush

DISK = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOENT}
"""The system's reasons why nothing more can be written, whatever it is."""

Spans = list[tuple[Path, SpanProgress]]
"""The folders of a film's spans, in order, and where each ended."""


def join(job: FilmJob, facts: FilmFacts, contents: Contents, spans: Spans, whole: Path) -> list[str]:
    """Write the film to ``whole``. Returns what had to be omitted of the source after all, in words.

    The source is opened once more, to copy its other streams: rewound, a Matroska file gives no subtitles.
    Raises OSError or FFmpegError where the film cannot be written, and OutputError where parts do not fit together.
    """
    kind, first_part = container_format(job.out), part_path(spans[0][0], 0)
    options = muxer_options(kind) | ({"movflags": "+faststart"} if kind in QUICKTIME else {})
    refused = Counter[int]()
    with (
        av.open(ffmpeg_path(job.source), metadata_errors="surrogateescape") as source,
        av.open(ffmpeg_path(whole), "w", format=kind, container_options=options) as out,
    ):
        pictures, copies = add_streams(out, kind, facts, contents, first_part, source)
        rendered = part_packets(spans, pictures, facts.time_base)
        for packet in heapq.merge(rendered, copied_packets(source, copies, facts.clock), key=due_s):
            index = packet.stream_index
            try:
                out.mux(packet)
            except FFmpegError as error:
                # Of what is copied a packet that does not fit may be omitted; a disk that is full is another matter.
                if index == pictures.index or error.errno in DISK:
                    raise
                refused[index] += 1
        words = {copy.index: stream_words(source.streams[index]) for index, copy in copies.items()}
    return [f"{count} packet{'s' if count > 1 else ''} of {words[index]}" for index, count in refused.items()]


def part_packets(spans: Spans, to: av.VideoStream, time_base: Fraction) -> Iterator[av.Packet[Any]]:
    """The parts' packets, one span after the other, with the source's own times, for a stream of the film.

    Raises OutputError for a part that was encoded differently.
    """
    expected: bytes | None = None
    last: av.Packet[Any] | None = None
    for folder, progress in spans:
        for n in range(progress.parts):
            with open_part(part_path(folder, n)) as part:
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


def copied_packets(source: InputContainer, copies: dict[int, Stream], clock: FilmClock) -> Iterator[av.Packet[Any]]:
    """The packets of the source's other streams, their times put right and rising, as every muxer has to have them.

    copies: the film's streams by their index in the source. At the end of a broken file there are no more.
    """
    streams, times = [stream for stream in source.streams if stream.index in copies], PacketClock(clock)
    ends: dict[int, tuple[int, int]] = {}  # of each stream: the last packet's time, and when it ends
    packets = source.demux(*streams) if streams else iter(())
    while True:
        try:
            packet = next(packets, None)
        except FFmpegError:
            return
        if packet is None:
            return
        if is_flush(packet):
            continue
        times.correct(packet)
        index = packet.stream_index
        last, end = ends.get(index, (None, 0))
        time = packet.dts if packet.dts is not None else packet.pts if packet.pts is not None else end
        dts = time if last is None else max(time, last + 1)
        # What is shown is never before what is read.
        packet.pts = dts if packet.pts is None else max(packet.pts, dts)
        packet.dts = dts
        ends[index] = dts, dts + (packet.duration or 0)
        packet.stream = copies[index]
        yield packet


def due_s(packet: av.Packet[Any]) -> Fraction:
    """When a player reads a packet, in seconds."""
    return (packet.dts or 0) * packet.time_base

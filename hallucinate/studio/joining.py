"""The finished film: parts joined beside the source's own sound, subtitles, chapters and tags, packet by packet."""

from __future__ import annotations

import heapq
import io
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.container import InputContainer, OutputContainer
from av.error import FFmpegError
from av.stream import Disposition, Stream

from hallucinate.errors import OutputError
from hallucinate.studio.boxes import kept_boxes, one_packet, with_boxes
from hallucinate.studio.colours import Canvas
from hallucinate.studio.order import CODECS, Order
from hallucinate.studio.parts import Notes, part_path

QUICKTIME = ("mp4", "mov", "ipod")
"""The muxers of one family; they put the index first, and write what 360° films are known by."""

OWN_TAGS = ("major_brand", "minor_version", "compatible_brands", "encoder")
"""What a container says of itself, which is no longer true of another."""


def open_source(path: Path) -> InputContainer:
    """The source, to copy from."""
    return av.open(f"file:{path}", metadata_errors="replace")


def container_of(out: Path) -> str:
    """FFmpeg's name of the container that a file's ending stands for. Raises OutputError where there is none."""
    try:
        with av.open(str(out), "w") as container:  # writes nothing until something is written to it
            return container.format.name
    except (FFmpegError, ValueError):
        ending = f"the ending {out.suffix!r} is no film's" if out.suffix else "it has no ending"
        raise OutputError(f"{out}: {ending}; name an .mp4, .mkv or .mov") from None


def encoding(
    container: OutputContainer, order: Order, canvas: Canvas, base: Fraction, rate: Fraction
) -> av.VideoStream:
    """A stream of a container that encodes a canvas. base: of the frames' times. rate: the usual frames a second."""
    stream = container.add_stream(CODECS[order.codec], rate=rate, options=order.options(), time_base=base)
    assert isinstance(stream, av.VideoStream)
    context = stream.codec_context
    context.width, context.height, context.pix_fmt = canvas.width, canvas.height, canvas.format
    if canvas.aspect:
        context.sample_aspect_ratio = canvas.aspect
    context.color_range, context.colorspace = canvas.range, canvas.matrix
    context.color_primaries, context.color_trc = canvas.primaries, canvas.transfer
    return stream


def left_out(order: Order, canvas: Canvas) -> list[str]:
    """What the film's container cannot hold of the source, in words, found before anything is rendered.

    Raises OutputError where it cannot hold the pictures or the sound, which nobody wants to find out afterwards.
    """
    kind = container_of(order.out)
    with open_source(order.source) as source, av.open(io.BytesIO(), "w", format=kind) as trial:
        try:
            encoding(trial, order, canvas, Fraction(1, 25), Fraction(25))
        except (FFmpegError, ValueError):
            raise OutputError(
                f"{order.out}: this container cannot hold {order.codec}; name an .mp4, .mkv or .mov, or another --codec"
            ) from None
        _, lost = copies(source, trial, order)
        try:
            trial.start_encoding()
        except (FFmpegError, ValueError) as error:
            raise OutputError(f"{order.out}: this container cannot hold the film ({error}); name an .mkv") from None
    return lost


def copies(source: InputContainer, out: OutputContainer, order: Order) -> tuple[dict[int, Stream], list[str]]:
    """A stream of ``out`` for each of the source's that it can hold, by their index there, and what is left out."""
    found: dict[int, Stream] = {}
    lost = []
    main = next(s for s in source.streams.video if not s.disposition & Disposition.attached_pic)
    for stream in source.streams:
        # MP4 keeps chapters as a stream as well; they are kept as chapters.
        if stream is main or (stream.type == "data" and stream.frames == len(source.chapters()) > 0):
            continue
        if stream.type not in ("audio", "subtitle", "attachment"):
            lost.append("a cover picture" if stream.disposition & Disposition.attached_pic else f"{stream.type} beside")
            continue
        name = stream.codec_context.name if stream.codec_context is not None else "unknown"
        try:
            copy = out.add_stream_from_template(stream, opaque=True)
        except (FFmpegError, ValueError):
            if stream.type == "audio":
                raise OutputError(
                    f"{order.out}: this container cannot hold the sound of {order.source} ({name}), which is copied as "
                    "it is; name an .mkv or .mov"
                ) from None
            lost.append(f"{stream.type} ({name})")
            continue
        copy.metadata.update(stream.metadata)
        copy.disposition = stream.disposition
        found[stream.index] = copy
    return found, lost


def join(order: Order, spans: Iterable[tuple[Path, Notes]], base: Fraction, first: av.VideoFrame, whole: Path) -> None:
    """Write the film.

    spans: their folders, in order, and where each ended. base: of the times in the notes. first: the source's frame.

    Raises OSError or FFmpegError where it cannot be written, and OutputError where parts do not fit together.
    """
    kind, spans = container_of(order.out), list(spans)
    options = {"strict": "unofficial", "movflags": "+faststart"} if kind in QUICKTIME else {}
    with open_source(order.source) as source, av.open(str(whole), "w", format=kind, container_options=options) as out:
        with described(order.source, first, spans[0][0]) as model:
            pictures = out.add_stream_from_template(model.streams.video[0], opaque=True)
        with av.open(str(part_path(spans[0][0], 0))) as part:
            # As it is in the parts, so that the muxer takes their packets for what they are: NUT has start codes.
            pictures.codec_context.extradata = part.streams.video[0].codec_context.extradata
        if order.codec == "hevc" and kind in QUICKTIME:
            pictures.codec_context.codec_tag = "hvc1"  # else Apple's players show nothing
        main = next(s for s in source.streams.video if not s.disposition & Disposition.attached_pic)
        pictures.time_base = base
        pictures.metadata.update({key: value for key, value in main.metadata.items() if key not in OWN_TAGS})
        found, _ = copies(source, out, order)
        out.metadata.update({key: value for key, value in source.metadata.items() if key not in OWN_TAGS})
        out.set_chapters(source.chapters())
        for packet in heapq.merge(dreamed(spans, pictures, base), copied(source, found), key=due):
            out.mux(packet)


def described(path: Path, first: av.VideoFrame, folder: Path) -> InputContainer:
    """A part's stream, with all that the source says of its pictures: turned, 360°, HDR. An MP4 in memory."""
    turned: Any = first.side_data.get("DISPLAYMATRIX")
    matrix = None if turned is None else np.frombuffer(turned, np.int32).tolist()
    # Opened for this alone: who went back to its beginning would find no subtitles there, in Matroska.
    with open_source(path) as source:
        main = next(s for s in source.streams.video if not s.disposition & Disposition.attached_pic)
        boxes = kept_boxes(path, main, next(packet for packet in source.demux(main) if packet.size))
    with av.open(str(part_path(folder, 0))) as part:
        stream = part.streams.video[0]
        packet = next(packet for packet in part.demux(stream) if packet.size)
        data = one_packet(stream, packet, matrix)
    return av.open(io.BytesIO(with_boxes(data, boxes)), "r")


def dreamed(spans: list[tuple[Path, Notes]], to: av.VideoStream, base: Fraction) -> Iterator[av.Packet[Any]]:
    """The parts' packets, one span after the other, with the source's own times."""
    head: bytes | None = None
    last: av.Packet[Any] | None = None
    for folder, notes in spans:
        for n in range(notes.parts):
            with av.open(str(part_path(folder, n))) as part:
                stream = part.streams.video[0]
                extra = stream.codec_context.extradata
                head = extra if head is None else head
                if extra != head:
                    raise OutputError(
                        f"{part_path(folder, n)} was encoded otherwise than the parts before it: "
                        "render on machines with one version of PyAV; remove it to render it again"
                    )
                for packet in part.demux(stream):
                    if packet.pts is None:
                        continue
                    packet.pts = packet.dts = notes.start + round(packet.pts * packet.time_base / base)
                    packet.time_base, packet.stream = base, to
                    if last is not None and last.pts is not None:
                        last.duration = packet.pts - last.pts
                        yield last
                    last = packet
    if last is not None:
        last.duration = spans[-1][1].shown
        yield last


def copied(source: InputContainer, found: dict[int, Stream]) -> Iterator[av.Packet[Any]]:
    """The packets of the source's other streams, as they are; but for those whose time goes back, which no muxer takes.

    At the end of a broken file there are no more.
    """
    streams, last = [stream for stream in source.streams if stream.index in found], dict[int, int]()
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
            packet.stream = found[index]
            yield packet


def due(packet: av.Packet[Any]) -> Fraction:
    """When a packet is to be read, in seconds."""
    return (packet.dts or 0) * packet.time_base

"""MP4 boxes of a film's pictures that PyAV cannot set: what makes it a 360° film, and what makes it an HDR one.

FFmpeg's own muxer writes them where the stream that it copies has them. So they are taken from the source, and put into
an MP4 of one packet of the output; a stream that is copied from there has them, in any container that can hold them.
"""

from __future__ import annotations

import contextlib
import io
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path

import av
from av.container import InputContainer
from av.error import FFmpegError

from hallucinate.files import ffmpeg_path

PRESERVED = (b"st3d", b"sv3d", b"mdcv", b"clli")
"""Stereo and spherical video (Google's Spherical Video V2), mastering display and content light level (HDR10)."""

ENTRY = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd")
"""The path to a stream's sample entry."""

HEADS = {b"stsd": 16, b"": 86}
"""Bytes before the boxes inside a box, where not 8; of a sample entry of pictures, under ""."""


def one_packet(stream: av.VideoStream, packet: av.Packet[av.VideoStream], matrix: Sequence[int] | None = None) -> bytes:
    """An MP4 of one packet of a stream, turned by a display matrix.

    Raises ValueError or FFmpegError where it cannot hold the stream's codec.
    """
    file = io.BytesIO()
    with av.open(file, "w", format="mp4", container_options={"strict": "unofficial"}) as container:
        copy = container.add_stream_from_template(stream, opaque=True)
        copy.set_display_matrix(matrix)
        packet.stream = copy
        packet.pts = packet.dts = 0
        container.mux(packet)
    return file.getvalue()


def open_part(part: Path | bytes) -> InputContainer:
    """A part of encoded pictures, from a file or as its bytes."""
    return av.open(io.BytesIO(part) if isinstance(part, bytes) else ffmpeg_path(part), "r")


def described_stream(part: Path | bytes, matrix: Sequence[int] | None, boxes: bytes) -> InputContainer:
    """A part's stream, with all that the source says of its pictures: turned, 360°, HDR. An MP4 in memory."""
    with open_part(part) as container:
        stream = container.streams.video[0]
        packet = next(packet for packet in container.demux(stream) if packet.size)
        data = one_packet(stream, packet, matrix)
    return av.open(io.BytesIO(with_boxes(data, boxes)), "r")


def picture_boxes(path: Path, stream: av.VideoStream, packet: av.Packet[av.VideoStream]) -> bytes:
    """The boxes in PRESERVED that describe a film's pictures: its own, or else those that FFmpeg makes.

    stream, packet: the pictures' stream, and its first packet, which is changed. FFmpeg alone would lose some boxes: it
    reads two for stereo video, and writes neither as it was.
    """
    try:
        found = preserved_boxes(one_packet(stream, packet))
    except (FFmpegError, ValueError):  # not a codec for an MP4
        found = {}
    with contextlib.suppress(OSError, struct.error):  # not an MP4
        found |= preserved_boxes(movie_box(path))
    return b"".join(found.values())


def movie_box(path: Path) -> bytes:
    """A film's moov box; nothing where there is none."""
    with path.open("rb") as file:
        end = file.seek(0, io.SEEK_END)
        file.seek(0)
        while len(head := file.read(16)) >= 8:
            size, kind = struct.unpack_from(">I4s", head)
            skip = size
            if size == 1:
                (skip,) = struct.unpack_from(">Q", head, 8)
            # 0 is to the file's end; what goes beyond it is no box, but another kind of file.
            if skip < 8 or file.tell() - len(head) + skip > end:
                break
            if kind == b"moov":
                return head + file.read(skip - len(head))
            file.seek(skip - len(head), io.SEEK_CUR)
    return b""


def preserved_boxes(data: bytes) -> dict[bytes, bytes]:
    """The boxes in PRESERVED of the first stream that has any, by kind."""
    for around, end in entries(data, 0, len(data), ENTRY):
        boxes = {kind: data[at:to] for kind, at, to in inside(data, around[-1] + HEADS[b""], end) if kind in PRESERVED}
        if boxes:
            return boxes
    return {}


def without_light_levels(boxes: bytes) -> bytes:
    """The boxes but for those that say how bright an HDR film is, for one that is tone mapped."""
    kinds = (b"mdcv", b"clli")
    return b"".join(boxes[at:to] for kind, at, to in inside(boxes, 0, len(boxes)) if kind not in kinds)


def with_boxes(data: bytes, boxes: bytes) -> bytes:
    """An MP4 of one packet, as ``one_packet`` makes it, with more boxes in its sample entry."""
    around, end = next(entries(data, 0, len(data), ENTRY))
    out = bytearray(data)
    for at in around:
        struct.pack_into(">I", out, at, struct.unpack_from(">I", out, at)[0] + len(boxes))
    # FFmpeg writes moov after what it points to, so no offset moves.
    out[end:end] = boxes
    return bytes(out)


def entries(data: bytes, start: int, end: int, path: Sequence[bytes]) -> Iterator[tuple[list[int], int]]:
    """The first sample entry of each stream: where it and the boxes around it begin, it last, and where it ends."""
    for kind, at, to in inside(data, start, end):
        if not path:
            yield [at], to
            return
        if kind == path[0]:
            for around, entry_end in entries(data, at + HEADS.get(kind, 8), to, path[1:]):
                yield [at, *around], entry_end


def inside(data: bytes, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """The boxes between two positions: the kind of each, its beginning and its end."""
    while start + 8 <= end:
        size, kind = struct.unpack_from(">I4s", data, start)
        yield kind, start, start + size
        start += max(size, 8)

"""MP4 boxes of a film's pictures that PyAV cannot set: what makes it a 360° film, and what makes it an HDR one.

FFmpeg's own muxer writes them where the stream that it copies has them. So they are taken from the source, remuxed to
an MP4 of one packet, and put into an MP4 of one packet of ours; a stream that is copied from there has them, in any
container that can hold them.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator, Sequence

import av
from av.error import FFmpegError

KEPT = (b"st3d", b"sv3d", b"mdcv", b"clli")
"""Stereo and spherical video (Google's Spherical Video V2), mastering display and content light level (HDR10)."""

ENTRY = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd")
"""The way to a stream's sample entry, in an MP4 of one stream."""

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


def kept_boxes(stream: av.VideoStream, packet: av.Packet[av.VideoStream]) -> bytes:
    """The boxes in KEPT that describe a stream; none where its codec does not go into an MP4."""
    try:
        data = one_packet(stream, packet)
    except (FFmpegError, ValueError):
        return b""
    _, start, end = entry(data)
    return b"".join(data[at:to] for kind, at, to in inside(data, start + HEADS[b""], end) if kind in KEPT)


def with_boxes(data: bytes, boxes: bytes) -> bytes:
    """An MP4 of one packet, as ``one_packet`` makes it, with more boxes in its sample entry."""
    around, _, end = entry(data)
    out = bytearray(data)
    for at in around:
        struct.pack_into(">I", out, at, struct.unpack_from(">I", out, at)[0] + len(boxes))
    # FFmpeg writes moov after what it points to, so no offset moves.
    out[end:end] = boxes
    return bytes(out)


def entry(data: bytes) -> tuple[list[int], int, int]:
    """Where the boxes around the sample entry begin, the entry itself the last; its beginning; its end."""
    around, start, end = [], 0, len(data)
    for kind in ENTRY:
        _, at, end = next(box for box in inside(data, start, end) if box[0] == kind)
        around.append(at)
        start = at + HEADS.get(kind, 8)
    _, at, end = next(inside(data, start, end))
    return [*around, at], at, end


def inside(data: bytes, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """The boxes between two places: what each is, its beginning and its end."""
    while start + 8 <= end:
        size, kind = struct.unpack_from(">I4s", data, start)
        yield kind, start, start + size
        start += max(size, 8)

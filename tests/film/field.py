"""Films as they come from the field: clocks that step, thumbnails, unknown sounds, fields, sizes that change; made
small."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import av
import numpy as np
from av.filter import Graph

from tests.film.films import picture, tone

RATE = 25


def frame_of(n: int, size: tuple[int, int] = (96, 64), pixels: str = "yuv420p") -> av.VideoFrame:
    """A picture of any size; the corner says which one it is."""
    frame = av.VideoFrame.from_ndarray(picture(n), "rgb24").reformat(*size, pixels)
    return frame


def clip(
    frames: int = 25,
    start_s: float = 0,
    form: str = "mpegts",
    codec: str = "libx264",
    pixels: str = "yuv420p",
    sound: str | None = "aac",
    size: tuple[int, int] = (96, 64),
    options: dict[str, str] | None = None,
    tags: dict[str, str] | None = None,
    picture_tags: dict[str, str] | None = None,
    aspect: Fraction | None = None,
) -> bytes:
    """A film in memory, with a key frame every eight frames, beginning at a time."""
    file = io.BytesIO()
    with av.open(file, "w", format=form) as out:
        out.metadata.update(tags or {})
        base = Fraction(1, 90_000) if form == "mpegts" else Fraction(1, 12_800)
        stream = out.add_stream(codec, rate=RATE, options=options or {}, time_base=base)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = *size, pixels
        stream.codec_context.gop_size = 8
        if aspect:
            stream.codec_context.sample_aspect_ratio = aspect
        stream.metadata.update(picture_tags or {})
        audio = out.add_stream(sound, rate=44_100) if sound else None
        late = round(Fraction(start_s) / base)
        for n in range(frames):
            frame = frame_of(n, size, pixels)
            frame.pts, frame.time_base = late + n * round(Fraction(1, RATE) / base), base
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
        if isinstance(audio, av.AudioStream):
            heard = tone(Fraction(frames, RATE))
            heard.pts = round(Fraction(start_s) * 44_100)
            out.mux(audio.encode(heard))
            out.mux(audio.encode())
    return file.getvalue()


Change = Callable[[Any], None]


def remuxed(
    source: bytes, form: str, change: Change = lambda packet: None, order: Sequence[int] | None = None
) -> bytes:
    """A film's packets, changed, in another container; of its streams those in ``order``, in that order."""
    file = io.BytesIO()
    with av.open(io.BytesIO(source), "r") as film, av.open(file, "w", format=form) as out:
        streams = [film.streams[n] for n in (range(len(film.streams)) if order is None else order)]
        copies = {stream.index: out.add_stream_from_template(stream, opaque=True) for stream in streams}
        for packet in film.demux(*streams):
            if packet.dts is not None:
                change(packet)
                packet.stream = copies[packet.stream_index]
                out.mux(packet)
    return file.getvalue()


def restamped(transport: bytes, number: int, by_s: float, stream: int = 0xE0) -> bytes:
    """A transport stream in which one of the pictures' packets (or of the sound's, 0xC0) has times that are damaged.

    number: which one, from 0. Times are of 33 bits (ISO/IEC 13818-1, 2.4.3.7).
    """
    data, seen = bytearray(transport), 0
    for start in range(0, len(data), 188):
        if not data[start + 1] & 0x40:  # no packet begins here
            continue
        at = start + 4 + (1 + data[start + 4] if data[start + 3] & 0x20 else 0)
        if data[at : at + 4] != bytes((0, 0, 1, stream)):
            continue
        if seen == number:
            for n in range(bin(data[at + 7] >> 6).count("1")):
                field = at + 9 + 5 * n
                value = (data[field] >> 1 & 7) << 30 | data[field + 1] << 22 | (data[field + 2] >> 1) << 15
                value |= data[field + 3] << 7 | data[field + 4] >> 1
                value = (value + round(by_s * 90_000)) % 2**33
                parts = value >> 30, value >> 22 & 255, value >> 15 & 127, value >> 7 & 255, value & 127
                data[field] = data[field] & 0xF1 | parts[0] << 1
                data[field + 1], data[field + 2] = parts[1], parts[2] << 1 | 1
                data[field + 3], data[field + 4] = parts[3], parts[4] << 1 | 1
        seen += 1
    return bytes(data)


def with_thumbnail(source: bytes) -> bytes:
    """A film, with a thumbnail of one frame as its first picture stream, as some cameras write it."""
    file = io.BytesIO()
    with av.open(io.BytesIO(source), "r") as film, av.open(file, "w", format="mov") as out:
        thumbnail = out.add_stream("mjpeg", rate=1, time_base=Fraction(1, 16_384))
        assert isinstance(thumbnail, av.VideoStream)
        thumbnail.width, thumbnail.height, thumbnail.pix_fmt = 48, 32, "yuvj420p"
        copies = {stream.index: out.add_stream_from_template(stream, opaque=True) for stream in film.streams}
        frame = frame_of(0, (48, 32), "yuvj420p")
        frame.pts, frame.time_base = 0, Fraction(1, 16_384)
        out.mux([*thumbnail.encode(frame), *thumbnail.encode()])
        for packet in film.demux():
            if packet.dts is not None:
                packet.stream = copies[packet.stream_index]
                out.mux(packet)
    return file.getvalue()


def with_unknown_sound(source: bytes) -> bytes:
    """A film with a second sound in a codec that nobody knows, as phones write their spatial sound."""
    file = io.BytesIO()
    with av.open(io.BytesIO(source), "r") as film, av.open(file, "w", format="mov") as out:
        streams = [film.streams.video[0], film.streams.audio[0], film.streams.audio[0]]
        copies = [out.add_stream_from_template(stream, opaque=True) for stream in streams]
        for packet in film.demux():
            if packet.dts is None:
                continue
            second = av.Packet(bytes(packet))
            second.pts, second.dts, second.time_base = packet.pts, packet.dts, packet.time_base
            second.duration, second.stream = packet.duration, copies[2]
            sound = packet.stream.type == "audio"
            packet.stream = copies[int(sound)]
            out.mux([packet, second] if sound else [packet])
    data = file.getvalue()
    at = data.rindex(b"stsd") + 16  # the sample entry of the last track
    head, entry = data[:at], data[at:]
    return head + b"apac" + entry[4:].replace(b"wave", b"free", 1)  # in which it would say that it is AAC


def fields(frames: int = 25) -> bytes:
    """A film of frames of two fields, of different moments: a bar that runs to the right, in MPEG-2."""
    file = io.BytesIO()
    with av.open(file, "w", format="mpegts") as out:
        stream = out.add_stream("mpeg2video", rate=RATE, options={"flags": "+ilme+ildct", "b": "4M"})
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        graph = Graph()
        source = graph.add_buffer(width=96, height=64, format=av.VideoFormat("yuv420p"), time_base=Fraction(1, RATE))
        graph.link_nodes(source, graph.add("setfield", "tff"), graph.add("buffersink")).configure()
        for n in range(frames):
            woven = np.full((64, 96, 3), 40, np.uint8)
            for field in range(2):
                across = 4 * (2 * n + field) % 80
                woven[field::2, across : across + 16] = 220
            frame = av.VideoFrame.from_ndarray(woven, "rgb24").reformat(format="yuv420p")
            frame.pts, frame.time_base = n, Fraction(1, RATE)
            graph.vpush(frame)
            out.mux(stream.encode(graph.vpull()))
        out.mux(stream.encode())
    return file.getvalue()

"""Films as they come from the field: clocks that step, thumbnails, unknown sounds, fields, sizes that change; made small."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import av

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

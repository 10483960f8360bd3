"""Small films for the tests, made by PyAV: moving patterns, sound, and what else a film may have."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeVar

import av
import cv2
import numpy as np

from hallucinate.dream.dreamer import Dreamer
from hallucinate.film.boxes import with_boxes
from hallucinate.film.film_job import FilmJob
from hallucinate.film.film_reader import FilmReader
from hallucinate.film.frame_renderers import LiveRenderer, RendererFactory
from hallucinate.film.rendering import FilmPlan, FinishedFilm, plan_film, render_film
from hallucinate.frame import Picture
from hallucinate.settings import Settings
from tests.dream.networks import TinyNetwork

WIDTH, HEIGHT = 96, 64
BASE = Fraction(1, 12800)
EVEN = [n * 512 for n in range(20)]
"""20 frames at 25 a second."""


def box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(body), kind) + body


SPHERICAL = box(b"st3d", struct.pack(">IB", 0, 1)) + box(
    b"sv3d",
    box(b"svhd", struct.pack(">I", 0) + b"tests\0")
    + box(b"proj", box(b"prhd", struct.pack(">Iiii", 0, 0, 0, 0)) + box(b"equi", struct.pack(">IIIII", 0, 0, 0, 0, 0))),
)
"""A 360° film, one eye above the other."""

LIGHT = box(b"clli", struct.pack(">HH", 1000, 400))
"""HDR: the content's light level."""


@dataclass(frozen=True)
class Colour:
    format: str = "yuv420p"
    matrix: int = 1
    range: int = 1
    primaries: int = 1
    transfer: int = 1


def picture(n: int, scene: int = 0) -> Picture:
    """Soft blobs that pan by a pixel a frame, other ones in another scene."""
    noise = np.random.default_rng(scene).integers(40, 216, (HEIGHT // 8, WIDTH // 8, 3), np.uint8)
    return np.roll(cv2.resize(noise, (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR), n, 1)


def film(
    path: Path,
    times: Sequence[int] = EVEN,
    colour: Colour = Colour(),
    sound: str | None = "aac",
    rotation: int = 0,
    boxes: bytes = b"",
    aspect: Fraction | None = None,
    cut_at: int | None = None,
    bframes: int = 2,
) -> Path:
    """A film in h264, with a key frame every eight frames."""
    plain = path.with_name(f"plain{path.suffix}") if boxes else path
    with av.open(str(plain), "w") as out:
        out.metadata["title"] = "A pattern"
        stream = out.add_stream("libx264", rate=25, options={"crf": "4", "bf": str(bframes), "g": "8"}, time_base=BASE)
        context = stream.codec_context
        context.width, context.height, context.pix_fmt = WIDTH, HEIGHT, colour.format
        context.colorspace, context.color_range = colour.matrix, colour.range
        context.color_primaries, context.color_trc = colour.primaries, colour.transfer
        if aspect:
            context.sample_aspect_ratio = aspect
        if rotation:
            stream.set_display_rotation(rotation)
        audio = out.add_stream(sound, rate=44100) if sound else None
        if audio is not None:
            assert isinstance(audio, av.AudioStream)
            audio.metadata["language"] = "deu"
        for n, time in enumerate(times):
            frame = av.VideoFrame.from_ndarray(picture(n, int(cut_at is not None and n >= cut_at)), "rgb24")
            frame = frame.reformat(
                format=colour.format,
                dst_colorspace={1: "itu709", 5: "itu601", 9: "bt2020"}[colour.matrix],
                dst_color_range=colour.range,
            )
            frame.pts, frame.time_base = time, BASE
            frame.color_primaries, frame.color_trc = colour.primaries, colour.transfer
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
        if audio is not None:
            assert isinstance(audio, av.AudioStream)
            out.mux(audio.encode(tone(times[-1] * BASE)))
            out.mux(audio.encode())
        out.set_chapters(
            [{"id": 1, "start": 0, "end": 200, "time_base": Fraction(1, 1000), "metadata": {"title": "I"}}]
        )
    if boxes:
        path.write_bytes(with_boxes(plain.read_bytes(), boxes))
    return path


def tone(seconds: Fraction) -> av.AudioFrame:
    samples = np.sin(np.arange(int(44100 * seconds)) / 20).astype(np.float32)
    frame = av.AudioFrame.from_ndarray(np.stack([samples, samples]), "fltp", "stereo")
    frame.sample_rate, frame.pts, frame.time_base = 44100, 0, Fraction(1, 44100)
    return frame


def frames(path: Path) -> list[av.VideoFrame]:
    with av.open(str(path)) as container:
        return list(container.decode(video=0))


def planes(path: Path) -> list[np.ndarray[Any, Any]]:
    """Each frame's luma and chroma, as the decoder gives them."""
    return [frame.to_ndarray() for frame in frames(path)]


def sound(path: Path) -> list[tuple[int | None, int | None, Fraction, bytes]]:
    """The sound's packets: when they are due, how long they last, in which unit, and what is in them."""
    with av.open(str(path)) as container:
        packets = container.demux(container.streams.audio[0])
        return [(p.pts, p.duration, p.time_base, bytes(p)) for p in packets if p.dts is not None]


def due(item: av.Packet[Any] | av.VideoFrame) -> Fraction:
    """When a packet or a frame is to be seen, in seconds."""
    assert item.pts is not None
    assert item.time_base is not None
    return item.pts * item.time_base


def times(path: Path) -> list[tuple[Fraction, Fraction]]:
    """When each picture is shown, and for how long, in seconds."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        packets = [p for p in container.demux(stream) if p.dts is not None]
        return sorted((due(p), (p.duration or 0) * p.time_base) for p in packets)


Renderer = TypeVar("Renderer", bound=LiveRenderer)


def tiny(settings: Settings, seed: int = 0, kind: type[Renderer] = LiveRenderer) -> Renderer:  # type: ignore[assignment]
    """A live renderer with the tiny network."""
    return kind(Dreamer(TinyNetwork()).session(settings, seed))


def planned(job: FilmJob) -> FilmPlan:
    with FilmReader(job.source) as reader:
        return plan_film(job, reader)


def rendered(
    job: FilmJob, make_renderer: RendererFactory, report: Callable[[int], None] = lambda count: None
) -> FinishedFilm:
    with FilmReader(job.source) as reader:
        return render_film(plan_film(job, reader), reader, make_renderer, report)

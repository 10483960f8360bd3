"""A table of files, each through every reader there is: all see the same picture, and it is the right one."""

from __future__ import annotations

import contextlib
import functools
import http.server
import io
import struct
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import av
import numpy as np
import pytest
import torch
from PIL import Image

from hallucinate.clock import SystemClock
from hallucinate.dream_request import DreamRequest, load_pictures
from hallucinate.film.film_job import FilmJob
from hallucinate.film.film_reader import FilmReader, Span
from hallucinate.film.rendering import SpanWork, output_format, render_frame
from hallucinate.frame import Frame, Picture
from hallucinate.settings import Settings
from hallucinate.sources import Source
from hallucinate.sources.address import Address
from hallucinate.sources.film import Film
from hallucinate.sources.picture import is_picture, load_picture, picture_source, read_picture
from hallucinate.sources.tone import HLG, PQ, Volume
from hallucinate.sources.zoom import Zoom
from hallucinate.still.photos import read_photo
from hallucinate.still.renderer import StillRenderer
from hallucinate.stream.peers import to_rgb
from hallucinate.zoom.zoom_job import ZoomJob, first_frame
from hallucinate.zoom_motion import ZoomMotion
from tests.fakes import FakeClock
from tests.sources.web_server import quietly, served_by

COLOURS = {"A": (200, 30, 30), "B": (30, 200, 30), "C": (30, 30, 200), "D": (200, 200, 30)}
UPRIGHT = {1: "ABCD", 2: "BADC", 3: "DCBA", 4: "CDAB", 5: "ACBD", 6: "CADB", 7: "DBCA", 8: "BDAC"}
"""Where the four colours are seen, row by row, by EXIF's number of the orientation."""

MATRICES = {
    1: (1, 0, 0, 1), 2: (-1, 0, 0, 1), 3: (-1, 0, 0, -1), 4: (1, 0, 0, -1),
    5: (0, 1, 1, 0), 6: (0, 1, -1, 0), 7: (0, -1, -1, 0), 8: (0, -1, 1, 0),
}  # fmt: skip
"""The same turns as a film's display matrix: a, b, c, d of x' = ax + cy, y' = bx + dy."""

HALF = 128 / 255


def corners(width: int = 64, height: int = 48) -> Picture:
    """Four colours, another in each quarter."""
    rows = [np.repeat([COLOURS[a], COLOURS[b]], width // 2, axis=0) for a, b in ("AB", "CD")]
    return np.repeat(np.asarray(rows, np.uint8), height // 2, axis=0)


def quarters(picture: Picture) -> np.ndarray[Any, Any]:
    """The colours at the quarters' centres, (4, 3)."""
    height, width = picture.shape[:2]
    at = [(height // 4, width // 4), (height // 4, -width // 4), (-height // 4, width // 4)]
    return np.array([picture[y, x] for y, x in [*at, (-height // 4, -width // 4)]], int)


def expected(orientation: int = 1, times: float = 1.0) -> np.ndarray[Any, Any]:
    return np.array([COLOURS[each] for each in UPRIGHT[orientation]]) * times


@dataclass(frozen=True)
class Case:
    """A film of one picture. tags: matrix, range, primaries, transfer; 0 and 2 say nothing. matrix, span: what its
    samples are really of. alpha: of every pixel. orientation: by EXIF's number. within: of 255."""

    codec: str = "libx264"
    pixels: str = "yuv420p"
    ending: str = "mkv"
    tags: tuple[int, int, int, int] = (2, 0, 2, 2)
    matrix: str = "itu601"
    span: int = 1
    size: tuple[int, int] = (64, 48)
    alpha: int | None = None
    orientation: int = 1
    options: Mapping[str, str] = field(default_factory=dict)
    within: int = 6

    def make(self, path: Path) -> Path:
        frame = self.frame()
        with av.open(str(path), "w") as out:
            stream = out.add_stream(self.codec, rate=25, options={**self.options})
            assert isinstance(stream, av.VideoStream)
            context = stream.codec_context
            context.width, context.height, context.pix_fmt = *self.size, self.pixels
            context.time_base = Fraction(1, 25)
            context.colorspace, context.color_range, context.color_primaries, context.color_trc = self.tags
            if self.orientation != 1:
                a, b, c, d = (each << 16 for each in MATRICES[self.orientation])
                stream.set_display_matrix([a, b, 0, c, d, 0, 0, 0, 1 << 30])
            for n in range(3):
                frame.pts, frame.time_base = n, Fraction(1, 25)
                out.mux(stream.encode(frame))
            out.mux(stream.encode())
        return path

    def frame(self) -> av.VideoFrame:
        picture = corners(*self.size)
        volume = Volume.of(self.tags[3], self.tags[2])
        if self.alpha is not None:
            alpha = np.full((*picture.shape[:2], 1), self.alpha, np.uint8)
            frame = av.VideoFrame.from_ndarray(np.concatenate([picture, alpha], 2), "rgba")
        elif volume.is_plain:
            frame = av.VideoFrame.from_ndarray(picture, "rgb24")
        else:
            frame = av.VideoFrame.from_ndarray(volume.from_sdr(picture), "rgb48le")
        frame = frame.reformat(format=self.pixels, dst_colorspace=self.matrix, dst_color_range=self.span)
        frame.colorspace, frame.color_range, frame.color_primaries, frame.color_trc = self.tags
        return frame

    @property
    def seen(self) -> np.ndarray[Any, Any]:
        return expected(self.orientation, 1.0 if self.alpha is None else self.alpha / 255)


X265 = {"x265-params": "log-level=none", "crf": "4"}
FILMS = {
    "sd, untagged: 601": Case(),
    "hd, untagged: 709": Case(size=(1280, 720), matrix="itu709"),
    "wide, untagged: 709": Case(size=(1280, 544), matrix="itu709"),
    "portrait hd, untagged: 709": Case(size=(720, 1280), matrix="itu709"),
    "sd, tagged 709": Case(tags=(1, 1, 1, 1), matrix="itu709"),
    "hd, tagged 601": Case(size=(1280, 720), tags=(6, 1, 6, 6)),
    "full range": Case(tags=(6, 2, 6, 6), span=2),
    "yuvj": Case("mjpeg", "yuvj420p", span=2),
    "yuvj, hd: JFIF is 601": Case("mjpeg", "yuvj420p", size=(1280, 720), span=2),
    "vp8, hd: always 601": Case("libvpx", ending="webm", size=(1280, 720)),
    "vp9, a matrix of 2020": Case("libvpx-vp9", ending="webm", tags=(9, 1, 1, 1), matrix="bt2020"),
    "not halved": Case(pixels="yuv444p"),
    "ten bits": Case("libx265", "yuv420p10le", options=X265),
    "pq": Case("libx265", "yuv420p10le", tags=(9, 1, 9, PQ), matrix="bt2020", options=X265),
    "pq, hd": Case("libx265", "yuv420p10le", tags=(9, 1, 9, PQ), matrix="bt2020", size=(1280, 720), options=X265),
    "hlg": Case("libx265", "yuv420p10le", tags=(9, 1, 9, HLG), matrix="bt2020", options=X265),
    "hlg, mirrored": Case(
        "libx265", "yuv420p10le", "mp4", tags=(9, 1, 9, HLG), matrix="bt2020", options=X265, orientation=2
    ),
    "2020, not hdr": Case("libx265", "yuv420p10le", tags=(9, 1, 9, 14), matrix="bt2020", options=X265),
    "p3": Case("libx265", "yuv420p10le", tags=(1, 1, 12, 1), matrix="itu709", options=X265),
    "rgb": Case("libx264rgb", "rgb24"),
    "rgb, lossless": Case("qtrle", "rgb24", "mov", within=1),
    "alpha: qtrle": Case("qtrle", "argb", "mov", alpha=128, within=2),
    "alpha: prores 4444": Case("prores_ks", "yuva444p10le", "mov", alpha=128),
    "alpha: ffv1": Case("ffv1", "yuva420p", alpha=128),
    "alpha: png": Case("png", "rgba", "mov", alpha=128, within=2),
    "alpha: vp9": Case("libvpx-vp9", "yuva420p", "webm", alpha=128),
    "alpha: all clear": Case("qtrle", "argb", "mov", alpha=0, within=2),
    **{f"turned {n}": Case(ending="mp4", orientation=n) for n in UPRIGHT},
    **{f"turned {n}, mkv": Case(ending="mkv", orientation=n) for n in (3, 6, 8)},
    "odd": Case("libvpx-vp9", "yuv420p", "webm", size=(66, 50)),
}


def newest(source: Source) -> Picture:
    with contextlib.closing(cast(Any, source)):
        for _ in range(20):
            frame = source.read()
            if frame is not None:
                return frame.picture
    raise AssertionError("no frame came")


@contextlib.contextmanager
def web_server(folder: Path) -> Iterator[str]:
    """A folder on the web, at this machine alone."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        log_message = quietly

    with served_by(functools.partial(Handler, directory=str(folder))) as url:
        yield url


class Undreamed:
    """A renderer that dreams nothing, and remembers what it saw."""

    frames_per_part = 8

    def __init__(self) -> None:
        self.seen: list[Picture] = []

    def render(self, frame: Frame) -> Picture:
        self.seen.append(frame.picture)
        return frame.picture


def by_the_film_command(path: Path) -> Picture:
    job, renderer = FilmJob(path, path.with_name("out.mkv"), DreamRequest(Settings()), codec="hevc"), Undreamed()
    with FilmReader(path) as reader:
        time, frame = next(reader.frames(Span()))
        work = SpanWork(job, reader, output_format(job, reader.facts), path, cast(Any, renderer), lambda count: None)
        render_frame(work, frame, time)
    return renderer.seen[0]


def by_a_guest(path: Path) -> Picture:
    with FilmReader(path) as reader:
        return to_rgb(next(reader.frames(Span()))[1])


@pytest.mark.parametrize("case", FILMS.values(), ids=FILMS)
def test_all_see_the_same_film(tmp_path: Path, case: Case) -> None:
    path = case.make(tmp_path / f"film.{case.ending}")
    turned = case.orientation > 4
    size = (48, 64) if turned else (64, 48)
    with web_server(tmp_path) as url:
        pictures = {
            "film, live": newest(Film(path, *size, FakeClock())),
            "address": newest(Address(f"{url}/{path.name}", *size, SystemClock())),
            "film command": by_the_film_command(path),
        }
    if case.size == (64, 48) or case.tags[0] != 2:  # guests have a rule of their own where nothing is tagged
        pictures["guest"] = by_a_guest(path)
    own = case.size[::-1] if turned else case.size
    assert pictures["film command"].shape == (own[1], own[0], 3)
    for reader, picture in pictures.items():
        np.testing.assert_allclose(quarters(picture), case.seen, atol=case.within, err_msg=reader)


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (1, 7), (7, 1), (3, 5), (2, 96)], ids=str)
@pytest.mark.parametrize(("codec", "pixels"), [("libvpx-vp9", "yuv420p"), ("mjpeg", "yuvj420p"), ("qtrle", "argb")])
def test_the_least_films_are_read(tmp_path: Path, size: tuple[int, int], codec: str, pixels: str) -> None:
    path = tmp_path / f"film.{'webm' if 'vp9' in codec else 'mov'}"
    red = np.full((size[1], size[0], 4), (*COLOURS["A"], 255), np.uint8)
    with av.open(str(path), "w") as out:
        stream = out.add_stream(codec, rate=25)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = *size, pixels
        frame = av.VideoFrame.from_ndarray(red, "rgba").reformat(format=pixels)
        frame.pts = 0
        out.mux([*stream.encode(frame), *stream.encode()])
    for picture in (newest(Film(path, 16, 16, FakeClock())), by_the_film_command(path), by_a_guest(path)):
        np.testing.assert_allclose(
            picture.reshape(-1, 3), np.broadcast_to(COLOURS["A"], (picture.size // 3, 3)), atol=6
        )


Write = Callable[[Path], object]


def saved(mode: str = "RGB", orientation: int = 1, alpha: int | None = None, **options: Any) -> Write:
    """Writes the four colours in a format."""

    def write(path: Path) -> None:
        image = Image.fromarray(corners())
        if alpha is not None:
            image.putalpha(alpha)
        if alpha is None:
            image = image.quantize(4) if mode == "P" else image.convert(mode)
        if orientation != 1:
            exif = Image.Exif()
            exif[0x0112] = orientation
            image.save(path, exif=exif.tobytes(), **options)
        else:
            image.save(path, **options)

    return write


PICTURES: dict[str, tuple[str, Write, np.ndarray[Any, Any], int]] = {
    **{f"jpg turned {n}": ("jpg", saved(orientation=n, quality=95), expected(n), 6) for n in UPRIGHT},
    **{f"png turned {n}": ("png", saved(orientation=n), expected(n), 1) for n in UPRIGHT},
    **{
        f"webp with alpha turned {n}": (
            "webp",
            saved(orientation=n, alpha=128, lossless=True),
            expected(n, HALF),
            2,
        )
        for n in UPRIGHT
    },
    **{f"tif turned {n}": ("tif", saved(orientation=n), expected(n), 1) for n in (1, 3, 6, 7)},
    **{f"avif turned {n}": ("avif", saved(orientation=n, quality=95), expected(n), 6) for n in UPRIGHT},
    "png with alpha": ("png", saved(alpha=128), expected(times=HALF), 1),
    "tif with alpha": ("tif", saved(alpha=128), expected(times=HALF), 1),
    "avif with alpha": ("avif", saved(alpha=128, quality=95), expected(times=HALF), 6),
    "all clear": ("png", saved(alpha=0), expected(times=0), 0),
    "palette": ("png", saved("P"), expected(), 4),
    "cmyk": ("jpg", saved("CMYK", quality=95), expected(), 8),
    "gif": ("gif", saved("P"), expected(), 4),
    "bmp": ("bmp", saved(), expected(), 1),
    "jp2": ("jp2", saved(), expected(), 2),
    "ppm": ("ppm", saved(), expected(), 0),
    "qoi": ("qoi", saved(), expected(), 0),
    "progressive": ("jpg", saved(progressive=True, quality=95), expected(), 6),
}


def numbered(gamma: float, points: tuple[float, ...] | None = None) -> Write:
    """Writes the four colours as a PNG that says by numbers, and not by a profile, what its samples are."""

    def write(path: Path) -> None:
        chunks = [(b"gAMA", struct.pack(">I", round(gamma * 100_000)))]
        chunks += [(b"cHRM", struct.pack(">8I", *(round(n * 100_000) for n in points)))] if points else []
        file = io.BytesIO()
        Image.fromarray(corners()).save(file, "PNG")
        added = (struct.pack(">I", len(d)) + n + d + struct.pack(">I", zlib.crc32(n + d)) for n, d in chunks)
        path.write_bytes(file.getvalue()[:33] + b"".join(added) + file.getvalue()[33:])

    return write


def converted(gamma: float, points: tuple[float, ...]) -> np.ndarray[Any, Any]:
    """The four colours, of a gamma and primaries, in sRGB."""
    white, *corner = [np.array([x / y, 1, (1 - x - y) / y]) for x, y in zip(points[::2], points[1::2], strict=True)]
    to_xyz = np.array(corner).T * np.linalg.solve(np.array(corner).T, white)
    srgb = np.array([[3.2406, -1.5372, -0.4986], [-0.9689, 1.8758, 0.0415], [0.0557, -0.2040, 1.0570]])  # IEC 61966-2-1
    light = np.clip((expected() / 255) ** (1 / gamma) @ (srgb @ to_xyz).T, 0, 1)
    return np.asarray(255 * np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055))


SRGB_POINTS = (0.3127, 0.329, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06)
ADOBE_POINTS = (0.3127, 0.329, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06)
PICTURES |= {
    "png, gamma of sRGB": ("png", numbered(0.45455, SRGB_POINTS), expected(), 0),
    "png, linear light": ("png", numbered(1.0), converted(1.0, SRGB_POINTS), 2),
    "png, Adobe RGB by numbers": ("png", numbered(0.45455, ADOBE_POINTS), converted(0.45455, ADOBE_POINTS), 2),
}


def by_the_zoom_command(path: Path) -> Picture:
    job = ZoomJob(path, path.with_name("out.mp4"), DreamRequest(Settings()), 1, 24.0, ZoomMotion(1.0, 0.0))
    return first_frame(job, cast(StillRenderer, SimpleNamespace(device=torch.device("cpu"))))


def every_reading(path: Path) -> dict[str, Picture]:
    """What each reader of picture files makes of one, at its own size."""
    picture = load_picture(path)
    size = picture.shape[1], picture.shape[0]
    return {
        "sweep": picture,
        "live": newest(picture_source(path, *size, 30, FakeClock())),
        "still": read_photo(path)[0],
        "guide": load_pictures({"guide": path})["guide"],
        "guide by the page": read_picture(path.read_bytes(), "the guide", 50_000_000),
        "zoom, live": newest(Zoom(path, size, 30, FakeClock(), lambda: None)),
        "zoom command": by_the_zoom_command(path),
    }


@pytest.mark.parametrize(("ending", "write", "colours", "within"), PICTURES.values(), ids=PICTURES)
def test_all_see_the_same_picture(
    tmp_path: Path, ending: str, write: Write, colours: np.ndarray[Any, Any], within: int
) -> None:
    path = tmp_path / f"picture.{ending}"
    write(path)
    assert is_picture(path) == (ending != "gif")
    readings = every_reading(path)
    np.testing.assert_allclose(quarters(readings["sweep"]), colours, atol=within)
    for reader, picture in readings.items():
        np.testing.assert_array_equal(picture, readings["sweep"], err_msg=reader)


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_jpegs_one_after_another_stand_upright_by_their_exif(tmp_path: Path, orientation: int) -> None:
    saved(orientation=orientation, quality=95)(tmp_path / "p.jpg")
    path = tmp_path / "p.mjpeg"
    path.write_bytes(3 * (tmp_path / "p.jpg").read_bytes())
    size = (48, 64) if orientation > 4 else (64, 48)
    for picture in (newest(Film(path, *size, FakeClock())), by_the_film_command(path), by_a_guest(path)):
        np.testing.assert_allclose(quarters(picture), expected(orientation), atol=6)

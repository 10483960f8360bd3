"""Live, as offline: the main pictures, a clock that starts anew, frames of two fields."""

import io
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.stream import Disposition

from hallucinate.frame import Picture
from hallucinate.sources.decode import Decoder
from hallucinate.sources.film import Film
from hallucinate.sources.pacing import Timeline
from hallucinate.sources.streams import main_pictures
from tests.fakes import FakeClock
from tests.film.field import clip, fields, restamped, with_thumbnail


def played(path: Path, count: int) -> tuple[list[Picture], list[int]]:
    """So many frames of a live film, and the milliseconds between them."""
    clock, frames, times = FakeClock(), list[Picture](), list[int]()
    film = Film(path, 96, 64, clock)
    while len(frames) < count:
        frame = film.read()
        if frame is not None:
            frames.append(frame.picture)
            times.append(round(frame.captured_ns / 1e6))
    assert film.statistics.skipped == 0
    film.close()
    return frames, list(np.diff(times))


@pytest.mark.parametrize(
    "starts", [(0, 0), (0, 500), (500, 0), (36_001,), (95_442.68, 0)], ids=["anew", "forward", "back", "late", "over"]
)
def test_live_a_clock_that_starts_anew_freezes_and_skips_nothing(tmp_path: Path, starts: tuple[float, ...]) -> None:
    path = tmp_path / "in.ts"
    path.write_bytes(b"".join(clip(25, start_s=start) for start in starts))
    length = 25 * len(starts)
    frames, apart = played(path, 2 * length + 5)
    for n, frame in enumerate(frames[length:]):  # and again from the beginning
        np.testing.assert_array_equal(frame, frames[n % length])
    assert (min(apart), max(apart)) == (40, 40) if starts != (95_442.68, 0) else max(apart) < 200


@pytest.mark.parametrize("by_s", [5000, -30, 15])
def test_live_a_damaged_time_freezes_nothing(tmp_path: Path, by_s: float) -> None:
    path = tmp_path / "in.ts"
    path.write_bytes(restamped(clip(25), 12, by_s))
    assert set(played(path, 25)[1]) == {40}


def test_live_a_thumbnail_that_comes_first_is_not_the_film(tmp_path: Path) -> None:
    path = tmp_path / "in.mov"
    path.write_bytes(with_thumbnail(clip(form="mov")))
    frames, apart = played(path, 25)
    assert len({frame.tobytes() for frame in frames}) == 25
    assert set(apart) == {40}


def test_live_fields_are_made_whole(tmp_path: Path) -> None:
    path = tmp_path / "in.ts"
    path.write_bytes(fields())
    for frame in played(path, 25)[0]:
        luma = frame[..., 1].astype(int)
        assert np.abs(luma[1:-1] - (luma[:-2] + luma[2:]) / 2).max() < 60


def several(*streams: tuple[str, tuple[int, int], int], default: int | None = None) -> bytes:
    """A film of several picture streams: of each its pixel format, its size, and how many frames it has.

    default: which one the film calls its default; None for all.
    """
    file = io.BytesIO()
    with av.open(file, "w", format="mov") as out:
        added: list[av.VideoStream] = []
        for pixels, (width, height), _ in streams:
            stream = out.add_stream("mjpeg" if "j" in pixels else "libx264", rate=25)
            assert isinstance(stream, av.VideoStream)
            stream.width, stream.height, stream.pix_fmt = width, height, pixels
            stream.disposition = Disposition.default if default in (None, len(added)) else Disposition(0)
            added.append(stream)
        for stream, (pixels, (width, height), count) in zip(added, streams, strict=True):
            for n in range(count):
                frame = av.VideoFrame(width, height, pixels)
                frame.pts, frame.time_base = n, Fraction(1, 25)
                out.mux(stream.encode(frame))
            out.mux(stream.encode())
    return file.getvalue()


LONG, SHORT, SMALL = ("yuv420p", (96, 64), 25), ("yuv420p", (192, 128), 5), ("yuv420p", (48, 32), 25)
ONE = ("yuvj420p", (320, 240), 1)


@pytest.mark.parametrize(
    ("streams", "default", "main"),
    [
        ((ONE, LONG), None, 1),
        ((LONG, ONE), None, 0),
        ((ONE, LONG), 0, 1),
        ((SHORT, LONG), 0, 1),
        ((SMALL, LONG), None, 1),
        ((SMALL, LONG), 0, 0),
        ((LONG, LONG), None, 0),
        ((LONG, LONG), 1, 1),
        ((ONE,), None, 0),
    ],
)
def test_the_main_pictures_are_the_longest_then_the_default_then_the_largest_then_the_first(
    streams: tuple[tuple[str, tuple[int, int], int], ...], default: int | None, main: int
) -> None:
    with av.open(io.BytesIO(several(*streams, default=default)), "r") as film:
        found = main_pictures(film)
        assert found is not None
        assert found.index == main


def test_a_film_of_sound_alone_has_no_pictures() -> None:
    file = io.BytesIO()
    with av.open(file, "w", format="wav") as out:
        stream = out.add_stream("pcm_s16le", rate=8000)
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 1600), np.int16), "s16", "stereo")
        sound.sample_rate = 8000
        out.mux(stream.encode(sound))
    with av.open(io.BytesIO(file.getvalue()), "r") as film:
        assert main_pictures(film) is None


def test_a_pause_is_no_new_clock_where_clocks_do_not_start_anew(tmp_path: Path) -> None:
    pause, new_clock = Timeline(0), Timeline(0, 10.0)
    for line, due_s in ((pause, 30.04), (new_clock, 0.08)):
        assert [line.place(time, 0.04) for time in (0.0, 0.04)] == [0, 40_000_000]
        assert line.place(30.04, 0.04) == round(due_s * 1e9)
    for name, data, longest_s in (("in.ts", clip(5), 10.0), ("in.mkv", clip(5, form="matroska"), 60.0)):
        (tmp_path / name).write_bytes(data)
        decoder = Decoder(str(tmp_path / name), name)
        assert decoder.longest_step_s == longest_s
        decoder.close()

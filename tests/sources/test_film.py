from __future__ import annotations

import os
import struct
from pathlib import Path

import av
import numpy as np
import pytest

from hallucinate.clock import SystemClock
from hallucinate.frame import Frame
from hallucinate.sources import SourceStatistics
from hallucinate.sources.decode import cover
from hallucinate.sources.film import Film, FilmProbe
from hallucinate.sources.pacing import Timeline
from tests.fakes import FakeClock
from tests.refusals import refused
from tests.sources.conftest import MakeFilm, close_while_read, grey_level


def read_all(film: Film, count: int) -> list[Frame]:
    frames: list[Frame] = []
    while len(frames) < count:
        frame = film.read()
        if frame is not None:
            frames.append(frame)
    return frames


def level(frame: Frame) -> int:
    return round((grey_level(frame.picture) - 20) / 10)


def test_a_film_plays_in_its_own_time_and_loops_without_a_gap(make_film: MakeFilm) -> None:
    clock = FakeClock()
    film = Film(make_film(frames=10, fps=25), 32, 24, clock)
    start_ns = clock.now_ns()
    frames = read_all(film, 25)
    film.close()
    assert [level(frame) for frame in frames] == [*range(10), *range(10), *range(5)]
    assert [round((frame.captured_ns - start_ns) / 1e6) for frame in frames] == [40 * i for i in range(25)]
    assert {frame.picture.shape for frame in frames} == {(24, 32, 3)}
    assert film.statistics == SourceStatistics(read=25)


def test_a_variable_rate_is_kept(make_film: MakeFilm) -> None:
    times = [0, 20, 50, 450, 460]
    clock = FakeClock()
    film = Film(make_film("vfr.mkv", frames=5, times_ms=times), 64, 48, clock)
    start_ns = clock.now_ns()
    frames = read_all(film, 5)
    film.close()
    assert [level(frame) for frame in frames] == [0, 1, 2, 3, 4]
    assert [round((frame.captured_ns - start_ns) / 1e6) for frame in frames] == times


def test_in_a_long_pause_between_frames_read_returns_none(make_film: MakeFilm) -> None:
    clock = FakeClock()
    film = Film(make_film("slow.mkv", frames=3, times_ms=[0, 3500, 3600]), 64, 48, clock)
    start_ns = clock.now_ns()
    assert film.read() is not None
    assert [film.read() for _ in range(3)] == [None, None, None]
    frame = film.read()
    film.close()
    assert frame is not None
    assert round((frame.captured_ns - start_ns) / 1e6) == 3500


def test_a_late_reader_sees_the_newest_frame_and_nothing_slows_down(make_film: MakeFilm) -> None:
    clock = FakeClock()
    film = Film(make_film(frames=20, fps=25), 64, 48, clock)
    read_all(film, 1)
    clock.advance(0.5)
    (frame,) = read_all(film, 1)
    film.close()
    assert level(frame) == 12  # 0.5 s is in the middle of frame 12
    assert film.statistics == SourceStatistics(read=2, skipped=11)


def test_a_film_follows_a_changed_rate_in_its_own_time(make_film: MakeFilm) -> None:
    clock = FakeClock()
    film = Film(make_film(frames=20, fps=50), 64, 48, clock, fps=25)
    start_ns = clock.now_ns()
    assert [level(frame) for frame in read_all(film, 5)] == [0, 2, 4, 6, 8]
    film.set_fps(10)
    frames = read_all(film, 3)
    assert [level(frame) for frame in frames] == [9, 14, 19]
    assert [round((frame.captured_ns - start_ns) / 1e6) for frame in frames] == [180, 280, 380]
    film.set_fps(60)
    assert [level(frame) for frame in read_all(film, 4)] == [0, 1, 2, 3]
    film.close()
    assert film.statistics == SourceStatistics(read=12, skipped=12)


def test_a_film_that_was_probed_is_played_from_its_first_frame_without_opening_it_again(make_film: MakeFilm) -> None:
    path = make_film(frames=5)
    probe = FilmProbe.open(path)
    path.unlink()
    film = Film(probe, 64, 48, FakeClock())
    assert [level(frame) for frame in read_all(film, 7)] == [0, 1, 2, 3, 4, 0, 1]
    film.close()


def test_a_laptop_that_slept_goes_on_where_it_was(make_film: MakeFilm) -> None:
    clock = FakeClock()
    film = Film(make_film(frames=20, fps=25), 64, 48, clock)
    read_all(film, 1)
    clock.advance(3600)
    frames = read_all(film, 3)
    film.close()
    assert [level(frame) for frame in frames] == [1, 2, 3]


def test_a_truncated_film_plays_what_is_there_and_loops(make_film: MakeFilm) -> None:
    whole = make_film("whole.mkv", frames=20, fps=25, size=(320, 240))
    data = whole.read_bytes()
    cut = whole.with_name("cut.mkv")
    cut.write_bytes(data[: len(data) * 6 // 10])
    clock = FakeClock()
    film = Film(cut, 64, 48, clock)
    levels = [level(frame) for frame in read_all(film, 40)]
    film.close()
    count = levels.index(0, 1)  # there the loop begins again
    once = levels[:count]
    assert 2 <= count < 19
    assert once == sorted(set(once))  # in order; a frame whose packet was cut off may be missing
    assert levels[count : 2 * count] == once


def test_damaged_packets_are_skipped_and_counted(make_film: MakeFilm) -> None:
    path = make_film("damaged.avi", frames=20, fps=25, codec="mpeg4")
    data = bytearray(path.read_bytes())
    first = data.index(b"00dc") + 8
    packets = [i for i in range(first, len(data) - 4) if data[i : i + 4] == b"00dc"]
    for start in packets[4:8]:
        size = struct.unpack_from("<I", data, start + 4)[0]
        if size < len(data):
            data[start + 8 : start + 8 + size] = b"\xff" * size
    path.write_bytes(data)
    film = Film(path, 64, 48, FakeClock())
    frames = read_all(film, 30)
    film.close()
    assert film.statistics.damaged >= 1
    assert len(frames) == 30


def test_a_phone_film_is_turned_upright(make_film: MakeFilm) -> None:
    path = make_film("phone.mp4", frames=1)  # overwritten below, with a bright left half
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        picture = np.zeros((48, 64, 3), np.uint8)
        picture[:, :32] = 255
        for _ in range(3):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 4 + 40  # the matrix of a phone held upright: a quarter turn clockwise
    struct.pack_into(">9i", data, at, 0, 65536, 0, -65536, 0, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    film = Film(path, 48, 64, FakeClock())
    (frame,) = read_all(film, 1)
    film.close()
    assert frame.picture.shape == (64, 48, 3)
    assert frame.picture[:28].mean() > 200  # the left half is now above
    assert frame.picture[36:].mean() < 50


@pytest.mark.parametrize("size", [(64, 48), (48, 64), (200, 20), (640, 360), (1, 1)])
def test_frames_fill_any_size(make_film: MakeFilm, size: tuple[int, int]) -> None:
    film = Film(make_film(frames=2), *size, FakeClock())
    (frame,) = read_all(film, 1)
    film.close()
    assert frame.picture.shape == (size[1], size[0], 3)
    assert frame.picture.dtype.name == "uint8"


def test_what_is_not_a_film_is_refused_in_one_line(make_film: MakeFilm, sound_only: Path, tmp_path: Path) -> None:
    empty, text, headless = tmp_path / "empty.mp4", tmp_path / "notes.mp4", tmp_path / "headless.mp4"
    empty.touch()
    text.write_text("dear diary, " * 400)
    whole = make_film("w.mp4", frames=20, size=(320, 240))
    headless.write_bytes(whole.read_bytes()[:1000])
    cases = {
        empty: "file_empty",
        text: "film_invalid",
        headless: "film_invalid",
        sound_only: "video_missing",
        tmp_path: "source_unavailable",
        tmp_path / "missing.mp4": "file_missing",
    }
    for path, code in cases.items():
        with refused(code, path.name):
            Film(path, 64, 48, FakeClock())


def test_close_wakes_a_waiting_read_and_nothing_stays_open(make_film: MakeFilm) -> None:
    path = make_film("slow.mkv", frames=2, times_ms=[0, 30000])
    films = [Film(path, 64, 48, SystemClock()) for _ in range(8)]
    before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else None
    film = films[0]
    assert film.read() is not None
    close_while_read(film)
    for other in films:
        other.close()
    if before is not None:
        assert len(os.listdir("/proc/self/fd")) == before - len(films)


def test_a_timeline_fixes_timestamps_that_are_missing_or_jump() -> None:
    line = Timeline(0)
    places = [line.place(time_s, 0.04) for time_s in (5.0, 5.04, None, 5.12, 1000.0, 1000.04, 3.0)]
    assert [round(place / 1e6) for place in places] == [0, 40, 80, 120, 160, 200, 240]


def test_cover_covers() -> None:
    assert cover((640, 480), 1.0, (640, 360)) == (640, 480)
    assert cover((720, 576), 16 / 15, (640, 360)) == (640, 480)
    assert cover((1080, 1920), 1.0, (640, 360)) == (640, 1138)
    assert cover((2, 5000), 1.0, (640, 360)) == (2, 5000)  # a sliver: cut before it is enlarged
    assert cover((640, 360), 1000.0, (640, 360)) == (640, 360)  # a damaged header

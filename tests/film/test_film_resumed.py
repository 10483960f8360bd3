"""Films that are stopped: killed, interrupted, on a full disk; and how they are continued."""

import errno
import os
import random
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from hallucinate.dream_request import DreamRequest
from hallucinate.film import films, rendering
from hallucinate.film.film_job import FilmJob
from hallucinate.film.film_reader import FilmFacts
from hallucinate.film.films import render_films
from hallucinate.film.frame_renderers import LiveRenderer
from hallucinate.film.parts import latest_checkpoint, parts_folder, span_folder
from hallucinate.frame import Frame, Picture
from tests.film.films import Colour, film, planes, rendered, sound, times, tiny
from tests.film.killed import PART, SETTINGS, run
from tests.refusals import refused

EVEN = [n * 512 for n in range(40)]


def live(job: FilmJob, facts: FilmFacts) -> LiveRenderer:
    return tiny(job.request.settings, seed=5)


def test_killed_five_times_a_film_has_the_same_frames(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = film(tmp_path / "in.mp4", EVEN, Colour("yuv420p10le", 9, 1, 9, 16), cut_at=23)
    monkeypatch.setattr(LiveRenderer, "frames_per_part", PART)
    run(source, tmp_path / "unbroken.mp4", None)
    # Each gets at least a part further, or it would be killed for ever.
    kills = [random.Random(7).randint(PART + 1, PART + 3) for _ in range(5)]
    command = [sys.executable, "-m", "tests.film.killed", str(source), str(tmp_path / "out.mp4"), *map(str, kills)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=True)
    assert done.stdout.split("\n")[:6] == [*["-9 False"] * 5, "0 True"]
    broken, unbroken = planes(tmp_path / "out.mp4"), planes(tmp_path / "unbroken.mp4")
    assert len(broken) == len(EVEN)
    for a, b in zip(broken, unbroken, strict=True):
        np.testing.assert_array_equal(a, b)
    assert times(tmp_path / "out.mp4") == times(source)
    assert sound(tmp_path / "out.mp4") == sound(source)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.mp4", "out.mp4", "unbroken.mp4"]


@pytest.mark.parametrize(
    ("colour", "options"),
    [(Colour(), (b"mbtree=0", b"bframes=0")), (Colour("yuv420p10le", 9, 1, 9, 16), (b"bframes=0", b"no-open-gop"))],
    ids=["8 bits", "10 bits"],
)
def test_its_packets_are_the_same_at_each_run(tmp_path: Path, colour: Colour, options: tuple[bytes, ...]) -> None:
    # With the macroblock tree x264 gave other ones in 1 run of 20 while others had the cores: too rarely to try.
    source = film(tmp_path / "in.mp4", EVEN[:2], colour, sound=None)
    job = FilmJob(source, tmp_path / "out.mp4", DreamRequest(SETTINGS))
    rendered(job, live)
    content = job.out.read_bytes()  # x264 and x265 write their options into the film
    assert all(option in content for option in options)


def test_a_full_disk_is_reported_and_the_film_is_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = film(tmp_path / "in.mp4", EVEN, sound=None)
    job = FilmJob(source, tmp_path / "out.mp4", DreamRequest(SETTINGS))
    monkeypatch.setattr(LiveRenderer, "frames_per_part", PART)
    folder, seen = span_folder(job.out, 0), []

    def report(count: int) -> None:
        seen.append(count)
        if count == 12 and seen.count(12) == 1:
            limit(1000)

    try:
        with refused("output_failed", folder.parent, os.strerror(errno.EFBIG)):
            rendered(job, live, report)
    finally:
        limit(resource.RLIM_INFINITY)
    checkpoint = latest_checkpoint(folder)
    assert checkpoint is not None
    assert checkpoint.progress.frames == 10
    assert not job.out.exists()
    seen.clear()
    assert rendered(job, live, seen.append).frames == 40
    assert seen[0] == 10
    assert not parts_folder(job.out).exists()


def limit(size: int) -> None:
    """Have the system refuse, as a full disk does, whatever would make a file larger than this."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def test_a_disk_that_is_full_when_the_film_is_joined(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    job = FilmJob(film(tmp_path / "in.mp4", EVEN[:8], sound=None), tmp_path / "out.mp4", DreamRequest(SETTINGS))

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(rendering, "join", full)
        with refused("output_failed", job.out, os.strerror(errno.ENOSPC)):
            rendered(job, live)
    assert not job.out.exists()
    seen: list[int] = []
    assert rendered(job, live, seen.append).frames == 8
    assert seen == [8]  # nothing is dreamed again


class Stopped(LiveRenderer):
    """A renderer at whose eighth frame somebody presses Ctrl-C."""

    count = 0

    def render(self, frame: Frame) -> Picture:
        self.count += 1
        if self.count == 8:
            raise KeyboardInterrupt
        return super().render(frame)


def test_interrupted_it_says_how_to_continue(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source, out = film(tmp_path / "in.mp4", EVEN[:12], sound=None), tmp_path / "out.mp4"
    monkeypatch.setattr(LiveRenderer, "frames_per_part", PART)
    monkeypatch.setattr(films, "renderer_factory", lambda job: lambda film, facts: tiny(SETTINGS, kind=Stopped))
    with pytest.raises(KeyboardInterrupt):
        render_films([source], out, FilmJob(source, out, DreamRequest(SETTINGS)))
    assert f"stopped with 5 finished frames in {parts_folder(out)}" in capsys.readouterr().out
    checkpoint = latest_checkpoint(span_folder(out, 0))
    assert checkpoint is not None
    assert checkpoint.progress.frames == 5

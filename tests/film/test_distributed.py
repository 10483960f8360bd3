"""Films over many machines: a real Ray on this one, and a worker that dies."""

import io
import os
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from hallucinate.dream_request import DreamRequest
from hallucinate.errors import SettingsError
from hallucinate.film.distributed import render_distributed
from hallucinate.film.film_job import FilmJob
from hallucinate.film.film_reader import FilmReader, Span
from hallucinate.film.films import render_films
from hallucinate.film.frame_renderers import LiveRenderer, renderer_factory
from hallucinate.film.parts import SpanProgress, parts_folder
from hallucinate.film.rendering import render_span
from hallucinate.settings import Settings
from tests.film.films import film, planes, rendered, sound
from tests.refusals import refused

PART = 5
SETTINGS = Settings(dream_width=64, dream_width_min=64, growth_s=0.1)
EVEN = [n * 512 for n in range(60)]


def dying_once(job: FilmJob, n: int, span: Span) -> SpanProgress:
    """A task of a worker that dies in the middle of the second scene, the first time."""
    LiveRenderer.frames_per_part = PART
    died = job.out.with_suffix(".died")

    def report(count: int) -> None:
        if n == 1 and count == 7 and not died.exists():
            died.touch()
            os._exit(1)

    with FilmReader(job.source) as reader:
        return render_span(job, reader, n, span, renderer_factory(job)(job, reader.facts), report)


# Older versions of Ray leave files of their own open, and newer ones tell of plans.
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.filterwarnings("ignore::FutureWarning:ray.*")
@pytest.mark.timeout(180)
def test_scenes_are_tasks_and_one_whose_worker_dies_is_continued(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ray = pytest.importorskip("ray")
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    source = film(tmp_path / "in.mp4", EVEN, cut_at=30)
    job = FilmJob(source, tmp_path / "out.mp4", DreamRequest(SETTINGS, device="cpu"), scenes=True)
    unknown = SETTINGS.model_copy(update={"layers": {"none": 1.0}})
    damaged = FilmJob(source, tmp_path / "other.mp4", DreamRequest(unknown, device="cpu"))
    (error,) = render_distributed([job, damaged], "local", Console(file=io.StringIO(), width=500), dying_once)
    assert isinstance(error, SettingsError)
    assert "'none'" in str(error)
    assert not ray.is_initialized()
    assert (tmp_path / "out.died").exists()
    assert not parts_folder(job.out).exists()

    monkeypatch.setattr(LiveRenderer, "frames_per_part", PART)
    here = FilmJob(source, tmp_path / "here.mp4", DreamRequest(SETTINGS, device="cpu"), scenes=True)
    rendered(here, renderer_factory(here))
    for a, b in zip(planes(job.out), planes(here.out), strict=True):
        np.testing.assert_array_equal(a, b)
    assert sound(job.out) == sound(source)


def test_without_ray_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    source = film(tmp_path / "in.mp4", EVEN[:2], sound=None)
    template = FilmJob(source, tmp_path / "out.mp4", DreamRequest(SETTINGS, device="cpu"))
    with refused("setting_invalid", "--ray", "hallucinate[ray]"):
        render_films([source], tmp_path / "out.mp4", template, "local")
    assert [path.name for path in tmp_path.iterdir()] == ["in.mp4"]

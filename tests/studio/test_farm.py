"""Films over many machines: a real Ray on this one, and a worker that dies."""

import io
import os
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from hallucinate.errors import SettingsError
from hallucinate.settings import Settings
from hallucinate.studio import farm
from hallucinate.studio.film import films
from hallucinate.studio.footage import Span
from hallucinate.studio.manners import Live, dreamers
from hallucinate.studio.order import Order
from hallucinate.studio.parts import Notes, parts_folder
from hallucinate.studio.render import begin, render, render_span
from hallucinate.studio.sitting import Ask
from tests.studio.films import film, planes, sound

PART = 5
ASKED = Settings(dream_width=64, dream_width_min=64, growth_s=0.1)
EVEN = [n * 512 for n in range(60)]


def dying_once(order: Order, n: int, span: Span) -> Notes:
    """A task of a worker that dies in the middle of the second scene, the first time."""
    Live.part = PART
    died = order.out.with_suffix(".died")

    def watch(count: int) -> None:
        if n == 1 and count == 7 and not died.exists():
            died.touch()
            os._exit(1)

    return render_span(order, n, span, dreamers(order)(order), watch)


@pytest.mark.timeout(180)
def test_scenes_are_tasks_and_one_whose_worker_dies_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ray = pytest.importorskip("ray")
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    source = film(tmp_path / "in.mp4", EVEN, cut_at=30)
    order = Order(source, tmp_path / "out.mp4", Ask(ASKED, device="cpu"), scenes=True)
    unknown = ASKED.model_copy(update={"layers": {"none": 1.0}})
    damaged = Order(source, tmp_path / "other.mp4", Ask(unknown, device="cpu"))
    told = Console(file=io.StringIO(), width=500)
    failed = farm.over_machines([order, damaged], "local", told, dying_once)
    assert not ray.is_initialized()
    assert [str(error) for error in failed] == [
        str(error) for error in failed if "no layer is called 'none'" in str(error)
    ]
    assert len(failed) == 1
    assert (tmp_path / "out.died").exists()
    assert not parts_folder(order.out).exists()

    monkeypatch.setattr(Live, "part", PART)
    here = Order(source, tmp_path / "here.mp4", Ask(ASKED, device="cpu"), scenes=True)
    render(here, begin(here).spans, dreamers(here), lambda count: None)
    for a, b in zip(planes(order.out), planes(here.out), strict=True):
        np.testing.assert_array_equal(a, b)
    assert sound(order.out) == sound(source)


def test_without_ray_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    source = film(tmp_path / "in.mp4", EVEN[:2], sound=None)
    like = Order(source, tmp_path / "out.mp4", Ask(ASKED, device="cpu"))
    with pytest.raises(SettingsError, match=r"hallucinate\[ray\]"):
        films([source], tmp_path / "out.mp4", like, "local")
    assert [path.name for path in tmp_path.iterdir()] == ["in.mp4"]

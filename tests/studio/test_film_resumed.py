"""Films that are broken off: killed, interrupted, on a full disk; and how they go on."""

import os
import random
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hallucinate.dream.dreamer import Dreamer
from hallucinate.errors import OutputError
from hallucinate.frame import OutputFrame
from hallucinate.studio import film as filming
from hallucinate.studio import render as rendering
from hallucinate.studio.manners import Live
from hallucinate.studio.order import Order
from hallucinate.studio.parts import latest, parts_folder, span_folder
from hallucinate.studio.render import begin, render
from hallucinate.studio.sitting import Ask
from tests.dream.networks import TinyNetwork
from tests.studio.films import Colour, film, planes, sound, times
from tests.studio.killed import PART, SETTINGS, run

EVEN = [n * 512 for n in range(40)]


def tiny(order: Order) -> Live:
    return Live(Dreamer(TinyNetwork()).session(order.ask.settings, seed=5))


def test_killed_five_times_a_film_has_the_same_frames(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = film(tmp_path / "in.mp4", EVEN, Colour("yuv420p10le", 9, 1, 9, 16), cut_at=23)
    monkeypatch.setattr(Live, "part", PART)
    run(source, tmp_path / "unbroken.mp4", None)
    # Each gets at least a part further, or it would be killed for ever.
    kills = [random.Random(7).randint(PART + 1, PART + 3) for _ in range(5)]
    command = [sys.executable, "-m", "tests.studio.killed", str(source), str(tmp_path / "out.mp4"), *map(str, kills)]
    told = subprocess.run(command, capture_output=True, text=True, timeout=100, check=True)
    assert told.stdout.split("\n")[:6] == [*["-9 False"] * 5, "0 True"]
    broken, unbroken = planes(tmp_path / "out.mp4"), planes(tmp_path / "unbroken.mp4")
    assert len(broken) == len(EVEN)
    for a, b in zip(broken, unbroken, strict=True):
        np.testing.assert_array_equal(a, b)
    assert times(tmp_path / "out.mp4") == times(source)
    assert sound(tmp_path / "out.mp4") == sound(source)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.mp4", "out.mp4", "unbroken.mp4"]


@pytest.mark.parametrize("colour", [Colour(), Colour("yuv420p10le", 9, 1, 9, 16)], ids=["8 bits", "10 bits"])
def test_its_packets_are_the_same_at_each_run(tmp_path: Path, colour: Colour) -> None:
    # With the macroblock tree x264 gave other ones in 1 run of 20 while others had the cores: too rarely to try.
    order = Order(film(tmp_path / "in.mp4", EVEN[:2], colour, sound=None), tmp_path / "out.mp4", Ask(SETTINGS))
    render(order, begin(order).spans, tiny, lambda count: None)
    said = order.out.read_bytes()  # x264 writes its options into the film
    assert b"mbtree=0" in said
    assert b"bframes=0" in said


def test_a_full_disk_is_said_and_gone_on_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = film(tmp_path / "in.mp4", EVEN, sound=None)
    order = Order(source, tmp_path / "out.mp4", Ask(SETTINGS))
    monkeypatch.setattr(Live, "part", PART)
    folder, seen = span_folder(order.out, 0), []

    def watch(count: int) -> None:
        seen.append(count)
        if count == 12 and seen.count(12) == 1:
            limit(1000)

    begun = begin(order)
    try:
        with pytest.raises(OutputError, match=r"File too large.*make room.*goes on") as caught:
            render(order, begun.spans, tiny, watch)
    finally:
        limit(resource.RLIM_INFINITY)
    assert "\n" not in str(caught.value)
    kept = latest(folder)
    assert kept is not None
    assert kept.notes.frames == 10
    assert not order.out.exists()
    seen.clear()
    assert render(order, begin(order).spans, tiny, seen.append).frames == 40
    assert seen[0] == 10
    assert not parts_folder(order.out).exists()


def limit(size: int) -> None:
    """Have the system refuse, as a full disk does, whatever would make a file larger than this."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def test_a_disk_that_is_full_when_the_film_is_joined(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    order = Order(film(tmp_path / "in.mp4", EVEN[:8], sound=None), tmp_path / "out.mp4", Ask(SETTINGS))

    def full(*_: object) -> None:
        raise OSError(28, os.strerror(28))

    with monkeypatch.context() as patch:
        patch.setattr(rendering, "join", full)
        with pytest.raises(OutputError, match=r"No space left on device.*all is rendered"):
            render(order, begin(order).spans, tiny, lambda count: None)
    assert not order.out.exists()
    seen: list[int] = []
    assert render(order, begin(order).spans, tiny, seen.append).frames == 8
    assert seen == [8]  # nothing is dreamed again


class Stopped(Dreamer):
    """A dreamer at whose eighth frame somebody presses Ctrl-C."""

    dreamed = 0

    def step(self, *args: Any) -> list[OutputFrame]:
        self.dreamed += 1
        if self.dreamed == 8:
            raise KeyboardInterrupt
        return super().step(*args)


def test_interrupted_it_says_how_to_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source = film(tmp_path / "in.mp4", EVEN[:12], sound=None)
    monkeypatch.setattr(Live, "part", PART)
    stopped = Live(Stopped(TinyNetwork()).session(SETTINGS))
    monkeypatch.setattr(filming, "dreamers", lambda order: lambda film: stopped)
    with pytest.raises(KeyboardInterrupt):
        filming.films([source], tmp_path / "out.mp4", Order(source, tmp_path / "out.mp4", Ask(SETTINGS)))
    folder = parts_folder(tmp_path / "out.mp4")
    assert f"5 frames are kept in {folder}, and the same command goes on" in capsys.readouterr().out
    kept = latest(span_folder(tmp_path / "out.mp4", 0))
    assert kept is not None
    assert kept.notes.frames == 5

"""The endless zoom feeds on what is on the stage, at one speed, and never ends in white, grey or noise."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from hallucinate.dream.dreamer import Dreamer
from hallucinate.frame import Frame, OperatingPoint, OutputFrame, Picture
from hallucinate.settings import Settings
from hallucinate.sources.opening import open_source
from hallucinate.sources.zoom import Zoom
from hallucinate.zoom_motion import Appearance, ZoomMotion, appearance_of, moved, noise, stabilised
from tests.dream.networks import TinyNetwork
from tests.fakes import FakeClock
from tests.refusals import refused

SIZE = (96, 54)


class Stands:
    """A stage of one place."""

    def __init__(self) -> None:
        self.newest: OutputFrame | None = None

    def show(self, frame: Frame, dream: Picture, clock: FakeClock) -> None:
        self.newest = OutputFrame(dream, frame.picture, frame.captured_ns, clock.now_ns())


def contrast(picture: Picture) -> float:
    return float(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).std()) / 255


def test_for_a_minute_contrast_and_brightness_stay_within_bounds() -> None:
    clock, stage = FakeClock(), Stands()
    source = Zoom(None, SIZE, 5, clock, lambda: stage.newest)
    settings = Settings.model_validate({"motifs": {}, "layers": {"second": 1.0}, "strength": 1.0, "motif_size": 0.3})
    session = Dreamer(TinyNetwork()).session(settings)
    contrasts, means, pictures = [], [], []
    for _ in range(300):
        frame = source.read()
        assert frame is not None
        stage.newest = session.step(frame, clock.now_ns(), OperatingPoint(96, 1))
        assert stage.newest is not None
        contrasts.append(contrast(stage.newest.dream))
        means.append(stage.newest.dream.mean((0, 1)) / 255)
        pictures.append(stage.newest.dream)
    assert clock.now_ns() > 59e9
    assert 0.1 < min(contrasts[25:]) < max(contrasts[25:]) < 0.33
    assert 0.3 < np.min(means[25:]) < np.max(means[25:]) < 0.7
    # It is neither stuck nor noise: it changes over seconds, and hardly from one frame to the next.
    apart = [np.abs(pictures[n].astype(int) - pictures[n - 15]).mean() for n in (100, 200, 299)]
    assert min(apart) > 12
    assert max(np.abs(pictures[n].astype(int) - pictures[n - 1]).mean() for n in (100, 200, 299)) < 0.7 * min(apart)


def test_there_is_one_zoom_however_late_the_dream_is() -> None:
    clock, stage = FakeClock(), Stands()
    source = Zoom(None, SIZE, 20, clock, lambda: stage.newest, motion=ZoomMotion(scale=2.0))
    first = source.read()
    assert first is not None
    assert source.read() is None  # nothing was dreamed of it within a second
    stage.newest = OutputFrame(first.picture, first.picture, first.captured_ns - 1, clock.now_ns())
    assert source.read() is None  # of something before it
    clock.advance(0.1)
    stage.show(first, first.picture, clock)
    second = source.read()
    assert second is not None
    assert second.captured_ns > first.captured_ns
    assert not np.array_equal(second.picture, first.picture)
    assert source.read() is None  # that one was used already
    source.close()
    assert source.read() is None


def test_two_halves_of_a_second_move_as_far_as_one() -> None:
    motion = ZoomMotion(1.5, 10, 0.05, 0)
    picture = np.asarray(cv2.GaussianBlur(noise(160, 90, 1), (0, 0), 4), np.uint8)
    once = moved(picture, ZoomMotion(1.5, 10), 1.0)
    twice = moved(moved(picture, ZoomMotion(1.5, 10), 0.5), ZoomMotion(1.5, 10), 0.5)
    assert np.abs(once.astype(int) - twice)[20:-20, 30:-30].mean() < 1.5
    assert np.abs(moved(picture, motion, 1.0).astype(int) - once).mean() > 3
    grown = moved(picture, ZoomMotion(2.0), 1.0)
    assert np.abs(grown[::2, ::2].astype(int) - picture[22:67, 40:120]).mean() < 6


def test_a_picture_is_brought_back_to_its_appearance() -> None:
    random, target = np.random.default_rng(0), Appearance(np.array([0.5, 0.4, 0.3], np.float32), 0.2)
    for start in (noise(96, 54, 2) // 4, 200 + noise(96, 54, 2) // 5, np.full((54, 96, 3), 128, np.uint8)):
        picture = start
        for _ in range(100):
            picture = stabilised(picture, target, 0.1, random)
        assert np.abs(picture.mean((0, 1)) / 255 - target.mean).max() < 0.06
        assert contrast(picture) == pytest.approx(0.2, abs=0.05)
    assert appearance_of(noise(96, 54, 2)).contrast == pytest.approx(0.18, abs=0.05)


def test_it_begins_with_a_picture_where_one_is_named(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "p.png"), np.full((54, 96, 3), (10, 60, 200), np.uint8))
    source = open_source(f"zoom:{tmp_path / 'p.png'}", SIZE, 10, FakeClock())
    frame = source.read()
    assert frame is not None
    assert np.array_equal(frame.picture, np.full((54, 96, 3), (200, 60, 10), np.uint8))
    assert source.name == "an endless zoom into p.png"
    (tmp_path / "t.png").write_bytes(b"text")
    with refused("source_unavailable", "t.png"):
        open_source(f"zoom:{tmp_path / 't.png'}", SIZE, 10, FakeClock())
    with refused("source_unavailable", "no/such.png"):
        open_source("zoom:no/such.png", SIZE, 10, FakeClock())

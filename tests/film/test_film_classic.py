"""Films with a classic preset: each frame a still that starts from the last dream; stopped and continued."""

import dataclasses
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from hallucinate.dream.flow import Flow
from hallucinate.dream.still import iterate
from hallucinate.dream_request import DreamRequest
from hallucinate.film.classic_renderer import ClassicRenderer, blend_last_dream, previous_positions
from hallucinate.film.film_job import FilmJob
from hallucinate.film.frame_renderers import classic_factory, renderer_factory
from hallucinate.frame import Frame, Picture, to_picture, to_tensor
from hallucinate.networks.registry import NetworkOptions
from hallucinate.offline_commands import check_film_options
from hallucinate.settings import Settings
from hallucinate.still.presets import CLASSIC_PRESETS, find_preset
from hallucinate.still.renderer import open_renderer
from tests.film.films import EVEN, film, picture, planes, rendered
from tests.offline import scene
from tests.refusals import refused

SETTINGS = Settings(motifs={}, layers={"second": 1.0})


def job_with(preset: str, source: Path = Path(), out: Path = Path()) -> FilmJob:
    return FilmJob(source, out, DreamRequest(SETTINGS, preset, 2, 0.02, device="cpu", seed=3))


def frame(n: int) -> Frame:
    return Frame(picture(3 * n), n * 40_000_000)


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize("name", CLASSIC_PRESETS)
def test_its_frames_are_what_the_functions_give_one_by_one(name: str) -> None:
    job, preset = job_with(name), CLASSIC_PRESETS[name]
    stills = open_renderer(job.request)

    def still(start: Picture, n: int) -> Picture:
        run = stills.start(start.shape[1], start.shape[0])
        x = to_tensor(start, stills.device)
        options = dataclasses.replace(stills.options, seed=3 + n)
        *_, last = iterate(dataclasses.replace(run, options=options), x)
        return to_picture(x + last.detail)

    renderer, flow = ClassicRenderer(open_renderer(job.request), preset), Flow()
    expected = still(frame(0).picture, 0)
    np.testing.assert_array_equal(renderer.render(frame(0)), expected)
    assert np.abs(expected.astype(int) - frame(0).picture).mean() > 1
    for n in (1, 2):
        before, start = frame(n - 1).picture, frame(n).picture
        if name == "hallucination-machine":
            start = blend_last_dream(start, before, expected, previous_positions(before, start, flow), preset)
            assert np.abs(start.astype(int) - frame(n).picture).mean() > 1
        expected = still(start, n)
        np.testing.assert_array_equal(renderer.render(frame(n)), expected)
    assert stills.options.iterations == 2
    assert (stills.settings.octaves, stills.settings.jitter) == (preset.settings["octaves"], 32)


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize("name", CLASSIC_PRESETS)
def test_from_its_state_another_renders_the_same(name: str) -> None:
    job, preset = job_with(name), find_preset(name)
    one, other = (ClassicRenderer(open_renderer(job.request), preset) for _ in range(2))
    for n in range(2):
        one.render(frame(n))
    tensors, values = one.state()
    assert set(tensors) == ({"frame", "dream"} if preset.uses_last_dream else set())
    other.restore(tensors, values)
    np.testing.assert_array_equal(one.render(frame(2)), other.render(frame(2)))


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize("name", CLASSIC_PRESETS)
def test_stopped_and_continued_it_has_the_same_frames(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    source = film(tmp_path / "in.mp4", EVEN[:14], sound=None)
    # Without loss, so that parts that end elsewhere show the same.
    unbroken = dataclasses.replace(job_with(name, source, tmp_path / "unbroken.mp4"), crf=0)
    job = dataclasses.replace(unbroken, out=tmp_path / "out.mp4")
    # In two parts.
    rendered(unbroken, renderer_factory(unbroken))
    monkeypatch.setattr(ClassicRenderer, "frames_per_part", 5)
    for last in (7, 12, 99):
        counts: list[int] = []

        def report(count: int, last: int = last, counts: list[int] = counts) -> None:
            counts.append(count)
            if count == last:
                raise KeyboardInterrupt

        with nullcontext() if last == 99 else pytest.raises(KeyboardInterrupt):
            rendered(job, renderer_factory(job), report)
    assert counts[:2] == [10, 11]
    one, other = planes(unbroken.out), planes(job.out)
    assert len(one) == 14
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.usefixtures("tiny")
def test_it_says_how_it_was_dreamed(tmp_path: Path) -> None:
    job = job_with("notebook", film(tmp_path / "in.mp4", EVEN[:2], sound=None), tmp_path / "out.mp4")
    finished = rendered(job, classic_factory(job))
    assert (finished.frames, finished.rendering) == (2, "like notebook, 2 iterations on each octave")


def test_what_means_nothing_to_it_is_refused() -> None:
    cases = {
        "--iterations": ("", 5, Settings(), "auto"),
        "--dream-width": ("notebook", None, Settings(dream_width=320), "auto"),
        "--where": ("notebook", None, Settings(where="moving"), "auto"),
        "--panorama equirect": ("notebook", None, Settings(), "equirect"),
    }
    for option, (preset, iterations, settings, panorama) in cases.items():
        with refused("setting_invalid", option):
            check_film_options(preset, {"--iterations": iterations, "--step-size": None}, settings, panorama)
    check_film_options("", {"--iterations": None}, Settings(where="moving", dream_width=320), "equirect")
    check_film_options("notebook", {"--iterations": 5}, Settings(octaves=2), "flat")
    with refused("preset_unknown", "notbook", "'notebook'"):
        renderer_factory(job_with("notbook"))


@pytest.mark.parametrize("preset", ["", "notebook"])
def test_weights_by_file_are_for_films_of_both_kinds(tmp_path: Path, preset: str) -> None:
    weights = tmp_path / "other.safetensors"
    save_file({"stem": torch.zeros(1)}, weights)
    request = DreamRequest(Settings(), preset, device="cpu", network_options=NetworkOptions(weights))
    with refused("network_invalid", "other.safetensors"):
        renderer_factory(FilmJob(Path(), Path(), request))
    with refused("network_invalid", "some.pt2"):
        renderer_factory(FilmJob(Path(), Path(), dataclasses.replace(request, network="some.pt2")))


def test_nine_tenths_go_along_with_what_moves_and_a_twentieth_stays() -> None:
    frame, before = (scene(seed=n).clip(60, 190) for n in (1, 2))
    dream = np.asarray(before + 40, np.uint8)
    dream[:, :, 0] -= 60
    origin = np.zeros((72, 96, 2), np.float32)
    origin[:, 48:] = (-3.0, 2.0)
    start = blend_last_dream(frame, before, dream, origin, CLASSIC_PRESETS["hallucination-machine"]).astype(float)
    still = 0.95 * frame.astype(float) + 0.05 * dream
    assert np.abs(start - still)[:, :48].max() <= 1
    # dream − before is −20, 40, 40 everywhere, so nine tenths of that are added, whatever the motion.
    moving = (frame + 0.9 * np.array([-20, 40, 40])).clip(0, 255)
    assert np.abs(start - moving)[:, 52:].max() <= 1


def test_motion_is_measured_in_the_films_own_pixels() -> None:
    wide = scene(288, 400, 3)
    frame, before = wide[:, :384], wide[:, 6:390]  # what was 6 pixels further left has moved here
    origin = previous_positions(before, frame, Flow())
    assert origin.shape == (288, 384, 2)
    inside = np.s_[32:-32, 32:-32]
    assert np.abs(np.median(origin[inside], (0, 1)) - (-6, 0)).max() < 0.5

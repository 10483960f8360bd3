import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from hallucinate.calibrate import strength as calibrating
from hallucinate.calibrate.strength import (
    GUARD,
    calibrate,
    distance_after,
    evened,
    everything,
    looks,
    measure,
    only,
    spread,
    with_limits,
)
from hallucinate.dream.strength_calibration import PLAIN, STRENGTHS, StrengthCalibration, read_strength_calibration
from hallucinate.files import shipped
from hallucinate.frame import Frame
from tests.dream.networks import TinyNetwork
from tests.refusals import refused


class Layered(TinyNetwork):
    """Its motifs answer to brightness alone, which no residual keeps; so it has none."""

    motifs: tuple[str, ...] = ()


def frames(count: int = 13, seed: int = 0) -> list[Frame]:
    noise = np.random.default_rng(seed).normal(size=(90, 160, 3))
    picture = np.asarray(np.clip(128 + 200 * cv2.GaussianBlur(noise, (0, 0), 2), 0, 255), np.uint8)
    return [Frame(picture, round(n / 24 * 1e9)) for n in range(count)]


def test_what_is_measured_evens_out_the_growth() -> None:
    network = TinyNetwork()
    found = measure(network, frames())
    assert set(found.layers) == set(network.layers)
    assert all(0.02 < share < 2 for share in found.layers.values())
    slow = {"growth_s": 8.0, "strength": 1.0}
    uneven, even = (
        spread([distance_after(network, frames(), only("layers", name, **slow), a) for name in network.layers])
        for a in (StrengthCalibration(), found)
    )
    assert even < 0.1
    assert even < uneven


def test_what_is_measured_evens_out_the_look_on_a_clip_that_it_was_not_measured_on() -> None:
    network, ticks = Layered(), []
    *rounds, judging = (frames(25, seed) for seed in (1, 2, 3))
    growth = measure(network, frames())
    limits = evened(network, TinyNetwork(), rounds, growth, lambda: ticks.append(1))
    assert len(ticks) == len(rounds) * len(everything(network)) * len(STRENGTHS)
    assert (limits >= GUARD[0] * np.array(PLAIN)).all()
    assert (limits <= GUARD[1] * np.array(PLAIN)).all()
    assert (np.diff(limits, axis=1) >= 0).all()
    before, after = (
        looks(network, TinyNetwork(), judging, calibration, lambda: None)
        for calibration in (growth, with_limits(network, growth, limits))
    )
    # At strength 1 this network's dreams stay below their bound; up to 0.5 they do.
    for old, new in list(zip(before.T, after.T, strict=True))[:2]:
        assert spread(new) < 0.5 * spread(old)
    assert np.median(after, axis=0) == pytest.approx(np.median(before, axis=0), rel=0.1)  # as far as before, but evenly


def test_what_cannot_be_seen_goes_as_far_as_the_guard_lets_it_and_leaves_no_nan() -> None:
    network = TinyNetwork()
    found = evened(network, network, [frames(3)], StrengthCalibration(), lambda: None)
    assert np.isfinite(found).all()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibrating, "open_network", lambda *_: Layered())
    monkeypatch.setattr(calibrating, "open_motif", lambda *_: TinyNetwork())
    monkeypatch.setattr(calibrating, "filmed", lambda *_, **__: frames(5))
    monkeypatch.setattr(calibrating, "clips", lambda: [frames(5, seed) for seed in (1, 2, 3)])


@pytest.mark.usefixtures("quick")
def test_the_command_prints_a_table_and_writes_what_the_dreamer_reads(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    calibrate("tiny", tmp_path / "new")
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["tiny.json"]
    found = read_strength_calibration(tmp_path / "new" / "tiny.json")
    assert set(found.layer_limits) == set(found.layers) == set(Layered.layers)
    facts = json.loads((tmp_path / "new" / "tiny.json").read_text())
    assert {"command", "date", "machine"} <= set(facts)
    for when in ("before", "after"):
        columns = zip(*facts["distance"][when].values(), strict=True)
        assert [spread(column) for column in columns] == pytest.approx(facts["spread"][when], abs=0.01)
    printed = capsys.readouterr().out
    assert all(word in printed for word in (*Layered.layers, "spread before", "spread after"))


@pytest.mark.usefixtures("quick")
def test_a_folder_that_cannot_be_written_to_is_refused_before_anything_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(calibrating, "measure", lambda *_: pytest.fail("measured"))
    with refused("output_failed", tmp_path / "file"):
        calibrate("tiny", tmp_path / "file")


def test_a_network_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with refused("network_unknown", "'motfi'"):
        calibrate("motfi", tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_shipped_strengths_look_alike() -> None:
    """The figures of the file itself: over all motifs and layers, on a clip that nothing was measured on."""
    facts = json.loads((shipped("calibration") / "strength" / "motif.json").read_text())
    after = np.array(list(facts["distance"]["after"].values()))
    assert len(after) == len(facts["motifs"]) + len(facts["layers"])
    assert [spread(column) for column in after.T] == pytest.approx(facts["spread"]["after"], abs=0.001)
    assert max(facts["spread"]["after"]) <= 0.15
    assert all(new < old for old, new in zip(facts["spread"]["before"], facts["spread"]["after"], strict=True))

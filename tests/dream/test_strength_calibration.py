"""What was measured of a network: read, and looked up for what is requested."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from hallucinate.dream.residual import FARTHEST
from hallucinate.dream.strength_calibration import (
    PLAIN,
    STRENGTHS,
    TYPICAL,
    StrengthCalibration,
    read_strength_calibration,
)
from hallucinate.files import shipped
from hallucinate.networks.registry import open_network
from hallucinate.settings import Settings
from tests.refusals import refused

MEASURED = StrengthCalibration(
    {"eye": 0.2, "web": 0.6}, {"stem": 0.9}, {"eye": (0.05, 0.12, 0.2)}, {"stem": (0.1, 0.2, 0.3)}
)


def test_a_mix_is_as_efficient_as_its_weights_and_the_unmeasured_are_typical() -> None:
    assert MEASURED.step_efficiency(Settings(motifs={"eye": 1.0, "web": 1.0})) == pytest.approx(0.4)
    assert MEASURED.step_efficiency(Settings(motifs={"eye": 0.9, "web": 0.3})) == pytest.approx(0.3)
    assert MEASURED.step_efficiency(Settings(motifs={}, layers={"stem:3": 1.0})) == 0.9
    assert MEASURED.step_efficiency(Settings(motifs={"new": 1.0})) == TYPICAL
    assert MEASURED.step_efficiency(Settings(motifs={})) == TYPICAL


@pytest.mark.parametrize(
    ("strength", "eye", "stem"),
    [(0, 0, 0), (0.125, 0.025, 0.05), (0.25, 0.05, 0.1), (0.5, 0.12, 0.2), (0.75, 0.16, 0.25), (1, 0.2, 0.3)],
)
def test_the_rms_limit_is_as_measured_and_interpolated_between(strength: float, eye: float, stem: float) -> None:
    assert MEASURED.rms_limit(Settings(strength=float(strength))) == pytest.approx(eye)
    assert MEASURED.rms_limit(Settings(strength=float(strength), motifs={}, layers={"stem": 1.0})) == pytest.approx(
        stem
    )


def test_a_mix_goes_as_far_as_its_weights_and_the_unmeasured_plainly() -> None:
    mix = {"eye": 0.9, "web": 0.3}
    assert MEASURED.rms_limit(Settings(motifs=mix, strength=0.5)) == pytest.approx(0.75 * 0.12 + 0.25 * 0.5 * FARTHEST)
    for settings in (Settings(motifs={"web": 1.0}, strength=0.6), Settings(motifs={"web": 0.0}, strength=0.6)):
        assert MEASURED.rms_limit(settings) == pytest.approx(0.6 * FARTHEST)
    assert StrengthCalibration().rms_limit(Settings(motifs={}, layers={"stem": 1.0}, strength=0.6)) == pytest.approx(
        0.6 * FARTHEST
    )


def test_more_strength_never_goes_less_far() -> None:
    for mix in ({}, {"layers": {"stem": 0.5}}, {"motifs": {"eye": 1.0, "web": 0.4}}):
        found = [
            MEASURED.rms_limit(Settings.model_validate({**mix, "strength": s})) for s in np.linspace(0, 1, 41).tolist()
        ]
        assert found == sorted(found)
        assert len(set(found)) == len(found)


def test_the_file_in_the_box_covers_every_motif_and_layer() -> None:
    paths = list((shipped("calibration") / "strength").glob("*.json"))
    assert "motif" in [path.stem for path in paths]
    for path in paths:
        network = open_network(path.stem, torch.device("cpu"), torch.float32)
        found = read_strength_calibration(path)
        assert set(found.motifs) == set(found.motif_limits) == set(network.motifs)
        assert set(found.layers) == set(found.layer_limits) == set(network.layers)
        assert all(0.02 < share < 2 for share in [*found.motifs.values(), *found.layers.values()])
        limits = np.array([*found.motif_limits.values(), *found.layer_limits.values()]) / PLAIN
        assert limits.min() >= 0.5
        assert limits.max() <= 2
        assert np.median(limits, axis=0) == pytest.approx([1, 1, 1], abs=0.05)


def test_a_file_without_rms_limits_is_read(tmp_path: Path) -> None:
    (tmp_path / "old.json").write_text(json.dumps({"motifs": {"eye": 0.4}, "layers": {"stem": 0.3}}))
    assert read_strength_calibration(tmp_path / "old.json") == StrengthCalibration({"eye": 0.4}, {"stem": 0.3})


def test_a_file_with_rms_limits_is_read(tmp_path: Path) -> None:
    limits = {"motifs": MEASURED.motif_limits, "layers": MEASURED.layer_limits}
    facts = {"motifs": MEASURED.motifs, "layers": MEASURED.layers, "strengths": STRENGTHS, "rms_limit": limits}
    (tmp_path / "new.json").write_text(json.dumps(facts))
    assert read_strength_calibration(tmp_path / "new.json") == MEASURED


def with_limits(eye: object) -> str:
    return json.dumps({"motifs": {}, "layers": {}, "rms_limit": {"motifs": {"eye": eye}, "layers": {}}})


@pytest.mark.parametrize(
    "damage",
    [
        "{",
        "[]",
        json.dumps({"motifs": {"eye": "much"}, "layers": {}}),
        json.dumps({"motifs": {}, "layers": {}, "rms_limit": {"motifs": {}}}),
        *map(
            with_limits, (0.2, [0.1, 0.2], [0.1, "far", 0.2], [0.1, 0.3, 0.2], [0, 0.1, 0.2], [0.1, 0.2, float("nan")])
        ),
    ],
)
def test_a_damaged_file_is_named(damage: str, tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text(damage)
    with refused("network_invalid", "bad.json"):
        read_strength_calibration(tmp_path / "bad.json")


def test_no_file_is_nothing_measured(tmp_path: Path) -> None:
    assert read_strength_calibration(tmp_path / "none.json") == StrengthCalibration()

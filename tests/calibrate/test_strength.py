import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from hallucinate.calibrate.strength import asking, distance_after, measure, spread
from hallucinate.dream.agreement import TYPICAL, Agreement, read_agreement
from hallucinate.errors import NetworkError
from hallucinate.frame import Frame
from hallucinate.networks.registry import NETWORKS, open_network
from hallucinate.settings import Settings
from hallucinate.shipped import shipped
from tests.dream.networks import TinyNetwork


def frames() -> list[Frame]:
    noise = np.random.default_rng(0).normal(size=(90, 160, 3))
    noise = np.asarray(np.clip(128 + 200 * cv2.GaussianBlur(noise, (0, 0), 2), 0, 255), np.uint8)
    return [Frame(noise, round(n / 24 * 1e9)) for n in range(13)]


def test_what_is_measured_evens_out_the_growth() -> None:
    network = TinyNetwork()
    found = measure(network, frames())
    assert set(found.layers) == set(network.layers)
    assert all(0.02 < share < 2 for share in found.layers.values())
    slow = {"growth_s": 8.0, "strength": 1.0}
    uneven, even = (
        spread([distance_after(network, frames(), asking("layers", name, **slow), a) for name in network.layers])
        for a in (Agreement(), found)
    )
    assert even < 0.1
    assert even < uneven


def test_a_mix_agrees_by_its_weights_and_the_unmeasured_are_typical() -> None:
    agreement = Agreement({"eye": 0.2, "web": 0.6}, {"stem": 0.9})
    assert agreement.of(Settings(motifs={"eye": 1.0, "web": 1.0})) == pytest.approx(0.4)
    assert agreement.of(Settings(motifs={"eye": 0.9, "web": 0.3})) == pytest.approx(0.3)
    assert agreement.of(Settings(motifs={"eye": 1.0}, layer="stem")) == 0.9
    assert agreement.of(Settings(motifs={"new": 1.0})) == TYPICAL
    assert agreement.of(Settings(motifs={})) == TYPICAL


def test_the_file_in_the_box_covers_every_motif_and_layer() -> None:
    for name in NETWORKS:
        network = open_network(name, torch.device("cpu"), torch.float32)
        found = read_agreement(shipped("calibration") / "strength" / f"{name}.json")
        assert set(found.motifs) == set(network.motifs)
        assert set(found.layers) == set(network.layers)
        assert all(0.02 < share < 2 for share in [*found.motifs.values(), *found.layers.values()])


def test_no_file_is_nothing_measured_and_a_damaged_one_is_named(tmp_path: Path) -> None:
    assert read_agreement(tmp_path / "none.json") == Agreement()
    for damage in ("{", "[]", json.dumps({"motifs": {"eye": "much"}, "layers": {}})):
        (tmp_path / "bad.json").write_text(damage)
        with pytest.raises(NetworkError, match=r"bad\.json cannot be read"):
            read_agreement(tmp_path / "bad.json")

"""The independent judge, and its verdicts."""

import json
from collections import Counter

import numpy as np
import pytest
import torch

from hallucinate.calibrate.naming import STARTS_S, dream_of, mixes, open_judge, places, ranked, share
from hallucinate.dream.strength_calibration import read_strength_calibration
from hallucinate.files import shipped
from hallucinate.motifs import MOTIFS
from hallucinate.motifs.compose import compose
from hallucinate.motifs.judge import Judge
from hallucinate.networks.registry import open_network
from hallucinate.sources.scene import filmed

NAMES = list(MOTIFS)


@pytest.fixture(scope="module")
def judge() -> Judge:
    return open_judge(shipped("calibration") / "judge" / "judge.safetensors")


class Fixed(Judge):
    """Sees the same everywhere but in one corner, where it is very sure of the last motif."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits = torch.zeros(1, len(MOTIFS) + 1, x.shape[2] // 16, x.shape[3] // 16)
        logits[:, 7], logits[:, 3], logits[:, -1] = 3.0, 2.0, 9.0  # nothing, the last output, is no answer
        logits[:, len(MOTIFS) - 1, :3, :3] = 20.0
        return logits


def test_motifs_are_ranked_by_their_mean_log_probability() -> None:
    picture = np.zeros((360, 640, 3), np.uint8)
    order = ranked(Fixed(NAMES), picture)
    assert sorted(order) == list(range(len(NAMES)))
    assert order[:2] == [7, 3]
    assert places(Fixed(NAMES), picture, [NAMES[7]]) == [1]
    # Of several, what counts is the share of the picture that each fills, surely or not.
    assert places(Fixed(NAMES), picture, [NAMES[7], NAMES[3]]) == [2, 3]


def test_every_motif_is_mixed_with_two_others() -> None:
    pairs = list(mixes(NAMES))
    assert len(set(pairs)) == len(NAMES)
    assert all(one != other for one, other in pairs)
    assert set(Counter(name for pair in pairs for name in pair).values()) == {2}
    assert pairs == list(mixes(NAMES))


def test_a_share_counts_the_first_places() -> None:
    assert share([1, 2, 6, 1], 1) == 0.5
    assert share([1, 2, 6, 1], 5) == 0.75


def test_the_judge_is_another_network_that_names_held_out_drawings(judge: Judge) -> None:
    assert not any(isinstance(module, torch.nn.SiLU) for module in judge.modules())
    pictures, truth = compose(200, 64, torch.Generator().manual_seed(2_000_000_033))
    right = (judge(pictures).argmax(1) == truth.argmax(1)).float().mean()
    assert right > 0.55  # 53 answers


def test_live_dreams_are_named_by_the_judge(judge: Judge) -> None:
    network = open_network("motif", torch.device("cpu"), torch.float32)
    calibration = read_strength_calibration(shipped("calibration") / "strength" / "motif.json")
    clip = list(filmed(1.0, start_s=STARTS_S[0], fps=25))
    for name in ("eye", "spiral", "flower"):
        assert places(judge, clip[-1].picture, [name])[0] > 1
        assert places(judge, dream_of(network, calibration, clip, [name]), [name]) == [1]


def test_the_table_is_of_these_motifs() -> None:
    measured = json.loads((shipped("calibration") / "naming" / "motif.json").read_text())
    assert list(measured["motifs"]) == NAMES
    assert measured["figures"]["top1"] == pytest.approx(
        share([p for found in measured["motifs"].values() for p in found], 1), abs=1e-3
    )

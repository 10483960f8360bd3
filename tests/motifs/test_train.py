import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import pytest
import torch
from safetensors import safe_open
from torch import nn

from hallucinate.files import shipped
from hallucinate.motifs import MOTIFS, Motif
from hallucinate.motifs.compose import compose
from hallucinate.motifs.judge import JUDGE, Judge
from hallucinate.motifs.train import (
    HELD_OUT,
    Recipe,
    attacked,
    begin,
    command_for,
    frozen,
    go_on_from,
    loss_of,
    measure,
    resume,
    run,
    save_checkpoint,
    save_weights,
    seeded,
    take_step,
)
from hallucinate.networks.motif import MotifNetwork

CPU = torch.device("cpu")
TINY = Recipe(steps=4, batch=8, size=32, plain=0.0)


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> dict[str, Motif]:
    """Four motifs in place of all, whose sheets take many times as long to dream."""
    few = {name: MOTIFS[name] for name in ("spiral", "leopard", "flames", "knit")}
    monkeypatch.setattr("hallucinate.motifs.train.MOTIFS", few)
    monkeypatch.setattr("hallucinate.motifs.compose.MOTIFS", few)
    return few


def weights(path: Path) -> dict[str, torch.Tensor]:
    with safe_open(path, "pt") as file:
        return {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118


@pytest.mark.usefixtures("few")
def test_a_killed_run_ends_as_an_unbroken_one(tmp_path: Path) -> None:
    run(begin(TINY, CPU), tmp_path / "unbroken", "motif.safetensors", every=2)
    broken = begin(TINY, CPU)
    for _ in range(2):
        take_step(broken)
    save_checkpoint(broken, tmp_path / "checkpoint.pt")
    again = resume(TINY, tmp_path / "checkpoint.pt", CPU)
    assert again.step == 2
    run(again, tmp_path / "again", "motif.safetensors", every=2)
    one, other = (weights(tmp_path / name / "motif.safetensors") for name in ("unbroken", "again"))
    assert one.keys() == other.keys()
    assert all(torch.equal(one[key], other[key]) for key in one)


def test_another_recipes_checkpoint_is_refused(tmp_path: Path) -> None:
    save_checkpoint(begin(TINY, CPU), tmp_path / "checkpoint.pt")
    with pytest.raises(SystemExit, match="another recipe"):
        resume(replace(TINY, batch=9), tmp_path / "checkpoint.pt", CPU)


def test_the_weights_say_what_they_are(few: dict[str, Motif], tmp_path: Path) -> None:
    run(begin(replace(TINY, steps=1), CPU), tmp_path, "motif.safetensors", every=1)
    with safe_open(tmp_path / "motif.safetensors", "pt") as file:
        facts = file.metadata()
    assert json.loads(facts["motifs"]) == list(few)
    assert {"command", "commit", "recipe", "steps", "pictures", "hours", "machine"} <= set(facts)
    assert not list(tmp_path.glob("*.part"))
    assert json.loads((tmp_path / "training.jsonl").read_text())["step"] == 1


def test_the_command_in_the_weights_repeats_the_run() -> None:
    assert command_for(Recipe()) == "python -m hallucinate.motifs.train"
    assert command_for(Recipe(steps=7, eps=1.5)) == "python -m hallucinate.motifs.train --steps 7 --eps 1.5"
    assert command_for(JUDGE.recipe, JUDGE) == "python -m hallucinate.motifs.judge"


def test_the_judges_weights_say_the_judges_command(tmp_path: Path) -> None:
    recipe = replace(JUDGE.recipe, steps=1, batch=8, size=32)
    save_weights(begin(recipe, CPU, JUDGE), tmp_path / "judge.safetensors", {})
    shipped_too = shipped("calibration") / "judge" / "judge.safetensors"
    for path in (tmp_path / "judge.safetensors", shipped_too):
        with safe_open(path, "pt") as file:
            facts = file.metadata()
        assert facts["command"] == command_for(Recipe(**json.loads(facts["recipe"])), JUDGE)
        assert facts["command"].startswith("python -m hallucinate.motifs.judge --steps")


def test_an_attack_stays_in_its_ball_and_raises_the_loss() -> None:
    training = begin(TINY, CPU)
    network = frozen(training.network)
    pictures = torch.rand(4, 3, 32, 32, generator=seeded(0, CPU)) * 0.5 + 0.25  # no clipping: the radius is exact
    places = torch.zeros(4, len(MOTIFS) + 1, 2, 2)
    places[:, 3] = 1
    hard = attacked(network, pictures, places, 1.0, 5, seeded(1, CPU), 0.5)
    assert (hard - pictures).flatten(1).norm(dim=1).max() <= 1.0 + 1e-4
    assert torch.equal(attacked(network, pictures, places, 0.0, 5, seeded(1, CPU), 0.5), pictures)
    with torch.no_grad():
        before = loss_of(network(pictures), places, 0.5).mean()
        after = loss_of(network(hard), places, 0.5).mean()
    assert after > before


def test_the_loss_is_the_weighted_cross_entropy_per_place() -> None:
    logits = torch.randn(2, 4, 3, 3, generator=seeded(0, CPU), dtype=torch.float64)
    places = torch.softmax(torch.randn(2, 4, 3, 3, generator=seeded(1, CPU), dtype=torch.float64), 1)
    slow = torch.zeros(2, dtype=torch.float64)
    for b in range(2):
        for i in range(3):
            for j in range(3):
                p = torch.exp(logits[b, :, i, j]) / torch.exp(logits[b, :, i, j]).sum()
                slow[b] -= (places[b, :, i, j] * p.log()).sum() * (1 - 0.5 * places[b, 3, i, j]) / 9
    assert torch.allclose(loss_of(logits, places, 0.5).double(), slow, rtol=1e-5)


@pytest.mark.usefixtures("few")
def test_learning_lowers_the_loss() -> None:
    training = begin(Recipe(steps=40, batch=24, size=32, plain=1.0), CPU)
    pictures, places = compose(192, 32, seeded(HELD_OUT, CPU))

    def loss() -> float:
        with torch.no_grad():
            return float(loss_of(training.network.train()(pictures), places, 0.5).mean())

    before = loss()
    for _ in range(40):
        take_step(training)
    assert loss() < 0.9 * before


def test_measuring_counts_every_motif() -> None:
    shares = measure(begin(TINY, CPU).averaged, TINY, 1, 16, 0.5)
    assert set(shares) == {"", "nothing", *MOTIFS}
    assert all(0 <= share <= 1 for share in shares.values())


@pytest.mark.parametrize("make", [MotifNetwork, Judge])
def test_a_copy_to_attack_answers_as_the_network_does(make: Callable[[Sequence[str]], nn.Module]) -> None:
    torch.manual_seed(0)
    network = make(("a", "b"))
    network.train()
    for _ in range(3):
        network(torch.rand(4, 3, 64, 64))  # gives the norms something to fold
    x = torch.rand(2, 3, 48, 64)
    assert torch.allclose(frozen(network)(x), network.eval()(x), atol=1e-4)


def test_a_run_goes_on_from_earlier_weights_motif_by_motif(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The head's outputs are found by name, whatever their order was, and whoever came or went since."""
    names = list(MOTIFS)
    earlier = {name: MOTIFS[name] for name in (names[5], names[2])}
    monkeypatch.setattr("hallucinate.motifs.train.MOTIFS", earlier)
    before = begin(TINY, CPU)
    save_weights(before, tmp_path / "w.safetensors", {})
    monkeypatch.undo()
    after = begin(replace(TINY, seed=1, start=str(tmp_path / "w.safetensors")), CPU)
    save_weights(after, tmp_path / "after.safetensors", {})
    with safe_open(tmp_path / "after.safetensors", "pt") as file:
        assert "python -m hallucinate.motifs.train --steps 4" in file.metadata()["before"]
    now = begin(replace(TINY, seed=1), CPU).network
    untouched = now.get_parameter("head.bias").detach().clone()
    go_on_from(tmp_path / "w.safetensors", now)
    old, new = (network.get_parameter("head.bias").detach() for network in (before.averaged, now))
    assert torch.allclose(new[[5, 2, len(names)]], old, atol=1e-3)
    assert torch.equal(new[[0, 1, 3]], untouched[[0, 1, 3]])
    trunk = "mixed4b.three.conv.weight"
    assert torch.allclose(now.get_parameter(trunk), before.averaged.get_parameter(trunk), atol=1e-3)


@pytest.mark.usefixtures("few")
def test_each_epoch_leaves_a_sheet_of_dreams(tmp_path: Path) -> None:
    run(begin(replace(TINY, steps=2, epoch=1), CPU), tmp_path, "motif.safetensors")
    sheets = [cv2.imread(str(path)) for path in sorted(tmp_path.glob("sheet-*.png"))]
    assert len(sheets) == 2
    assert all(sheet is not None and sheet.std() > 5 for sheet in sheets)
    assert not list(tmp_path.glob("*.part"))

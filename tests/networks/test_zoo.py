"""torchvision's networks on random weights: each is what torchvision says, at any size and in half precision."""

import os
import pickle
import warnings
from collections import Counter
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torchvision.models import GoogLeNet, Inception3, get_model_weights

from hallucinate.dream.ascent import direction
from hallucinate.dream.objectives import MotifsObjective, UnitObjective
from hallucinate.networks.imagenet import class_names, distinct, families
from hallucinate.networks.tensors import read_tensors
from hallucinate.networks.weights import ZOO_WEIGHTS
from hallucinate.networks.zoo import PHOTOGRAPHS, ZOO, ZooNetwork, open_zoo
from hallucinate.settings import Unit
from tests.networks.made import random_tensors
from tests.refusals import refused

CPU = torch.device("cpu")
SIZES = ((32, 32), (57, 43), (64, 112))
Made = tuple[str, nn.Module, ZooNetwork]


def built(name: str, **options: object) -> nn.Module:
    row = ZOO[name]
    with torch.device("meta"):
        aux = {"aux_logits": True} if row.aside else {}
        return row.build(weights=None, **{**aux, **options}).eval()


@pytest.fixture(scope="module", params=list(ZOO))
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A network's name, torchvision's own version of it, and ours with the same weights, through a file."""
    name = request.param
    theirs = built(name)
    path = tmp_path_factory.mktemp(name) / f"{name}.safetensors"
    save_file(random_tensors(theirs), path)
    tensors = read_tensors(path)
    path.unlink()
    theirs.load_state_dict(tensors, assign=True)
    return name, theirs, open_zoo(name, tensors, path, CPU, torch.float32)


def test_it_answers_as_torchvisions_own(made: Made) -> None:
    name, theirs, ours = made
    x = torch.rand(1, 3, 80, 112, generator=torch.Generator().manual_seed(1))
    # Their pixels' range, and then whatever their forward makes of it with weights of theirs.
    mean, deviation = (torch.tensor(values)[:, None, None] for values in PHOTOGRAPHS)
    if name in ("googlenet", "inception_v3"):
        assert isinstance(theirs, GoogLeNet | Inception3)
        theirs.transform_input = True
    with torch.no_grad():
        expected, found = theirs((x - mean) / deviation), ours.forward(x)
    assert found.shape == (1, 1000, 1, 1)
    assert (found[..., 0, 0] - expected).abs().max() < 1e-4 * expected.abs().max()


def test_it_names_its_layers_and_motifs(made: Made) -> None:
    name, _, network = made
    assert network.name == name
    assert network.default_layer in network.layers
    assert tuple(network.channels) == network.layers
    assert not any(set(":=,@") & set(layer) for layer in network.layers)
    assert len(set(network.motifs)) == 1000
    assert set(network.families) == set(network.motifs)
    for layer in (network.layers[0], network.default_layer, network.layers[-1]):
        assert network.activations(torch.rand(1, 3, 64, 64), layer).shape[1] == network.channels[layer]
    with pytest.raises(KeyError, match="nothing"):
        network.activations(torch.rand(1, 3, 64, 64), "nothing")


def test_nothing_behind_the_requested_layer_is_computed(made: Made) -> None:
    _, _, network = made
    seen: list[nn.Module] = []
    hooks = [stage.register_forward_hook(lambda stage, *_: seen.append(stage)) for stage in network._stages]
    network.activations(torch.rand(1, 3, 64, 64), network.default_layer)
    for hook in hooks:
        hook.remove()
    assert seen == list(network._stages)[: network._names.index(network.default_layer) + 1]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_it_takes_a_step_at_any_size(made: Made, dtype: torch.dtype) -> None:
    _, _, network = made
    network.settle(CPU, dtype)
    weights = torch.zeros(1000)
    weights[network.motifs.index("tabby")] = 1.0
    for size in SIZES:
        x = torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(2))
        for objective in (UnitObjective(network, Unit(network.default_layer)), MotifsObjective(network, weights)):
            g = direction(x, [objective])
            assert g.shape == x.shape
            assert 0.5 < g.abs().mean() < 1.1  # 1, but for ε where random weights have hardly a gradient


def test_a_network_of_other_classes_and_one_without_a_head(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    places = random_tensors(built("squeezenet1_1", num_classes=7))
    network = open_zoo("squeezenet1_1", places, path, CPU, torch.float32)
    assert network.motifs == tuple(f"class {k}" for k in range(7))
    assert not network.families
    assert network.forward(torch.rand(2, 3, 64, 64)).shape == (2, 7, 1, 1)
    headless = {key: t for key, t in places.items() if not key.startswith("classifier.")}
    network = open_zoo("squeezenet1_1", headless, path, CPU, torch.float32)
    assert network.motifs == ()
    assert network.forward(torch.rand(1, 3, 64, 64)).shape[1] == 512


def test_a_file_without_training_s_own_heads_will_do(tmp_path: Path) -> None:
    path = tmp_path / "x.pth"
    torch.save({"state_dict": {f"module.{k}": t for k, t in random_tensors(built("googlenet")).items()}}, path)
    tensors = read_tensors(path)
    deployed = {key: t for key, t in tensors.items() if not key.startswith("aux")}
    assert len(deployed) < len(tensors)
    one, other = (open_zoo("googlenet", each, path, CPU, torch.float32) for each in (tensors, deployed))
    x = torch.rand(1, 3, 48, 48)
    assert torch.equal(one.forward(x), other.forward(x))


def test_weights_of_another_network_are_named_by_what_differs(tmp_path: Path) -> None:
    path = tmp_path / "resnet.safetensors"
    with refused("network_invalid", "resnet.safetensors", "squeezenet1_1: features.0.weight"):
        open_zoo("squeezenet1_1", random_tensors(built("resnet50")), path, CPU, torch.float32)
    wrong = random_tensors(built("squeezenet1_1"))
    wrong["features.3.squeeze.weight"] = torch.zeros(2, 2)
    with refused("network_invalid", "features.3.squeeze.weight") as caught:
        open_zoo("squeezenet1_1", wrong, path, CPU, torch.float32)
    assert caught.match("2×2.*16×64×1×1")


class Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (os.system, ("touch ran",))


@pytest.mark.parametrize("kind", ["torch", "raw", "newer"])
def test_a_pickle_that_would_run_code_is_refused(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "evil.pth"
    if kind == "torch":
        torch.save({"weight": Evil()}, path)
    else:
        path.write_bytes(pickle.dumps({"weight": Evil()}, protocol=2 if kind == "raw" else 4))
    # A warning of torch's own would come before the one line.
    with warnings.catch_warnings(action="error"), refused("network_invalid", "evil.pth") as caught:
        read_tensors(path)
    assert ("posix.system" in str(caught.value)) == (kind != "newer")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("none.pth", None),
        ("empty.pth", b""),
        ("text.pth", b"hello, these are not weights"),
        ("photo.jpg", b"\xff\xd8\xff\xe0\x00\x10JFIF"),
        ("short.safetensors", b"\x10\x00\x00\x00\x00\x00\x00\x00{"),
    ],
)
def test_a_damaged_file_is_one_line(name: str, content: bytes | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with refused("network_invalid", name):
        read_tensors(tmp_path / name)


def test_a_file_cut_short_and_one_of_no_tensors_are_one_line(tmp_path: Path) -> None:
    whole = tmp_path / "whole.pth"
    torch.save(random_tensors(built("squeezenet1_1")), whole)
    short = tmp_path / "short.pth"
    short.write_bytes(whole.read_bytes()[:100_000])
    with refused("network_invalid", "short.pth"):
        read_tensors(short)
    torch.save({"epoch": 3, "best": 0.7}, whole)
    with refused("network_invalid", "whole.pth"):
        read_tensors(whole)


def test_a_strict_round_trip(tmp_path: Path) -> None:
    tensors = random_tensors(built("squeezenet1_1"))
    save_file(tensors, tmp_path / "s.safetensors")
    found = load_file(tmp_path / "s.safetensors")
    assert all(torch.equal(found[key], t) for key, t in tensors.items())


def test_every_class_has_a_family_and_a_name_of_its_own() -> None:
    names = class_names(1000)
    found = families(names)
    assert [
        found[name] for name in ("tench", "jay", "axolotl", "king snake", "tarantula", "koala", "pug", "tabby")
    ] == [
        "fish",
        "birds",
        "frogs and newts",
        "reptiles",
        "spiders",
        "mammals",
        "dogs",
        "cats",
    ]
    assert [
        found[name] for name in ("castle", "volcano", "pizza", "daisy", "agaric", "groom", "red fox", "teapot")
    ] == [
        "buildings",
        "landscapes",
        "food",
        "plants",
        "fungi",
        "people",
        "wolves and foxes",
        "things",
    ]
    assert min(Counter(found.values()).values()) >= 3
    assert distinct(["crane", "jay", "crane"]) == ("crane (class 0)", "jay", "crane (class 2)")


def test_the_files_of_weights_are_torchvisions() -> None:
    assert list(ZOO_WEIGHTS) == list(ZOO)
    for name, source in ZOO_WEIGHTS.items():
        theirs = get_model_weights(name)["IMAGENET1K_V1"]
        assert source.url == theirs.url
        assert source.size_mb == pytest.approx(theirs.meta["_file_size"], abs=0.1)
        assert len(source.sha256_prefix) == 8
        assert int(source.sha256_prefix, 16)
        assert theirs.meta["categories"] == get_model_weights("googlenet")["IMAGENET1K_V1"].meta["categories"]

"""Networks by name and by file, and how they are listed."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from hallucinate.motifs import MOTIFS
from hallucinate.networks import listing
from hallucinate.networks.registry import MOTIF_WEIGHTS, NETWORKS, NetworkOptions, list_networks, open_network
from hallucinate.networks.weights import ZOO_WEIGHTS
from hallucinate.networks.zoo import outlined
from tests.networks.made import random_tensors
from tests.refusals import refused

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def _nothing_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setenv("HALLUCINATE_WEIGHTS", str(tmp_path / "own"))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")


def test_the_network_in_the_box_is_opened_without_choosing_anything() -> None:
    network = open_network()
    assert network.name == "motif"
    answer = network.forward(torch.rand(1, 3, 32, 32))
    assert (answer.device, answer.dtype) == (CPU, torch.float32)


def test_a_network_is_opened_with_weights_by_file(tmp_path: Path) -> None:
    path = tmp_path / "some.safetensors"
    save_file(random_tensors(outlined("squeezenet1_1")[0]), path)
    network = open_network("squeezenet1_1", CPU, torch.bfloat16, options=NetworkOptions(path))
    assert network.forward(torch.rand(1, 3, 32, 32)).dtype == torch.bfloat16
    assert open_network("motif", CPU, torch.float32, options=NetworkOptions(MOTIF_WEIGHTS)).motifs == tuple(MOTIFS)
    with refused("network_invalid", "some.safetensors", "vgg16"):
        open_network("vgg16", CPU, torch.float32, options=NetworkOptions(path))
    with refused("network_invalid", "x.caffemodel"):
        open_network("x.caffemodel", CPU, torch.float32, options=NetworkOptions(path))
    with refused("network_invalid", "some.safetensors", "--weights"):
        open_network(str(path), CPU, torch.float32)


def test_where_weights_are_is_known_without_reading_them(tmp_path: Path) -> None:
    file = ZOO_WEIGHTS["squeezenet1_1"].file
    states = {row["name"]: row["state"] for row in list_networks()}
    assert list(states) == list(NETWORKS)
    assert states["motif"] == "in the box"
    assert states["squeezenet1_1"] == "to be fetched"
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / file).write_bytes(b"")
    assert {row["name"]: row["state"] for row in list_networks()}["squeezenet1_1"] == "here"


def test_offline_the_error_names_the_file_and_where_it_goes(tmp_path: Path) -> None:
    for try_it in (lambda: open_network("vgg16", CPU, torch.float32), lambda: listing.fetch_weights("vgg16")):
        with refused("weights_unavailable", "vgg16-397923af.pth", tmp_path / "own"):
            try_it()
    assert "motif" in listing.fetch_weights("motif")


def test_a_network_whose_weights_are_not_here_shows_what_it_will_know() -> None:
    lines = list(listing.describe_network("googlenet"))
    assert lines[0] == "1000 motifs (--motifs tench,goldfish):"
    words = [line.split() for line in lines]
    assert ["tabby", "cats"] in words
    assert ["inception4c", "512", "channels", "the", "default"] in words

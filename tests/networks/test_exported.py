"""Programs by file: opened only when the user allows them to run, and used at their named points."""

import os
from pathlib import Path

import pytest
import torch
from torch import nn

from hallucinate.dream.ascent import direction
from hallucinate.dream.objectives import UnitObjective
from hallucinate.networks.exported import open_exported
from hallucinate.settings import Unit
from tests.refusals import refused

CPU = torch.device("cpu")


def seeing() -> nn.Sequential:
    torch.manual_seed(0)
    first = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU(inplace=True))
    second = nn.Sequential(nn.Conv2d(8, 16, 3, 2, 1), nn.BatchNorm2d(16), nn.ReLU())
    last = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(1), nn.Linear(16, 5))
    return nn.Sequential(first, second, last).eval().requires_grad_(False)


def exported(path: Path, any_size: bool) -> None:
    sides = {0: torch.export.Dim.AUTO, 2: torch.export.Dim.AUTO, 3: torch.export.Dim.AUTO}
    example = (torch.rand(2, 3, 64, 64),)
    torch.export.save(torch.export.export(seeing(), example, dynamic_shapes=(sides,) if any_size else None), path)


@pytest.mark.filterwarnings("ignore::FutureWarning")
def scripted(path: Path, network: nn.Module | None = None) -> None:
    # torch's trace has no types.
    script = torch.jit.trace(network or seeing(), torch.rand(1, 3, 64, 64))  # type: ignore[no-untyped-call]
    torch.jit.save(script, path)


X = torch.rand(3, 3, 48, 80, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("any_size", [True, False])
def test_an_export_has_its_nodes_as_layers(any_size: bool, tmp_path: Path) -> None:
    path = tmp_path / "seeing.pt2"
    exported(path, any_size)
    network, theirs = open_exported(path, CPU, run_code=True), seeing()
    assert network.name == "seeing"
    assert {"conv2d", "relu", "conv2d_1", "relu_1", "output"} <= set(network.layers)
    assert network.channels["relu_1"] == 16
    assert network.motifs == tuple(f"class {k}" for k in range(5))
    # One that was exported for one size sees every picture at that size.
    x = X if any_size else nn.functional.interpolate(X, (64, 64), mode="bilinear", antialias=True)
    first = theirs[0]
    assert isinstance(first, nn.Sequential)
    assert torch.allclose(network.activations(X, "conv2d"), first[0](x), atol=1e-5)  # not its ReLU, in place
    assert torch.allclose(network.activations(X, "relu_1"), theirs[:2](x), atol=1e-5)
    assert torch.allclose(network.forward(X)[..., 0, 0], theirs(x), atol=1e-5)
    assert direction(X, [UnitObjective(network, Unit("relu_1"))]).abs().mean() > 0.5


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_a_script_has_its_parts_as_layers_where_they_follow_each_other(tmp_path: Path) -> None:
    path = tmp_path / "script.pt"
    scripted(path)
    network, theirs = open_exported(path, CPU, run_code=True), seeing()
    assert network.layers == ("0", "1", "output")
    assert torch.allclose(network.activations(X, "1"), theirs[:2](X), atol=1e-5)
    assert torch.allclose(network.forward(X)[..., 0, 0], theirs(X), atol=1e-5)
    assert direction(X, [UnitObjective(network, Unit("1"))]).abs().mean() > 0.5

    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.part = nn.Conv2d(3, 3, 3, padding=1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            found: torch.Tensor = self.part(self.part(x))
            return found

    scripted(path, Twice().eval())
    assert open_exported(path, CPU, run_code=True).layers == ("output",)


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_nothing_runs_that_was_not_allowed_to(tmp_path: Path) -> None:
    for path, make in ((tmp_path / "s.pt2", lambda p: exported(p, True)), (tmp_path / "s.pt", scripted)):
        make(path)
        with refused("network_invalid", path, "--run-code"):
            open_exported(path, CPU, run_code=False)


def test_what_is_not_a_program_is_one_line(tmp_path: Path) -> None:
    with refused("network_invalid", "none.pt2"):
        open_exported(tmp_path / "none.pt2", CPU, run_code=True)
    bad = tmp_path / "bad.pt2"
    for content in (b"", b"no zip at all"):
        bad.write_bytes(content)
        with refused("network_invalid", "bad.pt2"):
            open_exported(bad, CPU, run_code=True)
    torch.save({"weight": torch.zeros(2)}, bad)
    with refused("network_invalid", "--weights", bad):
        open_exported(bad, CPU, run_code=True)
    exported(bad, True)
    whole = bad.read_bytes()
    bad.write_bytes(whole[: len(whole) // 2])
    with refused("network_invalid", "bad.pt2"):
        open_exported(bad, CPU, run_code=True)
    torch.export.save(torch.export.export(nn.Linear(7, 2), (torch.rand(1, 7),)), os.fspath(bad))
    with refused("network_invalid", "bad.pt2"):
        open_exported(bad, CPU, run_code=True)

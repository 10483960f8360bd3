"""What `hallucinate bench` counts and compares."""

import json
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from hallucinate.calibrate import bench as benching
from hallucinate.calibrate.bench import BytesCounted, Ceilings, bench, counted, notebook_step, taking_turns
from hallucinate.dream.objectives import NetworkObjective
from tests.dream.networks import TinyNetwork

CPU = torch.device("cpu")


def test_operations_are_counted_forward_and_backward() -> None:
    weight = torch.randn(8, 3, 3, 3, generator=torch.Generator().manual_seed(0))

    class Convolution(NetworkObjective):
        def answer(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            a = torch.nn.functional.conv2d(x, weight)
            return a, a.detach()

    operations, passed = counted(torch.rand(1, 3, 32, 40), Convolution())  # type: ignore[arg-type]
    height, width = 32 + benching.JITTER - 2, 40 + benching.JITTER - 2  # the jitter's margin is worked on as well
    assert operations == 2 * (2 * 3 * 8 * 9 * height * width)
    assert passed > 2 * 4 * 8 * height * width  # the answer, written once and read once at the least


def test_bytes_are_what_is_read_and_written_views_left_out() -> None:
    a, b = torch.rand(100), torch.rand(100)
    with BytesCounted() as passed:
        _ = (a + b).view(10, 10).T
    assert passed.total == 3 * 400


def test_each_work_takes_its_turn() -> None:
    order: list[str] = []
    times = taking_turns([lambda: order.append("a"), lambda: order.append("b")], CPU, rounds=3)
    assert "".join(order) == "ab" * 7  # four to warm up
    assert len(times) == 2
    assert all(t >= 0 for t in times)


def test_the_notebooks_step_is_the_notebooks_formula() -> None:
    """Against its lines in float64 NumPy: src.data = roll(x); g = d(½‖a‖²)/dx; x += 1.5 / mean|g| · g (of 255)."""
    network = TinyNetwork()
    x = torch.rand(1, 3, 24, 32, generator=torch.Generator().manual_seed(0)) * 0.6 + 0.2
    exact = TinyNetwork(torch.float64)
    rolled = np.roll(x.double().numpy(), (3, 5), (2, 3))
    g = np.zeros_like(rolled)

    def energy(picture: np.ndarray) -> float:
        return float(0.5 * exact.activations(torch.from_numpy(picture), "second").square().sum())

    seen = torch.from_numpy(rolled).requires_grad_(True)
    exact.activations(seen, "second").square().sum().mul(0.5).backward()  # type: ignore[no-untyped-call]
    assert seen.grad is not None
    g = seen.grad.numpy()
    for place in ((0, 0, 5, 7), (0, 2, 20, 30), (0, 1, 0, 0)):  # the gradient itself, by differences
        nudge = np.zeros_like(rolled)
        nudge[place] = 1e-5
        assert g[place] == pytest.approx((energy(rolled + nudge) - energy(rolled - nudge)) / 2e-5, rel=1e-4, abs=1e-7)
    expected = np.roll(rolled + 1.5 / 255 / np.abs(g).mean() * g, (-3, -5), (2, 3)).clip(0, 1)
    found = notebook_step(network, "second", x, (3, 5)).numpy()
    assert np.abs(found - expected).max() < 1e-4 * np.abs(expected).max()


def test_the_table_is_printed_and_written_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(benching, "ceilings", lambda *_: Ceilings(1e12, 1e11))
    monkeypatch.setattr(benching, "taking_turns", partial(taking_turns, rounds=2))
    bench(["motif"], [64], [1, 2], "cpu", tmp_path / "here.json")
    assert "64×36" in capsys.readouterr().out
    found = json.loads((tmp_path / "here.json").read_text())
    assert [row["steps"] for row in found["rows"]] == [1, 2]
    for row in found["rows"]:
        assert 0 < row["share"] < 1
        assert row["fps"] == pytest.approx(1000 / row["live_ms"], rel=0.02)
        assert row["ratio"] == pytest.approx(row["notebook_ms"] / (row["step_ms"] * row["steps"]), rel=0.02)
        assert row["operations"] > 1e7
    assert found["precision"].startswith("the quickest of float32")
    assert found["machine"].endswith(found["rows"][0]["dtype"])
    assert [path.name for path in tmp_path.iterdir()] == ["here.json"]


def test_a_live_frame_takes_the_octaves_in_turn_and_the_compared_one_the_full_size(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sizes: list[tuple[int, int]] = []

    def noted(seen: torch.Tensor, *_: object) -> torch.Tensor:
        sizes.append((seen.shape[3], seen.shape[2]))
        return torch.zeros_like(seen)

    monkeypatch.setattr("hallucinate.dream.advance.direction", noted)
    monkeypatch.setattr(benching, "direction", lambda *_: None)
    monkeypatch.setattr(benching, "counted", lambda *_: (1, 1))
    monkeypatch.setattr(benching, "notebook_step", lambda plain, layer, x, shift: x)
    monkeypatch.setattr(benching, "taking_turns", lambda work, device: [each() or 1.0 for each in work])
    benching.measure("motif", CPU, torch.float32, 640, 1, Ceilings(1e12, 1e11))
    live, frame = sizes[:-1], sizes[-1]
    assert [width for width, _ in live] == [166, 249, 373]  # 56 px / 0.15, by 1.5
    assert frame == (640, 360)


def test_a_network_without_the_usual_motif_lives_on_what_it_has() -> None:
    network = TinyNetwork()
    assert benching.live_settings(network, 2).motifs == {"light": 1.0}
    network.motifs = ()
    assert benching.live_settings(network, 2).layers == {"second": 1.0}


def test_memory_is_left_out_where_the_system_does_not_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    assert 10_000_000 < benching.resident_peak() < 10**12
    monkeypatch.setitem(sys.modules, "resource", None)
    assert benching.resident_peak() == 0

"""The network's shape and behaviour, and the weights in the box."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from hallucinate.device import thread_counts
from hallucinate.dream.ascent import direction
from hallucinate.dream.objectives import MotifsObjective, Objective, UnitObjective, motif_weights
from hallucinate.motifs import MOTIFS
from hallucinate.motifs.compose import compose
from hallucinate.networks import Network
from hallucinate.networks.motif import MotifNetwork, fold_norms
from hallucinate.networks.registry import MOTIF_WEIGHTS, open_motif, open_network, open_quickest, seconds_per_gradient
from hallucinate.settings import Unit
from tests.refusals import refused

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def network() -> MotifNetwork:
    return open_motif(CPU, torch.float32)


def noise(height: int, width: int, contrast: float = 0.1) -> torch.Tensor:
    grain = torch.randn(1, 3, height, width, generator=torch.Generator().manual_seed(0))
    return (0.5 + contrast * grain).clamp(0, 1)


@pytest.mark.parametrize("size", [(32, 32), (57, 33), (90, 160), (100, 37)])
def test_any_size_will_do(network: MotifNetwork, size: tuple[int, int]) -> None:
    logits = network(noise(*size))
    assert logits.shape[:2] == (1, len(MOTIFS) + 1)
    assert abs(logits.shape[2] - size[0] / 16) < 1
    assert torch.isfinite(logits).all()
    for layer in network.layers:
        assert torch.isfinite(network.activations(noise(*size), layer)).all()


def test_a_layer_that_is_not_there_is_named(network: MotifNetwork) -> None:
    with pytest.raises(KeyError, match="mixed9"):
        network.activations(noise(32, 32), "mixed9")


def test_folding_changes_nothing() -> None:
    torch.manual_seed(0)
    network = MotifNetwork(["a", "b"])
    network.train()
    for _ in range(3):
        network(torch.rand(4, 3, 64, 64))  # gives the norms something to fold
    network.eval()
    x = noise(48, 64)
    before = network(x)
    fold_norms(network)
    assert torch.allclose(network(x), before, atol=1e-4)


def test_the_weights_know_every_motif_and_are_small(network: MotifNetwork) -> None:
    assert network.motifs == tuple(MOTIFS)
    assert dict(network.families) == {name: motif.family for name, motif in MOTIFS.items()}
    assert MOTIF_WEIGHTS.stat().st_size <= 8e6
    assert all(not p.requires_grad for p in network.parameters())


def test_it_names_drawings_that_it_has_not_seen(network: MotifNetwork) -> None:
    pictures, places = compose(200, 64, torch.Generator().manual_seed(2_000_000_011))
    right = (network(pictures).argmax(1) == places.argmax(1)).float().mean()
    assert right > 0.6  # 22 answers: chance is about 0.05


def alone(network: Network, motif: str) -> Objective:
    return MotifsObjective(network, torch.tensor(motif_weights(network, {motif: 1.0})))


def test_half_precision_sees_the_same(network: MotifNetwork) -> None:
    half = open_network("motif", CPU, torch.bfloat16)
    exact, rough = (direction(noise(90, 160), [alone(n, "eye")]) for n in (network, half))
    assert torch.nn.functional.cosine_similarity(exact.flatten(), rough.flatten(), 0) > 0.97


@pytest.mark.parametrize("motif", ["eye", "spiral", "flower"])
def test_the_gradient_draws_no_frame(network: MotifNetwork, motif: str) -> None:
    ring, inside = 0.0, 0.0
    for seed in range(6):
        torch.manual_seed(seed)
        g = direction(0.5 + 0.1 * torch.randn(1, 3, 96, 160), [alone(network, motif)]).abs()
        inner = g[:, :, 24:-24, 24:-24].mean().item()
        inside += inner
        ring += (
            torch.cat([g[:, :, :4].flatten(), g[:, :, -4:].flatten(), g[..., :4].flatten(), g[..., -4:].flatten()])
            .mean()
            .item()
        )
    assert 0.4 < ring / inside < 2.0


def peaks_at_the_strides(objective: Objective, shifts: int) -> dict[int, float]:
    """The gradient's power at periods of 2, 4, 8 and 16 pixels over that around them; mean over jitter's shifts."""
    size, power = 128, torch.zeros(128)
    window = torch.hann_window(size)[None] * torch.hann_window(size)[:, None]
    for seed in range(4):
        torch.manual_seed(seed)
        x = 0.5 + 0.1 * torch.randn(1, 3, size, size)
        g = torch.stack(
            [direction(x, [objective], torch.tensor([[n % 8, n * 3 % 8]]), 8)[0].mean(0) for n in range(shifts)]
        ).mean(0)
        power += torch.fft.fft2(g * window).abs().square().sum(0)
    found = {}
    for period in (2, 4, 8, 16):
        k = size // period
        around = torch.cat([power[k - 8 : k - 3], power[k + 4 : k + 9]])
        found[period] = float(power[k - 1 : k + 2].mean() / around.mean())
    return found


@pytest.mark.parametrize("layer", ["mixed4b", "mixed4c", "mixed5"])
def test_the_gradient_has_no_checkerboard(network: MotifNetwork, layer: str) -> None:
    assert max(peaks_at_the_strides(UnitObjective(network, Unit(layer)), 1).values()) < 3


@pytest.mark.parametrize("motif", ["eye", "lace", "tower"])
def test_a_motifs_gradient_has_no_checkerboard(network: MotifNetwork, motif: str) -> None:
    assert max(peaks_at_the_strides(alone(network, motif), 1).values()) < 3


@pytest.mark.parametrize("layer", ["stem", "mixed3a", "mixed3b", "mixed4a"])
def test_jitter_leaves_no_checkerboard_of_the_shallow_layers(network: MotifNetwork, layer: str) -> None:
    assert max(peaks_at_the_strides(UnitObjective(network, Unit(layer)), 8).values()) < 3


def test_what_is_requested_grows_live(network: MotifNetwork) -> None:
    """One step a frame on a still camera, for half a second: every motif's own score ends far above where it was."""
    x = torch.nn.functional.interpolate(noise(8, 12, 0.2), size=(64, 96), mode="bicubic").clamp(0, 1)
    weak = []
    for k, name in enumerate(network.motifs):
        picture = x
        for n in range(12):
            picture = (
                picture + 0.02 * direction(picture, [alone(network, name)], torch.tensor([[n % 5, n % 7]]), 8)
            ).clamp(0, 1)
        before, after = (torch.softmax(network(p), 1)[:, k].mean().item() for p in (x, picture))
        if after < 0.3 or after < before + 0.2:
            weak.append((name, before, after))
    assert not weak


def test_the_quickest_precision_is_found_by_trying(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hallucinate.networks.registry.precisions", lambda device: (torch.float32, torch.bfloat16))

    def precision_of(network: Network) -> torch.dtype:
        return network.activations(noise(32, 32), "stem").dtype

    def measure(times: dict[torch.dtype, float]) -> Callable[[Network, torch.device], float]:
        return lambda opened, _: times[precision_of(opened)]

    for half_s, wins in ((0.03, torch.float32), (0.01, torch.bfloat16)):
        times = {torch.float32: 0.02, torch.bfloat16: half_s}
        network, dtype = open_quickest("motif", CPU, measure(times))
        assert dtype == precision_of(network) == wins
    monkeypatch.setattr("hallucinate.networks.registry.precisions", lambda device: (torch.float32,))
    monkeypatch.setattr("hallucinate.networks.registry.thread_counts", lambda device: (torch.get_num_threads(),))
    assert open_quickest("motif", CPU, lambda *_: pytest.fail("nothing to choose from"))[1] == torch.float32


def test_torch_is_set_to_the_fewest_threads_that_are_as_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hallucinate.networks.registry.precisions", lambda device: (torch.float32, torch.bfloat16))
    monkeypatch.setattr("hallucinate.networks.registry.thread_counts", lambda device: (1, 2, 4))
    for two, four, wins in ((1.0, 0.95, 1), (0.6, 0.57, 2), (0.6, 0.3, 4)):
        seconds = {1: 1.0, 2: two, 4: four}
        open_quickest("motif", CPU, lambda *_, seconds=seconds: seconds[torch.get_num_threads()])
        assert torch.get_num_threads() == wins


def test_who_sets_the_threads_has_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 8)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert thread_counts(CPU) == (1, 4, 7)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert thread_counts(CPU) == (torch.get_num_threads(),)


def test_trying_takes_the_time_of_an_answer(network: MotifNetwork) -> None:
    assert 0 < seconds_per_gradient(network, CPU, tries=1) < 60


def test_errors_name_the_fix(tmp_path: Path) -> None:
    with refused("network_unknown", "'motiv'", "'motif'"):
        open_network("motiv", CPU, torch.float32)
    with refused("network_invalid", "none.safetensors"):
        open_motif(CPU, torch.float32, weights=tmp_path / "none.safetensors")
    damaged = tmp_path / "damaged.safetensors"
    damaged.write_bytes(MOTIF_WEIGHTS.read_bytes()[:5000])
    with refused("network_invalid", "damaged.safetensors"):
        open_motif(CPU, torch.float32, weights=damaged)
    empty = tmp_path / "empty.safetensors"
    empty.write_bytes(b"")
    with refused("network_invalid", "empty.safetensors"):
        open_motif(CPU, torch.float32, weights=empty)


def test_weights_of_another_network_are_not_taken_for_a_broken_installation(tmp_path: Path) -> None:
    other = tmp_path / "other.safetensors"
    save_file({"weight": torch.zeros(1)}, other)
    text = tmp_path / "text.pth"
    text.write_text("hello")
    for file in (other, text):
        with refused("network_invalid", file, "--network") as caught:
            open_motif(CPU, torch.float32, weights=file)
        assert "install" not in str(caught.value)

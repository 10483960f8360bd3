import numpy as np
import pytest
import torch

from hallucinate.dream.ascent import direction, resized
from hallucinate.dream.objective_set import compile_objectives
from hallucinate.dream.objectives import TERRITORIAL, MotifsObjective, UnitObjective, motif_weights, requested, shares
from hallucinate.dream.priors import Shaping, unchecked
from hallucinate.settings import Settings, Unit
from tests.dream.networks import TinyNetwork


def noise(height: int, width: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(seed))


def reference_direction(x: torch.Tensor, loss: object) -> torch.Tensor:
    """∂L/∂x, smoothed by [1 2 1] / 4 both ways, over its mean magnitude; in float64, from the loss written out."""
    x = x.double().requires_grad_(True)
    loss(x).backward()  # type: ignore[operator]
    assert x.grad is not None
    g = x.grad.numpy()
    for axis in (2, 3):
        ends = np.take(g, [0], axis), np.take(g, [-1], axis)
        g = np.apply_along_axis(
            np.convolve, axis, np.concatenate([ends[0], g, ends[1]], axis), [0.25, 0.5, 0.25], "valid"
        )
    return torch.from_numpy(g / np.abs(g).mean())


def test_what_is_taken_away_has_two_pixels_period_and_nothing_else_to_speak_of() -> None:
    x = torch.arange(64.0)
    for period, share in ((2, 0.0), (10, 0.9), (56, 0.99)):
        g = torch.cos(2 * torch.pi * x / period).expand(1, 3, 64, 64)
        inner = unchecked(g)[..., 8:-8]
        size, before = (float(t.square().mean().sqrt()) for t in (inner, g[..., 8:-8]))
        assert size == pytest.approx(share * before, abs=0.02)


@pytest.mark.parametrize("layer", ["first", "second"])
def test_a_layer_is_stepped_by_half_its_squared_norm(layer: str) -> None:
    network, slow = TinyNetwork(), TinyNetwork(torch.float64)
    x = noise(48, 64)
    expected = reference_direction(x, lambda p: 0.5 * slow.activations(p, layer).square().sum())
    found = direction(x, [UnitObjective(network, Unit(layer))])
    assert torch.allclose(found.double(), expected, rtol=1e-4, atol=1e-5)


def test_a_motif_alone_is_stepped_by_its_score() -> None:
    network, slow = TinyNetwork(), TinyNetwork(torch.float64)
    x = noise(48, 64)
    expected = reference_direction(x, lambda p: slow(p)[:, 0].sum())
    found = direction(x, [MotifsObjective(network, torch.tensor([0.4, 0.0]))])
    assert torch.allclose(found.double(), expected, rtol=1e-4, atol=1e-5)


def test_a_mix_is_stepped_by_its_scores_each_in_its_own_places() -> None:
    network, slow = TinyNetwork(), TinyNetwork(torch.float64)
    x = noise(48, 64)
    scores = slow(x.double())[0, :2].numpy()
    favour = [
        np.log(weight) + TERRITORIAL * (s - s.mean()) / (s.std() + 1e-3)
        for weight, s in zip((0.75, 0.25), scores, strict=True)
    ]
    of = torch.from_numpy(np.exp(favour) / np.exp(favour).sum(0))
    expected = reference_direction(x, lambda p: (of * slow(p)[0, :2]).sum())
    found = direction(x, [MotifsObjective(network, torch.tensor([0.75, 0.25]))])
    assert torch.allclose(found.double(), expected, rtol=3e-4, atol=1e-4)  # ε is not in the reference


def test_a_mix_parts_the_picture_by_weight_whatever_the_motifs_loudness() -> None:
    logits = (
        torch.randn(1, 2, 30, 40, generator=torch.Generator().manual_seed(0)) * torch.tensor([9.0, 0.3])[:, None, None]
    )
    logits[:, 0] += 50
    even, uneven = (shares(logits, torch.tensor(w)) for w in ([1.0, 1.0], [1.0, 0.25]))
    assert torch.allclose(even.sum(1), torch.ones(1, 30, 40))
    assert even[:, 0].mean().item() == pytest.approx(0.5, abs=0.02)
    assert 0.2 < uneven[:, 1].mean() < 0.45
    assert ((even > 0.9) | (even < 0.1)).float().mean() > 0.5  # each place is mostly one's
    loud = logits[:, 0] - logits[:, 0].mean() > 20
    assert even[:, 0][loud].min() > 0.8
    assert torch.equal(shares(logits[:, :1], torch.tensor([0.3])), torch.ones(1, 1, 30, 40))


def test_jitter_is_taken_back() -> None:
    # Shifted by a multiple of all strides, the network sees the same picture elsewhere: borders aside, so
    # must the direction be the same.
    network, x = TinyNetwork(), noise(64, 64)
    still = direction(x, [UnitObjective(network, Unit("second"))])
    moved = direction(x, [UnitObjective(network, Unit("second"))], torch.tensor([[16, 32]]), 48)
    assert moved.shape == x.shape
    inner = (slice(None), slice(None), slice(26, 38), slice(42, 54))
    ratio = moved[inner] / still[inner]
    assert ratio.std() < 1e-3  # one picture-wide factor, from the normalisation over other borders


def test_no_edge_is_made_where_the_picture_ends() -> None:
    # Bright above, dark below: rolled round, the two would meet, and the largest gradients would be at the ends.
    ramp = torch.linspace(1, 0, 96)[:, None].expand(1, 3, 96, 64).contiguous()
    step = (
        direction(ramp, [UnitObjective(TinyNetwork(), Unit("first"))], torch.tensor([[5, 3]]), 8).abs().mean((0, 1, 3))
    )
    assert step[:8].mean() < 2 * step[8:-8].max()
    assert step[-8:].mean() < 2 * step[8:-8].max()


def test_the_step_is_normalised_over_the_whole_picture() -> None:
    step = direction(noise(48, 64), [UnitObjective(TinyNetwork(), Unit("first"))])
    assert step.abs().mean().item() == pytest.approx(1.0, rel=1e-3)


def test_a_flat_picture_is_left_alone() -> None:
    class Nothing(TinyNetwork):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return super().forward(x) * 1e-12  # rounding noise where a network sees nothing

    flat = torch.full((1, 3, 48, 64), 0.5)
    step = direction(flat, [MotifsObjective(Nothing(), torch.tensor([1.0, 0.0]))])
    assert torch.isfinite(step).all()
    assert step.abs().max() < 1e-2


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_has_the_same_direction(dtype: torch.dtype) -> None:
    x = noise(48, 64)
    exact = direction(x, [UnitObjective(TinyNetwork(), Unit("second"))], torch.tensor([[3, 5]]), 8)
    half = direction(x, [UnitObjective(TinyNetwork(dtype), Unit("second"))], torch.tensor([[3, 5]]), 8)
    assert half.dtype == torch.float32
    assert torch.nn.functional.cosine_similarity(exact.flatten(), half.flatten(), 0) > 0.99


def test_half_precision_does_not_overflow_on_a_loud_layer() -> None:
    class Loud(TinyNetwork):
        def activations(self, x: torch.Tensor, layer: str) -> torch.Tensor:
            return super().activations(x, layer) * 300  # ½‖a‖² is far beyond float16's 65504

    step = direction(noise(48, 64), [UnitObjective(Loud(torch.float16), Unit("first"))])
    assert torch.isfinite(step).all()


def test_the_settings_say_what_is_requested() -> None:
    assert requested(Settings(motifs={"light": 0.0})) == {}
    both = Settings(motifs={"light": 0.5, "dark": 0.0}, layers={"first": 1.0}, guide=0.25)
    assert requested(both) == {("motifs", "light"): 0.5, ("layers", "first"): 1.0, ("guide", ""): 0.25}
    assert motif_weights(TinyNetwork(), {"dark": 0.25}) == [0.0, 0.25]


def test_a_motif_alone_has_every_place_whatever_its_weight() -> None:
    _, step = MotifsObjective(TinyNetwork(), torch.tensor([0.0, 0.2])).answer(noise(48, 64))
    assert step[0, :, 0, 0].tolist() == [0.0, 1.0, 0.0]


def test_pictures_of_a_batch_are_stepped_each_by_itself_and_with_its_own_jitter() -> None:
    quiet, loud = noise(48, 64), 0.5 + 0.02 * noise(48, 64, seed=1)
    shifts = torch.tensor([[3, 5], [8, 0]])
    for objective in (
        UnitObjective(TinyNetwork(), Unit("second")),
        MotifsObjective(TinyNetwork(), torch.tensor([0.5, 0.5])),
    ):
        both = direction(torch.cat([quiet, loud]), [objective], shifts, 8)
        for n, x in enumerate((quiet, loud)):
            alone = direction(x, [objective], shifts[n : n + 1], 8)
            assert torch.allclose(both[n : n + 1], alone, rtol=1e-3, atol=1e-4)


def test_settings_come_to_objectives_in_one_order_and_a_guide_without_a_picture_is_not_one() -> None:
    settings = Settings(motifs={"light": 0.5, "dark": 0.25}, layers={"first": 1.0, "second:2": 0.5}, guide=0.25)
    found = compile_objectives(TinyNetwork(), settings, None, torch.device("cpu"))
    assert [objective.name for objective in found.objectives] == ["light + dark", "first", "second:2"]
    assert found.weights == (0.75, 1.0, 0.5)
    assert sum(found.shares) == pytest.approx(1)


def test_resized_keeps_means_and_sizes() -> None:
    x = noise(40, 60)
    for height, width in ((20, 30), (40, 60), (80, 120)):
        found = resized(x, height, width)
        assert found.shape == (1, 3, height, width)
        assert found.mean().item() == pytest.approx(x.mean().item(), abs=5e-3)


def test_colour_decorrelation_steps_in_decorrelated_colours() -> None:
    """x = C·y of Lucid's C, ascended in y: against autograd through C in float64."""
    network, slow, x = TinyNetwork(), TinyNetwork(torch.float64), noise(48, 64)
    c = torch.tensor([[0.26, 0.09, 0.02], [0.27, 0.00, -0.05], [0.27, -0.09, 0.03]], dtype=torch.float64)

    def loss(p: torch.Tensor) -> torch.Tensor:
        return 0.5 * slow.activations(p, "first").square().sum()

    plain = reference_direction(x, loss)
    expected = torch.einsum("ij,kj,bkhw->bihw", c, c, plain)
    expected = expected / expected.abs().mean()
    found = direction(x, [UnitObjective(network, Unit("first"))], shaping=Shaping(decorrelated=True))
    assert torch.allclose(found.double(), expected, rtol=1e-3, atol=1e-3)
    hue, before = ((g - g.mean(1, keepdim=True)).abs().mean() for g in (found, plain))
    assert hue < 0.4 * before

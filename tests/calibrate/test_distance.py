"""The perceptual distance: against a slow writing of the formula in float64, and what any distance must do."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from hallucinate.calibrate.distance import SCALE_WEIGHTS, distance, feature_distance, ms_ssim
from tests.dream.networks import TinyNetwork


def pictures(height: int, width: int, noise: float, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    ground = torch.nn.functional.interpolate(torch.rand(1, 3, 9, 12, generator=generator), (height, width))
    return ground, (ground + noise * torch.randn(ground.shape, generator=generator)).clamp(0, 1)


def slow_ms_ssim(a: np.ndarray, b: np.ndarray) -> float:
    """One channel, window by window: sums over every 11×11 patch, and the product over the scales."""
    x = np.arange(-5, 6)
    window = np.exp(-(x[:, None] ** 2 + x[None] ** 2) / (2 * 1.5**2))
    window /= window.sum()
    scales = 1
    while scales < 5 and min(a.shape) // 2**scales >= 11:
        scales += 1
    weights = np.array(SCALE_WEIGHTS[:scales]) / sum(SCALE_WEIGHTS[:scales])
    product = 1.0
    for n in range(scales):
        if n:
            h, w = a.shape[0] // 2 * 2, a.shape[1] // 2 * 2
            a, b = ((p[:h:2, :w:2] + p[1:h:2, :w:2] + p[:h:2, 1:w:2] + p[1:h:2, 1:w:2]) / 4 for p in (a, b))
        found = []
        for top in range(a.shape[0] - 10):
            for left in range(a.shape[1] - 10):
                p, q = (s[top : top + 11, left : left + 11] for s in (a, b))
                mp, mq = (window * p).sum(), (window * q).sum()
                vp, vq = (window * (p - mp) ** 2).sum(), (window * (q - mq) ** 2).sum()
                both = (window * (p - mp) * (q - mq)).sum()
                value = (2 * both + 0.0009) / (vp + vq + 0.0009)
                if n == scales - 1:
                    value *= (2 * mp * mq + 0.0001) / (mp**2 + mq**2 + 0.0001)
                found.append(value)
        product *= max(0.0, float(np.mean(found))) ** weights[n]
    return product


@pytest.mark.parametrize(("size", "noise"), [((24, 40), 0.2), ((47, 33), 0.05), ((90, 61), 0.4), ((11, 11), 0.1)])
def test_ms_ssim_is_the_formula(size: tuple[int, int], noise: float) -> None:
    a, b = pictures(*size, noise)
    expected = np.mean([slow_ms_ssim(*(t[0, c].double().numpy() for t in (a, b))) for c in range(3)])
    assert 0.01 < expected < 0.99
    assert ms_ssim(a, b).item() == pytest.approx(expected, rel=1e-4)


def test_all_five_scales_are_used_from_176_pixels_on() -> None:
    a, b = pictures(176, 180, 0.3)
    expected = slow_ms_ssim(*(t[0, 1].double().numpy() for t in (a, b)))
    one = [t[:, 1:2].expand(-1, 3, -1, -1) for t in (a, b)]
    assert ms_ssim(*one).item() == pytest.approx(expected, rel=1e-4)


def test_equal_pictures_are_no_distance_apart_and_more_noise_is_further() -> None:
    network = TinyNetwork()
    a, _ = pictures(96, 128, 0)
    assert ms_ssim(a, a).item() == pytest.approx(1, abs=1e-6)
    assert feature_distance(a, a, network).item() == 0
    assert distance(a, a, network).item() == 0
    further = [pictures(96, 128, noise)[1] for noise in (0.02, 0.05, 0.1, 0.2, 0.4)]
    measures: tuple[Callable[[torch.Tensor], float], ...] = (
        lambda b: 1 - ms_ssim(a, b).item(),
        lambda b: feature_distance(a, b, network).item(),
        lambda b: distance(a, b, network).item(),
    )
    for measure in measures:
        found = [measure(b) for b in further]
        assert found == sorted(found)
        assert found[-1] > 3 * found[0] > 0
    assert torch.allclose(distance(a, further[2], network), distance(further[2], a, network))


def test_pictures_of_a_batch_are_measured_one_by_one() -> None:
    network = TinyNetwork()
    pairs = [pictures(48, 64, noise, seed) for seed, noise in enumerate((0.05, 0.2))]
    a, b = (torch.cat(side) for side in zip(*pairs, strict=True))
    each = torch.cat([distance(*pair, network) for pair in pairs])
    assert torch.allclose(distance(a, b, network), each, rtol=1e-4)


def test_feature_distance_forgets_how_loud_an_answer_is() -> None:
    """Against the formula in float64, place by place; doubling a network's answers changes nothing."""
    a, b = pictures(32, 48, 0.1)
    network = TinyNetwork(torch.float64)
    one, other = (network.activations(x, "first")[0].reshape(8, -1).numpy().T for x in (a, b))
    apart = [np.sum((p / np.linalg.norm(p) - q / np.linalg.norm(q)) ** 2) for p, q in zip(one, other, strict=True)]
    assert feature_distance(a, b, network).item() == pytest.approx(np.mean(apart), rel=1e-4)
    loud = TinyNetwork()
    loud.first.weight.data *= 2
    assert feature_distance(a, b, loud).item() == pytest.approx(np.mean(apart), rel=1e-4)

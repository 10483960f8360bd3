"""What is believed of every hallucination, against slow ways of writing it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hallucinate.dream.priors import BINOMIAL, blurred, doubled, evened, halved, radius_for, regularisation
from tests.dream.test_ascent import noise


def test_a_gaussian_blurs_as_one_does() -> None:
    g, sigma = noise(40, 50).double() - 0.5, 1.7
    radius = radius_for(sigma)
    assert radius == 8
    along = np.arange(-radius, radius + 1)
    kernel = np.exp(-(along**2) / (2 * sigma**2))
    kernel /= kernel.sum()
    padded = np.pad(g[0].numpy(), ((0, 0), (radius, radius), (radius, radius)), "edge")
    down = np.apply_along_axis(np.convolve, 1, padded, kernel, "valid")
    both = np.apply_along_axis(np.convolve, 2, down, kernel, "valid")
    found = blurred(g, torch.tensor([sigma], dtype=torch.float64), radius)[0].numpy()
    assert np.abs(found - both).max() < 1e-9


def test_few_radii_serve_a_sliders_whole_range() -> None:
    assert radius_for(0.0) == 0
    assert {radius_for(s / 10) for s in range(1, 81)} == {4, 8, 12, 16, 20, 24}
    assert all(radius_for(s / 10) >= 3 * s / 10 - 1e-9 for s in range(1, 81))


def slow_laplacian(g: np.ndarray, levels: int) -> np.ndarray:
    """The pyramid written out pixel by pixel, float64, one channel."""
    kernel = np.outer(BINOMIAL, BINOMIAL)

    def at(picture: np.ndarray, y: int, x: int) -> float:
        return float(picture[min(max(y, 0), picture.shape[0] - 1), min(max(x, 0), picture.shape[1] - 1)])

    def reduce(picture: np.ndarray) -> np.ndarray:
        height, width = (picture.shape[0] + 1) // 2, (picture.shape[1] + 1) // 2
        return np.array(
            [
                [
                    sum(kernel[i, j] * at(picture, 2 * y + i - 2, 2 * x + j - 2) for i in range(5) for j in range(5))
                    for x in range(width)
                ]
                for y in range(height)
            ]
        )

    def expand(small: np.ndarray, height: int, width: int) -> np.ndarray:
        return np.array(
            [
                [
                    4
                    * sum(
                        kernel[i, j] * at(small, (y + i - 2) // 2, (x + j - 2) // 2)
                        for i in range(5)
                        for j in range(5)
                        if (y + i) % 2 == 0 and (x + j) % 2 == 0
                    )
                    for x in range(width)
                ]
                for y in range(height)
            ]
        )

    details = []
    for _ in range(levels):
        small = reduce(g)
        details.append(g - expand(small, *g.shape))
        g = small
    g = g / np.sqrt((g**2).mean())
    for detail in reversed(details):
        g = expand(g, *detail.shape) + detail / np.sqrt((detail**2).mean())
    return g


@pytest.mark.parametrize("shape", [(16, 20), (17, 13)])
def test_a_laplacian_pyramid_evens_out_its_levels(shape: tuple[int, int]) -> None:
    g = (noise(*shape)[:, :1] - 0.5).double()
    found = evened(g, 2)[0, 0].numpy()
    assert np.abs(found - slow_laplacian(g[0, 0].numpy(), 2)).max() < 1e-4


def test_a_pyramid_put_together_is_the_picture_and_a_flat_one_stays_flat() -> None:
    g = torch.ones(1, 3, 19, 26)
    assert torch.allclose(doubled(halved(g), 19, 26), g, atol=1e-6)
    assert torch.isfinite(evened(torch.zeros(1, 3, 32, 32), 4)).all()
    assert evened(torch.zeros(1, 3, 32, 32), 4).abs().max() == 0


def test_fine_and_coarse_grow_alike() -> None:
    x = torch.arange(64.0)
    coarse, fine = (torch.cos(2 * torch.pi * x / period).expand(1, 3, 64, 64) for period in (32, 3))
    even = evened(coarse + 0.01 * fine, 3)
    share = float((even * fine).mean() / (even * coarse).mean())
    assert share > 0.1  # from a hundredth


@pytest.mark.parametrize(("variation", "l2_weight"), [(1.0, 0.0), (0.0, 0.5), (0.3, 0.7)])
def test_regularisation_is_the_descent_of_total_variation_and_of_half_the_square(
    variation: float, l2_weight: float
) -> None:
    r, limit = (0.1 * (noise(20, 24) - 0.5)).double(), torch.full((1, 1, 1, 1), 0.1, dtype=torch.float64)
    seen = r.clone().requires_grad_(True)
    right = torch.zeros_like(r)
    down = torch.zeros_like(r)
    right[..., :-1] = seen[..., 1:] - seen[..., :-1]
    down[:, :, :-1] = seen[:, :, 1:] - seen[:, :, :-1]
    energy = (
        variation * (right**2 + down**2 + (0.05 * limit) ** 2).sqrt().sum() + l2_weight * 0.5 * (seen**2 / limit).sum()
    )
    (g,) = torch.autograd.grad(energy, seen)
    found = regularisation(r, limit, torch.tensor([variation]).double(), torch.tensor([l2_weight]).double())
    assert torch.allclose(found, -g, atol=1e-9)

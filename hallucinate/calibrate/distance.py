"""How far a dream looks from its camera picture: to the eye's statistics, and to the network in the box.

The one is 1 − multi-scale SSIM (Wang, Simoncelli, Bovik 2003), which sees how much of the camera's structure is
covered; the other is a distance between features, after LPIPS (Zhang et al. 2018), which sees how much of what is
seen has become something else. Their geometric mean is taken: it needs no weights and no units, as a factor in
either counts alike, and where both are powers of the residual, which they nearly are, so is it.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F

from hallucinate.networks import Network

SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""How much each scale counts, fine to coarse: what people matched in Wang et al. 2003."""

WINDOW, SIGMA = 11, 1.5
STEADY = 0.01**2, 0.03**2
"""C1, C2 for pictures in [0, 1]: what keeps flat and dark places steady."""


def ms_ssim(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Multi-scale structural similarity, Π_j mean(cs_j)^w_j with luminance at the coarsest scale; 1 for equal pictures.

    a, b: float (B, 3, H, W) in [0, 1], H and W from 11. Windows lie wholly inside; each scale is the mean of 2×2
    pixels of the one before. A picture smaller than 176 on its shorter side has only as many scales as the window
    fits into, their weights made to sum to 1. Negative similarity counts as 0. Channels are compared one by one, and
    the mean of their products is taken: float (B,).
    """
    scales = [n for n in range(1, len(SCALE_WEIGHTS) + 1) if min(a.shape[2:]) >> (n - 1) >= WINDOW][-1]
    weights = [w / sum(SCALE_WEIGHTS[:scales]) for w in SCALE_WEIGHTS[:scales]]
    product = torch.ones(a.shape[:2], dtype=a.dtype, device=a.device)
    for n, weight in enumerate(weights):
        if n:
            a, b = F.avg_pool2d(a, 2), F.avg_pool2d(b, 2)
        luminance, structure = similarity(a, b)
        each = (luminance * structure if n == scales - 1 else structure).mean((2, 3))
        product = product * each.clamp(min=0) ** weight
    return product.mean(1)


def similarity(a: torch.Tensor, b: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """SSIM's two factors at every window (Wang et al. 2004): luminance, and contrast with structure; (B, C, h, w)."""
    first, second = STEADY
    mean_a, mean_b = blurred(a), blurred(b)
    spread_a, spread_b = blurred(a * a) - mean_a.square(), blurred(b * b) - mean_b.square()
    together = blurred(a * b) - mean_a * mean_b
    luminance = (2 * mean_a * mean_b + first) / (mean_a.square() + mean_b.square() + first)
    return luminance, (2 * together + second) / (spread_a + spread_b + second)


def blurred(x: torch.Tensor) -> torch.Tensor:
    """Weighted by SSIM's window, an 11×11 Gaussian of σ 1.5 that sums to 1: (B, C, H, W) -> (B, C, H − 10, W − 10)."""
    offsets = torch.arange(WINDOW, dtype=x.dtype, device=x.device) - WINDOW // 2
    window = torch.exp(-offsets.square() / (2 * SIGMA**2))
    kernel = (window / window.sum()).repeat(x.shape[1], 1, 1, 1)
    down = F.conv2d(x, kernel.transpose(2, 3), groups=x.shape[1])
    return F.conv2d(down, kernel, groups=x.shape[1])


def feature_distance(a: torch.Tensor, b: torch.Tensor, network: Network) -> torch.Tensor:
    """Mean squared distance of what layers answer, each place's answer made one long, as in LPIPS without its weights.

    a, b: float (B, 3, H, W) in [0, 1]. Over every other layer, shallow to deep, their mean: float32 (B,), 0 for equal
    pictures, 4 at most.
    """
    layers = network.layers[::2]
    total = torch.zeros(len(a), device=a.device)
    for layer in layers:
        one, other = F.normalize(network.activations(torch.cat([a, b]), layer).float(), dim=1).chunk(2)
        total = total + (one - other).square().sum(1).mean((1, 2))
    return total / len(layers)


def distance(dream: torch.Tensor, camera: torch.Tensor, network: Network) -> torch.Tensor:
    """How far a dream looks from its camera picture: √((1 − MS-SSIM) · feature distance); 0 for equal pictures.

    dream, camera: float32 (B, 3, H, W) in [0, 1]. network: whose features count, whichever network dreamed.
    Returns float32 (B,).
    """
    unlike = (1 - ms_ssim(dream, camera)).clamp(min=0)
    return (unlike * feature_distance(dream, camera, network)).sqrt()

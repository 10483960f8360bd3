"""One step of gradient ascent on the pixels."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from hallucinate.dream.objective import Objective

FLAT = 1e-6
"""ε in g / (mean|g| + ε): where the network sees nothing to climb, nothing is climbed.

A blank wall gives gradients of this order or below; without ε its rounding noise would be blown up to full steps.
"""


def direction(x: torch.Tensor, ask: Objective, shift: tuple[int, int] = (0, 0), jitter: int = 0) -> torch.Tensor:
    """The way up at ``x``: ∂L/∂x, its finest checkerboard taken away, over its mean magnitude in the whole picture.

    x: float32 (1, 3, H, W) in [0, 1]. The network is shown ``jitter`` more rows and columns, mirrored at the
    edges, of which ``shift`` = (rows, columns), 0 to ``jitter`` each, lie above and to the left: so its stride
    leaves no grid. (Rolled round instead, the edges of the sky meet those of the ground, and frames grow there.)
    Returns float32 (1, 3, H, W) with mean magnitude 1, or all near 0 for a flat picture.
    """
    (above, below), (left, right) = ((s, jitter - s) for s in shift)
    seen = F.pad(x, (left, right, above, below), mode="reflect").requires_grad_(True)
    answer, more = ask(seen)
    (g,) = torch.autograd.grad(answer, seen, more)
    g = unchecked(g.float())[:, :, above : above + x.shape[2], left : left + x.shape[3]]
    # One normalisation over the whole picture. In float32: a half-precision mean over a large picture overflows.
    return g / (g.abs().mean() + FLAT)


def unchecked(g: torch.Tensor) -> torch.Tensor:
    """Smoothed by [1 2 1] / 4 in both directions, which passes nothing of two pixels' period and nearly all of ten's.

    A network's first stride leaves a checkerboard of that period in its gradient (Odena et al. 2016), which says
    nothing of what it sees. g: float32 (1, 3, H, W); edges repeated.
    """
    g = F.pad(g, (1, 1, 1, 1), mode="replicate")
    g = 0.25 * g[..., :-2] + 0.5 * g[..., 1:-1] + 0.25 * g[..., 2:]
    return 0.25 * g[:, :, :-2] + 0.5 * g[:, :, 1:-1] + 0.25 * g[:, :, 2:]


def resized(x: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """(1, C, h, w) -> (1, C, height, width): antialiased on the way down, bilinear on the way up."""
    if x.shape[2:] == (height, width):
        return x
    smaller = height < x.shape[2]
    return F.interpolate(x, size=(height, width), mode="bilinear", align_corners=False, antialias=smaller)

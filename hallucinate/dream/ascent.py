"""One step of gradient ascent on the pixels."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from hallucinate.dream.objective import Objective

FLAT = 1e-6
"""ε in g / (mean|g| + ε): where the network sees nothing to climb, nothing is climbed.

A blank wall gives gradients of this order or below; without ε its rounding noise would be blown up to full steps.
"""


COLOURS = ((0.0761, 0.0692, 0.0627), (0.0692, 0.0754, 0.0714), (0.0627, 0.0714, 0.0819))
"""How red, green and blue vary together in photographs (ImageNet): C·Cᵀ of the square root C that Lucid gives in
``color_correlation_svd_sqrt`` (Olah et al. 2017, "Feature Visualization", on preconditioning)."""


def direction(
    x: torch.Tensor, ask: Objective, shift: torch.Tensor | None = None, jitter: int = 0, natural: bool = False
) -> torch.Tensor:
    """The way up at ``x``: ∂L/∂x, its finest checkerboard taken away, over its mean magnitude in the whole picture.

    x: float32 (B, 3, H, W) in [0, 1]. The network is shown ``jitter`` more rows and columns, mirrored at the
    edges, of which ``shift``, int64 (rows, columns) on x's device, 0 to ``jitter`` each, lie above and to the left: so
    its stride leaves no grid. (Rolled round instead, the edges of the sky meet those of the ground, and frames grow
    there.) natural: climb in decorrelated colours, in which light and shade weigh as much more than hues as they do in
    photographs. Returns float32 (B, 3, H, W), each picture's mean magnitude 1, or all near 0 for a flat picture.
    """
    height, width = x.shape[2:]
    if shift is not None:
        # By a tensor of places rather than by slices: under a captured graph the shift changes, the shapes do not.
        x = x.index_select(2, mirrored(height, shift[0], jitter)).index_select(3, mirrored(width, shift[1], jitter))
    seen = x.detach().requires_grad_(True)
    answer, more = ask(seen)
    (g,) = torch.autograd.grad(answer, seen, more)
    g = unchecked(g.float())
    if shift is not None:
        rows, columns = (torch.arange(n, device=g.device) + s for n, s in zip((height, width), shift, strict=True))
        g = g.index_select(2, rows).index_select(3, columns)
    if natural:
        # ∂L/∂y for colours y with x = C·y, brought back to x: C·Cᵀ·∂L/∂x.
        red, green, blue = g.unbind(1)
        g = torch.stack([a * red + b * green + c * blue for a, b, c in COLOURS], 1)
    # One normalisation over the whole picture. In float32: a half-precision mean over a large picture overflows.
    return g / (g.abs().mean((1, 2, 3), keepdim=True) + FLAT)


def mirrored(size: int, shift: torch.Tensor, jitter: int) -> torch.Tensor:
    """Which of ``size`` rows is shown at each of ``size + jitter`` places, ``shift`` of them before the first."""
    place = (torch.arange(size + jitter, device=shift.device) - shift).abs()
    return torch.where(place < size, place, 2 * (size - 1) - place)


def unchecked(g: torch.Tensor) -> torch.Tensor:
    """Smoothed by [1 2 1] / 4 in both directions, which passes nothing of two pixels' period and nearly all of ten's.

    A network's first stride leaves a checkerboard of that period in its gradient (Odena et al. 2016), which says
    nothing of what it sees. g: float32 (B, 3, H, W); edges repeated.
    """
    g = F.pad(g, (1, 1, 1, 1), mode="replicate")
    g = 0.25 * g[..., :-2] + 0.5 * g[..., 1:-1] + 0.25 * g[..., 2:]
    return 0.25 * g[:, :, :-2] + 0.5 * g[:, :, 1:-1] + 0.25 * g[:, :, 2:]


def resized(x: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """(B, C, h, w) -> (B, C, height, width): antialiased on the way down, bilinear on the way up."""
    if x.shape[2:] == (height, width):
        return x
    smaller = height < x.shape[2]
    return F.interpolate(x, size=(height, width), mode="bilinear", align_corners=False, antialias=smaller)

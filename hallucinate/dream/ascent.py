"""One step of gradient ascent on the pixels."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F

from hallucinate.dream.objectives import Objective
from hallucinate.dream.priors import PLAIN, Shaping, shaped
from hallucinate.dream.surface import MARGIN, narrowed, widened

FLAT = 1e-6
"""ε in g / (mean|g| + ε): where the network sees nothing, no step is taken.

A blank wall gives gradients of this order or below; without ε its rounding noise would be blown up to full steps.
"""


def direction(
    x: torch.Tensor,
    objectives: Sequence[Objective],
    shift: torch.Tensor | None = None,
    jitter: int = 0,
    shaping: Shaping = PLAIN,
    shares: torch.Tensor | None = None,
    sigma: torch.Tensor | None = None,
) -> torch.Tensor:
    """The direction of a step at ``x``: ∂L/∂x, shaped, over its mean magnitude in the whole picture.

    x: float32 (B, 3, H, W) in [0, 1]. The network is shown ``jitter`` more rows and columns, mirrored at the
    edges, of which ``shift``, int64 (B, 2) of rows and columns on x's device, 0 to ``jitter`` each, are above and to
    the left: so its stride leaves no grid. (Rolled round instead, the edges of the sky meet those of the ground, and
    frames grow there.) Several objectives are combined, each by its share, (n,). sigma: as for ``shaped``.
    Returns float32 (B, 3, H, W), each picture's mean magnitude 1, or all near 0 for a flat picture.
    """
    g = shifted(x, lambda seen: combined_gradient(seen, objectives, shares), shift, jitter)
    # Shaped afterwards, so that what is repeated at the edges is the picture's own gradient.
    return normalised(shaped(g, shaping, sigma))


def shifted(
    x: torch.Tensor, look: Callable[[torch.Tensor], torch.Tensor], shift: torch.Tensor | None, jitter: int
) -> torch.Tensor:
    """What ``look`` makes of the picture, (B, 3, H, W), shown to it with a mirrored border, as ``direction`` says."""
    if shift is None:
        return look(x)
    height, width = x.shape[2:]
    # By tensors of indexes rather than by slices: under a captured graph the shift changes, the shapes do not.
    g = look(indexed(x, mirrored(height, shift[:, :1], jitter), mirrored(width, shift[:, 1:], jitter)))
    rows, columns = (torch.arange(n, device=g.device) + s for n, s in ((height, shift[:, :1]), (width, shift[:, 1:])))
    return indexed(g, rows, columns)


def indexed(x: torch.Tensor, rows: torch.Tensor | None, columns: torch.Tensor) -> torch.Tensor:
    """Rows and columns of each picture by number: (B, C, H, W), int64 (B, h) and (B, w) -> (B, C, h, w).

    rows: None for all of them, as they are.
    """
    batch, channels = x.shape[:2]
    if batch == 1:
        x = x if rows is None else x.index_select(2, rows[0])
        return x.index_select(3, columns[0])
    if rows is not None:
        x = x.gather(2, rows[:, None, :, None].expand(-1, channels, -1, x.shape[3]))
    return x.gather(3, columns[:, None, None, :].expand(-1, channels, x.shape[2], -1))


def combined_gradient(
    seen: torch.Tensor, objectives: Sequence[Objective], shares: torch.Tensor | None = None, views: int = 1
) -> torch.Tensor:
    """∂L/∂x, float32, of one objective; of several the sum, each of mean magnitude 1 times its share.

    views: how many pictures, one after another, show one thing, and are measured together.
    """
    if len(objectives) == 1 or shares is None:
        return gradient(seen, objectives[0])
    parts = (
        share * normalised(gradient(seen, objective), views)
        for objective, share in zip(objectives, shares.unbind(), strict=True)
    )
    return torch.stack(list(parts)).sum(0)


def gradient(seen: torch.Tensor, objective: Objective) -> torch.Tensor:
    """∂L/∂x of one objective, float32, at what is seen, (B, 3, H, W). The one seam between dreaming and networks."""
    return objective.gradient(seen)


def normalised(g: torch.Tensor, views: int = 1) -> torch.Tensor:
    """g / (mean|g| + ε), of each picture as a whole, or of so many together."""
    # In float32: a half-precision mean over a large picture overflows.
    size = g.abs().mean((1, 2, 3), keepdim=True)
    if views > 1:
        size = size.view(-1, views).mean(1).repeat_interleave(views).view(-1, 1, 1, 1)
    return g / (size + FLAT)


def mirrored(size: int, shift: torch.Tensor, jitter: int) -> torch.Tensor:
    """Which of ``size`` rows is at each of ``size + jitter`` places, ``shift`` (B, 1) of them before the first."""
    place = (torch.arange(size + jitter, device=shift.device) - shift).abs()
    return torch.where(place < size, place, 2 * (size - 1) - place)


def resized(x: torch.Tensor, height: int, width: int, wraps: bool = False) -> torch.Tensor:
    """(B, C, h, w) -> (B, C, height, width): antialiased when it shrinks, bilinear when it grows.

    wraps: whether the picture's sides meet; then w and width are multiples of ``surface.MARGIN``.
    """
    if x.shape[2:] == (height, width):
        return x
    if wraps:
        return narrowed(resized(widened(x), height, width + 2 * (width // MARGIN)), width)
    smaller = height < x.shape[2]
    return F.interpolate(x, size=(height, width), mode="bilinear", align_corners=False, antialias=smaller)

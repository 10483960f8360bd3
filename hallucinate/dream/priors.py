"""What is believed of a good hallucination whatever it shows: done to its gradient, or to the residual itself."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F

COLOURS = ((0.0761, 0.0692, 0.0627), (0.0692, 0.0754, 0.0714), (0.0627, 0.0714, 0.0819))
"""How red, green and blue vary together in photographs (ImageNet): C·Cᵀ of the square root C that Lucid gives in
``color_correlation_svd_sqrt`` (Olah et al. 2017, "Feature Visualization", on preconditioning)."""

BINOMIAL = (0.0625, 0.25, 0.375, 0.25, 0.0625)
"""[1 4 6 4 1] / 16, the pyramid's kernel (Burt and Adelson 1983)."""

QUIET = 1e-10
"""A level of the pyramid with less power than this beside the strongest is left as weak as it is."""


@dataclass(frozen=True, slots=True)
class Shaping:
    """What is done to a gradient before a step is taken; what it takes numbers for, they come as tensors.

    unchecked: take the finest checkerboard away. radius: of the Gaussian, in pixels; 0 for none. levels: of the
    Laplacian pyramid; 0 for none. decorrelated: step in decorrelated colours.
    """

    unchecked: bool = True
    radius: int = 0
    levels: int = 0
    decorrelated: bool = False


PLAIN = Shaping()


def shaped(g: torch.Tensor, shaping: Shaping, sigma: torch.Tensor | None = None) -> torch.Tensor:
    """A gradient, float32 (B, 3, H, W), shaped. sigma: of the Gaussian, in pixels, (1,); needed with a radius."""
    if shaping.unchecked:
        g = unchecked(g)
    if shaping.radius and sigma is not None:
        g = blurred(g, sigma, shaping.radius)
    if shaping.levels:
        g = evened(g, shaping.levels)
    if shaping.decorrelated:
        # ∂L/∂y for colours y with x = C·y, brought back to x: C·Cᵀ·∂L/∂x.
        red, green, blue = g.unbind(1)
        g = torch.stack([a * red + b * green + c * blue for a, b, c in COLOURS], 1)
    return g


def unchecked(g: torch.Tensor) -> torch.Tensor:
    """Smoothed by [1 2 1] / 4 in both directions, which passes nothing of two pixels' period and nearly all of ten's.

    A network's first stride leaves a checkerboard of that period in its gradient (Odena et al. 2016), which says
    nothing of what it sees. g: float32 (B, 3, H, W); edges repeated.
    """
    g = F.pad(g, (1, 1, 1, 1), mode="replicate")
    g = 0.25 * g[..., :-2] + 0.5 * g[..., 1:-1] + 0.25 * g[..., 2:]
    return 0.25 * g[:, :, :-2] + 0.5 * g[:, :, 1:-1] + 0.25 * g[:, :, 2:]


def radius_for(sigma: float) -> int:
    """How many pixels a Gaussian extends, in steps of 4: few shapes for a slider's whole range. 0 for no blur."""
    return -int(-3 * sigma // 4) * 4 if sigma > 0.05 else 0


def blurred(g: torch.Tensor, sigma: torch.Tensor, radius: int) -> torch.Tensor:
    """Convolved with a Gaussian cut off at ``radius``. g: (B, C, H, W), edges repeated; sigma: (1,), above 0."""
    along = torch.arange(-radius, radius + 1, device=g.device, dtype=g.dtype)
    kernel = torch.softmax(-along.square() / (2 * sigma.square()), 0)
    channels = g.shape[1]
    g = F.pad(g, (radius, radius, radius, radius), mode="replicate")
    g = F.conv2d(g, kernel.view(1, 1, 1, -1).expand(channels, 1, 1, -1), groups=channels)
    return F.conv2d(g, kernel.view(1, 1, -1, 1).expand(channels, 1, -1, 1), groups=channels)


def evened(g: torch.Tensor, levels: int) -> torch.Tensor:
    """Every level of a Laplacian pyramid brought to the same root mean square, and put together again.

    As TensorFlow's DeepDream tutorial does (``lap_normalize``, 2015): fine and coarse grow alike. g: (B, C, H, W). A
    small picture has fewer levels.
    """
    details: list[torch.Tensor] = []
    for _ in range(levels):
        if min(g.shape[2:]) < 4:
            break
        coarse = halved(g)
        details.append(g - doubled(coarse, g.shape[2], g.shape[3]))
        g = coarse
    powers = [level.square().mean((1, 2, 3), keepdim=True) for level in (*details, g)]
    floor = QUIET * torch.stack(powers).amax(0) + torch.finfo(g.dtype).tiny
    g, *details = (
        level * torch.rsqrt(power + floor) for level, power in ((g, powers[-1]), *zip(details, powers, strict=False))
    )
    for detail in reversed(details):
        g = doubled(g, detail.shape[2], detail.shape[3]) + detail
    return g


def halved(g: torch.Tensor) -> torch.Tensor:
    """Every second pixel of a smoothed picture: (B, C, H, W) -> (B, C, ⌈H/2⌉, ⌈W/2⌉)."""
    return binomial(F.pad(g, (2, 2, 2, 2), mode="replicate"))[:, :, ::2, ::2]


def doubled(g: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """(B, C, ⌈height/2⌉, ⌈width/2⌉) -> (B, C, height, width): zeros between the pixels, smoothed, four times."""
    wide = g.new_zeros((*g.shape[:2], height + 4, width + 4))
    wide[:, :, ::2, ::2] = 4 * F.pad(g, (1, 1, 1, 1), mode="replicate")
    return binomial(wide)


def binomial(g: torch.Tensor) -> torch.Tensor:
    """Smoothed by BINOMIAL in both directions: (B, C, H + 4, W + 4) -> (B, C, H, W)."""
    kernel, channels = g.new_tensor(BINOMIAL), g.shape[1]
    g = F.conv2d(g, kernel.view(1, 1, 1, -1).expand(channels, 1, 1, -1), groups=channels)
    return F.conv2d(g, kernel.view(1, 1, -1, 1).expand(channels, 1, -1, 1), groups=channels)


def regularisation(
    r: torch.Tensor, limit: torch.Tensor, variation: torch.Tensor, l2_weight: torch.Tensor
) -> torch.Tensor:
    """A direction beside the gradient's of mean magnitude 1: towards a smoother residual, and back to the camera's.

    r: float32 (B, 3, H, W); limit: its RMS limit, (B, 1, 1, 1), by which both are measured. variation: times
    div(∇r / √(|∇r|² + ε²)), the descent of total variation (Rudin, Osher and Fatemi 1992); l2_weight: times
    −r / limit, the descent of ½‖r‖²; each (1,). Edges repeated.
    """
    flat = (0.05 * limit).clamp(min=1e-4)
    right = F.pad(r[..., 1:] - r[..., :-1], (0, 1))
    down = F.pad(r[:, :, 1:] - r[:, :, :-1], (0, 0, 0, 1))
    size = (right.square() + down.square() + flat.square()).sqrt()
    right, down = right / size, down / size
    bend = right - F.pad(right, (1, 0))[..., :-1] + down - F.pad(down, (0, 0, 1, 0))[:, :, :-1]
    return variation * bend - l2_weight * r / limit.clamp(min=1e-6)

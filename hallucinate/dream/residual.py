"""The hallucination itself: dreamed picture − camera picture. It fades, and it never goes further than it may."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

import torch
import torch.nn.functional as F

from hallucinate.dream.surface import narrowed, widened

FARTHEST = 0.25
"""Root mean square distance from the camera's picture, in [0, 1] units, at strength 1, typically.

How far each motif and layer may go to look that far away is measured: see ``hallucinate.dream.strength_calibration``.
"""

BROAD = 6
"""Cosine waves along the picture's longer side, from half a wave each up, that a residual has none of."""

CROWDED = 2.0
"""How many times as far as the whole picture may go its fullest parts may go, about."""


def fade(seconds: float, half_life_s: float) -> float:
    """0.5^(Δt / half-life): what is left after ``seconds``, the same at every frame rate."""
    return float(0.5 ** (max(0.0, seconds) / half_life_s))


def distance(residual: torch.Tensor) -> torch.Tensor:
    """Root mean square of each residual over its whole picture, in [0, 1] units: (B, 3, H, W) -> (B, 1, 1, 1)."""
    return residual.square().mean((1, 2, 3), keepdim=True).sqrt()


def limit_rms(
    residual: torch.Tensor,
    limit: torch.Tensor | float,
    luma_share: torch.Tensor | float | None = None,
    lift: float = 1.0,
) -> torch.Tensor:
    """Scale each residual down to the root mean square distance ``limit`` if it went further.

    Or up to it, by no more than ``lift``, if it did not go as far. residual: (B, 3, H, W). limit: in [0, 1] units,
    (B, 1, 1, 1) or one for all. luma_share: how much of that its luma usually has; with it, it is by its luma that
    the residual is judged, so that contrast is held and what colours do at the moment does not move it. No branch on
    the tensor: on a GPU the frame goes on without waiting for the number.
    """
    size = distance(residual)
    if luma_share is not None:
        # Colours alone are bounded as well.
        size = torch.maximum(distance(luma(residual)) / luma_share, 0.9 * size)
    return residual * (limit / size.clamp(min=1e-9)).clamp(max=lift)


def balanced(residual: torch.Tensor) -> torch.Tensor:
    """Take away what is broader than motifs are: each channel's mean and its first cosine waves in either direction.

    A dream changes what is seen, not how bright or how blue the sky is, so no feedback can drift there. An
    orthogonal projection (onto the complement of the lowest modes of the DCT-II), so doing it again changes nothing.
    """
    height, width = residual.shape[2:]
    part = max(height, width) / BROAD
    down, across = (cosine_waves(n, max(1, round(n / part)), residual.device) for n in (height, width))
    return residual - down @ (down.T @ residual @ across) @ across.T


def orthogonal_to_camera(
    residual: torch.Tensor, camera: torch.Tensor, balance: Callable[[torch.Tensor], torch.Tensor] = balanced
) -> torch.Tensor:
    """Take away each channel's share that is the camera's own picture, brightened or dimmed: its projection on it.

    What remains is orthogonal to the picture, so its contrast grows by what is dreamed and by nothing else, and no
    feedback can raise or lower the camera's own. Both (B, 3, H, W), the residual balanced by ``balance``; it stays so.
    """
    own = balance(camera)
    share = (residual * own).sum((2, 3), keepdim=True) / own.square().sum((2, 3), keepdim=True).clamp(min=1e-9)
    return residual - share * own


def hold_colour(
    residual: torch.Tensor, camera: torch.Tensor, before: torch.Tensor, fresh: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Hold how much colour each residual adds to its camera's picture, for its light and shade, but for what is new.

    Fed back for minutes on a still camera, patterns settle and their colours creep up: without this, by a tenth in ten
    minutes. residual, camera: (B, 3, H, W). before: what this returned a frame ago. fresh: from 0, hold it, to 1, let
    it be whatever it is now, (B, 1, 1, 1). Returned beside the residual, (B, 3, 1, 1), of each: what it adds to the
    mean distance of the picture's colours from grey, over its luma's root mean square; that over its own; and its own.
    """
    grey, own = luma(residual), luma(camera)
    colours, size = residual - grey, distance(grey).clamp(min=1e-9)
    dreamed, plain = ((camera - own + add).abs().mean((1, 2, 3), keepdim=True) for add in (colours, 0.0))
    reached = distance(residual)
    now = torch.cat([(dreamed - plain) / size, size / reached.clamp(min=1e-9), reached], 1)
    added, held = now[:, :1], torch.lerp(before, now, fresh)
    gain = 1 + (held[:, :1] - added) * size / colours.abs().mean((1, 2, 3), keepdim=True).clamp(min=1e-9)
    return grey + gain.clamp(0.5, 1.5) * colours, held


def luma(picture: torch.Tensor) -> torch.Tensor:
    """Luma (Rec. 601) of red, green and blue: (B, 3, H, W) -> (B, 1, H, W)."""
    return 0.299 * picture[:, :1] + 0.587 * picture[:, 1:2] + 0.114 * picture[:, 2:]


@functools.lru_cache(maxsize=64)
def cosine_waves(size: int, count: int, device: torch.device) -> torch.Tensor:
    """The first ``count`` orthonormal cosine waves over ``size`` pixels, the first one flat: float32 (size, count).

    Kept on the device for the next frame.
    """
    x = (torch.arange(size, dtype=torch.float64) + 0.5) / size
    basis = torch.cos(math.pi * x[:, None] * torch.arange(count, dtype=torch.float64)) * math.sqrt(2 / size)
    basis[:, 0] = math.sqrt(1 / size)
    return basis.float().to(device)


def limit_crowding(residual: torch.Tensor, limit: torch.Tensor | float, wraps: bool = False) -> torch.Tensor:
    """Turn down what crowds into one spot: there the distance may be CROWDED times ``limit``, the whole picture's.

    residual: (B, 3, H, W). limit: as for ``limit_rms``. Without it, feedback that keeps finding the same spot takes it
    to black, white or neon. The gain changes smoothly from place to place, and is 1 where nothing is too much. wraps:
    whether the picture's sides meet.
    """
    if wraps:
        return narrowed(limit_crowding(widened(residual), limit), residual.shape[3])
    height, width = residual.shape[2:]
    part = max(1, max(height, width) // 16)
    power = F.avg_pool2d(residual.square().mean(1, keepdim=True), part, ceil_mode=True, count_include_pad=False)
    gain = (CROWDED * limit / power.sqrt().clamp(min=1e-9)).clamp(max=1.0)
    return residual * F.interpolate(gain, (height, width), mode="bilinear", align_corners=False)

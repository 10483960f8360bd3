"""The hallucination itself: dreamed picture − camera picture. It fades, and it never goes further than it may."""

from __future__ import annotations

import torch

FARTHEST = 0.25
"""Root mean square distance from the camera's picture, in [0, 1] units, at strength 1."""


def fade(seconds: float, half_life_s: float) -> float:
    """0.5^(Δt / half-life): what is left after ``seconds``, the same at every frame rate."""
    return float(0.5 ** (max(0.0, seconds) / half_life_s))


def distance(residual: torch.Tensor) -> torch.Tensor:
    """Root mean square of the residual over the whole picture, in [0, 1] units; a scalar on its device."""
    return residual.square().mean().sqrt()


def within(residual: torch.Tensor, strength: float) -> torch.Tensor:
    """Scale the residual down to ``strength`` · FARTHEST if it went further.

    What counts is the distance from the camera's picture, so equal strength looks equally far away whatever
    was dreamed of. No branch on the tensor: on a GPU the frame goes on without waiting for the number.
    """
    limit = strength * FARTHEST
    return residual * (limit / distance(residual).clamp(min=1e-9)).clamp(max=1.0)


def balanced(residual: torch.Tensor) -> torch.Tensor:
    """Take each channel's mean away: a dream changes what is seen, not how bright or how blue the picture is."""
    return residual - residual.mean((2, 3), keepdim=True)

"""What the network is asked for more of.

An objective is a pair: what the network answered, and the direction in which that answer should move.
Handing the direction to ``autograd.grad`` in place of a scalar loss keeps every number small, so that
nothing overflows in half precision.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch

from hallucinate.settings import Settings

if TYPE_CHECKING:
    from hallucinate.networks import Network

Objective = Callable[[torch.Tensor], tuple[torch.Tensor, torch.Tensor]]
"""picture (1, 3, H, W) in [0, 1] -> (answer, direction), two tensors of one shape."""


def more_of_layer(network: Network, layer: str) -> Objective:
    """L = ½‖a‖² of a layer's activations a, whose gradient at the layer is a itself (Mordvintsev et al. 2015)."""

    def ask(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        a = network.activations(x, layer)
        # Only the way matters, so loud activations are turned down before float16's 65504 is near.
        return a, a.detach() / a.detach().abs().amax().clamp(min=1.0)

    return ask


def more_of_motifs(network: Network, mix: dict[str, float]) -> Objective:
    """L = Σ_places Σ_k w_k · logit_k: motifs by name, everywhere, each with its weight in [0, 1]."""
    index = {name: k for k, name in enumerate(network.motifs)}

    def ask(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        logits = network.forward(x)
        weights = torch.zeros(logits.shape[1], dtype=logits.dtype)
        for name, weight in mix.items():
            weights[index[name]] = weight
        direction = weights.to(logits.device)[None, :, None, None].expand_as(logits)
        return logits, direction

    return ask


def objective(network: Network, settings: Settings) -> Objective | None:
    """The objective that the settings ask for; None when they ask for nothing (every weight is 0)."""
    if settings.layer:
        return more_of_layer(network, settings.layer)
    mix = {name: weight for name, weight in settings.motifs.items() if weight > 0}
    return more_of_motifs(network, mix) if mix else None

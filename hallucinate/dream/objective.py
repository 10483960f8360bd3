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

TERRITORIAL = 3.0
"""How sharply the motifs of a mix part the picture between them; 0 would have them all everywhere, on each other."""

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
    """L = Σ_places Σ_k s_k · logit_k: motifs by name; of a mix, each place belongs mostly to one.

    s_k is the share that the motif has of a place: 1 for one alone, of several as ``shares`` gives them.
    """
    index = {name: k for k, name in enumerate(network.motifs)}
    asked = [index[name] for name in mix]
    weights = torch.tensor(list(mix.values()))

    def ask(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        logits = network.forward(x)
        way = torch.zeros_like(logits)
        way[:, asked] = shares(logits.detach()[:, asked].float(), weights.to(logits.device)).to(logits.dtype)
        return logits, way

    return ask


def shares(logits: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """How much each of a mix's motifs may have of each place: (B, m, h, w) logits -> the same shape, summing to 1.

    A place goes to the motif that is strongest there by its own standards (its logit, less its mean over the picture,
    over its standard deviation), weighted: so a motif that is easy to dream does not take the others' places, and
    what has begun to grow somewhere keeps that place.
    """
    spread, mean = torch.std_mean(logits, (2, 3), keepdim=True, correction=0)
    favour = TERRITORIAL * (logits - mean) / (spread + 1e-3)
    return torch.softmax(favour + weights.clamp(min=1e-6).log()[None, :, None, None], 1)


def objective(network: Network, settings: Settings) -> Objective | None:
    """The objective that the settings ask for; None when they ask for nothing (every weight is 0)."""
    if settings.layer:
        return more_of_layer(network, settings.layer)
    mix = {name: weight for name, weight in settings.motifs.items() if weight > 0}
    return more_of_motifs(network, mix) if mix else None

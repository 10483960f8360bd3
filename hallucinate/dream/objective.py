"""What the network is asked for more of.

An objective is a pair: what the network answered, and the direction in which that answer should move.
Handing the direction to ``autograd.grad`` in place of a scalar loss keeps every number small, so that
nothing overflows in half precision.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
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
        return a, a.detach() / a.detach().abs().amax((1, 2, 3), keepdim=True).clamp(min=1.0)

    return ask


def more_of_motifs(network: Network, weights: torch.Tensor) -> Objective:
    """L = Σ_places Σ_k s_k · logit_k: motifs by their weights; of a mix, each place belongs mostly to one.

    weights: float32 (motifs of the network,), on its device, 0 for what is not asked for: a tensor, so that a mix may
    change under a captured graph. s_k is the share that the motif has of a place, as ``shares`` gives them: 1 for one
    alone.
    """
    motifs = len(network.motifs)

    def ask(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        logits = network.forward(x)
        way = torch.zeros_like(logits)
        way[:, :motifs] = shares(logits.detach()[:, :motifs].float(), weights).to(logits.dtype)
        return logits, way

    return ask


def shares(logits: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """How much each motif may have of each place: (B, m, h, w) logits, (m,) weights -> (B, m, h, w), summing to 1.

    A place goes to the motif that is strongest there by its own standards (its logit, less its mean over the picture,
    over its standard deviation), weighted: so a motif that is easy to dream does not take the others' places, and
    what has begun to grow somewhere keeps that place. A motif of weight 0 has nothing; not all may be 0.
    """
    spread, mean = torch.std_mean(logits, (2, 3), keepdim=True, correction=0)
    favour = TERRITORIAL * (logits - mean) / (spread + 1e-3)
    return torch.softmax(favour + weights.log()[None, :, None, None], 1)


def asked(settings: Settings) -> dict[str, float]:
    """The motifs that the settings ask for, each with its weight; none where they ask for a layer, or for nothing."""
    return {} if settings.layer else {name: weight for name, weight in settings.motifs.items() if weight > 0}


def weights(network: Network, mix: Mapping[str, float]) -> list[float]:
    """A mix as ``more_of_motifs`` takes it: a weight for every motif of the network, in its order."""
    return [mix.get(name, 0.0) for name in network.motifs]

"""What the network is asked for more of.

An objective is a pair: what the network answered, and the direction in which that answer should move.
Handing the direction to ``autograd.grad`` in place of a scalar loss keeps every number small, so that
nothing overflows in half precision.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import torch

from hallucinate.settings import Settings, Unit

if TYPE_CHECKING:
    from hallucinate.networks import Network

TERRITORIAL = 3.0
"""How sharply the motifs of a mix part the picture between them; 0 would have them all everywhere, on each other."""

Objective = Callable[[torch.Tensor], tuple[torch.Tensor, torch.Tensor]]
"""picture (B, 3, H, W) in [0, 1] -> (answer, direction), two tensors of one shape."""

Usual = tuple[torch.Tensor, torch.Tensor]
"""Standard deviation and mean of each motif's logit over a picture, (B, m, 1, 1) both."""


def more_of_layer(network: Network, layer: str, plain: bool = False) -> Objective:
    """L = ½‖a‖² of a layer's activations a, whose gradient at the layer is a itself (Mordvintsev et al. 2015).

    plain: as loud as it is, not ``quiet``; for float32, and where gradients of parts are put together.
    """

    def ask(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        a = network.activations(x, layer)
        return a, a.detach() if plain else quiet(a.detach())

    return ask


Place = tuple[float, float]
"""A place in what is seen, as shares of its height and width; outside 0 to 1 it is not in it."""


def more_of_channel(
    network: Network, layer: str, channel: int, centre: bool = False, where: Place = (0.5, 0.5)
) -> Objective:
    """L = Σ a_channel: one channel of a layer everywhere, or its one neuron at the centre (Olah et al. 2017).

    where: the centre, when what is seen is a part of the picture.
    """

    def ask(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        a = network.activations(x, layer)
        way = torch.zeros_like(a)
        if centre:
            if all(0 <= share < 1 for share in where):
                # A little more, so that a place that is a whole number stays it.
                row, column = (int(n * share + 1e-6) for n, share in zip(a.shape[2:], where, strict=True))
                way[:, channel, row, column] = 1.0
        else:
            way[:, channel] = 1.0
        return a, way

    return ask


def more_of_unit(network: Network, unit: Unit, plain: bool = False, where: Place = (0.5, 0.5)) -> Objective:
    """Of a layer, a channel or a neuron, as the settings name it."""
    if unit.channel is None:
        return more_of_layer(network, unit.layer, plain)
    return more_of_channel(network, unit.layer, unit.channel, unit.centre, where)


def more_of_motifs(network: Network, weights: torch.Tensor, usual: Usual | None = None) -> Objective:
    """L = Σ_places Σ_k s_k · logit_k: motifs by their weights; of a mix, each place belongs mostly to one.

    weights: float32 (motifs of the network,), on its device, 0 for what is not asked for: a tensor, so that a mix may
    change under a captured graph. s_k is the share that the motif has of a place, as ``shares`` gives them: 1 for one
    alone. Of a network with one answer for the whole picture, motifs are its classes, and their logits are climbed.
    usual: as for ``shares``.
    """
    motifs = len(network.motifs)

    def ask(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        logits = network.forward(x)
        way = torch.zeros_like(logits)
        way[:, :motifs] = shares(logits.detach()[:, :motifs].float(), weights, usual).to(logits.dtype)
        return logits, way

    return ask


def more_of_guide(network: Network, layer: str, guide: torch.Tensor, plain: bool = False) -> Objective:
    """Every place becomes more like that place of the guide picture which it is most like already.

    L = Σ_places a · ŷ, with ŷ the guide's column of which a · y is largest, taken as fixed (Mordvintsev et al. 2015,
    ``objective_guide``). guide: (C, n), as ``features`` gives it. plain: as for ``more_of_layer``.
    """

    def ask(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        a = network.activations(x, layer)
        columns = a.detach().flatten(2).transpose(1, 2).float()
        best = (columns @ guide.float()).argmax(2)
        way = guide.T[best].transpose(1, 2).reshape(a.shape).to(a.dtype)
        return a, way if plain else quiet(way)

    return ask


def features(network: Network, layer: str, picture: torch.Tensor) -> torch.Tensor:
    """What ``more_of_guide`` takes of a guide picture, float32 (1, 3, H, W) in [0, 1]: (C, n), a column a place."""
    with torch.no_grad():
        return network.activations(picture, layer)[0].flatten(1)


def quiet(way: torch.Tensor) -> torch.Tensor:
    """A direction, (B, C, h, w), turned down where it is loud: only the way matters, and float16 ends at 65504."""
    return way / way.abs().amax((1, 2, 3), keepdim=True).clamp(min=1.0)


def shares(logits: torch.Tensor, weights: torch.Tensor, usual: Usual | None = None) -> torch.Tensor:
    """How much each motif may have of each place: (B, m, h, w) logits, (m,) weights -> (B, m, h, w), summing to 1.

    A place goes to the motif that is strongest there by its own standards (its logit, less its mean over the picture,
    over its standard deviation), weighted: so a motif that is easy to dream does not take the others' places, and
    what has begun to grow somewhere keeps that place. A motif of weight 0 has nothing; not all may be 0. usual: the
    deviation and the mean of each, when the logits are of a part of the picture only.
    """
    spread, mean = usual or torch.std_mean(logits, (2, 3), keepdim=True, correction=0)
    favour = TERRITORIAL * (logits - mean) / (spread + 1e-3)
    return torch.softmax(favour + weights.log()[None, :, None, None], 1)


def asked(settings: Settings) -> dict[tuple[str, str], float]:
    """All that the settings ask for, (kind, name) -> weight above 0: "motifs", "layers", and the "guide"."""
    guide = {settings.guide_layer: settings.guide}
    kinds = {"motifs": settings.motifs, "layers": settings.layers, "guide": guide}
    return {(kind, name): weight for kind, mix in kinds.items() for name, weight in mix.items() if weight > 0}


def weights(network: Network, mix: Mapping[str, float]) -> list[float]:
    """A mix as ``more_of_motifs`` takes it: a weight for every motif of the network, in its order."""
    return [mix.get(name, 0.0) for name in network.motifs]

"""Everything that one session dreams of at once, compiled once from its settings, the network and the guide."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from hallucinate.dream.objectives import (
    GuideObjective,
    MotifsObjective,
    Objective,
    UnitObjective,
    features,
    motif_weights,
    requested,
)
from hallucinate.frame import Picture, shrunk, to_tensor
from hallucinate.settings import Settings, read_unit

if TYPE_CHECKING:
    from hallucinate.networks import Network

GUIDE_PX = 224
"""The longer side, at most, of the guide as the network sees it: ImageNet's own size."""


class Guide:
    """A picture to dream of. picture: uint8 RGB (H, W, 3), of any size."""

    def __init__(self, picture: Picture) -> None:
        self._picture = smaller(picture, GUIDE_PX)
        self._network: Network | None = None
        self._features: dict[str, torch.Tensor] = {}

    def features(self, network: Network, layer: str, device: torch.device) -> torch.Tensor:
        """Its columns in a layer, as ``objectives.features`` gives them; computed once for a network."""
        if network is not self._network:
            self._network, self._features = network, {}
        if layer not in self._features:
            self._features[layer] = features(network, layer, to_tensor(self._picture, device))
        return self._features[layer]


@dataclass(frozen=True)
class ObjectiveSet:
    """Objectives by weight, the motifs together being one. weights: above 0, not normalised."""

    objectives: tuple[Objective, ...]
    weights: tuple[float, ...]

    @property
    def shares(self) -> tuple[float, ...]:
        """Each objective's part in the whole, summing to 1."""
        return tuple(weight / sum(self.weights) for weight in self.weights)


def compile_objectives(
    network: Network, settings: Settings, guide: Guide | None, device: torch.device, bounded: bool = True
) -> ObjectiveSet:
    """What the settings request. Without a guide picture the guide is left out. bounded: as for ``UnitObjective``."""
    mix = {key: weight for key, weight in requested(settings).items() if guide is not None or key[0] != "guide"}
    motifs = {name: weight for (kind, name), weight in mix.items() if kind == "motifs"}
    objectives: list[Objective] = []
    weights: list[float] = []
    if motifs:
        objectives.append(MotifsObjective(network, torch.tensor(motif_weights(network, motifs), device=device)))
        weights.append(sum(motifs.values()))
    for (kind, name), weight in mix.items():
        if kind == "layers":
            objectives.append(UnitObjective(network, read_unit(name), bounded))
            weights.append(weight)
    for (kind, name), weight in mix.items():
        if kind == "guide" and guide is not None:
            layer = name or network.default_layer
            objectives.append(GuideObjective(network, layer, guide.features(network, layer, device), bounded))
            weights.append(weight)
    return ObjectiveSet(tuple(objectives), tuple(weights))


def smaller(picture: Picture, side: int) -> Picture:
    """The picture with its longer side at most so many pixels: uint8 RGB (h, w, 3)."""
    scale = min(1.0, side / max(picture.shape[:2]))
    return shrunk(picture, *(max(32, round(n * scale)) for n in picture.shape[1::-1]))

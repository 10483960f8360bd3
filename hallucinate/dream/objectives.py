"""What the network is to see more of: small objects with a name, each of which gives a gradient at the pixels.

Another policy (a control without a network, a text prompt) is one more class with the members of ``Objective``.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol, Self

import torch

from hallucinate.settings import Settings, Unit

if TYPE_CHECKING:
    from hallucinate.networks import Network

TERRITORIAL = 3.0
"""How sharply the motifs of a mix divide the picture between them; 0 would have them all everywhere, on each other."""

Place = tuple[float, float]
"""A place in what the network sees, as shares of its height and width; outside 0 to 1 it is not in it."""

CENTRE: Place = (0.5, 0.5)

LogitStatistics = tuple[torch.Tensor, torch.Tensor]
"""Standard deviation and mean of each motif's logit over a picture, (B, m, 1, 1) both."""


class Objective(Protocol):
    """One thing that is dreamed of.

    name: for people. key: everything about it but its tensor, hashable: one captured graph serves all that share it.
    tensor: the numbers that may change from frame to frame under a captured graph; None for none.
    """

    @property
    def name(self) -> str: ...  # noqa: D102 - above

    @property
    def key(self) -> Hashable: ...  # noqa: D102

    @property
    def tensor(self) -> torch.Tensor | None: ...  # noqa: D102

    def with_tensor(self, tensor: torch.Tensor) -> Self:
        """The same, with these numbers."""
        ...

    def for_part(self, centre: Place, statistics: LogitStatistics | None) -> Self:
        """The same for a part of a picture. centre: of the whole picture; statistics: of the logits in the whole."""
        ...

    def gradient(self, x: torch.Tensor) -> torch.Tensor:
        """∂L/∂x at x, RGB (B, 3, H, W) in [0, 1]: float32 (B, 3, H, W)."""
        ...


class NetworkObjective:
    """An objective that a network's answer gives: its gradient, from that answer and where the answer should go.

    The direction is handed to ``autograd.grad`` in place of a scalar loss, which keeps every number small, so that
    nothing overflows in half precision. layer: that it looks at, "" for the network's own answer.
    """

    network: Network
    layer: str

    def answer(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Picture (B, 3, H, W) in [0, 1] -> what the network answers, and the direction to move it, of one shape."""
        raise NotImplementedError

    def gradient(self, x: torch.Tensor) -> torch.Tensor:
        """∂L/∂x at x, as ``Objective`` has it."""
        x = x.detach().requires_grad_(True)
        answer, direction = self.answer(x)
        (g,) = torch.autograd.grad(answer, x, direction)
        return g.float()


@dataclass(frozen=True)
class UnitObjective(NetworkObjective):
    """A layer, one of its channels, or that channel's neuron at the centre.

    A layer: L = ½‖a‖² of its activations a, whose gradient at the layer is a itself (Mordvintsev et al. 2015).
    A channel: L = Σ a_channel; its neuron: a_channel at the centre (Olah et al. 2017).
    bounded: a layer's direction is turned down where it is loud; False for float32, and where gradients of parts are
    put together. centre: of the whole picture, where a part of it is seen.
    """

    network: Network
    unit: Unit
    bounded: bool = True
    centre: Place = CENTRE

    tensor = None

    @property
    def layer(self) -> str:  # type: ignore[override]  # it is only read
        """The unit's."""
        return self.unit.layer

    @property
    def name(self) -> str:
        """As the settings write it: ``mixed4c:12@centre``."""
        layer, channel, centre = self.unit
        return layer + ("" if channel is None else f":{channel}{'@centre' if centre else ''}")

    @property
    def key(self) -> Hashable:
        """The unit."""
        return self.unit

    def with_tensor(self, tensor: torch.Tensor) -> Self:
        """Itself: it has no numbers that change."""
        return self

    def for_part(self, centre: Place, statistics: LogitStatistics | None) -> Self:
        """With the whole picture's centre, in shares of the part."""
        return replace(self, centre=centre)

    def answer(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The layer's activations, and where they should go."""
        a = self.network.activations(x, self.unit.layer)
        if self.unit.channel is None:
            return a, bounded(a.detach()) if self.bounded else a.detach()
        direction = torch.zeros_like(a)
        if not self.unit.centre:
            direction[:, self.unit.channel] = 1.0
        elif all(0 <= share < 1 for share in self.centre):
            # A little more, so that a place that is a whole number stays it.
            row, column = (int(n * share + 1e-6) for n, share in zip(a.shape[2:], self.centre, strict=True))
            direction[:, self.unit.channel, row, column] = 1.0
        return a, direction


@dataclass(frozen=True)
class MotifsObjective(NetworkObjective):
    """Motifs by weight: L = Σ_places Σ_k s_k · logit_k; of a mix, each place belongs mostly to one.

    tensor: the weights, float32 (motifs of the network,), on its device, 0 for what is not requested. s_k is the share
    that the motif has of a place, as ``shares`` computes it: 1 for one alone. Of a network with one answer for the
    whole picture, motifs are its classes, and their logits are raised; by_area: that one answer counts as often as
    pictures of 224 × 224 fit into what is seen, so that a large tile's weighs as much more.
    """

    network: Network
    tensor: torch.Tensor
    statistics: LogitStatistics | None = None
    by_area: bool = False

    key = "motifs"
    layer = ""

    @property
    def name(self) -> str:
        """The motifs that have a weight."""
        weights = self.tensor.tolist()
        return " + ".join(name for name, weight in zip(self.network.motifs, weights, strict=True) if weight > 0)

    def with_tensor(self, tensor: torch.Tensor) -> Self:
        """With other weights."""
        return replace(self, tensor=tensor)

    def for_part(self, centre: Place, statistics: LogitStatistics | None) -> Self:
        """With what the logits are like in the whole picture."""
        return replace(self, statistics=statistics, by_area=True)

    def answer(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The logits, and where they should go."""
        logits, motifs = self.network.forward(x), len(self.network.motifs)
        direction = torch.zeros_like(logits)
        found = shares(logits.detach()[:, :motifs].float(), self.tensor, self.statistics)
        direction[:, :motifs] = found.to(logits.dtype)
        if self.by_area and direction.shape[2:] == (1, 1):
            direction = direction * (x.shape[2] * x.shape[3] / 50176)
        return logits, direction


@dataclass(frozen=True)
class GuideObjective(NetworkObjective):
    """Every place becomes more like that place of the guide picture which it is most like already.

    L = Σ_places a · ŷ, with ŷ the guide's column of which a · y is largest, taken as fixed (Mordvintsev et al. 2015,
    ``objective_guide``). tensor: the guide's columns (C, n), as ``features`` gives them. bounded: as for a layer.
    """

    network: Network
    layer: str
    tensor: torch.Tensor
    bounded: bool = True

    @property
    def name(self) -> str:
        """The layer in which the two are compared."""
        return f"guide at {self.layer}"

    @property
    def key(self) -> Hashable:
        """The layer."""
        return "guide", self.layer

    def with_tensor(self, tensor: torch.Tensor) -> Self:
        """With another guide."""
        return replace(self, tensor=tensor)

    def for_part(self, centre: Place, statistics: LogitStatistics | None) -> Self:
        """Itself: each place is compared by itself."""
        return self

    def answer(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The layer's activations, and where they should go."""
        a = self.network.activations(x, self.layer)
        columns = a.detach().flatten(2).transpose(1, 2).float()
        best = (columns @ self.tensor.float()).argmax(2)
        direction = self.tensor.T[best].transpose(1, 2).reshape(a.shape).to(a.dtype)
        return a, bounded(direction) if self.bounded else direction


def features(network: Network, layer: str, picture: torch.Tensor) -> torch.Tensor:
    """A guide picture's columns, float32 (1, 3, H, W) in [0, 1] -> (C, n), one column for each place."""
    with torch.no_grad():
        return network.activations(picture, layer)[0].flatten(1)


def bounded(direction: torch.Tensor) -> torch.Tensor:
    """A direction, (B, C, h, w), turned down where it is loud: only where it points matters; float16 ends at 65504."""
    return direction / direction.abs().amax((1, 2, 3), keepdim=True).clamp(min=1.0)


def shares(logits: torch.Tensor, weights: torch.Tensor, statistics: LogitStatistics | None = None) -> torch.Tensor:
    """How much each motif may have of each place: (B, m, h, w) logits, (m,) weights -> (B, m, h, w), summing to 1.

    A place goes to the motif that is strongest there by its own standards (its logit, less its mean over the picture,
    over its standard deviation), weighted: so a motif that is easy to dream does not take the others' places, and
    what has begun to grow somewhere keeps that place. A motif of weight 0 has nothing; not all may be 0. statistics:
    the deviation and the mean of each, when the logits are of a part of the picture only.
    """
    spread, mean = statistics or torch.std_mean(logits, (2, 3), keepdim=True, correction=0)
    favour = TERRITORIAL * (logits - mean) / (spread + 1e-3)
    return torch.softmax(favour + weights.log()[None, :, None, None], 1)


def requested(settings: Settings) -> dict[tuple[str, str], float]:
    """All that the settings request, (kind, name) -> weight above 0: "motifs", "layers", and the "guide"."""
    guide = {settings.guide_layer: settings.guide}
    kinds = {"motifs": settings.motifs, "layers": settings.layers, "guide": guide}
    return {(kind, name): weight for kind, mix in kinds.items() for name, weight in mix.items() if weight > 0}


def motif_weights(network: Network, mix: Mapping[str, float]) -> list[float]:
    """A mix as ``MotifsObjective`` takes it: a weight for every motif of the network, in its order."""
    return [mix.get(name, 0.0) for name in network.motifs]

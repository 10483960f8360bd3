"""What is asked of a network, and the gradient of a picture too large for it to see at once: tile by tile.

A tile is seen with a margin as wide as a gradient reaches, and only its core is kept; what depends on the whole
picture (how loud it is, where its centre is, how strong each motif usually is in it) is taken from the whole. So the
gradient is the one that the whole picture would have had, and is shaped and normalised once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from hallucinate.dream.ascent import gradient, normalised
from hallucinate.dream.dreamer import GUIDE_PX, Guide, smaller
from hallucinate.dream.objectives import (
    Objective,
    Usual,
    asked,
    more_of_guide,
    more_of_motifs,
    more_of_unit,
    weights,
)
from hallucinate.frame import Picture
from hallucinate.settings import Settings, Unit, read_unit

if TYPE_CHECKING:
    from hallucinate.networks import Network

ALIGNED = 32
"""Tiles begin at multiples of this, which every network's stride divides: each place of a layer stays where it is."""

PROBES = (256, 512, 1024)
"""Sizes of the picture by which the reach of a gradient is found; what reaches further than the last is cut off."""

MOST_MARGIN = 512
"""No margin is wider. Networks that pool the whole picture reach everywhere, but most of it is from nearby."""

FAINT = 1e-5
"""Rows of a gradient of less than this, beside the strongest, are out of reach."""


@dataclass(frozen=True)
class ObjectiveSet:
    """What is asked of a network, in the order of ``shares``: the motifs as one, each unit, the guide.

    weights: of the network's motifs, (K,), None where none are asked for. guide: as ``objectives.features`` gives it,
    at ``guide_layer``. shares: of each part in the whole, summing to 1.
    """

    network: Network
    weights: torch.Tensor | None
    units: tuple[Unit, ...]
    guide_layer: str
    guide: torch.Tensor | None
    shares: tuple[float, ...]

    @property
    def layers(self) -> set[str]:
        """The layers that are looked at, "" for the network's answer."""
        answer = {""} if self.weights is not None else set()
        return answer | {unit.layer for unit in self.units} | ({self.guide_layer} if self.guide is not None else set())


def compile_objectives(
    network: Network, settings: Settings, guide: Picture | None, device: torch.device
) -> ObjectiveSet:
    """What the settings ask for. guide: uint8 RGB (H, W, 3), of any size; without one it is not asked for."""
    wanted = {key: weight for key, weight in asked(settings).items() if guide is not None or key[0] != "guide"}
    motifs = {name: weight for (kind, name), weight in wanted.items() if kind == "motifs"}
    others = {key: weight for key, weight in wanted.items() if key[0] != "motifs"}
    parts = [sum(motifs.values()), *others.values()] if motifs else list(others.values())
    layer = settings.guide_layer or network.default_layer
    looked_at = ("guide", settings.guide_layer) in others and guide is not None
    return ObjectiveSet(
        network,
        torch.tensor(weights(network, motifs), device=device) if motifs else None,
        tuple(read_unit(name) for kind, name in others if kind == "layers"),
        layer,
        Guide(smaller(guide, GUIDE_PX)).at(network, layer, device) if guide is not None and looked_at else None,
        tuple(part / sum(parts) for part in parts),
    )


@dataclass(frozen=True, slots=True)
class Tile:
    """A part of a picture: its core, and what is seen of the picture around it, as rows and columns of the picture."""

    core: tuple[slice, slice]
    seen: tuple[slice, slice]

    def of(self, picture: torch.Tensor) -> torch.Tensor:
        """What is seen, (B, C, h, w), of a picture, (B, C, H, W)."""
        return picture[:, :, self.seen[0], self.seen[1]]

    @property
    def inner(self) -> tuple[slice, slice]:
        """The core, as rows and columns of what is seen."""
        rows, columns = (
            slice(core.start - seen.start, core.stop - seen.start)
            for core, seen in zip(self.core, self.seen, strict=True)
        )
        return rows, columns

    def centre(self, height: int, width: int) -> tuple[float, float]:
        """The centre of a picture of that size, as shares of what is seen."""
        row, column = (
            (size / 2 - seen.start) / (seen.stop - seen.start)
            for size, seen in zip((height, width), self.seen, strict=True)
        )
        return row, column


def tiles(height: int, width: int, core: int, margin: int) -> list[Tile]:
    """The tiles of a picture, which cover it once: a single one where it is no larger than a tile and its margins."""
    if height * width <= (core + 2 * margin) ** 2:
        whole = slice(0, height), slice(0, width)
        return [Tile(whole, whole)]
    core, margin = (-(-size // ALIGNED) * ALIGNED for size in (core, margin))

    def along(size: int) -> Iterator[tuple[slice, slice]]:
        for start in range(0, size, core):
            stop = min(start + core, size)
            yield slice(start, stop), slice(max(0, start - margin), min(size, stop + margin))

    return [Tile((r, c), (rows, columns)) for r, rows in along(height) for c, columns in along(width)]


def gradient_by_tiles(objectives: ObjectiveSet, picture: torch.Tensor, parts: Sequence[Tile]) -> torch.Tensor:
    """∂L/∂x of the whole picture, float32 (1, 3, H, W), looked at tile by tile.

    Of several objectives the sum, each of mean magnitude 1 in the whole picture times its share.
    """
    usual = usually(objectives, picture, parts)
    total = torch.zeros_like(picture)
    for n, share in enumerate(objectives.shares):
        g = torch.empty_like(picture)
        for tile in parts:
            seen = tile.of(picture).detach().clone().requires_grad_(True)
            found = gradient(seen, objective(objectives, n, tile.centre(*picture.shape[2:]), usual))
            g[:, :, tile.core[0], tile.core[1]] = found[:, :, tile.inner[0], tile.inner[1]]
        total = g if len(objectives.shares) == 1 else total.add_(normalised(g), alpha=share)
    return total


def objective(objectives: ObjectiveSet, n: int, centre: tuple[float, float], usual: Usual | None) -> Objective:
    """The n-th part of a wish. centre: of the whole picture, in shares of what is seen."""
    if objectives.weights is not None:
        if n == 0:
            return evenly(more_of_motifs(objectives.network, objectives.weights, usual))
        n -= 1
    if n < len(objectives.units):
        return more_of_unit(objectives.network, objectives.units[n], plain=True, where=centre)
    assert objectives.guide is not None
    return more_of_guide(objectives.network, objectives.guide_layer, objectives.guide, plain=True)


def evenly(ask: Objective) -> Objective:
    """The same, where one answer for all that is seen is the mean of its places: a large tile's weighs as much more."""

    def asked_of_all(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        answer, way = ask(x)
        return answer, way * (x.shape[2] * x.shape[3] / 50176) if way.shape[2:] == (1, 1) else way

    return asked_of_all


def usually(objectives: ObjectiveSet, picture: torch.Tensor, parts: Sequence[Tile]) -> Usual | None:
    """How strong each motif is in the whole picture, where several share it and it is seen in parts."""
    if objectives.weights is None or len(parts) == 1 or int((objectives.weights > 0).sum()) < 2:
        return None
    found = []
    with torch.no_grad():
        for tile in parts:
            logits = objectives.network.forward(tile.of(picture))[:, : len(objectives.network.motifs)].float()
            rows, columns = (
                places(inner, seen.stop - seen.start, count)
                for inner, seen, count in zip(tile.inner, tile.seen, logits.shape[2:], strict=True)
            )
            found.append(logits[:, :, rows, columns].flatten(2))
    spread, mean = torch.std_mean(torch.cat(found, 2), 2, keepdim=True, correction=0)
    return spread[..., None], mean[..., None]


def places(inner: slice, pixels: int, count: int) -> slice:
    """Which of ``count`` places over so many pixels lie in the core; at least one."""
    first = round(inner.start * count / pixels)
    return slice(min(first, count - 1), max(first + 1, round(inner.stop * count / pixels)))


def receptive_field(objectives: ObjectiveSet, device: torch.device) -> int:
    """How far around a pixel, in pixels, its gradient depends on the picture: found by asking, once.

    A place answers to R pixels around it, so a gradient is made of places R away that see R pixels further.
    """
    return max((_twice_seen(objectives.network, layer, device) for layer in objectives.layers), default=0)


def _twice_seen(network: Network, layer: str, device: torch.device) -> int:
    for size in PROBES:
        noise = torch.rand(1, 3, size, size, generator=torch.Generator().manual_seed(0)).to(device).requires_grad_(True)
        answer = network.activations(noise, layer) if layer else network.forward(noise)
        if answer.shape[2:] == (1, 1):
            return MOST_MARGIN // 2
        middle = answer.shape[2] // 2
        (g,) = torch.autograd.grad(answer[0, :, middle, middle].float().square().sum(), noise)
        felt = g.abs().sum((0, 1))
        felt = torch.maximum(felt.sum(0), felt.sum(1))
        near = (felt > FAINT * felt.max()).nonzero()
        first, last = (int(near[0]), int(near[-1])) if len(near) else (0, size)
        if first > 0 and last < size - 1:
            at = round((middle + 0.5) * size / answer.shape[2])
            return min(MOST_MARGIN, 2 * max(at - first, last - at))
    return MOST_MARGIN

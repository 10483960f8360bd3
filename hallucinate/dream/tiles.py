"""The gradient of a picture too large for the network to see at once, tile by tile.

A tile is seen with a margin as wide as the receptive field of a gradient, and only its core is used; what depends on
the whole picture (where its centre is, how strong each motif usually is in it) is taken from the whole. So the
gradient is the one that the whole picture would have had, and is shaped and normalised once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from hallucinate.dream.ascent import gradient, normalised
from hallucinate.dream.objective_set import ObjectiveSet
from hallucinate.dream.objectives import LogitStatistics, MotifsObjective, NetworkObjective

if TYPE_CHECKING:
    from hallucinate.networks import Network

ALIGNED = 32
"""Tiles begin at multiples of this, which every network's stride divides: each place of a layer stays where it is."""

PROBES = (256, 512, 1024)
"""Sizes of the picture on which a receptive field is measured; one that is larger than the last is cut off."""

WIDEST_MARGIN = 512
"""No margin is wider. Where a network pools the whole picture, every place counts, but most of it is from nearby."""

FAINT = 1e-5
"""Rows of a gradient of less than this, beside the strongest, are outside the receptive field."""


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
    """∂L/∂x of the whole picture, float32 (1, 3, H, W), tile by tile.

    Of several objectives the sum, each of mean magnitude 1 in the whole picture times its share.
    """
    statistics = logit_statistics(objectives, picture, parts)
    total = torch.zeros_like(picture)
    for objective, share in zip(objectives.objectives, objectives.shares, strict=True):
        g = torch.empty_like(picture)
        for tile in parts:
            part = objective.for_part(tile.centre(*picture.shape[2:]), statistics)
            found = gradient(tile.of(picture).detach().clone(), part)
            g[:, :, tile.core[0], tile.core[1]] = found[:, :, tile.inner[0], tile.inner[1]]
        total = g if len(objectives.objectives) == 1 else total.add_(normalised(g), alpha=share)
    return total


def logit_statistics(objectives: ObjectiveSet, picture: torch.Tensor, parts: Sequence[Tile]) -> LogitStatistics | None:
    """How strong each motif is in the whole picture, where several share it and it is seen in parts."""
    motifs = next((o for o in objectives.objectives if isinstance(o, MotifsObjective)), None)
    if motifs is None or len(parts) == 1 or int((motifs.tensor > 0).sum()) < 2:
        return None
    found = []
    with torch.no_grad():
        for tile in parts:
            logits = motifs.network.forward(tile.of(picture))[:, : len(motifs.network.motifs)].float()
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
    """How far around a pixel, in pixels, its gradient depends on the picture: measured, once.

    A place answers to R pixels around it, so a gradient is made of places R away that see R pixels further.
    """
    looked_at = {(o.network, o.layer) for o in objectives.objectives if isinstance(o, NetworkObjective)}
    return max((_twice_seen(network, layer, device) for network, layer in looked_at), default=0)


def _twice_seen(network: Network, layer: str, device: torch.device) -> int:
    for size in PROBES:
        noise = torch.rand(1, 3, size, size, generator=torch.Generator().manual_seed(0)).to(device).requires_grad_(True)
        answer = network.activations(noise, layer) if layer else network.forward(noise)
        if answer.shape[2:] == (1, 1):
            return WIDEST_MARGIN // 2
        middle = answer.shape[2] // 2
        (g,) = torch.autograd.grad(answer[0, :, middle, middle].float().square().sum(), noise)
        felt = g.abs().sum((0, 1))
        felt = torch.maximum(felt.sum(0), felt.sum(1))
        near = (felt > FAINT * felt.max()).nonzero()
        first, last = (int(near[0]), int(near[-1])) if len(near) else (0, size)
        if first > 0 and last < size - 1:
            at = round((middle + 0.5) * size / answer.shape[2])
            return min(WIDEST_MARGIN, 2 * max(at - first, last - at))
    return WIDEST_MARGIN

"""Training pictures: drawn motifs over, beside and through each other, with a map of what is where."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from hallucinate.motifs import MOTIFS
from hallucinate.motifs.drawing import Pen, smooth

CELL = 16
"""Pixels to a place of the label map: the stride of the network."""


def draw_all(count: int, size: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """At least ``count`` pictures, every motif equally often and some of nothing, in random order.

    Returns pictures (N, 3, size, size), masks (N, size, size), and the motif of each, (N,); the number of
    motifs stands for nothing.
    """
    each = count // (len(MOTIFS) + 1) + 1
    pictures, masks, kinds = [], [], []
    for kind, motif in enumerate(MOTIFS.values()):
        picture, mask = motif.draw(Pen(each, size, size, generator))
        pictures.append(picture)
        masks.append(mask)
        kinds.append(torch.full((each,), kind, device=generator.device))
    pen = Pen(each, size, size, generator)
    pictures.append(pen.backdrop())
    masks.append(torch.zeros(each, size, size, device=generator.device))
    kinds.append(torch.full((each,), len(MOTIFS), device=generator.device))
    order = torch.randperm(each * (len(MOTIFS) + 1), generator=generator, device=generator.device)
    return torch.cat(pictures)[order], torch.cat(masks)[order], torch.cat(kinds)[order]


def compose(count: int, size: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """``count`` training pictures and what is where in them.

    Half are one motif; in the others a second one, or plain ground, comes through in soft patches. Then
    light, haze, blur and noise, as a camera has. size: pixels, a multiple of CELL.
    Returns float32 (count, 3, size, size) in [0, 1], and the share of each place that each motif fills,
    float32 (count, K + 1, size / CELL, size / CELL), summing to 1 over channels; the last is nothing.
    """
    pictures, masks, kinds = (part[:count] for part in draw_all(count, size, generator))
    other = torch.randperm(count, generator=generator, device=generator.device)
    pen = Pen(count, size, size, generator)
    patch = smooth(0.3, 0.6, pen.noise(size / 2) - 0.5) * pen.chance(0.5)
    mixed = pictures * (1 - patch[:, None]) + pictures[other] * patch[:, None]

    labels = torch.zeros(count, len(MOTIFS) + 1, size, size, device=generator.device)
    index = torch.arange(count, device=generator.device)
    labels[index, kinds] += masks * (1 - patch)
    labels[index, kinds[other]] += masks[other] * patch
    places = F.avg_pool2d(labels[:, :-1], CELL)
    nothing = (1 - places.sum(1, keepdim=True)).clamp(min=0)
    return seen_by_a_camera(mixed, pen), torch.cat([places, nothing], 1)


def seen_by_a_camera(pictures: torch.Tensor, pen: Pen) -> torch.Tensor:
    """Exposure, uneven light, lost contrast, some blur and noise: (B, 3, H, W) in [0, 1] again."""
    light = (pen.uniform(0.6, 1.3) * (1 + 0.35 * pen.noise(pen.height / 1.5).clamp(-2, 2)))[:, None]
    seen = pictures * light + pen.uniform(-0.15, 0.15)[:, None]
    contrast = pen.uniform(0.5, 1.1)[:, None]
    seen = 0.5 + (seen - 0.5) * contrast
    soft = F.avg_pool2d(F.pad(seen, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
    blur = (pen.uniform(0, 1) * pen.chance(0.5))[:, None]
    seen = seen + blur * (soft - seen)
    grain = torch.randn(seen.shape, generator=pen.generator, device=pen.device)
    return (seen + grain * pen.uniform(0, 0.07)[:, None]).clamp(0, 1)

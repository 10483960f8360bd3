"""Training pictures: drawn motifs over, beside and through each other, with a map of what is where."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from hallucinate.motifs import MOTIFS
from hallucinate.motifs.drawing import Colour, Pen, Plane, smooth

CELL = 16
"""Pixels to a place of the label map: the stride of the networks."""

FULL = 1.8
"""A place more than 1 / FULL of which is a motif's counts as all its own: a fern has gaps."""

EACH = 4
"""Drawings of one motif at a time: drawn in batches they are cheap, and a step need not show every motif."""


def draw_some(count: int, size: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """``count`` pictures in random order: of motifs taken by lot, and a twelfth of nothing.

    Returns pictures (N, 3, size, size), masks (N, size, size), and the motif of each, (N,); the number of
    motifs stands for nothing.
    """
    pictures, masks, kinds = [], [], []
    motifs = list(MOTIFS.values())
    lots = torch.randperm(len(motifs), generator=generator, device=generator.device).tolist()
    pens = -(-count // EACH)
    drawn = (lots * (1 + pens // len(lots)))[: pens - -(-pens // 12)]
    for kind in drawn:
        pen = Pen(EACH, size, size, generator)
        picture, mask = motifs[kind].draw(pen)
        pictures.append(picture.expand(EACH, -1, size, size))
        masks.append(mask.expand(EACH, size, size))
        kinds += [kind] * EACH
    for _ in range(pens - len(drawn)):
        pictures.append(Pen(EACH, size, size, generator).backdrop().expand(EACH, -1, size, size))
        masks.append(torch.zeros(EACH, size, size, device=generator.device))
        kinds += [len(motifs)] * EACH
    order = torch.randperm(len(kinds), generator=generator, device=generator.device)[:count]
    of_each = torch.tensor(kinds, device=generator.device)
    return torch.cat(pictures)[order].clamp(0, 1), torch.cat(masks)[order], of_each[order]


def compose(count: int, size: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """``count`` training pictures and what is where in them.

    A third are one motif. In a third another comes through in soft patches; in a third another, smaller, is on
    top and casts its shadow. Half are seen from aside. Then light, haze, blur and noise, as a camera has.
    size: pixels, a multiple of CELL.
    Returns float32 (count, 3, size, size) in [0, 1], and the share of each place that each motif fills,
    float32 (count, K + 1, size / CELL, size / CELL), summing to 1 over channels; the last is nothing.
    """
    pen = Pen(count, size, size, generator)
    pictures, masks, kinds = draw_some(count, size, generator)
    pictures, masks = seen_from_aside(pictures, masks, pen)
    other = torch.randperm(count, generator=generator, device=generator.device)

    variant = pen.uniform(0, 3)
    patch = smooth(0.3, 0.6, pen.noise(size / 2) - 0.3) * (variant < 1)
    small, outline = shrunk(pictures[other], masks[other], pen)
    outline = outline * ((variant >= 1) & (variant < 2))
    picture = pen.shadowed(pictures, outline)
    for paint, mask in ((pictures[other], patch), (small, outline)):
        picture = picture * (1 - mask[:, None]) + paint * mask[:, None]

    places = torch.zeros(count, len(MOTIFS) + 1, size // CELL, size // CELL, device=generator.device)
    index = torch.arange(count, device=generator.device)
    places[index, kinds] += F.avg_pool2d(masks * (1 - patch) * (1 - outline), CELL)
    places[index, kinds[other]] += F.avg_pool2d(masks[other] * patch + outline, CELL)
    places = FULL * places[:, :-1]
    places = places / places.sum(1, keepdim=True).clamp(min=1)
    nothing = 1 - places.sum(1, keepdim=True)
    return seen_by_a_camera(picture, pen), torch.cat([places, nothing], 1)


def seen_from_aside(pictures: Colour, masks: Plane, pen: Pen) -> tuple[Colour, Plane]:
    """Half of the pictures and their masks as planes tilted away from the eye, by a homography."""
    x, y = pen.grid()
    tilted = pen.chance(0.5)
    depth = 1 + tilted * (pen.uniform(-0.4, 0.4) * x + pen.uniform(-0.4, 0.4) * y)
    grid = torch.stack([x.expand_as(depth), y.expand_as(depth)], 3) * (1 - 0.2 * tilted)[..., None] / depth[..., None]
    both = torch.cat([pictures, masks[:, None]], 1)
    seen = F.grid_sample(both, grid, mode="bilinear", padding_mode="reflection", align_corners=True)
    return seen[:, :3], seen[:, 3]


def shrunk(pictures: Colour, masks: Plane, pen: Pen) -> tuple[Colour, Plane]:
    """Pictures a third to four fifths as large, turned, moved; masks likewise, those without an outline cut round."""
    x, y = pen.grid()
    angle, times = pen.uniform(-0.6, 0.6), 1 / pen.uniform(0.35, 0.8)
    dx, dy = x - pen.uniform(-0.5, 0.5), y - pen.uniform(-0.5, 0.5)
    u = (dx * torch.cos(angle) + dy * torch.sin(angle)) * times
    v = (dy * torch.cos(angle) - dx * torch.sin(angle)) * times
    grid = torch.stack([u, v], 3)
    both = torch.cat([pictures, masks[:, None]], 1)
    seen = F.grid_sample(both, grid, mode="bilinear", padding_mode="border", align_corners=True)
    inside = smooth(0.98, 0.9, (u**4 + v**4) ** 0.25)
    return seen[:, :3], seen[:, 3] * inside


def seen_by_a_camera(pictures: Colour, pen: Pen) -> Colour:
    """Exposure, uneven light, lost contrast, some blur and noise: (B, 3, H, W) in [0, 1] again."""
    light = (pen.uniform(0.6, 1.3) * (1 + 0.35 * pen.noise(pen.height / 1.5).clamp(-2, 2)))[:, None]
    seen = pictures * light + pen.uniform(-0.15, 0.15)[:, None]
    contrast = pen.uniform(0.5, 1.1)[:, None]
    seen = 0.5 + (seen - 0.5) * contrast
    soft = F.avg_pool2d(F.pad(seen, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
    softer = F.avg_pool2d(F.pad(soft, (2, 2, 2, 2), mode="replicate"), 5, stride=1)
    blur, far = (pen.uniform(0, 1) * pen.chance(0.5))[:, None], pen.chance(0.3)[:, None]
    seen = seen + blur * (soft + far * (softer - soft) - seen)
    grain = torch.randn(seen.shape, generator=pen.generator, device=pen.device)
    return (seen + grain * pen.uniform(0, 0.07)[:, None]).clamp(0, 1)

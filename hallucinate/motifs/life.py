"""What animals and plants are drawn with: the colours of their kinds, scales, light and water."""

from __future__ import annotations

import torch

from hallucinate.motifs.drawing import Colour, Pen, Plane, Tone, over, ramp, scattered, smooth

BUTTERFLIES: tuple[tuple[Tone, ...], ...] = (  # root, middle, outer, margin, dots
    ((0.75, 0.30, 0.03), (0.98, 0.50, 0.05), (1.00, 0.62, 0.12), (0.05, 0.03, 0.03), (1.00, 0.97, 0.90)),
    ((0.05, 0.18, 0.65), (0.08, 0.42, 0.95), (0.30, 0.70, 1.00), (0.03, 0.03, 0.08), (0.85, 0.95, 1.00)),
    ((0.85, 0.68, 0.20), (1.00, 0.88, 0.35), (1.00, 0.93, 0.55), (0.06, 0.05, 0.08), (0.35, 0.60, 0.95)),
    ((0.40, 0.08, 0.05), (0.78, 0.18, 0.08), (0.90, 0.35, 0.12), (0.12, 0.06, 0.05), (0.95, 0.85, 0.45)),
    ((0.85, 0.85, 0.78), (0.97, 0.97, 0.92), (0.98, 0.96, 0.85), (0.12, 0.12, 0.14), (1.00, 0.80, 0.30)),
    ((0.04, 0.25, 0.18), (0.08, 0.60, 0.40), (0.40, 0.88, 0.60), (0.02, 0.05, 0.05), (0.95, 0.95, 0.70)),
)
FISHES: tuple[tuple[Tone, ...], ...] = (  # back, flank, belly, fins, bands
    ((0.85, 0.25, 0.03), (1.00, 0.50, 0.08), (1.00, 0.80, 0.45), (1.00, 0.45, 0.10), (1.00, 0.85, 0.60)),
    ((0.90, 0.30, 0.02), (1.00, 0.45, 0.05), (1.00, 0.58, 0.15), (0.95, 0.40, 0.05), (1.00, 1.00, 0.98)),
    ((0.03, 0.08, 0.45), (0.08, 0.28, 0.90), (0.25, 0.50, 1.00), (1.00, 0.85, 0.10), (0.03, 0.03, 0.12)),
    ((0.22, 0.32, 0.25), (0.55, 0.65, 0.62), (0.95, 0.95, 0.90), (0.60, 0.42, 0.35), (0.20, 0.28, 0.25)),
    ((0.90, 0.70, 0.05), (1.00, 0.88, 0.20), (1.00, 0.96, 0.65), (0.95, 0.75, 0.10), (0.06, 0.06, 0.10)),
    ((0.90, 0.88, 0.85), (0.98, 0.96, 0.93), (1.00, 1.00, 1.00), (0.98, 0.90, 0.85), (0.95, 0.25, 0.08)),
)
BIRDS: tuple[tuple[Tone, ...], ...] = (  # back, breast, belly, feather, its edge, beak
    ((0.4, 0.3, 0.2), (0.9, 0.4, 0.1), (1.0, 0.9, 0.8), (0.3, 0.2, 0.2), (0.7, 0.6, 0.4), (0.2, 0.1, 0.1)),
    ((0.1, 0.4, 0.8), (1.0, 0.8, 0.2), (1.0, 0.9, 0.5), (0.1, 0.3, 0.6), (0.5, 0.8, 1.0), (0.2, 0.2, 0.2)),
    ((0.8, 0.1, 0.1), (0.9, 0.1, 0.1), (1.0, 0.3, 0.2), (0.5, 0.0, 0.0), (0.9, 0.3, 0.2), (1.0, 0.6, 0.1)),
    ((0.1, 0.5, 0.2), (0.9, 0.2, 0.1), (1.0, 0.8, 0.1), (0.1, 0.4, 0.2), (0.4, 0.8, 0.3), (0.9, 0.8, 0.3)),
    ((0.0, 0.4, 0.7), (0.9, 0.5, 0.1), (1.0, 0.8, 0.4), (0.0, 0.3, 0.5), (0.3, 0.8, 0.9), (0.1, 0.1, 0.1)),
    ((0.9, 0.7, 0.0), (1.0, 0.8, 0.1), (1.0, 0.9, 0.6), (0.1, 0.1, 0.1), (0.9, 0.9, 0.8), (0.9, 0.5, 0.2)),
    ((0.1, 0.1, 0.1), (0.1, 0.1, 0.2), (0.2, 0.2, 0.3), (0.1, 0.1, 0.1), (0.3, 0.3, 0.4), (1.0, 0.6, 0.1)),
)
SNAKES: tuple[tuple[Tone, ...], ...] = (  # ground, pattern, rim of it
    ((0.35, 0.65, 0.15), (0.10, 0.30, 0.06), (0.85, 0.90, 0.35)),
    ((0.80, 0.66, 0.42), (0.34, 0.20, 0.09), (0.10, 0.06, 0.04)),
    ((0.85, 0.12, 0.06), (0.05, 0.05, 0.06), (1.00, 0.88, 0.35)),
    ((0.96, 0.86, 0.55), (0.90, 0.55, 0.10), (1.00, 0.98, 0.90)),
    ((0.55, 0.55, 0.52), (0.15, 0.15, 0.16), (0.88, 0.86, 0.80)),
    ((0.15, 0.55, 0.50), (0.05, 0.15, 0.30), (0.60, 0.95, 0.75)),
)
JELLIES: tuple[tuple[Tone, ...], ...] = (  # bell, rim, arms
    ((0.45, 0.60, 1.00), (0.85, 0.95, 1.00), (0.70, 0.80, 1.00)),
    ((1.00, 0.45, 0.65), (1.00, 0.85, 0.92), (1.00, 0.60, 0.70)),
    ((1.00, 0.55, 0.15), (1.00, 0.85, 0.50), (1.00, 0.45, 0.20)),
    ((0.70, 0.40, 1.00), (0.95, 0.80, 1.00), (0.85, 0.50, 0.95)),
    ((0.25, 0.90, 0.85), (0.85, 1.00, 0.95), (0.50, 0.95, 1.00)),
)
LIZARDS: tuple[tuple[Tone, ...], ...] = (  # skin, its flank, spots
    ((0.25, 0.75, 0.15), (0.45, 0.90, 0.25), (0.85, 0.12, 0.08)),
    ((0.95, 0.78, 0.25), (1.00, 0.92, 0.65), (0.15, 0.10, 0.08)),
    ((0.52, 0.42, 0.28), (0.75, 0.65, 0.48), (0.22, 0.15, 0.10)),
    ((0.10, 0.35, 0.75), (0.25, 0.70, 0.90), (0.95, 0.55, 0.12)),
    ((0.12, 0.10, 0.10), (0.22, 0.18, 0.16), (1.00, 0.75, 0.08)),
)


def among(pen: Pen, kinds: tuple[tuple[Tone, ...], ...], wild: float = 0.3) -> torch.Tensor:
    """(B, n, 3): for each picture the tones of one of the kinds, each a little off, or wild ones."""
    pick = pen.whole(0, len(kinds) - 1).long()[:, 0, 0]
    real = torch.tensor(kinds, device=pen.device)[pick]
    off = torch.randn(real.shape, generator=pen.generator, device=pen.device)
    return torch.where(pen.chance(wild) > 0, pen.palette(real.shape[1]), (real * (1 + 0.08 * off)).clamp(0, 1))


def dome(off: Plane) -> Plane:
    """A round height: 1 where ``off`` is 0, 0 from 1 on."""
    return (1 - off * off).clamp(min=0).sqrt()


def inside(off: Plane, edge: float = 0.03) -> Plane:
    """1 where ``off`` is below 0, 0 where it is above."""
    return smooth(edge, -edge, off)


def shingled(u: Plane, v: Plane) -> tuple[Plane, Plane]:
    """Overlapping round scales of unit size in rows along u: how far each place is from its scale's root, and a number
    for the scale."""
    row = torch.floor(v)
    depth = torch.full_like(u, 1.0)
    owner = torch.zeros_like(u)
    for step in (0, -1):  # the row on top comes last
        r = row + step
        across = u + 0.5 * torch.remainder(r, 2)
        column = torch.floor(across)
        extent = (((across - column - 0.5) * 1.25) ** 2 + ((v - r) * 0.72) ** 2).sqrt()
        over_ = extent < 0.8
        depth = torch.where(over_, extent / 0.8, depth)
        owner = torch.where(over_, scattered(column, r, torch.ones_like(r)), owner)
    return depth, owner


def standing(pen: Pen, ground: Colour, paint: Colour, mask: Plane, height: Plane, gloss: float | Plane = 0.3) -> Colour:
    """What is painted, shaded by its height, on the ground, with its shadow."""
    light = pen.lamp(height, 1.0, gloss)
    return over(pen.shadowed(ground, mask), paint * light[:, None], mask).clamp(0, 1.25)


def water(pen: Pen) -> Colour:
    """Deep water: lighter above, with slanting shafts of light, (B, 3, H, W)."""
    x, y = pen.grid()
    hues = among(
        pen,
        (
            ((0.00, 0.02, 0.10), (0.01, 0.10, 0.30), (0.10, 0.42, 0.65)),
            ((0.00, 0.05, 0.10), (0.00, 0.22, 0.30), (0.15, 0.60, 0.62)),
            ((0.02, 0.01, 0.10), (0.07, 0.06, 0.30), (0.25, 0.30, 0.62)),
        ),
        wild=0.05,
    )
    shaft = torch.sin(pen.uniform(3, 6) * (x + pen.uniform(-0.6, 0.6) * y) + pen.noise(pen.height / 3))
    return ramp(0.42 - 0.42 * y + 0.1 * shaft * (0.6 - 0.4 * y) + 0.05 * pen.noise(pen.height / 8), hues)


def spot(x: Plane, y: Plane, cx: float | Plane, cy: float | Plane, size: float | Plane) -> Plane:
    """Distance from a point, in units of ``size``."""
    return ((x - cx) ** 2 + (y - cy) ** 2 + 1e-9).sqrt() / size

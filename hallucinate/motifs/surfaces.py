"""Surfaces: what covers things."""

from __future__ import annotations

import torch

from hallucinate.motifs.constants import Drawn, everywhere
from hallucinate.motifs.drawing import Colour, Pen, blurred, over, ramp, smooth


def scales(pen: Pen) -> Drawn:
    """Rows of overlapping discs, each row half a disc aside, lit at the rim."""
    x, y = pen.placed()
    k = pen.uniform(2, 4.2)
    u, v = x * k, y * k
    row = torch.floor(v)
    depth = torch.full_like(u, 9.0)
    # From the row that lies below to the one on top: the last that reaches a point covers it.
    for offset in (1, 0):
        r = row + offset
        across = u + 0.5 * torch.remainder(r, 2)
        dx = across - torch.floor(across) - 0.5
        reach = (dx * dx * 1.6 + (v - r) ** 2 * 0.8).sqrt()
        depth = torch.where(reach < 0.72, reach, depth)
    shade = (0.15 + 0.9 * (depth / 0.8)).clamp(0, 1) + 0.06 * pen.noise(2)
    return ramp(shade, pen.palette(3)), everywhere(pen)


def coat(pen: Pen) -> Colour:
    """Hair: fine strands along a slowly turning direction, (B, 3, H, W)."""
    x, y = pen.placed()
    turn = 0.5 * pen.noise(pen.height / 2)
    u, v = x * torch.cos(turn) + y * torch.sin(turn), -x * torch.sin(turn) + y * torch.cos(turn)
    k = pen.uniform(20, 36)
    strands = torch.sin(k * v + 4 * pen.noise(pen.height / 7) + 2 * torch.sin(5 * u))
    finer = 0.6 * torch.sin(2.1 * k * v + 5 * pen.noise(pen.height / 9))
    return ramp(0.5 + 0.28 * (strands + finer) + 0.18 * pen.noise(pen.height / 3), pen.palette(3))


def fur(pen: Pen) -> Drawn:
    """A coat over the whole picture."""
    return coat(pen), everywhere(pen)


def coral(pen: Pen) -> Drawn:
    """Labyrinths, by a band of noise (as a Turing pattern has; Turing 1952): brain coral."""
    white = torch.randn(pen.batch, pen.height, pen.width, generator=pen.generator, device=pen.device)
    sigma = (1.2 + 2.2 * float(torch.rand(1, generator=pen.generator, device=pen.device))) * pen.height / 64
    band = blurred(white, sigma) - blurred(white, sigma * 1.6)
    band = band / band.std((1, 2), keepdim=True)
    return ramp(torch.sigmoid(pen.uniform(2, 6) * band), pen.contrasting()), everywhere(pen)


def spots(pen: Pen) -> Drawn:
    """Leopard: dark rings or dots in a jittered lattice."""
    x, y = pen.placed()
    k, seed = pen.uniform(1.5, 3.2), pen.uniform(0, 100)
    u, v = x * k, y * k
    nearest = torch.full_like(u, 9.0)
    for dx in (-1, 0, 1):
        for dy in (-1, 0, 1):
            cx, cy = torch.floor(u) + dx, torch.floor(v) + dy
            jitter_x = torch.frac(torch.sin(cx * 127.1 + cy * 311.7 + seed) * 43758.5).abs()
            jitter_y = torch.frac(torch.sin(cx * 269.5 + cy * 183.3 + seed) * 43758.5).abs()
            away = ((cx + 0.2 + 0.6 * jitter_x - u) ** 2 + (cy + 0.2 + 0.6 * jitter_y - v) ** 2).sqrt()
            nearest = torch.minimum(nearest, away + 0.06 * pen.noise(pen.height / 10))
    hollow = 1 - 0.75 * smooth(0.27, 0.19, nearest) * pen.chance(0.6)
    dark, light = pen.contrasting().sort(1).values.unbind(1)
    field = 0.25 * pen.backdrop() + 0.75 * light[:, :, None, None]
    return over(field, dark[:, :, None, None] * 0.7, smooth(0.44, 0.37, nearest) * hollow), everywhere(pen)


def flames(pen: Pen) -> Drawn:
    """Tongues of fire: noise drawn out upward and bent, hot within and dark between."""
    x, y = pen.placed(turn=0.4)
    k = pen.uniform(2.2, 4.2)
    sway = 0.35 * torch.sin(3 * y + pen.uniform(0, 6)) + 0.25 * pen.noise(pen.height / 3)
    phase = k * (x + sway * 0.6)
    tongue = (torch.sin(phase * 2) * 0.5 + 0.5) ** 1.2
    reach = 0.9 * tongue + 0.3 * pen.noise(pen.height / 5) - 0.5 * torch.sin(2.2 * y * k / 3 + pen.uniform(0, 6))
    heat = smooth(-0.35, 1.25, reach + 0.25)
    stops = torch.tensor(
        [[0.06, 0.02, 0.03], [0.55, 0.08, 0.03], [0.95, 0.45, 0.05], [1.0, 0.85, 0.35], [1.0, 1.0, 0.85]],
        device=pen.device,
    )
    palette = stops[None] * (0.85 + 0.15 * pen.palette(5))
    return ramp(heat, palette), everywhere(pen)


def feather(pen: Pen) -> Drawn:
    """A vane of barbs on both sides of a shaft."""
    x, y = pen.placed(0.8, 1.4)
    half = 0.75 * (1 - (x / 1.25) ** 2).clamp(min=0) ** 0.7
    vane = smooth(0.04, -0.04, y.abs() - half) * smooth(1.27, 1.2, x.abs())
    barbs = torch.sin(pen.uniform(22, 38) * (y.abs() * pen.uniform(0.6, 1.2) - x))
    shade = 0.5 + 0.32 * barbs + 0.2 * (y.abs() / half.clamp(min=0.05))
    picture = over(pen.backdrop(), ramp(shade, pen.palette(3)), vane)
    shaft = smooth(0.06, 0.025, y.abs()) * smooth(1.37, 1.33, x.abs())
    return over(picture, pen.colour(), shaft), torch.maximum(vane, shaft)

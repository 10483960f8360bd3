"""Form constants (Klüver 1926): lattices, webs, tunnels, spirals.

Bressloff et al. (2001) derive them as plane waves on the visual cortex, whose map of the visual field is about
logarithmic-polar; in the field they are waves in (log r, θ).
"""

from __future__ import annotations

import math

import torch

from hallucinate.motifs.drawing import Colour, Pen, Plane, over, polar, ramp, smooth, wave

Drawn = tuple[Colour, Plane]
"""A batch of pictures (B, 3, H, W) in [0, 1], and where in them the motif is, (B, H, W) in [0, 1]."""


def everywhere(pen: Pen) -> Plane:
    """The mask of a motif that fills the picture."""
    return torch.ones(pen.batch, pen.height, pen.width, device=pen.device)


def spiral(pen: Pen) -> Drawn:
    """A slanted plane wave on the cortex: n arms, log-spaced."""
    r, angle = polar(*pen.placed())
    arms = pen.whole(1, 5) * torch.sign(pen.uniform(-1, 1))
    t = arms * angle + pen.uniform(4, 9) * torch.log(r) + pen.uniform(0, 6.3)
    return ramp(wave(t, pen.uniform(1.5, 6)), pen.contrasting()), everywhere(pen)


def tunnel(pen: Pen) -> Drawn:
    """A wave along log r: rings, evenly spaced or shrinking into the distance."""
    r, _ = polar(*pen.placed())
    far = pen.chance(0.6)
    t = far * pen.uniform(6, 12) * torch.log(r) + (1 - far) * pen.uniform(10, 24) * r
    rings = ramp(wave(t + pen.uniform(0, 6.3), pen.uniform(1.5, 6)), pen.contrasting())
    depth = 1 - far * 0.6 * smooth(0.5, 0.0, r)
    return rings * depth[:, None], everywhere(pen)


def checkerboard(pen: Pen) -> Drawn:
    """Two crossed waves of one length."""
    x, y = pen.placed()
    k = pen.uniform(5, 14)
    t = torch.sin(k * x) * torch.sin(k * y)
    return ramp(torch.sigmoid(pen.uniform(4, 16) * t), pen.contrasting()), everywhere(pen)


def honeycomb(pen: Pen) -> Drawn:
    """Three waves at 120°, cut to cells with walls."""
    x, y = pen.placed()
    k = pen.uniform(6, 12)
    total = sum(
        (torch.cos(k * (x * math.cos(a) + y * math.sin(a))) for a in (0, 2 * math.pi / 3, 4 * math.pi / 3)),
        torch.zeros_like(x),
    )
    return ramp(torch.sigmoid(pen.uniform(2, 6) * (total + pen.uniform(0.3, 1.1))), pen.palette(3)), everywhere(pen)


def web(pen: Pen) -> Drawn:
    """Spokes, and threads that sag between them."""
    r, angle = polar(*pen.placed())
    spokes = torch.cos(pen.whole(8, 18) * angle)
    threads = torch.cos(pen.uniform(16, 32) * r * (1 + 0.12 * spokes))
    lines = torch.maximum(smooth(0.8, 0.97, spokes) * smooth(0.02, 0.12, r), smooth(0.72, 0.96, threads))
    thread, ground = pen.contrasting().unbind(1)
    field = 0.35 * pen.backdrop() + 0.65 * ground[:, :, None, None]
    return over(field, thread[:, :, None, None], lines), everywhere(pen)


def stripes(pen: Pen) -> Drawn:
    """One wave, wavering: zebra, tiger, sand."""
    x, _ = pen.placed()
    t = pen.uniform(8, 20) * (x + 0.2 * pen.noise(pen.height / 3))
    return ramp(wave(t, pen.uniform(2, 8)), pen.contrasting()), everywhere(pen)

"""Minerals: what grows in flat faces, dries and splits, or is cut and set; and the tools that surfaces share."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F

from hallucinate.motifs.constants import Drawn, everywhere
from hallucinate.motifs.drawing import (
    Colour,
    Pen,
    Plane,
    Tone,
    blurred,
    cells,
    hue,
    over,
    polar,
    ramp,
    scattered,
    smooth,
)

POINTS = 7
"""Crystals in a cluster."""


def among(pen: Pen, *palettes: tuple[Tone, ...], wild: float = 0.3) -> torch.Tensor:
    """(B, n, 3): for each picture one of the palettes, a little off; for about ``wild`` any. All from dark to light."""
    stops = torch.tensor(palettes, device=pen.device)
    which = torch.randint(len(palettes), (pen.batch,), generator=pen.generator, device=pen.device)
    real = stops[which]
    tint = torch.randn(pen.batch, 1, 3, generator=pen.generator, device=pen.device)
    off = torch.randn(real.shape, generator=pen.generator, device=pen.device)
    near = (real * (1 + 0.08 * tint) + 0.025 * off).clamp(0, 1)
    fade = torch.linspace(1, 0.4, real.shape[1], device=pen.device).flip(0)[:, None]
    free = pen.palette(real.shape[1]).sort(1).values * fade
    return torch.where(pen.chance(wild) > 0, free, near)


def dome(t: Plane) -> Plane:
    """A round section: 1 where t is 0, falling to 0 where t is ±1."""
    return (1 - t * t).clamp(min=1e-4).sqrt()


def grain(pen: Pen, share: float = 1 / 80) -> Plane:
    """Fine noise, a ``share`` of the picture to a bump."""
    return pen.noise(max(1.0, pen.height * share))


def shaded(pen: Pen, ground: Colour, mask: Plane, extent: float, depth: float = 0.6) -> Colour:
    """The ground in the soft shadow of what is on it, fallen downwards; ``extent`` is a share of the picture."""
    away = max(1, int(extent * pen.height))
    fallen = F.pad(blurred(mask, max(0.5, 0.6 * extent * pen.height))[:, None], (0, 0, away, 0), mode="replicate")
    return ground * (1 - depth * fallen[:, :, : pen.height])


def cracks(pen: Pen) -> Drawn:
    """Dried earth: plates that curl up at their rims, and deep dark cracks between them."""
    x, y = pen.placed(0.9, 1.3)
    _, level = pen.grid()
    deep = 1 - pen.uniform(0, 0.4) * level
    k, seed = pen.uniform(1.5, 2.5), pen.uniform(0, 100)
    ragged = 0.07 * pen.noise(pen.height / 9)
    u, v = k * x * deep + ragged, k * y * deep + 0.07 * pen.noise(pen.height / 9)
    first, second, which = cells(u, v, seed, 0.9)
    wall = second - first + 0.03 * pen.noise(pen.height / 24)
    wide = pen.uniform(0.09, 0.18) + 0.03 * pen.noise(pen.height / 3)
    plate = smooth(wide - 0.04, wide + 0.06, wall)
    # A second generation of cracks, narrow ones within the plates.
    split = smooth(0.12, 0.02, pen.noise(pen.height / 4).abs()) * smooth(0.2, 0.6, pen.noise(pen.height / 3)) * plate
    curl = pen.uniform(0.1, 0.3) * torch.exp(-4.5 * (wall - wide).clamp(min=0))
    tilted = 0.12 * torch.frac(which * 5.3)
    height = plate * (0.14 + curl + tilted) - 0.1 * split + 0.008 * pen.clouds(pen.height / 10, 3)
    light = pen.lamp(height / k, 1.2)
    hues = among(
        pen,
        ((0.35, 0.24, 0.15), (0.62, 0.47, 0.32), (0.86, 0.74, 0.56)),
        ((0.32, 0.28, 0.25), (0.56, 0.51, 0.46), (0.82, 0.78, 0.70)),
        ((0.38, 0.15, 0.08), (0.66, 0.33, 0.19), (0.88, 0.58, 0.38)),
        ((0.40, 0.32, 0.15), (0.70, 0.58, 0.32), (0.92, 0.84, 0.60)),
    )
    tone = 0.6 + 0.3 * (which - 0.5) + 0.1 * pen.clouds(pen.height / 6) + 1.2 * curl
    earth = ramp(tone, hues) * light[:, None]
    depth = hue(hues, 0) * (0.12 + 0.25 * smooth(0.0, 0.9, wall / wide))[:, None]
    picture = over(depth, earth, plate)
    return picture * (1 - 0.65 * split)[:, None], everywhere(pen)


def mosaic(pen: Pen) -> Drawn:
    """Tiles of stone or glass, each of one colour, in rows that flow round something, with grout between."""
    x, y = pen.placed(0.9, 1.3)
    x = x - pen.uniform(0.3, 2.0)
    bend = pen.uniform(0.02, 0.08)
    r, angle = polar(x + bend * pen.noise(pen.height / 2.5), y + bend * pen.noise(pen.height / 2.5))
    k, seed = pen.uniform(2.6, 4.4), pen.uniform(0, 100)
    v = k * r
    row = torch.floor(v)
    count = torch.round(2 * math.pi * (row + 0.5) * pen.uniform(0.75, 1.05)).clamp(min=3)
    u = (angle / (2 * math.pi) + 0.5) * count
    left = torch.floor(u)
    here = 0.45 * scattered(torch.remainder(left, count), row, seed)
    before = 0.45 * scattered(torch.remainder(left - 1, count), row, seed)
    after = 0.45 * scattered(torch.remainder(left + 1, count), row, seed)
    t = u - left
    mine = t >= here
    tile = torch.where(mine, left, left - 1)
    off_u = torch.where(mine, torch.minimum(t - here, 1 + after - t), torch.minimum(here - t, t + 1 - before))
    off_v = torch.minimum(v - row, row + 1 - v)
    wall = torch.minimum(off_u, off_v) + 0.012 * pen.noise(pen.height / 20)
    gap = pen.uniform(0.07, 0.11)
    face = smooth(gap - 0.035, gap + 0.035, wall)
    index = torch.remainder(tile, count)
    luck, other = scattered(index, row, seed + 7), scattered(index, row, seed + 23)
    hues = among(
        pen,
        ((0.05, 0.12, 0.35), (0.08, 0.35, 0.62), (0.15, 0.62, 0.66), (0.92, 0.75, 0.25), (0.95, 0.92, 0.82)),
        ((0.25, 0.10, 0.08), (0.62, 0.22, 0.14), (0.80, 0.52, 0.28), (0.45, 0.55, 0.55), (0.93, 0.88, 0.76)),
        ((0.08, 0.20, 0.14), (0.16, 0.45, 0.25), (0.70, 0.16, 0.18), (0.90, 0.66, 0.16), (0.96, 0.93, 0.75)),
        ((0.16, 0.16, 0.20), (0.38, 0.36, 0.38), (0.62, 0.45, 0.36), (0.80, 0.72, 0.58), (0.95, 0.93, 0.88)),
        wild=0.35,
    )
    band = scattered(torch.floor(row / 2), torch.zeros_like(row), seed + 3)
    mixed = torch.where(luck < pen.uniform(0.35, 0.75), band, other)
    colour = ramp(torch.round(mixed * 4) / 4, hues) * (0.82 + 0.3 * torch.frac(luck * 9.1))[:, None]
    light = pen.lamp(0.06 * smooth(gap - 0.05, gap + 0.12, wall) / k * 3, 1.0, 0.3)
    grout = among(pen, ((0.10, 0.09, 0.09),), ((0.72, 0.69, 0.63),), ((0.35, 0.32, 0.30),), wild=0.1)
    texture = 1 + 0.05 * grain(pen, 1 / 50)
    picture = over(hue(grout, 0) * texture[:, None], colour * light[:, None], face)
    return picture.clamp(0, 1.2), everywhere(pen)


def rising(x: Plane, width: float) -> Plane:
    """0 to 1 over ``width`` about 0, straight: cheaper than a smoothstep, and here there are many."""
    return (x / width + 0.5).clamp(0, 1)


def crystal(pen: Pen) -> Drawn:
    """A cluster of quartz: six-sided prisms with sharp points that grow apart from one root, each face with a light."""
    # Not placed() by the pen, which bends what it places: crystals are straight.
    x, y = pen.grid()
    angle, scale = pen.uniform(-0.5, 0.5), pen.uniform(0.85, 1.25)
    x, y = x - pen.uniform(-0.35, 0.35), y - pen.uniform(-0.35, 0.3)
    x, y = (x * torch.cos(angle) + y * torch.sin(angle)) * scale, (y * torch.cos(angle) - x * torch.sin(angle)) * scale
    x, y = x[:, None], y[:, None] + 0.05

    def each(low: float, high: float) -> Plane:
        """A number for each crystal of each picture, (B, N, 1, 1)."""
        size = (pen.batch, POINTS, 1, 1)
        return torch.rand(size, generator=pen.generator, device=pen.device) * (high - low) + low

    # From the back to the front: tall ones that lean out first, short ones last, to either side by turns.
    order = torch.arange(POINTS, device=pen.device).float()[None, :, None, None]
    side = 1 - 2 * torch.remainder(order, 2)
    lean = side * (0.72 - 0.1 * order).clamp(min=0.0) * each(0.6, 1.25) + each(-0.2, 0.2)
    lean = lean * (order != 2) * (order != 5)
    tall = (1.75 - 0.13 * order - 0.35 * lean.abs()) * each(0.85, 1.15)
    wide = each(0.17, 0.27)
    px = x - each(-0.12, 0.12) - 0.28 * lean
    py = 0.95 - y
    p = px * torch.cos(lean) - py * torch.sin(lean)
    q = px * torch.sin(lean) + py * torch.cos(lean)
    tip = wide * each(1.3, 2.1)
    # Where the point begins, how far up it q is, and how broad the crystal is there.
    shift = each(-0.1, 0.1)
    up = ((q - (tall - tip)) / tip).clamp(0, 1)
    half = wide * (1 - up) * (0.88 + 0.12 * (q / tall).clamp(0, 1))
    sides = half - (p - shift * wide * up).abs()
    pixel = 2 / min(pen.height, pen.width)
    shape = rising(sides - 0.65 * pixel, 1.3 * pixel) * rising(q + 0.17, 0.15)
    # Three faces show of the six; the edges between them run up and meet at the point.
    a, b = each(-0.55, -0.15), each(0.15, 0.6)
    across = (p - shift * wide * up) / half.clamp(min=1e-3)
    left, right = rising(a - across, 0.08), rising(across - b, 0.08)
    # The ends of the faces are cut aslant, so that the shoulders of the point are not at one height.
    shoulder = tall - tip + wide * 0.45 * (1 - (across - (a + b) / 2).abs() * 1.6)
    above = rising(q - shoulder, 0.02)
    facing = pen.uniform(-1, 1)[:, None].sign()
    low = 0.5 + facing * (0.28 * left - 0.26 * right) + each(-0.07, 0.07)
    high = 0.72 + facing * (0.26 * left - 0.36 * right) + each(-0.08, 0.08)
    tone = low + above * (high - low)
    edge = 1 - 10 * torch.minimum((across - a).abs(), (across - b).abs())
    edge = torch.maximum(edge, 1 - 33 * (q - shoulder).abs()).clamp(min=0)
    growth = torch.sin(q * each(25, 45)) * (1 - above) * 0.025
    cloudy = 0.1 * pen.clouds(pen.height / 5, 3)[:, None]
    tone = tone + 0.22 * edge + growth + cloudy + 0.28 * (q / tall - 0.6)
    hues = among(
        pen,
        ((0.12, 0.04, 0.25), (0.42, 0.20, 0.65), (0.74, 0.55, 0.92), (0.97, 0.92, 1.00)),
        ((0.20, 0.25, 0.32), (0.50, 0.58, 0.66), (0.80, 0.86, 0.90), (1.00, 1.00, 1.00)),
        ((0.02, 0.18, 0.22), (0.08, 0.52, 0.58), (0.45, 0.85, 0.86), (0.94, 1.00, 1.00)),
        ((0.02, 0.16, 0.08), (0.05, 0.50, 0.26), (0.40, 0.85, 0.55), (0.92, 1.00, 0.94)),
        ((0.28, 0.12, 0.02), (0.78, 0.46, 0.08), (0.98, 0.78, 0.35), (1.00, 0.98, 0.86)),
        ((0.30, 0.06, 0.14), (0.80, 0.30, 0.45), (0.98, 0.66, 0.72), (1.00, 0.95, 0.95)),
    )
    mask: Plane = shape.amax(1)
    picture = shaded(pen, pen.backdrop() * pen.uniform(0.35, 0.9)[:, None], mask, 0.06)
    # Each stands in the shade of those before it, and darkens towards the root.
    dark = 0.55 + 0.45 * rising(q - 0.45, 0.9)
    rim = 0.35 * rising(sides + 0.06, 0.12) * rising(tall - q + 0.03, 0.1)
    facet, shade = torch.zeros_like(mask), torch.ones_like(mask)
    for index in range(POINTS):
        here = shape[:, index]
        shade = shade * (1 - rim[:, index])
        facet = torch.lerp(facet, tone[:, index], here)
        shade = torch.lerp(shade, dark[:, index], here)
    picture = over(picture, ramp(facet, hues) * shade[:, None], mask)
    # Glints: stars of four rays at three of the points.
    for index in (1, 2, 4):
        end = tall[:, index] - 0.35 * tip[:, index]
        gx, gy = p[:, index] + 0.05, q[:, index] - end
        star = torch.exp(-14 * (gx.abs() + gy.abs()) - 160 * (gx * gy).abs())
        picture = picture + 0.9 * star[:, None]
    return picture.clamp(0, 1.25), mask

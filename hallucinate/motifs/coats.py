"""Coats: what animals wear."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F

from hallucinate.motifs.constants import Drawn, everywhere, tube
from hallucinate.motifs.drawing import Colour, Pen, Plane, cells, over, polar, ramp, scattered, smooth

TURN = 2 * math.pi


def hair(pen: Pen, u: Plane, v: Plane, strands: Plane | float, length: float = 8.0) -> Plane:
    """Noise of about unit variance drawn out along v: ``strands`` to a unit of u, each ``length`` times as long."""
    seeds = torch.randn(pen.batch, 1, 96, 24, generator=pen.generator, device=pen.device)
    # 96 rows for u and 24 columns for v, met again mirrored beyond their ends.
    places = torch.stack([v * strands / length / 12, u * strands / 48], -1).expand(pen.batch, -1, -1, -1)
    mirrored = 1 - (torch.remainder(places + 1, 4) - 2).abs()  # by hand: not every device samples by reflection
    return 1.4 * F.grid_sample(seeds, mirrored, align_corners=True)[:, 0]


def tiles(u: Plane, v: Plane, tip: Plane, point: Plane) -> tuple[Plane, Plane, Plane, Plane]:
    """Overlapping tiles, one to a unit of u, a row to a unit of v, each row half a tile aside, tips towards +v.

    tip: how far beyond its own row a tile extends; point: 0.5 for round tips, 1 for pointed ones.
    Returns how far across the tile a place is, −1 to 1; how far down it, 0 to 1; how far it is below the edge of
    the row that covers it, which casts its shadow there; and a number in [0, 1) for the tile.
    """
    row = torch.floor(v)
    aside = torch.remainder(row, 2) / 2
    upper, lower = u + 0.5 - aside, u + aside  # the row above is half a tile off this one
    upper_x = 2 * (upper - torch.floor(upper)) - 1
    lower_x = 2 * (lower - torch.floor(lower)) - 1
    extent = 1 + tip * (1 - upper_x.abs() ** (2.5 - point)).clamp(min=0) ** point
    below = v - row + 1 - extent
    covered = below < 0
    across = torch.where(covered, upper_x, lower_x)
    own = 1 + tip * (1 - across.abs() ** (2.5 - point)).clamp(min=0) ** point
    down = (v - row + covered.float()) / own
    which = torch.where(
        covered, scattered(torch.floor(upper), row - 1, aside * 0), scattered(torch.floor(lower), row, aside * 0)
    )
    return across, down, torch.where(covered, torch.full_like(below, 1.0), below), which


def scales(pen: Pen) -> Drawn:
    """Rows of scales that overlap, each raised towards its tip, keeled or smooth, with the shadow of those above."""
    x, y = pen.placed(0.7, 1.25)
    k = pen.uniform(1.8, 3.4)
    u, v = x * k, y * k * pen.uniform(1.2, 1.8)
    across, down, below, which = tiles(u, v, pen.uniform(0.6, 0.95), pen.uniform(0.5, 0.9))
    keel = pen.chance(0.4) * smooth(0.35, 0.0, across.abs())
    dome = 1 - across * across
    light = pen.lamp((0.22 * down + 0.2 * dome + 0.1 * keel * down) / k * 1.4, 1.0, (0.2, 0.6, 1.1)[pen.one_of(3)])
    shadow = 1 - 0.6 * smooth(0.4, 0.0, below)
    hues = pen.tones((0.12, 0.2, 0.12), (0.35, 0.5, 0.25), (0.75, 0.75, 0.45), wild=0.5)
    patch = 0.35 * pen.noise(pen.height / 2.5)
    shade = 0.15 + 0.55 * down + 0.25 * (which - 0.5) + patch * 0.4 - 0.15 * across * across
    edge = 1 - 0.45 * smooth(0.86, 0.98, down)
    return ramp(shade, hues) * (light * shadow * edge * 1.1)[:, None].clamp(max=1.4), everywhere(pen)


def fur(pen: Pen) -> Drawn:
    """Hair in soft tufts that lie over each other, dark at the root and light at the tip, strand by strand."""
    x, y = pen.placed()
    k, sway = pen.uniform(1.7, 3.0), pen.uniform(0.1, 0.25)
    u = k * (x + sway * torch.sin(1.7 * y + 1.1 * x + pen.uniform(0, TURN)))
    v = 0.62 * k * (y + 0.1 * pen.noise(pen.height / 4))
    clump, strand, fine = hair(pen, u, v, 3.0, 3.5), hair(pen, u, v, 8.0, 7.0), hair(pen, u, v, 18.0, 12.0)
    tip, point = pen.uniform(0.9, 1.2), pen.uniform(0.9, 1.2)
    _, down, below, which = tiles(u + 0.3 * clump, v + 0.2 * strand + 0.2 * fine, tip, point)
    height = 0.05 * clump + 0.03 * strand + 0.01 * fine
    light = pen.lamp(height / k * 2, 1.0, 0.1)
    shadow = 1 - 0.3 * smooth(0.6, 0.0, below)
    warm = pen.chance(0.6) > 0
    brown = pen.tones((0.14, 0.08, 0.05), (0.62, 0.36, 0.17), (1.0, 0.84, 0.62), wild=0.25)
    grey = pen.tones((0.14, 0.14, 0.16), (0.56, 0.55, 0.54), (1.0, 0.98, 0.95), wild=0.1)
    shade = 0.16 + 0.58 * down**1.2 + 0.11 * strand + 0.1 * fine + 0.2 * (which - 0.5)
    shade = shade + 0.12 * pen.noise(pen.height / 2)
    return ramp(shade, torch.where(warm, brown, grey)) * (light * shadow)[:, None] * 1.1, everywhere(pen)


def pelt(pen: Pen, x: Plane, y: Plane) -> Colour:
    """The light on short hair over the muscles of a flank, about 0.6 to 1.2, (B, 1, H, W)."""
    strand = hair(pen, x, y, 22.0, 3.0)
    return (pen.lamp(0.05 * pen.noise(pen.height / 1.5) + 0.002 * strand, 1.0) * (1.02 + 0.05 * strand))[:, None]


def bright(hues: torch.Tensor) -> torch.Tensor:
    """Colours of the same hue, as light as they go, for the ground that a dark pattern must stand out from."""
    return hues / hues.amax(-1, keepdim=True).clamp(min=0.25) * 0.96


def leopard(pen: Pen) -> Drawn:
    """Rosettes: broken dark rings, browner within, on tawny ground that pales to one side."""
    x, y = pen.placed()
    k, seed = pen.uniform(1.5, 2.7), pen.uniform(0, 100)
    ragged = pen.noise(pen.height / 12)
    away, second, which = cells(k * x + seed, k * y, seed, 0.5)
    rim = away + 0.07 * ragged - 0.3 - 0.08 * which
    # Rings that would touch leave a gap between them.
    apart = smooth(0.0, 0.14, second - away)
    ring = smooth(0.13, 0.08, rim.abs()) * apart * smooth(-0.8, -0.45, pen.noise(pen.height / 8) + 0.3 * ragged)
    dark = torch.maximum(ring, smooth(0.0, -0.06, rim) * (which < 0.15))
    hues = pen.tones((0.95, 0.83, 0.62), (0.88, 0.62, 0.3), (0.66, 0.38, 0.14), (0.1, 0.06, 0.04), wild=0.2)
    ground = ramp(torch.sigmoid(1.5 * x + 0.6 * pen.noise(pen.height / 2)), bright(hues[:, :2]))
    picture = over(ground, 0.75 * bright(hues[:, 2:3])[:, 0, :, None, None], smooth(0.05, -0.05, rim) * apart * 0.9)
    return over(picture, hues[:, 3, :, None, None] * 0.4, dark) * pelt(pen, x, y), everywhere(pen)


def giraffe(pen: Pen) -> Drawn:
    """Large brown patches with straight ragged sides, darker in the middle, and pale seams between."""
    x, y = pen.placed()
    k, seed = pen.uniform(1.1, 2.0), pen.uniform(0, 100)
    ragged = pen.uniform(0.02, 0.05)
    u, v = k * x + ragged * pen.noise(pen.height / 9), k * y + ragged * pen.noise(pen.height / 9)
    away, second, which = cells(u + seed, v, seed, 0.7)
    seam = pen.uniform(0.1, 0.17)
    patch = smooth(-0.04, 0.04, second - away - seam)
    hues = pen.tones((0.33, 0.15, 0.06), (0.74, 0.42, 0.17), (0.98, 0.9, 0.72), wild=0.15)
    deep = smooth(0.55, 0.05, away) * 0.5 + 0.3 * (1 - which) + 0.12 * pen.noise(pen.height / 8)
    pale = bright(hues[:, 2:])[:, 0, :, None, None]
    picture = over(pale, ramp(1 - deep, hues[:, :2] * hues.new_tensor([0.9, 1.0])[:, None]), patch)
    return picture * pelt(pen, x, y), everywhere(pen)


def zebra(pen: Pen) -> Drawn:
    """Bold stripes, black and white, that bend and fork, over a rounded flank."""
    x, y = pen.placed()
    t = pen.uniform(8, 13) * (x + 0.1 * pen.noise(pen.height / 2))
    for _ in range(4):
        # A stripe forks where the phase winds once round a point.
        t = t + torch.sign(pen.uniform(-1, 1)) * torch.atan2(y - pen.uniform(-1.2, 1.2), x - pen.uniform(-1.2, 1.2))
    taper = (
        0.35 * torch.sin(2.5 * y + pen.uniform(0, TURN)) + pen.uniform(-0.3, 0.15) + 0.12 * pen.noise(pen.height / 14)
    )
    black = torch.sigmoid(9 * (torch.sin(t) + taper))
    hues = pen.tones((0.97, 0.95, 0.9), (0.9, 0.82, 0.7), (0.07, 0.06, 0.06), wild=0.1)
    ground = ramp(torch.sigmoid(1.2 * y + pen.noise(pen.height / 2)), bright(hues[:, :2]))
    return over(ground, hues[:, 2, :, None, None] * 0.5, black) * pelt(pen, y, x), everywhere(pen)


def plume(
    pen: Pen, picture: Colour, x: Plane, y: Plane, hues: torch.Tensor, jewel: torch.Tensor, eyed: Plane
) -> tuple[Colour, Plane]:
    """One feather over a picture, its tip up, its foot at (0, 1.2); ``eyed``: 1 with an eye, as a peacock has."""
    x = x - pen.uniform(-0.3, 0.3) * (y * y - 0.3)
    along = (1.15 - y) / 2.3
    side, aside = pen.uniform(0.85, 1.15), torch.sign(pen.uniform(-1, 1))
    x = torch.where(x > 0, x * side, x / side)
    half = pen.uniform(0.42, 0.58) * 1.75 * along.clamp(0.01, 1) ** 0.85 * (1 - along).clamp(0.001, 1) ** 0.45
    slant = y + pen.uniform(0.7, 1.2) * x.abs()
    # Splits: barbs that have come apart let the ground through from the edge inwards.
    strand = hair(pen, slant, 0.2 * x, 9.0, 4.0)
    downy = smooth(0.42, 0.15, along)
    edge = half * (1 - (0.3 + 0.3 * downy) * (strand - 0.7).clamp(min=0)) + 0.08 * downy * strand
    vane = smooth(0.03, -0.03, x.abs() - edge) * smooth(0.12, 0.16, along) * (along < 0.995)
    wide = x.abs() / half.clamp(min=0.05)
    barbs = torch.sin(slant * pen.uniform(42, 58) + 0.6 * strand)
    shaft_half = 0.04 * (1.1 - along).clamp(min=0.15)
    shaft = smooth(0.02, -0.02, x.abs() - shaft_half - 0.01) * smooth(1.0, 0.9, along) * smooth(-0.02, 0.0, along)
    height = 0.14 * torch.sin(math.pi * wide.clamp(0, 1)) + (0.012 * barbs + 0.015 * strand) * (1 - shaft)
    height = height + 0.08 * tube(x, shaft_half + 0.01)
    light = pen.lamp(height * 0.8, 1.0, 0.4).clamp(max=1.3)
    bars = 0.5 + 0.5 * torch.sin(pen.uniform(4, 14) * slant + pen.uniform(0, TURN))
    shade = 0.2 + 0.5 * bars * pen.chance(0.7) + 0.25 * wide + 0.12 * strand + 0.4 * downy
    colour = ramp(shade, hues)
    r, _ = polar(x / 0.8, (y + 0.42) * (1 + 0.2 * x.abs()))
    colour = over(colour, ramp(r / 0.48, jewel), smooth(0.44, 0.41, r) * eyed)
    # The shadow from the form itself, aside and wider: cheaper than a blur.
    fallen = smooth(0.22, -0.12, (x + aside * 0.13).abs() - half) * smooth(-0.02, 0.25, along)
    picture = picture * (1 - 0.55 * fallen)[:, None]
    picture = over(picture, colour * light[:, None], vane)
    quill = hues[:, 2, :, None, None] * 0.5 + 0.45
    return over(picture, quill * (light * 0.9)[:, None], shaft), torch.maximum(vane, shaft)


def feather(pen: Pen) -> Drawn:
    """A feather or two: a vane of shaded barbs on both sides of a pale shaft; for some an eye of jewel colours."""
    x, y = pen.placed(0.65, 1.15)
    picture, eyed = pen.backdrop(), pen.chance(0.5)
    plain = pen.tones((0.2, 0.15, 0.12), (0.55, 0.4, 0.28), (0.92, 0.88, 0.8), wild=0.5)
    sheen = pen.tones((0.1, 0.3, 0.15), (0.15, 0.5, 0.3), (0.55, 0.55, 0.2), wild=0.2)
    jewel = pen.tones((0.05, 0.05, 0.3), (0.05, 0.45, 0.75), (0.6, 0.35, 0.1), (0.75, 0.7, 0.2), wild=0.2)
    hues = torch.where(eyed > 0, sheen, plain)
    count = max(1, pen.one_of(3))
    mask = torch.zeros_like(x)
    for number in range(count):
        turn = (number - (count - 1) / 2) * 0.7 + pen.uniform(-0.1, 0.1)
        c, s = torch.cos(turn), torch.sin(turn)
        px, py = x * c + (y - 1.2) * s, (y - 1.2) * c - x * s + 1.2
        picture, one = plume(pen, picture, px, py, hues, jewel, eyed)
        mask = torch.maximum(mask, one)
    return picture, mask

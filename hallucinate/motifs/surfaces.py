"""Surfaces: what covers things."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F

from hallucinate.motifs.constants import Drawn, everywhere
from hallucinate.motifs.drawing import Pen, Plane, blurred, cells, hue, over, polar, ramp, scattered, smooth
from hallucinate.motifs.minerals import among, dome, grain, shaded


def coral(pen: Pen) -> Drawn:
    """Brain coral: a labyrinth of round bright ridges with dark valleys between, on a boulder."""
    # Turing (1952): short-range growth, long-range inhibition, on a coarse grid; the pattern has 6 places to a ridge.
    ridges = 6.6 + 0.7 * pen.one_of(7)
    short = min(pen.height, pen.width)
    size = [int(6 * ridges * side / short) + 12 for side in (pen.height, pen.width)]
    field = torch.randn(pen.batch, 1, *size, generator=pen.generator, device=pen.device)
    t = torch.arange(-6, 7, device=pen.device).float() ** 2
    away = t[:, None] + t[None]
    near, far = torch.exp(-away / 3.7), torch.exp(-away / 9.6)
    kernel = (near / near.sum() - far / far.sum())[None, None]
    for _ in range(4):
        field = F.conv2d(torch.tanh(field), kernel, padding=6)
        field = 2 * field / field.std((1, 2, 3), keepdim=True)
    field = F.interpolate(field[:, :, 5:-5, 5:-5], size=(pen.height, pen.width), mode="bicubic", align_corners=False)
    ridge = torch.sigmoid(pen.uniform(0.9, 1.5) * (field[:, 0] + pen.uniform(-0.3, 0.7)))
    x, y = pen.grid()
    away = ((x - pen.uniform(-0.6, 0.6)) ** 2 + (y - pen.uniform(-0.6, 0.6)) ** 2) * pen.uniform(0.1, 0.4)
    rough = 0.05 * grain(pen, 1 / 64)
    light = pen.lamp((ridge + 0.12 * rough) * 1.7 / ridges - 0.5 * away, pen.uniform(0.8, 1.3), 0.35)
    hues = among(
        pen,
        ((0.16, 0.10, 0.04), (0.55, 0.40, 0.20), (0.93, 0.82, 0.58)),
        ((0.08, 0.22, 0.10), (0.45, 0.42, 0.22), (0.85, 0.76, 0.50)),
        ((0.30, 0.08, 0.14), (0.80, 0.38, 0.36), (1.00, 0.76, 0.66)),
        ((0.05, 0.13, 0.20), (0.22, 0.42, 0.42), (0.70, 0.85, 0.70)),
    )
    picture = ramp(1.1 * ridge + rough, hues)
    shade = light * (0.5 + 0.6 * ridge) * (1.15 - 0.4 * away)
    return (picture * shade[:, None]).clamp(0, 1.2), everywhere(pen)


def bark(pen: Pen) -> Drawn:
    """A trunk's bark: long ridges that run up it and part and meet, dark fissures between, sometimes a knot."""
    x, y = pen.placed(0.9, 1.3, turn=0.25)
    kx, ky = pen.uniform(-0.6, 0.6), pen.uniform(-0.6, 0.6)
    dx, dy = x - kx, (y - ky) * 0.7
    r, angle = polar(dx, dy)
    size, knotted = pen.uniform(0.2, 0.34), pen.chance(0.5)
    inside = knotted * smooth(1.15, 0.95, r / size)
    # The wood grew round the knot: its lines are pushed aside.
    push = knotted * size * torch.exp(-((r / size) ** 2) * 0.55)
    bent = x - push * torch.tanh(3 * dx / size)
    k, seed = pen.uniform(2.2, 3.8), pen.uniform(0, 100)
    wander = 0.16 * pen.noise(pen.height / 3) + 0.05 * pen.noise(pen.height / 12)
    u = k * bent + 0.35 * torch.sin(2.4 * y + pen.uniform(0, 6.3)) + wander
    v = k * y * pen.uniform(0.15, 0.26) + 0.1 * pen.noise(pen.height / 8)
    first, second, which = cells(u, v, seed, 0.95)
    wall = second - first
    wide = pen.uniform(0.1, 0.22)
    ridge = smooth(wide * 0.3, wide + 0.32, wall)
    fibre = (
        torch.sin(14 * u + 2.5 * pen.noise(pen.height / 6) + 9 * which) * 0.6
        + 0.3 * torch.sin(37 * u + 4 * v + 3 * pen.noise(pen.height / 9))
        + 0.2 * grain(pen)
    )
    crosswise = smooth(0.75, 1.0, torch.sin(9 * v * k + 20 * which + 2.5 * pen.noise(pen.height / 7)))
    height = 0.5 * ridge + ridge * (0.035 * fibre - 0.03 * crosswise)
    rings = torch.sin(30 * r / size.clamp(min=0.2) * 0.34 + 0.4 * torch.sin(3 * angle) + pen.uniform(0, 6))
    boss = 0.5 + 0.3 * dome((r / size / 1.2).clamp(max=1)) + 0.05 * rings - 0.5 * smooth(0.4, 0.1, r / size)
    height = height + inside * (boss - height)
    light = 1.1 * pen.lamp(height / k, pen.uniform(0.8, 1.3)) + 0.1
    hues = among(
        pen,
        ((0.11, 0.07, 0.05), (0.46, 0.33, 0.22), (0.76, 0.62, 0.46)),
        ((0.11, 0.10, 0.09), (0.46, 0.42, 0.38), (0.78, 0.75, 0.68)),
        ((0.13, 0.06, 0.03), (0.46, 0.26, 0.15), (0.72, 0.47, 0.30)),
        ((0.10, 0.08, 0.04), (0.42, 0.37, 0.24), (0.72, 0.66, 0.48)),
        wild=0.2,
    )
    tone = 0.1 + ridge * (0.78 + 0.25 * (which - 0.5)) + 0.13 * fibre - 0.08 * crosswise * ridge
    tone = tone + inside * (0.5 + 0.2 * rings - 0.5 * smooth(0.45, 0.2, r / size) - tone)
    picture = ramp(tone, hues)
    moss = pen.chance(0.35) * smooth(0.2, 1.2, pen.clouds(pen.height / 3)) * ridge * 0.8
    picture = over(picture, pen.earthy((0.2, 0.3, 0.08), (0.38, 0.46, 0.16)), moss)
    trunk = 1.15 - pen.uniform(0, 0.35) * (x - pen.uniform(-0.5, 0.5)) ** 2
    return (picture * (light * trunk.clamp(min=0.3))[:, None]).clamp(0, 1.2), everywhere(pen)


def leaf(pen: Pen) -> Drawn:
    """A leaf close by: a midrib, side veins that branch off and bend to the tip, a net between, puffed up."""
    x, y = pen.placed(0.8, 1.35)
    x = x + pen.uniform(-0.25, 0.25) * y * y
    aside, side = x.abs(), torch.sign(x)
    k = pen.uniform(1.5, 2.4)
    rise, bend = pen.uniform(0.5, 1.1), pen.uniform(0.05, 0.3)
    t = k * (y + rise * aside + bend * aside * aside) + 0.25 * side + 0.04 * pen.noise(pen.height / 5)
    off = torch.remainder(t, 1) - 0.5
    steep = k * (1 + (rise + 2 * bend * aside) ** 2).sqrt()
    vein_off = off.abs() / steep
    thick = 0.024 + 0.026 * smooth(1.3, 0.0, aside)
    rib_off, rib = aside, pen.uniform(0.05, 0.08) * (1 + 0.25 * y.clamp(-1.5, 1.5))
    veins = torch.maximum(smooth(thick * 1.25, thick * 0.5, vein_off), smooth(rib * 1.25, rib * 0.7, rib_off))
    # The veins run where off is 0; the leaf swells between them.
    first, second, which = cells(3.2 * k * (x + 0.15 * y), 3.2 * k * y, pen.uniform(0, 100), 0.9)
    net = smooth(0.22, 0.04, second - first) * (1 - veins)
    pillow = 1 - (2 * off.abs() - 1) ** 2
    pillow = pillow * smooth(0.0, 0.4, aside)
    height = (
        0.28 * pillow / k * 1.4 - 0.012 * net + 0.02 * dome(rib_off / rib) + 0.25 * dome((aside / 1.6).clamp(max=1))
    )
    light = pen.lamp(height, pen.uniform(0.7, 1.2), pen.uniform(0, 0.9))
    hues = among(
        pen,
        ((0.05, 0.18, 0.05), (0.14, 0.42, 0.10), (0.36, 0.64, 0.20), (0.78, 0.88, 0.50)),
        ((0.10, 0.20, 0.05), (0.30, 0.50, 0.10), (0.56, 0.72, 0.20), (0.90, 0.95, 0.62)),
        ((0.30, 0.05, 0.05), (0.70, 0.13, 0.08), (0.92, 0.36, 0.12), (1.00, 0.82, 0.45)),
        ((0.45, 0.20, 0.04), (0.85, 0.47, 0.08), (0.97, 0.72, 0.20), (1.00, 0.93, 0.62)),
        ((0.22, 0.20, 0.04), (0.62, 0.24, 0.08), (0.62, 0.62, 0.16), (0.95, 0.90, 0.55)),
        wild=0.2,
    )
    patch = 0.14 * pen.clouds(pen.height / 3, 3)
    tone = 0.2 + 0.3 * pillow + patch + 0.05 * (which - 0.5) + 0.1 * net
    picture = over(ramp(tone.clamp(0, 0.68), hues), hue(hues, 3), veins * 0.95)
    return (picture * light[:, None]).clamp(0, 1.2), everywhere(pen)


def ripples(pen: Pen) -> Drawn:
    """Water: rings that spread from two or three drops and run through each other, with the sky in them."""
    x, y = pen.placed(0.9, 1.3, turn=0.3)
    deep = 1 + pen.uniform(0.0, 0.35) * y.clamp(-1.5, 1.5)
    u, v = x / deep + 0.03 * pen.noise(pen.height / 4), 1.5 * y / deep
    k = pen.uniform(11, 18)
    height: Plane = 0.08 * torch.sin(1.3 * k * v * 0.5 + 2 * pen.noise(pen.height / 3))
    for strength in (1.0, 0.8, 0.35):
        cx, cy = pen.uniform(-1.1, 1.1), pen.uniform(-1.3, 1.3)
        r = ((u - cx) ** 2 + (v - cy) ** 2 + 0.002).sqrt()
        extent = torch.exp(-0.6 * r) * strength
        height = height + extent * torch.cos(k * r - 1.2)
    light = pen.lamp(height / k, pen.uniform(0.7, 1.1), 0.25)
    slope = (light - light.mean((1, 2), keepdim=True)) / light.std((1, 2), keepdim=True)
    hues = among(
        pen,
        ((0.01, 0.06, 0.16), (0.04, 0.25, 0.48), (0.25, 0.58, 0.80), (0.85, 0.95, 1.00)),
        ((0.01, 0.12, 0.14), (0.03, 0.38, 0.42), (0.25, 0.72, 0.70), (0.90, 1.00, 0.97)),
        ((0.02, 0.08, 0.05), (0.08, 0.28, 0.22), (0.35, 0.60, 0.52), (0.88, 0.96, 0.90)),
        ((0.02, 0.03, 0.10), (0.12, 0.16, 0.36), (0.75, 0.45, 0.40), (1.00, 0.88, 0.65)),
        wild=0.15,
    )
    tone = 0.38 + pen.uniform(0.16, 0.24) * slope + 0.1 * height - 0.12 * y
    picture = ramp(tone, hues)
    glint = smooth(1.5, 2.4, slope) * 0.7
    return over(picture, hue(hues, 3) * 1.15, glint), everywhere(pen)


def flames(pen: Pen) -> Drawn:
    """Tongues of fire, the tall and red ones behind, the bright ones before; dark between, sparks above."""
    x, y = pen.placed(0.85, 1.35, turn=0.3)
    hues = among(
        pen,
        ((0.30, 0.02, 0.01), (0.85, 0.16, 0.02), (1.00, 0.50, 0.04), (1.00, 0.85, 0.30), (1.00, 1.00, 0.85)),
        ((0.22, 0.02, 0.02), (0.72, 0.10, 0.02), (0.98, 0.38, 0.03), (1.00, 0.72, 0.15), (1.00, 0.95, 0.60)),
        ((0.35, 0.06, 0.00), (0.90, 0.30, 0.02), (1.00, 0.62, 0.08), (1.00, 0.90, 0.45), (1.00, 1.00, 0.92)),
        wild=0.05,
    )
    hues = torch.where(pen.chance(0.12) > 0, hues.flip(2), hues)  # gas burns blue
    dark = hue(hues, 0) * (0.25 + 0.5 * smooth(-1.0, 1.4, y))[:, None]
    picture = dark.expand(-1, -1, pen.height, pen.width)
    k = pen.uniform(1.1, 1.7)
    curl = 0.14 * pen.noise(pen.height / 4)
    for row in range(4):
        base = -0.35 + 0.62 * row
        up = base - y
        sway = (0.16 + 0.12 * up) * torch.sin(2.6 * y + pen.uniform(0, 6.3)) + curl * (0.4 + 0.5 * up.clamp(min=0))
        u = (k * (1 + 0.12 * row)) * (x + sway) + pen.uniform(0, 9)
        column = torch.floor(u)
        luck = scattered(column, torch.full_like(column, float(row)), pen.uniform(0, 100))
        tall = 0.75 + 0.75 * luck
        t = up / tall
        # A tongue: broad at a third of its height, drawn out to a point that leans over.
        lean = (torch.frac(luck * 7.7) - 0.5) * 0.5 * t.clamp(0, 1) ** 2
        half = 0.5 * (1 - t.clamp(0, 1)) ** 0.8 * (0.62 + 0.9 * t.clamp(-0.3, 1)).clamp(max=1)
        inside = half - (u - column - 0.5 - lean).abs()
        tongue = smooth(0.0, 0.06, inside) * smooth(-0.75, 0.0, t)
        heat = 0.2 + 0.08 * row + 1.5 * inside.clamp(0, 0.4) * (1.15 - 0.75 * t.clamp(0, 1))
        picture = over(picture, ramp(heat, hues) * 1.05, tongue * 0.96)
    spark = smooth(2.1, 2.6, grain(pen, 1 / 30)) * smooth(0.6, -0.6, y)
    return over(picture, hue(hues, 3) * 1.1, spark), everywhere(pen)


def clouds(pen: Pen) -> Drawn:
    """Cumulus: heaps of white billows on flat grey bottoms, row before row, and the blue between."""
    x, y = pen.grid()
    hues = among(
        pen,
        ((0.08, 0.27, 0.65), (0.45, 0.68, 0.93)),
        ((0.14, 0.38, 0.75), (0.60, 0.80, 0.96)),
        ((0.30, 0.32, 0.56), (0.98, 0.70, 0.52)),
        wild=0.12,
    )
    white = ((0.25, 0.34, 0.50), (0.72, 0.78, 0.88), (1.0, 1.0, 1.0))
    mist = 0.38 + 0.68 * among(
        pen,
        white,
        white,
        white,
        ((0.35, 0.28, 0.38), (0.90, 0.72, 0.66), (1.0, 0.97, 0.9)),
        wild=0.0,
    )
    picture = ramp(0.5 + 0.5 * y, hues)
    k = pen.uniform(0.4, 0.6)
    for row in range(3):
        size = pen.height * (0.2 + 0.06 * row)
        # Noise folded at zero is round above and creased below, as a cauliflower is.
        billow: Plane = torch.zeros_like(x)
        for level in range(4):
            billow = billow + 0.55**level * (pen.noise(max(1.0, size / 2**level)) ** 2 + 0.04).sqrt()
        up = -0.5 + 0.75 * row - y + pen.uniform(-0.15, 0.15)
        u = k * x * (1.25 - 0.12 * row) + 0.06 * pen.noise(size) + pen.uniform(0, 9)
        column = torch.floor(u)
        luck = scattered(column, torch.full_like(column, float(row)), pen.uniform(0, 100))
        across = (u - column - 0.42 - 0.16 * torch.frac(luck * 7.7)) / 0.4
        tall = 0.42 + 0.32 * luck
        within = smooth(0.49, 0.36, (u - column - 0.5).abs())
        rise = torch.where(up > 0, up / tall, up * 5)
        body = 1.0 - across * across - rise * rise + (0.2 + 0.5 * smooth(-0.12, 0.12, up)) * (billow - 1.1)
        body = body - 2 * (1 - within)
        cover = smooth(-0.02, 0.22, body)
        light = pen.lamp(0.11 * billow + 0.12 * body.clamp(-0.3, 1.0), 0.9)
        tone = 0.62 + 0.95 * (light - light.mean((1, 2), keepdim=True)) + 0.55 * (up / tall - 0.25)
        picture = over(picture, ramp(tone.clamp(min=0.05), mist), cover * (0.8 + 0.1 * row))
    return picture.clamp(0, 1.05), everywhere(pen)


def lace(pen: Pen) -> Drawn:
    """White lace on a dark ground: rosettes with round eyelets, netting between them, often a scalloped hem."""
    x, y = pen.placed(0.85, 1.25, turn=0.8)
    k = pen.uniform(0.75, 1.15)
    u, v = k * x, k * y
    row = torch.floor(v)
    a, b = torch.remainder(u + 0.5 * torch.remainder(row, 2), 1) * 2 - 1, (v - row) * 2 - 1
    r, angle = polar(a, b)
    petals = pen.whole(6, 8)
    # Netting: two sets of threads that cross.
    mesh = pen.whole(5, 6) * math.pi
    net = torch.maximum(torch.sin(mesh * (u + v)).abs(), torch.sin(mesh * (u - v)).abs())
    cloth = 0.85 * smooth(0.84, 0.97, net)
    t = torch.remainder(angle * petals / (2 * math.pi) + 0.5, 1) - 0.5
    around = t * 2 * math.pi / petals
    scallop = 0.86 + 0.07 * torch.cos(angle * petals)
    rosette = smooth(0.03, -0.03, r - scallop)
    eyelet = ((r * torch.cos(around) - 0.58) ** 2 + (r * torch.sin(around)) ** 2).sqrt()
    hole = smooth(0.03, -0.03, eyelet - pen.uniform(0.13, 0.17) * 6.5 / petals)
    inner = smooth(0.03, -0.03, r - 0.14) + smooth(0.05, 0.0, (r - 0.28).abs()) * smooth(
        0.2, 0.5, torch.cos(angle * petals)
    )
    solid = 1 - torch.maximum(hole, inner.clamp(0, 1))
    cloth = cloth + rosette * (solid - cloth)
    edge = pen.uniform(0.0, 0.7)
    hemmed = pen.chance(0.5)
    arc = torch.remainder(u * 2, 1) - 0.5
    hang = v - edge - 0.22 * (1 - 4 * arc * arc).clamp(min=0).sqrt()
    eye = (arc * arc * 0.25 + (v - edge - 0.06) ** 2).sqrt()
    hem = smooth(0.07, 0.095, eye)
    below = hemmed * smooth(-0.03, 0.0, v - edge + 0.1)
    cloth = cloth + below * (hem - cloth)
    cloth = cloth * (1 - hemmed * smooth(-0.015, 0.015, hang))
    thread = 0.9 + 0.1 * torch.sin(70 * u) * torch.sin(70 * v)
    fold = 0.06 * pen.noise(pen.height / 2)
    raised = blurred(cloth, pen.height / 90)
    light = 0.15 + pen.lamp(0.05 * raised + fold, 1.0)
    ground = ramp(
        0.5 + 0.25 * pen.noise(pen.height / 2),
        among(
            pen,
            ((0.02, 0.02, 0.04), (0.12, 0.1, 0.14)),
            ((0.10, 0.02, 0.05), (0.32, 0.06, 0.12)),
            ((0.02, 0.05, 0.14), (0.08, 0.16, 0.32)),
            ((0.02, 0.10, 0.08), (0.08, 0.24, 0.18)),
            wild=0.1,
        ),
    )
    white = among(pen, ((1.0, 1.0, 1.0),), ((1.0, 0.96, 0.87),), ((0.96, 0.97, 1.0),), wild=0.12)
    picture = over(shaded(pen, ground, cloth, 0.025), (0.3 + 0.7 * hue(white, 0)) * (light * thread)[:, None], cloth)
    return picture, 1 - hemmed * smooth(0.0, 0.1, hang)


def knit(pen: Pen) -> Drawn:
    """Knitted wool: columns of V stitches, each in the one below, in stripes or a pattern of colours."""
    x, y = pen.placed(0.9, 1.2, turn=0.9)
    k = pen.uniform(2.3, 3.8)
    u = k * x + 0.05 * pen.noise(pen.height / 6)
    v = k * y * pen.uniform(1.1, 1.35) + 0.05 * pen.noise(pen.height / 6)
    column = torch.floor(u)
    across = (u - column) * 2 - 1
    arm = across.abs()
    q = v + pen.uniform(0.75, 1.1) * arm
    row = torch.floor(q)
    t = (q - row) * 2 - 1
    p = (arm - 0.5) * 2
    # Each arm of a V is plump in the middle and dives under the next at both ends.
    height = dome((t * t + 0.75 * p * p).sqrt().clamp(max=1))
    # The yarn is twisted: threads aslant along each arm.
    twist = torch.sin(6 * t - 6 * p + pen.noise(pen.height / 12))
    height = height + 0.09 * twist + 0.015 * grain(pen, 1 / 90)
    light = pen.lamp(height * 0.3 / k, 1.1)
    stripe = torch.floor(row / pen.whole(1, 3))
    diamond = torch.remainder(
        torch.floor((torch.remainder(column, 6) - 2.5).abs() + (torch.remainder(row, 6) - 2.5).abs()), 3
    )
    banded = 2 * scattered(stripe, torch.zeros_like(stripe), pen.uniform(0, 100))
    plain, fair = pen.chance(0.3), pen.chance(0.5)
    pick = (1 - plain) * torch.where(fair > 0, diamond, torch.round(banded)) / 2
    hues = among(
        pen,
        ((0.55, 0.08, 0.10), (0.20, 0.32, 0.50), (0.93, 0.89, 0.80)),
        ((0.10, 0.16, 0.32), (0.62, 0.66, 0.72), (0.92, 0.90, 0.86)),
        ((0.14, 0.30, 0.22), (0.80, 0.55, 0.22), (0.92, 0.87, 0.72)),
        ((0.36, 0.25, 0.20), (0.72, 0.42, 0.38), (0.94, 0.86, 0.76)),
        ((0.42, 0.40, 0.40), (0.62, 0.60, 0.58), (0.84, 0.82, 0.79)),
        wild=0.35,
    )
    # Plain ones in any of the three.
    pick = pick + plain * pen.whole(0, 2) / 2
    shade = light * (0.22 + 0.85 * height.clamp(0, 1)) * (1 + 0.04 * pen.noise(pen.height / 3))
    return (ramp(pick, hues) * 1.15 * shade[:, None]).clamp(0, 1.2), everywhere(pen)

"""Animals: wings, scales, shells of light, and what they are seen against."""

from __future__ import annotations

import math

import torch

from hallucinate.motifs.constants import Drawn
from hallucinate.motifs.drawing import Pen, Plane, hue, over, polar, ramp, scattered, segment, smooth
from hallucinate.motifs.life import (
    BIRDS,
    BUTTERFLIES,
    FISHES,
    JELLIES,
    LIZARDS,
    SNAKES,
    among,
    dome,
    inside,
    shingled,
    spot,
    standing,
    water,
)


def butterfly(pen: Pen) -> Drawn:
    """Two pairs of veined wings with dark dotted margins, mirrored about a body with feelers."""
    x, y = pen.placed(0.9, 1.35)
    hues = among(pen, BUTTERFLIES, wild=0.25)
    half = x.abs()
    side = half / pen.uniform(0.8, 1.0)
    r, angle = polar(side - 0.02, y + 0.02)
    veins = pen.whole(5, 7)
    spotted, tailed = pen.chance(0.45), pen.chance(0.35)
    fore_turn, hind_turn = pen.uniform(0.5, 0.66), pen.uniform(0.75, 0.95)
    fore = 1.18 * torch.cos((1.42 * (angle + fore_turn)).clamp(-1.57, 1.57)).clamp(min=1e-3) ** 0.55
    fore = fore * (1 - 0.05 * torch.cos(2 * veins * (angle + 0.4)))
    hind = 0.92 * torch.cos((1.3 * (angle - hind_turn)).clamp(-1.57, 1.57)).clamp(min=1e-3) ** 0.45
    hind = hind * (1 - 0.05 * torch.cos(2 * veins * angle))
    hind = hind + tailed * 0.36 * torch.exp(-(((angle - 1.12) / 0.1) ** 2))
    top = inside(r - fore)
    t = torch.where(top > 0.5, r / fore, r / hind.clamp(max=0.95))
    wings = torch.maximum(top, inside(r - hind))
    margin = pen.uniform(0.68, 0.8)
    vein = torch.sin(veins * (angle + 0.2) + 0.5 * top).abs() * r
    band = ramp(t / margin * 0.95 + 0.12 * torch.sin(veins * 2 * angle) * t, hues[:, :3])
    dark = hue(hues, 3) * 0.5
    paint = over(band, dark, smooth(0.13, 0.04, vein) * smooth(0.2, 0.45, r) * 0.85)
    paint = over(paint, dark, smooth(-0.05, 0.03, t - margin - 0.06 * torch.cos(2 * veins * angle)))
    crease = smooth(0.07, 0.0, (r - fore).abs()) * smooth(0.2, 0.4, hind - r)
    paint = paint * (1 - 0.6 * crease * (1 - top))[:, None]
    fleck = ((t - 0.5 - margin / 2) / 0.085) ** 2 + (torch.cos(veins * (angle + 0.2) + 0.5 * top) / 0.6) ** 2
    paint = over(paint, hue(hues, 4), smooth(1.3, 0.7, fleck))
    away = torch.minimum(spot(side, y, 0.64, -0.42, 0.2), spot(side, y, 0.5, 0.45, 0.2))
    eyes = over(over(dark, hue(hues, 4), smooth(0.85, 0.75, away)), dark * 0.6, smooth(0.58, 0.5, away))
    eyes = over(eyes, torch.ones_like(eyes), smooth(0.24, 0.14, away))
    paint = over(paint, eyes, spotted * smooth(1.05, 0.95, away))
    feeler, along = segment(half, y, (0.02, -0.42), (0.2, -1.02))
    feeler = inside(feeler - 0.022 - 0.03 * smooth(0.85, 1.0, along))
    trunk = torch.minimum(spot(half, y * 0.28, 0, 0.06, 0.085), spot(half, y * 0.6, 0, -0.1, 0.1))
    trunk = torch.minimum(trunk, spot(half, y, 0, -0.42, 0.085))
    body = smooth(1.1, 0.9, trunk)
    paint = over(paint, dark + 0.12 + 0.1 * torch.sin(40 * y)[:, None] * smooth(0.0, 0.1, y)[:, None], body)
    paint = over(paint, dark, feeler * (1 - body))
    mask = torch.maximum(torch.maximum(wings, body), feeler)
    bend = pen.uniform(-0.2, 0.2) * side + 0.02 * smooth(0.2, 0.0, vein) * smooth(0.2, 0.5, r) * wings
    height = wings * 0.03 + bend * wings + 0.12 * dome(trunk)
    return standing(pen, pen.backdrop(), paint, mask, height, 0.4), mask


def fish(pen: Pen) -> Drawn:
    """A scaled body, a forked tail, fins with rays, a gill and a round eye."""
    x, y = pen.placed(0.85, 1.3, turn=0.5)
    x = x * torch.sign(pen.uniform(-1, 1))
    y = y + 0.12 * torch.sin(2.2 * x + pen.uniform(0, 6.3))  # it swims
    hues = among(pen, FISHES)
    t = ((x + 0.95) / 1.6).clamp(0, 1)
    deep = pen.uniform(0.85, 1.2)
    back = deep * (1.25 * t**0.55 * (1 - t) ** 0.95) * 0.82 + 0.09 * smooth(0.3, 0.9, t)
    body = inside(y.abs() - back) * smooth(-0.96, -0.92, x) * smooth(0.66, 0.6, x)
    # Tail: two lobes that spread from the root, and rays along them.
    r, angle = polar(x - 0.45, y)
    fork = pen.uniform(0.35, 0.75)
    extent = 0.42 + fork * angle.abs().clamp(max=0.8) ** 1.3
    tail = inside(r - extent) * inside((angle.abs() - 0.72) * r)
    crest = 0.34 * (1 - ((x + 0.02) / 0.52) ** 2).clamp(min=0) ** 0.6 * (0.75 + 0.5 * x)
    keel = 0.3 * (1 - ((x - 0.22) / 0.26) ** 2).clamp(min=0) ** 0.6
    off = torch.where(y < 0, -y - back - crest, y - back - keel)
    fins = inside(off) * inside((x - 0.02).abs() - 0.52)
    fins = torch.maximum(tail, fins) * (1 - body)
    ray = torch.where(x > 0.5, 22 * angle, 24 * (x - 0.5 * y.abs()))
    beam = 0.5 + 0.5 * torch.sin(ray)
    paint = hue(hues, 3) * (0.6 + 0.45 * beam)[:, None]
    flank = ramp(0.5 + 0.5 * y / back.clamp(min=0.05), hues[:, :3])
    k = pen.uniform(6, 8.5)
    depth, which = shingled(k * y, k * x)
    scaled = smooth(-0.45, -0.25, x) * body
    flank = flank * (1 + scaled * (0.3 - 0.55 * depth**2 + 0.15 * which))[:, None]
    # Bands across, with dark rims, or patches; or neither.
    wavy = x + 0.1 * y * y + 0.05 * torch.sin(6 * y)
    band = torch.cos(pen.uniform(6.0, 9.0) * (wavy + 0.32))
    patch = pen.noise(pen.height / 3.5)
    mark = torch.where(pen.chance(0.6) > 0, band - 0.45, patch - 0.4)
    marked = pen.chance(0.65)
    flank = over(flank, hue(hues, 0) * 0.15, smooth(-0.22, -0.08, mark) * marked * 0.85)
    flank = over(flank, hue(hues, 4) * (1.02 - 0.2 * scaled * depth)[:, None], smooth(0.0, 0.15, mark) * marked)
    paint = over(paint, flank, body)
    gill = smooth(0.05, 0.0, (spot(x, y, -0.75, 0.0, 1.0) - 0.36).abs()) * smooth(-0.62, -0.5, x)
    paint = paint * (1 - 0.6 * gill * body * smooth(0.34, 0.28, y.abs()))[:, None]
    mouth, _ = segment(x, y, (-0.97, 0.1), (-0.8, 0.13))
    paint = paint * (1 - 0.75 * smooth(0.04, 0.015, mouth))[:, None]
    # The near fin, on the flank.
    s, turn = polar(x + 0.34, y - 0.25)
    near = inside(s - 0.38 + 0.12 * turn.abs()) * inside((turn.abs() - 0.5) * s)
    paint = over(paint, hue(hues, 3) * (0.75 + 0.4 * torch.sin(20 * turn))[:, None], near * 0.85)
    ball = spot(x, y, -0.64, -0.09, 0.125)
    rim = torch.tensor([1.0, 0.93, 0.7], device=pen.device)[None, :, None, None]
    paint = over(paint, rim * 0.12, smooth(1.25, 1.1, ball))
    paint = over(paint, rim, smooth(1.02, 0.92, ball))
    paint = over(paint, rim * 0.03, smooth(0.68, 0.58, ball))
    paint = over(paint, torch.ones_like(rim), smooth(0.3, 0.18, spot(x, y, -0.68, -0.13, 0.125)))
    mask = torch.maximum(body, fins)
    height = 0.34 * dome(y / back.clamp(min=0.05)) * body + 0.03 * beam * fins + 0.05 * near
    height = height - 0.03 * depth**2 * scaled + 0.05 * dome(ball)
    ground = torch.where(pen.chance(0.6)[:, None] > 0, water(pen), pen.backdrop())
    return standing(pen, ground, paint * 1.12, mask, height, 0.5), mask


def bird(pen: Pen) -> Drawn:
    """A bird from the side: round body and head, beak, eye, tail, and a wing of feathers in rows, folded or raised."""
    x, y = pen.placed(0.9, 1.35, turn=0.35)
    x = x * torch.sign(pen.uniform(-1, 1))
    hues = among(pen, BIRDS)
    aloft = pen.chance(0.45)
    # The body leans: upright when perched, along when aloft.
    lean = 0.5 - 0.35 * aloft
    c, s = torch.cos(lean), torch.sin(lean)
    u, v = x * c + y * s, -x * s + y * c  # u to the tail along the back, v to the belly
    trunk = (
        (u / (0.6 + 0.12 * smooth(0.0, 0.5, u))) ** 2 + ((v - 0.03) / (0.4 - 0.12 * smooth(0.1, 0.6, u))) ** 2
    ).sqrt()
    hx, hy = -0.5 - 0.1 * aloft, -0.38 + 0.12 * aloft
    head = spot(x, y, hx, hy, 0.31)
    neck = spot(x, y, hx * 0.75, hy * 0.55, 0.33)
    shape = torch.minimum(torch.minimum(trunk, head), neck)
    body = smooth(1.06, 0.94, shape)
    # Tail: a fan of long feathers.
    tr, ta = polar(u - 0.3, v + 0.02)
    spread = 0.2 + 0.1 * aloft + pen.uniform(0, 0.08)
    long = pen.uniform(0.72, 0.92)
    tail = inside(tr - long + 0.05 * torch.cos(28 * ta)) * inside((ta.abs() - spread) * tr)
    barred = 0.75 + 0.35 * torch.cos(28 * ta)
    paint = ramp(barred * 0.6, hues[:, 3:5]) * (0.8 + 0.3 * barred)[:, None]
    # Beak.
    bx, by = hx - x, y - hy - 0.03
    beak = inside(by.abs() - 0.13 * (1 - (bx - 0.22) / 0.32)) * smooth(0.2, 0.24, bx) * smooth(0.56, 0.5, bx)
    paint = over(paint, hue(hues, 5) * (1 - 0.5 * smooth(0.035, 0.01, (by - 0.02).abs()))[:, None], beak)
    # Plumage: the back one colour, breast and belly others.
    down = v + 0.16 * u + 0.03 * pen.noise(pen.height / 16) + 0.15 * smooth(-0.3, -0.7, x)
    plume = over(hue(hues, 0), ramp(smooth(-0.2, 0.35, u), hues[:, 1:3]), smooth(-0.02, 0.08, down))
    ruffled = pen.noise(pen.height / 12)
    fluff = 0.07 * torch.sin(34 * v + 2.5 * ruffled) * torch.sin(9 * u + 2 * ruffled) + 0.04 * ruffled
    plume = plume * (1.02 + fluff)[:, None]
    cap = smooth(1.0, 0.9, head) * smooth(0.02, -0.04, y - hy + 0.08 + 0.15 * (x - hx))
    plume = over(plume, hue(hues, 3) * 0.8, cap * pen.chance(0.6))
    paint = over(paint, plume, body)
    # The wing: three rows of feathers fanned from the shoulder.
    wr, wa = polar(u + 0.25, v + 0.06)
    axis = 0.1 - aloft * pen.uniform(0.85, 1.4)
    fan = 0.34 + aloft * pen.uniform(0.2, 0.32)
    extent = 0.85 + aloft * pen.uniform(0.25, 0.4)
    a = wa - axis
    n = 6.5 / fan
    feather = torch.cos(n * 2 * a)
    edge = extent * (1 - 0.22 * (a / fan).clamp(-1, 1) ** 2 + 0.12 * (a / fan).clamp(-1, 1)) + 0.05 * feather
    # Broad at the shoulder, so that the fan is a wing.
    wing = inside(wr - edge) * inside((a.abs() - fan) * wr - 0.13 * dome(wr / 0.5))
    t = wr / edge
    first, second = 0.36 + 0.05 * torch.cos(n * 1.1 * a), 0.63 + 0.05 * torch.cos(n * 1.6 * a + 1)
    row = torch.where(
        t < first, t / first, torch.where(t < second, (t - first) / (second - first), (t - second) / (1 - second))
    )
    quill = torch.where(t < first, torch.cos(n * 1.1 * a), torch.where(t < second, torch.cos(n * 1.6 * a + 1), feather))
    shade = (0.15 + 0.6 * row.clamp(0, 1) ** 3 + 0.4 * (t < first).float() * (1 - row)).clamp(0, 1)
    coat = ramp(shade, hues[:, 3:5])
    coat = torch.where((t < first)[:, None], 0.5 * coat + 0.5 * hue(hues, 0), coat)
    coat = coat * (1 - 0.5 * smooth(-0.4, -1.0, quill) * smooth(0.1, 0.4, row) * smooth(0.2, 0.4, t))[:, None]
    paint = paint * (1 - 0.35 * body * smooth(0.12, 0.0, wr - edge) * smooth(0.12, 0.0, (a.abs() - fan) * wr))[:, None]
    paint = over(paint, coat, wing)
    ball = spot(x, y, hx - 0.1, hy - 0.04, 0.08)
    white = torch.ones_like(plume[:, :, :1, :1])
    paint = over(paint, white * 0.9, smooth(1.5, 1.3, ball) * 0.6)
    paint = over(paint, white * 0.02, smooth(1.1, 0.95, ball))
    paint = over(paint, white, smooth(0.45, 0.3, spot(x, y, hx - 0.125, hy - 0.07, 0.08)))
    mask = torch.maximum(torch.maximum(body, tail), torch.maximum(beak, wing))
    height = torch.maximum(0.32 * dome(shape), 0.05 * tail) * (1 - 0.5 * wing)
    height = (
        height
        + wing * (0.1 + 0.05 * quill * smooth(0.0, 0.5, row) * smooth(0.15, 0.5, t) - 0.06 * row)
        + 0.06 * dome(by / 0.13) * beak
    )
    ground = pen.backdrop()
    branch = ((y + 0.1 * x - 0.56 + 0.02 * torch.sin(5 * x)) / 0.1).abs()
    legs = torch.minimum(segment(x, y, (0.0, 0.3), (-0.06, 0.55))[0], segment(x, y, (0.16, 0.3), (0.12, 0.55))[0])
    perch = (1 - aloft) * smooth(1.1, 0.9, branch)
    bark = pen.earthy((0.25, 0.17, 0.1), (0.5, 0.38, 0.28)) * (1.15 - 0.75 * branch * branch)[:, None].clamp(min=0.2)
    ground = over(ground, hue(hues, 5) * 0.8, (1 - aloft) * inside(legs - 0.035, 0.015))
    ground = over(ground, bark, perch)
    return standing(pen, ground, paint * 1.1, mask, height, 0.15), torch.maximum(mask, 0.6 * perch)


def snake(pen: Pen) -> Drawn:
    """A thick winding or coiled body with scales and bands, and a head with two eyes and a forked tongue."""
    x, y = pen.placed(0.8, 1.15)
    hues = among(pen, SNAKES)
    k, swing, phase = pen.uniform(3.0, 4.0), pen.uniform(0.34, 0.46), pen.uniform(0, 6.3)
    # The nearest point of the winding line, by steps along its tangent.
    t = x
    for _ in range(3):
        bend, slope = swing * torch.sin(k * t + phase), swing * k * torch.cos(k * t + phase)
        t = t + 0.7 * ((x - t) + slope * (y - bend)) / (1 + slope * slope)
    t = t.clamp(-1.5, 0.75)
    bend, slope = swing * torch.sin(k * t + phase), swing * k * torch.cos(k * t + phase)
    side = torch.sign(y - bend)
    away = ((x - t) ** 2 + (y - bend) ** 2 + 1e-9).sqrt()
    half = 0.19 * smooth(-1.75, -0.5, t) * (1 - 0.3 * smooth(0.3, 0.75, t))
    along = t * (1 + (swing * k) ** 2 / 4) + swing**2 * k / 8 * torch.sin(2 * (k * t + phase))
    # Coiled: a spiral of even pitch, its outer end drawn thin.
    r, angle = polar(x, y)
    pitch = pen.uniform(0.3, 0.36)
    whorl = r / pitch - angle / (2 * math.pi)
    turns = torch.floor(whorl)
    sweep = turns + angle / (2 * math.pi)  # in whole turns from the middle
    thin = 1 - smooth(1.8, 2.7, sweep)
    coiled = pen.chance(0.3) > 0
    away = torch.where(coiled, (whorl - turns - 0.5).abs() * pitch + 9 * (sweep > 2.7).float(), away)
    side = torch.where(coiled, torch.sign(whorl - turns - 0.5), side)
    along = torch.where(coiled, math.pi * pitch * (sweep + 0.5) ** 2, along)
    half = torch.where(coiled, (0.54 * pitch * (0.1 + 0.9 * thin)).clamp(min=0.01), half)
    across = away / half.clamp(min=0.01)
    body = inside(away - half, 0.02)
    # Skin.
    lie = side * torch.asin(across.clamp(max=0.999)) * half * 13
    depth, which = shingled(lie, along * 10)
    beat = pen.uniform(8, 13) * torch.where(coiled, 0.6, 1.0)
    rings = torch.sin(beat * along)
    diamond = 0.75 * torch.cos(beat * 0.8 * along) + 0.55 - 1.3 * across
    zigzag = 0.45 - (side * across - 0.45 * torch.sin(beat * along)).abs() * 1.4
    kind = pen.whole(0, 2)
    mark = torch.where(kind == 0, rings, torch.where(kind == 1, diamond, zigzag))
    paint = over(hue(hues, 0), hue(hues, 2), smooth(-0.35, -0.2, mark))
    paint = over(paint, hue(hues, 1), smooth(-0.02, 0.12, mark))
    paint = paint * (1.15 - 0.4 * depth**2 + 0.12 * which)[:, None]
    paint = paint * (1 - 0.6 * smooth(0.65, 1.0, across))[:, None]
    height = half * dome(across)
    # The head, at the front end, or on top of the coil.
    end = torch.where(coiled, torch.zeros_like(swing), 0.8 * torch.ones_like(swing))
    hy = torch.where(coiled, torch.zeros_like(swing), swing * torch.sin(k * 0.75 + phase))
    turn = torch.where(coiled, pen.uniform(-3.1, 3.1), torch.atan(swing * k * torch.cos(k * 0.75 + phase)))
    c, s = torch.cos(turn), torch.sin(turn)
    u, v = (x - end) * c + (y - hy) * s, -(x - end) * s + (y - hy) * c
    grown = torch.where(coiled, 0.8, 1.0)  # the head on a coil is what tells it from a spiral
    u, v = (u - 0.08) * grown, v * grown
    wide = 0.21 - 0.07 * smooth(0.0, 0.3, u)
    skull = ((u / 0.31) ** 2 + (v / wide) ** 2).sqrt()
    head = smooth(1.06, 0.94, skull)
    streak = smooth(0.05, 0.02, (v.abs() - 0.06 - 0.12 * smooth(0.25, -0.3, u)).abs())
    cheek = over(hue(hues, 0), hue(hues, 1), 0.85 * streak)
    tip, _ = segment(u, v.abs(), (0.42, 0.0), (0.56, 0.09))
    root, _ = segment(u, v, (0.25, 0.0), (0.43, 0.0))
    tongue = inside(torch.minimum(tip, root) - 0.02, 0.015) * (1 - head)
    paint = paint * (1 - 0.45 * smooth(1.5, 1.0, skull))[:, None]
    paint = over(paint, cheek * 1.1, head)
    ball = spot(u, v.abs(), 0.08, 0.125, 0.065)
    gold = pen.earthy((0.8, 0.6, 0.1), (1.0, 0.9, 0.4))
    paint = over(paint, gold, smooth(1.1, 0.9, ball) * head)
    paint = over(paint, gold * 0.03, smooth(1.1, 0.8, ((u - 0.08) / 0.055) ** 2 + ((v.abs() - 0.125) / 0.026) ** 2))
    paint = over(paint, torch.tensor([0.75, 0.05, 0.1], device=pen.device)[None, :, None, None], tongue)
    height = torch.where(head > 0.5, 0.12 + 0.2 * dome(skull), height) + 0.03 * dome(ball)
    height = height - 0.015 * depth**2 * (1 - head)
    mask = torch.maximum(torch.maximum(body, head), tongue)
    return standing(pen, pen.backdrop(), paint, mask, height, 0.6), mask


def jellyfish(pen: Pen) -> Drawn:
    """A glowing bell with ribs and a frilled hem in dark water, ruffled arms and long wavy tentacles under it."""
    x, y = pen.placed(0.85, 1.25, turn=0.6)
    y = y + 0.35
    hues = 0.2 + 0.8 * among(pen, JELLIES, wild=0.2)
    wide, tall = pen.uniform(0.7, 0.9), pen.uniform(0.55, 0.75)
    # The hem curls in below, in scallops.
    lobes = pen.whole(5, 8)
    lon = torch.asin((x / wide).clamp(-0.99, 0.99))
    hem = 0.13 * torch.cos(lon) + 0.05 * torch.cos(lobes * 2 * lon)
    dome_off = ((x / wide) ** 2 + (y.clamp(max=0) / tall) ** 2).sqrt()
    bell = smooth(1.04, 0.97, dome_off) * inside(y - hem)
    ground = water(pen) * 0.75
    # Light in the water about it.
    halo = torch.exp(-2.0 * (dome_off - 0.9).clamp(min=0)) * torch.exp(-2.5 * y.clamp(min=0))
    picture = ground + 0.3 * hue(hues, 0) * halo[:, None]
    # Tentacles, one to a lane; and the lanes sway together.
    fall = y.clamp(min=0)
    beat, shift = pen.uniform(3.5, 5.5), pen.uniform(0, 6.3)
    lanes = pen.whole(3, 4)
    sway = 0.13 * fall.clamp(max=1) * torch.sin(beat * y + shift) + 0.12 * fall * torch.sin(1.7 * y + shift)
    u = (x + sway) / (wide * (0.9 + 0.12 * fall)) * lanes
    column = torch.floor(u)
    luck = scattered(column, lanes.expand_as(column), shift.expand_as(column))
    off = u - column - 0.5 - 0.22 * torch.sin(beat * 1.3 * y + 6.3 * luck) * smooth(0.0, 0.4, fall)
    long = 0.9 + 0.9 * luck
    thread = smooth(1.0, 0.3, off.abs() * wide / lanes / (0.045 - 0.015 * fall / long)) * (u.abs() < lanes).float()
    thread = thread * smooth(0.0, 0.08, y) * smooth(0.0, -0.3, y - long)
    picture = over(picture, hue(hues, 1), thread * (0.85 - 0.3 * fall / long))
    # Arms: broad ruffled ribbons in the middle.
    a = (x + 1.2 * sway) / 0.22
    lane = torch.floor(a + 0.5).clamp(-1, 1)
    ruffle = 0.34 + 0.14 * torch.sin(16 * y + 2.1 * lane + 2 * torch.sin(7 * y + lane))
    flat = (a - lane).abs() / (ruffle * (1 - 0.55 * fall / 1.1)).clamp(min=0.02)
    arm = smooth(1.1, 0.7, flat) * smooth(0.0, 0.1, y) * smooth(1.15, 0.8, y + 0.15 * lane)
    fold = 0.65 + 0.35 * torch.sin(16 * y + 5 * a)
    picture = over(picture, ramp(fold, torch.stack([hues[:, 2] * 0.5, 0.3 + 0.7 * hues[:, 2]], 1)), arm * 0.85)
    # The bell: thin in the middle, bright at its rim and along its ribs.
    limb = dome_off.clamp(max=1) ** 4
    rib = smooth(0.55, 1.0, torch.cos(lobes * 2 * lon)) * smooth(-tall * 0.95, -tall * 0.2, y)
    top = smooth(0.55, 0.0, ((x + 0.25 * wide) ** 2 + (y + 0.65 * tall) ** 2).sqrt())
    rim = smooth(0.1, 0.0, (y - hem + 0.03).abs())
    inner = smooth(0.75, 0.3, (((x / wide) ** 2 + ((y + 0.25 * tall) / tall * 1.3) ** 2).sqrt()))
    glow = (0.35 + 0.3 * inner + 0.5 * limb + 0.3 * rib + 0.35 * top + 0.5 * rim).clamp(0, 1.4)
    skin = hue(hues, 0) + (hue(hues, 1) - hue(hues, 0)) * (glow - 0.35).clamp(0, 1)[:, None]
    picture = over(picture, skin * (0.35 + 0.75 * glow)[:, None], bell * (0.62 + 0.38 * torch.maximum(limb, rim)))
    # Four rings within, as moon jellies have.
    rings = smooth(0.07, 0.02, (spot(x.abs(), y, 0.24 * wide, -0.32 * tall, 1.0) - 0.12).abs())
    picture = over(picture, hue(hues, 2) * 0.3 + 0.7, rings * bell * pen.chance(0.5) * 0.75)
    mask = torch.maximum(torch.maximum(bell, arm), thread * 0.8)
    return picture.clamp(0, 1.25), mask


def lizard(pen: Pen) -> Drawn:
    """A lizard from above: wide head with eyes, spotted back, long curved tail, four splayed legs with toes."""
    x, y = pen.placed(0.9, 1.25)
    hues = among(pen, LIZARDS)
    bow, phase = pen.uniform(0.1, 0.2), pen.uniform(0, 6.3)
    tail = (y - 0.35).clamp(min=0)
    curl = pen.uniform(0.35, 0.75) * torch.sign(pen.uniform(-1, 1))
    middle = bow * torch.sin(2.6 * y + phase) + curl * tail * tail * 1.3
    lean = bow * 2.6 * torch.cos(2.6 * y + phase) + curl * tail * 2.6
    off = (x - middle) / (1 + lean * lean).sqrt()
    # Head, neck, belly, hips and a tail that tapers, seen from above.
    half = 0.2 * torch.exp(-(((y + 0.72) / 0.2) ** 2)) + 0.23 * torch.exp(-((y / 0.4) ** 2)) + 0.06
    half = half * smooth(-1.02, -0.8, y) ** 0.5
    half = torch.where(y > 0.3, torch.minimum(half, 0.19 * (1 - (y - 0.3) / 1.05).clamp(min=0)), half)
    across = off.abs() / half.clamp(min=0.01)
    body = inside(off.abs() - half, 0.025) * smooth(1.34, 1.28, y) * smooth(-1.03, -0.97, y)
    # Legs, mirrored; one side is a step ahead.
    side = (x - middle.clamp(-0.5, 0.5)).abs()
    step = pen.uniform(-0.14, 0.14) * torch.sign(x - middle) * smooth(0.0, 0.3, side)
    v = y + step
    legs: Plane = torch.full_like(x, 9.0)
    toes: Plane = torch.full_like(x, 9.0)
    for hip, knee, foot, bend in (
        ((0.1, -0.36), (0.42, -0.28), (0.56, -0.55), -0.95),
        ((0.1, 0.3), (0.42, 0.16), (0.6, 0.46), 0.8),
    ):
        thigh, t = segment(side, v, hip, knee)
        shin, _ = segment(side, v, knee, foot)
        legs = torch.minimum(legs, torch.minimum(thigh - 0.1 + 0.03 * t, shin - 0.068))
        r, angle = polar(side - foot[0], v - foot[1])
        a = angle - bend
        toes = torch.minimum(toes, r - 0.26 * (0.3 + 0.7 * torch.cos(3.6 * a).abs() ** 1.3) * smooth(2.4, 1.6, a.abs()))
    limbs = torch.maximum(inside(legs, 0.025), inside(toes, 0.025))
    # Skin: pebbles all over, and spots or bars.
    depth, which = shingled(11 * off, 11 * y)
    flank = ramp(smooth(0.2, 0.95, across) * body, hues[:, :2])
    seed = pen.uniform(0, 100)
    k = pen.uniform(4.2, 5.5)
    u, w = k * off, k * (y + 0.1 * phase)
    cu, cw = torch.round(u), torch.round(w + 0.5 * torch.remainder(torch.round(u), 2))
    px = u - cu - 0.3 * (scattered(cu, cw, seed) - 0.5)
    py = w + 0.5 * torch.remainder(cu, 2) - cw - 0.3 * (scattered(cu, cw, seed + 5) - 0.5)
    dots = 0.36 - (px * px + py * py).sqrt()
    bars = 0.5 * torch.sin(k * 2.4 * y + 1.2 * across) - 0.05
    stripe = 0.12 - (across - 0.62).abs()
    kind = pen.whole(0, 3)
    mark = torch.where(kind < 2, dots, torch.where(kind == 2, bars, stripe))
    skin = over(flank, hue(hues, 2), smooth(-0.04, 0.06, mark) * body)
    skin = over(skin, hue(hues, 2), smooth(0.0, 0.3, torch.sin(26 * legs + 18 * v)) * (1 - body) * limbs * 0.35)
    paint = skin * (1.1 - 0.25 * depth**2 + 0.1 * which)[:, None]
    ball = spot(off.abs(), y, 0.15, -0.76, 0.085)
    gold = pen.earthy((0.8, 0.55, 0.1), (1.0, 0.9, 0.5))
    paint = over(paint, gold, smooth(1.1, 0.9, ball))
    paint = over(paint, gold * 0.03, smooth(0.7, 0.5, ball))
    mask = torch.maximum(torch.maximum(body, limbs), smooth(1.1, 0.9, ball))
    legs_high = 0.09 * dome((1 + legs / 0.09).clamp(0, 1)) * (limbs > 0).float()
    toes_high = 0.05 * dome((1 + toes / 0.05).clamp(0, 1))
    height = torch.maximum(torch.maximum(legs_high, toes_high), half * dome(across) * 0.9 * body)
    height = height + 0.07 * dome(ball) - 0.015 * depth**2
    return standing(pen, pen.backdrop(), paint * 1.05, mask, height, 0.45), mask

"""Plants, and the mushroom and the shell, which grow as they do."""

from __future__ import annotations

import math

import torch

from hallucinate.motifs.constants import Drawn
from hallucinate.motifs.drawing import Pen, Plane, Tone, hue, over, polar, ramp, scattered, segment, smooth
from hallucinate.motifs.life import among, dome, inside, shingled, spot, standing

FLOWERS: tuple[tuple[Tone, ...], ...] = (  # root of a petal, its tip, heart, rim of the heart
    ((0.95, 0.93, 0.85), (1.00, 1.00, 1.00), (1.00, 0.80, 0.10), (0.85, 0.50, 0.02)),
    ((0.55, 0.02, 0.10), (0.95, 0.15, 0.25), (0.95, 0.75, 0.20), (0.30, 0.02, 0.06)),
    ((0.90, 0.35, 0.55), (1.00, 0.78, 0.86), (1.00, 0.85, 0.30), (0.75, 0.20, 0.35)),
    ((0.95, 0.55, 0.02), (1.00, 0.85, 0.15), (0.35, 0.18, 0.06), (0.15, 0.07, 0.03)),
    ((0.35, 0.15, 0.65), (0.70, 0.55, 0.98), (1.00, 0.85, 0.20), (0.25, 0.08, 0.40)),
    ((0.85, 0.20, 0.02), (1.00, 0.52, 0.20), (0.30, 0.12, 0.05), (0.90, 0.65, 0.10)),
    ((0.10, 0.25, 0.75), (0.45, 0.65, 1.00), (0.95, 0.95, 0.60), (0.10, 0.15, 0.45)),
)
CAPS: tuple[tuple[Tone, ...], ...] = (  # rim of the cap, its crown, dots, stem, gills
    ((0.62, 0.02, 0.02), (0.95, 0.15, 0.06), (1.00, 0.97, 0.90), (0.96, 0.93, 0.84), (0.88, 0.80, 0.66)),
    ((0.38, 0.22, 0.10), (0.70, 0.46, 0.25), (0.92, 0.82, 0.66), (0.90, 0.84, 0.70), (0.75, 0.62, 0.42)),
    ((0.80, 0.35, 0.02), (1.00, 0.65, 0.12), (1.00, 0.95, 0.75), (0.98, 0.92, 0.75), (0.90, 0.70, 0.40)),
    ((0.30, 0.15, 0.50), (0.62, 0.42, 0.85), (0.95, 0.90, 1.00), (0.90, 0.86, 0.94), (0.66, 0.56, 0.76)),
    ((0.62, 0.02, 0.02), (0.90, 0.10, 0.05), (1.00, 1.00, 0.95), (0.94, 0.92, 0.86), (0.85, 0.78, 0.70)),
)
CROWNS: tuple[tuple[Tone, ...], ...] = (  # leaves in the shade, in between, in the sun
    ((0.04, 0.14, 0.03), (0.16, 0.42, 0.08), (0.55, 0.76, 0.22)),
    ((0.05, 0.16, 0.08), (0.10, 0.36, 0.18), (0.38, 0.65, 0.35)),
    ((0.35, 0.10, 0.02), (0.85, 0.36, 0.05), (1.00, 0.75, 0.20)),
    ((0.45, 0.18, 0.28), (0.92, 0.55, 0.68), (1.00, 0.88, 0.92)),
    ((0.12, 0.20, 0.02), (0.42, 0.55, 0.08), (0.85, 0.85, 0.30)),
)
FERNS: tuple[tuple[Tone, ...], ...] = (  # shade, leaf, light, stem
    ((0.03, 0.18, 0.04), (0.14, 0.50, 0.10), (0.55, 0.85, 0.28), (0.30, 0.38, 0.12)),
    ((0.02, 0.16, 0.10), (0.06, 0.42, 0.24), (0.35, 0.75, 0.48), (0.26, 0.20, 0.10)),
    ((0.14, 0.22, 0.02), (0.45, 0.62, 0.08), (0.85, 0.92, 0.35), (0.42, 0.30, 0.12)),
    ((0.30, 0.14, 0.03), (0.68, 0.40, 0.10), (0.92, 0.72, 0.30), (0.35, 0.18, 0.08)),
)
SHELLS: tuple[tuple[Tone, ...], ...] = (  # hollow, ground, light, bands
    ((0.42, 0.24, 0.16), (0.96, 0.88, 0.76), (1.00, 0.98, 0.94), (0.66, 0.30, 0.13)),
    ((0.50, 0.25, 0.25), (0.96, 0.74, 0.66), (1.00, 0.94, 0.90), (0.88, 0.46, 0.40)),
    ((0.30, 0.28, 0.36), (0.82, 0.84, 0.90), (1.00, 0.97, 1.00), (0.62, 0.58, 0.72)),
    ((0.40, 0.22, 0.08), (0.95, 0.76, 0.42), (1.00, 0.95, 0.80), (0.55, 0.28, 0.10)),
    ((0.22, 0.25, 0.22), (0.70, 0.76, 0.66), (0.96, 0.98, 0.90), (0.35, 0.42, 0.40)),
)


def flower(pen: Pen) -> Drawn:
    """Rings of petals round a seeded heart, many and narrow as a daisy's or few and broad, to a rose's whorls."""
    x, y = pen.placed(0.85, 1.3)
    hues = among(pen, FLOWERS)
    kind = pen.whole(0, 2)  # daisy, open, rose
    daisy, rose = (kind == 0).float(), (kind == 2).float()
    r, angle = polar(x, y)
    many = daisy * pen.whole(11, 17) + (1 - daisy) * pen.whole(5, 7)
    heart_size = pen.uniform(0.24, 0.34) * (1 - rose)
    paint = hue(hues, 0) * torch.ones_like(x)[:, None]
    mask: Plane = torch.zeros_like(x)
    height: Plane = torch.zeros_like(x)
    twist = pen.uniform(0, 6.3)
    for ring in range(4):
        # Only a rose has more than two rings.
        there = 1.0 if ring < 2 else rose
        extent = 1.08 * (1 - ring * (0.12 + 0.07 * rose))
        t = torch.remainder((angle + twist) * many / (2 * math.pi) + ring * (0.5 - 0.118 * rose), 1) - 0.5
        q = (r / extent).clamp(0, 1.2)
        # How wide a petal is at each distance; broad ones lie over their neighbours, so they fill the ring.
        across = t.abs() / (0.5 * (0.55 + 0.6 * q) * (1 - 0.25 * daisy) + 0.12 * rose)
        notch = 0.05 * (1 - daisy) * torch.cos(t * 4 * math.pi) * (1 - rose)
        outline = r - extent * ((1 - across**2.6 * 0.38).clamp(min=0.05) ** (1.1 - 0.5 * rose) + notch)
        petal = inside(outline) * there * (1 - daisy * (1 - inside((across - 1) * r * 0.3)))
        shade = 0.55 + 0.45 * smooth(0.15, 0.8, q) - 0.3 * across**2
        vein = 0.05 * torch.cos(t * (18 + 8 * (1 - daisy))) * smooth(0.1, 0.5, q)
        tint = ramp(smooth(0.1, 0.95, q) + 2 * vein, hues[:, :2]) * (shade + vein + 0.12 * rose)[:, None]
        cast = smooth(0.16, 0.0, outline) * there * (1 - petal)
        paint = over(paint * (1 - 0.5 * cast)[:, None], tint, petal)
        # Petals curl: up along their sides, down to the tip.
        curl = 0.16 * dome(across * 0.95) / many * 4 * q + 0.1 * q * (1 - 0.8 * q) + 0.03 * ring + vein * 0.06
        height = torch.where(petal > 0.5, curl, height)
        mask = torch.maximum(mask, petal)
    # The heart: seeds on two sets of spirals, one against the other.
    log = torch.log(r)
    seeds = 0.5 + 0.25 * (torch.cos(13 * angle + 9 * log) + torch.cos(13 * angle - 9 * log))
    heart = inside(r - heart_size)
    tone = ramp(0.25 + 0.9 * seeds - 0.5 * (r / heart_size.clamp(min=0.1)) ** 3 + 0.3, hues[:, (3, 2)])
    paint = paint * (1 - 0.45 * smooth(0.16, 0.0, r - heart_size) * (1 - rose) * (1 - heart))[:, None]
    paint = over(paint, tone, heart)
    bowl = 0.12 + heart_size * 0.5 * dome(r / heart_size.clamp(min=0.1)) + 0.035 * seeds
    height = torch.where(heart > 0.5, bowl, height)
    mask = torch.maximum(mask, smooth(0.08, -0.03, r - heart_size) * (1 - rose))
    # The eye of a rose winds in.
    wind = torch.sin(2 * angle + 14 * log) * smooth(0.4, 0.15, r) * rose
    paint = paint * (1 + 0.35 * wind - 0.25 * rose * smooth(0.3, 0.0, r))[:, None]
    return standing(pen, pen.backdrop(), paint * 1.12, mask, height + 0.03 * wind, 0.15), mask


def mushroom(pen: Pen) -> Drawn:
    """A domed cap with raised dots, gills in its shade, a stem with a ring; sometimes a smaller one beside it."""
    x, y = pen.placed(0.9, 1.3, turn=0.3)
    hues = among(pen, CAPS)
    ground = pen.backdrop()
    paint = hue(hues, 3) * torch.ones_like(x)[:, None]
    mask: Plane = torch.zeros_like(x)
    height: Plane = torch.zeros_like(x)
    beside = torch.sign(pen.uniform(-1, 1))
    dotted = pen.chance(0.9)
    for size, there in ((0.5, pen.chance(0.5)), (1.0, pen.chance(2))):
        u = x / size - (1 - size) * 2.3 * beside
        v = y / size - (1 - size) * 1.15
        wide, tall = pen.uniform(0.78, 0.95), pen.uniform(0.62, 0.95)
        u = u + 0.12 * torch.sin(1.5 * v + pen.uniform(0, 6.3))
        half = pen.uniform(0.17, 0.25) * (1 + 0.55 * smooth(0.5, 1.05, v) - 0.1 * smooth(0.5, 0.1, v))
        stem = inside(u.abs() - half) * smooth(-0.05, 0.0, v) * inside(v - 1.12 + 0.35 * u * u)
        fibre = 0.06 * torch.sin(38 * u / (half * 4) + 3 * u)
        tint = hue(hues, 3) * (0.92 + fibre - 0.5 * smooth(0.55, 0.1, v))[:, None]
        # The cap is seen a little from below: its rim is an ellipse with gills in it.
        under = spot(u, v * wide / 0.2, 0.0, 0.06 * wide / 0.2, wide * 0.97)
        gills = smooth(1.04, 0.97, under)
        fan = torch.atan2(u, v + 0.62)
        line = torch.sin(fan * 34)
        gill = hue(hues, 4) * (0.62 + 0.2 * line - 0.3 * smooth(0.15, -0.08, v))[:, None]
        skirt = inside((v - 0.38 - 0.015 * torch.cos(9 * u / half)).abs() - 0.06) * inside(u.abs() - half * 1.35)
        # The cap.
        rim = 0.05 - 0.09 * dome(u / wide) + 0.14 * (u / wide) ** 2
        a, b = u / wide, (v - 0.08) / tall
        ball = (a.abs() ** 2.2 + b.abs() ** 2.2 + 1e-6) ** (1 / 2.2)
        cap = smooth(1.04, 0.97, ball) * inside(v - rim)
        # Dots in a staggered grid on the dome, foreshortened as it turns away.
        lat = b.clamp(-1, 0) * 3.2
        row = torch.floor(lat)
        lon = torch.asin((a / (1 - 0.85 * b * b).clamp(min=0.05).sqrt()).clamp(-0.999, 0.999)) * (1.9 + 0.5 * (row + 2))
        lon = lon + 0.5 * torch.remainder(row, 2) + half.mean() * 9
        column = torch.floor(lon)
        luck, other = scattered(column, row, beside + size), scattered(column, row, beside + size + 3)
        off = ((lon - column - 0.35 - 0.3 * luck) ** 2 + (lat - row - 0.4 - 0.2 * other) ** 2).sqrt() / (
            0.24 + 0.15 * other
        )
        dots = smooth(1.12, 0.88, off) * dotted * smooth(0.0, 0.12, rim - v)
        crown = ramp(smooth(1.0, 0.1, ball) + 0.08 * pen.noise(pen.height / 12), hues[:, :2])
        crown = over(crown * (1 - 0.35 * smooth(1.5, 1.0, off) * dotted)[:, None], hue(hues, 2), dots)
        layer = over(over(tint, hue(hues, 3) * 0.95, skirt), gill, gills * (1 - stem * smooth(0.02, 0.1, v)))
        layer = over(layer, crown, cap)
        covers = torch.maximum(torch.maximum(stem, skirt), torch.maximum(gills, cap))
        high = torch.where(
            cap > 0.5,
            0.6 * dome(ball.clamp(max=1)) + 0.05 * dome(off) * dots,
            torch.where(stem > 0.5, 0.8 * half * dome(u / half) + 0.05 * skirt, 0.02 * line),
        )
        covers = covers * there
        paint = over(paint, layer, covers)
        height = torch.where(covers > 0.5, high * size, height)
        mask = torch.maximum(mask, covers)
    return standing(pen, ground, paint * 1.1, mask, height, 0.6), mask


def tree(pen: Pen) -> Drawn:
    """A trunk that forks into ever finer branches, with a bright crown of leaves or bare, on land."""
    x, y = pen.grid()
    scale = pen.uniform(0.85, 1.2)
    x = (x - pen.uniform(-0.3, 0.3)) * scale + 0.04 * pen.noise(pen.height / 4)
    y = (y - pen.uniform(-0.1, 0.2)) * scale + 0.04 * pen.noise(pen.height / 4)
    hues = among(pen, CROWNS, wild=0.15)
    leafy = pen.chance(0.8)
    # Folding the plane at each fork draws all the branches at once.
    u, v = x + 0.05 * torch.sin(3 * y + pen.uniform(0, 6.3)), 0.95 - y
    size = torch.ones_like(u)
    wood: Plane = torch.full_like(u, 9.0)
    tips: Plane = torch.full_like(u, 9.0)
    long = pen.uniform(0.55, 0.7)
    for level in range(6):
        length = long if level == 0 else 0.52
        along = (v / length).clamp(0, 1)
        away = (u * u + (v - along * length) ** 2 + 1e-9).sqrt()
        flare = 0.08 * smooth(0.25, 0.0, v) if level == 0 else 0.0
        thick = (0.135 - 0.02 * leafy) * (1 - 0.3 * along) + flare
        wood = torch.minimum(wood, (away - thick) * size)
        v = v - length
        if level >= 1:
            tips = torch.minimum(tips, (u * u + v * v + 1e-9).sqrt() * size - 0.19 - 0.05 * size)
        right = u > 0
        turn = torch.where(right, pen.uniform(0.35, 0.75), -pen.uniform(0.35, 0.75))
        c, s = torch.cos(turn), torch.sin(turn)
        u, v = u * c - v * s, u * s + v * c
        shrink = torch.where(right, pen.uniform(0.7, 0.82), pen.uniform(0.7, 0.82))
        u, v, size = u / shrink, v / shrink, size * shrink
    trunk = inside(wood, 0.015)
    bark = (
        pen.earthy((0.22, 0.14, 0.08), (0.45, 0.34, 0.25))
        * (1 + 0.2 * torch.sin(60 * x + 3 * pen.noise(pen.height / 6)))[:, None]
    )
    clump = pen.noise(pen.height / 9)
    fine = pen.noise(max(1.5, pen.height / 28))
    finer = pen.noise(max(1.2, pen.height / 60))
    shape = tips + 0.05 * clump + 0.035 * fine + 0.015 * finer
    leaves = (
        inside(shape, 0.025) * leafy * (1 - 0.9 * smooth(0.35, 0.8, fine - 0.25 * clump) * smooth(-0.12, 0.0, tips))
    )
    # Leaves cover one another as scales do, but in every direction.
    blade, luck = shingled(10 * x + 0.9 * fine, 10 * y + 0.9 * clump)
    crown = 0.9 * (-tips).clamp(0, 0.24) + 0.05 * clump + 0.02 * blade
    height = torch.where(leaves > 0.4, crown, 0.1 * dome((1 + wood / 0.1).clamp(0, 1)))
    light = pen.lamp(height, 1.0, 0.0)
    tone = 0.12 + 0.7 * (light - 0.5) + 0.3 * (blade - 0.5) + 0.25 * (luck - 0.5) - 0.3 * (y + 0.15)
    mask = torch.maximum(trunk, leaves)
    land = pen.land()
    shade = smooth(1.2, 0.3, ((x / 0.85) ** 2 + ((y - 0.98) / 0.16) ** 2).sqrt())
    grass = pen.tones((0.12, 0.26, 0.05), (0.36, 0.46, 0.16), wild=0.2)
    soil = ramp(0.5 + 0.3 * finer + 0.2 * clump, grass)
    land = over(land, soil, smooth(0.86, 0.92, y + 0.02 * fine))
    land = land * (1 - 0.6 * shade * (0.3 + 0.7 * leafy))[:, None]
    picture = over(land, bark * light[:, None] * (1.1 - 0.35 * leafy * smooth(0.3, -0.2, y))[:, None], trunk)
    # A few branches show through the leaves.
    through = leaves * (1 - 0.75 * trunk * smooth(0.5, -0.3, fine + clump) * smooth(-0.02, -0.05, wood))
    picture = over(picture, ramp(tone, hues), through)
    return picture.clamp(0, 1.25), mask


def fern(pen: Pen) -> Drawn:
    """Curved fronds with two rows of tapering, lobed leaflets; some end in a fiddlehead."""
    x, y = pen.placed(0.9, 1.25)
    hues = among(pen, FERNS, wild=0.2)
    ground = pen.backdrop() * 0.7
    paint = hue(hues, 0) * torch.ones_like(x)[:, None]
    mask: Plane = torch.zeros_like(x)
    height: Plane = torch.zeros_like(x)
    first = pen.uniform(-1.15, -0.85)
    rate, slant = pen.uniform(4.2, 5.6), pen.uniform(0.25, 0.6)
    for frond in range(3):
        # All grow from one place below; the middle one comes last, on top.
        turn = (first, -first, 0.25 * first)[frond]
        c, s = torch.cos(turn), torch.sin(turn)
        px, py = x, 1.0 - y
        u, v = px * c - py * s, px * s + py * c  # v runs up the stem
        u = u + pen.uniform(0.1, 0.3) * (torch.sign(turn) * v * v * 0.7)
        tall = pen.uniform(1.6, 2.05)
        t = (v / tall).clamp(0, 1)
        d = u.abs()
        side = (u > 0).float()
        w = (v - slant * d) * rate + 0.5 * side
        row = torch.floor(w)
        root = (row + 0.5 - 0.5 * side) / rate / tall  # where on the stem the leaflet grows
        extent = 0.78 * smooth(-0.05, 0.22, root) * (1 - root).clamp(min=0) ** 0.8 + 0.02
        q = d / extent
        lobes = torch.cos(2 * math.pi * d * 11)
        blade = 0.47 * (1 - q.clamp(0, 1) ** 1.6) * (0.84 + 0.16 * lobes)
        off = (w - row - 0.5).abs()
        leaf = inside((off - blade) / rate, 0.02) * (q < 1).float() * (root > 0.06).float() * (root < 1).float()
        stem = inside(d - 0.042 * (1 - 0.7 * t), 0.018) * smooth(-0.2, -0.1, v) * inside(v - tall)
        shade = 0.25 + 0.35 * t + 0.3 * dome(off / 0.5) - 0.3 * smooth(0.1, 0.0, off) * (q < 0.9).float()
        shade = shade + 0.05 * lobes * smooth(0.1, 0.3, off) + 0.1 * frond - 0.15 * (1 - smooth(0.0, 0.2, d))
        layer = over(ramp(shade, hues[:, :3]), hue(hues, 3) * (1.2 - 0.2 * d)[:, None], stem)
        covers = torch.maximum(leaf, stem)
        cast = smooth(0.3, 0.05, d - extent) * smooth(0, 0.1, v) * inside(v - tall) * 0.4
        ground = ground * (1 - cast)[:, None]
        paint = over(paint * (1 - cast)[:, None], layer, covers)
        arch = 0.09 * dome(off / 0.5) + 0.004 * lobes - 0.12 * d + 0.05 * stem
        height = torch.where(covers > 0.5, arch, height)
        mask = torch.maximum(mask, covers)
    # A fiddlehead: a stalk that winds in at its top.
    curled = pen.chance(0.45)
    cx, cy = pen.uniform(-0.7, -0.45) * torch.sign(first * pen.uniform(-1, 1)), pen.uniform(-0.2, 0.2)
    r, angle = polar(x - cx, (y - cy))
    angle = torch.where(cx > 0, angle, math.pi - angle)
    pitch = 0.19
    w = r / pitch - torch.remainder(angle, 2 * math.pi) / (2 * math.pi)
    wind = torch.floor(w)
    off = (w - wind - 0.5).abs() / (0.40 + 0.06 * torch.cos(22 * angle + 8 * wind))
    coil = smooth(1.15, 0.9, off) * (wind < 2).float() * (r < pitch * 2.2).float()
    edge = pitch * 1.5 * torch.sign(cx)
    stalk, _ = segment(x, y, (cx + edge, cy), (0.15 * cx, 1.1 * torch.ones_like(cx)))
    stalk = inside(stalk - 0.065)
    covers = torch.maximum(coil, stalk) * curled
    bright = ramp(0.35 + 0.6 * dome(off.clamp(0, 1)), hues[:, :3])
    paint = over(paint, over(bright * 0.85, bright, coil), covers)
    height = torch.where(covers > 0.5, torch.maximum(0.1 * dome(off) * coil, 0.05 * stalk), height)
    mask = torch.maximum(mask, covers)
    return standing(pen, ground, paint * 1.1, mask, height, 0.2), mask


def shell(pen: Pen) -> Drawn:
    """A pearly shell: a chambered spiral that grows as it winds, or a ribbed fan."""
    x, y = pen.placed(0.85, 1.2)
    hues = among(pen, SHELLS)
    spiral = pen.chance(0.6) > 0
    # The spiral: each whorl the last one, so many times as large.
    growth = pen.uniform(2.2, 3.0)
    b = torch.log(growth)
    cx, cy = x - 0.22, y - 0.05
    r, angle = polar(cx, cy * torch.sign(pen.uniform(-1, 1)))
    turn = angle / (2 * math.pi)
    w = torch.log(r / 1.15) / b + 0.5 - turn
    whorl = torch.floor(w)
    grown = whorl + turn  # in turns; the mouth is where it is -0.5
    off = (w - whorl - 0.5) * 2
    outer = inside((grown + 0.5) * 6 * r) * smooth(-6, -5.5, w)
    ribs = torch.cos(2 * math.pi * pen.whole(11, 16) * (grown - 0.05 * off * off))
    girth = r * (1 - 1 / growth) * 0.5
    high = girth * (1.15 * dome(off * 0.985) + 0.07 * ribs)
    fade = smooth(1.0, -0.2, off) * smooth(-3.5, -0.3, grown)
    flame = smooth(0.1, 0.5, torch.cos(2 * math.pi * pen.whole(8, 13) * grown + 1.6 * off) + 0.6 * off - 0.2)
    bright = 0.5 + 0.25 * dome(off) + 0.12 * ribs
    seam = smooth(0.75, 1.0, off.abs())
    mouth = smooth(-0.55, -0.53, grown + 0.03 * dome(off))
    # The fan: ribs from the hinge below, rings of growth across them.
    fx, fy = x, 0.85 - y
    fr, fa = polar(fx, fy)
    fa = torch.atan2(fx, fy)
    count = pen.whole(8, 12)
    beam = torch.cos(2 * count * fa)
    extent = (1.72 + 0.05 * beam) * torch.cos((fa * 0.95).clamp(-1.5, 1.5)).clamp(min=0.01) ** 0.42
    wide = pen.uniform(0.92, 1.08)
    fan = inside(fr - extent) * inside((fa.abs() - wide) * fr) * smooth(0.02, 0.06, fr)
    ears = inside(fx.abs() - 0.42 + 0.35 * (fy - 0.05).abs()) * inside((fy - 0.13).abs() - 0.15)
    q = fr / extent
    rings = torch.cos(2 * math.pi * pen.uniform(4, 6) * q * q)
    vault = 0.4 * dome(q * 0.98) * torch.cos(fa.clamp(-1.5, 1.5)) ** 0.5 + 0.075 * beam * q - 0.012 * rings
    # The one or the other.
    mask = torch.where(spiral, outer, torch.maximum(fan, ears))
    high = torch.where(spiral, high, torch.maximum(vault * fan, 0.06 * ears))
    mark = torch.where(spiral, flame * fade * pen.chance(0.65), smooth(0.35, 0.8, rings) * 0.7 * fan)
    tone = torch.where(spiral, bright - 0.55 * seam, 0.42 + 0.28 * beam * q.clamp(0, 1) + 0.2 * q.clamp(0, 1))
    paint = over(ramp(tone, hues[:, :3]), hue(hues, 3), mark * 0.85)
    # Mother-of-pearl: hues that turn with the slope.
    sheen = 4 * high + 3 * (x + y)
    pearl = 0.5 + 0.5 * torch.cos(sheen[:, None] * 2 + sheen.new_tensor([0.0, 2.1, 4.2])[None, :, None, None])
    paint = paint * (0.9 + pen.uniform(0.05, 0.25)[:, None] * pearl)
    lip = mouth * spiral.float() * smooth(1.0, 0.8, off.abs())
    paint = over(paint, hue(hues, 0) * (0.45 + 0.5 * off * off)[:, None], lip * smooth(0.85, 0.7, off.abs()) * 0.9)
    return standing(pen, pen.backdrop(), paint * 1.15, mask, high * (1 - lip), 0.7), mask

"""Things: what has an outline, and lies on something else."""

from __future__ import annotations

import math

import torch

from hallucinate.motifs.constants import Drawn, everywhere
from hallucinate.motifs.drawing import Colour, Pen, Plane, ellipse, over, polar, ramp, smooth


def eye_on(picture: Colour, x: Plane, y: Plane, pen: Pen, size: float = 1.0) -> tuple[Colour, Plane]:
    """An eye of ``size`` painted on a picture, at the origin of (x, y); and the mask of it."""
    x, y = x / size, y / size
    r, angle = polar(x, y)
    lid = (x / 1.5) ** 2 + (y / 0.85) ** 2
    white = smooth(1.15, 0.95, lid)
    fibres = 0.5 + 0.5 * torch.sin(angle * pen.whole(14, 30) + 3 * pen.noise(pen.height / 6))
    iris = ramp(0.6 * fibres + 0.4 * smooth(0.2, 0.6, r), pen.palette(3))
    black = torch.full_like(iris, 0.05)
    ball = pen.earthy((0.75, 0.75, 0.75), (1, 1, 1)) * (1 - 0.35 * lid.clamp(0, 1))[:, None]
    picture = over(picture, ball, white)
    picture = over(picture, iris, white * smooth(0.66, 0.58, r))
    slit = pen.chance(0.2)  # cats and lizards
    pupil = (1 - slit) * smooth(0.31, 0.24, r) + slit * smooth(1.1, 0.9, ((x / 0.14) ** 2 + (y / 0.55) ** 2).sqrt())
    picture = over(picture, black, white * pupil)
    picture = over(picture, black, white * smooth(0.5, 0.6, r) * smooth(0.72, 0.62, r) * 0.8)
    glint = smooth(0.13, 0.07, ((x - pen.uniform(-0.25, 0.25)) ** 2 + (y + pen.uniform(0.05, 0.3)) ** 2).sqrt())
    picture = over(picture, torch.ones_like(iris), white * glint)
    rim = smooth(0.25, 0.02, (lid - 1.05).abs())
    return over(picture, pen.colour() * 0.35, rim * 0.9), smooth(1.35, 1.2, lid)


def eye(pen: Pen) -> Drawn:
    """One eye, wide open."""
    x, y = pen.placed(0.95, 1.9)
    return eye_on(pen.backdrop(), x, y, pen)


def flower(pen: Pen) -> Drawn:
    """Three rings of petals round a seeded heart."""
    x, y = pen.placed(0.9, 1.6)
    r, angle = polar(x, y)
    petals = pen.whole(4, 11)
    picture = pen.backdrop()
    for reach in (1.15, 0.85, 0.55):
        wave_ = torch.cos(petals / 2 * angle + pen.uniform(0, 6.3)).abs()
        edge = reach * (0.62 + 0.38 * wave_**0.6)
        light = (0.4 + 0.6 * (r / edge).clamp(0, 1)) * (0.7 + 0.3 * wave_)
        picture = over(picture, pen.colour() * light[:, None], smooth(0.04, -0.03, r - edge))
    seeds = 0.75 + 0.25 * torch.sin(34 * x) * torch.sin(34 * y)
    heart = pen.earthy((0.6, 0.4, 0.0), (1.0, 0.9, 0.4)) * seeds[:, None]
    return over(picture, heart, smooth(0.28, 0.22, r)), smooth(1.15, 0.95, r)


def mushroom(pen: Pen) -> Drawn:
    """A domed cap with pale dots on a stem, gills in its shade."""
    x, y = pen.placed(0.85, 1.5, turn=0.35)
    stem_half = 0.17 + 0.08 * smooth(0.2, 1.0, y)
    stem = smooth(0.03, -0.03, x.abs() - stem_half) * smooth(-0.1, 0.0, y) * smooth(1.05, 0.95, y)
    pale = pen.earthy((0.8, 0.75, 0.65), (1, 0.98, 0.9))
    picture = over(pen.backdrop(), pale * (1 - 0.45 * (x / 0.3).clamp(-1, 1))[:, None], stem)
    gills = ellipse(x, y - 0.06, 0.82, 0.2)
    lines = 0.55 + 0.25 * torch.sin(x * 42)
    picture = over(picture, pale * lines[:, None], gills)
    dome = ((x / 0.95) ** 2 + ((y - 0.05) / 0.8) ** 2).sqrt()
    cap = smooth(1.05, 0.97, dome) * smooth(0.1, 0.02, y - 0.1 * (1 - (x / 0.95) ** 2))
    light = (1.05 - 0.55 * ((x + 0.35) ** 2 + (y + 0.45) ** 2).sqrt()).clamp(0.25, 1.1)
    picture = over(picture, pen.earthy((0.6, 0.05, 0.05), (1.0, 0.5, 0.3)) * light[:, None], cap)
    dots: Plane = torch.zeros_like(x)
    for cx, cy, size in (
        (0.0, -0.5, 0.13),
        (-0.42, -0.32, 0.11),
        (0.43, -0.28, 0.12),
        (-0.12, -0.18, 0.1),
        (0.7, -0.05, 0.07),
        (-0.72, -0.04, 0.08),
    ):
        dots = torch.maximum(dots, ellipse(x - cx, y - cy, size, size * 0.8, 0.02))
    return over(picture, pale, dots * cap), torch.maximum(torch.maximum(stem, cap), gills)


def butterfly(pen: Pen) -> Drawn:
    """Two pairs of veined wings with eye-spots, mirrored about a body."""
    x, y = pen.placed(0.85, 1.4)
    side = x.abs()
    upper = ellipse(side * 0.8 - y * -0.55 - 0.52, y + side * 0.45 - 0.02 + 0.12, 0.62, 0.42)
    lower = ellipse(side * 0.9 - 0.38, y - 0.48 + side * 0.1, 0.42, 0.46)
    wings = torch.maximum(upper, lower)
    r, angle = polar(side - 0.05, y + 0.05)
    veins = smooth(0.75, 0.98, torch.cos(angle * 15)) * smooth(0.1, 0.3, r)
    bands = ramp(0.5 + 0.5 * torch.sin(pen.uniform(5, 9) * r + pen.uniform(0, 6)), pen.palette(3))
    picture = over(pen.backdrop(), bands, wings)
    dark = pen.colour() * 0.2
    picture = over(picture, dark, veins * wings * 0.8)
    rim = wings * (
        1
        - torch.maximum(
            ellipse(side * 0.8 + y * 0.55 - 0.52, y + side * 0.45 + 0.1, 0.55, 0.35),
            ellipse(side * 0.9 - 0.38, y - 0.48 + side * 0.1, 0.35, 0.39),
        )
    )
    picture = over(picture, dark, rim)
    for cx, cy in ((0.62, -0.42), (0.48, 0.52)):
        away = ((side - cx) ** 2 + (y - cy) ** 2).sqrt()
        picture = over(picture, pen.colour(), smooth(0.17, 0.13, away))
        picture = over(picture, dark, smooth(0.09, 0.06, away))
    body = ellipse(x, y - 0.08, 0.07, 0.55, 0.02)
    return over(picture, dark, body), torch.maximum(wings, body)


def fish(pen: Pen) -> Drawn:
    """A scaled body, a forked tail, fins, a round eye."""
    x, y = pen.placed(0.85, 1.5, turn=0.6)
    x = x * torch.sign(pen.uniform(-1, 1))
    back = 0.5 * (1 - (x / 0.85) ** 2).clamp(min=0) ** 0.75
    body = smooth(0.03, -0.03, y.abs() - back) * smooth(0.87, 0.83, x.abs())
    tail = (
        smooth(0.04, -0.04, y.abs() - (0.12 + 0.95 * (x - 0.68)))
        * smooth(0.66, 0.72, x)
        * smooth(1.18, 1.08, x + 0.25 * (1 - y.abs() * 2).clamp(min=0))
    )
    fin = (
        smooth(0.04, -0.04, (-y - back) - 0.35 * (1 - ((x - 0.05) / 0.45) ** 2).clamp(min=0))
        * smooth(-0.02, 0.02, -y - back + 0.04)
        * smooth(0.5, 0.44, (x - 0.05).abs())
    )
    shine = (1 - 0.9 * (y / 0.55).abs()).clamp(0.25, 1)
    lattice = 0.5 + 0.5 * torch.sin(26 * x + 13 * y) * torch.sin(26 * x - 13 * y).abs()
    flank = ramp((0.25 + 0.35 * lattice + 0.45 * shine).clamp(0, 1), pen.palette(3))
    rays = ramp(0.5 + 0.5 * torch.sin(40 * (y + 0.4 * x)), pen.contrasting())
    picture = over(over(pen.backdrop(), rays, torch.maximum(tail, fin)), flank, body)
    gill = smooth(0.03, 0.0, (((x + 0.42) ** 2 + y**2).sqrt() - 0.33).abs()) * smooth(-0.4, -0.2, x) * body
    picture = over(picture, pen.colour() * 0.25, gill)
    ball = ((x + 0.58) ** 2 + (y + 0.1) ** 2).sqrt()
    picture = over(picture, torch.ones_like(flank), smooth(0.12, 0.1, ball))
    picture = over(picture, torch.zeros_like(flank), smooth(0.07, 0.05, ball))
    return picture, torch.maximum(body, torch.maximum(tail, fin))


def gear(pen: Pen) -> Drawn:
    """A toothed wheel with spokes and a hub, in metal."""
    x, y = pen.placed(0.95, 1.8)
    r, angle = polar(x, y)
    teeth = smooth(-0.35, 0.35, torch.cos(pen.whole(9, 16) * angle))
    rim = smooth(0.02, -0.02, r - (0.84 + 0.2 * teeth))
    spokes = smooth(0.1, 0.4, torch.cos(pen.whole(4, 6) * angle + pen.uniform(0, 6)))
    windows = smooth(0.28, 0.32, r) * smooth(0.66, 0.62, r) * (1 - spokes)
    hole = smooth(0.13, 0.1, r)
    metal = rim * (1 - windows) * (1 - hole)
    light = 0.55 + 0.3 * torch.cos(2 * angle + pen.uniform(0, 6)) + 0.2 * torch.sin(r * 50) * 0.4
    picture = over(pen.backdrop() * 0.6, pen.earthy((0.55, 0.4, 0.2), (1.0, 0.95, 0.9)) * light[:, None], metal)
    edge = smooth(0.07, 0.0, (r - (0.8 + 0.2 * teeth)).abs()) * 0.5
    return over(picture, torch.full_like(picture, 0.08), edge), smooth(1.05, 0.98, r)


def arches(pen: Pen) -> Drawn:
    """An arcade in brick: round arches with rims, dark within."""
    x, y = pen.placed(turn=0.5)
    k = pen.uniform(0.9, 2.0)
    u, v = x * k, y * k * 0.7
    across, up = u - torch.floor(u) - 0.5, v - torch.floor(v) - 0.5
    springing = -0.05
    bow = (across**2 + (up - springing) ** 2).sqrt()
    shape = torch.where(up < springing, bow, across.abs())
    standing = smooth(0.43, 0.41, up)
    inside = smooth(0.36, 0.32, shape) * standing
    rim = smooth(0.08, 0.02, (shape - 0.38).abs()) * standing
    brick = 0.8 + 0.2 * torch.sign(torch.sin(v * 25)) * torch.sign(torch.sin(u * 14 + math.pi * torch.floor(v * 4)))
    picture = over(pen.colour() * brick[:, None], pen.colour(), rim)
    return over(picture, pen.colour() * (0.15 + 0.35 * (up + 0.5))[:, None], inside), everywhere(pen)

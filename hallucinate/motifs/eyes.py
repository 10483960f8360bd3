"""Eyes: of people, cats, birds and reptiles, and the domes of insects."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F

from hallucinate.motifs.constants import Drawn, hexagons
from hallucinate.motifs.drawing import Colour, Pen, Plane, over, polar, ramp, segment, smooth

TURN = 2 * math.pi

Stops = tuple[tuple[float, float, float], ...]

HUMAN, CAT, BIRD, REPTILE, DOG = range(5)

# Half-width, height up and down, roundness of the opening; radius of the iris; the pupil's half-width and half-height.
SHAPES = (
    (1.12, 0.64, 0.5, 0.85, 0.52, 0.21, 0.21),
    (1.0, 0.78, 0.68, 0.6, 0.8, 0.15, 0.66),
    (0.86, 0.86, 0.86, 0.2, 0.78, 0.38, 0.38),
    (1.05, 0.76, 0.7, 0.55, 0.88, 0.13, 0.62),
    (0.98, 0.78, 0.68, 0.62, 0.72, 0.32, 0.32),
)

# Round the pupil, the middle of the iris, its outer part: three of each kind.
IRISES: tuple[tuple[Stops, Stops, Stops], ...] = (
    (
        ((0.75, 0.7, 0.5), (0.35, 0.6, 0.8), (0.12, 0.3, 0.55)),
        ((0.65, 0.4, 0.15), (0.4, 0.22, 0.08), (0.2, 0.1, 0.05)),
        ((0.75, 0.55, 0.2), (0.4, 0.55, 0.25), (0.15, 0.3, 0.2)),
    ),
    (
        ((0.7, 0.8, 0.35), (0.55, 0.75, 0.25), (0.25, 0.45, 0.15)),
        ((0.95, 0.85, 0.35), (0.95, 0.7, 0.15), (0.6, 0.35, 0.08)),
        ((0.75, 0.9, 0.75), (0.4, 0.75, 0.7), (0.15, 0.4, 0.5)),
    ),
    (
        ((1.0, 0.75, 0.2), (1.0, 0.55, 0.05), (0.8, 0.28, 0.02)),
        ((1.0, 0.95, 0.5), (1.0, 0.82, 0.15), (0.85, 0.5, 0.05)),
        ((1.0, 0.5, 0.2), (0.9, 0.25, 0.08), (0.5, 0.08, 0.05)),
    ),
    (
        ((1.0, 0.85, 0.4), (0.85, 0.6, 0.15), (0.45, 0.22, 0.05)),
        ((0.85, 0.95, 0.4), (0.5, 0.75, 0.15), (0.15, 0.35, 0.08)),
        ((1.0, 0.65, 0.25), (0.85, 0.3, 0.1), (0.4, 0.06, 0.04)),
    ),
    (
        ((0.6, 0.35, 0.12), (0.42, 0.22, 0.08), (0.2, 0.09, 0.03)),
        ((0.8, 0.5, 0.2), (0.55, 0.3, 0.1), (0.28, 0.13, 0.05)),
        ((0.45, 0.25, 0.1), (0.3, 0.15, 0.06), (0.12, 0.06, 0.03)),
    ),
)

# What is around an eye, dark to light: skin, fur, feathers, scales.
SKINS: tuple[tuple[Stops, Stops, Stops], ...] = (
    (
        ((0.55, 0.3, 0.24), (0.88, 0.66, 0.54), (1.0, 0.86, 0.76)),
        ((0.25, 0.13, 0.08), (0.55, 0.34, 0.22), (0.75, 0.52, 0.38)),
        ((0.4, 0.22, 0.14), (0.74, 0.5, 0.35), (0.92, 0.72, 0.56)),
    ),
    (
        ((0.28, 0.15, 0.06), (0.75, 0.48, 0.22), (1.0, 0.85, 0.6)),
        ((0.1, 0.1, 0.11), (0.42, 0.42, 0.44), (0.85, 0.85, 0.85)),
        ((0.04, 0.04, 0.05), (0.16, 0.14, 0.15), (0.4, 0.36, 0.36)),
    ),
    (
        ((0.15, 0.1, 0.06), (0.5, 0.36, 0.22), (0.9, 0.8, 0.62)),
        ((0.05, 0.15, 0.4), (0.1, 0.4, 0.75), (0.55, 0.85, 0.95)),
        ((0.3, 0.05, 0.03), (0.8, 0.2, 0.1), (1.0, 0.65, 0.3)),
    ),
    (
        ((0.05, 0.14, 0.05), (0.25, 0.5, 0.18), (0.7, 0.85, 0.4)),
        ((0.15, 0.1, 0.05), (0.5, 0.4, 0.25), (0.88, 0.78, 0.55)),
        ((0.05, 0.12, 0.14), (0.18, 0.45, 0.48), (0.65, 0.85, 0.75)),
    ),
)


# The sheen of an insect's eye: three of them, as the one kind there is.
DOMES: tuple[tuple[Stops, Stops, Stops], ...] = (
    (
        ((0.45, 0.04, 0.03), (0.85, 0.16, 0.08), (1.0, 0.5, 0.2)),
        ((0.05, 0.35, 0.4), (0.15, 0.8, 0.45), (0.85, 0.5, 0.85)),
        ((0.1, 0.25, 0.6), (0.2, 0.75, 0.8), (0.95, 0.85, 0.35)),
    ),
)


def chosen(pen: Pen, kinds: tuple[tuple[Stops, Stops, Stops], ...], kind: Plane, wild: float) -> torch.Tensor:
    """(B, 3, 3): for each picture one of the three palettes of its kind, a little off; ``wild`` of them any."""
    table = torch.tensor(kinds, device=pen.device)
    real = table[kind[:, 0, 0].long(), pen.whole(0, 2)[:, 0, 0].long()]
    off = torch.randn(pen.batch, 2, 3, generator=pen.generator, device=pen.device)
    near = (real * (1 + 0.1 * off[:, :1]) + 0.03 * off[:, 1:]).clamp(0, 1)
    return torch.where(pen.chance(wild) > 0, pen.palette(3), near)


def posed(pen: Pen, small: float, large: float, turn: float) -> tuple[Plane, Plane]:
    """Coordinates as ``Pen.placed`` gives them, but heads and hands keep their proportions: they only lean away."""
    x, y = pen.grid()
    angle, scale, aspect = pen.uniform(-turn, turn), pen.uniform(small, large), pen.uniform(0.93, 1.07)
    x, y = x - pen.uniform(-0.25, 0.25), y - pen.uniform(-0.25, 0.25)
    u, v = x * torch.cos(angle) + y * torch.sin(angle), y * torch.cos(angle) - x * torch.sin(angle)
    scale = scale / (1 + pen.uniform(-0.16, 0.16) * u + pen.uniform(-0.12, 0.12) * v).clamp(min=0.3)
    return u * scale * aspect, v * scale / aspect


def strands(pen: Pen, across: Plane, along: Plane) -> Plane:
    """Noise of about unit variance, one bump to a unit in either direction: hair where ``along`` grows slowly."""
    seeds = torch.randn(pen.batch, 1, 64, 64, generator=pen.generator, device=pen.device)
    places = torch.stack([along, across], -1) / 31.5
    mirrored = 1 - (torch.remainder(places + 1, 4) - 2).abs()  # by hand: not every device samples by reflection
    return 1.5 * F.grid_sample(seeds, mirrored, align_corners=True)[:, 0]


def filled(pen: Pen, off: Plane) -> Plane:
    """1 where a distance is negative, with an edge of a pixel and a half at any size of picture."""
    return (0.5 - off * (min(pen.height, pen.width) / 3)).clamp(0, 1)


def parted(x: Plane, y: Plane, shape: Plane) -> Plane:
    """How far outside the opening between two lids a place is; negative within."""
    half, up, down, roundness = (shape[:, i] for i in range(4))
    bow = (1 - (x / half) ** 2).clamp(min=1e-4) ** roundness
    beyond = (x.abs() - half).clamp(min=0)
    disc = ((x / half) ** 2 + (y / up) ** 2).sqrt() * up - up
    return torch.where(roundness < 0.3, disc, torch.maximum(-up * bow - y, y - down * bow) + beyond)


def shaped(pen: Pen, kind: Plane) -> Plane:
    """The shape of an eye of its kind, each a little its own, (B, 7, 1, 1)."""
    shape = torch.tensor(SHAPES, device=pen.device)[kind[:, 0, 0].long()]
    own = torch.rand(shape.shape, generator=pen.generator, device=pen.device)
    return (shape * (0.9 + 0.2 * own))[:, :, None, None]


def eye_on(
    picture: Colour,
    x: Plane,
    y: Plane,
    pen: Pen,
    size: float | Plane = 1.0,
    kind: Plane | None = None,
    shape: Plane | None = None,
    side: Plane | float = 1.0,
    wild: float = 0.2,
) -> tuple[Colour, Plane]:
    """An eye of ``size`` painted on a picture, at the origin of (x, y); and the mask of it.

    kind: HUMAN to DOG for each picture, any where it is None. side: −1 where x is mirrored, as for the other eye
    of a face, so that the light falls on both from the same side.
    """
    x, y = x / size, y / size
    kind = pen.whole(HUMAN, DOG) if kind is None else kind
    shape = shaped(pen, kind) if shape is None else shape
    r, angle = polar(x, y)
    out = parted(x, y, shape)
    opening = filled(pen, out * size)
    extent, slit_x, slit_y = shape[:, 4], shape[:, 5], shape[:, 6]
    hues = chosen(pen, IRISES, kind, wild)
    wander = 1.5 * torch.sin(angle * pen.whole(3, 7) + pen.uniform(0, TURN)) + 2.5 * r
    fibres = torch.sin(angle * pen.whole(16, 26) + wander) + 0.6 * torch.sin(angle * pen.whole(27, 45) - 2 * wander)
    t = r / extent
    iris = ramp(t * 1.05 - 0.1 + 0.14 * fibres * smooth(0.2, 0.6, t), hues)
    # Light that enters on one side glows in the iris on the other.
    lamp_x, lamp_y = pen.uniform(-0.3, 0.3) * side, pen.uniform(-0.34, -0.2)
    glow = (0.85 - 0.9 * (x * lamp_x + y * lamp_y) / extent).clamp(0.45, 1.5)
    limb = 1 - 0.75 * smooth(0.8, 1.0, t)
    white = torch.where(kind[:, None] == HUMAN, iris.new_tensor(0.94), iris.new_tensor(0.5) * hues[:, 1, :, None, None])
    pink = white * (1 - iris.new_tensor([0.05, 0.25, 0.25])[None, :, None, None] * smooth(0.5, 1.2, r)[:, None])
    ball = over(pink, iris * (glow * limb)[:, None], filled(pen, (r - extent) * size))
    # Of a slit the ends are pointed, of a disc not.
    tall = (slit_y > 1.5 * slit_x).float()
    slit = x.abs() - slit_x * (1 - (y / slit_y) ** 2)
    ball = over(ball, ball.new_tensor(0.015), filled(pen, torch.where(tall > 0, slit, r - slit_x) * size))
    ball = ball * (0.25 + 0.75 * smooth(0.0, 0.4, y + shape[:, 1] * (1 - (x / shape[:, 0]) ** 2)))[:, None]
    spark = ((x - lamp_x) ** 2 + (y - lamp_y) ** 2).sqrt() - extent * 0.2
    second = ((x + lamp_x * 0.9) ** 2 + (y + lamp_y * 1.1) ** 2).sqrt() - extent * 0.09
    ball = over(ball, ball.new_tensor(1.1), filled(pen, spark * size))
    ball = over(ball, ball.new_tensor(0.9), filled(pen, second * size) * 0.5)
    picture = over(picture, picture * 0.12, filled(pen, (out - 0.13) * size))
    return over(picture, ball, opening), filled(pen, (out - 0.13) * size)


def eye(pen: Pen) -> Drawn:
    """One eye, wide open, of a human, a cat, a bird or a reptile, in what is around it."""
    x, y = posed(pen, 0.95, 1.5, 0.7)
    kind = pen.whole(HUMAN, REPTILE)
    shape = shaped(pen, kind)
    human, cat, bird, reptile = (kind == n for n in range(4))
    r, angle = polar(x, y)
    out = parted(x, y, shape)
    upper = smooth(0.15, -0.2, y)
    depth = torch.log(r) * 16 / TURN * 1.6
    pull = out + 0.15 * pen.noise(pen.height / 4)
    hair = strands(pen, angle * 9, pull * 4) + 0.7 * strands(pen, angle * 17 + 3, pull * 6)
    row = torch.floor(depth)
    pebble = (torch.sin(math.pi * (depth - row)) * torch.cos(8 * angle + math.pi / 2 * row)).abs()
    # The folds of the lids, nearer on the lower one.
    fold = torch.exp(-(((out - 0.2 - 0.12 * upper) / 0.07) ** 2))
    ring = smooth(0.36, 0.28, out)
    beads = ring * torch.cos(14 * angle).abs() * torch.sin(9 * math.pi * out).abs()
    rough = torch.where(human, 0.08 * hair, torch.where(reptile, 2.2 * pebble - 0.9, hair))
    height = torch.where(human, -0.07 * fold, torch.where(bird, 0.06 * beads, 0.04 * fold))
    height = height + torch.where(reptile, 0.1 * pebble.sqrt(), 0.015 * rough) - 0.14 * torch.exp(-2.5 * out.clamp(0))
    light = pen.lamp(height, 1.0, 0.25 * reptile)
    hues = chosen(pen, SKINS, kind, 0.25)
    tone = 0.52 + 0.14 * rough + 0.15 * smooth(0.1, 1.0, out) + 0.1 * pen.noise(pen.height / 3)
    skin = ramp(tone - 0.25 * fold * human, hues)
    bare = chosen(pen, IRISES, torch.full_like(kind, BIRD), 0.4)[:, 1, :, None, None] * (0.7 + 0.4 * beads)[:, None]
    skin = over(skin, bare, ring * bird)
    # A line of kohl from the corners, as cats have.
    skin = over(skin, skin * 0.25, cat * smooth(0.5, 0.1, out) * smooth(0.3, 1.0, x.abs()) * 0.8)
    hairs = smooth(0.28, 0.1, (out - 0.95 + 0.25 * x * x).abs() + 0.07 * hair) * smooth(-0.2, -0.5, y)
    skin = over(skin, skin * 0.2, human * hairs * smooth(1.35, 1.0, x.abs()))
    far = torch.where(human, 0.75 * r, r + 0.04 * hair)
    picture = over(pen.backdrop(), skin * light[:, None], smooth(1.75, 1.55, far))
    picture, _ = eye_on(picture, x, y, pen, 1.0, kind, shape)
    sweep = pen.uniform(10, 14) * torch.atan2(x, 0.75 - y) / (1 + 0.5 * out.clamp(0)) / math.pi * 2.2
    long_ = 0.16 + 0.22 * upper
    lash = (torch.frac(sweep + 100) - 0.5).abs() - 0.36 * (1 - out / long_)
    lashes = filled(pen, lash * 0.16) * smooth(-0.06, 0.02, out) * human * smooth(1.3, 1.1, x.abs())
    picture = over(picture, picture.new_tensor(0.04), lashes * smooth(0.1, 0.25, y.abs()))
    return picture, smooth(1.5, 1.3, r)


def insect_eye(pen: Pen) -> Drawn:
    """The compound eyes of a fly or a dragonfly: domes of hexagonal facets that shimmer, on a bristly head."""
    x, y = posed(pen, 0.8, 1.2, 0.6)
    apart = pen.uniform(0.62, 0.85)
    near = pen.chance(0.4)  # one eye, from close by
    x = x * (1 - 0.25 * near) + near * apart * torch.sign(pen.uniform(-1, 1))
    y = y * (1 - 0.25 * near)
    wide, tall = pen.uniform(0.6, 0.7), pen.uniform(0.78, 0.98)
    lean = pen.uniform(0.0, 0.25)
    side = torch.sign(x)
    ex, ey = (x.abs() - apart + lean * y) / wide, y / tall
    r = (ex * ex + ey * ey).sqrt().clamp(min=1e-3)
    dome = filled(pen, (r - 1) * wide)
    # Facets of one size on a ball look narrower towards its edge.
    round_ = torch.asin(r.clamp(max=0.985)) / r
    k = pen.uniform(3.6, 5.0)
    cell = hexagons(ex * round_ * k * wide / 0.75, ey * round_ * k * tall / 0.75)
    ball = (1 - r * r).clamp(min=0.0).sqrt()
    skull = ((x / (apart + 0.35 * wide)) ** 2 + ((y - 0.05) / (0.92 * tall)) ** 2).sqrt() - 1
    head = filled(pen, skull * 0.7)
    facet = (1 - cell * cell) * 0.075 * smooth(0.0, 0.25, ball)
    light = pen.lamp(0.6 * ball + facet * dome - 0.25 * (1 - dome) * skull.clamp(-1, 0) ** 2, 0.85, 0.7)
    # Bands of colour as a film has them, that follow the ball and lean.
    tilt = pen.uniform(-1.5, 1.5)
    film = pen.uniform(0.8, 2.6) * (ey + tilt * ex * 0.6) + 0.9 * r * r + pen.uniform(0, 1)
    hues = chosen(pen, DOMES, torch.zeros_like(film[:, :1, :1]), 0.25)
    shimmer = ramp(0.5 + 0.5 * torch.cos(TURN * film * 0.7), hues)
    wall = 1 - 0.75 * smooth(0.62, 0.95, cell) * smooth(0.0, 0.3, ball)
    # Where the facets look at us they are dark.
    spot = smooth(0.3, 0.1, ((ex + 0.12) ** 2 + (ey - 0.1) ** 2).sqrt() + 0.1 * cell)
    eyes = shimmer * (light * wall * (0.45 + 0.6 * ball) * (1 - 0.55 * spot) * 1.25)[:, None]
    gleam_x, gleam_y = side * pen.uniform(-0.4, 0.4) - 0.1 * side, pen.uniform(-0.6, -0.35)
    gleam = torch.exp(-(((ex - gleam_x) / 0.3) ** 2 + ((ey - gleam_y) / 0.22) ** 2) * 1.5) * (1.15 - 0.6 * cell)
    eyes = over(eyes, eyes.new_tensor(1.1), (0.9 * gleam).clamp(0, 1))
    coat = chosen(pen, SKINS, torch.full_like(film[:, :1, :1], CAT), 0.3)
    _, around = polar(x, y - 0.1)
    hair = strands(pen, around * 9, skull * 4)
    face = ramp(0.35 + 0.2 * hair - 0.4 * smooth(-0.25, 0.0, skull), coat) * light[:, None]
    bristle = (torch.frac(around * pen.uniform(4.5, 6.5) + 0.3 * torch.sin(5 * around) + 50) - 0.5).abs()
    spike = filled(pen, (bristle - 0.3 * (1 - skull / 0.3)) * 0.15) * smooth(-0.1, 0.0, skull) * (skull < 0.3)
    picture = over(pen.backdrop(), face.new_tensor(0.05), spike)
    picture = over(picture, face, head)
    # Feelers: two short clubs between the eyes, over the mouth.
    off, along = segment(x.abs(), y, (0.05, 0.0), (0.13, 0.42))
    club = filled(pen, off - 0.045 - 0.03 * along)
    picture = over(picture, coat[:, 2, :, None, None] * (1.1 - 7 * off)[:, None].clamp(0.1, 1.1), club)
    picture = over(picture, picture * 0.15, filled(pen, (r - 1.08) * wide))
    picture = over(picture, eyes, dome)
    return picture.clamp(max=1.25), torch.maximum(dome, head)

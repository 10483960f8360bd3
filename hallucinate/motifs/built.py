"""Built things: of stone, wood, glass and metal."""

from __future__ import annotations

import math
from functools import reduce

import torch

from hallucinate.motifs.constants import Drawn, everywhere
from hallucinate.motifs.drawing import Colour, Pen, Plane, over, polar, ramp, scattered, segment, smooth


def stood(pen: Pen, small: float, large: float, turn: float = 0.25) -> tuple[Plane, Plane]:
    """Coordinates as ``Pen.placed`` gives them, but what is built stays straight: it hardly bends, but leans away."""
    x, y = pen.grid()
    angle, scale, aspect = pen.uniform(-turn, turn), pen.uniform(small, large), pen.uniform(0.88, 1.14)
    x, y = x - pen.uniform(-0.3, 0.3), y - pen.uniform(-0.3, 0.3)
    scale = scale / (1 + pen.uniform(-0.15, 0.15) * x + pen.uniform(-0.15, 0.15) * y).clamp(min=0.2)
    u, v = x * torch.cos(angle) + y * torch.sin(angle), -x * torch.sin(angle) + y * torch.cos(angle)
    bend, cell = pen.uniform(0, 0.025), pen.height / 2.5
    return u * scale * aspect + bend * pen.noise(cell), v * scale / aspect + bend * pen.noise(cell)


def highest(*planes: Plane) -> Plane:
    """Where distances: to what outlines share; where masks or heights: all of them together."""
    return reduce(torch.maximum, planes)


def lowest(*planes: Plane) -> Plane:
    """The distance to several outlines together."""
    return reduce(torch.minimum, planes)


def fold(t: Plane) -> Plane:
    """How far to the nearest whole number."""
    return (t - torch.round(t)).abs()


def dealt(r: Plane, angle: Plane, sector: Plane | float) -> tuple[Plane, ...]:
    """A round in equal sectors: the number of each, the angle from its middle, and what is along and across that."""
    place = torch.round(angle / sector)
    turn = angle - place * sector
    return place, turn, r * torch.cos(turn), r * torch.sin(turn)


def within(pen: Pen, *outlines: Plane, soft: float = 1.3) -> Plane:
    """1 where all these distances are negative, with an edge about ``soft`` pixels wide at any size of picture."""
    return (0.5 - highest(*outlines) * (min(pen.height, pen.width) / (2 * soft))).clamp(0, 1)


def shade(palette: torch.Tensor, index: int, light: Plane | float = 1.0) -> Colour:
    """One colour of a (B, n, 3) palette under a light."""
    return palette[:, index, :, None, None] * (light[:, None] if isinstance(light, torch.Tensor) else light)


def blocks(u: Plane, v: Plane, seed: Plane) -> tuple[Plane, Plane]:
    """Courses of stones 2 wide and 1 high: how high each point stands out of the joints, and a tone for each stone."""
    row = torch.floor(v)
    along = u / 2 + 0.5 * torch.remainder(row, 2)
    return (lowest(2 * fold(along), fold(v)) / 0.14).clamp(0, 1), scattered(torch.floor(along), row, seed)


def bow(across: Plane, up: Plane, pointed: Plane) -> Plane:
    """How far out from an opening's middle line, as an arch has it: round above up = 0 (y down), or pointed."""
    side = across.abs()
    return torch.where(up < 0, ((side + pointed) ** 2 + up * up).sqrt() - pointed, side)


def arches(pen: Pen) -> Drawn:
    """An arcade, in one row or more and going off to one side: round or pointed, rimmed, dark deep inside."""
    x, y = stood(pen, 0.75, 1.2)
    k, lean, tall = pen.uniform(0.75, 1.5), pen.uniform(-0.4, 0.4), pen.uniform(1.5, 2.0)
    far = k / (1 + lean * x).clamp(min=0.3)
    u, v, seed = x * far + pen.uniform(0, 1), y * far + pen.uniform(0, 1), pen.uniform(0, 50)
    across, up = u - torch.floor(u) - 0.5, v - torch.floor(v / tall) * tall
    pointed, half = pen.chance(0.45) * pen.uniform(0.2, 0.5), 0.32
    rise = up - 0.3 - ((half + pointed) ** 2 - pointed**2).sqrt()
    sole, out = up - tall + 0.1, bow(across, rise, pointed) - half
    # The far edge of the same opening: smaller, and moved towards where the wall runs to.
    deep = bow(across + 0.35 * lean + 0.04, rise - 0.05, pointed) - half + 0.09
    stone, tone = blocks(u * 7, v * 7, seed)
    wedge = torch.atan2(rise.clamp(max=0) - 0.05, across) * 4.5 + rise.clamp(min=0) * 7
    ring = within(pen, (out - 0.055).abs() - 0.065, sole)
    bands = within(pen, lowest((rise - 0.03).abs() - 0.05, (up - 0.05).abs() - 0.09, -sole))
    relief = torch.lerp(0.016 * stone * (1 - bands), 0.05 + 0.018 * (fold(wedge) / 0.09).clamp(0, 1), ring)
    relief = highest(relief, 0.075 * bands) + 0.004 * pen.clouds(pen.height / 12, 3)
    worn = 0.9 + 0.07 * pen.clouds(pen.height / 4)
    light = pen.lamp(relief / k, 1.3) * worn
    tones = pen.tones((0.74, 0.58, 0.42), (0.88, 0.8, 0.66), (0.42, 0.3, 0.22))
    hole, keyed = within(pen, out, sole), light * (0.9 + 0.2 * scattered(torch.round(wedge), seed, seed))
    picture = over(shade(tones, 0, light * (0.75 + 0.4 * tone)), shade(tones, 1, keyed), ring)
    picture = over(picture, shade(tones, 1, light), bands * (1 - hole))
    picture = over(picture, shade(tones, 1, (0.62 - 0.5 * (across + 0.5 * rise).clamp(-0.6, 0.6)) * worn), hole)
    dark = 0.1 + 0.4 * (up / tall).clamp(0, 1) ** 4
    return over(picture, shade(tones, 2, dark), hole * within(pen, deep, sole + 0.06, soft=3)), everywhere(pen)


def pagoda(pen: Pen) -> Drawn:
    """Roofs with upturned eaves, one over the other, each smaller, and a spire."""
    x, y = stood(pen, 0.8, 1.25)
    q, tiers, wide = pen.uniform(0.74, 0.88), pen.whole(3, 5), pen.uniform(0.62, 0.85)
    storey = 1.62 * (1 - q) / (1 - q**tiers)
    # Storeys shrink by q: which one a height is in follows from the sum of a geometric series.
    remaining = (1 - (1.0 - y) * (1 - q) / storey).clamp(min=1e-4)
    size = q ** torch.floor(torch.log(remaining) / torch.log(q)).clamp(min=0).minimum(tiers - 1)
    up, ax = (1.0 - storey * (1 - size) / (1 - q) - y) / (storey * size), x / size
    slope = (up - 0.42 - pen.uniform(0.18, 0.32) * (ax.abs() / wide) ** 3) / 0.62
    extent = 0.47 * wide + 0.53 * wide * (1 - slope).clamp(0, 1) ** 2
    roof = within(pen, (ax.abs() - extent) * size, (slope - 0.5).abs() * 0.3 * size - 0.15 * size)
    wall = within(pen, (ax.abs() - 0.58 * wide) * size, highest(up - 0.75, -up * storey) * size)
    top, rings = y + 0.62, 0.6 + 0.4 * torch.cos((y + 0.62) * 55)
    spire = within(pen, x.abs() - 0.02 - 0.035 * rings * smooth(-0.36, 0.0, top), (top + 0.165).abs() - 0.215)
    body = highest(roof, wall, spire)
    tones = pen.tones((0.2, 0.28, 0.3), (0.72, 0.2, 0.12), (0.95, 0.78, 0.4), (0.12, 0.06, 0.05), (0.9, 0.84, 0.7))
    side = 1 - 0.3 * pen.uniform(-1, 1).sign() * (ax / wide)
    ribs, fall = torch.sin(ax / (0.25 + extent) * 34), slope.clamp(0, 1)
    tile = pen.lamp((0.02 * ribs + 0.12 * (1 - fall)) * roof, 1.0, 0.3)
    door = within(pen, highest(fold(4.3 * ax / wide) - 0.3, (up - 0.2).abs() - 0.16) * 0.3)
    plaster = torch.lerp(shade(tones, 1), shade(tones, 4), pen.chance(0.4)[:, None])
    picture = pen.shadowed(pen.land() if pen.one_of(2) else pen.backdrop(), body)
    picture = over(picture, plaster * ((0.35 + 0.65 * smooth(0.7, 0.28, up)) * side)[:, None], wall)
    picture = over(picture, shade(tones, 3), wall * door * 0.9)
    picture = over(picture, shade(tones, 2, 0.85 * side), wall * within(pen, (up - 0.03).abs() * 0.3 - 0.02))
    picture = over(picture, shade(tones, 0, tile * side * (0.75 + 0.6 * fall)), roof)
    picture = over(picture, shade(tones, 2, side), roof * within(pen, (slope - 0.06) * size * 0.3))
    return over(picture, shade(tones, 2, 0.55 + 0.6 * rings), spire).clamp(max=1.3), body


def castle(pen: Pen) -> Drawn:
    """A round tower of stone with slit windows, a battlement, and a pointed roof on some, beside a lower wall."""
    x, y = stood(pen, 0.8, 1.2)
    half, roofed, seed, side = pen.uniform(0.38, 0.52), pen.chance(0.5), pen.uniform(0, 50), pen.uniform(-1, 1).sign()
    down = y + 0.75 - 0.45 * roofed  # from the top of the battlement
    crown = smooth(0.36, 0.3, down)
    turn = torch.asin((x / half / (1 + 0.2 * crown)).clamp(-0.99, 0.99))
    shaft = within(pen, x.abs() - half * (1 + 0.2 * crown), 0.17 * (torch.cos(turn * 7) < 0) - down)
    curtain = within(pen, 0.4 + 0.13 * (torch.sin(x * 16) < 0) - y, x.abs() - pen.uniform(0.75, 1.3))
    spread = 1.35 * half * (1 + (down - 0.2) / pen.uniform(0.6, 0.85))
    cone = roofed * within(pen, x.abs() - spread, down - 0.2)
    body = highest(shaft, curtain, cone)
    tones = pen.tones((0.66, 0.6, 0.52), (0.08, 0.06, 0.07), (0.5, 0.2, 0.16), (0.85, 0.78, 0.66))
    stone, tone = blocks(torch.lerp(x * 7, turn * 4.5, shaft), y * 9, seed)
    light = pen.lamp(0.014 * stone + 0.005 * pen.clouds(pen.height / 16, 3), 1.2) * (0.75 + 0.35 * tone)
    under = 1 - 0.5 * smooth(0.62, 0.36, down) * smooth(0.33, 0.4, down)
    bright = (0.3 + 0.85 * torch.cos(turn + 0.6 * side).clamp(min=0)) * under
    picture = pen.shadowed(pen.land() if pen.one_of(2) else pen.backdrop(), body)
    fallen = 0.75 - 0.4 * smooth(0.35, 0.0, (x - 0.15 * side).abs() - half)
    picture = over(picture, shade(tones, 0, light * torch.lerp(fallen, bright, shaft)), highest(shaft, curtain))
    ledge = within(pen, lowest((down - 0.34).abs() - 0.035, (down - 0.2).abs() - 0.02))
    nook = torch.remainder(down - 0.5, 0.62) - 0.26
    slit = bow((turn + 0.25 * side) * half, nook + 0.05, half * 0) - 0.075
    frame = within(pen, slit - 0.04, nook - 0.18) * (1 - crown)
    picture = over(picture, shade(tones, 3, bright), highest(ledge, frame) * shaft)
    picture = over(picture, shade(tones, 1, 0.4), within(pen, slit, nook - 0.14) * shaft * (1 - crown))
    wrap = 1.3 * (x / spread.clamp(min=0.05)).clamp(-1, 1)
    rows = 0.75 + 0.4 * torch.frac((down + 3 + 0.06 * wrap**2) * 9)
    return over(picture, shade(tones, 2, rows * (0.3 + 0.85 * torch.cos(wrap + 0.6 * side))), cone), body


def tower(pen: Pen) -> Drawn:
    """A pagoda, or a castle's tower."""
    return castle(pen) if pen.one_of(3) == 0 else pagoda(pen)


def window(pen: Pen) -> Drawn:
    """Panes between cross bars that reflect a sky, in a frame with a sill, in a wall; shutters or tracery in some."""
    x, y = stood(pen, 0.8, 1.25)
    half, tall, arched, gothic = pen.uniform(0.46, 0.62), pen.uniform(0.75, 0.92), pen.chance(0.5), pen.chance(0.6)
    pointed = gothic * half * pen.uniform(0.5, 1.0)
    above = y + tall - ((half + pointed) ** 2 - pointed**2).sqrt()  # negative where an arch bends
    out = highest(torch.where(arched > 0, bow(x, above, pointed), highest(x.abs(), -y - tall + half)) - half, y - tall)
    columns, rows = pen.whole(2, 3), pen.whole(2, 4)
    across, down = (x / half + 1) / 2 * columns, (y / tall + 1) / 2 * rows
    bars = lowest(fold(across) / columns * half, fold(down) / rows * tall) * 2
    # Tracery: two lancets, and a ring above them.
    lancet = bow(x.abs() - half / 2, above - 0.08, pointed / 2) - half / 2
    ring = (x * x + (above + half * 0.42) ** 2).sqrt() - half * 0.32
    tracery = lowest(lancet.abs(), ring.abs(), highest(x.abs(), 0.05 - above), highest((above - 0.5).abs(), lancet))
    bars = torch.where(arched * gothic > 0, tracery, bars) - 0.042
    frame = lowest((out - 0.01).abs() - 0.085, highest(bars, out))
    wood, sill = within(pen, frame), within(pen, x.abs() - half - 0.2, (y - tall - 0.12).abs() - 0.075)
    shutters, beside = pen.chance(0.45) * (1 - arched), x.abs() - half - 0.34
    leaf = within(pen, beside.abs() - 0.22, y.abs() - tall - 0.05) * shutters
    louvre = torch.frac((y + 3) * 7) * within(pen, beside.abs() - 0.15, y.abs() - tall + 0.06) * leaf
    seed, bricks = pen.uniform(0, 50), pen.chance(0.6)
    stone, tone = blocks(x * 6, y * 6, seed)
    relief = torch.lerp(0.016 * stone * bricks + 0.004 * pen.clouds(pen.height / 10, 3), 0.05 + 0.04 * louvre, leaf)
    light = pen.lamp(highest(relief, (-frame * 1.2).clamp(0, 0.05) + 0.02 * wood, 0.12 * sill), 1.2)
    tones = pen.tones((0.93, 0.92, 0.88), (0.68, 0.4, 0.3), (0.8, 0.72, 0.6), (0.2, 0.4, 0.36))
    wall = torch.lerp(shade(tones, 2), shade(tones, 1), bricks[:, None])
    solid = highest(within(pen, out - 0.09), sill, leaf)
    picture = pen.shadowed(wall * (light * (0.8 + 0.3 * tone * bricks))[:, None], solid)
    picture = over(picture, shade(tones, 3, light), leaf)
    pane = scattered(torch.floor(across), torch.floor(down), seed)
    slant = 0.43 + 0.35 * y / tall + 0.14 * pen.clouds(pen.height / 5) + 0.15 * pane
    dusk = pen.chance(0.25)
    day = pen.tones((0.16, 0.32, 0.62), (0.45, 0.65, 0.88), (0.95, 0.95, 0.93), wild=0.15)
    night = pen.tones((1.0, 0.9, 0.55), (1.0, 0.7, 0.25), (0.6, 0.25, 0.06), wild=0.15)
    streak = smooth(0.25, 0.15, (torch.remainder(x + 0.7 * y + pen.uniform(0, 2), 1.3) - 0.4).abs())
    glass = ramp(slant, torch.lerp(day, night, dusk)) + 0.16 * (streak * (1 - dusk))[:, None]
    depth = 1 - 0.55 * smooth(0.06, 0.0, bars) * (1 - dusk) - 0.25 * smooth(-0.2, -0.08, out)
    picture = over(picture, glass * depth[:, None], within(pen, out))
    return over(picture, shade(tones, 0, light), highest(wood, sill)), solid


def grain(pen: Pen, along: Plane, across: Plane, lines: float) -> Plane:
    """Wood: a tone from 0.75 to 1.1 that runs in lines along it."""
    bent = across * lines + 0.8 * torch.sin(2.3 * along + pen.uniform(0, 6.3)) + pen.noise(pen.height / 5)
    return 0.93 + 0.12 * torch.sin(bent) + 0.07 * torch.sin(2.7 * bent + 1)


def wheel(pen: Pen) -> Drawn:
    """A wagon's wheel: a wide wooden rim with an iron tyre, straight spokes and a turned hub."""
    x, y = stood(pen, 0.9, 1.45, turn=math.pi)
    r, angle = polar(x * pen.uniform(1.0, 1.25), y)
    sector = math.pi / pen.whole(4, 6)
    place, turn, along, across = dealt(r, angle, sector)
    rim, girth, hub = pen.uniform(0.68, 0.76), pen.uniform(0.05, 0.075), pen.uniform(0.22, 0.3)
    band, tyre = highest(r - 0.94, rim - r), highest(r - 1.02, 0.94 - r)
    spoke = highest(across.abs() - girth * (1.5 - 0.5 * along), r - 0.85, 0.15 - along)
    solid = within(pen, lowest(band, spoke, tyre, r - hub))
    joint = smooth(0.012, 0.03, (sector / 2 - turn.abs()) * r)
    relief = highest((-spoke * 1.2).clamp(0, 1), 0.05 * within(pen, band) * joint + (-band * 0.8).clamp(0, 0.05))
    dome = 0.14 * within(pen, r - hub) + 0.06 * within(pen, r - hub * 0.62) + (hub * 0.5 - r).clamp(min=0) * 0.4
    light = pen.lamp(highest(relief, dome, 0.1 * within(pen, tyre)), 1.1, 0.25)
    tones = pen.tones((0.6, 0.38, 0.2), (0.26, 0.25, 0.26), (0.74, 0.52, 0.3))
    timber = light * torch.where(band < 0, grain(pen, angle * 2, r, 60), grain(pen, along, across + place, 45))
    picture = over(pen.shadowed(pen.backdrop(), solid), shade(tones, 2, timber), solid)
    picture = over(picture, shade(tones, 0, timber * (0.6 + 0.4 * joint)), within(pen, band))
    iron = within(pen, lowest(tyre, (r - hub * 0.85).abs() - hub * 0.13, r - hub * 0.35))
    return over(picture, shade(tones, 1, light * 1.1), iron), within(pen, r - 1.03)


def cog(pen: Pen, x: Plane, y: Plane, teeth: Plane, radius: Plane, phase: Plane) -> tuple[Plane, Plane, Plane]:
    """A toothed wheel: its signed distance, its relief, and its brushed sheen."""
    r, angle = polar(x, y)
    sector = 2 * math.pi / pen.whole(3, 6)
    _, turn, along, across = dealt(r, angle - phase, sector)
    ring = ((along - 0.52 * radius) ** 2 + across**2).sqrt() - 0.17 * radius
    gap = highest((r - 0.52 * radius).abs() - 0.2 * radius, 0.1 * radius - (sector / 2 - turn.abs()) * r)
    hollow = lowest(torch.where(pen.chance(0.5) > 0, ring, gap), r - 0.13 * radius)
    tooth = (torch.cos((angle - phase) * teeth) * 1.6 + 0.1).clamp(-1, 1)
    metal = highest((r - radius - 0.1 * tooth) * 0.8, -hollow)
    groove = smooth(0.76, 0.8, r / radius) * smooth(0.9, 0.86, r / radius)
    sheen = 0.85 + 0.25 * torch.cos(2 * angle + pen.uniform(0, 6.3)) + 0.06 * torch.sin(r * 70)
    return metal, (-metal * 1.4).clamp(0, 0.055) + 0.07 * smooth(0.3, 0.27, r / radius) - 0.03 * groove, sheen


def gear(pen: Pen) -> Drawn:
    """Toothed wheels of metal: one, or two that mesh."""
    x, y = stood(pen, 0.85, 1.3, turn=math.pi)
    pair, teeth, phase = pen.chance(0.5), pen.whole(10, 16), pen.uniform(0, 6.3)
    radius, small = 0.9 - 0.25 * pair, torch.round(teeth * pen.uniform(0.6, 0.95))
    x, size = x + 0.4 * pair, radius * small / teeth
    # Where they touch, at angle 0 seen from the one and π from the other, a tooth meets a gap.
    other = math.pi + (math.pi - phase * teeth) / small
    away = torch.where(pair > 0, radius + size + 0.02, 9.0)
    metal, relief, sheen = cog(pen, x, y, teeth, radius, phase)
    metal2, relief2, sheen2 = cog(pen, x - away, y, small, size, other)
    first, second, solid = within(pen, metal), within(pen, metal2), within(pen, lowest(metal, metal2))
    light = pen.lamp(highest(relief * first, relief2 * second), 1.2, 0.9).clamp(max=1.3)
    tones = pen.tones((0.72, 0.52, 0.24), (0.6, 0.62, 0.66))
    one = torch.lerp(shade(tones, 0), shade(tones, 1), pen.chance(0.5)[:, None])
    picture = over(pen.shadowed(pen.backdrop() * 0.6, solid, 0.7), one * (light * sheen)[:, None], first)
    picture = over(picture, shade(tones, 0, light * sheen2), second)
    return picture, highest(within(pen, polar(x, y)[0] - radius - 0.1), within(pen, polar(x - away, y)[0] - size - 0.1))


LETTERS = {"I": ((0.5, 0.5),), "V": ((0.85, 0.1), (0.85, 1.6)), "X": ((0.1, 1.6), (1.6, 0.1))}


def numeral(word: str) -> list[tuple[float, float]]:
    """The strokes of a Roman number: how far aside each stands at its foot and at its head; five, some out of sight."""
    at, strokes = 0.0, []
    for letter in word:
        strokes += [(at + foot, at + head) for foot, head in LETTERS[letter]]
        at += 1.0 if letter == "I" else 1.7
    return [(foot - at / 2, head - at / 2) for foot, head in strokes] + [(99.0, 99.0)] * (5 - len(strokes))


HOURS = [numeral(word) for word in ["XII", "I", "II", "III", "IIII", "V", "VI", "VII", "VIII", "IX", "X", "XI"]]


def clock(pen: Pen) -> Drawn:
    """A clock's face: a pale dial in a rim, dark hours all round, two hands."""
    x, y = stood(pen, 0.9, 1.4, turn=0.4)
    r, angle = polar(-y, x)  # from noon, clockwise
    hour, turn, along, across = dealt(r, angle, math.pi / 6)
    feet, heads = torch.tensor(HOURS, device=pen.device)[torch.remainder(hour, 12).long()].unbind(-1)
    t = ((along - 0.54) / 0.22).clamp(0, 1)[..., None]
    lines = (across[..., None] / 0.05 - torch.lerp(feet, heads, t)).abs().amin(-1)
    roman = highest((lines - 0.36) * 0.05, (along - 0.65).abs() - 0.11)
    quarter = 0.035 * (torch.remainder(hour, 3) == 0)
    bar = highest(across.abs() - 0.03 - 0.3 * quarter, (along - 0.7 + quarter).abs() - 0.07 - quarter)
    ticks = highest(fold(turn * 30 / math.pi) * math.pi / 30 * r - 0.009, (r - 0.82).abs() - 0.025)
    marks = lowest(torch.where(pen.chance(0.55) > 0, roman, bar), ticks)
    paper = pen.tones((0.95, 0.92, 0.82), (0.1, 0.08, 0.1), wild=0.08)
    tones = pen.tones((0.75, 0.55, 0.25), (0.12, 0.12, 0.2))
    thick, now = pen.uniform(0.12, 0.18), pen.uniform(0, 2 * math.pi)
    rim, face, solid = (r - 0.87 - thick / 2).abs(), within(pen, r - 0.88), within(pen, r - 0.87 - thick)
    hands = r - 0.085
    for extent, girth, toward in ((0.5, 0.062, now), (0.76, 0.042, now * 12)):
        hx, hy = torch.sin(toward), -torch.cos(toward)
        away, at = segment(x, y, (-0.16 * hx, -0.16 * hy), (extent * hx, extent * hy))
        hands = lowest(hands, away - girth * (1.15 - 0.75 * at))
    relief = (thick * thick / 4 - rim**2).clamp(min=0).sqrt() + (-hands).clamp(0, 0.03)
    light = pen.lamp(relief, 1.0, 1.0).clamp(max=1.35)
    dial = 0.93 + 0.1 * r * torch.cos(angle + pen.uniform(0, 6.3)) - 0.28 * smooth(0.7, 0.9, r) * smooth(-0.4, 0.9, -y)
    picture = over(pen.shadowed(pen.backdrop(), solid), shade(paper, 0, dial), face)
    picture = over(picture, shade(paper, 1), face * within(pen, marks))
    cast = smooth(0.07, -0.02, torch.roll(hands, (pen.height // 40 + 1,) * 2, (1, 2))) * face
    picture = over(picture * (1 - 0.35 * cast)[:, None], shade(tones, 0, light), solid * within(pen, rim - thick / 2))
    return over(picture, torch.minimum(shade(tones, 1, light), shade(paper, 0, 0.45)), within(pen, hands)), solid


def flight(pen: Pen) -> tuple[Plane, ...]:
    """A flight seen from its foot: where treads are, how near a step's front, how far aside, and how far up."""
    x, y = stood(pen, 0.75, 1.1)
    steps, run, rise, near, lens = pen.whole(5, 7), 0.55, pen.uniform(0.3, 0.4), 2.6, 1.7
    eye, sight = steps * rise + 0.45, ((y + 0.85) / lens).clamp(min=0.01)
    # Nose k is at depth near + k·run and height k·rise: between which two of them each row of the picture is.
    step = torch.floor((eye - sight * near) / (sight * run + rise)).minimum(steps)
    back = near + (step + 1) * run
    seat = (eye - step * rise) / back
    depth = ((eye - step * rise) / sight).minimum(back)
    part = torch.where(sight > seat, (depth - back) / run + 1, 1 - (seat - sight) * back / rise).clamp(0, 1)
    up = smooth(0.4, 1.0, (step + part) / steps)
    return within(pen, (seat - sight) * lens), 1 - part, (x * depth / lens).abs() - pen.uniform(0.9, 1.4), up


def profile(pen: Pen) -> tuple[Plane, ...]:
    """A flight seen from beside and above, as ``flight`` gives it."""
    x, y = stood(pen, 0.9, 1.5)
    x, wide = x * pen.uniform(-1, 1).sign(), pen.uniform(0.5, 0.8)
    run, rise, dx, dy = pen.uniform(0.4, 0.55), pen.uniform(0.28, 0.4), pen.uniform(0.45, 0.8), pen.uniform(0.5, 0.8)
    # A zigzag drawn out along (dx, dy): across that, every step is as wide as the next.
    across, turn = (x * dy - y * dx) / (run * dy + rise * dx), run * dy / (run * dy + rise * dx)
    step, part = torch.floor(across), torch.remainder(across, 1)
    drawn = torch.where(part < turn, (y + step * rise) / dy, (x - (step + 1) * run) / dx)
    near = torch.where(part < turn, 1 - part / turn, (1 - part) / (1 - turn))
    tread = within(pen, (fold(part - turn / 2) - turn / 2) * 0.4)
    return tread, near, drawn.abs() - wide, 0.55 * within(pen, wide - drawn)


def winding(pen: Pen) -> tuple[Plane, ...]:
    """A winding stair seen from above, as ``flight`` gives it."""
    r, angle = polar(*stood(pen, 0.5, 0.9, turn=math.pi))
    round_, sunk = angle * pen.uniform(-1, 1).sign() / (2 * math.pi), -torch.log(r / 1.2) / pen.uniform(0.8, 1.0)
    coil = torch.floor(sunk - round_)
    part = torch.remainder((round_ + coil) * pen.whole(10, 13), 1)
    near = (1 - part / 0.72) * (1 - 0.3 * sunk.clamp(0, 2))
    tread = within(pen, (fold(part - 0.36) - 0.36) * r * 0.5)
    return tread, near, (sunk - round_ - coil - 0.42).abs() - 0.34, smooth(0.7, 2.2, sunk)


def stairs(pen: Pen) -> Drawn:
    """A staircase: light treads and dark risers, straight or winding."""
    kind = pen.one_of(5)
    tread, near, aside, far = (flight, profile, winding, flight, profile)[kind](pen)
    tones = pen.tones((0.86, 0.78, 0.66), (0.36, 0.27, 0.22), (0.6, 0.1, 0.1), (0.5, 0.44, 0.4), (0.98, 0.9, 0.7))
    worn = 0.95 + 0.05 * pen.clouds(pen.height / 6)
    top, front = (0.62 + 0.5 * near.clamp(0, 1) ** 0.7) * worn, (0.4 + 0.45 * near.clamp(0, 1)) * worn
    steps = over(shade(tones, 1, front), 0.3 * top[:, None] + shade(tones, 0, 0.7 * top), tread)
    carpet = within(pen, aside + 0.45) * pen.chance(0.6) * float(kind % 3 == 0)
    steps = over(steps, shade(tones, 2, torch.lerp(front * 0.7, top * 1.2, tread)), carpet)
    rail = 0.25 + shade(tones, 0, 0.5 + 0.25 * torch.cos((aside - 0.05) * 30))
    wall = shade(tones, 3, (0.45 + 0.4 * smooth(0.0, 0.6, aside)) * worn)
    wall = over(wall, rail, within(pen, (aside - 0.05).abs() - 0.05))
    end = torch.lerp(shade(tones, 1, 0.25), shade(tones, 4), pen.chance(0.5)[:, None])  # into the dark, or a light
    return over(over(wall, steps, within(pen, aside)), end, far * 0.85), everywhere(pen)


def keyhole(pen: Pen) -> Drawn:
    """A dark keyhole, a disc over a flared slot, in a brass plate on a door; light comes through some."""
    x, y = stood(pen, 0.75, 1.25, turn=0.35)
    disc, flare, foot = pen.uniform(0.2, 0.26), pen.uniform(0.1, 0.3), pen.uniform(0.42, 0.55)
    slot = highest(x.abs() - disc * 0.42 - flare * (y + 0.1).clamp(min=0), y - foot, -y - 0.2)
    hole = lowest((x * x + (y + 0.2) ** 2).sqrt() - disc, slot)
    r, angle = polar(x / 0.66, y / 0.95)
    lobes, glow = pen.whole(2, 5) * 2, pen.chance(0.4)
    oval = (r - 0.92 - pen.uniform(0.0, 0.09) * torch.cos(lobes * angle)) * 0.66
    plate = torch.where(pen.chance(0.7) > 0, oval, highest(x.abs() - 0.5, y.abs() - 0.85))
    screws, on = (x * x + (y.abs() - 0.72) ** 2).sqrt() - 0.07, within(pen, plate)
    scroll = torch.sin(18 * hole.abs() + 2.2 * torch.sin(angle * lobes + 5 * r)) * smooth(0.1, 0.2, hole)
    relief = (-plate).clamp(0, 0.08) * 1.3 + 0.012 * scroll * smooth(-0.08, -0.16, plate)
    relief = relief - 0.04 * smooth(0.02, 0.0, (plate + 0.13).abs() - 0.015)
    light = pen.lamp((relief + 0.05 * smooth(0.1, 0.05, hole) + (-screws).clamp(0, 0.04)) * on, 1.2, 1.0).clamp(max=1.4)
    tones = pen.tones((0.8, 0.58, 0.25), (0.42, 0.25, 0.14), (0.06, 0.04, 0.06), wild=0.25)
    planks = x * 2.2 + pen.uniform(0, 1)
    door = grain(pen, y * 2, x + torch.floor(planks), 30) * (0.35 + 0.65 * smooth(0.0, 0.04, fold(planks)))
    sheen = 0.9 + 0.12 * torch.cos(3 * y + x + pen.uniform(0, 6)) + 0.03 * pen.clouds(pen.height / 5)
    sheen = sheen * (1 - 0.6 * within(pen, (x + 0.4 * (y.abs() - 0.72)).abs() - 0.018, screws + 0.015))
    picture = over(pen.shadowed(shade(tones, 1, door), on), shade(tones, 0, light * sheen), on)
    blaze = ramp(smooth(0.9, 0.0, (x * x + (y + 0.1) ** 2).sqrt()), pen.tones((0.9, 0.4, 0.1), (1.1, 0.95, 0.6)))
    picture = (picture + blaze * (0.5 * glow * smooth(0.3, 0.0, hole))[:, None]).clamp(max=1.3)
    picture = over(picture, shade(tones, 0, 0.45 - 0.25 * glow), within(pen, hole))  # how thick the plate is
    edge = torch.roll(hole, (-(pen.height // 40) - 1, pen.height // 50), (1, 2))
    inside = torch.lerp(shade(tones, 2, 0.4).expand_as(blaze), blaze, glow[:, None])
    return over(picture, inside, within(pen, hole, edge)), on

"""Form constants (Klüver 1926): spirals, tunnels, lattices, webs, and the lights that go with them.

Bressloff et al. (2001) derive them as plane waves on the visual cortex, whose map of the visual field is about
logarithmic-polar; in the field they are waves in (log r, θ).
"""

from __future__ import annotations

import math

import torch

from hallucinate.motifs.drawing import Colour, Pen, Plane, blurred, cells, over, polar, ramp, smooth

Drawn = tuple[Colour, Plane]
"""A batch of pictures (B, 3, H, W) in [0, 1], and where in them the motif is, (B, H, W)."""

TURN = 2 * math.pi


def everywhere(pen: Pen) -> Plane:
    """The mask of a motif that fills the picture."""
    return torch.ones(pen.batch, pen.height, pen.width, device=pen.device)


def cortical(x: Plane, y: Plane, across: float | Plane, along: float | Plane) -> tuple[Plane, Plane]:
    """The visual field as the cortex has it: w · (θ + i log r) / 2π for the wave vector w = across + i along.

    Shapes keep their angles. The seam at θ = ±π closes where (across, along) is a step of the pattern that is drawn.
    """
    r, angle = polar(x, y)
    turn, depth = angle / TURN, torch.log(r) / TURN
    return across * turn - along * depth, along * turn + across * depth


def plane(pen: Pen, x: Plane, y: Plane, steps: Plane, size: Plane) -> tuple[Plane, Plane, Plane]:
    """Coordinates for a pattern of unit cells, and how far off each place looks, 0 to 1.

    For about half of the pictures as on the cortex, with the wave vector ``steps`` (B, 2, 1); for the others flat,
    seen aslant, ``size`` cells to a unit.
    """
    bent = pen.chance(0.5) > 0
    a, b = steps[:, :1], steps[:, 1:]
    bu, bv = cortical(x, y, a, b)
    r, _ = polar(x, y)
    drift = pen.uniform(0, 1)
    deep = 1 + pen.uniform(0, 0.45) * y.clamp(-1.4, 1.6)
    fu, fv = size * x / deep, size * (y + 0.4) / deep
    count = (a * a + b * b).sqrt()
    far = torch.where(bent, smooth(0.02, 0.008, r / count), smooth(1.1, 0.3, deep) * 0.5)
    # A drift along the depth only: on the cortex any drift is a zoom and a turn.
    return torch.where(bent, bu + drift, fu), torch.where(bent, bv + drift, fv), far


def square_steps(pen: Pen) -> Plane:
    """A wave vector of whole steps with an even sum, as a checkerboard closes on, (B, 2, 1)."""
    a, b = pen.whole(5, 9), pen.whole(-3, 3) * pen.chance(0.6)
    return torch.cat([2 * a + b, b], 1)


def receding(pen: Pen, picture: Colour, far: Plane) -> Colour:
    """The picture, lost in the dark or in light where it is far off."""
    glow = pen.tones((1.0, 0.95, 0.75))[:, 0, :, None, None] * 1.1
    end = torch.where(pen.chance(0.4)[:, None] > 0, glow, picture.new_tensor(0.03))
    return over(picture.clamp(max=1.25), end, far)


def tube(off: Plane, half: float | Plane) -> Plane:
    """The height of a round bar, by how far a place is off its middle: 1 along it, 0 at its sides."""
    return (1 - (off / half) ** 2).clamp(min=0).sqrt()


def unbent(pen: Pen) -> tuple[Plane, Plane]:
    """Coordinates as ``pen.placed`` gives, but neither turned nor warped: for what is straight or round."""
    x, y = pen.grid()
    scale, aspect = pen.uniform(0.8, 1.5), pen.uniform(0.85, 1.18)
    return (x - pen.uniform(-0.5, 0.5)) * scale * aspect, (y - pen.uniform(-0.5, 0.5)) * scale / aspect


def spiral(pen: Pen) -> Drawn:
    """A slanted plane wave on the cortex: round arms that wind into the middle, each smaller the further in."""
    x, y = pen.placed()
    r, _ = polar(x, y)
    arms = pen.whole(1, 4)
    pitch = (pen.uniform(2.5, 5.5) + 0.8 * arms) * torch.sign(pen.uniform(-1, 1))
    t, _ = cortical(x, y, arms, pitch)
    off = (torch.remainder(t + pen.uniform(0, 1), 1) - 0.5).abs()
    half = pen.uniform(0.26, 0.42)
    arm = smooth(0.03, -0.03, off - half)
    light = pen.lamp(tube(off, half) * r * 0.5, 1.0, 0.6)
    hues = pen.tones((0.95, 0.85, 0.6), (0.9, 0.35, 0.2), (0.15, 0.1, 0.3), wild=0.7)
    along = 0.5 + 0.5 * torch.sin(pen.uniform(2, 5) * torch.log(r) + pen.uniform(0, TURN))
    ground = hues[:, 2, :, None, None] * (0.15 + 0.4 * pen.chance(0.5) * r.clamp(max=1.2))[:, None]
    picture = over(ground, ramp(along * 0.9, hues[:, :2]) * light[:, None], arm)
    return receding(pen, picture, smooth(0.1, 0.02, r)), everywhere(pen)


def tunnel(pen: Pen) -> Drawn:
    """Rings down a bent tube or funnel, each smaller than the last, with light from above or from its end."""
    x, y = unbent(pen)
    # A tube that bends: what is far off is at one side.
    away = torch.exp(-2.5 * (x * x + y * y))
    x, y = x - pen.uniform(-0.35, 0.35) * away, y - pen.uniform(-0.35, 0.35) * away
    power = 2 + pen.chance(0.25) * pen.uniform(0.5, 2.5)
    r = (x.abs() ** power + y.abs() ** power + 1e-6) ** (1 / power)
    depth = pen.uniform(1.7, 3.0) * torch.log(r)
    t = torch.remainder(depth + pen.uniform(0, 1), 1)
    half = pen.uniform(0.24, 0.45)
    off = (t - 0.5).abs()
    rib = smooth(0.04, -0.04, off - half)
    round_ = pen.chance(0.6)
    height = round_ * tube(off, half) * 0.16 + (1 - round_) * 0.2 * t
    light = pen.lamp(height * r, 1.0, 0.5)
    ribbed = 0.12 * torch.cos(pen.whole(6, 14) * torch.atan2(y, x)) * pen.chance(0.5)
    ceiling = 0.8 - 0.25 * y / r + ribbed
    hues = pen.tones((0.8, 0.65, 0.5), (0.35, 0.25, 0.25), wild=0.6)
    shade = (light * ceiling * (0.25 + 0.8 * smooth(0.05, 0.9, r)))[:, None]
    picture = over(hues[:, 1, :, None, None] * (0.35 + 0.3 * (1 - t))[:, None], hues[:, 0, :, None, None] * 1.1, rib)
    glow = pen.chance(0.5)
    end = pen.tones((1.0, 0.9, 0.65))[:, 0, :, None, None] * 1.15 * glow[:, None]
    picture = picture * shade.clamp(max=1.2) + end * (0.5 * torch.exp(-3.5 * r))[:, None]
    return over(picture, end, smooth(0.16, 0.07, r)), everywhere(pen)


def rays(pen: Pen) -> Drawn:
    """Wedges of light from one bright middle, some broad and some narrow, over a darker ground."""
    r, angle = polar(*unbent(pen))
    count = pen.whole(6, 13)
    bent = angle + pen.uniform(0.1, 0.5) * torch.sin(angle * pen.whole(1, 4) + pen.uniform(0, TURN)) / count * 3
    t = torch.cos(count * bent + pen.uniform(0, TURN)) + 0.5 * torch.cos(pen.whole(2, 17) * angle)
    beam = torch.sigmoid(pen.uniform(4, 16) * (t + pen.uniform(-0.35, 0.2)))
    extent = 1 - pen.uniform(0, 0.35) * (0.5 + 0.5 * torch.cos(pen.whole(2, 5) * angle + pen.uniform(0, TURN)))
    hues = pen.tones((0.12, 0.12, 0.35), (0.7, 0.3, 0.2), (1.0, 0.7, 0.25), wild=0.6)
    glow = pen.tones((1.0, 0.97, 0.85), wild=0.2)[:, 0, :, None, None] * 0.5 + 0.6
    dark = ramp(smooth(1.6, 0.1, r), hues[:, :2]) * pen.uniform(0.25, 0.5)[:, None]
    bright = (hues[:, 2, :, None, None] * 0.8 + 0.25) * (1 + 0.08 * pen.noise(pen.height / 4))[:, None]
    picture = over(dark, over(bright, glow, torch.exp(-2.5 * r)), beam * extent)
    size = pen.uniform(0.15, 0.4)
    picture = over(picture, glow, torch.exp(-((r / size) ** 1.3)) * 0.9)
    return over(picture, glow, smooth(0.55, 0.4, r / size)), everywhere(pen)


def lattice(pen: Pen) -> Drawn:
    """Two sets of round bars that cross, one over the other, and the ground seen through them."""
    x, y = pen.placed()
    u, v, far = plane(pen, x, y, torch.cat([pen.whole(8, 13), pen.whole(-3, 3)], 1), pen.uniform(1.6, 3.2))
    half = pen.uniform(0.12, 0.22)
    over_off = (torch.remainder(u, 1) - 0.5).abs()
    under_off = (torch.remainder(v, 1) - 0.5).abs()
    top, bottom = smooth(0.03, -0.03, over_off - half), smooth(0.03, -0.03, under_off - half)
    height = torch.maximum(tube(over_off, half) * 0.12 + 0.1 * top, tube(under_off, half) * 0.12)
    light = pen.lamp(height, 1.0, 0.6)
    bars = pen.tones((0.85, 0.75, 0.55), (0.75, 0.6, 0.45), wild=0.5)[:, :, :, None, None]
    shift = pen.uniform(-0.15, 0.15)
    hidden = 1 - 0.6 * smooth(0.12, -0.02, (torch.remainder(u + shift, 1) - 0.5).abs() - half)
    under = 1 - 0.6 * smooth(0.12, -0.02, (torch.remainder(v + 0.15, 1) - 0.5).abs() - half)
    ground = pen.backdrop() * (pen.uniform(0.25, 0.8) * hidden * under)[:, None]
    picture = over(ground, bars[:, 1] * (light * hidden)[:, None], bottom)
    picture = over(picture, bars[:, 0] * light[:, None], top)
    return receding(pen, picture, far), everywhere(pen)


def checkerboard(pen: Pen) -> Drawn:
    """Squares by turns dark and light, flat and aslant or wound into the distance, polished."""
    x, y = pen.placed()
    u, v, far = plane(pen, x, y, square_steps(pen), pen.uniform(2, 4.5))
    edge = 0.03
    across, up = torch.remainder(u, 2) - 1, torch.remainder(v, 2) - 1
    # Squares of the wave in u times that in v: ±1 with a soft edge.
    side = (across.abs() - 0.5) / edge
    other = (up.abs() - 0.5) / edge
    t = 0.5 + 0.5 * torch.tanh(side) * torch.tanh(other)
    plain = pen.chance(0.45)
    pair = pen.contrasting()
    bw = torch.tensor([[0.05, 0.05, 0.07], [0.95, 0.93, 0.9]], device=pen.device)[None]
    colours = plain * bw + (1 - plain) * pair
    light = pen.lamp(0.06 * pen.noise(pen.height / 1.5), 1.0, 0.25)
    grain = 0.94 + 0.12 * torch.remainder(u + 0.5, 1) * torch.remainder(v + 0.5, 1)
    return receding(pen, ramp(t, colours) * (light * grain)[:, None], far), everywhere(pen)


def hexagons(u: Plane, v: Plane) -> Plane:
    """0 in the middle of each hexagon of a lattice with the steps 1 and e^(iπ/3), 1 on its walls."""
    tall = math.sqrt(3)
    au, av = torch.remainder(u, 1) - 0.5, torch.remainder(v, tall) - tall / 2
    bu, bv = torch.remainder(u - 0.5, 1) - 0.5, torch.remainder(v - tall / 2, tall) - tall / 2
    near = au * au + av * av < bu * bu + bv * bv
    du, dv = torch.where(near, au, bu).abs(), torch.where(near, av, bv).abs()
    return 2 * torch.maximum(du, 0.5 * du + 0.5 * tall * dv)


def honeycomb(pen: Pen) -> Drawn:
    """Three waves at 120°, as cells: hexagons with raised walls of wax, dark or brimful of honey within."""
    x, y = pen.placed()
    a, b = pen.whole(6, 10), pen.whole(-2, 2)
    steps = torch.cat([a + 0.5 * b, b * math.sqrt(3) / 2], 1)
    u, v, far = plane(pen, x, y, steps, pen.uniform(1.5, 2.9))
    t = hexagons(u, v)
    wide = pen.uniform(0.62, 0.8)
    wall = smooth(-0.05, 0.05, t - wide)
    full = smooth(-0.3, 0.6, pen.noise(pen.height / 2.5)) * pen.chance(0.7)
    well = full * 0.12 * (1 - t * t) - (1 - full) * 0.25 * (1 - t * t)
    light = pen.lamp(well * (1 - wall) + wall * 0.16, 0.9, 0.8)
    hues = pen.tones((1.0, 0.8, 0.4), (0.35, 0.17, 0.05), (0.95, 0.6, 0.12), wild=0.3)[:, :, :, None, None]
    inside = over(hues[:, 1] * (0.25 + 0.75 * t)[:, None], hues[:, 2], full)
    picture = over(inside, hues[:, 0] * 1.05, wall)
    return receding(pen, picture * light[:, None], far), everywhere(pen)


def web(pen: Pen) -> Drawn:
    """Bright spokes at uneven angles, rings of thread that sag between them, dew, and the dark behind."""
    x, y = pen.placed()
    r, angle = polar(x, y)
    spokes = pen.whole(7, 13)
    beat, shift, much = pen.whole(1, 3), pen.uniform(0, TURN), pen.uniform(0.2, 0.6)
    t = spokes / TURN * (angle + much / beat * torch.sin(beat * angle + shift))
    t = torch.remainder(t, 1) - 0.5
    width = TURN / spokes / (1 + much * torch.cos(beat * angle + shift))
    thick = pen.uniform(0.028, 0.045)
    # Straight threads between the spokes are r cos(angle off their middle) = constant; sagging, they come in more.
    sag = pen.uniform(1.2, 4.0)
    turning = pen.chance(0.5) * angle / TURN
    level = r * (1 - sag * (0.25 - t * t) * width * 0.18)
    spacing = pen.uniform(0.15, 0.26)
    off_ring = (torch.remainder(level / spacing + turning, 1) - 0.5).abs() * spacing
    knot = (torch.remainder(r / spacing + turning, 1) - 0.5) * spacing
    off_spoke = (0.5 - t.abs()) * width * r
    thread = smooth(1.0, 0.35, off_ring / thick) * smooth(0.08, 0.14, r)
    spoke = smooth(1.15, 0.4, off_spoke / thick)
    silk = torch.maximum(thread * 0.9, spoke)
    shine = 0.65 + 0.35 * torch.cos(angle - pen.uniform(0, TURN)) + 0.2 * pen.noise(pen.height / 4)
    shine = shine.clamp(0.5, 1.1)
    dew = smooth(2.0, 1.2, (knot**2 + off_spoke**2).sqrt() / thick) * smooth(0.3, 0.4, r) * pen.chance(0.5)
    behind = ramp(smooth(1.8, -0.5, y + 0.5 * pen.noise(pen.height / 3)), pen.tones((0.1, 0.25, 0.15), (0.3, 0.4, 0.6)))
    behind = behind * (pen.uniform(0.2, 0.75) * smooth(2.6, 0.0, r))[:, None]
    silver = pen.tones((0.92, 0.95, 1.0), wild=0.25)[:, 0, :, None, None]
    silver = 0.35 + 0.65 * silver
    picture = over(behind, silver * shine[:, None], silk)
    return over(picture, silver * 1.15, dew), everywhere(pen)


def zigzag(pen: Pen) -> Drawn:
    """The fortification of a migraine: a jagged arc of zigzag lines side by side, larger the further out."""
    x, y = pen.placed(0.75, 1.3)
    x = x + 0.25
    r, angle = polar(x, y)
    teeth = pen.whole(10, 17)
    turns = torch.remainder(teeth * angle / TURN, 1)
    jag = 4 * (turns - 0.5).abs() - 1
    depth = torch.log(r) + pen.uniform(0.13, 0.22) * jag
    lines = pen.uniform(3.0, 4.5) * depth
    phase = lines + pen.uniform(0, 1)
    t = 0.5 + 0.5 * torch.tanh(pen.uniform(2, 5) * torch.sin(TURN * phase))
    inner, outer = pen.uniform(-0.95, -0.7), pen.uniform(0.1, 0.35)
    end = pen.uniform(2.2, 3.0)
    arc = smooth(0.0, 0.04, depth - inner) * smooth(0.04, 0.0, depth - outer) * smooth(0.0, -0.15, angle.abs() - end)
    hue = torch.floor(phase + 0.25) * 1.7 + angle + pen.uniform(0, TURN)
    tint = 0.5 + 0.5 * torch.cos(hue[:, None] + hue.new_tensor([0.0, 2.1, 4.2])[None, :, None, None])
    vivid = pen.uniform(0, 1)[:, None]
    light = (1 - vivid) + vivid * tint
    facing = (0.8 + 0.3 * torch.sign(turns - 0.5))[:, None]
    picture = light * (t[:, None] * facing * 1.15)
    ground = pen.backdrop() * (0.25 + 0.3 * smooth(0.2, 1.3, r))[:, None]
    return over(ground, picture, arc), blurred(arc, pen.height / 40)


def phosphenes(pen: Pen) -> Drawn:
    """Round lights of some sizes, each with its halo, loosely ranked in the dark."""
    x, y = pen.grid()
    k, seed, turn = pen.uniform(1.3, 2.6), pen.uniform(0, 100), pen.uniform(0, TURN)
    # No warp and no aspect: what makes them lights is that they are round.
    u, v = x * torch.cos(turn) + y * torch.sin(turn), y * torch.cos(turn) - x * torch.sin(turn)
    away, second, which = cells(k * u + seed, k * v, seed, 0.45)
    size = 0.15 + 0.2 * which
    disc = smooth(1.12, 0.8, away / size)
    core = torch.exp(-((away / (size * 0.65)) ** 2))
    halo = torch.exp(-away / (size * 0.9)) * smooth(0.62, 0.1, away) * smooth(0.0, 0.15, second - away)
    hues = pen.tones((0.3, 0.55, 1.0), (1.0, 0.75, 0.3), (0.4, 1.0, 0.7), wild=0.6)
    colour = ramp(torch.frac(which * 7.3), 0.15 + 0.85 * hues)
    ground = pen.colour() * 0.14 * (1 + 0.4 * pen.noise(pen.height / 3))[:, None]
    strength = 0.75 + 0.4 * torch.frac(which * 3.7)
    picture = ground + colour * ((0.8 * halo + 0.6 * disc) * strength)[:, None] + (0.55 * core * strength)[:, None]
    return picture.clamp(0, 1.2), everywhere(pen)

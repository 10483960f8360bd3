"""Faces that look back: a dog, a cat, an owl, a mask; and a hand."""

from __future__ import annotations

import math

import torch

from hallucinate.motifs.constants import Drawn
from hallucinate.motifs.drawing import Colour, Pen, Plane, over, polar, ramp, segment, smooth
from hallucinate.motifs.eyes import BIRD, CAT, DOG, SKINS, Stops, chosen, eye_on, filled, posed, strands

TURN = 2 * math.pi

# Dark to light: two rows of coats for dogs, two for cats, one for owls.
COATS: tuple[tuple[Stops, Stops, Stops], ...] = (
    (
        ((0.3, 0.15, 0.06), (0.68, 0.42, 0.18), (0.92, 0.72, 0.42)),
        ((0.25, 0.1, 0.04), (0.5, 0.24, 0.1), (0.75, 0.46, 0.25)),
        ((0.5, 0.35, 0.18), (0.88, 0.7, 0.42), (1.0, 0.9, 0.68)),
    ),
    (
        ((0.03, 0.03, 0.03), (0.17, 0.14, 0.13), (0.4, 0.34, 0.3)),
        ((0.2, 0.2, 0.22), (0.5, 0.5, 0.52), (0.8, 0.8, 0.8)),
        ((0.5, 0.45, 0.4), (0.85, 0.8, 0.74), (1.0, 0.98, 0.95)),
    ),
    (
        ((0.4, 0.18, 0.05), (0.88, 0.5, 0.18), (1.0, 0.78, 0.48)),
        ((0.12, 0.12, 0.12), (0.48, 0.46, 0.44), (0.8, 0.78, 0.74)),
        ((0.2, 0.12, 0.06), (0.6, 0.44, 0.27), (0.9, 0.78, 0.58)),
    ),
    (
        ((0.02, 0.02, 0.03), (0.14, 0.13, 0.14), (0.34, 0.32, 0.33)),
        ((0.22, 0.24, 0.28), (0.52, 0.55, 0.6), (0.8, 0.83, 0.87)),
        ((0.45, 0.4, 0.36), (0.9, 0.86, 0.8), (1.0, 1.0, 0.98)),
    ),
    (
        ((0.2, 0.11, 0.05), (0.52, 0.34, 0.18), (0.92, 0.8, 0.6)),
        ((0.2, 0.18, 0.17), (0.5, 0.46, 0.42), (0.95, 0.92, 0.88)),
        ((0.25, 0.09, 0.03), (0.66, 0.36, 0.14), (0.98, 0.82, 0.56)),
    ),
)

# Painted and gilt, or of wood: ground, paint, accent.
MASKS: tuple[tuple[Stops, Stops, Stops], ...] = (
    (
        ((0.95, 0.93, 0.88), (0.75, 0.08, 0.1), (0.8, 0.1, 0.12)),
        ((0.8, 0.12, 0.1), (0.06, 0.05, 0.06), (0.95, 0.93, 0.88)),
        ((0.95, 0.75, 0.3), (0.12, 0.3, 0.6), (0.75, 0.08, 0.1)),
    ),
    (
        ((0.48, 0.28, 0.14), (0.93, 0.88, 0.76), (0.6, 0.12, 0.07)),
        ((0.26, 0.15, 0.09), (0.9, 0.6, 0.2), (0.85, 0.8, 0.7)),
        ((0.66, 0.44, 0.22), (0.12, 0.08, 0.06), (0.7, 0.15, 0.08)),
    ),
)


def flat(pen: Pen, *rgb: float) -> Colour:
    """One colour for the whole batch, (1, 3, 1, 1)."""
    return torch.tensor(rgb, device=pen.device)[None, :, None, None]


def oval(x: Plane, y: Plane, a: float | Plane, b: float | Plane) -> Plane:
    """0 in the middle of an ellipse, 1 on its outline."""
    return ((x / a) ** 2 + (y / b) ** 2 + 1e-6).sqrt()


def dome(t: Plane) -> Plane:
    """The height of a cushion: by how far out a place is, 0 to 1."""
    return (1 - t * t).clamp(min=0)


def fur(pen: Pen, x: Plane, y: Plane) -> Plane:
    """Hair that points away from the origin, as on a face from the nose, of about unit variance."""
    r, angle = polar(x.abs(), y)
    across, along = angle + 9 * (x < 0), torch.log(r + 0.15)
    return 0.7 * strands(pen, across * 9, along * 5) + 0.5 * strands(pen, across * 20 + 5, along * 9)


def dog(pen: Pen) -> Drawn:
    """A dog's head: hanging or pricked ears, a long pale muzzle with a big black nose, brown eyes, some a tongue."""
    x, y = posed(pen, 0.95, 1.35, 0.4)
    y = y + 0.08
    mirrored, side = x.abs(), torch.sign(x)
    hung = pen.chance(0.8)
    hair = fur(pen, x, y - 0.2)
    hues = chosen(pen, COATS, pen.whole(0, 1), 0.15)
    skull, cheek = oval(x, y + 0.22, 0.62, 0.66), oval(x, y - 0.2, 0.5, 0.62)
    head = torch.maximum(filled(pen, (skull - 1) * 0.6 + 0.02 * hair), filled(pen, (cheek - 1) * 0.5))
    wide, low = pen.uniform(0.37, 0.45), pen.uniform(0.5, 0.58)
    muzzle = oval(x, y - low + 0.03, wide, pen.uniform(0.43, 0.5))
    # Hanging ears: a long drop beside the head. Pricked ones: a tall leaf on top of it.
    sway = pen.uniform(0.1, 0.35)
    drop = oval(mirrored - 0.68 - sway * (y + 0.1) * 0.4, y - pen.uniform(-0.08, 0.08), pen.uniform(0.24, 0.3), 0.68)
    drop = drop + 0.35 * smooth(0.1, -0.7, y) * (mirrored - 0.6)
    lean = mirrored - 0.44 - 0.22 * (-0.6 - y)
    up = lean.abs() - 0.3 * smooth(-1.2, -0.5, y)
    prick = torch.maximum(torch.maximum(up, -1.18 - y), y + 0.3)
    flap = torch.where(hung > 0, (drop - 1) * 0.25, prick)
    ear = filled(pen, flap + 0.015 * hair)
    inner = (1 - hung) * filled(pen, up + 0.11) * smooth(-1.1, -0.95, y) * smooth(-0.42, -0.5, y)
    height = 0.35 * dome(skull) + 0.25 * dome(cheek) + 0.5 * dome(muzzle) + 0.25 * (-flap * 4).clamp(0, 1) * hung
    height = height - 0.1 * torch.exp(-(((mirrored - 0.27) / 0.14) ** 2) - ((y + 0.2) / 0.12) ** 2) + 0.008 * hair
    light = pen.lamp(height, 0.9)
    blaze = pen.chance(0.5) * smooth(0.2, 0.06, mirrored - 0.08 * (y + 0.3).clamp(0)) * smooth(-0.85, -0.6, y)
    pale = 0.55 * hues[:, 2, :, None, None] + 0.45
    coat = ramp(0.58 + 0.14 * hair - 0.3 * smooth(0.7, 1.0, skull) * smooth(0.9, 1.1, cheek), hues)
    brow = smooth(0.12, 0.05, oval(mirrored - 0.24, y + 0.47, 1.0, 0.7)) * pen.chance(0.5)
    face = over(coat, pale * (1 + 0.06 * hair)[:, None], torch.maximum(blaze, smooth(1.08, 0.94, muzzle)) * 0.95)
    face = over(face, pale * 0.9, brow * 0.8)
    shadow = 1 - 0.5 * smooth(1.4, 1.0, muzzle) * smooth(0.92, 1.05, muzzle) * smooth(0.1, 0.5, y)
    picture = pen.backdrop()
    neck = filled(pen, mirrored - 0.5 - 0.25 * (y - 0.5)) * smooth(0.2, 0.3, y)
    picture = over(picture, coat * (0.62 * light)[:, None], neck)
    flap_light = light * (0.75 + 0.3 * smooth(0.0, -0.1, flap))
    under = ramp(0.3 + 0.14 * hair + 0.2 * pen.chance(0.4), hues) * flap_light[:, None]
    pink = over(under, flat(pen, 0.8, 0.5, 0.45) * light[:, None], inner)
    picture = over(picture, pink, ear * (1 - hung))
    # The tongue hangs from under the muzzle.
    out = pen.chance(0.55)
    off, along = segment(x, y, (0.0, low + 0.25), (pen.uniform(-0.06, 0.06), pen.uniform(0.95, 1.12)))
    picture = over(picture, face * (light * shadow)[:, None], head)
    tongue = filled(pen, off - 0.15 + 2 * (1 - out)) * smooth(low + 0.15, low + 0.22, y)
    licked = flat(pen, 0.95, 0.42, 0.45) * (1.1 - 0.35 * along - 0.4 * smooth(0.05, 0.0, x.abs()))[:, None]
    picture = over(picture, licked, tongue)
    picture = over(picture, picture * 0.5, hung * smooth(0.14, 0.0, flap) * head * 0.9)
    picture = over(picture, under, ear * hung)
    picture, _ = eye_on(picture, mirrored - 0.28, y + 0.2, pen, 0.19, torch.full_like(hung, DOG), None, side, 0.05)
    # Lips: down from the nose and up to both sides.
    curl = low + 0.26 - 3.6 * (mirrored - 0.17) ** 2
    lips = torch.maximum((y - curl).abs() - 0.028, mirrored - wide * 0.85)
    lips = torch.minimum(lips, torch.maximum(mirrored - 0.022, (y - low - 0.05).abs() - 0.1))
    picture = over(picture, picture * 0.12, filled(pen, lips))
    nose_y = y - low + 0.2
    snout = oval(x, nose_y, 0.265 - 0.25 * nose_y, 0.185)
    picture = over(picture, picture * 0.4, smooth(1.35, 0.95, snout))
    black = flat(pen, 0.06, 0.05, 0.055) * (1 + 2.2 * smooth(0.4, -0.8, nose_y / 0.165))[:, None]
    picture = over(picture, black, filled(pen, (snout - 1) * 0.17))
    nostril = smooth(1.2, 0.8, oval(mirrored - 0.11, nose_y - 0.03, 0.06, 0.045))
    picture = over(picture, picture.new_tensor(0.005), nostril)
    shine = smooth(1.1, 0.5, oval(x + pen.uniform(-0.06, 0.06), nose_y + 0.09, 0.11, 0.04))
    return over(picture, picture.new_tensor(0.85), 0.8 * shine), torch.maximum(head, torch.maximum(ear, neck))


def cat(pen: Pen) -> Drawn:
    """A cat's face: pointed ears, slit eyes of green or amber, a small pink nose, long whiskers, a striped brow."""
    x, y = posed(pen, 0.95, 1.35, 0.4)
    y = y - 0.1
    mirrored, side = x.abs(), torch.sign(x)
    hair = fur(pen, x, y - 0.2)
    hues = chosen(pen, COATS, pen.whole(2, 3), 0.15)
    broad = pen.uniform(0.84, 0.92)
    round_ = oval(x, y, broad, 0.72)
    head = filled(pen, (round_ - 1) * 0.7 + 0.025 * hair)
    # The two edges of an ear: the outer one steep, the inner one slanting to the brow.
    tip = pen.uniform(-1.18, -1.05)
    rise = (y - tip) / (-0.2 - tip)
    outer, inner = mirrored - 0.72 - 0.16 * rise, 0.7 - 0.58 * rise - mirrored
    triangle = torch.maximum(torch.maximum(outer, inner), y + 0.2)
    ear = filled(pen, triangle + 0.015 * hair)
    hollow = filled(pen, triangle + 0.1 + 0.02 * hair) * smooth(-0.4, -0.6, y + 0.25 * mirrored - 0.15)
    pads = oval(mirrored - 0.15, y - 0.42, 0.2, 0.17)
    chin = oval(x, y - 0.6, 0.16, 0.12)
    bridge = smooth(0.22, 0.1, mirrored) * smooth(0.3, 0.0, y - 0.2) * smooth(-0.5, -0.1, y)
    height = 0.5 * dome(round_) + 0.16 * dome(pads) + 0.1 * dome(chin) + 0.09 * bridge + 0.008 * hair
    height = height - 0.12 * torch.exp(-(((mirrored - 0.38) / 0.2) ** 2) - ((y + 0.06) / 0.16) ** 2)
    light = pen.lamp(height, 0.9)
    striped = pen.chance(0.75)  # an M on the brow, and bars over the cheeks
    m = torch.cos(TURN * (mirrored * pen.uniform(3.2, 4.0) + 0.35 * (y + 0.4) * mirrored)) * smooth(-0.22, -0.34, y)
    bars = torch.sin(TURN * (y * 2.6 - 0.9 * mirrored + pen.uniform(0, 1))) * smooth(0.55, 0.7, mirrored)
    dark = striped * smooth(0.1, 0.5, torch.maximum(m * smooth(0.75, 0.5, mirrored), bars) + 0.12 * hair)
    tone = 0.62 + 0.13 * hair - 0.55 * dark - 0.15 * smooth(0.8, 1.0, round_)
    coat = ramp(tone, hues)
    pale = 0.4 * hues[:, 2, :, None, None] + 0.6
    bib = torch.maximum(smooth(1.2, 0.8, pads), smooth(1.3, 0.9, chin))
    around = smooth(0.38, 0.3, oval(mirrored - 0.38, y + 0.06, 1.0, 0.8)) * smooth(0.02, 0.2, (y + 0.1).abs()) * 0.5
    face = over(coat, pale * (1 + 0.08 * hair)[:, None], torch.maximum(bib, around) * 0.9) * light[:, None]
    lobe = over(ramp(0.5 + 0.13 * hair, hues), flat(pen, 0.92, 0.6, 0.55) * (0.8 + 0.12 * hair)[:, None], hollow)
    picture = pen.backdrop()
    body = filled(pen, mirrored - 0.62 - 0.3 * (y - 0.7)) * smooth(0.3, 0.4, y)
    picture = over(picture, coat * (0.9 - 0.5 * smooth(1.35, 0.95, round_))[:, None], body)
    picture = over(picture, lobe * light[:, None], ear)
    picture = over(picture, face, head)
    slant = 0.25
    ex, ey = mirrored - 0.39, y + 0.06
    picture, _ = eye_on(
        picture, ex - slant * ey * 0.3, ey + slant * ex, pen, 0.27, torch.full_like(striped, CAT), None, side, 0.05
    )
    rosy = pen.tones((0.92, 0.55, 0.52), wild=0.0)[:, 0, :, None, None] * light[:, None]
    nose = torch.maximum((y - 0.21) * -1, mirrored - 0.125 + 0.75 * (y - 0.21))
    lips = torch.minimum(
        torch.maximum(mirrored - 0.018, (y - 0.4).abs() - 0.1),
        torch.maximum((oval(mirrored - 0.13, y - 0.46, 0.13, 0.11) - 1).abs() * 0.12 - 0.018, 0.47 - y),
    )
    picture = over(picture, picture * 0.18, filled(pen, torch.minimum(lips, nose - 0.025)))
    picture = over(picture, rosy * 1.1, filled(pen, nose))
    # Whiskers fan out from the pads, three a side, thinner towards their ends.
    fx, fy = mirrored - 0.12, y - 0.44
    extent, fan = polar(fx, fy - 0.12 * fx * fx)
    spread = pen.uniform(0.24, 0.34)
    near = (fan / spread - torch.round((fan / spread).clamp(-1, 1))).abs() * spread * extent
    thin = 0.028 * smooth(1.35, 0.5, extent)
    whisker = filled(pen, near - thin) * smooth(0.16, 0.24, extent) * smooth(1.25, 1.15, extent)
    return over(picture, picture.new_tensor(0.98), whisker * 0.95), torch.maximum(head, torch.maximum(ear, body))


def owl(pen: Pen) -> Drawn:
    """An owl: two flat discs of feathers with huge round eyes, a small hooked beak, ear tufts, a flecked breast."""
    x, y = posed(pen, 0.95, 1.35, 0.35)
    y = y + 0.1
    mirrored, side = x.abs(), torch.sign(x)
    hair = fur(pen, x, y - 0.1)
    hues = chosen(pen, COATS, torch.full_like(x[:, :1, :1], 4), 0.15)
    skull, body = oval(x, y + 0.15, 0.92, 0.72), oval(x, y - 0.75, 0.88, 0.95)
    head, trunk = filled(pen, (skull - 1) * 0.7 + 0.02 * hair), filled(pen, (body - 1) * 0.85 + 0.02 * hair)
    tall = pen.uniform(0.7, 1.0)
    off, along = segment(mirrored, y, (0.42, -0.6), (0.74, -0.45 - tall * 0.7))
    tuft = filled(pen, off - 0.2 * (1 - along) + 0.02 * hair)
    cx = pen.uniform(0.39, 0.43)
    dx, dy = mirrored - cx, y + 0.12
    r, angle = polar(dx, dy)
    disc = r / pen.uniform(0.47, 0.52)
    plate = smooth(1.05, 0.97, disc) * smooth(-0.02, 0.02, mirrored)
    barbs = torch.sin(angle * pen.whole(20, 30) + 2 * torch.sin(3 * angle)) * smooth(0.4, 0.7, disc)
    # Drops in rows down the breast, darker where each one ends.
    k = pen.uniform(3.6, 4.6)
    row = torch.floor(y * k)
    across = torch.frac(x * k * 0.8 + 0.5 * torch.remainder(row, 2) + 50) - 0.5
    down = y * k - row
    fleck = smooth(0.05, -0.08, across.abs() - 0.3 * down * smooth(1.0, 0.75, down)) * (1 - head)
    height = 0.45 * dome(skull) * (1 - plate) + 0.4 * dome(body) * (1 - head) + 0.008 * hair
    height = height + plate * (0.2 + 0.16 * disc * disc + 0.006 * barbs) + 0.03 * torch.sin(math.pi * down) * (1 - head)
    light = pen.lamp(height, 0.9)
    tone = 0.45 + 0.16 * hair
    crown = ramp(tone - 0.25 * smooth(0.1, 0.6, torch.sin(14 * y + 6 * mirrored)) * smooth(-0.3, -0.6, y), hues)
    breast = over(ramp(0.8 + 0.1 * hair, hues), hues[:, 0, :, None, None], fleck)
    picture = over(pen.backdrop(), breast * light[:, None], trunk)
    picture = over(picture, picture * 0.45, smooth(1.35, 0.95, skull) * trunk)
    picture = over(picture, ramp(tone - 0.25, hues) * light[:, None], tuft)
    picture = over(picture, crown * light[:, None], head)
    pale = 0.45 * hues[:, 2, :, None, None] + 0.55
    plume = over(pale * (0.96 + 0.1 * barbs)[:, None], hues[:, 1, :, None, None], 0.7 * smooth(0.78, 0.45, disc))
    plume = over(plume, hues[:, 0, :, None, None] * 0.45, smooth(0.84, 0.92, disc))
    picture = over(picture, plume * light[:, None], plate)
    # A pale V from the beak over the eyes to the tufts.
    slope = y + 0.12 + 0.95 * mirrored
    vee = filled(pen, (slope - 0.02).abs() - 0.075 - 0.06 * mirrored) * smooth(0.78, 0.6, mirrored)
    picture = over(picture, pale * (light * (1 + 0.06 * hair))[:, None], vee * smooth(1.05, 0.95, skull))
    picture, _ = eye_on(picture, dx, dy, pen, pen.uniform(0.3, 0.35), torch.full_like(k, BIRD), None, side, 0.1)
    t = ((y + 0.14) / 0.5).clamp(0, 1)
    beak = torch.maximum(mirrored - 0.4 * t.sqrt() * (1 - t), (y - 0.11).abs() - 0.25)
    picture = over(picture, picture * 0.25, filled(pen, beak - 0.03))
    horn = pen.tones((0.25, 0.22, 0.2), (0.9, 0.7, 0.25), wild=0.1)
    horny = ramp(pen.chance(0.6) - 0.15 * (y > 0.2), horn) * (1.15 - 4 * mirrored)[:, None]
    return over(picture, horny, filled(pen, beak)), torch.maximum(torch.maximum(head, trunk), tuft)


def mask(pen: Pen) -> Drawn:
    """A mask, carved or for carnival: bold rims, empty almond eyes, a strong nose, bared teeth, painted patterns."""
    x, y = posed(pen, 0.95, 1.35, 0.4)
    mirrored = x.abs()
    # A shield: broad at the brow, drawn in to the chin.
    chin = pen.uniform(0.15, 0.5)
    half = 0.78 * (1 - chin * smooth(-0.1, 1.1, y))
    shield = oval(mirrored / half * 0.78, y, 0.78, 1.05)
    face = filled(pen, (shield - 1) * 0.8)
    # A crown of plumes or rays behind the brow.
    r, angle = polar(x, y + 0.1)
    points = pen.whole(5, 9) * 2 + 1
    ray = torch.cos(points * torch.atan2(x, -y - 0.1))
    crest = r - 1.12 - pen.uniform(0.08, 0.22) * ray
    crown = filled(pen, torch.maximum(crest, y - 0.25 * pen.chance(0.6) + 0.1)) * pen.chance(0.6)
    tilt = pen.uniform(-0.1, 0.45)
    ex, ey = mirrored - 0.36, y + 0.2 + tilt * (mirrored - 0.36)
    hole = torch.maximum(ey.abs() - 0.15 * (1 - (ex / 0.25) ** 2), ex.abs() - 0.25)
    brow = (ey + 0.27 + pen.uniform(0.2, 1.0) * (ex - 0.05) ** 2).abs() - 0.075 * (1 - (ex / 0.34) ** 2).clamp(min=-1)
    nose_wide = 0.07 + 0.14 * smooth(-0.2, 0.28, y)
    nose = torch.maximum(mirrored - nose_wide, torch.maximum(-0.35 - y, y - 0.3))
    grin = pen.chance(0.6)
    smile = pen.uniform(0.2, 0.6) * mirrored**2
    wide = pen.uniform(0.34, 0.44)
    laughing = (y - 0.56 + smile).abs() - 0.14 * (1 - (mirrored / wide) ** 2).clamp(min=-1)
    gaping = (oval(x, y - 0.6, 0.22, 0.2) - 1) * 0.2
    mouth = torch.where(grin > 0, laughing, gaping)
    teeth = (torch.frac(mirrored * pen.uniform(6, 8) + 0.5) - 0.5).abs() - 0.4
    ridge = dome((mirrored / nose_wide).clamp(max=1)) * smooth(0.34, 0.26, y) * smooth(-0.45, 0.2, y)
    lips = torch.exp(-(((mouth - 0.06) / 0.05) ** 2))
    height = 0.45 * dome(shield) + 0.3 * ridge + 0.1 * lips + 0.12 * torch.exp(-(((hole - 0.05) / 0.05) ** 2))
    height = height + 0.1 * filled(pen, brow) + 0.12 * dome(oval(mirrored - 0.48, y - 0.2, 0.26, 0.24))
    height = height + 0.08 * ray * crown * (1 - face)
    wood = pen.chance(0.4)
    grain = strands(pen, x * 12 + 0.6 * dome(shield) * x, y * 2) * wood
    light = pen.lamp(height + 0.006 * grain, 1.0, 0.7 - 0.4 * wood)
    carved = chosen(pen, MASKS, wood, 0.2)
    ground, paint, accent = (carved[:, i, :, None, None] for i in range(3))
    gold = pen.tones((0.95, 0.72, 0.25), wild=0.25)[:, 0, :, None, None]
    # Painted: bars or arcs over the cheeks, a figure on the brow, by turns the two paints.
    bars = torch.sin(TURN * (pen.uniform(1.6, 2.4) * y + pen.uniform(-1.6, 1.6) * mirrored))
    arcs = torch.cos(TURN * pen.uniform(2.2, 3.0) * oval(mirrored - 0.5, y - 0.22, 1.0, 1.0))
    cheeks = torch.where(pen.chance(0.5) > 0, bars, arcs)
    cheek = smooth(-0.05, 0.05, cheeks) * smooth(0.26, 0.28, mirrored) * smooth(0.0, 0.02, hole - 0.13)
    cheek = cheek * smooth(0.0, 0.02, mouth - 0.12) * smooth(-0.12, -0.1, y)
    gem = mirrored * 1.6 + (y + 0.7).abs() - 0.25
    stripes = smooth(-0.52, -0.54, y) * smooth(0.2, 0.22, mirrored) * (torch.frac((mirrored - 0.2) * 4.5 + 50) < 0.5)
    surface = over(ground * (1 + 0.1 * grain)[:, None], paint, torch.maximum(cheek, stripes * pen.chance(0.6)))
    surface = over(surface, accent, torch.maximum(filled(pen, gem), filled(pen, mouth - 0.09)))
    surface = over(surface, gold, torch.maximum(filled(pen, gem.abs() - 0.04), filled(pen, brow)))
    rim = torch.maximum(filled(pen, hole - 0.06), filled(pen, (shield - 0.94).abs() * 0.8 - 0.04))
    surface = over(surface, torch.where(wood[:, None] > 0, paint, gold), rim) * light[:, None]
    surface = over(surface, ground * (1.1 * light)[:, None], filled(pen, nose) * 0.85)
    black = surface.new_tensor(0.02)
    nostril = smooth(1.2, 0.9, oval(mirrored - 0.1, y - 0.25, 0.05, 0.035))
    surface = over(surface, black, torch.maximum(filled(pen, hole), nostril))
    surface = over(surface, black, filled(pen, mouth))
    bared = filled(pen, torch.maximum(mouth + 0.03, teeth * 0.14)) * smooth(0.0, 0.02, (y - 0.56 + smile).abs() - 0.015)
    surface = over(surface, flat(pen, 0.95, 0.9, 0.75) * light[:, None], bared * grin)
    picture = pen.shadowed(pen.backdrop(), torch.maximum(face, crown))
    plumes = ramp(0.5 + 0.5 * torch.cos(points * angle * 0.5), carved) * light[:, None]
    picture = over(picture, over(plumes, gold * light[:, None], smooth(-0.12, -0.08, crest)), crown)
    picture = over(picture, picture * 0.3, smooth(1.1, 1.0, shield) * crown)
    return over(picture, surface, face).clamp(max=1.25), torch.maximum(face, crown)


def hand(pen: Pen) -> Drawn:
    """An open hand: a palm, four fingers and a thumb, spread; from within with its creases, or from behind, nailed."""
    x, y = posed(pen, 0.9, 1.25, 0.6)
    x = x * torch.sign(pen.uniform(-1, 1))
    y = y - 0.15
    spread, back = pen.uniform(0.75, 1.25), pen.chance(0.4)
    # Thumb, then the four fingers: where each is rooted, its angle off upright, its length and its girth.
    table = x.new_tensor(
        [
            [-0.26, 0.42, -1.0, 0.72, 0.15],
            [-0.3, -0.08, -0.3, 0.72, 0.125],
            [-0.1, -0.16, -0.07, 0.84, 0.13],
            [0.11, -0.13, 0.15, 0.76, 0.125],
            [0.3, -0.02, 0.4, 0.58, 0.11],
        ]
    )
    own = torch.rand(pen.batch, 5, generator=pen.generator, device=pen.device)[:, :, None, None] - 0.5
    root_x, root_y, lean, length, girth = table.T[:, None, :, None, None]
    lean = lean * spread[:, None] + 0.16 * own
    length = length * (1 + 0.12 * own)
    tip_x, tip_y = root_x + length * torch.sin(lean), root_y - length * torch.cos(lean)
    fx, fy = x[:, None], y[:, None]
    off, along = segment(fx, fy, (root_x, root_y), (tip_x, tip_y))
    wide = girth * (1.08 - 0.2 * along + 0.05 * torch.cos(along * 3 * TURN + 0.4))
    t = off / wide
    out = (off - wide).amin(1)
    heel, rise = segment(x, y, (0.0, 0.12), (0.03, 0.38))
    palm_out = heel - 0.36 + 0.02 * rise
    wrist_out = torch.maximum(x.abs() - 0.27 - 0.06 * (y - 0.6).clamp(0), 0.4 - y)
    palm = filled(pen, palm_out)
    # Soft unions: skin spans the corners between what is joined.
    joined = torch.cat([off - wide, palm_out[:, None], wrist_out[:, None]], 1)
    body = filled(pen, -torch.logsumexp(-32 * joined, 1) / 32)
    cushion = 0.2 * (1 - (heel / 0.36) ** 2).clamp(min=0).sqrt()
    ball = 0.12 * dome(oval(x + 0.2, y - 0.32, 0.24, 0.3)) + 0.07 * dome(oval(x - 0.24, y - 0.3, 0.18, 0.34))
    arm = 0.2 * (1 - (x / 0.34) ** 2).clamp(min=0).sqrt() * smooth(0.35, 0.65, y)
    swell = cushion + palm * (1 - back) * (ball - 0.05)
    parts = torch.cat([wide * (1 - t * t).clamp(min=0).sqrt(), arm[:, None], swell[:, None]], 1)
    height = torch.logsumexp(32 * parts, 1) / 32
    light = pen.lamp(height, 0.9, 0.15)
    hues = chosen(pen, SKINS, torch.zeros_like(back), 0.15)
    warm = 0.1 * pen.noise(pen.height / 3) + 0.15 * (along.amax(1) - 0.5)
    # Creases: over each finger where it bends, and the three lines of the palm.
    joint = torch.minimum((along - 0.3).abs(), (along - 0.64).abs()) * length
    folded = (smooth(0.035, 0.008, joint - 0.03 * (t * t)) * (t < 1)).amax(1) * (1 - smooth(0.08, 0.0, palm_out))
    heart = (y + 0.02 + 0.35 * (x + 0.35) ** 2 - 0.28 * (x + 0.1)).abs() + (x < -0.22)
    head = (y - 0.12 - 0.35 * (x + 0.3) ** 2).abs() + (x > 0.22)
    life = (oval(x + 0.34, y - 0.36, 0.32, 0.3) - 1).abs() * 0.3 + (x < -0.3)
    lines = smooth(0.032, 0.01, torch.minimum(torch.minimum(heart, head), life)) * palm * (1 - back)
    knuckle = smooth(0.14, 0.0, ((fx - root_x) ** 2 + (fy - root_y) ** 2).sqrt()).amax(1) * back
    crease = torch.maximum(lines, folded * (0.8 - 0.45 * back))
    skin = ramp(0.55 + warm - 0.34 * crease + 0.12 * knuckle, hues) * light[:, None]
    # Where fingers meet each other or the palm they shade each other.
    beside = out[:, None] - (off - wide)
    gap = out - torch.where(beside < 0, beside, torch.full_like(beside, -9.0)).amax(1)
    dim = (0.35 * smooth(0.07, 0.0, gap) + 0.3 * smooth(0.05, 0.0, out.abs())) * (1 - palm)
    skin = skin * (1 - dim)[:, None]
    nx, ny = root_x + (length - 0.01) * torch.sin(lean), root_y - (length - 0.01) * torch.cos(lean)
    px, py = fx - nx, fy - ny
    across, up = px * torch.cos(lean) + py * torch.sin(lean), py * torch.cos(lean) - px * torch.sin(lean)
    nail_t = ((across / (0.62 * girth)) ** 4 + (up / (0.85 * girth)) ** 4).amin(1).sqrt().sqrt()
    nail = smooth(1.08, 0.95, nail_t) * back
    polish = 0.5 * hues[:, 2, :, None, None] + 0.5 * flat(pen, 1.0, 0.75, 0.72)
    polish = torch.where(pen.chance(0.35)[:, None] > 0, pen.tones((0.85, 0.08, 0.15))[:, 0, :, None, None], polish)
    skin = over(skin, skin * 0.5, smooth(1.3, 1.1, nail_t) * back)
    skin = over(skin, polish * (light * (1.25 - 0.4 * nail_t * nail_t))[:, None].clamp(min=0.2), nail)
    picture = pen.shadowed(pen.backdrop(), body)
    return over(picture, skin, body).clamp(max=1.25), body

"""Creatures: what looks back."""

from __future__ import annotations

import torch

from hallucinate.motifs.constants import Drawn
from hallucinate.motifs.drawing import Pen, ellipse, over, smooth
from hallucinate.motifs.surfaces import coat
from hallucinate.motifs.things import eye_on


def face(pen: Pen) -> Drawn:
    """A furry face: two ears, two eyes, a pale muzzle, nose and mouth."""
    x, y = pen.placed(0.95, 1.6, turn=0.5)
    picture, fur = pen.backdrop(), coat(pen)
    ear_width = pen.uniform(0.25, 0.4)
    ears = torch.zeros_like(x)
    for side in (-1, 1):
        ears = torch.maximum(ears, smooth(1.1, 0.9, ((x - side * 0.62) / ear_width) ** 2 + ((y + 0.78) / 0.5) ** 2))
    picture = over(picture, fur * 0.65, ears)
    head = ellipse(x, y, 0.9, 1.0)
    picture = over(picture, fur, head)
    pale = pen.earthy((0.6, 0.55, 0.5), (1, 1, 1))
    picture = over(picture, 0.45 * fur + 0.55 * pale, ellipse(x, y - 0.42, 0.42, 0.36) * 0.85)
    for side in (-1, 1):
        picture, _ = eye_on(picture, x - side * 0.4, y + 0.18, pen, 0.27)
    black = torch.full_like(picture, 0.06)
    picture = over(picture, black, ellipse(x, y - 0.3, 0.17, 0.12, 0.02))
    curl = 0.12 * (x.abs() * 3 - 0.4).clamp(-0.4, 0.6).abs()
    mouth = smooth(0.045, 0.015, (y - 0.55 - curl).abs()) * smooth(0.34, 0.31, x.abs())
    return over(picture, black, mouth), torch.maximum(head, ears)


def snake(pen: Pen) -> Drawn:
    """A winding body with crossbands, lit along its back, and a head with an eye."""
    x, y = pen.placed(0.8, 1.3)
    k, swing, phase = pen.uniform(3.2, 4.6), pen.uniform(0.3, 0.42), pen.uniform(0, 6.3)
    centre = swing * torch.sin(k * x + phase)
    slope = swing * k * torch.cos(k * x + phase)
    # Distance to the winding line, to first order: across, divided by how steeply the line runs.
    across = (y - centre) / (1 + slope**2).sqrt()
    half = 0.17 * (1 - 0.35 * (x / 1.2).clamp(-1, 1))
    body = smooth(0.03, -0.03, across.abs() - half)
    along = x * (1 + 0.5 * slope**2).sqrt()
    bands = smooth(-0.3, 0.3, torch.sin(along * pen.uniform(10, 16)))
    diamonds = smooth(-0.1, 0.3, torch.sin(along * 12) - (across / half).abs() * 1.2)
    pattern = torch.where(pen.chance(0.5) > 0, bands.expand_as(x), diamonds.expand_as(x))
    dark, light = pen.contrasting().unbind(1)
    skin = light[:, :, None, None] + (dark - light)[:, :, None, None] * pattern[:, None]
    round_ = (1 - 0.75 * (across / half).abs() ** 2).clamp(0.2, 1)
    return over(pen.backdrop(), skin * round_[:, None], body), smooth(0.1, 0.0, across.abs() - half)

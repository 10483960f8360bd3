"""The hallucination's own motion: it may grow towards the viewer, turn, and flow, so much per second."""

from __future__ import annotations

import math

import torch

from hallucinate.settings import Settings

SWIRLS = 6
"""Plane waves that the flow of its own is made of."""

PERIOD_S = 9.0
"""Seconds in which such a wave changes its sign, about: the flow wanders, and what swirls here swirls there later."""


def drift(height: int, width: int, seconds: float, now_s: float, settings: Settings) -> torch.Tensor | None:
    """Where each pixel of the residual came from ``seconds`` ago by its own motion, seen from where it is now.

    Returns float32 (2, height, width), displacements x and y in units in which the picture is 2 wide and 2 high
    (``grid_sample``'s), to be added to the pixel's own place; None where the settings ask for no motion.
    Composed per frame, so that a second of it is the same at every frame rate.
    """
    if seconds <= 0 or not (settings.drift_zoom or settings.drift_turn or settings.drift_flow):
        return None
    x = (torch.arange(width, dtype=torch.float32) * 2 + 1) / width - 1
    y = ((torch.arange(height, dtype=torch.float32) * 2 + 1) / height - 1) * height / width  # square units
    y, x = torch.meshgrid(y, x, indexing="ij")
    scale, angle = (1 + settings.drift_zoom) ** -seconds, -math.radians(settings.drift_turn) * seconds
    dx = scale * (x * math.cos(angle) - y * math.sin(angle)) - x
    dy = scale * (x * math.sin(angle) + y * math.cos(angle)) - y
    if settings.drift_flow:
        u, v = stream(x, y, now_s)
        reach = 2 * settings.drift_flow * seconds  # the picture is 2 wide
        dx, dy = dx - reach * u, dy - reach * v
    return torch.stack([dx, dy * width / height])


def stream(x: torch.Tensor, y: torch.Tensor, now_s: float) -> tuple[torch.Tensor, torch.Tensor]:
    """A flow without sources or sinks, of root mean square speed 1: the curl of a few slow plane waves.

    Nothing piles up and nothing thins out in it, so the hallucination keeps its strength everywhere.
    """
    u, v = torch.zeros_like(x), torch.zeros_like(y)
    for n in range(SWIRLS):
        heading, length = n * math.pi * (3 - math.sqrt(5)), 2.0 + 1.1 * n  # the golden angle: no heading twice
        phase = 2.4 * n + math.pi * now_s / PERIOD_S * (1 + 0.13 * n) * (-1) ** n
        slope = torch.cos(length * (x * math.cos(heading) + y * math.sin(heading)) + phase)
        u, v = u - math.sin(heading) * slope, v + math.cos(heading) * slope
    size = math.sqrt(2 / SWIRLS)
    return u * size, v * size

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
    (``grid_sample``'s), to be added to the pixel's own place; None where the settings have no motion.
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
        length = 2 * settings.drift_flow * seconds  # the picture is 2 wide
        dx, dy = dx - length * u, dy - length * v
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


def drift_on_sphere(
    whole: bool, height: int, width: int, seconds: float, now_s: float, settings: Settings
) -> torch.Tensor | None:
    """``drift`` on an equirectangular picture, whole or its front half: x ahead of a place is its longitude.

    It grows out of what is in front and into what is behind (a Möbius transformation, which shears nothing), turns
    about the upright, and flows about a few axes, each band of it at a speed of its own, which piles up nowhere.
    """
    if seconds <= 0 or not (settings.drift_zoom or settings.drift_turn or settings.drift_flow):
        return None
    span = 2 * math.pi if whole else math.pi
    lon = ((torch.arange(width, dtype=torch.float32) + 0.5) / width - 0.5) * span
    lat = (0.5 - (torch.arange(height, dtype=torch.float32) + 0.5) / height) * math.pi
    lat, lon = torch.meshgrid(lat, lon, indexing="ij")
    here = torch.stack([lon.sin() * lat.cos(), lat.sin(), lon.cos() * lat.cos()])
    there = here
    if settings.drift_zoom:
        # Stereographic from behind: r = tan(θ/2) in front of it is scaled.
        scale = (1 + settings.drift_zoom) ** -seconds
        across, ahead = there[:2] / (1 + there[2]).clamp(min=1e-6) * scale, None
        square = across.square().sum(0)
        ahead = (1 - square) / (1 + square)
        there = torch.cat([across * 2 / (1 + square), ahead[None]])
    if settings.drift_flow:
        angle = 2 * math.pi * settings.drift_flow * seconds
        for n in range(SWIRLS):
            up = 1 - 2 * (n + 0.5) / SWIRLS  # axes spread evenly (a Fibonacci sphere)
            heading = n * math.pi * (3 - math.sqrt(5))
            flat = math.sqrt(1 - up * up)
            axis = torch.tensor([flat * math.cos(heading), up, flat * math.sin(heading)]).view(3, 1, 1)
            phase = 2.4 * n + math.pi * now_s / PERIOD_S * (1 + 0.13 * n) * (-1) ** n
            speed = torch.cos((2.0 + 1.1 * n) * (axis * there).sum(0) + phase) * math.sqrt(3 / SWIRLS)
            there = there - angle * speed * torch.linalg.cross(axis.expand_as(there), there, dim=0)
        there = there / there.norm(dim=0, keepdim=True)
    x, y, z = there
    dx = torch.atan2(x, z) - lon - math.radians(settings.drift_turn) * seconds
    dx = (dx + math.pi) % (2 * math.pi) - math.pi  # the shorter path around
    return torch.stack([dx / (span / 2), -(y.clamp(-1, 1).asin() - lat) / (math.pi / 2)])

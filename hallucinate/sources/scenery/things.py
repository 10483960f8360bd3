"""What crosses the scene: a balloon, birds, a kite like a striped fish, a rolling ball of marble."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from hallucinate.frame import Picture
from hallucinate.sources.scenery.layer import Field, fractal, mix, smoothstep, to_bytes

FIX = 4  # OpenCV draws at 1/16 pixel
KITE = ((0.83, 0.24, 0.17), (0.96, 0.90, 0.78), (0.17, 0.27, 0.42), (0.93, 0.64, 0.24))
BIRD = (62, 60, 68)


@dataclass(frozen=True)
class Sprite:
    """A small painted thing: uint8 RGBA (H, W, 4), the colours multiplied by the opacity."""

    paint: Picture

    @classmethod
    def of(cls, colour: Field, opacity: Field) -> Sprite:
        """From colours (H, W, 3) and opacities (H, W); a clear rim is added, for edges between pixels."""
        sheet = to_bytes(np.dstack([colour * opacity[..., None], opacity]))
        return cls(np.pad(sheet, ((2, 2), (2, 2), (0, 0))))

    def draw(self, canvas: Picture, x: float, y: float, turn: float = 0.0) -> None:
        """Composite it with its centre at (x, y), which need not be whole, turned by ``turn`` radians."""
        h, w = self.paint.shape[:2]
        left, top = math.floor(x - w / 2), math.floor(y - h / 2)
        c, s = math.cos(turn), math.sin(turn)
        # From the target to the sprite, both about their centres.
        px, py = x - left - 0.5, y - top - 0.5
        centre_x, centre_y = (w - 1) / 2, (h - 1) / 2
        back = np.array([[c, s, centre_x - c * px - s * py], [-s, c, centre_y + s * px - c * py]], np.float64)
        x0, y0 = max(0, left), max(0, top)
        x1, y1 = min(canvas.shape[1], left + w + 1), min(canvas.shape[0], top + h + 1)
        if x0 >= x1 or y0 >= y1:
            return
        back[:, 2] += back[:, :2] @ (x0 - left, y0 - top)
        size = (x1 - x0, y1 - y0)
        moved = cv2.warpAffine(self.paint, back, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
        keep = cv2.cvtColor(cv2.bitwise_not(moved[..., 3]), cv2.COLOR_GRAY2RGB)
        below = canvas[y0:y1, x0:x1]
        cv2.multiply(below, keep, dst=below, scale=1 / 255)
        cv2.add(below, cv2.cvtColor(moved, cv2.COLOR_RGBA2RGB), dst=below)


def paint_balloon(u: float) -> Sprite:
    """A hot-air balloon in faded gores, the light from the right."""
    n = 4 * max(8, round(17 * u))  # painted four times as large
    y, x = np.mgrid[0 : round(n * 1.5), 0:n].astype(np.float32)
    across, down = (x / n - 0.5) * 2, y / n
    # A sphere above that narrows to the mouth below.
    radius = np.where(
        down < 0.5, np.sqrt(np.clip(1 - (2 * down - 1) ** 2, 0, 1)), np.clip(np.cos((down - 0.5) * 1.75), 0, 1) ** 0.8
    )
    radius = np.where(down < 1.18, radius, 0).astype(np.float32)
    within = np.clip(across / np.maximum(radius, 1e-3), -1, 1)
    gore = np.floor((np.arcsin(within) / np.pi + 0.5) * 9).astype(int) % 3
    colour = np.array(((0.80, 0.26, 0.19), (0.95, 0.88, 0.74), (0.90, 0.58, 0.22)), np.float32)[gore]
    light = 0.62 + 0.42 * smoothstep(-1.0, 0.9, (within - 0.5 * (down - 0.4)).astype(np.float32))
    colour = colour * light[..., None]
    opacity = (np.abs(across) < radius).astype(np.float32)
    basket = (np.abs(across) < 0.13) & (down > 1.30) & (down < 1.46)
    ropes = (np.abs(np.abs(across) - 0.13 - (1.30 - down) * 0.25) < 0.018) & (down >= 1.1) & (down <= 1.31)
    for part, tint in ((basket, (0.36, 0.25, 0.16)), (ropes, (0.32, 0.27, 0.24))):
        colour[part], opacity[part] = tint, 1
    size = (n // 4, round(n * 1.5) // 4)
    small = cv2.resize(np.dstack([colour * opacity[..., None], opacity]), size, interpolation=cv2.INTER_AREA)
    return Sprite(np.pad(to_bytes(np.asarray(small, np.float32)), ((2, 2), (2, 2), (0, 0))))


def paint_ball(rng: np.random.Generator, radius: float) -> tuple[Sprite, Sprite]:
    """A ball of veined marble: its stone, which turns as it rolls, and its light and shadow, which do not."""
    n = 2 * round(radius) + 1
    y, x = (np.mgrid[0:n, 0:n].astype(np.float32) - n // 2) / radius
    distance = np.hypot(x, y)
    bulge = np.asarray(np.arcsin(np.clip(distance, 0, 1)) / np.maximum(distance, 1e-3), np.float32)
    size = 4 * n
    veins = np.abs(fractal(rng, (size, size), radius * 0.8, 4, 0.5))
    cloud = fractal(rng, (size, size), radius * 0.7, 4)
    stone = mix((0.38, 0.17, 0.13), (0.80, 0.52, 0.34), smoothstep(-1.0, 1.2, cloud))
    stone = mix((0.95, 0.90, 0.78), stone, smoothstep(0.02, 0.28, veins))
    columns = np.asarray(size / 2 + x * bulge * radius * 1.2, np.float32)
    rows = np.asarray(size / 2 + y * bulge * radius * 1.2, np.float32)
    colour = cv2.remap(stone, columns, rows, cv2.INTER_LINEAR)
    inside = np.asarray(np.clip((1 - distance) * radius + 0.5, 0, 1), np.float32)
    z = np.sqrt(np.clip(1 - distance**2, 0, 1))
    lambert = np.asarray(0.48 * x - 0.62 * y + 0.60 * z, np.float32)
    shade = inside * (1 - smoothstep(-0.55, 0.80, lambert)) * 0.78
    gleam = inside * smoothstep(0.93, 1.0, lambert) * 0.65
    both = np.asarray(shade + gleam, np.float32)
    tint = mix((0.05, 0.08, 0.12), (1.0, 0.97, 0.88), np.asarray(gleam / np.maximum(both, 1e-3), np.float32))
    return Sprite.of(np.asarray(colour, np.float32), inside), Sprite.of(tint, both)


def paint_shadow(width: float, height: float) -> Sprite:
    """A soft dark ellipse under a thing."""
    h, w = round(height), round(width)
    y, x = np.mgrid[-1 : 1 : h * 1j, -1 : 1 : w * 1j]
    opacity = np.asarray(0.55 * np.clip(1 - x**2 - y**2, 0, 1), np.float32)
    return Sprite.of(np.full((h, w, 3), (0.06, 0.08, 0.05), np.float32), opacity)


def draw_birds(canvas: Picture, x: float, y: float, t: float, u: float) -> None:
    """A flock of nine in a loose wedge, (x, y) its leader; each beats at its own pace, and glides between."""
    for bird in range(9):
        side = bird % 2 * 2 - 1
        row = (bird + 1) // 2
        bx = x - row * 13 * u + 2.5 * u * math.sin(0.5 * t + bird * 1.7)
        by = y + side * row * 5.5 * u + 2.2 * u * math.sin(0.37 * t + bird * 2.3)
        beat = math.sin((5.2 + 0.35 * math.sin(bird * 4.1)) * t + bird * 1.3)
        lift = 2.3 * u * beat * (0.35 + 0.65 * max(0.0, math.sin(0.31 * t + bird)) ** 0.5)
        span = (5.6 - 0.25 * row) * u
        wings = ((-span, -lift), (-span * 0.45, -lift * 0.9 - 0.9 * u), (0, 0.5 * u),
                 (span * 0.45, -lift * 0.9 - 0.9 * u), (span, -lift))  # fmt: skip
        line = np.array([((bx + dx) * 16, (by + dy) * 16) for dx, dy in wings]).astype(np.int32)
        cv2.polylines(canvas, [line], False, BIRD, max(1, round(0.9 * u)), cv2.LINE_AA, FIX)


def paint_kite(u: float) -> Sprite:
    """A wind-sock kite like a carp, swimming to the right, still straight: 116 by 44 ``u``."""
    fine = 4
    w, h = round(116 * u) * fine, round(44 * u) * fine
    y, x = np.mgrid[0:h, 0:w].astype(np.float32)
    along, across = 1 - x / w, (y / h - 0.5) * 44  # from the mouth to the tail; in u from the spine
    half = np.interp(along, (0, 0.04, 0.14, 0.32, 0.62, 0.80, 0.86, 0.93, 1.0), (6.2, 8.2, 10.6, 12, 8, 4, 4.4, 9, 13))
    within = np.clip(across / half, -1, 1)
    # Scales: rows of arcs, each over the edge of the next.
    row = along * 30
    shift = (np.floor(row) % 2) * 0.5
    cell = np.hypot((row % 1) - 0.1, ((across / 4.2 + shift) % 1 - 0.5) * 1.25)
    edge = smoothstep(0.55, 0.85, np.asarray(cell, np.float32))
    bands = 0.5 + 0.5 * np.sin(along * 26 + 0.5 * np.cos(across / 5))
    colour = mix(KITE[0], KITE[3], smoothstep(0.62, 0.9, np.asarray(bands, np.float32)))
    colour = mix(colour, KITE[2], smoothstep(0.62, 0.9, np.asarray(1 - bands, np.float32)) * 0.9)
    colour = mix(colour, KITE[1], edge * (along > 0.17) * (along < 0.84) * 0.75)
    colour = mix(colour, KITE[1], smoothstep(0.35, 0.95, np.asarray(within, np.float32)) * 0.85)  # a pale belly
    fins = smoothstep(-0.2, 0.4, np.asarray(np.sin(across * 1.9), np.float32))
    colour = mix(colour, mix(KITE[2], KITE[1], fins), smoothstep(0.84, 0.87, np.asarray(along, np.float32)))
    head = smoothstep(0.165, 0.155, np.asarray(along + 0.0009 * across**2, np.float32))
    colour = mix(colour, KITE[0], head * 0.8)
    eye = np.asarray(np.hypot((along - 0.085) * 116, across + 3.2), np.float32)
    colour = mix(mix(colour, KITE[1], smoothstep(3.5, 3.0, eye)), (0.10, 0.10, 0.13), smoothstep(1.9, 1.4, eye))
    light = np.asarray(0.66 + 0.42 * np.sqrt(np.clip(1 - (0.82 * within + 0.35) ** 2, 0, 1)), np.float32)
    colour = np.asarray(colour * light[..., None], np.float32)
    opacity = (np.abs(across) < half).astype(np.float32)
    sheet = np.dstack([colour * opacity[..., None], opacity])
    small = cv2.resize(sheet, (w // fine, h // fine), interpolation=cv2.INTER_AREA)
    rim = round(14 * u)  # space to swim in
    return Sprite(np.pad(to_bytes(np.asarray(small, np.float32)), ((rim, rim), (2, 2), (0, 0))))


def draw_kite(canvas: Picture, kite: Sprite, x: float, y: float, t: float, u: float) -> None:
    """The kite swimming, its middle at (x, y)."""
    h, w = kite.paint.shape[:2]
    along = np.linspace(1, 0, w, dtype=np.float32)
    wave = (1 + 9 * along**1.4) * np.sin(5.2 * along - 2.6 * t) + 3 * along * math.sin(0.7 * t)
    rows = np.arange(h, dtype=np.float32)[:, None] - np.asarray(wave * u, np.float32)[None]
    columns = np.arange(w, dtype=np.float32)[None] + np.zeros((h, 1), np.float32)
    swimming = cv2.remap(kite.paint, columns, rows, cv2.INTER_LINEAR)
    Sprite(np.asarray(swimming, np.uint8)).draw(canvas, x, y)

"""What the motifs are drawn with: a seeded pen that draws a whole batch of pictures at once, on any device."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F

Plane = torch.Tensor
"""float32 (B, H, W): a coordinate, a height, or a mask in [0, 1]."""

Colour = torch.Tensor
"""float32 (B, 3, 1, 1) or (B, 3, H, W), RGB in [0, 1]."""


class Pen:
    """Draws ``batch`` pictures of ``height`` × ``width`` at once. All chance comes from ``generator``."""

    def __init__(self, batch: int, height: int, width: int, generator: torch.Generator) -> None:
        self.batch, self.height, self.width = batch, height, width
        self.generator, self.device = generator, generator.device

    def uniform(self, low: float, high: float) -> Plane:
        """One number for each picture, (B, 1, 1)."""
        return torch.rand(self.batch, 1, 1, generator=self.generator, device=self.device) * (high - low) + low

    def whole(self, low: int, high: int) -> Plane:
        """One whole number from ``low`` to ``high`` for each picture, (B, 1, 1), as float."""
        size = (self.batch, 1, 1)
        return torch.randint(low, high + 1, size, generator=self.generator, device=self.device).float()

    def chance(self, share: float) -> Plane:
        """1 for about ``share`` of the pictures, 0 for the others, (B, 1, 1)."""
        return (self.uniform(0, 1) < share).float()

    def grid(self) -> tuple[Plane, Plane]:
        """x and y from −1 to 1 over the shorter side, (1, H, W) each; pixels are square."""
        longest = max(self.height, self.width)
        short = min(self.height, self.width)
        ys = torch.linspace(-1, 1, self.height, device=self.device) * self.height / short
        xs = torch.linspace(-1, 1, self.width, device=self.device) * self.width / short
        assert longest >= short
        y, x = torch.meshgrid(ys, xs, indexing="ij")
        return x[None], y[None]

    def noise(self, cell: float) -> Plane:
        """Smooth noise of unit variance, about ``cell`` pixels to a bump."""
        size = (max(2, int(self.height / cell) + 2), max(2, int(self.width / cell) + 2))
        seeds = torch.randn(self.batch, 1, *size, generator=self.generator, device=self.device)
        full = (self.height, self.width)
        return F.interpolate(seeds, size=full, mode="bicubic", align_corners=False)[:, 0]

    def clouds(self, cell: float, octaves: int = 4) -> Plane:
        """Fractal noise: octaves of ``noise``, each half as large and 0.55 times as strong."""
        total = self.noise(max(1.0, cell))
        for level in range(1, octaves):
            total = total + 0.55**level * self.noise(max(1.0, cell / 2**level))
        return total

    def placed(self, small: float = 0.7, large: float = 1.6, turn: float = math.pi) -> tuple[Plane, Plane]:
        """Coordinates of a motif of its own: turned, scaled (between 1/large and 1/small), moved, a little warped."""
        x, y = self.grid()
        angle, scale, aspect = self.uniform(-turn, turn), self.uniform(small, large), self.uniform(0.8, 1.25)
        x, y = x - self.uniform(-0.4, 0.4), y - self.uniform(-0.4, 0.4)
        u = (x * torch.cos(angle) + y * torch.sin(angle)) * scale * aspect
        v = (-x * torch.sin(angle) + y * torch.cos(angle)) * scale / aspect
        bend = self.uniform(0, 0.1)
        return u + bend * self.noise(self.height / 2.5), v + bend * self.noise(self.height / 2.5)

    def palette(self, colours: int) -> torch.Tensor:
        """(B, n, 3): wild colours around one base, far enough apart in lightness to be told apart."""
        shape = (self.batch, colours, 3)
        base = torch.rand(self.batch, 1, 3, generator=self.generator, device=self.device)
        free = torch.rand(shape, generator=self.generator, device=self.device)
        return 0.75 * free + 0.25 * base

    def contrasting(self) -> torch.Tensor:
        """(B, 2, 3): a dark and a light colour, in either order."""
        pair = self.palette(2)
        dark, light = pair[:, :1] * 0.5, 0.45 + pair[:, 1:] * 0.55
        flip = self.chance(0.5)
        return torch.cat([dark + flip * (light - dark), light + flip * (dark - light)], 1)

    def colour(self) -> Colour:
        """One colour for each picture, (B, 3, 1, 1)."""
        return self.palette(1)[:, 0, :, None, None]

    def earthy(self, low: tuple[float, float, float], high: tuple[float, float, float]) -> Colour:
        """One colour for each picture between two, for things that have one: bone, leaf, gold."""
        t = torch.rand(self.batch, 3, 1, 1, generator=self.generator, device=self.device)
        bottom = torch.tensor(low, device=self.device)[None, :, None, None]
        return bottom + t * (torch.tensor(high, device=self.device)[None, :, None, None] - bottom)

    def backdrop(self) -> Colour:
        """What is behind a motif: soft clouds of colour at one scale, (B, 3, H, W)."""
        cell = self.height / float(torch.randint(1, 9, (1,), generator=self.generator, device=self.device))
        return ramp(torch.sigmoid(1.5 * self.clouds(cell)), self.palette(3))


def smooth(start: float, end: float, x: Plane) -> Plane:
    """Smoothstep: 0 before ``start``, 1 beyond ``end``; falling where end < start."""
    t = ((x - start) / (end - start)).clamp(0, 1)
    return t * t * (3 - 2 * t)


def ramp(t: Plane, palette: torch.Tensor) -> Colour:
    """t in [0, 1] through the n colours of a (B, n, 3) palette: (B, 3, H, W)."""
    n = palette.shape[1]
    scaled = t.clamp(0, 1) * (n - 1)
    # Tent weights rather than a gather: as quick, and it works in any layout.
    weights = torch.stack([(1 - (scaled - i).abs()).clamp(min=0) for i in range(n)], 1)
    return torch.einsum("bnhw,bnc->bchw", weights, palette)


def over(ground: Colour, paint: Colour, mask: Plane) -> Colour:
    """Paint over ground where the mask is 1."""
    m = mask[:, None]
    return ground * (1 - m) + paint * m


def wave(t: Plane, sharpness: Plane) -> Plane:
    """A stripe profile in [0, 1], from a sine to nearly square."""
    return torch.sigmoid(sharpness * torch.sin(t))


def polar(x: Plane, y: Plane) -> tuple[Plane, Plane]:
    """Radius and angle."""
    return (x * x + y * y).sqrt() + 1e-3, torch.atan2(y, x)


def ellipse(x: Plane, y: Plane, a: float, b: float, edge: float = 0.06) -> Plane:
    """A filled ellipse with half-axes a and b, (B, H, W) in [0, 1]."""
    r = ((x / a) ** 2 + (y / b) ** 2).sqrt()
    return smooth(1 + edge / min(a, b), 1 - edge / min(a, b), r)

"""What the motifs are drawn with: a seeded pen that draws a whole batch of pictures at once, on any device."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F

Plane = torch.Tensor
"""float32 (B, H, W): a coordinate, a height, or a mask in [0, 1]."""

Colour = torch.Tensor
"""float32 (B, 3, 1, 1) or (B, 3, H, W), RGB in [0, 1]."""

Tone = tuple[float, float, float]
"""RGB in [0, 1]."""


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
        """(B, n, 3): wild colours around one base, far enough apart in lightness to be distinguished."""
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

    def tones(self, *stops: tuple[float, float, float], wild: float = 0.3) -> torch.Tensor:
        """(B, n, 3): the colours a thing has in life, each a little off; about ``wild`` of the pictures take any."""
        real = torch.tensor(stops, device=self.device)[None]
        shape = (self.batch, len(stops), 3)
        off = torch.randn(shape, generator=self.generator, device=self.device)
        tint = torch.randn(self.batch, 1, 3, generator=self.generator, device=self.device)
        near = (real * (1 + 0.1 * tint) + 0.05 * off).clamp(0, 1)
        return torch.where(self.chance(wild) > 0, self.palette(len(stops)), near)

    def one_of(self, choices: int) -> int:
        """One of 0 to ``choices`` - 1, for the whole batch."""
        return int(torch.randint(choices, (1,), generator=self.generator, device=self.device))

    def lamp(self, height: Plane, relief: float | Plane = 1.0, gloss: float | Plane = 0.0) -> Plane:
        """How a relief shines under a lamp of the pen's choice, about 0.35 to 1.2; more where it is glossy.

        height: (B, H, W), in units of the grid's x and y; relief makes it steeper. Lambert's cosine law, and a
        highlight after Blinn (1977).
        """
        pixel = 2 / min(self.height, self.width)
        padded = F.pad(height[:, None].expand(self.batch, 1, -1, -1), (1, 1, 1, 1), mode="replicate")[:, 0]
        dx = (padded[:, 1:-1, 2:] - padded[:, 1:-1, :-2]) / (2 * pixel) * relief
        dy = (padded[:, 2:, 1:-1] - padded[:, :-2, 1:-1]) / (2 * pixel) * relief
        angle, tilt = self.uniform(-2.6, -0.5), self.uniform(0.5, 0.95)  # from above, as people expect
        lx, ly, lz = torch.cos(angle) * tilt, torch.sin(angle) * tilt, (1 - tilt**2).sqrt()
        norm = (1 + dx * dx + dy * dy).sqrt()
        lambert = ((-dx * lx - dy * ly + lz) / norm).clamp(min=0)
        half = (2 + 2 * lz).sqrt()
        blinn = ((-dx * lx - dy * ly + lz + 1) / (norm * half)).clamp(0, 1)
        return 0.35 + 0.85 * lambert + gloss * blinn**24

    def shadowed(self, ground: Colour, mask: Plane, depth: float = 0.55) -> Colour:
        """The ground with the soft shadow of what stands on it, fallen to one side."""
        extent = self.height * float(self.uniform(0.02, 0.07).mean())
        away = int(extent) + 1
        left = 2 * away * self.one_of(2)
        padded = F.pad(mask.expand(self.batch, -1, -1)[:, None], (away,) * 4, mode="replicate")[:, 0]
        fallen = blurred(padded[:, : self.height, left : left + self.width], extent)
        return ground * (1 - depth * fallen * (1 - mask))[:, None]

    def backdrop(self) -> Colour:
        """What is behind a motif, (B, 3, H, W): clouds of colour, land under sky, dead leaves, or hardly anything."""
        kind = self.one_of(6)
        if kind == 0:
            return self.land()
        if kind == 1:
            return self.leaves()
        if kind == 2:
            _, v = self.placed()
            return ramp(0.5 + 0.3 * v + 0.03 * self.noise(self.height / 20), self.palette(2))
        return ramp(torch.sigmoid(1.5 * self.clouds(self.height / (1 + self.one_of(8)))), self.palette(3))

    def land(self) -> Colour:
        """A sky that pales towards a ragged horizon, and rough ground below it, (B, 3, H, W)."""
        x, y = self.grid()
        tilt = self.uniform(-0.2, 0.2)
        above = y + tilt * x + 0.15 * self.clouds(self.height / 3) - self.uniform(-0.5, 0.6)
        sky = ramp(smooth(-1.4, 0.0, above), self.tones((0.25, 0.45, 0.8), (0.75, 0.85, 0.95)))
        soil = ramp(
            torch.sigmoid(self.clouds(self.height / 6) + above), self.tones((0.15, 0.2, 0.08), (0.55, 0.5, 0.3))
        )
        return over(sky, soil, smooth(-0.03, 0.03, above))

    def leaves(self) -> Colour:
        """Dead leaves (Lee et al. 2001): discs of all sizes, each hiding what came before; edges as scenes have."""
        picture = self.colour().expand(-1, -1, self.height, self.width)
        x, y = self.grid()
        for _ in range(10):
            size = 0.12 / self.uniform(0.1, 1.0)
            away = (((x - self.uniform(-1, 1)) / size) ** 2 + ((y - self.uniform(-1, 1)) / size) ** 2).sqrt()
            light = (0.75 + 0.25 * x * self.uniform(-1, 1)).clamp(0, 1)[:, None]
            picture = over(picture, self.colour() * light, smooth(1.06, 0.98, away))
        return picture


def smooth(start: float | Plane, end: float | Plane, x: Plane) -> Plane:
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


def hue(palette: torch.Tensor, which: int) -> Colour:
    """One colour of a (B, n, 3) palette: (B, 3, 1, 1)."""
    return palette[:, which, :, None, None]


def over(ground: Colour, paint: Colour, mask: Plane) -> Colour:
    """Paint over ground where the mask is 1."""
    m = mask[:, None]
    return ground * (1 - m) + paint * m


def blurred(t: Plane, sigma: float) -> Plane:
    """Gaussian blur of (B, H, W), sigma in pixels."""
    half = min(int(3 * sigma) + 1, t.shape[1] - 1, t.shape[2] - 1)
    kernel = torch.exp(-0.5 * (torch.arange(-half, half + 1, device=t.device) / sigma) ** 2)
    kernel = kernel / kernel.sum()
    padded = F.pad(t[:, None], (half,) * 4, mode="reflect")
    return F.conv2d(F.conv2d(padded, kernel[None, None, :, None]), kernel[None, None, None])[:, 0]


def cells(u: Plane, v: Plane, seed: Plane, jitter: float = 0.8) -> tuple[Plane, Plane, Plane]:
    """Worley noise (1996): one point in each unit square of (u, v), off its middle by up to jitter / 2.

    Returns the distance to the nearest point, to the second nearest, and a number in [0, 1) for the nearest
    one's cell. ``second - first`` is 0 on the walls between cells.
    """
    first = torch.full_like(u + v + seed, 9.0)
    second, owner = first.clone(), torch.zeros_like(first)
    left, top = torch.floor(u), torch.floor(v)
    for dx in (-1, 0, 1):
        for dy in (-1, 0, 1):
            cx, cy = left + dx, top + dy
            px = cx + 0.5 + jitter * (scattered(cx, cy, seed) - 0.5)
            py = cy + 0.5 + jitter * (scattered(cx, cy, seed + 17) - 0.5)
            away = ((px - u) ** 2 + (py - v) ** 2).sqrt()
            nearer = away < first
            second = torch.where(nearer, first, torch.minimum(second, away))
            owner = torch.where(nearer, scattered(cx, cy, seed + 41), owner)
            first = torch.where(nearer, away, first)
    return first, second, owner


def scattered(cx: Plane, cy: Plane, seed: Plane) -> Plane:
    """A number in [0, 1) for each whole (cx, cy), as good as chance."""
    return torch.frac(torch.sin(cx * 127.1 + cy * 311.7 + seed * 74.7) * 4375.85).abs()


def segment(
    x: Plane, y: Plane, start: tuple[float | Plane, float | Plane], end: tuple[float | Plane, float | Plane]
) -> tuple[Plane, Plane]:
    """Distance to a straight segment, and how far along it the nearest point is, 0 to 1."""
    ex, ey = end[0] - start[0], end[1] - start[1]
    px, py = x - start[0], y - start[1]
    along = ((px * ex + py * ey) / (ex * ex + ey * ey + 1e-9)).clamp(0, 1)
    return ((px - along * ex) ** 2 + (py - along * ey) ** 2 + 1e-9).sqrt(), along


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

"""Is a sphere dreamed fairly? Strength and size of what is dreamed on noise, by latitude, and the seam.

    python -m benchmarks.sphere --json benchmarks/results/sphere.json

Noise in space is read off on a sphere, so that the camera's picture is alike everywhere; what differs by latitude is
the dream's doing. Strength is the root mean square of the residual by solid angle; size is the mean spatial frequency
of patches of 40°, each seen straight on. Compared: ours; the cube turned at random altogether, which is as fair and
turns everything upside down as well; and the equirectangular picture dreamed as if it were flat.
"""

from __future__ import annotations

import argparse
import itertools
import math
from collections import deque
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from rich.console import Console
from rich.table import Table

from hallucinate.device import describe
from hallucinate.dream import sphere
from hallucinate.dream.dreamer import Dreamer
from hallucinate.dream.strength_calibration import read_strength_calibration
from hallucinate.dream.surface import Geometry, Surface, widened
from hallucinate.files import shipped, write_json
from hallucinate.frame import Frame, OperatingPoint, Picture
from hallucinate.networks import Network
from hallucinate.networks.registry import open_quickest
from hallucinate.settings import Settings

Field = npt.NDArray[np.float64]

BANDS = (0.0, 22.5, 45.0, 67.5, 90.0)
LATITUDES = (0, 30, 60, 90)
CPU = torch.device("cpu")


def directions(height: int, width: int, span: float = 2 * math.pi) -> Field:
    """The unit vector that each pixel of an equirectangular picture looks along: (H, W, 3), x right, y up, z ahead."""
    lon = ((np.arange(width) + 0.5) / width - 0.5) * span
    lat = (0.5 - (np.arange(height) + 0.5) / height) * math.pi
    lon, lat = np.meshgrid(lon, lat)
    return np.stack([np.sin(lon) * np.cos(lat), np.sin(lat), np.cos(lon) * np.cos(lat)], -1)


def noise_on_sphere(height: int, width: int, cells: int = 24, seed: int = 0, span: float = 2 * math.pi) -> Picture:
    """Noise in space, read off on the sphere: alike in all directions, and without a seam. uint8 RGB (H, W, 3)."""
    volume = torch.from_numpy(np.random.default_rng(seed).normal(size=(1, 3, cells, cells, cells)).astype(np.float32))
    places = torch.from_numpy(0.9 * directions(height, width, span).astype(np.float32))[None, None]
    found = F.grid_sample(volume, places, align_corners=False)[0, :, 0].permute(1, 2, 0).numpy()
    return np.asarray(np.clip(128 + 40 * found, 0, 255), np.uint8)


def patch(r: Field, latitude: float, longitude: float, side: int = 32, extent: float = 0.35) -> Field:
    """What is around a place (radians), seen straight on, so many radians to each side: (3, side, side)."""
    u, v = np.meshgrid(np.linspace(-extent, extent, side), np.linspace(extent, -extent, side))
    scale = 4 / (4 + u * u + v * v)
    x, y, z = u * scale, v * scale, 2 * scale - 1
    y, z = y * math.cos(latitude) + z * math.sin(latitude), z * math.cos(latitude) - y * math.sin(latitude)
    x, z = x * math.cos(longitude) + z * math.sin(longitude), z * math.cos(longitude) - x * math.sin(longitude)
    lon, lat = np.arctan2(x, z), np.arcsin(np.clip(y, -1, 1))
    grid = np.stack([lon / math.pi / 1.25, -lat / (math.pi / 2)], -1).astype(np.float32)
    wide = widened(torch.from_numpy(r.transpose(2, 0, 1)[None].astype(np.float32)))
    seen = F.grid_sample(wide, torch.from_numpy(grid)[None], align_corners=False, padding_mode="border")
    return seen[0].double().numpy()


def mean_frequency(seen: Field, extent: float = 0.35) -> float:
    """Cycles per radian, the mean by power, of a patch (3, side, side) of that extent."""
    side = seen.shape[-1]
    window = np.hanning(side)[:, None] * np.hanning(side)[None]
    power = (np.abs(np.fft.fft2((seen - seen.mean((1, 2), keepdims=True)) * window)) ** 2).sum(0)
    f = np.hypot(*np.meshgrid(np.fft.fftfreq(side), np.fft.fftfreq(side))) * (side - 1) / (2 * extent)
    return float((power * f).sum() / power.sum())


def strengths(r: Field) -> list[float]:
    """Root mean square by solid angle in each of BANDS, both hemispheres."""
    latitude = np.abs(np.degrees(np.arcsin(directions(*r.shape[:2])[..., 1])))
    found = []
    for low, high in itertools.pairwise(BANDS):
        band = (latitude >= low) & (latitude < high)
        solid = np.cos(np.radians(latitude[band]))[:, None]
        found.append(math.sqrt((r[band] ** 2 * solid).sum() / solid.sum() / 3))
    return found


def frequencies(r: Field) -> list[float]:
    """Mean frequency at each of LATITUDES, both hemispheres, all around."""
    return [
        float(
            np.mean(
                [
                    mean_frequency(patch(r, sign * math.radians(latitude), math.radians(longitude)))
                    for sign in (1, -1)
                    for longitude in range(0, 360, 45)
                ]
            )
        )
        for latitude in LATITUDES
    ]


def seam(r: Field) -> float:
    """The mean difference across ±180°, over the largest between any two neighbouring columns."""
    beside = np.abs(np.diff(r, axis=1)).mean((0, 2))
    return float(np.abs(r[:, 0] - r[:, -1]).mean() / beside.max())


def spread(values: list[float]) -> float:
    """The largest over the smallest, less 1."""
    return max(values) / min(values) - 1


def any_rotation(whole: bool) -> list[Field]:
    """Rotations of the cube at random altogether (by QR of Gaussian matrices), in place of ``sphere.rotations``."""
    random = np.random.default_rng(0)
    found = []
    for _ in range(sphere.TILTS):
        q, r = np.linalg.qr(random.normal(size=(3, 3)))
        q = q * np.sign(np.diag(r))
        found.append(q * np.sign(np.linalg.det(q)))
    return found


def residual_of(network: Network, surface: Surface, camera: Picture, frames: int, seed: int) -> Field:
    """What is left of so many frames of a still camera, over the camera's picture: (H, W, 3) in [-255, 255]."""
    calibration = read_strength_calibration(shipped("calibration") / "strength" / f"{network.name}.json")
    mix = {"motifs": {"eye": 1.0}} if "eye" in network.motifs else {"layers": {network.default_layer: 1.0}}
    settings = Settings.model_validate({**mix, "strength": 0.7, "motif_degrees": 40.0, "octaves": 2})
    session = Dreamer(network, CPU, calibration).session(settings, seed, Geometry(surface))
    point = OperatingPoint(camera.shape[1], 1)
    outputs = (session.step(Frame(camera, round(n / 12 * 1e9)), n, point) for n in range(frames))
    return deque(outputs, maxlen=1).pop().dream.astype(np.float64) - camera


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--width", type=int, default=512)
    parser.add_argument("--frames", type=int, default=40)
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    network, dtype = open_quickest("motif", CPU)
    methods: dict[str, tuple[Surface, Callable[[bool], list[Field]]]] = {
        "ours": (Surface.SPHERE, sphere.rotations),
        "any rotation": (Surface.SPHERE, any_rotation),
        "as if flat": (Surface.FLAT, sphere.rotations),
    }
    table = Table("", "strength by latitude", "spread", "cycles per radian at 0, 30, 60, 90°", "spread", "seam")
    rows = {}
    for name, (surface, rotations) in methods.items():
        sphere.rotations = rotations  # type: ignore[assignment]  # the experiment
        sphere.views.cache_clear()
        found = [
            residual_of(network, surface, noise_on_sphere(options.width // 2, options.width, seed=n), options.frames, n)
            for n in range(options.seeds)
        ]
        strong = np.mean([strengths(r) for r in found], 0).tolist()
        large = np.mean([frequencies(r) for r in found], 0).tolist()
        across = max(seam(r) for r in found)
        rows[name] = {"strength": strong, "frequency": large, "seam": across}
        table.add_row(
            name,
            " ".join(f"{v:.1f}" for v in strong),
            f"{spread(strong):.0%}",
            " ".join(f"{v:.2f}" for v in large),
            f"{spread(large):.0%}",
            f"{across:.2f}",
        )
    Console(width=150).print(table)
    if options.json:
        write_json(options.json, {"machine": describe(CPU, dtype), "width": options.width, "methods": rows})


if __name__ == "__main__":
    main()

"""Pictures of a board through known lenses: drawn ray by ray, blurred, with noise."""

import functools

import cv2
import numpy as np

from hallucinate.calibrate.boards import MODULES, Board
from hallucinate.calibrate.lens_fit import Sighting
from hallucinate.frame import Picture
from hallucinate.panorama.lenses import Lens
from hallucinate.panorama.projections import Array

BOARD = Board("charuco", 10, 7, 25.0)

LENSES = {
    "pinhole-90": Lens("pinhole", (640, 480), (322.0, 320.5), (322.5, 236.0), (-0.12, 0.03, 0.001, -0.0015, 0.0), 100),
    "fisheye-90": Lens("kannala-brandt", (640, 480), (410.0, 411.0), (317.0, 243.0), (-0.03, 0.008, 0.0, 0.0), 100),
    "fisheye-150": Lens("kannala-brandt", (640, 640), (235.0, 234.0), (322.0, 316.5), (0.05, -0.012, 0.002, 0.0), 160),
    "fisheye-190": Lens("kannala-brandt", (640, 640), (186.0, 186.5), (322.0, 317.0), (0.03, -0.01, 0.001, 0.0), 196),
    "fisheye-220": Lens("kannala-brandt", (640, 640), (164.0, 165.0), (317.5, 322.0), (0.04, -0.012, 0.001, 0.0), 220),
}


def poses(lens: Lens, count: int, seed: int = 0) -> list[tuple[Array, Array]]:
    """Boards before the lens, all over its field of view, each facing it with a tilt of its own."""
    rng = np.random.default_rng(seed)
    out = []
    for n in range(count):
        away = np.radians(lens.degrees / 2) * (0.15 if n < 2 else rng.uniform(0.35, 0.78))
        around = 2.4 * n + rng.uniform(-0.3, 0.3)
        ahead = np.array([np.sin(away) * np.cos(around), np.sin(away) * np.sin(around), np.cos(away)])
        facing = turn_to(ahead)
        tilt = cv2.Rodrigues(np.append(rng.uniform(-0.5, 0.5, 2), rng.uniform(-3, 3)))[0]
        rotation = facing @ tilt
        middle = np.array([BOARD.columns, BOARD.rows, 0]) * BOARD.square_mm / 2
        out.append((rotation, ahead * rng.uniform(170, 230) - rotation @ middle))
    return out


def turn_to(direction: Array) -> Array:
    """The rotation that takes straight ahead to a direction, by the shortest turn."""
    axis = np.cross([0.0, 0.0, 1.0], direction)
    length = np.linalg.norm(axis)
    angle = np.arctan2(length, direction[2])
    return np.asarray(cv2.Rodrigues(axis / max(length, 1e-12) * angle)[0])


def photographed(
    lens: Lens, pose: tuple[Array, Array], rng: np.random.Generator, blur: float = 0.7, noise: float = 3.0
) -> Picture:
    """What the lens makes of the board: uint8 RGB. Four rays to the pixel, grey ground, blur, noise in 0 to 255."""
    rotation, position = pose
    local = _rays(lens) @ rotation.astype(np.float32)
    origin = (position @ rotation).astype(np.float32)
    with np.errstate(all="ignore"):
        depth = origin[2] / local[..., 2]
        at = (local[..., :2] * depth[..., None] - origin[:2]) * np.float32(MODULES / BOARD.square_mm)
    at[~((depth > 0) & (np.abs(at) < 1e4).all(-1))] = -1e4
    large = np.kron(np.pad(BOARD.modules(), MODULES, constant_values=255), np.ones((4, 4), np.uint8))
    x, y = (np.ascontiguousarray((at[..., axis] + MODULES) * 4 - 0.5) for axis in (0, 1))
    ground = cv2.remap(np.asarray(large, np.uint8), x, y, cv2.INTER_LINEAR, borderValue=110)
    small = cv2.resize(ground, lens.size, interpolation=cv2.INTER_AREA).astype(np.float32)
    soft = cv2.GaussianBlur(20 + 0.8 * small, (0, 0), blur) + rng.normal(0, noise, small.shape)
    return np.repeat(soft.clip(0, 255).round().astype(np.uint8)[..., None], 3, -1)


@functools.lru_cache(1)
def _rays(lens: Lens) -> np.ndarray:
    x, y = ((np.arange(length * 2) + 0.5) / 2 - 0.5 for length in lens.size)
    return lens.rays(np.stack(np.meshgrid(x, y), -1)).astype(np.float32)


def seen_exactly(lens: Lens, count: int, seed: int = 0, noise: float = 0.0) -> list[Sighting]:
    """Corners as the lens's own formula has them, without pictures."""
    rng = np.random.default_rng(seed)
    ids = np.indices((BOARD.columns - 1, BOARD.rows - 1)).reshape(2, -1).T + 1
    board = ids * BOARD.square_mm
    out = []
    for n, (rotation, position) in enumerate(poses(lens, count, seed)):
        pixels = lens.pixels(board @ rotation[:, :2].T + position)
        inside = (np.isfinite(pixels) & (pixels > 0) & (pixels < np.array(lens.size) - 1)).all(-1)
        pixels = pixels + rng.normal(0, noise, pixels.shape) if noise else pixels
        out.append(Sighting(f"{n}.png", board[inside].astype(np.float64), pixels[inside]))
    return [sighting for sighting in out if len(sighting.board) >= 8]

"""A frame, what is made of it, and the one place where pictures and tensors are converted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import torch

Picture = npt.NDArray[np.uint8]
"""uint8 RGB (H, W, 3), 0 to 255."""


LONGEST, LEAST = 640, 64
"""The longer side of a source's frames where nobody chose their size, and the least that the other may have: pixels."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture and the moment it was captured.

    picture: uint8 RGB (H, W, 3), never written to after it is made.
    captured_ns: ``clock.now_ns()`` when the camera delivered it.
    """

    picture: Picture
    captured_ns: int

    def with_picture(self, picture: Picture) -> Frame:
        """The same moment, another picture: what was dreamed keeps the camera's time."""
        return replace(self, picture=picture)


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """What frames are dreamed with, as the governor sets it.

    width: of the picture that the network sees, in pixels. steps: gradient steps on a frame that is stepped; 0 for
    one that is not. step_interval: every how many frames steps are taken; on the others the residual is only moved.
    """

    width: int
    steps: int
    step_interval: int = 1

    @property
    def work(self) -> int:
        """What the cost grows with: the width's square, times steps."""
        return self.width**2 * self.steps


@dataclass(frozen=True, slots=True)
class OutputFrame:
    """What a session made of one frame, and how: everything that leaves the program is made from these.

    dream, camera: uint8 RGB (H, W, 3), equal in size, never written to: the dreamed picture, and the camera's own of
    the same moment.
    captured_ns, ready_ns: ``clock.now_ns()`` at the camera, and when the dream was ready.
    sequence: counts the session's frames, from 0. settings_revision: which settings it was dreamed with.
    point: the operating point. steps: taken on this frame. octave: which step of the octave cycle came first.
    seed_state: of the session's random generator before this frame, as ``numpy.random.BitGenerator.state`` has it.
    cleared: whether the residual was no number any more, and was set to 0.
    """

    dream: Picture
    camera: Picture
    captured_ns: int
    ready_ns: int
    sequence: int = 0
    settings_revision: int = 0
    point: OperatingPoint | None = None
    steps: int = 0
    octave: int = 0
    seed_state: Mapping[str, Any] = field(default_factory=dict)
    cleared: bool = False


def to_tensor(picture: Picture, device: torch.device) -> torch.Tensor:
    """uint8 RGB (H, W, 3) -> float32 (1, 3, H, W) in [0, 1] on ``device``, channels last in memory."""
    # A copy: a picture may be read-only, and torch would warn of it.
    tensor = torch.tensor(picture, device=device)
    return tensor.permute(2, 0, 1)[None].to(torch.float32).div_(255.0)


def to_picture(tensor: torch.Tensor) -> Picture:
    """float (1, 3, H, W) in [0, 1] -> uint8 RGB (H, W, 3), rounded, clamped. Waits for the device."""
    scaled = tensor[0].clamp(0.0, 1.0).mul(255.0).round_().to(torch.uint8)
    return np.ascontiguousarray(scaled.permute(1, 2, 0).cpu().numpy())


def to_luma(picture: Picture, width: int, height: int) -> Picture:
    """uint8 RGB (H, W, 3) -> uint8 luma (height, width), averaged over areas: what flow is measured on."""
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)  # first: one channel is averaged in a third of the time
    return np.asarray(cv2.resize(grey, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def shrunk(picture: Picture, width: int, height: int) -> Picture:
    """The whole picture at another, usually smaller size: uint8 RGB (height, width, 3), averaged over areas."""
    if picture.shape[:2] == (height, width):
        return picture
    return np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def add_residual(picture: Picture, residual: torch.Tensor, wraps: bool = False) -> Picture:
    """picture + residual, clamped: a small residual enlarged onto the full-size picture, which stays as sharp.

    picture: uint8 RGB (H, W, 3). residual: float32 (1, 3, h, w), in [0, 1] units, on the CPU. wraps: whether the
    picture's sides meet; both widths are then multiples of 8.
    """
    height, width = picture.shape[:2]
    # OpenCV adds in 8 bits with saturation, a quarter of the time of the same in float tensors.
    small = (residual[0].permute(1, 2, 0) * 255.0).numpy()
    beyond = width // 8 if wraps else 0
    if wraps:
        small = np.pad(small, ((0, 0), (small.shape[1] // 8,) * 2, (0, 0)), "wrap")
    large = cv2.resize(small, (width + 2 * beyond, height), interpolation=cv2.INTER_LINEAR)
    large = np.ascontiguousarray(large[:, beyond : beyond + width])
    return np.asarray(cv2.add(picture, large, dtype=cv2.CV_8U), np.uint8)


def own_size(width: float, height: float, longest: int = LONGEST) -> tuple[int, int]:
    """(width, height) of the frames of a source that is so wide and high: its own shape, its longer side ``longest``.

    Both are even, and at least LEAST: of what is longer and thinner than that allows, ``fit`` cuts off the ends.

    >>> own_size(1920, 1080), own_size(1080, 1920), own_size(1, 1), own_size(3, 1000)
    ((640, 360), (360, 640), (640, 640), (64, 640))
    """
    scale = longest / max(width, height)
    across, down = (max(LEAST, round(side * scale / 2) * 2) for side in (width, height))
    return across, down


def fit(picture: Picture, width: int, height: int) -> Picture:
    """Fill ``width`` × ``height``: scaled to cover, the overhang cut off evenly, never stretched."""
    h, w = picture.shape[:2]
    if (w, h) == (width, height):
        return picture
    scale = max(width / w, height / h)
    # The part of the source that is seen, in source pixels; at least one, at most all.
    cut_w, cut_h = min(w, max(1, round(width / scale))), min(h, max(1, round(height / scale)))
    left, top = (w - cut_w) // 2, (h - cut_h) // 2
    seen = picture[top : top + cut_h, left : left + cut_w]
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(seen, (width, height), interpolation=interpolation), np.uint8)

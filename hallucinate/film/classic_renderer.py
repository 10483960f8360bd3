"""Frames dreamed as a classic preset does: each a still, which starts from the last dream where the preset says so."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import torch

from hallucinate.dream.flow import FLOW_WIDTH, Field, Flow, sampled, squared
from hallucinate.dream.still import StillRun
from hallucinate.frame import Frame, Picture, to_luma
from hallucinate.still.presets import ClassicPreset
from hallucinate.still.renderer import StillRenderer, render_run

MOVING = 6 / 255
"""What flows faster than this share of the fastest in the picture counts as moving (``--flowthresh 6``)."""


class ClassicRenderer:
    """Each frame a still; a FrameRenderer.

    Frame n (from 0) is dreamed with the seed + n: it is the picture that ``hallucinate still --seed`` makes of what the
    frame starts from.
    """

    frames_per_part = 12  # fewer than live, because each takes tens of steps at full size

    def __init__(self, renderer: StillRenderer, preset: ClassicPreset) -> None:
        self._renderer, self._preset, self._flow = renderer, preset, Flow()
        self._count = 0
        self._last: tuple[Picture, Picture] | None = None  # the frame before, and its dream
        self._run: StillRun | None = None

    def render(self, frame: Frame) -> Picture:
        """The next frame, upright, dreamed: uint8 RGB (H, W, 3), the frame's own size."""
        start = frame.picture
        if self._last is not None:
            origin = previous_positions(self._last[0], start, self._flow)
            start = blend_last_dream(start, *self._last, origin, self._preset)
        if self._run is None:  # once, because all frames of a film are of one size
            self._run = self._renderer.start(start.shape[1], start.shape[0])
        options = replace(self._renderer.options, seed=self._renderer.options.seed + self._count)
        dream = render_run(replace(self._run, options=options), start, self._renderer.device)
        self._count += 1
        if self._preset.uses_last_dream:
            self._last = frame.picture, dream
        return dream

    def state(self) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
        """As ``FrameRenderer.state``: the last frame and its dream, and how many were dreamed."""
        last = {} if self._last is None else dict(zip(("frame", "dream"), self._last, strict=True))
        return {name: torch.from_numpy(picture) for name, picture in last.items()}, {"count": self._count}

    def restore(self, tensors: dict[str, torch.Tensor], values: dict[str, Any]) -> None:
        """As ``FrameRenderer.restore``."""
        self._last = (tensors["frame"].numpy(), tensors["dream"].numpy()) if tensors else None
        self._count = values["count"]


def previous_positions(before: Picture, frame: Picture, flow: Flow) -> Field:
    """Where each pixel of a frame was in the one before: float32 (H, W, 2), in its pixels; both uint8 RGB (H, W, 3).

    Measured on a small picture, as live.
    """
    height, width = frame.shape[:2]
    small = (FLOW_WIDTH, max(16, round(height * FLOW_WIDTH / width)))
    back = flow.between(to_luma(before, *small), to_luma(frame, *small)).back
    large = cv2.resize(back, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(large * (width / small[0], height / small[1]), np.float32)


def blend_last_dream(frame: Picture, before: Picture, dream: Picture, origin: Field, preset: ClassicPreset) -> Picture:
    """What a frame is before it is dreamed: with some of the last dream in it.

    Where it moves, ``moving_share`` of the hallucination (dream − before) goes along with the motion and is added;
    elsewhere ``still_share`` of the last dream is mixed in. All pictures uint8 RGB (H, W, 3). origin: as
    ``previous_positions`` gives it.
    """
    new, old, last_dream = (picture.astype(np.float32) for picture in (frame, before, dream))
    moving = new + sampled(preset.moving_share * (last_dream - old), origin)
    mixed = (1 - preset.still_share) * new + preset.still_share * last_dream
    speed = np.sqrt(squared(origin))
    span = float(speed.max() - speed.min())
    is_moving = (speed - speed.min() > MOVING * span)[..., None]
    return np.asarray(np.where(is_moving, moving, mixed).clip(0, 255).round(), np.uint8)

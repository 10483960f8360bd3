"""The frames of a zoom: each is the frame before as it was written, in 8 bits, moved, held in bounds, and dreamed."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from hallucinate.dream.ascent import normalised, resized, shifted
from hallucinate.dream.still import StillRun, shape_gradient, sizes, tiles_for
from hallucinate.dream.tiles import gradient_by_tiles
from hallucinate.frame import Picture, to_picture, to_tensor
from hallucinate.still.renderer import StillRenderer
from hallucinate.zoom_motion import ZoomMotion, appearance_of, moved, stabilised

STEP = 0.05
"""How far the steps of a frame go together at strength 1, in [0, 1], where no step size is set."""


def zoom_frames(
    renderers: list[StillRenderer],
    start: Picture,
    last: Picture | None,
    numbers: range,
    motion: ZoomMotion,
    fps: float,
    every: int,
) -> Iterator[Picture]:
    """The frames of those numbers, counted from 0; uint8 RGB (H, W, 3), as start and last.

    renderers: one after the other, the next after ``every`` frames; only the first where that is 0. start: the first
    frame. last: the frame before the first of the numbers; None where there is none.
    """
    target, seconds = appearance_of(start), 1 / fps
    runs = [renderer.start(start.shape[1], start.shape[0]) for renderer in renderers]
    seed, device = renderers[0].options.seed, renderers[0].device
    picture = start if last is None else last
    for n in numbers:
        if n:
            random = np.random.default_rng([seed, n])
            run = runs[n // every % len(runs)] if every else runs[0]
            closer = stabilised(moved(picture, motion, seconds), target, seconds, random)
            picture = dream_frame(run, closer, random, device)
        yield picture


def dream_frame(run: StillRun, picture: Picture, random: np.random.Generator, device: torch.device) -> Picture:
    """A frame dreamed: some steps on each octave, coarse to fine, each enlarged and added to the full-size frame.

    picture: uint8 RGB (H, W, 3); so is what is returned.
    """
    settings, options = run.settings, run.options
    x = to_tensor(picture, device)
    octaves = sizes(run.network, settings, options, *picture.shape[:2])
    todo = [size for size in octaves for _ in range(options.iterations)]
    rate = options.step_size if options.step_size is not None else STEP * settings.strength / len(todo)
    for size in todo if run.objectives.objectives and rate else []:
        small = resized(x, *size)
        jitter = min(settings.jitter, min(size) - 1)
        shift = torch.from_numpy(random.integers(0, jitter + 1, (1, 2))).to(device) if jitter else None
        g = shifted(small, lambda x: gradient_by_tiles(run.objectives, x, tiles_for(run, x)), shift, jitter)
        x = (x + rate * resized(normalised(shape_gradient(run, g)), *x.shape[2:])).clamp(0, 1)
    return to_picture(x)

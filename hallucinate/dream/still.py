"""A still picture dreamed: octave after octave, coarse to fine, what was dreamed so far enlarged to the next.

In two variants. Its own: what strength allows is divided between the octaves, and the detail is held within limits as a
live residual is. Or the classic one, that of the 2015 notebook to the letter (Mordvintsev et al., google/deepdream,
``dream.ipynb``): steps of one size, jitter rolled round, resizing as ``scipy.ndimage.zoom``, nothing but clipping.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

from hallucinate.dream import residual as res
from hallucinate.dream.advance import GONE
from hallucinate.dream.ascent import normalised, resized, shifted
from hallucinate.dream.objective_set import ObjectiveSet
from hallucinate.dream.octaves import SMALLEST, octave_sizes
from hallucinate.dream.priors import Shaping, radius_for, regularisation, shaped
from hallucinate.dream.strength_calibration import StrengthCalibration
from hallucinate.dream.tiles import Tile, gradient_by_tiles, tiles
from hallucinate.networks import Network
from hallucinate.settings import Settings

LARGEST = 0.34
"""How large motifs are on the coarsest octave, as a share of the picture's width, where nobody said: as live."""

PUSH = 1.6
"""How much further an octave's steps would go together than it may, so that it gets there."""


@dataclass(frozen=True)
class StillOptions:
    """How a still is dreamed, beside what the settings say.

    iterations: steps on each octave. step_size: the mean magnitude of a step, in [0, 1] units; None for what strength
    sets, which then is the limit as well. classic: the notebook's own steps. tile: pixels along a tile's core.
    """

    iterations: int = 10
    step_size: float | None = None
    classic: bool = False
    seed: int = 0
    tile: int = 1024


@dataclass(frozen=True)
class StillProgress:
    """Where a dream is: so many iterations done on an octave of so many, and its detail there.

    detail: dreamed picture − photo at the octave's size, float32 (1, 3, h, w).
    """

    octave: int
    iteration: int
    octaves: int
    detail: torch.Tensor


@dataclass(frozen=True)
class Turn:
    """One iteration: on which octave of how many, and its own randomness."""

    octave: int
    octaves: int
    random: np.random.Generator


@dataclass(frozen=True)
class StillRun:
    """All that stays the same while one picture is dreamed.

    margin: of the tiles, as ``tiles.receptive_field`` measures it. mask: where it may dream, float32 (1, 1, h, w) of
    any size.
    """

    network: Network
    objectives: ObjectiveSet
    settings: Settings
    options: StillOptions
    calibration: StrengthCalibration
    margin: int
    mask: torch.Tensor | None = None


def sizes(
    network: Network, settings: Settings, options: StillOptions, height: int, width: int
) -> list[tuple[int, int]]:
    """The octaves' sizes (height, width), coarse to fine. The last is the picture's own, unless a size was set.

    In the classic variant each is the one before, divided and rounded. Else, where neither the number of octaves nor a
    size was set, there are as many as it takes for the coarsest to hold motifs as large as live ones.
    """
    if options.classic:
        found = [(height, width)]
        for _ in range(settings.octaves - 1):
            found.append((round(found[-1][0] / settings.octave_scale), round(found[-1][1] / settings.octave_scale)))
        return [size for size in reversed(found) if min(size) >= SMALLEST or size == (height, width)]
    chosen = settings.model_fields_set
    if "motif_size" in chosen:
        finest, count = network.motif_px / settings.motif_size, settings.octaves
    else:
        coarsest = network.motif_px / LARGEST
        finest = width
        count = max(settings.octaves, 1 + round(math.log(max(1.0, width / coarsest), settings.octave_scale)))
    if "octaves" in chosen:
        count = settings.octaves
    return octave_sizes(height, width, finest, count, settings.octave_scale)


def iterate(run: StillRun, photo: torch.Tensor, start: StillProgress | None = None) -> Iterator[StillProgress]:
    """Dream a photo, float32 (1, 3, H, W) in [0, 1], and yield the progress after each iteration.

    start: where an earlier run was, to go on from there: what comes is what it would have been.
    """
    options = run.options
    todo = sizes(run.network, run.settings, options, *photo.shape[2:])
    detail = start.detail if start is not None else photo.new_zeros(1, 3, *todo[0])
    bases = classic_bases(photo, todo) if options.classic else {}
    for octave, size in enumerate(todo):
        done = 0
        if start is not None:
            if octave < start.octave:
                continue
            done = start.iteration if octave == start.octave else 0
        base = bases.pop(size) if options.classic else resized(photo, *size)
        detail = zoomed(detail, *size) if options.classic else resized(detail, *size)
        for iteration in range(done, options.iterations):
            random = np.random.default_rng([options.seed, octave, iteration])
            step = classic_step if options.classic else bounded_step
            detail = step(run, base, detail, Turn(octave, len(todo), random))
            yield StillProgress(octave, iteration + 1, len(todo), detail)


def classic_bases(photo: torch.Tensor, todo: list[tuple[int, int]]) -> dict[tuple[int, int], torch.Tensor]:
    """The photo at every octave's size, each made of the next larger one."""
    bases, base = {}, photo
    for size in reversed(todo):
        base = bases[size] = zoomed(base, *size)
    return bases


def zoomed(x: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """Linear between the corners' centres, which stay: ``scipy.ndimage.zoom`` with order 1. (B, C, h, w)."""
    if x.shape[2:] == (height, width):
        return x
    return F.interpolate(x, (height, width), mode="bilinear", align_corners=True)


def classic_step(run: StillRun, base: torch.Tensor, detail: torch.Tensor, turn: Turn) -> torch.Tensor:
    """``make_step`` of the notebook: roll, x ← x + step · g / mean|g|, roll back, clip."""
    jitter, step_size = run.settings.jitter, run.options.step_size
    assert step_size is not None
    across, down = (int(n) for n in turn.random.integers(-jitter, jitter + 1, 2))
    x = torch.roll(base + detail, (down, across), (2, 3))
    g = normalised(shape_gradient(run, gradient_by_tiles(run.objectives, x, tiles_for(run, x))))
    if run.mask is not None:
        g = g * torch.roll(resized(run.mask, *x.shape[2:]), (down, across), (2, 3))
    return torch.roll(x + step_size * g, (-down, -across), (2, 3)).clamp(0, 1) - base


def bounded_step(run: StillRun, base: torch.Tensor, detail: torch.Tensor, turn: Turn) -> torch.Tensor:
    """A step as live ones are. Each octave adds as much power as the others, so that the last ends at the limit."""
    settings, options = run.settings, run.options
    free = options.step_size is not None and "strength" not in settings.model_fields_set
    whole = run.calibration.rms_limit(settings)
    limit = whole * math.sqrt((turn.octave + 1) / turn.octaves)
    if not run.objectives.objectives or (whole == 0 and not free):
        return torch.zeros_like(detail)
    rate = options.step_size
    if rate is None:
        rate = PUSH * whole / math.sqrt(turn.octaves) / options.iterations / run.calibration.step_efficiency(settings)
    x = (base + detail).clamp(0, 1)
    jitter = min(settings.jitter, min(x.shape[2:]) - 1)  # a mirror shows no more than there is
    shift = torch.from_numpy(turn.random.integers(0, jitter + 1, (1, 2))).to(x.device) if jitter else None
    g = shifted(x, lambda seen: gradient_by_tiles(run.objectives, seen, tiles_for(run, seen)), shift, jitter)
    step = normalised(shape_gradient(run, g))
    if settings.total_variation or settings.l2_weight:
        weights = x.new_tensor([settings.total_variation]), x.new_tensor([settings.l2_weight])
        step = step + regularisation(detail, x.new_full((1, 1, 1, 1), limit), *weights)
    mask = None if run.mask is None else resized(run.mask, *x.shape[2:])
    if mask is not None:
        step = step * mask
    r = (x + rate * step).clamp(0, 1) - base
    return r if free else limited(r, base, limit, mask)


def limited(r: torch.Tensor, base: torch.Tensor, limit: float, mask: torch.Tensor | None) -> torch.Tensor:
    """Within its limits, as ``advance`` holds a residual: no further, no crowding, no brighter, and where it may be."""
    dreams = 1.0 if mask is None else (mask / GONE).clamp(max=1)
    part = 1.0 if isinstance(dreams, float) else float(dreams.square().mean().sqrt())
    r = res.orthogonal_to_camera(res.balanced(res.limit_crowding(dreams * r, limit)), base)
    return dreams * res.limit_rms(r, limit * part)


def shape_gradient(run: StillRun, g: torch.Tensor) -> torch.Tensor:
    """The gradient, shaped as the settings say; the classic one is not rid of its checkerboard."""
    settings = run.settings
    shaping = Shaping(
        unchecked=not run.options.classic,
        radius=radius_for(settings.gradient_blur),
        levels=settings.laplacian_levels,
        decorrelated=settings.colour_decorrelation,
    )
    return shaped(g, shaping, g.new_tensor([settings.gradient_blur]))


def tiles_for(run: StillRun, x: torch.Tensor) -> list[Tile]:
    """The tiles by which a picture of that size is looked at."""
    return tiles(x.shape[2], x.shape[3], run.options.tile, run.margin)

"""A still picture dreamed: octave after octave, coarse to fine, what was dreamed so far carried up.

Two manners. Its own: what strength allows is shared between the octaves, and the detail is kept in bounds as a live
residual is. Or the classic one, that of the 2015 notebook to the letter (Mordvintsev et al., google/deepdream,
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
from hallucinate.dream.ascent import normalised, resized, shifted
from hallucinate.dream.growth import GONE
from hallucinate.dream.octaves import SMALLEST, octave_sizes
from hallucinate.dream.priors import Shaping, drawn_back, radius_for, shaped
from hallucinate.dream.strength import StrengthCalibration
from hallucinate.dream.tiles import ObjectiveSet, Tile, gradient_by_tiles, tiles
from hallucinate.networks import Network
from hallucinate.settings import Settings

LARGEST = 0.34
"""How large motifs are on the coarsest octave, as a share of the picture's width, where nobody said: as live."""

PUSH = 1.6
"""How much further an octave's steps would go together than it may, so that it gets there."""


@dataclass(frozen=True)
class StillOptions:
    """How a still is climbed, beside what the settings say.

    iterations: steps on each octave. step_size: the mean magnitude of a step, in [0, 1] units; None for what strength
    asks for, which then is the bound as well. classic: the notebook's own steps. tile: pixels along a tile's core.
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

    margin: of the tiles, as ``tiles.reach`` finds it. mask: where it may dream, float32 (1, 1, h, w) of any size.
    """

    wish: ObjectiveSet
    settings: Settings
    manner: StillOptions
    calibration: StrengthCalibration
    margin: int
    mask: torch.Tensor | None = None


def sizes(network: Network, settings: Settings, manner: StillOptions, height: int, width: int) -> list[tuple[int, int]]:
    """The octaves' sizes (height, width), coarse to fine. The last is the picture's own, unless a size was asked for.

    In the classic manner each is the one before, divided and rounded. Else, where neither the number of octaves nor a
    size was given, there are as many as it takes for the coarsest to hold motifs as large as live ones.
    """
    if manner.classic:
        found = [(height, width)]
        for _ in range(settings.octaves - 1):
            found.append((round(found[-1][0] / settings.octave_scale), round(found[-1][1] / settings.octave_scale)))
        return [size for size in reversed(found) if min(size) >= SMALLEST or size == (height, width)]
    given = settings.model_fields_set
    if "motif_size" in given:
        finest, count = network.motif_px / settings.motif_size, settings.octaves
    else:
        coarsest = network.motif_px / LARGEST
        finest = width
        count = max(settings.octaves, 1 + round(math.log(max(1.0, width / coarsest), settings.octave_scale)))
    if "octaves" in given:
        count = settings.octaves
    return octave_sizes(height, width, finest, count, settings.octave_scale)


def dreaming(sitting: StillRun, photo: torch.Tensor, begun: StillProgress | None = None) -> Iterator[StillProgress]:
    """Dream a photo, float32 (1, 3, H, W) in [0, 1], and tell where it is after each iteration.

    begun: where an earlier run was, to go on from there: what comes is what it would have been.
    """
    settings, manner = sitting.settings, sitting.manner
    todo = sizes(sitting.wish.network, settings, manner, *photo.shape[2:])
    detail = begun.detail if begun is not None else photo.new_zeros(1, 3, *todo[0])
    bases = classic_bases(photo, todo) if manner.classic else {}
    for octave, size in enumerate(todo):
        done = 0
        if begun is not None:
            if octave < begun.octave:
                continue
            done = begun.iteration if octave == begun.octave else 0
        base = bases.pop(size) if manner.classic else resized(photo, *size)
        detail = zoomed(detail, *size) if manner.classic else resized(detail, *size)
        for iteration in range(done, manner.iterations):
            random = np.random.default_rng([manner.seed, octave, iteration])
            step = classic_step if manner.classic else bounded_step
            detail = step(sitting, base, detail, Turn(octave, len(todo), random))
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


def classic_step(sitting: StillRun, base: torch.Tensor, detail: torch.Tensor, turn: Turn) -> torch.Tensor:
    """``make_step`` of the notebook: roll, x ← x + step · g / mean|g|, roll back, clip."""
    jitter, step_size = sitting.settings.jitter, sitting.manner.step_size
    assert step_size is not None
    across, down = (int(n) for n in turn.random.integers(-jitter, jitter + 1, 2))
    x = torch.roll(base + detail, (down, across), (2, 3))
    way = normalised(prior(sitting, gradient_by_tiles(sitting.wish, x, laid(sitting, x))))
    if sitting.mask is not None:
        way = way * torch.roll(resized(sitting.mask, *x.shape[2:]), (down, across), (2, 3))
    return torch.roll(x + step_size * way, (-down, -across), (2, 3)).clamp(0, 1) - base


def bounded_step(sitting: StillRun, base: torch.Tensor, detail: torch.Tensor, turn: Turn) -> torch.Tensor:
    """A step as live ones are. Each octave adds as much power as the others, so that the last ends at the limit."""
    settings, manner = sitting.settings, sitting.manner
    free = manner.step_size is not None and "strength" not in settings.model_fields_set
    whole = sitting.calibration.reach(settings)
    limit = whole * math.sqrt((turn.octave + 1) / turn.octaves)
    if not sitting.wish.shares or (whole == 0 and not free):
        return torch.zeros_like(detail)
    rate = manner.step_size
    if rate is None:
        rate = PUSH * whole / math.sqrt(turn.octaves) / manner.iterations / sitting.calibration.of(settings)
    x = (base + detail).clamp(0, 1)
    jitter = min(settings.jitter, min(x.shape[2:]) - 1)  # a mirror shows no more than there is
    shift = torch.from_numpy(turn.random.integers(0, jitter + 1, 2)).to(x.device) if jitter else None
    g = shifted(x, lambda seen: gradient_by_tiles(sitting.wish, seen, laid(sitting, seen)), shift, jitter)
    way = normalised(prior(sitting, g))
    if settings.total_variation or settings.l2_weight:
        variation, pull = x.new_tensor([settings.total_variation]), x.new_tensor([settings.l2_weight])
        way = way + drawn_back(detail, x.new_full((1, 1, 1, 1), limit), variation, pull)
    mask = None if sitting.mask is None else resized(sitting.mask, *x.shape[2:])
    if mask is not None:
        way = way * mask
    r = (x + rate * way).clamp(0, 1) - base
    return r if free else within(r, base, limit, mask)


def within(r: torch.Tensor, base: torch.Tensor, limit: float, mask: torch.Tensor | None) -> torch.Tensor:
    """In bounds, as ``growth.grown`` keeps a residual: no further, no crowds, no brighter, and where it may be."""
    kept = 1.0 if mask is None else (mask / GONE).clamp(max=1)
    part = 1.0 if isinstance(kept, float) else float(kept.square().mean().sqrt())
    r = res.beside(res.balanced(res.spread_out(kept * r, limit)), base)
    return kept * res.within(r, limit * part)


def prior(sitting: StillRun, g: torch.Tensor) -> torch.Tensor:
    """The gradient, shaped as the settings say; the classic one is not rid of its checkerboard."""
    settings = sitting.settings
    shaping = Shaping(
        unchecked=not sitting.manner.classic,
        radius=radius_for(settings.gradient_blur),
        levels=settings.laplacian_levels,
        natural=settings.colour_decorrelation,
    )
    return shaped(g, shaping, g.new_tensor([settings.gradient_blur]))


def laid(sitting: StillRun, x: torch.Tensor) -> list[Tile]:
    """The tiles by which a picture of that size is looked at."""
    return tiles(x.shape[2], x.shape[3], sitting.manner.tile, sitting.margin)

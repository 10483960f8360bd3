"""Frames of several sessions as one batch: which fit together, and the tensors of a frame but for the pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from hallucinate.dream.advance import GraphKey
from hallucinate.dream.ascent import resized
from hallucinate.dream.change import Change
from hallucinate.dream.cuda import Array
from hallucinate.dream.deflicker import with_gain
from hallucinate.dream.momentum import AVERAGED_S, REPLACED_S
from hallucinate.dream.octaves import octave_sizes
from hallucinate.dream.priors import Shaping, radius_for
from hallucinate.dream.session import Compiled, Session
from hallucinate.dream.state import SessionState
from hallucinate.dream.surface import MARGIN, Surface, eyes
from hallucinate.frame import Frame, OperatingPoint, Picture

SHORTEST_GAP_S = 1e-3
"""A direction counts in the average as that of a frame so long, at the least: also that of the first frame."""

LONGEST_GAP_S = 0.25
"""Frames further apart than this grow no more than after this gap: a stall must not end in a leap."""


@dataclass(frozen=True)
class Prepared:
    """One session's frame before its steps.

    compiled: its settings, once for the frame. views: of the only eye, or of the left and the right. before: the state
    that the frame was prepared from. after: the one that it leads to, but for the residual. shifts: of each step's
    jitter, int64 (steps, 2).
    """

    session: Session
    frame: Frame
    compiled: Compiled
    views: tuple[Picture, ...]
    change: Change
    before: SessionState
    after: SessionState
    shifts: Array

    @property
    def picture(self) -> Picture:
        """The view that is dreamed, its brightness corrected."""
        return with_gain(self.views[0], self.change.gain)

    @property
    def dreams(self) -> bool:
        """Whether the settings request anything, with any strength."""
        return self.session.settings.strength > 0 and bool(self.compiled.objectives.objectives)


def batches(frames: Sequence[tuple[Session, Frame]]) -> list[list[int]]:
    """Which frames, by number, are dreamed together: those of one surface, size, octave and settings."""
    found: list[tuple[object, Session, list[int]]] = []
    for n, (session, frame) in enumerate(frames):
        kind = (session.geometry, frame.picture.shape, session.state.octave)
        same = (group for other, first, group in found if other == kind and first.settings == session.settings)
        group = next(same, None)
        if group is None:
            found.append((kind, session, [n]))
        else:
            group.append(n)
    return [group for _, _, group in found]


def prepare(session: Session, frame: Frame, point: OperatingPoint) -> Prepared:
    """What a frame means for its session. Changes nothing; so it may be done again."""
    views, compiled = eyes(frame.picture, session.geometry.layout), session.compiled()
    change, after = session.change(frame if len(views) == 1 else frame.with_picture(views[0]))
    generator = np.random.Generator(np.random.PCG64())
    generator.bit_generator.state = dict(session.state.random)
    farthest = session.settings.jitter + 1 if session.geometry.surface is Surface.FLAT else 2**31
    shifts = generator.integers(0, farthest, (point.steps, 2))
    prepared = Prepared(session, frame, compiled, views, change, session.state, after, shifts)
    after = replace(
        after,
        sequence=after.sequence + 1,
        octave=after.octave + (point.steps if prepared.dreams else 0),
        frames_since_step=0 if point.steps else after.frames_since_step + 1,
        stepped_ns=frame.captured_ns if point.steps else after.stepped_ns,
        random=generator.bit_generator.state,
    )
    return replace(prepared, after=after)


def graph_key(batch: Sequence[Prepared], size: tuple[int, int], steps: int) -> GraphKey:
    """What runs on the device; each step is on the next octave of the cycle, coarse to fine. size: (height, width)."""
    session = batch[0].session
    settings, surface, network = session.settings, session.geometry.surface, session.dreamer.network
    sizes: list[tuple[int, int]] = []
    if batch[0].dreams:
        share = settings.motif_degrees / surface.degrees if surface.degrees else settings.motif_size
        finest, multiple = network.motif_px / share, MARGIN if surface.wraps else 1
        octaves = octave_sizes(*size, finest, settings.octaves, settings.octave_scale, multiple)
        sizes = [octaves[(batch[0].before.octave + n) % len(octaves)] for n in range(steps)]
    return GraphKey(
        sizes=tuple(sizes),
        objectives=tuple(objective.key for objective in batch[0].compiled.objectives.objectives),
        jitter=settings.jitter,
        warped=any(each.change.motion is not None for each in batch),
        masked=settings.where != "everywhere",
        shaping=Shaping(
            radius=radius_for(settings.gradient_blur),
            levels=settings.laplacian_levels,
            decorrelated=settings.colour_decorrelation,
        ),
        regularised=settings.total_variation > 0 or settings.l2_weight > 0,
        surface=surface,
    )


def parameters(batch: Sequence[Prepared], steps: int) -> dict[str, Array]:
    """The frame's numbers, by the names of ``FrameParameters``: all but pictures, residuals and objectives."""
    settings, compiled = batch[0].session.settings, batch[0].compiled
    # Full strength within growth_s, whatever the frame rate and the number of steps.
    seconds = np.array([min(each.change.unstepped_s, LONGEST_GAP_S) for each in batch])
    whole = compiled.rms_limit / compiled.step_efficiency / max(1, steps)
    each_session: dict[str, Any] = {
        "decay": [each.change.decay for each in batch],
        "fresh": [each.change.fresh for each in batch],
        "remembered": [not each.change.anew for each in batch],
        "share": 1 - np.exp(-np.maximum(seconds, SHORTEST_GAP_S) / AVERAGED_S / max(1, steps)),
        "rate": whole * seconds / settings.growth_s,
        "whole_rate": np.full(len(batch), whole),
        "settled_rate": whole * seconds / REPLACED_S,
        "limit": np.full(len(batch), compiled.rms_limit),
    }
    weights = compiled.objectives.weights
    return {
        "motion": motion_of(batch),
        **{name: np.asarray(values, np.float32).reshape(-1, 1, 1, 1) for name, values in each_session.items()},
        "shares": np.array(weights, np.float32) / max(1e-6, sum(weights)),
        "sigma": np.array([settings.gradient_blur], np.float32),
        "total_variation": np.array([settings.total_variation], np.float32),
        "l2_weight": np.array([settings.l2_weight], np.float32),
        "shifts": np.stack([each.shifts for each in batch]),
        "mask": mask_of(batch),
    }


def mask_of(batch: Sequence[Prepared]) -> Array:
    """Where each session's picture may dream, (B, 1, h, w), 0 to 1."""
    where, painted = batch[0].session.settings.where, batch[0].session.dreamer.mask
    nowhere = np.zeros((1, 1, 1), np.float32)
    if where == "moving":
        return np.stack([nowhere if each.change.moving is None else each.change.moving[None] for each in batch])
    return np.stack([painted if painted is not None and where == "painted" else nowhere] * len(batch))


def motion_of(batch: Sequence[Prepared]) -> Array:
    """Every session's motion as one array, (B, 3, h, w); where one of them has none, nothing moved there."""
    motions = [each.change.motion for each in batch]
    measured = next((motion for motion in motions if motion is not None), None)
    if measured is None:
        return np.zeros((len(batch), 3, 1, 1), np.float32)
    still = np.zeros_like(measured)
    still[2] = 1.0
    return np.stack([still if motion is None else motion for motion in motions])


def held_before(batch: Sequence[Prepared], size: tuple[int, int], device: torch.device) -> dict[str, torch.Tensor]:
    """The sessions' own tensors, by the names of ``FrameParameters``: residuals and momenta at the dream's size
    (height, width), and colours; zeros where there were none before."""
    wraps = batch[0].session.geometry.surface.wraps
    shapes = {"residual": (3, *size), "momentum": (4, *size), "colour": (3, 1, 1)}
    found: dict[str, torch.Tensor] = {}
    for name, shape in shapes.items():
        before = [getattr(each.before, name) for each in batch]
        zeros = torch.zeros((1, *shape), device=device)
        found[name] = torch.cat([zeros if held is None else resized(held, *shape[1:], wraps) for held in before])
    return found

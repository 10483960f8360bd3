"""What a new frame means for what was dreamed so far: how much time went by, what moved, what was cut, what decays."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, replace

import cv2
import numpy as np

from hallucinate.dream import residual as res
from hallucinate.dream.cuts import is_cut
from hallucinate.dream.deflicker import GLANCE, Light, brightened, followed, with_gain
from hallucinate.dream.drift import drift, drift_on_sphere
from hallucinate.dream.flow import FLOW_WIDTH, Field, Flow, Motion, motion_field
from hallucinate.dream.motion_mask import motion_mask
from hallucinate.dream.objectives import requested
from hallucinate.dream.state import SessionState
from hallucinate.dream.surface import Surface
from hallucinate.frame import Frame, Picture, to_luma
from hallucinate.settings import Settings

ROUNDED = 0.05
"""By how much a shape may seem to change where its sides were merely rounded, by a codec or for a slower network."""

LETTING_GO_S = 0.15
"""Half-life of what was dreamed before when something else is requested, for half the time that this takes to grow."""

CUT_HALF_LIFE_S, CUT_S = 0.045, 0.35
"""After a cut what was dreamed before fades with this half-life, for so long: no ghost of the last scene.

Quicker than it looks as if it had to be, because steps go on, and find the old eyes before they find new ones.
"""

SAME = 2.0
"""A camera's picture is as it was where no part of it, at a glance, changed by more, of 255.

Above what a webcam's noise leaves in the mean of a part, below what any motion of half a flow pixel does to an edge.
"""

SETTLING_S, SETTLING_GROWTHS = 8.0, 2.0
"""After a cut, or after any knob was moved, colours are free for so long, or for so many times the growth's time."""


@dataclass(frozen=True, slots=True)
class Change:
    """What a new frame means for what was dreamed.

    seconds: since the last frame. unstepped_s: since steps were last taken, for which those of this frame make up.
    decay: the share of the residual that does not fade. fresh: how much of what is dreamed is new, 0 to 1: all of it
    until it has settled, then what was hidden before. motion: as ``flow.motion_field`` gives it, None where nothing
    moved. moving: where the picture moved of late, as ``motion_mask`` gives it, where only that may dream; else None.
    anew: whether the scene was cut, or something else was requested: directions of before lead to what is past.
    gain: by which the camera's picture is multiplied, so that its light does not flicker.
    """

    seconds: float
    unstepped_s: float
    decay: float
    fresh: float
    motion: Field | None
    moving: Field | None
    anew: bool
    gain: float


def change_of(
    state: SessionState, frame: Frame, settings: Settings, flow: Flow, surface: Surface
) -> tuple[Change, SessionState]:
    """What this frame means, and the state that knows of it. On the CPU; pure but for the flow's buffers."""
    seconds = (frame.captured_ns - state.captured_ns) / 1e9 if state.residual is not None else 0.0
    state = replace(state, captured_ns=frame.captured_ns)
    # What was dreamed on a picture of another shape is true nowhere in this one, and stretched it would be a smear.
    reshaped = state.luma is not None and not _fits(state.luma, frame.picture)
    motion, state = _motion(state, frame, seconds, settings, flow, surface)
    mix = requested(settings)
    state = _requested_at(state, frame, frozenset(mix))
    state = _settling_at(state, frame, settings)
    unstepped_ns = None if state.stepped_ns is None else frame.captured_ns - state.stepped_ns
    dreams = settings.strength > 0 and bool(mix)
    change = Change(
        seconds=seconds,
        unstepped_s=seconds if unstepped_ns is None else unstepped_ns / 1e9,
        decay=0.0 if reshaped else res.fade(seconds, _half_life_s(state, frame, settings)),
        fresh=_fresh(state, frame, motion, settings),
        motion=motion,
        moving=state.moving if settings.where == "moving" else None,
        anew=frame.captured_ns in (state.cut_ns, state.requested_ns),
        gain=state.light.gain if settings.deflicker and dreams else 1.0,
    )
    return change, state


def _motion(
    state: SessionState, frame: Frame, seconds: float, settings: Settings, flow: Flow, surface: Surface
) -> tuple[Field | None, SessionState]:
    """Where each pixel of the residual was a frame ago; notes a cut, or another camera."""
    before = state.luma if state.luma is not None and _fits(state.luma, frame.picture) else None
    height, width = _flow_size(frame.picture) if before is None else before.shape
    luma = to_luma(frame.picture, width, height)
    if state.residual is None or before is None:
        cut_ns = frame.captured_ns if state.residual is not None else None  # another camera, or this one was turned
        return None, _new_scene(state, luma, cut_ns)
    measured: Motion | None = None
    change, moved = 0.0, not same(before, luma)
    if moved and (change := brightened(before, luma, None)):
        # In the light of this frame: else a flicker is taken for motion.
        before = with_gain(before, math.exp(change))
        moved = not same(before, luma)
    if moved:
        if settings.motion_compensation or settings.where == "moving":
            measured = flow.between(before, luma, wraps=surface.wraps)
        if is_cut(before, luma, measured):
            return None, _new_scene(state, luma, frame.captured_ns)
        change = change or brightened(before, luma, measured)
    state = replace(
        state,
        # As it was, where nothing moves: what moves too slowly to be seen adds up until it is.
        luma=luma if moved else before,
        light=followed(state.light, change, frame.captured_ns / 1e9, seconds),
    )
    if settings.where == "moving":
        moving = motion_mask(state.moving, measured, luma.shape, seconds, settings.half_life_s)
        state = replace(state, moving=moving)
    measured = measured if settings.motion_compensation else None
    own = drift if surface is Surface.FLAT else functools.partial(drift_on_sphere, surface.wraps)
    return motion_field(measured, own(height, width, seconds, frame.captured_ns / 1e9, settings)), state


def _flow_size(picture: Picture) -> tuple[int, int]:
    """(height, width) at which motion in a picture is measured."""
    return max(16, round(picture.shape[0] * FLOW_WIDTH / picture.shape[1])), FLOW_WIDTH


def _fits(luma: Picture, picture: Picture) -> bool:
    """Whether a picture has the shape of the one before, whose luma this is, but for the rounding of its sides."""
    rows = len(luma)
    return abs(_flow_size(picture)[0] - rows) <= max(1.0, ROUNDED * rows)


def _new_scene(state: SessionState, luma: Picture, cut_ns: int | None) -> SessionState:
    """Nothing of what moved, or of how the light went, is true of this scene."""
    return replace(state, luma=luma, moving=np.zeros(luma.shape, np.float32), light=Light(), cut_ns=cut_ns)


def _requested_at(state: SessionState, frame: Frame, now: frozenset[tuple[str, str]]) -> SessionState:
    """Notes when something else was requested last; what merely joins a mix needs no room."""
    if _just_cut(state, frame):
        return state
    if now == state.requested:
        return state
    since_ns = state.requested_ns if now > state.requested else frame.captured_ns
    return replace(state, requested=now, requested_ns=since_ns)


def _half_life_s(state: SessionState, frame: Frame, settings: Settings) -> float:
    """The settings' own; shorter after a cut, or just after something else was requested, to make room for it."""
    if _just_cut(state, frame):
        return min(settings.half_life_s, CUT_HALF_LIFE_S)
    letting_go = state.requested and frame.captured_ns - state.requested_ns < settings.growth_s * 1e9 / 2
    return min(settings.half_life_s, LETTING_GO_S) if letting_go else settings.half_life_s


def _just_cut(state: SessionState, frame: Frame) -> bool:
    return state.cut_ns is not None and frame.captured_ns - state.cut_ns < CUT_S * 1e9


def _settling_at(state: SessionState, frame: Frame, settings: Settings) -> SessionState:
    """Notes when a knob was last moved, or the scene cut."""
    if settings == state.settings and state.cut_ns != frame.captured_ns:
        return state
    return replace(state, settings=settings, settling_ns=frame.captured_ns)


def _fresh(state: SessionState, frame: Frame, motion: Field | None, settings: Settings) -> float:
    settled_s = (frame.captured_ns - state.settling_ns) / 1e9
    if settled_s < max(SETTLING_S, SETTLING_GROWTHS * settings.growth_s):
        return 1.0
    return 0.0 if motion is None else float(1 - motion[2].mean())


def same(old: Picture, new: Picture) -> bool:
    """Whether the camera's picture is as it was, but for noise. uint8 luma (h, w) twice, of one size."""
    if old is new:
        return True
    parts = [cv2.resize(luma, GLANCE, interpolation=cv2.INTER_AREA).astype(np.int16) for luma in (old, new)]
    return bool(np.abs(parts[0] - parts[1]).max() <= SAME)

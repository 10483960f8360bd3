"""One camera's hallucination: what is carried from frame to frame, and what a new frame does to it."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import cv2
import numpy as np

from hallucinate.dream import residual as res
from hallucinate.dream.cuts import is_cut
from hallucinate.dream.drift import drift, drift_on_sphere
from hallucinate.dream.flow import FLOW_WIDTH, Field, Flow, Motion, field
from hallucinate.dream.growth import Carried
from hallucinate.dream.light import GLANCE, Light, brightened, followed, lit
from hallucinate.dream.moving import moving
from hallucinate.dream.objectives import asked
from hallucinate.dream.surface import Surface
from hallucinate.frame import Frame, Picture, to_luma
from hallucinate.panorama.remap import Layout
from hallucinate.settings import Settings

LETTING_GO_S = 0.15
"""Half-life of what was dreamed before when something else is asked for, for half the time that this takes to grow."""

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
    """What a new frame means for what was dreamed: the seconds gone by, the share that is left, and where it went.

    climbs: seconds since steps were last taken, which those of this frame make up for.
    fresh: how much of what is dreamed is new, 0 to 1: all of it until it has settled, then what was hidden before.
    field: as ``flow.field`` gives it, None where nothing moved. moving: what moved of late, as ``moving.moving`` gives
    it, where only that may dream; else None.
    """

    seconds: float
    climbs: float
    left: float
    fresh: float
    field: Field | None
    moving: Field | None = None


class Hallucination:
    """What one camera's dream carries from frame to frame. Owned by the dreaming thread.

    surface: what its pictures lie on. layout: whose eyes they are for. carried: for one camera, at the size of the last
    dream, on the device; None before the first.
    cleared: how many frames had their residual cleared because it was no longer a number.
    gain: how many times as bright as the camera's the picture is to be, so that its light does not flicker.
    """

    def __init__(self, surface: Surface = Surface.FLAT, layout: Layout = Layout.MONO) -> None:
        self.surface, self.layout = surface, layout
        self.carried: Carried | None = None
        self.cleared = 0
        self.gain = 1.0
        self._light = Light()
        self._flow = Flow()
        self._luma: Picture | None = None
        self._before_ns = 0
        self._climbed_ns: int | None = None
        self._last: tuple[Frame, Change] | None = None
        self._left: tuple[Frame, Frame] | None = None
        self._asked: frozenset[tuple[str, str]] = frozenset()
        self._moving: Field | None = None
        self._asked_ns = 0
        self._cut_ns: int | None = None
        self._settings: Settings | None = None
        self._settling_ns = 0

    def change(self, frame: Frame, settings: Settings) -> Change:
        """What this frame means for what was dreamed. On the CPU; for each frame, in their order.

        The same for a frame that is asked about again, because it could not be dreamed at first.
        """
        if self._last is None or self._last[0] is not frame:
            seconds = (frame.captured_ns - self._before_ns) / 1e9 if self.carried is not None else 0.0
            self._before_ns = frame.captured_ns
            where = self._where(frame, seconds, settings)
            left = res.fade(seconds, self._half_life_s(frame, settings))
            moved = self._moving if settings.where == "moving" else None
            shown = settings.deflicker and settings.strength > 0 and bool(asked(settings))
            self.gain = self._light.gain if shown else 1.0
            climbs = seconds if self._climbed_ns is None else (frame.captured_ns - self._climbed_ns) / 1e9
            self._last = frame, Change(seconds, climbs, left, self._fresh(frame, where, settings), where, moved)
        return self._last[1]

    def left(self, frame: Frame, picture: Picture) -> Frame:
        """The left eye's part of a frame; the same object for the same frame, which may be asked about again."""
        if self.layout is Layout.MONO:
            return frame
        if self._left is None or self._left[0] is not frame:
            self._left = frame, frame.with_picture(picture)
        return self._left[1]

    def climb(self, frame: Frame) -> None:
        """Steps are taken on this frame."""
        self._climbed_ns = frame.captured_ns

    def keep(self, carried: Carried, fine: bool = True) -> None:
        """Carry this to the next frame. fine: whether it was a number, if that is known yet."""
        self.carried = carried
        self.cleared += not fine

    def _where(self, frame: Frame, seconds: float, settings: Settings) -> Field | None:
        """Where each pixel of the residual was a frame ago; notes a cut, or another camera."""
        shape = frame.picture.shape
        luma = to_luma(frame.picture, FLOW_WIDTH, max(16, round(shape[0] * FLOW_WIDTH / shape[1])))
        before = self._luma
        if self.carried is None or before is None or before.shape != luma.shape:
            self._cut_ns = frame.captured_ns if self.carried is not None else None  # another camera
            self._begin_anew(luma)
            return None
        motion: Motion | None = None
        change, moved = 0.0, not same(before, luma)
        if moved and (change := brightened(before, luma, None)):
            # In the light of this frame: else a flicker is taken for motion.
            before = lit(before, math.exp(change))
            moved = not same(before, luma)
        # Kept, where nothing moves: what moves too slowly to be seen adds up until it is.
        self._luma = luma if moved else before
        if moved:
            motion = (
                self._flow.between(before, luma, wraps=self.surface.wraps)
                if settings.motion_compensation or settings.where == "moving"
                else None
            )
            if is_cut(before, luma, motion):
                self._cut_ns = frame.captured_ns
                self._begin_anew(luma)
                return None
            change = change or brightened(before, luma, motion)
        self._light = followed(self._light, change, frame.captured_ns / 1e9, seconds)
        if settings.where == "moving":
            self._moving = moving(self._moving, motion, luma.shape, seconds, settings.half_life_s)
        motion = motion if settings.motion_compensation else None
        own = drift if self.surface is Surface.FLAT else functools.partial(drift_on_sphere, self.surface.wraps)
        return field(motion, own(luma.shape[0], luma.shape[1], seconds, frame.captured_ns / 1e9, settings))

    def _begin_anew(self, luma: Picture) -> None:
        """Nothing of what moved, or of how the light went, is true of this scene."""
        self._luma, self._moving, self._light = luma, np.zeros(luma.shape, np.float32), Light()

    def _fresh(self, frame: Frame, where: Field | None, settings: Settings) -> float:
        if settings != self._settings or self._cut_ns == frame.captured_ns:
            self._settings, self._settling_ns = settings, frame.captured_ns
        settled_s = (frame.captured_ns - self._settling_ns) / 1e9
        if settled_s < max(SETTLING_S, SETTLING_GROWTHS * settings.growth_s):
            return 1.0
        return 0.0 if where is None else float(1 - where[2].mean())

    def _half_life_s(self, frame: Frame, settings: Settings) -> float:
        """The settings' own; shorter after a cut, or just after something else was asked for, to make room for it."""
        if self._cut_ns is not None and frame.captured_ns - self._cut_ns < CUT_S * 1e9:
            return min(settings.half_life_s, CUT_HALF_LIFE_S)
        wanted = frozenset(asked(settings))
        if wanted != self._asked:
            # What merely joins a mix needs no room.
            self._asked_ns = self._asked_ns if wanted > self._asked else frame.captured_ns
            self._asked = wanted
        letting_go = bool(wanted) and frame.captured_ns - self._asked_ns < settings.growth_s * 1e9 / 2
        return min(settings.half_life_s, LETTING_GO_S) if letting_go else settings.half_life_s


def same(old: Picture, new: Picture) -> bool:
    """Whether the camera's picture is as it was, but for noise. uint8 luma (h, w) twice, of one size."""
    if old is new:
        return True
    parts = [cv2.resize(luma, GLANCE, interpolation=cv2.INTER_AREA).astype(np.int16) for luma in (old, new)]
    return bool(np.abs(parts[0] - parts[1]).max() <= SAME)

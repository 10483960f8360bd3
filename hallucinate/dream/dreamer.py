"""The dreamer: residual feedback, one frame at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from hallucinate.dream import residual as res
from hallucinate.dream.agreement import Agreement
from hallucinate.dream.ascent import direction, resized
from hallucinate.dream.cuts import is_cut
from hallucinate.dream.drift import drift
from hallucinate.dream.flow import FLOW_WIDTH, Flow, carried
from hallucinate.dream.governor import OperatingPoint
from hallucinate.dream.objective import Objective, objective
from hallucinate.dream.octaves import dream_size, octave_sizes
from hallucinate.frame import Frame, Picture, laid_on, shrunk, to_luma, to_tensor
from hallucinate.settings import Settings

if TYPE_CHECKING:
    from hallucinate.networks import Network

LONGEST_GAP_S = 0.25
"""Frames further apart than this grow no more than after this gap: a stall must not end in a leap."""


LETTING_GO_S = 0.15
"""Half-life of what was dreamed before when something else is asked for, for half the time that this takes to grow."""

CUT_HALF_LIFE_S, CUT_S = 0.08, 0.35
"""After a cut what was dreamed before fades with this half-life, for so long: no ghost of the last scene."""


class Dreamer:
    """Carries one hallucination from frame to frame. Owned by the dreaming thread.

    The residual is float32 (1, 3, h, w) at the dream size, on ``device``. The camera's picture is never
    resampled: what is dreamed is enlarged and laid on it.
    """

    def __init__(
        self, network: Network, device: torch.device, seed: int = 0, agreement: Agreement | None = None
    ) -> None:
        self._network, self._device = network, device
        self._agreement = agreement or Agreement()
        self._random = torch.Generator().manual_seed(seed)
        self._flow = Flow()
        self._residual: torch.Tensor | None = None
        self._luma: Picture | None = None
        self._before_ns = 0
        self._turn = 0
        self._asked: frozenset[str] = frozenset()
        self._asked_ns = 0
        self._cut_ns: int | None = None
        self._cleared = torch.zeros((), dtype=torch.int64, device=device)

    @property
    def cleared(self) -> int:
        """How many frames had their residual cleared because it was no longer a number. Waits for the device."""
        return int(self._cleared)

    def dream(self, frame: Frame, settings: Settings, point: OperatingPoint) -> Picture:
        """The frame, dreamed: uint8 RGB (H, W, 3), the frame's own size."""
        seconds = (frame.captured_ns - self._before_ns) / 1e9 if self._residual is not None else 0.0
        height, width = dream_size(frame.picture.shape[0], frame.picture.shape[1], point.width)
        camera = to_tensor(shrunk(frame.picture, width, height), self._device)

        r = self._carried(frame, height, width, seconds, settings)
        r = r * res.fade(seconds, self._half_life_s(frame, settings))
        wanted, limit = objective(self._network, settings), self._agreement.reach(settings)
        if wanted is not None and settings.strength > 0:
            r = self._grown(camera, r, wanted, limit, seconds, settings, point.steps)
        r = res.beside(res.balanced(res.spread_out(r, limit)), camera)
        r = res.within(r, limit)

        self._residual, self._before_ns = self._numbers_only(r), frame.captured_ns
        return laid_on(frame.picture, self._residual)

    def _half_life_s(self, frame: Frame, settings: Settings) -> float:
        """The settings' own; shorter after a cut, or just after something else was asked for, to make room for it."""
        if self._cut_ns is not None and frame.captured_ns - self._cut_ns < CUT_S * 1e9:
            return min(settings.half_life_s, CUT_HALF_LIFE_S)
        asked = frozenset([settings.layer] if settings.layer else (n for n, w in settings.motifs.items() if w > 0))
        if asked != self._asked:
            # What merely joins a mix needs no room.
            self._asked_ns = self._asked_ns if asked > self._asked else frame.captured_ns
            self._asked = asked
        letting_go = bool(asked) and frame.captured_ns - self._asked_ns < settings.growth_s * 1e9 / 2
        return min(settings.half_life_s, LETTING_GO_S) if letting_go else settings.half_life_s

    def _carried(self, frame: Frame, height: int, width: int, seconds: float, settings: Settings) -> torch.Tensor:
        """The residual of the frame before, where its pixels are now, at the size asked for."""
        shape = frame.picture.shape
        luma = to_luma(frame.picture, FLOW_WIDTH, max(16, round(shape[0] * FLOW_WIDTH / shape[1])))
        before, self._luma = self._luma, luma
        if self._residual is None or before is None:
            return torch.zeros(1, 3, height, width, device=self._device)
        r = resized(self._residual, height, width)
        if before.shape != luma.shape:  # another camera
            self._cut_ns = frame.captured_ns
            return r
        motion = self._flow.between(before, luma) if settings.follow else None
        if is_cut(before, luma, motion):
            self._cut_ns = frame.captured_ns
            return r
        return carried(r, motion, drift(height, width, seconds, frame.captured_ns / 1e9, settings))

    def _grown(
        self,
        camera: torch.Tensor,
        r: torch.Tensor,
        wanted: Objective,
        limit: float,
        seconds: float,
        settings: Settings,
        steps: int,
    ) -> torch.Tensor:
        """Take the frame's steps; each is on the next octave of the cycle, coarse to fine."""
        _, _, height, width = camera.shape
        finest = self._network.motif_px / settings.motif_size
        sizes = octave_sizes(height, width, finest, settings.octaves, settings.octave_scale)
        # Full strength within growth_s, whatever the frame rate and the number of steps.
        reach = limit * min(seconds, LONGEST_GAP_S) / settings.growth_s
        rate = reach / self._agreement.of(settings) / steps
        for _ in range(steps):
            size = sizes[self._turn % len(sizes)]
            self._turn += 1
            jitter = min(settings.jitter, min(size) - 1)  # a mirror shows no more than there is
            seen = resized((camera + r).clamp(0, 1), *size)
            way_up = direction(seen, wanted, self._shift(jitter), jitter)
            r = (camera + r + rate * resized(way_up, height, width)).clamp(0, 1) - camera
        return r

    def _shift(self, jitter: int) -> tuple[int, int]:
        dy, dx = torch.randint(0, jitter + 1, (2,), generator=self._random).tolist()
        return int(dy), int(dx)

    def _numbers_only(self, r: torch.Tensor) -> torch.Tensor:
        """Clear the whole residual if any of it is not a number; counted on the device, without waiting."""
        fine = torch.isfinite(r).all()
        self._cleared += ~fine
        return torch.where(fine, r, torch.zeros_like(r))

"""The dreamer: what all sessions share, and how their frames are dreamed, as batches, on one device."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch

from hallucinate.dream.advance import FrameParameters, GraphKey, advance, composited
from hallucinate.dream.batch import Prepared, batches, graph_key, held_before, parameters, prepare
from hallucinate.dream.cuda import Array, Graphs, StagingBuffers
from hallucinate.dream.deflicker import with_gain
from hallucinate.dream.flow import FLOW_WIDTH, Flow, warped
from hallucinate.dream.objective_set import Guide, smaller
from hallucinate.dream.octaves import dream_size
from hallucinate.dream.session import Session
from hallucinate.dream.strength_calibration import StrengthCalibration
from hallucinate.dream.surface import FLAT_MONO, MARGIN, Geometry, beside_each_other, disparity
from hallucinate.frame import Frame, OperatingPoint, OutputFrame, Picture, add_residual, shrunk, to_luma, to_tensor
from hallucinate.settings import Settings

if TYPE_CHECKING:
    from hallucinate.networks import Network

MASK_PX = 256
"""The longer side, at most, of a mask."""

Fetch = Callable[[], tuple[Sequence[Picture], Sequence[bool]]]
"""Waits for the device: the dreamed views, uint8 RGB (H, W, 3), and whether each residual is finite."""


@dataclass(frozen=True)
class Pending:
    """A batch that the device is at work on. residuals: of each session, float32 (1, 3, h, w). steps: taken."""

    dreamer: Dreamer
    batch: Sequence[Prepared]
    residuals: Sequence[torch.Tensor]
    point: OperatingPoint
    steps: int
    fetch: Fetch

    def outputs(self, now_ns: int) -> list[OutputFrame]:
        """Wait for the device, and return what it made; ready at ``now_ns``."""
        outputs = []
        for each, residual, view, finite in zip(self.batch, self.residuals, *self.fetch(), strict=True):
            session = each.session
            if not finite:
                session.state = replace(session.state, cleared=session.state.cleared + 1)
            dream = view
            if len(each.views) == 2:
                dream = beside_each_other((view, self.dreamer.right_eye(each, residual)), session.geometry.layout)
            outputs.append(
                OutputFrame(
                    dream=dream,
                    camera=each.frame.picture,
                    captured_ns=each.frame.captured_ns,
                    ready_ns=now_ns,
                    sequence=each.before.sequence,
                    settings_revision=session.settings_revision,
                    point=self.point,
                    steps=self.steps,
                    octave=each.before.octave,
                    seed_state=each.before.random,
                    cleared=not finite,
                )
            )
        return outputs


class Dreamer:
    """What all sessions share: a network on a device, how far its motifs go, guide, mask, graphs and buffers.

    device: None for the CPU. calibration: None where nothing was measured. Owned by the thread that dreams; only
    ``set_guide`` and ``set_mask`` may be called by others. A frame's own picture is never resampled: what is dreamed is
    enlarged and added to it.
    """

    def __init__(
        self, network: Network, device: torch.device | None = None, calibration: StrengthCalibration | None = None
    ) -> None:
        self.network, self.device = network, device or torch.device("cpu")
        self.calibration = calibration or StrengthCalibration()
        self.guide: Guide | None = None
        self.mask: Array | None = None
        self._nothing = torch.zeros(1, 1, device=self.device)
        self._flow = Flow()  # from eye to eye
        # The CPU's own resizing is OpenCV's; everywhere else the whole frame is the device's work.
        self._whole_frame = self.device.type != "cpu"
        self._graphs = Graphs() if self.device.type == "cuda" else None
        # Flow is the CPU's work, which lets other threads run: several cameras' motion is measured side by side.
        self._flow_workers = ThreadPoolExecutor(min(8, os.cpu_count() or 1), "flow")
        # Two, so that the next frame can be uploaded while the last is still being downloaded.
        self._staging = [StagingBuffers(self.device), StagingBuffers(self.device)]

    def session(
        self, settings: Settings | None = None, seed: int = 0, geometry: Geometry = FLAT_MONO, octave: int = 0
    ) -> Session:
        """A new dream; the arguments are those of ``Session``. Without settings: the defaults."""
        return Session(self, settings or Settings(), seed, geometry, octave)

    def use(self, network: Network, calibration: StrengthCalibration) -> None:
        """Dream on with another network: residuals stay, the graphs captured for the one before are released."""
        self.network, self.calibration = network, calibration
        if self._graphs is not None:
            self._graphs = Graphs()

    def set_guide(self, picture: Picture | None) -> None:
        """What ``Settings.guide`` dreams of from now on: uint8 RGB (H, W, 3), of any size. Any thread."""
        self.guide = None if picture is None else Guide(picture)

    def set_mask(self, picture: Picture | None) -> None:
        """Where ``Settings.where`` "painted" dreams from now on, as bright as the picture is. Any thread."""
        if picture is None:
            self.mask = None
        else:
            luma = cv2.cvtColor(smaller(picture, MASK_PX), cv2.COLOR_RGB2GRAY)
            self.mask = np.asarray(luma, np.float32)[None] / 255

    def step(self, frames: Sequence[tuple[Session, Frame]], now_ns: int, point: OperatingPoint) -> list[OutputFrame]:
        """The next frame of each of several sessions, dreamed; those that fit together as one batch.

        Raises torch.OutOfMemoryError; all sessions are as they were then, and may be stepped again.
        """
        before = [session.state for session, _ in frames]
        outputs: dict[int, OutputFrame] = {}
        try:
            for numbers in batches(frames):
                pending = self.begin([frames[n] for n in numbers], point)
                outputs.update(zip(numbers, pending.outputs(now_ns), strict=True))
        except torch.OutOfMemoryError:
            for (session, _), state in zip(frames, before, strict=True):
                session.state = state
            raise
        return [outputs[n] for n in range(len(frames))]

    def begin(self, frames: Sequence[tuple[Session, Frame]], point: OperatingPoint) -> Pending:
        """Set the device to work on the next frame of sessions that fit together, as ``batches`` groups them.

        On a GPU the outputs of one call may be waited for after the next was made: no more than two at once.
        """
        batch = self._prepared(frames, point)
        surface, pictures = batch[0].session.geometry.surface, [each.picture for each in batch]
        height, width = pictures[0].shape[:2]
        size = dream_size(height, width, point.width, MARGIN if surface.wraps else 1)
        key, numbers = graph_key(batch, size, point.steps), parameters(batch, point.steps)
        held = held_before(batch, size, self.device)
        run = self._whole if self._whole_frame else self._at_dream_size
        *tensors, fetch = run(key, batch, pictures, held, numbers)
        residuals, momenta, colours = (torch.split(tensor, 1) for tensor in tensors)
        for each, r, m, c in zip(batch, residuals, momenta, colours, strict=True):
            each.session.state = replace(each.after, residual=r, momentum=m, colour=c)
        return Pending(self, batch, residuals, point, len(key.sizes), fetch)

    def _prepared(self, frames: Sequence[tuple[Session, Frame]], point: OperatingPoint) -> list[Prepared]:
        if len(frames) == 1:  # at once: another thread would only be waited for
            return [prepare(session, frame, point) for session, frame in frames]
        return list(self._flow_workers.map(lambda each: prepare(each[0], each[1], point), frames))

    def _at_dream_size(
        self,
        key: GraphKey,
        batch: Sequence[Prepared],
        pictures: Sequence[Picture],
        held: dict[str, torch.Tensor],
        numbers: dict[str, Array],
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, Fetch]:
        """The frame where only the dream is torch's work: pictures are made smaller, and residuals added, by OpenCV."""
        height, width = held["residual"].shape[2:]
        camera = torch.cat([to_tensor(shrunk(picture, width, height), self.device) for picture in pictures])
        on = {name: torch.from_numpy(array) for name, array in numbers.items()}
        objectives = batch[0].compiled.objectives.objectives
        r, momentum, colour, finite = advance(
            objectives, key, FrameParameters(camera, **held, **on, objectives=self._tensors(batch))
        )

        def fetch() -> tuple[Sequence[Picture], Sequence[bool]]:
            wraps = key.surface.wraps
            return [add_residual(p, r[n : n + 1], wraps) for n, p in enumerate(pictures)], finite.tolist()

        return r, momentum, colour, fetch

    def _whole(
        self,
        key: GraphKey,
        batch: Sequence[Prepared],
        pictures: Sequence[Picture],
        held: dict[str, torch.Tensor],
        numbers: dict[str, Array],
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, Fetch]:
        """The frame where all of it is the device's work, from the pictures to the dreams."""
        self._staging.reverse()
        staging, objectives = self._staging[0], batch[0].compiled.objectives.objectives
        on = {name: staging.upload(name, array) for name, array in numbers.items()}
        camera = staging.upload("camera", np.stack(pictures))
        frame = FrameParameters(camera, **held, **on, objectives=self._tensors(batch))

        def work(tensors: Sequence[torch.Tensor]) -> tuple[torch.Tensor, ...]:
            return composited(objectives, key, FrameParameters.from_flat(tensors))

        inputs = frame.flat()
        dream, r, momentum, colour, finite = self._graphs.run(key, work, inputs) if self._graphs else work(inputs)
        staging.request("dream", dream)
        staging.request("finite", finite)

        def fetch() -> tuple[Sequence[Picture], Sequence[bool]]:
            return list(np.asarray(staging.download("dream"), np.uint8)), staging.download("finite").tolist()

        return r, momentum, colour, fetch

    def _tensors(self, batch: Sequence[Prepared]) -> tuple[torch.Tensor, ...]:
        """The tensor of each objective; an empty one where it has none."""
        objectives = batch[0].compiled.objectives.objectives
        return tuple(self._nothing if objective.tensor is None else objective.tensor for objective in objectives)

    def right_eye(self, each: Prepared, residual: torch.Tensor) -> Picture:
        """The right eye's view with the left one's hallucination, moved by the disparity.

        Half the work of dreaming it, and nothing that the two eyes could disagree on.
        """
        left, right = each.views
        surface = each.session.geometry.surface
        height, width = dream_size(left.shape[0], left.shape[1], FLOW_WIDTH, MARGIN)
        lumas = (to_luma(left, width, height), to_luma(right, width, height))
        moved = disparity(self._flow, *lumas, surface)
        r = warped(residual, moved.to(self.device), surface.wraps)
        return add_residual(with_gain(right, each.change.gain), r.cpu(), surface.wraps)

"""A session is one dream: its settings, its seed, its geometry, and what it takes from frame to frame."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hallucinate.dream.change import Change, change_of
from hallucinate.dream.flow import Flow
from hallucinate.dream.objective_set import ObjectiveSet, compile_objectives
from hallucinate.dream.state import SessionState
from hallucinate.dream.surface import FLAT_MONO, Geometry
from hallucinate.frame import Frame, OperatingPoint, OutputFrame
from hallucinate.settings import Settings

if TYPE_CHECKING:
    from hallucinate.dream.dreamer import Dreamer


@dataclass(frozen=True)
class Compiled:
    """What settings come to with one network, guide and calibration.

    rms_limit: how far the residual may go, in [0, 1] units. step_efficiency: the share of a step that is progress.
    """

    objectives: ObjectiveSet
    rms_limit: float
    step_efficiency: float


class Session:
    """One dream. Owned by the thread that dreams.

    settings, settings_revision: with which it dreams, and their number; taken by ``use``. state: all that it takes from
    frame to frame, saved and loaded as such.
    """

    def __init__(
        self, dreamer: Dreamer, settings: Settings, seed: int = 0, geometry: Geometry = FLAT_MONO, octave: int = 0
    ) -> None:
        """seed: of its jitter. octave: where in the octave cycle to begin; sessions at one place share a batch."""
        self.dreamer, self.geometry = dreamer, geometry
        self.settings, self.settings_revision, self.seed = settings, 0, seed
        self.state = SessionState.start(seed, octave)
        self._flow = Flow()
        self._compiled: Compiled | None = None
        self._compiled_from: tuple[object, ...] = ()

    def use(self, settings: Settings, revision: int) -> None:
        """Dream with other settings from the next frame on. revision: their number, which is in each output frame."""
        self.settings, self.settings_revision = settings, revision

    def load(self, state: SessionState) -> None:
        """Go on from a state: on the same device, the next frames are what they would have been."""
        held = (state.residual, state.momentum, state.colour)
        residual, momentum, colour = (None if t is None else t.to(self.dreamer.device) for t in held)
        self.state = replace(state, residual=residual, momentum=momentum, colour=colour)

    def step(self, frame: Frame, now_ns: int, point: OperatingPoint) -> OutputFrame:
        """The next frame, dreamed alone. now_ns: when it is ready, as the output frame has it.

        Raises torch.OutOfMemoryError, having changed nothing: the frame may be stepped again.
        """
        return self.dreamer.step([(self, frame)], now_ns, point)[0]

    def pass_through(self, frame: Frame, now_ns: int, point: OperatingPoint) -> OutputFrame:
        """The camera's own picture as the next output, where it cannot be dreamed."""
        output = OutputFrame(
            dream=frame.picture,
            camera=frame.picture,
            captured_ns=frame.captured_ns,
            ready_ns=now_ns,
            sequence=self.state.sequence,
            settings_revision=self.settings_revision,
            point=point,
            octave=self.state.octave,
            seed_state=self.state.random,
        )
        self.state = replace(self.state, sequence=self.state.sequence + 1)
        return output

    def compiled(self) -> Compiled:
        """What its settings come to; computed once for its settings, the network, the calibration and the guide."""
        dreamer = self.dreamer
        parts = (self.settings, dreamer.network, dreamer.calibration, dreamer.guide)
        if self._compiled is None or any(a is not b for a, b in zip(self._compiled_from, parts, strict=True)):
            self._compiled_from = parts
            self._compiled = Compiled(
                compile_objectives(dreamer.network, self.settings, dreamer.guide, dreamer.device),
                dreamer.calibration.rms_limit(self.settings),
                dreamer.calibration.step_efficiency(self.settings),
            )
        return self._compiled

    def change(self, frame: Frame) -> tuple[Change, SessionState]:
        """What a frame (of a stereo pair, the left eye's view) means, and the state that knows of it."""
        return change_of(self.state, frame, self.settings, self._flow, self.geometry.surface)

"""What a session takes from one frame to the next, as one value: saved, loaded, and gone on from exactly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import torch

from hallucinate.dream.deflicker import Light
from hallucinate.dream.flow import Field
from hallucinate.frame import Picture
from hallucinate.settings import Settings

TENSORS = ("residual", "momentum", "colour")
ARRAYS = ("luma", "moving")
NUMBERS = (
    *("sequence", "octave", "frames_since_step", "cleared"),
    *("captured_ns", "stepped_ns", "requested_ns", "cut_ns", "settling_ns"),
)


@dataclass(frozen=True)
class SessionState:
    """All that a session takes from frame to frame; a frame gives the next one, and never changes this one.

    residual: dreamed picture − camera picture, float32 (1, 3, h, w) on the device, of the last dream's size; None
    before the first. momentum: as ``momentum.averaged`` returns it, float32 (1, 4, h, w). colour: as
    ``residual.hold_colour`` returns it, float32 (1, 3, 1, 1).
    random: of the generator of jitter, as ``numpy.random.BitGenerator.state`` has it.
    sequence: frames so far. octave: steps so far, which choose the next octave. frames_since_step: since the last that
    was stepped. cleared: frames whose residual was no number any more, and was set to 0.
    luma: the picture that motion is measured against, uint8 (h, w). moving: as ``motion_mask`` returns it.
    light: how the camera's light went of late.
    captured_ns: of the last frame; stepped_ns: of the last that was stepped; cut_ns: of the last cut; None for none.
    requested: the last frame's objectives, (kind, name), and since when. settings: the last frame's.
    settling_ns: when something last changed, from when colours are free for a while.
    """

    random: Mapping[str, Any]
    residual: torch.Tensor | None = None
    momentum: torch.Tensor | None = None
    colour: torch.Tensor | None = None
    sequence: int = 0
    octave: int = 0
    frames_since_step: int = 0
    cleared: int = 0
    luma: Picture | None = None
    moving: Field | None = None
    light: Light = field(default_factory=Light)
    captured_ns: int = 0
    stepped_ns: int | None = None
    cut_ns: int | None = None
    requested: frozenset[tuple[str, str]] = frozenset()
    requested_ns: int = 0
    settings: Settings | None = None
    settling_ns: int = 0

    @classmethod
    def start(cls, seed: int, octave: int = 0) -> SessionState:
        """The state before the first frame. octave: the step of the octave cycle to begin with."""
        return cls(random=np.random.default_rng(seed).bit_generator.state, octave=octave)

    def saved(self) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
        """The state as tensors for a safetensors file, and values for JSON."""
        tensors = {name: held.contiguous().cpu() for name in TENSORS if (held := getattr(self, name)) is not None}
        for name in ARRAYS:
            array = getattr(self, name)
            if array is not None:
                tensors[name] = torch.from_numpy(np.ascontiguousarray(array))
        return tensors, {
            **{name: getattr(self, name) for name in NUMBERS},
            "random": dict(self.random),
            "light": asdict(self.light),
            "requested": sorted(self.requested),
            "settings": None if self.settings is None else self.settings.model_dump(),
        }

    @classmethod
    def loaded(cls, tensors: Mapping[str, torch.Tensor], values: Mapping[str, Any]) -> SessionState:
        """What was ``saved``, on the CPU: on one device, the next frames are exactly what they would have been.

        Raises KeyError, TypeError or ValueError for what was not saved by this.
        """
        light = values["light"]
        luma, moving = (tensors[name].numpy() if name in tensors else None for name in ARRAYS)
        return cls(
            residual=tensors.get("residual"),
            momentum=tensors.get("momentum"),
            colour=tensors.get("colour"),
            luma=luma,
            moving=moving,
            **{name: values[name] for name in NUMBERS},
            random=values["random"],
            light=Light(light["lag"], light["trend"], tuple(light["turned_s"])),
            requested=frozenset((kind, name) for kind, name in values["requested"]),
            settings=None if values["settings"] is None else Settings.model_validate(values["settings"]),
        )

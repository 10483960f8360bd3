"""A dream put down and taken up again: all that a dreamer carries from frame to frame, as tensors and plain values.

What is taken up goes on exactly as it would have: the next frames are the same, on the same device.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
import torch

from hallucinate.dream.dreamer import Dreamer
from hallucinate.dream.growth import Carried
from hallucinate.dream.light import Light
from hallucinate.settings import Settings

PLAIN = ("cleared", "_before_ns", "_climbed_ns", "_asked_ns", "_cut_ns", "_settling_ns")
"""What a hallucination carries that is a number, or None."""


PICTURES = ("_luma", "_moving")
"""What it carries that is a picture, or None."""


def saved(dreamer: Dreamer) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """All that the dream of a camera alone carries: tensors for a safetensors file, and values for JSON."""
    alone = dreamer._alone
    tensors: dict[str, torch.Tensor] = {}
    if alone.carried is not None:
        tensors |= {f"carried.{name}": tensor.contiguous().cpu() for name, tensor in alone.carried._asdict().items()}
    for name in PICTURES:
        picture = getattr(alone, name)
        if picture is not None:
            tensors[name] = torch.from_numpy(np.ascontiguousarray(picture))
    return tensors, {
        **{name: getattr(alone, name) for name in PLAIN},
        "light": asdict(alone._light),
        "asked": sorted(alone._asked),
        "settings": None if alone._settings is None else alone._settings.model_dump(),
        "turn": dreamer._turn,
        "random": dreamer._random.bit_generator.state,
    }


def restore(dreamer: Dreamer, tensors: dict[str, torch.Tensor], values: dict[str, Any]) -> None:
    """Have a dreamer go on from what was ``saved``. Its network, device and agreement are its own.

    Raises KeyError, TypeError or ValueError for what is nothing that was saved.
    """
    alone = dreamer._alone
    carried = {
        name: tensors[f"carried.{name}"].to(dreamer._device) for name in Carried._fields if f"carried.{name}" in tensors
    }
    alone.carried = Carried(**carried) if carried else None
    for name in PICTURES:
        setattr(alone, name, tensors[name].numpy() if name in tensors else None)
    alone._last = alone._left = None
    for name in PLAIN:
        setattr(alone, name, values[name])
    light = values["light"]
    alone._light = Light(light["lag"], light["way"], tuple(light["turned_s"]))
    alone._asked = frozenset((kind, name) for kind, name in values["asked"])
    alone._settings = None if values["settings"] is None else Settings.model_validate(values["settings"])
    dreamer._turn = values["turn"]
    dreamer._random.bit_generator.state = values["random"]

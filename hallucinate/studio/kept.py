"""A dream that is on its way, in a file beside what it will be: killed and started again, it goes on from there."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from hallucinate.dream.still import Reached
from hallucinate.studio.photos import write_whole


def kept_at(out: Path) -> Path:
    """Where the dream of a picture is kept until it is finished."""
    return out.with_name(f"{out.name}.part")


def keep(path: Path, reached: Reached, made_from: dict[str, object]) -> None:
    """Keep where a dream is. Raises OutputError, with what was kept before left as it was."""
    told = {"made from": made_from, "at": [reached.octave, reached.iteration, reached.octaves]}
    facts = {"dream": json.dumps(told)}
    write_whole(path, lambda part: save_file({"detail": reached.detail.contiguous().cpu()}, part, facts))


def find(path: Path, made_from: dict[str, object], device: torch.device) -> Reached | None:
    """Where a dream of the same was; None where there is none, or it is of something else, or damaged."""
    try:
        with safe_open(path, "pt") as file:
            told = json.loads((file.metadata() or {})["dream"])
            if told["made from"] != json.loads(json.dumps(made_from)):
                return None
            octave, iteration, octaves = (int(n) for n in told["at"])
            return Reached(octave, iteration, octaves, file.get_tensor("detail").to(device))
    except (SafetensorError, OSError, KeyError, ValueError, TypeError):
        return None

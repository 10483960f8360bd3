"""An unfinished still in a file beside the picture that it will be: killed and started again, it continues there."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from hallucinate.dream.still import StillProgress
from hallucinate.files import beside, utf8_path
from hallucinate.writing import write_whole


def checkpoint_path(out: Path) -> Path:
    """Where the checkpoint of a picture is until the picture is finished."""
    return beside(out, ".part")


def save_checkpoint(path: Path, progress: StillProgress, made_from: dict[str, object]) -> None:
    """Write how far a dream is. made_from: all that decides what it looks like, as values for JSON.

    Raises OutputError, with the checkpoint before unchanged.
    """
    position = [progress.octave, progress.iteration, progress.octaves]
    facts = {"dream": json.dumps({"made_from": made_from, "position": position})}
    # Not by save_file: what keeps it from writing is no OSError, and does not say its number.
    data = save({"detail": progress.detail.contiguous().cpu()}, facts)
    write_whole(path, lambda part: part.write_bytes(data))


def load_checkpoint(path: Path, made_from: dict[str, object], device: torch.device) -> StillProgress | None:
    """How far a dream is; None where there is no checkpoint, or it is damaged, or of something else."""
    try:
        with utf8_path(path) as name, safe_open(name, "pt") as file:
            facts = json.loads((file.metadata() or {})["dream"])
            if facts["made_from"] != json.loads(json.dumps(made_from)):
                return None
            octave, iteration, octaves = (int(n) for n in facts["position"])
            return StillProgress(octave, iteration, octaves, file.get_tensor("detail").to(device))
    except (SafetensorError, OSError, KeyError, ValueError, TypeError):
        return None

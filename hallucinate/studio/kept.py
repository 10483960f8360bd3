"""A dream that is on its way, in a file beside what it will be: killed and started again, it goes on from there."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from hallucinate.dream.still import Reached
from hallucinate.errors import OutputError
from hallucinate.shipped import write_json
from hallucinate.studio.photos import write_whole

MADE_FROM = "made-from.json"
"""In a folder of what is done: what it is made from."""


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


def claim(folder: Path, made_from: dict[str, object], force: bool) -> None:
    """Make or find the folder of what is done of something; pictures in it are of the same, or are removed.

    Raises OutputError when those there are of something else, unless they may be replaced, or it cannot be written to.
    """
    told, wanted = folder / MADE_FROM, json.loads(json.dumps(made_from))
    try:
        there = json.loads(told.read_bytes())
    except FileNotFoundError:
        there = None
    except (OSError, ValueError):
        there = {}
    if there == wanted:
        return
    if there is not None and not force:
        raise OutputError(f"{folder} holds what was done of another; give what that was made with to go on, or --force")
    try:
        folder.mkdir(exist_ok=True)
        for path in folder.glob("[0-9]*.png"):
            path.unlink()
        write_json(told, wanted)
    except OSError as error:
        raise OutputError(f"{folder} cannot be written to ({error.strerror}); name another place") from None

"""A dream that is on its way, in a file beside what it will be: killed and started again, it goes on from there."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from hallucinate.dream.still import StillProgress
from hallucinate.errors import OutputError
from hallucinate.files import write_json
from hallucinate.studio.photos import write_whole

MADE_FROM = "made-from.json"
"""In a folder of what is done: what it is made from."""


def kept_at(out: Path) -> Path:
    """Where the dream of a picture is kept until it is finished."""
    return out.with_name(f"{out.name}.part")


def keep(path: Path, reached: StillProgress, made_from: dict[str, object]) -> None:
    """Keep where a dream is. Raises OutputError, with what was kept before left as it was."""
    told = {"made from": made_from, "at": [reached.octave, reached.iteration, reached.octaves]}
    facts = {"dream": json.dumps(told)}
    write_whole(path, lambda part: save_file({"detail": reached.detail.contiguous().cpu()}, part, facts))


def find(path: Path, made_from: dict[str, object], device: torch.device) -> StillProgress | None:
    """Where a dream of the same was; None where there is none, or it is of something else, or damaged."""
    try:
        with safe_open(path, "pt") as file:
            told = json.loads((file.metadata() or {})["dream"])
            if told["made from"] != json.loads(json.dumps(made_from)):
                return None
            octave, iteration, octaves = (int(n) for n in told["at"])
            return StillProgress(octave, iteration, octaves, file.get_tensor("detail").to(device))
    except (SafetensorError, OSError, KeyError, ValueError, TypeError):
        return None


def claim(folder: Path, made_from: Mapping[str, Any], force: bool, clear: Callable[[Path], None]) -> dict[str, Any]:
    """Make or find the folder of what is done of something; returns what that is made from: more than asked, maybe.

    clear: removes what was done, where the folder is begun anew. Raises OutputError when what is there is of something
    else, unless it may be replaced, or the folder cannot be written to.
    """
    told = folder / MADE_FROM
    wanted: dict[str, Any] = json.loads(json.dumps(made_from))
    try:
        there = json.loads(told.read_bytes())
    except FileNotFoundError:
        there = None
    except (OSError, ValueError):
        there = {}
    facts: dict[str, Any] = there if isinstance(there, dict) else {}
    other = [name for name, value in wanted.items() if facts.get(name) != value]
    if there is not None and not other:
        return facts
    if there is not None and not force:
        raise OutputError(
            f"{folder} holds what was done of another: {', '.join(other)} differ; give what that was made with to go "
            "on, or --force to begin anew"
        )
    try:
        clear(folder)
        folder.mkdir(exist_ok=True)
        write_json(told, wanted)
    except OSError as error:
        raise OutputError(f"{folder} cannot be written to ({error.strerror}); make room or name another") from None
    return wanted


def remove_pictures(folder: Path) -> None:
    """Remove numbered pictures, and nothing else: the folder may be one that somebody named. Raises OSError."""
    for path in folder.glob("[0-9]*.png"):
        path.unlink()

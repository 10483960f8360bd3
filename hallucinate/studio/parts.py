"""A film while it is rendered: parts that are finished, and what the dream carries at the end of the last of them.

Beside the film, in ``FILM.parts``: a file that says what it is made from, and a folder for each span, with its parts
by number and one state. A part counts once its file is there, and the state is written before it: killed at any moment,
a film goes on after its last whole part.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from hallucinate.errors import OutputError
from hallucinate.shipped import move_whole, write_bytes, write_json
from hallucinate.studio.kept import MADE_FROM


@dataclass(frozen=True)
class Notes:
    """Where a span is at the end of a part: its first frame's time, its last one's, and how long that is shown, all in
    the stream's units; the parts and frames so far, and how much was damaged."""

    start: int
    last: int
    shown: int
    parts: int
    frames: int
    damaged: int


@dataclass(frozen=True)
class Kept:
    """The end of a span's last whole part: where it is, and the dream, as ``dream.kept.saved`` gives it."""

    notes: Notes
    tensors: dict[str, torch.Tensor]
    values: dict[str, Any]


def parts_folder(out: Path) -> Path:
    """Where a film's parts are."""
    return out.with_name(f"{out.name}.parts")


def span_folder(out: Path, n: int) -> Path:
    """Where the parts of a film's span are."""
    return parts_folder(out) / f"{n:04}"


def part_path(folder: Path, n: int) -> Path:
    """A span's part."""
    return folder / f"{n:06}.nut"


def claim(out: Path, made_from: dict[str, Any], anew: bool) -> dict[str, Any]:
    """Make or find a film's parts; returns what they are made from, as it was written: more than is asked, maybe.

    Raises OutputError when those there are made from something else, unless ``anew``: then they are removed.
    """
    folder = parts_folder(out)
    try:
        there = json.loads((folder / MADE_FROM).read_bytes())
    except FileNotFoundError:
        there = None
    except (OSError, ValueError):
        there = {}
    if isinstance(there, dict) and all(there.get(key) == value for key, value in made_from.items()):
        return there
    if there is not None and not anew:
        other = [key for key, value in made_from.items() if not isinstance(there, dict) or there.get(key) != value]
        raise OutputError(
            f"{folder} holds parts of another film: {', '.join(other)} differ; give what they were made with to go on, "
            "or --force to begin anew"
        )
    clear(out)
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / MADE_FROM, made_from)
    return made_from


def add_to_claim(out: Path, made_from: dict[str, Any]) -> None:
    """Write down more of what a film's parts are made from."""
    write_json(parts_folder(out) / MADE_FROM, made_from)


def clear(out: Path) -> None:
    """Remove a film's parts."""
    shutil.rmtree(parts_folder(out), ignore_errors=True)


def latest(folder: Path) -> Kept | None:
    """The end of a span's last whole part; None where there is none yet.

    A damaged state is no state: the part that it belongs to was not finished, or its span begins anew.
    """
    for path in sorted(folder.glob("*.safetensors"), reverse=True):
        if not part_path(folder, int(path.stem)).exists():
            continue
        try:
            with safe_open(path, "pt") as file:
                told = json.loads((file.metadata() or {})["state"])
                tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - not a dict
            return Kept(Notes(**told["notes"]), tensors, told["values"])
        except (SafetensorError, OSError, KeyError, ValueError, TypeError):
            continue
    return None


def frames_kept(out: Path) -> int:
    """How many of a film's frames are in whole parts."""
    ends = [latest(folder) for folder in parts_folder(out).glob("[0-9]*")]
    return sum(end.notes.frames for end in ends if end is not None)


def keep(folder: Path, finished: Path, kept: Kept) -> None:
    """Make a finished file a part, with the state at its end. Raises OSError, with all as it was before."""
    n = kept.notes.parts - 1
    told = json.dumps({"notes": asdict(kept.notes), "values": kept.values})
    write_bytes(folder / f"{n:06}.safetensors", save(kept.tensors, {"state": told}))
    move_whole(finished, part_path(folder, n))
    if n > 0:
        (folder / f"{n - 1:06}.safetensors").unlink(missing_ok=True)

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

from hallucinate.files import move_whole, write_bytes


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


def clear(folder: Path) -> None:
    """Remove a film's parts."""
    shutil.rmtree(folder, ignore_errors=True)


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

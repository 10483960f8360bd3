"""A film while it is rendered: finished parts, and a checkpoint of the dream at the end of the last of them.

Beside the film, in ``FILM.parts``: a file that says what it is made from, and a folder for each span, with its parts
by number and one checkpoint. A part counts once its file is there, and the checkpoint is written before it: killed at
any moment, a film continues after its last whole part.
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

from hallucinate.files import beside, move_whole, utf8_path, write_bytes


@dataclass(frozen=True)
class SpanProgress:
    """Where a span is at the end of a part.

    first_time, last_time, last_duration: of its first and last frame so far, in units of the stream's time. parts,
    frames: how many are finished. damaged: frames and packets skipped because they did not decode. fitted: frames that
    were of another shape than the first.
    """

    first_time: int
    last_time: int
    last_duration: int
    parts: int
    frames: int
    damaged: int
    fitted: int = 0


@dataclass(frozen=True)
class Checkpoint:
    """The end of a span's last whole part: where it is, and the dream as ``FrameRenderer.state`` gives it."""

    progress: SpanProgress
    tensors: dict[str, torch.Tensor]
    values: dict[str, Any]


def parts_folder(out: Path) -> Path:
    """Where a film's parts are."""
    return beside(out, ".parts")


def span_folder(out: Path, n: int) -> Path:
    """Where the parts of a film's span are."""
    return parts_folder(out) / f"{n:04}"


def part_path(folder: Path, n: int) -> Path:
    """A span's part, counted from 0."""
    return folder / f"{n:06}.nut"


def remove_parts(folder: Path) -> None:
    """Remove a film's parts."""
    shutil.rmtree(folder, ignore_errors=True)


def latest_checkpoint(folder: Path) -> Checkpoint | None:
    """The checkpoint at the end of a span's last whole part; None where there is no whole part yet.

    A damaged checkpoint does not count: the part that it belongs to was not finished, or its span starts over.
    """
    for path in sorted(folder.glob("[0-9]*.safetensors"), reverse=True):
        if not part_path(folder, int(path.stem)).exists():
            continue
        try:
            with utf8_path(path) as name, safe_open(name, "pt") as file:
                facts = json.loads((file.metadata() or {})["checkpoint"])
                tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - not a dict
            return Checkpoint(SpanProgress(**facts["progress"]), tensors, facts["values"])
        except (SafetensorError, OSError, KeyError, ValueError, TypeError):
            continue
    return None


def finished_frames(out: Path) -> int:
    """How many of a film's frames are in whole parts."""
    checkpoints = [latest_checkpoint(folder) for folder in parts_folder(out).glob("[0-9]*")]
    return sum(checkpoint.progress.frames for checkpoint in checkpoints if checkpoint is not None)


def finish_part(folder: Path, written: Path, checkpoint: Checkpoint) -> None:
    """Make a written file a part, with the checkpoint at its end. Raises OSError, with all as it was before."""
    n = checkpoint.progress.parts - 1
    facts = json.dumps({"progress": asdict(checkpoint.progress), "values": checkpoint.values})
    write_bytes(folder / f"{n:06}.safetensors", save(checkpoint.tensors, {"checkpoint": facts}))
    move_whole(written, part_path(folder, n))
    if n > 0:
        (folder / f"{n - 1:06}.safetensors").unlink(missing_ok=True)

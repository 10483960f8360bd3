"""Weights from files that cannot run code, and into a network without a tensor too many or too few."""

from __future__ import annotations

import pickle
import re
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from hallucinate.errors import NetworkError
from hallucinate.files import utf8_path

Tensors = dict[str, torch.Tensor]

WRAPPED = ("state_dict", "model", "model_state_dict")
"""Where training scripts put the state dict that they save with other things."""

SAVED = (b"PK", b"\x80")
"""How files of ``torch.save`` begin: a zip archive, or, before torch 1.6, a pickle."""

NAMED = 3
"""How many of the tensors that do not fit are named."""


def read_tensors(path: Path) -> Tensors:
    """A state dict from a safetensors file, or from one that ``torch.save`` wrote; on the CPU.

    Raises NetworkError, in one line, for a file that is not there, is damaged, holds something else, or would run
    code when it is read.
    """
    if not path.is_file():
        raise NetworkError(f"there is no weights file {path}; check the spelling and the folder")
    if not path.stat().st_size:
        raise NetworkError(f"the weights {path} are empty (0 bytes); download the file again")
    try:
        found = _stored(path) if path.suffix == ".safetensors" else _saved(path)
    except pickle.UnpicklingError as error:
        raise NetworkError(_refused(path, str(error))) from None
    except (SafetensorError, OSError, RuntimeError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
        # torch's first sentence says what is wrong; those after it guess why.
        why = (str(error).splitlines() or ["it ends too early"])[0].partition(". ")[0]
        raise NetworkError(f"the weights {path} cannot be read ({why}); download the file again") from None
    for key in WRAPPED:
        if isinstance(found, Mapping) and isinstance(found.get(key), Mapping):
            found = found[key]
    if not isinstance(found, Mapping) or not all(isinstance(t, torch.Tensor) for t in found.values()):
        raise NetworkError(f"{path} holds no state dict; save one with torch.save(model.state_dict(), …)")
    # As nn.DataParallel names them.
    return {key.removeprefix("module."): t.float() if t.is_floating_point() else t for key, t in found.items()}


def _stored(path: Path) -> object:
    """What is in a safetensors file."""
    with utf8_path(path) as name:
        return load_file(name)


def _saved(path: Path) -> object:
    """What ``torch.save`` wrote. Raises NetworkError for what it cannot have written."""
    with path.open("rb") as file:
        if not file.read(2).startswith(SAVED):
            raise NetworkError(f"{path} is neither safetensors nor what torch.save writes; use a file of weights")
    # What is ignored: that a pickle is of another protocol. Our own error refuses it.
    with warnings.catch_warnings(action="ignore"), utf8_path(path) as name:
        return torch.load(name, "cpu", weights_only=True)


def _refused(path: Path, words: str) -> str:
    function = re.search(r"GLOBAL ([\w.]+)", words)
    if function is None and "Unsupported" not in words:
        return f"the weights {path} cannot be read (a damaged pickle); download the file again"
    what = f" ({function[1]})" if function else ""
    return (
        f"{path} is refused: it is a pickle that would run code when it is read{what}, and weights need none; "
        "use a safetensors file, or one of torch.save(model.state_dict(), …)"
    )


def load_strictly(network: nn.Module, tensors: Tensors, architecture: str, path: Path) -> None:
    """Put the tensors into the network, which takes them as its own: it may have been built on ``meta``.

    Raises NetworkError, naming the first that are missing, too many, or of another shape.
    """
    own = network.state_dict()
    # Written before batch norm counted its batches; nothing depends on the count.
    tensors = {**{key: torch.tensor(0) for key in own if key.endswith(".num_batches_tracked")}, **tensors}
    differing = [
        *(f"{key} is missing" for key in own if key not in tensors),
        *(f"{key} does not belong to it" for key in tensors if key not in own),
        *(
            f"{key} is {_size(tensors[key])}, not {_size(own[key])}"
            for key in own
            if key in tensors and tensors[key].shape != own[key].shape
        ),
    ]
    if differing:
        more = f", and {len(differing) - NAMED} more" if len(differing) > NAMED else ""
        raise NetworkError(
            f"the weights {path} are not those of {architecture}: {'; '.join(differing[:NAMED])}{more}; "
            "name the weights' architecture with --network"
        )
    network.load_state_dict(tensors, strict=True, assign=True)


def _size(tensor: torch.Tensor) -> str:
    return "×".join(map(str, tensor.shape)) or "a number"

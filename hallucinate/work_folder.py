"""A folder of finished pieces of something that takes long, with a file that says what they are made from.

Killed and started again, a command finds its pieces there and continues; pieces of anything else are refused.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from hallucinate.errors import OutputError
from hallucinate.files import write_json
from hallucinate.writing import cannot_write, fix, reason

MADE_FROM = "made-from.json"
"""The file that says what the pieces are made from."""


def file_identity(path: Path) -> list[object]:
    """A file's path, size and time of change, for JSON: another file of the same name differs. Raises OSError."""
    facts = path.stat()
    return [str(path.resolve()), facts.st_size, facts.st_mtime_ns]


def claim(folder: Path, made_from: Mapping[str, Any], force: bool, clear: Callable[[Path], None]) -> dict[str, Any]:
    """Make or find a folder of finished pieces.

    made_from: all that decides what the pieces are, as values for JSON. force: whether pieces of something else may be
    removed. clear: removes the pieces; called where the folder is started anew.

    Returns the facts in the folder's file: at least those of ``made_from``, and what was added to them since.
    Raises OutputError when the folder holds pieces of something else and ``force`` is not set, or when it cannot be
    written to.
    """
    record = folder / MADE_FROM
    expected: dict[str, Any] = json.loads(json.dumps(made_from))
    found = _read(record)
    if found is not None:
        different = [name for name, value in expected.items() if found.get(name) != value]
        if not different:
            return found
        if not force:
            raise OutputError(
                f"{folder} holds unfinished work of another command: {', '.join(different)} differ; repeat that "
                "command to continue it, or add --force to start anew",
                code="work_differs",
            )
    try:
        clear(folder)
        folder.mkdir(exist_ok=True)
        write_json(record, expected)
    except OSError as error:
        raise cannot_write(folder, error) from None
    return expected


def _read(record: Path) -> dict[str, Any] | None:
    """The facts in a folder's file: None where there is no file, nothing where it is damaged. Raises OutputError."""
    try:
        facts = json.loads(record.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise OutputError(f"{record} cannot be read ({reason(error)}): {fix(error)}") from None
    except (ValueError, RecursionError):
        return {}
    return facts if isinstance(facts, dict) else {}


def remove_finished(*paths: Path) -> list[str]:
    """Remove files and folders that are not needed any more. Returns what could not be removed and why, in words."""
    notes = []
    for path in paths:
        try:
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        except OSError as error:
            notes.append(f"{path} is not needed any more and cannot be removed ({reason(error)}); remove it by hand")
    return notes


def remove_pictures(folder: Path) -> None:
    """Remove numbered pictures, and nothing else: the user may have named the folder. Raises OSError."""
    for path in folder.glob("[0-9]*.png"):
        path.unlink()

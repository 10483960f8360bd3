"""Where files are: those that are shipped with the code, and a user's cache; and how one is written whole."""

from __future__ import annotations

import json
import os
from pathlib import Path

import platformdirs


def shipped(name: str) -> Path:
    """A folder that is shipped with the code: inside the installed package, or beside it in a checkout."""
    package = Path(__file__).parent
    inside = package / name
    return inside if inside.is_dir() else package.parent / name


def cache_file(name: str) -> Path:
    """A file in this user's cache, which may be lost; its folder need not exist yet.

    On Linux in XDG_CACHE_HOME, or else in ~/.cache; elsewhere where that system has caches (platformdirs).
    """
    return platformdirs.user_cache_path("hallucinate", appauthor=False) / name


def write_json(path: Path, facts: object) -> None:
    """Write a file of JSON whole or not at all. Raises OSError."""
    write_text(path, json.dumps(facts, indent=1, ensure_ascii=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write a file of UTF-8 whole or not at all. Raises OSError."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file whole or not at all: beside its place, then moved there. Raises OSError."""
    part = path.with_name(f"{path.name}.part")
    part.write_bytes(data)
    move_whole(part, path)


def move_whole(part: Path, path: Path) -> None:
    """Move a file that is written to its place. Raises OSError."""
    with part.open("rb") as written:
        os.fsync(written.fileno())  # a power cut must not leave an empty one under its final name
    os.replace(part, path)

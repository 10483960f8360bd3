"""Where files are: those that are shipped with the code, and a user's cache; and how one is written whole."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path

import platformdirs

NAME_BYTES = 255
"""The longest name of a file on most disks, in bytes (NAME_MAX of POSIX's limits.h on Linux, macOS and Windows)."""


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
    part = part_path(path)
    try:
        part.write_bytes(data)
        move_whole(part, path)
    finally:
        with contextlib.suppress(OSError):  # what went wrong before is the cause
            part.unlink()


def part_path(path: Path) -> Path:
    """The name of a file that is not whole yet: beside its place, and no longer than a name may be."""
    stem = path.name
    while len(os.fsencode(stem)) > NAME_BYTES - len("..part"):
        stem = stem[:-1]
    return path.with_name(f".{stem}.part")


def move_whole(part: Path, path: Path) -> None:
    """Move a file that is written to its place. Raises OSError."""
    with part.open("rb") as written:
        os.fsync(written.fileno())  # a power cut must not leave an empty one under its final name
    os.replace(part, path)

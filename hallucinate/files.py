"""Where files are: those that are shipped with the code, and a user's cache; and how one is written whole."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import platformdirs

from hallucinate.plain_text import is_utf8

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


def beside(path: Path, ending: str, start: str = "") -> Path:
    """A path in the same folder, named after this one: ``film.mp4`` -> ``film.mp4.parts``.

    Of a name for which that would be too long the beginning is taken, and a digest of the whole.
    """
    name = f"{start}{path.name}{ending}"
    if len(os.fsencode(name)) > NAME_BYTES:
        digest = hashlib.sha256(os.fsencode(path.name)).hexdigest()[:12]
        name = f"{start}{path.name[:40]}-{digest}{ending}"
    return path.with_name(name)


def with_home(name: str | Path) -> Path:
    """The path that somebody wrote, a ``~`` at its beginning resolved, unless there is a file of that very name."""
    path = Path(name)
    if os.path.lexists(path):
        return path
    try:
        return path.expanduser()
    except RuntimeError:  # ~ of nobody on this machine
        return path


def ffmpeg_path(path: Path) -> str:
    """A file's name for FFmpeg, which takes ``concat:x.mp4`` and ``a:b.mp4`` for protocols unless told that it is one.

    >>> ffmpeg_path(Path("a:b.mp4"))
    'file:a:b.mp4'
    """
    return f"file:{path}"


@contextlib.contextmanager
def utf8_path(path: Path) -> Iterator[str]:
    """A file's name for libraries that take UTF-8 alone: OpenCV crashes on others, safetensors and torch refuse them.

    Where the name is not, the system's name of the file that is open. Raises OSError.
    """
    if is_utf8(str(path)):
        yield str(path)
        return
    with path.open("rb") as file:
        yield f"/dev/fd/{file.fileno()}"


def read_file(path: Path) -> bytes:
    """All that is in a file, or comes out of a pipe. Raises OSError, for a device too: /dev/zero has no end."""
    with path.open("rb") as file:
        if stat.S_ISCHR(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "it is a device, not a file", str(path))
        return file.read()


def write_json(path: Path, facts: object) -> None:
    """Write a file of JSON whole or not at all. Raises OSError."""
    write_text(path, json.dumps(facts, indent=1, ensure_ascii=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write a file of UTF-8 whole or not at all. Raises OSError.

    A byte of a file's name that is not UTF-8 is written as JSON's escape of what Python makes of it: ``\\udcff``.
    """
    write_bytes(path, text.encode("utf-8", "backslashreplace"))


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
    return beside(path, ".part", start=".")


def move_whole(part: Path, path: Path) -> None:
    """Move a file that is written to its place. Raises OSError."""
    with part.open("rb") as written:
        os.fsync(written.fileno())  # a power cut must not leave an empty one under its final name
    os.replace(part, path)

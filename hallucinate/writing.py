"""What every written file goes through: checked before the first step, written whole, and a true word if it fails."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

from av.error import FFmpegError

from hallucinate.errors import OptionError, OutputError
from hallucinate.files import beside, move_whole

FIXES = {
    errno.ENOSPC: "the disk is full; free some space",
    errno.EDQUOT: "your quota of this disk is used up; free some space",
    errno.EFBIG: "this disk cannot hold a file so large; name a file on another disk",
    errno.EROFS: "this disk can only be read; name a file on another disk",
    errno.EACCES: "you may not write there; name another file",
    errno.EPERM: "you may not write there; name another file",
    errno.ENOENT: "its folder is gone; create it again",
    errno.ENAMETOOLONG: "its name is too long; name a shorter one",
    errno.EIO: "the disk has an error; name a file on another disk",
}
"""What keeps a file from being written, by the system's number, and the fix."""


def check_output_file(option: str, path: Path, endings: tuple[str, ...], force: bool) -> None:
    """Check, before anything is dreamed, that a file can be written: its ending, and as ``check_writable`` does.

    Raises OptionError or OutputError.
    """
    if path.is_dir():
        raise OptionError(f"{option} {path}: this is a folder; name a file in it")
    if path.suffix.lower() not in endings:
        raise OptionError(f"{option} {path}: the name must end in {', '.join(endings)}; name another file")
    check_writable(option, path, force)


def check_writable(option: str, path: Path, force: bool) -> None:
    """Raise OutputError for what exists already, OptionError for a folder that does not or cannot be written to."""
    if not path.parent.is_dir():
        raise OptionError(
            f"{option} {path}: there is no folder {path.parent}; create it, or name another file", code="folder_missing"
        )
    if path.exists() and not force:
        raise OutputError(f"{path} exists already; replace it with --force, or name another file", code="output_exists")
    if not os.access(path.parent, os.W_OK):
        raise OptionError(f"{option} {path}: the folder cannot be written to; name another file")


def write_whole(path: Path, write: Callable[[Path], None]) -> None:
    """Have a file written beside its place, then moved there. Raises OutputError, with nothing left half-written."""
    part = beside(path, ".part", start=".")
    try:
        write(part)
        move_whole(part, path)
    except (OSError, FFmpegError, ValueError) as error:
        raise cannot_write(path, error) from None
    finally:
        part.unlink(missing_ok=True)


def cannot_write(path: Path, error: BaseException, finished: str = "") -> OutputError:
    """What could not be written and its true cause, in one line; a disk is only called full when it is.

    finished: what has been made already and where it is, in words, so that nobody believes it lost.
    """
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    fix = FIXES.get(getattr(error, "errno", None) or 0, "name another kind of file")
    return OutputError(f"{path} cannot be written ({reason}): {fix}" + (f"; {finished}" if finished else ""))

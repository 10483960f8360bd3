"""What every written file goes through: checked before the first step, written whole, and a true word if it fails."""

from __future__ import annotations

import contextlib
import errno
import os
import struct
import zlib
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from av.error import FFmpegError

from hallucinate.errors import OptionError, OutputError
from hallucinate.files import move_whole, part_path

FIXES = {
    errno.ENOSPC: "the disk is full; free some space",
    errno.EDQUOT: "your quota of this disk is used up; free some space",
    errno.EFBIG: "this disk cannot hold a file so large; name a file on another disk",
    errno.EROFS: "this disk can only be read; name a file on another disk",
    errno.EACCES: "you may not write there; name another file",
    errno.EPERM: "you may not write there; name another file",
    errno.ENOENT: "its folder is gone; create it again",
    errno.ENOTDIR: "a part of its path is a file, not a folder; name another file",
    errno.EISDIR: "there is a folder of that name; name another file",
    errno.EEXIST: "there is another file of that name; name another",
    errno.ELOOP: "it is a link that leads to itself; name another file",
    errno.ENAMETOOLONG: "its name is too long; name a shorter one",
    errno.EILSEQ: "this disk cannot hold such a name; name another file",
    errno.EIO: "the disk has an error; name a file on another disk",
    errno.EMFILE: "this program has too many files open; raise the limit with ulimit -n",
    errno.ENFILE: "this machine has too many files open; close some programs",
    errno.ENOMEM: "there is too little memory; close some programs",
}
"""What keeps a file from being written, by the system's number, and the fix."""

ENCODING_ERRORS = (
    *(OSError, FFmpegError, ValueError, TypeError, LookupError, ArithmeticError, AttributeError, SyntaxError),
    *(EOFError, AssertionError, RuntimeError, MemoryError, struct.error, zlib.error),
)
"""What Pillow and PyAV raise at values that a format cannot hold, and at bytes that are not what they say: seen in
their code, and by trying many."""

TRIAL_BYTES = 4096
"""So much is written to see whether a file can be: a full disk still has names for empty ones."""


def check_output_file(
    option: str, path: Path, endings: tuple[str, ...], force: bool, beside: Collection[Path] = ()
) -> None:
    """Check, before anything is dreamed, that a file can be written: its ending, and as ``check_writable`` does.

    Raises OptionError or OutputError.
    """
    if path.is_dir():
        raise OptionError(f"{option} {path}: this is a folder; name a file in it")
    if path.suffix.lower() not in endings:
        raise OptionError(f"{option} {path}: the name must end in {', '.join(endings)}; name another file")
    check_writable(option, path, force, beside)


def check_writable(option: str, path: Path, force: bool, beside: Collection[Path] = ()) -> None:
    """Check by a trial that a file can be written, under its own name and under the one that it has until it is whole.

    force: whether it may replace a file. beside: what else is written on the path to it: a checkpoint, a folder of
    frames, the last of its stages.

    Raises OutputError for what exists already, OptionError for a place or a name that cannot be.
    """
    try:
        place = real_place(path)
        if not place.parent.is_dir():
            raise OptionError(
                f"{option} {path}: there is no folder {place.parent}; create it, or name another file",
                code="folder_missing",
            )
        if place.exists() and not force:
            raise OutputError(
                f"{path} exists already; replace it with --force, or name another file", code="output_exists"
            )
        if place.is_dir():
            raise OptionError(f"{option} {path}: this is a folder; name a file in it")
        if place.exists() and not place.is_file():
            raise OptionError(f"{option} {path}: this is a device or a pipe, which cannot be replaced; name a file")
        for trial in (place, part_path(place), *beside):
            _try_to_write(trial)
    except OSError as error:
        raise OptionError(f"{option} {cannot_write(path, error)}") from None


def _try_to_write(path: Path) -> None:
    """Write a few bytes under a name that nothing has yet, and remove them. Raises OSError."""
    with contextlib.suppress(FileExistsError):
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        try:
            with open(handle, "wb") as file:
                file.write(bytes(TRIAL_BYTES))
                file.flush()
                os.fsync(handle)
        finally:
            path.unlink(missing_ok=True)


def real_place(path: Path) -> Path:
    """Where a file is in truth, behind links, which stay. Raises OSError for a link that leads to itself."""
    place = Path(os.path.realpath(path))
    if place.is_symlink():
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
    return place


def write_whole(path: Path, write: Callable[[Path], object], finished: str = "") -> None:
    """Have a file written beside its place, then moved there. Raises OutputError, with nothing left half-written.

    finished: as for ``cannot_write``.
    """
    with writing(path, finished):
        place = real_place(path)
        part = part_path(place)
        try:
            write(part)
            move_whole(part, place)
        finally:
            with contextlib.suppress(OSError):  # what went wrong before is the cause
                part.unlink()


@contextlib.contextmanager
def writing(path: Path, finished: str = "") -> Iterator[None]:
    """What goes wrong in here kept a file from being written: raised as OutputError. finished: see ``cannot_write``."""
    try:
        yield
    except ENCODING_ERRORS as error:
        raise cannot_write(path, error, finished) from None


def cannot_write(path: Path, error: BaseException, finished: str = "") -> OutputError:
    """What could not be written and its true cause, in one line; a disk is only called full when it is.

    finished: what has been made already and where it is, in words, so that nobody believes it lost.
    """
    return OutputError(
        f"{path} cannot be written ({reason(error)}): {fix(error)}" + (f"; {finished}" if finished else "")
    )


def reason(error: BaseException) -> str:
    """Why something failed, in one line, e.g. ``No space left on device``."""
    return " ".join((getattr(error, "strerror", None) or str(error) or type(error).__name__).split())


def fix(error: BaseException) -> str:
    """What to do where a file could not be written."""
    number = errno.ENOMEM if isinstance(error, MemoryError) else getattr(error, "errno", None)
    return FIXES.get(number or 0, "name another kind of file")

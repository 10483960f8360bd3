"""Photos in and out, with what they say of themselves; and files that appear whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from av.error import FFmpegError
from PIL import Image

from hallucinate.errors import OutputError, SettingsError, SourceUnavailable
from hallucinate.files import move_whole
from hallucinate.frame import Picture
from hallucinate.sources.picture import load_picture

FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP", ".tif": "TIFF", ".tiff": "TIFF"}
"""What a still may be written as, by its ending."""

SAVED: dict[str, dict[str, Any]] = {
    "PNG": {"compress_level": 4},
    "JPEG": {"quality": 95, "subsampling": "4:4:4"},
    "WEBP": {"quality": 95, "method": 4},
    "TIFF": {},  # not compressed: libtiff's own writer, which that takes, refuses how and where a photo was taken
}

ORIENTATION, WIDTH, HEIGHT = 0x0112, 0xA002, 0xA003
TOLD = (0x010E, 0x010F, 0x0110, 0x0131, 0x0132, 0x013B, 0x8298)
"""EXIF of the first rank that is about the photo, not about how its file was laid out: description, camera, program,
date, artist, copyright."""
WITHIN = (0x8769, 0x8825)
"""Where EXIF keeps how the photo was taken, and where."""


@dataclass(frozen=True)
class About:
    """What a photo's file says beside its pixels. notes: what of it cannot be kept, in words."""

    saved: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def read_photo(path: Path) -> tuple[Picture, About]:
    """A photo, uint8 RGB (H, W, 3), upright, and what its file says. Raises SourceUnavailable for what is none."""
    check_there(path)
    picture = load_picture(path)
    try:
        with unguarded(), Image.open(path) as opened:
            return picture, about(opened, picture)
    except (OSError, ValueError, SyntaxError):
        return picture, About()  # a picture that only OpenCV knows


def check_there(path: Path) -> None:
    """Raise SourceUnavailable, in one line, for a photo that is not there, a folder, or an empty file."""
    if path.is_dir():
        raise SourceUnavailable(f"{path} is a folder; give a picture in it")
    if not path.exists():
        raise SourceUnavailable(f"there is no picture {path}; check the spelling and the folder")
    if path.stat().st_size == 0:
        raise SourceUnavailable(f"{path} is empty, 0 bytes; give a png, jpg, webp or tiff")


def photo_size(path: Path) -> tuple[int, int] | None:
    """(width, height) that a picture file says it has, without reading it all; None where Pillow does not know it."""
    try:
        with unguarded(), Image.open(path) as opened:
            return opened.size
    except (OSError, ValueError, SyntaxError):
        return None


@contextlib.contextmanager
def unguarded() -> Iterator[None]:
    """Pillow's guard against huge pictures off: here they are held against the memory that there is."""
    most, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS = most


def about(opened: Image.Image, picture: Picture) -> About:
    """What is to be kept of a file: its colour profile, its EXIF but for the way up, its XMP, its resolution."""
    saved, notes = dict[str, Any](), list[str]()
    profile = opened.info.get("icc_profile")
    if profile and profile[16:20] == b"RGB ":
        saved["icc_profile"] = profile
    elif profile:
        notes.append("its colour profile is not of RGB and is left out")
    if opened.mode.startswith("I") or 16 in _bits(opened):
        notes.append("it has 16 bits a channel, and is dreamed and written with 8")
    if "A" in opened.getbands() or "transparency" in opened.info:
        notes.append("what is transparent is laid over black")
    exif = upright_exif(opened.getexif(), picture)
    if len(exif) > 1:
        saved["exif"] = exif.tobytes()
    xmp = opened.info.get("xmp")
    if isinstance(xmp, bytes):
        saved["xmp"] = re.sub(rb"(tiff:Orientation(?:=[\"']|>))\d", rb"\g<1>1", xmp)
    if "dpi" in opened.info:
        saved["dpi"] = tuple(float(each) for each in opened.info["dpi"])
    return About(saved, tuple(notes))


def _bits(opened: Image.Image) -> tuple[int, ...]:
    """Bits of each channel, as far as Pillow tells: in a TIFF's tag, in the mode that a PNG is unpacked from."""
    tags = getattr(opened, "tag_v2", None)
    bits = tags.get(258, ()) if tags is not None else ()
    laid_out = getattr(opened, "tile", None)
    packed = 16 if laid_out and "16" in str(laid_out[0][3]) else 8
    return (packed, *(bits if isinstance(bits, tuple) else (bits,)))


def upright_exif(before: Image.Exif, picture: Picture) -> Image.Exif:
    """A photo's EXIF for a picture that stands upright."""
    exif = Image.Exif()
    for tag in TOLD:
        if tag in before:
            exif[tag] = before[tag]
    for group in WITHIN:
        inner = before.get_ifd(group)
        if inner:
            kept = exif.get_ifd(group)
            kept.update(inner)
            if WIDTH in kept or HEIGHT in kept:
                kept[WIDTH], kept[HEIGHT] = picture.shape[1], picture.shape[0]
    exif[ORIENTATION] = 1
    return exif


def check_out(option: str, path: Path, endings: tuple[str, ...], force: bool) -> None:
    """Refuse, before anything is dreamed, what cannot be written: by its ending, its folder, or because it is there."""
    if path.is_dir():
        raise SettingsError(f"{option} {path}: this is a folder; name a file in it")
    if path.suffix.lower() not in endings:
        raise SettingsError(f"{option} {path}: it may end in {', '.join(endings)}")
    check_room(option, path, force)


def check_room(option: str, path: Path, force: bool) -> None:
    """Refuse what is there already, and a folder that is not there or cannot be written to."""
    if not path.parent.is_dir():
        raise SettingsError(f"{option} {path}: there is no folder {path.parent}; make it, or name another file")
    if path.exists() and not force:
        raise OutputError(f"{path} is there already; give --force to replace it, or name another file")
    if not os.access(path.parent, os.W_OK):
        raise SettingsError(f"{option} {path}: the folder cannot be written to; name another file")


def write_photo(path: Path, picture: Picture, about: About | None = None) -> None:
    """Write a picture, whole or not at all, in the format of its ending. Raises OutputError."""
    kind = FORMATS[path.suffix.lower()]
    kept = dict(about.saved) if about is not None else {}
    write_whole(path, lambda part: Image.fromarray(picture).save(part, kind, **SAVED[kind], **kept))


def write_whole(path: Path, write: Callable[[Path], None]) -> None:
    """Have a file written beside its place, then moved there. Raises OutputError, with nothing left half-written."""
    part = path.with_name(f".{path.name}.part")
    try:
        write(part)
        move_whole(part, path)
    except (OSError, FFmpegError) as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        mend = "make room" if full else "name another file"
        raise OutputError(f"{path} cannot be written ({error.strerror or error}); {mend}, and try again") from None
    finally:
        part.unlink(missing_ok=True)

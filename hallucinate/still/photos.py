"""Photos in and out, with their metadata; and files that appear whole or not at all."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image

from hallucinate.dream_request import check_picture_file
from hallucinate.frame import Picture
from hallucinate.sources.picture import read_picture_file
from hallucinate.sources.picture_colours import Profiled
from hallucinate.sources.pillow import open_image
from hallucinate.writing import write_whole

FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP", ".tif": "TIFF", ".tiff": "TIFF"}
"""What a still may be written as, by its file ending."""

SAVE_OPTIONS: dict[str, dict[str, Any]] = {
    "PNG": {"compress_level": 4},
    "JPEG": {"quality": 95, "subsampling": "4:4:4"},
    "WEBP": {"quality": 95, "method": 4},
    "TIFF": {},  # not compressed: libtiff's own writer, which that takes, refuses how and where a photo was taken
}

ORIENTATION, WIDTH, HEIGHT = 0x0112, 0xA002, 0xA003
PHOTO_TAGS = (0x010E, 0x010F, 0x0110, 0x0131, 0x0132, 0x013B, 0x8298)
"""EXIF tags about the photo, not about how its file is organised: description, camera, program, date, artist,
copyright."""
TAG_GROUPS = (0x8769, 0x8825)
"""The groups of EXIF tags about how and where the photo was taken."""


@dataclass(frozen=True)
class PhotoMetadata:
    """What a photo's file says beside its pixels.

    save_options: what is passed on, as arguments of Pillow's ``save``. notes: what is not, in words. profiled: the
    photo in its own RGB profile, None where that is sRGB.
    """

    save_options: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    profiled: Profiled | None = None


def read_photo(path: Path) -> tuple[Picture, PhotoMetadata]:
    """A photo, uint8 RGB (H, W, 3), upright, and its metadata.

    Raises SourceUnavailable for a file that is not a picture.
    """
    check_picture_file(path)
    read = read_picture_file(path)
    try:
        with open_image(path) as opened:
            metadata = read_metadata(opened, read.picture)
    except (OSError, ValueError, SyntaxError):
        metadata = PhotoMetadata()  # a picture that only OpenCV knows, or of which a part is there
    options = {k: v for k, v in metadata.save_options.items() if k != "icc_profile" or read.keeps_profile}
    return read.picture, PhotoMetadata(options, (*read.notes, *metadata.notes), read.profiled)


def read_metadata(opened: Image.Image, picture: Picture) -> PhotoMetadata:
    """What is to be passed on of a file: its colour profile, its EXIF but for the orientation, its XMP, its
    resolution. picture: the same photo, upright."""
    options, notes = dict[str, Any](), list[str]()
    profile = opened.info.get("icc_profile")
    if profile and profile[16:20] == b"RGB ":
        options["icc_profile"] = profile
    elif profile:
        notes.append("its colour profile is not for RGB and is omitted")
    if opened.mode.startswith("I") or 16 in _bits(opened):
        notes.append("it has 16 bits a channel, and is dreamed and written with 8")
    if "A" in opened.getbands() or "transparency" in opened.info:
        notes.append("transparent parts are dreamed as if over black")
    exif = upright_exif(opened.getexif(), picture)
    if len(exif) > 1:
        options["exif"] = exif.tobytes()
    xmp = opened.info.get("xmp")
    if isinstance(xmp, bytes):
        options["xmp"] = re.sub(rb"(tiff:Orientation(?:=[\"']|>))\d", rb"\g<1>1", xmp)
    if "dpi" in opened.info:
        options["dpi"] = tuple(float(each) for each in opened.info["dpi"])
    return PhotoMetadata(options, tuple(notes))


def _bits(opened: Image.Image) -> tuple[int, ...]:
    """Bits of each channel, as far as Pillow knows: from a TIFF's tag, or the mode that a PNG is unpacked from."""
    tags = getattr(opened, "tag_v2", None)
    bits = tags.get(258, ()) if tags is not None else ()
    tile = getattr(opened, "tile", None)
    packed = 16 if tile and "16" in str(tile[0][3]) else 8
    return (packed, *(bits if isinstance(bits, tuple) else (bits,)))


def upright_exif(before: Image.Exif, picture: Picture) -> Image.Exif:
    """A photo's EXIF for a picture that stands upright."""
    exif = Image.Exif()
    for tag in PHOTO_TAGS:
        if tag in before:
            exif[tag] = before[tag]
    for group in TAG_GROUPS:
        tags = before.get_ifd(group)
        if tags:
            copy = exif.get_ifd(group)
            copy.update(tags)
            if WIDTH in copy or HEIGHT in copy:
                copy[WIDTH], copy[HEIGHT] = picture.shape[1], picture.shape[0]
    exif[ORIENTATION] = 1
    return exif


def write_photo(path: Path, picture: Picture, metadata: PhotoMetadata | None = None) -> None:
    """Write a picture, uint8 RGB (H, W, 3) in sRGB, whole or not at all, in the format of its ending.

    metadata: of the photo that it was dreamed from; the picture is brought into that one's profile. Raises OutputError.
    """
    kind = FORMATS[path.suffix.lower()]
    options = dict(metadata.save_options) if metadata is not None else {}
    if metadata is not None and metadata.profiled is not None:
        picture = metadata.profiled.dreamed(picture)
    write_whole(path, lambda part: Image.fromarray(picture).save(part, kind, **SAVE_OPTIONS[kind], **options))

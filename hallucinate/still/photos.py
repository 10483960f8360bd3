"""Photos in and out, with their metadata; and files that appear whole or not at all."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from hallucinate.dream_request import check_picture_file
from hallucinate.frame import Picture
from hallucinate.sources.picture import file_of, read_whole
from hallucinate.still.metadata import PhotoMetadata, read_metadata
from hallucinate.still.photo_formats import encode, format_of
from hallucinate.writing import write_whole


def read_photo(path: Path) -> tuple[Picture, PhotoMetadata]:
    """A photo, uint8 RGB (H, W, 3) in sRGB, upright, and its metadata.

    Raises SourceUnavailable for a file that is not a picture.
    """
    check_picture_file(path)
    data = file_of(path)
    read = read_whole(data, path.name)
    metadata = read_metadata(data) if read.by_pillow else PhotoMetadata()
    metadata = metadata.upright(read.picture.shape[1], read.picture.shape[0])
    profile = metadata.profile if read.keeps_profile else b""
    notes = (*read.notes, *metadata.notes)
    return read.picture, replace(metadata, profile=profile, notes=notes, profiled=read.profiled)


def write_photo(path: Path, picture: Picture, metadata: PhotoMetadata | None = None, finished: str = "") -> None:
    """Write a picture, uint8 RGB (H, W, 3) in sRGB, whole or not at all, in the format of its ending.

    metadata: of the photo that it was dreamed from, what the format holds of it, as ``fitted`` returns it; the picture
    is brought into its profile. finished: as for ``cannot_write``. Raises OutputError.
    """
    metadata = metadata or PhotoMetadata()
    if metadata.profile and metadata.profiled is not None:
        picture = metadata.profiled.with_dream(picture)
    # In memory first: an encoder that writes to the disk itself does not say what kept it from that.
    write_whole(path, lambda part: part.write_bytes(encode(picture, format_of(path), metadata)), finished)

"""Photos in and out, with their metadata; and files that appear whole or not at all."""

from __future__ import annotations

from pathlib import Path

from hallucinate.dream_request import check_picture_file
from hallucinate.errors import SourceUnavailable
from hallucinate.frame import Picture
from hallucinate.sources.picture import load_picture
from hallucinate.still.metadata import PhotoMetadata, read_metadata
from hallucinate.still.photo_formats import encode, format_of
from hallucinate.writing import write_whole


def read_photo(path: Path) -> tuple[Picture, PhotoMetadata]:
    """A photo, uint8 RGB (H, W, 3), upright, and its metadata.

    Raises SourceUnavailable for a file that is not a picture.
    """
    check_picture_file(path)
    picture = load_picture(path)
    try:
        metadata = read_metadata(path.read_bytes())
    except OSError as error:
        raise SourceUnavailable(f"{path}: {error.strerror or error}; name a picture that can be read") from None
    return picture, metadata.upright(picture.shape[1], picture.shape[0])


def write_photo(path: Path, picture: Picture, metadata: PhotoMetadata | None = None, finished: str = "") -> None:
    """Write a picture, uint8 RGB (H, W, 3), whole or not at all, in the format of its ending. Raises OutputError.

    metadata: what the format holds, as ``fitted`` returns it. finished: as for ``cannot_write``.
    """
    # In memory first: an encoder that writes to the disk itself does not say what kept it from that.
    write_whole(
        path, lambda part: part.write_bytes(encode(picture, format_of(path), metadata or PhotoMetadata())), finished
    )

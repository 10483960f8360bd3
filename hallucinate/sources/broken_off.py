"""Picture files that break off before their end: the part that is there, when it is of use."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFile

from hallucinate.sources.pillow import open_image, settings_lock

LEAST_SHARE = 0.5
"""Of a picture's rows at least so many must be there; with less it is refused."""

END_OF_JPEG = b"\xff\xd9"
BLOCK = 16
"""Bytes before the break that are blanked to see up to where a WebP's rows depend on them."""


@dataclass(frozen=True)
class Part:
    """What is there of a picture. image: loaded, black where nothing is. rows: there are so many of its height."""

    image: Image.Image
    rows: int

    @property
    def is_useful(self) -> bool:
        """Whether it is enough to be read."""
        return self.rows >= LEAST_SHARE * self.image.height

    @property
    def note(self) -> str:
        """What is missing, in words."""
        missing = self.image.height - self.rows
        if self.image.format == "GIF" or self.image.info.keys() & {"progressive", "interlace"}:
            return "the file breaks off; the picture is there, but not in all its detail"
        if not missing:
            return "the end of the file is missing; every row of the picture is there"
        return f"the file breaks off; {missing} of {self.image.height} rows of the picture are missing, and black"


def part_of(file: bytes) -> Part | None:
    """What is there of a file that does not load as a whole; None where nothing is to be had.

    libjpeg leaves what it has not decoded at grey, Pillow's own decoders leave it at 0, and libwebp decodes nothing of
    a part: of a WebP the missing bytes are replaced by zeros, and the rows that depend on them are found by blanking a
    few bytes more.
    """
    try:
        if file.startswith(b"\xff\xd8"):
            image = _loaded(file + END_OF_JPEG)
            return _without(image, np.abs(np.asarray(image, np.int16) - 128) <= 1)
        if file[:4] == b"RIFF" and file[8:12] == b"WEBP":
            return _part_of_webp(file)
        with settings_lock:
            before, ImageFile.LOAD_TRUNCATED_IMAGES = ImageFile.LOAD_TRUNCATED_IMAGES, True
            try:
                image = _loaded(file)
            finally:
                ImageFile.LOAD_TRUNCATED_IMAGES = before
        return _without(image, np.asarray(image) == 0)
    except (OSError, ValueError, SyntaxError, IndexError, MemoryError):
        return None


def _loaded(file: bytes) -> Image.Image:
    image = open_image(io.BytesIO(file))
    image.load()
    return image


def _without(image: Image.Image, empty: np.ndarray) -> Part | None:
    """The picture, black where its rows at one end are nothing but what a decoder leaves. empty: (H, W, …)."""
    there = np.flatnonzero(~empty.reshape(image.height, -1).all(axis=1))
    if not there.size:
        return None
    first, last = int(there[0]), int(there[-1]) + 1
    # A BMP is stored from below: what is missing of it is above.
    top = first if image.format == "BMP" else 0
    return _blanked(image, top, last if image.format != "BMP" else image.height)


def _part_of_webp(file: bytes) -> Part:
    whole = int.from_bytes(file[4:8], "little") + 8
    image = _loaded(file.ljust(whole, b"\0"))
    shorter = np.asarray(_loaded(file[:-BLOCK].ljust(whole, b"\0")))
    differ = np.flatnonzero((np.asarray(image) != shorter).reshape(image.height, -1).any(axis=1))
    return _blanked(image, 0, int(differ[0]) if differ.size else image.height)


def _blanked(image: Image.Image, top: int, bottom: int) -> Part:
    black = (0,) * len(image.getbands()) if len(image.getbands()) > 1 else 0
    for box in ((0, 0, image.width, top), (0, bottom, image.width, image.height)):
        if box[1] < box[3] and image.mode not in ("P", "CMYK"):
            image.paste(black, box)
    return Part(image, bottom - top)

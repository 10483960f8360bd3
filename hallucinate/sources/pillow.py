"""Picture files opened by Pillow, with its settings for all of the program in one place."""

from __future__ import annotations

import contextlib
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from PIL import Image, PngImagePlugin

FORMATS = (
    "PNG", "JPEG", "WEBP", "TIFF", "AVIF", "GIF", "BMP", "JPEG2000", "PPM", "SUN", "PSD", "QOI", "SGI",
)  # fmt: skip
"""What is read; MPO is one of JPEG's. Not all that Pillow knows: it takes some films for pictures too."""

settings_lock = threading.RLock()
"""Held while one of Pillow's settings, which all threads share, is another."""


def open_image(file: Path | BinaryIO) -> Image.Image:
    """Open a picture file, without decoding it: of any size, because that is checked against the memory instead.

    Raises OSError, ValueError or SyntaxError for what is not a picture.
    """
    with without_size_limit():
        return Image.open(file, formats=FORMATS)


@contextlib.contextmanager
def without_size_limit() -> Iterator[None]:
    """Pillow's limit on huge pictures off, and its warnings, as of tags that are damaged where the picture is not."""
    with settings_lock:
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                yield
        finally:
            Image.MAX_IMAGE_PIXELS = limit


@contextlib.contextmanager
def without_limits() -> Iterator[None]:
    """As ``without_size_limit``, and Pillow's limits on a PNG's texts off too: for metadata, which is copied whole."""
    with without_size_limit():
        limits = PngImagePlugin.MAX_TEXT_CHUNK, PngImagePlugin.MAX_TEXT_MEMORY
        PngImagePlugin.MAX_TEXT_CHUNK = PngImagePlugin.MAX_TEXT_MEMORY = 2**30
        try:
            yield
        finally:
            PngImagePlugin.MAX_TEXT_CHUNK, PngImagePlugin.MAX_TEXT_MEMORY = limits

"""Picture files opened by Pillow, with its settings for all of the program in one place."""

from __future__ import annotations

import threading
import warnings
from pathlib import Path
from typing import BinaryIO

from PIL import Image

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
    with settings_lock:
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of tags that are damaged, where the picture is not
                return Image.open(file, formats=FORMATS)
        finally:
            Image.MAX_IMAGE_PIXELS = limit

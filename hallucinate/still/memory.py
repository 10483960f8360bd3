"""Whether a picture fits into the memory that there is, before minutes go into it."""

from __future__ import annotations

from pathlib import Path

import torch

from hallucinate.device import free_memory
from hallucinate.dream_request import check_picture_file
from hallucinate.errors import SourceUnavailable
from hallucinate.sources.picture import choose_page
from hallucinate.sources.pillow import open_image

BYTES_PER_PIXEL, BYTES_AT_LEAST = 170, 1.2e9
"""Memory that dreaming a picture takes for each of its pixels (on one octave 132 to 148 were measured, of 12 and of 6
megapixels), and for the network and a tile."""


def check_photo(path: Path, device: torch.device) -> None:
    """Raise SourceUnavailable for a picture that does not exist, or that is too large for the device's memory."""
    check_picture_file(path)
    size = photo_size(path)
    if size is not None:
        check_memory(path.name, *size, free_memory(device))


def photo_size(path: Path) -> tuple[int, int] | None:
    """(width, height) according to a picture file's head; None where Pillow does not know the format."""
    try:
        with open_image(path) as opened:
            choose_page(opened, path.name)
            return opened.size
    except (OSError, ValueError, SyntaxError):
        return None


def check_memory(name: str, width: int, height: int, free: float) -> None:
    """Raise SourceUnavailable, with the size that fits, where a picture does not fit into ``free`` bytes."""
    fits = max(0.0, free - BYTES_AT_LEAST) / BYTES_PER_PIXEL
    if width * height > fits:
        needed = width * height * BYTES_PER_PIXEL + BYTES_AT_LEAST
        shrink = (fits / (width * height)) ** 0.5
        raise SourceUnavailable(
            f"{name} has {width}×{height} pixels; dreaming it takes about {needed / 1e9:.1f} GB of memory, of which "
            f"{free / 1e9:.1f} are free; {int(width * shrink)}×{int(height * shrink)} would fit: shrink it to that"
        )

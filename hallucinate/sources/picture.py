"""Picture files: read, and as a source that delivers the same picture again and again."""

from __future__ import annotations

import io
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from hallucinate.clock import Clock
from hallucinate.errors import LensError, PanoramaError, SourceUnavailable
from hallucinate.frame import Picture
from hallucinate.panorama.fitting import Fitting, fitted
from hallucinate.sources.camera import quiet_opencv, to_rgb
from hallucinate.sources.pacing import Drawn


def picture_source(
    path: Path,
    width: int,
    height: int,
    fps: float,
    clock: Clock,
    panorama: Fitting | None = None,
    own_shape: bool = False,
) -> Drawn:
    """A picture file as a source, ``fps`` times a second. Read whole at the start; the file does not stay open.

    own_shape: as for ``fitted``.
    Raises SourceUnavailable when it cannot be read, or is not of the panorama's shape.
    """
    name = f"picture {path.name}"
    try:
        picture = fitted(load_picture(path), width, height, panorama, own_shape)
    except (PanoramaError, LensError) as error:
        raise SourceUnavailable(f"{name}: {error}") from None
    return Drawn(name, lambda t: picture, fps, clock)


def is_picture(path: Path) -> bool:
    """Whether the file's first bytes are those of a picture. A GIF counts as a film: it may move."""
    try:
        with path.open("rb") as file:
            head = file.read(6)
    except OSError:
        return False
    if head in (b"GIF87a", b"GIF89a"):
        return False
    with quiet_opencv():
        return bool(cv2.haveImageReader(str(path)))


def load_picture(path: Path) -> Picture:
    """A picture file -> uint8 RGB (H, W, 3): turned upright by its EXIF, alpha over black, 16 bits to 8.

    Raises SourceUnavailable when it cannot be read or is not a picture.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SourceUnavailable(
            f"{path}: {error.strerror or error}; name a picture that can be read",
            code="file_missing" if isinstance(error, FileNotFoundError) else None,
        ) from None
    return read_picture(data, path.name)


def read_picture(file: bytes, name: str, most: int | None = None) -> Picture:
    """What a picture file holds, as ``load_picture`` gives it. most: pixels that it may have, at most.

    Raises SourceUnavailable, with ``name``, when it is not a picture, or larger.
    """
    data = np.frombuffer(file, np.uint8)
    pixels = pixels_in(file) if most is not None else None
    if pixels is not None and most is not None and pixels > most:
        raise SourceUnavailable(
            f"{name} has {pixels / 1e6:.0f} megapixels; at most {most / 1e6:.0f} are allowed: make it smaller"
        )
    picture = raw = None
    if data.size:
        with quiet_opencv():
            try:
                # COLOR turns the picture upright and brings grey and 16 bits to 8-bit BGR, but drops the alpha.
                picture = cv2.imdecode(data, cv2.IMREAD_COLOR)
                raw = cv2.imdecode(data, cv2.IMREAD_UNCHANGED)
            except cv2.error:  # e.g. more pixels than OpenCV allows
                picture = None
    if picture is None:
        raise SourceUnavailable(f"{name} is not a picture that can be read; use a png, jpg, webp or tiff")
    if raw is not None and raw.ndim == 3 and raw.shape[2] == 4:
        picture = _over_black(raw)
    return to_rgb(np.asarray(picture, np.uint8))


def pixels_in(file: bytes) -> int | None:
    """How many pixels a picture file says that it has, from its header alone; None for what is not a picture."""
    try:
        with Image.open(io.BytesIO(file)) as opened:
            return opened.width * opened.height
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None


def _over_black(raw: np.ndarray) -> Picture:
    """uint8 or uint16 BGRA (H, W, 4), straight alpha -> uint8 BGR (H, W, 3)."""
    top = float(np.iinfo(raw.dtype).max) if raw.dtype.kind == "u" else 1.0
    scaled = raw.astype(np.float32) / top
    return np.asarray((scaled[..., :3] * scaled[..., 3:]).clip(0, 1) * 255 + 0.5, np.uint8)

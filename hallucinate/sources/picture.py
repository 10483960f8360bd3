"""Picture files: the one reader of them, and as a source that delivers the same picture again and again.

Pillow reads them; OpenCV only what Pillow does not know (Radiance HDR, some TIFFs). What comes of it is always what a
browser shows: upright, in sRGB, alpha over black.
"""

from __future__ import annotations

import io
import logging
import mmap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

from hallucinate.clock import Clock
from hallucinate.errors import LensError, PanoramaError, SourceUnavailable
from hallucinate.files import read_file, utf8_path
from hallucinate.frame import Picture
from hallucinate.panorama.fitting import Fitting, fitted
from hallucinate.plain_text import printable
from hallucinate.sources.broken_off import LEAST_SHARE, part_of
from hallucinate.sources.camera import quiet_opencv, to_rgb
from hallucinate.sources.pacing import Drawn
from hallucinate.sources.picture_colours import Colours, Profiled, colours_of, encoded, to_8_bits, to_srgb
from hallucinate.sources.pillow import open_image
from hallucinate.sources.pixels import Orientation

log = logging.getLogger(__name__)

UNREADABLE = {
    b"heic": "HEIC", b"heix": "HEIC", b"hevc": "HEIC", b"mif1": "HEIC", b"msf1": "HEIC", b"JXL ": "JPEG XL",
    b"crx ": "a camera's raw file",
}  # fmt: skip
"""Pictures, by the name at their bytes 4 to 8 or 8 to 12, that nothing here decodes. FFmpeg takes a tile of a HEIC for
a film."""

ORIENTATION, SUBFILE_TYPE, SUB_PICTURES = 0x0112, 254, 330
"""EXIF's tag of how a picture is turned, and TIFF's of what a page is, whose bit 0 marks a smaller copy of another, and
of pictures within it."""

PNG = b"\x89PNG\r\n\x1a\n"
JPEG, END_AND_NEXT, SEVERAL = b"\xff\xd8", b"\xff\xd9\xff\xd8", b"MPF\0"
"""A JPEG's beginning; its end with another's beginning; and what says that there are several in one photo."""

NOT_READ = (OSError, ValueError, SyntaxError, IndexError, EOFError, MemoryError)
"""What Pillow raises over a file that is damaged, or is no picture."""


@dataclass(frozen=True)
class PictureFile:
    """What a picture file holds.

    picture: uint8 RGB (H, W, 3), sRGB, upright, alpha over black. notes: what is missing or was changed, in words.
    profiled: the same in the file's own RGB profile, None where that is sRGB. keeps_profile: whether the ICC profile in
    the file is true of ``picture``, or of ``profiled`` where there is one. by_pillow: whether Pillow knows the file.
    """

    picture: Picture
    notes: tuple[str, ...] = ()
    profiled: Profiled | None = None
    keeps_profile: bool = True
    by_pillow: bool = True


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
    name = f"picture {printable(path.name)}"
    try:
        picture = fitted(load_picture(path), width, height, panorama, own_shape)
    except (PanoramaError, LensError) as error:
        raise SourceUnavailable(f"{name}: {error}") from None
    return Drawn(name, lambda t: picture, fps, clock)


def is_picture(path: Path) -> bool:
    """Whether the file's beginning is that of a picture. A GIF counts as a film, and so do an animated PNG, and JPEGs
    one after another."""
    try:
        with path.open("rb") as file:
            beginning = file.read(1 << 16)
        head, before_pixels = beginning[:32], beginning.partition(b"IDAT")[0]
        animated_png = head[:8] == PNG and b"acTL" in before_pixels  # PNG specification, third edition, 11.3.5.1
        if head[:6] in (b"GIF87a", b"GIF89a") or animated_png or (head[:2] == JPEG and _is_motion_jpeg(path)):
            return False
        if _unreadable(head) or head[8:12] in (b"avif", b"avis") or (head[:4] == b"RIFF" and head[8:12] == b"WEBP"):
            return True
        with open_image(path):
            return True
    except NOT_READ:
        pass
    try:
        with quiet_opencv(), utf8_path(path) as name:
            return bool(cv2.haveImageReader(name))
    except OSError:
        return False


def is_animated(path: Path) -> bool:
    """Whether a picture file is an animation, of which one picture is read."""
    try:
        with open_image(path) as opened:
            return opened.format in ("WEBP", "AVIF") and _pictures_in(opened) > 1
    except NOT_READ:
        return False


def load_picture(path: Path) -> Picture:
    """A picture file -> uint8 RGB (H, W, 3), as ``read_picture_file`` reads it; its notes go to the log.

    Raises SourceUnavailable when it cannot be read or is not a picture.
    """
    read = read_picture_file(path)
    for note in read.notes:
        log.warning("%s: %s", printable(path.name), note)
    return read.picture


def read_picture_file(path: Path) -> PictureFile:
    """All that a picture file holds. Raises SourceUnavailable when it cannot be read or is not a picture."""
    return read_whole(file_of(path), path.name)


def file_of(path: Path) -> bytes:
    """A picture file's bytes. Raises SourceUnavailable when it cannot be read."""
    try:
        return read_file(path)
    except OSError as error:
        raise SourceUnavailable(
            f"{path}: {error.strerror or error}; name a picture that can be read",
            code="file_missing" if isinstance(error, FileNotFoundError) else None,
        ) from None


def read_picture(file: bytes, name: str, most: int | None = None) -> Picture:
    """What a picture file holds, as ``load_picture`` returns it. most: pixels that it may have, at most.

    Raises SourceUnavailable, with ``name``, when it is not a picture, or larger.
    """
    pixels = pixels_in(file) if most is not None else None
    if pixels is not None and most is not None and pixels > most:
        raise SourceUnavailable(
            f"{name} has {pixels / 1e6:.0f} megapixels; at most {most / 1e6:.0f} are allowed: make it smaller"
        )
    return read_whole(file, name).picture


def read_whole(file: bytes, name: str) -> PictureFile:
    """All that a picture file's bytes hold. name: for errors.

    Raises SourceUnavailable for what is not a picture, and for one of which less than half is there.
    """
    if kind := _unreadable(file[:32]):
        raise _unsupported(name, kind)
    try:
        image = open_image(io.BytesIO(file))
        pages = choose_page(image, name)
        image.load()
    except NOT_READ:
        return _damaged(file, name)
    return _finished(image, file, pages)


def pixels_in(file: bytes) -> int | None:
    """How many pixels a picture file says that it has, from its header alone; None for what is not a picture."""
    try:
        with open_image(io.BytesIO(file)) as opened:
            choose_page(opened, "")
            return opened.width * opened.height
    except (*NOT_READ, SourceUnavailable):
        return None


def _is_motion_jpeg(path: Path) -> bool:
    """Whether one JPEG comes straight after another, and they are not the several pictures of one photo."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return data.find(END_AND_NEXT) > 0 and data.find(SEVERAL) < 0


def _finished(image: Image.Image, file: bytes, notes: tuple[str, ...]) -> PictureFile:
    """A loaded picture in sRGB, upright."""
    stored = colours_of(image)
    seen, profile, about_colours = to_srgb(image, stored, file)
    orientation = Orientation.of_exif(image.getexif().get(ORIENTATION))
    picture = orientation.upright(seen.over_black())
    profiled = None
    if profile is not None:
        profiled = Profiled(orientation.upright(stored.over_black()), picture, profile)
    keeps = profile is not None or (seen is stored and not about_colours)
    return PictureFile(picture, (*notes, *about_colours), profiled, keeps)


def choose_page(image: Image.Image, name: str) -> tuple[str, ...]:
    """Go to the first picture of a file that is not a smaller copy; returns a note where there are several.

    Raises SourceUnavailable for a camera's raw file, and what Pillow raises.
    """
    page, count = 0, _pictures_in(image)
    while _tiff_tag(image, SUBFILE_TYPE) & 1:
        try:
            page += 1
            image.seek(page)
        except EOFError:
            image.seek(0)
            if _tiff_tag(image, SUB_PICTURES):
                raise _unsupported(name, "a camera's raw file") from None
            page = 0
            break
    return (f"it holds {count} pictures; number {page + 1} is read",) if count > 1 else ()


def _pictures_in(image: Image.Image) -> int:
    try:
        return int(getattr(image, "n_frames", 1))
    except NOT_READ:  # a damaged index of pictures: the first is read all the same
        return 1


def _tiff_tag(image: Image.Image, tag: int) -> int:
    """A number among a TIFF's tags, the first where there are several; 0 where it is not there."""
    tags: Any = getattr(image, "tag_v2", {})
    value = tags.get(tag, 0)
    return int(value[0] if isinstance(value, tuple) else value)


def _unsupported(name: str, kind: str) -> SourceUnavailable:
    return SourceUnavailable(
        f"{name} is {kind}, which cannot be read here; export it as a jpg, png, webp or tiff",
        code="picture_unsupported",
    )


def _damaged(file: bytes, name: str) -> PictureFile:
    """A file that Pillow does not load: what is there of it, or what OpenCV reads. Raises SourceUnavailable."""
    part = part_of(file)
    if part is not None and part.is_useful:
        return _finished(part.image, file, (part.note,))
    picture = _by_opencv(file) if part is None else None
    if picture is not None:
        return PictureFile(picture, keeps_profile=False, by_pillow=False)
    if part is not None:
        share = f"{part.rows} of {part.image.height} rows"
        raise SourceUnavailable(
            f"{name} breaks off: {share} are there, and at least {LEAST_SHARE:.0%} are needed; copy the file again",
            code="picture_broken_off",
        )
    raise SourceUnavailable(f"{name} is not a picture that can be read; use a png, jpg, webp or tiff")


def _by_opencv(file: bytes) -> Picture | None:
    """A picture that Pillow does not know, as OpenCV reads it; None for what it does not know either."""
    if not file:
        return None
    with quiet_opencv():
        try:
            samples: Any = cv2.imdecode(np.frombuffer(file, np.uint8), cv2.IMREAD_UNCHANGED)
        except cv2.error:  # e.g. more pixels than OpenCV allows
            return None
    if samples is None:
        return None
    if file.startswith((b"#?RADIANCE", b"#?RGBE")):
        samples = encoded(samples)
    samples = to_8_bits(samples)
    alpha = samples[..., 3] if samples.ndim == 3 and samples.shape[2] == 4 else None
    return Colours(to_rgb(samples), alpha).over_black()


def _unreadable(head: bytes) -> str | None:
    """What kind of picture that nothing here decodes has this beginning, in words; None for any other file."""
    if head[4:8] == b"ftyp":
        return UNREADABLE.get(head[8:12]) if b"avif" not in head[8:] else None
    return UNREADABLE.get(head[4:8]) or ("JPEG XL" if head.startswith(b"\xff\x0a") else None)

"""What a photo's file says beside its pixels: read, and made true of a picture that stands upright."""

from __future__ import annotations

import contextlib
import io
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from PIL import Image, PngImagePlugin

from hallucinate.sources.picture_colours import Profiled
from hallucinate.sources.pillow import without_limits
from hallucinate.still import tag_tables
from hallucinate.still.extras import jpeg_extras, tiff_extras
from hallucinate.still.tag_tables import X_RESOLUTION, Y_RESOLUTION, TagTables, read_tags
from hallucinate.writing import ENCODING_ERRORS, reason

IPTC_RESOURCE = 0x0404
"""IPTC's number among Photoshop's image resources (Adobe, Photoshop File Formats Specification)."""

RAW_PROFILES = re.compile(r"XML:com\.adobe\.xmp|Raw profile type (exif|app1|xmp|icc|icm)", re.IGNORECASE)
"""A PNG's texts that are metadata of another kind, and are read as that."""

_CLAIMS = rb"(?:hdrgm:\w+|G?Camera:(?:MotionPhoto|MicroVideo)\w*|xmpNote:HasExtendedXMP)"
NO_LONGER_TRUE = re.compile(
    rb"\s" + _CLAIMS + rb"=(?:\"[^\"]*\"|'[^']*')"
    rb"|<(" + _CLAIMS + rb")>[^<]*</\1>"
    rb"|<(G?Container:Directory)\b.*?</\2>",
    re.DOTALL,
)
"""What XMP says of a gain map (Adobe, Gain Map 1.0), of a short film (Android, Motion Photo 1.0) and of more XMP beside
it, which are not copied: viewers would look for them."""

TIFF_TAGS = {"profile": tag_tables.PROFILE, "xmp": tag_tables.XMP, "iptc": tag_tables.IPTC}
"""What a TIFF file has as tags of its own, and other formats elsewhere."""


@dataclass(frozen=True)
class PhotoMetadata:
    """What a photo's file says beside its pixels. What is empty, or None, is not there.

    profile: an ICC profile. xmp: a packet of XML. iptc: records of IPTC-IIM. comment: bytes of no certain encoding.
    texts: a PNG's, by keyword. dpi: pixels per inch across and down. tags: EXIF. notes: what was left out on reading,
    in words. profiled: the photo's samples in ``profile``, None where that is sRGB.
    """

    profile: bytes = b""
    xmp: bytes = b""
    iptc: bytes = b""
    comment: bytes = b""
    texts: Mapping[str, str] = field(default_factory=dict)
    dpi: tuple[float, float] | None = None
    tags: TagTables = field(default_factory=TagTables)
    notes: tuple[str, ...] = ()
    profiled: Profiled | None = field(default=None, compare=False)

    def upright(self, width: int, height: int) -> PhotoMetadata:
        """The same for a picture that stands upright, RGB, of that size."""
        profile, notes = self.profile, list(self.notes)
        if profile and profile[16:20] != b"RGB ":
            profile = b""
            notes.append("its colour profile is not for RGB and is omitted")
        xmp = re.sub(rb"(tiff:Orientation(?:=[\"']|>))\d", rb"\g<1>1", self.xmp)
        xmp = NO_LONGER_TRUE.sub(b"", xmp)
        return replace(self, profile=profile, xmp=xmp, tags=self.tags.upright(width, height), notes=tuple(notes))


def read_metadata(data: bytes) -> PhotoMetadata:
    """What a picture's file says beside its pixels. What cannot be read is in the notes, never raised."""
    try:
        with without_limits(), Image.open(io.BytesIO(data)) as opened:
            notes = picture_notes(opened)
            if opened.format == "PNG":
                with contextlib.suppress(*ENCODING_ERRORS):  # its pixels are somebody else's matter
                    opened.load()  # texts and EXIF may come after the pixels
            if opened.format in ("JPEG", "MPO"):
                notes += jpeg_extras(data)
            return _read(opened, data, notes)
    except (*ENCODING_ERRORS, Image.DecompressionBombError) as error:
        return PhotoMetadata(notes=(f"its metadata cannot be read ({reason(error)}) and is omitted",))


def picture_notes(opened: Image.Image) -> list[str]:
    """What of the pixels themselves is not dreamed, in words."""
    notes = []
    if opened.mode.startswith("I") or 16 in _bits(opened):
        notes.append("it has 16 bits a channel, and is dreamed and written with 8")
    if opened.mode != "LAB" and ("A" in opened.getbands() or "transparency" in opened.info):
        notes.append("transparent parts are dreamed as if over black")
    return notes


def _bits(opened: Image.Image) -> tuple[int, ...]:
    """Bits of each channel, as far as Pillow knows: from a TIFF's tag, or the mode that a PNG is unpacked from."""
    tags = getattr(opened, "tag_v2", None)
    bits = tags.get(258, ()) if tags is not None else ()
    tile = getattr(opened, "tile", None)
    packed = 16 if tile and "16" in str(tile[0][3]) else 8
    return (packed, *(bits if isinstance(bits, tuple) else (bits,)))


def _read(opened: Image.Image, data: bytes, notes: list[str]) -> PhotoMetadata:
    info = opened.info
    tags = read_tags(data) if opened.format == "TIFF" else read_tags(_exif(opened))
    if opened.format == "TIFF":
        notes += tiff_extras(tags)
    if tags.damaged:
        notes.append(f"of its EXIF {tags.damaged} tag{'s are' if tags.damaged > 1 else ' is'} damaged and omitted")
    own = (
        {name: tags.main[n].data for name, n in TIFF_TAGS.items() if n in tags.main} if opened.format == "TIFF" else {}
    )
    profile, xmp = own.get("profile", info.get("icc_profile")), own.get("xmp", info.get("xmp"))
    if not isinstance(xmp, bytes) and opened.format == "PNG":
        xmp = str(info.get("XML:com.adobe.xmp", "")).encode()  # so called by older versions of Pillow
    comment = info.get("comment") if opened.format in ("JPEG", "MPO", "GIF") else b""
    resources = info.get("photoshop")
    iptc = resources.get(IPTC_RESOURCE) if isinstance(resources, dict) else own.get("iptc")
    dpi = _dpi(opened, tags)
    if dpi is not None and not all(math.isfinite(n) and n > 0 for n in dpi):
        notes.append(f"its resolution, {dpi[0]:g}×{dpi[1]:g} dpi, means nothing and is omitted")
        dpi = None
    return PhotoMetadata(
        _bytes(profile),
        _bytes(xmp),
        _bytes(iptc),
        _bytes(comment),
        _texts(opened),
        dpi,
        tags.of_the_photo(),
        tuple(notes),
    )


def _bytes(value: object) -> bytes:
    """Bytes, and nothing of what is called so and is something else: a PNG may have a text called icc_profile."""
    return value if isinstance(value, bytes) else b""


def _exif(opened: Image.Image) -> bytes:
    """A picture's EXIF from the TIFF head on; ImageMagick writes a PNG's as a text of hexadecimal digits."""
    exif = opened.info.get("exif")
    if not exif:
        hexadecimal = opened.info.get("Raw profile type exif", opened.info.get("Raw profile type APP1"))
        digits = "".join(hexadecimal.split("\n")[3:]) if isinstance(hexadecimal, str) else ""
        with contextlib.suppress(ValueError):
            exif = bytes.fromhex(digits)
    return re.sub(rb"^(Exif\0\0)+", b"", _bytes(exif))


def _texts(opened: Image.Image) -> dict[str, str]:
    texts = opened.text if isinstance(opened, PngImagePlugin.PngImageFile) else {}
    return {name: text for name, text in texts.items() if not RAW_PROFILES.match(name)}


def _dpi(opened: Image.Image, tags: TagTables) -> tuple[float, float] | None:
    """Pixels per inch across and down, as the file says: Pillow makes up 72 for a JPEG that does not, and 1 for a
    TIFF."""
    found: Any = opened.info.get("dpi")
    made_up = opened.format in ("JPEG", "MPO") and opened.info.get("jfif_unit") not in (1, 2)
    made_up = made_up or (opened.format == "TIFF" and not {X_RESOLUTION, Y_RESOLUTION} <= set(tags.main))
    if not isinstance(found, tuple) or len(found) != 2 or made_up:
        return tags.resolution()
    try:
        return float(found[0]), float(found[1])
    except (ArithmeticError, ValueError, TypeError):
        return math.nan, math.nan

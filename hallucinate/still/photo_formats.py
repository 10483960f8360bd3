"""The formats that pictures are written in, and what each of them holds of a photo's metadata: found by trying."""

from __future__ import annotations

import io
import struct
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import ExifTags, Image, PngImagePlugin

from hallucinate.errors import OutputError
from hallucinate.frame import Picture
from hallucinate.sources.pillow import without_limits
from hallucinate.still import tag_tables
from hallucinate.still.metadata import IPTC_RESOURCE, PhotoMetadata, read_metadata
from hallucinate.still.tag_tables import Tag, TagTables, add_tags
from hallucinate.writing import ENCODING_ERRORS, reason

FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP", ".tif": "TIFF", ".tiff": "TIFF"}
"""What a still may be written as, by its file ending."""

SAVE_OPTIONS: dict[str, dict[str, Any]] = {
    "PNG": {"compress_level": 4},
    "JPEG": {"quality": 95, "subsampling": "4:4:4"},
    "WEBP": {"quality": 95, "method": 4},
    "TIFF": {},  # not compressed
}

MOST_PX = {
    "PNG": 2**31 - 1,  # PNG specification, 11.2.1
    "JPEG": 65500,  # libjpeg's JPEG_MAX_DIMENSION; the format's own limit is 65535
    "WEBP": 16383,  # 14 bits in VP8's frame header (RFC 6386, 9.1)
    "TIFF": 2**32 - 1,  # TIFF 6.0, ImageWidth
}
"""The longest side that a format holds, in pixels."""

TIFF_BYTES = 2**32 - 2**20
"""How large a TIFF's pixels may be: its offsets have 32 bits, and the tags come after the pixels."""

SEGMENT_BYTES = 65533
"""What one segment of a JPEG holds beside its own length (ITU-T T.81, B.1.1.4)."""

PARTS = {
    "profile": "colour profile",
    "tags": "EXIF",
    "xmp": "XMP",
    "iptc": "IPTC",
    "comment": "comment",
    "texts": "text",
    "dpi": "resolution",
}
"""The parts of a photo's metadata, in words."""

TINY: Picture = np.zeros((1, 1, 3), np.uint8)


@dataclass(frozen=True)
class Omitted:
    """A part of the metadata that a format cannot hold: in words, and by itself. why: in words."""

    words: str
    part: PhotoMetadata
    why: str


def format_of(path: Path) -> str:
    """The format that a file's ending means, by Pillow's name."""
    return FORMATS[path.suffix.lower()]


def holds_size(kind: str, width: int, height: int) -> bool:
    """Whether a format has room for so many pixels."""
    return max(width, height) <= MOST_PX[kind] and (kind != "TIFF" or 3 * width * height <= TIFF_BYTES)


def check_size(path: Path, width: int, height: int) -> None:
    """Raise OutputError, with a format that can, where the format of a file cannot hold a picture of that size."""
    kind = format_of(path)
    if not holds_size(kind, width, height):
        limit = f"at most {MOST_PX[kind]} pixels along a side" if kind != "TIFF" else "at most 4 GiB"
        others = " or ".join(ending for ending, other in FORMATS.items() if holds_size(other, width, height))
        raise OutputError(
            f"{path}: {kind} holds {limit}, and this picture is {width}×{height}; "
            + (f"name a {others}" if others else "make it smaller"),
            code="picture_too_large",
        )


def encode(picture: Picture, kind: str, metadata: PhotoMetadata) -> bytes:
    """A picture's file: uint8 RGB (H, W, 3) and its metadata, in a format. Raises one of ENCODING_ERRORS."""
    tags, dpi = metadata.tags, metadata.dpi
    options = dict(SAVE_OPTIONS[kind])
    if metadata.profile:
        options["icc_profile"] = metadata.profile
    if dpi is not None and kind == "WEBP":
        tags, dpi = tags.with_resolution(dpi), None
    if dpi is not None:
        options["dpi"] = dpi
    if tags and kind != "TIFF":
        options["exif"] = b"Exif\0\0" + tags.to_bytes()
    if kind == "JPEG":
        options["extra"] = b"".join(_segments(metadata))
        options["comment"] = metadata.comment
    elif kind == "PNG":
        options["pnginfo"] = _chunks(metadata)
    elif metadata.xmp and kind == "WEBP":
        options["xmp"] = metadata.xmp
    file = io.BytesIO()
    with without_limits():
        Image.fromarray(picture).save(file, kind, **options)
    return file.getvalue() if kind != "TIFF" else _with_tiff_tags(file.getvalue(), metadata)


def _segments(metadata: PhotoMetadata) -> Iterator[bytes]:
    """A JPEG's segments of XMP (XMP Specification Part 3, 1.1.3) and of IPTC, as one of Photoshop's resources."""
    if metadata.xmp:
        yield _segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0", metadata.xmp)
    if metadata.iptc:
        head = b"Photoshop 3.0\0" + b"8BIM" + struct.pack(">HHI", IPTC_RESOURCE, 0, len(metadata.iptc))
        yield _segment(0xED, head, metadata.iptc + bytes(len(metadata.iptc) % 2))
    _segment(0xFE, b"", metadata.comment)  # which Pillow writes


def _segment(marker: int, head: bytes, data: bytes) -> bytes:
    most = SEGMENT_BYTES - len(head)
    if len(data) > most:
        raise ValueError(f"one segment holds {most} bytes of it")
    return struct.pack(">BBH", 0xFF, marker, len(head) + len(data) + 2) + head + data


def _chunks(metadata: PhotoMetadata) -> PngImagePlugin.PngInfo:
    """A PNG's texts, its XMP (XMP Specification Part 3, 1.1.5) among them."""
    chunks = PngImagePlugin.PngInfo()
    if metadata.xmp:
        chunks.add(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + metadata.xmp)
    for name, text in metadata.texts.items():
        if not 1 <= len(name.encode("latin-1")) <= 79:  # PNG specification, 11.3.4.2
            raise ValueError("a text's name has 1 to 79 letters")
        chunks.add_text(name, text)
    return chunks


def _with_tiff_tags(file: bytes, metadata: PhotoMetadata) -> bytes:
    """A TIFF file with the photo's tags, its XMP (Part 3, 1.1.4: bytes) and its IPTC (of no certain type)."""
    added = {tag_tables.XMP: Tag(1, metadata.xmp), tag_tables.IPTC: Tag(7, metadata.iptc)}
    return add_tags(file, metadata.tags, {n: tag for n, tag in added.items() if tag.data})


def fitted(metadata: PhotoMetadata, kind: str) -> tuple[PhotoMetadata, list[str]]:
    """What a format holds of a photo's metadata, and what it does not, with the reason, in words.

    A tiny picture is written with it and read again: what does not come out as it went in is omitted, and that alone.
    """
    metadata = placed(metadata, kind)
    if not refusal(metadata, kind):
        return metadata, []
    fits, omitted = metadata, list[Omitted]()
    for part in PARTS:
        fits, gone = without_refused(fits, part, kind)
        omitted += gone
    why = refusal(fits, kind)
    if why:  # parts that fit one by one, and not together
        fits = replace(PhotoMetadata(), notes=metadata.notes)
        omitted.append(Omitted("metadata", metadata, why))
    return fits, [in_words(each, kind) for each in omitted]


def placed(metadata: PhotoMetadata, kind: str) -> PhotoMetadata:
    """A comment and a PNG's text "Comment" are one thing, which each format has in its own place."""
    if kind == "PNG" and metadata.comment and "Comment" not in metadata.texts:
        return replace(metadata, comment=b"", texts={**metadata.texts, "Comment": _decoded(metadata.comment)})
    if kind == "JPEG" and "Comment" in metadata.texts and not metadata.comment:
        texts = {name: text for name, text in metadata.texts.items() if name != "Comment"}
        return replace(metadata, comment=metadata.texts["Comment"].encode(), texts=texts)
    return metadata


def _decoded(comment: bytes) -> str:
    """Comments are mostly UTF-8, and otherwise Latin-1, which any bytes are."""
    try:
        return comment.decode()
    except UnicodeDecodeError:
        return comment.decode("latin-1")


def without_refused(metadata: PhotoMetadata, part: str, kind: str) -> tuple[PhotoMetadata, list[Omitted]]:
    """Metadata without what a format refuses of one part: of EXIF the largest tags, of texts those alone, or all."""
    value = getattr(metadata, part)
    alone = replace(PhotoMetadata(), **{part: value})
    why = refusal(alone, kind)
    if not why:
        return metadata, []
    if part == "texts" and refusal(replace(alone, texts={"Title": "a"}), kind) == "":
        pairs = {name: replace(alone, texts={name: text}) for name, text in value.items()}
        refused = {name: one for name, one in pairs.items() if refusal(one, kind)}
        texts = {name: text for name, text in value.items() if name not in refused}
        gone = [Omitted(f"text {name!r}", one, refusal(one, kind)) for name, one in refused.items()]
        return replace(metadata, texts=texts), gone
    if part == "tags":
        largest = sorted(_sizes(value), reverse=True)
        count = bisect_left(range(len(largest)), 1, key=lambda n: not refusal(_only(value, largest[:n]), kind))
        words = f"EXIF's {_tag_names(largest[:count])}"
        return replace(metadata, tags=_without(value, largest[:count])), [Omitted(words, alone, why)]
    return replace(metadata, **{part: getattr(PhotoMetadata(), part)}), [Omitted(_sized(part, value), alone, why)]


def _sizes(tags: TagTables) -> list[tuple[int, int, int]]:
    """Each tag's size in bytes, table and number."""
    return [(len(tag.data), name, n) for name, table in tags.tables.items() for n, tag in table.items()]


def _without(tags: TagTables, gone: list[tuple[int, int, int]]) -> TagTables:
    return tags.without({(name, n) for _, name, n in gone})


def _only(tags: TagTables, gone: list[tuple[int, int, int]]) -> PhotoMetadata:
    return replace(PhotoMetadata(), tags=_without(tags, gone))


def _tag_names(gone: list[tuple[int, int, int]]) -> str:
    """``MakerNote (70000 bytes)``: the largest three, and how many more."""
    named = []
    for size, table, n in gone[:3]:
        names = ExifTags.GPSTAGS if table == tag_tables.GPS else ExifTags.TAGS
        named.append(f"{names.get(n, f'tag 0x{n:04X}')} ({size} bytes)")
    return ", ".join(named) + (f" and {len(gone) - 3} more" if len(gone) > 3 else "")


def _sized(part: str, value: Any) -> str:
    if part == "dpi":
        return f"{PARTS[part]}, {value[0]:g}×{value[1]:g} dpi,"
    if part == "texts":
        return f"text {', '.join(map(repr, value))}"
    return f"{PARTS[part]}, {len(value)} bytes,"


def in_words(omitted: Omitted, kind: str) -> str:
    """One line on what is omitted, why, and the endings of files that hold it."""
    endings = [ending for ending in (".png", ".tiff", ".webp", ".jpg") if FORMATS[ending] != kind]
    others = [ending for ending in endings if not refusal(placed(omitted.part, FORMATS[ending]), FORMATS[ending])]
    hint = f"; {', '.join(others)} can" if others else ""
    return f"its {omitted.words} is omitted: {kind} cannot hold it ({omitted.why}){hint}"


def refusal(metadata: PhotoMetadata, kind: str) -> str:
    """Why a format does not hold some metadata; "" where it is read from a file as it was written into one."""
    try:
        found = read_metadata(encode(TINY, kind, metadata))
    except ENCODING_ERRORS as error:
        return reason(error)
    for part in PARTS:
        before, after = getattr(metadata, part), getattr(found, part)
        if not _alike(before, after):
            return "it would come out changed" if after else "it has no place for it"
    return ""


def _alike(before: Any, after: Any) -> bool:
    if not before:
        return True
    if isinstance(before, TagTables):
        return bool(before.in_order("<").of_the_photo().tables == after.in_order("<").tables)
    if isinstance(before, tuple) and isinstance(after, tuple):  # whole numbers per inch, or per metre
        return bool(np.allclose(before, after, rtol=0.01))
    return bool(before == after)

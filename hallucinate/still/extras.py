"""What a photo's file holds beside what is copied, in words: maps, short films, layers, the notes of other programs.

A JPEG's segments are those of ITU-T T.81, annex B; their names are what each program begins its own with.
"""

from __future__ import annotations

import re
import struct
from collections import Counter

from hallucinate.still.tag_tables import LAYERS, RESOURCES, TagTables

COPIED = (b"JFIF\0", b"JFXX\0", b"Exif\0", b"http://ns.adobe.com/xap/1.0/\0", b"ICC_PROFILE\0", b"Adobe", b"MPF\0")
"""Beginnings of segments that are copied, are about the file alone, or are named elsewhere."""

EXTENDED_XMP, PHOTOSHOP = b"http://ns.adobe.com/xmp/extension/\0", b"Photoshop 3.0\0"

SCAN, END, RESTARTS = 0xDA, 0xD9, range(0xD0, 0xD9)


def jpeg_extras(data: bytes) -> list[str]:
    """What is in a JPEG and is not copied, in words."""
    segments, end = jpeg_segments(data)
    notes, sizes = list[str](), Counter[str]()
    for marker, content in segments:
        if not 0xE0 <= marker <= 0xEF or content.startswith(COPIED):
            continue
        if content.startswith(EXTENDED_XMP):
            sizes["extended XMP"] += max(0, len(content) - len(EXTENDED_XMP) - 40)
        elif content.startswith(PHOTOSHOP):
            sizes["clipping paths"] += size_of_paths(content[len(PHOTOSHOP) :])
        else:
            name = re.match(rb"[\w.:/ -]*", content[:40])
            words = name[0].decode().strip() if name else ""
            sizes[f"APP{marker - 0xE0}" + (f" ({words})" if words else "")] += len(content)
    notes += [omitted(name, size) for name, size in sizes.items() if size]
    rest = data[end:]
    named_already = b"MPF\0" in data[:end] and b"hdrgm:" not in data[:end]  # Pillow counts an MPO's pictures
    if rest.strip(b"\0") and not named_already:
        notes.append(f"{len(rest)} bytes after the picture ({kind_of(rest)}) are omitted")
    return notes


def kind_of(rest: bytes) -> str:
    """What comes after a picture in its file, in words."""
    if b"\xff\xd8\xff" in rest:
        return "another picture, such as a gain map or a depth map"
    return "a short film" if rest[4:8] == b"ftyp" or b"ftyp" in rest[:256] else "a camera's own notes"


def jpeg_segments(data: bytes) -> tuple[list[tuple[int, bytes]], int]:
    """A JPEG's segments before and between its scans, each with its marker, and where its first picture ends."""
    found, at = list[tuple[int, bytes]](), 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == END:
            return found, at + 2
        if marker == 0xFF or marker in RESTARTS:
            at += 1 if marker == 0xFF else 2
            continue
        (length,) = struct.unpack_from(">H", data, at + 2)
        found.append((marker, data[at + 4 : at + 2 + length]))
        at += 2 + length
        if marker == SCAN:
            at = end_of_scan(data, at)
    # Its end is at the end of the data, or it breaks off.
    return found, at + 2 if data[at : at + 2] == b"\xff\xd9" else len(data)


def end_of_scan(data: bytes, at: int) -> int:
    """Where a scan's coded data end: at the next marker that is neither a stuffed byte nor a restart."""
    marker = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]").search(data, at)
    return marker.start() if marker else len(data)


def tiff_extras(tags: TagTables) -> list[str]:
    """What is in a TIFF and is not copied, in words."""
    layers, resources = (tags.main[n].data if n in tags.main else b"" for n in (LAYERS, RESOURCES))
    sizes = {"layers": len(layers), "clipping paths": size_of_paths(resources)}
    return [omitted(name, size) for name, size in sizes.items() if size]


def omitted(name: str, size: int) -> str:
    """What is omitted, and how large it is, in words."""
    return f"its {name}, {size} bytes, {'are' if name.endswith('s') else 'is'} omitted"


def size_of_paths(content: bytes) -> int:
    """How many bytes of Photoshop's resources are paths, which have the numbers from 2000 to 2997."""
    return sum(size for number, size in resources(content) if 2000 <= number <= 2997)


def resources(content: bytes) -> list[tuple[int, int]]:
    """The number and the size of each of Photoshop's resources (Photoshop File Formats, Image Resources)."""
    found, at = list[tuple[int, int]](), 0
    while content[at : at + 4] == b"8BIM" and at + 12 <= len(content):
        (number,) = struct.unpack_from(">H", content, at + 4)
        at += 6 + (content[at + 6] // 2 + 1) * 2
        if at + 4 > len(content):
            break
        (size,) = struct.unpack_from(">I", content, at)
        found.append((number, size))
        at += 4 + size + size % 2
    return found

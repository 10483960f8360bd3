"""EXIF: tables of tags, copied byte for byte, so that nothing of what a camera wrote is changed.

The EXIF of a picture and a TIFF file are built alike: TIFF 6.0, section 2; BigTIFF's larger
numbers; Exif 3.0, section 4.6.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

VALUE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 129: 1}
"""Bytes of one value, by the number of its type: BYTE, ASCII, SHORT, LONG, RATIONAL, … DOUBLE, and Exif 3.0's UTF-8."""

RATIONALS = (5, 10)
"""Types whose values are two numbers of 4 bytes."""

MAIN, EXIF, GPS, INTEROP = 0, 0x8769, 0x8825, 0xA005
"""The tables, by the tag that points to each."""

SUBTABLES = {MAIN: (EXIF, GPS), EXIF: (INTEROP,)}

ORIENTATION, WIDTH, HEIGHT = 0x0112, 0xA002, 0xA003
X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT = 0x011A, 0x011B, 0x0128
XMP, IPTC, PROFILE = 0x02BC, 0x83BB, 0x8773
RESOURCES, LAYERS = 0x8649, 0x935C
"""Photoshop's, in a TIFF."""

OF_THE_FILE = {
    *range(0x00FE, 0x010D),  # size, bits, compression, photometric interpretation, cells, fill order
    *(0x0111, ORIENTATION, 0x0115, 0x0116, 0x0117, X_RESOLUTION, Y_RESOLUTION, 0x011C),  # strips, samples
    *(0x0120, 0x0121, 0x0122, 0x0123, 0x0124, 0x0125, RESOLUTION_UNIT, 0x012D, 0x013D, 0x013E, 0x013F, 0x0140),
    *range(0x0141, 0x0146),  # halftones, tiles
    *(0x014A, 0x014C, 0x014D, 0x014E, 0x0150, 0x0151, 0x0152, 0x0153, 0x0154, 0x0155, 0x0156, 0x015B),
    *range(0x0200, 0x0215),  # JPEG in TIFF, the thumbnail, YCbCr
    *(0x022F, XMP, 0x828D, 0x828E, IPTC, RESOURCES, PROFILE, LAYERS),  # what is copied by itself; Photoshop's layers
}
"""Tags of a main table about how its file is organised and what its numbers mean, which a new file says by itself."""


@dataclass(frozen=True)
class Tag:
    """A tag's value as it is in the file. kind: the number of its type. data: its values, in the file's byte order."""

    kind: int
    data: bytes


@dataclass(frozen=True)
class TagTables:
    """The tags of a photo. order: "<" for little, ">" for big endian. tables: by the tag that points to each, tags by
    number. damaged: how many tags could not be read."""

    order: str = "<"
    tables: Mapping[int, Mapping[int, Tag]] = field(default_factory=dict)
    damaged: int = 0

    def __bool__(self) -> bool:
        return any(set(table) - {ORIENTATION} for table in self.tables.values())

    @property
    def main(self) -> Mapping[int, Tag]:
        """The first table."""
        return self.tables.get(MAIN, {})

    def in_order(self, order: str) -> TagTables:
        """The same values in a byte order."""
        if order == self.order:
            return self
        tables = {name: {n: _swapped(tag) for n, tag in table.items()} for name, table in self.tables.items()}
        return replace(self, order=order, tables=tables)

    def without(self, gone: set[tuple[int, int]]) -> TagTables:
        """Without tags, named by table and number."""
        tables = {
            name: {n: tag for n, tag in table.items() if (name, n) not in gone} for name, table in self.tables.items()
        }
        return replace(self, tables={name: table for name, table in tables.items() if table})

    def of_the_photo(self) -> TagTables:
        """Without the tags about how the file is organised."""
        return self.without({(MAIN, n) for n in OF_THE_FILE})

    def upright(self, width: int, height: int) -> TagTables:
        """For a picture that stands upright, of that size; without any other tag there is none for it either."""
        if not self:
            return self
        tables = {name: dict(table) for name, table in self.tables.items()}
        tables.setdefault(MAIN, {})[ORIENTATION] = self.number("H", 1)
        exif = tables.get(EXIF, {})
        if WIDTH in exif or HEIGHT in exif:
            exif[WIDTH], exif[HEIGHT] = self.number("I", width), self.number("I", height)
        return replace(self, tables=tables)

    def with_resolution(self, dpi: tuple[float, float]) -> TagTables:
        """With pixels per inch, for a format that has no other place for them. Raises struct.error where too large."""
        x, y = (Tag(5, struct.pack(f"{self.order}2I", round(n * 1000), 1000)) for n in dpi)
        added = {X_RESOLUTION: x, Y_RESOLUTION: y, RESOLUTION_UNIT: self.number("H", 2)}
        return replace(self, tables={**self.tables, MAIN: {**self.main, **added}})

    def resolution(self) -> tuple[float, float] | None:
        """Pixels per inch across and down; None where the tags do not say, or say something that is no number."""
        unit = self.main.get(RESOLUTION_UNIT)
        number = int.from_bytes(unit.data, _endian(self.order)) if unit is not None else 2
        inches = {2: 1.0, 3: 2.54}.get(number)
        found = [self.main.get(n) for n in (X_RESOLUTION, Y_RESOLUTION)]
        rationals = [struct.unpack(f"{self.order}2I", tag.data) for tag in found if tag and len(tag.data) == 8]
        if inches is None or len(rationals) < 2 or not all(below for _, below in rationals):
            return None
        x, y = (above / below * inches for above, below in rationals)
        return x, y

    def number(self, letter: str, value: int) -> Tag:
        """A tag of one whole number. letter: as in struct, H or I."""
        return Tag({"H": 3, "I": 4}[letter], struct.pack(self.order + letter, value))

    def to_bytes(self) -> bytes:
        """The tables as EXIF has them. Raises struct.error where they do not fit."""
        head = (b"II*\0" if self.order == "<" else b"MM\0*") + struct.pack(f"{self.order}I", 8)
        return head + _table_bytes(self, MAIN, 8)


def read_tags(data: bytes) -> TagTables:
    """The tables of a picture's EXIF, or of a TIFF file. What cannot be read is counted, never raised."""
    order, big, offset = _head(data)
    if not order:
        return TagTables(damaged=1 if data else 0)
    budget = len(data)  # tags that share bytes could fill the memory
    tables: dict[int, dict[int, Tag]] = {}
    damaged, todo, seen = 0, [(MAIN, offset)], {MAIN}
    while todo:
        name, offset = todo.pop()
        rows, broken = _rows(data, offset, order, big)
        table: dict[int, Tag] = {}
        damaged += broken
        for number, kind, count, where in rows:
            if number in SUBTABLES.get(name, ()):
                if number not in seen:
                    todo.append((number, _offset(data, where, order, big)))
                seen.add(number)
                continue
            size = count * VALUE_BYTES.get(kind, 0)
            if kind not in VALUE_BYTES or number in table or number in (EXIF, GPS, INTEROP):
                # Types that are not listed point into the file; what they point to is not here any more.
                continue
            start = where if size <= 4 + 4 * big else _offset(data, where, order, big)
            budget -= size
            if start + size > len(data) or budget < 0:
                damaged += 1
                continue
            table[number] = Tag(kind, bytes(data[start : start + size]))
        if table:
            tables.setdefault(name, table)
    return TagTables(order, tables, damaged)


def add_tags(tiff: bytes, tags: TagTables, more: Mapping[int, Tag]) -> bytes:
    """A TIFF file with a photo's tags and some more beside its own, which stay as they are.

    more: by number, of single bytes. Raises struct.error beyond 4 GiB.
    """
    order, _, _ = _head(tiff)
    photo, own = tags.in_order(order), read_tags(tiff)
    merged = replace(photo, tables={**photo.tables, MAIN: {**photo.main, **more, **own.main}})
    padded = tiff + bytes(len(tiff) % 2)
    return padded[:4] + struct.pack(f"{order}I", len(padded)) + padded[8:] + _table_bytes(merged, MAIN, len(padded))


def _head(data: bytes) -> tuple[str, bool, int]:
    """Byte order, whether it is a BigTIFF, and where the first table is; no order where there is no head."""
    order = {b"II": "<", b"MM": ">"}.get(bytes(data[:2]), "")
    magic = struct.unpack(f"{order}H", data[2:4])[0] if order and len(data) >= 8 else 0
    if magic == 43 and len(data) >= 16:
        return order, True, struct.unpack(f"{order}Q", data[8:16])[0]
    return (order, False, struct.unpack(f"{order}I", data[4:8])[0]) if magic == 42 else ("", False, 0)


def _rows(data: bytes, at: int, order: str, big: bool) -> tuple[list[tuple[int, int, int, int]], int]:
    """A table's rows, (number, type, count, where the value or its offset is); and 1 where some are missing."""
    head, row = (8, 20) if big else (2, 12)
    if at + head > len(data):
        return [], 1
    count = int.from_bytes(data[at : at + head], _endian(order))
    here = min(count, (len(data) - at - head) // row)
    starts = [at + head + n * row for n in range(here)]
    form = f"{order}HH{'Q' if big else 'I'}"
    return [(*struct.unpack_from(form, data, start), start + (12 if big else 8)) for start in starts], int(here < count)


def _offset(data: bytes, where: int, order: str, big: bool) -> int:
    return int.from_bytes(data[where : where + 4 + 4 * big], _endian(order))


def _endian(order: str) -> Literal["little", "big"]:
    return "little" if order == "<" else "big"


def _swapped(tag: Tag) -> Tag:
    unit = 4 if tag.kind in RATIONALS else VALUE_BYTES[tag.kind]
    return tag if unit == 1 else Tag(tag.kind, np.frombuffer(tag.data, f"u{unit}").byteswap().tobytes())


def _holds(tags: TagTables, name: int) -> bool:
    """Whether a table or one below it has any tags."""
    return bool(tags.tables.get(name)) or any(_holds(tags, each) for each in SUBTABLES.get(name, ()))


def _table_bytes(tags: TagTables, name: int, at: int) -> bytes:
    """A table and all below it, for a place in the file: rows in order, then what does not fit into them."""
    order, table = tags.order, tags.tables.get(name, {})
    below = [each for each in SUBTABLES.get(name, ()) if _holds(tags, each)]
    rows, beyond = bytearray(), bytearray()
    end = at + 2 + 12 * (len(table) + len(below)) + 4
    for number in sorted([*table, *below]):
        place = end + len(beyond)
        if number in below:
            rows += struct.pack(f"{order}HHII", number, 4, 1, place)
            beyond += _table_bytes(tags, number, place)
            continue
        kind, data = table[number].kind, table[number].data
        rows += struct.pack(f"{order}HHI", number, kind, len(data) // VALUE_BYTES[kind])
        rows += data.ljust(4, b"\0") if len(data) <= 4 else struct.pack(f"{order}I", place)
        if len(data) > 4:
            beyond += data + bytes(len(data) % 2)
    return struct.pack(f"{order}H", len(table) + len(below)) + bytes(rows) + bytes(4) + bytes(beyond)

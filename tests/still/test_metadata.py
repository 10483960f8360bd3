"""Metadata: what went in comes out, byte for byte, or is named before the dream; nothing keeps a picture from being."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, ImageFile, IptcImagePlugin, PngImagePlugin

from hallucinate.cli import app
from hallucinate.frame import Picture
from hallucinate.sources.picture import read_whole
from hallucinate.still.metadata import PhotoMetadata, read_metadata
from hallucinate.still.photo_formats import PARTS, SAVE_OPTIONS, encode, fitted
from hallucinate.still.tag_tables import EXIF, GPS, INTEROP, MAIN, VALUE_BYTES, Tag, TagTables, add_tags, read_tags
from tests.offline import scene

KINDS = list(SAVE_OPTIONS)
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
PIXELS: Picture = np.tile(np.linspace(40, 200, 8, dtype=np.uint8)[:, None], (6, 1, 3))

few = settings(max_examples=40, derandomize=True, deadline=None)


def tags(order: str = "<", **more: Tag) -> TagTables:
    """What a camera writes, and what Pillow cannot: names in UTF-8, a place without a denominator, types of its own."""

    def rationals(*pairs: int) -> Tag:
        return Tag(5, struct.pack(f"{order}{len(pairs)}I", *pairs))

    main = {0x010F: Tag(2, b"Camera\0"), 0x013B: Tag(2, "José Ñandú\0".encode()), 0x010E: Tag(3, b"\1\0\2\0")}
    exif = {
        0x9003: Tag(2, b"2020:01:02 03:04:05\0"),
        0x829A: rationals(1, 0),
        0x927C: Tag(7, bytes(range(256)) * 3),
        0x9286: Tag(7, b"UNICODE\0\x93\xe3"),
        0xC000: Tag(12, struct.pack(f"{order}d", 0.1)),
    }
    gps = {1: Tag(2, b"N\0"), 2: rationals(48, 1, 0, 0, 7, 0)}
    return TagTables(order, {MAIN: main, EXIF: exif, GPS: gps, INTEROP: {1: Tag(2, b"R98\0")}})


WHOLE = PhotoMetadata(
    profile=SRGB,
    xmp=b"<x:xmpmeta xmlns:x='adobe:ns:meta/'>\xc3\xa9</x:xmpmeta>",
    iptc=b"\x1c\x02\x78\x00\x07caption",
    comment=b"a comment",
    texts={"parameters": "steps: 20, ñ", "Title": "a title"},
    dpi=(300.0, 300.0),
    tags=tags(),
)
PLACES = {
    "PNG": {"profile", "xmp", "comment", "texts", "dpi", "tags"},
    "JPEG": {"profile", "xmp", "iptc", "comment", "dpi", "tags"},
    "WEBP": {"profile", "xmp", "dpi", "tags"},
    "TIFF": {"profile", "xmp", "iptc", "dpi", "tags"},
}


def alone(part: str) -> PhotoMetadata:
    return replace(PhotoMetadata(), **{part: getattr(WHOLE, part)})


def decoded(file: bytes) -> Image.Image:
    opened = Image.open(io.BytesIO(file))
    opened.load()
    return opened


def near(file: bytes) -> bool:
    return bool(np.abs(np.asarray(decoded(file).convert("RGB"), np.int16) - PIXELS).mean() < 12)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("part", PARTS)
def test_each_kind_of_metadata_comes_out_of_each_format_or_is_named(part: str, kind: str) -> None:
    held, notes = fitted(alone(part), kind)
    found = read_metadata(encode(PIXELS, kind, held))
    if part not in PLACES[kind]:
        assert len(notes) >= 1
        assert all("omitted" in note and kind in note for note in notes)
        assert not getattr(held, part)
        return
    assert not notes
    if part == "tags":
        assert {n: dict(table) for n, table in found.tags.tables.items()} == WHOLE.tags.tables
    elif part == "comment" and kind == "PNG":
        assert found.texts == {"Comment": "a comment"}
    elif part == "dpi":
        assert found.dpi == pytest.approx((300, 300), rel=1e-4)
    else:
        assert getattr(found, part) == getattr(WHOLE, part)


@pytest.mark.parametrize("kind", KINDS)
def test_all_of_it_at_once_and_other_programs_read_it(kind: str) -> None:
    held, _ = fitted(WHOLE.upright(8, 6), kind)
    opened = decoded(encode(PIXELS, kind, held))
    assert isinstance(opened, ImageFile.ImageFile)
    exif = opened.getexif()
    assert (exif[0x010F], exif[0x0112]) == ("Camera", 1)
    assert exif[0x013B].encode("latin-1").decode() == "José Ñandú"  # Pillow reads EXIF as Latin-1
    assert exif.get_ifd(EXIF)[0x9003] == "2020:01:02 03:04:05"
    assert exif.get_ifd(EXIF)[0x927C] == bytes(range(256)) * 3
    assert exif.get_ifd(GPS)[1] == "N"
    assert exif.get_ifd(INTEROP)[1] == "R98"
    assert opened.info["icc_profile"] == SRGB
    if kind in ("JPEG", "TIFF"):
        assert (IptcImagePlugin.getiptcinfo(opened) or {})[(2, 120)] == b"caption"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("order", ["<", ">"])
def test_tags_come_out_in_any_byte_order(kind: str, order: str) -> None:
    found = read_metadata(encode(PIXELS, kind, PhotoMetadata(tags=tags(order)))).tags
    assert found.in_order(order).tables == tags(order).tables
    assert found.order == ("<" if kind == "TIFF" else order)


def test_tags_of_the_file_are_its_own_and_those_of_a_tiff_are_read_from_it() -> None:
    geo = {0x830E: Tag(12, struct.pack("<3d", 1, 2, 3)), 0x9C9B: Tag(1, "T\0".encode("utf-16-le"))}
    source = encode(PIXELS, "TIFF", replace(WHOLE, tags=TagTables("<", {MAIN: geo})))
    read = read_metadata(source)
    assert read.tags.tables == {MAIN: geo}
    assert (read.profile, read.xmp, read.iptc) == (WHOLE.profile, WHOLE.xmp, WHOLE.iptc)
    for kind in KINDS:
        held, _ = fitted(read.upright(8, 6), kind)
        assert read_metadata(encode(PIXELS, kind, held)).tags.tables[MAIN].items() >= geo.items()
        assert decoded(encode(PIXELS, kind, held)).size == (8, 6)


def test_a_picture_that_was_turned_says_its_new_size_and_stands_upright() -> None:
    sized = replace(tags(), tables={EXIF: {0xA002: Tag(3, b"\x60\0"), 0xA003: Tag(3, b"\x48\0")}})
    xmp = b'<rdf:Description tiff:Orientation="6"/><tiff:Orientation>8</tiff:Orientation>'
    upright = PhotoMetadata(tags=sized, xmp=xmp).upright(72, 96)
    assert upright.tags.tables[MAIN][0x0112] == Tag(3, b"\1\0")
    assert upright.tags.tables[EXIF] == {0xA002: Tag(4, struct.pack("<I", 72)), 0xA003: Tag(4, struct.pack("<I", 96))}
    assert upright.xmp.count(b"1") == 2


@pytest.mark.parametrize(
    ("metadata", "kind", "named", "others"),
    [
        ({"xmp": b"x" * 70_000}, "JPEG", ["XMP, 70000 bytes", "65504"], ".png, .tiff, .webp"),
        ({"xmp": b"a\0b"}, "JPEG", [], ""),
        ({"iptc": b"i" * 66_000}, "JPEG", ["IPTC, 66000 bytes"], ".tiff"),
        ({"comment": b"c" * 66_000}, "JPEG", ["comment, 66000 bytes"], ".png"),
        ({"profile": SRGB + bytes(17_000_000)}, "JPEG", ["colour profile"], ".png"),
        ({"dpi": (1e9, 1e9)}, "JPEG", ["resolution, 1e+09×1e+09 dpi"], ""),
        ({"dpi": (0.001, 0.001)}, "PNG", ["resolution, 0.001×0.001 dpi"], ".tiff"),
        ({"texts": {"": "nameless", "k" * 80: "long", "Title": "fine"}}, "PNG", ["''", "'kkk"], ""),
        ({"texts": {"parameters": "steps: 20"}}, "JPEG", ["'parameters'", "no place"], ".png"),
    ],
)
def test_what_a_format_cannot_hold_is_omitted_alone_and_named(
    metadata: Mapping[str, Any], kind: str, named: list[str], others: str
) -> None:
    beside = replace(PhotoMetadata(), **{"profile": SRGB, "tags": tags(), **metadata})
    held, notes = fitted(beside, kind)
    assert len(notes) == (max(1, len(metadata.get("texts", {})) - 1) if named else 0)
    line = "; ".join(notes)
    assert all(word in line for word in [*named, others])
    found = read_metadata(encode(PIXELS, kind, held))
    assert found.tags.tables == {**tags().tables}
    assert found.profile == ("" if "profile" in metadata else SRGB) or "profile" in metadata


def test_of_exif_that_is_too_much_for_a_jpeg_only_the_largest_tags_go() -> None:
    big = tags().tables
    exif = {**big[EXIF], 0x927C: Tag(7, bytes(40_000)), 0x9286: Tag(7, bytes(30_000))}
    held, notes = fitted(PhotoMetadata(tags=TagTables("<", {**big, EXIF: exif})), "JPEG")
    assert len(notes) == 1
    assert "MakerNote (40000 bytes)" in notes[0]
    assert "UserComment" not in notes[0]
    assert ".png, .tiff, .webp" in notes[0]
    assert held.tags.tables == {**big, EXIF: {n: tag for n, tag in exif.items() if n != 0x927C}}


@pytest.mark.parametrize("dpi", [(0, 0), (float("nan"), 72), (float("inf"), 1), (-72, 72)])
def test_a_resolution_that_means_nothing_is_named(dpi: tuple[float, float], monkeypatch: pytest.MonkeyPatch) -> None:
    file = encode(PIXELS, "PNG", PhotoMetadata())
    opened = decoded(file)
    opened.info["dpi"] = dpi
    monkeypatch.setattr(Image, "open", lambda *_: opened)
    found = read_metadata(file)
    assert found.dpi is None
    assert f"{dpi[0]:g}×{dpi[1]:g} dpi" in found.notes[-1]


def test_profiles_that_are_not_for_rgb_are_omitted_and_named() -> None:
    for space in (b"CMYK", b"GRAY", b"Lab "):
        upright = PhotoMetadata(profile=SRGB[:16] + space + SRGB[20:]).upright(8, 6)
        assert not upright.profile
        assert "not for RGB" in upright.notes[0]
    assert "not for RGB" in PhotoMetadata(profile=b"short").upright(8, 6).notes[0]


def test_several_pictures_in_one_file_are_named() -> None:
    for kind, options in (("GIF", {}), ("PNG", {}), ("WEBP", {"lossless": True}), ("TIFF", {}), ("MPO", {})):
        file = io.BytesIO()
        others = [Image.fromarray(255 - PIXELS), Image.fromarray(PIXELS // 2)]
        Image.fromarray(PIXELS).save(file, kind, save_all=True, append_images=others, **options)
        assert "it holds 3 pictures; number 1 is read" in read_whole(file.getvalue(), kind).notes


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def with_chunks(*chunks: bytes) -> bytes:
    file = encode(PIXELS, "PNG", PhotoMetadata())
    return file[:33] + b"".join(chunks) + file[33:]


def test_texts_that_bear_the_names_of_other_things_are_texts() -> None:
    names = [b"dpi", b"icc_profile", b"xmp", b"exif", b"comment", b"transparency", b"photoshop", b"gamma"]
    read = read_metadata(with_chunks(*(chunk(b"tEXt", name + b"\0value") for name in names)))
    assert (read.dpi, read.profile, read.comment, read.iptc) == (None, b"", b"", b"")
    for kind in KINDS:
        assert near(encode(PIXELS, kind, fitted(read, kind)[0]))


def test_exif_as_imagemagick_writes_it_into_a_png() -> None:
    blob = b"Exif\0\0" + tags().to_bytes()
    text = f"\nexif\n{len(blob):8}\n{blob.hex()}\n"
    info = PngImagePlugin.PngInfo()
    info.add_text("Raw profile type exif", text, zip=True)
    file = io.BytesIO()
    Image.fromarray(PIXELS).save(file, "PNG", pnginfo=info)
    read = read_metadata(file.getvalue())
    assert read.tags.tables == tags().tables
    assert not read.texts


def test_texts_beyond_pillows_limits_are_read() -> None:
    read = read_metadata(with_chunks(chunk(b"zTXt", b"workflow\0\0" + zlib.compress(b"w" * 3_000_000))))
    assert len(read.texts["workflow"]) == 3_000_000


@pytest.mark.parametrize(
    "exif",
    [
        b"",
        b"II*\0",
        b"II*\0\xff\xff\xff\xff",
        b"MM\0*\0\0\0\x08\xff\xff",
        b"MM\0*\0\0\0\x08\0\x01\x87\x69\0\x04\0\0\0\x01\0\0\0\x08" + bytes(4),  # a table that is its own below it
        b"II+\0\x08\0\0\0" + bytes(8),
        b"II*\0\x08\0\0\0\xff\xff" + b"\x69\x87\x04\0\x01\0\0\0\x08\0\0\0" * 5000,
        b"II*\0\x08\0\0\0\x02\0"
        + b"\x0f\x01\x02\0\xff\xff\xff\x7f\x08\0\0\0\x10\x01\x63\0\x01\0\0\0\0\0\0\0"
        + bytes(4),
    ],
)
def test_damaged_exif_stops_no_picture(exif: bytes) -> None:
    file = encode(PIXELS, "JPEG", PhotoMetadata())
    segment = b"\xff\xe1" + struct.pack(">H", len(exif) + 8) + b"Exif\0\0" + exif
    read = read_metadata(file[:2] + segment + file[2:])
    for kind in KINDS:
        assert near(encode(PIXELS, kind, fitted(read.upright(8, 6), kind)[0]))
    if exif:
        assert read.notes or not read.tags


numbers = st.integers(0, 0xFFFF).filter(lambda n: n not in (EXIF, GPS, INTEROP))
values = st.builds(
    lambda kind, data: Tag(kind, data[: len(data) // VALUE_BYTES[kind] * VALUE_BYTES[kind]]),
    st.sampled_from(sorted(VALUE_BYTES)),
    st.binary(max_size=60),
)
HEADS = [b"", b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08", b"II+\0\x08\0\0\0\x10" + bytes(7)]
tables = st.dictionaries(numbers, values, max_size=6)
any_tags = st.builds(
    lambda order, parts: TagTables(order, {name: table for name, table in parts.items() if table}).of_the_photo(),
    st.sampled_from("<>"),
    st.fixed_dictionaries({MAIN: tables, EXIF: tables, GPS: tables, INTEROP: tables}),
)
any_metadata = st.builds(
    PhotoMetadata,
    profile=st.binary(max_size=200) | st.binary(max_size=60).map(lambda end: SRGB + end),
    xmp=st.binary(max_size=200) | st.text(max_size=60).map(str.encode),
    iptc=st.binary(max_size=200),
    comment=st.binary(max_size=200),
    texts=st.dictionaries(st.text(max_size=90), st.text(max_size=90), max_size=3),
    dpi=st.none() | st.tuples(st.floats(min_value=0, exclude_min=True, allow_infinity=False), st.floats(1e-9, 1e12)),
    tags=any_tags,
)


@few
@given(any_metadata, st.sampled_from(KINDS))
def test_whatever_the_metadata_the_picture_is_written_and_nothing_goes_unnamed(
    metadata: PhotoMetadata, kind: str
) -> None:
    held, notes = fitted(metadata.upright(8, 6), kind)
    file = encode(PIXELS, kind, held)
    assert near(file)
    again, more = fitted(read_metadata(file).upright(8, 6), kind)
    assert not more
    for part in ("profile", "xmp", "iptc", "comment"):
        assert getattr(again, part) == getattr(held, part)
        assert getattr(held, part) or not getattr(metadata.upright(8, 6), part) or notes or part == "comment"
    assert again.tags.in_order("<").tables == held.tags.in_order("<").tables


@few
@given(
    st.binary(max_size=300),
    st.sampled_from(HEADS),
)
def test_any_bytes_are_read_as_tags_and_written_again(data: bytes, head: bytes) -> None:
    read = read_tags(head + data)
    assert read_tags(read.to_bytes()).tables == read.tables if read.order else not read


@few
@given(st.sampled_from(KINDS), st.data())
def test_a_damaged_file_is_read_as_far_as_it_goes(kind: str, data: st.DataObject) -> None:
    file = bytearray(encode(PIXELS, kind, fitted(WHOLE, kind)[0]))
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(file) - 1))
        file[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=4))
    read = read_metadata(bytes(file)).upright(8, 6)
    for other in KINDS:
        assert near(encode(PIXELS, other, fitted(read, other)[0]))


def test_a_still_names_what_its_format_cannot_hold_before_it_dreams(
    tmp_path: Path, tiny: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    big = tmp_path / "big.png"
    big.write_bytes(encode(scene(), "PNG", replace(WHOLE, xmp=b"x" * 80_000)))
    out = tmp_path / "a.jpg"
    app(["still", str(big), "-o", str(out), "--layers", "second", "--device", "cpu"], standalone_mode=False)
    lines = capsys.readouterr().out.splitlines()
    named = [n for n, line in enumerate(lines) if line.startswith("a.jpg: its XMP, 80000 bytes, is omitted")]
    assert named
    assert named[0] < len(lines) - 1
    found = read_metadata(out.read_bytes())
    assert (found.profile, found.xmp) == (SRGB, b"")
    assert found.tags.tables[EXIF] == WHOLE.tags.tables[EXIF]


# What is not copied


def segment(marker: int, data: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data


def jpeg(*segments: bytes, after: bytes = b"", **options: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(PIXELS).save(file, "JPEG", **options)
    return file.getvalue()[:2] + b"".join(segments) + file.getvalue()[2:] + after


def resource(number: int, data: bytes) -> bytes:
    return b"8BIM" + struct.pack(">HHI", number, 0, len(data)) + data + bytes(len(data) % 2)


GAIN_MAP = (
    b'<rdf:Description xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" hdrgm:Version="1.0" dc:title="T">'
    b'<Container:Directory><rdf:Seq><rdf:li Item:Semantic="GainMap"/></rdf:Seq></Container:Directory></rdf:Description>'
)


@pytest.mark.parametrize(
    ("file", "words"),
    [
        (jpeg(after=jpeg()), "another picture"),
        (jpeg(segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + GAIN_MAP), after=jpeg()), "another picture"),
        (jpeg(after=bytes(4) + b"ftypmp42" + bytes(100)), "112 bytes after the picture (a short film)"),
        (jpeg(after=b"\0\0Image_UTC_Data1600000000SEFT"), "camera's own notes"),
        (jpeg(progressive=True, restart_marker_blocks=1, after=b"\0\0SEFT"), "camera's own notes"),
        (jpeg(segment(0xE1, b"http://ns.adobe.com/xmp/extension/\0" + bytes(40) + b"x" * 700)), "extended XMP, 700 b"),
        (jpeg(segment(0xEB, b"JP\0\1" + bytes(60))), "APP11 (JP), 64 bytes"),
        (jpeg(segment(0xED, b"Photoshop 3.0\0" + resource(2000, bytes(52)))), "clipping paths, 52 bytes"),
    ],
    ids=["picture", "gain map", "film", "camera", "scans", "extended", "credentials", "paths"],
)
def test_what_a_jpeg_holds_beside_what_is_copied_is_named(file: bytes, words: str) -> None:
    read = read_metadata(file)
    assert sum(words in note for note in read.notes) == len(read.notes) == 1


@pytest.mark.parametrize("file", [jpeg(), jpeg(after=bytes(64)), jpeg()[:-2], jpeg(dpi=(72, 72), icc_profile=SRGB)])
def test_of_a_plain_jpeg_nothing_is_named(file: bytes) -> None:
    assert read_metadata(file).notes == ()


def test_xmp_claims_nothing_that_is_not_there_any_more() -> None:
    xmp = GAIN_MAP + b'<rdf:Description GCamera:MotionPhoto="1" xmpNote:HasExtendedXMP=\'AB\' xmp:Rating="5"/>'
    xmp += b"<GCamera:MicroVideoOffset>99</GCamera:MicroVideoOffset>"
    found = PhotoMetadata(xmp=xmp).upright(8, 6).xmp
    assert b'dc:title="T"' in found
    assert b'xmp:Rating="5"' in found
    assert not any(word in found for word in (b"hdrgm:Version", b"GainMap", b"MotionPhoto", b"MicroVideo", b"Extended"))


def tiff(**options: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(PIXELS).save(file, "TIFF", **options)
    return file.getvalue()


def test_layers_and_paths_of_a_tiff_are_named() -> None:
    added = {0x935C: Tag(7, bytes(600)), 0x8649: Tag(1, resource(0x0404, b"a") + resource(2000, bytes(26)))}
    read = read_metadata(add_tags(tiff(), TagTables(), added))
    assert read.notes == ("its layers, 600 bytes, are omitted", "its clipping paths, 26 bytes, are omitted")


def test_a_tiff_without_a_resolution_has_none() -> None:
    assert read_metadata(tiff()).dpi is None
    assert read_metadata(tiff(dpi=(300, 300))).dpi == (300, 300)


def test_lab_is_not_transparent() -> None:
    file = io.BytesIO()
    transform = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB")
    lab = ImageCms.applyTransform(Image.fromarray(PIXELS), transform)
    assert lab is not None
    lab.save(file, "TIFF")
    assert not any("transparent" in note for note in read_metadata(file.getvalue()).notes)
    np.testing.assert_allclose(read_whole(file.getvalue(), "lab.tif").picture, PIXELS, atol=4)

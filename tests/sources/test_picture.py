from __future__ import annotations

import re
import struct
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image, ImageCms, ImageFile, TiffImagePlugin

from hallucinate.sources.picture import is_picture, load_picture, picture_source, pixels_in, read_picture_file
from hallucinate.sources.tone import HLG, PQ, Volume
from hallucinate.still.memory import photo_size
from tests.fakes import FakeClock
from tests.refusals import refused
from tests.sources import profiles


def half_red() -> np.ndarray:
    """BGR (20, 40, 3): the left half red, the right half blue."""
    picture = np.zeros((20, 40, 3), np.uint8)
    picture[:, :20, 2] = picture[:, 20:, 0] = 255
    return picture


@pytest.mark.parametrize("ending", ["png", "jpg", "webp", "bmp", "tiff"])
def test_pictures_of_many_kinds_are_read_as_rgb(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"half.{ending}"
    cv2.imwrite(str(path), half_red())
    assert is_picture(path)
    picture = load_picture(path)
    assert picture.shape == (20, 40, 3)
    assert picture.dtype == np.uint8
    assert picture[10, 5, 0] > 200 > 60 > picture[10, 5, 2]
    assert picture[10, 35, 2] > 200 > 60 > picture[10, 35, 0]


def test_it_is_delivered_again_and_again_at_the_frames_size(tmp_path: Path) -> None:
    path = tmp_path / "half.png"
    cv2.imwrite(str(path), half_red())
    source = picture_source(path, 64, 48, 20, FakeClock())
    assert source.name == "picture half.png"
    frames = [source.read() for _ in range(3)]
    assert all(frame is not None and frame.picture.shape == (48, 64, 3) for frame in frames)


def test_exif_orientation_is_applied(tmp_path: Path) -> None:
    path = tmp_path / "phone.jpg"
    cv2.imwrite(str(path), half_red())
    tiff = b"MM\0*\0\0\0\x08" + struct.pack(">HHHIHHI", 1, 0x0112, 3, 1, 6, 0, 0)  # 6: turn clockwise
    app1 = b"Exif\0\0" + tiff
    data = path.read_bytes()
    path.write_bytes(data[:2] + b"\xff\xe1" + struct.pack(">H", len(app1) + 2) + app1 + data[2:])
    picture = load_picture(path)
    assert picture.shape == (40, 20, 3)
    assert picture[5, 10, 0] > 200  # the red half is above


def test_alpha_is_composited_over_black_and_grey_and_16_bits_become_8_bit_rgb(tmp_path: Path) -> None:
    path = tmp_path / "p.png"
    clear = np.full((4, 4, 4), 200, np.uint8)
    clear[:, :2, 3], clear[:, 2:, 3] = 0, 255
    cv2.imwrite(str(path), clear)
    assert load_picture(path)[0, :, 0].tolist() == [0, 0, 200, 200]
    cv2.imwrite(str(path), np.full((4, 4), 90, np.uint8))
    assert load_picture(path)[0, 0].tolist() == [90, 90, 90]
    deep = np.full((4, 4, 3), 0x8080, np.uint16)
    cv2.imwrite(str(path), deep)
    assert load_picture(path)[0, 0].tolist() == [128, 128, 128]
    deep_clear = np.dstack([deep, np.full((4, 4), 0x7FFF, np.uint16)])
    cv2.imwrite(str(path), deep_clear)
    assert load_picture(path)[0, 0].tolist() == [64, 64, 64]


def test_what_is_not_a_picture_is_refused_in_one_line(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    text, cut, missing = tmp_path / "text.png", tmp_path / "cut.png", tmp_path / "none.png"
    text.write_text("no picture")
    cv2.imwrite(str(cut), half_red())
    cut.write_bytes(cut.read_bytes()[:30])
    for path, code in ((text, "source_unavailable"), (cut, "source_unavailable"), (missing, "file_missing")):
        with refused(code, path.name):
            load_picture(path)
    assert not is_picture(text)
    assert not is_picture(missing)
    assert capfd.readouterr().err == ""


def smooth(width: int = 320, height: int = 240) -> np.ndarray:
    """RGB without sharp edges, in which no row is grey or black."""
    coarse = np.random.default_rng(0).integers(30, 220, (12, 16, 3), np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)


CUT = {
    "jpg": {"quality": 95},
    "png": {},
    "webp": {"quality": 95},
    "tif": {},
    "bmp": {},
}


@pytest.mark.parametrize(("ending", "options"), CUT.items(), ids=CUT)
def test_of_a_file_that_breaks_off_the_part_that_is_there_is_read_and_the_rest_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, ending: str, options: dict[str, Any]
) -> None:
    path = tmp_path / f"p.{ending}"
    Image.fromarray(smooth()).save(path, **options)
    whole, data = load_picture(path), path.read_bytes()
    path.write_bytes(data[: len(data) * 8 // 10])
    assert is_picture(path)
    read = read_picture_file(path)
    there = np.abs(read.picture.astype(int) - whole).mean(axis=(1, 2)) < 8
    assert 240 * 0.5 < there.sum() < 240
    assert not read.picture[~there][16:-16].any()
    (note,) = read.notes
    assert re.search(r"\b\d+ of 240 rows", note)
    np.testing.assert_array_equal(load_picture(path), read.picture)
    assert note in caplog.text
    path.write_bytes(data[: len(data) * 3 // 10])
    assert is_picture(path)
    with refused("picture_broken_off", "p." + ending):
        load_picture(path)


def test_a_jpeg_without_an_end_and_a_progressive_one_that_breaks_off_are_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "p.jpg"
    for progressive in (False, True):
        Image.fromarray(smooth()).save(path, quality=95, progressive=progressive)
        whole, data = load_picture(path), path.read_bytes()
        path.write_bytes(data[: len(data) * 7 // 10] if progressive else data[:-2])
        read = read_picture_file(path)
        assert np.abs(read.picture.astype(int) - whole).mean() < 4
        assert len(read.notes) == 1


@pytest.mark.parametrize("ending", ["avif", "jp2"])
def test_what_cannot_be_read_in_part_is_refused(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"p.{ending}"
    Image.fromarray(smooth()).save(path)
    path.write_bytes(path.read_bytes()[:-200])
    assert is_picture(path)
    with refused("source_unavailable", path.name):
        load_picture(path)


@pytest.mark.parametrize("colorants", [profiles.P3, profiles.ADOBE], ids=["display p3", "adobe rgb"])
@pytest.mark.parametrize("ending", ["png", "webp", "tif"])
def test_a_wide_gamut_is_seen_in_srgb_and_dreamed_back_into(
    tmp_path: Path, colorants: tuple[tuple[float, ...], ...], ending: str
) -> None:
    path, stored = tmp_path / f"p.{ending}", profiles.in_profile(smooth(), colorants)
    options: dict[str, Any] = {"lossless": True} if ending == "webp" else {}
    Image.fromarray(stored).save(path, icc_profile=profiles.rgb_profile(colorants), **options)
    read = read_picture_file(path)
    np.testing.assert_allclose(read.picture, smooth(), atol=4)
    assert read.keeps_profile
    assert read.profiled is not None
    np.testing.assert_array_equal(read.profiled.with_dream(read.picture), stored)
    dream = smooth()[::-1]
    np.testing.assert_allclose(read.profiled.with_dream(dream), profiles.in_profile(dream, colorants), atol=5)


def test_colours_that_srgb_has_not_stay_where_nothing_is_dreamed(tmp_path: Path) -> None:
    path, green = tmp_path / "p.png", np.zeros((8, 8, 3), np.uint8)
    green[..., 1] = 255
    Image.fromarray(green).save(path, icc_profile=profiles.rgb_profile(profiles.P3))
    read = read_picture_file(path)
    assert read.picture[0, 0].tolist() == [0, 255, 0]
    dream = read.picture.copy()
    dream[:4, :, 2] += 40
    assert read.profiled is not None
    own = read.profiled.with_dream(dream)
    np.testing.assert_array_equal(own[4:], green[4:])
    assert own[0, 0, 2] > 4


def test_other_profiles(tmp_path: Path) -> None:
    path, grey = tmp_path / "p.png", np.full((4, 4), 128, np.uint8)
    Image.fromarray(grey).save(path, icc_profile=profiles.grey_profile(1.0))
    linear = read_picture_file(path)
    assert linear.picture[0, 0].tolist() == pytest.approx([188] * 3, abs=1)
    assert not linear.keeps_profile
    for profile in (
        ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(),
        profiles.rgb_profile(profiles.P3),
    ):
        Image.fromarray(grey).convert("CMYK").save(path.with_suffix(".jpg"), icc_profile=profile)
        assert not read_picture_file(path.with_suffix(".jpg")).keeps_profile
    Image.fromarray(smooth()).save(path, icc_profile=ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    srgb = read_picture_file(path)
    assert srgb.profiled is None
    assert srgb.keeps_profile
    np.testing.assert_array_equal(srgb.picture, smooth())
    Image.fromarray(smooth()).save(path, icc_profile=b"no profile at all" * 20)
    broken = read_picture_file(path)
    np.testing.assert_array_equal(broken.picture, smooth())
    assert not broken.keeps_profile
    assert len(broken.notes) == 1


@pytest.mark.parametrize("transfer", [PQ, HLG])
def test_hdr_by_numbers_is_tone_mapped(tmp_path: Path, transfer: int) -> None:
    path, volume = tmp_path / "p.png", Volume.of(transfer, 9)
    _, data = cv2.imencode(".png", volume.from_sdr(smooth() // 2)[..., ::-1])
    body = b"cICP" + bytes([9, transfer, 0, 1])
    chunk = struct.pack(">I", 4) + body + struct.pack(">I", zlib.crc32(body))
    path.write_bytes(bytes(data[:33]) + chunk + bytes(data[33:]))
    read = read_picture_file(path)
    # Eight bits of it are read: where a channel is next to black, its steps are large.
    assert np.abs(read.picture.astype(int) - smooth() // 2).mean() < 1
    assert len(read.notes) == 1


@pytest.mark.parametrize("orientation", [1, 6])
def test_an_avif_of_hdr_is_tone_mapped(tmp_path: Path, orientation: int) -> None:
    path, volume = tmp_path / "p.avif", Volume.of(PQ, 9)
    exif = Image.Exif()
    exif[0x0112] = orientation
    eight_bits = (volume.from_sdr(smooth() // 2) / 257).round().astype(np.uint8)
    Image.fromarray(eight_bits).save(path, quality=98, subsampling="4:4:4", exif=exif.tobytes())
    data = path.read_bytes()
    at = data.index(b"colrnclx")
    path.write_bytes(data[: at + 8] + struct.pack(">HH", 9, PQ) + data[at + 12 :])
    upright = np.rot90(smooth() // 2, -1) if orientation == 6 else smooth() // 2
    assert np.abs(load_picture(path).astype(int) - upright).mean() < 3


DEEP = {
    "16-bit grey": (".png", np.full((4, 4), 0x8080, np.uint16)),
    "16-bit grey tiff": (".tif", np.full((4, 4), 0x8080, np.uint16)),
    "16-bit colour tiff": (".tif", np.full((4, 4, 3), 0x8080, np.uint16)),
    "float": (".tif", np.full((4, 4), 0.502, np.float32)),
    "float colour": (".tif", np.full((4, 4, 3), 0.502, np.float32)),
    "float up to 255": (".tif", np.where(np.eye(4), np.float32(255), np.float32(128))),
    "portable float": (".pfm", np.full((4, 4, 3), 0.502, np.float32)),
}


@pytest.mark.parametrize(("ending", "samples"), DEEP.values(), ids=DEEP)
def test_deep_pictures_become_eight_bits(tmp_path: Path, ending: str, samples: np.ndarray) -> None:
    path = tmp_path / f"p{ending}"
    assert cv2.imwrite(str(path), samples)
    assert is_picture(path)
    assert load_picture(path)[0, 1].tolist() == [128, 128, 128]


def test_linear_light_is_encoded(tmp_path: Path) -> None:
    path = tmp_path / "p.hdr"
    cv2.imwrite(str(path), np.full((4, 4, 3), 0.2159, np.float32))
    assert load_picture(path)[0, 0].tolist() == pytest.approx([128] * 3, abs=1)


@pytest.mark.parametrize("ending", ["png", "jpg", "webp", "tif", "avif", "bmp", "gif", "jp2"])
@pytest.mark.parametrize("size", [(1, 1), (2, 2), (3, 5), (1, 9)], ids=str)
def test_the_least_pictures_are_read(tmp_path: Path, ending: str, size: tuple[int, int]) -> None:
    path = tmp_path / f"p.{ending}"
    Image.new("RGB", size, (200, 30, 30)).save(path)
    picture = load_picture(path)
    assert picture.shape == (size[1], size[0], 3)
    np.testing.assert_allclose(picture[0, 0], (200, 30, 30), atol=6)


@pytest.mark.parametrize("ending", ["webp", "png", "avif", "mpo", "tif"])
def test_of_several_pictures_the_first_is_read(tmp_path: Path, ending: str) -> None:
    path, first = tmp_path / f"p.{ending}", Image.fromarray(smooth())
    first.save(path, save_all=True, append_images=[Image.new("RGB", first.size)], quality=98)
    assert is_picture(path) == (ending != "png")  # an animated PNG is a film too, as a GIF is
    read = read_picture_file(path)
    assert np.abs(read.picture.astype(int) - smooth()).mean() < 4
    assert [re.findall(r"\d+", note) for note in read.notes] == [["2", "1"]]


def test_a_thumbnail_that_comes_first_is_not_the_picture(tmp_path: Path) -> None:
    path, copy = tmp_path / "p.tif", TiffImagePlugin.ImageFileDirectory_v2()
    copy[254] = 1
    with TiffImagePlugin.AppendingTiffWriter(str(path), True) as pages:
        Image.new("RGB", (32, 24)).save(pages, format="TIFF", tiffinfo=copy)
        pages.newFrame()
        Image.fromarray(smooth()).save(pages, format="TIFF")
        pages.newFrame()
    read = read_picture_file(path)
    np.testing.assert_array_equal(read.picture, smooth())
    assert [re.findall(r"\d+", note) for note in read.notes] == [["2", "2"]]
    assert pixels_in(path.read_bytes()) == 320 * 240
    assert photo_size(path) == (320, 240)


HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"


@pytest.mark.parametrize("head", [HEIC, b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n"], ids=["heic", "jxl", "jxl in a box"])
def test_what_nothing_decodes_is_called_what_it_is(tmp_path: Path, head: bytes) -> None:
    path = tmp_path / "IMG_0001.HEIC"
    path.write_bytes(head + bytes(100))
    assert is_picture(path)  # not a film of which FFmpeg shows a tile
    with refused("picture_unsupported", path.name):
        load_picture(path)


def test_a_cameras_raw_file_is_not_its_thumbnail(tmp_path: Path) -> None:
    path, copy = tmp_path / "p.nef", TiffImagePlugin.ImageFileDirectory_v2()
    copy[254], copy[330] = 1, 8
    Image.new("RGB", (32, 24)).save(path, format="TIFF", tiffinfo=copy)
    with refused("picture_unsupported", path.name):
        load_picture(path)


def test_jpegs_one_after_another_are_a_film(tmp_path: Path) -> None:
    path = tmp_path / "p.mjpeg"
    Image.fromarray(smooth()).save(path, format="JPEG")
    assert is_picture(path)
    path.write_bytes(2 * path.read_bytes())
    assert not is_picture(path)


def test_pillows_settings_are_as_they_were(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = bool(ImageFile.LOAD_TRUNCATED_IMAGES)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    path = tmp_path / "p.png"
    Image.fromarray(smooth()).save(path)
    path.write_bytes(path.read_bytes()[:-5000])
    assert load_picture(path).shape == (240, 320, 3)
    assert Image.MAX_IMAGE_PIXELS == 100
    assert before == bool(ImageFile.LOAD_TRUNCATED_IMAGES)

from __future__ import annotations

import struct
from pathlib import Path

import cv2
import numpy as np
import pytest

from hallucinate.sources.picture import is_picture, load_picture, picture_source
from tests.fakes import FakeClock
from tests.refusals import refused


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

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest

from hallucinate.sources.raw_pictures import RawPictures, Unchanged
from tests.refusals import refused

RAMP = np.tile(np.linspace(0, 255, 64).round().astype(np.uint8), (48, 1))
BLUE = np.dstack([np.full((48, 64), value, np.uint8) for value in (255, 128, 0)])
SECOND = 10**9


def bgr(raw: object) -> np.ndarray:
    picture = RawPictures().bgr(raw, 0)
    assert picture.dtype == np.uint8
    assert picture.ndim == 3
    assert picture.shape[2] == 3
    assert picture.flags.c_contiguous
    return picture


def read_only(picture: np.ndarray) -> np.ndarray:
    picture = picture.copy()
    picture.flags.writeable = False
    return picture


def jpeg(picture: np.ndarray) -> np.ndarray:
    return cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 95])[1]


@pytest.mark.parametrize(
    "raw",
    [
        BLUE,
        read_only(BLUE),
        np.dstack([BLUE, np.zeros((48, 64), np.uint8)]),  # an alpha of 0 hides nothing: cameras do not mean it
        BLUE[::-1, ::-1],
        np.asfortranarray(BLUE),
        BLUE.view(np.ma.MaskedArray),
        BLUE.astype(np.float32) / 255,
        BLUE / 255,
    ],
)
def test_colours_stay(raw: Any) -> None:
    np.testing.assert_array_equal(bgr(raw), BLUE)


@pytest.mark.parametrize("shape", [(1, -1), (-1, 1), (-1,)])
def test_a_jpeg_files_bytes_are_decoded(shape: tuple[int, ...]) -> None:
    np.testing.assert_allclose(bgr(jpeg(BLUE).reshape(shape)), BLUE, atol=3)


@pytest.mark.parametrize(
    "raw", [RAMP, RAMP[..., None], RAMP.T.copy().T, RAMP / 255, RAMP.astype(np.uint16) * 257, RAMP.astype(">u2") * 257]
)
def test_one_channel_is_grey(raw: Any) -> None:
    picture = bgr(raw)
    np.testing.assert_allclose(picture[..., 1], RAMP, atol=3)  # the darkest and lightest 0.5 % are cut off
    assert (picture[..., 0] == picture[..., 2]).all()


def test_two_channels_are_yuyv() -> None:
    luma = np.full((48, 64), 126, np.uint8)
    luma[:, 32:] = 235
    chroma = np.tile(np.array([90, 240], np.uint8), (48, 32))  # U, V, U, V: a red
    chroma[:, 32:] = 128
    picture = bgr(np.dstack([luma, chroma]))
    # BT.601, limited range: R = 1.164 (126 - 16) + 1.596 (240 - 128), and so on
    np.testing.assert_allclose(picture[0, 0], (51, 52, 255), atol=2)
    np.testing.assert_allclose(picture[0, 63], (255, 255, 255), atol=2)
    assert bgr(np.dstack([luma, chroma])[:, :63]).shape == (48, 62, 3)


def test_sixteen_bits_are_scaled_by_a_range_that_does_not_flicker() -> None:
    pictures = RawPictures()
    scene = RAMP.astype(np.uint16) * 4 + 30000
    first = pictures.bgr(scene, 0)
    assert (first.min(), first.max()) == (0, 255)
    hot = scene.copy()
    hot[:8, :8] = 32000  # somebody plays with a lighter
    means = [pictures.bgr(hot if n % 2 else scene, n * SECOND // 30)[..., 0][20:].mean() for n in range(1, 60)]
    assert max(abs(np.diff(means))) < 6
    for n in range(60, 400):
        settled = pictures.bgr(scene, n * SECOND // 30)
    np.testing.assert_allclose(settled, first, atol=1)


@pytest.mark.parametrize("value", [0, 12, 30000, 65535])
def test_noise_of_a_flat_picture_is_not_enlarged(value: int) -> None:
    noise = np.random.default_rng(0).integers(-3, 4, (48, 64))
    picture = bgr((value + noise).clip(0, 65535).astype(np.uint16))
    assert np.ptp(picture) <= 6


@pytest.mark.parametrize("dtype", ["u2", "i2", "i1", "u4", "i8", "f2", "f4", "f8", "?"])
def test_every_type_of_number_shows_dark_and_light(dtype: str) -> None:
    raw = np.zeros((48, 64), dtype)
    raw[:, 32:] = 1 if dtype == "?" else 100
    picture = bgr(raw)
    assert picture[0, 63, 0] > picture[0, 0, 0] + 90


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf, 1e300])
def test_what_is_no_number_harms_nothing_else(wrong: float) -> None:
    raw = RAMP / 255.0
    raw[0, :5] = wrong
    np.testing.assert_allclose(bgr(raw)[1:, :, 0], RAMP[1:], atol=3)


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (None, "nothing"),
        ("picture", "str"),
        ([[0, 0], [0, 0]], "list"),
        (np.zeros((0, 0, 3), np.uint8), "empty"),
        (np.zeros((0, 640), np.uint16), "empty"),
        (np.zeros((48, 64, 0), np.uint8), "empty"),
        (np.uint8(3) + np.zeros((), np.uint8), "no pictures"),
        (np.zeros(()), "0 dimensions"),
        (np.zeros(3000, np.uint8), "1 dimensions"),
        (np.zeros((2, 48, 64, 3), np.uint8), "4 dimensions"),
        (np.zeros((1, 3000), np.uint8), "3000×1"),
        (np.zeros((3, 48, 64), np.uint8), "48×3"),
        (np.zeros((8, 40000), np.uint8), "40000×8"),
        (np.zeros((48, 64, 5), np.uint8), "5 channels"),
        (np.zeros((48, 64, 2), np.uint16), "uint16"),
        (np.zeros((48, 64, 2), np.float32), "float32"),
        (np.zeros((48, 64, 3), np.complex64), "complex64"),
        (np.zeros((48, 64), object), "object"),
        (np.zeros((48, 64), "U4"), "str"),
        (np.zeros((48, 64), "M8[s]"), "datetime64"),
        (np.full((48, 64), np.nan), "without a number"),
        (jpeg(BLUE).reshape(1, -1)[:, :40], "JPEG"),
    ],
)
def test_what_is_no_picture_is_refused_in_words(raw: object, words: str) -> None:
    with refused("source_failed", words) as caught:
        RawPictures().bgr(raw, 0)
    assert "OpenCV" not in str(caught.value)


def test_a_switch_of_gain_is_followed_at_once() -> None:
    pictures, scene = RawPictures(), RAMP.astype(np.uint16) * 4
    first = pictures.bgr(scene, 0)
    np.testing.assert_array_equal(pictures.bgr(scene + 20000, SECOND // 30), first)
    assert np.ptp(pictures.bgr(RAMP.astype(np.int32) + 2**30, SECOND // 15)) > 250


def test_a_refused_picture_leaves_the_range_alone() -> None:
    pictures, scene = RawPictures(), RAMP.astype(np.uint16) * 100
    before = pictures.bgr(scene, 0)
    with refused("source_failed"):
        pictures.bgr(np.zeros((0, 0), np.uint16), 1)
    np.testing.assert_array_equal(pictures.bgr(scene, 2), before)


def test_since_when_a_picture_is_the_same() -> None:
    unchanged, picture = Unchanged(), BLUE.copy()
    assert [unchanged.since_ns(picture, n) for n in (1, 2, 3)] == [1, 1, 1]
    picture[5, 5, 0] = 254  # in a row that is not looked at first, and in the same memory
    assert [unchanged.since_ns(picture, n) for n in (4, 5)] == [4, 4]
    assert unchanged.since_ns(picture[:24], 6) == 6
    assert unchanged.since_ns(picture[:24].astype(np.uint16), 7) == 6

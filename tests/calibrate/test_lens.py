"""Known lenses photograph a board; calibration must give them back."""

import re
import struct
import zlib
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import pytest

from hallucinate.calibrate.boards import Board
from hallucinate.calibrate.lens import calibrate, from_sightings
from hallucinate.calibrate.lens_fit import Model, Sighting
from hallucinate.panorama.lenses import Lens
from hallucinate.panorama.lensfile import read_lens
from tests.calibrate.lenses import BOARD, LENSES, photographed, poses, seen_exactly
from tests.refusals import refused


def apart(found: Lens, true: Lens) -> float:
    """Pixels between where the two put a direction, at most, wherever the found one sees."""
    away, around = np.meshgrid(np.linspace(0, found.max_angle / 1.05, 40), np.linspace(0, 2 * np.pi, 24))
    directions = np.stack([np.sin(away) * np.cos(around), np.sin(away) * np.sin(around), np.cos(away)], -1)
    true_pixels = true.pixels(directions)
    inside = np.isfinite(true_pixels).all(-1) & ((true_pixels >= 0) & (true_pixels < np.array(true.size))).all(-1)
    return float(np.linalg.norm(found.pixels(directions) - true_pixels, axis=-1)[inside].max())


@pytest.mark.parametrize("name", LENSES)
def test_pictures_through_a_known_lens_give_it_back(name: str, tmp_path: Path) -> None:
    lens, rng = LENSES[name], np.random.default_rng(1)
    lines: list[str] = []
    paths = []
    for n, pose in enumerate(poses(lens, 7)):
        paths.append(tmp_path / f"{n}.png")
        cv2.imwrite(str(paths[-1]), photographed(lens, pose, rng))
    model: Model = "pinhole" if lens.kind == "pinhole" else "fisheye"
    found = calibrate(paths, BOARD, model, tmp_path / "lens.yaml", False, lines.append)
    assert found.fit.error() <= 0.3
    assert len(found.used) >= 6
    assert found.fit.lens.focal == pytest.approx(lens.focal, rel=0.005)
    assert found.fit.lens.centre == pytest.approx(lens.centre, abs=1)
    assert apart(found.fit.lens, lens) < 1
    assert found.fit.lens.degrees > 0.85 * lens.degrees
    assert read_lens(tmp_path / "lens.yaml") == found.fit.lens
    assert sum(bool(re.search(r"\d+ corners +0\.\d\d px", line)) for line in lines) == len(found.used)
    assert any(re.search(r"in all: 0\.\d\d px over", line) for line in lines)


def test_exact_corners_give_the_exact_lens() -> None:
    lens = LENSES["fisheye-220"]
    found = from_sightings(seen_exactly(lens, 12), lens.size, "fisheye", BOARD)
    assert found.fit.error() < 1e-6
    np.testing.assert_allclose(found.fit.lens.coefficients, lens.coefficients, atol=1e-6)
    np.testing.assert_allclose(found.fit.lens.focal, lens.focal, rtol=1e-7)


def test_too_few_corners_are_counted_picture_by_picture() -> None:
    lens = LENSES["fisheye-150"]
    sightings = seen_exactly(lens, 8, noise=0.1)
    few = Sighting("blurred.png", sightings[0].board[:3], sightings[0].pixels[:3])
    found = from_sightings([*sightings, few], lens.size, "fisheye", BOARD)
    assert len(found.excluded) == 1
    assert re.match(r"blurred\.png: 3 .*54 .*8 ", found.excluded[0])
    with refused("pictures_too_few", "3 pictures", "4 are needed", "blurred.png: 3 of the board's 54"):
        from_sightings([*sightings[:3], few], lens.size, "fisheye", BOARD)


def test_a_board_that_is_in_no_picture_is_refused() -> None:
    unseen = [Sighting(f"{n}.png", np.zeros((0, 2)), np.zeros((0, 2))) for n in range(15)]
    with refused("board_not_found", "15 pictures", "charuco", "10×7", "--columns"):
        from_sightings(unseen, (640, 480), "fisheye", BOARD)


def test_a_picture_that_does_not_agree_is_named_and_excluded() -> None:
    lens = LENSES["fisheye-190"]
    sightings = seen_exactly(lens, 10, noise=0.1)
    bent = sightings[4]
    wave = 9 * np.sin(bent.board / 40)
    sightings[4] = Sighting("bent.png", bent.board, bent.pixels + wave)
    found = from_sightings(sightings, lens.size, "fisheye", BOARD)
    assert len(found.excluded) == 1
    assert re.match(r"bent\.png: .*\d+\.\d px off, the others 0\.1", found.excluded[0])
    assert apart(found.fit.lens, lens) < 1


@pytest.mark.parametrize("name", ["fisheye-90", "fisheye-220", "pinhole-90"])
def test_pictures_from_one_angle_are_refused(name: str) -> None:
    lens, rng = LENSES[name], np.random.default_rng(2)
    board = np.asarray((np.indices((9, 6)).reshape(2, -1).T + 1) * 25.0, np.float64)
    facing = cv2.Rodrigues(np.array([0.1, 0.15, 0.0]))[0]
    sightings = []
    for n in range(8):  # the board is moved along, and turned in its plane
        rotation = facing @ cv2.Rodrigues(np.array([0.0, 0.0, 0.5 * n]))[0]
        middle = facing @ np.array([*rng.uniform(-60, 60, 2), rng.uniform(250, 400)])
        points = (board - board.mean(0)) @ rotation[:, :2].T + middle
        sightings.append(Sighting(f"{n}.png", board, lens.pixels(points) + rng.normal(0, 0.1, (54, 2))))
    with refused("pictures_from_one_angle", "8 pictures", "15°"):
        from_sightings(sightings, lens.size, "pinhole" if lens.kind == "pinhole" else "fisheye", BOARD)


def test_pictures_of_two_sizes_are_refused(tmp_path: Path) -> None:
    for name, size in (("a.png", (480, 640)), ("b.png", (640, 480))):
        cv2.imwrite(str(tmp_path / name), np.zeros((*size, 3), np.uint8))
    with refused("pictures_differ", "b.png is 480×640", "a.png is 640×480"):
        calibrate([tmp_path / "a.png", tmp_path / "b.png"], BOARD, "fisheye", tmp_path / "x.yaml", False)
    assert not (tmp_path / "x.yaml").exists()


@pytest.mark.parametrize("kind", ["charuco", "checkerboard"])
def test_a_printed_board_is_found_and_has_its_true_size(
    kind: Literal["charuco", "checkerboard"], tmp_path: Path
) -> None:
    board = Board(kind, 10, 7, 25.0)
    advice = board.write(tmp_path / "board.png")
    assert "100 %" in advice
    data = (tmp_path / "board.png").read_bytes()
    at = data.index(b"pHYs")
    across, down, unit = struct.unpack(">IIB", data[at + 4 : at + 13])
    assert unit == 1
    picture = cv2.imread(str(tmp_path / "board.png"), cv2.IMREAD_GRAYSCALE)
    assert picture is not None
    where, pixels = board.find(np.asarray(picture[::2, ::2], np.uint8))  # half as large, for speed
    assert len(where) == 54
    millimetres = pixels * 2 * 1000 / np.array([across, down])
    if kind == "charuco":  # a plain board looks the same upside down
        np.testing.assert_allclose(millimetres - millimetres[0], where - where[0], atol=0.15)
    np.testing.assert_allclose(np.ptp(millimetres, axis=0), [200, 125], atol=0.15)


def test_a_pdf_has_every_black_module_where_it_is(tmp_path: Path) -> None:
    board = Board("charuco", 10, 7, 25.0)
    board.write(tmp_path / "board.pdf")
    data = (tmp_path / "board.pdf").read_bytes()
    assert data.startswith(b"%PDF-1.4")
    assert b"MediaBox [0 0 841.890 595.276]" in data
    start = int(re.search(rb"startxref\n(\d+)", data)[1])  # type: ignore[index]
    assert data[start:].startswith(b"xref\n0 6")
    for n, place in enumerate(re.findall(rb"(\d{10}) 00000 n", data), 1):
        assert data[int(place) :].startswith(f"{n} 0 obj".encode())
    text = zlib.decompress(re.search(rb"stream\n(.*?)\nendstream", data, re.S)[1]).decode()  # type: ignore[index]
    drawn = np.zeros((210 * 8, 297 * 8), bool)  # an eighth of a millimetre to the pixel
    for numbers in re.findall(r"^([\d. ]+) re$", text, re.M):
        x, y, w, h = (float(number) * 8 for number in numbers.split())
        drawn[round(y) : round(y + h), round(x) : round(x + w)] = True
    drawn = drawn[::-1][140 : 140 + 1400, 188 : 188 + 2000]  # upright, without the margins
    modules = board.modules() == 0
    np.testing.assert_array_equal(drawn[12::25, 12::25], modules)


def test_a_board_that_does_not_fit_says_what_would(tmp_path: Path) -> None:
    with refused("board_invalid", "400×280 mm", "A4", "--square-mm 27", "--paper"):
        Board("charuco", 10, 7, 40.0).write(tmp_path / "board.pdf")
    assert not list(tmp_path.iterdir())

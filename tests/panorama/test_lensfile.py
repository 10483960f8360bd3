import re
from pathlib import Path

import numpy as np
import pytest

from hallucinate.files import shipped
from hallucinate.panorama.lenses import DualFisheye, Lens
from hallucinate.panorama.lensfile import Ideal, read_lens, write_lens
from hallucinate.panorama.projections import Array
from tests.refusals import refused

LENS = Lens("kannala-brandt", (640, 480), (180.5, 183.0), (321.5, 236.25), (0.06, -0.011, 2e-05, -3e-07), 215.5)
BROWN = Lens("pinhole", (640, 480), (420.0, 421.0), (318.0, 241.0), (-0.2, 0.05, 0.001, -0.002, 0.0), 80)


def turn(degrees: float) -> Array:
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])


@pytest.mark.parametrize("ros", [False, True], ids=["opencv", "ros"])
@pytest.mark.parametrize("lens", [LENS, BROWN], ids=["kannala-brandt", "pinhole"])
def test_a_lens_that_was_written_is_read_again(tmp_path: Path, lens: Lens, ros: bool) -> None:
    write_lens(tmp_path / "lens.yaml", lens, ["found by a test"], ros)
    assert read_lens(tmp_path / "lens.yaml") == lens
    assert "# found by a test" in (tmp_path / "lens.yaml").read_text()
    assert list(tmp_path.iterdir()) == [tmp_path / "lens.yaml"]


def test_two_lenses_and_how_they_are_turned(tmp_path: Path) -> None:
    dual = DualFisheye(LENS, LENS, turn(178.7))
    write_lens(tmp_path / "dual.yaml", dual, [])
    read = read_lens(str(tmp_path / "dual.yaml"))
    assert isinstance(read, DualFisheye)
    assert (read.first, read.second) == (LENS, LENS)
    np.testing.assert_allclose(read.rotation, dual.rotation)
    with refused("lens_invalid", "camera_info"):
        write_lens(tmp_path / "dual.yaml", dual, [], ros=True)


ROS = """image_width: 752
image_height: 480
camera_name: cam0
distortion_model: {model}
camera_matrix:
  rows: 3
  cols: 3
  data: [460.5, 0.0, 366.5, 0.0, 458.25, 248.0, 0.0, 0.0, 1.0]
distortion_coefficients: {{rows: 1, cols: {count}, data: [{data}]}}
"""


def test_a_file_of_ros_names_its_projection_in_its_own_words(tmp_path: Path) -> None:
    path = tmp_path / "cam.yaml"
    path.write_text(ROS.format(model="plumb_bob", count=5, data="-0.28, 0.07, 0.0002, 1.8e-05, 0.0"))
    lens = read_lens(path)
    assert isinstance(lens, Lens)
    assert (lens.kind, lens.focal, lens.size) == ("pinhole", (460.5, 458.25), (752, 480))
    assert lens.coefficients == (-0.28, 0.07, 0.0002, 1.8e-05, 0.0)
    path.write_text(ROS.format(model="equidistant", count=4, data="-0.01, 0.03, -0.04, 0.02"))
    lens = read_lens(path)
    assert isinstance(lens, Lens)
    assert lens.kind == "kannala-brandt"
    corner = np.degrees(np.arccos(lens.rays(np.array([[0.0, 0.0]]))[0, 2]))
    assert lens.degrees / 2 == pytest.approx(corner, rel=0.05)  # of the farthest one


WHOLE = ROS.format(model="equidistant", count=4, data="0, 0, 0, 0")


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("", ["odd.yaml"]),
        ("\x00\x01", ["odd.yaml"]),
        ("a: [1, 2", ["odd.yaml"]),
        ("- 1\n- 2\n", ["odd.yaml"]),
        ("hello: 1\n", ["projection"]),
        (WHOLE.replace("image_height: 480\n", "odd.yaml"), ["image_height"]),
        (WHOLE.replace("camera_matrix", "matrix"), ["camera_matrix"]),
        (WHOLE.replace("distortion_coefficients", "d"), ["distortion_coefficients"]),
        (WHOLE.replace("[0, 0, 0, 0]", "[0, 0]"), ["distortion_coefficients", "2 numbers", "4 or 5"]),
        (WHOLE.replace("[0, 0, 0, 0]", "[0, 0, .Nan, 0]"), ["distortion_coefficients"]),
        (WHOLE.replace("460.5", "-1.0"), ["camera_matrix"]),
        (WHOLE.replace("752", "0"), ["image_width"]),
        (WHOLE.replace("equidistant", "rational_polynomial"), ["'rational_polynomial'"]),
        (WHOLE.replace("366.5", "9e9"), ["9e+09, 248"]),
        (WHOLE.replace("248.0", "-40.5"), ["366.5, -40.5"]),
        ("projection: equidistant\n", ["field_of_view"]),
        ("projection: equidistant\nfield_of_view: 400\n", ["400"]),
        ("projection: sideways\n", ["'sideways'"]),
    ],
)
def test_what_is_wrong_with_a_file_is_one_line(tmp_path: Path, text: str, values: list[str]) -> None:
    path = tmp_path / "odd.yaml"
    path.write_text(text)
    with refused("lens_invalid", *values) as caught:
        read_lens(path)
    assert str(caught.value).startswith("odd.yaml")


def test_a_file_that_an_editor_began_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    for text in (WHOLE, "%YAML:1.0\n---\n" + WHOLE):
        (tmp_path / "marked.yaml").write_text(text, encoding="utf-8-sig")
        (tmp_path / "plain.yaml").write_text(text, encoding="utf-8")
        assert read_lens(tmp_path / "marked.yaml") == read_lens(tmp_path / "plain.yaml")


@pytest.mark.parametrize("named", ["nosuch.yaml", "{folder}/nosuch.yaml", "{folder}", "nosuch/nosuch.yaml"])
def test_a_file_that_is_not_there_names_the_profiles_and_nothing_else(tmp_path: Path, named: str) -> None:
    (tmp_path / "mine.yaml").write_text(WHOLE)
    named = named.format(folder=tmp_path)
    with refused("lens_invalid", named, "equidistant-180", "ricoh-theta-sc") as caught:
        read_lens(named)
    assert "mine" not in str(caught.value).replace(named, "")


@pytest.mark.parametrize("path", sorted((shipped("calibration") / "lenses").glob("*.yaml")), ids=lambda p: p.stem)
def test_every_shipped_profile_is_whole_and_says_where_it_is_from(path: Path) -> None:
    lens = read_lens(path.stem)
    assert re.search("not measured", path.read_text(), re.IGNORECASE)
    if isinstance(lens, Ideal):
        lens = lens.scaled_to((2000, 1000), path.name)
    elif isinstance(lens, DualFisheye):
        np.testing.assert_allclose(lens.rotation @ lens.rotation.T, np.eye(3), atol=1e-9)
    ahead = lens.places(np.array([[0.0, 0.0, 1.0]]))
    assert ((ahead > 0) & (ahead < 1)).all()

from pathlib import Path

import numpy as np
import pytest

from hallucinate.panorama.fitting import Fitting, PanoramaSpec, fitted, read_panorama_spec
from hallucinate.panorama.lenses import Lens
from hallucinate.panorama.lensfile import Ideal, write_lens
from hallucinate.panorama.projections import Cubemap, Equirect
from hallucinate.panorama.remap import Layout
from tests.panorama.test_remap import drawn
from tests.refusals import refused

LENS = Lens("kannala-brandt", (640, 480), (180.0, 180.0), (319.5, 239.5), (0.0, 0.0, 0.0, 0.0), 215)


def test_words_name_what_a_source_is(tmp_path: Path) -> None:
    assert read_panorama_spec("flat") is None
    assert read_panorama_spec("equirect") == PanoramaSpec("equirect")
    assert read_panorama_spec("half-equirect:side-by-side") == PanoramaSpec("half-equirect", Layout.SIDE_BY_SIDE)
    path = tmp_path / "lens.yaml"
    write_lens(path, LENS, [])
    by_suffix, by_option = (
        read_panorama_spec(f"fisheye:{path}:top-bottom"),
        read_panorama_spec("fisheye:top-bottom", str(path)),
    )
    assert by_suffix is not None
    assert by_suffix == by_option
    assert (by_suffix.lens, by_suffix.layout) == (LENS, "top-bottom")
    profile = read_panorama_spec("fisheye:equidistant-220")
    assert profile is not None
    assert profile.lens == Ideal("equidistant", 220)


@pytest.mark.parametrize(
    ("words", "lens", "named"),
    [
        ("equirekt", None, "'equirect'"),
        ("equirect:topbottom", None, "'top-bottom'"),
        ("equirect", "equidistant-180", "--lens"),
        ("flat", "equidistant-180", "--lens"),
        ("flat:mono", None, ": flat "),
        ("equirect:mono:mono", None, "equirect:mono:mono"),
        ("fisheye:equidistant-180", "equidistant-200", "--lens"),
        ("fisheye:dual-equidistant-190", None, "dual-equidistant-190"),
        ("dual-fisheye:equidistant-190", None, "equidistant-190"),
    ],
)
def test_a_wrong_word_is_one_line(words: str, lens: str | None, named: str) -> None:
    with refused("panorama_invalid", f"--panorama {words}", named):
        read_panorama_spec(words, lens)


@pytest.mark.parametrize(
    ("words", "size", "projection"),
    [
        ("equirect", (1024, 512), "equirect"),
        ("equirect:top-bottom", (1024, 1024), "equirect"),
        ("equirect:side-by-side", (2048, 512), "equirect"),
        ("half-equirect", (512, 512), "half-equirect"),
        ("half-equirect:side-by-side", (1024, 512), "half-equirect"),
        ("cubemap", (1024, 512), "equirect"),
        ("dual-fisheye", (1024, 512), "equirect"),
        ("fisheye", (512, 512), "half-equirect"),
        ("fisheye:equidistant-220", (1024, 512), "equirect"),
    ],
)
def test_frames_have_the_shape_of_what_they_show(words: str, size: tuple[int, int], projection: str) -> None:
    spec = read_panorama_spec(words)
    assert spec is not None
    fitting = Fitting(spec)
    assert fitting.size == size
    assert fitting.facts() == {"projection": projection, "layout": spec.layout}


@pytest.mark.parametrize(
    ("words", "size", "named"),
    [
        ("equirect", (500, 500), "500×500"),
        ("equirect", (500, 500), "equirect:top-bottom or half-equirect"),
        ("half-equirect", (1000, 500), "equirect or half-equirect:side-by-side"),
        ("cubemap", (640, 480), "--panorama flat or fisheye"),
        ("dual-fisheye", (1920, 1080), "1920×1080"),
    ],
)
def test_another_shape_says_what_it_could_be(words: str, size: tuple[int, int], named: str) -> None:
    spec = read_panorama_spec(words)
    assert spec is not None
    with refused("panorama_invalid", named):
        Fitting(spec).picture(np.zeros((size[1], size[0], 3), np.uint8))


def test_a_size_of_another_shape_is_refused() -> None:
    with refused("panorama_invalid", "--size 640x360", "equirect", "2:1", "720x360"):
        Fitting(PanoramaSpec("equirect"), (640, 360))


def test_a_layout_that_does_not_divide_is_refused() -> None:
    with refused("panorama_invalid", "top-bottom", "500×501", "500 or 502"):
        Fitting(PanoramaSpec("equirect", Layout.TOP_BOTTOM)).picture(np.zeros((501, 500, 3), np.uint8))


def test_a_lens_for_another_shape_is_refused() -> None:
    fitting = Fitting(PanoramaSpec("fisheye", Layout.MONO, LENS, "lens.yaml"))
    with refused("lens_invalid", "lens.yaml", "640×480", "640×360"):
        fitting.picture(np.zeros((360, 640, 3), np.uint8))
    assert fitting.picture(np.zeros((240, 320, 3), np.uint8)).shape == (512, 1024, 3)  # half as large


def test_a_cubemap_becomes_an_equirect_and_is_not_cropped() -> None:
    fitting = Fitting(PanoramaSpec("cubemap"), (256, 128))
    cube = drawn(Cubemap(), (384, 256))
    frame = fitted(cube, 256, 128, fitting)
    assert np.abs(frame.astype(int) - drawn(Equirect(), (256, 128))).mean() < 1
    # Decoded at the size of ``read_size``, it is the same picture.
    read = fitting.read_size((1920, 1280))
    assert read[0] < 1920
    small = drawn(Cubemap(), read)
    assert np.abs(fitting.picture(small, (1920, 1280)).astype(int) - frame).mean() < 1


@pytest.mark.parametrize("size", [(128, 64), (512, 256)])
def test_what_is_in_its_projection_already_only_changes_its_size(size: tuple[int, int]) -> None:
    frame = Fitting(PanoramaSpec("equirect"), (256, 128)).picture(drawn(Equirect(), size))
    assert frame.shape == (128, 256, 3)
    assert np.abs(frame.astype(int) - drawn(Equirect(), (256, 128))).mean() < 2


def test_of_a_camera_is_requested_what_its_lens_was_calibrated_at() -> None:
    assert Fitting(PanoramaSpec("fisheye", Layout.MONO, LENS)).camera_size == (640, 480)
    assert Fitting(PanoramaSpec("fisheye"), (256, 256)).camera_size == (256, 256)

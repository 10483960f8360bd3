"""``hallucinate check`` on real films."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from hallucinate.cli import run
from hallucinate.film.boxes import with_boxes
from hallucinate.frame import Picture
from tests.film.films import SPHERICAL, film
from tests.refusals import refused

HEIGHT, WIDTH = 180, 320
BASE = Fraction(1, 12800)

EVEN = [n / 25 for n in range(50)]
"""Two seconds."""

Draw = Callable[[bool], Picture]


def flat(*colour: int, height: int = HEIGHT, width: int = WIDTH) -> Picture:
    return np.full((height, width, 3), colour, np.uint8)


def whole(on: bool) -> Picture:
    """Black and white."""
    return flat(255, 255, 255) if on else flat(0, 0, 0)


def patch(columns: slice, rows: slice = slice(None), height: int = HEIGHT, width: int = WIDTH) -> Draw:
    """A light on a part of a grey picture."""

    def draw(on: bool) -> Picture:
        picture = flat(90, 90, 90, height=height, width=width)
        picture[rows, columns] = 230 if on else 20
        return picture

    return draw


def filmed(
    path: Path,
    draw: Draw = whole,
    hz: float = 6,
    times_s: Sequence[float] = EVEN,
    rotation: int = 0,
    boxes: bytes = b"",
) -> Path:
    """A film of something that is on and off in turn, so many times a second."""
    height, width = draw(False).shape[:2]
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=25, options={"crf": "10"}, time_base=BASE)
        context = stream.codec_context
        context.width, context.height, context.pix_fmt = width, height, "yuv420p"
        if rotation:
            stream.set_display_rotation(rotation)
        for time_s in times_s:
            frame = av.VideoFrame.from_ndarray(draw(int(2 * hz * time_s + 1e-6) % 2 == 1), "rgb24")
            frame.pts, frame.time_base = round(time_s / BASE), BASE
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    if boxes:
        path.write_bytes(with_boxes(path.read_bytes(), boxes))
    return path


def check(path: Path, *options: str) -> int:
    return run(["check", str(path), *options])


def test_a_film_that_flashes_fails_and_says_when_where_and_how_much(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check(filmed(tmp_path / "a.mp4", patch(slice(0, 160)))) == 1
    heading, verdict, stretch, *_ = capsys.readouterr().out.splitlines()
    assert "50 frames" in heading
    assert "desk, 30.03° wide" in heading
    assert verdict.startswith("FAILS: ")
    assert "1.00 of a 10° field" in verdict
    assert "by luminance" in verdict
    assert stretch.startswith("luminance: ")
    assert "50% of the picture" in stretch


def test_a_film_that_does_not_flash_passes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(film(tmp_path / "soft.mp4")) == 0
    assert check(filmed(tmp_path / "slow.mp4", hz=2.5)) == 0
    assert "passes: " in capsys.readouterr().out


def test_red_is_a_rule_of_its_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(filmed(tmp_path / "red.mp4", lambda on: flat(200, 0, 0) if on else flat(0, 0, 200))) == 1
    out = capsys.readouterr().out
    assert "red (WCAG 2.2)" in out
    assert "red (WCAG 2.0)" in out
    assert "\nluminance" not in out


def test_times_are_the_films_own(tmp_path: Path) -> None:
    quick = [n / 12 for n in range(20)]
    slow = [*quick[:4], *(quick[3] + (n + 1) / 4 for n in range(10))]

    def nth(times: Sequence[float]) -> Draw:
        states = iter([False, *(n % 2 == 1 for n in range(len(times)))])  # the first is drawn for its size
        return lambda on: whole(next(states))

    assert check(filmed(tmp_path / "quick.mp4", nth(quick), times_s=quick)) == 1
    assert check(filmed(tmp_path / "slow.mp4", nth(slow), times_s=slow)) == 0


def test_less_may_flash_in_a_headset_and_where_a_picture_is_seen_larger(tmp_path: Path) -> None:
    small = filmed(tmp_path / "small.mp4", patch(slice(160, 192), slice(80, 112)))
    assert check(small) == 0
    assert check(small, "--headset") == 1
    assert check(small, "--width-degrees", "80") == 1


def test_a_film_that_stands_on_its_side_is_judged_upright(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(filmed(tmp_path / "turned.mp4", patch(slice(0, 80)), rotation=90)) == 1
    out = capsys.readouterr().out
    assert "180×320" in out
    # On a screen of 1024 × 768 a tall picture is as high as that.
    assert "12.67° wide" in out


def test_a_sphere_is_judged_by_solid_angle_on_both_sides_of_the_seam(tmp_path: Path) -> None:
    def seam(on: bool) -> Picture:
        picture = flat(90, 90, 90, height=256, width=512)
        picture[124:132, :4] = picture[124:132, -4:] = 230 if on else 20
        return picture

    sphere = filmed(tmp_path / "seam.mp4", seam)
    assert check(sphere, "--panorama", "equirect") == 1
    assert check(sphere) == 0

    def middle(px: int) -> Path:  # of 0.7° each
        around = slice(128 - px // 2, 128 + px // 2)
        return filmed(tmp_path / "half.mp4", patch(around, around, 256, 256))

    assert check(middle(4), "--panorama", "half-equirect") == 0
    assert check(middle(8), "--panorama", "half-equirect") == 1


def test_of_two_eyes_the_worse_counts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    below = patch(slice(200, 312), slice(350, 420), 512, 512)
    film = filmed(tmp_path / "stereo.mp4", below, boxes=SPHERICAL)
    assert check(film) == 1
    out = capsys.readouterr().out
    assert "512×256, judged on a sphere" in out
    assert "in the right eye" in out


def test_stripes_are_warned_of_and_pass(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stripes = np.where(np.arange(WIDTH) // 10 % 2, 230, 20)[None, :, None]
    picture = np.broadcast_to(stripes, (HEIGHT, WIDTH, 3)).astype(np.uint8)
    assert check(filmed(tmp_path / "stripes.mp4", lambda on: picture)) == 0
    assert "warning: regular stripes from 0.00 to 1.8" in capsys.readouterr().out


def test_a_film_of_one_frame_passes(tmp_path: Path) -> None:
    assert check(filmed(tmp_path / "one.mp4", times_s=[0])) == 0


@pytest.mark.parametrize("draw", [whole, lambda on: flat(90, 90, 90)], ids=["flashes", "still"])
def test_the_plot_is_a_picture(tmp_path: Path, draw: Draw) -> None:
    source, plot = filmed(tmp_path / "a.mp4", draw), tmp_path / "plot.png"
    check(source, "--plot", str(plot))
    with Image.open(plot) as picture:
        assert picture.format == "PNG"
        assert picture.width == 1280
    with refused("output_exists", plot):
        check(source, "--plot", str(plot))
    check(source, "--plot", str(plot), "--force")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mp4", "plot.png"]


def test_bad_input_is_refused(tmp_path: Path) -> None:
    source, text = filmed(tmp_path / "a.mp4"), tmp_path / "a.txt"
    text.write_text("no film")
    with refused("film_invalid", text):
        check(text)
    with refused("file_missing", tmp_path / "b.mp4"):
        check(tmp_path / "b.mp4")
    with refused("panorama_invalid", "320×180", "equirect"):
        check(source, "--panorama", "equirect")
    with refused("option_invalid", "0.5"):
        check(source, "--width-degrees", "0.5")
    with refused("option_invalid", "plot.jpg", ".png"):
        check(source, "--plot", str(tmp_path / "plot.jpg"))
    with refused("folder_missing", "nowhere"):
        check(source, "--plot", str(tmp_path / "nowhere" / "plot.png"))
    with refused("film_invalid", text):
        check(text, "--plot", str(tmp_path / "plot.png"))
    assert not (tmp_path / "plot.png").exists()

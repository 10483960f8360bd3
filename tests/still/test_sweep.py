"""Sweeps: every combination in its place, and after a kill only what is missing is dreamed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from hallucinate.cli import app
from hallucinate.frame import Picture
from hallucinate.still.renderer import StillRenderer
from tests.refusals import refused


def run(*arguments: object) -> None:
    app(["sweep", *map(str, arguments), "--network", "tiny", "--device", "cpu"], standalone_mode=False)


def pixels(path: Path) -> np.ndarray[Any, np.dtype[np.int16]]:
    return np.asarray(Image.open(path).convert("RGB"), np.int16)


def test_rows_columns_and_sheets_hold_every_combination(photo: Path, tiny: str) -> None:
    out = photo.with_name("s.png")
    cells = ("--iterations", "1,3", "--step", "0.01,0.1", "--cell", 64)
    run(photo, "-o", out, "--over", "layer,iterations,step", *cells)
    sheets = [photo.with_name(f"s-step-{step}.png") for step in ("0.01", "0.1")]
    assert sorted(photo.parent.iterdir()) == sorted([photo, *sheets])
    weak, strong = map(pixels, sheets)
    assert weak.shape == strong.shape
    found = [weak[-54 - 48 : -54, -134:-70], weak[-54:-6, -70:-6], strong[-54 - 48 : -54, -134:-70]]
    assert found[0].std() > 20
    # The stronger step goes further from the photo, and every cell is another.
    small = np.asarray(Image.open(photo).resize((64, 48), Image.Resampling.BOX), np.int16)
    far = [np.abs(cell - small).mean() for cell in (weak[-54:-6, -70:-6], strong[-54:-6, -70:-6])]
    assert far[1] > 2 * far[0] > 0


def test_one_thing_alone_is_arranged_in_reading_order(photo: Path, tiny: str) -> None:
    out = photo.with_name("s.png")
    run(photo, "-o", out, "--over", "step", "--step", "0.01,0.02,0.05,0.1,0.2", "--layer", "first", "--cell", 64)
    assert pixels(out).shape[1] >= 4 * 64
    assert 2 * 48 < pixels(out).shape[0] < 4 * 48


def test_killed_it_dreams_only_what_is_missing(
    photo: Path, tiny: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--over", "layer,iterations", "--iterations", "1,2", "--cell", 64)
    run(photo, "-o", photo.with_name("unbroken.png"), *options)
    real, calls = StillRenderer.render, [0]

    def killed(renderer: StillRenderer, photo: Picture) -> Picture:
        calls[0] += 1
        if calls[0] == 3:
            raise RuntimeError("killed")
        return real(renderer, photo)

    monkeypatch.setattr(StillRenderer, "render", killed)
    out = photo.with_name("s.png")
    with pytest.raises(RuntimeError):
        run(photo, "-o", out, *options)
    assert not out.exists()
    with refused("work_differs", ": seed "):
        run(photo, "-o", out, *options, "--seed", 5)
    run(photo, "-o", out, *options)
    assert calls[0] == 5
    assert "continuing: 2 of 4 cells" in capsys.readouterr().out
    assert np.array_equal(pixels(out), pixels(photo.with_name("unbroken.png")))


@pytest.mark.parametrize(
    ("change", "code", "values"),
    [
        (["--over", "layr"], "setting_invalid", ["'layr'", "layer, iterations, step"]),
        (["--over", "layer,layer"], "setting_invalid", ["--over layer,layer"]),
        (["--over", "layer", "--step", "0.1,1"], "setting_invalid", ["--step 0.1,1"]),
        (["--iterations", "x"], "setting_invalid", ["--iterations x"]),
        (["--over", "step", "--step", "0"], "setting_invalid", ["--step 0"]),
        (["--layer", "first,secnd"], "setting_invalid", ["--layer", "'secnd'", "'second'"]),
        (["{dir}/no.png"], "file_missing", ["{dir}/no.png"]),
        (["-o", "{dir}/photo.png"], "output_exists", ["{dir}/photo.png", "--force"]),
    ],
)
def test_bad_input_is_refused(photo: Path, tiny: str, change: list[str], code: str, values: list[str]) -> None:
    before = sorted(photo.parent.iterdir())
    change = [text.format(dir=photo.parent) for text in change]
    arguments = [photo, *change] if change[0].startswith("-") else change
    out = [] if "-o" in change else ["-o", photo.with_name("s.png")]
    with refused(code, *(value.format(dir=photo.parent) for value in values)):
        run(*arguments, *out)
    assert sorted(photo.parent.iterdir()) == before

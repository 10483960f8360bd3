"""Zooms: as long as was asked, through what was asked, and after a kill to the same frames."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from hallucinate.cli import app
from hallucinate.errors import HallucinateError
from hallucinate.frame import Picture
from hallucinate.studio import zoom as zooms


def run(*arguments: object) -> None:
    app(["zoom", *map(str, arguments), "--network", "tiny", "--device", "cpu"], standalone_mode=False)


def pixels(path: Path) -> np.ndarray[Any, np.dtype[np.int16]]:
    return np.asarray(Image.open(path).convert("RGB"), np.int16)


OPTIONS = ("--size", "96x64", "--fps", 10, "--layers", "second")


@pytest.mark.parametrize("ending", [".mp4", ".gif"])
def test_a_zoom_has_its_frames_and_its_rate(tmp_path: Path, tiny: str, ending: str) -> None:
    out = tmp_path / f"z{ending}"
    run("-o", out, *OPTIONS, "--seconds", 0.8)
    with av.open(str(out)) as film:
        frames = [frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)]
    assert len(frames) == 8
    assert frames[0].shape == (64, 96, 3)
    assert np.abs(frames[0].astype(int) - frames[-1]).mean() > 5
    assert [p.name for p in tmp_path.iterdir()] == [out.name]


def test_a_zoom_into_a_picture_begins_with_it_and_goes_through_what_is_named(photo: Path, tiny: str) -> None:
    folder = photo.with_name("frames")
    named = ("--through", "second,light,first:2", "--every", 2)
    run(photo, "-o", folder, "--frames", 8, *named)
    frames = sorted(folder.iterdir())
    assert [p.name for p in frames] == [f"{n:06}.png" for n in range(1, 9)]
    assert np.array_equal(pixels(frames[0]), pixels(photo))
    run(photo, "-o", photo.with_name("other"), "--frames", 3, "--through", "second,dark", "--every", 2)
    others = sorted(photo.with_name("other").iterdir())
    assert np.array_equal(pixels(frames[1]), pixels(others[1]))  # the same layer yet
    assert not np.array_equal(pixels(frames[2]), pixels(others[2]))


def test_killed_it_goes_on_to_the_same_frames(
    tmp_path: Path, tiny: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    unbroken, out = tmp_path / "unbroken", tmp_path / "z.mp4"
    run("-o", unbroken, *OPTIONS, "--frames", 6)
    real = zooms.frames
    kept: list[Picture] = []

    def killed(*given: Any) -> Iterator[Picture]:
        yield from itertools.islice(real(*given), 2)
        raise RuntimeError("killed")

    monkeypatch.setattr(zooms, "frames", killed)
    for _ in range(2):
        with pytest.raises(RuntimeError):
            run("-o", out, *OPTIONS, "--frames", 6)
    assert not out.exists()
    with pytest.raises(HallucinateError, match="holds what was done of another"):
        run("-o", out, *OPTIONS, "--frames", 6, "--turn", 3)

    def watched(order: Any, easels: Any, start: Any, done: int) -> Iterator[Picture]:
        assert done == 4
        for picture in real(order, easels, start, done):
            kept.append(picture)
            yield picture

    monkeypatch.setattr(zooms, "frames", watched)
    run("-o", out, *OPTIONS, "--frames", 6)
    assert "going on from frame 5" in capsys.readouterr().out
    assert [np.array_equal(pixels(unbroken / f"{n:06}.png"), kept[n - 5]) for n in (5, 6)] == [True, True]
    assert sorted(tmp_path.iterdir()) == [unbroken, out]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (["{dir}/no.png"], "there is no picture"),
        (["-o", "{dir}/z.avi"], "it may end in .mp4, .gif"),
        (["-o", "{dir}/there.mp4"], "is there already; give --force"),
        (["-o", "{dir}/no/z.mp4"], "there is no folder"),
        (["-o", "{dir}"], "is there already; give --force"),
        (["--through", "secnd"], "--through: no layer or motif is called 'secnd'; did you mean second?"),
        (["--size", "7x7"], "--size 7x7: give WIDTHxHEIGHT"),
    ],
)
def test_bad_input_is_refused(photo: Path, tiny: str, change: list[str], said: str) -> None:
    (photo.parent / "there.mp4").write_bytes(b"film")
    before = sorted(photo.parent.iterdir())
    change = [text.format(dir=photo.parent) for text in change]
    out = [] if "-o" in change else ["-o", photo.parent / "z.mp4"]
    with pytest.raises(HallucinateError) as refused:
        run(*change, *out, "--frames", 2)
    assert said in str(refused.value)
    assert sorted(photo.parent.iterdir()) == before

"""Zooms: as long as requested, through what was named, and after a kill to the same frames."""

from __future__ import annotations

import errno
import itertools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from hallucinate.cli import app
from hallucinate.frame import Picture
from hallucinate.zoom import zoom_job
from hallucinate.zoom.zoom_frames import zoom_frames
from tests.refusals import refused


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


def test_a_zoom_into_a_picture_starts_with_it_and_goes_through_what_is_named(photo: Path, tiny: str) -> None:
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


def test_killed_it_is_continued_to_the_same_frames(
    tmp_path: Path, tiny: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    unbroken, out = tmp_path / "unbroken", tmp_path / "z.mp4"
    run("-o", unbroken, *OPTIONS, "--frames", 6)
    continued: list[Picture] = []

    def killed(*arguments: Any) -> Iterator[Picture]:
        yield from itertools.islice(zoom_frames(*arguments), 2)
        raise RuntimeError("killed")

    monkeypatch.setattr(zoom_job, "zoom_frames", killed)
    for _ in range(2):
        with pytest.raises(RuntimeError):
            run("-o", out, *OPTIONS, "--frames", 6)
    assert not out.exists()
    with refused("work_differs", ": motion "):
        run("-o", out, *OPTIONS, "--frames", 6, "--turn", 3)

    def watched(renderers: Any, start: Any, last: Any, numbers: range, *rest: Any) -> Iterator[Picture]:
        assert numbers == range(4, 6)
        for picture in zoom_frames(renderers, start, last, numbers, *rest):
            continued.append(picture)
            yield picture

    monkeypatch.setattr(zoom_job, "zoom_frames", watched)
    run("-o", out, *OPTIONS, "--frames", 6)
    assert "continuing from frame 5" in capsys.readouterr().out
    assert [np.array_equal(pixels(unbroken / f"{n:06}.png"), continued[n - 5]) for n in (5, 6)] == [True, True]
    assert sorted(tmp_path.iterdir()) == [unbroken, out]


@pytest.mark.parametrize("ending", [".mp4", ".gif"])
def test_a_zoom_that_cannot_be_written_costs_no_frame(
    tmp_path: Path, tiny: str, ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / f"z{ending}"

    def fail(*_: Any) -> None:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))

    with monkeypatch.context() as patch:
        patch.setattr("hallucinate.still.sequences.write_gif", fail)
        patch.setattr("hallucinate.still.sequences.write_mp4", fail)
        with refused("output_failed", out, "file so large", f"{out}.parts"):
            run("-o", out, *OPTIONS, "--frames", 3)
    assert [path.name for path in tmp_path.iterdir()] == [f"z{ending}.parts"]
    monkeypatch.setattr(zoom_job, "zoom_frames", lambda renderers, start, last, numbers, *_: iter(numbers))
    run("-o", out, *OPTIONS, "--frames", 3)
    assert [path.name for path in tmp_path.iterdir()] == [f"z{ending}"]


def test_a_frame_that_cannot_be_written_leaves_those_before_it(
    tmp_path: Path, tiny: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out, write = tmp_path / "z.mp4", Path.write_bytes

    def write_bytes(path: Path, data: bytes) -> int:
        if path.name == ".000003.png.part":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(path, data)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", write_bytes)
        with refused("output_failed", "000003.png", "disk is full", f"{out}.parts"):
            run("-o", out, *OPTIONS, "--frames", 4)
    run("-o", out, *OPTIONS, "--frames", 4)
    assert "continuing from frame 3" in capsys.readouterr().out


def test_what_a_gif_changes_is_named_before_the_first_frame(
    tmp_path: Path, tiny: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(zoom_job, "render_frames", lambda *_: pytest.fail(capsys.readouterr().out))
    with pytest.raises(pytest.fail.Exception, match=r"z\.gif has at most 640 .* 640×320 pixels, not 1280×640"):
        run("-o", tmp_path / "z.gif", "--size", "1280x640", "--frames", 2)


@pytest.mark.parametrize(
    ("change", "code", "values"),
    [
        (["{dir}/no.png"], "file_missing", ["{dir}/no.png"]),
        (["-o", "{dir}/z.avi"], "option_invalid", ["-o {dir}/z.avi", ".mp4, .gif"]),
        (["-o", "{dir}/there.mp4"], "output_exists", ["{dir}/there.mp4", "--force"]),
        (["-o", "{dir}/no/z.mp4"], "folder_missing", ["{dir}/no/z.mp4"]),
        (["-o", "{dir}"], "output_exists", ["{dir}", "--force"]),
        (["--through", "secnd"], "setting_invalid", ["--through", "'secnd'", "'second'"]),
        (["--size", "7x7"], "option_invalid", ["--size 7x7"]),
        (["-o", "{dir}/z.gif", "--fps", "60"], "option_invalid", ["-o {dir}/z.gif", "50", "60", ".mp4"]),
    ],
)
def test_bad_input_is_refused(photo: Path, tiny: str, change: list[str], code: str, values: list[str]) -> None:
    (photo.parent / "there.mp4").write_bytes(b"film")
    before = sorted(photo.parent.iterdir())
    change = [text.format(dir=photo.parent) for text in change]
    out = [] if "-o" in change else ["-o", photo.parent / "z.mp4"]
    with refused(code, *(value.format(dir=photo.parent) for value in values)):
        run(*change, *out, "--frames", 2)
    assert sorted(photo.parent.iterdir()) == before

"""What goes wrong after the dream costs none of it: it is saved, and the message says where."""

from __future__ import annotations

import errno
import os
import shlex
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from hallucinate.cli import app
from hallucinate.still import photo_formats, still_job
from hallucinate.still.checkpoint import checkpoint_path
from hallucinate.still.metadata import PhotoMetadata
from tests.offline import scene
from tests.refusals import refused

Patch = pytest.MonkeyPatch
Captured = pytest.CaptureFixture[str]


def run(command: str, **paths: Path) -> None:
    words = [word.format(**paths) for word in shlex.split(command)]
    app([*words, "--network", "tiny", "--device", "cpu"], standalone_mode=False)


STILL = "still {photo} -o {out} --layers second --iterations 3 --octaves 2"


def full_for(monkeypatch: Patch, *names: str) -> None:
    """Have the disk be full for files of these names, and for what is written in their place."""
    write = Path.write_bytes

    def write_bytes(path: Path, data: bytes) -> int:
        if any(path.name in (name, f".{name}.part") for name in names):
            write(path, data[: len(data) // 2])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(path, data)

    monkeypatch.setattr(Path, "write_bytes", write_bytes)


def test_a_picture_that_cannot_be_written_is_saved_and_the_same_command_ends_quickly(
    photo: Path, tiny: str, monkeypatch: Patch, capsys: Captured
) -> None:
    out = photo.with_name("out.png")
    with monkeypatch.context() as patch:
        full_for(patch, "out.png")
        with refused("output_failed", out, "disk is full", checkpoint_path(out)):
            run(STILL, photo=photo, out=out)
    monkeypatch.setattr(still_job, "with_checkpoints", lambda steps, *_: next(steps, None))
    run(STILL, photo=photo, out=out)
    assert "continuing from octave 2 of 2, iteration 3" in capsys.readouterr().out
    assert sorted(path.name for path in photo.parent.iterdir()) == ["out.png", "photo.png"]


def test_where_its_disk_is_full_the_dream_is_saved_elsewhere(
    photo: Path, tiny: str, monkeypatch: Patch, tmp_path: Path
) -> None:
    out, temporary = photo.with_name("out.png"), tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    write = Path.write_bytes

    def write_bytes(path: Path, data: bytes) -> int:
        if path.parent == out.parent:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(path, data)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", write_bytes)
        with refused("output_failed", "disk is full", f"move it to {checkpoint_path(out)}", temporary):
            run(STILL, photo=photo, out=out)
    (saved,) = temporary.glob("*/out.png.part")
    saved.rename(checkpoint_path(out))
    monkeypatch.setattr(still_job, "with_checkpoints", lambda steps, *_: next(steps, None))
    run(STILL, photo=photo, out=out)
    assert out.exists()


def test_a_picture_that_its_encoder_refuses_is_had_under_another_name(
    photo: Path, tiny: str, monkeypatch: Patch, capsys: Captured
) -> None:
    out, other = photo.with_name("out.webp"), photo.with_name("out.png")
    encode = photo_formats.encode

    def refuse(picture: Any, kind: str, metadata: Any) -> bytes:
        if kind == "WEBP" and picture.size > 3:  # found with the whole picture alone
            raise ValueError("encoding error 6: partition #0 is too big to fit 512k")
        return encode(picture, kind, metadata)

    monkeypatch.setattr("hallucinate.still.photos.encode", refuse)
    with refused("output_failed", "partition #0", "another kind of file", "NAME.part"):
        run(STILL, photo=photo, out=out)
    checkpoint_path(out).rename(checkpoint_path(other))
    run(STILL, photo=photo, out=other)
    assert "continuing from octave 2 of 2, iteration 3" in capsys.readouterr().out


def test_a_stage_that_cannot_be_written_saves_the_dream_so_far(
    photo: Path, tiny: str, monkeypatch: Patch, capsys: Captured
) -> None:
    out = photo.with_name("out.png")
    with monkeypatch.context() as patch:
        full_for(patch, "out-0004.png")
        with refused("output_failed", "out-0004.png", "disk is full", checkpoint_path(out)):
            run(f"{STILL} --every 1", photo=photo, out=out)
    run(f"{STILL} --every 1", photo=photo, out=out)
    assert "continuing from octave 2 of 2, iteration 1" in capsys.readouterr().out
    assert len(list(photo.parent.glob("out-0*.png"))) in (5, 6)


def test_a_checkpoint_that_cannot_be_written_is_named_once_and_ends_nothing(
    photo: Path, tiny: str, monkeypatch: Patch, capsys: Captured
) -> None:
    out = photo.with_name("out.png")
    monkeypatch.setattr(still_job, "CHECKPOINT_EVERY_S", 0.0)
    full_for(monkeypatch, "out.png.part")
    run(STILL, photo=photo, out=out)
    assert capsys.readouterr().out.count("disk is full") == 1
    assert out.exists()


def test_a_gif_that_cannot_be_written_costs_neither_the_still_nor_its_stages(
    photo: Path, tiny: str, monkeypatch: Patch, capsys: Captured
) -> None:
    out, gif = photo.with_name("out.png"), photo.with_name("out.gif")

    def fail(*_: Any) -> None:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))

    with monkeypatch.context() as patch:
        patch.setattr("hallucinate.still.sequences.write_gif", fail)
        with refused("output_failed", gif, "file so large", f"{out} is written", "--force"):
            run(f"{STILL} --gif {{gif}}", photo=photo, out=out, gif=gif)
    assert out.exists()
    assert len(list(photo.parent.glob("out-0*.png"))) == 6
    monkeypatch.setattr(still_job, "with_checkpoints", lambda steps, *_: next(steps, None))
    run(f"{STILL} --gif {{gif}} --force", photo=photo, out=out, gif=gif)
    assert sorted(path.name for path in photo.parent.iterdir()) == ["out.gif", "out.png", "photo.png"]
    with Image.open(gif) as moving:
        assert moving.n_frames == 6  # type: ignore[attr-defined]


def test_a_dream_continued_with_a_gif_has_the_stages_that_there_are(
    photo: Path, tiny: str, monkeypatch: Patch, capsys: Captured
) -> None:
    out, gif = photo.with_name("out.png"), photo.with_name("out.gif")
    with monkeypatch.context() as patch:
        full_for(patch, "out.png")
        with refused("output_failed"):
            run(STILL, photo=photo, out=out)
    run(f"{STILL} --gif {{gif}}", photo=photo, out=out, gif=gif)
    assert "6 stages before it were not written: out-0001.png to out-0006.png" in capsys.readouterr().out
    with Image.open(gif) as moving:
        assert moving.size == (96, 72)


def test_pictures_of_ones_own_beside_a_gif_are_not_taken_for_stages(photo: Path, tiny: str) -> None:
    out, mine = photo.with_name("out.png"), photo.with_name("out-0003.png")
    mine.write_bytes(b"mine")
    with refused("output_exists", mine):
        run(f"{STILL} --gif {{gif}}", photo=photo, out=out, gif=photo.with_name("out.gif"))
    assert mine.read_bytes() == b"mine"
    assert sorted(path.name for path in photo.parent.iterdir()) == ["out-0003.png", "photo.png"]


@pytest.mark.parametrize(
    ("size", "name", "values"),
    [
        ((65501, 2), "a.jpg", ["65500", "65501×2", ".png"]),
        ((2, 16384), "a.webp", ["16383", "2×16384", ".jpg"]),
    ],
)
def test_a_picture_that_is_too_large_for_its_format_is_refused_before_the_dream(
    tmp_path: Path, tiny: str, size: tuple[int, int], name: str, values: list[str], monkeypatch: Patch
) -> None:
    Image.new("RGB", size).save(tmp_path / "large.png")
    monkeypatch.setattr(still_job, "dream_photo", lambda *_: pytest.fail("it was dreamed"))
    with refused("picture_too_large", *values):
        run(STILL, photo=tmp_path / "large.png", out=tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == ["large.png"]


@pytest.mark.parametrize("size", [(1, 1), (3000, 2), (15, 40)])
def test_a_picture_that_is_too_small_to_be_dreamed_is_refused(tmp_path: Path, tiny: str, size: tuple[int, int]) -> None:
    Image.new("RGB", size).save(tmp_path / "small.png")
    with refused("source_unavailable", f"{size[0]}×{size[1]}", "16×16"):
        run(STILL, photo=tmp_path / "small.png", out=tmp_path / "out.png")
    assert [path.name for path in tmp_path.iterdir()] == ["small.png"]


def test_the_limits_are_those_of_the_encoders() -> None:
    for kind, most in (("JPEG", 65500), ("WEBP", 16383)):
        assert photo_formats.holds_size(kind, most, 1)
        assert not photo_formats.holds_size(kind, most + 1, 1)
        photo_formats.encode(np.zeros((1, most, 3), np.uint8), kind, PhotoMetadata())
        with pytest.raises((OSError, ValueError)):
            photo_formats.encode(np.zeros((1, most + 1, 3), np.uint8), kind, PhotoMetadata())
    assert not photo_formats.holds_size("TIFF", 40_000, 40_000)
    assert photo_formats.holds_size("PNG", 40_000, 40_000)


SWEEP = "sweep {photo} -o {out} --layer first,second --iterations 1,2 --cell 48"


def test_a_sheet_that_its_format_cannot_hold_is_refused_before_the_first_cell(photo: Path, tiny: str) -> None:
    out = photo.with_name("s.webp")
    with refused("picture_too_large", "s.webp", 16383, ".png"):
        run(f"{SWEEP} --iterations {','.join(map(str, range(1, 20)))} --cell 2048", photo=photo, out=out)
    assert [path.name for path in photo.parent.iterdir()] == ["photo.png"]


def test_a_sheet_that_cannot_be_written_costs_no_cell(
    photo: Path, tiny: str, monkeypatch: Patch, capsys: Captured
) -> None:
    out = photo.with_name("s.png")
    with monkeypatch.context() as patch:
        full_for(patch, "s.png")
        with refused("output_failed", out, "disk is full", f"{out}.parts"):
            run(SWEEP, photo=photo, out=out)
    run(SWEEP, photo=photo, out=out)
    assert "4 of 4 cells are finished already" in capsys.readouterr().out
    assert sorted(path.name for path in photo.parent.iterdir()) == ["photo.png", "s.png"]


def test_sheets_are_named_after_steps_and_channels_on_any_disk(tmp_path: Path, tiny: str) -> None:
    photo = tmp_path / "a\nb.png"
    Image.fromarray(scene()).save(photo)
    run(
        "sweep {photo} -o {out} --over iterations,step,layer --layer second:1,second --iterations 1 --step 1.5/255 "
        "--cell 48",
        photo=photo,
        out=tmp_path / "s.png",
    )
    assert sorted(path.name for path in tmp_path.glob("s*")) == ["s-layer-second.png", "s-layer-second_1.png"]
    run(
        "sweep {photo} -o {out} --over layer,iterations,step --layer second --iterations 1 --step 1.5/255 --cell 48",
        photo=photo,
        out=tmp_path / "t.png",
    )
    assert [path.name for path in tmp_path.glob("t*")] == ["t-step-1.5_255.png"]

"""Stills: what goes in comes out dreamed, whole or not at all; killed, it is continued to the same picture."""

from __future__ import annotations

import errno
import os
import re
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import torch
import typer
from PIL import Image

from hallucinate.cli import app
from hallucinate.dream.objective_set import compile_objectives
from hallucinate.dream.still import StillOptions, StillRun, iterate, sizes
from hallucinate.dream.strength_calibration import StrengthCalibration
from hallucinate.dream.tiles import receptive_field
from hallucinate.errors import OutputError
from hallucinate.frame import to_tensor
from hallucinate.networks.registry import open_motif
from hallucinate.settings import Settings
from hallucinate.still import still_job
from hallucinate.still.checkpoint import checkpoint_path, save_checkpoint
from hallucinate.still.memory import check_memory
from hallucinate.still.photos import write_photo
from tests.dream.networks import TinyNetwork
from tests.offline import scene
from tests.refusals import refused
from tests.sources import profiles

CPU = torch.device("cpu")


def run(*arguments: object) -> None:
    app(["still", *map(str, arguments), "--network", "tiny", "--device", "cpu"], standalone_mode=False)


def pixels(path: Path) -> np.ndarray[Any, np.dtype[np.int16]]:
    return np.asarray(Image.open(path).convert("RGB"), np.int16)


@pytest.mark.parametrize("ending", ["png", "jpg", "webp", "tiff"])
def test_a_photo_is_dreamed_at_its_full_size(photo: Path, tiny: str, ending: str) -> None:
    out = photo.with_name(f"out.{ending}")
    run(photo, "-o", out, "--layers", "second", "--iterations", 2)
    assert pixels(out).shape == pixels(photo).shape
    assert np.abs(pixels(out) - pixels(photo)).mean() > 3
    assert sorted(p.name for p in photo.parent.iterdir()) == sorted(["photo.png", out.name])


def test_strength_says_how_far_it_goes_and_a_step_size_lets_it_go(photo: Path, tiny: str) -> None:
    def far(*options: object) -> float:
        run(photo, "-o", photo.with_name("out.png"), "--force", "--layers", "second", *options)
        return float(np.abs(pixels(photo.with_name("out.png")) - pixels(photo)).mean())

    weak, strong = far("--strength", 0.2), far("--strength", 1)
    assert 0 == far("--strength", 0) < weak < 0.5 * strong
    assert far("--step-size", "5/255") > far("--step-size", "1/255")


def test_a_dream_ends_as_far_away_as_a_live_one_whatever_the_iterations() -> None:
    x, settings = to_tensor(scene(), CPU), Settings.model_validate({"motifs": {}, "layers": {"second": 1.0}})
    for iterations in (5, 20):
        run = StillRun(
            TinyNetwork(),
            compile_objectives(TinyNetwork(), settings, None, CPU, bounded=False),
            settings,
            StillOptions(iterations),
            StrengthCalibration(),
            0,
        )
        *_, last = iterate(run, x)
        assert float(last.detail.square().mean().sqrt()) == pytest.approx(
            StrengthCalibration().rms_limit(settings), rel=0.1
        )


def test_octaves_end_at_the_full_size_and_start_where_motifs_are_large() -> None:
    network = open_motif(CPU, torch.float32)
    found = sizes(network, Settings(), StillOptions(), 2000, 3000)
    assert found[-1] == (2000, 3000)
    assert found[0][1] == pytest.approx(network.motif_px / 0.34, rel=0.3)
    assert len(sizes(network, Settings(octaves=2), StillOptions(), 2000, 3000)) == 2
    assert sizes(network, Settings(motif_size=0.2), StillOptions(), 2000, 3000)[-1][1] == 280
    classic = sizes(network, Settings(octaves=4, octave_scale=1.4), StillOptions(classic=True), 360, 640)
    assert classic == [(131, 233), (184, 326), (257, 457), (360, 640)]


def test_no_seam_a_tiled_dream_differs_no_more_at_the_borders_than_elsewhere() -> None:
    network = open_motif(CPU, torch.float32)
    settings = Settings.model_validate({"motifs": {}, "layers": {"mixed3a": 1.0}, "octaves": 2})
    x = to_tensor(scene(128, 176), CPU)
    objectives = compile_objectives(network, settings, None, CPU, bounded=False)
    found = []
    for tile in (1024, 32):
        run = StillRun(
            network,
            objectives,
            settings,
            StillOptions(3, tile=tile),
            StrengthCalibration(),
            receptive_field(objectives, CPU) if tile == 32 else 0,
        )
        *_, last = iterate(run, x)
        found.append(last.detail)
    apart = (found[0] - found[1]).abs().amax((0, 1))
    assert found[0].abs().mean() > 0.02
    assert apart.max() < 2e-3
    border = torch.zeros_like(apart, dtype=torch.bool)
    for line in range(32, 176, 32):
        border[line - 2 : line + 2] = True
        border[:, line - 2 : line + 2] = True
    assert apart[border].mean() < 2 * apart[~border].mean() + 1e-6


def test_a_wide_gamut_stays_and_a_photo_that_breaks_off_is_said_to(
    tmp_path: Path, tiny: str, capsys: pytest.CaptureFixture[str]
) -> None:
    source, out, profile = tmp_path / "p.png", tmp_path / "out.png", profiles.rgb_profile(profiles.P3)
    Image.fromarray(scene()).save(source, icc_profile=profile)
    run(source, "-o", out, "--layers", "second", "--strength", 0)
    np.testing.assert_array_equal(pixels(out), scene())
    with Image.open(out) as opened:
        assert opened.info["icc_profile"] == profile
    source.write_bytes(source.read_bytes()[:-2000])
    run(source, "-o", out, "--force", "--layers", "second", "--strength", 0)
    assert "rows of the picture are missing" in capsys.readouterr().out


def test_metadata_is_passed_on_and_the_photo_stands_upright(tmp_path: Path, tiny: str) -> None:
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "Camera"
    exif.get_ifd(0x8769)[0x9003] = "2020:01:02 03:04:05"
    exif.get_ifd(0x8769)[0xA002] = 96
    Image.fromarray(scene()).save(tmp_path / "p.jpg", exif=exif, icc_profile=profile, quality=95, dpi=(300, 300))
    for name in ("out.jpg", "out.png", "out.tiff", "out.webp"):
        run(tmp_path / "p.jpg", "-o", tmp_path / name, "--layers", "second", "--iterations", 1, "--strength", 0)
        with Image.open(tmp_path / name) as out:
            tags = out.getexif()
            assert out.size == (72, 96)
            assert (tags[0x0112], tags[0x010F]) == (1, "Camera")
            assert tags.get_ifd(0x8769)[0x9003] == "2020:01:02 03:04:05"
            assert tags.get_ifd(0x8769)[0xA002] == 72
            assert out.info["icc_profile"] == profile
    turned = np.rot90(scene(), -1).astype(np.int16)
    assert np.abs(pixels(tmp_path / "out.png") - turned).mean() < 12


def test_that_sixteen_bits_become_eight_is_reported(
    tmp_path: Path, tiny: str, capsys: pytest.CaptureFixture[str]
) -> None:
    import cv2

    cv2.imwrite(str(tmp_path / "deep.png"), scene().astype(np.uint16) * 257)
    run(tmp_path / "deep.png", "-o", tmp_path / "out.png", "--layers", "second", "--strength", 0, "--iterations", 1)
    assert "deep.png: it has 16 bits a channel, and is dreamed and written with 8" in capsys.readouterr().out
    assert np.abs(pixels(tmp_path / "out.png") - scene()[..., ::-1]).max() <= 1


def test_only_what_is_bright_in_the_mask_dreams(photo: Path, tiny: str) -> None:
    mask = np.zeros((72, 96, 3), np.uint8)
    mask[:, 48:] = 255
    Image.fromarray(mask).save(photo.with_name("mask.png"))
    out = photo.with_name("out.png")
    run(photo, "-o", out, "--layers", "second", "--mask-image", photo.with_name("mask.png"))
    assert np.abs(pixels(out) - pixels(photo))[:, :40].max() <= 1
    assert np.abs(pixels(out) - pixels(photo))[:, 56:].mean() > 5


def test_a_guide_alone_is_dreamed_of(photo: Path, tiny: str) -> None:
    outs = []
    for seed in (3, 4):
        guide, out = photo.with_name(f"guide{seed}.png"), photo.with_name(f"out{seed}.png")
        Image.fromarray(scene(48, 64, seed)).save(guide)
        run(photo, "-o", out, "--guide-image", guide, "--iterations", 3)
        outs.append(pixels(out))
    assert np.abs(outs[0] - outs[1]).mean() > 2


def test_stages_are_written_and_strung_together(photo: Path, tiny: str) -> None:
    out, gif, mp4 = (photo.with_name(name) for name in ("out.png", "out.gif", "out.mp4"))
    options = ("--layers", "second", "--octaves", 2, "--iterations", 5)
    run(photo, "-o", out, *options, "--every", 4, "--gif", gif, "--mp4", mp4)
    stages = [photo.with_name(f"out-{n:04}.png") for n in (1, 2, 3)]
    assert sorted(photo.parent.glob("out-*")) == stages
    assert np.array_equal(pixels(stages[-1]), pixels(out))
    assert not np.array_equal(pixels(stages[0]), pixels(stages[1]))
    with Image.open(gif) as moving:
        assert (moving.n_frames, moving.size) == (3, (96, 72))  # type: ignore[attr-defined]
    with av.open(str(mp4)) as film:
        assert len(list(film.decode(video=0))) == 3
    gif.unlink()
    run(photo, "-o", photo.with_name("b.png"), *options, "--gif", gif)
    assert not list(photo.parent.glob("b-*"))


@pytest.mark.parametrize("like", ["", "notebook"])
def test_killed_it_is_continued_and_ends_with_the_same_picture(
    photo: Path, tiny: str, like: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--layers", "second", "--iterations", 4, *(("--like", like) if like else ()))
    unbroken, out = photo.with_name("unbroken.png"), photo.with_name("out.png")
    run(photo, "-o", unbroken, *options)
    monkeypatch.setattr(still_job, "CHECKPOINT_EVERY_S", 0.0)
    monkeypatch.setattr(still_job, "CHECKPOINT_SHARE", 1e9)
    writes = [0]

    def killed(*arguments: Any) -> None:
        save_checkpoint(*arguments)
        writes[0] += 1
        if writes[0] == 6:
            raise KeyboardInterrupt

    monkeypatch.setattr(still_job, "save_checkpoint", killed)
    with suppress(KeyboardInterrupt, typer.Abort):
        run(photo, "-o", out, *options)
    assert not out.exists()
    assert checkpoint_path(out).exists()
    assert f"continue from {checkpoint_path(out)}" in capsys.readouterr().out
    monkeypatch.setattr(still_job, "save_checkpoint", save_checkpoint)
    run(photo, "-o", out, *options)
    assert "continuing from octave 2 of" in capsys.readouterr().out
    assert np.array_equal(pixels(out), pixels(unbroken))
    assert not checkpoint_path(out).exists()


def test_the_checkpoint_of_another_dream_is_not_continued(
    photo: Path, tiny: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = photo.with_name("out.png")
    monkeypatch.setattr(still_job, "CHECKPOINT_EVERY_S", 0.0)
    with monkeypatch.context() as full:
        full.setattr(still_job, "write_photo", lambda *arguments: (_ for _ in ()).throw(OutputError("full")))
        with refused("output_failed"):
            run(photo, "-o", out, "--layers", "second", "--iterations", 2)
    assert checkpoint_path(out).exists()
    run(photo, "-o", out, "--layers", "first", "--iterations", 2)
    assert "continuing" not in capsys.readouterr().out


def test_a_full_disk_is_one_line_and_leaves_nothing_half_written(photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = photo.with_name("out.png")
    out.write_bytes(b"there before")

    def full(*arguments: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("hallucinate.files.os.fsync", full)
    with refused("output_failed", out, os.strerror(errno.ENOSPC)):
        write_photo(out, scene())
    assert out.read_bytes() == b"there before"
    assert sorted(p.name for p in photo.parent.iterdir()) == ["out.png", "photo.png"]


def test_a_picture_larger_than_memory_is_refused_with_the_size_that_fits() -> None:
    with refused("source_unavailable", "huge.tif", "30000×20000") as caught:
        check_memory("huge.tif", 30000, 20000, 8e9)
    _, (width, height) = ((int(w), int(h)) for w, h in re.findall(r"(\d+)×(\d+)", str(caught.value)))
    check_memory("fits.tif", width, height, 8e9)
    with refused("source_unavailable", "nearly.tif", f"{width + 9}×{height + 9}"):
        check_memory("nearly.tif", width + 9, height + 9, 8e9)


@pytest.mark.parametrize(
    ("change", "code", "named"),
    [
        (["{dir}/no.png"], "file_missing", "{dir}/no.png"),
        (["{dir}"], "source_unavailable", "{dir}"),
        (["{dir}/empty.png"], "file_empty", "0 bytes"),
        (["{dir}/text.png"], "source_unavailable", "text.png"),
        (["-o", "{dir}/no/out.png"], "folder_missing", "{dir}/no/out.png"),
        (["-o", "{dir}/photo.png"], "output_exists", "--force"),
        (["-o", "{dir}/photo.png", "--force"], "output_is_source", "{dir}/photo.png"),
        (["-o", "{dir}/out.bmp"], "option_invalid", ".png, .jpg"),
        (["-o", "{dir}"], "option_invalid", "-o {dir}"),
        (["--gif", "{dir}/out.mp4"], "option_invalid", "--gif {dir}/out.mp4"),
        (["--layer", "secnd"], "layer_unknown", "'second'"),
        (["--layers", "secnd"], "layer_unknown", "'second'"),
        (["--layers", "second:99"], "channel_out_of_range", "0 to 7"),
        (["--motifs", "lite"], "motif_unknown", "'light'"),
        (["--like", "notebok"], "preset_unknown", "'notebook'"),
        (["--guide-image", "{dir}/text.png"], "source_unavailable", "text.png"),
        (["--guide", "1"], "picture_missing", "--guide-image"),
        (["--where", "moving"], "setting_invalid", "--where moving"),
        (["--step-size", "1/0"], "setting_invalid", "--step-size 1/0"),
    ],
)
def test_bad_input_is_refused_before_anything_is_written(
    photo: Path, tiny: str, change: list[str], code: str, named: str
) -> None:
    folder = photo.parent
    (folder / "empty.png").write_bytes(b"")
    (folder / "text.png").write_bytes(b"no picture" * 20)
    before = {p.name: p.read_bytes() for p in folder.iterdir()}
    change = [text.format(dir=folder) for text in change]
    arguments = [photo, *change] if change[0].startswith("-") else change
    out = [] if "-o" in change else ["-o", folder / "out.png"]
    with refused(code, named.format(dir=folder)):
        run(*arguments, *out)
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == before


def test_a_stage_that_exists_is_not_replaced(photo: Path, tiny: str) -> None:
    photo.with_name("out-0001.png").write_bytes(b"mine")
    with refused("output_exists", "out-0001.png", "--force"):
        run(photo, "-o", photo.with_name("out.png"), "--layers", "second", "--every", 2)


def test_where_memory_runs_out_tiles_get_smaller(
    photo: Path, tiny: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def short(run: StillRun, *arguments: Any) -> Any:
        if run.options.tile > 300:
            raise torch.OutOfMemoryError("no more")
        return iterate(run, *arguments)

    monkeypatch.setattr(still_job, "iterate", short)
    run(photo, "-o", photo.with_name("out.png"), "--layers", "second", "--iterations", 1)
    assert "tiles of 256 px" in capsys.readouterr().out
    assert replace(StillOptions(), tile=256).tile == 256


def test_a_step_is_a_number_or_a_fraction() -> None:
    from hallucinate.offline_commands import read_step

    assert read_step("--step-size", "1.5/255") == pytest.approx(1.5 / 255)
    assert read_step("--step-size", None) is None
    for text in ("", "x", "-1", "11", "nan", "1/0"):
        with refused("setting_invalid", f"--step-size {text}"):
            read_step("--step-size", text)

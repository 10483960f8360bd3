"""Names of files are names: never markup, protocols, options or patterns, and one line in the terminal."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save

from hallucinate.dream.still import StillProgress
from hallucinate.film.parts import (
    Checkpoint,
    SpanProgress,
    finish_part,
    latest_checkpoint,
    parts_folder,
    remove_parts,
)
from hallucinate.networks.exported import open_exported
from hallucinate.networks.tensors import read_tensors
from hallucinate.plain_text import printable
from hallucinate.sources.opening import open_source
from hallucinate.still.checkpoint import checkpoint_path, load_checkpoint, save_checkpoint
from hallucinate.work_folder import claim
from tests.conftest import Ended, Hallucinate
from tests.fakes import FakeClock

STEMS = {
    "colon": "a:b",
    "protocol concat": "concat:x",
    "protocol http": "http:x",
    "protocol pipe": "pipe:1",
    "protocol subfile": "subfile,,start,0,end,9,,:x",
    "address": "rtsp:x@y",
    "markup of a video's id": "Trip [dQw4w9WgXcQ]",
    "markup closed": "x[/b]",
    "markup opened": "[bold red]y",
    "emoji by name": ":smile: sea",
    "html": "<b>&amp;<img src=x onerror=alert(1)>",
    "percent": "100% 50%% %s",
    "number": "x%04d",
    "glob": "a*?[!b]",
    "braces": "{0}{name}",
    "dash": "-x",
    "dashes": "--out",
    "dot": ".hidden",
    "spaces": "  two  spaces . ",
    "quotes": 'it\'s "q" `id` $HOME;x',
    "backslash": "C:\\x\\n",
    "newline": "a\nb\tc\r",
    "escape": "\x1b[31mred\x1b]0;title\x07",
    "direction": "\u202egpj\u2066",
    "lines": "a\u2028b\x85c",
    "signs": "×…°",
    "composed": "caf\u00e9",
    "decomposed": "cafe\u0301",
    "emoji": "👨\u200d👩\u200d👧 🏴",
    "not UTF-8": os.fsdecode(b"caf\xe9\xff"),
    "tilde": "~root",
    "query": "a?b=c&d#e@f",
    "equals": "a=b,c",
    "scene": "scene",
    "long": "n" * 251,
    "long, of many bytes": "é" * 125,
}
"""The table: what comes before a name's ending, by what is special in it."""

stems = pytest.mark.parametrize("stem", STEMS.values(), ids=STEMS.keys())

LONGEST = 255
"""Bytes of a name on the disks that there are."""

QUICK = ("--device", "cpu", "--iterations", "1", "--octaves", "1")


def named(stem: str, ending: str) -> str:
    """A name with an ending, cut to the longest that a disk takes."""
    cut = os.fsencode(stem)[: LONGEST - len(ending)]
    return (stem if cut == os.fsencode(stem) else cut.decode("utf-8", "ignore")) + ending


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the command runs, so that names stand alone, without a folder before them."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x[").mkdir()
    return tmp_path


def make_picture(name: str) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
    Image.fromarray(picture).save(Path(name), "PNG")


def make_film(name: str, frames: int = 3) -> None:
    with av.open(f"file:{name}", "w", format="mp4") as film:
        stream = film.add_stream("libx264", rate=10)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for n in range(frames):
            picture = np.full((48, 64, 3), 60 * n, np.uint8)
            film.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        film.mux(stream.encode())


def files() -> set[str]:
    return {str(path) for path in Path().rglob("*") if path.is_file()}


def check_line(ended: Ended, name: str) -> None:
    """The command worked; its last line names the file, as it is called, and nothing does anything to a terminal."""
    assert (ended.returncode, ended.stderr) == (0, "")
    assert printable(name) in ended.stdout.splitlines()[-1]
    assert all(line == printable(line) for line in ended.stdout.split("\n"))


@stems
def test_a_still_and_all_that_comes_with_it(stem: str, folder: Path, hallucinate: Hallucinate) -> None:
    photo, guide, mask = (named(stem, end) for end in (".png", "g", "m"))
    for name in (photo, guide, mask):
        make_picture(name)
    before, out, gif, mp4 = files(), *(named(stem, end) for end in (".jpg", ".gif", ".mp4"))
    ended = hallucinate(
        *("still", *QUICK, "-o", out, "--gif", gif, f"--mp4={mp4}"),
        *("--guide-image", guide, "--mask-image", mask, "--", photo),
    )
    check_line(ended, out)
    assert files() - before == {out, gif, mp4}


@stems
def test_a_film(stem: str, folder: Path, hallucinate: Hallucinate) -> None:
    source, out = named(stem, ".mp4"), named(stem, ".mkv")
    make_film(source)
    ended = hallucinate("film", "--device", "cpu", "--dream-width", "64", "-o", out, "--", source)
    check_line(ended, out)
    assert files() == {source, out}


@stems
def test_films_of_a_folder(stem: str, folder: Path, hallucinate: Hallucinate) -> None:
    """A name that begins with a dot is nobody's film: ``._IMG_0001.MP4`` is what a Mac notes of IMG_0001.MP4."""
    source, into = named(stem, ""), named(stem, "-out")
    Path(source).mkdir(parents=True)
    make_film(f"{source}/{Path(source).name}"[:200].rstrip("\udcff") + ".mp4")
    made = {str(Path(into) / path.name) for path in Path(source).iterdir() if not path.name.startswith(".")}
    make_film(f"{source}/IMG_0001.MP4")
    Path(source, "._IMG_0001.MP4").write_bytes(b"\0\5\x16\7")
    ended = hallucinate("film", "--device", "cpu", "--dream-width", "64", "-o", into, "--", source)
    check_line(ended, "")
    assert {str(path) for path in Path(into).iterdir()} == {*made, str(Path(into, "IMG_0001.MP4"))}


@stems
@pytest.mark.parametrize("ending", [".mp4", ""])
def test_a_zoom(stem: str, ending: str, folder: Path, hallucinate: Hallucinate) -> None:
    picture, out = named(stem, ".png"), named(stem.replace(".", ""), ending)
    make_picture(picture)
    ended = hallucinate("zoom", *QUICK, "--size", "64x64", "--frames", "2", "-o", out, "--", picture)
    check_line(ended, out)
    assert files() - {picture} == ({out} if ending else {f"{out}/000001.png", f"{out}/000002.png"})


@stems
def test_a_sweep(stem: str, folder: Path, hallucinate: Hallucinate) -> None:
    """The values are part of names too: 1.5/255 is no folder."""
    picture, out = named(stem, ".png"), named(stem, "-s.png")
    make_picture(picture)
    over = ("--over", "layer,iterations,step", "--layer", "stem", "--iterations", "1", "--step", "1.5/255,1")
    ended = hallucinate("sweep", "--device", "cpu", *over, "--cell", "32", "-o", out, "--", picture)
    check_line(ended, "-step-1.5_255.png")
    assert len(files() - {picture}) == 2


@stems
def test_a_board_and_a_lens(stem: str, folder: Path, hallucinate: Hallucinate) -> None:
    for ending in (".png", ".pdf"):
        out = named(stem, ending)
        check_line(hallucinate("calibrate", "board", f"--out={out}"), out)
        assert Path(out).is_file()
    assert len(files()) == 2


@stems
def test_a_network_in_a_file(stem: str, folder: Path, hallucinate: Hallucinate) -> None:
    class Plain(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.nn.functional.avg_pool2d(x, 8)

    file = named(stem, ".pt")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TorchScript is deprecated
        torch.jit.script(Plain()).save("plain")  # type: ignore[no-untyped-call]
    Path("plain").rename(file)
    ended = hallucinate("networks", "show", "--run-code", "--", file)
    check_line(ended, "output")


@stems
def test_weights_and_exports(stem: str, folder: Path) -> None:
    device, weights = torch.device("cpu"), {"a": torch.ones(2)}
    stored, saved, export = (Path(named(stem, end)) for end in (".safetensors", ".pth", ".pt2"))
    stored.write_bytes(save(weights))
    with saved.open("wb") as file:
        torch.save(weights, file)
    for path in (stored, saved):
        assert read_tensors(path)["a"].tolist() == [1, 1]
    program = torch.export.export(torch.nn.AvgPool2d(8), (torch.zeros(2, 3, 64, 64),))
    with export.open("wb") as file:
        torch.export.save(program, file)
    assert open_exported(export, device, run_code=True).layers[-1] == "output"


@stems
def test_what_was_begun_is_continued(stem: str, folder: Path) -> None:
    out = Path(named(stem, ".png"))
    made_from: dict[str, object] = {"photo": str(out)}
    save_checkpoint(checkpoint_path(out), StillProgress(0, 1, 2, torch.zeros(1, 3, 8, 8)), made_from)
    found = load_checkpoint(checkpoint_path(out), made_from, torch.device("cpu"))
    assert found is not None
    assert found.iteration == 1

    parts = parts_folder(out)
    claim(parts, made_from, False, remove_parts)
    assert claim(parts, made_from, False, remove_parts) == made_from
    (parts / "part").write_bytes(b"-")
    (parts / "._000000.safetensors").write_bytes(b"a Mac's")
    finish_part(parts, parts / "part", Checkpoint(SpanProgress(0, 1, 1, 1, 2, 0), {"a": torch.zeros(1)}, {}))
    checkpoint = latest_checkpoint(parts)
    assert checkpoint is not None
    assert checkpoint.progress.frames == 2


@stems
def test_what_is_missing_is_named_as_it_was_written(stem: str, folder: Path, hallucinate: Hallucinate) -> None:
    name = named(stem, ".png")
    for command in (
        ("still", "-o", "o.png", "--", name),
        ("film", "-o", "o.mp4", "--", name),
        ("zoom", "-o", "o.mp4", "--", name),
        ("sweep", "-o", "o.png", "--", name),
        ("still", "-o", f"missing/{name}", "/dev/null"),
        ("networks", "show", "--", f"{name[:-4]}.pt"),
        (f"--source={name}",),
        (f"--source=zoom:{name}",),
        (f"--network={name[:-4]}.pt", "--run-code", "--source=guest"),
        (f"--guide-image={name}", "--source=guest"),
        (f"--weights={name}", "--source=guest"),
        (f"--lens={name}", "--source=guest", "--panorama=fisheye"),
    ):
        ended = hallucinate(*command)
        assert ended.returncode == 2, command
        assert ended.stderr.count("\n") == 1, ended.stderr
        assert ended.stderr == printable(ended.stderr[:-1]) + "\n"
        hidden = (
            command[0].startswith("--source=") and name in command[0] and stem in (STEMS["address"], STEMS["query"])
        )
        assert (printable(Path(name).stem)[:50] in ended.stderr) is not hidden, command


@stems
def test_live(stem: str, folder: Path) -> None:
    """A film and a picture as sources, and the endless zoom into one."""
    picture, film = named(stem, ".png"), named(stem, ".mp4")
    make_picture(picture)
    make_film(film)
    for spec in (picture, f"zoom:{picture}", film):
        if spec.startswith(("camera:", "zoom:")) and not spec.startswith("zoom:" + picture):
            continue
        source = open_source(spec, (64, 48), 10, FakeClock())
        try:
            assert printable(Path(spec.removeprefix("zoom:")).name) in source.name
            assert source.read() is not None
        finally:
            source.close()


def test_a_device_without_an_end_is_refused(folder: Path, hallucinate: Hallucinate) -> None:
    make_picture("p.png")
    for command in (
        ("--source=guest", "--guide-image=/dev/zero"),
        ("--source=guest", "--mask-image=/dev/zero"),
        ("--source=guest", "--tls-cert=/dev/zero", "--tls-key=/dev/zero"),
        ("still", "p.png", "-o", "out.png", "--guide-image=/dev/urandom"),
    ):
        ended = hallucinate(*command)
        assert (ended.returncode, ended.stderr.count("\n")) == (2, 1), ended
        assert "/dev/" in ended.stderr


def test_a_name_that_no_disk_takes_is_refused(folder: Path, hallucinate: Hallucinate) -> None:
    make_picture("p.png")
    make_film("f.mp4")
    before, name = files(), "n" * 300
    for command in (
        ("still", "p.png", "-o", f"{name}.png"),
        ("still", "p.png", "-o", "out.png", "--gif", f"{name}.gif"),
        ("still", f"{name}.png", "-o", "out.png"),
        ("film", "f.mp4", "-o", f"{name}.mp4"),
        ("film", f"{name}.mp4", "-o", "out.mp4"),
        ("zoom", f"{name}.png", "-o", "out.mp4"),
        ("zoom", "-o", f"{name}.mp4"),
        ("zoom", "-o", name),
        ("sweep", "p.png", "-o", f"{name}.png"),
        ("sweep", f"{name}.png", "-o", "out.png"),
        ("networks", "show", f"{name}.pt"),
        ("calibrate", "board", "-o", f"{name}.pdf"),
        ("calibrate", "lens", f"{name}.png", "-o", "lens.yaml"),
        ("--source", f"{name}.mp4"),
        ("--source", "guest", "--lens", f"{name}.yaml", "--panorama", "fisheye"),
        ("--source", "guest", "--guide-image", f"{name}.png"),
        ("--source", "guest", "--tls-cert", f"{name}.pem"),
    ):
        ended = hallucinate(*command)
        assert (ended.returncode, ended.stderr.count("\n")) == (2, 1), ended
    assert files() == before

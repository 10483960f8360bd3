import os
import re
import socket
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from hallucinate.cli import run
from hallucinate.files import shipped
from hallucinate.motifs import MOTIFS
from hallucinate.networks.motif import MotifNetwork
from hallucinate.options import read_mix, read_settings, read_size
from hallucinate.settings import Settings
from tests.refusals import refused


def hallucinate(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "hallucinate", *arguments], capture_output=True, text=True, timeout=60, check=False
    )


def test_ctrl_c_before_the_commands_are_read_is_no_traceback() -> None:
    stopped = (
        "import runpy, sys\n"
        "class Stopped:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'hallucinate.cli':\n"
        "            raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Stopped())\n"
        "runpy.run_module('hallucinate', run_name='__main__')\n"
    )
    done = subprocess.run([sys.executable, "-c", stopped], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (130, "")


@pytest.mark.parametrize(
    ("text", "mix"),
    [
        ("eye", {"eye": 1.0}),
        ("eye=1,spiral=0.5", {"eye": 1.0, "spiral": 0.5}),
        (" eye , spiral = .25 ", {"eye": 1.0, "spiral": 0.25}),
        ("", {}),
    ],
)
def test_a_mix_is_read_as_people_write_it(text: str, mix: dict[str, float]) -> None:
    assert read_mix("motifs", text) == mix
    assert read_settings({"motifs": text}).motifs == mix


def test_layers_named_alone_are_dreamed_alone() -> None:
    alone = read_settings({"layers": "mixed4c:12=0.5,stem"})
    assert (alone.layers, alone.motifs) == ({"mixed4c:12": 0.5, "stem": 1.0}, {})
    both = read_settings({"layers": "stem", "motifs": "spiral"})
    assert (both.layers, both.motifs) == ({"stem": 1.0}, {"spiral": 1.0})


@pytest.mark.parametrize("text", ["640", "640x", "x360", "641x360", "32x32", "640x36000", "big"])
def test_a_size_that_cannot_be_shown_is_refused(text: str) -> None:
    with refused("option_invalid", f"--size {text}", "64 to 4096", "640x360"):
        read_size(text)


def test_a_size_is_read() -> None:
    assert read_size("1280x720") == (1280, 720)
    assert read_size("1280 × 720") == (1280, 720)


@pytest.mark.parametrize(
    ("arguments", "code", "values"),
    [
        (["--strength", "7"], "setting_out_of_range", ["strength", "1", "7"]),
        (["--strenght", "1"], "option_unknown", ["--strenght"]),
        (["--steps", "many"], "option_invalid", ["--steps", "'many'"]),
        (["--motifs", "eye=x"], "option_invalid", ["motifs", "'eye=x'"]),
        (["--layers", "stem=x"], "option_invalid", ["layers", "'stem=x'"]),
        (["--where", "nowhere"], "option_invalid", ["--where", "nowhere"]),
        (["--source", "scene", "--guide-image", "/no/such.png"], "file_missing", ["/no/such.png"]),
        (["--size", "3x4"], "option_invalid", ["--size 3x4"]),
        (["--source", "/no/such/film.mp4"], "source_unavailable", ["/no/such/film.mp4"]),
        (["--source", "camera:97"], "source_unavailable", ["camera 97"]),
        (["--source", "scene", "--device", "abacus"], "device_unavailable", ["'abacus'", "--device"]),
        (["--source", "scene", "--network", "motive"], "network_unknown", ["'motive'", "'motif'"]),
        (["--source", "scene", "--motifs", "eyee"], "motif_unknown", ["'eyee'", "'eye'"]),
        (["--port", "99999"], "option_invalid", ["--port", "65535", "99999"]),
        (["--fps", "abc"], "option_invalid", ["--fps", "'abc'"]),
        (["bogus"], "command_unknown", ["'bogus'", "film, still, zoom, sweep"]),
        (["--fps", "30", "calibrate", "speed"], "option_invalid", ["--fps", "`calibrate`"]),
        (["--strength", "0.3", "networks"], "option_invalid", ["--strength", "`networks`"]),
        (["networks", "show", "motiv"], "network_unknown", ["'motiv'", "'motif'"]),
        (["networks", "show"], "option_missing", ["name"]),
        (["networks", "show", "none.caffemodel"], "network_invalid", ["none.caffemodel"]),
        (["networks", "fetch", "resnet"], "network_unknown", ["'resnet'", "'resnet50'"]),
        (["netwroks"], "command_unknown", ["netwroks"]),
        (["bench", "--widths", "16"], "option_invalid", ["--widths 16", "64 to 4096"]),
        (["bench", "--steps", "1,x"], "option_invalid", ["--steps 1,x", "1 to 64"]),
        (["bench", "--json", "/no/such/folder/b.json"], "folder_missing", ["--json", "/no/such/folder"]),
        (["bench", "--json", "/tmp"], "option_invalid", ["--json /tmp"]),
        (["bench", "--json", "/proc/b.json"], "option_invalid", ["--json /proc/b.json"]),
        (["calibrate"], "option_missing", ["command"]),
        (["calibrate", "sped"], "command_unknown", ["sped", "speed"]),
        (["calibrate", "speed", "--network", "motiv"], "network_unknown", ["'motiv'", "'motif'"]),
        (["calibrate", "speed", "--device", "abacus"], "device_unavailable", ["'abacus'"]),
        (["calibrate", "strength", "--out", "/dev/null"], "option_invalid", ["--out /dev/null"]),
        (["calibrate", "strength", "--network", "motiv"], "network_unknown", ["'motiv'", "'motif'"]),
        (["calibrate", "latency", "--seconds", "0"], "option_invalid", ["--seconds"]),
        (["calibrate", "latency", "--browser", "/no/browser"], "program_missing", ["--browser /no/browser"]),
        (["calibrate", "latency", "--json", "/no/such/folder/l.json"], "folder_missing", ["/no/such/folder"]),
        (["calibrate", "lens", "nosuch.jpg", "-o", "lens.yaml"], "file_missing", ["nosuch.jpg"]),
        (
            ["calibrate", "lens", "a.jpg", "-o", "lens.yaml", "--model", "fishy"],
            "option_invalid",
            ["--model fishy", "fisheye or pinhole"],
        ),
        (["calibrate", "lens", "-o", "a.jpg", "b.jpg"], "option_invalid", ["--out a.jpg", ".yaml"]),
        (["calibrate", "board", "-o", "board.txt"], "option_invalid", ["board.txt", ".pdf"]),
        (["calibrate", "board", "-o", "board.pdf", "--columns", "2"], "board_invalid", ["2×7", "2000"]),
        (["calibrate", "align", "a.jpg", "--lens", "nosuch", "-o", "x.yaml"], "lens_invalid", ["nosuch"]),
    ],
)
def test_bad_input_is_refused_with_a_code_and_the_value(
    arguments: list[str], code: str, values: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    with refused(code, *values):
        run(arguments)
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize("arguments", [["--strength", "7"], ["netwroks"], ["--source", "/no/such/film.mp4"]])
def test_bad_input_is_one_line_on_standard_error_and_exit_code_2(arguments: list[str]) -> None:
    done = hallucinate(*arguments)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert done.stderr.startswith("hallucinate: ")
    assert arguments[-1] in done.stderr


@pytest.mark.parametrize(
    ("content", "code"),
    [(b"", "file_empty"), (b"this is no film", "film_invalid"), (b"\x00" * 5000, "film_invalid")],
    ids=["empty", "text", "zeros"],
)
def test_a_file_that_is_not_a_film_is_refused(tmp_path: Path, content: bytes, code: str) -> None:
    film = tmp_path / "film.mp4"
    film.write_bytes(content)
    with refused(code, "film.mp4"):
        run(["--source", str(film)])


def test_a_port_in_use_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        with refused("address_unavailable", f"port {port}", "--port"):
            run(["--source", "scene", "--host", "127.0.0.1", "--port", port])


def test_an_address_that_refuses_is_reported_and_tried_again() -> None:
    """An installation may start before its camera does: the page is served, and the words say what is wrong."""
    command = [
        sys.executable,
        "-m",
        "hallucinate",
        "--source",
        "rtsp://127.0.0.1:9/x",
        "--port",
        "0",
        "--host",
        "127.0.0.1",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        try:
            output = ""
            for line in process.stdout:
                output = " ".join((output + line).split())
                if "trying again" in output.lower():
                    break
            assert "rtsp://127.0.0.1:9/…" in output
            assert "http://localhost" in output
            assert "Traceback" not in output
        finally:
            process.terminate()
            assert process.wait(10) == 0


def test_a_name_or_an_origin_that_is_none_is_refused() -> None:
    with refused("option_invalid", "--name", "dream.example.org"):
        run(["--name", "box.lan", "--name", "https://dream.example.org:8765/"])
    with refused("option_invalid", "--allow-origin", "https://show.example.org"):
        run(["--allow-origin", "show.example.org"])
    with refused("option_invalid", "--require-token", "still"):
        run(["--require-token", "still", "a.png"])


def test_help_names_every_knob_with_its_range() -> None:
    text = " ".join(hallucinate("--help").stdout.split())
    for name in Settings.model_fields:
        assert f"--{name.replace('_', '-')}" in text
    assert "[0.05 to 60; default: 1.5]" in text


def test_networks_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["networks"]) == 0
    rows = {line.partition(":")[0]: line for line in capsys.readouterr().out.splitlines()}
    assert f"{len(MOTIFS)} motifs" in rows["motif"]
    for fact in ("50 MB", "1000 motifs", "12 layers"):
        assert fact in rows["googlenet"]


def test_a_network_shows_its_motifs_one_a_line_with_family_and_its_layers(capsys: pytest.CaptureFixture[str]) -> None:
    run(["networks", "show", "motif"])
    lines = capsys.readouterr().out.splitlines()
    assert len(MOTIFS) >= 48
    for name, motif in MOTIFS.items():
        assert [line.split() for line in lines if line.split()[0] == name] == [[name, *motif.family.split()]]
    layers = [line.split()[0] for line in lines[lines.index("layers (--layers mixed4c):") + 1 :]]
    assert layers == list(MotifNetwork.layers)
    assert any(line.split()[0] == MotifNetwork.default_layer and "the default" in line for line in lines)


@pytest.mark.parametrize(
    ("arguments", "module", "received"),
    [
        (["strength"], "strength", ("motif", shipped("calibration") / "strength")),
        (["strength", "--network", "other", "--out", "here"], "strength", ("other", Path("here"))),
        (["latency"], "latency", (20.0, None, None)),
        (
            ["latency", "--seconds", "5", "--browser", sys.executable, "--json", "l.json"],
            "latency",
            (5.0, sys.executable, Path("l.json")),
        ),
    ],
)
def test_each_calibration_receives_its_options(
    arguments: list[str], module: str, received: tuple[object, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[tuple[object, ...]] = []
    scripted = ModuleType(module)
    scripted.calibrate = lambda *values: calls.append(values)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, f"hallucinate.calibrate.{module}", scripted)
    assert run(["calibrate", *arguments]) == 0
    assert calls == [received]


def test_the_machines_speed_is_measured_saved_and_printed() -> None:
    done = hallucinate("calibrate", "speed", "--device", "cpu")
    assert done.returncode == 0, done.stderr
    saved = Path(os.environ["XDG_CACHE_HOME"]) / "hallucinate" / "speed.json"
    width = re.search(r"for 20 fps at 640×360: (\d+) px wide", done.stdout)
    assert width is not None
    assert f'"width": {width[1]}' in saved.read_text()
    assert str(saved) in done.stdout


def test_a_board_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(["calibrate", "board", "-o", str(tmp_path / "board.pdf"), "--board", "checkerboard"])
    assert "checkerboard, 10×7 squares of 25 mm" in capsys.readouterr().out
    assert [path.name for path in tmp_path.iterdir()] == ["board.pdf"]

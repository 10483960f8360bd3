import os
import re
import socket
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from hallucinate.cli import app
from hallucinate.errors import SettingsError
from hallucinate.files import shipped
from hallucinate.motifs import MOTIFS
from hallucinate.networks.motif import MotifNetwork
from hallucinate.options import read_mix, read_settings, read_size
from hallucinate.settings import Settings
from tests.conftest import Hallucinate


def test_the_program_passes_on_message_and_exit_code() -> None:
    command = [sys.executable, "-m", "hallucinate", "--strength", "7"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert done.stderr.startswith("hallucinate: strength: ")


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
    with pytest.raises(SettingsError, match=r"even and from 64 to 4096, e\.g\. 640x360"):
        read_size(text)


def test_a_size_is_read() -> None:
    assert read_size("1280x720") == (1280, 720)
    assert read_size("1280 × 720") == (1280, 720)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--strength", "7"], "strength: input should be less than or equal to 1, given 7"),
        (["--strenght", "1"], "--strenght"),
        (["--steps", "many"], "--steps"),
        (["--motifs", "eye=x"], "'eye=x' has no number after '='"),
        (["--layers", "stem=x"], "layers: 'stem=x' has no number after '='"),
        (["--where", "nowhere"], "--where"),
        (["--source", "scene", "--guide-image", "/no/such.png"], "/no/such.png"),
        (["--size", "3x4"], "--size 3x4: give WIDTHxHEIGHT"),
        (["--source", "/no/such/film.mp4"], "there is no file /no/such/film.mp4"),
        (["--source", "camera:97"], "camera 97"),
        (["--source", "scene", "--device", "abacus"], "device 'abacus' cannot be used"),
        (["--source", "scene", "--network", "motive"], "motif"),
        (["--source", "scene", "--motifs", "eyee"], "no motif is called 'eyee'; did you mean eye"),
        (["--port", "99999"], "'--port': Input should be less than or equal to 65535, given '99999'"),
        (["--fps", "abc"], "unable to parse string as a number, given 'abc'"),
        (["bogus"], "No such command 'bogus'; there are: film, still, zoom, sweep"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(hallucinate: Hallucinate, arguments: list[str], said: str) -> None:
    done = hallucinate(*arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("hallucinate: ")
    assert done.stdout == ""


@pytest.mark.parametrize("content", [b"", b"this is no film", b"\x00" * 5000])
def test_a_file_that_is_no_film_is_one_line_and_exit_code_2(
    hallucinate: Hallucinate, tmp_path: Path, content: bytes
) -> None:
    film = tmp_path / "film.mp4"
    film.write_bytes(content)
    done = hallucinate("--source", str(film))
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "film.mp4" in done.stderr


def test_a_port_in_use_is_one_line_and_exit_code_2(hallucinate: Hallucinate) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = hallucinate("--source", "scene", "--host", "127.0.0.1", "--port", port)
    assert done.returncode == 2
    assert done.stderr == f"hallucinate: port {port} is in use; stop the other program or choose another with --port\n"


def test_an_address_that_refuses_is_said_and_tried_again() -> None:
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
            said = ""
            for line in process.stdout:
                said = " ".join((said + line).split())
                if "trying again" in said.lower():
                    break
            assert "rtsp://127.0.0.1:9/x" in said
            assert "http://localhost" in said
            assert "Traceback" not in said
        finally:
            process.terminate()
            assert process.wait(10) == 0


def test_help_names_every_knob_with_its_range(hallucinate: Hallucinate) -> None:
    text = " ".join(hallucinate("--help").stdout.split())
    for name in Settings.model_fields:
        assert f"--{name.replace('_', '-')}" in text
    assert "[0.05 to 60; default: 1.5]" in text


def test_networks_are_listed(hallucinate: Hallucinate) -> None:
    done = hallucinate("networks")
    assert done.returncode == 0
    assert f"motif: in the box, {len(MOTIFS)} motifs by name" in done.stdout
    assert "googlenet: to be fetched, 50 MB, 1000 motifs by name, 12 layers" in done.stdout


def test_a_network_shows_its_motifs_one_a_line_with_family_and_its_layers(hallucinate: Hallucinate) -> None:
    lines = hallucinate("networks", "show", "motif").stdout.splitlines()
    assert len(MOTIFS) >= 48
    for name, motif in MOTIFS.items():
        assert [line.split() for line in lines if line.split()[0] == name] == [[name, *motif.family.split()]]
    layers = [line.split()[0] for line in lines[lines.index("layers (--layers mixed4c):") + 1 :]]
    assert layers == list(MotifNetwork.layers)
    assert any(line.split()[0] == MotifNetwork.default_layer and "the default" in line for line in lines)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["networks", "show", "motiv"], "no network is called 'motiv'; did you mean 'motif'"),
        (["networks", "show"], "name"),
        (["networks", "show", "none.caffemodel"], "there is no file none.caffemodel"),
        (["networks", "fetch", "resnet"], "no network is called 'resnet'; did you mean 'resnet50'"),
        (["netwroks"], "netwroks"),
        (["bench", "--widths", "16"], "--widths 16: give whole numbers from 64 to 4096"),
        (["bench", "--steps", "1,x"], "--steps 1,x: give whole numbers from 1 to 64"),
        (["bench", "--json", "/no/such/folder/b.json"], "there is no folder /no/such/folder"),
        (["bench", "--json", "/tmp"], "--json /tmp: this is a folder; name a file in it"),
        (["bench", "--json", "/proc/b.json"], "--json /proc/b.json: cannot be written (No such file or directory)"),
        (["calibrate"], "command"),
        (["calibrate", "sped"], "sped"),
        (["calibrate", "speed", "--network", "motiv"], "no network is called 'motiv'; did you mean 'motif'"),
        (["calibrate", "speed", "--device", "abacus"], "device 'abacus' cannot be used"),
        (["calibrate", "strength", "--out", "/dev/null"], "--out /dev/null: this is no folder"),
        (["calibrate", "strength", "--network", "motiv"], "no network is called 'motiv'; did you mean 'motif'"),
        (["calibrate", "latency", "--seconds", "0"], "--seconds"),
        (["calibrate", "latency", "--browser", "/no/browser"], "--browser /no/browser: there is no such program"),
        (["calibrate", "latency", "--json", "/no/such/folder/l.json"], "there is no folder /no/such/folder"),
        (["--fps", "30", "calibrate", "speed"], "--fps is for serving, not for `calibrate`"),
        (["--strength", "0.3", "networks"], "--strength is for serving, not for `networks`"),
        (["calibrate", "lens", "nosuch.jpg", "-o", "lens.yaml"], "nosuch.jpg: No such file"),
        (
            ["calibrate", "lens", "a.jpg", "-o", "lens.yaml", "--model", "fishy"],
            "--model fishy: give fisheye or pinhole",
        ),
        (["calibrate", "lens", "-o", "a.jpg", "b.jpg"], "--out a.jpg: a lens file is written as .yaml or .yml"),
        (["calibrate", "board", "-o", "board.txt"], "board.txt: a board is written as .pdf or .png"),
        (["calibrate", "align", "a.jpg", "--lens", "nosuch", "-o", "x.yaml"], "there is no lens file nosuch"),
    ],
)
def test_a_command_with_bad_input_is_one_line_and_exit_code_2(
    hallucinate: Hallucinate, arguments: list[str], said: str
) -> None:
    done = hallucinate(*arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not done.stdout


@pytest.mark.parametrize(
    ("arguments", "module", "given"),
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
def test_each_calibration_is_given_what_was_asked_for(
    arguments: list[str], module: str, given: tuple[object, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[object, ...]] = []
    scripted = ModuleType(module)
    scripted.calibrate = lambda *given: asked.append(given)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, f"hallucinate.calibrate.{module}", scripted)
    app(["calibrate", *arguments], standalone_mode=False)
    assert asked == [given]


def test_the_machines_speed_is_measured_kept_and_said(hallucinate: Hallucinate) -> None:
    done = hallucinate("calibrate", "speed", "--device", "cpu")
    assert done.returncode == 0, done.stderr
    kept = Path(os.environ["XDG_CACHE_HOME"]) / "hallucinate" / "speed.json"
    width = re.search(r"for 20 fps at 640×360: (\d+) px wide", done.stdout)
    assert width is not None
    assert f'"width": {width[1]}' in kept.read_text()
    assert str(kept) in done.stdout


def test_a_board_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    app(["calibrate", "board", "-o", str(tmp_path / "board.pdf"), "--board", "checkerboard"], standalone_mode=False)
    assert "checkerboard, 10×7 squares of 25 mm" in capsys.readouterr().out
    assert [path.name for path in tmp_path.iterdir()] == ["board.pdf"]

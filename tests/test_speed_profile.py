"""How a machine's operating point is found and saved. The dreamer's time is scripted, or the network a tiny one."""

import json
import logging
from pathlib import Path

import pytest
import torch

from hallucinate import speed_profile
from hallucinate.dream.governor import FULL, ROOMY
from hallucinate.dream.sphere import faces
from hallucinate.dream.surface import Geometry, Surface
from hallucinate.frame import Frame, OperatingPoint
from hallucinate.panorama.remap import Layout
from hallucinate.settings import Settings
from hallucinate.speed_profile import (
    LONGEST_S,
    POINTS,
    ProfiledNetwork,
    open_profiled,
    rehearse,
    save_point,
    starting_point,
)
from tests.dream.networks import TinyNetwork
from tests.refusals import refused

CPU, SIZE, WIDE = torch.device("cpu"), (64, 36), (640, 360)
SETTINGS = Settings(motifs={}, layers={"second": 1.0}, dream_width=64, dream_width_min=64)


class Scripted:
    """A dreamer whose turns take so long: the clock and the dream in one."""

    def __init__(self, seconds_at_320: float) -> None:
        self.now_s, self.seconds_at_320, self.turn = 0.0, seconds_at_320, 0
        self.frames: list[Frame] = []

    def dream(self, frame: Frame, point: OperatingPoint) -> None:
        self.now_s += self.seconds_at_320 * point.work / 320**2 * (0.4, 0.6, 1.0)[self.turn % 3]
        self.turn += 1
        self.frames.append(frame)

    def time(self) -> float:
        return self.now_s


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "hallucinate" / "speed.json"


@pytest.fixture
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tiny network, rehearsed for a moment."""
    monkeypatch.setattr(speed_profile, "open_quickest", lambda *_, **__: (TinyNetwork(), torch.float32))
    monkeypatch.setattr(speed_profile, "open_network", lambda *_, **__: TinyNetwork())
    monkeypatch.setattr(speed_profile, "REHEARSED_S", 0.2)


def opened() -> ProfiledNetwork:
    return ProfiledNetwork("tiny", TinyNetwork(), CPU, torch.float32, {})


@pytest.mark.parametrize("seconds", [0.02, 0.04, 0.07])
@pytest.mark.parametrize("fps", [20, 30])
def test_the_rehearsal_ends_where_the_governor_would(seconds: float, fps: int) -> None:
    machine = Scripted(seconds)
    settings = Settings(fps=fps, dream_width=640, dream_width_min=96)
    point, turns = rehearse(machine.dream, settings, WIDE, machine.time)
    load = seconds * point.work / 320**2 * fps
    judged = load * (0.6 + 1.0) / 2  # of the middle and the costliest octave
    assert ROOMY * 0.8 < judged < FULL
    assert machine.now_s <= LONGEST_S + 0.1
    assert len(turns) == machine.turn
    assert machine.frames[0].picture.shape == (360, 640, 3)
    assert (machine.frames[0].picture != machine.frames[1].picture).any()


def test_a_rehearsal_on_a_very_slow_machine_is_cut_short() -> None:
    machine = Scripted(1.0)
    point, turns = rehearse(machine.dream, Settings(), WIDE, machine.time)
    assert machine.now_s < LONGEST_S + 1.0
    assert point.width <= 320
    assert len(turns) >= 3


def test_a_size_that_does_not_fit_into_memory_is_not_begun_with() -> None:
    machine = Scripted(0.001)

    def dream(frame: Frame, point: OperatingPoint) -> None:
        if point.width > 350:
            raise torch.OutOfMemoryError("scripted")
        machine.dream(frame, point)

    assert rehearse(dream, Settings(), WIDE, machine.time)[0].width <= 350

    def never(frame: Frame, point: OperatingPoint) -> None:
        raise torch.OutOfMemoryError("scripted")

    assert rehearse(never, Settings(), WIDE, machine.time) == (OperatingPoint(160, 1), [])


def test_what_is_found_is_saved_and_used_at_the_next_start_without_measuring(
    file: Path, brief: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = open_profiled("tiny", CPU)
    point, how = starting_point(first, SETTINGS, SIZE)
    assert how == "measured now"
    assert [path.name for path in file.parent.iterdir()] == ["speed.json"]

    monkeypatch.setattr(speed_profile, "rehearse", None)  # nothing is measured any more
    monkeypatch.setattr(speed_profile, "open_quickest", None)
    second = open_profiled("tiny", CPU)
    assert second.dtype == first.dtype
    assert starting_point(second, SETTINGS, SIZE) == (point, "as it was the last time")


def test_another_purpose_is_measured_for_itself_in_the_precision_that_is_known(file: Path, brief: None) -> None:
    save_point(opened(), OperatingPoint(64, 1), SETTINGS, SIZE)
    known = speed_profile._read()[speed_profile._machine("tiny", CPU)].points
    for settings, size in (
        (SETTINGS, (128, 72)),
        (SETTINGS.model_copy(update={"fps": 30.0}), SIZE),
        (SETTINGS.model_copy(update={"octaves": 1}), SIZE),
    ):
        machine = ProfiledNetwork("tiny", TinyNetwork(), CPU, torch.float32, known)
        assert starting_point(machine, settings, size)[1] == "measured now"
        assert starting_point(machine, SETTINGS, SIZE)[1] == "as it was the last time"
    assert len(speed_profile._read()[speed_profile._machine("tiny", CPU)].points) == 4


def test_a_panorama_is_rehearsed_and_saved_as_one(file: Path, brief: None) -> None:
    class Views(TinyNetwork):
        seen = 0

        def activations(self, x: torch.Tensor, layer: str) -> torch.Tensor:
            self.seen = len(x)
            return super().activations(x, layer)

    network, size = Views(), (128, 128)
    machine = ProfiledNetwork("tiny", network, CPU, torch.float32, {})
    for geometry in (Geometry(Surface.SPHERE, Layout.TOP_BOTTOM), Geometry(Surface.SPHERE), Geometry(Surface.HALF)):
        network.seen = 0
        assert starting_point(machine, SETTINGS, size, geometry)[1] == "measured now"
        assert network.seen == len(faces(geometry.surface.wraps))
    points = speed_profile._read()[speed_profile._machine("tiny", CPU)].points
    assert len(points) == 3
    assert (
        starting_point(ProfiledNetwork("tiny", network, CPU, torch.float32, points), SETTINGS, size)[1]
        == "measured now"
    )
    assert network.seen == 1


def test_where_the_governor_was_at_the_end_is_where_the_next_start_begins(file: Path) -> None:
    wide = SETTINGS.model_copy(update={"dream_width": 480, "steps": 2})
    for width in (96, 288):
        save_point(opened(), OperatingPoint(width, 2), wide, WIDE)
    points = speed_profile._read()[speed_profile._machine("tiny", CPU)].points
    machine = ProfiledNetwork("tiny", TinyNetwork(), CPU, torch.float32, points)
    assert starting_point(machine, wide, WIDE) == (OperatingPoint(288, 2), "as it was the last time")
    narrower = wide.model_copy(update={"dream_width": 96})
    assert starting_point(machine, narrower, WIDE)[0] == OperatingPoint(96, 2)  # no wider than is allowed this time


def test_the_file_keeps_the_newest_points_and_other_machines(file: Path) -> None:
    file.parent.mkdir()
    points = {"x": {"width": 1024, "steps": 3}}
    file.write_text(json.dumps({"another host": {"threads": 4, "precision": "float16", "points": points}}))
    for n in range(POINTS + 5):
        save_point(opened(), OperatingPoint(64, 1), SETTINGS, (64 + n, 36))
    found = json.loads(file.read_text())
    assert found["another host"]["points"]["x"] == {"width": 1024, "steps": 3}
    saved = list(found[speed_profile._machine("tiny", CPU)]["points"])
    assert len(saved) == POINTS
    assert saved[-1].startswith(f"{64 + POINTS + 4}x36 ")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b'{"m": {"threads": 1, "precision": "int4"}}',
        b'{"m": {"points": {"x": [1]}}}',
        b"\xff\xfe",
        b"7",
    ],
)
def test_a_damaged_file_is_logged_in_one_line_and_written_anew(
    file: Path, brief: None, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    file.parent.mkdir()
    file.write_bytes(content)
    with caplog.at_level(logging.WARNING):
        starting_point(open_profiled("tiny", CPU), SETTINGS, SIZE)
    assert len(caplog.messages) == 1
    assert str(file) in caplog.messages[0]
    assert "\n" not in caplog.messages[0]
    assert len(open_profiled("tiny", CPU).points) == 1


def test_a_place_that_cannot_be_written_is_logged_in_one_line(
    tmp_path: Path, brief: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "no-folder").write_text("a file")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "no-folder"))
    with caplog.at_level(logging.WARNING):
        assert starting_point(open_profiled("tiny", CPU), SETTINGS, SIZE)[0].width == 64
    assert len(caplog.messages) == 1
    assert str(tmp_path) in caplog.messages[0]


def test_the_command_measures_anew_and_prints_what_and_where(
    file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = Scripted(0.04)

    def rehearsed(dream: object, settings: Settings, size: tuple[int, int]) -> object:
        return rehearse(machine.dream, settings, size, machine.time)

    monkeypatch.setattr(speed_profile, "rehearse", rehearsed)
    speed_profile.calibrate("motif", "cpu")
    printed = capsys.readouterr().out
    width = json.loads(file.read_text())[speed_profile._machine("motif", CPU)]["points"].popitem()[1]["width"]
    assert f"for 20 fps at 640×360: {width} px wide, 1 step a frame" in printed
    assert str(file) in printed


def test_a_network_or_device_that_is_not_there_is_refused(file: Path) -> None:
    with refused("network_unknown", "'motiv'", "'motif'"):
        speed_profile.calibrate("motiv", "cpu")
    with refused("device_unavailable", "'abacus'"):
        speed_profile.calibrate("motif", "abacus")
    assert not file.exists()

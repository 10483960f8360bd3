import json
import re
import ssl
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from hallucinate.clock import SystemClock
from hallucinate.dream.surface import Surface
from hallucinate.networks.registry import NetworkOptions
from hallucinate.networks.zoo import outlined
from hallucinate.serve import (
    ServeOptions,
    choose_main,
    fine_enough,
    load_network,
    make_access,
    open_or_go_on,
    prepare_source,
)
from hallucinate.settings import Settings
from hallucinate.stream.access import COOKIE, Access, Caller
from hallucinate.stream.listening import Listening
from hallucinate.stream.tls import Tls
from hallucinate.terminal import figures_line, greeting, qr_code
from tests.fakes import FakeClock
from tests.networks.made import random_tensors
from tests.refusals import refused
from tests.sources.test_camera import ScriptedCapture
from tests.stream.foreign import ScriptedLoop


def test_the_code_in_the_terminal_can_be_scanned() -> None:
    address = "http://192.168.178.21:8765/?token=HqBb__tC22K6CDds"
    rows = qr_code(address).splitlines()
    halves_of = {"█": (1, 1), "▀": (1, 0), "▄": (0, 1), " ": (0, 0)}
    halves = np.array([[halves_of[c] for c in row[2:]] for row in rows])  # (rows, columns, upper and lower)
    modules = halves.transpose(0, 2, 1).reshape(-1, halves.shape[1]) * 255
    picture = np.pad(np.kron(modules, np.ones((8, 8))), 32).astype(np.uint8)  # on a dark terminal
    assert cv2.QRCodeDetector().detectAndDecode(picture)[0] == address


FACTS: dict[str, object] = {
    "version": "1",
    "source": "scene (no camera was found)",
    "network": "motif",
    "device": "CPU",
    "speed": "288 px wide, 1 step a frame (measured now)",
}


def test_the_greeting_shows_the_address_and_what_was_chosen_and_why() -> None:
    text = str(greeting(FACTS, Listening(8765, ("0.0.0.0",)), Access("secret"), with_code=False))
    assert "http://localhost:8765/" in text
    assert "scene (no camera was found)" in text
    assert "288 px wide, 1 step a frame (measured now)" in text
    assert "█" not in text


def test_who_shuts_others_out_is_shown_no_address_for_them() -> None:
    text = str(greeting(FACTS, Listening(8765, ("127.0.0.1",)), Access("secret"), with_code=True))
    assert "secret" not in text
    assert "█" not in text


@pytest.mark.parametrize(("hosts", "open_at"), [(["127.0.0.1"], "localhost"), (["::1"], "[::1]")])
def test_where_this_machine_needs_the_token_its_address_has_it(hosts: list[str], open_at: str) -> None:
    at = Listening(8765, tuple(hosts))
    text = str(greeting(FACTS, at, Access("se&cret", required=True), with_code=True, scheme="https"))
    assert f"https://{open_at}:8765/?token=se%26cret\n" in text
    assert "█" not in text


def test_where_one_address_is_bound_that_alone_is_printed() -> None:
    text = str(greeting(FACTS, Listening(8765, ("192.0.2.5",)), Access("secret"), with_code=True, name="a.example"))
    assert set(re.findall(r"http://[^/:]+", text)) == {"http://192.0.2.5", "http://a.example"}
    assert "localhost" not in text
    assert qr_code("http://192.0.2.5:8765/?token=secret") in text


def test_the_certificates_names_and_the_hosts_are_ours(tmp_path: Path) -> None:
    chosen = replace(
        options("motif"), host="studio.lan", names=("dream.example.org",), allow_origins=("https://a.example",)
    )
    access = make_access(chosen, Tls(ssl.create_default_context(), ("*.show.example",)))
    for host in ("studio.lan:8765", "dream.example.org", "tonight.show.example:8765"):
        access.check(Caller("192.0.2.7", {"Host": host}, {COOKIE: access.token}, False))
    assert access.allows("https://a.example")
    assert not access.required
    assert make_access(replace(chosen, require_token=True), None).required


def test_a_source_is_opened_once_now_and_again_when_it_must_be() -> None:
    reopen = prepare_source("scene", (64, 64), Settings(), FakeClock())
    assert reopen is not None
    first, second = reopen(), reopen()
    assert first is not second
    assert first.name == second.name


@pytest.mark.parametrize("panorama", ["auto", "half-equirect"])
def test_the_camera_that_was_found_is_not_opened_again(monkeypatch: pytest.MonkeyPatch, panorama: str) -> None:
    opened: list[int] = []

    def factory(index: int, *backend: int) -> ScriptedCapture:
        opened.append(index)
        return ScriptedCapture(10**6)

    monkeypatch.setattr("cv2.VideoCapture", factory)
    monkeypatch.setattr("hallucinate.sources.camera.camera_indexes", lambda: [4, 5])
    chosen = replace(options("motif"), source=None, panorama=panorama, size=(48, 48))
    source = choose_main(chosen, Settings(), FakeClock(), lambda: None)
    assert (source.spec, source.why, source.size) == ("camera:4", "camera 4 was found", (48, 48))
    assert source.open is not None
    first = source.open()
    assert opened == [4]
    first.close()
    again = source.open()
    assert again.name == "camera 4"
    again.close()
    assert opened == [4, 4]


def test_the_camera_that_was_found_is_released_when_nothing_comes_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    capture = ScriptedCapture(10**6)
    monkeypatch.setattr("cv2.VideoCapture", lambda index, *backend: capture)
    monkeypatch.setattr("hallucinate.sources.camera.camera_indexes", lambda: [0])
    chosen = replace(options("motif"), source="camera", panorama="equirect", size=(64, 64))
    with refused("panorama_invalid", "--size 64x64"):
        choose_main(chosen, Settings(), FakeClock(), lambda: None)
    assert capture.released.wait(2)


def test_what_will_never_work_is_refused_at_the_start() -> None:
    for spec in ("/no/film.mp4", "camera:97", "nonsense"):
        with refused("source_unavailable", spec.rpartition("/")[2].rpartition(":")[2]):
            prepare_source(spec, (64, 64), Settings(), SystemClock())


def test_the_guests_source_is_left_to_the_guest() -> None:
    assert prepare_source("guest", (64, 64), Settings(), FakeClock()) is None


@pytest.mark.parametrize("spec", ["{}", "zoom:{}"])
def test_without_a_size_the_first_frame_says_it(spec: str, tmp_path: Path) -> None:
    path = tmp_path / "upright.png"
    cv2.imwrite(str(path), np.full((160, 90, 3), 99, np.uint8))

    def chosen(size: tuple[int, int] | None, what: str = spec.format(path)) -> tuple[tuple[int, int], object]:
        requested = replace(options("motif"), source=what, size=size)
        main = choose_main(requested, Settings(), FakeClock(), lambda: None)
        assert main.open is not None
        source = main.open()
        frame = source.read()
        source.close()
        return main.size, None if frame is None else frame.picture.shape[1::-1]

    assert chosen(None) == ((360, 640), (360, 640))
    assert chosen((128, 64)) == ((128, 64), (128, 64))
    assert chosen(None, "scene") == ((640, 360), (640, 360))
    assert chosen(None, "scene:panorama") == ((1024, 512), (1024, 512))


def options(network: str, weights: Path | None = None) -> ServeOptions:
    return ServeOptions(None, 0, "", "", network, NetworkOptions(weights), "cpu", (64, 64), None, 0)


CPU = torch.device("cpu")


@pytest.fixture
def _offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No weights here, and none to be had."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.delenv("HALLUCINATE_WEIGHTS", raising=False)
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")
    monkeypatch.setattr("hallucinate.device.precisions", lambda device: (torch.float32,))


@pytest.mark.usefixtures("_offline")
def test_without_weights_the_bundled_network_is_used_and_one_line_says_why(caplog: pytest.LogCaptureFixture) -> None:
    settings = Settings(motifs={"tabby": 1.0})
    opened, settings = open_or_go_on(options("squeezenet1_1"), CPU, settings)
    assert opened.name == opened.network.name == "motif"
    assert (settings.motifs, settings.layers) == ({}, {opened.network.default_layer: 1.0})
    warning = caplog.messages[-1]
    assert "squeezenet1_1-b8a52dc0.pth" in warning
    assert "\n" not in warning


@pytest.mark.usefixtures("_offline")
def test_what_is_mistyped_is_refused_and_what_nobody_chose_is_fitted(tmp_path: Path) -> None:
    with refused("network_unknown", "'squeezenet'", "'squeezenet1_1'"):
        open_or_go_on(options("squeezenet"), CPU, Settings())
    with refused("network_invalid", tmp_path / "none.pth"):
        open_or_go_on(options("squeezenet1_1", tmp_path / "none.pth"), CPU, Settings())
    path = tmp_path / "s.safetensors"
    save_file(random_tensors(outlined("squeezenet1_1")[0]), path)
    opened, settings = open_or_go_on(options("squeezenet1_1", path), CPU, Settings())
    assert opened.network.name == "squeezenet1_1"
    assert (settings.motifs, settings.layers) == ({}, {"fire8": 1.0})
    _, chosen = open_or_go_on(options("squeezenet1_1", path), CPU, Settings(motifs={"eye": 1.0}))
    assert chosen.motifs == {"eye": 1.0}  # to be refused by name, with the rest
    loaded = load_network("squeezenet1_1", CPU, torch.float32, NetworkOptions(path), lambda here, total: None)
    assert loaded.facts["network"] == "squeezenet1_1"
    assert loaded.facts["channels"] == dict(loaded.network.channels)
    json.dumps(loaded.facts)


def test_a_sphere_is_dreamed_as_fine_as_its_motifs_need_unless_a_width_was_chosen() -> None:
    assert fine_enough(Settings(), Surface.FLAT, 56).dream_width == Settings().dream_width
    assert fine_enough(Settings(), Surface.HALF, 56).dream_width == Settings().dream_width  # 403 px are 25°
    assert fine_enough(Settings(), Surface.SPHERE, 56).dream_width == 832  # 806 px are
    assert fine_enough(Settings(motif_degrees=5), Surface.SPHERE, 56).dream_width == 2048
    assert fine_enough(Settings(dream_width=320), Surface.SPHERE, 56).dream_width == 320


def test_the_line_in_the_terminal_counts_what_was_skipped_wherever_it_was() -> None:
    stats = ScriptedLoop().stats()
    assert "skipped" not in figures_line(stats)
    skipped = stats.model_copy(update={"source_skipped_frames": 4, "dropped_frames": 3})
    assert "7 frames skipped" in figures_line(skipped)

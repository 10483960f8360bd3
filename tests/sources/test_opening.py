from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from hallucinate.sources.address import Address
from hallucinate.sources.camera import Camera
from hallucinate.sources.film import Film
from hallucinate.sources.opening import SPECS, Choice, choose_source, open_source
from hallucinate.sources.pacing import Drawn
from tests.fakes import FakeClock
from tests.refusals import refused
from tests.sources.conftest import MakeFilm
from tests.sources.test_camera import ScriptedCapture

SIZE = (64, 36)


def kind(spec: str) -> type:
    source = open_source(spec, SIZE, 24, FakeClock())
    source.close()
    return type(source)


def test_each_spec_opens_its_kind() -> None:
    assert kind("scene") is Drawn
    assert kind("camera:97") is Camera
    assert kind("rtsp://127.0.0.1:1/x") is Address
    assert kind("HTTP://127.0.0.1:1/x") is Address


def test_films_and_pictures_are_distinguished_by_what_is_in_them(make_film: MakeFilm, tmp_path: Path) -> None:
    picture, film = tmp_path / "picture.mp4", make_film("film.mkv")
    cv2.imwrite(str(tmp_path / "p.png"), np.zeros((8, 8, 3), np.uint8))
    (tmp_path / "p.png").rename(picture)
    film = film.rename(tmp_path / "film.png")
    colon = make_film("a.mkv").rename(tmp_path / "10:30 rtsp.mkv")
    assert kind(str(picture)) is Drawn
    assert kind(str(film)) is Film
    assert kind(str(colon)) is Film


def test_a_gif_moves(make_film: MakeFilm, tmp_path: Path) -> None:
    import av

    path = tmp_path / "moving.gif"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("gif", rate=10)
        stream.width, stream.height, stream.pix_fmt = 16, 16, "rgb8"
        for level in (0, 255):
            grey = np.full((16, 16, 3), level, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(grey, format="rgb24").reformat(format="rgb8")))
        container.mux(stream.encode())
    assert kind(str(path)) is Film


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("scen", "'scene'"),
        ("kamera", "'camera'"),
        ("camera:one", "camera:N"),
        ("camera:-1", "camera:N"),
        ("ftp://host/film.mp4", "ftp://"),
        ("no/such/film.mp4", "no/such/film.mp4"),
        ("something", "camera:N, FILE"),
        ("", "camera:N, FILE"),
        ("a\0b", "camera:N, FILE"),
        ("x" * 5000, "camera:N, FILE"),
        ("~nobody-of-that-name/x.mp4", "~nobody-of-that-name/x.mp4"),
        ("guest", "guest"),
    ],
)
def test_what_is_not_a_source_is_refused_in_one_line_with_what_is_allowed(spec: str, words: str) -> None:
    with refused("source_unavailable", words) as caught:
        open_source(spec, SIZE, 24, FakeClock())
    assert len(str(caught.value)) < 400


def test_camera_alone_is_the_first_that_delivers_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hallucinate.sources.camera.camera_indexes", list)
    with refused("source_failed", "no camera was found"):  # now: it is tried again
        open_source("camera", SIZE, 24, FakeClock())


def choice(requested: str | None, *captures: ScriptedCapture) -> Choice:
    """What is chosen on a machine with these cameras; an open one is closed again."""
    chosen = choose_source(requested, SIZE, 24, FakeClock(), list(range(len(captures))), captures.__getitem__)
    if chosen.camera is not None:
        chosen.camera.close()
    return replace(chosen, camera=None)


def test_the_default_is_the_first_camera_that_delivers_or_the_scene_and_says_why() -> None:
    shut, silent, good = ScriptedCapture(0, opens=False), ScriptedCapture(0), ScriptedCapture(10**6)
    assert choice(None, good) == Choice("camera:0", "camera 0 was found")
    why = "camera 0 opened and delivered no frame within 2 s; camera 1 is used"
    assert choice(None, silent, good) == Choice("camera:1", why)
    assert choice("camera", silent, good) == Choice("camera", why)
    assert choice("camera:0", silent, good) == Choice("camera:0", "as requested")
    assert choice(None).spec == "scene"
    assert "no camera was found, so" in choice(None).why
    chosen = choice(None, shut, silent)
    assert chosen.spec == "scene"
    for words in ("camera 0 did not open", "camera 1 opened and delivered no frame within 2 s", "--source"):
        assert words in chosen.why
    for cameras, words in (((), "no camera was found"), ((shut,), "camera 0 did not open")):
        with refused("source_unavailable", words):
            choice("camera", *cameras)


def test_the_help_names_every_kind() -> None:
    kinds = ["camera:N", "FILE", "rtsp://…", "http://…", "scene", "scene:panorama", "zoom", "guest"]
    assert list(SPECS) == kinds

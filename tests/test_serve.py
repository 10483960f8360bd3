import cv2
import numpy as np
import pytest

from hallucinate.clock import SystemClock
from hallucinate.errors import SourceUnavailable
from hallucinate.serve import greeting, prepare_source, qr_code
from hallucinate.settings import Settings
from hallucinate.stream.access import Access
from tests.fakes import FakeClock


def test_the_code_in_the_terminal_can_be_scanned() -> None:
    address = "http://192.168.178.21:8765/?token=HqBb__tC22K6CDds"
    rows = qr_code(address).splitlines()
    lit = {"█": (1, 1), "▀": (1, 0), "▄": (0, 1), " ": (0, 0)}
    halves = np.array([[lit[c] for c in row[2:]] for row in rows])  # (rows, columns, upper and lower)
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


def test_the_greeting_says_where_it_is_and_what_was_taken_and_why() -> None:
    text = str(greeting(FACTS, "0.0.0.0", 8765, Access("secret"), with_code=False))
    assert "http://localhost:8765/" in text
    assert "scene (no camera was found)" in text
    assert "288 px wide, 1 step a frame (measured now)" in text
    assert "█" not in text


def test_who_shuts_others_out_is_shown_no_address_for_them() -> None:
    text = str(greeting(FACTS, "127.0.0.1", 8765, Access("secret"), with_code=True))
    assert "secret" not in text
    assert "█" not in text


def test_a_source_is_opened_once_now_and_again_when_it_must_be() -> None:
    reopen = prepare_source("scene", (64, 64), Settings(), FakeClock())
    assert reopen is not None
    first, second = reopen(), reopen()
    assert first is not second
    assert first.name == second.name


def test_what_will_never_work_is_refused_at_the_start() -> None:
    for spec in ("/no/film.mp4", "camera:97", "nonsense"):
        with pytest.raises(SourceUnavailable):
            prepare_source(spec, (64, 64), Settings(), SystemClock())


def test_the_visitors_source_is_left_to_the_visitor() -> None:
    assert prepare_source("visitor", (64, 64), Settings(), FakeClock()) is None

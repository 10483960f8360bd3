from __future__ import annotations

import base64
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler
from urllib.parse import quote

import cv2
import numpy as np
import pytest

from hallucinate.clock import SystemClock
from hallucinate.errors import SourceError, SourceUnavailable
from hallucinate.sources.address import Address
from tests.fakes import FakeClock
from tests.sources.conftest import MakeFilm
from tests.sources.web_server import quietly, served_by

Answer = Callable[[BaseHTTPRequestHandler], None]


@contextmanager
def serving(answer: Answer) -> Iterator[str]:
    """A real web server on this machine; yields its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            with suppress(BrokenPipeError, ConnectionResetError):  # the client hung up, as it may
                answer(self)

        log_message = quietly

    with served_by(Handler) as url:
        yield url


def mjpeg(frames: int, then: Callable[[], object] = lambda: None) -> Answer:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        request.end_headers()
        for index in range(frames):
            data = cv2.imencode(".jpg", np.full((48, 64, 3), 20 + 5 * (index % 40), np.uint8))[1].tobytes()
            head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n"
            request.wfile.write(head.encode() + data + b"\r\n")
        then()

    return answer


def until_error(source: Address) -> SourceError:
    try:
        for _ in range(300):
            source.read()
    except SourceError as error:
        return error
    pytest.fail("no error came")


def sources_running() -> int:
    return sum(thread.name.startswith("source: ") for thread in threading.enumerate())


def wait_for_none_running() -> None:
    deadline = time.monotonic() + 6
    while sources_running() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert sources_running() == 0


def test_a_live_stream_is_shown_and_its_end_is_an_error_that_is_tried_again() -> None:
    with serving(mjpeg(60)) as url:
        source = Address(f"{url}/cam.mjpg", 32, 24, FakeClock())
        frame = None
        while frame is None:
            frame = source.read()
        assert frame.picture.shape == (24, 32, 3)
        error = until_error(source)
        assert url in str(error)
        assert not isinstance(error, SourceUnavailable)
        source.close()
    wait_for_none_running()


def test_a_stream_that_falls_silent_is_an_error_and_close_does_not_wait_for_it() -> None:
    over = threading.Event()
    with serving(mjpeg(60, lambda: over.wait(20))) as url:
        source = Address(url, 32, 24, FakeClock(), timeout_s=1.5)
        assert not isinstance(until_error(source), SourceUnavailable)
        source.close()
        silent = Address(url, 32, 24, SystemClock(), timeout_s=3)
        reading = threading.Thread(target=silent.read)
        reading.start()
        start = time.monotonic()
        silent.close()
        reading.join(2)
        assert not reading.is_alive()
        assert time.monotonic() - start < 1
        over.set()
    wait_for_none_running()


def test_a_film_on_a_web_server_keeps_its_time_and_loops(make_film: MakeFilm) -> None:
    data = make_film("sea.mp4", frames=10, fps=25, options={"movflags": "faststart"}).read_bytes()

    def film(request: BaseHTTPRequestHandler) -> None:
        start = int((request.headers.get("Range") or "bytes=0-")[6:].split("-")[0])
        request.send_response(206 if "Range" in request.headers else 200)
        request.send_header("Accept-Ranges", "bytes")
        request.send_header("Content-Length", str(len(data) - start))
        if "Range" in request.headers:
            request.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        request.end_headers()
        request.wfile.write(data[start:])

    with serving(film) as url:
        source = Address(f"{url}/sea.mp4", 64, 48, SystemClock())
        times: list[int] = []
        while len(times) < 20:  # twice round
            frame = source.read()
            if frame is not None:
                times.append(frame.captured_ns)
        source.close()
    wait_for_none_running()
    assert 0.5 < (times[-1] - times[0]) / 1e9 < 3  # 19 frames at 25 per second are 0.76 s


def test_an_address_that_refuses_is_named_without_its_password() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, but nobody listens
        port = taken.getsockname()[1]
        for scheme in ("rtsp", "http"):
            source = Address(f"{scheme}://artist:secret@127.0.0.1:{port}/live", 32, 24, FakeClock())
            error = until_error(source)
            source.close()
            assert not isinstance(error, SourceUnavailable)
            assert f"{scheme}://***@127.0.0.1:{port}/…" in str(error)
            assert "secret" not in str(error)
            assert "\n" not in str(error)
    wait_for_none_running()


def test_a_page_that_is_not_a_film_will_never_be_one() -> None:
    def page(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        text = b"<!doctype html><p>Hello" + b" " * 3000
        request.send_header("Content-Type", "text/html")
        request.send_header("Content-Length", str(len(text)))
        request.end_headers()
        request.wfile.write(text)

    with serving(page) as url:
        source = Address(url, 32, 24, FakeClock())
        error = until_error(source)
        source.close()
    assert isinstance(error, SourceUnavailable)
    assert url in str(error)


def test_a_404_is_tried_again() -> None:
    with serving(lambda request: request.send_error(404)) as url:
        source = Address(f"{url}/gone", 32, 24, FakeClock())
        error = until_error(source)
        source.close()
    assert not isinstance(error, SourceUnavailable)
    assert "404" in str(error)


@pytest.mark.parametrize("sign", "#/?%@:[] é\\")
def test_a_password_that_is_written_by_its_numbers_comes_to_the_camera_as_it_is(sign: str) -> None:
    logins: list[str] = []

    def refuse(request: BaseHTTPRequestHandler) -> None:
        if login := request.headers.get("Authorization"):
            logins.append(base64.b64decode(login.removeprefix("Basic ")).decode())
        request.send_response(403 if login else 401)
        request.send_header("WWW-Authenticate", 'Basic realm="camera"')
        request.end_headers()

    with serving(refuse) as url:
        source = Address(url.replace("://", f"://admin:to{quote(sign, safe='')}day@") + "/live", 32, 24, FakeClock())
        until_error(source)
        source.close()
    assert logins[-1] == f"admin:to{sign}day"

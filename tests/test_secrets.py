"""No password of a source's address leaves the program: planted ones are looked for in all that it says and writes."""

from __future__ import annotations

import contextlib
import http.client
import http.server
import json
import logging
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hallucinate import cli
from hallucinate.errors import HallucinateError, SourceUnavailable
from hallucinate.networks.registry import NetworkOptions
from hallucinate.plain_text import printable, without_secrets
from hallucinate.serve import MainSource, ServeOptions
from hallucinate.sources.address import check_address
from hallucinate.sources.names import public_name
from hallucinate.terminal import LogLines
from tests.conftest import Hallucinate
from tests.refusals import refused

PLANTED = "PLANT"
"""In every secret of this file, in each of its parts."""

WELL_WRITTEN = {
    "login": "rtsp://PLANTuser:PLANTword@192.0.2.1:554/live",
    "a user's name alone": "https://PLANTtoken@cam.example.org/live",
    "an @ in the password": "rtsp://admin:PLANT@PLANT@cam/live",
    "brackets in the password": "rtsp://admin:PLANT[PLANT]@cam/live",
    "escaped": "rtsp://admin:PLANT%23PLANT%2FPLANT@cam/live",
    "IPv6": "rtsp://admin:PLANT@[2001:db8::1]:554/live",
    "a query": "http://cam.example.org/live.mjpg?user=admin&password=PLANT",
    "a query with an @": "http://192.0.2.1:8080/live.m3u8?mail=PLANT@PLANT.example",
    "a login and a query": "rtsp://admin:PLANT@cam/live?token=PLANT@PLANT",
    "signed HLS": "https://cdn.example.org/hls/PLANT/index.m3u8?Policy=PLANT~&Signature=PLANT__&Key-Pair-Id=PLANT",
    "a fragment": "http://cam.example.org/live#token=PLANT",
    "XMEye's path": "rtsp://192.0.2.1:554/user=admin&password=PLANT&channel=1&stream=0.sdp?PLANT",
    "a television service's path": "http://tv.example.org:8080/live/PLANT/PLANT/1.ts",
    "UniFi's path": "rtsps://192.0.2.1:7441/PLANT?enableSrtp",
    "capitals": "RTSP://admin:PLANT@cam/live",
}
BADLY_WRITTEN = {
    "#": "rtsp://admin:PLANT#PLANT@192.0.2.1/live",
    "/": "rtsp://admin:PLANT/PLANT@192.0.2.1:554/live",
    "?": "rtsp://admin:PLANT?PLANT@192.0.2.1/live",
    "\\": "rtsp://admin:PLANT\\PLANT@192.0.2.1/live",
    " ": "rtsp://admin:PLANT PLANT@192.0.2.1/live",
    "%": "rtsp://admin:PLANT%PLANT@192.0.2.1/live",
    "# after an @": "rtsp://admin:PLANT@PLANT#PLANT@cam/live",
    "/ after digits": "rtsp://admin:12/PLANT@cam/live",
    "? after digits": "rtsp://admin:12?PLANT@cam/live",
    "[ and /": "rtsp://admin:[PLANT/PLANT@192.0.2.1/live",
    "all of them": "rtsp://PLANT:PLANT#/?[]%@:PLANT@192.0.2.1/live?PLANT=PLANT",
    "no @": "rtsp://admin:PLANT",
    "no host": "rtsp://admin:PLANT@/live",
    "a port too large": "rtsp://admin:PLANT@cam:70000/live",
}
ADDRESSES = {**WELL_WRITTEN, **BADLY_WRITTEN}

SOME = (
    "login",
    "a user's name alone",
    "a query",
    "XMEye's path",
    "a television service's path",
    "#",
    " ",
    "all of them",
)
"""Those that the commands are tried with."""

addresses = pytest.mark.parametrize("address", ADDRESSES.values(), ids=ADDRESSES.keys())


@addresses
def test_a_name_has_no_secret_and_is_its_own_name(address: str) -> None:
    name = public_name(address)
    assert PLANTED not in name
    assert name.lower().startswith(address.lower().partition("://")[0] + "://")
    assert public_name(name) == name


@pytest.mark.parametrize("text", ["%s", "'%s' is not it", "see (%s).", "a: %s; and more", "%s\n%s", '{"a": "%s"}'])
@pytest.mark.parametrize("address", [a for name, a in ADDRESSES.items() if name != "a television service's path"])
def test_a_text_from_elsewhere_has_no_secret(address: str, text: str) -> None:
    """The pages of web servers are named in full, as where weights are downloaded from: a path alone says nothing."""
    whole = f"https://download.example.org/models/a.pth {text.replace('%s', address)}"
    assert PLANTED not in without_secrets(whole)
    assert without_secrets(whole).startswith("https://download.example.org/models/a.pth ")
    assert without_secrets(without_secrets(whole)) == without_secrets(whole)


SIGNS = st.text("/?#[]@:%&=+;,!*'()\\\"<>|^`{}~ -._$é\n\u202e", max_size=3)
"""What may be between the parts of a password."""


@given(
    st.lists(SIGNS, min_size=1, max_size=4), st.sampled_from(["cam", "cam.example.org", "192.0.2.1", "[2001:db8::1]"])
)
def test_whatever_signs_are_in_a_password(signs: list[str], host: str) -> None:
    password = PLANTED.join(["", *signs, ""])
    alone = password.replace(" ", "_")  # a space ends an address in a text, unless what is before it is no host
    for address in (f"rtsp://admin:{password}@{host}:554/live", f"http://{alone}@{host}/", f"rtsp://{alone}:x@{host}"):
        assert PLANTED not in public_name(address)
        with contextlib.suppress(SourceUnavailable):
            check_address(address)
        assert PLANTED not in str(HallucinateError(f"the address '{address}' did not open"))


@given(st.text(max_size=40))
def test_whatever_is_in_a_text_it_is_one_line_and_stays_as_it_is_once_it_is_plain(text: str) -> None:
    plain = printable(text)
    assert len(plain.splitlines()) <= 1
    assert "\x1b" not in plain
    assert printable(plain) == plain
    plain.encode()
    assert public_name(public_name(text)) == public_name(text)


@pytest.mark.parametrize("sign", ["#", "/", "?", "\\", " ", "%"])
def test_a_badly_written_password_is_refused_with_how_it_is_written(sign: str) -> None:
    with refused("address_invalid", f"%{ord(sign):02X}"):
        check_address(BADLY_WRITTEN[sign])


@pytest.mark.parametrize(
    "name", ["no @", "no host", "a port too large", "# after an @", "/ after digits", "all of them"]
)
def test_what_is_no_address_is_refused(name: str) -> None:
    with refused("address_invalid"):
        check_address(BADLY_WRITTEN[name])


@pytest.mark.parametrize("address", WELL_WRITTEN.values(), ids=WELL_WRITTEN.keys())
def test_what_is_well_written_is_not_refused(address: str) -> None:
    check_address(address)


@pytest.mark.parametrize("name", SOME)
def test_commands_that_take_no_address_do_not_repeat_it(
    name: str, hallucinate: Hallucinate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    address = ADDRESSES[name]
    for command in (
        (address,),
        (f"--sorce={address}",),
        ("--network", address, "--source", "guest"),
        ("--lens", address, "--panorama", "fisheye", "--source", "guest"),
        ("--guide-image", address, "--source", "guest"),
        ("--source", f"camera:{address}"),
        ("--source", f"zoom:{address}"),
        ("--source", address.replace("://", ":/")),
        ("--source", address.replace("://", "//")),
        ("--source", address.partition("://")[2]),
        ("--port", address),
        ("film", address, "-o", "out.mp4"),
        ("film", "a.mp4", address, "-o", "out"),
        ("film", "--ray", address, "/dev/null", "-o", "out.mp4"),
        ("still", address, "-o", "out.png"),
        ("still", "/dev/null", "-o", address),
        ("still", "/dev/null", "-o", f"{address}/out.png"),
        ("zoom", address, "-o", "out.mp4"),
        ("sweep", address, "-o", "out.png"),
        ("networks", "show", address),
        ("networks", "fetch", address),
        ("calibrate", "lens", address, "-o", "lens.yaml"),
        ("calibrate", "latency", "--browser", address),
    ):
        ended = hallucinate(*command)
        assert ended.returncode == 2, command
        assert PLANTED not in ended.stdout + ended.stderr, command
        assert ended.stderr.count("\n") == 1


class Refusing(http.server.BaseHTTPRequestHandler):
    """A camera's web server that answers what its path begins with: a status, or what is no film."""

    def do_GET(self) -> None:
        status = re.match(r"/(\d{3})/", self.path)
        self.send_response(int(status[1]) if status else 200)
        self.send_header("Location", f"http://127.0.0.1:9{self.path}")
        self.end_headers()
        self.wfile.write(b"this is no film" * 100)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def camera() -> Iterator[str]:
    """The host and port of such a server on this machine."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


ROUTES = (
    "/",
    "/?token=wrong",
    "/12345678",
    "/headset",
    "/nothing",
    "/api/about",
    "/api/settings",
    "/api/schema",
    "/api/stats",
    "/api/networks",
    "/api/latency",
    "/api/nothing",
    "/metrics",
    "/whep/nobody",
)


def served_text(port: int) -> Iterator[str]:
    """All that the server tells: its pages, its figures, its refusals, and what a control channel gets first."""
    for method, path in [
        *(("GET", path) for path in ROUTES),
        ("POST", "/whep"),
        ("POST", "/whip"),
        ("PATCH", "/api/settings"),
    ]:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request(
            method, path, body=b"{" if method != "GET" else None, headers={"Content-Type": "application/sdp"}
        )
        answer = connection.getresponse()
        yield f"{answer.status} {answer.headers} {answer.read().decode()}"
        connection.close()
    with socket.create_connection(("127.0.0.1", port), timeout=10) as channel:
        head = f"GET /api/live HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        key = "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        channel.sendall((head + key).encode())
        got = b""
        while b'"stats"' not in got:
            got += channel.recv(1 << 16)
        yield got.decode("utf-8", "replace")


@pytest.mark.parametrize(
    "form",
    [
        "rtsp://admin:PLANT@127.0.0.1:9/live?token=PLANT",
        "http://PLANT:PLANT@{camera}/401/user=admin&password=PLANT#PLANT",
        "http://{camera}/200/PLANT?password=PLANT@PLANT",
    ],
)
def test_a_running_server_tells_no_secret(form: str, camera: str, tmp_path: Path) -> None:
    """In the terminal and the log, over HTTP and the control channel, in its files; and it says which one it means."""
    address, token = form.format(camera=camera), "the-tokens-own-secret"
    command = (sys.executable, "-m", "hallucinate", "--source", address, "--token", token, "--size", "64x64")
    with subprocess.Popen(
        [*command, "--port", "0", "--host", "127.0.0.1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "XDG_CACHE_HOME": str(tmp_path)},
    ) as process:
        assert process.stdout is not None
        printed, port = "", 0
        for line in process.stdout:
            printed += line
            if found := re.search(r"http://localhost:(\d+)/", line):
                port = int(found[1])
            if port and "trying" in "".join(printed.lower().split()[-60:]):
                break
        over_http = "\n".join(served_text(port))
        process.send_signal(signal.SIGINT)
        printed += process.stdout.read()
    assert process.returncode == 0
    files = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    everything = printed + over_http + files.decode("utf-8", "replace")
    assert PLANTED not in everything
    assert token not in everything
    assert f"{urlsplit(address).scheme}://" in over_http
    assert "127.0.0.1" in printed
    assert json.dumps(public_name(address)) in over_http


def options(source: str) -> ServeOptions:
    return ServeOptions(source, 0, "", "PLANT", "motif", NetworkOptions(), "cpu", None, None, 0)


def test_neither_a_repr_nor_a_traceback_has_a_secret(hallucinate: Hallucinate, monkeypatch: pytest.MonkeyPatch) -> None:
    address = WELL_WRITTEN["a television service's path"]
    main = MainSource(address, "as requested", (640, 360), None, None)
    assert PLANTED not in f"{options(address)!r} {main!r}"

    def broken(*args: object, **options: object) -> None:
        raise RuntimeError(f"cannot open {address!r} nor {WELL_WRITTEN['login']}")

    monkeypatch.setattr(cli, "app", broken)
    ended = hallucinate("--source", address)
    assert ended.returncode == 1
    assert "RuntimeError: cannot open" in ended.stderr
    assert PLANTED not in ended.stderr


def test_what_is_logged_has_no_secret_and_one_line_for_a_message() -> None:
    lines = LogLines("%(message)s")
    with pytest.raises(OSError, match="failed") as caught:
        raise OSError(f"connect to {WELL_WRITTEN['login']}\nfailed")
    error = (caught.type, caught.value, caught.tb)
    record = logging.LogRecord("name", logging.ERROR, "", 0, "%s printed\nmore", (WELL_WRITTEN["a query"],), error)
    text = lines.format(record)
    assert PLANTED not in text
    assert text.splitlines()[0] == "http://cam.example.org/… printed\\nmore"
    assert "OSError: connect to rtsp://***@192.0.2.1:554/…" in text

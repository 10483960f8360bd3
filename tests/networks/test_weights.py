"""Downloading weights from a real server on loopback, one that resumes, breaks off, or sends another file."""

import errno
import hashlib
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch

from hallucinate.networks import weights
from hallucinate.networks.weights import (
    FOLDER,
    WeightsFile,
    download_weights,
    ensure_weights,
    find_weights,
    weights_folders,
)
from tests.refusals import refused

CONTENT = bytes(range(256)) * 4000
DIGITS = hashlib.sha256(CONTENT).hexdigest()[:8]


@dataclass
class Server:
    """What the server does, and what was requested of it. cut: bytes after which it hangs up, once."""

    url: str = ""
    content: bytes = CONTENT
    cut: int | None = None
    ranges: bool = True
    status: int | None = None
    requested: list[str | None] = field(default_factory=list)

    @property
    def source(self) -> WeightsFile:
        return WeightsFile(f"{self.url}/net-{DIGITS}.pth", DIGITS, len(CONTENT) / 1e6)

    def answer(self, to: BaseHTTPRequestHandler) -> None:
        requested = to.headers["Range"]
        self.requested.append(requested)
        begin = int(requested.removeprefix("bytes=").removesuffix("-")) if requested and self.ranges else 0
        if self.status is not None or begin >= len(self.content):
            to.send_error(self.status or 416)
            return
        body = self.content[begin:]
        to.send_response(206 if begin else 200)
        to.send_header("Content-Length", str(len(body)))
        if begin:
            to.send_header("Content-Range", f"bytes {begin}-{len(self.content) - 1}/{len(self.content)}")
        to.end_headers()
        cut, self.cut = self.cut, None
        to.wfile.write(body[:cut])


@pytest.fixture
def server() -> Iterator[Server]:
    scripted = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            scripted.answer(self)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        scripted.url = f"http://127.0.0.1:{http.server_port}"
        yield scripted
        http.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def _somewhere_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.delenv(FOLDER, raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1")


def test_what_is_nowhere_is_downloaded_whole_and_found_again(server: Server) -> None:
    progress: list[tuple[int, int]] = []
    path = ensure_weights(server.source, lambda here, total: progress.append((here, total)))
    assert path.read_bytes() == CONTENT
    assert path == weights_folders()[0] / server.source.file
    assert [p.name for p in path.parent.iterdir()] == [path.name]
    assert progress[0] == (0, len(CONTENT))
    assert progress[-1] == (len(CONTENT), len(CONTENT))
    assert ensure_weights(server.source) == path
    assert server.requested == [None]


def test_where_weights_are_looked_for(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub = Path(torch.hub.get_dir()) / "checkpoints"
    hub.mkdir(parents=True)
    (hub / server.source.file).write_bytes(CONTENT)
    assert find_weights(server.source) == ensure_weights(server.source) == hub / server.source.file
    own = tmp_path / "own"
    monkeypatch.setenv(FOLDER, str(own))
    assert weights_folders()[0] == own
    own.mkdir()
    (own / server.source.file).write_bytes(CONTENT)
    assert ensure_weights(server.source) == own / server.source.file
    assert not server.requested


def test_a_download_that_breaks_off_goes_on_where_it_was(server: Server, tmp_path: Path) -> None:
    server.cut = 300_000
    with refused("weights_unavailable", f"300000 of {len(CONTENT)}"):
        download_weights(server.source, tmp_path / "w")
    assert [p.name for p in (tmp_path / "w").iterdir()] == [f"net-{DIGITS}.pth.part"]
    assert download_weights(server.source, tmp_path / "w").read_bytes() == CONTENT
    assert server.requested == [None, "bytes=300000-"]


def test_from_a_server_that_knows_no_ranges_it_is_downloaded_again(server: Server, tmp_path: Path) -> None:
    server.cut, server.ranges = 300_000, False
    with refused("weights_unavailable", f"300000 of {len(CONTENT)}"):
        download_weights(server.source, tmp_path)
    assert download_weights(server.source, tmp_path).read_bytes() == CONTENT


def test_all_that_was_downloaded_but_not_yet_moved_is_taken(server: Server, tmp_path: Path) -> None:
    (tmp_path / f"{server.source.file}.part").write_bytes(CONTENT)
    assert download_weights(server.source, tmp_path).read_bytes() == CONTENT
    assert server.requested == [f"bytes={len(CONTENT)}-"]


def test_of_another_file_than_was_requested_nothing_stays(server: Server, tmp_path: Path) -> None:
    server.content = b"not the weights"
    with refused("weights_unavailable", DIGITS):
        download_weights(server.source, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_file_that_is_not_what_its_name_says_is_named(server: Server) -> None:
    path = weights_folders()[0] / server.source.file
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT[:-1])
    with refused("weights_unavailable", DIGITS):
        ensure_weights(server.source)
    assert path.exists()


def test_offline_the_error_names_the_file_and_where_it_goes(server: Server, tmp_path: Path) -> None:
    nobody = WeightsFile(f"http://127.0.0.1:1/net-{DIGITS}.pth", DIGITS, 1)
    for source, why in ((nobody, os.strerror(errno.ECONNREFUSED)), (server.source, "404")):
        server.status = 404
        with refused("weights_unavailable", why, source.url, tmp_path / "cache" / "hallucinate" / "weights"):
            ensure_weights(source)
        assert not list(weights_folders()[0].iterdir())


def test_on_a_full_disk_nothing_stays(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(reply: object) -> bytes:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(weights, "_read", full)  # a disk that is full cannot be had here
    with refused("weights_unavailable", tmp_path, server.source.file, "1 MB"):
        download_weights(server.source, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_is_named(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with refused("weights_unavailable", tmp_path / "file"):
        download_weights(server.source, tmp_path / "file")

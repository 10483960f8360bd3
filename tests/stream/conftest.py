"""The server on a scripted loop, and peers to call it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp.test_utils import TestClient, TestServer
from aiortc import RTCCertificate

from hallucinate.control.live_settings import LiveSettings
from hallucinate.settings import Settings
from hallucinate.stream.access import Access
from hallucinate.stream.peers import Limits
from hallucinate.stream.server import make_app
from tests.stream.foreign import SOON, Http, NewPeer, Painter, Peer, ScriptedLoop


@pytest.fixture
def loop() -> ScriptedLoop:
    return ScriptedLoop()


@pytest.fixture
def painter(loop: ScriptedLoop) -> Iterator[Painter]:
    painter = Painter(loop.main.stage).start()
    yield painter
    painter.stop()


@pytest.fixture
def live() -> LiveSettings:
    return LiveSettings(Settings(), ("eye", "spiral"), ("conv1", "conv2"))


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    folder = tmp_path / "web"
    (folder / "js").mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html><title>hallucinate</title>")
    (folder / "headset.html").write_text("<!doctype html><title>headset</title>")
    (folder / "js" / "watch.js").write_text("export {};")
    (tmp_path / "secret.txt").write_text("not for the web")
    return folder


@pytest.fixture
def limits() -> Limits:
    return Limits(stats_every_s=0.05)


@pytest.fixture
def access() -> Access:
    return Access("open-sesame", names=["dream.example.org"])


@pytest_asyncio.fixture
async def http(
    loop: ScriptedLoop, live: LiveSettings, access: Access, pages: Path, limits: Limits
) -> AsyncIterator[Http]:
    app = make_app(loop, live, access, {"version": "0", "motifs": {"eye": "seeing"}}, pages, limits)
    async with TestClient(TestServer(app)) as client:
        yield client


@pytest_asyncio.fixture
async def peer(http: Http) -> AsyncIterator[NewPeer]:
    made: list[Peer] = []

    def make(certificate: RTCCertificate | None = None, setup: str = "actpass") -> Peer:
        made.append(Peer(http, certificate, setup))
        return made[-1]

    yield make
    await asyncio.wait_for(asyncio.gather(*(p.pc.close() for p in made)), SOON)

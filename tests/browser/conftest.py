"""A real Chromium at a real server: both are started once, every test opens pages of its own."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import sys
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import cv2
import numpy as np
import pytest
import pytest_asyncio
import torch
from playwright.async_api import Browser, BrowserContext, async_playwright

from hallucinate.networks import Network
from hallucinate.settings import PICTURES, Settings
from tests.browser.viewer import WAIT_S, Viewer

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
# A window's address bar has pop-ups that are pages of their own, and cost more than opening ours does. Of two such
# lists Chromium hears the last: what Playwright turns off and could change what a page does is turned off here too.
OFF = [
    "WebUIOmniboxPopup",
    "WebUIOmniboxFullPopup",
    "WebUIOmniboxAimPopup",
    "PreloadTopChromeWebUI",
    "HttpsUpgrades",
    "HttpsFirstBalancedModeAutoEnable",
    "MediaRouter",
    "OptimizationHints",
    "PaintHolding",
    "ThirdPartyStoragePartitioning",
]
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    f"--disable-features={','.join(OFF)}",
]
START_S = 60
DREAM_WIDTH = 192
# One size, and time enough on a busy machine: the governor must not change what is dreamed here.
SETTINGS = Settings(dream_width=DREAM_WIDTH, dream_width_min=DREAM_WIDTH, fps=10.0, strength=0.8)
MAX_GUESTS = 1


class ServerProcess:
    """``hallucinate --source scene`` as a process of its own, on a port that stays the same when it comes back.

    arguments: more of them. environment: variables of its own.
    """

    def __init__(self, *arguments: str, **environment: str) -> None:
        self.port = 0
        self._arguments, self._environment = arguments, environment
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self._lines: deque[str] = deque(maxlen=200)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "hallucinate", "--source", "scene", "--host", "127.0.0.1"),
            *("--port", str(self.port), "--max-guests", str(MAX_GUESTS), *self._arguments),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **self._environment},
        )
        ready = asyncio.Event()
        self._reading = asyncio.create_task(self._read(self._process, ready))
        await asyncio.wait_for(ready.wait(), START_S)
        assert self.port, "the server did not start:\n" + "".join(self._lines)

    async def kill(self) -> None:
        """End it without a word to anybody, as a power cut does."""
        assert self._process is not None
        assert self._reading is not None
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()
        await self._reading

    async def _read(self, process: asyncio.subprocess.Process, ready: asyncio.Event) -> None:
        assert process.stdout is not None
        async for line in process.stdout:
            self._lines.append(line.decode())
            address = re.search(r"http://[^\s/]+:(\d+)/?(\?.*)?$", line.decode().rstrip())  # a source has a path
            if address:
                self.port = int(address[1])
                ready.set()
        ready.set()  # it ended


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def server() -> AsyncIterator[ServerProcess]:
    process = ServerProcess()
    await process.start()
    yield process
    await process.kill()


@pytest.fixture(scope="session")
def webcam(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What this device's camera sees: soft green clouds, which there is something to grow from in."""
    width, height = 320, 240
    noise = np.random.default_rng(0).normal(size=(height, width)).astype(np.float32)
    soft = cv2.GaussianBlur(noise, (0, 0), 5)
    clouds = cv2.normalize(soft, np.empty_like(soft), 60, 180, cv2.NORM_MINMAX)
    planes = [clouds, *(np.full((height // 2, width // 2), value) for value in (95, 86))]
    path = tmp_path_factory.mktemp("webcam") / "green.y4m"
    frame = b"FRAME\n" + b"".join(plane.astype(np.uint8).tobytes() for plane in planes)
    path.write_bytes(f"YUV4MPEG2 W{width} H{height} F10:1 Ip A1:1 C420mpeg2\n".encode() + frame)
    return path


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser(webcam: Path) -> AsyncIterator[Browser]:
    if CHROMIUM is None:
        missing = "there is no Chromium on this machine; on Debian: apt install chromium"
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
    async with async_playwright() as playwright:
        flags = [*FLAGS, f"--use-file-for-fake-video-capture={webcam}"]
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield chromium
        await chromium.close()


@pytest_asyncio.fixture(loop_scope="session")
async def http(server: ServerProcess) -> AsyncIterator[aiohttp.ClientSession]:
    """The server's API from outside the page; when a test begins, settings and pictures are the same each time."""
    async with aiohttp.ClientSession(server.url) as session:
        for kind in PICTURES:
            async with session.delete(f"/api/{kind}") as response:
                assert response.status == 204
        async with session.patch("/api/settings", json=SETTINGS.model_dump()) as response:
            assert response.status == 200, await response.text()
        yield session


async def until_answer(http: aiohttp.ClientSession, path: str, name: str, value: object) -> None:
    """Request it until the part of that name ("loop.pictures") has the value."""
    async with asyncio.timeout(WAIT_S):
        while True:
            async with http.get(path) as response:
                part = await response.json()
            for key in name.split("."):
                part = part[key]
            if part == value:
                return


OpenPage = Callable[..., Awaitable[Viewer]]


@pytest_asyncio.fixture(loop_scope="session")
async def open_page(browser: Browser, server: ServerProcess, http: aiohttp.ClientSession) -> AsyncIterator[OpenPage]:
    """Opens pages, each in a context of its own. At the end: nothing went wrong, and no other server was contacted.

    ``path`` is the address on the server, ``forgive`` a pattern of console errors that a test brings about
    itself, ``before`` a script that runs before the page's own; ``options`` go to Playwright's new_context.
    """
    contexts: list[BrowserContext] = []
    viewers: list[tuple[Viewer, str]] = []

    async def open_one(path: str = "/", forgive: str = "$.", before: str = "", **options: object) -> Viewer:
        context = await browser.new_context(**options)  # type: ignore[arg-type]
        contexts.append(context)
        if before:
            await context.add_init_script(before)
        viewer = Viewer(await context.new_page())
        viewers.append((viewer, forgive))
        await viewer.page.goto(server.url + path)
        return viewer

    yield open_one
    for context in contexts:
        await context.close()
    for viewer, forgive in viewers:
        assert [error for error in viewer.errors if not re.search(forgive, error)] == []
        assert {urlsplit(url).netloc for url in viewer.requests} == {urlsplit(server.url).netloc}


@pytest.fixture(scope="session")
def network() -> Network:
    """The network in the box, as a judge of what is in a picture."""
    from hallucinate.networks.registry import open_network

    return open_network("motif", torch.device("cpu"), torch.float32)

"""A real Chromium at a real server: both are started once, every test opens pages of its own."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import sys
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from urllib.parse import urlsplit

import aiohttp
import pytest
import pytest_asyncio
import torch
from playwright.async_api import Browser, BrowserContext, async_playwright

from hallucinate.networks import Network
from hallucinate.settings import PICTURES, Settings
from tests.browser.viewer import WAIT_S, Viewer

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
]
START_S = 60
DREAM_WIDTH = 192
# One size, and time enough on a busy machine: what is dreamed shall not depend on the governor here.
SETTINGS = Settings(dream_width=DREAM_WIDTH, dream_width_min=DREAM_WIDTH, fps=15.0, strength=0.8)
ROOM_FOR_GUESTS = 1


class ServerProcess:
    """``hallucinate --source scene`` as a process of its own, on a port that stays the same when it comes back.

    arguments: more of them. surroundings: environment variables of its own.
    """

    def __init__(self, *arguments: str, **surroundings: str) -> None:
        self.port = 0
        self._arguments, self._surroundings = arguments, surroundings
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self._said: deque[str] = deque(maxlen=200)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "hallucinate", "--source", "scene", "--host", "127.0.0.1"),
            *("--port", str(self.port), "--max-guests", str(ROOM_FOR_GUESTS), *self._arguments),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **self._surroundings},
        )
        ready = asyncio.Event()
        self._reading = asyncio.create_task(self._read(self._process, ready))
        await asyncio.wait_for(ready.wait(), START_S)
        assert self.port, "the server did not start:\n" + "".join(self._said)

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
            self._said.append(line.decode())
            address = re.search(r"http://[^\s/]+:(\d+)", line.decode())
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


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    if CHROMIUM is None:
        missing = "no Chromium on this machine: apt install chromium, or the like"
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
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
    """Get it until the part of that name ("loop.pictures") has the value."""
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
    """Opens pages, each in a context of its own. At the end: nothing went wrong in any, and nobody else was asked.

    ``path`` is the address on the server, ``forgive`` a pattern of console errors that a test brings about
    itself, ``before`` a script that runs before the page's own; the rest goes to Playwright's new_context.
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

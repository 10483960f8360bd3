"""Starting, and stopping within three seconds and everybody hears of it."""

import asyncio
import os
import signal
import socket
import time
from pathlib import Path

import aiohttp
import pytest
from aiohttp import WSMsgType, web

from hallucinate.control.live_settings import LiveSettings
from hallucinate.stream.access import Access
from hallucinate.stream.listening import Listening
from hallucinate.stream.peers import Limits
from hallucinate.stream.server import make_app
from hallucinate.stream.serving import run
from tests.refusals import refused
from tests.stream.foreign import SOON, Painter, Peer, ScriptedLoop


@pytest.fixture
def app(loop: ScriptedLoop, live: LiveSettings, access: Access, pages: Path, limits: Limits) -> web.Application:
    return make_app(loop, live, access, {}, pages, limits)


async def started(app: web.Application, stop: asyncio.Event | None = None) -> tuple[asyncio.Task[None], str]:
    ready: asyncio.Future[Listening] = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(run(app, "127.0.0.1", 0, ready.set_result, stop))
    return serving, f"http://127.0.0.1:{(await asyncio.wait_for(ready, SOON)).port}"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_everybody_hears_of_a_signal_and_it_ends(
    app: web.Application, painter: Painter, number: signal.Signals
) -> None:
    serving, base = await started(app)
    async with aiohttp.ClientSession(base) as http:
        page, viewer = await http.ws_connect("/api/live"), Peer(http)
        await viewer.watch()
        await viewer.frame()
        began = time.monotonic()
        os.kill(os.getpid(), number)
        async with asyncio.timeout(SOON):
            while (message := await page.receive()).type is WSMsgType.TEXT:
                pass
            assert (message.type, message.data) == (WSMsgType.CLOSE, 1001)
            await viewer.closed.wait()
            await serving
        assert time.monotonic() - began < 3
        await viewer.pc.close()
    assert signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler)


async def test_peers_that_do_not_answer_hold_nothing_up(app: web.Application, painter: Painter) -> None:
    stop = asyncio.Event()
    serving, base = await started(app, stop=stop)
    async with aiohttp.ClientSession(base) as http:
        viewer = Peer(http)
        await viewer.watch()
        page = await http.ws_connect("/api/live", autoclose=False)
        viewer.vanish()
        began = time.monotonic()
        stop.set()
        await asyncio.wait_for(serving, SOON)
        assert time.monotonic() - began < 3
        await page.close()
        await viewer.pc.close()


async def test_a_port_in_use(app: web.Application) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with refused("address_unavailable", f"port {port}", "--port"):
            await run(app, "127.0.0.1", port, lambda at: None)


@pytest.mark.parametrize(
    "request_text",
    [
        b"FOO / HTTP/1.1\r\n\r\n",
        b"PATCH /api/settings HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        b"PATCH /api/settings HTTP/1.1\r\nHost: localhost\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nzzz",
    ],
)
async def test_what_is_not_http_is_answered_and_fills_no_log(
    app: web.Application, caplog: pytest.LogCaptureFixture, request_text: bytes
) -> None:
    stop = asyncio.Event()
    serving, base = await started(app, stop=stop)
    reader, writer = await asyncio.open_connection("127.0.0.1", int(base.rpartition(":")[2]))
    writer.write(request_text)
    assert b" 400 " in await asyncio.wait_for(reader.readline(), SOON)
    writer.close()
    stop.set()
    await asyncio.wait_for(serving, SOON)
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == []


async def test_both_families_are_served_on_one_port(app: web.Application) -> None:
    stop = asyncio.Event()
    ready: asyncio.Future[Listening] = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(run(app, "", 0, ready.set_result, stop))
    at = await asyncio.wait_for(ready, SOON)
    async with aiohttp.ClientSession() as http:
        for host in ("127.0.0.1", "[::1]", "localhost"):
            async with http.get(f"http://{host}:{at.port}/api/about") as reply:
                assert reply.status == 200
    stop.set()
    await asyncio.wait_for(serving, SOON)


async def test_an_address_that_is_not_ours(app: web.Application) -> None:
    with refused("address_unavailable", "203.0.113.1", "--host"):
        await run(app, "203.0.113.1", 0, lambda at: None)

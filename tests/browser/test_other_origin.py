"""A page of another site, in a real browser: what it may do where its origin is allowed, and where it is not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from playwright.async_api import Browser

from hallucinate.control.live_settings import LiveSettings
from hallucinate.settings import Settings
from hallucinate.stream.access import Access
from hallucinate.stream.server import make_app
from tests.stream.foreign import Painter, ScriptedLoop

pytestmark = pytest.mark.asyncio(loop_scope="session")

TOKEN = "open-sesame"
DO_ALL = """async ([server, token]) => {
  const done = {};
  const attempt = async (name, act) => { done[name] = await act().catch((error) => error.name); };
  const headers = { Authorization: `Bearer ${token}` };
  await attempt('change', async () => {
    const body = JSON.stringify({ strength: 0.25 });
    const options = { method: 'PATCH', headers: { ...headers, 'Content-Type': 'application/json' }, body };
    return (await (await fetch(`${server}/api/settings`, options)).json()).strength;
  });
  await attempt('refused', async () => (await (await fetch(`${server}/api/settings`)).json()).code);
  await attempt('watch', async () => {
    const peer = new RTCPeerConnection();
    peer.addTransceiver('video', { direction: 'recvonly' });
    await peer.setLocalDescription();
    const options = { method: 'POST', headers: { ...headers, 'Content-Type': 'application/sdp' } };
    const reply = await fetch(`${server}/whep`, { ...options, body: peer.localDescription.sdp });
    const session = new URL(reply.headers.get('Location'), reply.url);
    await peer.setRemoteDescription({ type: 'answer', sdp: await reply.text() });
    const connected = new Promise((resolve) => {
      peer.onconnectionstatechange = () => peer.connectionState === 'connected' && resolve(true);
    });
    await connected;
    const ended = await fetch(session, { method: 'DELETE', headers });
    peer.close();
    return [reply.status, reply.headers.get('Hallucinate-Dream'), ended.status];
  });
  await attempt('channel', () => new Promise((resolve, reject) => {
    const socket = new WebSocket(`${server.replace('http', 'ws')}/api/live?token=${token}`);
    socket.onmessage = ({ data }) => { resolve(JSON.parse(data).type); socket.close(); };
    socket.onerror = () => reject(new TypeError('refused'));
  }));
  return done;
}"""


@asynccontextmanager
async def served(app: web.Application) -> AsyncIterator[int]:
    """The port on which an application is served."""
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


async def done_by(browser: Browser, page_at: str, server: str) -> dict[str, Any]:
    """What a page at this address gets done on the server, and what not."""
    context = await browser.new_context()
    try:
        page = await context.new_page()
        await page.goto(page_at)
        found: dict[str, Any] = await page.evaluate(DO_ALL, [server, TOKEN])
        return found
    finally:
        await context.close()


async def show(request: web.Request) -> web.Response:
    return web.Response(text="<!doctype html><title>a show</title>", content_type="text/html")


async def test_a_page_of_an_allowed_origin_does_what_ours_does_and_no_other(browser: Browser) -> None:
    loop, live = ScriptedLoop(), LiveSettings(Settings(), ("eye",), ("conv1",))
    site = web.Application()
    site.router.add_get("/", show)
    async with AsyncExitStack() as running:
        at = await running.enter_async_context(served(site))
        access = Access(TOKEN, origins=[f"http://localhost:{at}"], required=True)
        app = make_app(loop, live, access, {}, Path(__file__).parents[2] / "web")
        server = f"http://127.0.0.1:{await running.enter_async_context(served(app))}"
        painter = Painter(loop.main.stage).start()
        running.callback(painter.stop)

        before = live.current
        refused = await done_by(browser, f"http://127.0.0.1:{at}/", server)
        assert refused == dict.fromkeys(("change", "refused", "watch", "channel"), "TypeError")
        assert live.current is before
        assert await done_by(browser, f"http://localhost:{at}/", server) == {
            "change": 0.25,
            "refused": "token_missing",
            "watch": [201, "main", 200],
            "channel": "settings",
        }

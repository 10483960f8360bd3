"""Proxies on this machine: what gives them away, and real ones between real clients and a real server."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from urllib.parse import urljoin

import aiohttp
import pytest
import pytest_asyncio

from hallucinate.control.live_settings import LiveSettings
from hallucinate.stream.access import Access
from hallucinate.stream.listening import Listening
from hallucinate.stream.peers import Limits
from hallucinate.stream.proxies import prefix_before, proxy_sign, scheme_before
from hallucinate.stream.server import make_app
from hallucinate.stream.serving import run
from tests.stream.foreign import SDP, SOON, ScriptedLoop, offer

TOKEN = "open-sesame"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
Edit = Callable[[str, str, list[str]], tuple[str, str, list[str]]]
"""What a proxy does to a request's path, version and headers."""


PROXYS = """
Forwarded Via X-Forwarded X-Forwarded-For X-Forwarded-Host X-Forwarded-Proto X-Forwarded-Port X-Forwarded-Server
X-Forwarded-Prefix X-Forwarded-Ssl X-Forwarded-By X-Forwarded-Client-Cert X-Real-IP X-Client-IP X-Cluster-Client-IP
X-Original-For X-Original-URI X-Original-Forwarded-For CF-Connecting-IP CF-Connecting-IPv6 CF-Ray CF-IPCountry CDN-Loop
True-Client-IP Fastly-Client-IP Fly-Client-IP X-Azure-ClientIP X-Envoy-External-Address X-ProxyUser-IP Remote-Addr
WL-Proxy-Client-IP Proxy-Connection Tailscale-User-Login X-Scheme Front-End-Https Max-Forwards Surrogate-Capability
X-Varnish X-ARR-SSL X-NginX-Proxy X-Request-Start X-Amzn-Trace-Id x-remote-addr X-Originating-IP X-Forward-For
"""
OTHERS = """
Host Connection Cache-Control Upgrade Upgrade-Insecure-Requests User-Agent Accept Accept-Encoding Accept-Language Cookie
Origin Referer Content-Type Content-Length Transfer-Encoding Authorization DNT Priority Sec-Fetch-Site Sec-Fetch-Mode
Sec-Fetch-Dest Sec-CH-UA Sec-GPC Sec-WebSocket-Key Sec-WebSocket-Extensions Save-Data Pragma TE If-None-Match Range
X-Requested-With X-Client-Data Purpose Expect Keep-Alive Date From Idempotency-Key Link traceparent X-CSRF-Token ETag
Access-Control-Request-Method X-Playback-Session-Id Equip Description
"""


@pytest.mark.parametrize("name", PROXYS.split())
def test_headers_of_proxies(name: str) -> None:
    for written in (name, name.lower(), name.upper()):
        sign = proxy_sign({"Host": "localhost", written: "x"}, (1, 1))
        assert sign is not None
        assert written in sign


def test_what_browsers_and_programs_send_by_themselves() -> None:
    assert proxy_sign(dict.fromkeys(OTHERS.split(), "x"), (1, 1)) is None
    assert proxy_sign({}, (1, 0)) == "HTTP/1.0"


def test_what_proxies_say_of_the_browser() -> None:
    for headers, scheme in (
        ({"X-Forwarded-Proto": "HTTPS, http"}, "https"),
        ({"X-Forwarded-Proto": "wss"}, "https"),
        ({"X-Forwarded-Scheme": "http"}, "http"),
        ({"X-Forwarded-Ssl": "on"}, "https"),
        ({"Front-End-Https": "On"}, "https"),
        ({"Forwarded": "for=192.0.2.7; proto=https, for=10.0.0.1;proto=http"}, "https"),
        ({"Forwarded": "for=192.0.2.7"}, None),
        ({"X-Forwarded-Proto": ""}, None),
        ({}, None),
    ):
        assert scheme_before(headers) == scheme
    for text, prefix in (
        ("/dream/", "/dream"),
        ("/a/b-c_d.e~f, /x", "/a/b-c_d.e~f"),
        ("/", ""),
        ("//elsewhere.example", ""),
        ("https://elsewhere.example", ""),
        ("/a\\b", ""),
        ("dream", ""),
    ):
        assert prefix_before({"X-Forwarded-Prefix": text}) == prefix


class Proxy:
    """A reverse proxy on this machine: edits the head of a request, and then passes bytes on in both directions."""

    def __init__(self, upstream: int, edit: Edit) -> None:
        self.upstream, self._edit = upstream, edit

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *headers = head.rstrip("\r\n").split("\r\n")
        method, path, version = first.split(" ")
        path, version, headers = self._edit(path, version, headers)
        there, out = await asyncio.open_connection("127.0.0.1", self.upstream)
        out.write("\r\n".join([f"{method} {path} {version}", *headers, "", ""]).encode("latin-1"))
        with contextlib.suppress(ConnectionError):
            await asyncio.gather(passed_on(reader, out), passed_on(there, writer))


async def passed_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


def without(headers: list[str], *names: str) -> list[str]:
    return [each for each in headers if each.partition(":")[0].lower() not in names]


def bare(upstream: int) -> Edit:
    """nginx with nothing but ``proxy_pass``."""
    host = f"Host: 127.0.0.1:{upstream}"
    own = ("host", "connection", "upgrade")
    return lambda path, _, headers: (path, "HTTP/1.0", [host, "Connection: close", *without(headers, *own)])


def forwarding(path: str, version: str, headers: list[str]) -> tuple[str, str, list[str]]:
    """One that is set up: the host stays, and it says for whom it speaks, and under which path."""
    more = ["X-Forwarded-For: 192.0.2.7", "X-Forwarded-Proto: https", "X-Forwarded-Prefix: /dream"]
    return path.removeprefix("/dream"), version, [*headers, *more]


def silent(path: str, version: str, headers: list[str]) -> tuple[str, str, list[str]]:
    """One that says nothing, nor speaks an older HTTP, nor another host: a tunnel."""
    return path, version, headers


@pytest.fixture
def access() -> Access:
    return Access(TOKEN, names=["dream.example.org"])


@pytest_asyncio.fixture
async def port(
    loop: ScriptedLoop, live: LiveSettings, access: Access, pages: Path, limits: Limits
) -> AsyncIterator[int]:
    """Where the real server listens."""
    app = make_app(loop, live, access, {"version": "0"}, pages, limits)
    ready: asyncio.Future[Listening] = asyncio.get_running_loop().create_future()
    stop = asyncio.Event()
    serving = asyncio.create_task(run(app, "127.0.0.1", 0, ready.set_result, stop))
    yield (await asyncio.wait_for(ready, SOON)).port
    stop.set()
    await asyncio.wait_for(serving, SOON)


@contextlib.asynccontextmanager
async def proxied(upstream: int, edit: Edit) -> AsyncIterator[str]:
    """The address of a proxy before the server."""
    server = await asyncio.start_server(Proxy(upstream, edit).handle, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"


async def statuses(http: aiohttp.ClientSession, base: str, headers: dict[str, str]) -> list[int]:
    """What comes back for reading, changing and watching."""
    found = []
    for method, path, more, data in (
        ("GET", "api/settings", {}, ""),
        ("PATCH", "api/settings", {}, '{"strength": 0.5}'),
        ("POST", "whep", SDP, await offer()),
        ("POST", "whip", SDP, "v=0"),
    ):
        async with http.request(method, base + path, headers={**headers, **more}, data=data) as reply:
            found.append(reply.status)
    return found


async def test_who_comes_by_nginx_with_nothing_but_proxy_pass_needs_the_token(
    port: int, access: Access, live: LiveSettings, caplog: pytest.LogCaptureFixture
) -> None:
    before, direct = live.current, f"http://127.0.0.1:{port}/"
    access.entrance = f"{direct}?token={TOKEN}"
    async with aiohttp.ClientSession() as http, proxied(port, bare(port)) as outside:
        assert await statuses(http, outside, {}) == [401] * 4
        assert live.current is before
        assert (await statuses(http, outside, BEARER))[:3] == [200, 200, 201]
        # And from then on everybody on this machine, for some of whom may come by another that cannot be told.
        assert await statuses(http, direct, {}) == [401] * 4
        async with proxied(port, silent) as tunnel:
            assert await statuses(http, tunnel, {}) == [401] * 4
        async with http.get(access.entrance, allow_redirects=False) as reply:
            assert (reply.status, reply.headers["Location"]) == (303, "./")
    assert [access.entrance in record.getMessage() for record in caplog.records if record.name.endswith("access")] == [
        True
    ]


async def test_a_tunnel_is_known_by_the_address_that_was_typed(port: int) -> None:
    async with aiohttp.ClientSession() as http, proxied(port, silent) as tunnel:
        for host in ("192.0.2.1:9000", "dream.example.org"):
            async with http.get(f"{tunnel}api/settings", headers={"Host": host}) as reply:
                assert reply.status == 401
        async with http.get(f"http://127.0.0.1:{port}/api/settings") as reply:
            assert reply.status == 401


async def test_with_the_token_all_works_under_a_path_and_by_https(port: int) -> None:
    own = {**BEARER, "Host": "dream.example.org", "Origin": "https://dream.example.org"}
    each_its_own = aiohttp.TCPConnector(force_close=True)  # a connection for each request, as that proxy reads one
    async with aiohttp.ClientSession(connector=each_its_own) as http, proxied(port, forwarding) as outside:
        base = f"{outside}dream/"
        async with http.get(f"{base}?token={TOKEN}&kiosk", headers={"Host": "h.local"}) as reply:
            assert reply.status == 403
        async with http.get(f"{base}?token={TOKEN}&kiosk", allow_redirects=False) as reply:
            assert urljoin(base, reply.headers["Location"]) == f"{base}?kiosk="
            (cookie,) = reply.cookies.values()
            assert (cookie["secure"], cookie["path"], cookie["samesite"]) == (True, "/dream", "Strict")
        async with http.ws_connect(f"{base}api/live", headers=own) as socket:
            assert (await socket.receive_json(timeout=SOON))["type"] == "settings"
        async with http.post(f"{base}whep", headers={**own, **SDP}, data=await offer()) as reply:
            assert reply.status == 201
            session = urljoin(base, reply.headers["Location"])
        async with http.delete(session, headers=own) as reply:
            assert reply.status == 200
        plain = {**own, "Origin": "http://dream.example.org"}
        async with http.patch(f"{base}api/settings", headers=plain, json={}) as reply:
            assert (reply.status, (await reply.json())["code"]) == (403, "origin_refused")

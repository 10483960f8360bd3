"""Pages of other sites: what an origin is, and what those that were allowed may do and read."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from aiohttp.test_utils import TestClient, TestServer

from hallucinate.control.live_settings import LiveSettings
from hallucinate.plain_text import without_secrets
from hallucinate.stream.access import Access
from hallucinate.stream.origins import is_own, read_origin
from hallucinate.stream.peers import Limits
from hallucinate.stream.server import make_app
from tests.refusals import refused
from tests.stream.foreign import SDP, SOON, Http, ScriptedLoop, offer

SHOW = "https://show.example.org"
TOKEN = "open-sesame"
FOREIGN = {"Origin": SHOW, "X-Forwarded-For": "192.0.2.7"}  # its page, in a browser somewhere else
BEARER = {"Authorization": f"Bearer {TOKEN}"}


@pytest_asyncio.fixture
async def http(loop: ScriptedLoop, live: LiveSettings, pages: Path, limits: Limits) -> AsyncIterator[Http]:
    access = Access(TOKEN, origins=[SHOW])
    async with TestClient(TestServer(make_app(loop, live, access, {"version": "0"}, pages, limits))) as client:
        yield client


def words_of(header: str) -> set[str]:
    return {word.strip().lower() for word in header.split(",")}


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("https://show.example.org", SHOW),
        (" HTTPS://Show.Example.org:443/ ", SHOW),
        ("http://show.example.org:80", "http://show.example.org"),
        ("http://show.example.org:443", "http://show.example.org:443"),
        ("http://localhost:3000", "http://localhost:3000"),
        ("http://[0:0::1]:3000", "http://[::1]:3000"),
        ("http://192.168.1.5:8000", "http://192.168.1.5:8000"),
        ("https://bücher.example", "https://xn--bcher-kva.example"),
    ],
)
def test_an_origin_as_browsers_write_it(text: str, origin: str) -> None:
    assert read_origin("--allow-origin", text) == origin


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("*", "https://"),
        ("null", "https://"),
        ("", "https://"),
        ("show.example.org", SHOW),
        ("show.example.org:8443", f"{SHOW}:8443"),
        ("https://show.example.org/watch", SHOW),
        ("https://show.example.org?x", SHOW),
        ("ftp://show.example.org", SHOW),
        ("https://*.example.org", "https://show.example.org"),
        ("https://show.example.org:port", "https://show.example.org"),
        ("https://", "https://show.example.org"),
        ("http://[::1", "https://show.example.org"),
        ("file:///home/me/page.html", "https://show.example.org"),
        ("[b]x[/b]", "https://show.example.org"),
        ("https://me:hunter2@show.example.org", SHOW),
    ],
)
def test_what_is_not_an_origin_is_refused_in_one_line(text: str, meant: str) -> None:
    with refused("option_invalid", "--allow-origin", meant) as caught:
        read_origin("--allow-origin", text)
    assert "hunter2" not in str(caught.value)
    printed = without_secrets(str(caught.value))  # as the command line prints it
    assert meant in printed
    for hidden in ("***", "…"):
        assert printed.count(hidden) == without_secrets(repr(text)).count(hidden)


@pytest.mark.parametrize(
    ("origin", "headers", "secure", "own"),
    [
        ("http://box:8765", {"Host": "box:8765"}, False, True),
        ("https://box:8765", {"Host": "box:8765"}, True, True),
        ("http://box:8765", {"Host": "box:8765"}, True, False),
        ("https://box", {"Host": "box:443"}, False, True),
        ("https://box", {"Host": "box", "X-Forwarded-Proto": "https"}, False, True),
        ("http://box", {"Host": "box", "X-Forwarded-Proto": "https, http"}, False, False),
        ("https://box", {"Host": "box", "X-Forwarded-Proto": "wss"}, False, True),
        ("https://box", {"Host": "box", "Forwarded": 'for=192.0.2.7;Proto="https";host=box'}, False, True),
        ("https://box", {"Host": "127.0.0.1:8765", "X-Forwarded-Host": "box"}, False, True),
        ("https://box", {"Host": "127.0.0.1:8765", "Forwarded": "host=box;proto=https"}, False, True),
        ("https://box:8443", {"Host": "box"}, False, False),
        ("http://box", {"Host": "box:8765"}, False, False),
        ("http://[::1]:8765", {"Host": "[0:0:0:0:0:0:0:1]:8765"}, False, True),
        ("null", {"Host": "null"}, False, False),
        ("", {"Host": ""}, False, False),
        ("http://", {"Host": ""}, False, False),
        ("http://box/x", {"Host": "box"}, False, False),
        ("http://box", {"Host": "box/x"}, False, False),
    ],
)
def test_whether_a_page_is_ours(origin: str, headers: dict[str, str], secure: bool, own: bool) -> None:
    assert is_own(origin, headers, secure) is own


async def test_a_preflight_is_answered_without_the_token(http: Http) -> None:
    for path in ("/whep", "/whip", "/whep/x", "/api/settings", "/api/guide", "/api/viewers/x", "/api/network"):
        request = {
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization,content-type,x-requested-with,x-forwarded-for",
            "Access-Control-Request-Private-Network": "true",
        }
        reply = await http.options(path, headers=FOREIGN | request)
        assert (reply.status, await reply.text()) == (204, "")
        assert reply.headers["Access-Control-Allow-Origin"] == SHOW
        assert {"post", "patch", "delete", "put"} <= words_of(reply.headers["Access-Control-Allow-Methods"])
        # Not those by which a proxy is known: no page can say that it came by one.
        allowed = words_of(reply.headers["Access-Control-Allow-Headers"])
        assert allowed == {"authorization", "content-type", "x-requested-with"}
        assert reply.headers["Access-Control-Allow-Private-Network"] == "true"
        assert "origin" in words_of(reply.headers["Vary"])
        assert "Access-Control-Allow-Credentials" not in reply.headers


async def test_a_page_of_an_allowed_origin_watches_with_the_token(http: Http) -> None:
    reply = await http.post("/whep", data=await offer(), headers=FOREIGN | BEARER | SDP)
    assert (reply.status, reply.headers["Access-Control-Allow-Origin"]) == (201, SHOW)
    assert {"location", "link", "etag", "hallucinate-dream"} <= words_of(reply.headers["Access-Control-Expose-Headers"])
    reply = await http.delete(reply.headers["Location"], headers=FOREIGN | BEARER)
    assert (reply.status, reply.headers["Access-Control-Allow-Origin"]) == (200, SHOW)
    reply = await http.patch("/api/settings", json={"strength": 0.25}, headers=FOREIGN | BEARER)
    assert reply.status == 200
    async with http.ws_connect(f"/api/live?token={TOKEN}", headers=FOREIGN) as socket:
        assert (await socket.receive_json(timeout=SOON))["settings"]["strength"] == 0.25


async def test_what_it_is_refused_it_can_read(http: Http) -> None:
    for method, path, headers, data, status in (
        ("GET", "/api/settings", {}, None, 401),
        ("POST", "/whep", SDP, b"v=0", 401),
        ("POST", "/whep", BEARER, b"v=0", 415),
        ("POST", "/whep", BEARER | SDP, b"nonsense", 400),
        ("GET", "/api/nothing", BEARER, None, 404),
        ("PUT", "/api/settings", BEARER, None, 405),
        ("PATCH", "/api/settings", BEARER, b"x" * 70_000, 413),
        ("GET", "/api/settings", {**BEARER, "Host": "rebound.example"}, None, 403),
    ):
        reply = await http.request(method, path, headers=FOREIGN | headers, data=data)
        assert (reply.status, reply.headers["Access-Control-Allow-Origin"]) == (status, SHOW), path
        assert (await reply.json())["code"]


@pytest.mark.parametrize(
    "origin",
    [
        "http://show.example.org",
        "https://show.example.org:8443",
        "https://show.example.org.elsewhere.example",
        "https://ashow.example.org",
        "https://show.example.org/",
        "HTTPS://SHOW.EXAMPLE.ORG",
        "null",
        "",
    ],
)
async def test_an_origin_that_was_not_allowed(http: Http, origin: str) -> None:
    foreign = FOREIGN | {"Origin": origin}
    preflight = await http.options("/whep", headers=foreign | {"Access-Control-Request-Method": "POST"})
    posted = await http.post("/whep", data=await offer(), headers=foreign | BEARER | SDP)
    for reply in (preflight, posted):
        assert (reply.status, (await reply.json())["code"]) == (403, "origin_refused")
        assert "Access-Control-Allow-Origin" not in reply.headers
        assert "origin" in words_of(reply.headers["Vary"])
    with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
        await http.ws_connect(f"/api/live?token={TOKEN}", headers=foreign)
    assert caught.value.status == 403


async def test_what_answers_differ_by_is_said_to_caches(http: Http) -> None:
    reply = await http.get("/api/about")
    assert "origin" in words_of(reply.headers["Vary"])
    assert "Access-Control-Allow-Origin" not in reply.headers

"""Who may call what: the rules alone, then through the server."""

import contextlib
from collections.abc import Awaitable, Mapping
from dataclasses import replace

import aiohttp
import pytest

from hallucinate.control.live_settings import LiveSettings
from hallucinate.stream.access import COOKIE, Access, Caller, Refused, cookie_for, new_token
from tests.stream.foreign import SOON, Http, NewPeer, Painter, looks

TOKEN = "open-sesame"
ELSEWHERE = {"X-Forwarded-For": "192.0.2.7"}  # a caller from elsewhere, whom a proxy speaks for


def call(
    remote: str = "127.0.0.1",
    host: str = "localhost:8765",
    changes: bool = False,
    cookie: str | None = None,
    **headers: str,
) -> Caller:
    cookies = {} if cookie is None else {COOKIE: cookie}
    return Caller(remote, {"Host": host, **{k.replace("_", "-"): v for k, v in headers.items()}}, cookies, changes)


@pytest.mark.parametrize(
    "caller",
    [
        call(),
        call("::1"),
        call("::ffff:127.0.0.1"),
        call("127.8.9.1", host="[::1]:8765"),
        call("192.0.2.7", host="192.0.2.1:8765", cookie=TOKEN),
        call("fe80::1%eth0", host="[fe80::2]:8765", Authorization=f"Bearer {TOKEN}"),
        call("192.0.2.7", Authorization=f"bearer {TOKEN}"),
        call(changes=True),
        call(changes=True, Origin="http://localhost:8765"),
        call("192.0.2.1", host="192.0.2.1:8765", changes=True, Origin="http://192.0.2.1:8765", cookie=TOKEN),
        call(host="dream.example.org", changes=True, Origin="https://dream.example.org", cookie=TOKEN),
        call(host="dream.example.org", changes=True, Origin="http://dream.example.org:80", cookie=TOKEN),
        call("192.0.2.7", host="Dream.Example.org.:8765", cookie=TOKEN),
        call(host="[::ffff:127.0.0.1]:8765"),
        call(host="0.0.0.0:8765"),
        call(Origin="http://elsewhere.example"),  # reading: the browser keeps the answer from that page
        call(Origin="https://elsewhere.example"),
    ],
)
def test_allowed(access: Access, caller: Caller) -> None:
    access.check(caller)


@pytest.mark.parametrize(
    ("caller", "status", "words"),
    [
        (call("192.0.2.7"), 401, "scan the QR code"),
        (call("192.0.2.7", cookie="open-sesamf"), 401, "Authorization: Bearer"),
        (call("192.0.2.7", cookie="ungültig"), 401, "token"),
        (call("192.0.2.7", Authorization="Basic open-sesame"), 401, "token"),
        (call(X_Forwarded_For="192.0.2.7"), 401, "token"),
        (call(host="192.0.2.1:8765"), 401, "token"),  # who is on this machine and writes that is not 127.0.0.1
        (call(host="dream.example.org", changes=True, Origin="https://dream.example.org"), 401, "token"),
        (call(changes=True, Origin="https://localhost:8765"), 401, "token"),  # we serve http; who did the s?
        (call(""), 401, "token"),
        (call(host="rebound.example:8765"), 403, "'rebound.example'"),
        (call(host="rebound.example:8765", cookie=TOKEN), 403, "does not go by the name"),
        (call(host=""), 403, "name"),
        (call(host="[::1"), 403, "name"),
        (call(changes=True, Origin="http://elsewhere.example"), 403, "a page of http://elsewhere.example"),
        (call(changes=True, Origin="http://localhost:9999"), 403, "localhost:9999"),
        (call(changes=True, Origin="null"), 403, "null"),
        (call(changes=True, Origin="file://"), 403, "file://"),
        (call(changes=True, Origin="http://localhost:8765/path"), 403, "--allow-origin"),
        (call(changes=True, Origin="http://localhost:8765@elsewhere.example"), 403, "--allow-origin"),
        (call(changes=True, Origin="http://["), 403, "a page of http://["),
        (call("192.0.2.7", changes=True, cookie=TOKEN, Origin="http://192.0.2.1"), 403, "may not"),
    ],
)
def test_refused(access: Access, caller: Caller, status: int, words: str) -> None:
    with pytest.raises(Refused) as refused:
        access.check(caller)
    assert refused.value.status == status
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("dream.example.org", COOKIE),
        ("localhost:8765", f"{COOKIE}_8765"),
        ("[::1]:443", f"{COOKIE}_443"),
        ("[::1]", COOKIE),
        ("[fe80::8765]", COOKIE),
        ("localhost:", COOKIE),
        ("localhost:\u0661", COOKIE),
        ("localhost:80;x=y", COOKIE),
    ],
)
def test_a_cookie_for_each_port(host: str, name: str) -> None:
    assert cookie_for(host) == name


def test_a_second_server_on_the_machine_logs_nobody_out() -> None:
    """Browsers send the cookies of all of a host's ports to each."""
    both = {COOKIE: "a third's", cookie_for("box:8765"): "one", cookie_for("box:8766"): "two"}
    for port, token in ((8765, "one"), (8766, "two")):
        Access(token).check(Caller("192.0.2.7", {"Host": f"192.0.2.1:{port}"}, both, False))
    with pytest.raises(Refused):
        Access("three").check(Caller("192.0.2.7", {"Host": "192.0.2.1:8765"}, both, False))
    with pytest.raises(Refused):
        Access(TOKEN).check(Caller("192.0.2.7", {"Host": "192.0.2.1:8765"}, {"other": TOKEN}, False))


def test_the_machines_own_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "Studio.lan")
    access = Access(TOKEN)
    for name in ("studio.lan", "studio.local"):
        access.check(call(host=f"{name}:8765"))


def test_with_tls_a_page_of_http_is_another_sites(access: Access) -> None:
    own = Caller("192.0.2.7", {"Host": "192.0.2.1:8765", "Origin": "https://192.0.2.1:8765"}, {COOKIE: TOKEN}, True)
    access.check(replace(own, secure=True))
    with pytest.raises(Refused) as caught:
        access.check(replace(own, secure=True, headers={**own.headers, "Origin": "http://192.0.2.1:8765"}))
    assert caught.value.code == "origin_refused"


def test_the_token_may_be_required_of_this_machine_too() -> None:
    access = Access(TOKEN, required=True)
    for caller in (call(), call("::1", host="[::1]:8765"), call(changes=True)):
        with pytest.raises(Refused) as caught:
            access.check(caller)
        assert caught.value.code == "token_missing"
        access.check(replace(caller, cookies={COOKIE: TOKEN}))
        access.check(replace(caller, token=TOKEN))
        access.check(caller, token_follows=True)


SIGNS = [
    call(Forwarded="for=192.0.2.7;proto=https"),
    call(Via="1.1 squid"),
    call(X_Forwarded_Host="dream.example.org"),
    call(X_Forwarded_Server="web1"),
    call(CF_Connecting_IP="192.0.2.7"),
    call(True_Client_IP="192.0.2.7"),
    call(X_Original_URL="/dream/"),
    call(X_NginX_Proxy="true"),
    replace(call(), version=(1, 0)),
    call(host="192.0.2.1:8765"),
    call("::1", host="dream.example.org"),
    call(changes=True, Origin="https://127.0.0.1:8765", host="127.0.0.1:8765"),
]


@pytest.mark.parametrize("sign", SIGNS)
def test_once_a_proxy_was_seen_everybody_needs_the_token(
    access: Access, sign: Caller, caplog: pytest.LogCaptureFixture
) -> None:
    access.entrance = f"http://localhost:8765/?token={TOKEN}"
    access.check(call())
    for caller in (sign, sign, call(), call("::1", host="[::1]:8765"), call(changes=True)):
        with pytest.raises(Refused) as caught:
            access.check(caller)
        assert (caught.value.status, caught.value.code) == (401, "token_missing")
    access.check(call(cookie=TOKEN))
    [line] = [record.getMessage() for record in caplog.records]
    assert access.entrance in line
    assert "\n" not in line


@pytest.mark.parametrize(
    "caller",
    [
        call("192.0.2.7", X_Forwarded_For="127.0.0.1"),  # somebody on the network, who is not this machine
        replace(call("192.0.2.7"), version=(1, 0)),
        call(host="rebound.example:8765", X_Forwarded_For="192.0.2.7"),  # a page that points its name here
        call(changes=True, Origin="https://elsewhere.example"),  # any site's page may send a form to this machine
        call(changes=True, Origin="https://show.example.org"),  # an allowed one
        call(Referer="https://elsewhere.example/", Cookie="via=1", X_Requested_With="XMLHttpRequest", Upgrade="h2c"),
    ],
)
def test_nobody_else_can_make_it_needed(caller: Caller) -> None:
    access = Access(TOKEN, ["dream.example.org"], ["https://show.example.org"])
    with contextlib.suppress(Refused):
        access.check(caller)
    assert not access.required
    access.check(call())


def test_a_certificates_wildcard_is_one_label() -> None:
    access = Access(TOKEN, ["*.example.org", "*.org"])
    access.check(call("192.0.2.7", host="dream.example.org:8765", cookie=TOKEN))
    for host in ("example.org", "a.b.example.org", ".example.org", "elsewhere.org", "*.org", "xexample.org"):
        with pytest.raises(Refused) as caught:
            access.check(call("192.0.2.7", host=host, cookie=TOKEN))
        assert caught.value.code == "host_unknown"


def test_tokens_are_random() -> None:
    assert new_token() != new_token()
    assert len(new_token()) >= 16


async def test_scanning_the_code_lets_in(http: Http) -> None:
    reply = await http.get("/", headers=ELSEWHERE)
    assert (reply.status, reply.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert (await http.get("/?token=wrong", headers=ELSEWHERE)).status == 401
    reply = await http.get(f"/?token={TOKEN}", headers=ELSEWHERE, allow_redirects=False)
    assert (reply.status, reply.headers["Location"]) == (303, "./")
    set_cookie = reply.headers["Set-Cookie"]
    assert "HttpOnly" in set_cookie
    assert "SameSite=Strict" in set_cookie
    host = f"127.0.0.1:{http.port}"
    cookie = {"Cookie": set_cookie.split(";")[0], "Host": host}
    assert (await http.get("/", headers=ELSEWHERE | cookie)).status == 200
    own = {"Origin": f"http://{host}"}
    patch = await http.patch("/api/settings", json={"strength": 0.5}, headers=ELSEWHERE | cookie | own)
    assert patch.status == 200


async def test_a_program_sends_the_token_as_bearer(http: Http, painter: Painter, peer: NewPeer) -> None:
    bearer = {**ELSEWHERE, "Authorization": f"Bearer {TOKEN}", "Content-Type": "application/sdp"}

    class WithToken:
        def post(self, path: str, /, *, data: str, headers: Mapping[str, str]) -> Awaitable[aiohttp.ClientResponse]:
            return http.post(path, data=data, headers=bearer)

    viewer = peer()
    viewer.http = WithToken()
    await viewer.watch()
    assert looks(await viewer.frame(), (200, 30, 30))
    assert (await http.delete(viewer.location, headers=ELSEWHERE)).status == 401
    assert (await http.delete(viewer.location, headers=bearer)).status == 200


async def test_another_sites_page_may_not(http: Http, live: LiveSettings) -> None:
    foreign = {"Origin": "http://elsewhere.example"}
    before = live.current
    for method, path in (("PATCH", "/api/settings"), ("POST", "/whep"), ("POST", "/whip"), ("DELETE", "/whep/x")):
        reply = await http.request(method, path, headers=foreign, data="{}")
        assert reply.status == 403, path
    reply = await http.get("/api/live", headers={**foreign, "Upgrade": "websocket", "Connection": "Upgrade"})
    assert reply.status == 403
    assert live.current is before


async def test_a_name_pointed_here_is_refused(http: Http) -> None:
    reply = await http.get("/api/settings", headers={"Host": "rebound.example"})
    assert reply.status == 403


async def test_a_browser_is_refused_in_words(http: Http) -> None:
    reply = await http.get("/", headers={**ELSEWHERE, "Accept": "text/html,*/*"})
    assert (reply.status, reply.content_type) == (401, "text/plain")
    assert (await reply.text()).count("\n") == 1


async def test_what_else_the_address_says_stays(http: Http) -> None:
    reply = await http.get(f"/?kiosk&token={TOKEN}&measure=20", allow_redirects=False)
    assert (reply.status, reply.headers["Location"]) == (303, "./?kiosk=&measure=20")


async def test_a_websockets_address_may_have_the_token(http: Http) -> None:
    async with http.ws_connect(f"/api/live?token={TOKEN}", headers=ELSEWHERE) as socket:
        assert (await socket.receive_json(timeout=SOON))["type"] == "settings"
    with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
        await http.ws_connect("/api/live?token=wrong", headers=ELSEWHERE)
    assert caught.value.status == 401
    assert (await http.get(f"/api/settings?token={TOKEN}", headers=ELSEWHERE)).status == 401

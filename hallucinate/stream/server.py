"""The server's routes. Every refusal is one line of JSON, ``{"error": ...}``, with the status that fits."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from aiohttp import hdrs, web

from hallucinate.clock import Clock, SystemClock
from hallucinate.control.live_settings import LiveSettings
from hallucinate.errors import BusyError, HallucinateError, LoadingError, OfferError
from hallucinate.stream.access import CODE_DIGITS, COOKIE, Access, Caller, Refused
from hallucinate.stream.live import LiveChannel, one_line, read_object
from hallucinate.stream.measured import read_measured
from hallucinate.stream.offers import CodecError
from hallucinate.stream.peers import Limits, Peers, Session
from hallucinate.stream.pictures import MAX_BYTES, picture_routes
from hallucinate.stream.room import Loop
from hallucinate.stream.shared import WIDTHS, Encoders, Show

logger = logging.getLogger(__name__)

MAX_BODY = 64 * 1024
SDP = "application/sdp"
RETRY_AFTER_S = "10"
MAX_BROWSER = 300
"""Characters that are kept of a browser's name for itself."""

# By name, and not by what the machine's own tables hold: a page whose modules come as text/plain stays blank.
MIME = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".jpg": "image/jpeg",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".map": "application/json",
    ".mjs": "text/javascript; charset=utf-8",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def make_app(
    room: Loop,
    live: LiveSettings,
    access: Access,
    facts: Mapping[str, object],
    pages: Path,
    limits: Limits = Limits(),  # noqa: B008 - frozen
    clock: Clock | None = None,
) -> web.Application:
    """The whole server for one loop.

    facts: what ``GET /api/about`` says beside the network's own facts (version, source). pages: the folder of
    the web pages, index.html in it.
    """
    return Server(room, live, access, facts, pages, limits, clock or SystemClock()).app


class Server:
    """The routes, and what they share. ``app`` starts and stops everything with itself."""

    def __init__(
        self,
        room: Loop,
        live: LiveSettings,
        access: Access,
        facts: Mapping[str, object],
        pages: Path,
        limits: Limits,
        clock: Clock,
    ) -> None:
        self._room, self._live, self._access, self._facts = room, live, access, dict(facts)
        self._pages, self._clock = pages.resolve(), clock
        self._encoders = Encoders(lambda: live.current.fps, clock)
        self._peers = Peers(room, self._encoders, clock, limits)
        self._channel = LiveChannel(live, room.networks, self._known, self._figures, limits.stats_every_s, clock)
        self._pictures = picture_routes(room)
        self._last_measured: dict[str, object] | None = None
        self.app = web.Application(middlewares=[self._answer_errors, self._check_access], client_max_size=MAX_BODY)
        self.app.on_response_prepare.append(self._add_headers)
        self.app.cleanup_ctx.append(self._run)
        self.app.on_shutdown.append(self._tell_peers)
        self._add_routes()

    def _add_routes(self) -> None:
        for path, methods in self._routes().items():
            for method, handler in methods.items():
                self.app.router.add_route(method, path, handler)
            # Other methods are reserved (RFC 9725), and must not fall through to the pages.
            self.app.router.add_route("*", path, _only(methods))
        self.app.router.add_get("/{path:.*}", self._page)
        self.app.router.add_route("*", "/{path:.*}", _only({"GET": self._page, "HEAD": self._page}))

    def _routes(self) -> dict[str, dict[str, Handler]]:
        return {
            "/whep": {"POST": self._watch, "OPTIONS": _accept_sdp},
            "/whip": {"POST": self._send, "OPTIONS": _accept_sdp},
            "/whep/{id}": {"DELETE": self._leave, "PATCH": self._trickle},
            "/whip/{id}": {"DELETE": self._leave, "PATCH": self._trickle},
            "/api/viewers/{id}": {"PATCH": self._show},
            "/api/settings": {"GET": self._settings, "PATCH": self._patch},
            "/api/schema": {"GET": self._schema},
            "/api/stats": {"GET": self._stats},
            "/api/about": {"GET": self._about},
            "/api/networks": {"GET": self._networks},
            "/api/network": {"POST": self._change_network},
            "/api/latency": {"GET": self._latency, "POST": self._measured},
            "/api/live": {"GET": self._channel.handle},
            **self._pictures,
        }

    # What runs with the server

    async def _run(self, app: web.Application) -> AsyncIterator[None]:
        async with self._channel.run():
            yield
            await self._peers.stop()

    async def _tell_peers(self, app: web.Application) -> None:
        await self._channel.close()
        await self._peers.close()

    # Watching and sending

    async def _watch(self, request: web.Request) -> web.Response:
        name = request.query.get("dream") or self._room.main.id
        dream = self._room.find(name)
        if dream is None:
            raise _not_found(f"there is no dream {name[:60]!r}; it ended, or never was")
        viewer, answer = await self._peers.watch(await _offer(request), dream, _width(request))
        return _created(f"/whep/{viewer.id}", answer, dream.id)

    async def _send(self, request: web.Request) -> web.Response:
        guest, answer = await self._peers.send(await _offer(request))
        return _created(f"/whip/{guest.id}", answer, guest.dream.id)

    async def _leave(self, request: web.Request) -> web.Response:
        await self._session(request).close()
        return web.Response()

    async def _trickle(self, request: web.Request) -> web.Response:
        self._session(request)
        # Neither trickle ICE nor ICE restarts: 501 is what RFC 9725 asks for then ("HTTP PATCH Request Usage").
        raise web.HTTPNotImplemented(text="candidates cannot be sent later; the peer is found without them")

    def _session(self, request: web.Request) -> Session:
        sessions: Mapping[str, Session] = (
            self._peers.viewers if request.path.startswith("/whep/") else self._peers.guests
        )
        session = sessions.get(request.match_info["id"])
        if session is None:
            raise _not_found("there is no such session; it ended, or never was")
        return session

    async def _show(self, request: web.Request) -> web.Response:
        changes = await _json(request)
        show, marker = changes.get("show"), changes.get("marker")
        if not changes.keys() & {"show", "marker"}:
            raise web.HTTPBadRequest(text=f"give show ({' or '.join(Show)}), or marker (true or false)")
        if "show" in changes and show not in list(Show):
            raise web.HTTPBadRequest(text=f"show: must be {' or '.join(Show)}")
        if "marker" in changes and not isinstance(marker, bool):
            raise web.HTTPBadRequest(text="marker: must be true or false")
        seen = self._peers.show(request.match_info["id"], None if show is None else Show(show), marker)
        if seen is None:
            raise _not_found("there is no such viewer; it ended, or never was")
        return web.json_response({"show": seen.show, "marker": seen.marked})

    # Settings and figures

    async def _settings(self, request: web.Request) -> web.Response:
        return web.json_response(self._live.current.model_dump())

    async def _patch(self, request: web.Request) -> web.Response:
        return web.json_response(self._live.patch(await _json(request)).model_dump())

    async def _schema(self, request: web.Request) -> web.Response:
        return web.json_response(self._live.schema())

    async def _stats(self, request: web.Request) -> web.Response:
        return web.json_response(self._figures())

    async def _about(self, request: web.Request) -> web.Response:
        shown = self._room.main.stage.newest
        size = None if shown is None else [shown.dream.shape[1], shown.dream.shape[0]]
        return web.json_response({**self._known(), "size": size})

    async def _networks(self, request: web.Request) -> web.Response:
        return web.json_response(await asyncio.to_thread(self._room.networks.choices))

    async def _change_network(self, request: web.Request) -> web.Response:
        asked = await _json(request)
        name = asked.get("network")
        if not isinstance(name, str) or asked.keys() != {"network"}:
            raise web.HTTPBadRequest(text='network: give a name of GET /api/networks, such as {"network": "googlenet"}')
        self._room.networks.begin(name)
        return web.json_response(self._room.networks.stats(), status=202)

    async def _measured(self, request: web.Request) -> web.Response:
        measured = read_measured(await _json(request))
        browser = request.headers.get(hdrs.USER_AGENT, "")[:MAX_BROWSER]
        self._last_measured = {**measured.model_dump(), "browser": browser}
        return web.json_response(self._last_measured)

    async def _latency(self, request: web.Request) -> web.Response:
        if self._last_measured is None:
            raise _not_found("no page has measured its latency yet; press Measure latency on one")
        return web.json_response(self._last_measured)

    def _known(self) -> dict[str, object]:
        return {**self._facts, **self._room.networks.facts}

    def _figures(self) -> dict[str, object]:
        return {
            **self._room.stats(),
            "viewers": len(self._peers.viewers),
            "guests": len(self._peers.guests),
            "pages": len(self._channel),
            "encoders": len(self._encoders),
            "encoding": self._encoders.figures.snapshot(self._clock.now_ns()),
        }

    # Pages

    async def _page(self, request: web.Request) -> web.StreamResponse:
        if _enters(request):
            return self._welcome(request)
        path = self._file(request.match_info["path"] or "index.html")
        if path is None:
            raise _not_found(f"there is nothing at {request.path[:80]!r}; the page is at /")
        headers = {hdrs.CONTENT_TYPE: MIME[path.suffix], hdrs.CACHE_CONTROL: "no-cache"}
        return web.FileResponse(path, headers=headers)

    def _file(self, name: str) -> Path | None:
        try:
            path = (self._pages / name).resolve()
            # Without a suffix of its own, /headset is headset.html.
            path = path if path.suffix else path.with_suffix(".html")
            served = path.suffix in MIME and path.is_relative_to(self._pages) and path.is_file()
        except (OSError, ValueError):  # a name that no file can have
            return None
        return path if served else None

    def _welcome(self, request: web.Request) -> web.Response:
        token, now_s = request.query.get("token"), self._clock.now_ns() / 1e9
        fits = self._access.fits_code(request.path[1:], now_s) if token is None else self._access.fits(token)
        if not fits:
            raise Refused(
                401,
                "that token is not in force; scan the QR code that hallucinate shows now, or type its short address",
            )
        # On to the address without the token: it stays out of the history, of screenshots and of Referer.
        response = web.Response(status=303, headers={hdrs.LOCATION: "/"})
        response.set_cookie(
            COOKIE, self._access.token, httponly=True, samesite="Strict", path="/", secure=request.secure
        )
        return response

    # Every request passes here

    @web.middleware
    async def _answer_errors(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except Refused as error:
            headers = {hdrs.WWW_AUTHENTICATE: "Bearer"} if error.status == 401 else {}
            return _refusal(request, error.status, str(error), headers)
        except HallucinateError as error:
            headers = {hdrs.RETRY_AFTER: RETRY_AFTER_S} if isinstance(error, BusyError) else {}
            return _refusal(request, _status(error), str(error), headers)
        except web.HTTPRequestEntityTooLarge:
            allowed = MAX_BYTES if request.path in self._pictures else MAX_BODY
            return _refusal(request, 413, f"the body is larger than {allowed // 1024} KiB", {})
        except web.RequestPayloadError:
            return _refusal(request, 400, "the body cannot be read; is it what its Content-Encoding says?", {})
        except web.HTTPException as error:
            if error.status < 400:
                raise
            allow = {hdrs.ALLOW: error.headers[hdrs.ALLOW]} if hdrs.ALLOW in error.headers else {}
            return _refusal(request, error.status, error.text or error.reason, allow)
        except ConnectionError:
            raise  # the client has gone
        except Exception:
            logger.exception("%s %s failed", request.method, request.path)
            return _refusal(request, 500, "something broke in the server; its log says what", {})

    @web.middleware
    async def _check_access(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        upgrade = request.headers.get(hdrs.UPGRADE, "").lower() == "websocket"
        changes = upgrade or request.method not in ("GET", "HEAD", "OPTIONS")
        caller = Caller(request.remote or "", request.headers, request.cookies, changes)
        self._access.check(caller, token_follows=_enters(request) or request.method == "OPTIONS")
        return await handler(request)

    async def _add_headers(self, request: web.Request, response: web.StreamResponse) -> None:
        response.headers.setdefault(hdrs.CACHE_CONTROL, "no-store")
        response.headers.update(
            {
                "Content-Security-Policy": "default-src 'self'; img-src 'self' data: blob:; "
                "media-src 'self' blob: mediastream:; connect-src 'self' ws: wss:; "
                "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'",
                "X-Content-Type-Options": "nosniff",
                "Referrer-Policy": "same-origin",
                "Permissions-Policy": "camera=(self), microphone=()",
            }
        )


def _enters(request: web.Request) -> bool:
    """With the token (a QR code), or with the code that was read aloud: both are looked at by who takes them."""
    named = request.path == "/" and "token" in request.query
    return request.method == "GET" and (named or re.fullmatch(rf"/[0-9]{{{CODE_DIGITS}}}", request.path) is not None)


def _status(error: HallucinateError) -> int:
    if isinstance(error, CodecError):
        return 422  # well formed, and not to be answered (RFC 9725, "No Partially Successful Answers")
    if isinstance(error, LoadingError):
        return 409
    return 503 if isinstance(error, BusyError) else 400


def _refusal(request: web.Request, status: int, reason: str, headers: Mapping[Any, str]) -> web.Response:
    if "text/html" in request.headers.get(hdrs.ACCEPT, ""):  # somebody reads it in a browser's window
        return web.Response(status=status, text=one_line(reason) + "\n", headers=headers)
    return web.json_response({"error": one_line(reason)}, status=status, headers=headers)


def _not_found(reason: str) -> web.HTTPNotFound:
    return web.HTTPNotFound(text=reason)


def _only(methods: Mapping[str, Handler]) -> Handler:
    async def refuse(request: web.Request) -> web.StreamResponse:
        error = web.HTTPMethodNotAllowed(request.method, methods)
        error.text = f"{request.method} is not for {request.path[:80]}; there is: {', '.join(methods)}"
        raise error

    return refuse


async def _accept_sdp(request: web.Request) -> web.Response:
    return web.Response(headers={"Accept-Post": SDP, hdrs.ALLOW: "OPTIONS, POST"})


async def _offer(request: web.Request) -> str:
    if request.content_type != SDP:
        raise web.HTTPUnsupportedMediaType(text=f"Content-Type must be {SDP}, not {request.content_type[:80]}")
    try:
        return (await request.read()).decode("utf-8")
    except UnicodeDecodeError:
        raise OfferError("the SDP offer is not UTF-8 text") from None


def _width(request: web.Request) -> int | None:
    text = request.query.get("width")
    if text is not None and text not in map(str, WIDTHS):
        raise web.HTTPBadRequest(
            text=f"width: must be {', '.join(map(str, WIDTHS))}, not {text[:20]!r}; or leave it out"
        )
    return None if text is None else int(text)


async def _json(request: web.Request) -> dict[str, Any]:
    return read_object(await request.read(), "the body")


def _created(location: str, answer: str, dream_id: str) -> web.Response:
    """201: ``Hallucinate-Dream`` names the dream, to watch it with ``POST /whep?dream=``."""
    headers = {hdrs.LOCATION: location, "Hallucinate-Dream": dream_id}
    return web.Response(status=201, text=answer, content_type=SDP, headers=headers)

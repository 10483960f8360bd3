"""The server's routes. Every refusal is one line of JSON (see refusals.py), with the HTTP status that fits."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

from aiohttp import hdrs, web

from hallucinate.clock import Clock, SystemClock
from hallucinate.control.live_settings import LiveSettings
from hallucinate.errors import OfferError
from hallucinate.outputs.encoding import Encoders
from hallucinate.outputs.rungs import WIDTHS, View
from hallucinate.statistics import PeerStatistics, Statistics
from hallucinate.stream.access import Access
from hallucinate.stream.entrance import Entrance, Handler, enters
from hallucinate.stream.guide_and_mask import MAX_BYTES, picture_routes
from hallucinate.stream.latency_report import read_latency_report
from hallucinate.stream.live import LiveChannel, read_object
from hallucinate.stream.loop_api import LoopApi
from hallucinate.stream.peers import Limits, Peer, Peers
from hallucinate.stream.refusals import ANSWERED, refusal

logger = logging.getLogger(__name__)

MAX_BODY = 64 * 1024
SDP = "application/sdp"
SESSIONS = ("/whep/{id}", "/whip/{id}")
MAX_BROWSER = 300
"""Characters that are stored of a browser's name for itself."""

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


def make_app(
    loop: LoopApi,
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
    return Server(loop, live, access, facts, pages, limits, clock or SystemClock()).app


class Server:
    """The routes, and what they share. ``app`` starts and stops everything with itself."""

    def __init__(
        self,
        loop: LoopApi,
        live: LiveSettings,
        access: Access,
        facts: Mapping[str, object],
        pages: Path,
        limits: Limits,
        clock: Clock,
    ) -> None:
        self._loop, self._live, self._facts = loop, live, dict(facts)
        self._pages = pages.resolve()
        self._encoders = Encoders(lambda: live.current.fps, clock, limits.max_encoders)
        self._peers = Peers(loop, self._encoders, clock, limits)
        self._channel = LiveChannel(live, loop.networks, self._known, self._statistics, limits.stats_every_s, clock)
        self._pictures = picture_routes(loop)
        self._last_latency: dict[str, object] | None = None
        self._entrance = Entrance(access, clock)
        self.app = web.Application(middlewares=[self._answer_errors, self._entrance.check], client_max_size=MAX_BODY)
        self.app.on_response_prepare.append(self._entrance.add_headers)
        self.app.cleanup_ctx.append(self._run)
        self.app.on_shutdown.append(self._tell_peers)
        self._add_routes()

    def _add_routes(self) -> None:
        for path, methods in self._routes().items():
            for spelled in (path, f"{path}/"):
                for method, handler in methods.items():
                    self.app.router.add_route(method, spelled, handler)
                # Other methods must not fall through to the pages.
                self.app.router.add_route("*", spelled, _only(methods, self._peer if path in SESSIONS else None))
        self.app.router.add_get("/{path:.*}", self._page)
        self.app.router.add_route("*", "/{path:.*}", _only({"GET": self._page, "HEAD": self._page}))

    def _routes(self) -> dict[str, dict[str, Handler]]:
        return {
            "/whep": {"POST": self._watch, **ENDPOINT},
            "/whip": {"POST": self._send, **ENDPOINT},
            **dict.fromkeys(SESSIONS, self._session()),
            "/api/viewers/{id}": {"PATCH": self._show},
            "/api/settings": {"GET": self._settings, "PATCH": self._patch},
            "/api/schema": {"GET": self._schema},
            "/api/stats": {"GET": self._stats},
            "/api/about": {"GET": self._about},
            "/api/networks": {"GET": self._networks},
            "/api/network": {"POST": self._change_network},
            "/api/latency": {"GET": self._latency, "POST": self._report_latency},
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
        """Watch a dream: SDP offer in, 201 with the answer. ``?dream=ID``: a guest's; ``?width=``: a smaller one."""
        name = request.query.get("dream") or self._loop.main.id
        dream = self._loop.find(name)
        if dream is None:
            raise _not_found(f"there is no dream {name[:60]!r}; it ended, or never existed")
        viewer, answer = await self._peers.watch(
            await _offer(request), dream, _width(request), request.headers.get(hdrs.USER_AGENT, "")
        )
        return _created(f"/whep/{viewer.id}", answer, dream.id)

    async def _send(self, request: web.Request) -> web.Response:
        """Send a camera: SDP offer in, 201 with the answer. The header ``Hallucinate-Dream`` names the dream."""
        guest, answer = await self._peers.send(await _offer(request), request.headers.get(hdrs.USER_AGENT, ""))
        return _created(f"/whip/{guest.id}", answer, guest.dream.id)

    def _session(self) -> dict[str, Handler]:
        """A connection's own address. Without PATCH: neither trickle ICE nor ICE restarts are there.

        RFC 9725 leaves the status to HTTP then, and that is 405 (RFC 9110, 15.5.6): clients go on with what they have.
        """
        return {"DELETE": self._leave, "GET": self._stands, "HEAD": self._stands, "OPTIONS": _session_options}

    async def _leave(self, request: web.Request) -> web.Response:
        """End the connection, and free what is behind it."""
        await self._peer(request).close()
        return web.Response()

    async def _stands(self, request: web.Request) -> web.Response:
        """Whether the connection is there; it has nothing to read (RFC 9725, HTTP Usage)."""
        self._peer(request)
        return web.Response(status=204)

    def _peer(self, request: web.Request) -> Peer:
        peers: Mapping[str, Peer] = self._peers.viewers if request.path.startswith("/whep/") else self._peers.guests
        peer = peers.get(request.match_info["id"])
        if peer is None:
            raise _not_found("there is no such connection; it ended, or never existed")
        return peer

    async def _show(self, request: web.Request) -> web.Response:
        """What a viewer sees: ``show`` is dream or camera; ``marker`` draws what latency is measured by."""
        changes = await _json(request)
        show, marker = changes.get("show"), changes.get("marker")
        if not changes.keys() & {"show", "marker"}:
            raise web.HTTPBadRequest(text=f"give show ({' or '.join(View)}), or marker (true or false)")
        if "show" in changes and show not in list(View):
            raise web.HTTPBadRequest(text=f"show: must be {' or '.join(View)}")
        if "marker" in changes and not isinstance(marker, bool):
            raise web.HTTPBadRequest(text="marker: must be true or false")
        rung = self._peers.show(request.match_info["id"], None if show is None else View(show), marker)
        if rung is None:
            raise _not_found("there is no such viewer; it ended, or never existed")
        return web.json_response({"show": rung.view, "marker": rung.marked})

    # Settings and statistics

    async def _settings(self, request: web.Request) -> web.Response:
        """All settings, as they are now."""
        return web.json_response(self._live.current.model_dump())

    async def _patch(self, request: web.Request) -> web.Response:
        """Change some settings, all or none; answers with all of them."""
        return web.json_response(self._live.patch(await _json(request)).model_dump())

    async def _schema(self, request: web.Request) -> web.Response:
        """JSON schema of the settings, with the names that the network knows."""
        return web.json_response(self._live.schema())

    async def _stats(self, request: web.Request) -> web.Response:
        """The figures: frame rate, latency, the dream's size, what was dropped, viewers, guests, the source's state."""
        return web.json_response(self._statistics().model_dump(mode="json"))

    async def _about(self, request: web.Request) -> web.Response:
        """What runs here: versions, source, device, network, its motifs and layers, the picture's size."""
        output = self._loop.main.stage.newest
        size = None if output is None else [output.dream.shape[1], output.dream.shape[0]]
        return web.json_response({**self._known(), "size": size})

    async def _networks(self, request: web.Request) -> web.Response:
        """The networks that there are, and whether their weights are on this machine."""
        return web.json_response(await asyncio.to_thread(self._loop.networks.choices))

    async def _change_network(self, request: web.Request) -> web.Response:
        """Load another network; 202 at once, and the old one dreams until the new one is ready."""
        body = await _json(request)
        name = body.get("network")
        if not isinstance(name, str) or body.keys() != {"network"}:
            raise web.HTTPBadRequest(text='network: give a name of GET /api/networks, such as {"network": "googlenet"}')
        self._loop.networks.begin(name)
        return web.json_response(self._loop.networks.stats().model_dump(mode="json"), status=202)

    async def _report_latency(self, request: web.Request) -> web.Response:
        """Store what a page measured of its latency."""
        report = read_latency_report(await _json(request))
        browser = request.headers.get(hdrs.USER_AGENT, "")[:MAX_BROWSER]
        self._last_latency = {**report.model_dump(), "browser": browser}
        return web.json_response(self._last_latency)

    async def _latency(self, request: web.Request) -> web.Response:
        """The last measurement of capture to screen."""
        if self._last_latency is None:
            raise _not_found("no page has measured its latency yet; press Measure latency on one")
        return web.json_response(self._last_latency)

    def _known(self) -> dict[str, object]:
        return {**self._facts, **self._loop.networks.facts}

    def _statistics(self) -> Statistics:
        peers = PeerStatistics(
            viewers=len(self._peers.viewers),
            guests=len(self._peers.guests),
            pages=len(self._channel),
            failed=self._peers.failed,
        )
        return Statistics(loop=self._loop.stats(), encoding=self._encoders.statistics(), peers=peers)

    # Pages

    async def _page(self, request: web.Request) -> web.StreamResponse:
        """The pages, and what belongs to them. ``/?token=TOKEN`` and ``/12345678`` let a browser in."""
        if enters(request):
            return self._entrance.welcome(request)
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

    # Every request passes here

    @web.middleware
    async def _answer_errors(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except ANSWERED as error:
            if isinstance(error, web.HTTPException) and error.status < 400:
                raise
            return refusal(request, error, MAX_BYTES if request.path in self._pictures else MAX_BODY)
        except ConnectionError:
            raise  # the client has gone
        except Exception as error:
            logger.exception("%s %s failed", request.method, request.path)
            return refusal(request, error, MAX_BODY)


def _not_found(reason: str) -> web.HTTPNotFound:
    return web.HTTPNotFound(text=reason)


def _only(methods: Mapping[str, Handler], there: Callable[[web.Request], object] | None = None) -> Handler:
    """Refuses the other methods. there: raises 404 where there is nothing to have methods."""

    async def refuse(request: web.Request) -> web.StreamResponse:
        if there is not None:
            there(request)
        error = web.HTTPMethodNotAllowed(request.method, methods)
        error.text = f"{request.method} is not for {request.path[:80]}; there is: {', '.join(methods)}"
        if request.method == hdrs.METH_PATCH and there is not None:
            error.text = f"{error.text}; a peer is found without the candidates that it has later"
        raise error

    return refuse


async def _nothing_to_read(request: web.Request) -> web.Response:
    """204: offers are posted here, and there is nothing to read (RFC 9725, HTTP Usage)."""
    return web.Response(status=204)


async def _accept_sdp(request: web.Request) -> web.Response:
    return web.Response(headers={"Accept-Post": SDP, hdrs.ALLOW: "GET, HEAD, OPTIONS, POST"})


async def _session_options(request: web.Request) -> web.Response:
    return web.Response(headers={hdrs.ALLOW: "DELETE, GET, HEAD, OPTIONS"})


ENDPOINT: dict[str, Handler] = {"GET": _nothing_to_read, "HEAD": _nothing_to_read, "OPTIONS": _accept_sdp}


async def _offer(request: web.Request) -> str:
    if request.content_type != SDP:
        reason = f"Content-Type must be {SDP}, not {request.content_type[:80]}"
        raise web.HTTPUnsupportedMediaType(text=reason, headers={"Accept-Post": SDP})
    try:
        return (await request.read()).decode("utf-8")
    except UnicodeDecodeError:
        raise OfferError("the SDP offer is not UTF-8 text") from None


def _width(request: web.Request) -> int | None:
    text = request.query.get("width")
    if text is not None and text not in map(str, WIDTHS):
        raise web.HTTPBadRequest(text=f"width: must be {', '.join(map(str, WIDTHS))}, not {text[:20]!r}; or omit it")
    return None if text is None else int(text)


async def _json(request: web.Request) -> dict[str, Any]:
    return read_object(await request.read(), "the body")


def _created(location: str, answer: str, dream_id: str) -> web.Response:
    """201: ``Hallucinate-Dream`` names the dream, to watch it with ``POST /whep?dream=``."""
    headers = {hdrs.LOCATION: location, "Hallucinate-Dream": dream_id}
    # As bytes: with a text comes a charset parameter, and some clients compare the whole header.
    return web.Response(status=201, body=answer.encode(), content_type=SDP, headers=headers)

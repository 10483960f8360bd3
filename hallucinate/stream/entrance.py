"""Where every request comes in: the rules of access, a browser's first visit, and what every answer says."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

from aiohttp import hdrs, web

from hallucinate.clock import Clock
from hallucinate.stream.access import CODE_DIGITS, Access, Caller, Refused, cookie_for
from hallucinate.stream.origins import cross_origin_headers, preflight_headers
from hallucinate.stream.proxies import prefix_before, scheme_before

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data: blob:; "
    "media-src 'self' blob: mediastream:; connect-src 'self' ws: wss:; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=()",
}


class Entrance:
    """The rules of access, between a server and its requests: ``check`` is a middleware, ``add_headers`` a signal's."""

    def __init__(self, access: Access, clock: Clock) -> None:
        self._access, self._clock = access, clock

    @web.middleware
    async def check(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Let a request through, answer a preflight, or raise Refused."""
        self._access.check(_caller(request), token_follows=enters(request) or request.method == "OPTIONS")
        if request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers:
            return self._preflight(request)
        return await handler(request)

    async def add_headers(self, request: web.Request, response: web.StreamResponse) -> None:
        """What each answer says, refusals too."""
        headers = response.headers
        headers.setdefault(hdrs.CACHE_CONTROL, "no-store")
        headers.update(HEADERS)
        if self._access.origins:
            headers.add(hdrs.VARY, hdrs.ORIGIN)
            origin = request.headers.get(hdrs.ORIGIN, "")
            headers.update(cross_origin_headers(origin) if self._access.allows(origin) else {})
        if headers.get(hdrs.LOCATION, "").startswith("/"):
            headers[hdrs.LOCATION] = prefix_before(request.headers) + headers[hdrs.LOCATION]

    def welcome(self, request: web.Request) -> web.Response:
        """Take the token, or the code for it, and let the browser in. Raises Refused."""
        token, now_s = request.query.get("token"), self._clock.now_ns() / 1e9
        fits = self._access.fits_code(request.path[1:], now_s) if token is None else self._access.fits(token)
        if not fits:
            raise Refused(
                401,
                "that token is not in force; scan the QR code that hallucinate shows now, or type its short address",
                "token_wrong",
            )
        # On to the address without the token: it stays out of the history, of screenshots and of Referer. The rest of
        # the address stays (?kiosk), and so does the path under which a proxy serves us: "./" is relative to it.
        others = request.rel_url.without_query_params("token").raw_query_string
        response = web.Response(status=303, headers={hdrs.LOCATION: f"./?{others}" if others else "./"})
        secure = scheme_before(request.headers) == "https" or request.secure
        path = prefix_before(request.headers) or "/"
        name = cookie_for(request.headers.get(hdrs.HOST, ""))
        response.set_cookie(name, self._access.token, httponly=True, samesite="Strict", path=path, secure=secure)
        return response

    def _preflight(self, request: web.Request) -> web.Response:
        origin = request.headers.get(hdrs.ORIGIN, "")
        if not self._access.allows(origin):
            raise Refused(
                403,
                f"a page of {origin[:80]} may not do this; start with --allow-origin {origin[:80]}",
                "origin_refused",
            )
        return web.Response(status=204, headers=preflight_headers(request.headers))


def enters(request: web.Request) -> bool:
    """With the token (a QR code), or with the code that was read aloud: both are looked at by who takes them."""
    named = request.path == "/" and "token" in request.query
    return request.method == "GET" and (named or re.fullmatch(rf"/[0-9]{{{CODE_DIGITS}}}", request.path) is not None)


def _caller(request: web.Request) -> Caller:
    upgrade = request.headers.get(hdrs.UPGRADE, "").lower() == "websocket"
    return Caller(
        remote=request.remote or "",
        headers=request.headers,
        cookies=request.cookies,
        changes=upgrade or request.method not in ("GET", "HEAD", "OPTIONS"),
        version=(request.version.major, request.version.minor),
        secure=request.secure,
        token=request.query.get("token", "") if upgrade else "",
    )

"""What gives a proxy away, and what it says of the request that it hands on.

Whoever comes by a proxy on this machine has this machine's address, wherever they are. Nothing that a proxy says is
proof: programs write what they like into a request. A page in somebody's browser cannot, which is what counts here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

SIGNS = re.compile(
    r"forwarded|via|max-forwards|cdn-loop|surrogate-capability|front-end-https"
    r"|x-forward(ed)?(-.+)?|x-original-.+|x-proxy.+|(x-)?(proxy|envoy|nginx|arr|accel|amz|amzn|tailscale|cf|fly|fastly|akamai|ngrok)-.+"
    r"|x-(url-)?scheme|x-host|x-server|x-request-start|x-cloud-trace-context|x-varnish"
    r"|(.+-)?(client|connecting|real|remote|source|user|originating|peer)-?(ip|addr|address)(v[46])?",
    re.IGNORECASE,
)
"""Headers that proxies add: RFC 7239, RFC 9110, RFC 8586, and the ones that nginx, Apache, HAProxy, Caddy, Traefik,
Envoy, Squid, Varnish, IIS, Cloudflare, Fastly, Akamai, Fly, Azure, Google, Amazon, Tailscale and ngrok document. No
browser sends one by itself."""


def proxy_sign(headers: Mapping[str, str], version: tuple[int, int]) -> str | None:
    """What says that a proxy sent this request for somebody else, in words; None where nothing does.

    version: of HTTP. nginx's ``proxy_pass`` alone speaks 1.0 to servers, and no browser does.
    """
    for name in headers:
        if SIGNS.fullmatch(name):
            return f"the header {name[:40]}"
    return f"HTTP/{version[0]}.{version[1]}" if version < (1, 1) else None


def scheme_before(headers: Mapping[str, str]) -> str | None:
    """What the browser spoke with the proxy, "https" or "http"; None where the proxy says nothing."""
    for name in ("X-Forwarded-Proto", "X-Forwarded-Scheme", "X-Forwarded-Protocol", "X-Scheme", "X-Url-Scheme"):
        if found := _first(headers, name).lower():
            return {"wss": "https", "ws": "http"}.get(found, found)  # Traefik names a WebSocket's own scheme
    if "on" in (headers.get("X-Forwarded-Ssl", "").lower(), headers.get("Front-End-Https", "").lower()):
        return "https"
    return _forwarded(headers, "proto")


def host_before(headers: Mapping[str, str]) -> str | None:
    """The Host header that the browser sent to the proxy; None where the proxy says nothing."""
    return _first(headers, "X-Forwarded-Host").lower() or _forwarded(headers, "host")


def prefix_before(headers: Mapping[str, str]) -> str:
    """The path under which a proxy serves us, "/dream", without a slash at its end; "" where it says nothing."""
    path = _first(headers, "X-Forwarded-Prefix").rstrip("/")
    return path if re.fullmatch(r"(/[\w.~-]+)+", path, re.ASCII) else ""


def _first(headers: Mapping[str, str], name: str) -> str:
    """Of proxies one behind the other, what the first said."""
    return headers.get(name, "").partition(",")[0].strip()


def _forwarded(headers: Mapping[str, str], name: str) -> str | None:
    """A parameter of RFC 7239's header."""
    first = _first(headers, "Forwarded")
    found = re.search(rf'(?:^|;)\s*{name}\s*=\s*"?([^";\s]+)', first, re.IGNORECASE)
    return found[1].lower() if found else None

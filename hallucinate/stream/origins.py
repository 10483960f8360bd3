"""Origins: whose page a request is made by, and which other pages may (CORS)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from hallucinate.errors import OptionError
from hallucinate.stream.host_names import name_in, plain_address, plain_name, without_user
from hallucinate.stream.proxies import SIGNS, host_before, scheme_before

PORTS = {"http": 80, "https": 443}
"""What an origin leaves out (RFC 6454, section 6.2)."""

METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE"
READABLE = "Location, Link, ETag, Hallucinate-Dream, Retry-After, WWW-Authenticate, Accept-Post, Accept-Patch, Allow"
"""Headers of answers that a page of an allowed origin may read; RFC 9725 and WHEP say things in them."""

REMEMBERED_S = "600"


@dataclass(frozen=True)
class Origin:
    """Scheme, host and port, as they are compared (RFC 6454, section 5)."""

    scheme: str
    host: str
    port: int


def origin_of(text: str) -> Origin | None:
    """An origin as a browser writes it; None for "null" and whatever is none of http and https."""
    try:
        parts = urlsplit(text)
        name, port = name_in(parts.netloc), parts.port
    except ValueError:
        return None
    more = parts.path or parts.query or parts.fragment or "@" in parts.netloc
    if parts.scheme not in PORTS or not name or more:
        return None
    return Origin(parts.scheme, name, port or PORTS[parts.scheme])


def read_origin(option: str, text: str) -> str:
    """What somebody wrote for an origin, as browsers write it. Raises OptionError, one line."""
    words = text.strip()
    if words in ("*", "null"):
        whose = "every site's pages" if words == "*" else "any file's and sandboxed frame's page"
        raise OptionError(
            f"{option} {words}: that would be {whose}; name each origin, such as https://show.example.org"
        )
    try:
        parts = urlsplit(words if "//" in words else f"//{words}")
        port, host = parts.port, parts.hostname or ""
    except ValueError:
        parts, port, host = urlsplit(""), None, ""
    address = plain_address(host)
    name = (f"[{address}]" if ":" in address else address) if address else plain_name(host)
    scheme = parts.scheme if parts.scheme in PORTS else "https"
    written = f"{scheme}://{name}" + ("" if port in (None, PORTS[scheme]) else f":{port}")
    more = parts.path not in ("", "/") or parts.query or parts.fragment or "@" in parts.netloc
    if scheme != parts.scheme or not name or more:
        meant = written if name else "it as https://show.example.org"
        raise OptionError(
            f"{option} {without_user(words)!r}: write {meant}, an origin is http or https, a host and its port, "
            "without a path"
        )
    return written


def is_own(origin: str, headers: Mapping[str, str], secure: bool) -> bool:
    """Whether a page of this origin was served by us: its host and port are the ones that the request is for.

    secure: whether the request came by https. Where it is plain and no proxy says more, a page of https may still be
    ours: a proxy without a word may have done that part.
    """
    page = origin_of(origin)
    scheme = scheme_before(headers) or ("https" if secure else None)
    if page is None or scheme not in (None, page.scheme):
        return False
    hosts = filter(None, (headers.get("Host"), host_before(headers)))
    return any(origin_of(f"{page.scheme}://{host.lower()}") == page for host in hosts)


def cross_origin_headers(origin: str) -> dict[str, str]:
    """What lets a page of this origin read an answer, refusals too. Cookies stay out: it sends the token itself."""
    return {"Access-Control-Allow-Origin": origin, "Access-Control-Expose-Headers": READABLE}


def preflight_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """What answers a browser's preflight: may a page of an allowed origin send this request?

    headers: of the preflight. Every header is allowed but those by which proxies are known.
    """
    named = (name.strip() for name in headers.get("Access-Control-Request-Headers", "").split(","))
    allowed = [name for name in named if re.fullmatch(r"[\w-]+", name, re.ASCII) and not SIGNS.fullmatch(name)]
    answer = {"Access-Control-Allow-Methods": METHODS, "Access-Control-Max-Age": REMEMBERED_S}
    if allowed:
        answer["Access-Control-Allow-Headers"] = ", ".join(allowed)
    if headers.get("Access-Control-Request-Private-Network", "").lower() == "true":
        answer["Access-Control-Allow-Private-Network"] = "true"
    return answer

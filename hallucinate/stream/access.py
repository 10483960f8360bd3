"""Who may call what.

    who                                   may
    a program on this machine             everything (the address is 127.0.0.1 or ::1)
    anybody else, with the token          everything; the token is in the printed address and its QR code, and
                                          comes in exchange for the code that is printed to be read aloud
    anybody else                          nothing
    a page of another site                nothing that changes something, whoever's browser it runs in

The server listens on all addresses so that a phone can scan the code, and these rules are what makes that safe.
"""

from __future__ import annotations

import hmac
import ipaddress
import secrets
import socket
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

COOKIE = "hallucinate_token"


class Refused(Exception):  # noqa: N818 - it reads as a state, and is one
    """A request that is not allowed: the HTTP status to answer with, one line that names the fix, and a code."""

    def __init__(self, status: int, reason: str, code: str) -> None:
        super().__init__(reason)
        self.status, self.code = status, code


@dataclass(frozen=True)
class Caller:
    """What the rules look at in a request.

    remote: the peer's address, as the socket gives it. headers: by name, case-insensitive.
    changes: True when the request may change something, or is for the control channel.
    """

    remote: str
    headers: Mapping[str, str]
    cookies: Mapping[str, str]
    changes: bool


CODE_DIGITS = 8
WRONG_CODES, WRONG_WITHIN_S = 10, 60.0
"""So many wrong codes in so many seconds, and none is looked at: trying half of them all takes nine years."""


def new_token() -> str:
    """A token for this start: 96 bits, short enough for a QR code on a small terminal."""
    return secrets.token_urlsafe(12)


def _own_names() -> frozenset[str]:
    name = socket.gethostname().lower()
    return frozenset({"localhost", name, f"{name.split('.')[0]}.local"})


class Access:
    """The rules, with the token in force and the names that this machine goes by.

    names: what else people may type to get here ("dream.example.org"), beside IP addresses, localhost,
    the machine's own name and its .local name.
    """

    def __init__(self, token: str | None = None, names: Iterable[str] = ()) -> None:
        self.token = token or new_token()
        self.code = f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}d}"
        self._wrong_at: deque[float] = deque(maxlen=WRONG_CODES)
        self._names = _own_names() | {name.lower() for name in names}

    def check(self, caller: Caller, token_follows: bool = False) -> None:
        """Raise Refused unless the request is allowed.

        token_follows: the token is checked by the page that takes it, or is not needed (an OPTIONS request
        says nothing, and RFC 9725's clients send it without).
        """
        host = caller.headers.get("Host", "")
        self._check_host(host)
        origin = caller.headers.get("Origin")
        if caller.changes and origin is not None and _site(origin) != host.lower():
            raise Refused(403, f"a page of {origin} may not do this; open {host} itself", "origin_refused")
        if not (token_follows or _is_local(caller) or self._has_token(caller)):
            raise Refused(
                401,
                "this needs the token: scan the QR code or open the address that hallucinate printed "
                "(it ends in ?token=…); programs send it as Authorization: Bearer …",
                "token_missing",
            )

    def fits(self, token: str) -> bool:
        """Whether this is the token; takes as long for a near miss as for a far one."""
        return hmac.compare_digest(token.encode("utf-8", "replace"), self.token.encode())

    def fits_code(self, code: str, now_s: float) -> bool:
        """Whether this is the code. Raises Refused after too many that were not."""
        if len(self._wrong_at) == WRONG_CODES and now_s - self._wrong_at[0] < WRONG_WITHIN_S:
            raise Refused(429, "too many wrong codes; wait a minute", "codes_exhausted")
        fits = hmac.compare_digest(code.encode("utf-8", "replace"), self.code.encode())
        if not fits:
            self._wrong_at.append(now_s)
        return fits

    def _has_token(self, caller: Caller) -> bool:
        scheme, _, bearer = caller.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "bearer" and self.fits(bearer.strip()):
            return True
        return self.fits(caller.cookies.get(COOKIE, ""))

    def _check_host(self, host: str) -> None:
        # A hostile page may point its own name at this machine (DNS rebinding), and its browser then takes
        # us for that page's server. The name in the Host header gives it away; an address cannot be pointed.
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            name = ""
        if not (name.rstrip(".") in self._names or _is_address(name)):
            raise Refused(
                403,
                f"this server does not go by the name {name[:80]!r}; use its address, or this machine's own name",
                "host_unknown",
            )


def _site(origin: str) -> str:
    """An origin's name and port, or "" where it cannot be read."""
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _is_local(caller: Caller) -> bool:
    """On this machine, and not somebody from outside whom a proxy on this machine speaks for."""
    if any(name in caller.headers for name in ("Forwarded", "X-Forwarded-For", "X-Real-IP")):
        return False
    try:
        address = ipaddress.ip_address(caller.remote.split("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback

"""Who may call what.

    who                                   may
    a program on this machine             everything (the address is 127.0.0.1 or ::1), unless the token is required
                                          of everybody: by option, or once somebody came by a proxy on this machine
    anybody else, with the token          everything; the token is in the printed address and its QR code, and
                                          comes in exchange for the code that is printed to be read aloud
    anybody else                          nothing
    a page of another site                nothing that changes something, whoever's browser it runs in, unless its
                                          origin is allowed

The server listens on all addresses so that a phone can scan the code, and these rules are what makes that safe.
"""

from __future__ import annotations

import hmac
import ipaddress
import logging
import re
import secrets
from collections import deque
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from hallucinate.stream.host_names import covers, machine_names, name_in, plain_address
from hallucinate.stream.origins import is_own
from hallucinate.stream.proxies import proxy_sign

logger = logging.getLogger(__name__)

COOKIE = "hallucinate_token"
"""What the names of our cookies begin with."""


class Refused(Exception):  # noqa: N818 - it reads as a state, and is one
    """A request that is not allowed: the HTTP status to answer with, one line that names the fix, and a code."""

    def __init__(self, status: int, reason: str, code: str) -> None:
        super().__init__(reason)
        self.status, self.code = status, code


@dataclass(frozen=True)
class Caller:
    """What the rules look at in a request.

    remote: the peer's address, as the socket gives it. headers: by name, case-insensitive.
    changes: True when the request may change something, or is for the control channel. version: of HTTP.
    secure: whether it came by https. token: what a WebSocket's address has for one, as a page cannot send a header.
    """

    remote: str
    headers: Mapping[str, str]
    cookies: Mapping[str, str]
    changes: bool
    version: tuple[int, int] = (1, 1)
    secure: bool = False
    token: str = ""


CODE_DIGITS = 8
WRONG_CODES, WRONG_WITHIN_S = 10, 60.0
"""So many wrong codes in so many seconds, and none is looked at: trying half of them all takes nine years."""


def cookie_for(host: str) -> str:
    """The name of the cookie for what a Host header says: one for each port.

    Cookies know no ports (RFC 6265, 8.5): of two servers on a machine the second would log the first one's pages out.
    """
    port = re.search(r":([0-9]{1,5})$", host)
    return f"{COOKIE}_{port[1]}" if port else COOKIE


def new_token() -> str:
    """A token for this start: 96 bits, short enough for a QR code on a small terminal."""
    return secrets.token_urlsafe(12)


class Access:
    """The rules, with the token in force, the names that this machine goes by, and the origins that are allowed.

    names: what else people may type to get here ("dream.example.org", "*.example.org"), beside IP addresses,
    localhost, the machine's own name and its .local name. origins: other sites whose pages may do what ours may, as
    browsers write them. required: whether programs on this machine need the token too; it stays True once somebody
    came by a proxy on this machine. entrance: an address with the token in it that opens the page on this machine.
    """

    def __init__(
        self,
        token: str | None = None,
        names: Iterable[str] = (),
        origins: Collection[str] = (),
        required: bool = False,
    ) -> None:
        self.token = token or new_token()
        self.code = f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}d}"
        self.origins, self.required = frozenset(origins), required
        self.entrance = "the printed address with ?token=… at its end"
        self._wrong_at: deque[float] = deque(maxlen=WRONG_CODES)
        self._machine = frozenset(machine_names())
        self._names = tuple(name.lower() for name in names)

    def check(self, caller: Caller, token_follows: bool = False) -> None:
        """Raise Refused unless the request is allowed.

        token_follows: the token is checked by the page that takes it, or is not needed (an OPTIONS request
        says nothing, and RFC 9725's clients send it without).
        """
        name = name_in(caller.headers.get("Host", ""))
        self._check_name(name)
        local = _is_loopback(caller.remote)
        # Only under a name of ours: a page that points its own name here writes what headers it likes.
        sign = self._proxy_sign(caller, name) if local else None
        if sign is not None:
            self._require_of_everybody(sign)
        self._check_origin(caller)
        if not (token_follows or (local and not self.required) or self._has_token(caller)):
            raise Refused(
                401,
                "this needs the token: scan the QR code or open the address that hallucinate printed "
                "(it ends in ?token=…); programs send it as Authorization: Bearer …",
                "token_missing",
            )

    def allows(self, origin: str | None) -> bool:
        """Whether this is the origin of another site that was allowed by name."""
        return origin in self.origins

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

    def _proxy_sign(self, caller: Caller, name: str) -> str | None:
        """What says that a caller with this machine's address is somebody elsewhere; None where nothing does."""
        if sign := proxy_sign(caller.headers, caller.version):
            return sign
        # Who is on this machine and writes another of its addresses or names has that address, and not loopback's.
        if not (name in self._machine or _is_loopback(name)):
            return f"the host {name[:80]}"
        # A page of ours by https, where we serve http: somebody between does the s. Another site's says nothing.
        origin = caller.headers.get("Origin", "").lower()
        secured = origin.startswith("https:") and not caller.secure and is_own(origin, caller.headers, False)
        return f"the origin {origin[:80]}" if secured else None

    def _require_of_everybody(self, sign: str) -> None:
        if not self.required:
            logger.warning(
                "somebody came by a proxy on this machine (%s), and whoever does looks as if they were on it: from now "
                "on programs here need the token too; open %s",
                sign,
                self.entrance,
                extra={"shows_token": True},  # for the terminal, where the token is printed for other devices too
            )
        self.required = True

    def _check_name(self, name: str) -> None:
        # A hostile page may point its own name at this machine (DNS rebinding), and its browser then takes
        # us for that page's server. The name in the Host header gives it away; an address cannot be pointed.
        known = name in self._machine or any(covers(pattern, name) for pattern in self._names)
        if not (known or plain_address(name)):
            raise Refused(
                403,
                f"this server does not go by the name {name[:80]!r}; use its address or this machine's own name, or "
                "start it with --name",
                "host_unknown",
            )

    def _check_origin(self, caller: Caller) -> None:
        origin, host = caller.headers.get("Origin"), caller.headers.get("Host", "")
        if not caller.changes or origin is None or self.allows(origin):
            return
        if not is_own(origin, caller.headers, caller.secure):
            raise Refused(
                403,
                f"a page of {origin[:80]} may not do this; open {host[:80]} itself, let a proxy between them pass on "
                f"the Host header with its port, or start with --allow-origin {origin[:80]}",
                "origin_refused",
            )

    def _has_token(self, caller: Caller) -> bool:
        scheme, _, bearer = caller.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "bearer" and self.fits(bearer.strip()):
            return True
        # All of ours: a proxy may have changed the port since the cookie was set, and only the right value fits.
        ours = [value for name, value in caller.cookies.items() if name.startswith(COOKIE)]
        return any(self.fits(token) for token in (caller.token, *ours))


def _is_loopback(text: str) -> bool:
    """Whether a peer's address, or a host that somebody wrote for it, is this machine's own alone."""
    try:
        address = ipaddress.ip_address(text.split("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None) or address
    return bool(mapped.is_loopback or mapped.is_unspecified)

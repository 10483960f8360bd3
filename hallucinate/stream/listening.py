"""Where the server listens, and the addresses under which it can be found: those that were bound, and no others."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from aioice.ice import get_host_addresses

from hallucinate.errors import HallucinateError

BACKLOG = 128
FREE_PORT_TRIES = 20
"""How often a free port is looked for that is free on every address; a second time is rare."""

Place = tuple[int, tuple[Any, ...]]
"""A family of addresses, and an address as ``getaddrinfo`` has it."""

ALL = ("0.0.0.0", "::")
ABSENT = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL, errno.EPROTONOSUPPORT)
"""What says that a machine lacks an address, or IPv6 altogether."""


@dataclass(frozen=True)
class Listening:
    """The port, and the addresses that were bound to it; ``0.0.0.0`` and ``::`` are all of IPv4's and of IPv6's."""

    port: int
    hosts: tuple[str, ...]


async def listen(host: str, port: int) -> list[socket.socket]:
    """Sockets that listen on one port of every address that a host stands for.

    host: a name, an address, or "" for all of this machine's, of IPv4 and IPv6. port: 0 for a free one.
    Of several addresses those that this machine lacks are left out. Raises HallucinateError when the port is in use, or
    none of them is this machine's.
    """
    named = host.strip().removeprefix("[").removesuffix("]")
    resolve = asyncio.get_running_loop().getaddrinfo
    try:
        found = await resolve(named or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        places = list(dict.fromkeys((family, address) for family, _, _, _, address in found))
        for _ in range(FREE_PORT_TRIES - 1):
            try:
                return _bound(places, port)
            except OSError as error:
                if port or error.errno != errno.EADDRINUSE:
                    raise
        return _bound(places, port)
    except (OSError, UnicodeError) as error:
        raise _unavailable(error, host, port) from None


def _bound(places: Sequence[Place], port: int) -> list[socket.socket]:
    """Sockets that listen on these addresses, all on one port. Raises OSError."""
    absent: OSError | None = None
    sockets: list[socket.socket] = []
    try:
        for family, address in places:
            number = sockets[0].getsockname()[1] if sockets else port
            try:
                sockets.append(socket.create_server((address[0], number, *address[2:]), family=family, backlog=BACKLOG))
            except OSError as error:
                if error.errno not in ABSENT:
                    raise
                absent = error
        if not sockets:
            raise absent or OSError(errno.EADDRNOTAVAIL, "no address")
    except OSError:
        for each in sockets:
            each.close()
        raise
    return sockets


def _unavailable(error: Exception, host: str, port: int) -> HallucinateError:
    number = error.errno if isinstance(error, OSError) else None
    if number == errno.EADDRINUSE:
        message = f"port {port} is in use; stop the other program or choose another with --port"
    elif number == errno.EACCES:
        message = f"port {port} is not for ordinary users; choose one of 1024 and more with --port"
    else:
        known = number in errno.errorcode if number is not None else False
        why = os.strerror(number) if known and number is not None else getattr(error, "strerror", None) or error
        where = host or "all addresses"
        message = f"cannot listen on {where}, port {port} ({why}); give --host an address of this machine"
    return HallucinateError(message, code="address_unavailable")


def listening(bound: Sequence[socket.socket]) -> Listening:
    """What these sockets listen on."""
    names = [each.getsockname() for each in bound]
    zones = [f"%{socket.if_indextoname(name[3])}" if len(name) == 4 and name[3] else "" for name in names]
    hosts = (name[0].partition("%")[0] + zone for name, zone in zip(names, zones, strict=True))
    return Listening(int(names[0][1]), tuple(hosts))


def addresses(at: Listening, token: str, scheme: str = "http", required: bool = False) -> tuple[str, list[str]]:
    """Where the page is: (for this machine, for others on the network, the likeliest first, token included).

    required: whether this machine needs the token too. Where no loopback address was bound, it does: it then comes by
    one of the others. Addresses that only count on one cable (link-local) are last, those of IPv6 among them left out,
    as no browser takes them, unless nothing else was bound.
    """
    secret = quote(token, safe="")
    others = [f"{scheme}://{_written(host)}:{at.port}/?token={secret}" for host in _others(at.hosts)]
    here = _loopback(at.hosts)
    if here is None:
        return others[0], others
    return f"{scheme}://{_written(here)}:{at.port}/" + (f"?token={secret}" if required else ""), others


def spoken(address: str, code: str) -> str:
    """An address with the token in it -> one that can be read aloud, and typed with a headset's pointer."""
    return f"{address.partition('?')[0]}{code}"


def _written(host: str) -> str:
    """As an address has it: IPv6 in brackets, a zone escaped (RFC 6874)."""
    return f"[{host.replace('%', '%25')}]" if ":" in host else host


def _loopback(hosts: Sequence[str]) -> str | None:
    """What this machine's own programs type; None where no loopback address was bound."""
    if {"0.0.0.0", "127.0.0.1"} & set(hosts):
        return "localhost"
    if {"::", "::1"} & set(hosts):
        return "::1"  # whether localhost is that too is up to each machine
    return next((host for host in hosts if ipaddress.ip_address(host).is_loopback), None)


def _others(hosts: Sequence[str]) -> list[str]:
    """Addresses for others: IPv4, then IPv6, first what leads to elsewhere; what does not is often a container's."""
    found: list[str] = []
    for all_of, family in (("0.0.0.0", socket.AF_INET), ("::", socket.AF_INET6)):
        if all_of in hosts:
            every = get_host_addresses(use_ipv4=family == socket.AF_INET, use_ipv6=family == socket.AF_INET6)
            route = _address_towards_the_network(family)
            found += [route, *every] if route else every
    found += [host for host in hosts if host not in ALL]
    known = {host: ipaddress.ip_address(host) for host in found}
    usable = [host for host, each in known.items() if not (each.is_loopback or each.is_unspecified)]
    browsable = [host for host in usable if not (known[host].is_link_local and known[host].version == 6)]
    return sorted(browsable or usable, key=lambda host: known[host].is_link_local)


def _address_towards_the_network(family: int) -> str | None:
    """The address that packets to elsewhere leave from."""
    elsewhere = "192.0.2.1" if family == socket.AF_INET else "2001:db8::1"
    with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.connect((elsewhere, 9))  # a UDP "connection" sends nothing; the addresses are for examples
        return str(probe.getsockname()[0]).partition("%")[0]
    return None

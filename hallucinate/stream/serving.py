"""Running the server: where it can be found, how it starts, and how it stops within three seconds."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import signal
import socket
import ssl
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aioice.ice import get_host_addresses

from hallucinate.errors import HallucinateError

logger = logging.getLogger(__name__)

STOP_WITHIN_S = 2.5
CONNECTIONS_CLOSE_WITHIN_S = 0.5


async def run(
    app: web.Application,
    host: str | None,
    port: int,
    ready: Callable[[int], None],
    stop: asyncio.Event | None = None,
    tls: ssl.SSLContext | None = None,
) -> None:
    """Serve until SIGINT, SIGTERM or ``stop``; then tell sockets and peers, and return within three seconds.

    host: the address to listen on; None for all. tls: for https; None for http. ready: called once with the port
    when requests are taken.
    Raises HallucinateError when the port is in use, or the address is not this machine's.
    """
    stop = stop or asyncio.Event()
    _keep_logs_calm()
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=CONNECTIONS_CLOSE_WITHIN_S)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port, ssl_context=tls)
        try:
            await site.start()
        except OSError as error:
            raise HallucinateError(_why(error, host, port)) from None
        with _signals(stop):
            ready(_port(runner, port))
            await stop.wait()
    finally:
        try:
            await asyncio.wait_for(runner.cleanup(), STOP_WITHIN_S)
        except TimeoutError:
            logger.warning("some peers did not close within %.1f s; leaving them", STOP_WITHIN_S)


@contextlib.contextmanager
def _signals(stop: asyncio.Event) -> Iterator[None]:
    events, ours = asyncio.get_running_loop(), []
    for number in (signal.SIGINT, signal.SIGTERM):
        # Not on Windows, nor outside the main thread: Ctrl-C is then a KeyboardInterrupt.
        with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
            events.add_signal_handler(number, stop.set)
            ours.append(number)
    try:
        yield
    finally:
        for number in ours:
            events.remove_signal_handler(number)


def _why(error: OSError, host: str | None, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} is in use; stop the other program or choose another with --port"
    if error.errno == errno.EACCES:
        return f"port {port} is not for ordinary users; choose one of 1024 and more with --port"
    why = error.strerror or error
    return f"cannot listen on {host or 'all addresses'}, port {port} ({why}); give --host an address of this machine"


def _port(runner: web.AppRunner, requested: int) -> int:
    return int(runner.addresses[0][1]) if runner.addresses else requested


def _keep_logs_calm() -> None:
    """Peers come and go; how each one went is for whoever debugs."""
    logging.getLogger("aioice").setLevel(logging.WARNING)
    logging.getLogger("aiortc").setLevel(logging.ERROR)
    logging.getLogger("aiohttp.server").addFilter(_is_ours)
    asyncio.get_running_loop().set_exception_handler(_note)


def _is_ours(record: logging.LogRecord) -> bool:
    """Whether a failure is the server's; what is not HTTP was answered, and anybody may send it."""
    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, (HttpProcessingError, web.RequestPayloadError))


def _note(events: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    error = context.get("exception")
    # aiortc leaves tasks behind when a peer closes in the middle of connecting.
    level = logging.DEBUG if isinstance(error, (ConnectionError, AssertionError)) else logging.WARNING
    logger.log(level, "%s: %r", context.get("message", "in the event loop"), error)


def addresses(port: int, token: str, scheme: str = "http") -> tuple[str, list[str]]:
    """Where the page is: (for this machine, for others on the network, the likeliest first, token included)."""
    found = get_host_addresses(use_ipv4=True, use_ipv6=False)
    route = _address_towards_the_network()
    found = [route, *(a for a in found if a != route)] if route else found
    secret = quote(token, safe="")
    return f"{scheme}://localhost:{port}/", [f"{scheme}://{address}:{port}/?token={secret}" for address in found]


def spoken(address: str, code: str) -> str:
    """An address with the token in it -> one that can be read aloud, and typed with a headset's pointer."""
    return f"{address.partition('?')[0]}{code}"


def _address_towards_the_network() -> str | None:
    """The address that packets to elsewhere leave from; other interfaces are often a container's."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # a UDP "connection" sends nothing; the address is for examples
        except OSError:
            return None
        address = str(probe.getsockname()[0])
        return None if address.startswith(("127.", "0.")) else address

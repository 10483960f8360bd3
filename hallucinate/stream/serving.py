"""Running the server: how it starts, and how it stops within three seconds."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import ssl
from collections.abc import Callable, Iterator
from typing import Any

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from hallucinate.stream.listening import Listening, listen, listening

logger = logging.getLogger(__name__)

STOP_WITHIN_S = 2.5
CONNECTIONS_CLOSE_WITHIN_S = 0.5


async def run(
    app: web.Application,
    host: str,
    port: int,
    ready: Callable[[Listening], None],
    stop: asyncio.Event | None = None,
    tls: ssl.SSLContext | None = None,
) -> None:
    """Serve until SIGINT, SIGTERM or ``stop``; then tell sockets and peers, and return within three seconds.

    host, port: as ``listen`` has them. tls: for https; None for http. ready: called once, when requests are taken.
    Raises HallucinateError when the port is in use, or the address is not this machine's.
    """
    stop = stop or asyncio.Event()
    _keep_logs_calm()
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=CONNECTIONS_CLOSE_WITHIN_S)
    await runner.setup()
    try:
        bound = await listen(host, port)
        for each in bound:
            await web.SockSite(runner, each, ssl_context=tls).start()
        with _signals(stop):
            ready(listening(bound))
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

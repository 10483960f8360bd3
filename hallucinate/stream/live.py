"""The control channel: every page holds a WebSocket, and a slider moved on one moves on all."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Any

from aiohttp import WSCloseCode, WSMsgType, hdrs, web

from hallucinate.clock import Clock
from hallucinate.control.live_settings import LiveSettings, Snapshot
from hallucinate.errors import BusyError, HallucinateError, SettingsError
from hallucinate.settings import Settings
from hallucinate.statistics import Statistics
from hallucinate.stream.loop_api import NetworksApi
from hallucinate.stream.refusals import code_of, one_line

logger = logging.getLogger(__name__)

MAX_SOCKETS = 64
MAX_MESSAGE = 64 * 1024
REPLIES = 16
"""Answers that may wait for one socket; a page that sends faster than it reads loses the oldest."""

HEARTBEAT_S = 15.0
CLOSE_WITHIN_S = 1.0


class Outbox:
    """What waits for one socket: the newest message of each kind, and a few answers. Never grows."""

    def __init__(self) -> None:
        self._newest: dict[str, str] = {}
        self._replies: deque[str] = deque(maxlen=REPLIES)
        self._ready = asyncio.Event()

    def put(self, kind: str, text: str) -> None:
        """Replace what waits of this kind."""
        self._newest[kind] = text
        self._ready.set()

    def reply(self, text: str) -> None:
        """Answer this socket alone."""
        self._replies.append(text)
        self._ready.set()

    async def take(self) -> list[str]:
        """Wait for something to send, and take all of it: the settings first, for a slider is waiting."""
        await self._ready.wait()
        self._ready.clear()
        newest, self._newest = self._newest, {}
        replies = list(self._replies)
        self._replies.clear()
        return [*(newest[kind] for kind in sorted(newest)), *replies]


class LiveChannel:
    """All open sockets. ``run`` it for the server's life; ``handle`` is the route."""

    def __init__(
        self,
        settings: LiveSettings,
        networks: NetworksApi,
        about: Callable[[], dict[str, object]],
        statistics: Callable[[], Statistics],
        stats_every_s: float,
        clock: Clock,
    ) -> None:
        """about: what runs here, sent anew when another network dreams; ready for JSON."""
        self._settings, self._networks, self._about = settings, networks, about
        self._statistics, self._every_s, self._clock = statistics, stats_every_s, clock
        self._sockets: dict[web.WebSocketResponse, Outbox] = {}

    def __len__(self) -> int:
        return len(self._sockets)

    @contextlib.asynccontextmanager
    async def run(self) -> AsyncIterator[None]:
        """Spread changes and statistics, whoever makes them, on whatever thread."""
        events = asyncio.get_running_loop()

        def changed(snapshot: Snapshot) -> None:
            with contextlib.suppress(RuntimeError):  # the event loop has closed, and every socket with it
                events.call_soon_threadsafe(self._spread, "settings", settings_message(snapshot.settings))

        def switched() -> None:
            with contextlib.suppress(RuntimeError):
                events.call_soon_threadsafe(self._spread, "network", json.dumps({"type": "network", **self._about()}))

        endings = [self._settings.listen(changed), self._networks.listen(switched)]
        ticking = asyncio.create_task(self._tick())
        try:
            yield
        finally:
            for end in endings:
                end()
            ticking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await ticking

    async def close(self) -> None:
        """Tell every page that the server stops."""
        closing = [
            asyncio.create_task(socket.close(code=WSCloseCode.GOING_AWAY, message=b"the server is stopping"))
            for socket in list(self._sockets)
        ]
        if closing:
            _, late = await asyncio.wait(closing, timeout=CLOSE_WITHIN_S)
            for task in late:
                task.cancel()

    async def handle(self, request: web.Request) -> web.WebSocketResponse:
        """A WebSocket: settings and figures, in both directions."""
        if len(self._sockets) >= MAX_SOCKETS:
            raise BusyError(f"there are {MAX_SOCKETS} pages open, and no room for more; close one")
        if request.headers.get(hdrs.UPGRADE, "").lower() != "websocket":
            raise web.HTTPBadRequest(
                text="/api/live is a WebSocket, and a proxy has to pass on its Upgrade header; "
                "the same by GET: /api/settings, and /api/stats"
            )
        socket = web.WebSocketResponse(heartbeat=HEARTBEAT_S, max_msg_size=MAX_MESSAGE)
        outbox = Outbox()
        self._sockets[socket] = outbox
        writing: asyncio.Task[None] | None = None
        try:
            await socket.prepare(request)
            outbox.put("settings", settings_message(self._settings.current))
            writing = asyncio.create_task(_write(socket, outbox))
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    self._receive(message.data, outbox)
                elif message.type is WSMsgType.BINARY:
                    outbox.reply(error_message(SettingsError("messages are JSON text, not binary")))
        finally:
            del self._sockets[socket]
            if writing is not None:
                writing.cancel()
                await asyncio.wait([writing])
        return socket

    def _receive(self, text: str, outbox: Outbox) -> None:
        ref: object = None
        try:
            message = read_object(text, "the message")
            ref = message.get("id")
            if message.get("type") == "ping":
                outbox.reply(pong_message(ref, self._clock.now_ns()))
                return
            if message.get("type") != "patch":
                raise SettingsError(f'type: {_short(message.get("type"))} is not known; there are: "patch", "ping"')
            changes = message.get("changes")
            if not isinstance(changes, dict):
                raise SettingsError('changes: must be an object of settings, such as {"strength": 0.5}')
            self._settings.patch(changes, origin="page")
        except HallucinateError as error:
            outbox.reply(error_message(error, ref))

    def _spread(self, kind: str, text: str) -> None:
        for outbox in self._sockets.values():
            outbox.put(kind, text)

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(self._every_s)
            if not self._sockets:
                continue
            try:
                self._spread("stats", stats_message(self._statistics()))
            except Exception:
                logger.exception("the statistics could not be sent")
                return


async def _write(socket: web.WebSocketResponse, outbox: Outbox) -> None:
    # Waits here for a slow page, while its outbox keeps only what is newest.
    with contextlib.suppress(ConnectionError):
        while not socket.closed:
            for text in await outbox.take():
                await socket.send_str(text)


def read_object(text: str | bytes, what: str) -> dict[str, Any]:
    """JSON text -> an object. Raises SettingsError, one line, when it is anything else."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        at = f" at character {error.pos}" if isinstance(error, json.JSONDecodeError) else ""
        raise SettingsError(f"{what} is not JSON{at}") from None
    if not isinstance(value, dict):
        raise SettingsError(f"{what} must be a JSON object, not {_short(value)}")
    return value


def settings_message(settings: Settings) -> str:
    """What tells a page where the sliders stand."""
    return json.dumps({"type": "settings", "settings": settings.model_dump()})


def pong_message(ref: object, now_ns: int) -> str:
    """What answers a ping: the clock that frames' capture times are taken from, in milliseconds.

    Raises SettingsError unless ``ref``, the ping's own id, is a whole number: a page must know which one came back.
    """
    if not isinstance(ref, int) or isinstance(ref, bool):
        raise SettingsError(f'id: must be a whole number, such as {{"type": "ping", "id": 1}}, not {_short(ref)}')
    return json.dumps({"type": "pong", "id": ref, "now_ms": now_ns / 1e6})


def stats_message(statistics: Statistics) -> str:
    """What tells a page how things go."""
    return json.dumps({"type": "stats", "stats": statistics.model_dump(mode="json")})


def error_message(error: HallucinateError, ref: object = None) -> str:
    """What answers a message that could not be followed; ``ref`` is the message's own id."""
    return json.dumps({"type": "error", "error": one_line(str(error)), "code": code_of(error), "id": ref})


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."

"""What serving prints in the terminal: the greeting with its QR code, and the line that tells how it is going."""

from __future__ import annotations

import asyncio
import logging
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from urllib.parse import urlsplit

import segno
from rich.console import Console, ConsoleRenderable
from rich.live import Live
from rich.logging import RichHandler
from rich.text import Text

from hallucinate.loop import Loop
from hallucinate.plain_text import printable, without_secrets
from hallucinate.statistics import LoopStatistics
from hallucinate.stream.access import Access
from hallucinate.stream.listening import Listening, addresses, spoken

log = logging.getLogger("hallucinate")


class LogLines(logging.Formatter):
    """What is logged: each message on its line, and no secrets, in a traceback neither."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        """The message alone; a traceback has lines of its own."""
        return printable(super().formatMessage(record))

    def format(self, record: logging.LogRecord) -> str:
        """The message, and the traceback where there is one."""
        text = super().format(record)
        return text if getattr(record, "shows_token", False) else without_secrets(text)


class LogHandler(RichHandler):
    """Writes each record on a line of its own, however long: it can be searched, and an address in it be copied."""

    def render(
        self, *, record: logging.LogRecord, traceback: object, message_renderable: ConsoleRenderable
    ) -> ConsoleRenderable:
        """The time, the level and the message; Rich breaks it into a column, also in files."""
        assert isinstance(message_renderable, Text)
        time = f"{datetime.fromtimestamp(record.created):[%Y-%m-%d %H:%M:%S]} "
        return Text.assemble((time, "log.time"), self.get_level_text(record), " ", message_renderable)


def log_handler(console: Console) -> logging.Handler:
    """What writes the log to a console, above its live line."""
    handler = LogHandler(console=console)
    handler.setFormatter(LogLines("%(message)s"))
    return handler


STATUS_EVERY_S = 0.5


def greeting(
    facts: dict[str, object], at: Listening, access: Access, with_code: bool, scheme: str = "http", name: str = ""
) -> Text:
    """What is printed when all is ready: the address, a QR code for the local network, what was chosen and why.

    facts: version, source, network, device and speed, each in words. name: a host name that the certificate is for.
    """
    here, others = addresses(at, access.token, scheme, access.required)
    text = Text()
    text.append("\n  hallucinate ", style="bold")
    text.append(f"{facts['version']}\n\n", style="dim")
    rows = [("open", here)]
    if others and others[0] != here:
        rows.append(("on the network", others[0]))
    if others:
        rows.append(("read aloud", spoken(others[0], access.code)))
    if others and name:
        rows.append(("by name", others[0].replace(urlsplit(others[0]).netloc, f"{name}:{at.port}", 1)))
    rows += [(fact, str(facts[fact])) for fact in ("source", "network", "device", "speed")]
    for label, value in rows:
        text.append(f"  {label:<16}", style="dim")
        text.append(f"{value}\n")
    if others and with_code:
        text.append("\n" + qr_code(others[0]))
    text.append("\n  Ctrl-C stops.\n", style="dim")
    return text


def qr_code(address: str) -> str:
    """The address as a QR code of half-block characters, two modules to a character, indented by two."""
    rows = [list(row) for row in segno.make(address, error="l", micro=False).matrix_iter(border=2)]
    if len(rows) % 2:
        rows.append([0] * len(rows[0]))
    # Light modules are drawn, dark ones are the terminal's own dark ground; readers take both polarities,
    # but a light terminal would swallow a code with the two exchanged.
    shapes = {(0, 0): "█", (0, 1): "▀", (1, 0): "▄", (1, 1): " "}
    pairs = zip(rows[::2], rows[1::2], strict=True)
    return "".join(
        "  " + "".join(shapes[bool(a), bool(b)] for a, b in zip(*pair, strict=True)) + "\n" for pair in pairs
    )


def status_display(console: Console) -> AbstractContextManager[Live | None]:
    """The one live line; None where output is not a terminal."""
    return Live(console=console, auto_refresh=False, transient=True) if console.is_terminal else nullcontext()


async def show_status(loop: Loop, display: Live | None, ready: asyncio.Event) -> None:
    """From ``ready`` on, keep the live line up to date; without one, log a line when the words change."""
    await ready.wait()
    logged = ""
    while True:
        stats = loop.stats()
        words = "; ".join(filter(None, (stats.status_text, stats.notice)))
        if display is not None:
            display.update(Text(f"  {figures_line(stats)} · {words}", style="dim"), refresh=True)
        elif words != logged and loop.main.stage.newest is not None:
            log.info(words)
            logged = words
        await asyncio.sleep(STATUS_EVERY_S)


def figures_line(stats: LoopStatistics) -> str:
    """The figures in words. Skipped is every frame that was not dreamed, at the source or before the loop took it."""
    steps = f"{stats.steps} step" + ("s" if stats.steps != 1 else "")
    interval = {2: " every 2nd frame", 3: " every 3rd frame"}.get(stats.step_interval, "")
    parts = [
        f"{stats.fps} fps",
        f"{stats.capture_to_dream_ms} ms to the dream",
        f"{stats.dream_width_px} px × {steps}{interval}",
    ]
    if skipped := stats.source_skipped_frames + stats.dropped_frames:
        parts.append(f"{skipped} frames skipped")
    if stats.guests:
        parts.append(f"{stats.guests} guests")
    return " · ".join(parts)

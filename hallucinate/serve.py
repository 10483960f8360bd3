"""Serving: put the parts together, say what was taken and why, and run until told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import segno
import torch
from aiohttp import web
from rich.console import Console
from rich.live import Live
from rich.logging import RichHandler
from rich.text import Text

from hallucinate import __version__
from hallucinate.calibrate.speed import begin_at, in_words, keep, open_as_kept
from hallucinate.clock import Clock, SystemClock
from hallucinate.device import choose_device, describe
from hallucinate.dream.agreement import read_agreement
from hallucinate.dream.dreamer import Dreamer
from hallucinate.dream.governor import Governor
from hallucinate.errors import SourceUnavailable
from hallucinate.loop import Loop
from hallucinate.networks import Network
from hallucinate.settings import LiveSettings, Settings
from hallucinate.shipped import shipped
from hallucinate.sources import Source
from hallucinate.sources.opening import choose_default, open_source
from hallucinate.sources.still import load_picture
from hallucinate.stage import Shown, Stage
from hallucinate.stream.access import Access, new_token
from hallucinate.stream.server import make_app
from hallucinate.stream.serving import addresses, run

STATUS_EVERY_S = 0.5


@dataclass(frozen=True)
class Start:
    """What is chosen once, at the start; the live knobs are in Settings.

    source: as after ``--source``, or None for the first camera. size: (width, height) of the frames.
    visitors: cameras dreamed beside the main source, or None for what the device can take.
    """

    source: str | None
    port: int
    host: str
    token: str
    network: str
    device: str
    size: tuple[int, int]
    visitors: int | None
    seed: int
    guide_image: Path | None = None
    mask_image: Path | None = None


def serve_forever(start: Start, settings: Settings) -> None:
    """Dream and serve until SIGINT or SIGTERM. Raises HallucinateError for what cannot work, before anything runs."""
    console = Console(highlight=False)
    logging.basicConfig(
        level=logging.INFO, format="%(message)s", handlers=[RichHandler(console=console, show_path=False)]
    )
    clock = SystemClock()
    # The source first: it is what people mistype, and it is checked before seconds go into the network.
    spec, why = (start.source, "as asked") if start.source is not None else choose_default()
    stage = Stage()
    open_main = prepare_source(spec, start.size, settings, clock, lambda: stage.newest)
    files = {"guide": start.guide_image, "mask": start.mask_image}
    pictures = {kind: load_picture(path) for kind, path in files.items() if path is not None}

    device = choose_device(start.device)
    opened = open_as_kept(start.network, device)
    network = opened.network
    live = LiveSettings(settings, network.motifs, network.layers, network.families, pictures=frozenset(pictures))
    visitors = start.visitors if start.visitors is not None else (2 if device.type == "cpu" else 8)
    agreement = read_agreement(shipped("calibration") / "strength" / f"{network.name}.json")
    dreamer = Dreamer(network, device, start.seed, agreement)
    point, known = begin_at(opened, settings, start.size)
    loop = Loop(open_main, dreamer, live, clock, start.size, visitors, Governor(point), stage)
    for kind, picture in pictures.items():
        loop.lay(kind, picture)
    token = start.token or new_token()
    facts = about(network, describe(device, opened.dtype), spec)
    chosen = {"source": f"{spec} ({why})", "speed": f"{in_words(point)} ({known})"}
    app = make_app(loop, live, Access(token), facts, shipped("web"), clock=clock)

    with contextlib.closing(loop):
        loop.start()
        asyncio.run(_serve(app, start, token, {**facts, **chosen}, loop, console))
        if not loop.stats()["visitors"]:
            keep(opened, loop.point, live.current, start.size)


def prepare_source(
    spec: str,
    size: tuple[int, int],
    settings: Settings,
    clock: Clock,
    latest: Callable[[], Shown | None] = lambda: None,
) -> Callable[[], Source] | None:
    """What opens the main source each time it has to be opened; None for ``visitor``. latest: as for ``open_source``.

    It is opened once now, so that what will never work is refused now. Raises SourceUnavailable.
    """
    if spec == "visitor":
        return None
    first: list[Source] = [open_source(spec, size, settings.fps, clock, latest)]
    if spec.startswith("camera"):
        # A camera that is not there is a mistyped number now; the same later is a cable to wait for.
        try:
            first[0].read()
        except Exception as error:
            first[0].close()
            raise SourceUnavailable(str(error)) from None

    def open_again() -> Source:
        return first.pop() if first else open_source(spec, size, settings.fps, clock, latest)

    return open_again


def about(network: Network, device: str, source: str) -> dict[str, object]:
    """What ``GET /api/about`` says."""
    motifs = [{"name": name, "family": network.families.get(name, "")} for name in network.motifs]
    return {
        "version": __version__,
        "torch": torch.__version__,
        "network": network.name,
        "device": device,
        "source": source,
        "motifs": motifs,
        "layers": list(network.layers),
    }


async def _serve(
    app: web.Application, start: Start, token: str, facts: dict[str, object], loop: Loop, console: Console
) -> None:
    line = asyncio.Event()

    def ready(port: int) -> None:
        console.print(greeting(facts, start.host, port, token, console.is_terminal))
        line.set()

    with Live(console=console, auto_refresh=False, transient=True) if console.is_terminal else _Silent() as display:
        keeping = asyncio.create_task(_keep_status(loop, display, line))
        try:
            await run(app, start.host or None, start.port, ready)
        finally:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)


def greeting(facts: dict[str, object], host: str, port: int, token: str, with_code: bool) -> Text:
    """What is printed when all is ready: the address, a QR code for the local network, and what was taken and why.

    facts: those of ``about``, with the reason in the source, and the speed found.
    """
    here, others = addresses(port, token)
    text = Text()
    text.append("\n  hallucinate ", style="bold")
    text.append(f"{facts['version']}\n\n", style="dim")
    rows = [("open", here), *((name, str(facts[name])) for name in ("source", "network", "device", "speed"))]
    reachable = others[0] if others and host not in ("127.0.0.1", "localhost", "::1") else ""
    if reachable:
        rows.insert(1, ("on the network", reachable))
    for name, value in rows:
        text.append(f"  {name:<16}", style="dim")
        text.append(f"{value}\n")
    if reachable and with_code:
        text.append("\n" + qr_code(reachable))
    text.append("\n  Ctrl-C stops.\n", style="dim")
    return text


def qr_code(address: str) -> str:
    """The address as a QR code of half-block characters, two modules to a character, indented by two."""
    rows = [list(row) for row in segno.make(address, error="l", micro=False).matrix_iter(border=2)]
    if len(rows) % 2:
        rows.append([0] * len(rows[0]))
    # Light modules are drawn, dark ones are the terminal's own dark ground; readers take both polarities,
    # but a light terminal would swallow a code drawn the other way round.
    shapes = {(0, 0): "█", (0, 1): "▀", (1, 0): "▄", (1, 1): " "}
    pairs = zip(rows[::2], rows[1::2], strict=True)
    return "".join(
        "  " + "".join(shapes[bool(a), bool(b)] for a, b in zip(*pair, strict=True)) + "\n" for pair in pairs
    )


async def _keep_status(loop: Loop, display: Live | _Silent, begin: asyncio.Event) -> None:
    """The one live line in the terminal; where there is no terminal, a line when the words change."""
    await begin.wait()
    said = ""
    while True:
        stats = loop.stats()
        words = "; ".join(str(stats[key]) for key in ("status", "notice") if stats[key])
        if isinstance(display, Live):
            display.update(Text(f"  {_figures(stats)} · {words}", style="dim"), refresh=True)
        elif words != said and loop.main.stage.newest is not None:
            logging.getLogger("hallucinate").info(words)
            said = words
        await asyncio.sleep(STATUS_EVERY_S)


def _figures(stats: dict[str, object]) -> str:
    parts = [
        f"{stats['fps']} fps",
        f"{stats['dreamed_latency_ms']} ms to the dream",
        f"{stats['dream_width']} px × {stats['steps']} step" + ("s" if stats["steps"] != 1 else ""),
    ]
    if stats["visitors"]:
        parts.append(f"{stats['visitors']} visitors")
    return " · ".join(parts)


class _Silent:
    """In place of the live line where output is no terminal."""

    def __enter__(self) -> _Silent:
        return self

    def __exit__(self, *exc: object) -> None:
        return None

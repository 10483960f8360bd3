"""Serving: put the parts together, say what was taken and why, and run until told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import ssl
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
from hallucinate.calibrate.speed import PLANE, Lies, Opened, begin_at, in_words, keep, open_as_kept
from hallucinate.clock import Clock, SystemClock
from hallucinate.device import choose_device, describe
from hallucinate.dream.dreamer import Dreamer
from hallucinate.dream.governor import NOTCH, Governor
from hallucinate.dream.hallucination import Hallucination
from hallucinate.dream.strength import StrengthCalibration, read_strength_calibration
from hallucinate.dream.surface import Surface
from hallucinate.errors import SourceUnavailable, WeightsError
from hallucinate.files import cache_file, shipped
from hallucinate.frame import OutputFrame
from hallucinate.loop import Loop
from hallucinate.networks import Network
from hallucinate.networks.registry import NetworkOptions, answering, check_name, known, open_network
from hallucinate.networks.weights import Progress
from hallucinate.outputs.subscriber import Stage
from hallucinate.panorama.fitting import Fitting
from hallucinate.panorama.fitting import facts as facts_of
from hallucinate.settings import LiveSettings, Settings, fitted
from hallucinate.sources import Source
from hallucinate.sources.opening import choose_default, open_source
from hallucinate.sources.panoramas import choose_panorama
from hallucinate.sources.still import load_picture
from hallucinate.statistics import LoopStatistics
from hallucinate.stream.access import Access, new_token
from hallucinate.stream.server import make_app
from hallucinate.stream.serving import addresses, run, spoken
from hallucinate.stream.tls import choose_tls
from hallucinate.switch import Ready, Switch

log = logging.getLogger(__name__)

STATUS_EVERY_S = 0.5


@dataclass(frozen=True)
class Start:
    """What is chosen once, at the start; the live knobs are in Settings.

    source: as after ``--source``, or None for the first camera. given: what came with the network's name.
    size: (width, height) of the frames, or None for 640×360, and for panoramas what panorama/fitting.py says.
    panorama, lens: what the source's pictures are. max_guests: cameras dreamed beside the main source, or None for what
    the device can take.
    """

    source: str | None
    port: int
    host: str
    token: str
    network: str
    given: NetworkOptions
    device: str
    size: tuple[int, int] | None
    max_guests: int | None
    seed: int
    guide_image: Path | None = None
    mask_image: Path | None = None
    panorama: str = "auto"
    lens: str | None = None
    tls: bool = False
    tls_cert: Path | None = None
    tls_key: Path | None = None


def serve_forever(start: Start, settings: Settings) -> None:
    """Dream and serve until SIGINT or SIGTERM. Raises HallucinateError for what cannot work, before anything runs."""
    console = Console(highlight=False)
    logging.basicConfig(
        level=logging.INFO, format="%(message)s", handlers=[RichHandler(console=console, show_path=False)]
    )
    clock = SystemClock()
    tls = choose_tls(start.tls, start.tls_cert, start.tls_key, cache_file("tls.pem"))
    # The source first: it is what people mistype, and it is checked before seconds go into the network.
    spec, why = (start.source, "as asked") if start.source is not None else choose_default()
    panorama = choose_panorama(spec, start.panorama, start.lens, start.size)
    size = panorama.size if panorama is not None else start.size or (640, 360)
    stage = Stage()
    open_main = prepare_source(spec, size, settings, clock, panorama, lambda: stage.newest)
    files = {"guide": start.guide_image, "mask": start.mask_image}
    pictures = {kind: load_picture(path) for kind, path in files.items() if path is not None}

    device = choose_device(start.device)
    opened, settings = open_or_go_on(start, device, settings)
    network = opened.network
    lies = lying(panorama)
    settings = fine_enough(settings, lies[0], network.motif_px)
    names = (network.motifs, network.layers, network.families, network.channels)
    live = LiveSettings(settings, *names, frozenset(pictures))
    max_guests = start.max_guests if start.max_guests is not None else (2 if device.type == "cpu" else 8)
    dreamer = Dreamer(network, device, start.seed, measured(network))
    point, known_how = begin_at(opened, settings, size, lies)
    facts = about(network, describe(device, opened.dtype))

    def make(name: str, progress: Progress) -> Ready:
        given = start.given if name == start.network else NetworkOptions()
        return prepared(name, device, opened.dtype, given, progress)

    networks = Switch(opened.name, facts, make, check_name, known)
    loop = Loop(
        open_main, dreamer, live, clock, size, max_guests, Governor(point), networks, Hallucination(*lies), stage
    )
    for kind, picture in pictures.items():
        loop.set_picture(kind, picture)
    token = start.token or new_token()
    runs = {"version": __version__, "torch": torch.__version__, "source": spec, "panorama": facts_of(panorama)}
    chosen = {"source": f"{spec} ({why})", "speed": f"{in_words(point)} ({known_how})"}
    access = Access(token)
    app = make_app(loop, live, access, runs, shipped("web"), clock=clock)

    with contextlib.closing(loop):
        loop.start()
        asyncio.run(_serve(app, start, access, tls, {**runs, **facts, **chosen}, loop, console))
        if not loop.stats().guests and networks.name == opened.name:
            keep(opened, loop.point, live.current, size, lies)


def prepare_source(
    spec: str,
    size: tuple[int, int],
    settings: Settings,
    clock: Clock,
    panorama: Fitting | None = None,
    latest: Callable[[], OutputFrame | None] = lambda: None,
) -> Callable[[], Source] | None:
    """What opens the main source each time it has to be opened; None for ``guest``. latest: as for ``open_source``.

    It is opened once now, so that what will never work is refused now. Raises SourceUnavailable.
    """
    if spec == "guest":
        return None
    first: list[Source] = [open_source(spec, size, settings.fps, clock, panorama, latest)]
    if spec.startswith("camera"):
        # A camera that is not there is a mistyped number now; the same later is a cable to wait for.
        try:
            first[0].read()
        except Exception as error:
            first[0].close()
            raise SourceUnavailable(str(error)) from None

    def open_again() -> Source:
        return first.pop() if first else open_source(spec, size, settings.fps, clock, panorama, latest)

    return open_again


def lying(panorama: Fitting | None) -> Lies:
    """What frames lie on, and for whose eyes."""
    if panorama is None:
        return PLANE
    return Surface(panorama.spec.becomes), panorama.spec.layout


def fine_enough(settings: Settings, surface: Surface, motif_px: int) -> Settings:
    """Settings that let a sphere's motifs be as small as they are asked to be, where nobody chose a dream width.

    What a picture's width shows in full is a part of a sphere's. The governor still goes as low as it has to.
    """
    if surface is Surface.FLAT or "dream_width" in settings.model_fields_set:
        return settings
    needed = NOTCH * math.ceil(motif_px * surface.degrees / settings.motif_degrees / NOTCH)
    return settings.model_copy(update={"dream_width": min(2048, max(settings.dream_width, needed))})


def open_or_go_on(start: Start, device: torch.device, settings: Settings) -> tuple[Opened, Settings]:
    """The network that was asked for, or the one in the box where its weights cannot be had, and settings for it.

    Settings that nobody chose are fitted to it; what was asked for by name is left, and checked with the rest.
    Raises NetworkError for a name that does not exist, or a file that is damaged or of another network.
    """
    chosen = bool(settings.model_fields_set & {"motifs", "layers"})
    try:
        opened = open_as_kept(start.network, device, start.given)
    except WeightsError as error:
        log.warning(f"{error}. The network in the box goes on")
        opened, chosen = open_as_kept("motif", device), False
    network = opened.network
    if not chosen:
        settings = fitted(settings, network.motifs, network.channels, network.default_layer)
    return opened, settings


def prepared(name: str, device: torch.device, dtype: torch.dtype, given: NetworkOptions, progress: Progress) -> Ready:
    """A network to switch to, tried once, so that what is slow the first time, or does not work at all, shows now."""
    network = open_network(name, device, dtype, given=given, progress=progress)
    answering(network, device, tries=0)
    return Ready(name, network, measured(network), about(network, describe(device, dtype)))


def measured(network: Network) -> StrengthCalibration:
    """What was measured of a network's strength, if it was."""
    return read_strength_calibration(shipped("calibration") / "strength" / f"{network.name}.json")


def about(network: Network, device: str) -> dict[str, object]:
    """What ``GET /api/about`` says of the network that dreams."""
    return {
        "network": network.name,
        "device": device,
        "motifs": [{"name": name, "family": network.families.get(name, "")} for name in network.motifs],
        "layers": list(network.layers),
        "channels": dict(network.channels),
        "default_layer": network.default_layer,
    }


async def _serve(
    app: web.Application,
    start: Start,
    access: Access,
    tls: ssl.SSLContext | None,
    facts: dict[str, object],
    loop: Loop,
    console: Console,
) -> None:
    line = asyncio.Event()

    def ready(port: int) -> None:
        console.print(greeting(facts, start.host, port, access, console.is_terminal, "https" if tls else "http"))
        line.set()

    with Live(console=console, auto_refresh=False, transient=True) if console.is_terminal else _Silent() as display:
        keeping = asyncio.create_task(_keep_status(loop, display, line))
        try:
            await run(app, start.host or None, start.port, ready, tls=tls)
        finally:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)


def greeting(
    facts: dict[str, object], host: str, port: int, access: Access, with_code: bool, scheme: str = "http"
) -> Text:
    """What is printed when all is ready: the address, a QR code for the local network, and what was taken and why.

    facts: those of ``about``, with the reason in the source, and the speed found.
    """
    here, others = addresses(port, access.token, scheme)
    text = Text()
    text.append("\n  hallucinate ", style="bold")
    text.append(f"{facts['version']}\n\n", style="dim")
    rows = [("open", here), *((name, str(facts[name])) for name in ("source", "network", "device", "speed"))]
    reachable = others[0] if others and host not in ("127.0.0.1", "localhost", "::1") else ""
    if reachable:
        rows[1:1] = [("on the network", reachable), ("read aloud", spoken(reachable, access.code))]
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
        words = "; ".join(filter(None, (stats.status_text, stats.notice)))
        if isinstance(display, Live):
            display.update(Text(f"  {_figures(stats)} · {words}", style="dim"), refresh=True)
        elif words != said and loop.main.stage.newest is not None:
            logging.getLogger("hallucinate").info(words)
            said = words
        await asyncio.sleep(STATUS_EVERY_S)


def _figures(stats: LoopStatistics) -> str:
    parts = [
        f"{stats.fps} fps",
        f"{stats.capture_to_dream_ms} ms to the dream",
        f"{stats.dream_width_px} px × {stats.steps} step" + ("s" if stats.steps != 1 else "") + interval(stats),
    ]
    if stats.guests:
        parts.append(f"{stats.guests} guests")
    return " · ".join(parts)


def interval(stats: LoopStatistics) -> str:
    """How often steps are taken, where it is not on every frame."""
    return {2: " every 2nd frame", 3: " every 3rd frame"}.get(stats.step_interval, "")


class _Silent:
    """In place of the live line where output is no terminal."""

    def __enter__(self) -> _Silent:
        return self

    def __exit__(self, *exc: object) -> None:
        return None

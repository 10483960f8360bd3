"""Serving: put the parts together, print what was chosen and why, and run until a signal to stop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import torch
from aiohttp import web
from rich.console import Console

from hallucinate import __version__
from hallucinate.clock import Clock, SystemClock
from hallucinate.console import draws_blocks, open_console
from hallucinate.control.live_settings import LiveSettings, fitted
from hallucinate.device import choose_device, describe
from hallucinate.dream.dreamer import Dreamer
from hallucinate.dream.governor import NOTCH, Governor
from hallucinate.dream.strength_calibration import StrengthCalibration, read_strength_calibration
from hallucinate.dream.surface import FLAT_MONO, Geometry, Surface
from hallucinate.errors import SourceUnavailable, WeightsError
from hallucinate.files import cache_file, shipped
from hallucinate.frame import OutputFrame
from hallucinate.loop import Loop
from hallucinate.networks import Network
from hallucinate.networks.registry import NetworkOptions, check_name, list_networks, open_network, seconds_per_gradient
from hallucinate.networks.weights import DownloadProgress
from hallucinate.panorama.fitting import Fitting
from hallucinate.panorama.fitting import facts as facts_of
from hallucinate.settings import Settings
from hallucinate.sources import Source
from hallucinate.sources.camera import Camera
from hallucinate.sources.film import FilmProbe
from hallucinate.sources.first_frame import begin, starting_with
from hallucinate.sources.names import public_name
from hallucinate.sources.opening import choose_source, open_source, probe_film
from hallucinate.sources.panoramas import choose_panorama
from hallucinate.sources.picture import load_picture
from hallucinate.speed_profile import ProfiledNetwork, in_words, open_profiled, save_point, starting_point
from hallucinate.stream.access import Access, new_token
from hallucinate.stream.host_names import plain_name
from hallucinate.stream.listening import Listening, addresses
from hallucinate.stream.server import make_app
from hallucinate.stream.serving import run
from hallucinate.stream.tls import Tls, choose_tls
from hallucinate.subscriber import Stage
from hallucinate.switch import LoadedNetwork, NetworkSwitch
from hallucinate.terminal import greeting, log_handler, show_status, status_display

log = logging.getLogger(__name__)

NO_SHAPE = (640, 360)
"""(width, height) of frames that have no shape of their own: what is drawn here, and before the first frame came."""


@dataclass(frozen=True)
class ServeOptions:
    """What is chosen once, at the start; what changes live is in Settings.

    source: as after ``--source``, or None for the first camera. network_options: what came with the network's name.
    size: (width, height) of the frames, or None for the source's own shape (see ``frame.own_size``), for 640×360 where
    it has none, and for panoramas for what panorama/fitting.py says.
    panorama, lens: what the source's pictures are. max_guests: cameras dreamed beside the main source, or None for what
    the device can take. host: as ``stream/listening.py`` has it. token: "" for a new one. names, allow_origins,
    require_token: as ``stream/access.py`` has them.
    """

    source: str | None = field(repr=False)
    port: int
    host: str
    token: str = field(repr=False)
    network: str
    network_options: NetworkOptions
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
    names: tuple[str, ...] = ()
    allow_origins: tuple[str, ...] = ()
    require_token: bool = False


@dataclass(frozen=True)
class MainSource:
    """The main source, checked: as after ``--source``, why it was chosen, its frames' (width, height), its panorama.

    size: of the first frame; where the source has its own shape later ones may have another, see ``Loop.size``.
    open: as ``prepare_source`` returns it.
    """

    spec: str = field(repr=False)
    why: str
    size: tuple[int, int]
    panorama: Fitting | None
    open: Callable[[], Source] | None

    @property
    def name(self) -> str:
        """What it is called where people see it."""
        return public_name(self.spec)

    @property
    def geometry(self) -> Geometry:
        """What its frames lie on, and for whose eyes."""
        if self.panorama is None:
            return FLAT_MONO
        return Geometry(Surface(self.panorama.spec.becomes), self.panorama.spec.layout)


def serve_forever(options: ServeOptions, settings: Settings) -> None:
    """Dream and serve until SIGINT or SIGTERM. Raises HallucinateError for what cannot work, before anything runs."""
    console = open_console()
    logging.basicConfig(level=logging.INFO, handlers=[log_handler(console)])
    clock, stage = SystemClock(), Stage()
    tls = choose_tls(options.tls, options.tls_cert, options.tls_key, cache_file("tls.pem"), options.names)
    # The source first: it is what people mistype, and it is checked before seconds go into the network.
    source = choose_main(options, settings, clock, lambda: stage.newest)
    files = {"guide": options.guide_image, "mask": options.mask_image}
    pictures = {kind: load_picture(path) for kind, path in files.items() if path is not None}

    device = choose_device(options.device)
    opened, settings = open_or_go_on(options, device, settings)
    network = opened.network
    settings = fine_enough(settings, source.geometry.surface, network.motif_px)
    names = (network.motifs, network.layers, network.families, network.channels)
    live = LiveSettings(settings, *names, frozenset(pictures))
    point, known_how = starting_point(opened, settings, source.size, source.geometry)
    loop = make_loop(options, opened, live, source, Governor(point), stage, clock)
    for kind, picture in pictures.items():
        loop.set_picture(kind, picture)
    access = make_access(options, tls)
    versions = {"version": __version__, "torch": torch.__version__}
    runs = {**versions, "source": source.name, "panorama": facts_of(source.panorama)}
    chosen = {"source": f"{source.name} ({source.why})", "speed": f"{in_words(point)} ({known_how})"}
    app = make_app(loop, live, access, runs, shipped("web"), clock=clock)

    with contextlib.closing(loop):
        loop.start()
        asyncio.run(_serve(app, options, access, tls, {**runs, **loop.networks.facts, **chosen}, loop, console))
        if not loop.stats().guests and loop.networks.name == opened.name:
            save_point(opened, loop.point, live.current, loop.size, source.geometry)


def make_access(options: ServeOptions, tls: Tls | None) -> Access:
    """The rules of access: the certificate's names are this machine's, and so is the one to listen on."""
    named = (*options.names, *(tls.hosts if tls else ()), *filter(None, [plain_name(options.host)]))
    return Access(options.token or new_token(), named, options.allow_origins, options.require_token)


def choose_main(
    options: ServeOptions, settings: Settings, clock: Clock, latest: Callable[[], OutputFrame | None]
) -> MainSource:
    """The source that was requested, or else the first camera, or the scene; opened once, so that it is checked.

    latest: as for ``open_source``. Raises SourceUnavailable, PanoramaError or LensError.
    """
    choice = choose_source(options.source, options.size or NO_SHAPE, settings.fps, clock)
    spec, why, camera = choice.spec, choice.why, choice.camera
    with contextlib.ExitStack() as on_error:
        if camera is not None:
            on_error.callback(camera.close)
        film = probe_film(spec)
        panorama = choose_panorama(spec, options.panorama, options.lens, options.size, film)
        size = panorama.size if panorama is not None else options.size or NO_SHAPE
        own_shape = panorama is None and options.size is None
        opens = prepare_source(spec, size, settings, clock, panorama, latest, film, camera, own_shape)
        if own_shape and opens is not None:
            opens, size = begin(opens, clock, size)
        on_error.pop_all()
        return MainSource(spec, why, size, panorama, opens)


def make_loop(
    options: ServeOptions,
    opened: ProfiledNetwork,
    live: LiveSettings,
    source: MainSource,
    governor: Governor,
    stage: Stage,
    clock: Clock,
) -> Loop:
    """The loop, with its dreamer, and with what loads another network."""
    network, device = opened.network, opened.device

    def load(name: str, progress: DownloadProgress) -> LoadedNetwork:
        network_options = options.network_options if name == options.network else NetworkOptions()
        return load_network(name, device, opened.dtype, network_options, progress)

    facts = about(network, describe(device, opened.dtype))
    networks = NetworkSwitch(opened.name, facts, load, check_name, list_networks)
    dreamer = Dreamer(network, device, strength_calibration(network))
    main = dreamer.session(live.current, options.seed, source.geometry)
    max_guests = options.max_guests if options.max_guests is not None else (2 if device.type == "cpu" else 8)
    return Loop(source.open, main, live, clock, source.size, max_guests, governor, networks, stage)


def prepare_source(
    spec: str,
    size: tuple[int, int],
    settings: Settings,
    clock: Clock,
    panorama: Fitting | None = None,
    latest: Callable[[], OutputFrame | None] = lambda: None,
    film: FilmProbe | None = None,
    camera: Camera | None = None,
    own_shape: bool = False,
) -> Callable[[], Source] | None:
    """What opens the main source each time it has to be opened; None for ``guest``.

    latest, film, own_shape: as ``open_source``. camera: where it is open already, because some drivers fail when they
    are opened twice in a row. It is opened once now, so that what will never work is refused now. Raises
    SourceUnavailable.
    """
    if spec == "guest":
        return None
    if camera is not None:
        camera.frames_of(size, panorama, own_shape)
    first = camera or open_source(spec, size, settings.fps, clock, panorama, latest, film, own_shape)
    if camera is None and isinstance(first, Camera):
        # A camera that is not there is a mistyped number now; the same later is a cable to wait for.
        try:
            first.read()
        except Exception as error:
            first.close()
            raise SourceUnavailable(str(error)) from None
    return starting_with(
        first, lambda: open_source(spec, size, settings.fps, clock, panorama, latest, own_shape=own_shape)
    )


def fine_enough(settings: Settings, surface: Surface, motif_px: int) -> Settings:
    """Settings that let a sphere's motifs be as small as motif_degrees says, where nobody chose a dream width.

    What a picture's width shows in full is a part of a sphere's. The governor still goes as low as it has to.
    """
    if surface is Surface.FLAT or "dream_width" in settings.model_fields_set:
        return settings
    needed = NOTCH * math.ceil(motif_px * surface.degrees / settings.motif_degrees / NOTCH)
    return settings.model_copy(update={"dream_width": min(2048, max(settings.dream_width, needed))})


def open_or_go_on(options: ServeOptions, device: torch.device, settings: Settings) -> tuple[ProfiledNetwork, Settings]:
    """The network that was requested, or the bundled one where its weights cannot be had, and settings for it.

    Settings that nobody chose are fitted to it; motifs and layers that were named stay, and are checked with the rest.
    Raises NetworkError for a name that does not exist, or a file that is damaged or of another network.
    """
    chosen = bool(settings.model_fields_set & {"motifs", "layers"})
    try:
        opened = open_profiled(options.network, device, options.network_options)
    except WeightsError as error:
        log.warning(f"{error}. The bundled network is used instead")
        opened, chosen = open_profiled("motif", device), False
    network = opened.network
    if not chosen:
        settings = fitted(settings, network.motifs, network.channels, network.default_layer)
    return opened, settings


def load_network(
    name: str, device: torch.device, dtype: torch.dtype, options: NetworkOptions, progress: DownloadProgress
) -> LoadedNetwork:
    """A network to switch to, tried once, so that what is slow the first time, or does not work at all, shows now."""
    network = open_network(name, device, dtype, options=options, progress=progress)
    seconds_per_gradient(network, device, tries=0)
    return LoadedNetwork(name, network, strength_calibration(network), about(network, describe(device, dtype)))


def strength_calibration(network: Network) -> StrengthCalibration:
    """What was measured of a network's strength, if it was."""
    return read_strength_calibration(shipped("calibration") / "strength" / f"{network.name}.json")


def about(network: Network, device: str) -> dict[str, object]:
    """What ``GET /api/about`` tells of the network that dreams."""
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
    options: ServeOptions,
    access: Access,
    tls: Tls | None,
    facts: dict[str, object],
    loop: Loop,
    console: Console,
) -> None:
    serving, with_code = asyncio.Event(), console.is_terminal and draws_blocks(console)

    scheme = "https" if tls else "http"
    certified = tls.hosts if tls and options.tls_cert else ()
    name = next((host for host in certified if host != "localhost" and not host.startswith("*.")), "")

    def ready(at: Listening) -> None:
        access.entrance = addresses(at, access.token, scheme, required=True)[0]
        console.print(greeting(facts, at, access, with_code, scheme, name))
        serving.set()

    with status_display(console) as display:
        status = asyncio.create_task(show_status(loop, display, serving))
        try:
            await run(app, options.host, options.port, ready, tls=tls.context if tls else None)
        finally:
            status.cancel()
            await asyncio.gather(status, return_exceptions=True)

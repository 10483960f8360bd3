"""The offline commands: still, film, zoom, sweep. Every knob that means something to them is an option as well."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from hallucinate.errors import SettingsError
from hallucinate.options import one_of, read_size, with_knobs
from hallucinate.settings import Settings

MOTION = ("growth_s", "half_life_s", "motion_compensation", "drift_zoom", "drift_turn", "drift_flow")
LIVE_ONLY = frozenset([*MOTION, "steps", "dream_width", "dream_width_min", "fps"])
"""Knobs of what moves, or of what has to be in time."""

NOT_CLASSIC = (*sorted(LIVE_ONLY), "where", "guide", "guide_layer")
"""Knobs that mean nothing to a film in the classic manner: it takes no pictures beside the film's own."""

Photo = Annotated[Path, typer.Argument(help="a picture", show_default=False)]
Like = Annotated[str, typer.Option(help="a classic dream by one word: notebook, or hallucination-machine")]
Iterations = Annotated[
    int | None,
    typer.Option(min=1, max=10000, help="steps on each octave [default: what --like sets; of a still without it 10]"),
]
StepSize = Annotated[
    str | None,
    typer.Option(
        help="mean size of a step, e.g. 0.01 or 1.5/255 [default: what --like sets; without it, strength says how far "
        "it goes]"
    ),
]
Network = Annotated[
    str, typer.Option(help="the network that dreams: a name that `hallucinate networks` lists, or a file")
]
Weights = Annotated[
    Path | None, typer.Option(help="a file of weights for the network, safetensors or torch's [default: its own]")
]
RunCode = Annotated[
    bool,
    typer.Option("--run-code", help="let a .pt2 or .pt file run its code, which can do anything to this machine"),
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1")]
Seed = Annotated[int, typer.Option(min=0, help="of all that is random")]
Tile = Annotated[int, typer.Option(min=64, max=8192, help="pixels of a large picture that are looked at together")]
GuideImage = Annotated[Path | None, typer.Option(help="a picture to dream of")]
MaskImage = Annotated[Path | None, typer.Option(help="where it dreams: there this picture is bright")]
Force = Annotated[bool, typer.Option("--force", help="replace what is there, and what was begun otherwise")]


def dream_still(
    photo: Photo,
    out: Annotated[Path, typer.Option("--out", "-o", help="the picture to write: png, jpg, webp or tiff")],
    like: Like = "",
    iterations: Iterations = None,
    step_size: StepSize = None,
    every: Annotated[int, typer.Option(min=0, help="write a stage every so many iterations, beside it")] = 0,
    gif: Annotated[Path | None, typer.Option(help="string the stages together, as a GIF")] = None,
    mp4: Annotated[Path | None, typer.Option(help="string the stages together, as a film")] = None,
    guide_image: GuideImage = None,
    mask_image: MaskImage = None,
    network: Network = "motif",
    weights: Weights = None,
    run_code: RunCode = False,
    device: Device = "auto",
    seed: Seed = 0,
    tile: Tile = 1024,
    force: Force = False,
    *,
    settings: Settings,
) -> None:
    """Dream a picture at its full size, octave after octave. Killed, the same command goes on where it was."""
    step = read_step("--step-size", step_size)
    # Here, because torch takes seconds to import, and --help and a mistyped option should not.
    from hallucinate.networks.registry import NetworkOptions
    from hallucinate.studio.sitting import Ask
    from hallucinate.studio.still import Order, still

    given = NetworkOptions(weights, run_code)
    ask = Ask(settings, like, iterations, step, network, device, seed, tile, guide_image, mask_image, given)
    still(Order(photo, out, ask, every, gif, mp4, force))


def dream_film(
    sources: Annotated[list[Path], typer.Argument(help="films, or folders of films", show_default=False)],
    out: Annotated[Path, typer.Option("--out", "-o", help="the film to write; for several, a folder")],
    codec: Annotated[str, typer.Option(help="h264 or hevc")] = "h264",
    crf: Annotated[int, typer.Option(min=0, max=51, help="quality: lower is better, and larger")] = 16,
    segments: Annotated[
        str, typer.Option(help="film, dreamed in one go; or scene: each scene by itself, from cut to cut")
    ] = "film",
    ray: Annotated[
        str | None,
        typer.Option(help="dream over many machines with Ray: local, auto, or the address of a cluster"),
    ] = None,
    guide_image: GuideImage = None,
    mask_image: MaskImage = None,
    like: Like = "",
    iterations: Iterations = None,
    step_size: StepSize = None,
    network: Network = "motif",
    weights: Weights = None,
    run_code: RunCode = False,
    device: Device = "auto",
    seed: Seed = 0,
    panorama: Annotated[
        str, typer.Option(help="equirect or half-equirect, with two eyes e.g. equirect:top-bottom; auto: as it says")
    ] = "auto",
    force: Force = False,
    *,
    settings: Settings,
) -> None:
    """Dream a film, as live or --like a classic. Sound, timing, colour, 360° data are kept; killed, it goes on."""
    one_of("--codec", codec, ("h264", "hevc"))
    one_of("--segments", segments, ("film", "scene"))
    step = read_step("--step-size", step_size)
    check_manner(like, {"--iterations": iterations, "--step-size": step_size}, settings, panorama)
    from hallucinate.networks.registry import NetworkOptions
    from hallucinate.studio.film import films
    from hallucinate.studio.order import Order
    from hallucinate.studio.sitting import Ask

    asked, given = (settings, like, iterations, step, network, device, seed), NetworkOptions(weights, run_code)
    ask = Ask(*asked, guide_image=guide_image, mask_image=mask_image, given=given)
    films(sources, out, Order(Path(), Path(), ask, codec, crf, segments == "scene", force, panorama), ray)


def check_manner(like: str, classic: Mapping[str, object], settings: Settings, panorama: str) -> None:
    """Raise SettingsError for what means nothing to a film dreamed as live, or else to one in the classic manner."""
    if not like:
        for option in (option for option, given in classic.items() if given is not None):
            raise SettingsError(f"{option} is for --like; a film dreamed as live takes --steps and --strength")
        return
    for knob in (knob for knob in NOT_CLASSIC if knob in settings.model_fields_set):
        raise SettingsError(f"--{knob.replace('_', '-')} means nothing to a film with --like; leave one of them out")
    if panorama not in ("auto", "flat"):
        raise SettingsError(f"--panorama {panorama}: --like dreams every picture as a flat one; leave one of them out")


def dream_zoom(
    picture: Annotated[Path | None, typer.Argument(help="a picture to begin with [default: noise]")] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="an mp4 or a gif to write, or a folder for pictures")] = Path(
        "zoom.mp4"
    ),
    seconds: Annotated[float, typer.Option(min=0.1, max=86400, help="how long it is")] = 10.0,
    frames: Annotated[int | None, typer.Option(min=1, help="how long it is, in frames instead")] = None,
    fps: Annotated[float, typer.Option(min=1, max=60, help="frames a second")] = 24.0,
    scale: Annotated[float, typer.Option(min=0.25, max=4, help="times larger in a second; below 1 it recedes")] = 1.25,
    turn: Annotated[float, typer.Option(min=-360, max=360, help="degrees in a second, clockwise")] = 0.0,
    shift_x: Annotated[float, typer.Option(min=-2, max=2, help="drift in a second, as a share of the width")] = 0.0,
    shift_y: Annotated[float, typer.Option(min=-2, max=2, help="drift in a second, as a share of the height")] = 0.0,
    through: Annotated[str, typer.Option(help="layers and motifs, one after the other: mixed4c,eye,spiral")] = "",
    every: Annotated[int, typer.Option(min=1, help="frames from one of --through to the next")] = 48,
    size: Annotated[str | None, typer.Option(help="WIDTHxHEIGHT [default: the picture's; from noise 640x360]")] = None,
    like: Like = "",
    iterations: Annotated[int, typer.Option(min=1, max=10000, help="steps on each octave of a frame")] = 1,
    step_size: StepSize = None,
    guide_image: GuideImage = None,
    network: Network = "motif",
    weights: Weights = None,
    run_code: RunCode = False,
    device: Device = "auto",
    seed: Seed = 0,
    tile: Tile = 1024,
    force: Force = False,
    *,
    settings: Settings,
) -> None:
    """Zoom into a dream that feeds itself, from noise or a picture. Killed, the same command goes on where it was."""
    step, wanted = read_step("--step-size", step_size), None if size is None else read_size(size)
    from hallucinate.networks.registry import NetworkOptions
    from hallucinate.studio.sitting import Ask
    from hallucinate.studio.zoom import Order, zoom
    from hallucinate.zooming import Move

    asked = (settings, like, iterations, step, network, device, seed, tile, guide_image)
    ask = Ask(*asked, given=NetworkOptions(weights, run_code))
    names = tuple(filter(None, (name.strip() for name in through.split(","))))
    move = Move(scale, turn, shift_x, shift_y)
    count = frames if frames is not None else max(1, round(seconds * fps))
    zoom(Order(picture, out, ask, count, fps, move, wanted, names, every if names else 0, force))


def sweep_photo(
    photo: Photo,
    out: Annotated[Path, typer.Option("--out", "-o", help="the sheet to write: png, jpg, webp or tiff")],
    over: Annotated[
        str, typer.Option(help="what varies: layer, iterations, step; first by rows, then columns, then sheets")
    ] = "layer,iterations",
    layer: Annotated[str, typer.Option(help="layers or motifs, e.g. stem,mixed4c,eye [default: all layers]")] = "",
    iterations: Annotated[str, typer.Option(help="steps on each octave [default: 10,50,100, or 10]")] = "",
    step: Annotated[str, typer.Option(help="mean sizes of a step [default: 0.01,0.1,1, or 0.01]")] = "",
    cell: Annotated[int, typer.Option(min=32, max=2048, help="width of a cell, in pixels")] = 240,
    like: Like = "",
    guide_image: GuideImage = None,
    mask_image: MaskImage = None,
    network: Network = "motif",
    weights: Weights = None,
    run_code: RunCode = False,
    device: Device = "auto",
    seed: Seed = 0,
    force: Force = False,
    *,
    settings: Settings,
) -> None:
    """Dream a picture with every combination of a few values: a labelled sheet. Killed, it goes on cell by cell."""
    from hallucinate.networks.registry import NetworkOptions
    from hallucinate.studio.sitting import Ask
    from hallucinate.studio.sweep import Order, read_over, sweep

    values = read_over(over, {"layer": layer, "iterations": iterations, "step": step})
    counts = [read_count(text) for text in values.get("iterations", filter(None, [iterations]))]
    steps = {text: read_step("--step", text) or 0.0 for text in values.get("step", filter(None, [step]))}
    if layer and "layer" not in values:
        settings = settings.model_copy(update={"motifs": {}, "layers": {layer: 1.0}})
    alone = None if "iterations" in values or not counts else counts[0]
    size = None if "step" in values else next(iter(steps.values()), None if like else 0.01)
    asked = (settings, like, alone, size, network, device, seed)
    ask = Ask(*asked, guide_image=guide_image, mask_image=mask_image, given=NetworkOptions(weights, run_code))
    sweep(Order(photo, out, ask, values, steps, cell, force))


def read_count(text: str) -> int:
    """A number of iterations. Raises SettingsError unless it is a whole one from 1 to 10000."""
    if not text.isdecimal() or not 1 <= int(text) <= 10000:
        raise SettingsError(f"--iterations {text}: give whole numbers from 1 to 10000, e.g. 10,50,100")
    return int(text)


def read_step(option: str, text: str | None) -> float | None:
    """``0.01`` or ``1.5/255`` -> a step's size. Raises SettingsError unless it is above 0 and at most 10."""
    if text is None:
        return None
    above, _, below = text.partition("/")
    try:
        size = float(above) / float(below or 1)
    except (ValueError, ZeroDivisionError):
        size = math.nan
    if not 0 < size <= 10:
        raise SettingsError(f"{option} {text}: give a number above 0 and up to 10, e.g. 0.01 or 1.5/255")
    return size


def add_studio(app: typer.Typer) -> None:
    """Make the offline commands part of the command line."""
    app.command("film")(with_knobs(dream_film))
    app.command("still")(with_knobs(dream_still, LIVE_ONLY))
    app.command("zoom")(with_knobs(dream_zoom, LIVE_ONLY | {"where", "total_variation", "l2_weight"}))
    app.command("sweep")(with_knobs(sweep_photo, LIVE_ONLY))

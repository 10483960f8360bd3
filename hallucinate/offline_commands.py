"""The offline commands: still, film, zoom, sweep. Every setting that means something to one is an option of it too.

Each command imports what it runs when it is called, because torch takes seconds to import, and ``--help`` and a
mistyped option should not.
"""

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
"""Settings for what moves, or for what has to be in time."""

NOT_CLASSIC = (*sorted(LIVE_ONLY), "where", "guide", "guide_layer")
"""Settings that mean nothing to a film with a classic preset, which takes no pictures beside the film's own."""

Photo = Annotated[Path, typer.Argument(help="the picture to dream", show_default=False)]
Preset = Annotated[str, typer.Option("--like", help="a classic preset: notebook or hallucination-machine")]
Iterations = Annotated[
    int | None,
    typer.Option(
        min=1, max=10000, help="steps on each octave [default: as --like sets it; without it 10, for a still]"
    ),
]
StepSize = Annotated[
    str | None,
    typer.Option(
        help="mean size of a step, e.g. 0.01 or 1.5/255 [default: as --like sets it; without it, --strength decides "
        "how far the dream goes]"
    ),
]
Network = Annotated[
    str, typer.Option(help="the network that dreams: a name that `hallucinate networks` lists, or a file")
]
Weights = Annotated[
    Path | None,
    typer.Option(help="a file of weights for the network, from safetensors or torch.save [default: its own]"),
]
RunCode = Annotated[
    bool,
    typer.Option("--run-code", help="let a .pt2 or .pt file run its code, which can do anything to this machine"),
]
Device = Annotated[str, typer.Option(help="the device that dreams: auto, cpu, cuda or cuda:1")]
Seed = Annotated[int, typer.Option(min=0, help="the seed of everything random")]
Tile = Annotated[
    int, typer.Option(min=64, max=8192, help="width of the tiles in which a large picture is dreamed, in pixels")
]
GuideImage = Annotated[Path | None, typer.Option(help="a guide picture, whose features the dream takes on")]
MaskImage = Annotated[Path | None, typer.Option(help="a mask picture: the dream appears where it is bright")]
Force = Annotated[bool, typer.Option("--force", help="replace files that exist, and discard other unfinished work")]


def dream_still(
    photo: Photo,
    out: Annotated[Path, typer.Option("--out", "-o", help="the picture to write: png, jpg, webp or tiff")],
    preset: Preset = "",
    iterations: Iterations = None,
    step_size: StepSize = None,
    every: Annotated[
        int, typer.Option(min=0, help="write a stage beside the picture every so many iterations; 0 writes none")
    ] = 0,
    gif: Annotated[Path | None, typer.Option(help="write the stages as an animated GIF")] = None,
    mp4: Annotated[Path | None, typer.Option(help="write the stages as a film")] = None,
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
    """Dream a picture at its full size, octave after octave. If it is stopped, the same command continues it."""
    step = read_step("--step-size", step_size)
    from hallucinate.dream_request import DreamRequest
    from hallucinate.networks.registry import NetworkOptions
    from hallucinate.still.still_job import StillJob, render_still

    request = DreamRequest(
        settings=settings,
        preset=preset,
        iterations=iterations,
        step_size=step,
        network=network,
        device=device,
        seed=seed,
        tile=tile,
        guide_image=guide_image,
        mask_image=mask_image,
        network_options=NetworkOptions(weights, run_code),
    )
    render_still(StillJob(photo, out, request, every, gif, mp4, force))


def dream_film(
    sources: Annotated[list[Path], typer.Argument(help="films, or folders of films", show_default=False)],
    out: Annotated[Path, typer.Option("--out", "-o", help="the film to write; for several films, a folder")],
    codec: Annotated[
        str,
        typer.Option(
            help="the codec of the film: h264, of eight bits; hevc, of ten where the film has more; auto takes h264 "
            "for films of eight bits up to 4096x2304, and hevc for others"
        ),
    ] = "auto",
    keep_chroma: Annotated[
        bool,
        typer.Option(
            "--keep-chroma", help="keep 4:2:2 or 4:4:4 chroma, which few players show, instead of halving it to 4:2:0"
        ),
    ] = False,
    crf: Annotated[
        int, typer.Option(min=0, max=51, help="the encoder's quality: a lower number is better, and a larger file")
    ] = 16,
    segments: Annotated[
        str, typer.Option(help="film: dreamed as one. scene: each scene by itself, from cut to cut")
    ] = "film",
    ray: Annotated[
        str | None,
        typer.Option(help="dream over many machines with Ray: local, auto, or the address of a cluster"),
    ] = None,
    guide_image: GuideImage = None,
    mask_image: MaskImage = None,
    preset: Preset = "",
    iterations: Iterations = None,
    step_size: StepSize = None,
    network: Network = "motif",
    weights: Weights = None,
    run_code: RunCode = False,
    device: Device = "auto",
    seed: Seed = 0,
    panorama: Annotated[
        str,
        typer.Option(
            help="what the film shows: flat, equirect or half-equirect, with two eyes e.g. equirect:top-bottom; auto "
            "takes what the film says of itself"
        ),
    ] = "auto",
    force: Force = False,
    *,
    settings: Settings,
) -> None:
    """Dream a film, as live or with --like. Sound, timing, colour and 360° data stay as they are. If it is stopped, the
    same command continues it."""
    one_of("--codec", codec, ("auto", "h264", "hevc"))
    one_of("--segments", segments, ("film", "scene"))
    step = read_step("--step-size", step_size)
    check_film_options(preset, {"--iterations": iterations, "--step-size": step_size}, settings, panorama)
    from hallucinate.dream_request import DreamRequest
    from hallucinate.film.film_job import FilmJob
    from hallucinate.film.films import render_films
    from hallucinate.networks.registry import NetworkOptions

    request = DreamRequest(
        settings=settings,
        preset=preset,
        iterations=iterations,
        step_size=step,
        network=network,
        device=device,
        seed=seed,
        guide_image=guide_image,
        mask_image=mask_image,
        network_options=NetworkOptions(weights, run_code),
    )
    template = FilmJob(Path(), Path(), request, codec, keep_chroma, crf, segments == "scene", force, panorama)
    render_films(sources, out, template, ray)


def check_film_options(preset: str, classic: Mapping[str, object], settings: Settings, panorama: str) -> None:
    """Raise SettingsError for options that mean nothing to a film dreamed as live, or to one with a classic preset.

    classic: the values of the options that only a preset takes, by the options' names.
    """
    if not preset:
        for option in (option for option, value in classic.items() if value is not None):
            raise SettingsError(f"{option} is for films with --like; add --like, or use --steps and --strength instead")
        return
    for name in (name for name in NOT_CLASSIC if name in settings.model_fields_set):
        raise SettingsError(f"--{name.replace('_', '-')} means nothing to a film with --like; omit one of them")
    if panorama not in ("auto", "flat"):
        raise SettingsError(f"--panorama {panorama}: --like dreams every picture as a flat one; omit one of them")


def dream_zoom(
    picture: Annotated[Path | None, typer.Argument(help="the first picture [default: noise]")] = None,
    out: Annotated[
        Path, typer.Option("--out", "-o", help="the .mp4 or .gif to write, or a folder for the frames")
    ] = Path("zoom.mp4"),
    seconds: Annotated[float, typer.Option(min=0.1, max=86400, help="the length in seconds")] = 10.0,
    frames: Annotated[int | None, typer.Option(min=1, help="the length in frames, instead of --seconds")] = None,
    fps: Annotated[float, typer.Option(min=1, max=60, help="frames a second")] = 24.0,
    scale: Annotated[
        float,
        typer.Option(min=0.25, max=4, help="how many times larger the picture gets in a second; below 1 smaller"),
    ] = 1.25,
    turn: Annotated[float, typer.Option(min=-360, max=360, help="degrees of rotation in a second, clockwise")] = 0.0,
    shift_x: Annotated[
        float, typer.Option(min=-2, max=2, help="drift to the right in a second, as a share of the width")
    ] = 0.0,
    shift_y: Annotated[
        float, typer.Option(min=-2, max=2, help="drift down in a second, as a share of the height")
    ] = 0.0,
    through: Annotated[
        str, typer.Option(help="layers and motifs to dream one after the other, e.g. mixed4c,eye,spiral")
    ] = "",
    every: Annotated[int, typer.Option(min=1, help="frames from one of --through to the next")] = 48,
    size: Annotated[
        str | None, typer.Option(help="WIDTHxHEIGHT of the film [default: the picture's; from noise 640x360]")
    ] = None,
    preset: Preset = "",
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
    """Zoom into a dream that feeds itself, from noise or a picture. If it is stopped, the same command continues it."""
    step, width_and_height = read_step("--step-size", step_size), None if size is None else read_size(size)
    from hallucinate.dream_request import DreamRequest
    from hallucinate.networks.registry import NetworkOptions
    from hallucinate.zoom.zoom_job import ZoomJob, render_zoom
    from hallucinate.zoom_motion import ZoomMotion

    request = DreamRequest(
        settings=settings,
        preset=preset,
        iterations=iterations,
        step_size=step,
        network=network,
        device=device,
        seed=seed,
        tile=tile,
        guide_image=guide_image,
        network_options=NetworkOptions(weights, run_code),
    )
    names = tuple(filter(None, (name.strip() for name in through.split(","))))
    motion = ZoomMotion(scale, turn, shift_x, shift_y)
    count = frames if frames is not None else max(1, round(seconds * fps))
    every = every if names else 0
    render_zoom(ZoomJob(picture, out, request, count, fps, motion, width_and_height, names, every, force))


def dream_sweep(
    photo: Photo,
    out: Annotated[Path, typer.Option("--out", "-o", help="the sheet to write: png, jpg, webp or tiff")],
    over: Annotated[
        str, typer.Option(help="what varies: layer, iterations, step; the first by rows, then columns, then sheets")
    ] = "layer,iterations",
    layer: Annotated[str, typer.Option(help="layers or motifs, e.g. stem,mixed4c,eye [default: all layers]")] = "",
    iterations: Annotated[str, typer.Option(help="steps on each octave [default: 10,50,100, or 10]")] = "",
    step: Annotated[str, typer.Option(help="mean sizes of a step [default: 0.01,0.1,1, or 0.01]")] = "",
    cell: Annotated[int, typer.Option(min=32, max=2048, help="width of a cell, in pixels")] = 240,
    preset: Preset = "",
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
    """Dream a picture with every combination of a few values, on a labelled sheet. If it is stopped, the same command
    continues it."""
    from hallucinate.dream_request import DreamRequest
    from hallucinate.networks.registry import NetworkOptions
    from hallucinate.still.sweep import SweepJob, read_swept, render_sweep

    values = read_swept(over, {"layer": layer, "iterations": iterations, "step": step})
    counts = [read_count(text) for text in values.get("iterations", filter(None, [iterations]))]
    steps = {text: read_step("--step", text) or 0.0 for text in values.get("step", filter(None, [step]))}
    if layer and "layer" not in values:
        settings = settings.model_copy(update={"motifs": {}, "layers": {layer: 1.0}})
    request = DreamRequest(
        settings=settings,
        preset=preset,
        iterations=None if "iterations" in values or not counts else counts[0],
        step_size=None if "step" in values else next(iter(steps.values()), None if preset else 0.01),
        network=network,
        device=device,
        seed=seed,
        guide_image=guide_image,
        mask_image=mask_image,
        network_options=NetworkOptions(weights, run_code),
    )
    render_sweep(SweepJob(photo, out, request, values, steps, cell, force))


def read_count(text: str) -> int:
    """A number of iterations. Raises SettingsError unless it is a whole one from 1 to 10000."""
    if not text.isdecimal() or not 1 <= int(text) <= 10000:
        raise SettingsError(f"--iterations {text}: use whole numbers from 1 to 10000, e.g. 10,50,100")
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
        raise SettingsError(f"{option} {text}: use a number above 0 and at most 10, e.g. 0.01 or 1.5/255")
    return size


def add_offline_commands(app: typer.Typer) -> None:
    """Make the offline commands part of the command line."""
    app.command("film")(with_knobs(dream_film))
    app.command("still")(with_knobs(dream_still, LIVE_ONLY))
    app.command("zoom")(with_knobs(dream_zoom, LIVE_ONLY | {"where", "total_variation", "l2_weight"}))
    app.command("sweep")(with_knobs(dream_sweep, LIVE_ONLY))

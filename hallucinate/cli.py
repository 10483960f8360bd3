"""The commands; thin. ``hallucinate`` alone serves. Every knob of settings.py is an option of the same name."""

from __future__ import annotations

import inspect
import shutil
import sys
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Annotated, Any

import typer
from annotated_types import Ge, Le
from pydantic import ValidationError
from pydantic.fields import FieldInfo
from typer.exceptions import TyperException

from hallucinate import __version__
from hallucinate.errors import HallucinateError, SettingsError
from hallucinate.settings import Settings, one_line, read_size
from hallucinate.studio.commands import add_studio

MIXES = {"motifs": "eye=1,spiral=0.5", "layers": "mixed4c=1,mixed3b:12=0.5"}
"""The knobs that are several things by weight, and how they are written."""

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


def main() -> None:
    """Run the command line. Bad input is one line on standard error, and exit code 2."""
    try:
        code = app(standalone_mode=False)
    except (HallucinateError, TyperException) as error:
        message = error.format_message() if isinstance(error, TyperException) else str(error)
        print(f"hallucinate: {' '.join(message.split())}", file=sys.stderr)
        sys.exit(2)
    except (KeyboardInterrupt, typer.Abort):
        sys.exit(130)
    sys.exit(code if isinstance(code, int) else 0)


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"hallucinate {__version__}")
        raise typer.Exit


def with_knobs(command: Callable[..., None], but: Collection[str] = ()) -> Callable[..., None]:
    """Give a command every knob of Settings as an option; it gets those that were given, checked, as ``settings``.

    but: knobs that mean nothing to it.
    """
    own = [p for p in inspect.signature(command, eval_str=True).parameters.values() if p.name != "settings"]
    options = []
    heard = {name: knob for name, knob in Settings.model_fields.items() if name not in but}
    for name, knob in heard.items():
        mix = name in MIXES
        help_text = knob.description or ""
        if mix:
            help_text += f"; e.g. {MIXES[name]}"
        option = typer.Option(help=f"{help_text} [{_allowed(knob)}default: {_shown(knob.get_default())}]")
        kind: Any = str if mix else knob.annotation
        annotation = Annotated[kind | None, option]
        options.append(inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation))

    def run(**given: Any) -> None:
        knobs = {name: value for name in heard if (value := given.pop(name)) is not None}
        command(**given, settings=read_settings(knobs))

    signature = inspect.Signature([*own, *options])
    run.__signature__ = signature  # type: ignore[attr-defined]  # what typer reads
    run.__annotations__ = {p.name: p.annotation for p in signature.parameters.values()}
    run.__doc__ = command.__doc__
    return run


def read_settings(knobs: dict[str, Any]) -> Settings:
    """Settings from the options that were given. Raises SettingsError with one line."""
    knobs = {**knobs, **{name: read_mix(name, knobs[name]) for name in MIXES if isinstance(knobs.get(name), str)}}
    if knobs.get("layers") and "motifs" not in knobs:
        knobs["motifs"] = {}  # who names layers alone means them alone, not beside what motifs are by default
    try:
        return Settings.model_validate(knobs)
    except ValidationError as error:
        raise SettingsError(one_line(error)) from None


def read_mix(knob: str, text: str) -> dict[str, float]:
    """``eye=1,spiral=0.5`` or ``eye,spiral`` -> weights by name; a name alone weighs 1."""
    mix: dict[str, float] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, weight = (piece.strip() for piece in part.partition("="))
        try:
            mix[name] = float(weight) if weight else 1.0
        except ValueError:
            raise SettingsError(f"{knob}: {part!r} has no number after '='; write a mix like {MIXES[knob]}") from None
    return mix


def read_numbers(option: str, text: str, low: int, high: int) -> list[int]:
    """``160,320`` -> [160, 320]. Raises SettingsError unless each is a whole number from ``low`` to ``high``."""
    found = [int(part) for part in text.split(",") if part.strip().isdecimal()]
    if len(found) != len(text.split(",")) or not all(low <= number <= high for number in found):
        raise SettingsError(f"{option} {text}: give whole numbers from {low} to {high}, e.g. {low},{2 * low}")
    return found


def _check_file(option: str, path: Path | None) -> None:
    """Refuse a file that cannot be written because of where it is, before minutes go into what is written to it."""
    if path is None:
        return
    if not path.parent.is_dir():
        raise SettingsError(f"{option} {path}: there is no folder {path.parent}; make it, or name another file")
    if path.is_dir():
        raise SettingsError(f"{option} {path}: this is a folder; name a file in it")
    beside = path.with_name(f"{path.name}.part")
    try:
        beside.touch()
        beside.unlink()
    except OSError as error:
        raise SettingsError(f"{option} {path}: cannot be written ({error.strerror}); name another file") from None


def _allowed(knob: FieldInfo) -> str:
    low = [bound.ge for bound in knob.metadata if isinstance(bound, Ge)]
    high = [bound.le for bound in knob.metadata if isinstance(bound, Le)]
    return f"{low[0]} to {high[0]}; " if low and high else ""


def _shown(value: Any) -> str:
    return ",".join(f"{k}={v:g}" for k, v in value.items()) if isinstance(value, dict) else str(value) or "none"


def _only_alone(context: typer.Context) -> None:
    """Refuse options before a command that would not hear them."""
    sources = {name: context.get_parameter_source(name) for name in context.params}
    unheard = [name for name, source in sources.items() if source and source.name == "COMMANDLINE"]
    if unheard:
        options = ", ".join(f"--{name.replace('_', '-')}" for name in unheard)
        command = context.invoked_subcommand
        raise SettingsError(f"{options} is for serving, not for `{command}`: leave it out, or leave out `{command}`")


def serve(
    context: typer.Context,
    source: Annotated[
        str | None,
        typer.Option(
            help="camera:0, a film, a picture, an rtsp:// or http:// address, scene, zoom, or visitor "
            "[default: the first camera, or else the scene]",
        ),
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one")] = 8765,
    host: Annotated[str, typer.Option(help="address to listen on; 127.0.0.1 shuts others out")] = "0.0.0.0",
    token: Annotated[
        str,
        typer.Option(help="what others on the network must know [default: random]"),
    ] = "",
    network: Annotated[str, typer.Option(help="the network that dreams")] = "motif",
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1")] = "auto",
    size: Annotated[str, typer.Option(help="of the picture that is shown")] = "640x360",
    visitors: Annotated[
        int | None,
        typer.Option(min=0, max=64, help="cameras dreamed for visitors [default: 2, 8 on a GPU]"),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="of jitter")] = 0,
    guide_image: Annotated[Path | None, typer.Option(help="a picture for --guide to dream of")] = None,
    mask_image: Annotated[Path | None, typer.Option(help="where --where painted dreams: there it is bright")] = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="print the version and exit")
    ] = False,
    *,
    settings: Settings,
) -> None:
    """Dream what a camera sees, live, in the browser."""
    if context.invoked_subcommand is not None:
        _only_alone(context)
        return
    width_and_height = read_size(size)
    # Here, because torch takes seconds to import, and --help and a mistyped option should not.
    from hallucinate.serve import Start, serve_forever

    serve_forever(
        Start(source, port, host, token, network, device, width_and_height, visitors, seed, guide_image, mask_image),
        settings,
    )


app.callback(invoke_without_command=True)(with_knobs(serve))
add_studio(app, with_knobs)


@app.command("bench")
def bench_machine(
    networks: Annotated[str, typer.Option(help="networks to measure, e.g. motif")] = "motif",
    widths: Annotated[str, typer.Option(help="dream widths in pixels")] = "160,320,480,640",
    steps: Annotated[str, typer.Option(help="gradient steps a frame")] = "1,3",
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1")] = "auto",
    out: Annotated[Path | None, typer.Option("--json", help="write the figures to this file as well")] = None,
) -> None:
    """What this machine can dream: milliseconds, frames a second, memory, share of the roofline."""
    wide, counts = read_numbers("--widths", widths, 64, 4096), read_numbers("--steps", steps, 1, 64)
    _check_file("--json", out)
    from hallucinate.calibrate.bench import bench

    bench([name.strip() for name in networks.split(",")], wide, counts, device, out)


networks = typer.Typer()
app.add_typer(networks, name="networks")


@networks.callback(invoke_without_command=True)
def list_networks(context: typer.Context) -> None:
    """The networks that can dream; ``networks show NAME`` for one's motifs and layers."""
    if context.invoked_subcommand is None:
        from hallucinate.networks.listing import all_networks

        print("\n".join(all_networks()))


@networks.command("show")
def show_network(name: Annotated[str, typer.Argument(help="as `hallucinate networks` lists it")]) -> None:
    """What a network can be asked for: its motifs, one a line with its family, and its layers, shallow to deep."""
    from hallucinate.networks.listing import about

    print("\n".join(about(name)))


calibration = typer.Typer()
app.add_typer(calibration, name="calibrate", help="Measure what is otherwise assumed, and keep it.")


@calibration.command("speed")
def calibrate_speed(
    network: Annotated[str, typer.Option(help="the network that dreams")] = "motif",
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1")] = "auto",
) -> None:
    """With which dream width, steps and precision this machine holds the frame rate; the next start begins there."""
    from hallucinate.calibrate.speed import calibrate

    calibrate(network, device)


@calibration.command("strength")
def calibrate_strength(
    network: Annotated[str, typer.Option(help="the network that dreams")] = "motif",
    out: Annotated[
        Path | None, typer.Option(help="folder for what is measured [default: calibration/strength]")
    ] = None,
) -> None:
    """How far each motif and layer goes at one strength, so that equal strength looks equally far for all."""
    if out is not None and out.exists() and not out.is_dir():
        raise SettingsError(f"--out {out}: this is no folder; name one, which is made if it is not there")
    from hallucinate.calibrate.strength import calibrate
    from hallucinate.shipped import shipped

    calibrate(network, out or shipped("calibration") / "strength")


@calibration.command("latency")
def calibrate_latency(
    seconds: Annotated[float, typer.Option(min=1, max=3600, help="of watching")] = 20.0,
    browser: Annotated[str | None, typer.Option(help="a Chromium to watch with [default: the system's]")] = None,
    out: Annotated[Path | None, typer.Option("--json", help="write the figures to this file as well")] = None,
) -> None:
    """Milliseconds from capture to screen, through a real browser on this machine."""
    if browser is not None and shutil.which(browser) is None:
        raise SettingsError(f"--browser {browser}: there is no such program; give its path, e.g. /usr/bin/chromium")
    _check_file("--json", out)
    from hallucinate.calibrate.latency import calibrate

    calibrate(seconds, browser, out)

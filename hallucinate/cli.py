"""The commands; thin. ``hallucinate`` alone serves. Every knob of settings.py is an option of the same name."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError
from typer.exceptions import TyperException

from hallucinate import __version__
from hallucinate.calibrate.commands import add_calibration
from hallucinate.errors import HallucinateError, SettingsError
from hallucinate.options import with_knobs
from hallucinate.settings import Settings, read_size
from hallucinate.studio.commands import add_studio

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


def main() -> None:
    """Run the command line. Bad input is one line on standard error, and exit code 2."""
    try:
        code = app(standalone_mode=False)
    except (HallucinateError, TyperException) as error:
        message = _said(error) if isinstance(error, TyperException) else str(error)
        print(f"hallucinate: {' '.join(message.split())}", file=sys.stderr)
        sys.exit(2)
    except (KeyboardInterrupt, typer.Abort):
        sys.exit(130)
    sys.exit(code if isinstance(code, int) else 0)


def _said(error: TyperException) -> str:
    """What Typer says, and what it leaves out: the value that was given, or the commands that there are."""
    said, cause = error.format_message().removesuffix("."), error.__cause__
    if isinstance(cause, ValidationError):
        return f"{said}, given {cause.errors()[0]['input']!r}"
    if said.startswith("No such command"):
        return f"{said}; there are: {', '.join(getattr(getattr(error, 'cmd', None), 'commands', ()))}"
    return said


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"hallucinate {__version__}")
        raise typer.Exit


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
            help="camera:0, a film, a picture, an rtsp:// or http:// address, scene, scene:panorama, zoom, or guest "
            "[default: the first camera, or else the scene]",
        ),
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one")] = 8765,
    host: Annotated[str, typer.Option(help="address to listen on; 127.0.0.1 shuts others out")] = "0.0.0.0",
    token: Annotated[
        str,
        typer.Option(help="what others on the network must know [default: random]"),
    ] = "",
    network: Annotated[
        str, typer.Option(help="the network that dreams: a name that `hallucinate networks` lists, or a file")
    ] = "motif",
    weights: Annotated[
        Path | None, typer.Option(help="a file of weights for the network, safetensors or torch's [default: its own]")
    ] = None,
    run_code: Annotated[
        bool,
        typer.Option("--run-code", help="let a .pt2 or .pt file run its code, which can do anything to this machine"),
    ] = False,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1")] = "auto",
    size: Annotated[
        str | None,
        typer.Option(help="of the picture that is shown [default: 640x360; of a panorama 512 rows to the eye]"),
    ] = None,
    panorama: Annotated[
        str,
        typer.Option(
            help="what the source shows: flat, equirect, half-equirect, fisheye, dual-fisheye, cubemap; with two eyes "
            "e.g. equirect:top-bottom or half-equirect:side-by-side; auto takes what the film says"
        ),
    ] = "auto",
    lens: Annotated[
        str | None, typer.Option(help="of a fisheye: a file of `calibrate lens`, or a shipped profile")
    ] = None,
    max_guests: Annotated[
        int | None,
        typer.Option(min=0, max=64, help="cameras dreamed for guests [default: 2, 8 on a GPU]"),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="of jitter")] = 0,
    guide_image: Annotated[Path | None, typer.Option(help="a picture for --guide to dream of")] = None,
    mask_image: Annotated[Path | None, typer.Option(help="where --where painted dreams: there it is bright")] = None,
    tls: Annotated[
        bool, typer.Option("--tls", help="serve https, which headsets and phones' cameras need; makes a certificate")
    ] = False,
    tls_cert: Annotated[Path | None, typer.Option(help="your own certificate for https, PEM")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="its private key, PEM")] = None,
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
    width_and_height = None if size is None else read_size(size)
    # Here, because torch takes seconds to import, and --help and a mistyped option should not.
    from hallucinate.networks.registry import NetworkOptions
    from hallucinate.serve import Start, serve_forever

    given, images = NetworkOptions(weights, run_code), (guide_image, mask_image)
    shown = (width_and_height, max_guests, seed, *images, panorama, lens, tls, tls_cert, tls_key)
    serve_forever(Start(source, port, host, token, network, given, device, *shown), settings)


app.callback(invoke_without_command=True)(with_knobs(serve))
add_studio(app)
add_calibration(app)


networks = typer.Typer()
app.add_typer(networks, name="networks")


@networks.callback(invoke_without_command=True)
def list_networks(context: typer.Context) -> None:
    """The networks that can dream; ``networks show NAME`` for one's motifs and layers."""
    if context.invoked_subcommand is None:
        from hallucinate.networks.listing import network_lines

        print("\n".join(network_lines()))


@networks.command("show")
def show_network(
    name: Annotated[str, typer.Argument(help="as `hallucinate networks` lists it, or a file")],
    run_code: Annotated[bool, typer.Option("--run-code", help="let a .pt2 or .pt file run its code")] = False,
) -> None:
    """What a network can be asked for: its motifs, one a line with its family, and its layers, shallow to deep."""
    from hallucinate.networks.listing import describe_network

    print("\n".join(describe_network(name, run_code)))


@networks.command("fetch")
def fetch_network(name: Annotated[str, typer.Argument(help="as `hallucinate networks` lists it")]) -> None:
    """Have a network's weights on this machine, checked; a fetch that broke off goes on where it was."""
    from hallucinate.networks.listing import fetch_weights

    print(fetch_weights(name))

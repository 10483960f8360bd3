"""The commands; thin. ``hallucinate`` alone serves. Every setting of settings.py is an option of the same name."""

from __future__ import annotations

import errno
import os
import sys
import traceback
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError
from typer.exceptions import TyperException

from hallucinate import __version__
from hallucinate.calibrate.commands import add_calibration
from hallucinate.check.commands import add_check
from hallucinate.console import open_streams, print_line
from hallucinate.errors import HallucinateError, OptionError
from hallucinate.offline_commands import add_offline_commands
from hallucinate.options import read_size, with_knobs
from hallucinate.plain_text import START, printable, public_address, without_secrets
from hallucinate.settings import Settings
from hallucinate.stream.host_names import read_host_name
from hallucinate.stream.origins import read_origin

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


SOURCE_VARIABLE = "HALLUCINATE_SOURCE"
"""The environment variable for ``--source``: everybody on a machine sees the arguments of its programs."""

REFUSED_NAMES = {
    errno.ENAMETOOLONG: "this name is too long; at most 255 bytes are allowed, use a shorter one",
    errno.ELOOP: "this name is a link that leads back to itself; name the file that it was for",
    errno.EACCES: "you may not look into this folder; name a file in another, or have its permissions changed",
}
"""What the system says of a name that somebody wrote, whatever was to be done with it, and the fix."""


def main() -> None:
    """Run the command line. Bad input is one line on standard error, and exit code 2."""
    open_streams()
    try:
        code = run(sys.argv[1:])
    except HallucinateError as error:
        print(f"hallucinate: {without_arguments_secrets(str(error))}", file=sys.stderr)
        sys.exit(2)
    except (KeyboardInterrupt, typer.Abort):
        sys.exit(130)
    except Exception as error:  # a fault of ours: Python's own traceback, but for the secrets in it
        print(without_arguments_secrets("".join(traceback.format_exception(error))), end="", file=sys.stderr)
        sys.exit(1)
    sys.exit(code)


def without_arguments_secrets(text: str) -> str:
    """The text, where no address that somebody wrote for this command is told but by its scheme and host."""
    for argument in (*sys.argv[1:], os.environ.get(SOURCE_VARIABLE, "")):
        if address := START.search(argument):
            typed = argument[address.start() :]
            text = text.replace(typed, public_address(typed)).replace(printable(typed), public_address(typed))
    return without_secrets(text)


def run(arguments: list[str]) -> int:
    """Run one command; its exit code. Raises HallucinateError for bad input."""
    try:
        code = app(arguments, standalone_mode=False)
    except TyperException as error:
        raise OptionError(_message(error), code=_code(error)) from error
    except OSError as error:
        if error.errno not in REFUSED_NAMES or error.filename is None:
            raise
        raise OptionError(f"{error.filename}: {REFUSED_NAMES[error.errno]}") from error
    return code if isinstance(code, int) else 0


def _message(error: TyperException) -> str:
    """What Typer writes, and what it leaves out: the value that was received, or the commands that there are."""
    message, cause = error.format_message().removesuffix("."), error.__cause__
    if isinstance(cause, ValidationError):
        return f"{message}, received {cause.errors()[0]['input']!r}"
    if message.startswith("No such option") and (files := [each for each in sys.argv[1:] if _is_dashed_file(each)]):
        return f"{message}; for the file {files[0]}, write ./{files[0]}"
    if message.startswith("No such command"):
        return f"{message}; there are: {', '.join(getattr(getattr(error, 'cmd', None), 'commands', ()))}"
    return message


def _is_dashed_file(argument: str) -> bool:
    return argument.startswith("-") and os.path.lexists(argument)


def _code(error: TyperException) -> str:
    """By the kind of error; Typer shows no more of its classes than their common ancestor."""
    if error.format_message().startswith("No such command"):
        return "command_unknown"
    known = {"NoSuchOption": "option_unknown", "MissingParameter": "option_missing", "UsageError": "option_missing"}
    return known.get(type(error).__name__, OptionError.code)


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"hallucinate {__version__}")
        raise typer.Exit


def _refuse_options(context: typer.Context) -> None:
    """Refuse options of serving before another command, which would ignore them."""
    sources = {name: context.get_parameter_source(name) for name in context.params}
    ignored = [name for name, source in sources.items() if source and source.name == "COMMANDLINE"]
    if ignored:
        options, command = ", ".join(f"--{name.replace('_', '-')}" for name in ignored), context.invoked_subcommand
        raise OptionError(f"{options} is for serving, not for `{command}`; leave out the one or the other")


def serve(
    context: typer.Context,
    source: Annotated[
        str | None,
        typer.Option(
            help="where frames come from: camera:0, a film, a picture, an rtsp:// or http:// address, scene, "
            "scene:panorama, zoom, or guest [default: the first camera that delivers, or else the scene]",
            envvar=SOURCE_VARIABLE,
        ),
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="port to listen on; 0 takes a free one")] = 8765,
    host: Annotated[
        str,
        typer.Option(
            help="address to listen on; 127.0.0.1 is for this machine alone, 0.0.0.0 is all of IPv4, :: all of IPv6 "
            "[default: all of both]"
        ),
    ] = "",
    token: Annotated[
        str,
        typer.Option(
            help="secret that other machines on the network must know [default: random]", envvar="HALLUCINATE_TOKEN"
        ),
    ] = "",
    require_token: Annotated[
        bool,
        typer.Option(
            "--require-token", help="programs on this machine need the token too; choose it behind a proxy or tunnel"
        ),
    ] = False,
    name: Annotated[
        list[str] | None,
        typer.Option(help="a host name under which this machine is opened, beside its own; may be repeated"),
    ] = None,
    allow_origin: Annotated[
        list[str] | None,
        typer.Option(
            help="another site whose pages may do what ours may, as https://show.example.org; may be repeated"
        ),
    ] = None,
    network: Annotated[
        str, typer.Option(help="the network that dreams: a name that `hallucinate networks` lists, or a file")
    ] = "motif",
    weights: Annotated[
        Path | None,
        typer.Option(help="a file of weights for it, safetensors or torch.save's [default: its own]"),
    ] = None,
    run_code: Annotated[
        bool,
        typer.Option("--run-code", help="let a .pt2 or .pt file run its code, which can do anything to this machine"),
    ] = False,
    device: Annotated[str, typer.Option(help="what computes: auto, cpu, cuda, cuda:1")] = "auto",
    size: Annotated[
        str | None,
        typer.Option(
            help="size of the picture, WIDTHxHEIGHT, which the source's is cropped to fill [default: the source's own "
            "shape, its longer side 640 pixels; of a panorama 512 rows for each eye]"
        ),
    ] = None,
    panorama: Annotated[
        str,
        typer.Option(
            help="projection of the source: flat, equirect, half-equirect, fisheye, dual-fisheye, cubemap; "
            "for two eyes e.g. equirect:top-bottom or half-equirect:side-by-side; auto reads it from the film"
        ),
    ] = "auto",
    lens: Annotated[
        str | None, typer.Option(help="lens of a fisheye: a file that `calibrate lens` wrote, or a shipped profile")
    ] = None,
    max_guests: Annotated[
        int | None,
        typer.Option(min=0, max=64, help="how many guests' cameras are dreamed at once [default: 2, on a GPU 8]"),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="seed of the random jitter")] = 0,
    guide_image: Annotated[Path | None, typer.Option(help="a picture for --guide to dream of")] = None,
    mask_image: Annotated[Path | None, typer.Option(help="a mask for --where painted, bright where to dream")] = None,
    tls: Annotated[
        bool,
        typer.Option("--tls", help="serve https with an own certificate; headsets and phones' cameras need it"),
    ] = False,
    tls_cert: Annotated[Path | None, typer.Option(help="your own certificate for https, a PEM file")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="the private key of --tls-cert, a PEM file")] = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="print the version and exit")
    ] = False,
    *,
    settings: Settings,
) -> None:
    """Dream what a camera sees, live, in the browser."""
    if context.invoked_subcommand is not None:
        _refuse_options(context)
        return
    frame_size = None if size is None else read_size(size)
    names = tuple(read_host_name("--name", each) for each in name or ())
    origins = tuple(read_origin("--allow-origin", each) for each in allow_origin or ())
    # Here, because torch takes seconds to import, and --help and a mistyped option should not.
    from hallucinate.networks.registry import NetworkOptions
    from hallucinate.serve import ServeOptions, serve_forever

    options = ServeOptions(
        source=source,
        port=port,
        host=host,
        token=token,
        network=network,
        network_options=NetworkOptions(weights, run_code),
        device=device,
        size=frame_size,
        max_guests=max_guests,
        seed=seed,
        guide_image=guide_image,
        mask_image=mask_image,
        panorama=panorama,
        lens=lens,
        tls=tls,
        tls_cert=tls_cert,
        tls_key=tls_key,
        names=names,
        allow_origins=origins,
        require_token=require_token,
    )
    serve_forever(options, settings)


app.callback(invoke_without_command=True)(with_knobs(serve))
add_offline_commands(app)
add_calibration(app)
add_check(app)


networks = typer.Typer()
app.add_typer(networks, name="networks")


@networks.callback(invoke_without_command=True)
def list_networks(context: typer.Context) -> None:
    """List the networks that can dream; ``networks show NAME`` lists the motifs and layers of one."""
    if context.invoked_subcommand is None:
        from hallucinate.networks.listing import network_lines

        for line in network_lines():
            print_line(line)


@networks.command("show")
def show_network(
    name: Annotated[str, typer.Argument(help="a name that `hallucinate networks` lists, or a file")],
    run_code: Annotated[bool, typer.Option("--run-code", help="let a .pt2 or .pt file run its code")] = False,
) -> None:
    """List what a network can dream of: its motifs with their families, and its layers from shallow to deep."""
    from hallucinate.networks.listing import describe_network

    for line in describe_network(name, run_code):
        print_line(line)


@networks.command("fetch")
def fetch_network(name: Annotated[str, typer.Argument(help="a name that `hallucinate networks` lists")]) -> None:
    """Download a network's weights and check them; a download that broke off goes on where it was."""
    from hallucinate.networks.listing import fetch_weights

    print_line(fetch_weights(name))

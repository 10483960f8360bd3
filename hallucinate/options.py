"""What the commands' options have in common: every knob of settings.py as an option, and how values are read."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Annotated, Any

import typer
from annotated_types import Ge, Le
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from hallucinate.errors import SettingsError
from hallucinate.settings import Settings, one_line

MIXES = {"motifs": "eye=1,spiral=0.5", "layers": "mixed4c=1,mixed3b:12=0.5"}
"""The knobs that are several things by weight, and how they are written."""


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
        # One layer is what is mostly asked for, and people write it so.
        ways = ("--layers", "--layer") if name == "layers" and "layer" not in (p.name for p in own) else ()
        option = typer.Option(*ways, help=f"{help_text} [{_allowed(knob)}default: {_shown(knob.get_default())}]")
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


def one_of(option: str, given: str, allowed: tuple[str, ...]) -> Any:
    """The word that was given. Raises SettingsError unless it is one of those allowed."""
    if given not in allowed:
        raise SettingsError(f"{option} {given}: give {' or '.join(allowed)}")
    return given


def check_file(option: str, path: Path | None) -> None:
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

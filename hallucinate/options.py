"""What the commands' options share: every setting as an option, and how values are read from text."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Collection
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from hallucinate.errors import OptionError
from hallucinate.messages import did_you_mean, settings_error
from hallucinate.settings import Settings

MIXES = {"motifs": "eye=1,spiral=0.5", "layers": "mixed4c=1,mixed3b:12=0.5"}
"""The settings that are several things by weight, and how they are written."""


def with_knobs(command: Callable[..., None], but: Collection[str] = ()) -> Callable[..., None]:
    """Give a command every field of Settings as an option; it gets those that were set, checked, as ``settings``.

    but: settings that mean nothing to it.
    """
    own = [p for p in inspect.signature(command, eval_str=True).parameters.values() if p.name != "settings"]
    options, schemas = [], Settings.model_json_schema()["properties"]
    taken = {name: knob for name, knob in Settings.model_fields.items() if name not in but}
    for name, knob in taken.items():
        mix = name in MIXES
        help_text = knob.description or ""
        if mix:
            help_text += f"; e.g. {MIXES[name]}"
        # Mostly one layer is named, and people write it so.
        flags = ("--layers", "--layer") if name == "layers" and "layer" not in (p.name for p in own) else ()
        option = typer.Option(
            *flags, help=f"{help_text} [{_range(schemas[name])}default: {_default(knob.get_default())}]"
        )
        kind: Any = str if mix else knob.annotation
        annotation = Annotated[kind | None, option]
        options.append(inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation))

    def run(**values: Any) -> None:
        knobs = {name: value for name in taken if (value := values.pop(name)) is not None}
        command(**values, settings=read_settings(knobs))

    signature = inspect.Signature([*own, *options])
    run.__signature__ = signature  # type: ignore[attr-defined]  # what typer reads
    run.__annotations__ = {p.name: p.annotation for p in signature.parameters.values()}
    run.__doc__ = command.__doc__
    return run


def read_settings(knobs: dict[str, Any]) -> Settings:
    """Settings from the options that were set. Raises SettingsError with one line."""
    knobs = {**knobs, **{name: read_mix(name, knobs[name]) for name in MIXES if isinstance(knobs.get(name), str)}}
    if knobs.get("layers") and "motifs" not in knobs:
        knobs["motifs"] = {}  # who names layers alone means them alone, not beside the default motifs
    try:
        return Settings.model_validate(knobs)
    except ValidationError as error:
        raise settings_error(error, Settings.model_fields) from None


def read_mix(knob: str, text: str) -> dict[str, float]:
    """``eye=1,spiral=0.5`` or ``eye,spiral`` -> weights by name; a name alone weighs 1."""
    mix: dict[str, float] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, weight = (piece.strip() for piece in part.partition("="))
        try:
            mix[name] = float(weight) if weight else 1.0
        except ValueError:
            raise OptionError(f"{knob}: {part!r} has no number after '='; write a mix like {MIXES[knob]}") from None
    return mix


def read_size(text: str) -> tuple[int, int]:
    """``640x360`` -> (640, 360). Raises OptionError unless both are even and between 64 and 4096."""
    match = re.fullmatch(r"(\d{1,5})\s*[x×]\s*(\d{1,5})", text.strip())
    size = (int(match[1]), int(match[2])) if match else (0, 0)
    if not all(64 <= side <= 4096 and side % 2 == 0 for side in size):
        raise OptionError(f"--size {text}: give WIDTHxHEIGHT, both even and from 64 to 4096, e.g. 640x360")
    return size


def read_numbers(option: str, text: str, low: int, high: int) -> list[int]:
    """``160,320`` -> [160, 320]. Raises OptionError unless each is a whole number from ``low`` to ``high``."""
    found = [int(part) for part in text.split(",") if part.strip().isdecimal()]
    if len(found) != len(text.split(",")) or not all(low <= number <= high for number in found):
        raise OptionError(f"{option} {text}: give whole numbers from {low} to {high}, e.g. {low},{2 * low}")
    return found


def one_of(option: str, word: str, allowed: tuple[str, ...]) -> Any:
    """The word itself. Raises OptionError unless it is one of those allowed."""
    if word not in allowed:
        hint = did_you_mean(word, allowed)
        raise OptionError(f"{option} {word}: {hint and hint + ' '}give {' or '.join(allowed)}")
    return word


def _range(schema: dict[str, Any]) -> str:
    return f"{schema['minimum']} to {schema['maximum']}; " if "minimum" in schema else ""


def _default(value: Any) -> str:
    text = ",".join(f"{k}={v:g}" for k, v in value.items()) if isinstance(value, dict) else str(value)
    return text or "none"

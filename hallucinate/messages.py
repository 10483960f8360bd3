"""What the lines of errors are made of: the nearest names, a value cut short, a failed validation in words."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable

from pydantic import ValidationError

from hallucinate.errors import SettingsError

OUT_OF_RANGE = ("greater_than", "greater_than_equal", "less_than", "less_than_equal", "finite_number", "too_long")
"""What pydantic calls a value of the right type that is not allowed."""


def did_you_mean(name: str, names: Iterable[str], most: int = 1, cutoff: float = 0.6) -> str:
    """``did you mean 'eye' or 'eyes'?``: the nearest of the names, at most so many; "" where none is near.

    cutoff: the share of equal characters, from 0 to 1, from which a name is near (difflib's ratio).
    """
    near = difflib.get_close_matches(name, list(names), most, cutoff)
    return f"did you mean {' or '.join(map(repr, near))}?" if near else ""


def shortened(value: object) -> str:
    """A value as it is written in Python, cut to 60 characters."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def settings_error(error: ValidationError, names: Collection[str] = ()) -> SettingsError:
    """What pydantic refused, as one line: each field, what is allowed, what was received.

    names: of the fields that there are, to offer the nearest for one that there is not.
    """
    parts, first = [], error.errors()[0]
    for item in error.errors():
        name = ".".join(str(part) for part in item["loc"]) or "settings"
        if item["type"] == "extra_forbidden":
            hint = did_you_mean(name, names)
            parts.append(f"there is no setting {name!r}" + (f"; {hint}" if hint else ""))
        else:
            message = item["msg"][:1].lower() + item["msg"][1:]
            parts.append(f"{name}: {message}, received {shortened(item['input'])}")
    if first["type"] == "extra_forbidden":
        code = "setting_unknown"
    else:
        code = "setting_out_of_range" if first["type"] in OUT_OF_RANGE else "setting_invalid"
    return SettingsError("; ".join(parts), code=code)

"""The terminal as every command writes to it: plain text, whatever is in it, and in whatever letters it has."""

from __future__ import annotations

import codecs
import io
import sys
from typing import Any

from rich.console import Console
from rich.text import Text

from hallucinate.plain_text import printable

SUBSTITUTES = {"×": "x", "…": "...", "·": "-", "–": "-", "−": "-", "→": "->", "°": " deg", "≥": ">=", "½": "1/2"}
"""What is written for our own signs where the terminal's encoding lacks them."""

SUBSTITUTING = "hallucinate.substitutes"
"""The name of ``substituted`` among the ways in which Python answers what cannot be encoded."""


def substituted(error: UnicodeError) -> tuple[str, int]:
    """What is written for characters that an encoding lacks: a likeness, or else an escape as Python writes it."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    return "".join(SUBSTITUTES.get(c) or ascii(c)[1:-1] for c in lacking), error.end


codecs.register_error(SUBSTITUTING, substituted)


def open_streams() -> None:
    """Have standard output and error take every text, whatever their encoding: ``LANG=C``, a pipe on Windows."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a notebook has others, which take everything
            stream.reconfigure(errors=SUBSTITUTING)


class PlainConsole(Console):
    """Rich's console, where a text is one line, and nothing in it is markup or moves the cursor."""

    def render_str(self, text: str, **options: Any) -> Text:
        """A text, a table's cell too, as Rich has it, but printable. What is a ``Text`` already stays as it is."""
        return super().render_str(printable(text), **options)


def open_console(stderr: bool = False) -> Console:
    """A console for lines of words. Names of files may hold brackets and colons: they are text, never markup."""
    open_streams()
    return PlainConsole(stderr=stderr, highlight=False, soft_wrap=True, markup=False, emoji=False)


def print_line(text: str) -> None:
    """Print one line, with whatever is in it made printable."""
    print(printable(text))


def draws_blocks(console: Console) -> bool:
    """Whether the terminal has the block characters that a QR code is drawn with."""
    try:
        "█▀▄".encode(console.encoding)
    except UnicodeEncodeError:
        return False
    return True

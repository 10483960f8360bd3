"""The terminal as every command writes to it: plain text, whatever is in it."""

from __future__ import annotations

from rich.console import Console


def open_console(stderr: bool = False) -> Console:
    """A console for lines of words. Names of files may hold brackets and colons: they are text, never markup."""
    return Console(stderr=stderr, highlight=False, soft_wrap=True, markup=False, emoji=False)

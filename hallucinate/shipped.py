"""Where the folders are that are shipped with the code."""

from __future__ import annotations

from pathlib import Path


def shipped(name: str) -> Path:
    """A folder that is shipped with the code: inside the installed package, or beside it in a checkout."""
    package = Path(__file__).parent
    inside = package / name
    return inside if inside.is_dir() else package.parent / name

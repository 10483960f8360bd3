"""The house stays one house: imports run downward, no module grows past what a reader holds, no empty rooms."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterable
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CODE = sorted((ROOT / "hallucinate").rglob("*.py"))

FLOORS = [
    {
        "settings",
        "options",
        "plain_text",
        "frame",
        "clock",
        "console",
        "errors",
        "files",
        "messages",
        "progress",
        "statistics",
        "status",
        "subscriber",
        "work_folder",
        "writing",
    },
    {"control", "motifs", "device", "safety", "zoom_motion"},
    {"networks", "panorama"},
    {"dream", "sources"},
    {"outputs"},
    {"switch", "speed_profile", "dream_request"},
    {"loop", "still"},
    {"stream", "film", "zoom", "calibrate"},
    {"terminal", "check"},
    {"serve", "offline_commands"},
    {"cli"},
    {"__main__"},
]
"""From the ground up: a room imports from its own floor's rooms only itself, and otherwise from floors below."""

BESIDE = {("motifs", "networks")}
"""The one exception: training in motifs/ makes the network that networks/ opens."""


def room_of(path: Path) -> str:
    parts = path.relative_to(ROOT / "hallucinate").with_suffix("").parts
    return parts[0]


def floor_of(room: str) -> int:
    return next(n for n, rooms in enumerate(FLOORS) if room in rooms)


def imported_rooms(path: Path) -> set[str]:
    rooms = set()
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        for name in names:
            parts = name.split(".")
            if parts[0] == "hallucinate" and len(parts) > 1 and not parts[1].startswith("__"):
                rooms.add(parts[1])
    return rooms


@pytest.mark.parametrize("path", [p for p in CODE if room_of(p) != "__init__"], ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_run_downward(path: Path) -> None:
    room = room_of(path)
    upward = {
        other
        for other in imported_rooms(path)
        if other != room
        and floor_of(other) >= floor_of(room)
        and (room, other) not in BESIDE
        # On one floor rooms may lean on each other's plain data (frame on nothing, settings on errors).
        and not (floor_of(other) == floor_of(room) == 0)
    }
    assert not upward


def imported(paths: Iterable[Path]) -> set[str]:
    """The packages that these modules import, at their top or later, without this one and Python's own."""
    found: set[str] = set()
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.partition(".")[0])
    return found - sys.stdlib_module_names - {"hallucinate"}


def test_the_stream_knows_nothing_of_torch_and_the_dream_nothing_of_the_web() -> None:
    assert not imported((ROOT / "hallucinate" / "stream").rglob("*.py")) & {"torch", "torchvision"}
    outputs = imported((ROOT / "hallucinate" / "outputs").rglob("*.py"))
    assert not outputs & {"torch", "torchvision", "aiohttp", "aiortc"}
    assert not imported((ROOT / "hallucinate" / "dream").rglob("*.py")) & {"aiohttp", "aiortc", "av"}


def test_what_is_imported_is_declared_and_what_is_declared_is_imported() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lists = [project["dependencies"], *(project["optional-dependencies"][extra] for extra in ("caffe", "ray"))]
    declared = {re.split(r"[<>=!~\[ ]", entry)[0].lower() for entries in lists for entry in entries}
    distributions = packages_distributions()
    needed = set()
    for package in imported(CODE):
        names = {"protobuf"} if package == "google" else {name.lower() for name in distributions[package]}
        assert names & declared, package
        needed |= names
    assert declared <= needed


@pytest.mark.parametrize("path", CODE, ids=lambda p: str(p.relative_to(ROOT)))
def test_no_module_is_too_long(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 400


def test_no_room_is_empty() -> None:
    for folder in {path.parent for path in CODE}:
        assert [
            p for p in folder.iterdir() if p.suffix == ".py" and p.name != "__init__.py"
        ] or folder.name == "hallucinate"

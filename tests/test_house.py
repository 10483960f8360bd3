"""The house stays one house: imports run downward, no module grows past what a reader holds, no empty rooms."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CODE = sorted((ROOT / "hallucinate").rglob("*.py"))

FLOORS = [
    {"settings", "options", "frame", "clock", "errors", "files", "status", "statistics"},
    {"motifs", "device", "zooming"},
    {"networks", "panorama"},
    {"dream", "sources"},
    {"outputs"},
    {"switch"},
    {"loop"},
    {"stream", "studio", "calibrate"},
    {"serve"},
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


def test_the_stream_knows_nothing_of_torch_and_the_dream_nothing_of_the_web() -> None:
    def names(room: str) -> set[str]:
        found = set()
        for path in (ROOT / "hallucinate" / room).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Import):
                    found |= {alias.name.split(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and node.module:
                    found.add(node.module.split(".")[0])
        return found

    assert not names("stream") & {"torch", "torchvision"}
    assert not names("outputs") & {"torch", "torchvision", "aiohttp", "aiortc", "asyncio"}
    assert not names("dream") & {"aiohttp", "aiortc", "av"}


@pytest.mark.parametrize("path", CODE, ids=lambda p: str(p.relative_to(ROOT)))
def test_no_module_is_too_long(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 400


def test_no_room_is_empty() -> None:
    for folder in {path.parent for path in CODE}:
        assert [
            p for p in folder.iterdir() if p.suffix == ".py" and p.name != "__init__.py"
        ] or folder.name == "hallucinate"

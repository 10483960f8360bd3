"""The markers on which the pages' decoder is tested are those that the server draws; see marker.test.mjs."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from hallucinate.outputs.marker import COLUMNS, ROWS, cell_size, drawn

MARKERS = Path(__file__).parent / "markers.json"
WIDTHS, TIMES_MS = (320, 640, 1280, 1920), (0, 1, 54_321, 65_535)


def marker(width: int, ms: int) -> dict[str, object]:
    """One marker as it is recorded: a character for each cell, 1 for white."""
    size = cell_size(width)
    picture = drawn(np.full((ROWS * size, width, 3), 128, np.uint8), ms)
    cells = picture[size // 2 :: size, size // 2 : COLUMNS * size : size, 0]
    return {"width": width, "size": size, "ms": ms, "rows": ["".join("01"[int(c > 127)] for c in row) for row in cells]}


@pytest.mark.parametrize("width", WIDTHS)
def test_the_recorded_markers_are_what_the_server_draws(width: int) -> None:
    recorded = [one for one in json.loads(MARKERS.read_text()) if one["width"] == width]
    assert recorded == [marker(width, ms) for ms in TIMES_MS]

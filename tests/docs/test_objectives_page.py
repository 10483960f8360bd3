"""The gallery of objectives and priors names what there is, and every cell shows something else."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from docs.make.objectives_page import OBJECTIVES, PRIORS, describe, networks, rings, sheet, sky
from hallucinate.control.live_settings import LiveSettings
from hallucinate.dream.still import StillOptions
from hallucinate.networks.registry import open_motif
from hallucinate.settings import Settings


@pytest.mark.parametrize("row", [*OBJECTIVES, *PRIORS], ids=lambda row: row[0])
def test_the_bundled_network_knows_every_objective(row: tuple[str, dict[str, object]]) -> None:
    network = open_motif(torch.device("cpu"), torch.float32)
    settings = Settings.model_validate(row[1])
    LiveSettings(settings, network.motifs, network.layers, pictures=frozenset(("guide", "mask")))


def test_every_objective_has_its_place_on_the_sheet(monkeypatch: pytest.MonkeyPatch) -> None:
    from docs.make import objectives_page

    monkeypatch.setattr(objectives_page, "CELL", (96, 64))
    network = open_motif(torch.device("cpu"), torch.float32)
    page = sheet(network, [OBJECTIVES[0], OBJECTIVES[2]], StillOptions(2))
    assert page.shape == (64, 3 * 96, 3)
    cells = [page[:, x : x + 96] for x in (0, 96, 192)]
    assert min(np.abs(cells[a].astype(int) - cells[b]).mean() for a, b in ((0, 1), (0, 2), (1, 2))) > 5


def test_the_page_names_every_row_and_the_network_that_is_always_there() -> None:
    text = describe(OBJECTIVES)
    assert all(f"| {name} |" in text for name, _ in OBJECTIVES)
    assert networks()[0].name == "motif"
    assert sky().std() > 20
    assert rings().shape == (224, 224, 3)

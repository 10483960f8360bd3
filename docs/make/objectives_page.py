"""The gallery of objectives and priors: one sky, dreamed with each of them, and through each network.

    python -m docs.make.objectives_page

writes docs/objectives.md and its sheets, into the checkout that it is part of. Networks whose weights are not on this
machine are omitted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from docs.make.gallery import ROOT, grid, save
from hallucinate.dream.still import StillOptions
from hallucinate.dream_request import check_settings
from hallucinate.frame import Picture
from hallucinate.networks import Network
from hallucinate.networks.registry import list_networks, open_network
from hallucinate.settings import Settings
from hallucinate.sources.scene import View
from hallucinate.still.presets import CLASSIC_PRESETS
from hallucinate.still.renderer import StillRenderer

CELL, COLUMNS = (360, 208), 3
MOMENT_S = 3.0

Row = tuple[str, Mapping[str, Any]]
"""Its label on the sheet, and the settings that request it."""

OBJECTIVES: tuple[Row, ...] = (
    ("a motif: eye", {"motifs": {"eye": 1.0}}),
    ("a mix: fern, spiral", {"motifs": {"fern": 1.0, "spiral": 1.0}}),
    ("a layer: mixed3b", {"motifs": {}, "layers": {"mixed3b": 1.0}}),
    ("a layer: mixed4c", {"motifs": {}, "layers": {"mixed4c": 1.0}}),
    ("two layers: mixed4a, mixed5", {"motifs": {}, "layers": {"mixed4a": 1.0, "mixed5": 0.5}}),
    ("a channel: mixed4c:40", {"motifs": {}, "layers": {"mixed4c:40": 1.0}}),
    ("a neuron: mixed4c:40@centre", {"motifs": {}, "layers": {"mixed4c:40@centre": 1.0}}),
    ("a guide picture: rings", {"motifs": {}, "guide": 1.0}),
    ("a mask: eye, on the right", {"motifs": {"eye": 1.0}, "where": "painted"}),
)

PRIORS: tuple[Row, ...] = (
    ("none", {}),
    ("colour_decorrelation", {"colour_decorrelation": True}),
    ("gradient_blur 3", {"gradient_blur": 3.0}),
    ("laplacian 4", {"laplacian_levels": 4}),
    ("total_variation 0.5", {"total_variation": 0.5}),
    ("l2_weight 0.5", {"l2_weight": 0.5}),
)


def sky() -> Picture:
    """The built-in scene at one moment: uint8 RGB."""
    return np.ascontiguousarray(View(*CELL, 0).draw(MOMENT_S)[: CELL[1]])


def rings(size: int = 224) -> Picture:
    """A guide: coloured rings. uint8 RGB (size, size, 3)."""
    y, x = (np.mgrid[0:size, 0:size] / size - 0.5) * 44
    far = np.hypot(x, y)
    return np.asarray(np.stack([127 + 127 * np.cos(far + shift) for shift in (0.0, 1.2, 3.5)], -1), np.uint8)


def right_half() -> Picture:
    """A mask that is bright on the right."""
    mask = np.zeros((CELL[1], CELL[0], 3), np.uint8)
    mask[:, CELL[0] // 2 :] = 255
    return mask


def dream_sky(network: Network, knobs: Mapping[str, Any], options: StillOptions) -> Picture:
    """The sky, dreamed with these settings: uint8 RGB. Raises SettingsError for a name the network does not know."""
    settings = check_settings(network, Settings.model_validate(knobs), ("guide", "mask"))
    return StillRenderer(network, torch.device("cpu"), settings, options, rings(), right_half()).render(sky())


def sheet(network: Network, rows: Sequence[Row], options: StillOptions, first: bool = True) -> Picture:
    """The sky, and each row's dream of it."""
    cells = [sky()] if first else []
    labels = ["the sky"] if first else []
    for name, knobs in rows:
        cells.append(dream_sky(network, knobs, options))
        labels.append(name)
    return grid(cells, COLUMNS, labels)


def networks() -> list[Network]:
    """All networks whose weights are here."""
    here = [str(row["name"]) for row in list_networks() if row["state"] != "to be fetched"]
    return [open_network(name, torch.device("cpu"), torch.float32) for name in here]


def main() -> None:
    """The command."""
    docs: Path = ROOT / "docs"
    box = open_network("motif", torch.device("cpu"), torch.float32)
    save(docs / "objectives.jpg", sheet(box, OBJECTIVES, StillOptions(), first=False), 82)
    eye = [(name, {"motifs": {"eye": 1.0}, **knobs}) for name, knobs in PRIORS]
    save(docs / "priors.jpg", sheet(box, eye, StillOptions(), first=False), 82)
    classic = CLASSIC_PRESETS["notebook"]
    found = networks()
    cells, labels = [sky()], ["the sky"]
    for network in found:
        knobs = {**classic.settings, "motifs": {}, "layers": {network.default_layer: 1.0}}
        cells.append(dream_sky(network, knobs, StillOptions(classic.iterations, classic.step_size, classic=True)))
        labels.append(f"{network.name}: {network.default_layer}")
    save(docs / "networks.jpg", grid(cells, min(COLUMNS, len(cells)), labels), 82)
    names = ", ".join(network.name for network in found)
    (docs / "objectives.md").write_text(
        PAGE.format(networks=names, settings=describe(OBJECTIVES), priors=describe(PRIORS))
    )


def describe(rows: Sequence[Row]) -> str:
    """The rows as a table of Markdown: the label, and the settings."""
    lines = [
        f"| {name} | `{' '.join(f'{knob}={value}' for knob, value in knobs.items()) or '-'}` |" for name, knobs in rows
    ]
    return "\n".join(["| | settings |", "|---|---|", *lines])


PAGE = """<!-- Written by `python -m docs.make.objectives_page`; change that, not this. -->
# Objectives and priors

One sky, the built-in scene at one moment, dreamed as `hallucinate still` does: ten iterations an octave, strength 0.6.

## Objectives

With the network in the box:

![The sky with each objective](objectives.jpg)

{settings}

## Priors

The motif *eye*, with one prior each:

![The sky with each prior](priors.jpg)

{priors}

## Networks

As the notebook of 2015 does it (`--like notebook`), at each network's own default layer. Networks whose weights were on
the machine that made this page: {networks}.

![The sky through each network](networks.jpg)
"""


if __name__ == "__main__":
    main()

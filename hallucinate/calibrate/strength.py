"""Measure how fast each motif and layer grows, so that growth in seconds means the same for all of them.

    python -m hallucinate.calibrate.strength

Dreams the built-in scene of each, live for half a second, and notes which share of the steps' length became
distance from the camera's picture (see ``hallucinate.dream.agreement``). Then dreams each again with what was
measured and prints the distance reached at one strength, before and after. Writes calibration/strength/NAME.json.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from hallucinate.dream.agreement import Agreement
from hallucinate.dream.dreamer import Dreamer
from hallucinate.dream.governor import OperatingPoint
from hallucinate.dream.residual import FARTHEST
from hallucinate.frame import Frame
from hallucinate.networks import Network
from hallucinate.networks.registry import open_network
from hallucinate.settings import Settings
from hallucinate.shipped import shipped
from hallucinate.sources.scene import filmed

SECONDS, WIDTH = 0.5, 256
SLOW_S = 2.0
"""Growth while measuring: so slow that the bound is not reached within SECONDS."""


def distance_after(network: Network, frames: Sequence[Frame], settings: Settings, agreement: Agreement) -> float:
    """Root mean square distance of the last dream from its camera picture, in [0, 1] units."""
    dreamer = Dreamer(network, torch.device("cpu"), agreement=agreement)
    dream = frames[0].picture
    for frame in frames:
        dream = dreamer.dream(frame, settings, OperatingPoint(WIDTH, 1))
    return float(np.sqrt(np.mean((dream.astype(np.float64) - frames[-1].picture) ** 2)) / 255)


def asking(kind: str, name: str, **knobs: float) -> Settings:
    """Settings that dream one motif, or one layer."""
    ask = {"motifs": {name: 1.0}} if kind == "motifs" else {"motifs": {}, "layer": name}
    return Settings.model_validate({**ask, **knobs})


def measure(network: Network, frames: Sequence[Frame]) -> Agreement:
    """The agreement of every motif and layer."""
    plain = Agreement(dict.fromkeys(network.motifs, 1.0), dict.fromkeys(network.layers, 1.0))
    steps = FARTHEST * SECONDS / SLOW_S  # the length of all steps together, when each is taken at full length
    found: dict[str, dict[str, float]] = {}
    for kind, names in (("motifs", network.motifs), ("layers", network.layers)):
        found[kind] = {}
        for name in names:
            settings = asking(kind, name, strength=1.0, growth_s=SLOW_S, half_life_s=60.0)
            found[kind][name] = round(distance_after(network, frames, settings, plain) / steps, 3)
    return Agreement(**found)


def spread(distances: Sequence[float]) -> float:
    """Standard deviation over mean."""
    return statistics.pstdev(distances) / statistics.mean(distances)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", default="motif")
    parser.add_argument("--out", type=Path, default=shipped("calibration") / "strength")
    options = parser.parse_args()
    network = open_network(options.network, torch.device("cpu"), torch.float32)
    agreement = measure(network, list(filmed(SECONDS, start_s=12.0)))

    # Judged on another moment of the scene than it was measured on, at the usual growth.
    frames = list(filmed(0.4, start_s=40.0))
    table, before, after = Table("", "agreement", "distance before", "distance after"), [], []
    for kind, shares in (("motifs", agreement.motifs), ("layers", agreement.layers)):
        for name, share in shares.items():
            settings = asking(kind, name)
            pair = [distance_after(network, frames, settings, a) for a in (Agreement(), agreement)]
            before.append(pair[0])
            after.append(pair[1])
            table.add_row(name, f"{share:.3f}", *(f"{d:.4f}" for d in pair))
    Console().print(table)
    Console().print(f"spread (standard deviation / mean): {spread(before):.1%} before, {spread(after):.1%} after")

    options.out.mkdir(parents=True, exist_ok=True)
    path, part = options.out / f"{network.name}.json", options.out / f"{network.name}.part"
    part.write_text(json.dumps({"motifs": agreement.motifs, "layers": agreement.layers}, indent=2) + "\n")
    os.replace(part, path)


if __name__ == "__main__":
    main()

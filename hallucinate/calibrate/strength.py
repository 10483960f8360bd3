"""Measure how fast each motif and layer grows and how far it may go, so that growth and strength mean the same for all.

    python -m hallucinate.calibrate.strength

Growth: dreams the built-in scene of each, live for half a second, and notes which share of the steps' length became
distance from the camera's picture. Strength: dreams each for two seconds, live, at strength 0.25, 0.5 and 1, and
measures how far the last dream looks from its camera picture (``hallucinate.calibrate.distance``). Round by round, each
on a clip of its own, the bound on the residual is moved to where each looks as far away as the median of all did.
Judged on yet another clip, before and after; prints the table and writes it to calibration/strength/NAME.json.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from rich.progress import Progress, TimeRemainingColumn
from rich.table import Table

from hallucinate.calibrate.clips import render_clip
from hallucinate.calibrate.distance import distance
from hallucinate.console import open_console
from hallucinate.device import describe
from hallucinate.dream.residual import FARTHEST
from hallucinate.dream.strength_calibration import KINDS, PLAIN, STRENGTHS, StrengthCalibration
from hallucinate.files import shipped, write_text
from hallucinate.frame import Frame, to_tensor
from hallucinate.networks import Network
from hallucinate.networks.registry import open_motif, open_network
from hallucinate.plain_text import printable
from hallucinate.progress import name_column
from hallucinate.settings import Settings
from hallucinate.sources.scene import filmed
from hallucinate.writing import check_writable, writing

CPU = torch.device("cpu")

SECONDS, WIDTH = 0.5, 256
SLOW_S = 2.0
"""Growth while measuring it: so slow that the limit is not met within SECONDS."""

SETTLED_S, FPS, SIZE = 2.0, 12, (320, 180)
"""What strength is measured on: clips so long, and so large that multi-scale SSIM has all its scales.

Dreamed WIDTH wide, with the knobs as they are by default: there the scales that are dreamed on are those of a larger
picture, and so is the order of what looks far.
"""

GUARD = 0.5, 2.0
"""How many times its plain limit anything may have: nothing turns to neon, or goes unseen, to please a measure."""

Values = npt.NDArray[np.float64]
"""(names, STRENGTHS), names in the order of ``everything``."""


def everything(network: Network) -> list[tuple[str, str]]:
    """All that can be requested of a network: (kind, name), motifs first."""
    return [*(("motifs", name) for name in network.motifs), *(("layers", name) for name in network.layers)]


def only(kind: str, name: str, **knobs: float) -> Settings:
    """Settings that dream one motif, or one layer."""
    mix = {"motifs": {name: 1.0}} if kind == "motifs" else {"motifs": {}, "layers": {name: 1.0}}
    return Settings.model_validate({**mix, **knobs})


def distance_after(
    network: Network, frames: Sequence[Frame], settings: Settings, calibration: StrengthCalibration
) -> float:
    """Root mean square distance of the last dream from its camera picture, in [0, 1] units."""
    output = render_clip(network, frames, settings, WIDTH, calibration)
    return float(np.sqrt(np.mean((output.dream.astype(np.float64) - output.camera) ** 2)) / 255)


def measure(network: Network, frames: Sequence[Frame], tick: Callable[[], None] = lambda: None) -> StrengthCalibration:
    """The step efficiency of every motif and layer; ``tick`` is called after each."""
    plain = StrengthCalibration(dict.fromkeys(network.motifs, 1.0), dict.fromkeys(network.layers, 1.0))
    steps = FARTHEST * SECONDS / SLOW_S  # the length of all steps together, when each is taken at full length
    found: dict[str, dict[str, float]] = {kind: {} for kind in KINDS}
    for kind, name in everything(network):
        settings = only(kind, name, strength=1.0, growth_s=SLOW_S, half_life_s=60.0)
        found[kind][name] = round(distance_after(network, frames, settings, plain) / steps, 3)
        tick()
    return StrengthCalibration(found["motifs"], found["layers"])


def looks(
    network: Network, eye: Network, frames: Sequence[Frame], calibration: StrengthCalibration, tick: Callable[[], None]
) -> Values:
    """How far everything's last dream looks from its camera picture, to ``eye``, at each of STRENGTHS."""
    found = []
    for kind, name in everything(network):
        for strength in STRENGTHS:
            output = render_clip(network, frames, only(kind, name, strength=strength), WIDTH, calibration)
            with torch.no_grad():
                found.append(float(distance(to_tensor(output.dream, CPU), to_tensor(output.camera, CPU), eye)))
            tick()
    return np.array(found).reshape(-1, len(STRENGTHS))


def with_limits(network: Network, growth: StrengthCalibration, limits: Values) -> StrengthCalibration:
    """What was measured of growth, with these RMS limits."""
    found: dict[str, dict[str, tuple[float, ...]]] = {kind: {} for kind in KINDS}
    for (kind, name), row in zip(everything(network), limits, strict=True):
        found[kind][name] = tuple(round(float(limit), 4) for limit in row)
    return StrengthCalibration(growth.motifs, growth.layers, found["motifs"], found["layers"])


def evened(
    network: Network,
    eye: Network,
    clips: Sequence[Sequence[Frame]],
    growth: StrengthCalibration,
    tick: Callable[[], None],
) -> Values:
    """The RMS limits at which everything looks equally far away: as far as the median of all does at its plain one.

    Distance is nearly a power of the limit, whose exponent, the median at each strength, is found on the first clip.
    The n-th clip's answer moves the limits by its n-th part, so that what comes out is the mean over the clips (Robbins
    and Monro 1951), while each round starts nearer to where it is going than the one before.
    """
    plain = np.array(PLAIN)
    limits = np.tile(plain, (len(everything(network)), 1))
    power = np.ones(len(STRENGTHS))
    for n, frames in enumerate(clips, 1):
        far = looks(network, eye, frames, with_limits(network, growth, limits), tick).clip(min=1e-9)
        if n == 1:
            slopes = np.gradient(np.log(far), np.log(plain), axis=1, edge_order=2)
            power = np.median(slopes, axis=0).clip(min=0.3)
        limits = limits * (np.median(far, axis=0) / far) ** (1 / (n * power))
        limits = np.maximum.accumulate(limits.clip(GUARD[0] * plain, GUARD[1] * plain), axis=1)
    return limits


def spread(distances: Sequence[float] | Values) -> float:
    """Standard deviation over mean."""
    return float(np.std(distances) / np.mean(distances))


def clips() -> list[list[Frame]]:
    """To measure on, the moving scene, and a still of it later on; to judge by, the moving scene at another moment."""
    moving, later, judging = (list(filmed(SETTLED_S, start, FPS, SIZE)) for start in (12.0, 70.0, 40.0))
    return [moving, [frame.with_picture(later[0].picture) for frame in later], judging]


def calibrate(network: str, out: Path) -> None:
    """Measure a network's growth and strength, print the table, and write ``out``/NETWORK.json, whole or not at all.

    Takes some 20 minutes of one CPU core. Raises NetworkError for a network that does not exist, OutputError for a
    folder that cannot be written to.
    """
    dreaming, eye = open_network(network, CPU, torch.float32), open_motif(CPU, torch.float32)
    file = out / f"{dreaming.name}.json"
    with writing(out):  # now, not after all the measuring
        out.mkdir(parents=True, exist_ok=True)
    check_writable("--out", file, force=True)

    *rounds, judging = clips()
    console, names = open_console(), everything(dreaming)
    columns = (name_column(), *Progress.get_default_columns()[1:-1], TimeRemainingColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task(printable(network), total=len(names) * (1 + len(STRENGTHS) * (len(rounds) + 2)))

        def tick() -> None:
            progress.advance(task)

        growth = measure(dreaming, list(filmed(SECONDS, start_s=12.0)), tick)
        limits = evened(dreaming, eye, rounds, growth, tick)
        found = with_limits(dreaming, growth, limits)
        before, after = (looks(dreaming, eye, judging, calibration, tick) for calibration in (growth, found))

    console.print(report(names, found, limits, before, after))
    judged = {"before": before, "after": after}
    spreads = {when: [round(spread(column), 4) for column in values.T] for when, values in judged.items()}
    for when, values in spreads.items():
        shares = ", ".join(f"{value:.1%} at {strength:g}" for strength, value in zip(STRENGTHS, values, strict=True))
        console.print(f"spread {when} (standard deviation / mean): {shares}", soft_wrap=True)
    facts = {
        "command": f"python -m hallucinate.calibrate.strength --network {network}",
        "date": date.today().isoformat(),
        "machine": f"{describe(CPU, torch.float32)}, torch {torch.__version__}",
        "motifs": found.motifs,
        "layers": found.layers,
        "strengths": STRENGTHS,
        "rms_limit": {"motifs": found.motif_limits, "layers": found.layer_limits},
        "spread": spreads,
        "distance": {
            when: {name: [round(float(d), 4) for d in row] for (_, name), row in zip(names, values, strict=True)}
            for when, values in judged.items()
        },
    }
    with writing(file, "the figures are above"):
        write_text(file, one_row_a_name(json.dumps(facts, indent=1)) + "\n")


def one_row_a_name(text: str) -> str:
    """Indented JSON with every list of numbers on one line."""
    return re.sub(r"\[[^][]*\]", lambda found: " ".join(found[0].split()), text)


def report(
    names: Sequence[tuple[str, str]], found: StrengthCalibration, limits: Values, before: Values, after: Values
) -> Table:
    """By name: step efficiency; at each strength, the limit over the plain one, and the distance before and after."""
    table = Table("", "step efficiency", *(f"at {s:g}" for s in STRENGTHS))
    table.caption = (
        f"RMS limit, times the plain one (! where held at {GUARD[0]:g} or {GUARD[1]:g}), distance before → after"
    )
    for (kind, name), limit, old, new in zip(names, limits / np.array(PLAIN), before, after, strict=True):
        share = (found.motifs if kind == "motifs" else found.layers)[name]
        cells = (
            f"{r:.2f}×{'!' if r in GUARD else ''}  {o:.3f} → {n:.3f}" for r, o, n in zip(limit, old, new, strict=True)
        )
        table.add_row(name, f"{share:.3f}", *cells)
    return table


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", default="motif")
    parser.add_argument("--out", type=Path, default=shipped("calibration") / "strength")
    options = parser.parse_args()
    calibrate(options.network, options.out)


if __name__ == "__main__":
    main()

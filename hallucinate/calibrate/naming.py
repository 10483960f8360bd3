"""Does a dream show the motif that was requested? An independent judge names it.

    python -m hallucinate.calibrate.naming

Dreams the moving scene of each motif, live for one second at 25 frames a second, one step a frame, with the knobs
as they are by default, and asks a second network (``hallucinate.motifs.judge``: other build, other seed, never
dreamed with) what it sees in the last frame: the motif's score, averaged over the picture as logarithms of
probabilities. Prints a table motif by motif, then the same for mixes of two, whose scores are the shares of the
picture that the judge gives them; writes calibration/naming/NAME.json.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from rich.table import Table
from safetensors import safe_open

from hallucinate.calibrate.clips import render_clip
from hallucinate.console import open_console
from hallucinate.dream.strength_calibration import StrengthCalibration, read_strength_calibration
from hallucinate.files import shipped, write_json
from hallucinate.frame import Frame, Picture, to_tensor
from hallucinate.motifs import MOTIFS
from hallucinate.motifs.judge import Judge
from hallucinate.networks import Network
from hallucinate.networks.registry import open_network
from hallucinate.settings import Settings
from hallucinate.sources.scene import filmed
from hallucinate.writing import check_writable, writing

FPS, SECONDS, WIDTH = 25, 1.0, 480
STARTS_S = (5.0, 20.0, 35.0)
"""Moments of the scene to dream on: what is seen in one could be luck."""


def open_judge(weights: Path) -> Judge:
    """The judge, from a file that ``hallucinate.motifs.judge`` wrote."""
    with safe_open(weights, "pt") as file:
        judge = Judge(json.loads(file.metadata()["motifs"]))
        judge.load_state_dict({key: file.get_tensor(key) for key in file.keys()})  # noqa: SIM118 - not a dict
    return judge.float().eval().requires_grad_(False)


def ranked(judge: Judge, picture: Picture, several: bool = False) -> list[int]:
    """The motifs by how much of them the judge sees in a picture, most first, by number.

    The picture is seen at the size it was dreamed at, for which motifs are as large as in the drawings. Its one
    subject is judged by all places together: the mean of the logarithms of the motifs' probabilities. Of ``several``
    each has its own places: the mean of the probabilities themselves, the share of the picture that each fills.
    """
    height = max(16, round(picture.shape[0] * WIDTH / picture.shape[1] / 16) * 16)
    small = cv2.resize(picture, (WIDTH, height), interpolation=cv2.INTER_AREA)
    scores = F.log_softmax(judge(to_tensor(np.asarray(small, np.uint8), torch.device("cpu"))), 1)[0, :-1]
    return [int(k) for k in (scores.exp() if several else scores).mean((1, 2)).argsort(descending=True)]


def dream_of(
    network: Network, calibration: StrengthCalibration, frames: Sequence[Frame], motifs: Sequence[str]
) -> Picture:
    """The last frame after a live dream of them all, one step a frame."""
    return render_clip(network, frames, Settings(motifs=dict.fromkeys(motifs, 1.0)), WIDTH, calibration).dream


def places(judge: Judge, picture: Picture, motifs: Sequence[str]) -> list[int]:
    """At which place the judge names each of these motifs, from 1."""
    order = ranked(judge, picture, several=len(motifs) > 1)
    return [order.index(list(MOTIFS).index(name)) + 1 for name in motifs]


def mixes(motifs: Sequence[str], seed: int = 0) -> Iterator[tuple[str, str]]:
    """Each motif with another, by lot."""
    order = np.random.default_rng(seed).permutation(len(motifs))
    for n, k in enumerate(order):
        yield motifs[k], motifs[order[(n + 1) % len(order)]]


def share(found: Sequence[int], within: int) -> float:
    """How many of these places are among the first ``within``."""
    return statistics.mean(place <= within for place in found)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", default="motif")
    parser.add_argument("--judge", type=Path, default=shipped("calibration") / "judge" / "judge.safetensors")
    parser.add_argument("--out", type=Path, default=shipped("calibration") / "naming")
    options = parser.parse_args()
    network, judge = open_network(options.network, torch.device("cpu"), torch.float32), open_judge(options.judge)
    file = options.out / f"{network.name}.json"
    with writing(options.out):  # now, not after all the measuring
        options.out.mkdir(parents=True, exist_ok=True)
    check_writable("--out", file, force=True)
    calibration = read_strength_calibration(shipped("calibration") / "strength" / f"{network.name}.json")
    clips = [list(filmed(SECONDS, start_s=start, fps=FPS)) for start in STARTS_S]

    table = Table("motif", *(f"place at {start:g} s" for start in STARTS_S), "undreamed")
    dreams: dict[str, list[int]] = {}
    plain: dict[str, list[int]] = {}
    for name in network.motifs:
        dreams[name] = [places(judge, dream_of(network, calibration, frames, [name]), [name])[0] for frames in clips]
        plain[name] = [places(judge, frames[-1].picture, [name])[0] for frames in clips]
        table.add_row(name, *map(str, dreams[name]), " ".join(map(str, plain[name])))
    pairs = {
        pair: places(judge, dream_of(network, calibration, clips[0], pair), pair) for pair in mixes(network.motifs)
    }

    every, bare = ([place for places in d.values() for place in places] for d in (dreams, plain))
    lasts = [max(found) for found in pairs.values()]
    figures = {
        "top1": share(every, 1),
        "top5": share(every, 5),
        "top1_undreamed": share(bare, 1),
        "top5_undreamed": share(bare, 5),
        "mixes_both_in_top2": share(lasts, 2),
        "mixes_both_in_top5": share(lasts, 5),
    }
    console = open_console()
    console.print(table)
    for (one, other), found in pairs.items():
        if max(found) > 5:
            console.print(f"{one} + {other}: named at places {found[0]} and {found[1]}")
    console.print({name: f"{value:.1%}" for name, value in figures.items()})
    measured = {
        "command": "python -m hallucinate.calibrate.naming",
        "date": date.today().isoformat(),
        "machine": f"{platform.machine()}, torch {torch.__version__}",
        "figures": {name: round(value, 3) for name, value in figures.items()},
        "motifs": dreams,
        "undreamed": plain,
        "mixes": {f"{one} + {other}": found for (one, other), found in pairs.items()},
    }
    with writing(file, "the figures are above"):
        write_json(file, measured)


if __name__ == "__main__":
    main()

"""Does a dream run away? Minutes of a still camera: brightness, contrast and saturation against those at ten seconds.

    python -m benchmarks.drift --minutes 10 --json benchmarks/results/drift.json

Dreams a still landscape with a camera's grain, first with the knobs as they are by default, then at ten settings drawn
at random (seeded). Brightness is the mean of luma, contrast its standard deviation, saturation the mean distance of
the colours from grey; each is a mean over five seconds, since what lives fluctuates. The figure is the largest
departure from the value at ten seconds that any later window shows. Time is the frames' own: it runs as fast as it can.
"""

from __future__ import annotations

import argparse
import json
import platform
from pathlib import Path

import cv2
import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from hallucinate.dream.dreamer import Dreamer
from hallucinate.dream.strength_calibration import read_strength_calibration
from hallucinate.files import shipped
from hallucinate.frame import Frame, OperatingPoint, Picture
from hallucinate.networks import Network
from hallucinate.networks.registry import open_quickest
from hallucinate.settings import Settings
from hallucinate.sources.scene import View

SIZE, DREAMED, FPS = (320, 180), 160, 12
WINDOW_S, FIRST_S = 5.0, 10.0
CPU = torch.device("cpu")


def drawn_settings(network: Network, count: int, seed: int) -> list[Settings]:
    """Settings from all over their ranges, by lot."""
    random = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        names = random.choice(network.motifs, size=random.integers(1, 4), replace=False)
        motifs = {str(name): round(float(random.uniform(0.2, 1)), 2) for name in names}
        layers = {str(random.choice(network.layers)): 1.0} if random.random() < 0.2 else {}
        found.append(
            Settings(
                motifs={} if layers else motifs,
                layers=layers,
                strength=round(float(random.uniform(0.2, 1)), 2),
                growth_s=round(float(random.uniform(0.2, 5)), 2),
                half_life_s=round(float(np.exp(random.uniform(np.log(0.2), np.log(60)))), 2),
                motif_size=round(float(random.uniform(0.1, 0.5)), 2),
                octaves=int(random.integers(1, 5)),
                octave_scale=round(float(random.uniform(1.2, 2)), 2),
                drift_zoom=round(float(random.uniform(-0.2, 0.2)), 2) if random.random() < 0.3 else 0.0,
                drift_turn=round(float(random.uniform(-20, 20)), 1) if random.random() < 0.3 else 0.0,
                drift_flow=round(float(random.uniform(0, 0.1)), 2) if random.random() < 0.3 else 0.0,
            )
        )
    return found


def look(picture: Picture) -> tuple[float, float, float]:
    """Brightness, contrast and saturation, each in [0, 1]."""
    rgb = picture.astype(np.float32) / 255
    luma = rgb @ np.array([0.299, 0.587, 0.114], np.float32)
    return float(luma.mean()), float(luma.std()), float(np.abs(rgb - luma[..., None]).mean())


def departures(network: Network, settings: Settings, minutes: float) -> tuple[list[float], list[float]]:
    """The look at ten seconds, and the largest relative departure from it of any window until the end."""
    calibration = read_strength_calibration(shipped("calibration") / "strength" / f"{network.name}.json")
    session, point = Dreamer(network, CPU, calibration).session(settings), OperatingPoint(DREAMED, 1)
    still = View(640, 360, seed=0).draw(12.0)
    camera = cv2.resize(still, SIZE, interpolation=cv2.INTER_AREA)
    grain = [np.random.default_rng(n).normal(0, 1.5, camera.shape) for n in range(8)]
    seen = [np.asarray(np.clip(camera + g, 0, 255), np.uint8) for g in grain]
    windows: list[list[tuple[float, float, float]]] = []
    for n in range(round((minutes * 60 + WINDOW_S) * FPS)):
        frame = Frame(seen[n % 8], round(n / FPS * 1e9))
        output = session.step(frame, frame.captured_ns, point)
        if n % FPS == 0:  # once a second
            if n % round(WINDOW_S * FPS) == 0:
                windows.append([])
            windows[-1].append(look(output.dream))
    looks = np.array([np.mean(window, 0) for window in windows[int(FIRST_S / WINDOW_S) :]])
    off = np.abs(looks / looks[0] - 1).max(0)
    return [float(v) for v in looks[0]], [float(v) for v in off]


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--settings", type=int, default=10, help="how many are drawn at random")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    network, _ = open_quickest("motif", CPU)
    console = Console(width=150)
    rows: list[dict[str, object]] = []
    worst = 0.0
    table = Table("settings", "brightness", "contrast", "saturation")
    for settings in [Settings(), *drawn_settings(network, options.settings, options.seed)]:
        first, off = departures(network, settings, options.minutes)
        changed = {k: v for k, v in settings.model_dump().items() if v != Settings.model_fields[k].get_default()}
        table.add_row(
            ", ".join(f"{k} {v}" for k, v in changed.items()) or "as by default",
            *(f"{a:.3f} ± {b:.1%}" for a, b in zip(first, off, strict=True)),
        )
        rows.append({"settings": changed, "at_10_s": first, "departure": off})
        worst = max(worst, *off)
        console.print(rows[-1])
    console.print(table)
    console.print(f"{options.minutes:g} minutes, worst departure {worst:.1%}")
    if options.json:
        facts = {"machine": platform.machine(), "torch": torch.__version__, "minutes": options.minutes}
        options.json.write_text(json.dumps({**facts, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()

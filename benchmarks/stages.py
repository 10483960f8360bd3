"""What each stage of a frame's journey costs, by itself, on this machine.

python -m benchmarks.stages --width 320
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np
import torch

from hallucinate.calibrate.bench import taking_turns
from hallucinate.device import choose_device
from hallucinate.dream.ascent import direction, resized
from hallucinate.dream.flow import FLOW_WIDTH, Flow, motion_field, warped
from hallucinate.dream.objectives import MotifsObjective, motif_weights
from hallucinate.dream.octaves import dream_size, octave_sizes
from hallucinate.frame import add_residual, shrunk, to_luma, to_tensor
from hallucinate.networks.registry import open_quickest
from hallucinate.settings import Settings
from hallucinate.sources.scene import View

REPEATS = 40


def stage_times(dream_width: int, device_name: str = "auto") -> dict[str, float]:
    """Milliseconds per stage for the scene at 640×360, dreamed ``dream_width`` wide; medians, the stages in turn."""
    device = choose_device(device_name)
    network, _ = open_quickest("motif", device)
    settings = Settings()
    scene = View(640, 360, seed=0)
    frames = [scene.draw(12.0), scene.draw(12.0 + 1 / 24)]
    height, width = dream_size(360, 640, dream_width)
    before, after = (to_luma(frame, FLOW_WIDTH, FLOW_WIDTH * 9 // 16) for frame in frames)
    camera = to_tensor(shrunk(frames[1], width, height), device)
    residual = torch.zeros_like(camera)
    flow = Flow()
    motion = torch.from_numpy(motion_field(flow.between(before, after), None))[None].to(device)
    objective = MotifsObjective(network, torch.tensor(motif_weights(network, {"eye": 1.0}), device=device))

    work: dict[str, Callable[[], object]] = {
        "source (scene)": lambda: scene.draw(np.random.default_rng(0).uniform(0, 60)),
        "shrink and convert": lambda: to_tensor(shrunk(frames[1], width, height), device),
        "flow": lambda: flow.between(before, after),
        "warp": lambda: warped(residual, motion),
    }
    for size in octave_sizes(
        height, width, network.motif_px / settings.motif_size, settings.octaves, settings.octave_scale
    ):

        def step(size: tuple[int, int] = size) -> torch.Tensor:
            return resized(
                direction(resized(camera, *size), [objective], torch.tensor([[3, 5]], device=device), 8), height, width
            )

        work[f"step at {size[1]}×{size[0]}"] = step
    work["composite"] = lambda: add_residual(frames[1], residual.cpu())
    seconds = taking_turns(list(work.values()), device, REPEATS)
    return {name: round(median * 1e3, 2) for name, median in zip(work, seconds, strict=True)}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--width", type=int, default=320)
    parser.add_argument("--device", default="auto")
    options = parser.parse_args()
    for name, ms in stage_times(options.width, options.device).items():
        print(f"{name:24} {ms:8.2f} ms")


if __name__ == "__main__":
    main()

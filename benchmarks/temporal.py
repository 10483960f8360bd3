"""How still a dream holds where the world holds still: warping error, beside how much is dreamed at all.

    python -m benchmarks.temporal --json benchmarks/results/temporal.json

Eight short clips, each dreamed live by four methods at equal distance from the camera's picture: with residual feedback
as the product does it; without any feedback; by blending the previous picture into the camera's; and by warping the
previous picture along the flow before it is blended in. The three others find their step rate by bisection, so that
a frozen or hardly dreamed picture cannot win.

The warping error is that of Lai et al. (2018, eq. 8 and 9): the mean over places that were not hidden of
‖V_{t−1} − warp(V_t)‖², the flow measured on the input at its full size, hidden places by the two inequalities of
Ruder et al. (2016). It is a multiple of the input's own, whose error is what the flow gets wrong.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import platform
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from hallucinate.dream.ascent import direction, resized
from hallucinate.dream.dreamer import Dreamer
from hallucinate.dream.flow import FLOW_WIDTH, Flow, disoccluded, motion_border, motion_field, warped
from hallucinate.dream.objectives import MotifsObjective, motif_weights
from hallucinate.dream.octaves import dream_size, octave_sizes
from hallucinate.dream.strength_calibration import read_strength_calibration
from hallucinate.files import shipped
from hallucinate.frame import Frame, OperatingPoint, Picture, add_residual, shrunk, to_luma, to_tensor
from hallucinate.networks import Network
from hallucinate.networks.registry import open_network
from hallucinate.settings import Settings
from hallucinate.sources.scene import View

WIDTH, HEIGHT, FPS, FRAMES, SETTLED = 640, 360, 25, 40, 15
"""Clips of FRAMES frames; figures are of those after SETTLED."""

DREAMED = 256
"""Width that the network sees."""

BLEND = 0.9
"""Share of the previous picture in what the two other feedbacks dream on: that of Suzuki et al. (2017)."""

CPU = torch.device("cpu")


def clips(seed: int = 0) -> dict[str, list[Picture]]:
    """The clips: windows into a landscape twice as large, with a camera's grain."""
    view = View(1280, 720, seed=seed)
    worlds = [view.draw(12.0), np.ascontiguousarray(view.draw(40.0)[::-1, ::-1])]
    random = np.random.default_rng(seed)

    def window(x: float, y: float, scale: float = 1.0, world: int = 0) -> Picture:
        matrix = np.array([[scale, 0, x], [0, scale, y]], np.float32)
        flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
        return np.asarray(cv2.warpAffine(worlds[world], matrix, (WIDTH, HEIGHT), flags=flags), np.uint8)

    sway = np.stack([9 * np.convolve(random.normal(size=FRAMES), np.hanning(9) / 2, mode="same") for _ in range(2)])
    thing = cv2.resize(worlds[1][300:420, 500:660], (160, 120))

    def crossed(n: int) -> Picture:
        picture = window(300, 200)
        start = 8 * n - 100
        part = slice(max(0, start), min(WIDTH, start + 160))
        picture[120:240, part] = thing[:, part.start - start : part.stop - start]
        return picture

    motions: dict[str, Callable[[int], Picture]] = {
        "static": lambda n: window(300, 200),
        "slow pan": lambda n: window(200 + 1.3 * n, 200),
        "fast pan": lambda n: window(100 + 9.0 * n, 200),
        "hand-held": lambda n: window(300 + sway[0, n], 200 + sway[1, n]),
        "objects crossing": crossed,
        "cut": lambda n: window(300, 200, world=int(n >= 28)),
        "flicker": lambda n: np.asarray(window(300, 200) * (1 - 0.15 * (n // 2 % 2)), np.uint8),
        "zoom": lambda n: window(320 - 3.2 * n * 0.5, 180 - 1.8 * n * 0.5, 1 + 0.005 * n),
    }
    grain = [random.normal(0, 1.5, (HEIGHT, WIDTH, 3)) for _ in range(4)]
    return {
        name: [np.asarray(np.clip(draw(n) + grain[n % 4], 0, 255), np.uint8) for n in range(FRAMES)]
        for name, draw in motions.items()
    }


def frames_of(pictures: Sequence[Picture]) -> Iterator[Frame]:
    """As a camera would deliver them."""
    for n, picture in enumerate(pictures):
        yield Frame(picture, round(n / FPS * 1e9))


def ours(network: Network, settings: Settings, pictures: Sequence[Picture]) -> list[Picture]:
    """Residual feedback, as the product does it."""
    calibration = read_strength_calibration(shipped("calibration") / "strength" / f"{network.name}.json")
    session, point = Dreamer(network, CPU, calibration).session(settings), OperatingPoint(DREAMED, 1)
    return [session.step(frame, frame.captured_ns, point).dream for frame in frames_of(pictures)]


def theirs(
    network: Network, settings: Settings, pictures: Sequence[Picture], rate: float, blend: float, warps: bool
) -> list[Picture]:
    """One step a frame on the camera's picture with the share ``blend`` of the last dream blended in, warped or not.

    On the same octaves with the same jitter as ours; what differs is what goes from frame to frame.
    """
    objective = MotifsObjective(network, torch.tensor(motif_weights(network, settings.motifs)))
    flow, random = Flow(), torch.Generator().manual_seed(0)
    height, width = dream_size(HEIGHT, WIDTH, DREAMED)
    sizes = octave_sizes(height, width, network.motif_px / settings.motif_size, settings.octaves, settings.octave_scale)
    out: list[Picture] = []
    before: torch.Tensor | None = None
    luma = old = to_luma(pictures[0], FLOW_WIDTH, FLOW_WIDTH * HEIGHT // WIDTH)
    for n, picture in enumerate(pictures):
        camera = to_tensor(shrunk(picture, width, height), CPU)
        old, luma = luma, to_luma(picture, FLOW_WIDTH, FLOW_WIDTH * HEIGHT // WIDTH)
        x = camera
        if before is not None and blend:
            if warps:
                motion = torch.from_numpy(motion_field(flow.between(old, luma), None))[None]
                seen = warped(torch.ones_like(camera[:, :1]), motion)
                before = warped(before, motion) + (1 - seen) * camera
            x = blend * before + (1 - blend) * camera
        jitter = min(settings.jitter, min(sizes[n % len(sizes)]) - 1)
        shift = torch.randint(0, jitter + 1, (1, 2), generator=random)
        step = direction(resized(x, *sizes[n % len(sizes)]), [objective], shift, jitter)
        before = (x + rate * resized(step, height, width)).clamp(0, 1)
        out.append(add_residual(picture, before - camera))
    return out


def distance(dream: Sequence[Picture], pictures: Sequence[Picture]) -> float:
    """Mean absolute distance of the settled dream from its input, in [0, 1] units."""
    pairs = zip(dream[SETTLED:], pictures[SETTLED:], strict=True)
    return float(np.mean([np.mean(cv2.absdiff(a, b)) for a, b in pairs]) / 255)


def at_distance(dreams: Callable[[float], list[Picture]], pictures: Sequence[Picture], wanted: float) -> list[Picture]:
    """A method's dream at the step rate that takes it as far from the input as is wanted, by bisection of the rate."""
    low, high = 1e-4, 1.0
    found: list[Picture] = []
    for _ in range(7):
        rate = math.sqrt(low * high)
        found = dreams(rate)
        reached = distance(found, pictures)
        if abs(reached / wanted - 1) < 0.03:
            break
        low, high = (rate, high) if reached < wanted else (low, rate)
    return found


Seen = tuple[np.ndarray, np.ndarray]
"""Where each place of the earlier frame is in the later one (h, w, 2), and whether it can be seen there (h, w)."""


def motions(pictures: Sequence[Picture]) -> list[Seen]:
    """Between neighbouring frames of the input, at their full size, by DIS's finest preset."""
    dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    still = np.zeros((HEIGHT, WIDTH, 2), np.float32)
    lumas = [cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) for picture in pictures]
    found: list[Seen] = []
    for old, new in itertools.pairwise(lumas):
        forth, back = (np.asarray(dis.calc(*pair, still.copy()), np.float32) for pair in ((old, new), (new, old)))
        found.append((forth, ~(disoccluded(forth, back) | motion_border(forth))))
    return found


def warping_error(video: Sequence[Picture], seen: Sequence[Seen]) -> float:
    """Lai et al. 2018: mean of ‖V_{t−1} − warp(V_t)‖² over places that can be seen in both; pictures in [0, 1]."""
    x, y = np.meshgrid(np.arange(WIDTH, dtype=np.float32), np.arange(HEIGHT, dtype=np.float32))
    errors = []
    for n in range(SETTLED, len(video) - 1):
        forth, visible = seen[n]
        later = cv2.remap(video[n + 1].astype(np.float32) / 255, x + forth[..., 0], y + forth[..., 1], cv2.INTER_LINEAR)
        off = np.square(later - video[n].astype(np.float32) / 255).sum(-1)
        errors.append(float(off[visible].mean()))
    return float(np.mean(errors))


def score(network: Network, settings: Settings, video: Sequence[Picture]) -> float:
    """How probable the network finds the requested motifs: mean over settled frames and places."""
    requested = [network.motifs.index(name) for name in settings.motifs]
    height, width = dream_size(HEIGHT, WIDTH, DREAMED)
    seen = [to_tensor(shrunk(picture, width, height), CPU) for picture in video[SETTLED::6]]
    return float(np.mean([network.forward(x).softmax(1)[:, requested].sum(1).mean().item() for x in seen]))


def main() -> None:
    """The command."""
    made = clips()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--motif", default="eye")
    parser.add_argument("--clips", default=",".join(made), help="which, by name, with commas")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    network, settings = open_network("motif", CPU, torch.float32), Settings(motifs={options.motif: 1.0})
    others = {"none": (0.0, False), "blending": (BLEND, False), "warping": (BLEND, True)}
    table = Table("clip", "input", *(f"{method}: error · distance · gain" for method in ("residual (ours)", *others)))
    results: dict[str, dict[str, dict[str, float]]] = {}
    for name in options.clips.split(","):
        pictures = made[name]
        seen = motions(pictures)
        base, plain = warping_error(pictures, seen), score(network, settings, pictures)
        dreams = {"residual (ours)": ours(network, settings, pictures)}
        # How far the dream is, and not the light that is evened out under it.
        as_seen = settings.model_copy(update={"deflicker": False})
        wanted = distance(ours(network, as_seen, pictures), pictures)
        for method, (blend, warps) in others.items():

            def at_rate(
                rate: float, blend: float = blend, warps: bool = warps, p: list[Picture] = pictures
            ) -> list[Picture]:
                return theirs(network, settings, p, rate, blend, warps)

            dreams[method] = at_distance(at_rate, pictures, wanted)
        results[name] = {"input": {"error": base}}
        cells = []
        for method, dream in dreams.items():
            row = {
                "error": warping_error(dream, seen),
                "distance": distance(dream, pictures),
                "gain": score(network, settings, dream) - plain,
            }
            results[name][method] = row
            cells.append(f"{row['error'] / base:.1f}× · {row['distance']:.3f} · {row['gain']:+.2f}")
        table.add_row(name, f"{base:.2e}", *cells)
    console = Console(width=150)
    console.print(table)
    if options.json:
        facts = {"machine": platform.machine(), "torch": torch.__version__, "motif": options.motif, "clips": results}
        options.json.write_text(json.dumps(facts, indent=1) + "\n")


if __name__ == "__main__":
    main()

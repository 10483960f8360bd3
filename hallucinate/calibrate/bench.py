"""What this machine can dream: milliseconds, frames a second, memory, and how near it comes to what it could do.

``hallucinate bench`` times a whole frame of the live dreamer and one gradient step alone, over networks, dream
widths and steps a frame. Beside them, taking turns with them: the loop of the 2015 notebook (Mordvintsev et al.,
"deepdream") in plain eager float32 on the same network, size and steps. And the roofline (Williams et al. 2009): the
step's floating-point operations and bytes are counted, the machine's ceilings for both are measured in the same run,
and the share is the time that the nearer ceiling would take, divided by the time that the step took.
"""

from __future__ import annotations

import itertools
import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Table
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from hallucinate.device import choose_device
from hallucinate.dream.ascent import direction
from hallucinate.dream.dreamer import Dreamer
from hallucinate.dream.governor import OperatingPoint
from hallucinate.dream.objective import Objective, more_of_layer
from hallucinate.dream.octaves import dream_size
from hallucinate.frame import Frame
from hallucinate.networks import Network
from hallucinate.networks.registry import open_network, open_quickest
from hallucinate.settings import Settings
from hallucinate.sources.scene import filmed

WARM_UP, ROUNDS = 4, 16
JITTER = 8


@dataclass(frozen=True)
class Ceilings:
    """What the machine reaches where nothing else is asked of it: operations and bytes a second."""

    operations: float
    bytes: float


@dataclass(frozen=True)
class Row:
    """One operating point. Milliseconds are medians; share: of the roofline; ratio: the notebook's time over ours."""

    network: str
    dtype: str
    width: int
    height: int
    steps: int
    frame_ms: float
    fps: float
    step_ms: float
    notebook_ms: float
    ratio: float
    operations: int
    bytes: int
    share: float
    memory_mb: float


class BytesCounted(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Adds up what every operation reads and writes, each tensor once an operation, views left out."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.total = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Run the operation and note its tensors."""
        out = func(*args, **(kwargs or {}))
        if not func.is_view:
            self.total += sum(t.nbytes for t in tensors_in([args, out]))
        return out


def tensors_in(tree: Any) -> Iterable[torch.Tensor]:
    """Every tensor in nested lists and tuples."""
    if isinstance(tree, torch.Tensor):
        yield tree
    elif isinstance(tree, list | tuple):
        for part in tree:
            yield from tensors_in(part)


def waited(device: torch.device) -> None:
    """Wait until the device has done all it was asked."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def taking_turns(work: Sequence[Callable[[], object]], device: torch.device, rounds: int = ROUNDS) -> list[float]:
    """Median seconds of each, one after the other in every round, so that what else the machine does falls on all."""
    times: list[list[float]] = [[] for _ in work]
    for n in range(WARM_UP + rounds):
        for each, done in zip(work, times, strict=True):
            start = time.perf_counter()
            each()
            waited(device)
            if n >= WARM_UP:
                done.append(time.perf_counter() - start)
    return [statistics.median(done) for done in times]


def ceilings(device: torch.device, dtype: torch.dtype) -> Ceilings:
    """Measured: a large matrix product, and a copy too large for any cache."""
    size, megabytes = (8192, 2048) if device.type == "cuda" else (1024, 256)
    a = torch.rand(size, size, device=device).to(dtype)
    long = torch.zeros(megabytes << 20, dtype=torch.uint8, device=device)
    product, copied = taking_turns([lambda: a @ a, long.clone], device)
    return Ceilings(2 * size**3 / product, 2 * long.nbytes / copied)


def notebook_step(network: Network, layer: str, x: torch.Tensor, shift: tuple[int, int]) -> torch.Tensor:
    """One step of the 2015 notebook's ``make_step``, on x (1, 3, H, W): roll, ½‖a‖², g / mean|g|, roll back."""
    rolled = torch.roll(x, shift, (2, 3)).requires_grad_(True)
    a = network.activations(rolled, layer)
    (g,) = torch.autograd.grad(0.5 * a.square().sum(), rolled)
    moved = rolled.detach() + 1.5 / 255 * g / g.abs().mean()
    return torch.roll(moved, (-shift[0], -shift[1]), (2, 3)).clamp(0, 1)


def counted(x: torch.Tensor, ask: Objective) -> tuple[int, int]:
    """Floating-point operations and bytes of one step."""
    shift = torch.zeros(2, dtype=torch.int64, device=x.device)
    with FlopCounterMode(display=False) as operations:
        direction(x, ask, shift, JITTER)
    with BytesCounted() as passed:
        direction(x, ask, shift, JITTER)
    return operations.get_total_flops(), passed.total


def measure(name: str, device: torch.device, dtype: torch.dtype, width: int, steps: int, top: Ceilings) -> Row:
    """One operating point of one network, on the moving scene at 640×360 or the dream's own size."""
    network = open_network(name, device, dtype)
    plain = open_network(name, device, torch.float32, folded=False)
    layer = network.default_layer
    seen_size = (max(640, width), max(640, width) * 9 // 16)
    height, width = dream_size(seen_size[1], seen_size[0], width)
    x = torch.rand(1, 3, height, width, device=device)
    ask, shift = more_of_layer(network, layer), torch.zeros(2, dtype=torch.int64, device=device)

    settings = Settings(motifs={}, layer=layer, steps=steps, motif_size=0.05, octaves=1)
    frames, dreamer, seen = list(filmed(0.5, size=seen_size)), Dreamer(network, device), [0]

    def frame() -> None:
        n = seen[0] = seen[0] + 1
        dreamer.dream(
            Frame(frames[n % len(frames)].picture, round(n / 25 * 1e9)), settings, OperatingPoint(width, steps)
        )

    def notebook() -> None:
        picture = x
        for n in range(steps):
            picture = notebook_step(plain, layer, picture, (n % JITTER, n % JITTER))

    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    frame_s, step_s, notebook_s = taking_turns([frame, lambda: direction(x, ask, shift, JITTER), notebook], device)
    peak = torch.cuda.max_memory_allocated(device) if device.type == "cuda" else resident_peak()
    operations, passed = counted(x, ask)
    share = max(operations / top.operations, passed / top.bytes) / step_s
    ratio = notebook_s / (step_s * steps)
    return Row(
        network=name,
        dtype=str(dtype).removeprefix("torch."),
        width=width,
        height=height,
        steps=steps,
        frame_ms=round(frame_s * 1e3, 2),
        fps=round(1 / frame_s, 1),
        step_ms=round(step_s * 1e3, 2),
        notebook_ms=round(notebook_s * 1e3, 2),
        ratio=round(ratio, 2),
        operations=operations,
        bytes=passed,
        share=round(share, 3),
        memory_mb=round(peak / 1e6, 1),
    )


def resident_peak() -> int:
    """The most memory that this process has held, in bytes."""
    import resource  # not on Windows, where the figure is left at 0

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def bench(
    networks: Sequence[str], widths: Sequence[int], steps: Sequence[int], device_name: str, out: Path | None
) -> None:
    """Measure, print the table, and write it as JSON where ``out`` says; each row is printed when it is there."""
    device = choose_device(device_name)
    _, dtype = open_quickest(networks[0], device)
    top = ceilings(device, dtype)
    console = Console()
    console.print(
        f"{machine(device)}; {dtype}: {top.operations / 1e9:.0f} GFLOP/s, {top.bytes / 1e9:.1f} GB/s measured",
        soft_wrap=True,
    )
    points = itertools.product(networks, widths, steps)
    rows = [measure(name, device, dtype, width, count, top) for name, width, count in points]
    table = Table("network", "dream", "steps", "frame", "fps", "step", "notebook", "ratio", "roofline", "MB")
    table.caption = "frame, step, notebook: milliseconds; roofline: of what the machine could do for a step"
    for row in rows:
        table.add_row(
            *(row.network, f"{row.width}×{row.height}", str(row.steps), f"{row.frame_ms}", f"{row.fps}"),
            *(f"{row.step_ms}", f"{row.notebook_ms}", f"{row.ratio}×", f"{row.share:.0%}", f"{row.memory_mb:.0f}"),
        )
    console.print(table)
    if out is not None:
        facts = {"machine": machine(device), "date": date.today().isoformat(), "torch": torch.__version__}
        part = out.with_suffix(".part")
        part.write_text(
            json.dumps({**facts, "ceilings": asdict(top), "rows": [asdict(r) for r in rows]}, indent=1) + "\n"
        )
        os.replace(part, out)


def machine(device: torch.device) -> str:
    """What it is measured on, in words."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{platform.machine()} CPU, {os.cpu_count()} cores, {torch.get_num_threads()} threads"

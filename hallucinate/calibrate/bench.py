"""What this machine can dream: milliseconds, frames a second, memory, and how near it comes to what it could do.

``hallucinate bench`` times, over networks, dream widths and steps a frame, in turn:

    live       a frame as the product dreams it: the default settings, a motif, three octaves of which each step takes
               the next, so that frames differ in cost; the mean of a cycle
    frame      a frame whose steps are all taken at the dream's full size, on a layer: flow, warping, steps, compositing
    step       one of those steps alone, with nothing around it
    notebook   the steps of one frame by the 2015 notebook (Mordvintsev et al., "deepdream"): plain eager float32, norms
               not folded, on the same network, layer and size

The ratio is notebook to as many of our steps, so that network, layer, size and number of steps are equal, and what is
around the steps is on neither side. The precision is the quickest that the device has; the notebook's is float32.

And the roofline (Williams et al. 2009): the step's floating-point operations and bytes are counted, the machine's
ceilings for both are measured in the same run, and the share is the time that the nearer ceiling would take, divided
by the time that the step took.
"""

from __future__ import annotations

import itertools
import statistics
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from rich.progress import track
from rich.table import Table
from rich.text import Text
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from hallucinate.console import open_console
from hallucinate.device import choose_device, describe, precision, precisions
from hallucinate.dream.ascent import direction
from hallucinate.dream.dreamer import Dreamer, Pending
from hallucinate.dream.objectives import Objective, UnitObjective
from hallucinate.dream.octaves import dream_size
from hallucinate.files import write_json
from hallucinate.frame import Frame, OperatingPoint, Picture
from hallucinate.networks import Network
from hallucinate.networks.registry import open_network, open_quickest
from hallucinate.settings import Settings, Unit
from hallucinate.sources.scene import filmed
from hallucinate.writing import writing

WORDS = """
Milliseconds. live: a frame as the product dreams it, a motif on three octaves
in turn, the mean of a cycle; fps: of these. frame: all steps at the full size,
on a layer. step: one of them alone. notebook: as many steps by the loop of the
2015 notebook in float32, on the same network, layer and size; ratio: of its
time to our steps'. roof: share of what the machine could do for a step. MB: the
most memory held."""

WARM_UP, ROUNDS = 4, 16
JITTER = 8


@dataclass(frozen=True)
class Ceilings:
    """What the machine can do while it does nothing else: operations and bytes a second."""

    operations: float
    bytes: float


@dataclass(frozen=True)
class Row:
    """One operating point; see the top of this module. Milliseconds are medians; fps: of the live frames.

    share: of the roofline. memory_mb: the most held while this was measured; on a CPU, by the process until then.
    """

    network: str
    dtype: str
    width: int
    height: int
    steps: int
    live_ms: float
    fps: float
    frame_ms: float
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
    """Wait until the device has done everything."""
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
    """Measured: the quicker of a large matrix product and a large convolution, and a copy too large for any cache."""
    gpu = device.type == "cuda"
    size, side, megabytes = (8192, 512, 2048) if gpu else (1024, 128, 256)
    a = torch.rand(size, size, device=device).to(dtype)
    x = torch.rand(1, 64, side, side, device=device).to(dtype, memory_format=torch.channels_last)
    kernel = torch.rand(64, 64, 3, 3, device=device).to(dtype, memory_format=torch.channels_last)
    # Written to, both: new memory comes page by page, which takes a CPU five times as long as the copying.
    long, there = (torch.full((megabytes << 20,), n, dtype=torch.uint8, device=device) for n in (1, 2))
    work = [lambda: a @ a, lambda: F.conv2d(x, kernel, padding=1), lambda: there.copy_(long)]
    product, convolution, copied = taking_turns(work, device)
    operations = max(2 * size**3 / product, 2 * kernel.numel() * side**2 / convolution)
    return Ceilings(operations, 2 * long.nbytes / copied)


def notebook_step(network: Network, layer: str, x: torch.Tensor, shift: tuple[int, int]) -> torch.Tensor:
    """One step of the 2015 notebook's ``make_step``, on x (1, 3, H, W): roll, ½‖a‖², g / mean|g|, roll back."""
    rolled = torch.roll(x, shift, (2, 3)).requires_grad_(True)
    a = network.activations(rolled, layer)
    (g,) = torch.autograd.grad(0.5 * a.square().sum(), rolled)
    moved = rolled.detach() + 1.5 / 255 * g / g.abs().mean()
    return torch.roll(moved, (-shift[0], -shift[1]), (2, 3)).clamp(0, 1)


def counted(x: torch.Tensor, objective: Objective) -> tuple[int, int]:
    """Floating-point operations and bytes of one step."""
    shift = torch.zeros(1, 2, dtype=torch.int64, device=x.device)
    with FlopCounterMode(display=False) as operations:
        direction(x, [objective], shift, JITTER)
    with BytesCounted() as passed:
        direction(x, [objective], shift, JITTER)
    return operations.get_total_flops(), passed.total


def measure(name: str, device: torch.device, dtype: torch.dtype, width: int, steps: int, top: Ceilings) -> Row:
    """One operating point of one network, on the moving scene at 640×360 or the dream's own size."""
    network = open_network(name, device, dtype)
    plain = open_network(name, device, torch.float32, folded=False)
    layer = network.default_layer
    seen_size = (max(640, width), max(640, width) * 9 // 16)
    height, width = dream_size(seen_size[1], seen_size[0], width)
    x = torch.rand(1, 3, height, width, device=device)
    objective = UnitObjective(network, Unit(layer))
    shift = torch.zeros(1, 2, dtype=torch.int64, device=device)

    pictures = [frame.picture for frame in filmed(0.5, size=seen_size)]
    point = OperatingPoint(width, steps)
    live = live_settings(network, steps)
    # One octave, and it is as wide as the dream; a motif size that small is below what settings allow.
    full = Settings(motifs={}, layers={layer: 1.0}, steps=steps, octaves=1)
    full = full.model_copy(update={"motif_size": network.motif_px / width})
    cycle = frames(Dreamer(network, device), pictures, live, point, live.octaves)
    frame = frames(Dreamer(network, device), pictures, full, point, 1)

    def notebook() -> None:
        picture = x
        for n in range(steps):
            picture = notebook_step(plain, layer, picture, (n % JITTER, n % JITTER))

    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    work = [cycle, frame, lambda: direction(x, [objective], shift, JITTER), notebook]
    cycle_s, frame_s, step_s, notebook_s = taking_turns(work, device)
    live_s = cycle_s / live.octaves
    peak = torch.cuda.max_memory_allocated(device) if device.type == "cuda" else resident_peak()
    operations, passed = counted(x, objective)
    share = max(operations / top.operations, passed / top.bytes) / step_s
    ratio = notebook_s / (step_s * steps)
    return Row(
        network=name,
        dtype=precision(dtype),
        width=width,
        height=height,
        steps=steps,
        live_ms=round(live_s * 1e3, 2),
        fps=round(1 / live_s, 1),
        frame_ms=round(frame_s * 1e3, 2),
        step_ms=round(step_s * 1e3, 2),
        notebook_ms=round(notebook_s * 1e3, 2),
        ratio=round(ratio, 2),
        operations=operations,
        bytes=passed,
        share=round(share, 3),
        memory_mb=round(peak / 1e6, 1),
    )


def live_settings(network: Network, steps: int) -> Settings:
    """The default settings, with a motif that the network has, or else its layer."""
    if "eye" in network.motifs:
        return Settings(steps=steps)
    if network.motifs:
        return Settings(motifs={network.motifs[0]: 1.0}, steps=steps)
    return Settings(motifs={}, layers={network.default_layer: 1.0}, steps=steps)


def frames(
    dreamer: Dreamer, pictures: Sequence[Picture], settings: Settings, point: OperatingPoint, count: int
) -> Callable[[], None]:
    """What dreams the next ``count`` frames each time it is called; the pictures come again and again, 25 a second.

    A frame is begun before the last is waited for: on a GPU, motion is measured while the device is at work.
    """
    numbers, session, pending = itertools.count(1), dreamer.session(settings), deque[Pending]()

    def dream() -> None:
        for n in itertools.islice(numbers, count):
            frame = Frame(pictures[n % len(pictures)], round(n / 25 * 1e9))
            pending.append(dreamer.begin([(session, frame)], point))
            if len(pending) > 1:
                pending.popleft().outputs(frame.captured_ns)

    return dream


def resident_peak() -> int:
    """The most memory that this process has held, in bytes; 0 where the system does not tell, as on Windows."""
    try:
        import resource
    except ImportError:
        return 0
    # The one figure of getrusage that macOS gives in bytes, and Linux in KiB.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def bench(
    networks: Sequence[str], widths: Sequence[int], steps: Sequence[int], device_name: str, out: Path | None
) -> None:
    """Measure, print the table, and write it as JSON where ``out`` says; until then a line says how far it is.

    The precision is the one in which the first of the networks is the quickest.
    """
    device = choose_device(device_name)
    _, dtype = open_quickest(networks[0], device)
    top = ceilings(device, dtype)
    facts = {
        "machine": describe(device, dtype),
        "precision": f"the quickest of {', '.join(map(precision, precisions(device)))}",
        "torch": torch.__version__,
        "date": date.today().isoformat(),
    }
    console = open_console()
    console.print(f"{facts['machine']}; torch {facts['torch']}; {facts['precision']}", soft_wrap=True)
    console.print(f"measured: {top.operations / 1e9:.0f} GFLOP/s, {top.bytes / 1e9:.1f} GB/s", soft_wrap=True)
    points = list(itertools.product(networks, widths, steps))
    rows = [
        measure(name, device, dtype, width, count, top)
        for name, width, count in track(points, "measuring", console=console, transient=True)
    ]
    console.print(table_of(rows))
    console.print(Text(WORDS))
    if out is not None:
        with writing(out, "the figures are above"):
            write_json(out, {**facts, "ceilings": asdict(top), "rows": [asdict(row) for row in rows]})


def table_of(rows: Sequence[Row]) -> Table:
    """For a terminal of 80 columns."""
    heads = ("network", "dream", "steps", "live", "fps", "frame", "step", "notebook", "ratio", "roof", "MB")
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False)
    for head in heads:
        table.add_column(head, no_wrap=True, justify="left" if head == "network" else "right")
    for row in rows:
        table.add_row(
            *(row.network, f"{row.width}×{row.height}", str(row.steps), f"{row.live_ms:.1f}", f"{row.fps:.1f}"),
            *(f"{row.frame_ms:.1f}", f"{row.step_ms:.1f}", f"{row.notebook_ms:.1f}", f"{row.ratio:.1f}×"),
            *(f"{row.share:.0%}", f"{row.memory_mb:.0f}"),
        )
    return table

"""Networks that somebody else exported, code and all: torch.export's .pt2, and TorchScript's .pt.

Such a file is a program. Reading one can run whatever its maker put into it, so it is only opened when the user says
that it may. Its input is RGB in [0, 1], in float32; any other preparation of its pixels it has to do itself.
"""

from __future__ import annotations

import contextlib
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import fx, nn

from hallucinate.errors import NetworkError
from hallucinate.files import utf8_path
from hallucinate.networks.imagenet import class_names, families

OUTPUT = "output"
"""The layer that every such network has: what it answers."""

PROBE = (2, 3, 64, 64)
"""The picture that a network is tried with."""

MOTIF_PX = 80


class Part(nn.Module):
    """Stages of a network, one after the other; of an export that was made for one size, at that size.

    size: (batch, height, width) that it was exported for, each None where any will do.
    """

    def __init__(self, stages: list[nn.Module], size: tuple[int | None, ...] = (None, None, None)) -> None:
        super().__init__()
        self.stages, self.size = nn.ModuleList(stages), size

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """RGB (B, 3, H, W) -> whatever it answers, (B, …)."""
        batch, height, width = self.size
        if (height or x.shape[2], width or x.shape[3]) != tuple(x.shape[2:]):
            size = (height or x.shape[2], width or x.shape[3])
            x = F.interpolate(x, size, mode="bilinear", align_corners=False, antialias=True)
        if batch is None:
            return self._through(x)
        # Filled up with the last picture again, and that one's answers are dropped.
        full = torch.cat([x, x[-1:].expand(-len(x) % batch, -1, -1, -1)])
        return torch.cat([self._through(some) for some in full.chunk(len(full) // batch)])[: len(x)]

    def _through(self, x: torch.Tensor) -> torch.Tensor:
        for stage in self.stages:
            x = stage(x)
        return x


class ExportedNetwork(nn.Module):
    """A program with named points, as a Network. Its output is taken for scores of its classes."""

    def __init__(self, name: str, points: Mapping[str, Part]) -> None:
        super().__init__()
        self.name, self.motif_px = name, MOTIF_PX
        self._points = dict(points)
        self._parts = nn.ModuleList(points.values())
        self.requires_grad_(False)
        probe = torch.zeros(PROBE, device=next((p.device for p in self.parameters()), None))
        with torch.no_grad():
            answers = {layer: self.activations(probe, layer) for layer in points}
        self.layers = tuple(layer for layer, answer in answers.items() if answer.ndim == 4)
        self.channels: Mapping[str, int] = {layer: answers[layer].shape[1] for layer in self.layers}
        self.default_layer = self.layers[2 * (len(self.layers) - 1) // 3]
        self.motifs = class_names(self.channels[OUTPUT])
        self.families = families(self.motifs)

    def activations(self, x: torch.Tensor, layer: str) -> torch.Tensor:
        """What the program has at ``layer``: float32 (B, C, h, w). x: RGB (B, 3, H, W) in [0, 1]."""
        answer: torch.Tensor = self._points[layer](x.float())
        return answer[:, :, None, None] if answer.ndim == 2 else answer

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """What it answers, (B, K, h, w)."""
        return self.activations(x, OUTPUT)


def open_exported(path: Path, device: torch.device, run_code: bool) -> ExportedNetwork:
    """The network of a .pt2 or TorchScript file, in its own precision.

    run_code: whether the user allows the file to run code. Raises NetworkError where it may not, and for what
    cannot be read, or does not take pictures.
    """
    if not path.is_file():
        raise NetworkError(f"there is no file {path}; check the spelling and the folder")
    try:
        with zipfile.ZipFile(path) as archive:
            members = {name.partition("/")[2] for name in archive.namelist()}
    except (OSError, zipfile.BadZipFile):
        raise NetworkError(f"{path} is neither a .pt2 nor TorchScript, or it is damaged; download it again") from None
    script, export = "constants.pkl" in members, "archive_format" in members
    if not script and not export:
        raise NetworkError(f"{path} holds no program; for a state dict, use --network ARCHITECTURE --weights {path}")
    if not run_code:
        raise NetworkError(
            f"{path} is a program, and reading it can run whatever its maker put into it; "
            "if you trust its maker, allow it with --run-code"
        )
    try:
        points = dict((script_points if script else export_points)(path, device))
        return ExportedNetwork(path.stem, points)
    except NetworkError:
        raise
    except Exception as error:  # it is somebody else's program: anything may be wrong with it
        why = (str(error).splitlines() or [type(error).__name__])[0]
        raise NetworkError(f"{path} does not work on pictures, RGB (B, 3, H, W) in [0, 1]: {why[:200]}") from None


def export_points(path: Path, device: torch.device) -> Iterator[tuple[str, Part]]:
    """Every node that has one answer per place, by the name that torch.export gave it, and the output."""
    with utf8_path(path) as file:
        program = torch.export.load(file)
    if device.type != "cpu":
        from torch.export.passes import move_to_device_pass

        program = move_to_device_pass(program, device)
    # Without decompositions this only replaces what works in place: a point's answer then stays what it was.
    module: Any = program.run_decompositions({}).module(check_guards=False)
    pictures = [node for node in module.graph.nodes if node.op == "placeholder"]
    if len(pictures) != 1:
        raise NetworkError(f"{path} takes {len(pictures)} inputs; a network must have one, the picture")
    batch, _, height, width = (side if isinstance(side, int) else None for side in pictures[0].meta["val"].shape)
    size = (batch, height, width)
    for node in module.graph.nodes:
        if node.op == "call_function" and getattr(node.meta.get("val"), "ndim", 0) == 4:
            yield node.name, Part([ending_at(module, node)], size)
    yield OUTPUT, Part([module], size)


def ending_at(module: fx.GraphModule, node: fx.Node) -> fx.GraphModule:
    """What a graph computes up to a node, and no more."""
    graph, copies = fx.Graph(), dict[fx.Node, fx.Node]()
    graph.graph_copy(module.graph, copies)
    graph.output(copies[node])
    graph.eliminate_dead_code()
    return fx.GraphModule(module, graph)


def script_points(path: Path, device: torch.device) -> Iterator[tuple[str, Part]]:
    """The parts of a script that are run one after the other, and the output.

    Hooks do not work in scripts. So its parts are tried: where all of them in a row answer as the whole does, each of
    them is a point; otherwise there is the output alone.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # TorchScript is deprecated, and files of it still exist
        with utf8_path(path) as file:
            script = torch.jit.load(file, device).eval()  # type: ignore[no-untyped-call]
    stages = list(script.named_children())
    probe = torch.rand(PROBE, device=device)
    with torch.no_grad(), contextlib.suppress(Exception):
        expected, answer, parts = script(probe), probe, list[nn.Module]()
        points = []
        for name, stage in stages:
            parts.append(stage)
            answer = stage(answer)
            if answer.ndim == 4:
                points.append((name, Part(list(parts))))
        if answer.shape == expected.shape and torch.allclose(answer, expected, rtol=1e-3, atol=1e-5):
            yield from points
    yield OUTPUT, Part([script])

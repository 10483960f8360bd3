"""Forward and backward of the network in the box beside the usual writing of it, in one run.

    python -m benchmarks.network

The usual writing, as the reference: an inception network of the same widths with ReLU, max pooling, zero padding and
strided convolution (741,088 parameters with 16 outputs), norms folded, channels last. Both answer at their last
layer's activations, which are sent back to the pixels. The two take turns, so that
what else the machine does falls on both alike.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial

import torch
from rich.console import Console
from rich.table import Table
from torch import nn

from hallucinate.calibrate.bench import taking_turns
from hallucinate.device import choose_device, precision, precisions
from hallucinate.networks.motif import fold_norms
from hallucinate.networks.registry import open_network


class Conv(nn.Module):
    """Convolution, batch norm, ReLU."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
        self.norm: nn.Module = nn.BatchNorm2d(outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, inputs, H, W) -> (B, outputs, h, w)."""
        return torch.relu(self.norm(self.conv(x)))


class Inception(nn.Module):
    """1×1; 3×3; 3×3 twice; max pooling, side by side (Szegedy et al. 2015)."""

    def __init__(self, inputs: int, one: int, three: tuple[int, int], five: tuple[int, int], pool: int) -> None:
        super().__init__()
        self.branches = nn.ModuleList(
            [
                Conv(inputs, one, 1),
                nn.Sequential(Conv(inputs, three[0], 1), Conv(*three, 3)),
                nn.Sequential(Conv(inputs, five[0], 1), Conv(*five, 3), Conv(five[1], five[1], 3)),
                nn.Sequential(nn.MaxPool2d(3, 1, 1), Conv(inputs, pool, 1)),
            ]
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, inputs, H, W) -> (B, outputs, H, W)."""
        return torch.cat([branch(x) for branch in self.branches], 1)


def usual_writing() -> nn.Sequential:
    """The reference, to its last inception block; ready to infer."""
    network = nn.Sequential(
        *(Conv(3, 32, 5, 2), Conv(32, 48, 3), nn.MaxPool2d(3, 2, 1)),
        *(Inception(48, 24, (24, 48), (8, 16), 16), Inception(104, 32, (32, 64), (12, 32), 16), nn.MaxPool2d(3, 2, 1)),
        *(Inception(144, 48, (48, 96), (16, 48), 32), Inception(224, 64, (56, 112), (20, 56), 32)),
        *(Inception(264, 64, (64, 128), (24, 64), 48), nn.MaxPool2d(3, 2, 1)),
        Inception(304, 96, (80, 160), (24, 64), 64),
    )
    network.eval().requires_grad_(False)
    fold_norms(network)
    return network


def answered(network: Callable[[torch.Tensor], torch.Tensor], x: torch.Tensor) -> Callable[[], None]:
    """What asks the network about x (1, 3, H, W) and sends its answer back to the pixels."""

    def infer() -> None:
        seen = x.clone().requires_grad_(True)
        answer = network(seen)
        torch.autograd.grad(answer, seen, answer.detach())

    return infer


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--width", type=int, default=320)
    parser.add_argument("--height", type=int, default=180)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--rounds", type=int, default=60)
    options = parser.parse_args()
    device = choose_device(options.device)
    table = Table("", "usual writing, ms", "in the box, ms", "ratio")
    for dtype in dict.fromkeys((torch.float32, *precisions(device))):
        box = open_network("motif", device, dtype)
        usual = usual_writing().to(device, dtype).to(memory_format=torch.channels_last)
        x = torch.rand(1, 3, options.height, options.width, device=device).contiguous(memory_format=torch.channels_last)

        def usually(seen: torch.Tensor, usual: nn.Module = usual, dtype: torch.dtype = dtype) -> torch.Tensor:
            answer: torch.Tensor = usual((seen.to(dtype) - 0.45) / 0.25)
            return answer

        work = [answered(usually, x), answered(partial(box.activations, layer="mixed5"), x)]
        theirs, ours = taking_turns(work, device, options.rounds)
        table.add_row(precision(dtype), f"{theirs * 1e3:.1f}", f"{ours * 1e3:.1f}", f"{ours / theirs:.2f}")
    Console().print(f"{options.width}×{options.height}, {device}, torch {torch.__version__}, one picture")
    Console().print(table)


if __name__ == "__main__":
    main()

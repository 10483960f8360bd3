"""An independent judge of dreams: another network, of another build and seed, that never dreams itself.

    python -m hallucinate.motifs.judge

trains it on the same drawings; ``python -m hallucinate.calibrate.naming`` measures what it sees in live dreams. It
is a residual network (He et al. 2016) with ReLU, strided convolutions and zero padding: all that the network in
the box is not. It is attacked in training too, more weakly, so that it looks at shapes rather than at grain.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

from hallucinate.motifs.train import Recipe, Trainer, train


class ConvBatchNorm(nn.Module):
    """3×3 convolution, zeros beyond the edge, and batch norm."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.norm: nn.Module = nn.BatchNorm2d(outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, inputs, H, W) -> (B, outputs, H / stride, W / stride)."""
        y: torch.Tensor = self.norm(self.conv(x))
        return y


class Block(nn.Module):
    """Two convolutions and a path past them, half the size."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.first, self.second = ConvBatchNorm(inputs, outputs, 2), ConvBatchNorm(outputs, outputs)
        self.past = nn.Conv2d(inputs, outputs, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, inputs, H, W) -> (B, outputs, H/2, W/2)."""
        return F.relu(self.second(F.relu(self.first(x))) + self.past(F.avg_pool2d(x, 2)))


class Judge(nn.Module):
    """Says which motif is where, at every 16th pixel. RGB in [0, 1] in, logits out."""

    def __init__(self, motifs: Sequence[str]) -> None:
        super().__init__()
        self.stem = ConvBatchNorm(3, 32, 2)
        self.blocks = nn.Sequential(Block(32, 64), Block(64, 128), Block(128, 224))
        self.head = nn.Conv2d(224, len(motifs) + 1, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, 3, H, W) -> (B, K + 1, H/16, W/16), the last for nothing. H and W: multiples of 16."""
        logits: torch.Tensor = self.head(self.blocks(F.relu(self.stem((x - 0.45) / 0.25))))
        return logits


JUDGE = Trainer("hallucinate.motifs.judge", Judge, Recipe(steps=3000, eps=1.0, attacks=1, plain=0.2, seed=1))

if __name__ == "__main__":
    train(__doc__, JUDGE, Path("out/judge"), "judge.safetensors")

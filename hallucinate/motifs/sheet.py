"""A contact sheet of what a network dreams, each motif from the same soft noise: to be looked at while it learns."""

from __future__ import annotations

import io
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn
from torchvision.utils import save_image

from hallucinate.motifs.drawing import Pen
from hallucinate.writing import write_whole


def save_sheet(
    network: nn.Module, motifs: int, path: Path, size: int = 96, steps: int = 24, rate: float = 0.02
) -> None:
    """Raise the score of each of the first ``motifs`` outputs by plain steps; write the pictures, whole or not at all.

    Raises OutputError.

    rate: how far a step moves the pixels, root mean square.
    """
    device = next(network.parameters()).device
    pen = Pen(1, size, size, torch.Generator(device).manual_seed(0))
    x = (0.5 + 0.06 * pen.clouds(size / 3)[:, None]).expand(motifs, 3, -1, -1).contiguous()
    outputs = torch.arange(motifs, device=device)
    for n in range(steps):
        by = (n * 5 % 16, n * 3 % 16)  # jitter (Mordvintsev et al. 2015), the same at every writing
        shifted = torch.roll(x, by, (2, 3)).requires_grad_(True)
        scores = F.log_softmax(network(shifted), 1)[outputs, outputs]
        (g,) = torch.autograd.grad(scores.sum(), shifted)
        x = x + rate * torch.roll(
            g / (g.square().mean((1, 2, 3), keepdim=True).sqrt() + 1e-12), (-by[0], -by[1]), (2, 3)
        )
        x = x.clamp(0, 1)
    file = io.BytesIO()
    save_image(x, file, nrow=9, format="png")
    write_whole(path, lambda part: part.write_bytes(file.getbuffer()))

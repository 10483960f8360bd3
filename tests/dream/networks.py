"""Small real networks for the dream's tests: no weights file, every gradient exact."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn


class TinyNetwork(nn.Module):
    """Two convolutions; its 'motifs' are light and dark, and answer by the picture's brightness."""

    name = "tiny"
    motifs: tuple[str, ...] = ("light", "dark")
    families: Mapping[str, str] = {"light": "test", "dark": "test"}
    layers: tuple[str, ...] = ("first", "second")
    channels: Mapping[str, int] = {"first": 8, "second": 8}
    default_layer = "second"
    motif_px = 16

    def __init__(self, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.first = nn.Conv2d(3, 8, 5, stride=2, padding=2, padding_mode="replicate", bias=False)
        self.second = nn.Conv2d(8, 8, 3, stride=2, padding=1, padding_mode="replicate", bias=False)
        for conv in (self.first, self.second):
            conv.weight.data = torch.randn(conv.weight.shape, generator=generator) * 0.2
        self.requires_grad_(False).eval().to(dtype)
        self.dtype = dtype

    def activations(self, x: torch.Tensor, layer: str) -> torch.Tensor:
        a = torch.relu(self.first(x.to(self.dtype)))
        return a if layer == "first" else torch.relu(self.second(a))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        light = torch.nn.functional.avg_pool2d(x.to(self.dtype), 16).mean(1, keepdim=True) * 32
        # Light, dark, and the class of nothing.
        return torch.cat([light, -light, torch.zeros_like(light)], 1)

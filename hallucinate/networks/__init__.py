"""The networks that are asked what they see."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import torch


class Network(Protocol):
    """What the dream asks of a network.

    motifs: names of what ``forward`` scores, () where it has no names. families: a word for people, by motif.
    layers: names for ``activations``, shallow to deep. motif_px: how wide what it knows usually is, in its pixels.
    """

    name: str
    motifs: tuple[str, ...]
    families: Mapping[str, str]
    layers: tuple[str, ...]
    default_layer: str
    motif_px: int

    def activations(self, x: torch.Tensor, layer: str) -> torch.Tensor:
        """What a layer answers to RGB (B, 3, H, W) in [0, 1], of any size from 32: (B, C, h, w)."""
        ...

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """How much of each motif is where: logits (B, K + 1, h, w), the last for nothing."""
        ...

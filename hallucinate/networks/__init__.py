"""The networks whose activations are made stronger."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import torch


class Network(Protocol):
    """What the dream needs of a network.

    motifs: names of what ``forward`` scores, () where it has no names. families: a word for people, by motif, where
    there is one. layers: names for ``activations``, shallow to deep. channels: how many each layer has. motif_px: how
    wide what it knows usually is, in its pixels.
    """

    name: str
    motifs: tuple[str, ...]
    families: Mapping[str, str]
    layers: tuple[str, ...]
    channels: Mapping[str, int]
    default_layer: str
    motif_px: int

    def activations(self, x: torch.Tensor, layer: str) -> torch.Tensor:
        """What a layer answers to RGB (B, 3, H, W) in [0, 1], of any size from 32: (B, C, h, w)."""
        ...

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """How much of each motif is where: logits (B, n, h, w), the first K of them the motifs' own, n ≥ K.

        h and w are 1 where the network answers for the whole picture.
        """
        ...

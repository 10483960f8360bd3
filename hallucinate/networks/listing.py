"""What networks there are and what each can be asked for, in words for a terminal."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from hallucinate.networks.registry import NETWORKS, open_network


def all_networks() -> Iterator[str]:
    """A line for each network: its name and what is in it."""
    for name in NETWORKS:
        network = open_network(name, torch.device("cpu"), torch.float32)
        yield f"{name}: in the box, {len(network.motifs)} motifs by name, {len(network.layers)} layers"


def about(name: str) -> Iterator[str]:
    """A network's motifs, one a line with its family, then its layers from shallow to deep.

    Raises NetworkError for a name that does not exist.
    """
    network = open_network(name, torch.device("cpu"), torch.float32)
    widest = max(map(len, [*network.motifs, *network.layers]), default=0)
    yield f"{len(network.motifs)} motifs (--motifs eye=1,spiral=0.5):"
    for motif in network.motifs:
        yield f"  {motif:<{widest}}  {network.families[motif]}"
    yield "layers (--layer):"
    for layer in network.layers:
        yield f"  {layer}" + (f"{'':<{widest - len(layer)}}  the default" if layer == network.default_layer else "")

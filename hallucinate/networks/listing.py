"""What networks there are, and the motifs and layers of each, in words for a terminal."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from hallucinate.networks import Network
from hallucinate.networks.registry import NetworkOptions, check_name, list_networks, open_network
from hallucinate.networks.weights import ZOO_WEIGHTS, ensure_weights
from hallucinate.networks.zoo import outlined


def network_lines() -> Iterator[str]:
    """A line for each network: its name, where its weights are, and what is in it."""
    for row in list_networks():
        name, state = str(row["name"]), row["state"]
        where = {"here": "weights here", "to be fetched": f"to be fetched, {row['size_mb']} MB"}.get(str(state), state)
        network = outline(name)
        yield f"{name}: {where}, {len(network.motifs)} motifs by name, {len(network.layers)} layers"
    yield "or a file: NAME.caffemodel, NAME.pt2, NAME.pt; or --network ARCHITECTURE --weights FILE"


def describe_network(name: str, run_code: bool = False) -> Iterator[str]:
    """A network's motifs, one a line with its family, then its layers from shallow to deep, with their channels.

    Raises NetworkError for a name that does not exist, or a file that cannot be read.
    """
    network = outline(name, run_code)
    widest = max(map(len, [*network.motifs, *network.layers]), default=0)
    yield f"{len(network.motifs)} motifs (--motifs {','.join(network.motifs[:2])}):"
    for motif in network.motifs:
        yield f"  {motif:<{widest}}  {network.families.get(motif, '')}".rstrip()
    yield f"layers (--layers {network.default_layer}):"
    for layer in network.layers:
        default = "  the default" if layer == network.default_layer else ""
        yield f"  {layer:<{widest}}  {network.channels[layer]} channels{default}"


def outline(name: str, run_code: bool = False) -> Network:
    """A network to look at: of torchvision's, all but the weights, which need not be there."""
    if name in ZOO_WEIGHTS:
        return outlined(name)[1]
    return open_network(name, torch.device("cpu"), torch.float32, options=NetworkOptions(run_code=run_code))


def fetch_weights(name: str) -> str:
    """Download a network's weights, unless they are here; returns where they are. Raises WeightsError, NetworkError."""
    check_name(name)
    if name not in ZOO_WEIGHTS:
        return f"{name} is in the box: there is nothing to fetch"
    return f"{name}: {ensure_weights(ZOO_WEIGHTS[name])}"

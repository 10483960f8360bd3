"""What networks there are and what each can be asked for, in words for a terminal."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from hallucinate.networks import Network
from hallucinate.networks.registry import NetworkOptions, check_name, known, open_network
from hallucinate.networks.weights import ZOO_WEIGHTS, get
from hallucinate.networks.zoo import outlined


def all_networks() -> Iterator[str]:
    """A line for each network: its name, where its weights are, and what is in it."""
    for row in known():
        name, state = str(row["name"]), row["state"]
        where = {"here": "weights here", "to be fetched": f"to be fetched, {row['size_mb']} MB"}.get(str(state), state)
        network = outline(name)
        yield f"{name}: {where}, {len(network.motifs)} motifs by name, {len(network.layers)} layers"
    yield "or a file: NAME.caffemodel, NAME.pt2, NAME.pt; or --network ARCHITECTURE --weights FILE"


def about(name: str, run_code: bool = False) -> Iterator[str]:
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
    return open_network(name, torch.device("cpu"), torch.float32, given=NetworkOptions(run_code=run_code))


def fetched(name: str) -> str:
    """Have a network's weights here, and say where. Raises NetworkError where they cannot be had."""
    check_name(name)
    if name not in ZOO_WEIGHTS:
        return f"{name} is in the box: there is nothing to fetch"
    return f"{name}: {get(ZOO_WEIGHTS[name])}"

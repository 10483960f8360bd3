"""Weights for the tests: random, of a scale that keeps what goes through them alive."""

from __future__ import annotations

import torch
from torch import nn


def random_tensors(network: nn.Module, seed: int = 0) -> dict[str, torch.Tensor]:
    """A state dict for a network that was built on ``meta``. Uniform numbers: half a gigabyte of them is VGG's."""
    generator = torch.Generator().manual_seed(seed)
    tensors = {}
    for key, t in network.state_dict().items():
        if not t.is_floating_point():
            tensors[key] = torch.tensor(0)
        elif t.ndim < 2:
            around = 1.0 if key.endswith(("weight", "running_var")) else 0.0
            tensors[key] = torch.empty(t.shape).uniform_(around - 0.2, around + 0.2, generator=generator)
        else:
            limit = (6 / t[0].numel()) ** 0.5
            tensors[key] = torch.empty(t.shape).uniform_(-limit, limit, generator=generator)
    return tensors

"""The network in the box: small, fully convolutional, made for the gradient at its pixels.

After the inception blocks of Szegedy et al. (2015), with changes that its dreams needed: smooth activations
(SiLU), so that gradients have no holes; downsampling by averaging and by a kernel that its stride divides
(Odena et al. 2016), so that they have no checkerboard; edges repeated rather than filled with black, so that
dreams have no frame.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

Pad = Callable[[torch.Tensor, int], torch.Tensor]


def repeat_edges(x: torch.Tensor, by: int) -> torch.Tensor:
    """(B, C, H, W) -> (B, C, H + 2·by, W + 2·by): outside, the edge is repeated."""
    return F.pad(x, (by, by, by, by), mode="replicate")


class ConvNorm(nn.Module):
    """Convolution without padding, batch norm, SiLU."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, bias=False)
        self.norm: nn.Module = nn.BatchNorm2d(outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, inputs, H, W) -> (B, outputs, h, w)."""
        return F.silu(self.norm(self.conv(x)))


class Mixed(nn.Module):
    """Four branches, side by side: 1×1; 3×3; 3×3 twice; the surroundings' mean. Widths as in Inception.

    Each begins with a 1×1 convolution of the same input: one convolution makes all four beginnings, and sends one
    gradient back. On the CPU a step takes a tenth less so.
    """

    def __init__(self, inputs: int, one: int, three: tuple[int, int], five: tuple[int, int], mean: int) -> None:
        super().__init__()
        self.branches = [one, three[0], five[0], mean]
        self.entry = ConvNorm(inputs, sum(self.branches), 1)
        self.three = ConvNorm(*three, 3)
        self.five_a, self.five_b = ConvNorm(*five, 3), ConvNorm(five[1], five[1], 3)
        self.outputs = one + three[1] + five[1] + mean

    def forward(self, x: torch.Tensor, pad: Pad) -> torch.Tensor:
        """(B, inputs, H, W) -> (B, outputs, H, W). Padding is on the narrow side of each 1×1, where it is cheap."""
        one, three, five, mean = torch.split(self.entry(x), self.branches, 1)
        three = self.three(pad(three, 1))
        five = self.five_b(self.five_a(pad(five, 2)))
        # 1×1 and mean commute: the narrow one first.
        mean = F.avg_pool2d(pad(mean, 1), 3, stride=1)
        return torch.cat([one, three, five, mean], 1)


class MotifNetwork(nn.Module):
    """Says which motif is where, at every 16th pixel. RGB in [0, 1] in, logits out."""

    name: str = "motif"
    layers: tuple[str, ...] = ("stem", "mixed3a", "mixed3b", "mixed4a", "mixed4b", "mixed4c", "mixed5")
    default_layer: str = "mixed4c"
    motif_px: int = 56

    def __init__(self, motifs: Sequence[str], families: Mapping[str, str] | None = None) -> None:
        super().__init__()
        self.motifs = tuple(motifs)
        self.families: Mapping[str, str] = dict(families or {})
        self.pad: Pad = repeat_edges
        self.stem_in, self.stem_out = ConvNorm(3, 32, 6, 2), ConvNorm(32, 48, 3)
        self.mixed3a = Mixed(48, 24, (24, 48), (8, 16), 16)
        self.mixed3b = Mixed(104, 32, (32, 64), (12, 32), 16)
        self.mixed4a = Mixed(144, 48, (48, 96), (16, 48), 32)
        self.mixed4b = Mixed(224, 64, (56, 112), (20, 56), 32)
        self.mixed4c = Mixed(264, 64, (64, 128), (24, 64), 48)
        self.mixed5 = Mixed(304, 96, (80, 160), (24, 64), 64)
        self.head = nn.Conv2d(384, len(motifs) + 1, 1)
        mixed = {name: getattr(self, name).outputs for name in self.layers[1:]}
        self.channels: Mapping[str, int] = {"stem": 48, **mixed}

    def activations(self, x: torch.Tensor, layer: str) -> torch.Tensor:
        """What ``layer`` answers; nothing after it is computed.

        x: (B, 3, H, W) in [0, 1], any float dtype, H and W from 32. Returns (B, C, h, w) in the network's dtype.
        """
        if layer not in self.layers:
            raise KeyError(layer)
        x = (x.to(self.head.weight.dtype) - 0.45) / 0.25
        x = F.avg_pool2d(self.stem_out(self.pad(self.stem_in(self.pad(x, 2)), 1)), 2)
        for name in self.layers[1:]:
            if layer == "stem":
                break
            if name in ("mixed4a", "mixed5"):
                x = F.avg_pool2d(x, 2)
            x = getattr(self, name)(x, self.pad)
            if name == layer:
                break
        return x

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """How much of each motif is where: logits (B, K + 1, H/16, W/16), the last for nothing."""
        logits: torch.Tensor = self.head(self.activations(x, "mixed5"))
        return logits


def fold_norms(network: nn.Module) -> None:
    """Put each batch norm into the convolution before it, which it must follow among its module's own children.

    For a network that is not learning; it must be in eval mode.
    """
    for module in network.modules():
        children = list(module.named_children())
        for (at, conv), (then, norm) in itertools.pairwise(children):
            if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                setattr(module, at, fuse_conv_bn_eval(conv, norm))
                setattr(module, then, nn.Identity())

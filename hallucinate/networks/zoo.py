"""torchvision's networks, each as the chain that it is: nothing after the requested layer is computed.

Modules that work in place are set not to, so that a layer's answer stays what it was until the gradient has come
back. (GoogLeNet's and Inception's blocks still write their ReLU over their own convolution, which is nobody's answer.)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn
from torchvision import models

from hallucinate.networks.imagenet import class_names, families
from hallucinate.networks.motif import fold_norms
from hallucinate.networks.tensors import Tensors, load_strictly

Stages = list[tuple[str, nn.Module]]
"""A network as a chain, shallow to deep. What has no name is not a layer: it only makes the picture smaller."""

PHOTOGRAPHS = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
"""Mean and standard deviation of ImageNet's pixels, which most of these networks are trained on."""

HALVES = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
"""GoogLeNet's and Inception's weights are TensorFlow's, of pixels in [-1, 1]. torchvision sets ``transform_input``,
which undoes PHOTOGRAPHS, silently and only for its own weights (pytorch/vision issue 4136). Here the chain
is run without torchvision's ``forward``, so that there is one place where pixels are put into range."""


@dataclass(frozen=True)
class Architecture:
    """One of torchvision's networks.

    chain: its layers. head: what makes logits (B, K) of the last of them. classifies:
    the module whose outputs are the classes. motif_px: as in ``Network``. least: the smallest picture that it takes, in
    pixels; a smaller one is enlarged before it is seen. aside: heads that only training has.
    """

    build: Callable[..., nn.Module]
    chain: Callable[[Any], Stages]
    head: Callable[[Any], list[nn.Module]]
    classifies: str
    default_layer: str
    motif_px: int
    range: tuple[Sequence[float], Sequence[float]] = PHOTOGRAPHS
    least: int = 32
    aside: str = ""


def named(*layers: str) -> Callable[[Any], Stages]:
    """Modules of those names, one after the other; pooling among them has no name."""
    return lambda network: [("" if "pool" in name else name, getattr(network, name)) for name in layers]


def numbered(network: Any) -> Stages:
    """The parts of ``features``, as torchvision names them."""
    return [(f"features.{n}", part) for n, part in enumerate(network.features)]


def squeezed(network: Any) -> Stages:
    """As Iandola et al. (2016) number them."""
    return with_relu(network.features, ["conv1", *(f"fire{n}" for n in range(2, 10))])


def convolved(network: Any) -> Stages:
    """VGG's convolutions with their ReLU, as Simonyan and Zisserman's own files name them: conv1_1 to conv5_3."""
    names, block, n = [], 1, 1
    for part in network.features:
        if isinstance(part, nn.Conv2d):
            names.append(f"conv{block}_{n}")
            n += 1
        elif isinstance(part, nn.MaxPool2d):
            block, n = block + 1, 1
    return with_relu(network.features, names)


def with_relu(parts: Iterable[nn.Module], names: Iterable[str]) -> Stages:
    """Parts by their names in turn, each with the ReLU that follows it; pooling has none."""
    remaining = iter(names)
    stages: Stages = []
    for part in parts:
        if isinstance(part, nn.ReLU):
            name, before = stages.pop()
            stages.append((name, nn.Sequential(before, part)))
        else:
            stages.append(("" if isinstance(part, nn.MaxPool2d) else next(remaining), part))
    return stages


def residual(network: Any) -> Stages:
    """ResNet's beginning, and its blocks."""
    first = nn.Sequential(network.conv1, network.bn1, network.relu)
    blocks = [
        (f"{name}.{n}", block)
        for name in ("layer1", "layer2", "layer3", "layer4")
        for n, block in enumerate(getattr(network, name))
    ]
    return [("conv1", first), ("", network.maxpool), *blocks]


def flattened(*parts: str) -> Callable[[Any], list[nn.Module]]:
    """Pooled, as a row of numbers, and through the named parts."""
    return lambda network: [network.avgpool, nn.Flatten(1), *(getattr(network, part) for part in parts)]


INCEPTION = "Conv2d_1a_3x3 Conv2d_2a_3x3 Conv2d_2b_3x3 maxpool1 Conv2d_3b_1x1 Conv2d_4a_3x3 maxpool2 "
INCEPTION += "Mixed_5b Mixed_5c Mixed_5d Mixed_6a Mixed_6b Mixed_6c Mixed_6d Mixed_6e Mixed_7a Mixed_7b Mixed_7c"
GOOGLENET = "conv1 maxpool1 conv2 conv3 maxpool2 inception3a inception3b maxpool3 "
GOOGLENET += "inception4a inception4b inception4c inception4d inception4e maxpool4 inception5a inception5b"

ZOO: Mapping[str, Architecture] = {
    "googlenet": Architecture(
        partial(models.googlenet, init_weights=False),
        named(*GOOGLENET.split()),
        flattened("dropout", "fc"),
        "fc",
        "inception4c",
        80,
        HALVES,
        aside="aux",
    ),
    "inception_v3": Architecture(
        partial(models.inception_v3, init_weights=False),
        named(*INCEPTION.split()),
        flattened("dropout", "fc"),
        "fc",
        "Mixed_6b",
        100,
        HALVES,
        least=75,
        aside="AuxLogits",
    ),
    "vgg16": Architecture(
        models.vgg16,
        convolved,
        flattened("classifier"),
        "classifier.6",
        "conv5_1",
        80,
    ),
    "vgg19": Architecture(
        models.vgg19,
        convolved,
        flattened("classifier"),
        "classifier.6",
        "conv5_1",
        80,
    ),
    "resnet50": Architecture(
        models.resnet50,
        residual,
        flattened("fc"),
        "fc",
        "layer3.3",
        80,
    ),
    "squeezenet1_1": Architecture(
        models.squeezenet1_1,
        squeezed,
        lambda network: [*network.classifier, nn.Flatten(1)],
        "classifier.1",
        "fire8",
        80,
    ),
    "mobilenet_v3_large": Architecture(
        models.mobilenet_v3_large,
        numbered,
        flattened("classifier"),
        "classifier.3",
        "features.12",
        80,
    ),
    "efficientnet_b0": Architecture(
        models.efficientnet_b0,
        numbered,
        flattened("classifier"),
        "classifier.1",
        "features.5",
        80,
    ),
    "convnext_tiny": Architecture(
        models.convnext_tiny,
        numbered,
        lambda network: [network.avgpool, *network.classifier],
        "classifier.2",
        "features.5",
        80,
    ),
}
"""By the names that torchvision has for them."""


class ZooNetwork(nn.Module):
    """A chain of named stages and a head, as a Network. Motifs are its classes."""

    def __init__(self, name: str, stages: Stages, head: nn.Module | None, motifs: Sequence[str]) -> None:
        super().__init__()
        row = ZOO[name]
        self.name, self.default_layer, self.motif_px = name, row.default_layer, row.motif_px
        self.motifs = tuple(motifs)
        self.families = families(self.motifs)
        self.layers = tuple(layer for layer, _ in stages if layer)
        self._names = [layer for layer, _ in stages]
        self._stages = nn.ModuleList(stage for _, stage in stages)
        self._head, self._least = head, row.least
        # No buffers: they stay float32, as the pixels are, when the network goes to half precision.
        self._mean, self._deviation = (torch.tensor(values)[None, :, None, None] for values in row.range)
        self.channels: Mapping[str, int] = dict(self._widths())

    def _widths(self) -> Iterator[tuple[str, int]]:
        """The channels of each layer, by a picture without pixels: nothing is computed on ``meta``."""
        x = torch.empty(1, 3, 128, 128, device="meta")
        for name, stage in zip(self._names, self._stages, strict=True):
            x = stage(x)
            if name:
                yield name, x.shape[1]

    def settle(self, device: torch.device, dtype: torch.dtype) -> ZooNetwork:
        """Move to a device and a precision, with nothing to train."""
        self._mean, self._deviation = self._mean.to(device), self._deviation.to(device)
        return self.eval().requires_grad_(False).to(device, dtype)

    def activations(self, x: torch.Tensor, layer: str) -> torch.Tensor:
        """What ``layer`` answers; nothing after it is computed.

        x: RGB (B, 3, H, W) in [0, 1], any float dtype, of any size from 32. One that is smaller than the network can
        take (75 pixels for Inception v3) is enlarged first. Returns (B, C, h, w) in the network's dtype.
        """
        if layer not in self.channels:
            raise KeyError(layer)
        x = self._seen(x)
        for name, stage in zip(self._names, self._stages, strict=True):
            x = stage(x)
            if name == layer:
                break
        return x

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits of the classes, (B, K, 1, 1); without a head, what the deepest layer answers."""
        x = self._seen(x)
        for stage in self._stages:
            x = stage(x)
        return x if self._head is None else self._head(x)[:, :, None, None]

    def _seen(self, x: torch.Tensor) -> torch.Tensor:
        smallest = min(x.shape[2:])
        if smallest < self._least:
            size = [math.ceil(side * self._least / smallest) for side in x.shape[2:]]
            x = F.interpolate(x.float(), size, mode="bilinear", align_corners=False)
        # In float32, and rounded to the network's precision only then: half precision loses nothing here.
        x = (x.float() - self._mean) / self._deviation
        return x.to(next(self.parameters()).dtype)


def open_zoo(
    name: str, tensors: Tensors, path: Path, device: torch.device, dtype: torch.dtype, folded: bool = True
) -> ZooNetwork:
    """A network of the zoo with the tensors of a file: ImageNet's, another number of classes, or no head at all.

    Raises NetworkError where they are not those of that network.
    """
    row = ZOO[name]
    top = row.classifies.split(".")[0]
    headless = not any(key.startswith(f"{top}.") for key in tensors)
    classes = 0 if headless else len(tensors.get(f"{row.classifies}.weight", ()))
    aside = bool(row.aside) and any(key.startswith(row.aside) for key in tensors)
    theirs, network = outlined(name, None if headless else classes, aside)
    load_strictly(theirs, tensors, name, path)
    if folded:
        fold_norms(network)
        return network.settle(device, dtype).to(memory_format=torch.channels_last)
    return network.settle(device, dtype)


def outlined(name: str, classes: int | None = 1000, aside: bool = False) -> tuple[nn.Module, ZooNetwork]:
    """torchvision's own network, and the same as ours, on ``meta``: all is known of it but its weights.

    classes: how many, None for no head. aside: with the heads that only training has.
    """
    row = ZOO[name]
    build: dict[str, Any] = {"num_classes": classes} if classes else {}
    if row.aside:
        build["aux_logits"] = aside
    with torch.device("meta"):  # no memory, and no random numbers for what a file brings
        theirs = row.build(weights=None, **build).eval()
    if classes is None:
        setattr(theirs, row.classifies.split(".")[0], nn.Identity())
    for module in theirs.modules():
        if hasattr(module, "inplace"):
            setattr(module, "inplace", False)  # noqa: B010 - torch's types know it of no module
    head = None if classes is None else nn.Sequential(*row.head(theirs))
    return theirs, ZooNetwork(name, row.chain(theirs), head, class_names(classes or 0))

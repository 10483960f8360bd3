"""Networks from Caffe's own files: the GoogLeNets of 2014 and others, built from the layers that the file lists.

A file says all that is needed: layers, their order, their weights, and often the mean that is taken off the pixels.
Blobs' names are the layers' names here, as in every notebook of 2015: ``inception_4c/output``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from hallucinate.errors import NetworkError
from hallucinate.networks.caffe_file import V1_TYPES, read_caffemodel
from hallucinate.networks.imagenet import class_names, families

IMAGENET_BGR = (104.0, 117.0, 123.0)
"""The mean that BVLC's GoogLeNet is trained with (its train_val.prototxt)."""

PLACES_BGR = (105.487823486, 113.741088867, 116.060394287)
"""Places205's mean, as its networks' users subtract it."""

PIXELS = frozenset(["Data", "ImageData", "HDF5Data", "MemoryData", "DummyData", "WindowData", "Input"])
SAME = frozenset(["Dropout", "Split", "Flatten"])
"""What changes nothing here; an inner product takes its picture as it is."""
CLASS_SCORES = frozenset(["Softmax", "SoftmaxWithLoss"])
"""What only turns the classes' scores into probabilities."""

IGNORED = PIXELS | CLASS_SCORES | frozenset(["Accuracy", "Silence", "ArgMax"])

MOTIF_PX = 80

USUAL = ("inception_4c/output", "conv5_1", "conv5")
"""Default layers, of the networks that have them: GoogLeNet's, VGG's, AlexNet's."""

ILLEGAL = re.compile(r"[:=,@\s]")
"""What a layer's name must not contain in an option."""


@dataclass(frozen=True)
class Step:
    """One computation: which module of the network, from which values, which value it makes, of how many channels."""

    module: int
    reads: tuple[int, ...]
    makes: int
    channels: int


class Pool(nn.Module):
    """Caffe's pooling: sizes are rounded up, but no window begins beyond the picture and what is added before it.

    That is PyTorch's ``ceil_mode``, whose averages count what is added as Caffe's do. A window that is larger than the
    picture is taken as large as it: pool5/7x7_s1 of a small picture is the mean of all of it.
    """

    def __init__(self, name: str, settings: Any) -> None:
        super().__init__()
        self.kernel, self.stride, self.pad = (
            pair(settings, field, default) for field, default in (("kernel", 0), ("stride", 1), ("pad", 0))
        )
        if settings.pool not in (0, 1):
            raise NetworkError(f"layer {name!r} pools at random, which only training does; use the deployed network")
        self.average, self.whole, self.up = bool(settings.pool), settings.global_pooling, settings.round_mode == 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, C, H, W) -> (B, C, h, w)."""
        height, width = x.shape[2:]
        fits = (height + 2 * self.pad[0], width + 2 * self.pad[1])
        kernel = fits if self.whole else (min(self.kernel[0], fits[0]), min(self.kernel[1], fits[1]))
        pad = (min(self.pad[0], kernel[0] // 2), min(self.pad[1], kernel[1] // 2))
        if self.average:
            return F.avg_pool2d(x, kernel, self.stride, pad, self.up)
        return F.max_pool2d(x, kernel, self.stride, pad, ceil_mode=self.up)


class CrossChannelNorm(nn.Module):
    """Local response normalisation across channels (Krizhevsky et al. 2012): x / (k + α/n · Σ x²)^β."""

    def __init__(self, name: str, settings: Any) -> None:
        super().__init__()
        if settings.norm_region != 0:
            raise NetworkError(
                f"layer {name!r} normalises within channels, which is not supported; normalising across channels is"
            )
        self.size, self.alpha, self.beta, self.k = (
            settings.local_size,
            settings.alpha,
            settings.beta,
            settings.k,
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, C, H, W) -> the same. In float32: squares of a Caffe network's answers overflow float16."""
        return F.local_response_norm(x.float(), self.size, self.alpha, self.beta, self.k).to(x.dtype)


class Rectified(nn.Module):
    """ReLU, or with a slope below 0."""

    def __init__(self, slope: float) -> None:
        super().__init__()
        self.slope = slope

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, C, H, W) -> the same."""
        return F.leaky_relu(x, self.slope) if self.slope else F.relu(x)


class Concatenation(nn.Module):
    """Several blobs' channels, one after the other."""

    def forward(self, *blobs: torch.Tensor) -> torch.Tensor:
        """(B, C, H, W) each -> (B, ΣC, H, W)."""
        return torch.cat(blobs, 1)


class InnerProduct(nn.Conv2d):
    """A layer of inner products, computed at every place: the convolution with as large a kernel as what it multiplies.

    A picture smaller than the kernel is averaged up to that size, as torchvision's VGG does.
    """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, C, H, W) -> (B, K, h, w)."""
        least = (max(x.shape[2], self.kernel_size[0]), max(x.shape[3], self.kernel_size[1]))
        return super().forward(x if x.shape[2:] == least else F.adaptive_avg_pool2d(x, least))


class CaffeNetwork(nn.Module):
    """The layers of a file, as a Network. Motifs are its classes."""

    def __init__(
        self, name: str, steps: Sequence[Step], modules: Iterable[nn.Module], blobs: Mapping[str, int], head: int
    ) -> None:
        """blobs: the layers' names, and the value that each is. head: the value that the classes' scores are."""
        super().__init__()
        self.name, self.motif_px = name, MOTIF_PX
        self.layers = tuple(blobs)
        channels_of = {step.makes: step.channels for step in steps}
        self.channels: Mapping[str, int] = {layer: channels_of[value] for layer, value in blobs.items()}
        middle = self.layers[2 * len(self.layers) // 3]
        self.default_layer = next((layer for layer in USUAL if layer in self.channels), middle)
        self.motifs = class_names(channels_of[head])
        self.families = families(self.motifs)
        self.mean, self.scale = torch.tensor(IMAGENET_BGR)[None, :, None, None], 1.0
        self._computing = nn.ModuleList(modules)
        self._blobs, self._head = dict(blobs), head
        self._paths = {value: steps_to(steps, value) for value in (*blobs.values(), head)}

    def activations(self, x: torch.Tensor, layer: str) -> torch.Tensor:
        """What ``layer`` answers, its ReLU included, as Caffe does it in place. Only what it needs is computed.

        x: RGB (B, 3, H, W) in [0, 1], any float dtype, H and W from 32. Returns (B, C, h, w) in the network's dtype.
        """
        if layer not in self._blobs:
            raise KeyError(layer)
        return self._answer(x, self._blobs[layer])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits of the classes at every place that the deepest window fits at, (B, K, h, w)."""
        return self._answer(x, self._head)

    def _answer(self, x: torch.Tensor, value: int) -> torch.Tensor:
        pixels = (x.float().flip(1) * 255 - self.mean) * self.scale
        values = {0: pixels.to(next(self.parameters()).dtype)}
        for step in self._paths[value]:
            values[step.makes] = self._computing[step.module](*(values[read] for read in step.reads))
        return values[value]


def steps_to(steps: Sequence[Step], value: int) -> tuple[Step, ...]:
    """The steps to a value, in order, and no others."""
    making = {step.makes: step for step in steps}
    needed, pending = set[int](), [value]
    while pending:
        step = making.get(pending.pop())
        if step is not None and step.makes not in needed:
            needed.add(step.makes)
            pending.extend(step.reads)
    return tuple(step for step in steps if step.makes in needed)


def open_caffe(path: Path, device: torch.device, dtype: torch.dtype) -> CaffeNetwork:
    """The network of a .caffemodel, ready to dream.

    Raises NetworkError, in one line, for a file that cannot be read, or a layer that is not supported.
    """
    net = read_caffemodel(path)
    layers = [read_layer(layer) for layer in (net.layer or net.layers)]
    network = build(path, layers)
    mean, network.scale = pixels_as_trained(f"{path.stem} {net.name}", layers)
    network.mean = torch.tensor(mean, device=device)[None, :, None, None]
    network.eval().requires_grad_(False)
    return network.to(device, dtype).to(memory_format=torch.channels_last)


@dataclass(frozen=True)
class Layer:
    """A layer of the file, of either of Caffe's two formats."""

    name: str
    type: str
    bottom: tuple[str, ...]
    top: tuple[str, ...]
    written: Any


def read_layer(layer: Any) -> Layer:
    """A layer of either format, its type by its present name."""
    kind = layer.type if isinstance(layer.type, str) else V1_TYPES.get(layer.type, f"number {layer.type}")
    return Layer(layer.name, kind, tuple(layer.bottom), tuple(layer.top), layer)


def pixels_as_trained(names: str, layers: Sequence[Layer]) -> tuple[tuple[float, ...], float]:
    """What is taken off blue, green and red, and what they are multiplied by then: from the file where it has them."""
    transforms = [layer.written.transform_param for layer in layers if layer.type in PIXELS]
    usual = PLACES_BGR if "places" in names.lower() else IMAGENET_BGR
    mean = next((tuple(each.mean_value) for each in transforms if each.mean_value), usual)
    return (mean * 3 if len(mean) == 1 else mean[:3]), next((each.scale for each in transforms), 1.0)


def build(path: Path, layers: Sequence[Layer]) -> CaffeNetwork:
    """Follow the layers from the pixels. What needs labels, or comes after the classes' scores, is not built."""
    pixels = next((layer.top[0] for layer in layers if layer.type in PIXELS and layer.top), "data")
    values, channels, head = {pixels: 0}, {0: 3}, 0
    steps, modules, flat = list[Step](), list[nn.Module](), set[int]()
    for layer in layers:
        reads = tuple(values[blob] for blob in layer.bottom if blob in values)
        if layer.type in CLASS_SCORES and reads:
            head = reads[0]
        if layer.type in IGNORED or not reads or len(reads) < len(layer.bottom):
            continue
        if layer.type in SAME:
            values.update(dict.fromkeys(layer.top, reads[0]))
            continue
        try:
            module, count = build_layer(layer, [channels[read] for read in reads])
        except (RuntimeError, ValueError, IndexError) as error:  # weights of other shapes than the layers around them
            raise NetworkError(f"{path}: layer {layer.name!r} does not fit: {str(error).splitlines()[0]}") from None
        made = len(steps) + 1
        steps.append(Step(len(modules), reads, made, count))
        modules.append(module)
        values[layer.top[0]], channels[made] = made, count
        if isinstance(module, InnerProduct) or flat & set(reads):
            flat.add(made)  # no layer of places any more
    if not steps:
        raise NetworkError(f"{path}: none of its layers reads the pixels, {pixels!r}; is it a network for pictures?")
    head = head or steps[-1].makes
    needed = {step.makes for step in steps_to(steps, head)} - flat
    blobs = {
        ILLEGAL.sub("_", blob): value
        for blob, value in values.items()
        if value in needed and not re.search(r"_split_\d+$", blob)  # Caffe's own, for blobs that are read twice
    }
    if not blobs:
        raise NetworkError(f"{path}: it has no layer with one answer per place; is it a network for pictures?")
    return CaffeNetwork(path.stem, steps, modules, blobs, head)


def build_layer(layer: Layer, inputs: Sequence[int]) -> tuple[nn.Module, int]:
    """What computes a layer, its weights in it, and how many channels it makes of its inputs' channels."""
    written = layer.written
    match layer.type:
        case "Convolution":
            return convolution(written, inputs[0])
        case "InnerProduct":
            return inner_product(written, inputs[0])
        case "ReLU":
            return Rectified(written.relu_param.negative_slope), inputs[0]
        case "LRN":
            return CrossChannelNorm(layer.name, written.lrn_param), inputs[0]
        case "Pooling":
            return Pool(layer.name, written.pooling_param), inputs[0]
        case "Concat":
            return Concatenation(), sum(inputs)
    raise NetworkError(
        f"layer {layer.name!r} has the type {layer.type}, which is not supported; supported are "
        "Convolution, InnerProduct, ReLU, LRN, Pooling, Concat, Dropout, Softmax"
    )


def convolution(written: Any, inputs: int) -> tuple[nn.Module, int]:
    """Caffe's convolution is PyTorch's, its blobs the weight and, if there are two, the bias."""
    settings = written.convolution_param
    kernel, stride, pad, dilation = (
        pair(settings, field, default) for field, default in (("kernel", 1), ("stride", 1), ("pad", 0), ("dilation", 1))
    )
    weight = array(written.blobs[0]).reshape(settings.num_output, inputs // settings.group, *kernel)
    with torch.device("meta"):
        conv = nn.Conv2d(
            inputs, len(weight), kernel, stride, pad, dilation, settings.group, bias=len(written.blobs) > 1
        )
    return filled(conv, weight, written.blobs), len(weight)


def inner_product(written: Any, inputs: int) -> tuple[nn.Module, int]:
    """An inner product with all of a small picture, as ``InnerProduct`` has it."""
    outputs, values = written.inner_product_param.num_output, array(written.blobs[0])
    side = math.isqrt(values.numel() // (outputs * inputs))
    if written.inner_product_param.transpose:
        values = values.reshape(-1, outputs).T.contiguous()
    weight = values.reshape(outputs, inputs, side, side)
    with torch.device("meta"):
        everywhere = InnerProduct(inputs, outputs, side, bias=len(written.blobs) > 1)
    return filled(everywhere, weight, written.blobs), outputs


def filled(module: nn.Conv2d, weight: torch.Tensor, blobs: Sequence[Any]) -> nn.Conv2d:
    """The module with a layer's weight and, where there is one, its bias."""
    tensors = {"weight": weight}
    if len(blobs) > 1:
        tensors["bias"] = array(blobs[1]).reshape(len(weight))
    module.load_state_dict(tensors, assign=True)
    return module


def array(blob: Any) -> torch.Tensor:
    """A blob's numbers, float32, in a row."""
    return torch.from_numpy(np.array(blob.data or blob.double_data, np.float32))


def pair(settings: Any, field: str, default: int) -> tuple[int, int]:
    """A setting for height and width, which Caffe may write as one number, as two, or as two fields."""
    high, wide = f"{field}_h", f"{field}_w"
    if field != "dilation" and (settings.HasField(high) or settings.HasField(wide)):
        return getattr(settings, high) or default, getattr(settings, wide) or default
    both = getattr(settings, "kernel_size" if field == "kernel" else field)
    numbers = [both] if isinstance(both, int) else list(both)
    return (numbers[0], numbers[-1]) if numbers else (default, default)

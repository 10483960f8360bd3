"""Caffe's files: the whole of BVLC's GoogLeNet, made here with random weights, against a forward of the tests' own."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from hallucinate.dream.ascent import direction
from hallucinate.dream.objectives import MotifsObjective, UnitObjective
from hallucinate.networks.caffe import CaffeNetwork, Pool, open_caffe
from hallucinate.networks.caffe_file import V1_TYPES, message, read_caffemodel
from hallucinate.settings import Unit
from tests.refusals import refused

CPU = torch.device("cpu")
MEAN = (104.0, 117.0, 123.0)

INCEPTIONS = {
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}
"""1×1, 3×3 reduced, 3×3, 5×5 reduced, 5×5, pooled: Szegedy et al. 2015, table 1."""

Row = tuple[str, str, tuple[str, ...], str, dict[str, Any]]
"""name, type, bottoms, top, and its numbers."""


def conv(name: str, bottom: str, outputs: int, kernel: int, stride: int = 1, pad: int = 0) -> Iterator[Row]:
    numbers = {"num_output": outputs, "kernel_size": [kernel], "stride": [stride], "pad": [pad]}
    yield name, "Convolution", (bottom,), name, numbers
    yield f"{name}_relu", "ReLU", (name,), name, {}


def pool(name: str, bottom: str, kernel: int, stride: int, pad: int = 0, kind: int = 0) -> Row:
    return name, "Pooling", (bottom,), name, {"pool": kind, "kernel_size": kernel, "stride": stride, "pad": pad}


def inception(block: str, bottom: str) -> Iterator[Row]:
    one, three_in, three, five_in, five, pooled = INCEPTIONS[block]
    at = f"inception_{block}"
    # Caffe saves the copies that it makes of a blob that is read four times.
    branches = [f"{bottom}_{at}_split_{n}" for n in range(4)]
    for branch in branches:
        yield f"{branch}_copy", "Split", (bottom,), branch, {}
    yield from conv(f"{at}/1x1", branches[0], one, 1)
    yield from conv(f"{at}/3x3_reduce", branches[1], three_in, 1)
    yield from conv(f"{at}/3x3", f"{at}/3x3_reduce", three, 3, pad=1)
    yield from conv(f"{at}/5x5_reduce", branches[2], five_in, 1)
    yield from conv(f"{at}/5x5", f"{at}/5x5_reduce", five, 5, pad=2)
    yield pool(f"{at}/pool", branches[3], 3, 1, 1)
    yield from conv(f"{at}/pool_proj", f"{at}/pool", pooled, 1)
    joined = tuple(f"{at}/{branch}" for branch in ("1x1", "3x3", "5x5", "pool_proj"))
    yield f"{at}/output", "Concat", joined, f"{at}/output", {}


def aside(name: str, bottom: str) -> Iterator[Row]:
    """A head that only training has."""
    yield pool(f"{name}/ave_pool", bottom, 5, 3, kind=1)
    yield f"{name}/classifier", "InnerProduct", (f"{name}/ave_pool",), f"{name}/classifier", {"num_output": 10}
    yield f"{name}/loss", "SoftmaxWithLoss", (f"{name}/classifier", "label"), f"{name}/loss", {}


def googlenet() -> Iterator[Row]:
    """models/bvlc_googlenet/train_val.prototxt, of its second head and its two losses aside as much as tests need."""
    norm = {"local_size": 5, "alpha": 0.0001, "beta": 0.75}
    yield "data", "Data", (), "data", {}
    yield from conv("conv1/7x7_s2", "data", 64, 7, 2, 3)
    yield pool("pool1/3x3_s2", "conv1/7x7_s2", 3, 2)
    yield "pool1/norm1", "LRN", ("pool1/3x3_s2",), "pool1/norm1", norm
    yield from conv("conv2/3x3_reduce", "pool1/norm1", 64, 1)
    yield from conv("conv2/3x3", "conv2/3x3_reduce", 192, 3, pad=1)
    yield "conv2/norm2", "LRN", ("conv2/3x3",), "conv2/norm2", norm
    yield pool("pool2/3x3_s2", "conv2/norm2", 3, 2)
    yield from inception("3a", "pool2/3x3_s2")
    yield from inception("3b", "inception_3a/output")
    yield pool("pool3/3x3_s2", "inception_3b/output", 3, 2)
    yield from inception("4a", "pool3/3x3_s2")
    yield from aside("loss1", "inception_4a/output")
    for block, before in zip("bcde", "abcd", strict=True):
        yield from inception(f"4{block}", f"inception_4{before}/output")
    yield pool("pool4/3x3_s2", "inception_4e/output", 3, 2)
    yield from inception("5a", "pool4/3x3_s2")
    yield from inception("5b", "inception_5a/output")
    yield pool("pool5/7x7_s1", "inception_5b/output", 7, 1, kind=1)
    yield "pool5/drop_7x7_s1", "Dropout", ("pool5/7x7_s1",), "pool5/7x7_s1", {}
    yield "loss3/classifier", "InnerProduct", ("pool5/7x7_s1",), "loss3/classifier", {"num_output": 1000}
    yield "loss3/loss3", "SoftmaxWithLoss", ("loss3/classifier", "label"), "loss3/loss", {}


PARAMETERS = {
    "Convolution": "convolution_param",
    "InnerProduct": "inner_product_param",
    "LRN": "lrn_param",
    "Pooling": "pooling_param",
}
Blobs = dict[str, tuple[np.ndarray, np.ndarray]]


def written(rows: list[Row], first: bool, mean: tuple[float, ...] = ()) -> tuple[Any, Blobs]:
    """The rows as a NetParameter of the first kind or the second, with random weights, and these."""
    random, blobs, wide = np.random.default_rng(0), Blobs(), {"data": 3}
    net = message("NetParameter")(name="GoogleNet")
    for name, kind, bottoms, top, numbers in rows:
        layer = (net.layers if first else net.layer).add(name=name, bottom=bottoms, top=[top])
        layer.type = {now: number for number, now in V1_TYPES.items()}[kind] if first else kind
        if kind == "Data":
            layer.top.append("label")
            layer.transform_param.mean_value.extend(mean)
            continue
        wide[top] = sum(wide.get(bottom, 0) for bottom in bottoms)
        for field, value in numbers.items():
            at = getattr(layer, PARAMETERS[kind])
            if isinstance(value, list):
                getattr(at, field).extend(value)
            else:
                setattr(at, field, value)
        if "num_output" in numbers:
            side = numbers.get("kernel_size", [1])[0]
            shape = (numbers["num_output"], wide[top], side, side)
            limit = (6 / np.prod(shape[1:])) ** 0.5 if kind == "InnerProduct" or top != "conv1/7x7_s2" else 0.01
            weight = random.uniform(-limit, limit, shape).astype(np.float32)
            bias = random.uniform(-0.2, 0.2, shape[:1]).astype(np.float32)
            blobs[name], wide[top] = (weight, bias), shape[0]
            for values in (weight, bias):
                blob = layer.blobs.add(data=values.ravel().tolist())
                if first:
                    blob.num, blob.channels, blob.height, blob.width = (1,) * (4 - values.ndim) + values.shape
                else:
                    blob.shape.dim.extend(values.shape)
    return net, blobs


def ceil_pooled(x: np.ndarray, kernel: int, stride: int, pad: int, average: bool) -> np.ndarray:
    """Caffe's PoolingLayer, as its C++ has it: window by window."""
    height, width = x.shape[1:]
    outs = []
    for side in (height, width):
        out = int(np.ceil((side + 2 * pad - kernel) / stride)) + 1
        if pad and (out - 1) * stride >= side + pad:
            out -= 1
        outs.append(out)
    answer = np.zeros((len(x), *outs))
    for i, j in np.ndindex(*outs):
        top, left = i * stride - pad, j * stride - pad
        bottom, right = min(top + kernel, height + pad), min(left + kernel, width + pad)
        size = (bottom - top) * (right - left)
        window = x[:, max(top, 0) : min(bottom, height), max(left, 0) : min(right, width)]
        answer[:, i, j] = window.sum((1, 2)) / size if average else window.max((1, 2))
    return answer


def normalised(x: np.ndarray, size: int, alpha: float, beta: float) -> np.ndarray:
    answer = np.empty_like(x)
    for channel in range(len(x)):
        near = x[max(0, channel - size // 2) : channel + size // 2 + 1]
        answer[channel] = x[channel] / (1 + alpha / size * (near**2).sum(0)) ** beta
    return answer


def forwarded(rows: list[Row], blobs: Blobs, picture: np.ndarray) -> dict[str, np.ndarray]:
    """Every blob, in float64. picture: RGB (3, H, W) in [0, 1]."""
    values = {"data": picture[::-1].astype(np.float64) * 255 - np.array(MEAN)[:, None, None]}
    for name, kind, bottoms, top, n in rows:
        if any(bottom not in values for bottom in bottoms) or kind == "Data":
            continue
        x = values[bottoms[0]]
        if kind == "Convolution":
            kernels, offsets = (torch.from_numpy(blob.astype(np.float64)) for blob in blobs[name])
            pad, stride = n["pad"][0], n["stride"][0]
            x = torch.conv2d(torch.from_numpy(x.copy())[None], kernels, offsets, stride, pad)[0].numpy()
        elif kind == "InnerProduct":
            weight, bias = blobs[name]
            x = (np.einsum("ki,ihw->khw", weight[:, :, 0, 0].astype(np.float64), x)) + bias[:, None, None]
        elif kind == "ReLU":
            x = np.maximum(x, 0)
        elif kind == "LRN":
            x = normalised(x, n["local_size"], n["alpha"], n["beta"])
        elif kind == "Pooling":
            x = ceil_pooled(x, n["kernel_size"], n["stride"], n["pad"], bool(n["pool"]))
        elif kind == "Concat":
            x = np.concatenate([values[bottom] for bottom in bottoms])
        values[top] = x
    return values


ROWS = list(googlenet())


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[CaffeNetwork, Blobs, Path]:
    net, blobs = written(ROWS, first=False)
    path = tmp_path_factory.mktemp("caffe") / "bvlc_googlenet.caffemodel"
    path.write_bytes(net.SerializeToString())
    return open_caffe(path, CPU, torch.float32), blobs, path


def test_the_whole_googlenet_answers_as_an_independent_forward(made: tuple[CaffeNetwork, Blobs, Path]) -> None:
    network, blobs, _ = made
    # 224 rows, as it was trained with: poolings round up. Columns enough for pool5's window to move by one.
    picture = np.random.default_rng(1).random((3, 224, 258), np.float32)
    values = forwarded([row for row in ROWS if not row[0].startswith("loss1")], blobs, picture)
    x = torch.from_numpy(picture)[None]
    layers = ["conv1/7x7_s2", "pool1/3x3_s2", "pool1/norm1", "conv2/norm2", "inception_3a/output"]
    layers += ["inception_4c/5x5", "inception_4c/output", "inception_5b/output", "pool5/7x7_s1"]
    for layer in layers:
        found, expected = network.activations(x, layer)[0].numpy(), values[layer]
        assert found.shape == expected.shape
        assert np.abs(found - expected).max() < 1e-4 * np.abs(expected).max(), layer
    logits, expected = network.forward(x)[0].numpy(), values["loss3/classifier"]
    assert logits.shape == expected.shape == (1000, 1, 2)
    assert np.abs(logits - expected).max() < 1e-4 * np.abs(expected).max()


@pytest.mark.parametrize("average", [False, True])
@pytest.mark.parametrize(
    ("kernel", "stride", "pad"), [(3, 2, 0), (3, 2, 1), (2, 2, 1), (3, 3, 1), (5, 3, 2), (4, 1, 1)]
)
def test_pooling_rounds_and_clips_as_caffe_does(kernel: int, stride: int, pad: int, average: bool) -> None:
    settings = message("PoolingParameter")(pool=int(average), kernel_size=kernel, stride=stride, pad=pad)
    for height, width in ((7, 8), (9, 10), (11, 12)):
        x = np.random.default_rng(0).standard_normal((2, height, width))
        found = Pool("pool", settings)(torch.from_numpy(x)[None])[0].numpy()
        np.testing.assert_allclose(found, ceil_pooled(x, kernel, stride, pad, average), rtol=1e-12)


def test_it_names_its_layers_and_takes_a_step(made: tuple[CaffeNetwork, Blobs, Path]) -> None:
    network, _, path = made
    assert network.name == "bvlc_googlenet"
    assert network.default_layer == "inception_4c/output"
    assert network.channels["inception_4c/output"] == 512
    assert tuple(network.channels) == network.layers
    assert network.layers[0] == "conv1/7x7_s2"
    assert not any("split" in layer or "loss" in layer or layer == "data" for layer in network.layers)
    assert network.motifs[0] == "tench"
    weights = torch.zeros(1000)
    weights[281] = 1
    for dtype in (torch.float32, torch.bfloat16):
        opened = open_caffe(path, CPU, dtype)
        for size in ((32, 32), (57, 43), (64, 112)):
            x = torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(2))
            for objective in (UnitObjective(opened, Unit(opened.default_layer)), MotifsObjective(opened, weights)):
                assert 0.5 < direction(x, [objective]).abs().mean() < 1.1
    with pytest.raises(KeyError, match="nothing"):
        network.activations(torch.rand(1, 3, 32, 32), "nothing")


def test_a_file_of_the_first_kind_is_the_same_network_and_has_its_own_mean(
    made: tuple[CaffeNetwork, Blobs, Path], tmp_path: Path
) -> None:
    x = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    path = tmp_path / "other.caffemodel"
    for mean in (MEAN, (90.0, 100.0, 110.0)):
        path.write_bytes(written(ROWS, first=True, mean=mean)[0].SerializeToString())
        network = open_caffe(path, CPU, torch.float32)
        assert network.mean.flatten().tolist() == list(mean)
        assert torch.equal(network.forward(x), made[0].forward(x)) == (mean == MEAN)
    places = tmp_path / "googlenet_places205.caffemodel"
    places.write_bytes(written(ROWS[:3], first=False)[0].SerializeToString())
    assert open_caffe(places, CPU, torch.float32).mean.flatten()[0] == pytest.approx(105.4878)


def field(number: int, *content: bytes) -> bytes:
    """A field of protobuf's wire format that has a length (Protocol Buffers, "Encoding")."""
    body = b"".join(content)
    return whole(number << 3 | 2) + whole(len(body)) + body


def whole(value: int) -> bytes:
    low = [value >> shift & 127 for shift in range(0, max(value.bit_length(), 1), 7)]
    return bytes([*(seven | 128 for seven in low[:-1]), low[-1]])


def test_the_fields_are_where_caffe_writes_them(tmp_path: Path) -> None:
    """By hand, with the numbers of Caffe's own caffe.proto: a grouped convolution with two strides."""
    weight = np.arange(6 * 1 * 2 * 2, dtype=np.float32).reshape(6, 1, 2, 2)
    blob = field(7, field(1, b"".join(map(whole, weight.shape)))) + field(5, weight.tobytes())
    numbers = {1: 6, 5: 3, 11: 2, 12: 2, 13: 1, 14: 2}  # num_output, group, kernel_h and _w, stride_h and _w
    settings = b"".join(whole(number << 3) + whole(value) for number, value in numbers.items())
    layer = field(1, b"c") + field(2, b"Convolution") + field(3, b"data") + field(4, b"a:b=c,d@e")
    path = tmp_path / "hand.caffemodel"
    path.write_bytes(field(1, b"hand") + field(100, layer, field(7, blob), field(106, settings)))
    network = open_caffe(path, CPU, torch.float32)
    assert network.layers == ("a_b_c_d_e",)  # what options are written with is no part of a name
    x = torch.rand(1, 3, 32, 33, generator=torch.Generator().manual_seed(0))
    bgr = x.flip(1) * 255 - torch.tensor(MEAN)[None, :, None, None]
    expected = torch.conv2d(bgr, torch.from_numpy(weight), None, (1, 2), groups=3)
    assert torch.allclose(network.activations(x, "a_b_c_d_e"), expected, rtol=1e-4, atol=1e-2)


@pytest.mark.parametrize("content", [None, b"", b"\xff\xff\xff\xff not a model", field(1, b"a name alone")])
def test_what_is_not_a_caffemodel_is_one_line(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "bad.caffemodel"
    if content is not None:
        path.write_bytes(content)
    with refused("network_invalid", "bad.caffemodel"):
        read_caffemodel(path)


def test_a_file_cut_short_and_a_layer_that_does_not_fit_are_one_line(
    made: tuple[CaffeNetwork, Blobs, Path], tmp_path: Path
) -> None:
    path = tmp_path / "bad.caffemodel"
    path.write_bytes(made[2].read_bytes()[:1_000_000])
    with refused("network_invalid", "bad.caffemodel"):
        open_caffe(path, CPU, torch.float32)
    net, _ = written(ROWS[:3], first=False)
    del net.layer[1].blobs[0].data[7:]
    path.write_bytes(net.SerializeToString())
    with refused("network_invalid", "'conv1/7x7_s2'"):
        open_caffe(path, CPU, torch.float32)
    net, _ = written(ROWS[:3], first=False)
    net.layer.add(name="odd", type="Reorg", bottom=["conv1/7x7_s2"], top=["odd"])
    path.write_bytes(net.SerializeToString())
    with refused("network_invalid", "'odd'", "Reorg"):
        open_caffe(path, CPU, torch.float32)


def test_without_protobuf_the_error_names_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    message.cache_clear()
    monkeypatch.setitem(sys.modules, "google.protobuf", None)
    with refused("network_invalid", "pip install 'hallucinate[caffe]'"):
        message("NetParameter")

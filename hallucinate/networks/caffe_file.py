"""What is read of a .caffemodel: the messages of Caffe's caffe.proto, of them the fields that matter here.

Described in code, so that nothing has to be compiled. protobuf is an optional extra, hallucinate[caffe].
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from hallucinate.errors import NetworkError

Fields = dict[str, tuple[int, str]]

MESSAGES: dict[str, Fields] = {
    "BlobShape": {"dim": (1, "int64*")},
    "BlobProto": {
        "num": (1, "int32"),
        "channels": (2, "int32"),
        "height": (3, "int32"),
        "width": (4, "int32"),
        "data": (5, "float*"),
        "shape": (7, "BlobShape"),
        "double_data": (8, "double*"),
    },
    "TransformationParameter": {"scale": (1, "float=1"), "mean_file": (4, "string"), "mean_value": (5, "float+")},
    "ConcatParameter": {"concat_dim": (1, "uint32=1"), "axis": (2, "int32=1")},
    "ConvolutionParameter": {
        "num_output": (1, "uint32"),
        "pad": (3, "uint32+"),
        "kernel_size": (4, "uint32+"),
        "group": (5, "uint32=1"),
        "stride": (6, "uint32+"),
        "pad_h": (9, "uint32"),
        "pad_w": (10, "uint32"),
        "kernel_h": (11, "uint32"),
        "kernel_w": (12, "uint32"),
        "stride_h": (13, "uint32"),
        "stride_w": (14, "uint32"),
        "dilation": (18, "uint32+"),
    },
    "InnerProductParameter": {"num_output": (1, "uint32"), "transpose": (6, "bool")},
    "LRNParameter": {
        "local_size": (1, "uint32=5"),
        "alpha": (2, "float=1"),
        "beta": (3, "float=0.75"),
        "norm_region": (4, "int32=0"),
        "k": (5, "float=1"),
    },
    "PoolingParameter": {
        "pool": (1, "int32=0"),
        "kernel_size": (2, "uint32"),
        "stride": (3, "uint32=1"),
        "pad": (4, "uint32"),
        "kernel_h": (5, "uint32"),
        "kernel_w": (6, "uint32"),
        "stride_h": (7, "uint32"),
        "stride_w": (8, "uint32"),
        "pad_h": (9, "uint32"),
        "pad_w": (10, "uint32"),
        "global_pooling": (12, "bool"),
        "round_mode": (13, "int32=0"),
    },
    "ReLUParameter": {"negative_slope": (1, "float=0")},
    "LayerParameter": {
        "name": (1, "string"),
        "type": (2, "string"),
        "bottom": (3, "string+"),
        "top": (4, "string+"),
        "blobs": (7, "BlobProto+"),
        "transform_param": (100, "TransformationParameter"),
        "concat_param": (104, "ConcatParameter"),
        "convolution_param": (106, "ConvolutionParameter"),
        "inner_product_param": (117, "InnerProductParameter"),
        "lrn_param": (118, "LRNParameter"),
        "pooling_param": (121, "PoolingParameter"),
        "relu_param": (123, "ReLUParameter"),
    },
    "V1LayerParameter": {
        "bottom": (2, "string+"),
        "top": (3, "string+"),
        "name": (4, "string"),
        "type": (5, "int32"),
        "blobs": (6, "BlobProto+"),
        "concat_param": (9, "ConcatParameter"),
        "convolution_param": (10, "ConvolutionParameter"),
        "inner_product_param": (17, "InnerProductParameter"),
        "lrn_param": (18, "LRNParameter"),
        "pooling_param": (19, "PoolingParameter"),
        "relu_param": (30, "ReLUParameter"),
        "transform_param": (36, "TransformationParameter"),
    },
    "NetParameter": {
        "name": (1, "string"),
        "layers": (2, "V1LayerParameter+"),
        "input": (3, "string+"),
        "layer": (100, "LayerParameter+"),
    },
}
"""By message: field -> number and kind. ``*`` is a packed list, ``+`` a list, ``=`` a default. Enums are read as
the numbers that they are written as."""

V1_TYPES = {
    3: "Concat",
    4: "Convolution",
    5: "Data",
    6: "Dropout",
    1: "Accuracy",
    8: "Flatten",
    9: "HDF5Data",
    12: "ImageData",
    14: "InnerProduct",
    15: "LRN",
    17: "Pooling",
    18: "ReLU",
    20: "Softmax",
    21: "SoftmaxWithLoss",
    22: "Split",
    24: "WindowData",
    29: "MemoryData",
    30: "ArgMax",
    32: "DummyData",
    36: "Silence",
}
"""Layers' types in files of before 2014's end, by the names that they have had since."""


@cache
def message(name: str) -> Any:
    """The class of a message. Raises NetworkError where protobuf is not installed."""
    try:
        from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
    except ImportError:
        raise NetworkError("Caffe's files need protobuf; install it with pip install 'hallucinate[caffe]'") from None
    file = descriptor_pb2.FileDescriptorProto(name="hallucinate_caffe.proto", package="caffe", syntax="proto2")
    kind_of = descriptor_pb2.FieldDescriptorProto
    for title, fields in MESSAGES.items():
        described = file.message_type.add(name=title)
        for field, (number, written) in fields.items():
            kind, _, default = written.partition("=")
            many, kind = kind[-1] in "*+", kind.rstrip("*+")
            one = described.field.add(name=field, number=number)
            one.label = kind_of.LABEL_REPEATED if many else kind_of.LABEL_OPTIONAL
            if kind in MESSAGES:
                one.type, one.type_name = kind_of.TYPE_MESSAGE, f".caffe.{kind}"
            else:
                one.type = getattr(kind_of, f"TYPE_{kind.upper()}")
            if default:
                one.default_value = default
            one.options.packed = written.endswith("*")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"caffe.{name}"))


def read_caffemodel(path: Path) -> Any:
    """The file's NetParameter. Raises NetworkError, in one line, for one that is not there, empty or something else."""
    if not path.is_file():
        raise NetworkError(f"there is no file {path}; check the spelling and the folder")
    if not path.stat().st_size:
        raise NetworkError(f"{path} is empty (0 bytes); download it again")
    net = message("NetParameter")()
    from google.protobuf.message import DecodeError

    try:
        net.ParseFromString(path.read_bytes())
    except (DecodeError, OSError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is damaged, cut short or something else"
        raise NetworkError(f"{path} cannot be read as a .caffemodel ({why}); download it again") from None
    if not any(layer.blobs for layer in (*net.layer, *net.layers)):
        raise NetworkError(f"{path} holds no layers with weights: it is not a .caffemodel, or it is damaged")
    return net

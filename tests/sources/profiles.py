"""ICC profiles for the tests, made byte by byte (ICC.1:2001-04): Apple's and Adobe's wide gamuts, and a grey."""

from __future__ import annotations

import struct

import numpy as np

P3 = ((0.51512, 0.24120, -0.00105), (0.29198, 0.69225, 0.04189), (0.15710, 0.06657, 0.78407))
ADOBE = ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457))
SRGB = ((0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708), (0.14307, 0.06061, 0.71410))
"""XYZ of red, green and blue, adapted to D50."""

GAMMA = 2.2


def _number(value: float) -> bytes:
    return struct.pack(">i", round(value * 65536))


def _xyz(values: tuple[float, ...]) -> bytes:
    return b"XYZ \0\0\0\0" + b"".join(map(_number, values))


def _curve(gamma: float) -> bytes:
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + b"\0\0"


def _profile(space: bytes, tags: dict[bytes, bytes]) -> bytes:
    text = b"desc\0\0\0\0" + struct.pack(">I", 5) + b"test\0" + bytes(79)
    tags = {b"desc": text + bytes(-len(text) % 4), b"wtpt": _xyz((0.9642, 1.0, 0.8249)), **tags}
    at, table, data = 132 + 12 * len(tags), struct.pack(">I", len(tags)), b""
    for name, tag in tags.items():
        table += name + struct.pack(">II", at + len(data), len(tag))
        data += tag
    head = struct.pack(">I4sI4s4s4s", at + len(data), b"none", 0x02400000, b"mntr", space, b"XYZ ")
    head += bytes(12) + b"acsp" + bytes(28) + b"".join(map(_number, (0.9642, 1.0, 0.8249)))
    return head.ljust(128, b"\0") + table + data


def rgb_profile(colorants: tuple[tuple[float, ...], ...], gamma: float = GAMMA) -> bytes:
    """A profile of these primaries."""
    tags = {name: _xyz(values) for name, values in zip((b"rXYZ", b"gXYZ", b"bXYZ"), colorants, strict=True)}
    return _profile(b"RGB ", {**tags, **dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), _curve(gamma))})


def grey_profile(gamma: float) -> bytes:
    """A profile of greys of this exponent."""
    return _profile(b"GRAY", {b"kTRC": _curve(gamma)})


def in_profile(colours: np.ndarray, colorants: tuple[tuple[float, ...], ...], gamma: float = GAMMA) -> np.ndarray:
    """sRGB, 0 to 255 -> the same colours in a profile of these primaries, uint8."""
    signal = colours / 255
    light = np.where(signal <= 0.04045, signal / 12.92, ((signal + 0.055) / 1.055) ** 2.4)
    own = light @ np.array(SRGB) @ np.linalg.inv(np.array(colorants))
    return np.asarray(np.rint(own.clip(0, 1) ** (1 / gamma) * 255), np.uint8)

"""How a film's pictures are written, and how what was dreamed is added to a decoded frame.

A film is not converted to RGB and back: that would cost its chroma and, of ten bits, two. Only what the dream added is
converted, and added to the film's own planes. An undreamed frame comes out as it was, to the bit.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
import numpy as np
import numpy.typing as npt
from av.video.reformatter import Colorspace

from hallucinate.frame import Picture

REC709, LIMITED, FULL = 1, 1, 2
"""FFmpeg's numbers: a matrix, and the ranges."""

SCALER_MATRIX = {1: Colorspace.ITU709, 4: Colorspace.FCC, 7: Colorspace.SMPTE240M}
SCALER_MATRIX |= dict.fromkeys((5, 6), Colorspace.ITU601) | dict.fromkeys((9, 10), Colorspace.BT2020)
"""FFmpeg's matrices -> those of its scaler."""

LEVEL_52 = 36_864
"""Macroblocks, of 16×16 pixels, of a picture at H.264's level 5.2 (ITU-T H.264, table A-1), e.g. 4096×2304; a side has at
most the square root of eight times as many (A.3.1). More is decoded by few devices."""

HD = 720
"""Rows from which a film that does not name its matrix is taken for Rec. 709, as players do; below, Rec. 601."""


@dataclass(frozen=True)
class PictureFormat:
    """How a film's pictures are written.

    codec: ``h264`` or ``hevc``. pixels: FFmpeg's name of the pixel format, planar YUV. pixel_aspect: width over height of a pixel, None where
    nothing is said. The rest: the source's tags, in FFmpeg's numbers.
    """

    codec: str
    pixels: str
    width: int
    height: int
    pixel_aspect: Fraction | None
    matrix: int
    range: int
    primaries: int
    transfer: int

    @property
    def bits(self) -> int:
        """Bits of a sample."""
        return 10 if self.pixels.endswith("10le") else 8

    @property
    def coded_size(self) -> tuple[int, int]:
        """(width, height) that is encoded: halved chroma needs even sides, to which the last row or column is repeated."""
        across, down = "444" not in self.pixels, "420" in self.pixels
        return self.width + across * (self.width % 2), self.height + down * (self.height % 2)

    def source_colours(self) -> dict[str, Any]:
        """Matrix and range to convert from, as arguments of ``reformat``; also where the tags do not say."""
        guess = Colorspace.ITU709 if self.height >= HD else Colorspace.ITU601
        return {"src_colorspace": SCALER_MATRIX.get(self.matrix, guess), "src_color_range": self.range or LIMITED}

    def output_colours(self) -> dict[str, Any]:
        """Format, matrix and range to convert to, as arguments of ``reformat``."""
        source = self.source_colours()
        matrix, span = source["src_colorspace"], source["src_color_range"]
        return {"format": self.pixels, "dst_colorspace": matrix, "dst_color_range": span}


@dataclass(frozen=True)
class DecodedFormat:
    """What a film's frames are decoded to. pixels: FFmpeg's name of the pixel format. The rest as PictureFormat."""

    pixels: str
    width: int
    height: int
    matrix: int
    range: int
    primaries: int
    transfer: int


def decoded_format(frame: av.VideoFrame) -> DecodedFormat:
    """The format of a decoded frame."""
    tags = frame.colorspace, frame.color_range, frame.color_primaries, frame.color_trc
    return DecodedFormat(frame.format.name, frame.width, frame.height, *tags)


def picture_format(
    decoded: DecodedFormat, pixel_aspect: Fraction | None, codec: str = "auto", keep_chroma: bool = False
) -> PictureFormat:
    """The format of a film's pictures: one that plays everywhere, as far as it loses nothing that would be seen.

    codec: ``h264`` writes 8 bits, ``hevc`` 10 where the film has more than 8, and ``auto`` takes H.264 for 8 bits and up
    to the size of its level 5.2, and HEVC beyond. keep_chroma: chroma is halved both ways (4:2:0), which is all that
    most decoders take, unless this is set.
    """
    deep = depth(decoded) > 8
    if codec == "auto":
        codec = "hevc" if deep or is_large(decoded.width, decoded.height) else "h264"
    kind = chroma(decoded) if keep_chroma else "420"
    pixels = f"yuv{kind}p{'10le' if deep and codec == 'hevc' else ''}"
    source = av.VideoFormat(decoded.pixels, decoded.width, decoded.height)
    rgb = source.is_rgb or source.has_palette
    return PictureFormat(
        codec,
        pixels,
        decoded.width,
        decoded.height,
        pixel_aspect,
        REC709 if rgb else decoded.matrix,
        LIMITED if rgb else FULL if source.name.startswith("yuvj") else decoded.range,
        decoded.primaries,
        decoded.transfer,
    )


def depth(decoded: DecodedFormat) -> int:
    """Bits of a sample of what is decoded, at most."""
    return max(component.bits for component in av.VideoFormat(decoded.pixels, 64, 64).components)


def chroma(decoded: DecodedFormat) -> str:
    """The least of 420, 422 and 444 that holds the chroma of what is decoded."""
    source = av.VideoFormat(decoded.pixels, 64, 64)
    if source.has_palette:
        return "444"
    across, down = (source.chroma_width(), source.chroma_height()) if len(source.components) >= 3 else (32, 32)
    return "444" if across == 64 else "422" if down == 64 else "420"


def is_large(width: int, height: int) -> bool:
    """Whether a picture is larger than H.264's level 5.2 allows, by its area or by a side."""
    across, down = -(-width // 16), -(-height // 16)
    return across * down > LEVEL_52 or max(across, down) ** 2 > 8 * LEVEL_52


def black_frame(written: PictureFormat) -> av.VideoFrame:
    """A black frame as it is encoded."""
    width, height = written.coded_size
    picture = av.VideoFrame.from_ndarray(np.zeros((height, width, 3), np.uint8), "rgb24")
    return picture.reformat(**written.output_colours())


def padded(frame: av.VideoFrame, written: PictureFormat) -> av.VideoFrame:
    """A frame of the picture's size -> of the size that is encoded: its last row or column is repeated where that is odd."""
    if written.coded_size == (written.width, written.height):
        return frame
    out = av.VideoFrame(*written.coded_size, written.pixels)
    for n in range(3):
        source, target = plane(frame, n, written), plane(out, n, written)
        beyond = [(0, target.shape[axis] - source.shape[axis]) for axis in range(2)]
        target[:] = np.pad(source, beyond, mode="edge")
    out.colorspace, out.color_range = frame.colorspace, frame.color_range
    out.color_primaries, out.color_trc = frame.color_primaries, frame.color_trc
    return out


def to_rgb(frame: av.VideoFrame, written: PictureFormat) -> Picture:
    """A decoded frame, not turned, at the size that is written: uint8 RGB (H, W, 3)."""
    options = {} if frame.format.is_rgb else written.source_colours()
    picture = frame.reformat(written.width, written.height, "rgb24", **options).to_ndarray()
    return np.ascontiguousarray(picture, np.uint8)


def add_dream(frame: av.VideoFrame, before: Picture, after: Picture, written: PictureFormat) -> av.VideoFrame:
    """The frame in the format that is written, with after − before added; both as ``to_rgb`` gives them."""
    to = written.output_colours()
    old, new = (av.VideoFrame.from_ndarray(picture, "rgb24").reformat(**to) for picture in (before, after))
    base = frame.reformat(
        written.width, written.height, **to, **({} if frame.format.is_rgb else written.source_colours())
    )
    out = av.VideoFrame(written.width, written.height, written.pixels)
    most = 2**written.bits - 1
    for n in range(3):
        # Between −1023 and 2 · 1023: int16 holds it.
        sample = plane(base, n, written).astype(np.int16) + plane(new, n, written) - plane(old, n, written)
        plane(out, n, written)[:] = sample.clip(0, most)
    out.colorspace, out.color_range = written.matrix, written.range
    out.color_primaries, out.color_trc = written.primaries, written.transfer
    return out


def plane(frame: av.VideoFrame, n: int, written: PictureFormat) -> npt.NDArray[Any]:
    """One plane of a planar frame, (h, w): int16 of 10 bits or uint8, the frame's own memory."""
    data: Any = frame.planes[n]
    kind = np.dtype(np.int16 if written.bits > 8 else np.uint8)
    rows: npt.NDArray[Any] = np.frombuffer(data, kind).reshape(data.height, data.line_size // kind.itemsize)
    return rows[:, : data.width]

"""How a film's pictures are written, and how what was dreamed is added to a decoded frame.

A film is not converted to RGB and back: that would cost its chroma and, of ten bits, two. Only what the dream added is
converted, and added to the film's own planes. An undreamed frame comes out as it was, to the bit: HDR too, of which the
network sees what ``sources.pixels`` makes of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
import cv2
import numpy as np
import numpy.typing as npt

from hallucinate.frame import Picture
from hallucinate.sources.pixels import (
    FULL,
    LIMITED,
    has_alpha,
    matrix_of,
    opacity_of,
    plane,
    range_of,
    source_colours,
    volume_of,
)
from hallucinate.sources.tone import Volume

REC709, REC2020 = 1, 9
"""FFmpeg's numbers of two systems' matrices and primaries, and the first's curve."""

LEVEL_52 = 36_864
"""Macroblocks, of 16×16 pixels, of a picture at H.264's level 5.2 (ITU-T H.264, table A-1), e.g. 4096×2304; a side has
at most the square root of eight times as many (A.3.1). More is decoded by few devices."""


@dataclass(frozen=True)
class PictureFormat:
    """How a film's pictures are written.

    codec: ``h264`` or ``hevc``. pixels: FFmpeg's name of the pixel format, planar YUV. pixel_aspect: width over
    height of a pixel, None where nothing is said. The rest: the source's tags, in FFmpeg's numbers.
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
        """(width, height) that is encoded: halved chroma needs even sides, to which the last row or column is
        repeated."""
        across, down = "444" not in self.pixels, "420" in self.pixels
        return self.width + across * (self.width % 2), self.height + down * (self.height % 2)

    @property
    def volume(self) -> Volume:
        """What its samples mean in light."""
        return Volume.of(self.transfer, self.primaries)

    @property
    def black(self) -> tuple[int, int, int]:
        """Black's value in each plane."""
        luma = 0 if range_of(self.range, self.pixels) == FULL else 16
        return luma << self.bits - 8, 128 << self.bits - 8, 128 << self.bits - 8

    def output_colours(self) -> dict[str, Any]:
        """Format, matrix and range to convert to, as arguments of ``reformat``."""
        matrix, span = matrix_of(self.matrix, self.width, self.height), range_of(self.range, self.pixels)
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

    codec: ``h264`` writes 8 bits, ``hevc`` 10 where the film has more than 8, and ``auto`` takes H.264 for 8 bits
    and up to the size of its level 5.2, and HEVC beyond. keep_chroma: chroma is halved both ways (4:2:0), which is
    all that most decoders take, unless this is set.
    """
    deep = depth(decoded) > 8
    if codec == "auto":
        codec = "hevc" if deep or is_large(decoded.width, decoded.height) else "h264"
    kind = chroma(decoded) if keep_chroma else "420"
    pixels = f"yuv{kind}p{'10le' if deep and codec == 'hevc' else ''}"
    return PictureFormat(codec, pixels, decoded.width, decoded.height, pixel_aspect, *written_colours(decoded, pixels))


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
    """A frame of the picture's size -> of the size that is encoded: its last row or column is repeated where that is
    odd."""
    if written.coded_size == (written.width, written.height):
        return frame
    out = av.VideoFrame(*written.coded_size, written.pixels)
    for n in range(3):
        source, target = plane(frame, n), plane(out, n)
        beyond = [(0, target.shape[axis] - source.shape[axis]) for axis in range(2)]
        target[:] = np.pad(source, beyond, mode="edge")
    out.colorspace, out.color_range = frame.colorspace, frame.color_range
    out.color_primaries, out.color_trc = frame.color_primaries, frame.color_trc
    return out


def written_colours(decoded: DecodedFormat, pixels: str) -> tuple[int, int, int, int]:
    """Matrix, range, primaries and transfer of what is written in ``pixels``, in FFmpeg's numbers.

    The source's own tags, but for RGB, which has no matrix, and for HDR in eight bits: that becomes Rec. 709.
    """
    source = av.VideoFormat(decoded.pixels)
    if Volume.of(decoded.transfer, decoded.primaries).is_hdr and not pixels.endswith("10le"):
        return REC709, LIMITED, REC709, REC709
    if source.is_rgb or source.has_palette:
        return (REC2020 if decoded.primaries == REC2020 else REC709), LIMITED, decoded.primaries, decoded.transfer
    span = FULL if source.name.startswith("yuvj") else decoded.range
    return decoded.matrix, span, decoded.primaries, decoded.transfer


def colour_notes(decoded: DecodedFormat, written: PictureFormat, transparent: bool) -> list[str]:
    """What becomes of a film's colours beside the dream, in words. transparent: whether one sees through it."""
    notes = []
    if transparent:
        notes.append("transparent parts are dreamed and written as if over black")
    if Volume.of(decoded.transfer, decoded.primaries).is_hdr and not written.volume.is_hdr:
        notes.append("high dynamic range is tone mapped to Rec. 709; --codec hevc keeps it")
    return notes


def add_dream(frame: av.VideoFrame, before: Picture, after: Picture, written: PictureFormat) -> av.VideoFrame:
    """The frame in the format that is written, with after − before added.

    before, after: uint8 RGB (height, width, 3) of the written size, as ``pixels.stored_rgb`` has it. Where HDR stays
    HDR, the difference is that of the two in HDR's own curve, as ``Volume.from_sdr`` places them: on a screen it has
    the contrast that it has in SDR. Where HDR becomes SDR, there is nothing to add to, and ``after`` is written.
    """
    old, new = (_encoded(picture, written) for picture in (before, after))
    volume = volume_of(frame)
    same = (volume.transfer, volume.primaries) == (written.volume.transfer, written.volume.primaries)
    base = frame.reformat(written.width, written.height, **written.output_colours(), **source_colours(frame))
    out = av.VideoFrame(written.width, written.height, written.pixels)
    most, opacity = 2**written.bits - 1, opacity_of(frame) if has_alpha(frame) else None
    for n in range(3):
        if not same:
            plane(out, n)[:] = plane(new, n)
            continue
        samples = plane(base, n)
        if opacity is not None:
            samples = _over_black(samples, opacity, written.black[n])
        # Between −1023 and 2 · 1023: int16 holds it.
        added = np.subtract(plane(new, n), plane(old, n), dtype=np.int16, casting="unsafe")
        plane(out, n)[:] = (samples.astype(np.int16) + added).clip(0, most)
    out.colorspace, out.color_range = written.matrix, written.range
    out.color_primaries, out.color_trc = written.primaries, written.transfer
    return out


def _encoded(picture: Picture, written: PictureFormat) -> av.VideoFrame:
    """A picture of Rec. 709 in the format that is written."""
    if written.volume.is_plain:
        frame = av.VideoFrame.from_ndarray(picture, "rgb24")
    else:
        frame = av.VideoFrame.from_ndarray(written.volume.from_sdr(picture), "rgb48le")
    return frame.reformat(**written.output_colours())


def _over_black(samples: npt.NDArray[Any], opacity: npt.NDArray[np.float32], black: int) -> npt.NDArray[Any]:
    """A plane of straight alpha over black. Y'CbCr is linear in R'G'B': each plane goes to its own value of black."""
    height, width = samples.shape
    share = cv2.resize(opacity, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(np.rint(black + (samples.astype(np.float32) - black) * share), samples.dtype)

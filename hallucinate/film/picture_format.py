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
    pixels_have_alpha,
    range_of,
    source_colours,
    volume_of,
)
from hallucinate.sources.tone import Volume

REC709, REC2020 = 1, 9
"""FFmpeg's numbers of two systems' matrices and primaries, and the first's curve."""


@dataclass(frozen=True)
class PictureFormat:
    """How a film's pictures are written.

    pixels: FFmpeg's name of the pixel format, planar YUV. pixel_aspect: width over height of a pixel, None where
    nothing is said. The rest: the source's tags, in FFmpeg's numbers.
    """

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


def picture_format(decoded: DecodedFormat, pixel_aspect: Fraction | None, formats: set[str]) -> PictureFormat:
    """The format that loses least of a film's pictures.

    formats: the pixel formats that the encoder takes, by FFmpeg's names. Ten bits stay ten bits, and more become ten.
    Sides that are not even rule out halved chroma.
    """
    source = av.VideoFormat(decoded.pixels, decoded.width, decoded.height)
    deep = max(component.bits for component in source.components) > 8
    across, down = (source.chroma_width(64), source.chroma_height(64)) if len(source.components) >= 3 else (32, 32)
    kind = "420" if (across, down) == (32, 32) else "422" if across == 32 else "444"
    if decoded.width % 2 or decoded.height % 2:
        kind = "444"
    kinds = dict.fromkeys((kind, "422", "444"))
    best_first = [f"yuv{each}p{'10le' * bits}" for bits in (deep, not deep) for each in kinds]
    pixels = next(name for name in best_first if name in formats)
    return PictureFormat(pixels, decoded.width, decoded.height, pixel_aspect, *written_colours(decoded, pixels))


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


def colour_notes(decoded: DecodedFormat, written: PictureFormat) -> list[str]:
    """What becomes of a film's pictures beside the dream, in words."""
    notes = []
    if pixels_have_alpha(decoded.pixels):
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
            plane(out, n, written)[:] = plane(new, n, written)
            continue
        samples = plane(base, n, written)
        if opacity is not None:
            samples = _over_black(samples, opacity, written.black[n])
        # Between −1023 and 2 · 1023: int16 holds it.
        sample = samples.astype(np.int16) + plane(new, n, written) - plane(old, n, written)
        plane(out, n, written)[:] = sample.clip(0, most)
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


def plane(frame: av.VideoFrame, n: int, written: PictureFormat) -> npt.NDArray[Any]:
    """One plane of a planar frame, (h, w): int16 of 10 bits or uint8, the frame's own memory."""
    data: Any = frame.planes[n]
    kind = np.dtype(np.int16 if written.bits > 8 else np.uint8)
    rows: npt.NDArray[Any] = np.frombuffer(data, kind).reshape(data.height, data.line_size // kind.itemsize)
    return rows[:, : data.width]

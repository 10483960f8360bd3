"""From a decoded frame to the picture that is dreamed, and back: what was dreamed is added, nothing else is touched.

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

HD = 720
"""Rows from which a film that does not name its matrix is taken for Rec. 709, as players do; below it, Rec. 601."""


@dataclass(frozen=True)
class Canvas:
    """How a film's pictures are written.

    format: FFmpeg's name, planar YUV. aspect: of a pixel, None where nothing is said. The rest: the source's tags, in
    FFmpeg's numbers.
    """

    format: str
    width: int
    height: int
    aspect: Fraction | None
    matrix: int
    range: int
    primaries: int
    transfer: int

    @property
    def bits(self) -> int:
        """Bits of a sample."""
        return 10 if self.format.endswith("10le") else 8

    def read_as(self) -> dict[str, Any]:
        """Matrix and range to convert from, also where the tags do not say."""
        guess = Colorspace.ITU709 if self.height >= HD else Colorspace.ITU601
        return {"src_colorspace": SCALER_MATRIX.get(self.matrix, guess), "src_color_range": self.range or LIMITED}

    def written_as(self) -> dict[str, Any]:
        """Format, matrix and range to convert to."""
        source = self.read_as()
        matrix, span = source["src_colorspace"], source["src_color_range"]
        return {"format": self.format, "dst_colorspace": matrix, "dst_color_range": span}


def canvas_for(frame: av.VideoFrame, aspect: Fraction | None, formats: set[str]) -> Canvas:
    """The canvas that a film, told by its first frame, is kept on best, of the formats that an encoder takes.

    Ten bits stay ten bits, and more become ten. Sides that are not even rule out halved chroma.
    """
    source = frame.format
    deep = max(component.bits for component in source.components) > 8
    rgb = source.is_rgb or source.has_palette
    across, down = (source.chroma_width(64), source.chroma_height(64)) if len(source.components) >= 3 else (32, 32)
    kind = "420" if (across, down) == (32, 32) else "422" if across == 32 else "444"
    if frame.width % 2 or frame.height % 2:
        kind = "444"
    wanted = [f"yuv{k}p{'10le' * bits}" for bits in ((deep, not deep)) for k in dict.fromkeys((kind, "422", "444"))]
    chosen = next(name for name in wanted if name in formats)
    return Canvas(
        chosen,
        frame.width,
        frame.height,
        aspect,
        REC709 if rgb else frame.colorspace,
        LIMITED if rgb else FULL if source.name.startswith("yuvj") else frame.color_range,
        frame.color_primaries,
        frame.color_trc,
    )


def seen(frame: av.VideoFrame, canvas: Canvas) -> Picture:
    """A decoded frame as it lies in the film: uint8 RGB (H, W, 3)."""
    options = {} if frame.format.is_rgb else canvas.read_as()
    picture = frame.reformat(canvas.width, canvas.height, "rgb24", **options).to_ndarray()
    return np.ascontiguousarray(picture, np.uint8)


def added(frame: av.VideoFrame, before: Picture, after: Picture, canvas: Canvas) -> av.VideoFrame:
    """The frame on the canvas, and on it what was added from ``before`` to ``after``, both as ``seen`` gives them."""
    to = canvas.written_as()
    old, new = (av.VideoFrame.from_ndarray(picture, "rgb24").reformat(**to) for picture in (before, after))
    base = frame.reformat(canvas.width, canvas.height, **to, **({} if frame.format.is_rgb else canvas.read_as()))
    out = av.VideoFrame(canvas.width, canvas.height, canvas.format)
    most = 2**canvas.bits - 1
    for n in range(3):
        # At most 2 · 1023 either way: int16 holds it.
        sample = plane(base, n, canvas).astype(np.int16) + plane(new, n, canvas) - plane(old, n, canvas)
        plane(out, n, canvas)[:] = sample.clip(0, most)
    out.colorspace, out.color_range = canvas.matrix, canvas.range
    out.color_primaries, out.color_trc = canvas.primaries, canvas.transfer
    return out


def plane(frame: av.VideoFrame, n: int, canvas: Canvas) -> npt.NDArray[Any]:
    """One plane of a planar frame, (h, w): int16 of 10 bits or uint8, the frame's own memory."""
    data: Any = frame.planes[n]
    kind = np.dtype(np.int16 if canvas.bits > 8 else np.uint8)
    rows: npt.NDArray[Any] = np.frombuffer(data, kind).reshape(data.height, data.line_size // kind.itemsize)
    return rows[:, : data.width]

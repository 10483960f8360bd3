"""From a decoded frame to RGB: the one conversion of films, addresses and guests, live and offline.

What a frame says of itself counts: matrix, range, curve, primaries, alpha, and how it is turned and mirrored. What it
does not say is taken by one rule, see ``matrix_of`` and ``range_of``.
"""

from __future__ import annotations

import functools
import struct
from dataclasses import dataclass
from typing import Any

import av
import cv2
import numpy as np
import numpy.typing as npt
from av.video.reformatter import Colorspace

from hallucinate.frame import Picture, shrunk
from hallucinate.sources.tone import Volume

LIMITED, FULL, REC601 = 1, 2, 6
"""FFmpeg's numbers of the ranges, and of a matrix."""

SCALER_MATRIX = {1: Colorspace.ITU709, 4: Colorspace.FCC, 7: Colorspace.SMPTE240M}
SCALER_MATRIX |= dict.fromkeys((5, 6), Colorspace.ITU601) | dict.fromkeys((9, 10), Colorspace.BT2020)
"""FFmpeg's matrices -> those of its scaler."""

HD_ROWS, HD_COLUMNS = 720, 1280
"""From so many on, a picture that does not name its matrix is taken for Rec. 709, as players do; below, Rec. 601."""

_MASTERING = struct.Struct("=20i")
"""FFmpeg's AVMasteringDisplayMetadata (libavutil/mastering_display_metadata.h): six chromaticities and white as
fractions, then the least and the most cd/m²."""


def matrix_of(tag: int, width: int, height: int) -> Colorspace:
    """The matrix of Y'CbCr samples, by its tag; where that says nothing, by the picture's size."""
    by_size = Colorspace.ITU709 if height >= HD_ROWS or width >= HD_COLUMNS else Colorspace.ITU601
    return SCALER_MATRIX.get(tag, by_size)


def range_of(tag: int, pixels: str) -> int:
    """LIMITED or FULL, by the tag of a pixel format; where that says nothing: full for ``yuvj`` and grey, else limited.

    A ``yuvj`` is full whatever is tagged: its name says so.
    """
    if pixels.startswith("yuvj"):
        return FULL
    return tag or (FULL if pixels.startswith(("gray", "ya")) else LIMITED)


def source_colours(frame: av.VideoFrame) -> dict[str, Any]:
    """Matrix and range to convert a frame from, as arguments of ``reformat``. None for one that is RGB already."""
    if frame.format.is_rgb or frame.format.has_palette:
        return {}
    matrix = matrix_of(frame.colorspace, frame.width, frame.height)
    return {"src_colorspace": matrix, "src_color_range": range_of(frame.color_range, frame.format.name)}


def beside(frame: av.VideoFrame) -> Any:
    """What a frame's film says beside its pixels: a mapping by the kind's name, empty where it cannot be read."""
    try:
        return frame.side_data
    except ValueError:  # one of a kind that PyAV does not know, e.g. a JPEG's EXIF, and it shows none at all
        return {}


def volume_of(frame: av.VideoFrame) -> Volume:
    """What a frame's samples mean in light, by its tags and its mastering display."""
    mastering, peak = beside(frame).get("MASTERING_DISPLAY_METADATA"), None
    if mastering is not None and mastering.buffer_size >= _MASTERING.size:
        *_, numerator, denominator = _MASTERING.unpack_from(bytes(mastering))
        peak = numerator / denominator if denominator else None
    return Volume.of(frame.color_trc, frame.color_primaries, peak)


@dataclass(frozen=True)
class Orientation:
    """How a stored picture is brought upright: rows and columns exchanged first, then mirrored.

    across: left and right are exchanged. down: top and bottom.
    """

    transposed: bool = False
    across: bool = False
    down: bool = False

    @classmethod
    def of_exif(cls, tag: object) -> Orientation:
        """From EXIF's tag 0x0112, 1 to 8 (CIPA DC-008, 4.6.5.1.6); anything else is upright."""
        by_tag = {2: (False, True, False), 3: (False, True, True), 4: (False, False, True), 5: (True, False, False)}
        by_tag |= {6: (True, True, False), 7: (True, True, True), 8: (True, False, True)}
        return cls(*by_tag.get(tag, (False, False, False))) if isinstance(tag, int) else cls()

    @classmethod
    def of_frame(cls, frame: av.VideoFrame) -> Orientation:
        """From a frame's display matrix (libavutil/display.h): x' = a·x + c·y, y' = b·x + d·y, with y down.

        What is turned by something else than quarter turns is taken for the nearest.
        """
        matrix = beside(frame).get("DISPLAYMATRIX")
        if matrix is None or matrix.buffer_size < 20:
            # By quarter turns counter-clockwise, where FFmpeg has them all the same.
            turned = (cls(), cls(True, False, True), cls(False, True, True), cls(True, True, False))
            return turned[round(frame.rotation / 90) % 4]
        a, b, _, c, d = struct.unpack_from("=5i", bytes(matrix))
        return cls(False, a < 0, d < 0) if abs(a) + abs(d) >= abs(b) + abs(c) else cls(True, c < 0, b < 0)

    def size(self, width: int, height: int) -> tuple[int, int]:
        """(width, height) of a picture after it was turned; the same for the other direction."""
        return (height, width) if self.transposed else (width, height)

    def upright(self, stored: Picture) -> Picture:
        """uint8 (H, W, 3) as stored -> as it is to be seen."""
        picture = stored.swapaxes(0, 1) if self.transposed else stored
        return np.ascontiguousarray(picture[:: -1 if self.down else 1, :: -1 if self.across else 1])

    def stored(self, upright: Picture) -> Picture:
        """The inverse of ``upright``."""
        picture = upright[:: -1 if self.down else 1, :: -1 if self.across else 1]
        return np.ascontiguousarray(picture.swapaxes(0, 1) if self.transposed else picture)


def in_webrtc(frame: av.VideoFrame) -> av.VideoFrame:
    """The same frame; where it names no matrix, tagged as what WebRTC sends, of any size: Rec. 601.

    VP8 is nothing else (RFC 6386, 9.2), and browsers convert cameras and canvases by libyuv's Rec. 601 for every codec.
    """
    if frame.colorspace not in SCALER_MATRIX:
        frame.colorspace = REC601
    return frame


def upright_rgb(frame: av.VideoFrame, size: tuple[int, int] | None = None) -> Picture:
    """A decoded frame -> uint8 RGB (height, width, 3) of Rec. 709, upright: HDR tone mapped, alpha over black.

    size: (width, height) of the result, its shape stretched to that where it is another; None for the frame's own.
    Raises FFmpegError or ValueError for a frame that FFmpeg's scaler does not take.
    """
    orientation = Orientation.of_frame(frame)
    return orientation.upright(stored_rgb(frame, None if size is None else orientation.size(*size)))


def stored_rgb(frame: av.VideoFrame, size: tuple[int, int] | None = None) -> Picture:
    """As ``upright_rgb``, but neither turned nor mirrored."""
    width, height = size or (frame.width, frame.height)
    volume, alpha = volume_of(frame), has_alpha(frame)
    # Scaled by FFmpeg in the conversion: a 4K film is never a 4K RGB picture here. But what is hidden by alpha must not
    # come through at an edge, so that is scaled afterwards.
    whole = (frame.width, frame.height) if alpha else (width, height)
    if volume.is_plain:
        picture = np.asarray(_converted(frame, *whole, "rgb24"), np.uint8)
    else:
        picture = volume.to_sdr(np.asarray(_converted(frame, *whole, "rgb48le"), np.uint16))
    if alpha:
        opacity = cv2.merge([opacity_of(frame)] * 3)
        picture = np.asarray(cv2.multiply(picture, opacity, dtype=cv2.CV_8U), np.uint8)
    return np.ascontiguousarray(shrunk(picture, width, height))


def _converted(frame: av.VideoFrame, width: int, height: int, pixels: str) -> npt.NDArray[Any]:
    scaled = frame.reformat(width, height, pixels, interpolation="AREA", **source_colours(frame))
    return scaled.to_ndarray()


def plane(frame: av.VideoFrame, n: int) -> npt.NDArray[Any]:
    """One plane of a planar frame of whole numbers, (h, w): uint8, or uint16 of more bits, the frame's own memory."""
    data: Any = frame.planes[n]
    kind = np.dtype(np.uint16 if frame.format.components[0].bits > 8 else np.uint8)
    rows: npt.NDArray[Any] = np.frombuffer(data, kind).reshape(data.height, data.line_size // kind.itemsize)
    return rows[:, : data.width]


def has_alpha(frame: av.VideoFrame) -> bool:
    """Whether a frame's pixel format holds an opacity."""
    return pixels_have_alpha(frame.format.name)


@functools.lru_cache
def pixels_have_alpha(pixels: str) -> bool:
    """Whether a pixel format, by FFmpeg's name, holds an opacity. A palette's colours do."""
    kind = av.VideoFormat(pixels)
    return kind.has_palette or any(component.is_alpha for component in kind.components)


def opacity_of(frame: av.VideoFrame) -> npt.NDArray[np.float32]:
    """How opaque each pixel of a frame with alpha is: float32 (H, W), 0 to 1."""
    bits, name = frame.format.components[-1].bits, frame.format.name
    if name.startswith(("yuva", "gbrap")) and not name.endswith(("be", "f32le")):
        # Not through the scaler, which makes 255 of 254.
        return np.asarray(plane(frame, 3), np.float32) / np.float32(2**bits - 1)
    if bits <= 8:
        return np.asarray(frame.to_ndarray(format="rgba")[..., 3], np.float32) / np.float32(255)
    # The scaler makes 65280 to 65535 of what is opaque.
    alpha = np.asarray(frame.to_ndarray(format="rgba64le")[..., 3], np.float32)
    return np.asarray(np.minimum(alpha / np.float32(65280), np.float32(1)), np.float32)

"""What a camera's driver delivers, looked at before it is used: made a picture, or refused in words."""

from __future__ import annotations

import math

import cv2
import numpy as np
import numpy.typing as npt

from hallucinate.errors import SourceError
from hallucinate.frame import Picture

LEAST_SIDE, LONGEST_SIDE = 8, 16384
"""Of a picture, in pixels: below there is nothing to see, above OpenCV cannot resize."""

FOLLOW_S = 1.0
"""The time constant with which the range of pictures of other than 8 bits is followed."""

OUTSIDE = (0.5, 99.5)
"""The percentiles of a picture's values that are black and white: a dead pixel or a telemetry row is outside."""

SAMPLE = 65536
"""At most so many values of a picture, in a grid, say what its range is."""

JPEG_START = b"\xff\xd8"


class RawPictures:
    """Makes pictures of what one open camera delivers. Used on the camera's thread.

    Of other than 8 bits, each picture's values from the 0.5th to the 99.5th percentile are brought to 0 to 255; that
    range follows the pictures with a time constant of 1 s, so that it does not flicker; where the new one does not
    overlap it at all, as after a switch of gain, it is taken at once. It is never narrower than 256 steps of whole
    numbers, or 1 of floats: noise is not enlarged. Floats that are all from 0 to 1 are taken as they are.
    """

    def __init__(self) -> None:
        self._kind: np.dtype[np.generic] | None = None
        self._range, self._range_ns = (0.0, 0.0), 0

    def bgr(self, raw: object, now_ns: int) -> Picture:
        """Whatever was delivered at ``now_ns`` -> uint8 BGR (H, W, 3).

        Taken are arrays (H, W), (H, W, 1), (H, W, 3) BGR and (H, W, 4) BGR with alpha, which is dropped, of integers,
        floats or bools; uint8 (H, W, 2), which is YUYV (BT.601, limited range); and a JPEG file's bytes in one row or
        column. Raises SourceError, in words that follow the camera's name, for everything else.
        """
        if not isinstance(raw, np.ndarray):
            raise SourceError("delivers no pictures, but " + ("nothing" if raw is None else type(raw).__name__))
        pixels = _decoded(np.asarray(raw))
        _check(pixels)
        if pixels.ndim == 3 and pixels.shape[2] == 2:
            return _converted(pixels[:, : pixels.shape[1] // 2 * 2], cv2.COLOR_YUV2BGR_YUY2)
        if pixels.ndim == 3:
            pixels = pixels[:, :, 0] if pixels.shape[2] == 1 else pixels[:, :, :3]
        if pixels.dtype == np.uint8:
            eight = np.asarray(pixels, np.uint8)
        elif pixels.dtype == np.bool_:
            eight = pixels.astype(np.uint8) * np.uint8(255)
        else:
            eight = self._eight_bits(pixels, now_ns)
        return _converted(eight, cv2.COLOR_GRAY2BGR) if eight.ndim == 2 else np.ascontiguousarray(eight)

    def _eight_bits(self, pixels: npt.NDArray[np.generic], now_ns: int) -> Picture:
        low, high = _range_of(pixels)
        before = self._range
        if self._kind is not None and pixels.dtype == self._kind and low < before[1] and before[0] < high:
            part = 1 - math.exp(-(now_ns - self._range_ns) / 1e9 / FOLLOW_S)
            # The width by its logarithm: what is ten times as hot then darkens the rest no faster than it clears again.
            width = (before[1] - before[0]) * ((high - low) / (before[1] - before[0])) ** part
            low = before[0] + part * (low - before[0])
            high = low + width
        self._kind, self._range, self._range_ns = pixels.dtype, (low, high), now_ns
        with np.errstate(all="ignore"):  # what is no number becomes black, what is beyond all bounds white
            scaled = pixels.astype(np.result_type(pixels.dtype, np.float32))
            scaled = ((scaled - low) * (255 / (high - low))).clip(0, 255) + 0.5
            return np.nan_to_num(scaled, copy=False).astype(np.uint8)


class Unchanged:
    """Since when a camera delivers the same picture, byte for byte, as a real one with its noise never does."""

    def __init__(self) -> None:
        self._picture: npt.NDArray[np.generic] | None = None
        self._since_ns = 0

    def since_ns(self, picture: npt.NDArray[np.generic], now_ns: int) -> int:
        """When the first of the pictures that are all equal to this one came."""
        before = self._picture
        # A few rows first: they tell what moves in a fraction of the time.
        if before is not None and np.array_equal(before[::16], picture[::16]) and np.array_equal(before, picture):
            return self._since_ns
        # A copy, because the driver may write the next one into the same memory.
        if before is not None and before.shape == picture.shape and before.dtype == picture.dtype:
            np.copyto(before, picture)  # a third of the time of new memory
        else:
            self._picture = picture.copy()
        self._since_ns = now_ns
        return now_ns


def _decoded(raw: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
    """The picture that is in a JPEG file's bytes; everything else as it is."""
    if raw.dtype != np.uint8 or raw.size < LEAST_SIDE or raw.size not in raw.shape:
        return raw
    data = np.ascontiguousarray(raw).reshape(-1)
    if data[:2].tobytes() != JPEG_START:
        return raw
    try:
        picture = cv2.imdecode(data, cv2.IMREAD_COLOR)
    except cv2.error:
        picture = None
    if picture is None:
        raise SourceError("delivers a JPEG that does not decode")
    return np.asarray(picture)


def _check(pixels: npt.NDArray[np.generic]) -> None:
    """Raise SourceError, in words, for an array that is no picture."""
    shape = pixels.shape
    if pixels.size == 0:
        raise SourceError("delivers empty pictures")
    if len(shape) not in (2, 3):
        raise SourceError(f"delivers arrays of {len(shape)} dimensions; a picture has 2 or 3")
    if not LEAST_SIDE <= min(shape[:2]) <= max(shape[:2]) <= LONGEST_SIDE:
        allowed = f"sides from {LEAST_SIDE} to {LONGEST_SIDE} can be read"
        raise SourceError(f"delivers pictures of {shape[1]}×{shape[0]}; {allowed}")
    if pixels.dtype.kind not in "uifb":
        raise SourceError(f"delivers values of type {pixels.dtype.name}; whole numbers and floats can be read")
    if len(shape) == 3 and shape[2] > 4:
        raise SourceError(f"delivers pictures of {shape[2]} channels; 1 to 4 can be read")
    if len(shape) == 3 and shape[2] == 2 and pixels.dtype != np.uint8:
        raise SourceError(f"delivers two channels of type {pixels.dtype.name}; two can be read of uint8 (YUYV)")


def _converted(pixels: npt.NDArray[np.generic], code: int) -> Picture:
    try:
        return np.asarray(cv2.cvtColor(np.asarray(np.ascontiguousarray(pixels), np.uint8), code), np.uint8)
    except cv2.error:
        raise SourceError("delivers pictures that OpenCV cannot convert") from None


def _range_of(pixels: npt.NDArray[np.generic]) -> tuple[float, float]:
    """The values of one picture that are black and white, the first below the second."""
    step = math.ceil(math.sqrt(pixels.shape[0] * pixels.shape[1] / SAMPLE))
    with np.errstate(all="ignore"):
        sample = pixels[::step, ::step].astype(np.float64)
        sample = sample[np.isfinite(sample)]
    if not sample.size:
        raise SourceError("delivers pictures without a number in them")
    whole = pixels.dtype.kind != "f"
    if not whole and sample.min() >= 0 and sample.max() <= 1:
        return 0.0, 1.0
    low, high = np.percentile(sample, OUTSIDE)
    least = 256.0 if whole else 1.0
    if high - low < least:
        middle = (low + high) / 2
        low, high = middle - least / 2, middle + least / 2
    return float(low), float(high)

"""Frames of another size, turn or shape of pixels than a film's first one, fitted into its picture, all to be seen.

A receiver that changes the programme, a phone that is turned in the middle of a call, recordings that were joined: the
film that is written has one size. What does not fill it gets black bars; nothing is cut off and nothing is stretched.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import av

from hallucinate.sources.pixels import FULL, Orientation, has_alpha, plane, range_of, source_colours


@dataclass(frozen=True)
class FrameShape:
    """How a frame stands in a film.

    orientation: how it is turned and mirrored to stand upright. pixel_aspect: width over height of its pixels, as its
    stream has them, None where nothing is said.
    """

    width: int
    height: int
    orientation: Orientation
    pixel_aspect: Fraction | None

    @classmethod
    def of(cls, frame: av.VideoFrame, pixel_aspect: Fraction | None) -> FrameShape:
        """The shape of a decoded frame."""
        return cls(frame.width, frame.height, Orientation.of_frame(frame), pixel_aspect)


def inner_size(shape: FrameShape, film: FrameShape) -> tuple[int, int]:
    """(width, height) that a frame has in the film's picture, in its pixels, once it is turned as they are."""
    width, height = shape.width * (shape.pixel_aspect or Fraction(1)), Fraction(shape.height)
    if shape.orientation.transposed != film.orientation.transposed:
        width, height = height, width
    width /= film.pixel_aspect or 1
    scale = min(film.width / width, film.height / height)
    return max(1, min(film.width, round(width * scale))), max(1, min(film.height, round(height * scale)))


def fitted(frame: av.VideoFrame, shape: FrameShape, film: FrameShape) -> av.VideoFrame:
    """A frame of another shape -> one of the film's, planar 4:4:4 in the frame's own colours, with black bars.

    Samples of more than 10 bits become 10.
    """
    width, height = inner_size(shape, film)
    sideways = shape.orientation.transposed != film.orientation.transposed
    own_width, own_height = (height, width) if sideways else (width, height)
    pixels, span = planar(frame), range_of(frame.color_range, frame.format.name)
    colours = {name.replace("src", "dst"): value for name, value in source_colours(frame).items()}
    to = {**source_colours(frame), **colours, "interpolation": "BICUBIC"}
    picture = frame.reformat(own_width, own_height, pixels, **to)
    out = av.VideoFrame(film.width, film.height, pixels)
    top, across = (film.height - height) // 2, (film.width - width) // 2
    for n, black in enumerate(black_samples(out.format, span)):
        samples = plane(out, n)
        samples[:] = black
        turned = film.orientation.stored(shape.orientation.upright(plane(picture, n)))
        samples[top : top + height, across : across + width] = turned
    out.colorspace, out.color_range = frame.colorspace, span
    out.color_primaries, out.color_trc = frame.color_primaries, frame.color_trc
    out.pts, out.dts, out.duration = frame.pts, frame.dts, frame.duration
    if frame.time_base is not None:
        out.time_base = frame.time_base
    return out


def planar(frame: av.VideoFrame) -> str:
    """The name of the planar 4:4:4 format that holds a frame's samples: of 8 bits, or of 10 where it has more."""
    rgb, alpha = frame.format.is_rgb or frame.format.has_palette, has_alpha(frame)
    deep = max(component.bits for component in frame.format.components) > 8
    name = ("gbrap" if alpha else "gbrp") if rgb else ("yuva444p" if alpha else "yuv444p")
    return f"{name}{'10le' if deep else ''}"


def black_samples(pixels: av.VideoFormat, span: int) -> list[int]:
    """The value of opaque black in each plane of a planar 4:4:4 format."""
    bits = pixels.components[0].bits
    luma, chroma = (0 if span == FULL else 16) << bits - 8, 128 << bits - 8
    black = [0, 0, 0] if pixels.is_rgb else [luma, chroma, chroma]
    return [*black, 2**bits - 1][: len(pixels.components)]

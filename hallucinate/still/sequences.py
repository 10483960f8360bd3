"""Sequences of pictures in one file: a GIF by Pillow, an MP4 by PyAV."""

from __future__ import annotations

import io
import itertools
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import IO

import av
import numpy as np
import psutil
from av.container import OutputContainer
from PIL import Image

from hallucinate.errors import OptionError, OutputError
from hallucinate.files import ffmpeg_path
from hallucinate.frame import Picture, shrunk
from hallucinate.writing import write_whole, writing

GIF_PX, MP4_PX = 640, 3840
"""The longer side of a GIF's or an MP4's frames, at most."""

GIF_FPS = 50
"""A GIF's frames last whole hundredths of a second (GIF89a, 23), and browsers show one hundredth as ten."""

GIF_BYTES_PER_PIXEL = 2
"""Memory that a GIF takes for each pixel of each frame until it is written (1.4 were measured)."""

PAUSE_S = 1.5
"""How long a GIF's last frame stays before it starts again."""


def check_sequence(option: str, path: Path, width: int, height: int, fps: float, count: int) -> list[str]:
    """Check before the first step that pictures can be written as .gif or .mp4, by a trial with one in memory.

    width, height: of the pictures. count: how many there will be. Returns what is written otherwise than it was
    requested, in words. Raises OptionError or OutputError.
    """
    gif = path.suffix.lower() == ".gif"
    if gif and fps > GIF_FPS:
        raise OptionError(
            f"{option} {path}: a GIF plays at most {GIF_FPS} frames a second, and this one would have {fps:g}; name an "
            f".mp4, or set --fps to {GIF_FPS} or less"
        )
    trial = limited(np.zeros((height, width, 3), np.uint8), *((GIF_PX, 1) if gif else (MP4_PX, 2)))
    needed, free = trial.size // 3 * count * GIF_BYTES_PER_PIXEL, int(psutil.virtual_memory().available)
    if gif and needed > free:
        raise OutputError(
            f"{path}: a GIF of {count} frames takes {needed / 1e9:.1f} GB of memory, of which {free / 1e9:.1f} are "
            "free; name an .mp4, or fewer frames",
            code="picture_too_large",
        )
    with writing(path):
        if gif:
            save_gif(io.BytesIO(), [trial], fps, 1)
        else:
            with av.open(io.BytesIO(), "w", format="mp4") as container:
                encode_mp4(container, [trial], fps)
    if trial.shape[:2] == (height, width):
        return []
    limit = f"at most {GIF_PX} along a side" if gif else f"even numbers of at most {MP4_PX}"
    return [f"{path.name} has {limit}: {trial.shape[1]}×{trial.shape[0]} pixels, not {width}×{height}"]


def write_sequence(path: Path, pictures: Iterable[Picture], fps: float, count: int, finished: str = "") -> None:
    """Write pictures, uint8 RGB (H, W, 3) all of one size, as .gif or .mp4, whole or not at all. Raises OutputError.

    count: how many there are. finished: as for ``cannot_write``.
    """
    if path.suffix.lower() == ".gif":
        frames = (limited(picture, GIF_PX, 1) for picture in pictures)
        write_whole(path, lambda part: write_gif(part, frames, fps, count), finished)
    else:
        frames = (limited(picture, MP4_PX, 2) for picture in pictures)
        write_whole(path, lambda part: write_mp4(part, frames, fps), finished)


def write_gif(path: Path, frames: Iterable[Picture], fps: float, count: int) -> None:
    """A GIF that repeats for ever, with a palette for each frame. Raises one of ENCODING_ERRORS."""
    with path.open("wb") as file:
        save_gif(file, frames, fps, count)


def save_gif(file: IO[bytes], frames: Iterable[Picture], fps: float, count: int) -> None:
    """``write_gif`` into an open file."""
    images = (Image.fromarray(frame).quantize(256) for frame in frames)
    next(images).save(
        file, "GIF", save_all=True, append_images=images, duration=durations_ms(fps, count), loop=0, disposal=1
    )


def durations_ms(fps: float, count: int) -> list[int]:
    """How long each of a GIF's frames stays: hundredths of a second that add up, so that its speed is right."""
    ends = [round(100 * n / fps) for n in range(count + 1)]
    spans = [10 * (end - start) for start, end in itertools.pairwise(ends)]
    return [*spans[:-1], max(spans[-1], round(1000 * PAUSE_S))]


def write_mp4(path: Path, frames: Iterable[Picture], fps: float) -> None:
    """H.264, in colours that every player shows. Raises one of ENCODING_ERRORS."""
    with av.open(ffmpeg_path(path), "w", format="mp4", options={"movflags": "+faststart"}) as container:
        encode_mp4(container, frames, fps)


def encode_mp4(container: OutputContainer, frames: Iterable[Picture], fps: float) -> None:
    """The pictures as the one stream of a film."""
    each: Iterator[Picture] = iter(frames)
    first = next(each)
    stream = container.add_stream(
        "libx264", rate=Fraction(fps).limit_denominator(1001), options={"crf": "16", "preset": "medium"}
    )
    stream.width, stream.height, stream.pix_fmt = first.shape[1], first.shape[0], "yuv420p"
    for frame in itertools.chain([first], each):
        container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
    container.mux(stream.encode())


def limited(picture: Picture, most: int, multiple: int) -> Picture:
    """A picture of at most so many pixels along its longer side, its sides multiples of a number."""
    scale = min(1.0, most / max(picture.shape[:2]))
    width, height = (max(multiple, round(n * scale) // multiple * multiple) for n in picture.shape[1::-1])
    return np.ascontiguousarray(shrunk(picture, width, height))

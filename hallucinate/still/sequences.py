"""Sequences of pictures in one file: a GIF by Pillow, an MP4 by PyAV."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from PIL import Image

from hallucinate.files import ffmpeg_path
from hallucinate.frame import Picture, shrunk
from hallucinate.writing import write_whole

GIF_PX, MP4_PX = 640, 3840
"""The longer side of a GIF's or an MP4's frames, at most."""

PAUSE_S = 1.5
"""How long a GIF's last frame stays before it starts again."""


def write_sequence(path: Path, pictures: Iterable[Picture], fps: float) -> None:
    """Write pictures, uint8 RGB (H, W, 3) all of one size, as .gif or .mp4, whole or not at all. Raises OutputError."""
    write = write_gif if path.suffix.lower() == ".gif" else write_mp4
    write_whole(path, lambda part: write(part, pictures, fps))


def write_gif(path: Path, pictures: Iterable[Picture], fps: float) -> None:
    """A GIF that repeats for ever, with a palette for each frame. Raises OSError."""
    frames = [Image.fromarray(limited(picture, GIF_PX, 1)).quantize(256) for picture in pictures]
    durations_ms = [round(1000 / fps)] * len(frames)
    durations_ms[-1] = max(durations_ms[-1], round(1000 * PAUSE_S))
    frames[0].save(path, "GIF", save_all=True, append_images=frames[1:], duration=durations_ms, loop=0, disposal=1)


def write_mp4(path: Path, pictures: Iterable[Picture], fps: float) -> None:
    """H.264, in colours that every player shows. Raises OSError or FFmpegError."""
    rate = Fraction(fps).limit_denominator(1001)
    frames = (limited(picture, MP4_PX, 2) for picture in pictures)
    first = next(frames)
    with av.open(ffmpeg_path(path), "w", format="mp4", options={"movflags": "+faststart"}) as container:
        stream = container.add_stream("libx264", rate=rate, options={"crf": "16", "preset": "medium"})
        stream.width, stream.height, stream.pix_fmt = first.shape[1], first.shape[0], "yuv420p"
        for frame in itertools.chain([first], frames):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())


def limited(picture: Picture, most: int, multiple: int) -> Picture:
    """A picture of at most so many pixels along its longer side, its sides multiples of a number."""
    scale = min(1.0, most / max(picture.shape[:2]))
    width, height = (max(multiple, round(n * scale) // multiple * multiple) for n in picture.shape[1::-1])
    return np.ascontiguousarray(shrunk(picture, width, height))

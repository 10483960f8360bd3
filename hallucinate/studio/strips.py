"""Pictures strung together: a GIF by Pillow, an MP4 by PyAV."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from PIL import Image

from hallucinate.frame import Picture, shrunk
from hallucinate.studio.photos import write_whole

GIF_PX, FILM_PX = 640, 3840
"""The longer side of a GIF's or a film's frames, at most."""

REST_S = 1.5
"""How long a GIF's last frame stays before it begins again."""


def string_together(path: Path, pictures: Iterable[Picture], fps: float) -> None:
    """Write pictures, uint8 RGB (H, W, 3) all of one size, as .gif or .mp4, whole or not at all. Raises OutputError."""
    write = write_gif if path.suffix.lower() == ".gif" else write_film
    write_whole(path, lambda part: write(part, pictures, fps))


def write_gif(path: Path, pictures: Iterable[Picture], fps: float) -> None:
    """A GIF that repeats for ever, with a palette for each frame."""
    frames = [Image.fromarray(fitting(picture, GIF_PX, 1)).quantize(256) for picture in pictures]
    pause = [round(1000 / fps)] * len(frames)
    pause[-1] = max(pause[-1], round(1000 * REST_S))
    frames[0].save(path, "GIF", save_all=True, append_images=frames[1:], duration=pause, loop=0, disposal=1)


def write_film(path: Path, pictures: Iterable[Picture], fps: float) -> None:
    """H.264, in colours that every player shows."""
    rate = Fraction(fps).limit_denominator(1001)
    waiting = iter(pictures)
    first = fitting(next(waiting), FILM_PX, 2)
    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as container:
        stream = container.add_stream("libx264", rate=rate, options={"crf": "16", "preset": "medium"})
        stream.width, stream.height, stream.pix_fmt = first.shape[1], first.shape[0], "yuv420p"
        for picture in _then(first, (fitting(each, FILM_PX, 2) for each in waiting)):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())


def _then(first: Picture, others: Iterable[Picture]) -> Iterator[Picture]:
    yield first
    yield from others


def fitting(picture: Picture, most: int, multiple: int) -> Picture:
    """A picture no larger than so many pixels along its longer side, its sides multiples of a number."""
    scale = min(1.0, most / max(picture.shape[:2]))
    width, height = (max(multiple, round(n * scale) // multiple * multiple) for n in picture.shape[1::-1])
    return np.ascontiguousarray(shrunk(picture, width, height))

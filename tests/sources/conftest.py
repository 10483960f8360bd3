"""Small real films, made with FFmpeg for each test."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from hallucinate.sources import Source

MakeFilm = Callable[..., Path]


def grey_level(picture: np.ndarray) -> int:
    return round(float(picture.mean()))


@pytest.fixture
def make_film(tmp_path: Path) -> MakeFilm:
    """Writes a film whose n-th frame is plain grey of level 20 + 10 n; ``times_ms`` makes its rate variable."""

    def make(
        name: str = "sea.mp4",
        frames: int = 10,
        fps: int = 25,
        size: tuple[int, int] = (64, 48),
        times_ms: Sequence[int] | None = None,
        codec: str = "libx264",
        options: dict[str, str] | None = None,
    ) -> Path:
        path = tmp_path / name
        with av.open(str(path), "w", options=options or {}) as container:
            stream = container.add_stream(codec, rate=fps)
            assert isinstance(stream, av.VideoStream)
            stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
            base = Fraction(1, 1000) if times_ms else Fraction(1, fps)
            stream.codec_context.time_base = base
            for index in range(frames):
                picture = np.full((size[1], size[0], 3), 20 + 10 * index, np.uint8)
                frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
                frame.pts, frame.time_base = (times_ms[index] if times_ms else index), base
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
        return path

    return make


@pytest.fixture
def sound_only(tmp_path: Path) -> Path:
    path = tmp_path / "song.m4a"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=44100)
        stream.layout = "mono"
        for index in range(10):
            sound = np.zeros((1, 1024), np.float32)
            frame = av.AudioFrame.from_ndarray(sound, format="fltp", layout="mono")
            frame.sample_rate, frame.pts = 44100, index * 1024
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def close_while_read(source: Source) -> None:
    """Close a source while somebody waits for it, who must be woken by that; after it there is none."""
    waiting = threading.Thread(target=source.read)
    waiting.start()
    source.close()
    waiting.join(1)
    assert not waiting.is_alive()
    assert source.read() is None

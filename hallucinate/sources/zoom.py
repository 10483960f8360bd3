"""A source that feeds on the stage: the last dream, a little closer. What is dreamed is dreamed again, without end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from hallucinate.clock import Clock
from hallucinate.frame import Frame, OutputFrame, Picture
from hallucinate.panorama.fitting import fitted
from hallucinate.plain_text import printable
from hallucinate.sources import SourceStatistics
from hallucinate.sources.pacing import Beat
from hallucinate.sources.picture import load_picture
from hallucinate.zoom_motion import ZoomMotion, appearance_of, moved, noise, stabilised

ZOOM_MOTION = ZoomMotion(scale=1.18, turn=2.0)
"""How the endless zoom moves in a second, unless the settings add drift."""

PATIENCE_S, LONGEST_S = 1.0, 0.5
"""How long ``read`` waits for a dream; and how much time the picture moves by at most at once, after a pause."""


class Zoom:
    """The endless zoom, from noise or from a picture.

    latest: returns what is on the stage, or None. There is one frame for each new dream, moved by the time since that
    dream's own frame: so there is one zoom, equally fast at every frame rate.
    """

    def __init__(
        self,
        picture: Path | None,
        size: tuple[int, int],
        fps: float,
        clock: Clock,
        latest: Callable[[], OutputFrame | None],
        seed: int = 0,
        motion: ZoomMotion = ZOOM_MOTION,
        own_shape: bool = False,
    ) -> None:
        """size: (width, height) of frames. own_shape: as for ``fitted``, of the picture; noise has none."""
        self.name = f"an endless zoom into {printable(picture.name) if picture is not None else 'noise'}"
        self._start: Picture = (
            noise(*size, seed) if picture is None else fitted(load_picture(picture), *size, None, own_shape)
        )
        self._appearance = appearance_of(self._start)
        self._clock, self._latest, self._motion = clock, latest, motion
        self._random = np.random.default_rng(seed)
        self._beat = Beat(fps, clock)
        self._previous_ns: int | None = None
        self._read = 0

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of all its frames."""
        return self._start.shape[1], self._start.shape[0]

    @property
    def statistics(self) -> SourceStatistics:
        """See Source. Nothing is made that is not handed over."""
        return SourceStatistics(self._read)

    def set_fps(self, fps: float) -> None:
        """Look at the stage so many times per second from now on."""
        self._beat.set_fps(fps)

    def read(self) -> Frame | None:
        """The next frame once there is a new dream; None when there was none for a second, and once closed."""
        patient_ns = self._clock.now_ns() + int(PATIENCE_S * 1e9)
        while self._beat.wait():
            output, now_ns = self._latest(), self._clock.now_ns()
            if self._previous_ns is None:
                self._previous_ns, self._read = now_ns, self._read + 1
                return Frame(self._start, now_ns)
            # Not a dream of what was before the last frame: else two zooms would take turns.
            if output is not None and output.captured_ns >= self._previous_ns:
                seconds = min((now_ns - output.captured_ns) / 1e9, LONGEST_S)
                self._previous_ns, self._read = now_ns, self._read + 1
                closer = moved(output.dream, self._motion, seconds)
                return Frame(stabilised(closer, self._appearance, seconds, self._random), now_ns)
            if now_ns >= patient_ns:
                return None
        return None

    def close(self) -> None:
        """Wake a waiting ``read``."""
        self._beat.close()

"""A source that looks at the stage: the last dream, a little closer. What is dreamed is dreamed again, without end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from hallucinate.clock import Clock
from hallucinate.frame import Frame, OutputFrame, Picture, fit
from hallucinate.sources import SourceStatistics
from hallucinate.sources.pacing import Beat
from hallucinate.sources.picture import load_picture
from hallucinate.zooming import Move, look_of, moved, noise, steadied

MOVE = Move(scale=1.18, turn=2.0)
"""How the endless zoom moves in a second, unless the hallucination is told to drift as well."""

PATIENCE_S, LONGEST_S = 1.0, 0.5
"""How long ``read`` waits for a dream; and how far the picture moves at most at once, after a rest."""


class Zoom:
    """The endless zoom, from noise or from a picture.

    latest: what is on the stage, or None. A frame is given for each new dream, moved by the time since that dream's own
    frame: so there is one zoom, as fast at every frame rate.
    """

    def __init__(
        self,
        picture: Path | None,
        size: tuple[int, int],
        fps: float,
        clock: Clock,
        latest: Callable[[], OutputFrame | None],
        seed: int = 0,
        move: Move = MOVE,
    ) -> None:
        self.name = f"an endless zoom into {picture.name if picture is not None else 'noise'}"
        width, height = size
        self._start: Picture = noise(width, height, seed) if picture is None else fit(load_picture(picture), *size)
        self._look = look_of(self._start)
        self._clock, self._latest, self._move = clock, latest, move
        self._random = np.random.default_rng(seed)
        self._beat = Beat(fps, clock)
        self._given_ns: int | None = None
        self._read = 0

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
            shown, now_ns = self._latest(), self._clock.now_ns()
            if self._given_ns is None:
                self._given_ns, self._read = now_ns, self._read + 1
                return Frame(self._start, now_ns)
            # Not a dream of what was before the last frame: else two zooms would take turns.
            if shown is not None and shown.captured_ns >= self._given_ns:
                seconds = min((now_ns - shown.captured_ns) / 1e9, LONGEST_S)
                self._given_ns, self._read = now_ns, self._read + 1
                closer = moved(shown.dream, self._move, seconds)
                return Frame(steadied(closer, self._look, seconds, self._random), now_ns)
            if now_ns >= patient_ns:
                return None
        return None

    def close(self) -> None:
        """Wake a waiting ``read``."""
        self._beat.close()

"""What encoding costs: a bounded, recent window that the encoders write and the statistics read."""

from __future__ import annotations

import threading
from collections import deque
from statistics import median, quantiles
from typing import NamedTuple

WINDOW_FRAMES = 600
WINDOW_NS = 10_000_000_000


class EncodedPicture(NamedTuple):
    """One encoded picture: when it was ready, how long it took, how old it was, and its bytes."""

    at_ns: int
    took_ns: int
    latency_ns: int
    size: int


class EncodingFigures(NamedTuple):
    """Counts since the start, and medians over the window; what nothing was measured for is None."""

    frames: int
    failures: int
    encode_ms: float | None = None
    capture_to_packet_ms: float | None = None
    capture_to_packet_p95_ms: float | None = None
    bitrate_bps: int | None = None


class EncodingWindow:
    """The last ten seconds of encoding, over all encoders. Safe between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._window: deque[EncodedPicture] = deque(maxlen=WINDOW_FRAMES)
        self._frames = 0
        self._failures = 0

    def add(self, encoded: EncodedPicture) -> None:
        """Note an encoded picture."""
        with self._lock:
            self._window.append(encoded)
            self._frames += 1

    def failed(self) -> int:
        """Note a picture that could not be encoded; returns how many there were."""
        with self._lock:
            self._failures += 1
            return self._failures

    def figures(self, now_ns: int) -> EncodingFigures:
        """The figures of the ten seconds before ``now_ns``."""
        with self._lock:
            recent = [item for item in self._window if now_ns - item.at_ns <= WINDOW_NS]
            frames, failures = self._frames, self._failures
        if not recent:
            return EncodingFigures(frames, failures)
        latencies = [item.latency_ns / 1e6 for item in recent]
        span_s = (now_ns - recent[0].at_ns) / 1e9
        return EncodingFigures(
            frames,
            failures,
            encode_ms=round(median(item.took_ns / 1e6 for item in recent), 2),
            capture_to_packet_ms=round(median(latencies), 2),
            capture_to_packet_p95_ms=round(_p95(latencies), 2),
            # The first item's bits were spent before the span that it opens.
            bitrate_bps=round(sum(item.size for item in recent[1:]) * 8 / span_s) if span_s else None,
        )


def _p95(values: list[float]) -> float:
    return quantiles(values, n=20, method="inclusive")[-1] if len(values) > 1 else values[0]

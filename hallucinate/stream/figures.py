"""What encoding costs: a bounded, recent window that the encoders write and the stats read."""

from __future__ import annotations

import threading
from collections import deque
from statistics import median, quantiles
from typing import NamedTuple

WINDOW_FRAMES = 600
WINDOW_NS = 10_000_000_000


class Encoded(NamedTuple):
    """One encoded picture: when it was ready, how long it took, how old it was, how large."""

    at_ns: int
    took_ns: int
    latency_ns: int
    size: int


class Figures:
    """The last ten seconds of encoding, over all encoders. Safe between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._window: deque[Encoded] = deque(maxlen=WINDOW_FRAMES)
        self._frames = 0
        self._failures = 0

    def add(self, encoded: Encoded) -> None:
        """Note an encoded picture."""
        with self._lock:
            self._window.append(encoded)
            self._frames += 1

    def failed(self) -> int:
        """Note a picture that could not be encoded; returns how many there were."""
        with self._lock:
            self._failures += 1
            return self._failures

    def snapshot(self, now_ns: int) -> dict[str, object]:
        """The figures for JSON; a figure that nothing was measured for is None."""
        with self._lock:
            recent = [item for item in self._window if now_ns - item.at_ns <= WINDOW_NS]
            frames, failures = self._frames, self._failures
        latencies = [item.latency_ns / 1e6 for item in recent]
        span_s = (now_ns - recent[0].at_ns) / 1e9 if recent else 0.0
        return {
            "frames": frames,
            "failures": failures,
            "encode_ms": _rounded(median(item.took_ns / 1e6 for item in recent)) if recent else None,
            "latency_ms": _rounded(median(latencies)) if recent else None,
            "latency_p95_ms": _rounded(_p95(latencies)) if recent else None,
            # The first item's bits were spent before the span that it opens.
            "bitrate": round(sum(item.size for item in recent[1:]) * 8 / span_s) if span_s else None,
        }


def _p95(values: list[float]) -> float:
    return quantiles(values, n=20, method="inclusive")[-1] if len(values) > 1 else values[0]


def _rounded(value: float) -> float:
    return round(value, 2)

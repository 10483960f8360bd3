"""How many bits a picture gets, and how a slow connection gets fewer: by what its receiver reports."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

# A dream is busy: detail everywhere, and all of it moves. At 0.3 bit per pixel 640×360 at 24 frames
# per second takes 1.7 Mbit/s (a talking head would do with a fifth). Larger pictures need less per
# pixel, so the rate grows with pixels^0.75: 4.7 Mbit/s at 1280×720, 8.7 at 2048×1024, 24.6 at 4096×2048.
BITS_PER_PIXEL = 0.3
REFERENCE_PIXELS = 640 * 360
GROWTH = 0.75
MIN_BITRATE, MAX_BITRATE = 300_000, 32_000_000

SHARES = (1.0, 0.63, 0.4, 0.25)
"""Shares of the full bitrate that an encoder may have: few, so that many viewers share few encoders."""

LITTLE_LOST, MUCH_LOST = 0.02, 0.1
"""Below the first share of lost packets there is room for more, above the second there is too much already: the
thresholds of Google Congestion Control (draft-ietf-rmcat-gcc-02, 5.1)."""

HEADROOM = 1.2
"""An estimate this much above what is sent means that more would get through; receivers estimate at most 1.5 times
what they receive (draft-ietf-rmcat-gcc-02, 5.5)."""

LOWER_AFTER_S = 3.0
"""Between the start or one change and the next to less: receivers' estimates need as long to settle."""

RAISE_AFTER_S, LONGEST_RAISE_AFTER_S = 10.0, 160.0
"""How long it must be well before more is tried; twice as long after each try that failed, up to the second."""


def bitrate_for(width: int, height: int, fps: float, share: float = 1.0) -> int:
    """Bits per second for a dream of this size and rate, or a share of them, within MIN_BITRATE and MAX_BITRATE."""
    pixels = (width * height / REFERENCE_PIXELS) ** GROWTH * REFERENCE_PIXELS
    full = min(MAX_BITRATE, max(MIN_BITRATE, BITS_PER_PIXEL * pixels * fps))
    return int(max(MIN_BITRATE, share * full))


@dataclass(frozen=True)
class ReceiverReport:
    """What a receiver says of its connection; None for what this report does not say.

    estimate_bps: the most that it thinks would get through (REMB). fraction_lost: of the packets since its last
    report, 0 to 1.
    """

    estimate_bps: float | None = None
    fraction_lost: float | None = None


@dataclass(frozen=True)
class RateState:
    """The share of the full bitrate that a viewer gets, and what the next decision needs.

    share: one of SHARES. changed_s, congested_s: when it last changed, or began, and when it was last too much.
    raised: whether the last change was to more. raise_after_s: how long to wait before more is tried.
    report: the newest value of each kind.
    """

    share: float = 1.0
    changed_s: float = 0.0
    congested_s: float = -math.inf
    raised: bool = False
    raise_after_s: float = RAISE_AFTER_S
    report: ReceiverReport = ReceiverReport()


def follow(state: RateState, report: ReceiverReport, sent_bps: float, full_bps: float, now_s: float) -> RateState:
    """The state after a report. Less at once when too much is sent, more only after it has been well for a while.

    sent_bps: what was sent lately: a still picture takes less than it may, and fewer bits would change nothing.
    full_bps: what a share of 1 is. now_s: seconds on a clock that never goes back.
    """
    report = ReceiverReport(
        state.report.estimate_bps if report.estimate_bps is None else report.estimate_bps,
        state.report.fraction_lost if report.fraction_lost is None else report.fraction_lost,
    )
    state = replace(state, report=report)
    estimate = math.inf if report.estimate_bps is None else report.estimate_bps
    lost = report.fraction_lost or 0.0
    if estimate < sent_bps or lost > MUCH_LOST:
        state = replace(state, congested_s=now_s)
        if now_s - state.changed_s >= LOWER_AFTER_S:
            return _lowered(state, estimate, sent_bps, full_bps, now_s)
    elif estimate >= HEADROOM * sent_bps and lost < LITTLE_LOST:
        return _raised(state, now_s)
    return state


def _lowered(state: RateState, estimate_bps: float, sent_bps: float, full_bps: float, now_s: float) -> RateState:
    """The highest lower share that fits into the estimate, where that is less than is sent already."""
    lower = [share for share in SHARES if share < state.share and max(MIN_BITRATE, share * full_bps) < sent_bps]
    if not lower:
        return state
    share = next((share for share in lower if share * full_bps <= estimate_bps), lower[-1])
    failed = state.raised and now_s - state.changed_s < state.raise_after_s
    wait_s = min(LONGEST_RAISE_AFTER_S, 2 * state.raise_after_s) if failed else RAISE_AFTER_S
    return replace(state, share=share, changed_s=now_s, raised=False, raise_after_s=wait_s)


def _raised(state: RateState, now_s: float) -> RateState:
    """The next higher share, where it has been well for long enough."""
    higher = [share for share in SHARES if share > state.share]
    if not higher or now_s - max(state.changed_s, state.congested_s) < state.raise_after_s:
        return state
    return replace(state, share=min(higher), changed_s=now_s, raised=True)

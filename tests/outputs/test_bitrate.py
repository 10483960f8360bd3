"""Bitrates: enough for a dream, and following what a receiver reports. Time is an argument."""

import math
from itertools import pairwise

import pytest

from hallucinate.outputs.bitrate import (
    LONGEST_RAISE_AFTER_S,
    LOWER_AFTER_S,
    MAX_BITRATE,
    MIN_BITRATE,
    RAISE_AFTER_S,
    SHARES,
    RateState,
    ReceiverReport,
    bitrate_for,
    follow,
)

FULL = 4_000_000.0


def test_bitrates() -> None:
    assert 0.25 <= bitrate_for(640, 360, 24) / (640 * 360 * 24) <= 0.35
    assert bitrate_for(640, 360, 24) < bitrate_for(1280, 720, 24) < 4 * bitrate_for(640, 360, 24)
    assert bitrate_for(16, 16, 1) == MIN_BITRATE
    assert bitrate_for(3840, 2160, 60) == MAX_BITRATE


def test_large_pictures_get_the_bits_that_they_need() -> None:
    assert bitrate_for(2048, 1024, 24) < bitrate_for(4096, 2048, 24) < MAX_BITRATE
    assert bitrate_for(4096, 2048, 24) > 24_000_000  # 38 dB; at the 12 that were the most before, 34


def test_shares_are_within_their_bounds() -> None:
    full = bitrate_for(1280, 720, 24)
    assert [bitrate_for(1280, 720, 24, share) for share in SHARES] == [int(full * share) for share in SHARES]
    assert (SHARES[0], SHARES[-1]) == (1.0, 0.25)
    assert bitrate_for(320, 180, 24, 0.25) == MIN_BITRATE


def congested(share: float) -> ReceiverReport:
    return ReceiverReport(estimate_bps=share * FULL)


def test_less_is_sent_when_less_gets_through_and_the_share_fits_the_estimate() -> None:
    state = RateState(changed_s=0.0)
    state = follow(state, congested(0.5), FULL, FULL, LOWER_AFTER_S)
    assert state.share == 0.4
    state = follow(state, congested(0.1), 0.4 * FULL, FULL, 2 * LOWER_AFTER_S)
    assert state.share == 0.25
    assert follow(state, congested(0.01), 0.25 * FULL, FULL, 100.0).share == 0.25  # not below the bound


def test_a_change_waits_for_the_estimate_to_settle() -> None:
    state = RateState(changed_s=10.0)
    assert follow(state, congested(0.3), FULL, FULL, 10.0 + LOWER_AFTER_S - 0.1).share == 1.0


def test_lost_packets_go_one_share_down() -> None:
    state = RateState()
    assert follow(state, ReceiverReport(fraction_lost=0.05), FULL, FULL, 10.0).share == 1.0
    assert follow(state, ReceiverReport(fraction_lost=0.2), FULL, FULL, 10.0).share == 0.63


def test_a_still_picture_that_takes_few_bits_is_no_reason() -> None:
    """A receiver estimates at most 1.5 times what it receives, and less than that when its machine is busy."""
    state = RateState()
    for second in range(10, 60):
        state = follow(state, congested(0.015), 0.02 * FULL, FULL, float(second))
    assert state.share == 1.0


def test_more_is_sent_after_a_while_without_trouble_one_share_at_a_time() -> None:
    state = RateState(share=0.25, changed_s=0.0)
    changes = []
    for second in range(60):
        before = state.share
        state = follow(state, congested(1.4 * state.share), state.share * FULL, FULL, float(second))
        if state.share != before:
            changes.append((second, state.share))
    assert changes == [(10, 0.4), (20, 0.63), (30, 1.0)]


@pytest.mark.parametrize(
    "report",
    [ReceiverReport(estimate_bps=1.1 * 0.4 * FULL), ReceiverReport(fraction_lost=0.05)],
    ids=["estimate", "loss"],
)
def test_between_too_much_and_room_for_more_nothing_changes(report: ReceiverReport) -> None:
    state = RateState(share=0.4)
    for second in range(60):
        state = follow(state, report, 0.4 * FULL, FULL, float(second))
    assert state.share == 0.4


def test_trouble_begins_the_waiting_anew() -> None:
    state = RateState(share=0.4, changed_s=0.0)
    state = follow(state, ReceiverReport(fraction_lost=0.2), 0.1 * FULL, FULL, 9.0)  # too little is sent to send less
    state = follow(state, ReceiverReport(fraction_lost=0.0), 0.1 * FULL, FULL, 12.0)
    assert state.share == 0.4
    assert follow(state, ReceiverReport(fraction_lost=0.0), 0.1 * FULL, FULL, 19.0).share == 0.63


def test_what_was_tried_in_vain_is_tried_less_and_less_often() -> None:
    """A connection that carries 0.5: it goes up to 0.63 again and again, with longer and longer waits."""
    state, ups = RateState(share=0.4), []
    for tenth in range(10_000):
        now_s, before = tenth / 10, state.share
        sent = state.share * FULL
        state = follow(state, ReceiverReport(estimate_bps=min(0.5 * FULL, 1.5 * sent)), sent, FULL, now_s)
        if state.share > before:
            ups.append(now_s)
    waits = [later - earlier for earlier, later in pairwise(ups)]
    assert all(longer >= shorter for shorter, longer in pairwise(waits))
    assert waits[-1] >= LONGEST_RAISE_AFTER_S
    assert ups[0] == pytest.approx(RAISE_AFTER_S)


def test_an_estimate_and_a_loss_that_come_apart_are_looked_at_together() -> None:
    state = RateState(share=0.4)
    for second in range(0, 60, 2):
        state = follow(state, ReceiverReport(fraction_lost=0.05), 0.4 * FULL, FULL, float(second))
        state = follow(state, ReceiverReport(estimate_bps=math.inf), 0.4 * FULL, FULL, second + 1.0)
    assert state.share == 0.4  # the estimate is good, and too much is lost


def test_small_pictures_never_get_less_than_the_least() -> None:
    state = follow(RateState(), congested(0.01), MIN_BITRATE, MIN_BITRATE, 10.0)
    assert state.share == 1.0

from collections.abc import Callable

import numpy as np
import pytest

from hallucinate.clock import SystemClock
from hallucinate.frame import Picture
from hallucinate.sources import SourceStatistics
from hallucinate.sources.pacing import Decimator, Drawn
from tests.fakes import FakeClock
from tests.sources.conftest import close_while_read

GREY = np.full((36, 64, 3), 128, np.uint8)


def grey_noting(drawn: list[float]) -> Callable[[float], Picture]:
    """Draws grey, and notes when."""

    def draw(t: float) -> Picture:
        drawn.append(t)
        return GREY

    return draw


def test_what_is_drawn_keeps_the_beat_and_who_is_late_starts_a_new_one() -> None:
    clock, drawn = FakeClock(), list[float]()
    source = Drawn("grey", grey_noting(drawn), 20, clock)
    start_ns = clock.now_ns()
    frames = [source.read() for _ in range(3)]
    clock.advance(10)
    frames += [source.read() for _ in range(3)]
    assert all(frame is not None and frame.picture is GREY for frame in frames)
    times = [(frame.captured_ns - start_ns) / 1e9 for frame in frames if frame is not None]
    assert times == drawn
    np.testing.assert_allclose(times, [0, 0.05, 0.1, 10.1, 10.1, 10.15])


def test_what_is_drawn_follows_a_changed_rate() -> None:
    clock, drawn = FakeClock(), list[float]()
    source = Drawn("grey", grey_noting(drawn), 20, clock)
    for fps in (20, 20, 10, 10, 50, 50):
        source.set_fps(fps)
        assert source.read() is not None
    np.testing.assert_allclose(np.diff(drawn), [0.05, 0.1, 0.1, 0.02, 0.02][: len(drawn) - 1])
    assert source.statistics == SourceStatistics(read=6)


@pytest.mark.parametrize(("film_fps", "fps"), [(60, 20), (30, 24), (25, 20), (24, 24), (30000 / 1001, 30), (25, 60)])
def test_of_a_fast_film_so_many_frames_are_used_and_evenly(film_fps: float, fps: float) -> None:
    decimator, due_s = Decimator(fps), [n / film_fps for n in range(round(20 * film_fps))]
    used = [due for due in due_s if decimator.uses(round(due * 1e9), 1 / film_fps)]
    assert abs(len(used) - 20 * min(fps, film_fps)) <= 1
    assert decimator.skipped == len(due_s) - len(used)
    assert np.diff(used).max() < 1 / min(fps, film_fps) + 1.01 / film_fps


def test_after_a_slow_rate_a_fast_one_begins_at_once_and_a_burst_is_thinned_out() -> None:
    decimator = Decimator(1)
    assert [decimator.uses(round(n * 0.1e9), 0.1) for n in range(4)] == [True, False, False, False]
    decimator.set_fps(10)
    assert [decimator.uses(round(n * 0.1e9), 0.1) for n in range(4, 8)] == [True] * 4
    # After a pause of the film, its frames of 1000 per second are not all used to make up for it.
    assert sum(decimator.uses(round((5 + n / 1000) * 1e9), 0.001) for n in range(1000)) <= 12


def test_close_wakes_a_waiting_read_and_then_there_is_none() -> None:
    source = Drawn("grey", lambda t: GREY, 0.01, SystemClock())
    assert source.read() is not None
    close_while_read(source)
    source.close()

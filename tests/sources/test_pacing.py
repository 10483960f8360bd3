import numpy as np

from hallucinate.clock import SystemClock
from hallucinate.sources.pacing import Drawn
from tests.fakes import FakeClock
from tests.sources.conftest import close_while_read

GREY = np.full((36, 64, 3), 128, np.uint8)


def test_what_is_drawn_keeps_the_beat_and_who_is_late_starts_a_new_one() -> None:
    clock, asked = FakeClock(), []
    source = Drawn("grey", lambda t: (asked.append(t), GREY)[1], 20, clock)
    start_ns = clock.now_ns()
    frames = [source.read() for _ in range(3)]
    clock.advance(10)
    frames += [source.read() for _ in range(3)]
    assert all(frame is not None and frame.picture is GREY for frame in frames)
    came = [(frame.captured_ns - start_ns) / 1e9 for frame in frames if frame is not None]
    assert came == asked
    np.testing.assert_allclose(came, [0, 0.05, 0.1, 10.1, 10.1, 10.15])


def test_close_wakes_a_waiting_read_and_then_there_is_none() -> None:
    source = Drawn("grey", lambda t: GREY, 0.01, SystemClock())
    assert source.read() is not None
    close_while_read(source)
    source.close()

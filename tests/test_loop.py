"""The loop with scripted sources and a real dreamer on a tiny network. Time is turned by hand."""

import threading
from collections.abc import Sequence

import numpy as np
import pytest
import torch

from hallucinate.clock import SystemClock
from hallucinate.control.live_settings import LiveSettings
from hallucinate.dream.dreamer import Dreamer
from hallucinate.dream.governor import Governor
from hallucinate.dream.session import Session
from hallucinate.errors import SourceError
from hallucinate.frame import Frame, OperatingPoint, OutputFrame, Picture
from hallucinate.loop import DARK, Dream, Loop
from hallucinate.settings import Settings
from hallucinate.sources import SourceStatistics
from hallucinate.statistics import LoopStatistics
from tests.dream.networks import TinyNetwork
from tests.fakes import FakeClock
from tests.refusals import refused

SETTINGS = Settings(motifs={}, layers={"second": 1.0}, fps=20, dream_width=64, dream_width_min=64)


def picture(value: int) -> Picture:
    return np.full((36, 64, 3), value, np.uint8)


class Idle:
    """A source that never gives a frame, until it is closed."""

    name = "idle"
    statistics = SourceStatistics()

    def __init__(self) -> None:
        self._closed = threading.Event()

    def set_fps(self, fps: float) -> None:
        pass

    def read(self) -> Frame | None:
        self._closed.wait()
        raise SourceError("closed")

    def close(self) -> None:
        self._closed.set()


def make_loop(clock: FakeClock | SystemClock, dreamer: Dreamer | None = None, **options: object) -> Loop:
    live = LiveSettings(SETTINGS, TinyNetwork.motifs, TinyNetwork.layers)
    main = (dreamer or Dreamer(TinyNetwork())).session(SETTINGS)
    arguments = {"open_source": Idle, "size": (64, 36), **options}
    return Loop(main=main, live=live, clock=clock, **arguments)  # type: ignore[arg-type]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(start_ns=10**12)


@pytest.fixture
def loop(clock: FakeClock) -> Loop:
    return make_loop(clock)


def give(dream: Dream, value: int, captured_ns: int) -> None:
    dream.slot.put(Frame(picture(value), captured_ns))


def test_the_newest_frame_wins_and_keeps_the_cameras_time(loop: Loop, clock: FakeClock) -> None:
    for n in range(5):
        give(loop.main, 50 + n, clock.now_ns() - n)
    assert loop.take_turns() == 1
    output = loop.main.stage.newest
    assert output is not None
    assert output.camera[0, 0, 0] == 54
    assert output.captured_ns == clock.now_ns() - 4
    assert loop.stats().dropped_frames == 4
    assert loop.take_turns() == 0  # nothing queued behind it


def test_a_turn_waits_for_its_interval(loop: Loop, clock: FakeClock) -> None:
    give(loop.main, 50, clock.now_ns())
    assert loop.take_turns() == 1
    give(loop.main, 60, clock.now_ns())
    assert loop.take_turns() == 0
    clock.advance(1 / 20)
    assert loop.take_turns() == 1


def test_frames_that_come_slowly_are_each_dreamed_once(loop: Loop, clock: FakeClock) -> None:
    turns = 0
    for n in range(10):
        give(loop.main, 50 + n, clock.now_ns())
        turns += loop.take_turns()
        clock.advance(0.2)  # 5 fps: slower than the frame interval, quicker than a breath
        turns += loop.take_turns()
    assert turns == 10


def test_a_lost_camera_keeps_its_last_picture_breathing(loop: Loop, clock: FakeClock) -> None:
    give(loop.main, 90, clock.now_ns())
    loop.take_turns()
    before = loop.main.stage.newest
    clock.advance(0.3)
    assert loop.take_turns() == 1
    after = loop.main.stage.newest
    assert after is not None
    assert after is not before
    assert after.camera[0, 0, 0] == 90
    assert after.captured_ns == clock.now_ns()


def test_before_the_first_frame_the_stage_is_dark(loop: Loop) -> None:
    assert loop.take_turns() == 1
    output = loop.main.stage.newest
    assert output is not None
    assert output.camera.shape == (36, 64, 3)
    assert (output.dream == DARK).all()


def test_settings_are_read_anew_for_each_frame(loop: Loop, clock: FakeClock) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (36, 64, 3), dtype=np.uint8)
    for _ in range(10):
        loop.main.slot.put(Frame(noise, clock.now_ns()))
        loop.take_turns()
        clock.advance(0.05)
    dreamed = loop.main.stage.newest
    assert dreamed is not None
    assert not np.array_equal(dreamed.dream, dreamed.camera)
    loop._live.patch({"strength": 0.0})
    loop.main.slot.put(Frame(noise, clock.now_ns()))
    loop.take_turns()
    plain = loop.main.stage.newest
    assert plain is not None
    assert np.array_equal(plain.dream, plain.camera)


def test_each_guest_has_a_dream_of_its_own_and_the_next_is_refused(loop: Loop, clock: FakeClock) -> None:
    first, second = loop.admit(Idle()), loop.admit(Idle())
    assert {first.id, second.id, "main"} == set(loop._dreams)
    give(first, 100, clock.now_ns())
    give(second, 200, clock.now_ns())
    give(loop.main, 50, clock.now_ns())
    assert loop.take_turns() == 3
    seen = [d.stage.newest.camera[0, 0, 0] for d in (loop.main, first, second) if d.stage.newest]
    assert seen == [50, 100, 200]
    with refused("no_room", "2 places"):
        loop.admit(Idle())
    loop.dismiss(first.id)
    assert first.stage.closed
    assert loop.find(first.id) is None
    loop.admit(Idle())
    loop.dismiss("nobody")
    loop.close()


def test_frames_that_wait_are_dreamed_as_one_batch_and_nobody_waits_for_a_frame_that_has_not_come(
    clock: FakeClock,
) -> None:
    batches: list[int] = []

    class Counting(TinyNetwork):
        def activations(self, x: torch.Tensor, layer: str) -> torch.Tensor:
            batches.append(len(x))
            return super().activations(x, layer)

    loop = make_loop(clock, Dreamer(Counting()))
    first, second = loop.admit(Idle()), loop.admit(Idle())
    for _ in range(3):
        for dream in (loop.main, first, second):
            give(dream, 50, clock.now_ns())
        assert loop.take_turns() == 3
        clock.advance(0.05)
    give(second, 50, clock.now_ns())
    assert loop.take_turns() == 1
    assert batches == [3, 3, 3, 1]
    assert loop.stats().fps == pytest.approx(20, rel=0.3)
    loop.close()


@pytest.mark.parametrize("on_the_main_stage", [False, True])
def test_what_a_guest_skipped_and_dropped_counts_also_after_the_guest_has_left(
    clock: FakeClock, on_the_main_stage: bool
) -> None:
    class Skipping(Idle):
        statistics = SourceStatistics(read=9, skipped=7, damaged=2)

        def __init__(self) -> None:
            super().__init__()
            self.opened = threading.Event()

        def read(self) -> Frame | None:
            self.opened.set()
            return super().read()

    loop = make_loop(clock, open_source=None if on_the_main_stage else Idle)
    for n in (1, 2):
        source = Skipping()
        guest = loop.admit(source)
        assert source.opened.wait(10)
        give(guest, 50, clock.now_ns())
        give(guest, 60, clock.now_ns())
        guest.slot.take(0)
        loop.dismiss(guest.id)
        stats = loop.stats()
        assert (stats.source_skipped_frames, stats.source_damaged_packets, stats.dropped_frames) == (7 * n, 2 * n, n)


def test_the_main_dream_cannot_be_dismissed_unless_it_is_a_guests(loop: Loop) -> None:
    loop.dismiss("main")
    assert not loop.main.stage.closed
    assert not loop.main_wants_guest


def test_the_main_stage_may_be_for_a_guest(clock: FakeClock) -> None:
    loop = make_loop(clock, open_source=None)
    assert loop.main_wants_guest
    assert (loop.admit(Idle()) is loop.main, loop.main_wants_guest) == (True, False)
    assert loop.admit(Idle()).id != "main"
    loop.dismiss("main")
    assert loop.main_wants_guest
    assert not loop.main.stage.closed
    assert loop.admit(Idle()) is loop.main
    loop.close()


def test_a_dream_has_the_shape_of_its_frames_also_when_they_are_turned(clock: FakeClock) -> None:
    loop = make_loop(clock)
    assert loop.size == (64, 36)  # before the first frame
    guest = loop.admit(Idle())
    for n, (mains, guests) in enumerate([((36, 64), (64, 48)), ((36, 64), (48, 64)), ((64, 36), (48, 64))]):
        for dream, (width, height) in ((loop.main, mains), (guest, guests)):
            dream.slot.put(Frame(np.full((height, width, 3), 90 + n, np.uint8), clock.now_ns()))
        clock.advance(0.1)
        assert loop.take_turns() == 2
        for dream, (width, height) in ((loop.main, mains), (guest, guests)):
            output = dream.stage.newest
            assert output is not None
            assert output.dream.shape == output.camera.shape == (height, width, 3)
        assert loop.size == mains
    assert loop.stats().cleared_residuals == 0
    loop.close()


def test_out_of_memory_goes_a_size_down_and_the_frame_is_still_dreamed(clock: FakeClock) -> None:
    widths: list[int] = []

    class Large(TinyNetwork):
        """Like a card with little memory: what is too wide for it fails in the middle of a frame."""

        def activations(self, x: torch.Tensor, layer: str) -> torch.Tensor:
            widths.append(x.shape[3])
            if x.shape[3] > 136:
                raise torch.OutOfMemoryError("scripted")
            return super().activations(x, layer)

    loop = make_loop(clock, Dreamer(Large()), size=(640, 360))
    loop._live.patch({"dream_width": 480, "octaves": 1, "motif_size": 0.05})
    noise = np.random.default_rng(0).integers(0, 256, (360, 640, 3), dtype=np.uint8)
    for _ in range(2):  # nothing grows on the first frame: no time has gone by
        loop.main.slot.put(Frame(noise, clock.now_ns()))
        assert loop.take_turns() == 1
        clock.advance(0.1)
    output = loop.main.stage.newest
    assert output is not None
    assert not np.array_equal(output.dream, output.camera)
    assert widths[0] > 136 >= widths[-1]
    assert "out of memory" in loop.stats().notice


def test_a_dream_that_nobody_watches_is_idle_and_wakes(loop: Loop, clock: FakeClock) -> None:
    def turns_in(seconds: float) -> int:
        turns = 0
        for _ in range(round(seconds * 20)):
            give(loop.main, 50, clock.now_ns())
            turns += loop.take_turns()
            clock.advance(0.05)
        return turns

    assert turns_in(4) > 70
    turns_in(4)
    assert 6 <= turns_in(4) <= 9  # two a second
    loop.main.stage.subscribe()  # somebody watches
    clock.advance(0.5)
    assert turns_in(2) > 35


def test_stats_are_json_and_sane(loop: Loop, clock: FakeClock) -> None:
    for n in range(40):
        give(loop.main, n, clock.now_ns() - 10**7)
        loop.take_turns()
        clock.advance(0.05)
    stats = loop.stats()
    assert LoopStatistics.model_validate_json(stats.model_dump_json()) == stats
    assert stats.fps == pytest.approx(20, abs=0.5)
    assert stats.capture_to_dream_ms == pytest.approx(10, abs=1)
    assert stats.dream_width_px == 64


def test_running_it_dreams_recovers_from_a_failing_camera_and_closes() -> None:
    """The real thread and clock: a camera that fails between frames; the stage goes on and the picture returns."""
    opened = threading.Event()

    class Failing:
        name = "camera 0"
        statistics = SourceStatistics()
        opens = 0

        def __init__(self) -> None:
            Failing.opens += 1
            self.frames = 3
            if Failing.opens == 3:
                opened.set()

        def read(self) -> Frame | None:
            if self.frames == 0:
                raise SourceError("unplugged")
            self.frames -= 1
            return Frame(picture(10 * Failing.opens), SystemClock().now_ns())

        def set_fps(self, fps: float) -> None:
            pass

        def close(self) -> None:
            pass

    class Quick(SystemClock):
        """Real time, but nobody is made to wait out a back-off."""

        def wait(self, seconds: float, until: threading.Event) -> bool:
            return super().wait(min(seconds, 0.01), until)

    threads = set(threading.enumerate())
    loop = make_loop(Quick(), open_source=Failing)
    loop.start()
    assert opened.wait(20)
    stage, output = loop.main.stage, None
    watching = stage.subscribe(replay=True)
    while output is None or output.camera[0, 0, 0] < 30:
        output = watching.take(10)
        assert output is not None
    loop.close()
    assert stage.closed
    assert not set(threading.enumerate()) - threads  # those of earlier tests may end meanwhile


def test_a_guide_can_be_requested_only_while_there_is_one(loop: Loop) -> None:
    with refused("picture_missing", "/api/guide", "--guide-image"):
        loop._live.patch({"guide": 1.0})
    with refused("picture_missing", "/api/mask", "--mask-image"):
        loop._live.patch({"where": "painted"})
    for kind in ("guide", "mask"):
        loop.set_picture(kind, picture(200))
    assert loop.stats().pictures == ("guide", "mask")
    assert loop._live.patch({"guide": 0.5, "where": "painted"}).guide == 0.5
    give(loop.main, 100, 10**12)
    loop.take_turns()
    for kind in ("guide", "mask"):
        loop.set_picture(kind, None)
        assert loop.picture_of(kind) is None
    assert (loop._live.current.guide, loop._live.current.where) == (0.0, "everywhere")


class Counting(Dreamer):
    """Notes the steps that each session's frames were dreamed with."""

    def __init__(self) -> None:
        super().__init__(TinyNetwork())
        self.steps: dict[int, list[int]] = {}

    def step(self, frames: Sequence[tuple[Session, Frame]], now_ns: int, point: OperatingPoint) -> list[OutputFrame]:
        for session, _ in frames:
            self.steps.setdefault(id(session), []).append(point.steps)
        return super().step(frames, now_ns, point)


def test_steps_are_taken_every_third_frame(clock: FakeClock) -> None:
    counting = Counting()
    loop = make_loop(clock, counting, governor=Governor(OperatingPoint(64, 1, step_interval=3)))
    for _ in range(6):
        give(loop.main, 100, clock.now_ns())
        loop.take_turns()
        clock.advance(0.1)
    (taken,) = counting.steps.values()
    assert sorted(taken[:3]) == sorted(taken[3:]) == [0, 0, 1]
    assert loop.stats().step_interval == 3


def test_of_two_dreams_that_take_turns_both_are_stepped(clock: FakeClock) -> None:
    counting = Counting()
    loop = make_loop(clock, counting, governor=Governor(OperatingPoint(64, 1, step_interval=2)))
    other = loop.admit(Idle())
    for n in range(8):
        give((loop.main, other)[n % 2], 100, clock.now_ns())
        loop.take_turns()
        clock.advance(0.06)
    assert len(counting.steps) == 2
    assert all(sum(steps) == len(steps) // 2 for steps in counting.steps.values())


def test_what_is_on_the_stage_knows_its_number_settings_and_time(loop: Loop, clock: FakeClock) -> None:
    seen = []
    for n in range(4):
        if n == 2:
            loop._live.patch({"strength": 0.3})
        give(loop.main, 100, clock.now_ns() - 5)
        loop.take_turns()
        assert loop.main.stage.newest is not None
        seen.append(loop.main.stage.newest)
        clock.advance(0.05)
    assert [output.sequence for output in seen] == [0, 1, 2, 3]
    assert seen[1].settings_revision == seen[0].settings_revision != seen[2].settings_revision
    assert all(output.ready_ns == output.captured_ns + 5 for output in seen)
    assert seen[3].point == loop.point


def test_where_nothing_smaller_is_allowed_the_cameras_picture_goes_on(clock: FakeClock) -> None:
    class Small(Dreamer):
        def step(self, *args: object) -> list[OutputFrame]:
            raise torch.OutOfMemoryError("scripted")

    loop = make_loop(clock, Small(TinyNetwork()))
    for n in range(2):
        give(loop.main, 90 + n, clock.now_ns())
        assert loop.take_turns() == 1
        clock.advance(0.1)
        output = loop.main.stage.newest
        assert output is not None
        assert output.dream is output.camera
        assert (output.camera[0, 0, 0], output.sequence, output.steps) == (90 + n, n, 0)


def test_a_dream_that_nobody_watches_hardly_weighs_on_the_others(clock: FakeClock) -> None:
    costs: list[float] = []

    class Slow(Dreamer):
        def step(self, *args: object) -> list[OutputFrame]:
            clock.advance(0.02)
            return super().step(*args)  # type: ignore[arg-type]

    class Noting(Governor):
        def observe(self, cost_s: float, now_s: float, settings: Settings, stepped: bool = True) -> None:
            costs.append(cost_s)

    loop = make_loop(clock, Slow(TinyNetwork()), governor=Noting())
    guest = loop.admit(Idle())
    clock.advance(10)
    guest.stage.subscribe()  # somebody watches this one
    for _ in range(3):
        give(guest, 100, clock.now_ns())
        loop.take_turns()
        clock.advance(0.06)
    assert costs[-1] == pytest.approx(0.02 * (20 + 2) / 20)

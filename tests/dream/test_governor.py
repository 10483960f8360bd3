import dataclasses
import itertools
import random

import pytest

from hallucinate.dream.governor import FULL, NOTCH, PATIENCE_S, Governor
from hallucinate.frame import OperatingPoint
from hallucinate.settings import Settings

OCTAVES = (0.45, 0.65, 1.0)
"""What a step costs on each of three octaves, coarse to fine, beside the costliest."""


class Machine:
    """A machine on which a dream of some width costs so much; a turn begins at its beat, or when the last is done.

    load: what a one-step turn at 320 px costs, as a share of a frame's time at ``fps``; ``fixed`` of it is not for
    the pixels. noise: standard deviation as a share of the cost. spikes: how many of the turns something holds up,
    to three times their cost.
    """

    def __init__(self, governor: Governor, settings: Settings, load: float, fixed: float = 0.1) -> None:
        self.governor, self.settings, self.load, self.fixed = governor, settings, load, fixed
        self.noise, self.spikes = 0.05, 0.0
        self.now_s, self.due_s, self.turn, self.beat = 0.0, 0.0, 0, 0
        self.random = random.Random(0)

    def cost(self, point: OperatingPoint, octave: float) -> float:
        """Seconds of one turn."""
        pixels = point.width**2 / 320**2 * point.steps
        return self.load * (self.fixed + (1 - self.fixed) * pixels * octave) / self.settings.fps

    def run(self, seconds: float) -> list[tuple[float, OperatingPoint]]:
        """Live so long; when each turn was done, and its point."""
        turns, end_s = [], self.now_s + seconds
        while self.now_s < end_s:
            point = self.governor.point(self.settings)
            stepped = self.beat % point.step_interval == 0
            self.beat += 1
            octave = OCTAVES[self.turn % 3]
            cost = self.cost(dataclasses.replace(point, steps=0) if not stepped else point, octave)
            cost *= max(0.5, self.random.gauss(1, self.noise)) * (3 if self.random.random() < self.spikes else 1)
            self.turn += stepped
            # A turn that was late is made up for by the next, as in the loop.
            self.due_s = max(self.due_s + 1 / self.settings.fps, self.now_s + 0.5 / self.settings.fps)
            self.now_s = max(self.now_s + cost, self.due_s)
            self.governor.observe(cost, self.now_s, self.settings, stepped)
            turns.append((self.now_s, point))
        return turns

    def judged(self) -> float:
        """Share of a frame's time at the point in force, midway between the middle and the costliest octave."""
        point = self.governor.point(self.settings)
        return sum(self.cost(point, octave) for octave in OCTAVES[1:]) / 2 * self.settings.fps

    def mean(self) -> float:
        """Share of a frame's time that a turn takes at the point in force, over a cycle of octaves."""
        point = self.governor.point(self.settings)
        return sum(self.cost(point, octave) for octave in OCTAVES) / 3 * self.settings.fps


def settled_after(turns: list[tuple[float, OperatingPoint]], start_s: float) -> float:
    """Seconds until the width was within a notch of the last one, and stayed there."""
    last = turns[-1][1].width
    return max((at - start_s for at, point in turns if abs(point.width - last) > NOTCH), default=0.0)


def changes(turns: list[tuple[float, OperatingPoint]]) -> list[float]:
    """When the point changed."""
    return [at for (_, before), (at, after) in itertools.pairwise(turns) if before != after]


@pytest.mark.parametrize(("fps", "within_s"), [(10, 4.0), (20, 2.0), (24, 2.0), (30, 2.0), (60, 2.0)])
@pytest.mark.parametrize("fixed", [0.05, 0.2])
@pytest.mark.parametrize("times", [2, 4, 1 / 2, 1 / 4])
def test_a_load_change_is_answered_within_two_seconds(fps: int, within_s: float, fixed: float, times: float) -> None:
    settings = Settings(fps=fps, dream_width=640, dream_width_min=96)
    machine = Machine(Governor(OperatingPoint(320, 1)), settings, 0.74, fixed)
    before = machine.run(20)[-1][1]
    assert abs(before.width - 320) <= NOTCH
    machine.load *= times
    turns = machine.run(10)
    assert settled_after(turns, 20) <= within_s
    after = turns[-1][1]
    assert after.width < 0.8 * before.width if times > 1 else after.width > 1.25 * before.width
    assert 0.45 < machine.judged() < 0.95


@pytest.mark.parametrize(("fps", "within_s"), [(10, 4.0), (20, 2.0), (24, 2.0), (30, 2.0), (60, 2.0)])
@pytest.mark.parametrize("load", [0.3, 3.0])
def test_it_finds_its_point_from_a_cold_start(fps: int, within_s: float, load: float) -> None:
    machine = Machine(Governor(), Settings(fps=fps, dream_width=480, dream_width_min=96), load)
    assert settled_after(machine.run(10), 0) <= within_s
    assert machine.judged() < 0.95


def test_no_dream_is_wider_than_its_frames() -> None:
    """Of a portrait: growing beyond it would cost nothing and show nothing, and then be taken back in vain."""
    governor = Governor(OperatingPoint(480, 1))
    governor.fit_frames(360)
    assert governor.point(Settings()).width == 352
    governor.fit_frames(128)
    assert governor.point(Settings()).width == 128
    governor.fit_frames(640)
    assert governor.point(Settings()).width == 480


def test_it_starts_at_its_starting_point_inside_the_limits() -> None:
    assert Governor(OperatingPoint(416, 2)).point(Settings(steps=2)) == OperatingPoint(416, 2)
    assert Governor(OperatingPoint(2000, 8)).point(Settings()) == OperatingPoint(480, 1)
    assert Governor(OperatingPoint(32, 1)).point(Settings()) == OperatingPoint(160, 1)


@pytest.mark.parametrize("fps", [10, 20, 30, 60])
@pytest.mark.parametrize("load", [0.3, 0.5, 0.65, 0.75, 0.85, 1.3])
def test_it_does_not_hunt(fps: int, load: float) -> None:
    machine = Machine(Governor(), Settings(fps=fps, dream_width=640, dream_width_min=96), load)
    machine.run(20)
    assert len(changes(machine.run(60))) <= 2
    assert machine.mean() < machine.judged() < FULL + 0.05


@pytest.mark.parametrize("fps", [20, 30, 60])
def test_what_holds_up_a_turn_now_and_then_is_no_load(fps: int) -> None:
    machine = Machine(Governor(OperatingPoint(320, 1)), Settings(fps=fps), 0.72)
    machine.run(20)
    machine.spikes = 0.03
    assert len(changes(machine.run(60))) <= 1


def test_a_quarter_of_a_second_in_which_all_is_held_up_is_no_load() -> None:
    machine = Machine(Governor(OperatingPoint(320, 1)), Settings(fps=20), 0.72)
    machine.run(20)
    for _ in range(10):
        machine.load *= 3
        held = machine.run(0.25)
        machine.load /= 3
        assert not changes(held + machine.run(5))


def test_growing_that_fails_is_tried_less_and_less_often() -> None:
    """A machine on which one size fits easily, and the next is far too much: the worst for a governor."""

    class Cliff(Machine):
        def cost(self, point: OperatingPoint, octave: float) -> float:
            return (0.4 if point.width <= 256 else 1.2) * self.load / self.settings.fps

    machine = Cliff(Governor(), Settings(fps=24, dream_width=480), 1.0)
    at = changes(machine.run(300))
    assert len([s for s in at if s < 60]) <= 16
    assert len([s for s in at if s > 150]) <= 4
    # Once all is cheaper, patience for what failed is over.
    machine.load = 0.3
    machine.run(2.0)
    assert machine.governor.point(machine.settings).width == 480


def test_growing_is_patient_for_longer_after_each_failure() -> None:
    governor, settings, now_s, grown_s = Governor(OperatingPoint(256, 1)), Settings(fps=20), 0.0, []
    for _ in range(3000):
        before, now_s = governor.point(settings), now_s + 0.05
        governor.observe(0.02 if before.width <= 256 else 0.06, now_s, settings)
        if governor.point(settings).width > 256 >= before.width:
            grown_s.append(now_s)
    waits = [b - a for a, b in itertools.pairwise(grown_s)]
    assert len(waits) >= 4
    assert waits == sorted(waits)
    assert waits[-1] > 16 * PATIENCE_S


def test_an_idle_dream_changes_nothing_and_wakes_where_it_was() -> None:
    """Two turns a second, each slower than live ones: memory has gone cold, and the cores' clocks down."""
    machine = Machine(Governor(OperatingPoint(320, 1)), Settings(fps=20), 0.72)
    point = machine.run(20)[-1][1]
    for slower in (2.0, 0.2):
        for _ in range(240):
            machine.now_s += 0.5
            machine.governor.observe(slower * machine.cost(point, 1.0), machine.now_s, machine.settings)
            assert machine.governor.point(machine.settings) == point
    assert not changes(machine.run(10))


def test_a_source_slower_than_the_frame_rate_is_still_governed() -> None:
    governor, settings, now_s = Governor(OperatingPoint(160, 1)), Settings(fps=20), 0.0
    for _ in range(200):
        now_s += 0.2
        governor.observe(0.005, now_s, settings)
    assert governor.point(settings).width == 480


def test_turns_of_seconds_are_not_waited_for_by_the_dozen() -> None:
    machine = Machine(Governor(OperatingPoint(480, 1)), Settings(fps=20), 0.3)
    machine.run(10)
    machine.load *= 60
    turns = machine.run(30)
    assert sum(point.width > 160 for _, point in turns) <= 18


def test_a_fast_machine_gets_to_the_limits_within_two_seconds() -> None:
    machine = Machine(Governor(), Settings(fps=24, dream_width=480, steps=3), 0.01)
    assert machine.run(2.0)[-1][1] == OperatingPoint(480, 3)


def test_a_slow_machine_loses_width_before_steps() -> None:
    machine = Machine(Governor(), Settings(fps=24, dream_width=480, dream_width_min=128, steps=4), 0.02)
    assert machine.run(20)[-1][1] == OperatingPoint(480, 4)
    machine.load = 2.5
    points = [point for _, point in machine.run(20)]
    assert min(point.width for point in points if point.steps == 4) == 128
    assert points[-1].width <= 128 + 2 * NOTCH  # a step less may leave room
    assert points[-1].steps < 4


def test_at_its_least_it_stays_and_grows_as_soon_as_it_may() -> None:
    machine = Machine(Governor(), Settings(fps=20), 5.0)
    assert not changes(machine.run(60)[-100:])
    machine.load = 0.3
    assert settled_after(machine.run(10), machine.now_s - 10) <= 2.0
    assert machine.governor.point(machine.settings).width > 400


def test_the_limits_are_the_users_and_take_effect_at_once() -> None:
    machine = Machine(Governor(), Settings(dream_width=480, steps=4), 0.01)
    machine.run(10)
    governor, settings = machine.governor, machine.settings
    assert governor.point(settings) == OperatingPoint(480, 4)
    assert governor.point(settings.model_copy(update={"dream_width": 200, "steps": 2})) == OperatingPoint(192, 2)
    # Where no notch is between the limits, the lower one is kept to.
    assert governor.point(settings.model_copy(update={"dream_width_min": 100, "dream_width": 110})).width == 100
    machine.load, machine.settings = 50.0, Settings(dream_width=480, dream_width_min=100)
    assert {point.width for _, point in machine.run(60)[-5:]} == {100}


def test_out_of_memory_goes_a_size_down_and_stays() -> None:
    machine = Machine(Governor(), Settings(fps=24, dream_width=480), 0.01)
    machine.run(10)
    ceiling = machine.governor.out_of_memory(machine.settings)
    assert ceiling == 352
    assert {point.width for _, point in machine.run(40)} == {ceiling}


@pytest.mark.parametrize(("load", "interval"), [(1.2, 2), (1.9, 3), (5.0, 3)])
def test_where_a_step_at_the_least_width_is_too_much_the_step_interval_grows(load: float, interval: int) -> None:
    settings = Settings(fps=24, dream_width=320, dream_width_min=320)
    machine = Machine(Governor(OperatingPoint(320, 1)), settings, load)
    turns = machine.run(20)
    assert turns[-1][1] == OperatingPoint(320, 1, interval)
    assert not changes([turn for turn in turns if turn[0] > 5])
    if load < 5:
        assert len([at for at, _ in turns if at > 10]) >= 228  # the frame rate is held
    # The interval is shortened as soon as there is room, and before the dream grows.
    machine.load = 0.5
    assert machine.run(10)[-1][1] == OperatingPoint(320, 1)


def test_a_longer_step_interval_comes_after_everything_else() -> None:
    settings = Settings(fps=24, dream_width=480, dream_width_min=160, steps=3)
    machine = Machine(Governor(OperatingPoint(480, 3)), settings, 2.0)
    points = [point for _, point in machine.run(20)]
    assert all(point.step_interval == 1 for point in points)
    assert points[-1].width < 480

from hallucinate.dream.governor import FULL, NOTCH, Governor, OperatingPoint
from hallucinate.settings import Settings


def simulate(
    governor: Governor, settings: Settings, ms_per_mpx: float, seconds: float, start_s: float = 0.0
) -> list[OperatingPoint]:
    """A machine whose turns cost 4 ms and so much per dreamed megapixel and step; every sixth a bit more."""
    points, now, turn = [], start_s, 0
    while now < start_s + seconds:
        point = governor.point(settings)
        cost = 0.004 + ms_per_mpx / 1000 * point.width * point.width * 9 / 16 / 1e6 * point.steps
        cost *= 1.15 if turn % 6 == 0 else 1.0
        now += max(cost, 1 / settings.fps)
        governor.observe(cost, now, settings)
        points.append(point)
        turn += 1
    return points


def load(settings: Settings, point: OperatingPoint, ms_per_mpx: float) -> float:
    return (0.004 + ms_per_mpx / 1000 * point.width**2 * 9 / 16 / 1e6 * point.steps) * settings.fps


def test_it_finds_a_point_that_fits_within_two_seconds() -> None:
    governor, settings = Governor(), Settings(fps=24, dream_width=480)
    points = simulate(governor, settings, 600, 2.0)
    assert load(settings, points[-1], 600) < 1.0


def test_a_sudden_load_is_answered_within_two_seconds() -> None:
    governor, settings = Governor(), Settings(fps=24, dream_width=480)
    simulate(governor, settings, 300, 20)
    points = simulate(governor, settings, 900, 2.0, start_s=20)
    assert load(settings, points[-1], 900) < 1.0


def test_it_does_not_hunt() -> None:
    governor, settings = Governor(), Settings(fps=24, dream_width=480)
    simulate(governor, settings, 500, 20)
    points = simulate(governor, settings, 500, 60, start_s=20)
    assert len(set(points)) == 1
    assert load(settings, points[0], 500) < FULL


def test_growing_that_fails_is_tried_less_and_less_often() -> None:
    """A machine on which one size fits easily, and the next is far too much: the worst for a governor."""
    governor, settings, now, changes = Governor(), Settings(fps=24, dream_width=480), 0.0, []
    before = governor.point(settings)
    while now < 300:
        point = governor.point(settings)
        cost = 0.020 if point.width <= 256 else 0.045
        now += max(cost, 1 / settings.fps)
        governor.observe(cost, now, settings)
        if point != before:
            changes.append(now)
            before = point
    assert len([at for at in changes if at > 150]) <= 4


def test_a_fast_machine_reaches_the_limits_and_steps_first() -> None:
    governor, settings = Governor(), Settings(fps=24, dream_width=480, steps=3)
    points = simulate(governor, settings, 10, 40)
    assert points[-1] == OperatingPoint(480, 3)


def test_a_slow_machine_loses_width_before_steps() -> None:
    governor, settings = Governor(), Settings(fps=24, dream_width=480, dream_width_min=128, steps=4)
    simulate(governor, settings, 10, 40)
    points = simulate(governor, settings, 2500, 20, start_s=40)
    widths_at_full_steps = [p.width for p in points if p.steps == 4]
    assert min(widths_at_full_steps) == 128
    assert points[-1].width <= 128 + NOTCH  # a step less may leave room for a notch
    assert points[-1].steps < 4


def test_the_limits_are_the_users_and_take_effect_at_once() -> None:
    governor = Governor()
    settings = Settings(dream_width=480, steps=4)
    simulate(governor, settings, 10, 40)
    assert governor.point(settings.model_copy(update={"dream_width": 200, "steps": 2})) == OperatingPoint(192, 2)
    assert governor.point(settings).width % NOTCH == 0


def test_out_of_memory_goes_a_size_down_and_stays() -> None:
    governor, settings = Governor(), Settings(fps=24, dream_width=480)
    simulate(governor, settings, 10, 40)
    assert governor.point(settings).width == 480
    ceiling = governor.out_of_memory(settings)
    assert ceiling < 480
    points = simulate(governor, settings, 10, 40, start_s=40)
    assert {p.width for p in points} == {ceiling}

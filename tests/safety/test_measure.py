"""The streaming measure, against the slow reference and against what anybody can count."""

import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from hallucinate.frame import Picture
from hallucinate.safety.measure import FlashMeasure, Reading, Rule
from hallucinate.safety.viewing import DESK, HALF_SPHERE, HEADSET, SPHERE, Fields, Viewing
from tests.safety import reference

CLIPS = 50
"""Of each surface."""

VIEWS = {
    DESK: reference.DESK,
    HEADSET: reference.HEADSET,
    SPHERE: reference.SPHERE,
    HALF_SPHERE: reference.HALF_SPHERE,
}

Clip = tuple[list[Picture], list[int]]


def random_clip(random: np.random.Generator) -> Clip:
    """A little film of patches that blink, each in colours and at a rate of its own; frames come when they come."""
    height, width = int(random.integers(24, 64)), int(random.integers(40, 104))
    fps, count = float(random.uniform(10, 60)), int(random.integers(18, 50))
    steps = np.where(random.random(count) < 0.1, random.integers(2, 5, count), 1) * random.uniform(0.7, 1.3, count)
    times = [round(t * 1e9 / fps) for t in np.cumsum(steps)]
    parts = int(random.integers(1, 5))
    owners = random.integers(0, parts, (-(-height // 8), -(-width // 8))).repeat(8, 0).repeat(8, 1)[:height, :width]
    colours = random.integers(0, 256, (parts, 2, 3))
    for part in range(parts):
        if random.random() < 0.5:  # a saturated red
            colours[part, 0] = random.integers(90, 256), *random.integers(0, 60, 2)
        if random.random() < 0.3:  # both so bright that they do not count
            colours[part] = random.integers(225, 256, (2, 3))
    rates, phases = random.uniform(0, 10, parts), random.random(parts)
    grain = float(random.choice([0, 2, 25]))
    pictures = []
    for ns in times:
        blend = np.round(0.5 + 0.5 * np.sin(2 * math.pi * (rates * ns / 1e9 + phases)), 1)
        drawn = (colours[:, 0] * blend[:, None] + colours[:, 1] * (1 - blend[:, None]))[owners]
        noisy = drawn + random.normal(0, 1, drawn.shape) * grain
        pictures.append(np.clip(noisy, 0, 255).astype(np.uint8))
    return pictures, times


PLACE_PX = 8


def measured(pictures: Sequence[Picture], times: Sequence[int], viewing: Viewing = DESK) -> list[Reading]:
    height, width = pictures[0].shape[:2]
    measure = FlashMeasure(viewing, height, width, PLACE_PX)
    return [measure.add(picture, ns) for picture, ns in zip(pictures, times, strict=True)]


def worst(readings: list[Reading], *rules: Rule) -> float:
    return max(each.flashing[rule].share for each in readings for rule in rules or Rule)


@pytest.mark.parametrize("viewing", VIEWS, ids=lambda viewing: viewing.surface)
def test_it_agrees_with_the_reference_on_random_clips(viewing: Viewing) -> None:
    failing, fails = dict.fromkeys(Rule, 0), 0
    for seed in range(CLIPS):
        pictures, times = random_clip(np.random.default_rng([seed, *viewing.surface.encode()]))
        readings = measured(pictures, times, viewing)
        judged = reference.judge(pictures, times, VIEWS[viewing], PLACE_PX)
        for rule in Rule:
            found = [each.flashing[rule] for each in readings]
            np.testing.assert_allclose([each.share for each in found], judged.shares[rule], atol=1e-6)
            np.testing.assert_array_equal([each.rate for each in found], judged.rates[rule])
            failing[rule] += any(each.fails for each in found)
        assert any(each.fails for each in readings) == judged.fails
        fails += judged.fails
    # Clips of which all fail, or none does, would be no test of a rule.
    assert all(CLIPS / 20 <= count <= CLIPS * 19 / 20 for count in [*failing.values(), fails]), failing


Colour = tuple[int, int, int]
BLACK, GREY, WHITE, RED, BLUE = (0, 0, 0), (128, 128, 128), (255, 255, 255), (200, 0, 0), (0, 0, 200)


def flat(colour: Colour, height: int = 72, width: int = 128) -> Picture:
    return np.full((height, width, 3), colour, np.uint8)


def blinking(hz: float, a: Colour = BLACK, b: Colour = WHITE, fps: float = 60, seconds: float = 3) -> Clip:
    times = [round(n / fps * 1e9) for n in range(round(fps * seconds))]
    return [flat(b if int(2 * hz * ns / 1e9 + 1e-6) % 2 else a) for ns in times], times


def test_three_flashes_a_second_pass_for_ever_and_three_and_a_half_do_not() -> None:
    assert worst(measured(*blinking(3))) == 0
    assert worst(measured(*blinking(3.5))) == pytest.approx(1)
    assert max(each.flashing[Rule.GENERAL].rate for each in measured(*blinking(5))) == 5


@pytest.mark.parametrize(
    ("a", "b", "rules"),
    [
        ((235, 235, 235), (255, 255, 255), set()),  # a change of 0.17, but the darker one is above 0.8
        ((225, 225, 225), (240, 240, 240), {Rule.GENERAL}),  # 0.75 and 0.87
        ((128, 128, 128), (149, 149, 149), set()),  # 0.216 and 0.301: less than 0.1
        ((128, 128, 128), (155, 155, 155), {Rule.GENERAL}),
        (RED, BLUE, {Rule.RED, Rule.OLD_RED}),
        ((240, 0, 0), BLACK, {Rule.GENERAL, Rule.RED, Rule.OLD_RED}),
        ((30, 0, 0), (0, 0, 30), set()),  # so dark that there is no colour
        ((120, 0, 0), (60, 0, 0), {Rule.OLD_RED}),  # the same colour, of which there is less
        ((140, 60, 60), (60, 60, 140), set()),  # not saturated
    ],
)
def test_what_counts(a: Colour, b: Colour, rules: set[Rule]) -> None:
    readings = measured(*blinking(6, a, b))
    assert {rule for rule in Rule if worst(readings, rule) > 0.25} == rules


def test_a_change_counts_from_the_last_extreme_however_many_frames_it_takes() -> None:
    times = [round(n / 60 * 1e9) for n in range(180)]
    light = [round(127 - 127 * math.cos(2 * math.pi * 5 * ns / 1e9)) for ns in times]
    assert max(each.flashing[Rule.GENERAL].rate for each in measured([flat((v, v, v)) for v in light], times)) == 5
    # Upwards in steps with small steps back: one change.
    stairs = [min(255, 8 * n - 10 * (n % 2)) for n in range(4, 30)]
    assert worst(measured([flat((v, v, v)) for v in stairs], times[: len(stairs)])) == 0


def test_the_second_is_one_of_the_frames_own_times() -> None:
    pictures = [flat(WHITE if n % 2 else BLACK) for n in range(8)]  # seven turns
    within = [0, *(round(n * 1e9 / 7) for n in range(7))]
    assert worst(measured(pictures, within)) == pytest.approx(1)
    over = [0, *(round(n * 1e9 / 6) for n in range(7))]
    assert worst(measured(pictures, over)) == 0


def test_pictures_of_another_size_are_refused() -> None:
    measure = FlashMeasure(DESK, 72, 128)
    with pytest.raises(ValueError, match="64×72"):
        measure.add(flat(GREY, 72, 64), 0)


def patch_share(
    viewing: Viewing, inside: Callable[[np.ndarray, np.ndarray], np.ndarray], size: tuple[int, int]
) -> float:
    """Black and white at 6 Hz where ``inside`` of x and y, as shares of width and height, says so."""
    height, width = size
    y, x = (np.mgrid[:height, :width] + 0.5) / np.array([height, width])[:, None, None]
    where = inside(x, y)[..., None]
    times = [round(n / 60 * 1e9) for n in range(90)]
    pictures = [np.where(where, 255 * (n // 5 % 2), 90).astype(np.uint8).repeat(3, 2) for n in range(90)]
    return worst(measured(pictures, times, viewing), Rule.GENERAL)


def test_on_a_desk_a_field_is_a_third_of_the_width_and_a_quarter_of_it_high() -> None:
    # 341 × 256 of 1024 × 768: here 192 × 144 of 576 × 432, in places of 8 px. A quarter is 96 × 72.
    def corner(width: float, height: float) -> float:
        return patch_share(DESK, lambda x, y: (x < width / 576) & (y < height / 432), (432, 576))

    assert corner(96, 72) == pytest.approx(0.25, abs=2e-3)
    assert corner(200, 152) == pytest.approx(1)
    assert corner(576, 432) == pytest.approx(1)


def test_on_a_sphere_area_is_solid_angle_and_the_sides_meet() -> None:
    # Of 64 rows and 128 columns of places, 2.8125° each: so coarse a cap is some percent off.
    def patch(column: int, columns: int, row: int, rows: int = 2) -> float:
        def inside(x: np.ndarray, y: np.ndarray) -> np.ndarray:
            return np.asarray(((x * 128 - column) % 128 < columns) & (abs(64 * y - row - rows / 2) < rows / 2))

        return patch_share(SPHERE, inside, (512, 1024))

    def solid(columns: int, row: int, rows: int = 2) -> float:
        upper, lower = (math.sin(math.radians(90 - each * 2.8125)) for each in (row, row + rows))
        return math.radians(columns * 2.8125) * (upper - lower) / 0.024

    assert patch(63, 2, 31) == pytest.approx(solid(2, 31), rel=0.08)
    assert patch(127, 2, 31) == pytest.approx(patch(63, 2, 31))
    assert patch(60, 7, 5) == pytest.approx(solid(7, 5), rel=0.08)
    assert patch(0, 128, 0, 1) == pytest.approx(solid(128, 0, 1), rel=0.08)


@pytest.mark.parametrize("viewing", [HEADSET, SPHERE, HALF_SPHERE], ids=lambda viewing: viewing.surface)
def test_a_whole_field_is_a_cap_of_ten_degrees(viewing: Viewing) -> None:
    fields = Fields(viewing, 512, 1024, 64, 128)
    shares = fields.shares(np.ones((64, 128), bool))
    cap = 2 * math.pi * (1 - math.cos(math.radians(5)))
    assert shares.max() == pytest.approx(cap / 0.024)
    if viewing.wraps:
        np.testing.assert_allclose(shares, cap / 0.024)


def test_places_are_small_on_small_pictures_and_not_too_many_on_large_ones() -> None:
    assert DESK.places(360, 640) == (45, 80)
    assert HEADSET.places(90, 160) == (45, 80)
    assert DESK.places(720, 1280) == DESK.places(2160, 3840) == (90, 160)
    assert SPHERE.places(1024, 2048) == SPHERE.places(256, 512) == (128, 256)
    assert HALF_SPHERE.places(512, 512) == (128, 128)
    assert DESK.places(3, 5) == SPHERE.places(3, 5) == (3, 5)

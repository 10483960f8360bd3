"""The streaming measure, against the slow reference and against what anybody can count."""

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from hallucinate.frame import Picture
from hallucinate.safety.light import LINEAR
from hallucinate.safety.measure import FlashMeasure, Reading, Rule
from hallucinate.safety.viewing import DESK, HALF_SPHERE, HEADSET, SPHERE, Fields, Surface, Viewing
from tests.safety import reference

CLIPS = 200
VIEWS = {
    Surface.DESK: reference.DESK,
    Surface.CURVED: reference.HEADSET,
    Surface.SPHERE: reference.SPHERE,
    Surface.HALF: reference.HALF_SPHERE,
}

Clip = tuple[list[Picture], list[int]]


def random_clip(seed: int) -> tuple[Clip, Viewing]:
    """A little film of patches that blink, each in colours and at a rate of its own; frames come when they come."""
    random = np.random.default_rng(seed)
    viewing = (DESK, HEADSET, SPHERE, HALF_SPHERE)[seed % 4]
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
    return (pictures, times), viewing


def measured(clip: Clip, viewing: Viewing) -> list[Reading]:
    pictures, times = clip
    measure = FlashMeasure(viewing, *pictures[0].shape[:2])
    return [measure.add(picture, ns) for picture, ns in zip(pictures, times, strict=True)]


def test_it_agrees_with_the_reference_on_random_clips() -> None:
    failing = dict.fromkeys([*Rule, *Surface], 0)
    passing = 0
    for seed in range(CLIPS):
        clip, viewing = random_clip(seed)
        readings = measured(clip, viewing)
        judged = reference.judge(*clip, VIEWS[viewing.surface])
        for rule in Rule:
            np.testing.assert_allclose([r.flashing[rule].share for r in readings], judged.shares[rule], atol=1e-6)
            np.testing.assert_array_equal([r.flashing[rule].rate for r in readings], judged.rates[rule])
            failing[rule] += max(r.flashing[rule].share for r in readings) > 0.25
        fails = any(r.fails for r in readings)
        assert fails == judged.fails
        failing[viewing.surface] += fails
        passing += not fails
    # The clips are no test of anything that all of them do, or none.
    assert all(count >= CLIPS / 20 for count in [*failing.values(), passing]), failing

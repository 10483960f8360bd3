"""A dream that is put down and taken up goes on as it would have."""

import json

import numpy as np
import torch
from safetensors.torch import load, save

from hallucinate.dream.dreamer import Dreamer
from hallucinate.dream.hallucination import Hallucination
from hallucinate.dream.kept import PICTURES, PLAIN, restore, saved
from hallucinate.frame import Frame, OperatingPoint, Picture
from hallucinate.settings import Settings
from tests.dream.networks import TinyNetwork

SETTINGS = Settings(motifs={"light": 1.0}, where="moving", half_life_s=0.5, drift_zoom=0.2, jitter=4, motif_size=0.3)
POINT = OperatingPoint(96, 2)


def picture(n: int) -> Picture:
    """A pattern that moves by two pixels a frame in light that flickers, and another one from the seventh frame on."""
    noise = np.random.default_rng(n > 6).integers(0, 256, (64, 96, 3), np.uint8)
    moved = np.roll(np.repeat(np.repeat(noise[::8, ::8], 8, 0), 8, 1), 2 * n, 1)
    return np.ascontiguousarray(moved * (0.8 if n % 2 else 1.0)).astype(np.uint8)


def dreamed(dreamer: Dreamer, frames: range) -> list[Picture]:
    return [dreamer.dream(Frame(picture(n), n * 40_000_000), SETTINGS, POINT) for n in frames]


def dreamer() -> Dreamer:
    return Dreamer(TinyNetwork(), torch.device("cpu"), seed=3)


def test_a_dream_taken_up_goes_on_with_the_same_frames() -> None:
    unbroken = dreamed(dreamer(), range(12))
    for broken_at in (1, 5, 8):  # just begun; moving; after the cut
        first = dreamer()
        dreamed(first, range(broken_at))
        tensors, values = saved(first)
        assert broken_at != 5 or first._alone.gain != 1.0
        second = dreamer()
        restore(second, load(save(tensors)), json.loads(json.dumps(values)))
        for n, frame in zip(range(broken_at, 12), dreamed(second, range(broken_at, 12)), strict=True):
            np.testing.assert_array_equal(frame, unbroken[n])


def test_a_dream_taken_up_before_its_first_frame_is_a_new_one() -> None:
    second = dreamer()
    restore(second, *saved(dreamer()))
    np.testing.assert_array_equal(dreamed(second, range(3)), dreamed(dreamer(), range(3)))


def test_all_that_is_carried_is_kept() -> None:
    kept = {*PLAIN, *PICTURES, "carried", "_asked", "_settings", "_light"}
    # Flow holds buffers only; the last frame is for asking again about the same one, as is its gain; the surface is
    # the film's own.
    assert set(vars(Hallucination())) == kept | {"_flow", "_last", "_left", "gain", "surface", "layout"}

"""Classic dreams by one word; the Hallucination Machine's way from frame to frame."""

from __future__ import annotations

import numpy as np
import pytest

from hallucinate.errors import SettingsError
from hallucinate.settings import Settings
from hallucinate.studio.likes import LIKES, carried_on, find_like, likened, machine
from tests.studio.conftest import scene


def test_explicit_options_win_over_what_a_word_sets() -> None:
    settings = likened(find_like("notebook"), Settings(octaves=2))
    assert (settings.octaves, settings.octave_scale, settings.jitter) == (2, 1.4, 32)
    assert likened(None, Settings()) == Settings()
    with pytest.raises(SettingsError, match=r"did you mean 'hallucination-machine'\? there are: notebook"):
        find_like("hallucination")


def test_nine_tenths_go_along_with_what_moves_and_a_twentieth_stays() -> None:
    frame, before = (scene(seed=n).clip(60, 190) for n in (1, 2))
    dreamed = np.asarray(before + 40, np.uint8)
    dreamed[:, :, 0] -= 60
    back = np.zeros((72, 96, 2), np.float32)
    back[:, 48:] = (-3.0, 2.0)
    start = carried_on(frame, before, dreamed, back, LIKES["hallucination-machine"]).astype(float)
    still = 0.95 * frame.astype(float) + 0.05 * dreamed
    assert np.abs(start - still)[:, :48].max() <= 1
    # dreamed − before is −20, 40, 40 everywhere, so wherever it went nine tenths of that are added.
    flowing = (frame + 0.9 * np.array([-20, 40, 40])).clip(0, 255)
    assert np.abs(start - flowing)[:, 52:].max() <= 1


def test_each_frame_is_dreamed_from_where_the_last_dream_left_it() -> None:
    frames = [scene(seed=n) for n in range(3)]
    seen: list[np.ndarray[tuple[int, ...], np.dtype[np.uint8]]] = []

    def dream(
        start: np.ndarray[tuple[int, ...], np.dtype[np.uint8]],
    ) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
        seen.append(start)
        return np.asarray(255 - start, np.uint8)

    dreams = list(machine(frames, dream, lambda before, now: np.zeros((72, 96, 2), np.float32)))
    assert np.array_equal(seen[0], frames[0])
    assert np.abs(seen[1] - (0.95 * frames[1].astype(float) + 0.05 * dreams[0])).max() <= 1
    assert len(dreams) == 3

"""Classic dreams by one word; the Hallucination Machine's way from frame to frame."""

from __future__ import annotations

import numpy as np
import pytest

from hallucinate.dream.flow import Flow
from hallucinate.errors import SettingsError
from hallucinate.settings import Settings
from hallucinate.studio.likes import LIKES, carried_on, find_like, led_back, likened
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


def test_it_is_led_back_in_the_films_own_pixels() -> None:
    wide = scene(288, 400, 3)
    frame, before = wide[:, :384], wide[:, 6:390]  # what was 6 pixels to the left has come from there
    back = led_back(before, frame, Flow())
    assert back.shape == (288, 384, 2)
    inside = np.s_[32:-32, 32:-32]
    assert np.abs(np.median(back[inside], (0, 1)) - (-6, 0)).max() < 0.5

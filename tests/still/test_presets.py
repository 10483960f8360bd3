"""Classic presets by name."""

from hallucinate.settings import Settings
from hallucinate.still.presets import CLASSIC_PRESETS, find_preset, with_preset
from tests.refusals import refused


def test_explicit_options_win_over_what_a_preset_sets() -> None:
    settings = with_preset(find_preset("notebook"), Settings(octaves=2))
    assert (settings.octaves, settings.octave_scale, settings.jitter) == (2, 1.4, 32)
    assert with_preset(None, Settings()) == Settings()


def test_an_unknown_preset_is_refused_with_the_nearest_and_all_names() -> None:
    with refused("preset_unknown", "--like hallucination:", "'hallucination-machine'", *CLASSIC_PRESETS):
        find_preset("hallucination")

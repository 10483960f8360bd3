"""Classic dreams by name: what ``--like`` sets. Explicit options win."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hallucinate.errors import SettingsError
from hallucinate.messages import did_you_mean
from hallucinate.settings import Settings


@dataclass(frozen=True)
class ClassicPreset:
    """A classic recipe.

    settings: fields of Settings. iterations: steps on each octave. step_size: mean size of a step, in [0, 1] units.
    moving_share, still_share: of films, how much of the last dream goes into the next frame where the picture moves,
    and where it does not; see ``film.classic_renderer.blend_last_dream``.
    """

    settings: Mapping[str, Any]
    iterations: int
    step_size: float
    moving_share: float = 0.0
    still_share: float = 0.0

    @property
    def uses_last_dream(self) -> bool:
        """Whether anything of a film's last dream is in the next frame."""
        return self.moving_share > 0 or self.still_share > 0


CLASSIC_PRESETS = {
    # google/deepdream, dream.ipynb (2015): the defaults of make_step and deepdream.
    "notebook": ClassicPreset({"octaves": 4, "octave_scale": 1.4, "jitter": 32}, 10, 1.5 / 255),
    # Suzuki et al. 2017, "A Deep-Dream Virtual Reality Platform for Studying Altered Perceptual Phenomenology", and its
    # code, ksk-S/DeepDreamVideoOpticalFlow.
    "hallucination-machine": ClassicPreset({"octaves": 3, "octave_scale": 1.8, "jitter": 32}, 16, 1.5 / 255, 0.9, 0.05),
}


def find_preset(name: str) -> ClassicPreset:
    """The preset of that name. Raises SettingsError, with the nearest name, for another."""
    if name not in CLASSIC_PRESETS:
        hint = did_you_mean(name, CLASSIC_PRESETS, cutoff=0.4)
        raise SettingsError(
            f"--like {name}: there is no such preset; {hint and hint + ' '}there are: {', '.join(CLASSIC_PRESETS)}",
            code="preset_unknown",
        )
    return CLASSIC_PRESETS[name]


def with_preset(preset: ClassicPreset | None, settings: Settings) -> Settings:
    """What a preset sets, and over it the settings that were set explicitly."""
    if preset is None:
        return settings
    explicit = {name: getattr(settings, name) for name in settings.model_fields_set}
    return Settings.model_validate({**preset.settings, **explicit})

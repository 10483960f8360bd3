"""Classic dreams by one word: what ``--like`` sets. Explicit options win."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from hallucinate.dream.flow import FLOW_WIDTH, Field, Flow, sampled, squared
from hallucinate.errors import SettingsError
from hallucinate.frame import Picture, to_luma
from hallucinate.messages import did_you_mean
from hallucinate.settings import Settings

MOVING = 6 / 255
"""What flows faster than this share of the fastest in the picture counts as moving (``--flowthresh 6``)."""


@dataclass(frozen=True)
class Like:
    """A classic recipe: knobs of Settings, and what has no knob. flowing, still: of films, see ``carried_on``."""

    knobs: Mapping[str, Any]
    iterations: int
    step_size: float
    flowing: float = 0.0
    still: float = 0.0

    @property
    def carries(self) -> bool:
        """Whether anything of a film's last dream is in the next frame."""
        return self.flowing > 0 or self.still > 0


LIKES = {
    # google/deepdream, dream.ipynb (2015): the defaults of make_step and deepdream.
    "notebook": Like({"octaves": 4, "octave_scale": 1.4, "jitter": 32}, 10, 1.5 / 255),
    # Suzuki et al. 2017, "A Deep-Dream Virtual Reality Platform for Studying Altered Perceptual Phenomenology", and its
    # code, ksk-S/DeepDreamVideoOpticalFlow.
    "hallucination-machine": Like({"octaves": 3, "octave_scale": 1.8, "jitter": 32}, 16, 1.5 / 255, 0.9, 0.05),
}


def find_like(word: str) -> Like:
    """The recipe of that name. Raises SettingsError, with the nearest, for another."""
    if word not in LIKES:
        hint = did_you_mean(word, LIKES, cutoff=0.4)
        raise SettingsError(f"--like {word}: no such dream; {hint and hint + ' '}there are: {', '.join(LIKES)}")
    return LIKES[word]


def likened(like: Like | None, settings: Settings) -> Settings:
    """The settings that were given, over what a recipe sets."""
    if like is None:
        return settings
    given = {name: getattr(settings, name) for name in settings.model_fields_set}
    return Settings.model_validate({**like.knobs, **given})


def led_back(before: Picture, frame: Picture, flow: Flow) -> Field:
    """Where each pixel of a frame was in the one before: float32 (H, W, 2), in its pixels; both uint8 RGB (H, W, 3).

    Measured on a small picture, as live.
    """
    height, width = frame.shape[:2]
    small = (FLOW_WIDTH, max(16, round(height * FLOW_WIDTH / width)))
    back = flow.between(to_luma(before, *small), to_luma(frame, *small)).back
    large = cv2.resize(back, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(large * (width / small[0], height / small[1]), np.float32)


def carried_on(frame: Picture, before: Picture, dreamed: Picture, back: Field, like: Like) -> Picture:
    """What a frame is before it is dreamed: with the last dream in it, where it moves and where it does not.

    Where it moves, the hallucination (dreamed − before), ``flowing`` of it, goes along with the motion and is added;
    elsewhere the last dream is mixed in, ``still`` of it. All pictures uint8 RGB (H, W, 3); back: float32 (H, W, 2).
    """
    seen, last, dream = (picture.astype(np.float32) for picture in (frame, before, dreamed))
    moved = seen + sampled(like.flowing * (dream - last), back)
    mixed = (1 - like.still) * seen + like.still * dream
    speed = np.sqrt(squared(back))
    span = float(speed.max() - speed.min())
    moving = (speed - speed.min() > MOVING * span)[..., None]
    return np.asarray(np.where(moving, moved, mixed).clip(0, 255).round(), np.uint8)

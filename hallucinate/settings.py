"""Every setting, once: name, range, default, unit, help text. Command line, API schema and page come from here."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from hallucinate.errors import SettingsError

PICTURES = ("guide", "mask")
"""Pictures that people may hand in: what to dream of, and where to dream."""

Weight = Annotated[float, Field(ge=0, le=1)]


def _knob(unit: str = "", step: float | None = None, label: str = "", live: bool = True) -> dict[str, Any]:
    """What a slider needs beyond the range; ``live`` is False for the engine's settings, which a page tucks away."""
    extra: dict[str, Any] = {"unit": unit, "label": label, "group": "dream" if live else "engine"}
    return extra if step is None else {**extra, "step": step}


class Settings(BaseModel):
    """One frozen snapshot of every live setting. A frame is dreamed with one snapshot from start to end."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, strict=True)

    motifs: dict[str, Weight] = Field(
        {"eye": 1.0},
        max_length=16,
        description="what to hallucinate: motifs by name, each with its weight; nothing is dreamed when all are 0",
        json_schema_extra=_knob(label="Motifs"),
    )
    layers: dict[str, Weight] = Field(
        {},
        max_length=8,
        description="layers of the network, each with its weight: the dream shows more of whatever they see; "
        "write LAYER:CHANNEL for one channel, LAYER:CHANNEL@centre for one neuron in the middle",
        json_schema_extra=_knob(label="Layers"),
    )
    guide: Weight = Field(
        0.0,
        description="how much to dream of what is in the guide picture, besides motifs and layers",
        json_schema_extra=_knob(step=0.01, label="Guide picture"),
    )
    where: Literal["everywhere", "moving", "painted"] = Field(
        "everywhere",
        description="which part of the picture is dreamed: all of it, what moves, or where a mask was painted",
        json_schema_extra=_knob(label="Where"),
    )
    strength: float = Field(
        0.6,
        ge=0,
        le=1,
        description="how far the dream may go from the camera's picture",
        json_schema_extra=_knob(step=0.01, label="Strength"),
    )
    growth_s: float = Field(
        0.6,
        ge=0.1,
        le=20,
        description="seconds in which a hallucination grows to its full strength",
        json_schema_extra=_knob("s", 0.1, "Growth"),
    )
    half_life_s: float = Field(
        1.5,
        ge=0.05,
        le=60,
        description="seconds in which a hallucination that nothing renews fades to a half",
        json_schema_extra=_knob("s", 0.05, "Half-life"),
    )
    motif_size: float = Field(
        0.15,
        ge=0.05,
        le=0.6,
        description="how large the smallest hallucinations are, as a share of the picture's width",
        json_schema_extra=_knob("of the width", 0.01, "Size"),
    )
    motif_degrees: float = Field(
        25.0,
        ge=5,
        le=120,
        description="how large the smallest hallucinations on a panorama are, in degrees",
        json_schema_extra=_knob("°", 1, "Size on a panorama", live=False),
    )
    octaves: int = Field(
        3,
        ge=1,
        le=6,
        description="on how many scales steps are taken, from fine to coarse",
        json_schema_extra=_knob(step=1, label="Octaves"),
    )
    octave_scale: float = Field(
        1.5,
        ge=1.1,
        le=2.5,
        description="how many times coarser each octave is than the one before",
        json_schema_extra=_knob("×", 0.05, "Octave scale"),
    )
    colour_decorrelation: bool = Field(
        False,
        description="dream in light and shade rather than in hues, as photographs vary",
        json_schema_extra=_knob(label="Colour decorrelation"),
    )
    drift_zoom: float = Field(
        0.0,
        ge=-0.5,
        le=0.5,
        description="how much larger the hallucination becomes each second by itself; below 0 it shrinks",
        json_schema_extra=_knob("/s", 0.01, "Drift: zoom"),
    )
    drift_turn: float = Field(
        0.0,
        ge=-90,
        le=90,
        description="degrees by which the hallucination turns each second by itself, clockwise",
        json_schema_extra=_knob("°/s", 1, "Drift: turn"),
    )
    drift_flow: float = Field(
        0.0,
        ge=0,
        le=0.3,
        description="how far the hallucination flows each second by itself, as a share of the picture's width",
        json_schema_extra=_knob("/s", 0.01, "Drift: flow"),
    )
    jitter: int = Field(
        8,
        ge=0,
        le=64,
        description="pixels by which each step is shifted at random, at most; this hides the network's grid",
        json_schema_extra=_knob("px", 1, "Jitter", live=False),
    )
    gradient_blur: float = Field(
        0.0,
        ge=0,
        le=8,
        description="how far the gradient is smoothed, in pixels that the network sees; this softens fine detail",
        json_schema_extra=_knob("px", 0.1, "Gradient blur", live=False),
    )
    laplacian_levels: int = Field(
        0,
        ge=0,
        le=6,
        description="levels of a Laplacian pyramid on which the gradient is made equally strong; 0 keeps it as it is",
        json_schema_extra=_knob(step=1, label="Laplacian levels", live=False),
    )
    total_variation: float = Field(
        0.0,
        ge=0,
        le=1,
        description="how strongly the hallucination is smoothed where it need not change (total variation)",
        json_schema_extra=_knob(step=0.01, label="Total variation", live=False),
    )
    l2_weight: float = Field(
        0.0,
        ge=0,
        le=1,
        description="how strongly every pixel is drawn back to the camera's, in proportion to the distance (L2)",
        json_schema_extra=_knob(step=0.01, label="L2 weight", live=False),
    )
    guide_layer: str = Field(
        "",
        max_length=64,
        description="the layer in which the picture is compared with the guide; empty for the network's default layer",
        json_schema_extra=_knob(label="Guide layer", live=False),
    )
    motion_compensation: bool = Field(
        True,
        description="move the hallucination along with what moves in the picture (optical flow)",
        json_schema_extra=_knob(label="Motion compensation"),
    )
    deflicker: bool = Field(
        True,
        description="even out flickering light in the dreamed picture",
        json_schema_extra=_knob(label="Deflicker"),
    )
    steps: int = Field(
        1,
        ge=1,
        le=8,
        description="gradient steps on a frame, at most; the governor takes fewer when time is short",
        json_schema_extra=_knob(step=1, label="Steps per frame", live=False),
    )
    dream_width: int = Field(
        480,
        ge=64,
        le=2048,
        description="width of the picture that the network sees, at most; the governor goes lower when time is short",
        json_schema_extra=_knob("px", 16, "Dream width, at most", live=False),
    )
    dream_width_min: int = Field(
        160,
        ge=64,
        le=2048,
        description="width of the picture that the network sees, at least",
        json_schema_extra=_knob("px", 16, "Dream width, at least", live=False),
    )
    fps: float = Field(
        20.0,
        ge=1,
        le=60,
        description="frames per second that the governor keeps up",
        json_schema_extra=_knob("/s", 1, "Frame rate", live=False),
    )


class Unit(NamedTuple):
    """Part of a network: a layer, one of its channels (None for all), or that channel's neuron at the centre."""

    layer: str
    channel: int | None = None
    centre: bool = False


def read_unit(entry: str) -> Unit:
    """``mixed4c``, ``mixed4c:12`` or ``mixed4c:12@centre``. Raises SettingsError for anything else."""
    match = re.fullmatch(r"([^:@=,]+)(?::(\d{1,5})(@centre)?)?", entry)
    if match is None:
        raise SettingsError(f"layers: {entry!r} is not a layer; write LAYER, LAYER:CHANNEL or LAYER:CHANNEL@centre")
    return Unit(match[1], None if match[2] is None else int(match[2]), match[3] is not None)

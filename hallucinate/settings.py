"""Every knob, once: name, range, default, unit, help. Command line, API schema and page come from here."""

from __future__ import annotations

import difflib
import re
import threading
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hallucinate.errors import SettingsError

PICTURES = ("guide", "mask")
"""Pictures that people may hand in: what to dream of, and where."""

Weight = Annotated[float, Field(ge=0, le=1)]


def _knob(unit: str = "", step: float | None = None, label: str = "", live: bool = True) -> dict[str, Any]:
    """What a slider needs beyond the range; ``live`` is False for engine knobs that a page tucks away."""
    extra: dict[str, Any] = {"unit": unit, "label": label, "group": "dream" if live else "engine"}
    return extra if step is None else {**extra, "step": step}


class Settings(BaseModel):
    """One frozen snapshot of every live knob. A frame is dreamed with one snapshot from start to end."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, strict=True)

    motifs: dict[str, Weight] = Field(
        {"eye": 1.0},
        max_length=16,
        description="what to hallucinate: motifs by name, each with its weight; all at 0 dreams nothing",
        json_schema_extra=_knob(label="Motifs"),
    )
    layers: dict[str, Weight] = Field(
        {},
        max_length=8,
        description="layers of the network, each with its weight: whatever they see, more of it; "
        "LAYER:CHANNEL for one channel, LAYER:CHANNEL@centre for one neuron in the middle",
        json_schema_extra=_knob(label="Layers"),
    )
    guide: Weight = Field(
        0.0,
        description="how much to dream of what is in the guide picture, beside the rest",
        json_schema_extra=_knob(step=0.01, label="Guide picture"),
    )
    where: Literal["everywhere", "moving", "painted"] = Field(
        "everywhere",
        description="which part of the picture dreams: all of it, what moves, or what a mask was painted on",
        json_schema_extra=_knob(label="Where"),
    )
    strength: float = Field(
        0.6,
        ge=0,
        le=1,
        description="how far the picture may go from the camera's",
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
        description="seconds in which a hallucination left alone fades to a half",
        json_schema_extra=_knob("s", 0.05, "Half-life"),
    )
    motif_size: float = Field(
        0.15,
        ge=0.05,
        le=0.6,
        description="how large what is hallucinated is, at its smallest, as a share of the picture's width",
        json_schema_extra=_knob("of the width", 0.01, "Size"),
    )
    motif_degrees: float = Field(
        25.0,
        ge=5,
        le=120,
        description="on a panorama, how large what is hallucinated is, at its smallest, in degrees",
        json_schema_extra=_knob("°", 1, "Size on a panorama", live=False),
    )
    octaves: int = Field(
        3,
        ge=1,
        le=6,
        description="how many scales the hallucination lives on, from fine to coarse",
        json_schema_extra=_knob(step=1, label="Scales"),
    )
    octave_scale: float = Field(
        1.5,
        ge=1.1,
        le=2.5,
        description="how much coarser each scale is than the one before",
        json_schema_extra=_knob("×", 0.05, "Spread of scales"),
    )
    colour_decorrelation: bool = Field(
        False,
        description="dream in light and shade rather than in hues, as photographs vary (colour decorrelation)",
        json_schema_extra=_knob(label="Colour decorrelation"),
    )
    drift_zoom: float = Field(
        0.0,
        ge=-0.5,
        le=0.5,
        description="how much larger the hallucination grows each second, of itself; below 0 it shrinks",
        json_schema_extra=_knob("/s", 0.01, "Zoom"),
    )
    drift_turn: float = Field(
        0.0,
        ge=-90,
        le=90,
        description="degrees by which the hallucination turns each second, of itself, clockwise",
        json_schema_extra=_knob("°/s", 1, "Turn"),
    )
    drift_flow: float = Field(
        0.0,
        ge=0,
        le=0.3,
        description="how far the hallucination flows each second, of itself, as a share of the picture's width",
        json_schema_extra=_knob("/s", 0.01, "Flow"),
    )
    jitter: int = Field(
        8,
        ge=0,
        le=64,
        description="pixels by which a step is shifted at most, at random; hides the network's grid",
        json_schema_extra=_knob("px", 1, "Jitter", live=False),
    )
    gradient_blur: float = Field(
        0.0,
        ge=0,
        le=8,
        description="how far the gradient is smoothed, in pixels that the network sees; softens what is fine",
        json_schema_extra=_knob("px", 0.1, "Gradient blur", live=False),
    )
    laplacian_levels: int = Field(
        0,
        ge=0,
        le=6,
        description="levels of a Laplacian pyramid on which the gradient is made equally strong; 0 leaves it as it is",
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
        description="how strongly every pixel is drawn back to the camera's, the more the further it went (L2)",
        json_schema_extra=_knob(step=0.01, label="L2 weight", live=False),
    )
    guide_layer: str = Field(
        "",
        max_length=64,
        description="the layer in which the picture is likened to the guide; empty for the network's own choice",
        json_schema_extra=_knob(label="Guide layer", live=False),
    )
    motion_compensation: bool = Field(
        True,
        description="carry the hallucination along with what moves (optical flow)",
        json_schema_extra=_knob(label="Motion compensation"),
    )
    deflicker: bool = Field(
        True,
        description="even out light that flickers, while there is a dream on it",
        json_schema_extra=_knob(label="Deflicker"),
    )
    steps: int = Field(
        1,
        ge=1,
        le=8,
        description="gradient steps per frame, at most; the governor takes fewer when time is short",
        json_schema_extra=_knob(step=1, label="Steps per frame", live=False),
    )
    dream_width: int = Field(
        480,
        ge=64,
        le=2048,
        description="width of the picture that the network sees, at most; the governor goes lower",
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
        description="frames per second that the governor holds",
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
        raise SettingsError(f"layers: {entry!r} is none; write LAYER, LAYER:CHANNEL or LAYER:CHANNEL@centre")
    return Unit(match[1], None if match[2] is None else int(match[2]), match[3] is not None)


def read_size(text: str) -> tuple[int, int]:
    """``640x360`` -> (640, 360). Raises SettingsError unless both are even and between 64 and 4096."""
    match = re.fullmatch(r"(\d{1,5})\s*[x×]\s*(\d{1,5})", text.strip())
    size = (int(match[1]), int(match[2])) if match else (0, 0)
    if not all(64 <= side <= 4096 and side % 2 == 0 for side in size):
        raise SettingsError(f"--size {text}: give WIDTHxHEIGHT, both even and from 64 to 4096, e.g. 640x360")
    return size


def one_line(error: ValidationError) -> str:
    """A pydantic error as one line for a person: the knob, what was given, what is allowed."""
    parts = []
    for item in error.errors():
        name = ".".join(str(part) for part in item["loc"]) or "settings"
        if item["type"] == "extra_forbidden":
            near = difflib.get_close_matches(name, Settings.model_fields, 1)
            parts.append(f"no setting is called {name!r}" + (f"; did you mean {near[0]!r}?" if near else ""))
        else:
            message = item["msg"][:1].lower() + item["msg"][1:]
            parts.append(f"{name}: {message}, given {_short(item['input'])}")
    return "; ".join(parts)


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


Listener = Callable[[Settings], None]


class LiveSettings:
    """The one settings snapshot that everybody reads, and the only way to change it. Safe between threads.

    ``motifs`` and ``layers`` are the names that the open network answers to; others are refused here,
    so that a dream never starts on a name that does not exist. ``families``, a word for each motif, go into
    the schema, for pages that show many; ``channels`` are how many each layer has. ``use`` takes another network's.
    ``pictures``: which of "guide" and "mask" there are; a dream never starts on one that there is not.
    """

    def __init__(
        self,
        start: Settings,
        motifs: tuple[str, ...],
        layers: tuple[str, ...],
        families: Mapping[str, str] | None = None,
        channels: Mapping[str, int] | None = None,
        pictures: frozenset[str] = frozenset(),
    ) -> None:
        self.motifs, self.layers = motifs, layers
        self.families, self.channels = dict(families or {}), dict(channels or {})
        self.pictures = pictures
        self._lock = threading.Lock()
        self._listeners: list[Listener] = []
        self._check(start)
        self._current = start
        self.revision = 0

    @property
    def current(self) -> Settings:
        """The snapshot in force; frozen, so it may be kept for the length of a frame."""
        return self._current

    def patch(self, changes: Mapping[str, object]) -> Settings:
        """Change the named knobs, all or none, and tell the listeners.

        ``motifs`` is replaced as a whole. Raises SettingsError, with nothing changed, when a knob does
        not exist, or a value is of the wrong type or out of its range.
        """
        with self._lock:
            try:
                settings = Settings.model_validate({**self._current.model_dump(), **changes})
            except ValidationError as error:
                raise SettingsError(one_line(error)) from None
            self._check(settings)
            self._current = settings
            self.revision += 1
            listeners = list(self._listeners)
        for listener in listeners:
            listener(settings)
        return settings

    def set_picture(self, picture: str, there: bool) -> None:
        """There is a guide, or a mask, from now on, or there is none any more, and nothing asks for it."""
        self.pictures = self.pictures | {picture} if there else self.pictures - {picture}
        if not there and picture == "guide" and self._current.guide > 0:
            self.patch({"guide": 0.0})
        if not there and picture == "mask" and self._current.where == "painted":
            self.patch({"where": "everywhere"})

    def use(
        self,
        motifs: tuple[str, ...],
        layers: tuple[str, ...],
        families: Mapping[str, str],
        channels: Mapping[str, int],
        default_layer: str,
    ) -> Settings:
        """Take another network's names, and settings that it can follow, in one step; tell the listeners."""
        with self._lock:
            settings = fitted(self._current, motifs, channels, default_layer)
            self.motifs, self.layers = motifs, layers
            self.families, self.channels = dict(families), dict(channels)
            self._current = settings
            self.revision += 1
            listeners = list(self._listeners)
        for listener in listeners:
            listener(settings)
        return settings

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call ``listener`` after each change, on the changing thread; returns what ends that."""
        with self._lock:
            self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def schema(self) -> dict[str, Any]:
        """JSON schema of the knobs, with the names that this network knows."""
        with self._lock:
            return self._schema()

    def _schema(self) -> dict[str, Any]:
        schema = Settings.model_json_schema()
        schema["properties"]["motifs"]["propertyNames"] = {"enum": list(self.motifs)}
        schema["properties"]["motifs"]["families"] = self.families
        schema["properties"]["layers"]["propertyNames"] = {"enum": list(self.layers)}
        schema["properties"]["layers"]["channels"] = self.channels
        schema["properties"]["guide_layer"]["enum"] = ["", *self.layers]
        return schema

    def _check(self, settings: Settings) -> None:
        for name in settings.motifs:
            _known("motif", name, self.motifs)
        for layer, channel, _ in map(read_unit, settings.layers):
            _known("layer", layer, self.layers)
            channels = self.channels.get(layer)
            if channel is not None and channels is not None and channel >= channels:
                raise SettingsError(f"layers: {layer} has channels 0 to {channels - 1}, given {channel}")
        if settings.guide_layer:
            _known("layer", settings.guide_layer, self.layers)
        for picture, wanted in (("guide", settings.guide > 0), ("mask", settings.where == "painted")):
            if wanted and picture not in self.pictures:
                raise SettingsError(
                    f"there is no {picture} picture yet: PUT one to /api/{picture}, or start with --{picture}-image"
                )
        if settings.dream_width_min > settings.dream_width:
            raise SettingsError(
                f"dream_width_min: {settings.dream_width_min} is above dream_width, {settings.dream_width}; "
                "lower the one, or raise the other"
            )


def fitted(settings: Settings, motifs: tuple[str, ...], channels: Mapping[str, int], default_layer: str) -> Settings:
    """The settings with nothing that a network does not have: what it shares stays, else its default layer is asked
    for; who asked for nothing still does. channels: how many each of its layers has."""

    def has(entry: str) -> bool:
        unit = read_unit(entry)
        return unit.layer in channels and (unit.channel or 0) < channels[unit.layer]

    shared = {name: weight for name, weight in settings.motifs.items() if name in motifs}
    layers = {entry: weight for entry, weight in settings.layers.items() if has(entry)}
    asked = any(settings.motifs.values()) or any(settings.layers.values())
    if asked and not (any(shared.values()) or any(layers.values()) or settings.guide):
        layers = {default_layer: 1.0}
    guide_layer = settings.guide_layer if settings.guide_layer in channels else ""
    return settings.model_copy(update={"motifs": shared, "layers": layers, "guide_layer": guide_layer})


def _known(kind: str, name: str, names: tuple[str, ...]) -> None:
    if name in names:
        return
    near = difflib.get_close_matches(name, names, 3)
    hint = f"did you mean {' or '.join(near)}?" if near else f"there are: {', '.join(names) or 'none'}"
    raise SettingsError(f"no {kind} is called {name!r}; {hint}")

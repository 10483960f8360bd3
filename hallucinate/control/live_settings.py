"""The settings that are in force, and the one door through which they change."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from pydantic import ValidationError

from hallucinate.errors import SettingsError
from hallucinate.messages import did_you_mean, settings_error
from hallucinate.settings import Settings, read_unit


class Snapshot(NamedTuple):
    """The settings in force at one moment; frozen, so it may be used for the length of a frame.

    revision: counts the changes, from 0 at the start. origin: who made the last one, e.g. ``api`` or ``network``.
    """

    settings: Settings
    revision: int
    origin: str


Listener = Callable[[Snapshot], None]


class LiveSettings:
    """The one snapshot of settings that everybody reads, and the only door for changing it. Safe between threads.

    ``motifs`` and ``layers`` are the names that the open network knows; others are refused here, so that a dream never
    starts on a name that does not exist. ``families``, a word for each motif, go into the schema, for pages that show
    many; ``channels`` are how many each layer has. ``use`` takes another network's.
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
        self._snapshot = Snapshot(start, 0, "start")

    @property
    def snapshot(self) -> Snapshot:
        """The settings in force with their revision and origin, which belong together."""
        return self._snapshot

    @property
    def current(self) -> Settings:
        """The settings in force."""
        return self._snapshot.settings

    def patch(self, changes: Mapping[str, object], origin: str = "api") -> Settings:
        """Change the named settings, all or none, and tell the listeners.

        ``motifs`` is replaced as a whole. origin: who changes them. Raises SettingsError, with nothing changed, when a
        setting does not exist, or a value is of the wrong type or out of its range.
        """
        with self._lock:
            try:
                settings = Settings.model_validate({**self.current.model_dump(), **changes})
            except ValidationError as error:
                raise settings_error(error, Settings.model_fields) from None
            self._check(settings)
            change = self._take(settings, origin)
        return _tell(*change)

    def set_picture(self, kind: str, present: bool) -> None:
        """From now on there is a "guide" or a "mask", or none; settings that need a missing one are reset."""
        changes: dict[str, object] = {}
        with self._lock:
            self.pictures = self.pictures | {kind} if present else self.pictures - {kind}
            if not present and kind == "guide" and self.current.guide > 0:
                changes = {"guide": 0.0}
            if not present and kind == "mask" and self.current.where == "painted":
                changes = {"where": "everywhere"}
        if changes:
            self.patch(changes, origin="picture")

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
            settings = fitted(self.current, motifs, channels, default_layer)
            self.motifs, self.layers = motifs, layers
            self.families, self.channels = dict(families), dict(channels)
            change = self._take(settings, "network")
        return _tell(*change)

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call ``listener`` after each change, on the changing thread; returns what ends that."""
        with self._lock:
            self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def schema(self) -> dict[str, Any]:
        """JSON schema of the settings, with the names that this network knows."""
        with self._lock:
            schema = Settings.model_json_schema()
            schema["properties"]["motifs"]["propertyNames"] = {"enum": list(self.motifs)}
            schema["properties"]["motifs"]["families"] = self.families
            schema["properties"]["layers"]["propertyNames"] = {"enum": list(self.layers)}
            schema["properties"]["layers"]["channels"] = self.channels
            schema["properties"]["guide_layer"]["enum"] = ["", *self.layers]
        return schema

    def _take(self, settings: Settings, origin: str) -> tuple[Snapshot, list[Listener]]:
        """Put checked settings in force, under the lock; returns who is to hear of it after the lock."""
        self._snapshot = Snapshot(settings, self._snapshot.revision + 1, origin)
        return self._snapshot, list(self._listeners)

    def _check(self, settings: Settings) -> None:
        for name in settings.motifs:
            _check_name("motif", name, self.motifs)
        for layer, channel, _ in map(read_unit, settings.layers):
            _check_name("layer", layer, self.layers)
            channels = self.channels.get(layer)
            if channel is not None and channels is not None and channel >= channels:
                message = f"layers: {layer} has channels 0 to {channels - 1}, received {channel}"
                raise SettingsError(message, code="channel_out_of_range")
        if settings.guide_layer:
            _check_name("layer", settings.guide_layer, self.layers)
        for kind, needed in (("guide", settings.guide > 0), ("mask", settings.where == "painted")):
            if needed and kind not in self.pictures:
                raise SettingsError(
                    f"there is no {kind} picture yet; PUT one to /api/{kind}, or start with --{kind}-image",
                    code="picture_missing",
                )
        if settings.dream_width_min > settings.dream_width:
            raise SettingsError(
                f"dream_width_min: {settings.dream_width_min} is above dream_width, {settings.dream_width}; "
                "lower the one, or raise the other",
                code="settings_conflict",
            )


def fitted(settings: Settings, motifs: tuple[str, ...], channels: Mapping[str, int], default_layer: str) -> Settings:
    """The settings without what a network does not have.

    What it shares stays; where that is nothing, its default layer takes the place; settings without any objective stay
    without. channels: how many each of its layers has.
    """

    def has(entry: str) -> bool:
        unit = read_unit(entry)
        return unit.layer in channels and (unit.channel or 0) < channels[unit.layer]

    shared = {name: weight for name, weight in settings.motifs.items() if name in motifs}
    layers = {entry: weight for entry, weight in settings.layers.items() if has(entry)}
    had_objectives = any(settings.motifs.values()) or any(settings.layers.values())
    if had_objectives and not (any(shared.values()) or any(layers.values()) or settings.guide):
        layers = {default_layer: 1.0}
    guide_layer = settings.guide_layer if settings.guide_layer in channels else ""
    return settings.model_copy(update={"motifs": shared, "layers": layers, "guide_layer": guide_layer})


def _check_name(kind: str, name: str, names: tuple[str, ...]) -> None:
    if name not in names:
        hint = did_you_mean(name, names, most=3) or f"there are: {', '.join(names) or 'none'}"
        raise SettingsError(f"there is no {kind} {name!r}; {hint}", code=f"{kind}_unknown")


def _tell(snapshot: Snapshot, listeners: list[Listener]) -> Settings:
    for listener in listeners:
        listener(snapshot)
    return snapshot.settings

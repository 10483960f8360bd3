"""What somebody requests of a dream on the command line, the same for films, stills, sweeps and zooms."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from hallucinate.control.live_settings import LiveSettings
from hallucinate.errors import SettingsError, SourceUnavailable
from hallucinate.frame import Picture
from hallucinate.messages import did_you_mean
from hallucinate.networks import Network
from hallucinate.networks.registry import NetworkOptions
from hallucinate.settings import Settings
from hallucinate.sources.picture import load_picture
from hallucinate.work_folder import file_identity

LEAST_SIDE = 16
"""Pixels of the shorter side from which the networks' deepest layers have something to look at (8 is too few)."""


@dataclass(frozen=True)
class DreamRequest:
    """One request.

    preset: a name in ``still.presets``, "" for none. iterations: steps on each octave. step_size: mean size of a step
    in [0, 1] units. Both None for what the preset or the default says. network: a name or a file. device: as for
    ``device.choose_device``. tile: pixels along a tile of a large picture. guide_image, mask_image: picture files.
    """

    settings: Settings
    preset: str = ""
    iterations: int | None = None
    step_size: float | None = None
    network: str = "motif"
    device: str = "auto"
    seed: int = 0
    tile: int = 1024
    guide_image: Path | None = None
    mask_image: Path | None = None
    network_options: NetworkOptions = field(default_factory=NetworkOptions)

    def facts(self) -> dict[str, object]:
        """All that decides what the dream looks like, as values for JSON. Raises OSError for a file that is gone."""
        names = ("preset", "iterations", "step_size", "network", "seed", "tile")
        files = {**self.pictures(), "weights": self.network_options.weights}
        return {
            "settings": self.settings.model_dump(mode="json", exclude_unset=True),
            **{name: getattr(self, name) for name in names},
            **{name: None if path is None else file_identity(path) for name, path in files.items()},
        }

    def pictures(self) -> dict[str, Path | None]:
        """The picture files beside the one that is dreamed: "guide" and "mask"."""
        return {"guide": self.guide_image, "mask": self.mask_image}


def check_picture_file(path: Path) -> None:
    """Raise SourceUnavailable, in one line, for a picture that does not exist, a folder, or an empty file."""
    if path.is_dir():
        raise SourceUnavailable(f"{path} is a folder; name a picture in it")
    if not path.exists():
        raise SourceUnavailable(f"there is no picture {path}; check the spelling and the folder", code="file_missing")
    if path.stat().st_size == 0:
        raise SourceUnavailable(f"{path} is empty, 0 bytes; name a png, jpg, webp or tiff", code="file_empty")


def check_least_side(what: str, width: int, height: int) -> None:
    """Raise SourceUnavailable for pictures that are too small to be dreamed. what: whose they are, for the message."""
    if min(width, height) < LEAST_SIDE:
        raise SourceUnavailable(
            f"{what} {width}×{height}; a dream needs {LEAST_SIDE}×{LEAST_SIDE} at least; enlarge it first"
        )


def load_pictures(files: Mapping[str, Path | None]) -> dict[str, Picture]:
    """The pictures of those files that are named, each uint8 RGB (H, W, 3).

    Raises SourceUnavailable for a file that is not a picture.
    """
    named = {kind: path for kind, path in files.items() if path is not None}
    for path in named.values():
        check_picture_file(path)
    return {kind: load_picture(path) for kind, path in named.items()}


def complete_settings(
    settings: Settings, pictures: Collection[str], network: Network, classic: bool = False
) -> Settings:
    """The settings, with what goes without saying added.

    A guide picture means ``guide``, a mask picture means ``where=painted``; and where no objective is named, a network
    without an eye among its motifs, or a classic dream, takes the network's default layer.
    pictures: which of "guide" and "mask" there are. classic: whether the dream is one of the classic presets'.
    """
    explicit = settings.model_fields_set
    if "guide" in pictures and "guide" not in explicit:
        settings = with_settings(settings, guide=1.0, motifs=settings.motifs if explicit & {"motifs", "layers"} else {})
    if "mask" in pictures and "where" not in explicit:
        settings = with_settings(settings, where="painted")
    nothing_named = not settings.model_fields_set & {"motifs", "layers"} and not settings.guide
    if nothing_named and (classic or "eye" not in network.motifs):
        settings = with_settings(settings, motifs={}, layers={network.default_layer: 1.0})
    return settings


def with_settings(settings: Settings, **changes: object) -> Settings:
    """The settings with changes; only what was set explicitly, or is changed, counts as set. Raises ValidationError."""
    explicit = {name: getattr(settings, name) for name in settings.model_fields_set}
    return Settings.model_validate({**explicit, **changes})


def objective_settings(option: str, name: str, network: Network) -> dict[str, object]:
    """The settings that request a layer or a motif alone.

    Raises SettingsError, with ``option`` and the nearest names, for a name that the network does not know.
    """
    if name in network.motifs:
        return {"motifs": {name: 1.0}, "layers": {}, "guide": 0.0}
    if name.partition(":")[0] in network.layers:
        return {"motifs": {}, "layers": {name: 1.0}, "guide": 0.0}
    hint = did_you_mean(name, [*network.motifs, *network.layers]) or f"the layers are: {', '.join(network.layers)}"
    raise SettingsError(f"{option}: no layer or motif is called {name!r}; {hint}")


def check_settings(network: Network, settings: Settings, pictures: Collection[str]) -> Settings:
    """The same settings.

    pictures: which of "guide" and "mask" there are. Raises SettingsError for a name that the network does not know,
    with the nearest, and for settings that need a picture that is missing.
    """
    for kind, needed in (("guide", settings.guide > 0), ("mask", settings.where == "painted")):
        if needed and kind not in pictures:
            raise SettingsError(
                f"the settings need a {kind} picture; name one with --{kind}-image", code="picture_missing"
            )
    LiveSettings(settings, network.motifs, network.layers, network.families, network.channels, frozenset(pictures))
    return settings

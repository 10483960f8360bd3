"""What every offline dream of a still begins with: the network, what is asked of it, what was given, enough memory."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch

from hallucinate.control.live_settings import LiveSettings
from hallucinate.device import choose_device, free_memory
from hallucinate.dream.objective_set import Guide, compile_objectives
from hallucinate.dream.still import StillOptions, StillRun, iterate
from hallucinate.dream.strength import read_strength_calibration
from hallucinate.dream.tiles import receptive_field
from hallucinate.errors import SettingsError, SourceUnavailable
from hallucinate.files import shipped
from hallucinate.frame import Picture, to_picture, to_tensor
from hallucinate.messages import did_you_mean
from hallucinate.networks import Network
from hallucinate.networks.registry import NetworkOptions, open_network
from hallucinate.settings import Settings
from hallucinate.sources.picture import load_picture
from hallucinate.studio.likes import find_like, likened
from hallucinate.studio.photos import check_there, photo_size

BYTES_A_PIXEL, BYTES_AT_LEAST = 170, 1.2e9
"""Memory that dreaming a picture takes for each of its pixels (on one octave 132 to 148 were measured, of 12 and of 6
megapixels), and for the network and a tile."""


@dataclass(frozen=True)
class Ask:
    """What was asked for on the command line, the same for every offline command.

    iterations, step_size: None for what ``like`` or the default says.
    """

    settings: Settings
    like: str = ""
    iterations: int | None = None
    step_size: float | None = None
    network: str = "motif"
    device: str = "auto"
    seed: int = 0
    tile: int = 1024
    guide_image: Path | None = None
    mask_image: Path | None = None
    given: NetworkOptions = field(default_factory=NetworkOptions)

    def told(self) -> dict[str, object]:
        """All that decides what the dream looks like, for JSON."""
        given = {**self.files(), "weights": self.given.weights}
        files = {name: None if path is None else made_of(path) for name, path in given.items()}
        plain = {name: getattr(self, name) for name in ("like", "iterations", "step_size", "network", "seed", "tile")}
        return {"settings": self.settings.model_dump(mode="json", exclude_unset=True), **plain, **files}

    def files(self) -> dict[str, Path | None]:
        """The pictures beside the one that is dreamed."""
        return {"guide": self.guide_image, "mask": self.mask_image}


def made_of(path: Path) -> list[object]:
    """A file, so that another one of the same name is told from it."""
    facts = path.stat()
    return [str(path.resolve()), facts.st_size, facts.st_mtime_ns]


@dataclass(frozen=True)
class Easel:
    """Everything but the photo: with it, sittings are made. margin: of tiles, measured once when it is first needed."""

    network: Network
    device: torch.device
    settings: Settings
    manner: StillOptions
    guide: Picture | None
    mask: Picture | None

    def sitting(self, width: int, height: int) -> StillRun:
        """A sitting for a photo of that size."""
        guide = None if self.guide is None else Guide(self.guide)
        wanted = compile_objectives(self.network, self.settings, guide, self.device, bounded=False)
        large = width * height > self.manner.tile**2
        mask = None
        if self.mask is not None and self.settings.where == "painted":
            mask = to_tensor(self.mask, self.device).mean(1, keepdim=True)
        calibration = read_strength_calibration(shipped("calibration") / "strength" / f"{self.network.name}.json")
        margin = receptive_field(wanted, self.device) if large else 0
        return StillRun(self.network, wanted, self.settings, self.manner, calibration, margin, mask)

    def asking(self, **knobs: object) -> Easel:
        """The same, with other knobs. Raises SettingsError."""
        there = [kind for kind in ("guide", "mask") if getattr(self, kind) is not None]
        return replace(self, settings=checked(self.network, more(self.settings, **knobs), there))


def easel(ask: Ask) -> Easel:
    """Open what was asked for. Raises HallucinateError for what is not there, before anything is dreamed."""
    like = find_like(ask.like) if ask.like else None
    pictures = read_pictures(ask.files())
    device = choose_device(ask.device)
    # In float32 on every device: a tile's gradient must be the whole picture's, and nobody waits for a frame.
    network = open_network(ask.network, device, torch.float32, options=ask.given)
    settings = fitted(likened(like, ask.settings), pictures, network, classic=like is not None)
    if settings.where == "moving":
        raise SettingsError("where: a still does not move; give everywhere, or painted with --mask-image")
    manner = StillOptions(
        iterations=ask.iterations or (like.iterations if like else 10),
        step_size=ask.step_size if ask.step_size is not None else (like.step_size if like else None),
        classic=like is not None,
        seed=ask.seed,
        tile=ask.tile,
    )
    settings = checked(network, settings, pictures)
    return Easel(network, device, settings, manner, pictures.get("guide"), pictures.get("mask"))


def read_pictures(files: Mapping[str, Path | None]) -> dict[str, Picture]:
    """The guide and the mask, as far as they are given. Raises SourceUnavailable for what is no picture."""
    given = {kind: path for kind, path in files.items() if path is not None}
    for path in given.values():
        check_there(path)
    return {kind: load_picture(path) for kind, path in given.items()}


def fitted(settings: Settings, pictures: Collection[str], network: Network, classic: bool = False) -> Settings:
    """The settings, and what goes without saying: who gives a guide or a mask means it, and where nothing is named, a
    network that knows no eyes, or a classic dream, is asked for its layer."""
    given = settings.model_fields_set
    if "guide" in pictures and "guide" not in given:
        settings = more(settings, guide=1.0, motifs=settings.motifs if given & {"motifs", "layers"} else {})
    if "mask" in pictures and "where" not in given:
        settings = more(settings, where="painted")
    nothing_named = not settings.model_fields_set & {"motifs", "layers"} and not settings.guide
    if nothing_named and (classic or "eye" not in network.motifs):
        settings = more(settings, motifs={}, layers={network.default_layer: 1.0})
    return settings


def asked_by(option: str, name: str, network: Network) -> dict[str, object]:
    """The knobs that ask for a layer or a motif alone. Raises SettingsError, with the nearest names, for neither."""
    if name in network.motifs:
        return {"motifs": {name: 1.0}, "layers": {}, "guide": 0.0}
    if name.partition(":")[0] in network.layers:
        return {"motifs": {}, "layers": {name: 1.0}, "guide": 0.0}
    names = [*network.motifs, *network.layers]
    hint = did_you_mean(name, names, most=3) or f"layers are: {', '.join(network.layers)}"
    raise SettingsError(f"{option}: no layer or motif is called {name!r}; {hint}")


def more(settings: Settings, **knobs: object) -> Settings:
    """The settings that were given, with others set as well."""
    given = {name: getattr(settings, name) for name in settings.model_fields_set}
    return Settings.model_validate({**given, **knobs})


def checked(network: Network, settings: Settings, pictures: Collection[str]) -> Settings:
    """The same settings. Raises SettingsError for a name that the network does not know, with the nearest, and for a
    picture that is not there."""
    for kind, wanted in (("guide", settings.guide > 0), ("mask", settings.where == "painted")):
        if wanted and kind not in pictures:
            raise SettingsError(f"there is no {kind} picture; give one with --{kind}-image")
    LiveSettings(settings, network.motifs, network.layers, network.families, network.channels, frozenset(pictures))
    return settings


def read_sized(path: Path, device: torch.device) -> None:
    """Raise SourceUnavailable for a picture that is not there, or that is larger than the memory."""
    check_there(path)
    size = photo_size(path)
    if size is not None:
        check_memory(path.name, *size, free_memory(device))


def check_memory(name: str, width: int, height: int, free: float) -> None:
    """Raise SourceUnavailable, with the size that fits, where a picture of that size does not fit."""
    fits = max(0.0, free - BYTES_AT_LEAST) / BYTES_A_PIXEL
    if width * height > fits:
        needed = width * height * BYTES_A_PIXEL + BYTES_AT_LEAST
        shrink = (fits / (width * height)) ** 0.5
        raise SourceUnavailable(
            f"{name} has {width}×{height} pixels, dreaming it takes about {needed / 1e9:.1f} GB of memory, of which "
            f"{free / 1e9:.1f} are free; {int(width * shrink)}×{int(height * shrink)} would fit: shrink it to that"
        )


def dreamed(easel: Easel, photo: Picture) -> Picture:
    """A photo dreamed to the end: uint8 RGB (H, W, 3) both. In memory, for small ones."""
    x = to_tensor(photo, easel.device)
    detail = None
    for reached in iterate(easel.sitting(photo.shape[1], photo.shape[0]), x):
        detail = reached.detail
    return photo if detail is None else finished(x, detail)


def finished(x: torch.Tensor, detail: torch.Tensor) -> Picture:
    """A photo, (1, 3, H, W), with a detail of any size laid on it: uint8 RGB (H, W, 3)."""
    if detail.shape != x.shape:
        detail = torch.nn.functional.interpolate(detail, x.shape[2:], mode="bilinear", align_corners=False)
    picture = to_picture(x + detail)
    assert picture.dtype == np.uint8
    return picture

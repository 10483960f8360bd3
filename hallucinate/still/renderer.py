"""What dreams stills: an open network with everything that was requested of it, ready for pictures."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from hallucinate.device import choose_device
from hallucinate.dream.objective_set import Guide, compile_objectives
from hallucinate.dream.still import StillOptions, StillRun, iterate
from hallucinate.dream.strength_calibration import read_strength_calibration
from hallucinate.dream.tiles import receptive_field
from hallucinate.dream_request import (
    DreamRequest,
    check_settings,
    complete_settings,
    load_pictures,
    with_settings,
)
from hallucinate.errors import SettingsError
from hallucinate.files import shipped
from hallucinate.frame import Picture, to_picture, to_tensor
from hallucinate.networks import Network
from hallucinate.networks.registry import open_network
from hallucinate.settings import Settings
from hallucinate.still.presets import find_preset, with_preset

ITERATIONS = 10
"""Steps on each octave, where nobody said."""


@dataclass(frozen=True)
class StillRenderer:
    """Everything that a dream needs but the photo. guide, mask: uint8 RGB (H, W, 3), or None."""

    network: Network
    device: torch.device
    settings: Settings
    options: StillOptions
    guide: Picture | None
    mask: Picture | None

    def start(self, width: int, height: int) -> StillRun:
        """A run for a photo of that size."""
        guide = None if self.guide is None else Guide(self.guide)
        objectives = compile_objectives(self.network, self.settings, guide, self.device, bounded=False)
        large = width * height > self.options.tile**2
        mask = None
        if self.mask is not None and self.settings.where == "painted":
            mask = to_tensor(self.mask, self.device).mean(1, keepdim=True)
        calibration = read_strength_calibration(shipped("calibration") / "strength" / f"{self.network.name}.json")
        margin = receptive_field(objectives, self.device) if large else 0
        return StillRun(self.network, objectives, self.settings, self.options, calibration, margin, mask)

    def with_settings(self, **changes: object) -> StillRenderer:
        """The same with some settings changed. Raises SettingsError."""
        pictures = [kind for kind in ("guide", "mask") if getattr(self, kind) is not None]
        return replace(self, settings=check_settings(self.network, with_settings(self.settings, **changes), pictures))

    def render(self, photo: Picture) -> Picture:
        """A photo dreamed to the end, with no checkpoint: for small ones. uint8 RGB (H, W, 3) both."""
        return render_run(self.start(photo.shape[1], photo.shape[0]), photo, self.device)


def open_renderer(request: DreamRequest) -> StillRenderer:
    """Open what a request names. Raises HallucinateError for what does not exist, before anything is dreamed."""
    preset = find_preset(request.preset) if request.preset else None
    pictures = load_pictures(request.pictures())
    device = choose_device(request.device)
    # In float32 on every device: a tile's gradient must be the whole picture's, and nobody waits for a frame.
    network = open_network(request.network, device, torch.float32, options=request.network_options)
    settings = complete_settings(with_preset(preset, request.settings), pictures, network, classic=preset is not None)
    if settings.where == "moving":
        raise SettingsError("--where moving: nothing moves in a still; use everywhere, or painted with --mask-image")
    options = StillOptions(
        iterations=request.iterations or (preset.iterations if preset else ITERATIONS),
        step_size=request.step_size if request.step_size is not None else (preset.step_size if preset else None),
        classic=preset is not None,
        seed=request.seed,
        tile=request.tile,
    )
    settings = check_settings(network, settings, pictures)
    return StillRenderer(network, device, settings, options, pictures.get("guide"), pictures.get("mask"))


def render_run(run: StillRun, photo: Picture, device: torch.device) -> Picture:
    """A photo dreamed to the end: uint8 RGB (H, W, 3) both."""
    x = to_tensor(photo, device)
    detail = torch.zeros_like(x)
    for progress in iterate(run, x):
        detail = progress.detail
    return composite(x, detail)


def composite(x: torch.Tensor, detail: torch.Tensor) -> Picture:
    """photo + detail: uint8 RGB (H, W, 3). x: (1, 3, H, W) in [0, 1]. detail: (1, 3, h, w) of any size, enlarged."""
    if detail.shape != x.shape:
        detail = torch.nn.functional.interpolate(detail, x.shape[2:], mode="bilinear", align_corners=False)
    return to_picture(x + detail)

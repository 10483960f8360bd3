"""The dreamer: residual feedback, a frame of every camera at a time."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch

from hallucinate.dream.ascent import resized
from hallucinate.dream.cuda import Array, Graphs, Tray
from hallucinate.dream.flow import FLOW_WIDTH, Flow, carried
from hallucinate.dream.growth import Carried, Dials, Plan, dreamed, grown, of_each
from hallucinate.dream.hallucination import Change, Hallucination
from hallucinate.dream.light import lit
from hallucinate.dream.objectives import asked, features, weights
from hallucinate.dream.octaves import dream_size, octave_sizes
from hallucinate.dream.priors import Shaping, radius_for
from hallucinate.dream.strength import StrengthCalibration
from hallucinate.dream.surface import MARGIN, Surface, beside_each_other, disparity, eyes
from hallucinate.frame import Frame, OperatingPoint, Picture, laid_on, shrunk, to_luma, to_tensor
from hallucinate.panorama.remap import Layout
from hallucinate.settings import Settings, read_unit

if TYPE_CHECKING:
    from hallucinate.networks import Network

GUIDE_PX, MASK_PX = 224, 256
"""The longer side, at most, of the guide as the network sees it (ImageNet's own size), and of a mask."""

LONGEST_GAP_S = 0.25
"""Frames further apart than this grow no more than after this gap: a stall must not end in a leap."""

Wanted = Mapping[tuple[str, str], float]
"""What ``objectives.asked`` gives."""

Pending = Callable[[], list[Picture]]
"""Dreams that the device is at work on; calling it waits for them."""


class Guide:
    """A picture to dream of. picture: uint8 RGB (H, W, 3), as large as the network shall see it."""

    def __init__(self, picture: Picture) -> None:
        self._picture = picture
        self._network: Network | None = None
        self._found: dict[str, torch.Tensor] = {}

    def at(self, network: Network, layer: str, device: torch.device) -> torch.Tensor:
        """What it has at a layer, as ``objectives.features`` gives it; found once for a network."""
        if network is not self._network:
            self._network, self._found = network, {}
        if layer not in self._found:
            self._found[layer] = features(network, layer, to_tensor(self._picture, device))
        return self._found[layer]


class Dreamer:
    """Dreams the frames of one camera or several, with one network. Owned by the dreaming thread.

    The camera's picture is never resampled: what is dreamed is enlarged and laid on it.
    """

    def __init__(
        self,
        network: Network,
        device: torch.device,
        seed: int = 0,
        calibration: StrengthCalibration | None = None,
        surface: Surface = Surface.FLAT,
        layout: Layout = Layout.MONO,
    ) -> None:
        self._network, self._device = network, device
        self._agreement = calibration or StrengthCalibration()
        self._random = np.random.default_rng(seed)
        self._turn = 0
        self._alone = Hallucination(surface, layout)
        self._guide: Guide | None = None
        self._no_guide = torch.zeros(1, 1, device=device)
        self._mask: Array | None = None
        self._flow = Flow()  # from eye to eye
        # The CPU's own resizing is OpenCV's; everywhere else the whole frame is the device's work.
        self._whole = device.type != "cpu"
        self._graphs = Graphs() if device.type == "cuda" else None
        # Flow is the CPU's work, which lets other threads run: several cameras are looked at side by side.
        self._lookers = ThreadPoolExecutor(min(8, os.cpu_count() or 1), "looker")
        # Two, so that the next frame can be brought while the last is still on its way back.
        self._trays = [Tray(device), Tray(device)]

    def use(self, network: Network, calibration: StrengthCalibration) -> None:
        """Dream on with another network: what was dreamed stays, what was captured for the one before is let go."""
        self._network, self._agreement = network, calibration
        if self._graphs is not None:
            self._graphs = Graphs()

    @property
    def cleared(self) -> int:
        """How many frames of a camera alone had their residual cleared because it was no longer a number."""
        return self._alone.cleared

    def guide(self, picture: Picture | None) -> None:
        """What ``Settings.guide`` dreams of from now on: uint8 RGB (H, W, 3), of any size. Any thread."""
        self._guide = None if picture is None else Guide(smaller(picture, GUIDE_PX))

    def mask(self, picture: Picture | None) -> None:
        """Where ``Settings.where`` "painted" dreams from now on, as bright as the picture is. Any thread."""
        if picture is None:
            self._mask = None
        else:
            luma = cv2.cvtColor(smaller(picture, MASK_PX), cv2.COLOR_RGB2GRAY)
            self._mask = np.asarray(luma, np.float32)[None] / 255

    def dream(self, frame: Frame, settings: Settings, point: OperatingPoint) -> Picture:
        """The next frame of a camera alone, dreamed: uint8 RGB (H, W, 3), the frame's own size."""
        return self.together([(self._alone, frame)], settings, point)[0]

    def together(
        self, cameras: Sequence[tuple[Hallucination, Frame]], settings: Settings, point: OperatingPoint
    ) -> list[Picture]:
        """The next frame of each of several cameras, dreamed; those of one kind and size as one batch.

        Of a stereo pair the left eye's view is dreamed, and the right eye is shown the same hallucination, moved by the
        disparity: half the work, and nothing that the two eyes could disagree on.
        """
        views = [eyes(frame.picture, hallucination.layout) for hallucination, frame in cameras]
        lefts = [(h, h.left(frame, seen[0])) for (h, frame), seen in zip(cameras, views, strict=True)]
        kinds = [(hallucination.surface, frame.picture.shape) for hallucination, frame in lefts]
        dreams: dict[int, Picture] = {}
        for kind in dict.fromkeys(kinds):
            alike = [n for n, other in enumerate(kinds) if other == kind]
            dreams.update(zip(alike, self.begin([lefts[n] for n in alike], settings, point)(), strict=True))
        for n, ((hallucination, _), seen) in enumerate(zip(cameras, views, strict=True)):
            if len(seen) == 2:
                right = self._right(hallucination, *seen)
                dreams[n] = beside_each_other((dreams[n], right), hallucination.layout)
        return [dreams[n] for n in range(len(cameras))]

    def _right(self, hallucination: Hallucination, left: Picture, right: Picture) -> Picture:
        """The right eye's view with what the left one's was dreamed into."""
        assert hallucination.carried is not None
        wraps = hallucination.surface.wraps
        height, width = dream_size(left.shape[0], left.shape[1], FLOW_WIDTH, MARGIN)
        lumas = (to_luma(left, width, height), to_luma(right, width, height))
        moved = disparity(self._flow, *lumas, hallucination.surface)
        r = carried(hallucination.carried.residual, moved.to(self._device), wraps)
        return laid_on(lit(right, hallucination.gain), r.cpu(), wraps)

    def begin(
        self, cameras: Sequence[tuple[Hallucination, Frame]], settings: Settings, point: OperatingPoint
    ) -> Pending:
        """Set the device to work on the next frame of each of several cameras, all of one size, as one batch.

        On a GPU the dreams of one call may be waited for after the next was made: no more than two at once.
        """
        changes = self._changes(cameras, settings)
        pictures = [lit(frame.picture, hallucination.gain) for hallucination, frame in cameras]
        surface = cameras[0][0].surface
        multiple = MARGIN if surface.wraps else 1
        height, width = dream_size(pictures[0].shape[0], pictures[0].shape[1], point.width, multiple)
        if point.steps:
            for hallucination, frame in cameras:
                hallucination.climb(frame)
        held = [self._carried(hallucination.carried, height, width, surface.wraps) for hallucination, _ in cameras]
        before = Carried(*(torch.cat(each) for each in zip(*held, strict=True)))
        shown = self._guide  # read once: another may be handed in meanwhile
        wanted = {key: w for key, w in asked(settings).items() if shown is not None or key[0] != "guide"}
        plan = self._plan(wanted, surface, changes, settings, height, width, point.steps)
        dials = self._dials(wanted, surface, changes, settings, point)
        guide = shown.at(self._network, plan.guide, self._device) if shown and plan.guide else self._no_guide
        arrays = {**dials, "fields": fields(changes)}
        if not self._whole:
            on = {name: torch.from_numpy(array) for name, array in arrays.items()}
            camera = torch.cat([to_tensor(shrunk(picture, width, height), self._device) for picture in pictures])
            r, colour, fine = grown(self._network, plan, camera, before, guide, on.pop("fields"), Dials(**on))
            for (hallucination, _), kept, good in zip(cameras, of_each(r, colour), fine.tolist(), strict=True):
                hallucination.keep(kept, good)
            return lambda: [laid_on(picture, r[n : n + 1], surface.wraps) for n, picture in enumerate(pictures)]
        return self._begun([h for h, _ in cameras], plan, np.stack(pictures), [*before, guide], arrays)

    def _begun(
        self,
        hallucinations: list[Hallucination],
        plan: Plan,
        pictures: Picture,
        held: list[torch.Tensor],
        arrays: dict[str, Array],
    ) -> Pending:
        """The same where all of it is the device's work, from the pictures to the dreams."""
        self._trays.reverse()
        tray = self._trays[0]
        names = list(arrays)
        inputs = [tray.bring("pictures", pictures), *held, *(tray.bring(name, arrays[name]) for name in names)]

        def work(given: Sequence[torch.Tensor]) -> tuple[torch.Tensor, ...]:
            on = dict(zip(names, given[4:], strict=True))
            return dreamed(self._network, plan, given[0], Carried(*given[1:3]), given[3], on.pop("fields"), Dials(**on))

        shown, r, colour, fine = self._graphs.run(plan, work, inputs) if self._graphs else work(inputs)
        tray.send("shown", shown)
        tray.send("fine", fine)
        for hallucination, kept in zip(hallucinations, of_each(r, colour), strict=True):
            hallucination.keep(kept)

        def fetched() -> list[Picture]:
            for hallucination, good in zip(hallucinations, tray.fetch("fine").tolist(), strict=True):
                hallucination.cleared += not good
            return list(np.asarray(tray.fetch("shown"), np.uint8))

        return fetched

    def _changes(self, cameras: Sequence[tuple[Hallucination, Frame]], settings: Settings) -> list[Change]:
        if len(cameras) == 1:  # at once: another thread would only be waited for
            return [hallucination.change(frame, settings) for hallucination, frame in cameras]
        return list(self._lookers.map(lambda camera: camera[0].change(camera[1], settings), cameras))

    def _carried(self, before: Carried | None, height: int, width: int, wraps: bool) -> Carried:
        if before is None:
            return Carried(*(torch.zeros(size, device=self._device) for size in ((1, 3, height, width), (1, 3, 1, 1))))
        return Carried(resized(before.residual, height, width, wraps), before.colour)

    def _plan(
        self,
        wanted: Wanted,
        surface: Surface,
        changes: Sequence[Change],
        settings: Settings,
        height: int,
        width: int,
        steps: int,
    ) -> Plan:
        """What runs on the device; each step is on the next octave of the cycle, coarse to fine."""
        kinds = [kind for kind, _ in wanted]
        sizes: list[tuple[int, int]] = []
        if settings.strength > 0 and kinds:
            share = settings.motif_degrees / surface.degrees if surface.degrees else settings.motif_size
            finest, multiple = self._network.motif_px / share, MARGIN if surface.wraps else 1
            octaves = octave_sizes(height, width, finest, settings.octaves, settings.octave_scale, multiple)
            sizes = [octaves[(self._turn + n) % len(octaves)] for n in range(steps)]
            self._turn += steps
        return Plan(
            sizes=tuple(sizes),
            motifs="motifs" in kinds,
            units=tuple(read_unit(name) for kind, name in wanted if kind == "layers"),
            guide=(settings.guide_layer or self._network.default_layer) if "guide" in kinds else "",
            jitter=settings.jitter,
            carried=any(change.field is not None for change in changes),
            masked=settings.where != "everywhere",
            shaping=Shaping(
                radius=radius_for(settings.gradient_blur),
                levels=settings.laplacian_levels,
                natural=settings.colour_decorrelation,
            ),
            drawn=settings.total_variation > 0 or settings.l2_weight > 0,
            surface=surface,
        )

    def _dials(
        self,
        wanted: Wanted,
        surface: Surface,
        changes: Sequence[Change],
        settings: Settings,
        point: OperatingPoint,
    ) -> dict[str, Array]:
        """The frame's numbers, as ``Dials`` names them."""
        limit = self._agreement.reach(settings)
        # Full strength within growth_s, whatever the frame rate and the number of steps.
        seconds = np.array([min(change.climbs, LONGEST_GAP_S) for change in changes])
        rate = limit * seconds / settings.growth_s / self._agreement.of(settings) / max(1, point.steps)
        each = {"rate": rate, "limit": np.full(len(changes), limit)}
        each |= {name: np.array([getattr(change, name) for change in changes]) for name in ("left", "fresh")}
        motifs = {name: weight for (kind, name), weight in wanted.items() if kind == "motifs"}
        others = [weight for (kind, _), weight in wanted.items() if kind != "motifs"]
        farthest = settings.jitter + 1 if surface is Surface.FLAT else 2**31
        shares = [sum(motifs.values()), *others] if motifs else others
        return {
            **{name: np.asarray(values, np.float32).reshape(-1, 1, 1, 1) for name, values in each.items()},
            "weights": np.array(weights(self._network, motifs), np.float32),
            "shares": np.array(shares, np.float32) / max(1e-6, sum(shares)),
            "priors": np.array([settings.gradient_blur, settings.total_variation, settings.l2_weight], np.float32),
            "shifts": self._random.integers(0, farthest, (point.steps, 2)),
            "mask": self._masks(changes, settings),
        }

    def _masks(self, changes: Sequence[Change], settings: Settings) -> Array:
        """Where each camera's picture may dream, (B, 1, h, w), 0 to 1."""
        nowhere = np.zeros((1, 1, 1), np.float32)
        if settings.where == "moving":
            return np.stack([nowhere if change.moving is None else change.moving[None] for change in changes])
        painted = self._mask if settings.where == "painted" else None
        return np.stack([nowhere if painted is None else painted] * len(changes))


def smaller(picture: Picture, side: int) -> Picture:
    """The picture with its longer side at most so many pixels: uint8 RGB (h, w, 3)."""
    scale = min(1.0, side / max(picture.shape[:2]))
    return shrunk(picture, *(max(32, round(n * scale)) for n in picture.shape[1::-1]))


def fields(changes: Sequence[Change]) -> Array:
    """The fields of several cameras as one array, (B, 3, h, w); where one of them has none, nothing moved there."""
    some = next((change.field for change in changes if change.field is not None), None)
    if some is None:
        return np.zeros((len(changes), 3, 1, 1), np.float32)
    still = np.zeros_like(some)
    still[2] = 1.0
    return np.stack([still if change.field is None else change.field for change in changes])

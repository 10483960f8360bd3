"""What happens on the device in one frame: the residual is warped, decays, is stepped, and is held within its limits.

One pure function of tensors, for several sessions at once. Every number that changes from frame to frame is a tensor,
everything else is the ``GraphKey``: so on CUDA a key is captured once, as a graph, and replayed for all its frames.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F

from hallucinate.dream import residual as res
from hallucinate.dream.ascent import direction, resized
from hallucinate.dream.flow import warped
from hallucinate.dream.momentum import averaged, bounded_rate
from hallucinate.dream.objectives import Objective
from hallucinate.dream.priors import Shaping, regularisation
from hallucinate.dream.sphere import balanced_on_sphere, direction_on_sphere, solid_angles
from hallucinate.dream.surface import Surface

LIFT = 1.02
"""How much a settled dream is brought up in a frame, at most, to stay as far away as it was."""

GONE = 0.25
"""Where a mask is below this, what is dreamed goes with it; above, the mask bounds only what is new."""


@dataclass(frozen=True, slots=True)
class GraphKey:
    """Everything of a frame that is no tensor. Frames of one key run the same operations on the same shapes.

    sizes: the octave (height, width) of each step, none where nothing is requested. objectives: their keys. jitter: in
    pixels. warped: whether anything moved. masked: whether a part of the picture is not dreamed. regularised: whether
    total variation or the L2 weight are above 0. surface: what the pictures are projected on.
    """

    sizes: tuple[tuple[int, int], ...]
    objectives: tuple[Hashable, ...]
    jitter: int
    warped: bool
    masked: bool
    shaping: Shaping
    regularised: bool
    surface: Surface = Surface.FLAT


class FrameParameters(NamedTuple):
    """The tensors of a frame, on the device: float32, or int64 for ``shifts``.

    camera: the cameras' pictures, float32 (B, 3, h, w) at the dream's size, or uint8 (B, H, W, 3) for ``composited``.
    residual: float32 (B, 3, h, w). momentum: as ``momentum.averaged`` returns it, (B, 4, h, w). colour: as
    ``residual.hold_colour`` returns it, (B, 3, 1, 1).
    motion: as ``flow.warped`` takes it, (B, 3, y, x). decay: the share of the residual that does not fade; fresh: as
    for ``residual.hold_colour``; remembered: 1, or 0 where directions of before are forgotten; share: of each direction
    in the average; rate, whole_rate, settled_rate: as for ``momentum.bounded_rate``; limit: the RMS limit, in [0, 1]
    units: each (B, 1, 1, 1).
    shares: of each objective, (n,). sigma: of the gradient's Gaussian, in pixels, total_variation, l2_weight: (1,).
    shifts: rows and columns of each step's jitter, (B, steps, 2); any numbers on a sphere. mask: 0 to 1, (B, 1, y, x)
    of any size. objectives: the tensor of each objective; an empty one where it has none.
    """

    camera: torch.Tensor
    residual: torch.Tensor
    momentum: torch.Tensor
    colour: torch.Tensor
    motion: torch.Tensor
    decay: torch.Tensor
    fresh: torch.Tensor
    remembered: torch.Tensor
    share: torch.Tensor
    rate: torch.Tensor
    whole_rate: torch.Tensor
    settled_rate: torch.Tensor
    limit: torch.Tensor
    shares: torch.Tensor
    sigma: torch.Tensor
    total_variation: torch.Tensor
    l2_weight: torch.Tensor
    shifts: torch.Tensor
    mask: torch.Tensor
    objectives: tuple[torch.Tensor, ...] = ()

    def flat(self) -> list[torch.Tensor]:
        """All tensors in one list, for a captured graph."""
        return [*self[:-1], *self.objectives]

    @classmethod
    def from_flat(cls, tensors: Sequence[torch.Tensor]) -> FrameParameters:
        """``flat`` undone."""
        count = len(cls._fields) - 1
        return cls._make((*tensors[:count], tuple(tensors[count:])))


class Advanced(NamedTuple):
    """What the next frame starts from. finite: bool (B,), False where it was no number any more, and is 0 now."""

    residual: torch.Tensor
    momentum: torch.Tensor
    colour: torch.Tensor
    finite: torch.Tensor


def advance(objectives: Sequence[Objective], key: GraphKey, frame: FrameParameters) -> Advanced:
    """One frame of several sessions: their residuals for the next one, float32 (B, 3, h, w)."""
    wraps, camera = key.surface.wraps, frame.camera
    balance = balanced_on_sphere if wraps else res.balanced
    before = torch.cat([frame.residual, frame.remembered * frame.momentum], 1)
    moved = warped(before, frame.motion, wraps) if key.warped else before
    r, momentum = frame.decay * moved[:, :3], moved[:, 3:]
    mask = resized(frame.mask, *r.shape[2:]) if key.masked else None
    limit = frame.limit
    if key.sizes:
        bound = [objective.with_tensor(tensor) for objective, tensor in zip(objectives, frame.objectives, strict=True)]
        r, momentum = stepped(r, momentum, bound, key, frame, mask)
    if mask is not None:
        dreams = (mask / GONE).clamp(max=1)
        r = r * dreams
        limit = (
            limit * dreams.square().mean((1, 2, 3), keepdim=True).sqrt()
        )  # as far in the part as otherwise in the whole
    r = res.orthogonal_to_camera(balance(res.limit_crowding(r, frame.limit, wraps)), camera, balance)
    r, colour = res.hold_colour(r, camera, frame.colour, frame.fresh)
    # A settled dream stays as far away as it went: it may creep for minutes where it has not come to the limit, and one
    # that turns or flows of itself would come and go. Until it has settled, as far as it went is as far as it is.
    r = res.limit_rms(r, torch.minimum(limit, colour[:, 2:]), colour[:, 1:2].clamp(min=1e-3), LIFT)
    if mask is not None:
        r = r * dreams  # balancing touches the whole picture
    finite = torch.isfinite(r).flatten(1).all(1)
    r, momentum, colour = (
        torch.where(finite[:, None, None, None], held, torch.zeros_like(held)) for held in (r, momentum, colour)
    )
    return Advanced(r, momentum, colour, finite)


def stepped(
    r: torch.Tensor,
    momentum: torch.Tensor,
    objectives: Sequence[Objective],
    key: GraphKey,
    frame: FrameParameters,
    mask: torch.Tensor | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Residual and momentum after the frame's steps, each on its own octave; of a mask, by as much as it lets."""
    camera = frame.camera
    _, _, height, width = camera.shape
    wraps = key.surface.wraps
    solid = 1.0 if key.surface is Surface.FLAT else solid_angles(height, r.device)
    for n, size in enumerate(key.sizes):
        seen = resized((camera + r).clamp(0, 1), *size, wraps)
        if key.surface is Surface.FLAT:
            jitter = min(key.jitter, min(size) - 1)  # a mirror shows no more than there is
            shift = frame.shifts[:, n].clamp(max=jitter) if jitter else None
            step = direction(seen, objectives, shift, jitter, key.shaping, frame.shares, frame.sigma)
        else:
            step = direction_on_sphere(
                seen, objectives, frame.shifts[:, n], wraps, key.shaping, frame.shares, frame.sigma
            )
        momentum, step = averaged(momentum, resized(step, height, width, wraps), frame.share, solid)
        if key.regularised:
            step = step + regularisation(r, frame.limit, frame.total_variation, frame.l2_weight)
        if mask is not None:
            step = step * mask
        rate = bounded_rate(frame.rate, frame.whole_rate, frame.settled_rate, res.distance(r), frame.limit)
        r = (camera + r + rate * step).clamp(0, 1) - camera
    return r, momentum


class Composited(NamedTuple):
    """dream: uint8 RGB (B, H, W, 3). The others: as in ``Advanced``."""

    dream: torch.Tensor
    residual: torch.Tensor
    momentum: torch.Tensor
    colour: torch.Tensor
    finite: torch.Tensor


def composited(objectives: Sequence[Objective], key: GraphKey, frame: FrameParameters) -> Composited:
    """The whole frame on the device, from the cameras' pictures, uint8 (B, H, W, 3), to what is shown."""
    large = frame.camera.permute(0, 3, 1, 2).float() / 255
    size = frame.residual.shape[2:]
    small = large if large.shape[2:] == size else F.interpolate(large, size, mode="area")
    r, momentum, colour, finite = advance(objectives, key, frame._replace(camera=small))
    dream = (large + resized(r, large.shape[2], large.shape[3], key.surface.wraps)).clamp(0, 1).mul(255).round()
    return Composited(dream.to(torch.uint8).permute(0, 2, 3, 1).contiguous(), r, momentum, colour, finite)

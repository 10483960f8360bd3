"""What happens on the device in one frame: the residual is carried, fades, climbs, and is kept in bounds.

One pure function of tensors, for several cameras at once. Every number that changes from frame to frame is a tensor,
everything else is the ``Plan``: so on CUDA a plan is captured once, as a graph, and replayed for all its frames.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import torch
import torch.nn.functional as F

from hallucinate.dream import residual as res
from hallucinate.dream.ascent import direction, resized
from hallucinate.dream.flow import carried
from hallucinate.dream.objective import Objective, more_of_layer, more_of_motifs

if TYPE_CHECKING:
    from hallucinate.networks import Network


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything of a frame that is no tensor. Frames of one plan run the same operations on the same shapes.

    sizes: the octave (height, width) of each step. layer: what is asked for, "" for motifs. jitter: in pixels.
    carried: whether anything moved. natural: whether colours are decorrelated. Nothing is asked for where there are no
    sizes.
    """

    sizes: tuple[tuple[int, int], ...]
    layer: str
    jitter: int
    carried: bool
    natural: bool = False


class Dials(NamedTuple):
    """The numbers of a frame, on the device: float32, or int64 for ``shifts``.

    left: the share of the residual that did not fade; fresh: as for ``residual.coloured``; rate: a step's length;
    limit: the root mean square distance allowed, in [0, 1] units: each (B, 1, 1, 1). weights: of the network's motifs,
    (K,). shifts: rows and columns of each step's jitter, (steps, 2).
    """

    left: torch.Tensor
    fresh: torch.Tensor
    rate: torch.Tensor
    limit: torch.Tensor
    weights: torch.Tensor
    shifts: torch.Tensor


class Carried(NamedTuple):
    """What goes from frame to frame. residual: float32 (B, 3, h, w); colour: as
    ``residual.coloured`` returns it, float32 (B, 3, 1, 1)."""

    residual: torch.Tensor
    colour: torch.Tensor


class Grown(NamedTuple):
    """``Carried`` for the next frame. fine: bool (B,), False where it was no number any more, and is 0 now."""

    residual: torch.Tensor
    colour: torch.Tensor
    fine: torch.Tensor


def grown(
    network: Network, plan: Plan, camera: torch.Tensor, before: Carried, fields: torch.Tensor, dials: Dials
) -> Grown:
    """One frame of several cameras. camera: float32 (B, 3, h, w); fields: as ``flow.carried`` takes them."""
    r = dials.left * (carried(before.residual, fields) if plan.carried else before.residual)
    if plan.sizes:
        ask = more_of_layer(network, plan.layer) if plan.layer else more_of_motifs(network, dials.weights)
        r = climbed(camera, r, ask, plan, dials)
    r = res.beside(res.balanced(res.spread_out(r, dials.limit)), camera)
    r, colour = res.coloured(r, camera, before.colour, dials.fresh)
    # A settled dream goes no further than it went, though it may creep for minutes where it has not reached the limit.
    limit = torch.minimum(dials.limit, colour[:, 2:])
    r = res.within(r, limit, colour[:, 1:2].clamp(min=1e-3))
    fine = torch.isfinite(r).flatten(1).all(1)
    r, colour = (torch.where(fine[:, None, None, None], kept, torch.zeros_like(kept)) for kept in (r, colour))
    return Grown(r, colour, fine)


def climbed(camera: torch.Tensor, r: torch.Tensor, ask: Objective, plan: Plan, dials: Dials) -> torch.Tensor:
    """Take the frame's steps, each on its own octave."""
    _, _, height, width = camera.shape
    for n, size in enumerate(plan.sizes):
        jitter = min(plan.jitter, min(size) - 1)  # a mirror shows no more than there is
        seen = resized((camera + r).clamp(0, 1), *size)
        way_up = direction(seen, ask, dials.shifts[n].clamp(max=jitter) if jitter else None, jitter, plan.natural)
        r = (camera + r + dials.rate * resized(way_up, height, width)).clamp(0, 1) - camera
    return r


class Dreamed(NamedTuple):
    """pictures: uint8 RGB (B, H, W, 3), dreamed. The others: as in ``Grown``."""

    pictures: torch.Tensor
    residual: torch.Tensor
    colour: torch.Tensor
    fine: torch.Tensor


def dreamed(
    network: Network, plan: Plan, pictures: torch.Tensor, before: Carried, fields: torch.Tensor, dials: Dials
) -> Dreamed:
    """The whole frame on the device, from the cameras' pictures, uint8 (B, H, W, 3), to what is shown."""
    large = pictures.permute(0, 3, 1, 2).float() / 255
    size = before.residual.shape[2:]
    small = large if large.shape[2:] == size else F.interpolate(large, size, mode="area")
    r, colour, fine = grown(network, plan, small, before, fields, dials)
    shown = (large + resized(r, *large.shape[2:])).clamp(0, 1).mul(255).round()
    return Dreamed(shown.to(torch.uint8).permute(0, 2, 3, 1).contiguous(), r, colour, fine)

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
from hallucinate.dream.objectives import Objective, more_of_guide, more_of_motifs, more_of_unit
from hallucinate.dream.priors import Shaping, drawn_back
from hallucinate.dream.sphere import balanced_on_sphere, direction_on_sphere
from hallucinate.dream.surface import Surface
from hallucinate.settings import Unit

if TYPE_CHECKING:
    from hallucinate.networks import Network

LIFT = 1.02
"""How much a settled dream is brought up in a frame, at most, to stay as far away as it was."""

GONE = 0.25
"""Where a mask is below this, what is dreamed goes with it; above, the mask bounds only what is new."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything of a frame that is no tensor. Frames of one plan run the same operations on the same shapes.

    sizes: the octave (height, width) of each step, none where nothing is asked for. motifs: whether any are asked
    for. units: the layers, channels and neurons that are. guide: the layer of the guide, "" for none. jitter: in
    pixels. carried: whether anything moved. masked: whether a part of the picture is left alone. drawn: whether total
    variation or the pull to the camera are above 0. surface: what the pictures lie on.
    """

    sizes: tuple[tuple[int, int], ...]
    motifs: bool
    units: tuple[Unit, ...]
    guide: str
    jitter: int
    carried: bool
    masked: bool
    shaping: Shaping
    drawn: bool
    surface: Surface = Surface.FLAT


class Dials(NamedTuple):
    """The numbers of a frame, on the device: float32, or int64 for ``shifts``.

    left: the share of the residual that did not fade; fresh: as for ``residual.coloured``; rate: a step's length;
    limit: the root mean square distance allowed, in [0, 1] units: each (B, 1, 1, 1). weights: of the network's motifs,
    (K,). shares: of each objective, the motifs together being one, then the units, then the guide: (n,). priors: the
    Gaussian's sigma in pixels, total variation, pull: (3,). shifts: rows and columns of each step's jitter,
    (steps, 2); any numbers on a sphere. mask: 0 to 1, (B, 1, h, w) of any size.
    """

    left: torch.Tensor
    fresh: torch.Tensor
    rate: torch.Tensor
    limit: torch.Tensor
    weights: torch.Tensor
    shares: torch.Tensor
    priors: torch.Tensor
    shifts: torch.Tensor
    mask: torch.Tensor


class Carried(NamedTuple):
    """What goes from frame to frame.

    residual: float32 (B, 3, h, w). colour: as ``residual.coloured`` returns it, float32 (B, 3, 1, 1).
    """

    residual: torch.Tensor
    colour: torch.Tensor


def of_each(residual: torch.Tensor, colour: torch.Tensor) -> list[Carried]:
    """What a batch carries, camera by camera, each a batch of one."""
    return [Carried(*each) for each in zip(torch.split(residual, 1), torch.split(colour, 1), strict=True)]


class Grown(NamedTuple):
    """``Carried`` for the next frame. fine: bool (B,), False where it was no number any more, and is 0 now."""

    residual: torch.Tensor
    colour: torch.Tensor
    fine: torch.Tensor


def grown(
    network: Network,
    plan: Plan,
    camera: torch.Tensor,
    before: Carried,
    guide: torch.Tensor,
    fields: torch.Tensor,
    dials: Dials,
) -> Grown:
    """One frame of several cameras.

    camera: float32 (B, 3, h, w). guide: as ``objectives.features`` gives it, anything where the plan has none.
    fields: as ``flow.carried`` takes them.
    """
    wraps = plan.surface.wraps
    balance = balanced_on_sphere if wraps else res.balanced
    r = dials.left * (carried(before.residual, fields, wraps) if plan.carried else before.residual)
    mask = resized(dials.mask, *r.shape[2:]) if plan.masked else None
    limit = dials.limit
    if plan.sizes:
        r = climbed(camera, r, objectives(network, plan, guide, dials), plan, dials, mask)
    if mask is not None:
        kept = (mask / GONE).clamp(max=1)
        r = r * kept
        limit = limit * kept.square().mean((1, 2, 3), keepdim=True).sqrt()  # as far in the part as else in the whole
    r = res.beside(balance(res.spread_out(r, dials.limit, wraps)), camera, balance)
    r, colour = res.coloured(r, camera, before.colour, dials.fresh)
    # A settled dream stays as far away as it went: it may creep for minutes where it has not reached the limit, and one
    # that turns or flows of itself would come and go. Until it has settled, as far as it went is as far as it is.
    r = res.within(r, torch.minimum(limit, colour[:, 2:]), colour[:, 1:2].clamp(min=1e-3), LIFT)
    if mask is not None:
        r = r * kept  # balancing touches the whole picture
    fine = torch.isfinite(r).flatten(1).all(1)
    r, colour = (torch.where(fine[:, None, None, None], held, torch.zeros_like(held)) for held in (r, colour))
    return Grown(r, colour, fine)


def objectives(network: Network, plan: Plan, guide: torch.Tensor, dials: Dials) -> list[Objective]:
    """What the plan asks for, in the order of ``Dials.shares``."""
    asks = [more_of_motifs(network, dials.weights)] if plan.motifs else []
    asks += [more_of_unit(network, unit) for unit in plan.units]
    return [*asks, more_of_guide(network, plan.guide, guide)] if plan.guide else asks


def climbed(
    camera: torch.Tensor,
    r: torch.Tensor,
    asks: list[Objective],
    plan: Plan,
    dials: Dials,
    mask: torch.Tensor | None = None,
) -> torch.Tensor:
    """Take the frame's steps, each on its own octave; where there is a mask, by as much of them as it lets."""
    _, _, height, width = camera.shape
    sigma, variation, pull = torch.split(dials.priors, 1)
    wraps = plan.surface.wraps
    for n, size in enumerate(plan.sizes):
        seen = resized((camera + r).clamp(0, 1), *size, wraps)
        if plan.surface is Surface.FLAT:
            jitter = min(plan.jitter, min(size) - 1)  # a mirror shows no more than there is
            shift = dials.shifts[n].clamp(max=jitter) if jitter else None
            way = direction(seen, asks, shift, jitter, plan.shaping, dials.shares, sigma)
        else:
            way = direction_on_sphere(seen, asks, dials.shifts[n], wraps, plan.shaping, dials.shares, sigma)
        way = resized(way, height, width, wraps)
        if plan.drawn:
            way = way + drawn_back(r, dials.limit, variation, pull)
        if mask is not None:
            way = way * mask
        r = (camera + r + dials.rate * way).clamp(0, 1) - camera
    return r


class Dreamed(NamedTuple):
    """pictures: uint8 RGB (B, H, W, 3), dreamed. The others: as in ``Grown``."""

    pictures: torch.Tensor
    residual: torch.Tensor
    colour: torch.Tensor
    fine: torch.Tensor


def dreamed(
    network: Network,
    plan: Plan,
    pictures: torch.Tensor,
    before: Carried,
    guide: torch.Tensor,
    fields: torch.Tensor,
    dials: Dials,
) -> Dreamed:
    """The whole frame on the device, from the cameras' pictures, uint8 (B, H, W, 3), to what is shown."""
    large = pictures.permute(0, 3, 1, 2).float() / 255
    size = before.residual.shape[2:]
    small = large if large.shape[2:] == size else F.interpolate(large, size, mode="area")
    r, colour, fine = grown(network, plan, small, before, guide, fields, dials)
    shown = (large + resized(r, large.shape[2], large.shape[3], plan.surface.wraps)).clamp(0, 1).mul(255).round()
    return Dreamed(shown.to(torch.uint8).permute(0, 2, 3, 1).contiguous(), r, colour, fine)

"""Directions averaged over time, and how much of a dream one step may replace: so that it grows, and does not flicker.

One direction is noisy: it is found on one octave, under one jitter, and once a dream has grown it overshoots, so that
the next one leads back. A dream that follows each direction by as much as a quick growth allows is replaced, by half,
at every frame. So steps follow the average of the directions of late, each taken along with the motion (momentum,
Polyak 1964, by an exponential average without the bias of its beginning: Kingma and Ba 2015, section 3); and what has
grown already is replaced no faster than REPLACED_S says, however quickly it may grow.
"""

from __future__ import annotations

import torch

AVERAGED_S = 0.5
"""Time constant of the average over directions, in seconds. Longer is calmer, and slower to find another motif."""

REPLACED_S = 1.5
"""Seconds in which steps may replace a dream that is as far from its picture as it may be; as a whole, at the least."""


def averaged(
    momentum: torch.Tensor, direction: torch.Tensor, share: torch.Tensor, solid: torch.Tensor | float = 1.0
) -> tuple[torch.Tensor, torch.Tensor]:
    """A direction taken into the average: the new momentum, and the averaged direction, of the new one's magnitude.

    momentum: float32 (B, 4, H, W): the average of directions, 0 where there was none, and in the fourth channel the
    weights that it has so far, 0 to 1: where something came into view there are none. direction: float32 (B, 3, H, W).
    share: of the new one in the average, (B, 1, 1, 1), above 0 to 1. solid: by what places count in a mean magnitude.
    """
    weight = torch.lerp(momentum[:, 3:].clamp(0, 1), torch.ones_like(momentum[:, 3:]), share)
    sums = torch.lerp(momentum[:, :3], direction, share)
    mean = sums / weight
    # Where one direction contradicts the next they cancel, and the average is short: it is as long as a step is.
    long, short = ((d.abs() * solid).mean((1, 2, 3), keepdim=True) for d in (direction, mean))
    return torch.cat([sums, weight], 1), mean * (long / short.clamp(min=1e-6))


def bounded_rate(
    rate: torch.Tensor,
    whole_rate: torch.Tensor,
    settled_rate: torch.Tensor,
    distance: torch.Tensor,
    limit: torch.Tensor,
) -> torch.Tensor:
    """The length of a step, at most what is missing to the limit and what a settled dream may replace.

    rate: what growth allows; whole_rate: of a step that makes a whole dream at once; settled_rate: of one that replaces
    a settled dream in REPLACED_S. distance: RMS distance of the residual, limit: that it may have, in [0, 1] units.
    Each (B, 1, 1, 1).
    """
    missing = (1 - distance / limit.clamp(min=1e-9)).clamp(min=0)
    return torch.minimum(rate, missing * whole_rate + settled_rate)

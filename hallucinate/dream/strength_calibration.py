"""What was measured of a network's motifs and layers, so that growth and strength mean the same for all of them.

Step efficiency: how much of a step's length is progress. Successive steps, on other octaves, with other jitter and on a
moving world, go only partly in the same direction, and how much so depends on what is dreamed of; growth in seconds
needs that share. RMS limit: how far a dream may go from the camera's picture to look as far away as all others do at
that strength. Both are measured by ``hallucinate.calibrate.strength`` and shipped in ``calibration/strength``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from hallucinate.dream.objectives import requested
from hallucinate.dream.residual import FARTHEST
from hallucinate.errors import NetworkError
from hallucinate.settings import Settings

KINDS = ("motifs", "layers")

TYPICAL = 0.4
"""For what was not measured: the middle of the network in the box's motifs."""

STRENGTHS = (0.25, 0.5, 1.0)
"""At which RMS limits are measured; between them, and from 0, they are interpolated linearly."""

PLAIN = tuple(strength * FARTHEST for strength in STRENGTHS)
"""The RMS limits of what was not measured."""

RmsLimits = Mapping[str, tuple[float, ...]]
"""By name, one at each of STRENGTHS, each no less than the one before."""


@dataclass(frozen=True)
class StrengthCalibration:
    """What was measured, by motif and by layer.

    motifs, layers: distance gained per step taken (root mean square over mean magnitude).
    motif_limits, layer_limits: RMS limits, root mean square distance from the camera's picture, in [0, 1] units.
    """

    motifs: Mapping[str, float] = field(default_factory=dict)
    layers: Mapping[str, float] = field(default_factory=dict)
    motif_limits: RmsLimits = field(default_factory=dict)
    layer_limits: RmsLimits = field(default_factory=dict)

    def step_efficiency(self, settings: Settings) -> float:
        """The share of a step that is progress, for what the settings request; of a mix, the weighted mean."""
        found = {"motifs": self.motifs, "layers": self.layers}
        return weighted(settings, lambda kind, name: found[kind].get(name, TYPICAL), TYPICAL)

    def rms_limit(self, settings: Settings) -> float:
        """How far the residual may go, root mean square in [0, 1] units; of a mix, the weighted mean."""
        found = {"motifs": self.motif_limits, "layers": self.layer_limits}
        plain = settings.strength * FARTHEST
        return weighted(settings, lambda kind, name: between(settings.strength, found[kind].get(name, PLAIN)), plain)


def weighted(settings: Settings, value: Callable[[str, str], float], nothing: float) -> float:
    """The mean of a value over what the settings request, by weight; ``nothing`` where they request nothing.

    value: of a kind, "motifs" or "layers", and a name. A channel or a neuron counts as its layer does, and so does the
    guide.
    """
    parts = requested(settings)
    total = sum(parts.values())
    means = (
        weight * (value(kind, name) if kind == "motifs" else value("layers", name.partition(":")[0]))
        for (kind, name), weight in parts.items()
    )
    return sum(means) / total if total > 0 else nothing


def between(strength: float, limits: tuple[float, ...]) -> float:
    """The RMS limit at any strength: 0 at 0, as measured at STRENGTHS, interpolated linearly between them."""
    return float(np.interp(strength, (0.0, *STRENGTHS), (0.0, *limits)))


def read_strength_calibration(path: Path) -> StrengthCalibration:
    """What was measured for a network; nothing where no file is, no RMS limits where it has none yet.

    Raises NetworkError for a damaged file.
    """
    if not path.is_file():
        return StrengthCalibration()
    try:
        found = json.loads(path.read_text())
        motifs, layers = ({name: float(v) for name, v in found[kind].items()} for kind in KINDS)
        limits = found.get("rms_limit") or {kind: {} for kind in KINDS}
        return StrengthCalibration(
            motifs, layers, *({name: rising(r) for name, r in limits[kind].items()} for kind in KINDS)
        )
    except (ValueError, KeyError, AttributeError, TypeError, OSError) as error:
        raise NetworkError(f"the calibration {path} cannot be read ({error}); remove it or measure it again") from None


def rising(limits: list[float]) -> tuple[float, ...]:
    """The RMS limits of one name, as written. Raises ValueError unless none is less than the one before."""
    found = tuple(float(limit) for limit in limits)
    if len(found) != len(STRENGTHS) or not 0 < found[0] <= found[1] <= found[2] < 1:
        raise ValueError(f"{limits} are not RMS limits at strengths {', '.join(map(str, STRENGTHS))}")
    return found

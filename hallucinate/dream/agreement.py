"""How much of a step's length is progress.

Successive steps, on other octaves, with other jitter and on a moving world, pull only partly the same way, and
how much so depends on what is dreamed of. Growth in seconds needs that share: it is measured by
``hallucinate.calibrate.strength`` and shipped in ``calibration/strength``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from hallucinate.errors import NetworkError
from hallucinate.settings import Settings

TYPICAL = 0.4
"""For what was not measured: the middle of the network in the box's motifs."""


@dataclass(frozen=True)
class Agreement:
    """Distance gained per step taken (root mean square over mean magnitude), by motif and by layer."""

    motifs: dict[str, float] = field(default_factory=dict)
    layers: dict[str, float] = field(default_factory=dict)

    def of(self, settings: Settings) -> float:
        """For what the settings ask for; of a mix, the weighted mean."""
        if settings.layer:
            return self.layers.get(settings.layer, TYPICAL)
        total = sum(settings.motifs.values())
        if total <= 0:
            return TYPICAL
        return sum(weight * self.motifs.get(name, TYPICAL) for name, weight in settings.motifs.items()) / total


def read_agreement(path: Path) -> Agreement:
    """What was measured for a network; nothing where no file is. Raises NetworkError for a damaged one."""
    if not path.is_file():
        return Agreement()
    try:
        found = json.loads(path.read_text())
        return Agreement(*({name: float(v) for name, v in found[kind].items()} for kind in ("motifs", "layers")))
    except (ValueError, KeyError, AttributeError, TypeError, OSError) as error:
        raise NetworkError(f"the calibration {path} cannot be read ({error}); remove it or measure it again") from None

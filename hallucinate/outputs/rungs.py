"""Rungs: what an encoder makes of a stage, and which running one is nearest where there is no room for another."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from hallucinate.frame import OutputFrame, Picture, shrunk
from hallucinate.outputs.encoder import Codec
from hallucinate.outputs.marker import drawn

WIDTHS = (1280, 2048, 4096)
"""What a wider picture may be made no wider than. Each that somebody requests costs an encoder."""


class View(StrEnum):
    """Which of the two pictures of the same moment."""

    DREAM = "dream"
    CAMERA = "camera"


@dataclass(frozen=True)
class Rung:
    """What subscribers share an encoder by.

    max_width: the picture is made no wider than this, one of WIDTHS; None leaves it. share: of the full bitrate, one
    of SHARES. marked: with each frame's capture time drawn into it (see marker.py). Who measures has an encoder for
    it, and nobody else ever sees the marker.
    """

    codec: Codec
    view: View = View.DREAM
    max_width: int | None = None
    share: float = 1.0
    marked: bool = False

    def picture(self, output: OutputFrame) -> Picture:
        """What is seen of an output frame: uint8 RGB (H, W, 3)."""
        picture = output.dream if self.view is View.DREAM else output.camera
        height, width = picture.shape[:2]
        if self.max_width is not None and width > self.max_width:
            picture = shrunk(picture, self.max_width, max(2, round(height * self.max_width / width / 2) * 2))
        return drawn(picture, output.captured_ns // 1_000_000) if self.marked else picture


def nearest(rung: Rung, running: Iterable[Rung]) -> Rung | None:
    """What shows the same in the same codec, and is nearest in size and bitrate; None when nothing does.

    Never wider than was requested: a device may not decode that. Fewer bits rather than more: a connection may not
    get them through.
    """

    def width(other: Rung) -> float:
        return math.inf if other.max_width is None else other.max_width

    def distance(other: Rung) -> tuple[float, bool, float]:
        return -width(other), other.share > rung.share, abs(math.log(other.share / rung.share))

    same = [o for o in running if (o.view, o.codec, o.marked) == (rung.view, rung.codec, rung.marked)]
    return min((o for o in same if width(o) <= width(rung)), key=distance, default=None)

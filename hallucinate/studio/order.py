"""What a film is to be made from, how, and where to; and what it is written with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

import av

from hallucinate.dream.surface import Surface
from hallucinate.errors import PanoramaError
from hallucinate.panorama.fitting import PanoramaSpec, check_shape, read_panorama_spec
from hallucinate.panorama.remap import Layout, eye_size
from hallucinate.sources.panoramas import panorama_from_metadata
from hallucinate.studio.sitting import Ask, made_of

CODECS = {"h264": "libx264", "hevc": "libx265"}
"""What ``--codec`` takes, and FFmpeg's encoder for it."""

# Parts are joined packet by packet. Without B-frames times rise in the order of the packets, whatever the frames' own
# times do, and nothing reaches across a joint. It costs a tenth of the size, about. And then x264's macroblock tree
# gives now and then other packets for the same pictures, when its threads are kept waiting: 1 run in 20.
REPEATABLE = {
    "h264": {"bf": "0", "mbtree": "0"},
    "hevc": {"x265-params": "bframes=0:open-gop=0:log-level=error"},
}


@dataclass(frozen=True)
class Order:
    """One film to be dreamed.

    ask: without a ``like`` it is dreamed as live. scenes: whether its scenes are rendered each by itself. force:
    whether what is there already may go. panorama: as after ``--panorama``.
    """

    source: Path
    out: Path
    ask: Ask
    codec: str = "h264"
    crf: int = 16
    scenes: bool = False
    force: bool = False
    panorama: str = "auto"

    def made_from(self) -> dict[str, Any]:
        """All that decides what the film's frames are, for JSON."""
        ask = self.ask
        return {
            "source": made_of(self.source),
            "settings": ask.settings.model_dump(mode="json"),
            "network": ask.network,
            "device": ask.device,
            "seed": ask.seed,
            "codec": self.codec,
            "crf": self.crf,
            "panorama": self.panorama,
            "weights": made_of(ask.given.weights) if ask.given.weights else None,
            "like": ask.like or None,
            "iterations": ask.iterations,
            "step size": ask.step_size,
            "segments": "scene" if self.scenes else "film",
            **{kind: None if path is None else made_of(path) for kind, path in ask.files().items()},
        }

    def lies(self) -> tuple[Surface, Layout]:
        """What the film's pictures are dreamed as lying on, and for whose eyes. Raises PanoramaError, LensError."""
        wanted = self._said()
        return (Surface(wanted.kind), Layout(wanted.layout)) if spherical(wanted) else (Surface.FLAT, Layout.MONO)

    def flattened(self) -> str:
        """The panorama that the film is, where it is dreamed as a flat picture all the same; else ""."""
        wanted = self._said()
        return wanted.words if wanted is not None and (self.ask.like or not spherical(wanted)) else ""

    def check_shape(self, size: tuple[int, int]) -> None:
        """Raise PanoramaError where the film's pictures, of (width, height) upright, have not their panorama's shape.

        In the classic manner, which knows no panoramas, every shape is right. Raises as ``lies`` does too.
        """
        wanted = self._said()
        if spherical(wanted) and not self.ask.like:
            try:
                check_shape(wanted, size)
                eye_size(wanted.layout, size)
            except PanoramaError as error:
                raise PanoramaError(f"film {self.source.name}: {error}") from None

    def _said(self) -> PanoramaSpec | None:
        """What somebody said that the film's pictures are, or it says itself; None for flat ones."""
        return (
            panorama_from_metadata(str(self.source)) if self.panorama == "auto" else read_panorama_spec(self.panorama)
        )

    def options(self) -> dict[str, str]:
        """The encoder's options."""
        return {"crf": str(self.crf), **REPEATABLE[self.codec]}

    def formats(self) -> set[str]:
        """The pixel formats that the encoder takes."""
        return {each.name for each in av.Codec(CODECS[self.codec], "w").video_formats or ()}


def spherical(wanted: PanoramaSpec | None) -> TypeGuard[PanoramaSpec]:
    """Whether it is dreamed on the sphere: equirect and half-equirect are."""
    return wanted is not None and wanted.kind in list(Surface)

"""What a film is to be made from, how, and where it is written."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

from hallucinate.dream.surface import FLAT_MONO, Geometry, Surface
from hallucinate.dream_request import DreamRequest
from hallucinate.errors import PanoramaError
from hallucinate.film.film_reader import FilmFacts
from hallucinate.panorama.fitting import PanoramaSpec, check_shape, read_panorama_spec
from hallucinate.panorama.remap import Layout, eye_size
from hallucinate.work_folder import file_identity

CODECS = {"h264": "libx264", "hevc": "libx265"}
"""The codecs of films, and FFmpeg's encoder for each; ``--codec auto`` takes the one that a film needs."""

# Parts are joined packet by packet. Without B-frames times rise in the order of the packets, whatever the frames' own
# times do, and no packet refers across a joint. It costs about a tenth of the size. And with x264's macroblock tree the
# same pictures now and then become other packets, when its threads have to wait: 1 run in 20.
REPEATABLE = {
    "h264": {"bf": "0", "mbtree": "0"},
    "hevc": {"x265-params": "bframes=0:open-gop=0:log-level=error"},
}


@dataclass(frozen=True)
class FilmJob:
    """One film to be dreamed.

    request: without a preset the film is dreamed as live. codec, keep_chroma: as in ``picture_format``. crf: the
    encoder's quality. scenes: whether each scene is dreamed by itself. force: whether an output that exists may be
    replaced. panorama: as after ``--panorama``.
    """

    source: Path
    out: Path
    request: DreamRequest
    codec: str = "auto"
    keep_chroma: bool = False
    crf: int = 16
    scenes: bool = False
    force: bool = False
    panorama: str = "auto"

    def made_from(self) -> dict[str, Any]:
        """All that decides what the film's frames are, as values for JSON."""
        request = self.request
        files = {**request.pictures(), "weights": request.network_options.weights}
        return {
            "source": file_identity(self.source),
            "settings": request.settings.model_dump(mode="json"),
            "network": request.network,
            "device": request.device,
            "seed": request.seed,
            "codec": self.codec,
            "keep_chroma": self.keep_chroma,
            "crf": self.crf,
            "panorama": self.panorama,
            "preset": request.preset,
            "iterations": request.iterations,
            "step_size": request.step_size,
            "segments": "scene" if self.scenes else "film",
            **{name: None if path is None else file_identity(path) for name, path in files.items()},
        }

    def geometry(self, facts: FilmFacts) -> Geometry:
        """The surface on which the film's pictures are dreamed, and their layout of eyes.

        Raises PanoramaError, LensError or SourceUnavailable for a panorama that cannot be.
        """
        spec = self._panorama_spec(facts)
        return Geometry(Surface(spec.kind), Layout(spec.layout)) if on_sphere(spec) else FLAT_MONO

    def flattened(self, facts: FilmFacts) -> str:
        """The panorama that the film is, where it is dreamed as a flat picture all the same; else ""."""
        spec = self._panorama_spec(facts)
        return spec.words if spec is not None and (self.request.preset or not on_sphere(spec)) else ""

    def check_shape(self, facts: FilmFacts) -> None:
        """Raise PanoramaError where the film's upright pictures have not the shape of their panorama.

        A classic preset dreams every picture as a flat one, of any shape. Raises as ``geometry`` does too.
        """
        spec = self._panorama_spec(facts)
        if on_sphere(spec) and not self.request.preset:
            try:
                check_shape(spec, facts.upright_size)
                eye_size(spec.layout, facts.upright_size)
            except PanoramaError as error:
                raise PanoramaError(f"film {self.source.name}: {error}") from None

    def _panorama_spec(self, facts: FilmFacts) -> PanoramaSpec | None:
        """The panorama that ``--panorama`` or the film itself names; None for flat pictures."""
        return facts.panorama if self.panorama == "auto" else read_panorama_spec(self.panorama)

    def encoder_options(self, codec: str) -> dict[str, str]:
        """FFmpeg's options of a codec's encoder."""
        return {"crf": str(self.crf), **REPEATABLE[codec]}


def on_sphere(spec: PanoramaSpec | None) -> TypeGuard[PanoramaSpec]:
    """Whether a panorama is dreamed on the sphere: equirect and half-equirect are."""
    return spec is not None and spec.kind in list(Surface)

"""What a source shows, as ``--panorama`` or its metadata names it, and how its pictures become frames of it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from hallucinate.errors import PanoramaError
from hallucinate.frame import Picture, fit, own_size, shrunk
from hallucinate.messages import did_you_mean
from hallucinate.panorama.lenses import DualFisheye
from hallucinate.panorama.lensfile import AnyLens, Ideal, read_lens
from hallucinate.panorama.projections import Cubemap, Equirect, Projection
from hallucinate.panorama.remap import EYES, Layout, Panorama, Remap, eye_size

ASPECTS = {"equirect": 2.0, "half-equirect": 1.0, "cubemap": 1.5, "dual-fisheye": 2.0}
"""Width over height of one eye's picture. A fisheye's is as the camera's."""

KINDS = ("equirect", "half-equirect", "fisheye", "dual-fisheye", "cubemap")
TOLERANCE = 0.02
"""By how much an aspect may be off: codecs round sides to multiples of 16."""

HALF_UP_TO = 200.0
"""Degrees of a single fisheye that are shown as half a sphere; of a wider one the whole is, black at the back."""

ROWS = 512
"""Of one eye's frame, where no size was chosen."""


@dataclass(frozen=True)
class PanoramaSpec:
    """What a source's pictures are. ``kind``: one of KINDS. ``lens``: of fisheyes, None for an ideal one of 180°."""

    kind: str
    layout: Layout = Layout.MONO
    lens: AnyLens | None = None
    lens_name: str = ""

    @property
    def words(self) -> str:
        """As after ``--panorama``."""
        return self.kind + ("" if self.layout == Layout.MONO else f":{self.layout}")

    @property
    def becomes(self) -> str:
        """The projection of the frames that are dreamed: equirect or half-equirect."""
        if self.kind == "fisheye":
            return "half-equirect" if self._degrees <= HALF_UP_TO else "equirect"
        return "half-equirect" if self.kind == "half-equirect" else "equirect"

    @property
    def _degrees(self) -> float:
        return 180.0 if self.lens is None or isinstance(self.lens, DualFisheye) else self.lens.degrees

    def projection(self, eye: tuple[int, int]) -> Projection:
        """The projection of one eye's picture of that size. Raises LensError for a lens that is for another shape."""
        if self.kind == "cubemap":
            return Cubemap()
        if self.kind in ("equirect", "half-equirect"):
            return Equirect(180 if self.kind == "half-equirect" else 360)
        dual = self.kind == "dual-fisheye"
        return (self.lens or Ideal("dual-equidistant" if dual else "equidistant", 180)).scaled_to(eye, self.lens_name)


def read_panorama_spec(words: str, lens_file: str | None = None) -> PanoramaSpec | None:
    """``equirect:top-bottom``, ``fisheye:lens.yaml``, … -> its PanoramaSpec; None for ``flat``.

    Raises PanoramaError for a word that is not known, LensError for a lens file that cannot be used.
    """
    kind, *rest = words.split(":")
    if kind == "flat":
        if rest or lens_file is not None:
            what = f"flat stands alone; remove {':'.join(rest)}" if rest else "--lens is for fisheyes; remove it"
            raise PanoramaError(f"--panorama {words}: {what}")
        return None
    if kind not in KINDS:
        raise PanoramaError(f"--panorama {words}: {_allowed(kind, ('auto', 'flat', *KINDS))}")
    layout = Layout.MONO
    if rest and rest[-1] in set(Layout):
        layout = Layout(rest.pop())
    within = ":".join(rest)
    named = within or lens_file
    if named is None:
        return PanoramaSpec(kind, layout)
    if "fisheye" not in kind:
        if not rest:
            what = "--lens is for fisheyes; remove it"
        elif named in set(Layout):
            what = "one layout is enough; remove the other"
        else:
            what = _allowed(named, tuple(layout.value for layout in Layout))
        raise PanoramaError(f"--panorama {words}: {what}")
    if within and lens_file is not None:
        raise PanoramaError(f"--panorama {words} names a lens, and so does --lens; remove one of them")
    lens = read_lens(named)
    paired = isinstance(lens, DualFisheye) or (isinstance(lens, Ideal) and lens.kind == "dual-equidistant")
    if paired != (kind == "dual-fisheye"):
        raise PanoramaError(
            f"--panorama {words}: {named} has {'two lenses; use dual-fisheye' if paired else 'one lens; use fisheye'}"
        )
    return PanoramaSpec(kind, layout, lens, named)


class Fitting:
    """Brings a panorama's pictures to frames of one size, by a table for each shape that comes: usually one.

    ``size``: (width, height) of frames. ``target``: what frames are.
    """

    def __init__(self, spec: PanoramaSpec, size: tuple[int, int] | None = None) -> None:
        """size: None for ROWS rows to the eye. Raises PanoramaError when it is not of the panorama's shape."""
        self.spec = spec
        self.target = Panorama(Equirect(180 if spec.becomes == "half-equirect" else 360), spec.layout)
        columns, rows = EYES[spec.layout]
        aspect = ASPECTS[spec.becomes] * columns / rows
        self.size = size or (round(ROWS * rows * aspect), ROWS * rows)
        if abs(self.size[0] / self.size[1] / aspect - 1) > TOLERANCE:
            fitting = round(self.size[1] * aspect / 2) * 2
            raise PanoramaError(
                f"--size {self.size[0]}x{self.size[1]}: frames of {spec.words} are {aspect:g}:1; "
                f"use for example {fitting}x{self.size[1]}"
            )
        eye_size(spec.layout, self.size)
        self._remap: tuple[tuple[int, int], Remap | None] | None = None

    def picture(self, picture: Picture, whole: tuple[int, int] | None = None) -> Picture:
        """uint8 (h, w, 3) of the source -> uint8 (H, W, 3), a frame.

        whole: (width, height) that it had before it was decoded at ``read_size``. Raises PanoramaError or LensError
        for another shape than the panorama's.
        """
        remap = self._table(whole or (picture.shape[1], picture.shape[0]))
        if remap is not None:
            return remap.picture(picture)
        if picture.shape[0] * picture.shape[1] >= self.size[0] * self.size[1]:
            return shrunk(picture, *self.size)
        return np.asarray(cv2.resize(picture, self.size, interpolation=cv2.INTER_LINEAR), np.uint8)

    def read_size(self, size: tuple[int, int]) -> tuple[int, int]:
        """The size at which pictures of ``size`` should be decoded. Raises as ``picture`` does."""
        remap = self._table(size)
        spec = self.size if remap is None else remap.read_size
        return min(size[0], spec[0]), min(size[1], spec[1])

    @property
    def camera_size(self) -> tuple[int, int]:
        """The size to request of a camera: what its lens was calibrated at, or else that of frames."""
        lens = self.spec.lens
        if lens is None or isinstance(lens, Ideal):
            return self.size
        return lens.first.size if isinstance(lens, DualFisheye) else lens.size

    def facts(self) -> dict[str, object]:
        """As in ``GET /api/about``."""
        return {"projection": self.spec.becomes, "layout": self.spec.layout}

    def _table(self, size: tuple[int, int]) -> Remap | None:
        """For pictures of ``size``; None where they only change in size."""
        if self._remap is None or self._remap[0] != size:
            check_shape(self.spec, size)
            layout = self.spec.layout
            source = Panorama(self.spec.projection(eye_size(layout, size)), layout)
            same = source.projection == self.target.projection
            self._remap = size, None if same else Remap(source, size, self.target, self.size)
        return self._remap[1]


def fitted(picture: Picture, width: int, height: int, panorama: Fitting | None, own_shape: bool = False) -> Picture:
    """A source's picture as a frame: of a panorama remapped whole, otherwise cropped to fill the size.

    own_shape: whether it has its own shape instead, and of the size only the longer side counts.
    """
    if panorama is not None:
        return panorama.picture(picture)
    if own_shape:
        width, height = own_size(picture.shape[1], picture.shape[0], max(width, height))
    return fit(picture, width, height)


def facts(panorama: Fitting | None) -> dict[str, object]:
    """What frames are, for ``GET /api/about``."""
    return {"projection": "flat", "layout": "mono"} if panorama is None else panorama.facts()


def check_shape(spec: PanoramaSpec, size: tuple[int, int]) -> None:
    """Raise PanoramaError, with what it could be instead, when a picture of ``size`` has another shape."""
    if spec.kind == "fisheye" or (spec.lens is not None and not isinstance(spec.lens, Ideal)):
        return  # as its lens file says
    expected = ASPECTS[spec.kind] * EYES[spec.layout][0] / EYES[spec.layout][1]
    if abs(size[0] / size[1] / expected - 1) <= TOLERANCE:
        return
    could = [PanoramaSpec(kind, layout).words for kind in ASPECTS for layout in EYES if _has_shape(kind, layout, size)]
    fix = f"for this shape use --panorama {' or '.join((*could, 'flat'))}"
    if not could:
        fix = "use --panorama flat or fisheye, which take any shape"
    raise PanoramaError(f"a picture of {size[0]}×{size[1]} is not {spec.words}, which is {expected:g}:1; {fix}")


def _has_shape(kind: str, layout: Layout, size: tuple[int, int]) -> bool:
    columns, rows = EYES[layout]
    return abs(size[0] / size[1] / (ASPECTS[kind] * columns / rows) - 1) <= TOLERANCE


def _allowed(word: str, names: tuple[str, ...]) -> str:
    hint = did_you_mean(word, names)
    return f"{word!r} is not known; {hint and hint + ' '}allowed are {', '.join(names)}"

"""Which panorama a source is: as the user names it, or as the metadata of the film or the picture names it."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import cast

import av
from av.sidedata.sidedata import SideData
from av.sidedata.sidedata import Type as SideDataType

from hallucinate.errors import PanoramaError, SourceUnavailable
from hallucinate.panorama.fitting import Fitting, PanoramaSpec, read_panorama_spec
from hallucinate.panorama.remap import Layout
from hallucinate.sources.film import FilmProbe
from hallucinate.sources.opening import existing, names_file, probe_film
from hallucinate.sources.pixels import beside

KINDS = {0: "equirect", 1: "cubemap", 3: "half-equirect", 5: "fisheye"}
"""FFmpeg's AVSphericalProjection (libavutil/spherical.h). 2 is a tile, whose bounds say of what; 4 is flat."""

LAYOUTS = {1: Layout.SIDE_BY_SIDE, 2: Layout.TOP_BOTTOM}
"""FFmpeg's AVStereo3DType (libavutil/stereo3d.h); others are mono, or are interleaved, as no panorama is."""

QUARTER = 1 << 30
"""A quarter of the sphere in a tile's bounds, which are 32-bit fractions: so much cut off at either side is VR180."""

HEAD = 1 << 18
"""Bytes in which a photograph's XMP is: one JPEG segment of 64 KiB, after EXIF and thumbnails."""


def choose_panorama(
    spec: str,
    words: str = "auto",
    lens: str | None = None,
    size: tuple[int, int] | None = None,
    film: FilmProbe | None = None,
) -> Fitting | None:
    """What brings the pictures of the source ``spec`` (as after ``--source``) to frames; None where they are flat.

    words: as after ``--panorama``; ``auto`` reads the metadata of the film or the picture. lens: a lens file for a
    fisheye. film: the film of ``spec``, where it has been opened already.
    Raises PanoramaError, LensError or SourceUnavailable, in one line.
    """
    if words != "auto":
        panorama = read_panorama_spec(words, lens)
        if spec == "scene:panorama" and panorama != PanoramaSpec("equirect"):
            raise PanoramaError(f"--panorama {words}: {spec} is equirect; leave the option out")
        if panorama is not None and (spec in ("scene", "guest") or spec.partition(":")[0] == "zoom"):
            raise PanoramaError(f"--panorama {words}: the source {spec} is flat; leave the option out")
    elif lens is not None:
        raise PanoramaError("--lens is for fisheyes; add --panorama fisheye or --panorama dual-fisheye")
    else:
        panorama = panorama_from_metadata(spec, film)
    return None if panorama is None else Fitting(panorama, size)


def panorama_from_metadata(spec: str, film: FilmProbe | None = None) -> PanoramaSpec | None:
    """The panorama that a film's or a picture's own metadata names. Cameras, addresses and the zoom name none.

    film: the film of ``spec``, where it has been opened already. Raises SourceUnavailable.
    """
    if spec == "scene:panorama":
        return PanoramaSpec("equirect")
    if not names_file(spec):
        return None
    if film is not None:
        return panorama_of_film(side_data(film.first), film.decoder.name)
    film = probe_film(spec)
    if film is None:
        return panorama_of_picture(existing(spec))
    try:
        return panorama_of_film(side_data(film.first), film.decoder.name)
    finally:
        film.decoder.close()


def side_data(frame: av.VideoFrame) -> dict[SideDataType, bytes]:
    """What a film says of a frame beside its pixels."""
    # PyAV's own stub calls it something else.
    return {side.type: bytes(side) for side in cast(Iterable[SideData], beside(frame))}


def panorama_of_film(sides: Mapping[SideDataType, bytes], name: str) -> PanoramaSpec | None:
    """The panorama that a frame's side data name; None for a flat one. name: of the film, for errors.

    From sv3d and st3d boxes, Google's spherical XML or Matroska's elements: FFmpeg brings all in one form. Yaw, pitch
    and roll are ignored: they turn the start of the view, which is the viewer's. Raises SourceUnavailable for a part of
    a sphere that is neither whole nor half.
    """
    sphere = sides.get(SideDataType.SPHERICAL)
    if sphere is None:
        return None
    kind, *_, left, top, right, bottom = struct.unpack_from("=i3i4I", sphere)
    half = kind == 2 and abs(left - QUARTER) < 1 << 20 and abs(right - QUARTER) < 1 << 20 and not top and not bottom
    layout = Layout.MONO
    if SideDataType.STEREO3D in sides:
        layout = LAYOUTS.get(struct.unpack_from("=i", sides[SideDataType.STEREO3D])[0], Layout.MONO)
    if half:
        return PanoramaSpec("half-equirect", layout)
    if kind == 2:
        raise SourceUnavailable(
            f"{name} shows a part of a sphere that is neither the whole nor the half in front; "
            "choose --panorama equirect, half-equirect or flat"
        )
    return PanoramaSpec(KINDS[kind], layout) if kind in KINDS else None


def panorama_of_picture(path: Path) -> PanoramaSpec | None:
    """The panorama that a photograph's XMP (Google's GPano) names, when the whole sphere is in it; else None."""
    with path.open("rb") as file:
        head = file.read(HEAD)
    if not re.search(rb"GPano:ProjectionType\W+equirectangular", head):
        return None
    for side in (b"Width", b"Height"):  # a phone's panorama often goes all round, but not up to the zenith
        names = (b"CroppedAreaImage" + side + b"Pixels", b"FullPano" + side + b"Pixels")
        found = [re.search(rb"GPano:" + name + rb"\W+(\d+)", head) for name in names]
        if len({int(match[1]) for match in found if match}) > 1:
            return None
    return PanoramaSpec("equirect")

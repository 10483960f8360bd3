"""Lens files: OpenCV's YAML and ROS's camera_info, read and written; and the ideal profiles that are shipped.

One file says: ``image_width``, ``image_height``, ``camera_matrix``, ``distortion_coefficients``, and which formula they
are for: ``projection`` (kannala-brandt, equisolid, pinhole), or in ROS's files ``distortion_model`` (equidistant, which
is Kannala-Brandt, or plumb_bob). ``field_of_view`` in degrees is ours, and is optional. A pair of lenses back to
back has the second one under ``second``, with its ``rotation``. An ideal profile has only ``projection`` (equidistant,
equisolid, dual-equidistant) and ``field_of_view``, and takes pictures of any size.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, cast

import cv2
import numpy as np

from hallucinate.errors import LensError
from hallucinate.files import shipped, with_home, write_text
from hallucinate.panorama.lenses import BACK, DualFisheye, Kind, Lens, ideal, ideal_dual
from hallucinate.writing import writing

COEFFICIENTS: dict[Kind, int] = {"kannala-brandt": 4, "equisolid": 0, "pinhole": 5}
ROS_MODELS: dict[str, Kind] = {"equidistant": "kannala-brandt", "fisheye": "kannala-brandt", "plumb_bob": "pinhole"}
IDEALS = ("equidistant", "equisolid", "dual-equidistant")


@dataclass(frozen=True)
class Ideal:
    """A lens by the book, whose circle fits whatever picture it is in front of."""

    kind: Literal["equidistant", "equisolid", "dual-equidistant"]
    degrees: float

    def scaled_to(self, size: tuple[int, int], name: str) -> Lens | DualFisheye:
        """The lens in front of a picture of ``size``."""
        return (
            ideal_dual(self.degrees, size) if self.kind == "dual-equidistant" else ideal(self.kind, self.degrees, size)
        )


AnyLens = Lens | DualFisheye | Ideal


def read_lens(named: str | Path) -> AnyLens:
    """A lens from its file, or from a shipped profile of that name (``equidistant-200``).

    Raises LensError, in one line, for what is not there, is not a lens file, or lacks something.
    """
    path = with_home(named)
    profiles = shipped("calibration") / "lenses"
    profile = profiles / f"{named}.yaml"
    if not path.is_file():
        if "/" in str(named) or not profile.is_file():
            names = ", ".join(sorted(p.stem for p in profiles.glob("*.yaml")))
            raise LensError(f"there is no lens file {named}; name one, or a profile that is shipped: {names}")
        path = profile
    try:
        text = path.read_text(encoding="utf-8-sig")  # an editor may have begun it with a byte order mark
    except (OSError, UnicodeDecodeError) as error:
        raise LensError(f"{path.name} cannot be read as a lens file ({error}); use OpenCV's or ROS's YAML") from None
    return _lens(_parsed(text, path.name), path.name)


def write_lens(path: Path, lens: Lens | DualFisheye, notes: list[str], ros: bool = False) -> None:
    """Write a lens file whole or not at all, with ``notes`` as comments. Raises OutputError, or LensError for a lens
    that has no form in it.

    ros: as camera_info, which has no form for two lenses or for an equisolid one.
    """
    if ros and (isinstance(lens, DualFisheye) or lens.kind == "equisolid"):
        raise LensError("ROS's camera_info has no form for this lens; write OpenCV's YAML instead")
    first = lens.first if isinstance(lens, DualFisheye) else lens
    kind = first.kind
    lines = [*(f"# {note}" for note in notes), f"image_width: {first.size[0]}", f"image_height: {first.size[1]}"]
    if ros:
        model = {"kannala-brandt": "equidistant", "pinhole": "plumb_bob"}[kind]
        lines += ["camera_name: hallucinate", f"distortion_model: {model}", *_figures(first, "", True)]
        lines += _matrix("rectification_matrix", np.eye(3), "", True)
        lines += _matrix("projection_matrix", np.hstack([_camera_matrix(first), np.zeros((3, 1))]), "", True)
    else:
        lines = ["%YAML:1.0", "---", *lines, f"projection: {kind}", *_figures(first, "", False)]
    if isinstance(lens, DualFisheye):
        lines += ["second:", *_figures(lens.second, "   ", False), *_matrix("rotation", lens.rotation, "   ", False)]
    with writing(path):
        write_text(path, "\n".join(lines) + "\n")


def _figures(lens: Lens, indent: str, ros: bool) -> list[str]:
    return [
        f"{indent}field_of_view: {_number(lens.degrees)}",
        *_matrix("camera_matrix", _camera_matrix(lens), indent, ros),
        *_matrix("distortion_coefficients", np.array([lens.coefficients], np.float64), indent, ros),
    ]


def _camera_matrix(lens: Lens) -> np.ndarray:
    (fx, fy), (cx, cy) = lens.focal, lens.centre
    return np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]])


def _matrix(name: str, matrix: np.ndarray, indent: str, ros: bool) -> list[str]:
    rows, columns = matrix.shape
    data = ", ".join(_number(value) for value in matrix.ravel())
    head = [f"{indent}{name}:" + ("" if ros else " !!opencv-matrix")]
    kind = [] if ros else [f"{indent}   dt: d"]
    return [*head, f"{indent}   rows: {rows}", f"{indent}   cols: {columns}", *kind, f"{indent}   data: [ {data} ]"]


def _number(value: float) -> str:
    text = repr(float(value))
    return text if "e" not in text or "." in text else text.replace("e", ".e")  # OpenCV reads 1e-05 as a word


def _parsed(text: str, name: str) -> Mapping[str, Any]:
    """YAML by OpenCV's own reader, which wants a header that ROS's files lack."""
    headed = text if text.startswith("%YAML") else "%YAML:1.0\n---\n" + text.removeprefix("---\n")
    flags = cv2.FILE_STORAGE_READ | cv2.FILE_STORAGE_MEMORY | cv2.FILE_STORAGE_FORMAT_YAML
    try:
        storage = cv2.FileStorage(headed, flags)  # held: its nodes die with it
        found = _plain(storage.root())
    except (cv2.error, SystemError):  # its constructor raises the one inside the other
        found = None
    if not isinstance(found, dict):
        raise LensError(f"{name} is not a lens file; use the YAML of OpenCV, of ROS or of `hallucinate calibrate lens`")
    return found


def _plain(node: Any) -> Any:
    if node.isMap():
        return {key: _plain(node.getNode(key)) for key in node.keys()}  # noqa: SIM118 - not a dict
    if node.isSeq():
        return [_plain(node.at(n)) for n in range(node.size())]
    return node.string() if node.isString() else node.real() if node.isInt() or node.isReal() else None


def _lens(found: Mapping[str, Any], name: str) -> AnyLens:
    kind = found.get("projection")
    if kind is None and "distortion_model" in found:
        kind = ROS_MODELS.get(str(found["distortion_model"]))
        if kind is None:
            models = ", ".join(ROS_MODELS)
            raise LensError(f"{name}: distortion_model {found['distortion_model']!r} is not read; allowed are {models}")
    if kind is None:
        _lacks(name, "projection (kannala-brandt, equisolid or pinhole) or distortion_model")
    sized = "image_width" in found or "camera_matrix" in found
    if kind in IDEALS and not sized:
        return Ideal(cast(Any, kind), _degrees(found, name) or _lacks(name, "field_of_view"))
    if kind not in COEFFICIENTS:
        kinds = ", ".join((*COEFFICIENTS, *IDEALS))
        raise LensError(f"{name}: projection {kind!r} is not known; allowed are {kinds}")
    first = _one(found, name, kind, _size(found, name))
    if "second" not in found:
        return first
    other = found["second"]
    if not isinstance(other, dict):
        raise LensError(f"{name}: second must hold a camera_matrix and distortion_coefficients of its own")
    rotation = _numbers(other, name, "rotation", (9,)) if "rotation" in other else BACK.ravel().tolist()
    matrix = np.array(rotation).reshape(3, 3)
    if np.abs(matrix @ matrix.T - np.eye(3)).max() > 1e-3:
        raise LensError(f"{name}: second's rotation also stretches; it must be a rotation matrix, 3×3")
    return DualFisheye(first, _one(other, name, kind, first.size), matrix)


def _one(found: Mapping[str, Any], name: str, kind: Any, size: tuple[int, int]) -> Lens:
    matrix = _numbers(found, name, "camera_matrix", (9,))
    count = COEFFICIENTS[cast(Kind, kind)]
    values = _numbers(found, name, "distortion_coefficients", (count, 4, 5)) if count else []
    if not (matrix[0] > 0 and matrix[4] > 0):
        raise LensError(f"{name}: camera_matrix must have its focal lengths, above 0, at [0,0] and [1,1]")
    if not (-0.5 <= matrix[2] <= size[0] - 0.5 and -0.5 <= matrix[5] <= size[1] - 0.5):
        at = f"{matrix[2]:g}, {matrix[5]:g}"
        raise LensError(f"{name}: camera_matrix's centre, {at}, is outside of the picture, {size[0]}×{size[1]}")
    lens = Lens(kind, size, (matrix[0], matrix[4]), (matrix[2], matrix[5]), (*values, *[0.0] * count)[:count], 360.0)
    return replace(lens, degrees=_degrees(found, name) or _to_the_corner(lens))


def _to_the_corner(lens: Lens) -> float:
    """The field of view of a lens whose file does not say: as far as its picture's corners go."""
    width, height = lens.size
    corners = lens.rays(np.array([[x, y] for x in (0, width - 1) for y in (0, height - 1)], np.float64))
    angles = np.arccos(np.clip(corners[:, 2], -1, 1))
    return math.degrees(2 * (lens.max_angle if np.isnan(angles).any() else float(angles.max())))


def _size(found: Mapping[str, Any], name: str) -> tuple[int, int]:
    sides = [found.get(key, _MISSING) for key in ("image_width", "image_height")]
    if _MISSING in sides:
        _lacks(name, "image_width and image_height")
    if not all(isinstance(side, float) and side >= 1 and side == int(side) for side in sides):
        raise LensError(f"{name}: image_width and image_height must be whole numbers of pixels, above 0")
    return int(sides[0]), int(sides[1])


def _degrees(found: Mapping[str, Any], name: str) -> float | None:
    degrees = found.get("field_of_view")
    if degrees is None:
        return None
    if not isinstance(degrees, float) or not 1 <= degrees <= 360:
        raise LensError(f"{name}: field_of_view must be degrees from 1 to 360; it is {degrees!r}")
    return degrees


def _numbers(found: Mapping[str, Any], name: str, key: str, counts: tuple[int, ...]) -> list[float]:
    if key not in found:
        _lacks(name, key)
    node = found[key]
    data = node.get("data") if isinstance(node, dict) else node
    if not isinstance(data, list) or not all(isinstance(value, float) and math.isfinite(value) for value in data):
        raise LensError(f"{name}: {key} must be a matrix of numbers")
    if len(data) not in counts:
        spec = " or ".join(str(count) for count in dict.fromkeys(counts))
        raise LensError(f"{name}: {key} has {len(data)} numbers; {spec} are needed")
    return cast(list[float], data)


_MISSING = object()


def _lacks(name: str, key: str) -> Any:
    raise LensError(f"{name} lacks {key}; is it a lens file, and whole?")

"""From what somebody wrote after ``--source`` to a source."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from hallucinate.clock import Clock
from hallucinate.errors import SourceError, SourceUnavailable
from hallucinate.files import with_home
from hallucinate.frame import OutputFrame
from hallucinate.messages import did_you_mean
from hallucinate.panorama.fitting import Fitting
from hallucinate.plain_text import STREAMING
from hallucinate.sources import Source
from hallucinate.sources.address import Address
from hallucinate.sources.camera import Camera, OpenCapture, first_camera, open_capture
from hallucinate.sources.film import Film, FilmProbe, check_file
from hallucinate.sources.pacing import Drawn
from hallucinate.sources.picture import is_picture, picture_source
from hallucinate.sources.scene import Scene
from hallucinate.sources.surroundings import Surroundings
from hallucinate.sources.zoom import Zoom

SPECS: dict[str, str] = {
    "camera:N": "camera N of this machine; camera alone is the first one that delivers",
    "FILE": "a film, which loops, or a picture",
    "rtsp://…": "a network camera or media server",
    "http://…": "a stream or film on a web server; https:// too",
    "scene": "the built-in landscape, drawn live",
    "scene:panorama": "another that surrounds you, an equirect panorama",
    "zoom": "a zoom without end into the dream itself, from noise; zoom:FILE from a picture",
    "guest": "the camera of whoever opens the page, or OBS, by WHIP",
}
"""What ``--source`` takes, and what each is. The command line's help comes from here."""

ADDRESSES = ("rtsp", "rtsps", "http", "https")
NO_CAMERA = "no camera was found"
OTHERS = "plug one in, free it from another program, or choose another source"
LIKE_AN_ADDRESS = re.compile(rf"(?i:{STREAMING})\b[^\w\s]*/|[\w.-]+:\d+/|.*:.*@|[^/]*@[\w.-]+[:/]|.*[?#].*=", re.DOTALL)
"""What is written where somebody meant an address: its scheme misspelled, or only a host and port, a login, a query."""

WORDS = ("camera", "scene", "scene:panorama", "zoom", "guest")


def open_source(
    spec: str,
    size: tuple[int, int],
    fps: float,
    clock: Clock,
    panorama: Fitting | None = None,
    latest: Callable[[], OutputFrame | None] = lambda: None,
    film: FilmProbe | None = None,
    own_shape: bool = False,
) -> Source:
    """The source that ``spec`` names, with frames of ``size`` = (width, height); own_shape: as for ``fitted``.

    panorama: what its pictures are, if they are not flat; its size is ``size``. latest: what is on the stage that these
    frames are dreamed for; the zoom feeds on it. film: the file of ``spec``, where it has been opened already.
    ``fps``: as in ``Source.set_fps``. Cameras and addresses are opened in the background: what is wrong with them is
    raised by their first ``read``.
    Raises SourceUnavailable for a spec that will never work, SourceError for one that may later.
    """
    width, height = size
    if spec == "scene":
        return Drawn("the built-in scene", Scene(width, height, seed=0).draw, fps, clock)
    if spec == "scene:panorama":
        return Drawn("the built-in scene, all round", Surroundings(width, height, seed=0).draw, fps, clock)
    if spec == "zoom" or spec.startswith("zoom:"):
        picture = existing(spec.removeprefix("zoom:")) if spec != "zoom" else None
        return Zoom(picture, size, fps, clock, latest, own_shape=own_shape)
    if spec == "camera":
        camera, faults = first_camera(size, fps, clock, panorama, own_shape=own_shape)
        if camera is None:
            raise SourceError(f"{faults or NO_CAMERA}; {OTHERS}")
        return camera
    if spec.startswith("camera:"):
        return Camera(_camera_index(spec), width, height, fps, clock, panorama=panorama, own_shape=own_shape)
    if spec == "guest":
        raise SourceUnavailable("guest: a guest's camera comes through the page and cannot be opened here")
    if _is_address(spec):
        return Address(spec, width, height, clock, panorama=panorama, fps=fps, own_shape=own_shape)
    path = existing(spec)
    film = film or _film_in(path)
    if film is None:
        return picture_source(path, width, height, fps, clock, panorama, own_shape)
    return Film(film, width, height, clock, panorama, fps, own_shape)


def probe_film(spec: str) -> FilmProbe | None:
    """The film file that ``spec`` names, opened once for all who need it; None where the source is not a film file.

    Raises SourceUnavailable for a file that is not there, or is neither a picture nor a film.
    """
    return _film_in(existing(spec)) if names_file(spec) else None


def names_file(spec: str) -> bool:
    """Whether ``spec`` can only be a film's or a picture's path: no camera, scene, zoom, guest or address."""
    return not (spec in WORDS or spec.startswith(("camera:", "zoom:")) or _is_address(spec))


def _is_address(spec: str) -> bool:
    scheme, separator, _ = spec.partition("://")
    return bool(separator) and scheme.lower() in ADDRESSES


def _film_in(path: Path) -> FilmProbe | None:
    """The film that is in a file, or None where a picture is."""
    check_file(path)
    return None if is_picture(path) else FilmProbe.open(path)


@dataclass(frozen=True)
class Choice:
    """The main source, as after ``--source``, and why it is that one, in words; camera: where it is open already."""

    spec: str = field(repr=False)  # an address may have a password in it
    why: str
    camera: Camera | None = None


def choose_source(
    requested: str | None,
    size: tuple[int, int],
    fps: float,
    clock: Clock,
    indexes: list[int] | None = None,
    factory: OpenCapture = open_capture,
) -> Choice:
    """The source that was requested; where none was, the first camera that delivers a frame, or else the scene.

    A camera's number that was requested is not looked at here, ``camera`` alone is. size: (width, height) to request of
    cameras. Raises SourceUnavailable for ``camera`` where none delivers.
    """
    if requested not in (None, "camera"):
        return Choice(requested, "as requested")
    camera, faults = first_camera(size, fps, clock, indexes=indexes, factory=factory)
    if camera is not None:
        why = f"{faults}; {camera.name} is used" if faults else f"{camera.name} was found"
        return Choice(requested or f"camera:{camera.index}", why, camera)
    if requested is not None:
        raise SourceUnavailable(f"{faults or NO_CAMERA}; {OTHERS}")
    return Choice("scene", f"{faults or NO_CAMERA}, so the built-in scene plays; choose another source with --source")


def _camera_index(spec: str) -> int:
    match = re.fullmatch(r"camera:(\d{1,3})", spec)
    if match is None:
        raise SourceUnavailable(f"{spec!r} is not a camera; write camera:N with N from 0, e.g. camera:0")
    return int(match[1])


def existing(spec: str) -> Path:
    """The path of a file that is there, ~ resolved."""
    try:
        path = with_home(spec)
        if spec and path.exists():
            return path
    except (OSError, ValueError):  # too long, a NUL in it
        pass
    raise SourceUnavailable(_unknown(spec))


def _unknown(spec: str) -> str:
    allowed = "allowed are " + ", ".join(SPECS)
    if "://" not in spec and LIKE_AN_ADDRESS.match(spec):  # which is not repeated: it may hold a password
        return f"this looks like an address without its beginning, or with that misspelled; {allowed}"
    spec = spec if len(spec) <= 120 else spec[:117] + "..."
    if "://" in spec:
        return f"{spec.partition('://')[0]}:// is not an address that can be read; {allowed}"
    hint = did_you_mean(spec.lower(), WORDS)
    looks_like_a_path = bool(re.search(r"[/\\.]", spec))
    if hint and not looks_like_a_path:
        return f"no source is called {spec!r}; {hint} {allowed}"
    if looks_like_a_path:
        return f"there is no file {spec}; check the spelling and the folder, or choose another source: {allowed}"
    return f"no source or file is called {spec!r}; {allowed}"

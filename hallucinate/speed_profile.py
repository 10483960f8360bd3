"""This machine's operating point: the precision, dream width and steps with which it holds the frame rate.

Found at the first start by a rehearsal: the live dreamer under its own governor, with nobody watching and without
waiting for frames, for as many turns as are due in two seconds. So the targets are the governor's own.
What is found is saved in a file of this user's, and so is where the governor was when serving ended; the next start
begins there without measuring, and the governor goes on from there.
"""

from __future__ import annotations

import logging
import platform
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
import torch
from pydantic import BaseModel, Field, TypeAdapter

from hallucinate import __version__
from hallucinate.console import print_line
from hallucinate.device import choose_device, describe, named, precision, precisions, thread_counts
from hallucinate.dream.dreamer import Dreamer
from hallucinate.dream.governor import Governor
from hallucinate.dream.surface import FLAT_MONO, Geometry, Surface
from hallucinate.files import cache_file, write_json
from hallucinate.frame import Frame, OperatingPoint, Picture
from hallucinate.networks import Network
from hallucinate.networks.registry import NetworkOptions, open_network, open_quickest
from hallucinate.panorama.remap import Layout
from hallucinate.plain_text import printable
from hallucinate.settings import Settings
from hallucinate.writing import reason

log = logging.getLogger(__name__)

FILE = "speed.json"

REHEARSED_S, LONGEST_S = 2.0, 2.0
"""Seconds of live dreaming that are rehearsed, and how long that may take."""

POINTS = 32
"""How many operating points are saved for a machine: the newest."""

Turns = list[tuple[OperatingPoint, float]]
"""What each turn was dreamed with, and the seconds that it took."""


class SavedPoint(BaseModel, extra="forbid"):
    """An operating point, in the file."""

    width: int = Field(ge=1)
    steps: int = Field(ge=1)


class MachineProfile(BaseModel, extra="forbid"):
    """One machine with one device and network, in the file: what was the quickest, and the points by purpose."""

    threads: int = Field(ge=1)
    precision: Literal["float32", "bfloat16", "float16"]
    points: dict[str, SavedPoint] = {}


PROFILES = TypeAdapter(dict[str, MachineProfile])
"""The file."""


@dataclass(frozen=True)
class ProfiledNetwork:
    """A network by the name that was requested, on a device, in its quickest precision, and the saved points."""

    name: str
    network: Network
    device: torch.device
    dtype: torch.dtype
    points: dict[str, SavedPoint]


def open_profiled(
    name: str,
    device: torch.device,
    options: NetworkOptions = NetworkOptions(),  # noqa: B008 - frozen
) -> ProfiledNetwork:
    """The network, in the precision and on the threads that were the quickest at an earlier start, or else are now.

    Raises NetworkError as ``open_network`` does. A file that cannot be read is logged in a line, and measured anew.
    """
    try:
        machine = _read().get(_machine(name, device))
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is damaged"
        log.warning(f"the speed file {cache_file(FILE)} cannot be read ({why}); measuring again")
        machine = None
    dtype = next((dtype for dtype in precisions(device) if machine and precision(dtype) == machine.precision), None)
    if machine is None or dtype is None or machine.threads not in thread_counts(device):
        network, dtype = open_quickest(name, device, options=options)
        return ProfiledNetwork(name, network, device, dtype, {})
    torch.set_num_threads(machine.threads)
    return ProfiledNetwork(name, open_network(name, device, dtype, options=options), device, dtype, machine.points)


def starting_point(
    opened: ProfiledNetwork, settings: Settings, size: tuple[int, int], geometry: Geometry = FLAT_MONO
) -> tuple[OperatingPoint, str]:
    """The point to begin at, and how it is known, in words; where none was saved, it is measured now, and saved.

    settings: with names that the network knows. size: (width, height) of the frames.
    """
    point = opened.points.get(_purpose(settings, size, geometry))
    if point is not None:
        governor = Governor(OperatingPoint(point.width, point.steps))  # within what is allowed this time
        governor.fit_frames(size[0])
        return governor.point(settings), "as it was the last time"
    found, _ = measure(opened, settings, size, geometry)
    return found, "measured now"


def measure(
    opened: ProfiledNetwork, settings: Settings, size: tuple[int, int], geometry: Geometry = FLAT_MONO
) -> tuple[OperatingPoint, Turns]:
    """The point to begin at, from a rehearsal, which is returned as well. It is saved."""
    session = Dreamer(opened.network, opened.device).session(settings, geometry=geometry)
    point, turns = rehearse(lambda frame, point: session.step(frame, frame.captured_ns, point), settings, size)
    save_point(opened, point, settings, size, geometry)
    return point, turns


def rehearse(
    dream: Callable[[Frame, OperatingPoint], object],
    settings: Settings,
    size: tuple[int, int],
    timer: Callable[[], float] = time.perf_counter,
) -> tuple[OperatingPoint, Turns]:
    """Where the governor settles when the machine does nothing else.

    dream: takes one turn, and returns when it is done. size: (width, height) of the frames. timer: seconds.
    """
    governor, turns = Governor(), Turns()
    governor.fit_frames(size[0])
    pictures, live_s, start_s = moving_clouds(*size), 0.0, timer()
    while live_s < REHEARSED_S and timer() - start_s < LONGEST_S:
        frame, point = Frame(next(pictures), round(live_s * 1e9)), governor.point(settings)
        started_s = timer()
        try:
            dream(frame, point)
        except torch.OutOfMemoryError:
            if governor.out_of_memory(settings) >= point.width:
                break
            continue
        cost_s = timer() - started_s
        turns.append((point, cost_s))
        live_s += max(cost_s, 1 / settings.fps)
        governor.observe(cost_s, live_s, settings)
    return governor.point(settings), turns


def moving_clouds(width: int, height: int) -> Iterator[Picture]:
    """Coloured clouds that pan for ever, uint8 RGB (height, width, 3): as much to follow and dream of as a camera's."""
    small = np.random.default_rng(0).integers(0, 256, (height // 16 + 2, width // 16 + 2, 3), np.uint8)
    clouds = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
    x = 0
    while True:
        yield np.roll(clouds, x, 1)
        x += max(1, width // 200)


def save_point(
    opened: ProfiledNetwork,
    point: OperatingPoint,
    settings: Settings,
    size: tuple[int, int],
    geometry: Geometry = FLAT_MONO,
) -> None:
    """Save the precision and a point for the next start. A file that cannot be written is logged in a line."""
    name, purpose = _machine(opened.name, opened.device), _purpose(settings, size, geometry)
    try:
        machines = _read()
    except (OSError, ValueError):  # logged when it was opened
        machines = {}
    points = machines[name].points if name in machines else {}
    points.pop(purpose, None)  # the newest is the last
    points[purpose] = SavedPoint(width=point.width, steps=point.steps)
    newest = dict(list(points.items())[-POINTS:])
    quickest = {"threads": torch.get_num_threads(), "precision": precision(opened.dtype)}
    machines[name] = MachineProfile.model_validate({**quickest, "points": newest})
    path = cache_file(FILE)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, PROFILES.dump_python(machines))
    except OSError as error:
        log.warning(f"this machine's speed cannot be saved in {path} ({reason(error)}); the next start measures again")


def _read() -> dict[str, MachineProfile]:
    """The file; nothing where there is none. Raises OSError, or ValueError for what is not ours."""
    try:
        return PROFILES.validate_json(cache_file(FILE).read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return {}


def _machine(name: str, device: torch.device) -> str:
    """All that a precision was measured with. The host is in it: homes are shared."""
    return (
        f"{platform.node()}, {named(device)}: {printable(name)}, hallucinate {__version__}, torch {torch.__version__}"
    )


def _purpose(settings: Settings, size: tuple[int, int], geometry: Geometry) -> str:
    """All else that decides what a turn costs, or may cost."""
    smallest = (
        f"{settings.motif_size:g}"
        if geometry.surface is Surface.FLAT
        else f"{settings.motif_degrees:g}° ({geometry.surface})"
    )
    scales = f"{settings.octaves} octaves from {smallest} by {settings.octave_scale:g}"
    eyes = "" if geometry.layout is Layout.MONO else f" {geometry.layout}"
    return f"{size[0]}x{size[1]}{eyes} at {settings.fps:g} fps, up to {settings.steps} steps, {scales}"


def in_words(point: OperatingPoint) -> str:
    """``288 px wide, 1 step a frame``."""
    return f"{point.width} px wide, {point.steps} step{'s' if point.steps != 1 else ''} a frame"


def calibrate(network: str, device: str) -> None:
    """The command: measure anew, for the default settings at 640×360, save it, and print what was found, and where.

    Raises HallucinateError for a network or a device that is not there.
    """
    start_s, settings, size = time.perf_counter(), Settings(), (640, 360)
    where = choose_device(device)
    opened, dtype = open_quickest(network, where)
    point, turns = measure(ProfiledNetwork(network, opened, where, dtype, {}), settings, size)
    print_line(f"{describe(where, dtype)} (the quickest of {', '.join(map(precision, precisions(where)))})")
    for tried in dict.fromkeys(at for at, _ in turns):
        costs = [cost_s for at, cost_s in turns if at == tried]
        print_line(f"  {in_words(tried)}: {statistics.median(costs) * 1e3:.1f} ms a turn, the median of {len(costs)}")
    print_line(f"for {settings.fps:g} fps at {size[0]}×{size[1]}: {in_words(point)}")
    print_line(f"found in {time.perf_counter() - start_s:.1f} s; saved in {cache_file(FILE)} for the next start")

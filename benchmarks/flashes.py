"""What flashes of what a viewer gets: the share of the worst 10° field that flashes more than three times in a second.

    python -m benchmarks.flashes --json benchmarks/results/flashes.json

Each row is a clip of 640×360 (or a small sphere), made by a real session from drawn frames, and judged by the slow
reference of the tests, in float64, on a desk and on the headset page's 76° screen. Over 0.25 fails. With --coded the
clips go through the live encoder and a decoder first; with --referee EA's IRIS judges them too (pip install
iris-pse-detection), which judges means of the frame alone.
"""

from __future__ import annotations

import argparse
import contextlib
import fnmatch
import io
import itertools
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from benchmarks.sphere import noise_on_sphere
from hallucinate.device import describe
from hallucinate.dream.dreamer import Dreamer
from hallucinate.dream.strength_calibration import read_strength_calibration
from hallucinate.dream.surface import FLAT_MONO, Geometry, Surface
from hallucinate.dream_request import DreamRequest
from hallucinate.files import shipped, write_json
from hallucinate.film.classic_renderer import ClassicRenderer
from hallucinate.frame import Frame, OperatingPoint, Picture
from hallucinate.networks import Network
from hallucinate.networks.registry import open_quickest
from hallucinate.outputs.encoder import Codec, PictureEncoder
from hallucinate.settings import Settings
from hallucinate.sources.scene import View as Landscape
from hallucinate.still.presets import find_preset
from hallucinate.still.renderer import open_renderer
from tests.safety.reference import DESK, HEADSET, RULES, SPHERE, Judged, View, judge

WIDTH, HEIGHT = 640, 360
FPS, SECONDS = 20.0, 2.5
WIDE, NARROW = 480, 160
"""Dream widths: as by default, and what two cores get to."""

CPU = torch.device("cpu")


@dataclass(frozen=True)
class Clip:
    """Pictures, uint8 RGB (H, W, 3) each, and when each is shown, in nanoseconds."""

    pictures: Sequence[Picture]
    times_ns: Sequence[int]


@dataclass(frozen=True)
class Row:
    """A line of the table. make: its clip. issue: the figures that it had at first, on a desk and in a headset."""

    name: str
    make: Callable[[], Clip]
    first: str
    views: tuple[View, ...] = (DESK, HEADSET)


def clip_of(draw: Callable[[float], Picture], fps: float = FPS, seconds: float = SECONDS) -> Clip:
    """Drawn frames. draw: of a time in seconds."""
    count = round(seconds * fps)
    return Clip([draw(n / fps) for n in range(count)], [round(n / fps * 1e9) for n in range(count)])


@cache
def network() -> Network:
    """The bundled one, as live."""
    return open_quickest("motif", CPU)[0]


def open_dreamer() -> Dreamer:
    """As live."""
    return Dreamer(network(), CPU, read_strength_calibration(shipped("calibration") / "strength" / "motif.json"))


Change = Callable[[float, Dreamer, Settings], Settings]
"""What somebody does at a time: the settings from then on."""


def dreamed_clip(
    clip: Clip, width: int, change: Change | None = None, geometry: Geometry = FLAT_MONO, **overrides: Any
) -> Clip:
    """A clip as a live session dreams it, at a dream width, with settings that differ from the defaults."""
    dreamer, settings = open_dreamer(), Settings(**overrides)
    session, point = dreamer.session(settings, geometry=geometry), OperatingPoint(width, settings.steps)
    pictures = []
    for revision, (picture, ns) in enumerate(zip(clip.pictures, clip.times_ns, strict=True)):
        if change is not None:
            session.use(change(ns / 1e9, dreamer, settings), revision)
        pictures.append(session.step(Frame(picture, ns), ns, point).dream)
    return Clip(pictures, clip.times_ns)


@cache
def landscape(width: int = WIDTH, height: int = HEIGHT) -> Picture:
    """The built-in scene at one moment."""
    return Landscape(width, height, seed=0).draw(12.0)


def still_clip(fps: float = FPS, seconds: float = SECONDS) -> Clip:
    """The landscape, standing still."""
    return clip_of(lambda t: landscape(), fps, seconds)


def scene_clip() -> Clip:
    """The built-in scene as it moves."""
    view = Landscape(WIDTH, HEIGHT, seed=0)
    return clip_of(lambda t: view.draw(12.0 + t))


def pan_clip(speed: float) -> Clip:
    """A window that goes over a landscape, so many pixels a second."""
    world = landscape(2 * WIDTH, 2 * HEIGHT)

    def draw(t: float) -> Picture:
        matrix = np.array([[1, 0, 60 + speed * t], [0, 1, 200]], np.float32)
        flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
        return np.asarray(cv2.warpAffine(world, matrix, (WIDTH, HEIGHT), flags=flags), np.uint8)

    return clip_of(draw)


def flat(*colour: int) -> Picture:
    """One colour all over."""
    return np.full((HEIGHT, WIDTH, 3), colour, np.uint8)


def on(t: float, hz: float) -> bool:
    """Whether a light that flashes so often is on."""
    return int(2 * hz * t + 1e-9) % 2 == 1


def strobe(hz: float, dark: Picture, light: Picture) -> Clip:
    """Two pictures in turn, so many times a second."""
    return clip_of(lambda t: light if on(t, hz) else dark)


def checker(side: int) -> Picture:
    """Black and white squares."""
    y, x = np.mgrid[:HEIGHT, :WIDTH] // side
    return np.repeat(((x + y) % 2 * 255)[..., None], 3, 2).astype(np.uint8)


def local(hz: float) -> Clip:
    """A light on a part of the landscape, an eighth of it."""
    light = landscape().copy()
    light[90:270, 240:400] = 255 - (255 - light[90:270, 240:400]) // 4
    return strobe(hz, landscape(), light)


def cuts(every_s: float) -> Clip:
    """Another view of the scene every so often."""
    view = Landscape(WIDTH, HEIGHT, seed=0)
    views = [view.draw(12.0), np.ascontiguousarray(view.draw(40.0)[::-1]), flat(30, 25, 40), flat(225, 215, 190)]
    return clip_of(lambda t: views[int(t / every_s + 1e-9) % len(views)])


SETTLED_S = 1.5
"""Before something is toggled, so that there is a dream."""


def toggled_strength(t: float, dreamer: Dreamer, settings: Settings) -> Settings:
    """Strength 1 and 0 in turn, five times a second."""
    return settings.model_copy(update={"strength": 1.0 if t < SETTLED_S or on(t, 5) else 0.0})


def toggled_mask(t: float, dreamer: Dreamer, settings: Settings) -> Settings:
    """A mask that is all bright and all dark in turn, five times a second."""
    dreamer.set_mask(flat(255, 255, 255) if t < SETTLED_S or on(t, 5) else flat(0, 0, 0))
    return settings


def toggled(change: Change, width: int, **overrides: Any) -> Clip:
    """A still picture with a dream that grows quickly, and something that is toggled."""
    clip = still_clip(seconds=SETTLED_S + 1.5)
    return dreamed_clip(clip, width, change, strength=1.0, growth_s=0.1, **overrides)


def compared(width: int) -> Clip:
    """*Compare* pressed five times a second: the dream and the camera's picture in turn."""
    camera = still_clip()
    dream = dreamed_clip(camera, width, strength=1.0)
    pairs = zip(dream.pictures, camera.pictures, dream.times_ns, strict=True)
    return Clip([a if on(ns / 1e9, 5) else b for a, b, ns in pairs], dream.times_ns)


def notebook_film(seconds: float = 1.2) -> Clip:
    """A film that stands still, ``--like notebook``. Short, because each frame takes 40 steps at full size."""
    renderer = open_renderer(DreamRequest(Settings(), preset="notebook", device="cpu"))
    classic = ClassicRenderer(renderer, find_preset("notebook"))
    return clip_of(lambda t: classic.render(Frame(landscape(), round(t * 1e9))), FPS, seconds)


def still_sphere() -> Clip:
    """Noise on a sphere, standing still, dreamed on it."""
    noise = noise_on_sphere(256, 512)
    whole = Geometry(Surface.SPHERE)
    return dreamed_clip(clip_of(lambda t: noise), 512, geometry=whole, strength=1.0, growth_s=0.1)


def rows(width: int) -> list[Row]:
    """The table's lines, dreamed so many pixels wide."""
    black, white, red, blue = flat(0, 0, 0), flat(255, 255, 255), flat(200, 0, 0), flat(0, 0, 200)

    def still(**overrides: Any) -> Clip:
        return dreamed_clip(still_clip(), width, **overrides)

    def moving(clip: Clip) -> Clip:
        return dreamed_clip(clip, width)

    squares = checker(40)
    return [
        Row("scene, all by default", lambda: moving(scene_clip()), "0.06, 0.23; at 160 px 0.46"),
        Row(
            "still: strength 1, growth 0.1, half-life 0.05",
            lambda: still(strength=1.0, growth_s=0.1, half_life_s=0.05),
            "0.85 at 9.5/s, 0.98",
        ),
        Row("still: strength 0.6, growth 0.1", lambda: still(growth_s=0.1), "fails, fails"),
        Row("still: strength 0.6, growth 0.2", lambda: still(growth_s=0.2), "fails, fails"),
        Row("still: strength 0.6, growth 0.4", lambda: still(growth_s=0.4), "passes, fails"),
        Row("still: strength 1, growth 0.6", lambda: still(strength=1.0), "passes, fails"),
        Row("film --like notebook, still", notebook_film, "0.71, 0.92"),
        Row("strength toggled", lambda: toggled(toggled_strength, width), "0.83-0.89, 0.96-0.99"),
        Row("mask toggled", lambda: toggled(toggled_mask, width, where="painted"), "the same"),
        Row("compare toggled", lambda: compared(width), "the same"),
        Row("still: drift_turn 90", lambda: still(drift_turn=90.0), "0.92, 1.0"),
        Row("pan, 180 px/s", lambda: moving(pan_clip(180)), "0.52, 0.96"),
        Row("pan, 180 px/s, not dreamed", lambda: pan_clip(180), ""),
        Row("strobe 5 Hz, black and white", lambda: moving(strobe(5, black, white)), "0.30-1.0, 0.50-1.0"),
        Row("strobe 7.5 Hz, black and white", lambda: moving(strobe(7.5, black, white)), "the same"),
        Row("strobe 5 Hz, checker", lambda: moving(strobe(5, squares, 255 - squares)), "the same"),
        Row("strobe 5 Hz, local", lambda: moving(local(5)), "the same"),
        Row("cuts every 0.15 s", lambda: moving(cuts(0.15)), "the same"),
        Row("red and blue, 5 Hz", lambda: moving(strobe(5, red, blue)), "0.19, 0.31; red 1.0"),
        Row("still sphere: strength 1, growth 0.1", still_sphere, "1.0; red 0.95", (SPHERE,)),
    ]


def coded(clip: Clip) -> Clip:
    """A clip as it comes out of the live encoder and a decoder."""
    encoder, decoder = PictureEncoder(Codec.H264), av.CodecContext.create("h264", "r")
    assert isinstance(decoder, av.VideoCodecContext)
    fps = 1e9 / float(np.median(np.diff(clip.times_ns)))

    def frames() -> Iterator[av.VideoFrame]:
        for n, (picture, ns) in enumerate(zip(clip.pictures, clip.times_ns, strict=True)):
            packet = encoder.encode(picture, ns * 90 // 1_000_000, fps, keyframe=n == 0)
            assert packet is not None
            yield from decoder.decode(packet)
        yield from decoder.decode(None)

    pictures = [np.asarray(frame.to_ndarray(format="rgb24"), np.uint8) for frame in frames()]
    return replace(clip, pictures=pictures)


def shares(clip: Clip, views: Sequence[View] = (DESK, HEADSET)) -> list[Judged]:
    """How a clip is judged, as it is seen in each of these."""
    width = clip.pictures[0].shape[1]
    return [judge(clip.pictures, clip.times_ns, view, width / 256 if view is SPHERE else 8) for view in views]


def still_row(
    overrides: dict[str, Any], fps: float = FPS, width: int = NARROW, seconds: float = 3
) -> tuple[float, float]:
    """The worst shares, on a desk and in a headset, of a still picture dreamed with some settings. Over 0.25 fails."""
    desk, headset = shares(dreamed_clip(still_clip(fps, seconds), width, **overrides))
    return desk.worst(), headset.worst()


def referee(clip: Clip) -> str:
    """What EA's IRIS finds."""
    from iris_pse_detection import VideoAnalyser

    height, width = clip.pictures[0].shape[:2]
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "clip.mp4")
        with av.open(path, "w") as film:
            stream = film.add_stream("libx264rgb", rate=round(1e9 / np.median(np.diff(clip.times_ns))))
            assert isinstance(stream, av.VideoStream)
            stream.width, stream.height, stream.pix_fmt, stream.options = width, height, "rgb24", {"crf": "0"}
            frames = (av.VideoFrame.from_ndarray(picture, "rgb24") for picture in clip.pictures)
            film.mux(list(itertools.chain.from_iterable(map(stream.encode, [*frames, None]))))
        # It writes a folder of results into the one that it is run in.
        with contextlib.redirect_stdout(io.StringIO()), contextlib.chdir(folder):
            return str(VideoAnalyser().analyse_video(path).overall_result.name)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--width", type=int, default=WIDE, help="of the dreams, in pixels; two cores get to 160")
    parser.add_argument("--rows", default="*", help="which, by name, with * for any letters")
    parser.add_argument("--coded", action="store_true", help="through the live encoder and a decoder")
    parser.add_argument("--referee", action="store_true", help="and by EA's IRIS")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    console, results = Console(width=150), []
    table = Table("what a viewer gets", "as seen", *RULES, "flashes a second", "at first", "IRIS")
    for row in rows(options.width):
        if not fnmatch.fnmatch(row.name, options.rows):
            continue
        clip = coded(row.make()) if options.coded else row.make()
        found = referee(clip) if options.referee else ""
        for view, judged in zip(row.views, shares(clip, row.views), strict=True):
            worst = {rule: round(float(judged.shares[rule].max()), 3) for rule in RULES}
            rate = max(float(rates.max()) for rates in judged.rates.values())
            results.append({"row": row.name, "seen": view.kind, **worst, "rate": rate, "fails": judged.fails})
            cells = [f"{'[bold]' if share > 0.25 else ''}{share:.2f}" for share in worst.values()]
            table.add_row(row.name, view.kind, *cells, f"{rate:g}", row.first, found)
            console.print(results[-1])
    console.print(table)
    if options.json:
        write_json(
            options.json,
            {"machine": describe(CPU, torch.float32), "width": options.width, "coded": options.coded, "rows": results},
        )


if __name__ == "__main__":
    main()

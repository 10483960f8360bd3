"""``hallucinate zoom``: a film into a dream that feeds itself, from noise or from a picture.

Each frame is made from the one before as it was written, in 8 bits, so the frames are all that has to be stored:
killed, the same command continues from the last of them, to the same film.
"""

from __future__ import annotations

import itertools
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console

from hallucinate.console import open_console
from hallucinate.dream_request import DreamRequest, objective_settings
from hallucinate.errors import SettingsError
from hallucinate.files import beside
from hallucinate.frame import Picture, fit
from hallucinate.progress import progress_bar
from hallucinate.sources.picture import load_picture
from hallucinate.still.memory import check_photo
from hallucinate.still.photos import write_photo
from hallucinate.still.renderer import StillRenderer, open_renderer
from hallucinate.still.sequences import check_sequence, write_sequence
from hallucinate.work_folder import MADE_FROM, claim, file_identity, remove_finished, remove_pictures
from hallucinate.writing import check_output_file, check_writable
from hallucinate.zoom.zoom_frames import zoom_frames
from hallucinate.zoom_motion import ZoomMotion, noise

SIZE = (640, 360)
"""Width and height of a zoom from noise, where nobody said."""


@dataclass(frozen=True)
class ZoomJob:
    """A zoom to be made.

    start: a picture, None for noise. through: layers or motifs, one after the other, the next after ``every`` frames.
    size: (width, height), None for the picture's own. force: whether an output that exists may be replaced.
    """

    start: Path | None
    out: Path
    request: DreamRequest
    frames: int
    fps: float
    motion: ZoomMotion
    size: tuple[int, int] | None = None
    through: tuple[str, ...] = ()
    every: int = 0
    force: bool = False

    @property
    def folder(self) -> Path:
        """Where the frames are: the output itself, where that has no ending."""
        return self.out if self.out.suffix == "" else beside(self.out, ".parts")

    def frame_path(self, n: int) -> Path:
        """Where a frame is stored, counted from 0."""
        return self.folder / f"{n + 1:06}.png"

    def check(self) -> None:
        """Raise HallucinateError for an output that cannot be written, or that exists already."""
        if self.out.suffix:
            check_output_file("-o", self.out, (".mp4", ".gif"), self.force, [self.folder])
        elif self.out.is_dir() and (self.force or (self.out / MADE_FROM).exists()):
            check_writable("-o", self.frame_path(self.frames - 1), force=True)
        else:
            check_writable("-o", self.out, self.force)

    @property
    def finished(self) -> str:
        """Where the finished frames are, in words, for an error."""
        return f"the finished frames are in {self.folder}, and the same command continues from there"

    def made_from(self) -> dict[str, object]:
        """All that decides what the frames are, as values for JSON; how many there are does not."""
        start = None if self.start is None else file_identity(self.start)
        through = {"through": self.through, "every": self.every, "size": self.size, "fps": self.fps}
        return {"start": start, "motion": asdict(self.motion), **through, **self.request.facts()}


def render_zoom(job: ZoomJob) -> None:
    """Make a zoom, and print what was written. Raises HallucinateError; finished frames stay for the next run."""
    job.check()
    console, started_s = open_console(), time.monotonic()
    renderer = open_renderer(job.request)
    through = [objective_settings("--through", name, renderer.network) for name in job.through]
    renderers = [renderer.with_settings(**settings) for settings in through] or [renderer]
    start = first_frame(job, renderer)
    height, width = start.shape[:2]
    if job.folder != job.out:
        for note in check_sequence("-o", job.out, width, height, job.fps, job.frames):
            console.print(note)
    render_frames(job, renderers, start, console)
    if job.folder == job.out:
        unneeded = job.folder / MADE_FROM
    else:
        unneeded = job.folder
        frames = (load_picture(job.frame_path(n)) for n in range(job.frames))
        write_sequence(job.out, frames, job.fps, job.frames, job.finished)
    for note in remove_finished(unneeded):
        console.print(note)
    console.print(f"{job.out}: {job.frames} frames, {width}×{height}, in {time.monotonic() - started_s:.0f} s")


def render_frames(job: ZoomJob, renderers: list[StillRenderer], start: Picture, console: Console) -> None:
    """Dream the frames that are not finished yet, each into its file. start: the first, uint8 RGB (H, W, 3)."""
    claim(job.folder, job.made_from(), job.force, remove_pictures)
    done = next(n for n in itertools.count() if not job.frame_path(n).exists())
    if done:
        console.print(f"continuing from frame {done + 1}")
    last = load_picture(job.frame_path(done - 1)) if done else None
    frames = zoom_frames(renderers, start, last, range(done, job.frames), job.motion, job.fps, job.every)
    try:
        with progress_bar(console, job.out.name, job.frames) as report:
            for n, picture in enumerate(frames, done):
                write_photo(job.frame_path(n), picture, None, job.finished)
                report(n + 1)
    except KeyboardInterrupt:
        console.print(f"stopped; run the same command again to continue from the frames in {job.folder}")
        raise


def first_frame(job: ZoomJob, renderer: StillRenderer) -> Picture:
    """The picture that is zoomed into: uint8 RGB (H, W, 3), its sides even. Raises HallucinateError."""
    if job.start is None:
        return noise(*(job.size or SIZE), job.request.seed)
    check_photo(job.start, renderer.device)
    picture = load_picture(job.start)
    down, across = picture.shape[:2]
    width, height = job.size or (across // 2 * 2, down // 2 * 2)
    if min(width, height) < 32:
        raise SettingsError(
            f"{job.start.name} is {across}×{down}, below the least, 32×32; name a larger picture, or set --size"
        )
    return fit(picture, width, height)

"""Renders a film in children of this process that are killed, each at a later frame; the last one is not.

python -m tests.film.killed SOURCE OUT FRAME… : one child a frame, killed (SIGKILL) when so many frames are done.
"""

import os
import signal
import sys
from pathlib import Path

import hallucinate  # noqa: F401  # before torch
from hallucinate.dream_request import DreamRequest
from hallucinate.film.film_job import FilmJob
from hallucinate.film.frame_renderers import LiveRenderer
from hallucinate.settings import Settings
from tests.film.films import rendered, tiny

SETTINGS = Settings(motifs={"light": 1.0}, motif_size=0.3, dream_width=64, growth_s=0.1, drift_turn=9.0)
PART = 5


def run(source: Path, out: Path, killed_at: int | None) -> None:
    """Render, and kill this process once it has done so many frames itself."""
    LiveRenderer.frames_per_part = PART
    job, done = FilmJob(source, out, DreamRequest(SETTINGS)), 0

    def report(count: int) -> None:
        nonlocal done
        done += 1
        if done == killed_at:
            os.kill(os.getpid(), signal.SIGKILL)

    rendered(job, lambda film, facts: tiny(SETTINGS, seed=5), report)


def main() -> None:
    source, out, *frames = sys.argv[1:]
    for killed_at in [*map(int, frames), None]:
        child = os.fork()
        if child == 0:
            run(Path(source), Path(out), killed_at)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        # What each child came to, for the test to check.
        print(-os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status), Path(out).exists())


if __name__ == "__main__":
    main()

"""Films dreamed over many machines with Ray: a film or a scene is a task, tried again when its worker dies.

All machines see the films and the output folder under the same paths. A task that is tried again continues after the
last finished part, on whichever machine it runs.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console

from hallucinate.errors import HallucinateError, OutputError, SettingsError
from hallucinate.film.film_job import FilmJob
from hallucinate.film.film_reader import FilmReader, Span
from hallucinate.film.frame_renderers import renderer_factory
from hallucinate.film.parts import SpanProgress
from hallucinate.film.rendering import FilmPlan, finish_film, plan_film, render_span
from hallucinate.film.reports import announce, summary
from hallucinate.progress import progress_bar

TRIES = 3
"""How often a task whose worker died is tried again."""

Task = Callable[[FilmJob, int, Span], SpanProgress]


@dataclass
class FilmTasks:
    """A film whose spans are tasks, and where those that are done ended."""

    plan: FilmPlan
    ends: dict[int, SpanProgress] = field(default_factory=dict)


def render_task(job: FilmJob, n: int, span: Span) -> SpanProgress:
    """One task: a span of a film, on the machine that runs it, which opens the film itself."""
    with FilmReader(job.source) as reader:
        return render_span(job, reader, n, span, renderer_factory(job)(job, reader.facts), lambda count: None)


def render_distributed(
    jobs: list[FilmJob], address: str, console: Console, task: Task = render_task
) -> list[HallucinateError]:
    """Dream films over the machines of a Ray cluster; returns what was wrong with those that were not made.

    address: ``local`` for this machine alone, ``auto`` for the cluster that it is part of, or a cluster's.
    Raises HallucinateError when Ray is missing or does not answer, or for what is wrong with all of them.
    """
    for job in jobs[:1]:
        renderer_factory(job)  # a name that does not exist is reported here, once
    ray = connect_ray(address)
    try:
        failed, films = list[HallucinateError](), list[FilmTasks]()
        for job in jobs:
            try:
                with FilmReader(job.source) as reader:
                    plan = plan_film(job, reader)
            except HallucinateError as error:
                failed.append(error)
                continue
            announce(console, plan)
            films.append(FilmTasks(plan))
        return failed + run_tasks(ray, films, task, console)
    finally:
        ray.shutdown()


def run_tasks(ray: Any, films: list[FilmTasks], task: Task, console: Console) -> list[HallucinateError]:
    """Have every span of the films rendered, and join each film when its last one is; returns what went wrong."""
    on_gpu = any(film.plan.job.request.device != "cpu" for film in films) and ray.cluster_resources().get("GPU", 0) >= 1
    remote = ray.remote(num_cpus=1, num_gpus=int(on_gpu), max_retries=TRIES)(task)
    running = {
        remote.remote(film.plan.job, n, span): (film, n) for film in films for n, span in enumerate(film.plan.spans)
    }
    failed, started_s = list[HallucinateError](), time.monotonic()
    name, frames = f"{len(films)} films, {len(running)} tasks", sum(film.plan.facts.frames for film in films)
    with progress_bar(console, name, frames) as report:
        while running:
            (done, *_), _ = ray.wait(list(running), num_returns=1)
            film, n = running.pop(done)
            job = film.plan.job
            try:
                film.ends[n] = ray.get(done)
                if len(film.ends) == len(film.plan.spans):
                    finished = finish_film(film.plan, [film.ends[k] for k in range(len(film.plan.spans))])
                    console.print(summary(job, finished, time.monotonic() - started_s))
            except ray.exceptions.RayError as error:
                failed.append(task_error(error, job))
            except HallucinateError as error:
                failed.append(error)
            report(sum(end.frames for film in films for end in film.ends.values()))
    return failed


def task_error(error: Exception, job: FilmJob) -> HallucinateError:
    """What went wrong in a task, in one line, without the traceback that Ray puts around it."""
    cause = getattr(error, "cause", None)
    if isinstance(cause, HallucinateError):
        return cause
    lines = str(cause or error).splitlines()
    why = next((line for line in lines if line.strip()), type(error).__name__)
    return OutputError(f"{job.source}: {why}; finished parts stay, run the same command again to continue")


def connect_ray(address: str) -> Any:
    """The module of Ray, connected. Raises SettingsError without it, OutputError where no cluster answers."""
    try:
        import ray
    except ImportError:
        raise SettingsError("--ray: Ray is not installed; pip install 'hallucinate[ray]', or omit --ray") from None
    try:
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, include_dashboard=False)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise OutputError(
            f"--ray {address}: no cluster answers ({str(error).splitlines()[0]}); try --ray local"
        ) from None
    return ray

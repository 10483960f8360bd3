"""Films dreamed over many machines with Ray: a film or a scene is a task, tried again when its worker dies.

All machines see the films and the folder that is written to under one path. A task that is tried again goes on after
the last part that was finished before, wherever it runs.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console

from hallucinate.errors import HallucinateError, OutputError, SettingsError
from hallucinate.studio.bar import bar
from hallucinate.studio.film import in_words, tell
from hallucinate.studio.footage import Span
from hallucinate.studio.manners import dreamers
from hallucinate.studio.order import Order
from hallucinate.studio.parts import Notes
from hallucinate.studio.render import begin, finish, render_span

TRIES = 3
"""Times that a task whose worker died is tried again."""

Task = Callable[[Order, int, Span], Notes]


@dataclass
class Film:
    """A film whose spans are tasks: how many there are, about how many frames, and where those that are done ended."""

    order: Order
    spans: list[Span]
    frames: int
    ends: dict[int, Notes] = field(default_factory=dict)


def render_alone(order: Order, n: int, span: Span) -> Notes:
    """One task: a span of a film, on the machine that runs it."""
    return render_span(order, n, span, dreamers(order)(order), lambda count: None)


def over_machines(
    orders: list[Order], address: str, console: Console, task: Task = render_alone
) -> list[HallucinateError]:
    """Dream films over the machines of a Ray cluster; returns what was wrong with those that were not made.

    address: ``local`` for this machine alone, ``auto`` for the cluster that it is part of, or a cluster's.
    Raises HallucinateError when Ray is missing or does not answer, or for what is wrong with all of them.
    """
    for order in orders[:1]:
        dreamers(order)  # a name that does not exist is said here, once
    ray = connected(address)
    try:
        failed, films = list[HallucinateError](), list[Film]()
        for order in orders:
            try:
                begun = begin(order)
            except HallucinateError as error:
                failed.append(error)
                continue
            tell(console, order, begun)
            films.append(Film(order, begun.spans, begun.frames))
        return failed + dispatched(ray, films, task, console)
    finally:
        ray.shutdown()


def dispatched(ray: Any, films: list[Film], task: Task, console: Console) -> list[HallucinateError]:
    """Have every span of the films rendered, and join each film when its last one is; returns what went wrong."""
    gpu = any(film.order.ask.device != "cpu" for film in films) and ray.cluster_resources().get("GPU", 0) >= 1
    remote = ray.remote(num_cpus=1, num_gpus=int(gpu), max_retries=TRIES)(task)
    running = {remote.remote(film.order, n, span): (film, n) for film in films for n, span in enumerate(film.spans)}
    failed, begun_s = list[HallucinateError](), time.monotonic()
    name, frames = f"{len(films)} films, {len(running)} tasks", sum(film.frames for film in films)
    with bar(console, name, frames) as watch:
        while running:
            (done, *_), _ = ray.wait(list(running), num_returns=1)
            film, n = running.pop(done)
            try:
                film.ends[n] = ray.get(done)
                if len(film.ends) == len(film.spans):
                    made = finish(film.order, [film.ends[k] for k in range(len(film.spans))])
                    console.print(in_words(film.order, made, time.monotonic() - begun_s))
            except ray.exceptions.RayError as error:
                failed.append(in_a_line(error, film.order))
            except HallucinateError as error:
                failed.append(error)
            watch(sum(end.frames for film in films for end in film.ends.values()))
    return failed


def in_a_line(error: Exception, order: Order) -> HallucinateError:
    """What went wrong in a task, without the traceback that Ray puts around it."""
    cause = getattr(error, "cause", None)
    if isinstance(cause, HallucinateError):
        return cause
    why = next((line for line in str(cause or error).splitlines() if line.strip()), type(error).__name__)
    return OutputError(f"{order.source}: {why}; what is rendered is kept, and the same command goes on from there")


def connected(address: str) -> Any:
    """The module of Ray, connected. Raises SettingsError without it, OutputError where nobody answers."""
    try:
        import ray
    except ImportError:
        raise SettingsError("--ray: Ray is not installed; pip install 'hallucinate[ray]', or leave out --ray") from None
    try:
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, include_dashboard=False)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise OutputError(
            f"--ray {address}: no cluster answers ({str(error).splitlines()[0]}); try --ray local"
        ) from None
    return ray

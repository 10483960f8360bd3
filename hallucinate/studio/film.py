"""``hallucinate film``: films dreamed, one after the other or over many machines, with a bar and a line for each."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from hallucinate.errors import HallucinateError, OutputError, SourceUnavailable
from hallucinate.networks.listing import outline
from hallucinate.studio.bar import bar
from hallucinate.studio.manners import Dreaming, dreamers
from hallucinate.studio.order import Order
from hallucinate.studio.parts import frames_kept, parts_folder
from hallucinate.studio.render import Begun, Made, begin, render
from hallucinate.studio.sitting import fitted

FILMS = (".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".mts", ".m2ts", ".wmv", ".flv")
"""Endings by which a film is found in a folder."""

KEPT_ENDINGS = (".mp4", ".m4v", ".mov", ".mkv")
"""Films with these endings keep them in a folder of films; the others become .mkv, which holds every sound."""


def films(sources: list[Path], out: Path, like: Order, ray: str | None = None) -> None:
    """Dream films. out: a film for one, a folder for more or for a folder of them. like: all else of each order.

    ray: an address, where they are to be dreamed over many machines. Raises HallucinateError when a film was not made.
    """
    ask = like.ask
    if not ask.like:
        pictures = [kind for kind, path in ask.files().items() if path is not None]
        network = outline(ask.network, ask.given.run_code)
        like = replace(like, ask=replace(ask, settings=fitted(ask.settings, pictures, network)))
    orders, console = planned(sources, out, like), Console(highlight=False, soft_wrap=True)
    try:
        if ray is None:
            failed = one_by_one(orders, dreamers(like), console)
        else:
            from hallucinate.studio.farm import over_machines  # which leans on this module

            failed = over_machines(orders, ray, console)
    except KeyboardInterrupt:
        kept = {parts_folder(order.out): frames_kept(order.out) for order in orders if parts_folder(order.out).exists()}
        for folder, frames in kept.items():
            console.print(f"stopped; {frames} frames are kept in {folder}, and the same command goes on from there")
        raise
    if failed and len(orders) == 1:
        raise failed[0]
    if failed:
        raise OutputError(f"{len(failed)} of {len(orders)} films were not made: {' | '.join(map(str, failed))}")


def one_by_one(orders: list[Order], dreamer: Callable[[Order], Dreaming], console: Console) -> list[HallucinateError]:
    """Render films here; returns what was wrong with those that were not made."""
    failed = list[HallucinateError]()
    for order in orders:
        try:
            begun, started_s = begin(order), time.monotonic()
            tell(console, order, begun)
            with bar(console, order.source.name, begun.frames) as watch:
                made = render(order, begun.spans, dreamer, watch)
            console.print(in_words(order, made, time.monotonic() - started_s))
        except HallucinateError as error:
            failed.append(error)
    return failed


def planned(sources: list[Path], out: Path, like: Order) -> list[Order]:
    """An order for each film. A film of several that is there already is left as it is, unless forced.

    Raises HallucinateError for a folder without films, or where two would be written to one file.
    """
    if len(sources) == 1 and not sources[0].is_dir() and not out.is_dir():
        return [replace(like, source=sources[0], out=out)]
    found = [film for source in sources for film in (films_in(source) if source.is_dir() else [source])]
    if out.exists() and not out.is_dir():
        raise OutputError(f"{out}: this is a file; for {len(found)} films name a folder, which is made if not there")
    outs: dict[Path, Path] = {}
    for film in found:
        to = out / (film.name if film.suffix.lower() in KEPT_ENDINGS else f"{film.stem}.mkv")
        if to in outs:
            raise OutputError(f"{film} and {outs[to]} would both be written to {to}; give them one after the other")
        outs[to] = film
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{out}: cannot be made ({error.strerror}); name another folder") from None
    return [replace(like, source=film, out=to) for to, film in outs.items() if like.force or not to.exists()]


def films_in(folder: Path) -> list[Path]:
    """The films in a folder, by their endings. Raises SourceUnavailable where there are none."""
    found = sorted(path for path in folder.iterdir() if path.suffix.lower() in FILMS and path.is_file())
    if not found:
        raise SourceUnavailable(f"{folder} holds no film; films end in {', '.join(FILMS)}")
    return found


def tell(console: Console, order: Order, begun: Begun) -> None:
    """Say, before a film is rendered, what will not be in it, or not be as somebody may expect."""
    if panorama := order.flattened():
        on_sphere = "" if order.ask.like else "; only equirect and half-equirect are dreamed on the sphere"
        console.print(f"{order.out}: {panorama}, dreamed as a flat picture{on_sphere}")
    if begun.left_out:
        console.print(f"{order.out}: left out, because it cannot hold it: {', '.join(begun.left_out)}")


def in_words(order: Order, made: Made, seconds: float) -> str:
    """A finished film in a line."""
    canvas = made.canvas
    size = f"{canvas.width}×{canvas.height}, {order.codec} {canvas.bits}-bit"
    damaged = f"; {made.damaged} damaged frames or packets left out" if made.damaged else ""
    return f"{order.out}: {made.frames} frames, {size}, dreamed {made.manner}, in {seconds:.0f} s{damaged}"

"""Measure how long a frame takes from its capture to a browser's screen.

    python -m hallucinate.calibrate.latency --browser /usr/bin/chromium

Serves the built-in scene on this machine alone, as ``hallucinate`` does, and has a page opened that measures by
itself: the server draws each frame's capture time into its corner, the page reads it when the frame is shown
(``requestVideoFrameCallback``, web/latency.js), and the clocks are aligned by pings. Without ``--browser`` it prints
the address, to be opened in a browser by hand. The time that a screen takes to light up is not included.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from rich.table import Table

from hallucinate.console import open_console
from hallucinate.errors import HallucinateError, MeasurementError, OptionError
from hallucinate.files import write_json
from hallucinate.writing import check_writable, writing

SIZE, FPS = "640x360", 24
SHORTEST_S, LONGEST_S = 1.0, 600.0
START_WITHIN_S = 120.0
REPORT_WITHIN_S = 60.0
"""How much longer than the measurement a browser that was started for it may take."""

PERSON_WITHIN_S = 1800.0
LOOK_EVERY_S = 0.5
FLAGS = [
    "--headless=new",
    "--disable-software-rasterizer",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1280,720",
]


def calibrate(seconds: float, browser: str | None, out: Path | None) -> None:
    """Measure for ``seconds``, print a table, and write it as JSON where ``out`` says.

    browser: path of a Chromium to start without a window; None prints an address and waits for somebody to open it.
    Raises OptionError for what cannot work, MeasurementError when no page reports, or could read no frame.
    """
    _check(seconds, browser, out)
    with _serving() as (server, address):
        url = f"{address}?{'kiosk&' if browser else ''}measure={seconds:g}"
        with _browsing(browser, url) if browser else _opened_by_hand(url, seconds) as page:
            patience_s = REPORT_WITHIN_S + seconds if browser else PERSON_WITHIN_S
            measured, stats = _reported(server, page, address, seconds, patience_s)
        about = _json(address + "api/about")
    if not measured["frames"]:
        raise MeasurementError(
            f"the page measured no frame: {measured['unreadable']} came whose marker it could not read; "
            "keep it in front, in a browser that has requestVideoFrameCallback"
        )
    facts = _facts(measured, stats, about)
    _show(facts)
    if out is not None:
        with writing(out, "the figures are above"):
            write_json(out, facts)


def _check(seconds: float, browser: str | None, out: Path | None) -> None:
    if not (math.isfinite(seconds) and SHORTEST_S <= seconds <= LONGEST_S):
        raise OptionError(f"--seconds {seconds:g}: give {SHORTEST_S:g} to {LONGEST_S:g} seconds, e.g. 20")
    if browser is not None and not (Path(browser).is_file() and os.access(browser, os.X_OK)):
        message = f"--browser {browser}: there is no such program; give the path of a Chromium"
        raise OptionError(message, code="program_missing")
    if out is not None:
        check_writable("--json", out, force=True)


@contextlib.contextmanager
def _serving() -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The server as its users start it, on a free port of this machine alone: its process, and its address."""
    command = [sys.executable, "-m", "hallucinate", "--source", "scene", "--size", SIZE, "--fps", str(FPS)]
    with tempfile.TemporaryFile("a+", errors="replace") as output:
        process = subprocess.Popen(
            [*command, "--host", "127.0.0.1", "--port", "0"], stdout=output, stderr=output, text=True
        )
        try:
            yield process, _address(process, output)
        finally:
            _end(process)


def _address(process: subprocess.Popen[str], output: IO[str]) -> str:
    """What the server prints as its address, when it has."""
    deadline = time.monotonic() + START_WITHIN_S
    while time.monotonic() < deadline:
        output.seek(0)  # opened to append, so that the server goes on writing at its end
        text = output.read()
        if found := re.search(r"http://localhost:\d+/", text):
            return found[0].replace("localhost", "127.0.0.1")
        if process.poll() is not None:
            raise MeasurementError(f"the server ended at once: {(text.strip().splitlines() or ['no output'])[-1]}")
        time.sleep(LOOK_EVERY_S / 5)
    raise MeasurementError(
        f"the server did not start within {START_WITHIN_S:.0f} s; does `hallucinate` start by itself?"
    )


@contextlib.contextmanager
def _browsing(browser: str, url: str) -> Iterator[subprocess.Popen[bytes]]:
    """A Chromium on this address, with a profile of its own that goes with it."""
    # Chromium's sandbox refuses to run for root, which is who runs things in a container.
    flags = [*FLAGS, "--no-sandbox"] if getattr(os, "geteuid", lambda: 1)() == 0 else FLAGS
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        process = subprocess.Popen(
            [browser, *flags, f"--user-data-dir={profile}", url], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            yield process
        finally:
            _end(process)


@contextlib.contextmanager
def _opened_by_hand(url: str, seconds: float) -> Iterator[None]:
    open_console().print(
        f"Open {url} in a browser on this machine, press Start, and leave it in front for {seconds:g} s."
    )
    yield


def _end(process: subprocess.Popen[Any]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _reported(
    server: subprocess.Popen[str], page: subprocess.Popen[bytes] | None, address: str, seconds: float, patience_s: float
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """What the page measured, and the server's own figures of the seconds before."""
    stats: list[dict[str, Any]] = []
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        time.sleep(LOOK_EVERY_S)
        if server.poll() is not None:
            raise MeasurementError(f"the server ended while it was measured, with exit code {server.returncode}")
        stats.append(_json(address + "api/stats"))
        try:
            return _json(address + "api/latency"), stats[-math.ceil(seconds / LOOK_EVERY_S) :]
        except urllib.error.HTTPError as error:
            if error.code != 404:
                raise MeasurementError(f"the server answered {error.code} to GET /api/latency") from None
        del stats[: -math.ceil(LONGEST_S / LOOK_EVERY_S)]
        if page is not None and page.poll() is not None:
            raise MeasurementError(
                f"the browser ended with exit code {page.returncode} before it had measured; "
                "does it open a page by itself? Without --browser an address is printed to open by hand"
            )
    raise MeasurementError(f"no page reported within {patience_s:.0f} s; was it in front, and did the picture play?")


def _json(url: str) -> dict[str, Any]:
    # The machine's proxy is for elsewhere; urllib would send it this machine's own addresses, too.
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=10) as reply:
        found: dict[str, Any] = json.load(reply)
    return found


def _facts(measured: dict[str, Any], stats: Sequence[dict[str, Any]], about: dict[str, Any]) -> dict[str, Any]:
    """All that is known of the measurement, ready for JSON; the server's figures are medians over it."""

    def middle(*names: str) -> float | None:
        values = [_within(s, names) for s in stats]
        known = [value for value in values if value is not None]
        return round(statistics.median(known), 1) if known else None

    rounded = {name: round(v, 2) if isinstance(v, float) else v for name, v in measured.items()}
    return {
        "how": f"python -m hallucinate.calibrate.latency: scene, {SIZE}, {FPS} fps, loopback",
        "when": datetime.now().astimezone().isoformat(timespec="seconds"),
        "machine": about["device"],
        "load": round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None,
        **rounded,
        "shown_fps": round((measured["frames"] + measured["unreadable"]) / measured["seconds"], 1),
        "fps": middle("loop", "fps"),
        "dream_width": middle("loop", "dream_width_px"),
        "dreamed_ms": middle("loop", "capture_to_dream_ms"),
        "encoded_ms": middle("encoding", "capture_to_packet_ms"),
        "encoded_p95_ms": middle("encoding", "capture_to_packet_p95_ms"),
    }


def _within(tree: Any, names: Sequence[str]) -> float | None:
    for name in names:
        tree = tree[name]
    return tree if isinstance(tree, int | float) else None


def _show(facts: dict[str, Any]) -> None:
    def ms(name: str) -> str:
        return "not measured" if facts[name] is None else f"{facts[name]:.1f} ms"

    table = Table(title="Capture to screen", show_header=False)
    for name, value in (
        ("median", ms("median_ms")),
        ("95th percentile", ms("p95_ms")),
        ("of it, until it is dreamed, median", ms("dreamed_ms")),
        ("of it, until it is encoded, median", ms("encoded_ms")),
        ("frames", f"{facts['frames']} in {facts['seconds']:.0f} s"),
        ("unreadable", str(facts["unreadable"])),
        ("clocks apart by at most", ms("clock_error_ms")),
        ("frames a second, dreamed and shown", f"{facts['fps']}, {facts['shown_fps']}"),
        ("dream width", f"{facts['dream_width']:.0f} px"),
        ("load of the machine, one minute", f"{facts['load']}"),
        ("machine", facts["machine"]),
        ("browser", facts["browser"]),
    ):
        table.add_row(name, value)
    open_console().print(table)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--browser", metavar="PATH")
    parser.add_argument("--json", type=Path, metavar="PATH")
    options = parser.parse_args()
    try:
        calibrate(options.seconds, options.browser, options.json)
    except HallucinateError as error:
        parser.exit(2, f"{error}\n")


if __name__ == "__main__":
    main()

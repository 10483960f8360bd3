"""The whole product under measurement: the server on the built-in scene, one page watching in a real Chromium.

    python -m benchmarks.live --minutes 10 --json benchmarks/results/MACHINE.json

Prints frames per second, milliseconds per stage, the latency from capture to encoded (median and 95th
percentile), and the server's resident memory minute by minute. Server and page share this machine's cores, so
the page's own decoding and drawing is in every figure.
"""

from __future__ import annotations

import argparse
import json
import platform
import re
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table

from benchmarks.stages import stage_times

WARM_UP_S = 20.0
CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
]


@contextmanager
def serving(arguments: list[str]) -> Iterator[tuple[psutil.Process, str]]:
    """The server as its users start it: its process, and its address."""
    command = [sys.executable, "-m", "hallucinate", "--port", "0", "--host", "127.0.0.1", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            address = next(m[0] for line in process.stdout if (m := re.search(r"http://localhost:\d+/", line)))
            yield psutil.Process(process.pid), address
        finally:
            process.terminate()
            process.wait(10)


@contextmanager
def watching(address: str, pages: int) -> Iterator[None]:
    """So many pages of the address, open in a headless Chromium, playing."""
    if pages == 0:
        yield
        return
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        for _ in range(pages):
            # Its own wait_for_function is an eval, which the page forbids.
            page = browser.new_page(viewport={"width": 1280, "height": 720}, bypass_csp=True)
            page.goto(address + "?kiosk")
            page.wait_for_function("document.querySelector('video').currentTime > 0", timeout=30_000)
        try:
            yield
        finally:
            browser.close()


def sample(address: str, process: psutil.Process, seconds: float) -> list[dict[str, Any]]:
    """The server's own figures and its resident memory, once a second."""
    samples, start = [], time.monotonic()
    while (now := time.monotonic() - start) < seconds:
        with urllib.request.urlopen(address + "api/stats", timeout=10) as answer:
            samples.append({"at_s": round(now, 1), "rss_mb": process.memory_info().rss / 1e6, **json.load(answer)})
        time.sleep(1.0)
    return samples


def memory_at(samples: list[dict[str, Any]], minute: float) -> float | None:
    """Median resident memory in the ten seconds that end at ``minute``; None where the run was shorter."""
    near = [s["rss_mb"] for s in samples if minute * 60 - 10 <= s["at_s"] <= minute * 60]
    return round(statistics.median(near), 1) if near else None


def report(samples: list[dict[str, Any]], stages: dict[str, float], minutes: float) -> dict[str, Any]:
    """The figures of a run: medians over the samples after the warm-up."""
    settled = [s for s in samples if s["at_s"] >= WARM_UP_S] or samples
    encoding = [s["encoding"] for s in settled if s["encoding"]["capture_to_packet_ms"] is not None]

    def middle(values: list[float]) -> float:
        return round(statistics.median(values), 1) if values else float("nan")

    at = {f"{m:g} min": memory_at(samples, m) for m in (1, 2, 5, minutes)}
    return {
        "machine": f"{platform.processor() or platform.machine()}, {psutil.cpu_count()} cores",
        "minutes": minutes,
        "fps": middle([s["loop"]["fps"] for s in settled]),
        "fps_lowest": min(s["loop"]["fps"] for s in settled),
        "dream_width": middle([s["loop"]["dream_width_px"] for s in settled]),
        "turn_ms": middle([s["loop"]["dream_ms"] for s in settled]),
        "encode_ms": middle([e["encode_ms"] for e in encoding]),
        "latency_ms": middle([e["capture_to_packet_ms"] for e in encoding]),
        "latency_p95_ms": middle([e["capture_to_packet_p95_ms"] for e in encoding]),
        "mbit_per_s": round(middle([e["bitrate_bps"] or 0 for e in encoding]) / 1e6, 2),
        "memory_mb": at,
        "stages_ms": stages,
    }


def show(figures: dict[str, Any]) -> None:
    """Print the figures as a table."""
    table = Table(title="hallucinate, live: scene at 640×360, one page watching", show_header=False)
    for name, value in figures.items():
        text = ", ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, dict) else str(value)
        table.add_row(name, text)
    Console().print(table)


def main() -> None:
    """Run the measurement."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=2.0)
    parser.add_argument("--pages", type=int, default=1)
    parser.add_argument("--json", type=Path)
    parser.add_argument("arguments", nargs="*", help="for hallucinate, after --")
    options = parser.parse_args()

    arguments = ["--source", "scene", *options.arguments]
    with serving(arguments) as (process, address), watching(address, options.pages):
        samples = sample(address, process, options.minutes * 60)
    width = round(statistics.median(s["loop"]["dream_width_px"] for s in samples))
    # After the run, so that the two do not share the cores; at the width that the governor settled on.
    figures = report(samples, stage_times(width), options.minutes)
    show(figures)
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()

"""A large picture from end to end: dreamed, encoded, sent, decoded and shown, in a real Chromium on this machine.

    python -m benchmarks.panorama_stream --size 2048x1024 --codec H264

Prints frames per second, bitrate, latency from capture to screen, what was lost, and which share of a frame's time
each stage takes. The source is a still panorama that is drawn here. Server and page share this machine's cores.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import psutil
from playwright.sync_api import Page, sync_playwright
from rich.console import Console
from rich.table import Table

from benchmarks.live import CHROMIUM, FLAGS, sample, serving
from hallucinate.frame import Picture
from hallucinate.options import read_size

SETTLE_S, REPORT_WITHIN_S = 8.0, 30.0

# The page's connection is its own; this keeps a reference to it, and puts the requested codec first.
WATCHED = """(() => {
  const add = RTCPeerConnection.prototype.addTransceiver;
  RTCPeerConnection.prototype.addTransceiver = function (...received) {
    window.watchedPeer = this;
    const transceiver = add.apply(this, received);
    const all = RTCRtpReceiver.getCapabilities('video').codecs;
    const ours = ({ mimeType }) => mimeType.endsWith('/CODEC');
    transceiver.setCodecPreferences([...all.filter(ours), ...all.filter((codec) => !ours(codec))]);
    return transceiver;
  };
})()"""

INBOUND = """async () => {
  const video = document.querySelector('video');
  for (const report of (await window.watchedPeer.getStats()).values()) {
    if (report.type === 'inbound-rtp') return { ...report, width: video.videoWidth, height: video.videoHeight };
  }
}"""


def panorama(width: int, height: int, seed: int = 0) -> Picture:
    """Detail at every scale, as a landscape has it: noise that falls off by 1/f, in colour; uint8 RGB (H, W, 3)."""
    rng, picture = np.random.default_rng(seed), np.zeros((height, width, 3), np.float32)
    cells = 4
    while cells < height:
        noise = rng.standard_normal((cells, 2 * cells, 3)).astype(np.float32)
        picture += cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC) / cells**0.5
        cells *= 2
    return np.asarray(np.clip(128 + picture / picture.std() * 50, 0, 255), np.uint8)


@contextmanager
def watching(address: str, codec: str, seconds: float) -> Iterator[tuple[Page, psutil.Process]]:
    """A page that watches in this codec and measures its latency by itself."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 720}, bypass_csp=True)
        page.add_init_script(WATCHED.replace("CODEC", codec))
        page.goto(f"{address}?kiosk&measure={seconds:g}")
        page.wait_for_function("document.querySelector('video').currentTime > 0", timeout=30_000)
        try:
            yield page, next(p for p in psutil.Process().children(recursive=True) if "chrom" in p.name())
        finally:
            browser.close()


def latency(address: str, page: Page) -> dict[str, Any]:
    """What the page measured, once it has told the server."""
    for _ in range(int(REPORT_WITHIN_S)):
        try:
            with urllib.request.urlopen(address + "api/latency", timeout=10) as answer:
                found: dict[str, Any] = json.load(answer)
                return found
        except urllib.error.HTTPError:
            page.wait_for_timeout(1000)
    raise SystemExit("the page never reported its latency")


def cpu_s(process: psutil.Process) -> float:
    """Processor seconds of a process and all below it."""
    return float(sum(sum(p.cpu_times()[:2]) for p in [process, *process.children(recursive=True)]))


def measure(size: tuple[int, int], codec: str, seconds: float, arguments: list[str]) -> dict[str, Any]:
    """One run; see the module."""
    with tempfile.TemporaryDirectory() as folder:
        still = Path(folder) / "panorama.png"
        cv2.imwrite(str(still), cv2.cvtColor(panorama(*size), cv2.COLOR_RGB2BGR))
        options = ["--source", str(still), "--size", f"{size[0]}x{size[1]}", *arguments]
        with serving(options) as (server, address), watching(address, codec, seconds) as (page, chromium):
            page.wait_for_timeout(SETTLE_S * 1000)
            before, spent = page.evaluate(INBOUND), [cpu_s(server), cpu_s(chromium)]
            samples = sample(address, server, seconds)
            after, spent_after = page.evaluate(INBOUND), [cpu_s(server), cpu_s(chromium)]
            measured = latency(address, page)
    return report(samples, before, after, [(b - a) for a, b in zip(spent, spent_after, strict=True)], measured)


def report(
    samples: list[dict[str, Any]], before: dict[str, Any], after: dict[str, Any], cpu: list[float], seen: dict[str, Any]
) -> dict[str, Any]:
    """The figures of a run."""

    def per_frame_ms(name: str) -> float:
        frames = max(1, after["framesDecoded"] - before["framesDecoded"])
        return float(round(1000 * (after[name] - before[name]) / frames, 1))

    def middle(part: str, name: str) -> float:
        return float(round(statistics.median(s[part][name] or 0 for s in samples), 1))

    span_s = (after["timestamp"] - before["timestamp"]) / 1000
    stages = {
        "dream": middle("loop", "dream_ms"),
        "encode": middle("encoding", "encode_ms"),
        "assemble": per_frame_ms("totalAssemblyTime"),
        "decode": per_frame_ms("totalDecodeTime"),
    }
    return {
        "machine": f"{platform.processor() or platform.machine()}, {psutil.cpu_count()} cores",
        "seen at": f"{after['width']}×{after['height']}",
        "fps dreamed": middle("loop", "fps"),
        "fps shown": round((after["framesDecoded"] - before["framesDecoded"]) / span_s, 1),
        "mbit_per_s": round((after["bytesReceived"] - before["bytesReceived"]) * 8 / span_s / 1e6, 1),
        "latency_ms": seen["median_ms"] and round(seen["median_ms"], 1),
        "latency_p95_ms": seen["p95_ms"] and round(seen["p95_ms"], 1),
        "encoded_ms": middle("encoding", "capture_to_packet_ms"),
        "dream_width": middle("loop", "dream_width_px"),
        "stages_ms": stages,
        "stages_share": {name: f"{ms / (sum(stages.values()) or 1):.0%}" for name, ms in stages.items()},
        "cores": {"server": round(cpu[0] / span_s, 2), "chromium": round(cpu[1] / span_s, 2)},
        "packets": {name: after[name] for name in ("packetsReceived", "packetsLost", "nackCount", "pliCount")},
        "decoder": after.get("decoderImplementation"),
    }


def main() -> None:
    """Run the measurement."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=read_size, default=(2048, 1024))
    parser.add_argument("--codec", choices=("H264", "VP8"), default="H264")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--json", type=Path)
    parser.add_argument("arguments", nargs="*", help="for hallucinate, after --")
    options = parser.parse_args()
    figures = measure(options.size, options.codec, options.seconds, options.arguments)
    table = Table(title=f"{options.size[0]}×{options.size[1]} in {options.codec}", show_header=False)
    for name, value in figures.items():
        text = ", ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, dict) else str(value)
        table.add_row(name, text)
    Console().print(table)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()

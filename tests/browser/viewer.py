"""A page as the tests see it: waits for conditions, reads what it displays, notes what went wrong."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable

import cv2
import numpy as np
from playwright.async_api import ConsoleMessage, Page

from hallucinate.frame import Picture

WAIT_S, GAP_MS = 20, 1000


def decoded(png: bytes) -> Picture:
    """A PNG's picture: uint8 RGB (H, W, 3)."""
    found = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
    assert found is not None
    return np.asarray(cv2.cvtColor(found, cv2.COLOR_BGR2RGB), np.uint8)


class Viewer:
    """One page, its requests and its complaints."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.errors: list[str] = []
        self.requests: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(f"uncaught: {error}"))
        page.on("console", self._note)
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("websocket", lambda socket: self.requests.append(socket.url))

    def _note(self, line: ConsoleMessage) -> None:
        if line.type in ("error", "warning"):
            self.errors.append(f"{line.text} {line.location}")

    async def until(self, condition: str) -> None:
        """Wait until this JavaScript is true. (Playwright's own wait evaluates text, which the page's CSP forbids.)"""
        script = f"async () => {{ while (!({condition})) await new Promise((done) => setTimeout(done, 40)); }}"
        try:
            await asyncio.wait_for(self.page.evaluate(script), WAIT_S)
        except TimeoutError:
            raise AssertionError(f"never came: {condition}; the page is {await self.describe()}") from None

    async def describe(self) -> str:
        return str(
            await self.page.evaluate(
                "() => [document.body.dataset.state, ...['state', 'panel-words', 'notice-words']"
                ".map((id) => document.getElementById(id).textContent)].join(' | ')"
            )
        )

    async def until_state(self, name: str) -> None:
        await self.until(f"document.body.dataset.state === '{name}'")

    async def until_notice(self, name: str) -> None:
        """Wait until the notice of this name is on the page."""
        await self.until(f"document.querySelector('#notice:not([hidden])')?.dataset.notice === '{name}'")

    async def start(self) -> None:
        """Press Start and wait for the picture."""
        await self.page.click("#start")
        await self.until_state("live")

    async def open_drawer(self) -> None:
        await self.until("!document.getElementById('controls').disabled && document.querySelector('.tile')")
        await self.page.keyboard.press("m")
        await self.until("document.getElementById('drawer-open').getAttribute('aria-expanded') === 'true'")

    async def open_all(self) -> None:
        """Unfold what is folded away in the drawer."""
        await self.page.evaluate("() => { for (const part of document.querySelectorAll('details')) part.open = true; }")

    async def frames(self, count: int) -> int:
        """Wait for so many new frames to be presented; returns how many milliseconds that took."""
        script = """(count) => new Promise((resolve) => {
          const video = document.getElementById('picture');
          const began = performance.now();
          const frame = () => {
            count -= 1;
            if (count > 0) video.requestVideoFrameCallback(frame);
            else resolve(Math.round(performance.now() - began));
          };
          video.requestVideoFrameCallback(frame);
        })"""
        return int(await asyncio.wait_for(self.page.evaluate(script, count), WAIT_S))

    async def note_gaps(self) -> None:
        """From now on, note how long the picture stands still at most; see ``longest_gap``."""
        await self.page.evaluate("""() => {
          const video = document.getElementById('picture');
          window.gaps = { longest: 0, last: performance.now() };
          const frame = (now) => {
            window.gaps = { longest: Math.max(window.gaps.longest, now - window.gaps.last), last: now };
            video.requestVideoFrameCallback(frame);
          };
          video.requestVideoFrameCallback(frame);
        }""")

    async def longest_gap(self) -> float:
        """Milliseconds between two frames, at most, since ``note_gaps``, the one that lasts now included."""
        script = "() => Math.max(window.gaps.longest, performance.now() - window.gaps.last)"
        return float(await self.page.evaluate(script))

    async def bring(self, file: bytes, kind: str, name: str = "drop") -> None:
        """Drop a file on the page, or paste it, as a browser tells a page of it."""
        script = """([file, type, name]) => {
          const data = new DataTransfer();
          data.items.add(new File([Uint8Array.from(atob(file), (c) => c.charCodeAt(0))], 'a file', { type }));
          document.body.dispatchEvent(name === 'drop'
            ? new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true })
            : new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true }));
        }"""
        await self.page.evaluate(script, [base64.b64encode(file).decode(), kind, name])

    async def picture(self) -> Picture:
        """The next frame as it arrived: uint8 RGB (H, W, 3)."""
        script = """() => new Promise((resolve) => {
          const video = document.getElementById('picture');
          video.requestVideoFrameCallback(() => {  // here, before another stream can take its place
            const canvas = document.createElement('canvas');
            [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
            canvas.getContext('2d').drawImage(video, 0, 0);
            resolve(canvas.toDataURL('image/png').split(',')[1]);
          });
        })"""
        encoded = await asyncio.wait_for(self.page.evaluate(script), WAIT_S)
        return decoded(base64.b64decode(encoded))

    async def value(self, control: str) -> str:
        return str(await self.page.evaluate("(id) => document.getElementById(id).value", control))


async def least_gap(viewer: Viewer, does: Callable[[], Awaitable[None]], what: str) -> float:
    """The longest gap between frames while something is done, in milliseconds; the least of up to three times.

    What the machine did meanwhile makes a gap longer now and then; what we do makes it so each time.
    """
    gaps: list[float] = []
    while len(gaps) < 3 and not (gaps and gaps[-1] < GAP_MS):
        await viewer.note_gaps()
        await does()
        gaps.append(await viewer.longest_gap())
        print(f"longest gap while {what}: {gaps[-1]:.0f} ms")
    return min(gaps)

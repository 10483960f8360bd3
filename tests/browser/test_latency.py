"""Capture to screen, measured by the page: the control, and what it says; its arithmetic is in tests/web."""

from __future__ import annotations

import re
import time
from pathlib import Path

import aiohttp
import pytest

from hallucinate.outputs.marker import COLUMNS, ROWS, cell_size, read
from tests.browser.conftest import OpenPage, until_answer
from tests.browser.viewer import Viewer, decoded

pytestmark = pytest.mark.asyncio(loop_scope="session")

WORDS = "document.getElementById('latency-words').textContent"


async def open_engine(viewer: Viewer) -> None:
    await viewer.open_drawer()
    await viewer.page.evaluate("() => { document.querySelector('details:has(#latency-words)').open = true; }")
    await viewer.page.locator("#latency-words").scroll_into_view_if_needed()


async def covered(viewer: Viewer) -> None:
    """Nothing of the marker is to be seen: where it is on the screen there is the cover's colour, all over."""
    left, top, scale = await viewer.page.evaluate("""() => {
      const video = document.getElementById('picture');
      const [across, down] = [video.clientWidth / video.videoWidth, video.clientHeight / video.videoHeight];
      const scale = video.classList.contains('fill') ? Math.max(across, down) : Math.min(across, down);
      const [wide, high] = [video.videoWidth * scale, video.videoHeight * scale];
      return [(video.clientWidth - wide) / 2, (video.clientHeight - high) / 2, scale];
    }""")
    shot = decoded(await viewer.page.screenshot())
    size = cell_size(640) * scale
    corner = shot[round(max(0, top)) : round(top + ROWS * size), round(max(0, left)) : round(left + COLUMNS * size)]
    # "Stop" covers a part of it at most: bright in less than a tenth of it.
    assert corner.size
    assert (corner.max(2) > 40).mean() < 0.1


async def test_a_press_measures_and_the_marker_goes_again(
    open_page: OpenPage, http: aiohttp.ClientSession, tmp_path: Path
) -> None:
    viewer, other = await open_page(), await open_page()
    for page in (viewer, other):
        await page.start()
    await open_engine(viewer)
    await viewer.page.focus(".field:has(#latency-words) button")
    await viewer.page.keyboard.press("Enter")
    await viewer.until("!document.getElementById('measured').hidden")
    assert await viewer.page.inner_text(".field:has(#latency-words) button") == "Stop measuring"
    marked = await viewer.picture()
    assert read(marked) is not None
    assert read(await other.picture()) is None
    await viewer.page.screenshot(path=tmp_path / "measuring.png")
    await covered(viewer)
    await viewer.page.set_viewport_size({"width": 700, "height": 1200})  # black above and below
    await viewer.frames(3)
    await covered(viewer)
    await viewer.page.keyboard.press("p")
    await viewer.until_notice("marked")

    await viewer.until(f"{WORDS}.startsWith('Capture to screen')")
    words = await viewer.page.inner_text("#latency-words")
    found = re.fullmatch(
        r"Capture to screen: median (\d+) ms, 95 % within (\d+) ms\. (\d+) frames, clocks within ([\d.]+) ms\.", words
    )
    assert found, words
    median, p95, frames = int(found[1]), int(found[2]), int(found[3])
    assert 5 < median <= p95 < 5000
    assert frames > 20
    assert float(found[4]) < 100
    async with http.get("/api/latency") as response:
        saved = await response.json()
    assert (round(saved["median_ms"]), saved["frames"], saved["unreadable"]) == (median, frames, 0)
    assert "Chrome" in saved["browser"]

    await viewer.until("document.getElementById('measured').hidden")
    assert read(await viewer.picture()) is None
    await until_answer(http, "/api/stats", "encoding.encoders", 1)
    await viewer.page.click("#notice-close")
    await viewer.page.screenshot(path=tmp_path / "measured.png")


async def test_a_second_press_stops_and_says_what_there_is(open_page: OpenPage) -> None:
    viewer = await open_page()
    await viewer.start()
    await open_engine(viewer)
    button = viewer.page.locator(".field:has(#latency-words) button")
    await button.click()
    await viewer.until("!document.getElementById('measured').hidden")
    await viewer.frames(10)
    await button.click()
    await viewer.until("document.getElementById('measured').hidden")
    await viewer.until(f"/^(Capture to screen|Stopped)/.test({WORDS})")
    assert await button.inner_text() == "Measure latency"


async def test_a_stop_ends_the_measurement_too(open_page: OpenPage, http: aiohttp.ClientSession) -> None:
    viewer = await open_page()
    await viewer.start()
    await open_engine(viewer)
    await viewer.page.click(".field:has(#latency-words) button")
    await viewer.until("!document.getElementById('measured').hidden")
    await viewer.page.keyboard.press("Escape")
    await viewer.until(f"{WORDS} === 'Stopped. Not measured.'")
    await until_answer(http, "/api/stats", "encoding.encoders", 0)


async def test_frames_without_a_marker_are_counted_and_said(open_page: OpenPage) -> None:
    # A server that agrees and draws none, such as an older one; and four of the ten seconds are enough.
    sooner = """
      const later = window.setTimeout;
      window.setTimeout = (does, ms, ...more) => later(does, ms === 10_000 ? 4000 : ms, ...more);"""
    viewer = await open_page(before=sooner)
    answer = {"status": 200, "content_type": "application/json", "body": "{}"}
    await viewer.page.route("**/api/viewers/*", lambda route: route.fulfill(**answer))
    await viewer.start()
    await open_engine(viewer)
    await viewer.page.click(".field:has(#latency-words) button")
    await viewer.until(f"/^No marker could be read in [1-9]\\d+ frames/.test({WORDS})")


async def test_a_browser_that_does_not_tell_when_frames_are_shown(open_page: OpenPage) -> None:
    viewer = await open_page(before="delete HTMLVideoElement.prototype.requestVideoFrameCallback;")
    await viewer.start()
    await open_engine(viewer)
    await viewer.page.click(".field:has(#latency-words) button")
    await viewer.until(f"{WORDS}.startsWith('This browser does not tell')")


async def test_an_address_measures_by_itself_and_reports(open_page: OpenPage, http: aiohttp.ClientSession) -> None:
    before = time.monotonic()
    viewer = await open_page("/?kiosk&measure=1.5")
    await viewer.until_state("live")
    await viewer.until("document.getElementById('notice').dataset.notice === 'latency'")
    async with http.get("/api/latency") as response:
        saved = await response.json()
    assert 1.4 < saved["seconds"] < time.monotonic() - before
    assert saved["frames"] > 3
    assert not await viewer.page.is_visible("#notice")  # a kiosk shows nothing but the picture

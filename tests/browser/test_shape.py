"""A page at a source that is upright, and is turned while somebody watches and paints."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Iterator
from http.server import BaseHTTPRequestHandler

import aiohttp
import cv2
import numpy as np
import pytest
import pytest_asyncio
from playwright.async_api import Browser

from hallucinate.frame import Picture
from tests.browser.conftest import SETTINGS, ServerProcess, until_answer
from tests.browser.test_objectives import mask_that
from tests.browser.viewer import Viewer, decoded
from tests.sources.test_address import serving

pytestmark = pytest.mark.asyncio(loop_scope="session")

UPRIGHT, WIDE = (360, 640), (640, 360)
DESKTOP = {"viewport": {"width": 1280, "height": 720}}
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True}


def ball(width: int, height: int) -> Picture:
    """A green ball in the middle of grey: what was cropped or stretched shows."""
    picture = np.full((height, width, 3), 90, np.uint8)
    cv2.circle(picture, (width // 2, height // 2), 100, (40, 220, 40), -1)
    return picture


@pytest.fixture(scope="module")
def turned() -> threading.Event:
    """Whether the camera has been turned."""
    return threading.Event()


@pytest.fixture(scope="module")
def camera(turned: threading.Event) -> Iterator[str]:
    """The address of a camera that is held upright until it is turned."""
    over = threading.Event()

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        request.end_headers()
        while not over.wait(0.1):
            data = cv2.imencode(".jpg", ball(*(WIDE if turned.is_set() else UPRIGHT)))[1].tobytes()
            request.wfile.write(b"--frame\r\nContent-Type: image/jpeg\r\n\r\n" + data + b"\r\n")

    with serving(answer) as url:
        yield f"{url}/cam.mjpg"
        over.set()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def server(camera: str) -> AsyncIterator[ServerProcess]:
    process = ServerProcess("--source", camera, "--fps", str(SETTINGS.fps))
    await process.start()
    yield process
    await process.kill()


async def watching(browser: Browser, server: ServerProcess, **options: object) -> Viewer:
    context = await browser.new_context(**options)  # type: ignore[arg-type]
    viewer = Viewer(await context.new_page())
    await viewer.page.goto(server.url)
    await viewer.start()
    return viewer


async def until_shape(viewer: Viewer, size: tuple[int, int]) -> None:
    video = "document.getElementById('picture')"
    await viewer.until(f"{video}.videoWidth === {size[0]} && {video}.videoHeight === {size[1]}")


def extent(shot: Picture) -> tuple[int, int, int, int]:
    """Where the ball is on the screen: left, top, width, height."""
    red, green, blue = (cv2.blur(shot, (9, 9))[..., c].astype(int) for c in range(3))
    rows, columns = np.nonzero((green > red + 60) & (green > blue + 60))
    return int(columns.min()), int(rows.min()), int(np.ptp(columns)) + 1, int(np.ptp(rows)) + 1


@pytest.mark.parametrize(("options", "ratio"), [(DESKTOP, 720 / 640), (PHONE, 390 / 360)])
async def test_a_picture_that_is_upright_is_shown_whole(
    browser: Browser, server: ServerProcess, options: dict[str, dict[str, int]], ratio: float
) -> None:
    viewer = await watching(browser, server, **options)
    await until_shape(viewer, UPRIGHT)
    await viewer.page.keyboard.down("c")  # the camera's own picture
    await viewer.frames(5)
    left, top, width, height = extent(decoded(await viewer.page.screenshot()))
    await viewer.page.keyboard.up("c")
    window = options["viewport"]
    assert abs(left + width / 2 - window["width"] / 2) < 6
    assert abs(top + height / 2 - window["height"] / 2) < 6
    assert width == pytest.approx(200 * ratio, abs=8)
    assert height == pytest.approx(200 * ratio, abs=8)
    for button in ("#stop", "#compare", "#drawer-open"):
        box = await viewer.page.locator(button).bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= window["width"]
        assert box["y"] + box["height"] <= window["height"]
    assert viewer.errors == []
    await viewer.page.context.close()


@pytest.mark.parametrize("window", [(1280, 720), (844, 390), (820, 1180)])
async def test_the_controls_leave_room_for_a_picture_that_is_upright(
    browser: Browser, server: ServerProcess, window: tuple[int, int]
) -> None:
    viewer = await watching(browser, server, viewport={"width": window[0], "height": window[1]})
    await until_shape(viewer, UPRIGHT)
    await viewer.open_drawer()
    right = "document.getElementById('picture').getBoundingClientRect().right"
    await viewer.until(f"{right} <= innerWidth - document.getElementById('drawer').offsetWidth")
    for button in ("#stop", "#compare", "#drawer-open"):
        await viewer.page.hover(button)  # in sight, and nothing over it
    assert viewer.errors == []
    await viewer.page.context.close()


async def test_who_paints_while_the_picture_is_turned_paints_on_where_it_is_seen(
    browser: Browser, server: ServerProcess, turned: threading.Event
) -> None:
    viewer = await watching(browser, server, **DESKTOP)
    await until_shape(viewer, UPRIGHT)
    await viewer.open_drawer()
    await viewer.page.click("#paint")

    async with aiohttp.ClientSession(server.url) as http:
        # The picture is 405 of the window's 1280 pixels wide, from 437.5 to 842.5.
        await viewer.page.mouse.click(437.5 + 405 / 4, 720 / 4)
        await until_answer(http, "/api/settings", "where", "painted")
        mask = await mask_that(http, lambda mask: mask.max() > 200)
        height, width = mask.shape
        assert (width, height) == (288, 512)
        assert mask[height // 4, width // 4] > 200
        assert mask[height // 4, width * 3 // 4] < 20

        turned.set()
        await until_shape(viewer, WIDE)
        await viewer.until("document.getElementById('mask').width === 512")
        await viewer.page.mouse.click(1280 * 0.9, 720 * 0.75)
        mask = await mask_that(http, lambda mask: mask.shape == (288, 512) and mask[216, 460] > 200)
        assert mask[72, 128] > 200  # what was painted is where it was, a quarter from the left and the top
        assert mask[144, 256] < 20
    assert viewer.errors == []
    await viewer.page.context.close()

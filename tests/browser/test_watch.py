"""The picture: it comes, it is dreamed, it follows what is chosen, it stops, it comes back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import aiohttp
import cv2
import numpy as np
import pytest
import torch

from hallucinate.frame import Picture, to_tensor
from hallucinate.networks import Network
from tests.browser.conftest import DREAM_WIDTH, OpenPage, ServerProcess, until_answer
from tests.browser.viewer import WAIT_S, Viewer, decoded

pytestmark = pytest.mark.asyncio(loop_scope="session")

THERE, NOT_THERE = 0.2, 0.1
"""A motif's share of a picture of which it is dreamed, and of one of which it is not; see ``share``."""


def share(network: Network, picture: Picture, motif: str) -> float:
    """How much of the picture the network takes for this motif, 0 to 1, at the scale where that is most.

    The scales are those that it is dreamed on. A motif that is not there gets less than 0.1 of any picture.
    """
    return max(_share(network, picture, motif, width) for width in (DREAM_WIDTH, DREAM_WIDTH * 2 // 3))


def _share(network: Network, picture: Picture, motif: str, width: int) -> float:
    height = round(picture.shape[0] * width / picture.shape[1])
    small = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
    with torch.inference_mode():
        logits = network.forward(to_tensor(np.asarray(small, np.uint8), torch.device("cpu")))
    return float(logits.softmax(1)[0, network.motifs.index(motif)].mean())


async def picture_that(viewer: Viewer, is_so: Callable[[Picture], bool]) -> Picture:
    """The first frame that is so; fails when none comes."""
    async with asyncio.timeout(WAIT_S):
        while not is_so(picture := await viewer.picture()):
            pass
    return picture


def is_green(picture: Picture) -> bool:
    """Whether it looks like the browser's webcam: more green than anything, nearly everywhere."""
    red, green, blue = (cv2.blur(picture, (31, 31)).astype(np.int16)[..., c] for c in range(3))
    return bool(((green > red + 30) & (green > blue + 30)).mean() > 0.8)


async def test_frames_advance_and_are_dreamed(open_page: OpenPage, network: Network) -> None:
    viewer = await open_page()
    assert await viewer.page.evaluate("() => document.getElementById('picture').srcObject") is None
    await viewer.start()
    assert await viewer.frames(20) < 5000

    dreamed = await picture_that(viewer, lambda picture: share(network, picture, "eye") > THERE)
    await viewer.page.keyboard.down("c")
    camera = await picture_that(viewer, lambda picture: share(network, picture, "eye") < NOT_THERE)
    assert await viewer.page.is_visible("#compared")
    await viewer.page.keyboard.up("c")
    await picture_that(viewer, lambda picture: share(network, picture, "eye") > THERE)
    assert not await viewer.page.is_visible("#compared")
    assert dreamed.shape == camera.shape


async def test_choosing_a_motif_changes_the_picture_towards_it(open_page: OpenPage, network: Network) -> None:
    viewer = await open_page()
    await viewer.start()
    await viewer.open_drawer()
    before = await viewer.picture()
    assert share(network, before, "honeycomb") < NOT_THERE

    await viewer.page.click(".only:has-text('honeycomb')")
    after = await picture_that(viewer, lambda picture: share(network, picture, "honeycomb") > THERE)
    assert share(network, after, "honeycomb") > share(network, after, "eye")


async def test_this_devices_camera_comes_back_dreamed(
    open_page: OpenPage, network: Network, http: aiohttp.ClientSession
) -> None:
    viewer = await open_page(permissions=["camera"])
    await viewer.start()
    assert not is_green(await viewer.picture())

    await viewer.page.click("#camera")
    own = await picture_that(viewer, lambda picture: is_green(picture) and share(network, picture, "eye") > THERE)
    assert own.shape[1] / own.shape[0] == pytest.approx(320 / 240, rel=0.02)  # the camera's shape, not the main dream's
    await viewer.until("document.getElementById('state').textContent.includes('this device')")
    await viewer.page.keyboard.down("c")
    await picture_that(viewer, lambda picture: is_green(picture) and share(network, picture, "eye") < NOT_THERE)
    await viewer.page.keyboard.up("c")

    one_more = await open_page(permissions=["camera"], forgive="503")
    await one_more.start()
    await one_more.page.click("#camera")
    await one_more.until("!document.getElementById('notice').hidden")
    assert "places for guests" in (await one_more.page.inner_text("#notice-words"))
    assert not is_green(await one_more.picture())

    await viewer.page.click("#camera")
    await picture_that(viewer, lambda picture: not is_green(picture))
    await until_answer(http, "/api/stats", "peers.guests", 0)


async def test_the_stop_key_blanks_at_once_and_frees_the_server(
    open_page: OpenPage, http: aiohttp.ClientSession
) -> None:
    viewer = await open_page()
    await viewer.start()
    await until_answer(http, "/api/stats", "peers.viewers", 1)
    await viewer.page.keyboard.press("Escape")
    assert await viewer.page.evaluate(
        "() => document.body.dataset.state === 'stopped' && document.getElementById('picture').srcObject === null"
    )
    shot = decoded(await viewer.page.screenshot())
    assert shot[: shot.shape[0] // 3].max() == 0
    await until_answer(http, "/api/stats", "peers.viewers", 0)

    await viewer.page.keyboard.press("Enter")  # the focus is on "Start again"
    await viewer.until_state("live")
    await viewer.frames(3)
    await viewer.page.click("#stop")
    await viewer.until_state("stopped")


async def test_escape_out_of_full_screen_is_a_stop_too(open_page: OpenPage) -> None:
    viewer = await open_page()
    await viewer.start()
    label = "document.getElementById('full').getAttribute('aria-label')"
    await viewer.page.keyboard.press("f")
    await viewer.until(f"{label} === 'Leave full screen'")
    await viewer.page.keyboard.press("f")
    await viewer.until(f"{label} === 'Full screen'")
    await viewer.until_state("live")
    await viewer.page.keyboard.press("f")
    await viewer.until(f"{label} === 'Leave full screen'")
    await viewer.page.evaluate("() => document.exitFullscreen()")  # as the browser does by itself on Escape
    await viewer.until_state("stopped")


async def test_a_reload_plays_on_and_a_stop_is_remembered(open_page: OpenPage) -> None:
    viewer = await open_page()
    await viewer.start()
    await viewer.page.reload()
    await viewer.until_state("live")
    await viewer.page.keyboard.press("s")
    await viewer.page.reload()
    await viewer.until_state("idle")


async def test_a_kiosk_starts_by_itself_and_shows_nothing_but_the_picture(open_page: OpenPage) -> None:
    viewer = await open_page("/?kiosk")
    await viewer.until_state("live")
    await viewer.frames(3)
    for part in ("#stop", "#bar", "#panel"):
        assert not await viewer.page.is_visible(part)
    await viewer.until("!document.getElementById('drawer-open').disabled")
    for key in "mpv?":  # for what is not to be seen here
        await viewer.page.keyboard.press(key)
    assert not await viewer.page.is_visible("#help")
    assert await viewer.page.evaluate("() => document.getElementById('drawer').inert")
    assert await viewer.page.text_content("#notice-words") == ""
    await viewer.page.keyboard.press("Escape")
    await viewer.until_state("stopped")


async def test_a_link_to_a_dream_that_is_over_leads_to_the_main_one(open_page: OpenPage) -> None:
    viewer = await open_page("/?dream=viewer-99", forgive="404")
    await viewer.start()
    await viewer.until_notice("dream-over")


async def test_a_camera_refused_is_reported_and_the_dream_goes_on(open_page: OpenPage) -> None:
    viewer = await open_page()
    await viewer.start()
    await viewer.page.click("#camera")
    await viewer.until_notice("camera-refused")
    await viewer.frames(3)


async def test_without_https_the_camera_button_says_what_is_needed(open_page: OpenPage) -> None:
    insecure = "Object.defineProperty(navigator, 'mediaDevices', { value: undefined });"
    viewer = await open_page(before=insecure)
    await viewer.start()
    await viewer.page.click("#camera")
    await viewer.until("document.getElementById('notice-words').textContent.includes('https')")


async def test_where_a_browser_blocks_the_picture_it_waits_for_a_press(open_page: OpenPage) -> None:
    blocked = """
      const play = HTMLMediaElement.prototype.play;
      HTMLMediaElement.prototype.play = function () {
        HTMLMediaElement.prototype.play = play;
        return Promise.reject(new DOMException('press first', 'NotAllowedError'));
      };"""
    viewer = await open_page(before=blocked)
    await viewer.page.click("#start")
    await viewer.until_state("blocked")
    await viewer.start()


async def test_without_the_token_it_says_so_and_tries_no_more(open_page: OpenPage) -> None:
    viewer = await open_page(forgive="401")
    refusal = {"status": 401, "content_type": "application/json", "body": '{"error": "this needs the token"}'}
    await viewer.page.route("**/whep", lambda route: route.fulfill(**refusal))
    await viewer.page.click("#start")
    await viewer.until_state("refused")
    assert await viewer.page.inner_text("#panel-words") == "This needs the token."


async def test_when_the_server_is_killed_and_comes_back_so_does_the_page(
    open_page: OpenPage, server: ServerProcess, http: aiohttp.ClientSession
) -> None:
    viewer = await open_page(forgive="ERR_CONNECTION|ERR_EMPTY|WebSocket|404")
    await viewer.start()
    await viewer.open_drawer()
    await viewer.page.focus("#knob-strength")
    await server.kill()
    await viewer.until_state("retrying")
    assert "Trying again" in await viewer.page.inner_text("#state")
    await viewer.until("document.getElementById('controls').disabled")

    await server.start()
    await viewer.until_state("live")
    await viewer.frames(5)
    await viewer.until("!document.getElementById('controls').disabled")
    await viewer.until("document.activeElement.id === 'knob-strength'")
    async with http.patch("/api/settings", json={"strength": 0.25}) as response:
        assert response.status == 200
    await viewer.until("document.getElementById('knob-strength').value === '0.25'")

"""What people ask for beside motifs: layers, a picture of their own, a part of the picture."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import aiohttp
import cv2
import numpy as np
import pytest
import torch

from hallucinate.dream.objectives import features
from hallucinate.frame import Picture, to_tensor
from hallucinate.networks import Network
from tests.browser.conftest import DREAM_WIDTH, OpenPage, until_answer
from tests.browser.test_watch import picture_that
from tests.browser.viewer import GAP_MS, WAIT_S, Viewer, least_gap

pytestmark = pytest.mark.asyncio(loop_scope="session")

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
ROWS = ".weight:not([hidden]) label"


def checks() -> Picture:
    """A picture that nobody takes for a landscape: red and white squares, uint8 RGB (240, 320, 3)."""
    row, column = np.mgrid[0:240, 0:320] // 20
    return np.where(((row + column) % 2)[..., None] == 1, [255, 255, 255], [200, 20, 20]).astype(np.uint8)


def png_of(picture: Picture) -> bytes:
    done, data = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    assert done
    return bytes(data)


def likeness(network: Network, picture: Picture, guide: Picture) -> float:
    """What a guide's dream climbs: the mean over places of the largest product with the guide's columns."""
    sizes = [(DREAM_WIDTH, DREAM_WIDTH * p.shape[0] // p.shape[1]) for p in (picture, guide)]
    small = [np.asarray(cv2.resize(p, size), np.uint8) for p, size in zip((picture, guide), sizes, strict=True)]
    a, y = (features(network, network.default_layer, to_tensor(p, torch.device("cpu"))) for p in small)
    return float((a.T @ y).amax(1).mean())


async def test_a_picture_dropped_is_dreamed_of_at_once_and_the_stream_goes_on(
    open_page: OpenPage, network: Network, http: aiohttp.ClientSession
) -> None:
    viewer, other = await open_page(), await open_page()
    await viewer.start()
    await viewer.open_drawer()
    await viewer.page.keyboard.down("c")
    await viewer.until("!document.getElementById('compared').hidden")
    await viewer.frames(5)
    camera = likeness(network, await viewer.picture(), checks())
    await viewer.page.keyboard.up("c")
    await viewer.until("document.getElementById('compared').hidden")
    await viewer.frames(5)

    async def dropped() -> None:
        await viewer.hand_in(png_of(checks()), "image/png")
        await viewer.until("!document.querySelector('.weight.guide').hidden")
        await viewer.until("document.querySelector('.guide img').naturalWidth === 320")
        await picture_that(viewer, lambda picture: likeness(network, picture, checks()) > 1.3 * camera)
        await viewer.frames(10)

    assert await least_gap(viewer, dropped, "a guide is dropped") < GAP_MS
    async with http.get("/api/settings") as response:
        settings = await response.json()
    assert (settings["guide"], settings["motifs"], settings["layers"]) == (1, {}, {})

    # Another page sees it and mixes it; taken away, what was dreamed before comes back.
    await other.open_drawer()
    await other.until("document.querySelector('.guide img').naturalWidth === 320")
    await other.page.focus("#knob-guide")
    await other.page.keyboard.press("Home")
    await other.until("document.getElementById('knob-guide').getAttribute('aria-valuetext') === '0.00'")
    await until_answer(http, "/api/settings", "guide", 0)
    await viewer.page.click("[aria-label='Remove the guide picture']")
    await until_answer(http, "/api/settings", "motifs", {"eye": 1})
    await until_answer(http, "/api/stats", "loop.pictures", [])
    await other.until("document.querySelector('.weight.guide').hidden")


async def test_a_picture_is_pasted_or_chosen_and_what_is_none_is_said(
    open_page: OpenPage, http: aiohttp.ClientSession
) -> None:
    viewer = await open_page(forgive="400", **PHONE)
    await viewer.start()
    await viewer.hand_in(b"no picture at all", "text/plain")
    await viewer.until("document.getElementById('notice-words').textContent.startsWith('The guide is not a picture')")
    await until_answer(http, "/api/settings", "guide", 0)

    await viewer.hand_in(png_of(checks()), "image/png", "paste")
    await until_answer(http, "/api/settings", "guide", 1)
    large = np.repeat(np.repeat(checks(), 8, 0), 8, 1)
    await viewer.page.set_input_files(
        "#guide-file", {"name": "photo.png", "mimeType": "image/png", "buffer": png_of(large)}
    )
    await viewer.until("document.querySelector('.guide img').naturalHeight === 384")  # of 1024 × 768, shown at 512
    await until_answer(http, "/api/settings", "guide", 1)


async def mask_that(http: aiohttp.ClientSession, is_so: Callable[[Picture], bool]) -> Picture:
    """The server's mask, grey, once it is so."""
    async with asyncio.timeout(WAIT_S):
        while True:
            async with http.get("/api/mask") as response:
                assert response.status == 200
                data = np.frombuffer(await response.read(), np.uint8)
            mask = np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), np.uint8)
            if is_so(mask):
                return mask


async def stroke(viewer: Viewer, xs: tuple[float, float]) -> None:
    """Paint across the picture's middle, between these shares of its width."""
    box = await viewer.page.locator("#mask").bounding_box()
    assert box is not None
    for n, x in enumerate(xs):
        await viewer.page.mouse.move(box["x"] + x * box["width"], box["y"] + box["height"] / 2, steps=6)
        await (viewer.page.mouse.down() if n == 0 else viewer.page.mouse.up())


async def test_where_it_dreams_is_painted_erased_and_cleared(open_page: OpenPage, http: aiohttp.ClientSession) -> None:
    viewer = await open_page(**PHONE)
    await viewer.start()
    await viewer.open_drawer()
    assert await viewer.page.is_hidden("[aria-label='Clear what is painted']")
    await viewer.page.click("#paint")
    await stroke(viewer, (0.2, 0.8))
    await until_answer(http, "/api/settings", "where", "painted")
    assert not await viewer.page.is_visible("#compared")  # a hand that paints does not hold to compare
    mask = await mask_that(http, lambda mask: mask.max() > 200)
    height, width = mask.shape
    assert max(height, width) <= 512
    assert abs(width / height - 640 / 360) < 0.01
    assert mask[height // 2, width * 3 // 10 : width * 7 // 10].min() > 200
    assert max(mask[:, 0].max(), mask[0].max(), mask[-1].max()) < 20

    await viewer.page.click("#eraser")
    await stroke(viewer, (0.65, 0.9))
    await mask_that(http, lambda mask: mask[height // 2, width * 3 // 4] < 60 and mask[height // 2, width // 2] > 200)
    await viewer.page.click("#paint-done")
    assert await viewer.page.is_hidden("#mask")
    assert await viewer.value("knob-where") == "painted"

    # Painted on from there, by keys alone: the brush starts in the middle.
    await viewer.page.focus("#paint")
    await viewer.page.keyboard.press("Enter")
    await viewer.page.focus("#mask")
    for _ in range(8):
        await viewer.page.keyboard.press("ArrowUp")
    await viewer.page.keyboard.press(" ")
    await mask_that(http, lambda mask: mask[4, width // 2] > 150)
    await viewer.page.click("#paint-clear")
    await until_answer(http, "/api/settings", "where", "everywhere")
    await until_answer(http, "/api/stats", "loop.pictures", [])
    await viewer.page.keyboard.press("Escape")  # stops, whatever else is open
    await viewer.until_state("stopped")
    assert await viewer.page.is_hidden("#painting")


@pytest.mark.parametrize("hand", ["pointer", "space key"])
async def test_a_tap_paints_a_dot_and_with_the_eraser_takes_one_away(
    open_page: OpenPage, http: aiohttp.ClientSession, hand: str
) -> None:
    viewer = await open_page(**PHONE)
    await viewer.start()
    await viewer.open_drawer()
    await viewer.page.click("#paint")

    async def tap() -> None:
        if hand == "pointer":
            await viewer.page.click("#mask")
        else:
            await viewer.page.focus("#mask")
            await viewer.page.keyboard.press(" ")

    await tap()
    await until_answer(http, "/api/settings", "where", "painted")
    mask = await mask_that(http, lambda mask: mask.max() > 200)
    height, width = mask.shape
    radius = 0.12 * 0.8 / 2 * width  # the brush's size, and the share of it that is not its soft edge
    painted = (mask > 128).sum()
    assert mask[height // 2, width // 2] > 200
    assert 0.9 * np.pi * radius**2 < painted < 1.6 * np.pi * radius**2
    await viewer.page.click("#eraser")
    await tap()
    await mask_that(http, lambda mask: mask[height // 2, width // 2] < 60)


async def test_to_choose_what_is_painted_where_nothing_is_begins_to_paint(
    open_page: OpenPage, http: aiohttp.ClientSession
) -> None:
    viewer = await open_page()
    await viewer.start()
    await viewer.open_drawer()
    await viewer.page.select_option("#knob-where", "moving")
    await until_answer(http, "/api/settings", "where", "moving")
    await viewer.page.select_option("#knob-where", "painted")
    assert await viewer.page.is_visible("#painting")
    await viewer.page.click("#paint-done")
    await viewer.until("document.activeElement.id === 'knob-where'")
    await viewer.until("document.getElementById('knob-where').value === 'moving'")


async def test_layers_and_motifs_are_one_mix(open_page: OpenPage, http: aiohttp.ClientSession) -> None:
    viewer = await open_page()
    await viewer.start()
    await viewer.open_drawer()
    await viewer.page.click(".layers summary")
    await viewer.page.click("#knob-layers [aria-label='Add mixed3b to the mix']")
    await until_answer(http, "/api/settings", "layers", {"mixed3b": 1})
    await until_answer(http, "/api/settings", "motifs", {"eye": 1})

    await viewer.page.fill("#unit-channel", "12")
    await viewer.page.click("label[for='unit-centre']")
    await viewer.page.click("#knob-layers [aria-label='Add mixed4a to the mix']")
    await until_answer(http, "/api/settings", "layers", {"mixed3b": 1, "mixed4a:12@centre": 1})
    rows = await viewer.page.locator(ROWS).all_inner_texts()
    assert rows == ["eye", "mixed3b", "mixed4a, channel 12, in the middle"]
    await viewer.page.click("[aria-label='Remove mixed3b']")
    await until_answer(http, "/api/settings", "layers", {"mixed4a:12@centre": 1})

    await viewer.page.click("#knob-layers .only:has-text('mixed5')")  # and nothing else
    await until_answer(http, "/api/settings", "layers", {"mixed5:12@centre": 1})
    await until_answer(http, "/api/settings", "motifs", {})
    await viewer.page.click("#knob-motifs .only:has-text('spiral')")
    await until_answer(http, "/api/settings", "layers", {})
    await viewer.page.click("[aria-label='Remove spiral']")
    await viewer.until("document.querySelector('.mix').innerText.includes('Nothing is asked for')")

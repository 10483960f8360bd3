"""Networks switched on the page while the picture goes on: one that knows a thousand things, and the one in the box."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from safetensors.torch import save_file

from hallucinate.networks.zoo import outlined
from tests.browser.conftest import DREAM_WIDTH, OpenPage, ServerProcess, until_answer
from tests.browser.viewer import GAP_MS, least_gap
from tests.networks.made import random_tensors

pytestmark = pytest.mark.asyncio(loop_scope="session")

KNOWS = "squeezenet1_1"


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ServerProcess]:
    """A server whose first network is one of the zoo's, of random weights; others cannot be fetched."""
    folder: Path = tmp_path_factory.mktemp("weights")
    save_file(random_tensors(outlined(KNOWS)[0]), folder / "random.safetensors")
    arguments = ("--network", KNOWS, "--weights", str(folder / "random.safetensors"))
    environment = {name: str(folder) for name in ("HALLUCINATE_WEIGHTS", "XDG_CACHE_HOME", "TORCH_HOME")}
    process = ServerProcess(*arguments, **environment, https_proxy="http://127.0.0.1:1")
    await process.start()
    yield process
    await process.kill()


@pytest_asyncio.fixture(loop_scope="session")
async def http(server: ServerProcess) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(server.url) as session:
        small = {"dream_width": DREAM_WIDTH, "dream_width_min": DREAM_WIDTH, "fps": 10.0}
        async with session.patch("/api/settings", json=small) as response:
            assert response.status == 200, await response.text()
        yield session


async def test_one_of_a_thousand_names_is_found_by_writing_it(open_page: OpenPage, http: aiohttp.ClientSession) -> None:
    viewer = await open_page()
    await viewer.start()
    await viewer.open_drawer()
    assert await viewer.page.locator("#knob-motifs .tile").count() == 1000
    assert await viewer.page.locator("#knob-motifs img").count() == 0
    families = await viewer.page.locator("#knob-motifs .family").all_inner_texts()
    assert {"dogs", "birds", "food"} <= set(families)
    await viewer.page.fill("#knob-motifs-search", "")
    await viewer.page.focus("#knob-motifs-search")
    await viewer.page.keyboard.type("scorpion")  # with s and c and p in it, which are keys elsewhere
    await viewer.until("document.getElementById('knob-motifs-found').textContent === '1 of 1000 motifs'")
    await viewer.until_state("live")
    assert await viewer.page.locator("#knob-motifs .family:visible").count() == 1
    await viewer.page.keyboard.press("ArrowDown")
    await viewer.page.keyboard.press("Enter")
    await until_answer(http, "/api/settings", "motifs", {"scorpion": 1})
    await viewer.page.fill("#knob-motifs-search", "tabby")
    await viewer.page.press("#knob-motifs-search", "Enter")
    await until_answer(http, "/api/settings", "motifs", {"tabby": 1})
    await viewer.page.fill("#knob-motifs-search", "no such thing")
    await viewer.until("document.getElementById('knob-motifs-found').textContent.startsWith('None of 1000')")


async def test_the_network_is_switched_and_the_stream_never_stops(
    open_page: OpenPage, http: aiohttp.ClientSession
) -> None:
    viewer = await open_page()
    await viewer.start()
    await viewer.open_drawer()
    await viewer.page.click(".networks summary")
    assert "MB" in await viewer.page.inner_text(".choice:has-text('googlenet')")

    async def there_and_back() -> None:
        await viewer.page.click(".choice:has-text('motif')")
        await viewer.until("document.querySelectorAll('#knob-motifs .tile img').length === 52")
        await viewer.until("document.querySelector('.choice[aria-pressed=true]').textContent.startsWith('motif')")
        await viewer.page.click("#knob-motifs .only:has-text('spiral')")
        await until_answer(http, "/api/settings", "motifs", {"spiral": 1})
        await viewer.page.click(f".choice:has-text('{KNOWS}')")
        await viewer.until("document.querySelectorAll('#knob-motifs .tile').length === 1000")
        await viewer.frames(5)

    assert await least_gap(viewer, there_and_back, "networks are switched there and back") < GAP_MS

    other = await open_page()
    await other.open_drawer()
    await viewer.page.click(".choice:has-text('motif')")
    await other.until("document.querySelectorAll('#knob-motifs .tile img').length === 52")
    await other.until("document.querySelector('.networks summary').textContent === 'Networkmotif'")


async def test_what_cannot_be_fetched_is_reported_and_the_dream_goes_on(open_page: OpenPage) -> None:
    viewer = await open_page()
    await viewer.start()
    await viewer.open_drawer()
    await viewer.page.click(".networks summary")
    await viewer.page.click(".choice:has-text('googlenet')")
    await viewer.until("document.getElementById('notice-words').textContent.includes('googlenet')")
    await viewer.until("!document.querySelector('.choice:disabled')")
    await viewer.frames(5)

"""The controls: drawn from the schema, in step on all pages, usable by thumb, keyboard and screen reader."""

from __future__ import annotations

import aiohttp
import pytest

from hallucinate.motifs import MOTIFS
from tests.browser.conftest import OpenPage, until_answer

pytestmark = pytest.mark.asyncio(loop_scope="session")

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


async def test_a_change_from_anywhere_moves_every_page(open_page: OpenPage, http: aiohttp.ClientSession) -> None:
    one, other = await open_page(), await open_page()
    for viewer in (one, other):
        await viewer.open_drawer()
    async with http.patch("/api/settings", json={"strength": 0.85, "motion_compensation": False}) as response:
        assert response.status == 200
    for viewer in (one, other):
        await viewer.until("document.getElementById('knob-strength').value === '0.85'")
        await viewer.until("!document.getElementById('knob-motion_compensation').checked")

    await one.page.focus("#knob-strength")
    await one.page.keyboard.press("ArrowLeft")
    await other.until("document.getElementById('knob-strength').value === '0.84'")
    assert await one.value("knob-strength") == "0.84"

    await one.page.focus("#knob-half_life_s")
    before = await other.value("knob-half_life_s")
    await one.page.keyboard.press("ArrowRight")
    await other.until(f"document.getElementById('knob-half_life_s').value > {before}")

    await one.page.click(".only:has-text('spiral')")
    await other.until("document.querySelector('.only[aria-pressed=true] .name')?.textContent === 'spiral'")


async def test_a_slider_under_a_hand_stays_under_it(open_page: OpenPage, http: aiohttp.ClientSession) -> None:
    held, other = await open_page(), await open_page()
    for viewer in (held, other):
        await viewer.open_drawer()
    slider = held.page.locator("#knob-strength")
    await slider.scroll_into_view_if_needed()
    box = await slider.bounding_box()
    assert box is not None
    await held.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    await held.page.clock.install()
    await held.page.mouse.down()
    await other.until("document.getElementById('knob-strength').value === '0.5'")
    await held.page.clock.fast_forward(5000)  # a hand that does not move is still a hand

    async with http.patch("/api/settings", json={"strength": 0.2}) as response:
        assert response.status == 200
    await other.until("document.getElementById('knob-strength').value === '0.2'")
    assert await held.value("knob-strength") == "0.5"
    await held.page.mouse.up()
    await held.until("document.getElementById('knob-strength').value === '0.2'")


async def test_every_knob_of_the_schema_has_a_control(open_page: OpenPage, http: aiohttp.ClientSession) -> None:
    async with http.get("/api/schema") as response:
        schema = await response.json()
    viewer = await open_page()
    await viewer.open_drawer()
    for name in schema["properties"]:
        assert await viewer.page.locator(f"#knob-{name}").count() == 1, name
    for mix in ("motifs", "layers"):
        names = await viewer.page.locator(f"#knob-{mix} .tile .name").all_text_contents()
        assert names == [m.replace("_", " ") for m in schema["properties"][mix]["propertyNames"]["enum"]]


async def test_the_mix_is_made_with_a_thumb(open_page: OpenPage, http: aiohttp.ClientSession) -> None:
    viewer = await open_page(**PHONE)
    await viewer.start()
    await viewer.page.tap("#drawer-open")
    await viewer.page.tap(".only:has-text('spiral')")
    await viewer.until("document.querySelectorAll('.weight:not([hidden])').length === 1")
    await viewer.page.tap("[aria-label='Add cat to the mix']")
    await viewer.until("document.querySelectorAll('.weight:not([hidden])').length === 2")
    await viewer.page.tap("[aria-label='Take spiral out of the mix']")
    await viewer.until("document.querySelectorAll('.weight:not([hidden])').length === 1")
    await until_answer(http, "/api/settings", "motifs", {"cat": 1})
    await viewer.page.tap("#drawer .handle")
    await viewer.until("document.getElementById('drawer').inert")

    small = await viewer.page.evaluate("""() => [...document.querySelectorAll('button, select, input, summary')]
      .filter((element) => element.checkVisibility() && element.type !== 'checkbox')
      .filter((element) => {
        const { width, height } = element.getBoundingClientRect();  // 43.99 while it still slides
        return Math.min(width, height) < 43.9;
      })
      .map((element) => element.outerHTML)""")
    assert small == []


async def test_the_keyboard_gets_to_every_control(open_page: OpenPage) -> None:
    viewer = await open_page()
    await viewer.start()
    await viewer.open_drawer()
    await viewer.open_all()
    await viewer.page.evaluate("() => document.body.focus()")
    usable = await viewer.page.evaluate("""() => [...document.querySelectorAll('button, select, input, summary')]
      .filter((element) => element.checkVisibility() && !element.matches(':disabled') && element.tabIndex >= 0)
      .map((element, at) => { element.dataset.at = at; return at; })""")
    outlines = {}
    for _ in range(2 * len(usable)):
        await viewer.page.keyboard.press("Tab")
        at, outline = await viewer.page.evaluate(
            "() => [document.activeElement.dataset.at, getComputedStyle(document.activeElement).outlineStyle]"
        )
        if at is not None:
            outlines[int(at)] = outline
    assert set(usable) <= set(outlines)
    assert "none" not in outlines.values()

    assert await viewer.page.inner_text("#knob-motifs .only[tabindex='0']") == "eye"  # which is chosen
    await viewer.page.focus("#knob-motifs .only[tabindex='0']")
    tiles = await viewer.page.locator("#knob-motifs .only").count()
    for _ in range(tiles):
        await viewer.page.keyboard.press("ArrowLeft")
    seen = set()
    for _ in range(tiles):
        seen.add(await viewer.page.evaluate("() => document.activeElement.textContent"))
        await viewer.page.keyboard.press("ArrowRight")
    assert len(seen) == tiles
    rows = []
    await viewer.page.keyboard.press("Home")
    for key in ["ArrowDown"] * 2 + ["ArrowUp"] * 2:
        top, left = "document.activeElement.offsetParent.offsetTop", "document.activeElement.offsetParent.offsetLeft"
        rows.append(await viewer.page.evaluate(f"() => [{top}, {left}]"))
        await viewer.page.keyboard.press(key)
    assert rows[0][0] < rows[1][0] < rows[2][0]
    assert rows[1] == rows[3]
    assert len({left for _, left in rows}) == 1
    families = await viewer.page.locator(".family").all_inner_texts()
    assert families == list(dict.fromkeys(motif.family for motif in MOTIFS.values()))
    await viewer.page.keyboard.press("Enter")
    await viewer.until("document.activeElement.getAttribute('aria-pressed') === 'true'")
    await viewer.page.keyboard.press("+")
    await viewer.until("document.activeElement.getAttribute('aria-pressed') === 'false'")


async def test_the_help_opens_and_closes_by_its_key(open_page: OpenPage) -> None:
    viewer = await open_page()
    await viewer.start()
    await viewer.page.keyboard.press("?")
    assert await viewer.page.is_visible("#help")
    assert await viewer.page.is_visible("#stop")
    await viewer.page.keyboard.press("Escape")
    assert not await viewer.page.is_visible("#help")
    await viewer.until_state("live")


async def test_everything_has_a_name(open_page: OpenPage) -> None:
    viewer = await open_page()
    await viewer.start()
    await viewer.open_drawer()
    await viewer.open_all()
    faults = await viewer.page.evaluate("""() => {
      const faults = [];
      const say = (what, element) => faults.push(`${what}: ${element.outerHTML.slice(0, 120)}`);
      for (const element of document.querySelectorAll('input, select')) {
        if (![...element.labels].some((label) => label.textContent.trim())) say('no label', element);
      }
      for (const button of document.querySelectorAll('button')) {
        if (!(button.getAttribute('aria-label') ?? button.textContent).trim()) say('no name', button);
      }
      for (const image of document.querySelectorAll('img:not([alt])')) say('no alt', image);
      for (const use of document.querySelectorAll('use')) {
        if (!document.querySelector(use.getAttribute('href'))) say('no such icon', use);
      }
      for (const name of ['aria-controls', 'aria-describedby', 'aria-labelledby', 'for']) {
        for (const element of document.querySelectorAll(`[${name}]`)) {
          if (!document.getElementById(element.getAttribute(name))) say(`${name} points nowhere`, element);
        }
      }
      const ids = [...document.querySelectorAll('[id]')].map(({ id }) => id);
      for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) faults.push(`twice: #${id}`);
      const spoken = '[role=status], [role=alert], [aria-live]';
      if (document.getElementById('figures').closest(spoken)) faults.push('figures are read out');
      // An output speaks at each change; the slider says its value itself, and others' hands are nobody's news.
      for (const output of document.querySelectorAll('output:not([aria-live=off])')) say('read out twice', output);
      if (document.documentElement.lang !== 'en') faults.push('no lang');
      const viewport = document.querySelector('meta[name=viewport]').content;
      if (/user-scalable|maximum-scale/.test(viewport)) faults.push('no zoom');
      return faults;
    }""")
    assert faults == []


async def test_a_refused_setting_is_reported_and_the_control_goes_back(open_page: OpenPage) -> None:
    viewer = await open_page()
    await viewer.start()
    await viewer.open_drawer()
    await viewer.open_all()
    await viewer.page.focus("#knob-dream_width_min")
    await viewer.page.keyboard.press("End")  # above the largest width, which only the server knows
    await viewer.until("document.getElementById('notice-words').textContent.startsWith('dream_width_min')")
    await viewer.until("document.getElementById('knob-dream_width_min').value === '192'")


async def test_a_snapshot_is_a_file_with_the_moment_in_its_name(open_page: OpenPage) -> None:
    viewer = await open_page()
    await viewer.start()
    async with viewer.page.expect_download() as download:
        await viewer.page.keyboard.press("p")
    name = (await download.value).suggested_filename
    assert name.startswith("hallucinate-20")
    assert name.endswith(".jpg")

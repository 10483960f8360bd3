"""The control channel: pages in step, errors that don't end it."""

import asyncio
import json

import pytest
from aiohttp import WSMsgType

from hallucinate.clock import SystemClock
from hallucinate.control.live_settings import LiveSettings
from hallucinate.stream.live import REPLIES, Outbox
from tests.stream.foreign import SOON, Http, heard, until


async def test_a_slider_moved_on_one_moves_on_all(http: Http, live: LiveSettings) -> None:
    async with http.ws_connect("/api/live") as one, http.ws_connect("/api/live") as two:
        for page in (one, two):
            assert (await heard(page, "settings"))["settings"] == live.current.model_dump()
        await one.send_json({"type": "patch", "changes": {"strength": 0.25}})
        for page in (one, two):
            assert (await heard(page, "settings"))["settings"]["strength"] == 0.25
        await http.patch("/api/settings", json={"strength": 0.5})
        for page in (one, two):
            assert (await heard(page, "settings"))["settings"]["strength"] == 0.5
        await asyncio.to_thread(live.patch, {"strength": 0.75})  # OSC or MIDI, from another thread
        for page in (one, two):
            assert (await heard(page, "settings"))["settings"]["strength"] == 0.75


async def test_a_ping_brings_the_clock_that_frames_are_stamped_by(http: Http) -> None:
    async with http.ws_connect("/api/live") as page, http.ws_connect("/api/live") as other:
        for ref in (7, 0):
            before = SystemClock().now_ns() / 1e6
            await page.send_json({"type": "ping", "id": ref})
            pong = await heard(page, "pong")
            assert pong["id"] == ref
            assert before <= pong["now_ms"] <= SystemClock().now_ns() / 1e6
        for _ in range(3):
            assert (await asyncio.wait_for(other.receive_json(), SOON))["type"] != "pong"


async def test_stats_come_by_themselves(http: Http) -> None:
    async with http.ws_connect("/api/live") as page:
        assert (await heard(page, "stats"))["stats"]["peers"]["pages"] == 1


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ("{", "not JSON"),
        ("[]", "must be a JSON object"),
        ("{}", "type"),
        ('{"type": "patch"}', "changes"),
        ('{"type": "ping"}', "id: must be a whole number"),
        ('{"type": "ping", "id": true}', "not True"),
        ('{"type": "ping", "id": {"a": [1]}}', "whole number"),
        ('{"type": "patch", "changes": {"strength": 7}, "id": 5}', "strength"),
        ('{"type": "patch", "changes": {"nothing": 7}, "id": "a"}', "nothing"),
    ],
)
async def test_an_error_is_for_who_made_it_and_the_socket_lives(
    http: Http, live: LiveSettings, sent: str, words: str
) -> None:
    async with http.ws_connect("/api/live") as one, http.ws_connect("/api/live") as two:
        await one.send_str(sent)
        error = await heard(one, "error")
        assert words in error["error"]
        assert error["code"]
        assert error["id"] == (json.loads(sent).get("id") if sent.startswith('{"') else None)
        await one.send_bytes(b"\x00")
        assert "binary" in (await heard(one, "error"))["error"]
        await one.send_json({"type": "patch", "changes": {"strength": 0.1}})
        kinds = set()
        while True:
            message = await asyncio.wait_for(two.receive_json(), SOON)
            kinds.add(message["type"])
            if message["type"] == "settings" and message["settings"]["strength"] == 0.1:
                break
        assert "error" not in kinds


async def test_a_message_too_long_ends_its_own_socket_only(http: Http) -> None:
    async with http.ws_connect("/api/live") as one, http.ws_connect("/api/live") as two:
        await one.send_str("x" * 100_000)
        async with asyncio.timeout(SOON):
            while (message := await one.receive()).type is WSMsgType.TEXT:
                pass
        assert message.type is WSMsgType.CLOSE
        assert message.data == 1009
        await heard(two, "stats")


async def test_an_outbox_never_grows() -> None:
    outbox = Outbox()
    for n in range(1000):
        outbox.put("settings", f"s{n}")
        outbox.put("stats", f"t{n}")
        outbox.reply(f"r{n}")
    waiting = await outbox.take()
    assert waiting[:2] == ["s999", "t999"]
    assert len(waiting) == 2 + REPLIES
    assert waiting[-1] == "r999"


async def test_a_page_that_goes_is_forgotten(http: Http) -> None:
    page = await http.ws_connect("/api/live")
    await heard(page, "stats")
    await page.close()
    pages = None
    async with asyncio.timeout(SOON):
        while pages != 0:
            pages = (await (await http.get("/api/stats")).json())["peers"]["pages"]


async def test_pages_hear_that_the_server_stops(http: Http) -> None:
    page = await http.ws_connect("/api/live")
    await heard(page, "settings")
    stopping = asyncio.create_task(http.server.close())
    async with asyncio.timeout(SOON):
        while (message := await page.receive()).type is WSMsgType.TEXT:
            pass
    assert (message.type, message.data, message.extra) == (WSMsgType.CLOSE, 1001, "the server is stopping")
    await page.close()
    await stopping
    await until(lambda: page.closed)

"""Switching networks by HTTP, and what pages hear of it."""

import asyncio

import pytest

from hallucinate.control.live_settings import LiveSettings
from tests.stream.foreign import SOON, Http, ScriptedLoop, heard


async def test_the_networks_are_listed_and_the_one_that_dreams_is_marked(http: Http) -> None:
    rows = await (await http.get("/api/networks")).json()
    assert rows == [{"name": "motif", "current": True}, {"name": "vgg16", "current": False}]


async def test_a_network_is_requested_and_pages_hear_when_it_dreams(
    http: Http, loop: ScriptedLoop, live: LiveSettings
) -> None:
    async with http.ws_connect("/api/live") as one, http.ws_connect("/api/live") as two:
        reply = await http.post("/api/network", json={"network": "vgg16"})
        assert reply.status == 202
        assert await reply.json() == {"name": "motif", "loading": "vgg16", "share": None, "error": ""}
        busy = await http.post("/api/network", json={"network": "motif"})
        assert busy.status == 409
        assert "'vgg16' is being loaded" in (await busy.json())["error"]
        assert (await (await http.get("/api/about")).json())["network"] == "motif"
        await asyncio.wait_for(asyncio.to_thread(loop.networks.done), SOON)
        for page in (one, two):
            message = await heard(page, "network")
            assert message["network"] == "vgg16"
            assert message["version"] == "0"
        assert (await (await http.get("/api/about")).json())["network"] == "vgg16"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"network": "vgg61"}, "did you mean 'vgg16'"),
        ({"network": 5}, "give a name of GET /api/networks"),
        ({}, "give a name of GET /api/networks"),
        ({"network": "vgg16", "more": 1}, "give a name of GET /api/networks"),
        ([], "must be a JSON object"),
    ],
)
async def test_an_unknown_network_is_refused(http: Http, loop: ScriptedLoop, body: object, words: str) -> None:
    reply = await http.post("/api/network", json=body)
    assert reply.status == 400
    assert words in (await reply.json())["error"]
    assert not loop.networks.requested


async def test_who_must_not_change_anything_must_not_change_the_network(http: Http, loop: ScriptedLoop) -> None:
    reply = await http.post(
        "/api/network", json={"network": "vgg16"}, headers={"Origin": "https://elsewhere.example.org"}
    )
    assert reply.status == 403
    assert not loop.networks.requested
    assert (await http.get("/api/network")).status == 405

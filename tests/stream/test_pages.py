"""What is served beside the stream: pages, facts, the schema, and the headers on all of it."""

import pytest

from hallucinate.control.live_settings import LiveSettings
from hallucinate.statistics import Statistics
from hallucinate.status import SourceStatus
from tests.stream.foreign import Http


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "text/html"),
        ("/index.html", "text/html"),
        ("/headset", "text/html"),
        ("/js/watch.js", "text/javascript"),
    ],
)
async def test_pages(http: Http, path: str, kind: str) -> None:
    reply = await http.get(path)
    assert (reply.status, reply.content_type) == (200, kind)
    assert reply.headers["Cache-Control"] == "no-cache"
    assert reply.headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'self'" in reply.headers["Content-Security-Policy"]
    assert "camera=(self)" in reply.headers["Permissions-Policy"]


async def test_a_page_that_has_not_changed_is_not_sent_again(http: Http) -> None:
    first = await http.get("/js/watch.js")
    again = await http.get("/js/watch.js", headers={"If-None-Match": first.headers["ETag"]})
    assert again.status == 304


async def test_facts_schema_and_settings(http: Http, live: LiveSettings) -> None:
    assert (await (await http.get("/api/about")).json())["motifs"] == {"eye": "seeing"}
    assert await (await http.get("/api/schema")).json() == live.schema()
    reply = await http.patch("/api/settings", json={"strength": 0.5, "motifs": {"spiral": 1}})
    assert reply.status == 200
    assert (await reply.json()) == await (await http.get("/api/settings")).json() == live.current.model_dump()
    assert live.current.motifs == {"spiral": 1.0}


async def test_stats(http: Http) -> None:
    answer = await (await http.get("/api/stats")).json()
    statistics = Statistics.model_validate(answer)
    assert (statistics.loop.fps, statistics.loop.status) == (24.0, SourceStatus.LIVE)
    assert answer["encoding"]["rungs"] == []
    assert answer["peers"].items() >= {"viewers": 0, "guests": 0, "pages": 0}.items()
    assert set(answer["peers"]["failed"].values()) == {0}

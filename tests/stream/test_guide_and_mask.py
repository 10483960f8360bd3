"""A guide and a mask, handed in over HTTP."""

import io

import cv2
import numpy as np
import pytest

from hallucinate.stream.guide_and_mask import MAX_BYTES
from tests.stream.foreign import Http, ScriptedLoop


def png(height: int = 20, width: int = 30, value: tuple[int, int, int] = (10, 20, 200)) -> bytes:
    picture = np.full((height, width, 3), value[::-1], np.uint8)
    return bytes(cv2.imencode(".png", picture)[1])


@pytest.mark.parametrize("kind", ["guide", "mask"])
async def test_a_picture_is_put_looked_at_and_taken_away(http: Http, loop: ScriptedLoop, kind: str) -> None:
    path = f"/api/{kind}"
    assert (await http.get(path)).status == 404
    reply = await http.put(path, data=png())
    assert (reply.status, await reply.json()) == (200, {"picture": kind, "width": 30, "height": 20})
    picture = loop.pictures[kind]
    assert picture is not None
    assert picture[0, 0].tolist() == [10, 20, 200]
    copy = await (await http.get(path)).read()
    decoded = cv2.imdecode(np.frombuffer(copy, np.uint8), 1)
    assert decoded is not None
    assert np.abs(decoded[5, 5].astype(int) - (200, 20, 10)).max() < 6
    assert (await http.delete(path)).status == 204
    assert loop.pictures[kind] is None
    assert (await http.get(path)).status == 404


@pytest.mark.parametrize("body", [b"", b"hello", b"\x89PNG\r\n\x1a\n" + bytes(40), png()[:60]], ids=len)
async def test_what_is_not_a_picture_is_refused_in_one_line(http: Http, loop: ScriptedLoop, body: bytes) -> None:
    reply = await http.put("/api/guide", data=body)
    assert reply.status == 400
    assert "is not a picture" in (await reply.json())["error"]
    assert "guide" not in loop.pictures


async def test_too_large_a_file_or_a_picture_is_refused(http: Http, loop: ScriptedLoop) -> None:
    reply = await http.put("/api/mask", data=io.BytesIO(bytes(MAX_BYTES + 1)))
    assert reply.status == 413
    assert "16384 KiB" in (await reply.json())["error"]
    bomb = bytes(cv2.imencode(".png", np.zeros((9000, 9000), np.uint8))[1])
    assert len(bomb) < 200_000
    reply = await http.put("/api/mask", data=bomb)
    assert reply.status == 400
    assert "81 megapixels" in (await reply.json())["error"]
    assert loop.pictures == {}

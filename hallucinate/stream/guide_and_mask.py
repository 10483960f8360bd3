"""Pictures that people hand in: a guide to dream of, a mask of where to dream."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import cv2
from aiohttp import web

from hallucinate.errors import SourceUnavailable
from hallucinate.frame import Picture, shrunk
from hallucinate.settings import PICTURES
from hallucinate.sources.picture import read_picture
from hallucinate.stream.loop_api import LoopApi

MAX_BYTES = 16 * 1024 * 1024
MAX_PIXELS = 50_000_000
COPY_PX = 512
"""The longer side, at most, of the copy that is sent back."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def picture_routes(loop: LoopApi) -> dict[str, dict[str, Handler]]:
    """``/api/guide`` and ``/api/mask``: PUT a picture file, GET a small copy, DELETE it."""
    return {f"/api/{kind}": _routes(loop, kind) for kind in PICTURES}


def _routes(loop: LoopApi, kind: str) -> dict[str, Handler]:
    async def put(request: web.Request) -> web.Response:
        """Take a picture file as this picture; answers with its size."""
        # On another thread: 50 megapixels take seconds, and the packets to all who watch leave from this one.
        picture = await asyncio.to_thread(read_picture, await _body(request), f"the {kind}", MAX_PIXELS)
        await asyncio.to_thread(loop.set_picture, kind, picture)
        return web.json_response({"picture": kind, "width": picture.shape[1], "height": picture.shape[0]})

    async def get(request: web.Request) -> web.Response:
        """A small copy of this picture, JPEG."""
        picture = loop.picture_of(kind)
        if picture is None:
            raise web.HTTPNotFound(text=f"there is no {kind} picture; PUT one")
        return web.Response(body=await asyncio.to_thread(small_copy, picture), content_type="image/jpeg")

    async def delete(request: web.Request) -> web.Response:
        """Take this picture away; nothing dreams of it any more."""
        loop.set_picture(kind, None)
        return web.Response(status=204)

    return {"PUT": put, "GET": get, "DELETE": delete}


async def _body(request: web.Request) -> bytes:
    # Not ``request.read()``, which has the other routes' limit.
    parts, size = [], 0
    async for part in request.content.iter_chunked(1 << 16):
        size += len(part)
        if size > MAX_BYTES:
            raise web.HTTPRequestEntityTooLarge(MAX_BYTES, size)
        parts.append(part)
    return b"".join(parts)


def small_copy(picture: Picture) -> bytes:
    """uint8 RGB (H, W, 3) -> a JPEG of at most COPY_PX. Raises SourceUnavailable where it cannot be made."""
    scale = min(1.0, COPY_PX / max(picture.shape[:2]))
    small = shrunk(picture, *(max(1, round(n * scale)) for n in picture.shape[1::-1]))
    done, data = cv2.imencode(".jpg", cv2.cvtColor(small, cv2.COLOR_RGB2BGR))
    if not done:
        raise SourceUnavailable("the picture cannot be made into a JPEG; hand in another")
    return bytes(data)

"""The real loop behind the real server, and a camera that fails under a viewer's eyes."""

import asyncio
import contextlib
import threading
from pathlib import Path

from aiohttp.test_utils import TestClient, TestServer

from hallucinate.clock import SystemClock
from hallucinate.control.live_settings import LiveSettings
from hallucinate.dream.dreamer import Dreamer
from hallucinate.errors import SourceError
from hallucinate.frame import Frame
from hallucinate.loop import Loop
from hallucinate.settings import Settings
from hallucinate.sources import SourceStatistics
from hallucinate.stream.access import Access
from hallucinate.stream.server import make_app
from tests.dream.networks import TinyNetwork
from tests.stream.foreign import BLUE, GREEN, SOON, Peer, looks, plain
from tests.stream.test_guests import Camera as Phone


class Camera:
    """Gives a blue picture until it is pulled out; plugged in again, it gives a green one."""

    name = "camera 0"
    statistics = SourceStatistics()
    unplugged, tried, plugged_in = threading.Event(), threading.Event(), threading.Event()

    def __init__(self) -> None:
        if self.unplugged.is_set() and not self.plugged_in.is_set():
            self.tried.set()
            raise SourceError("camera 0 did not open; is it unplugged?")
        self._closed = threading.Event()

    def read(self) -> Frame | None:
        self._closed.wait(1 / 25)
        if self.unplugged.is_set() and not self.plugged_in.is_set():
            raise SourceError("camera 0 stopped delivering frames")
        return Frame(plain(GREEN if self.plugged_in.is_set() else BLUE), SystemClock().now_ns())

    def set_fps(self, fps: float) -> None:
        pass

    def close(self) -> None:
        self._closed.set()


async def test_a_guest_who_turns_the_phone_is_dreamed_in_the_new_shape(pages: Path) -> None:
    live = LiveSettings(Settings(motifs={}, fps=25), TinyNetwork.motifs, TinyNetwork.layers)
    loop = Loop(None, Dreamer(TinyNetwork()).session(live.current), live, SystemClock(), (320, 180))
    phone = Phone(plain(GREEN, 180, 320))
    with contextlib.closing(loop):
        loop.start()
        async with TestClient(TestServer(make_app(loop, live, Access(), {}, pages))) as http:
            guest = Peer(http)
            guest.pc.addTransceiver(phone, direction="sendonly")
            await guest.post("/whip")
            viewer = await Peer(http).watch()
            await viewer.frame_that(lambda frame: looks(frame, GREEN) and (frame.width, frame.height) == (180, 320))
            phone.picture = plain(BLUE, 320, 180)
            await viewer.frame_that(lambda frame: looks(frame, BLUE) and (frame.width, frame.height) == (320, 180))
            assert (await (await http.get("/api/about")).json())["size"] == [320, 180]
            phone.picture = plain(GREEN, 2, 600)
            await viewer.frame_that(lambda frame: looks(frame, GREEN) and (frame.width, frame.height) == (64, 1280))
            assert (await (await http.get("/api/stats")).json())["encoding"]["failures"] == 0
            await guest.pc.close()
            await viewer.pc.close()


async def test_a_camera_fails_and_returns_and_the_viewer_stays(pages: Path) -> None:
    live = LiveSettings(Settings(motifs={}, fps=25), TinyNetwork.motifs, TinyNetwork.layers)
    loop = Loop(Camera, Dreamer(TinyNetwork()).session(live.current), live, SystemClock(), (320, 180))
    with contextlib.closing(loop):
        loop.start()
        async with TestClient(TestServer(make_app(loop, live, Access(), {}, pages))) as http:
            viewer = await Peer(http).watch()
            await viewer.frame_that(lambda frame: looks(frame, BLUE))
            Camera.unplugged.set()
            assert await asyncio.to_thread(Camera.tried.wait, SOON)
            stats = await (await http.get("/api/stats")).json()
            assert stats["loop"]["status"] == "reconnecting"
            assert "camera 0" in stats["loop"]["status_text"]
            for _ in range(5):  # the last picture lives on
                assert looks(await viewer.frame(), BLUE)
            Camera.plugged_in.set()
            await viewer.frame_that(lambda frame: looks(frame, GREEN))
            assert viewer.pc.connectionState == "connected"
            assert not viewer.closed.is_set()
            await viewer.pc.close()

"""The headset page on made panoramas: in the emulated headset (iwer), and without one."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio
from aiohttp import web
from playwright.async_api import Browser, BrowserContext, ViewportSize, async_playwright

from hallucinate.control.live_settings import LiveSettings, Snapshot
from hallucinate.frame import Picture
from hallucinate.settings import Settings
from hallucinate.stream.access import Access
from hallucinate.stream.host_names import Names
from hallucinate.stream.server import make_app
from hallucinate.stream.tls import self_signed
from tests.browser.conftest import CHROMIUM, FLAGS, ServerProcess
from tests.browser.viewer import WAIT_S, Viewer, decoded
from tests.stream.foreign import Painter, ScriptedLoop

pytestmark = pytest.mark.asyncio(loop_scope="session")

IWER = Path(__file__).parent / "vendor" / "iwer" / "iwer.min.js"
HEADSET = """
window.device = new IWER.XRDevice(IWER.metaQuest3, { stereoEnabled: true, visibilityMask: null, fovy: Math.PI / 2 });
window.device.installRuntime({ forceInstall: true });
window.device.controllers.left.connected = false;
"""
DRAWING = ["--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
BY_NAME = "dream.test"
"""A name that leads here, and by which a page is no secure context."""

SIZE: ViewportSize = {"width": 480, "height": 240}  # drawn without a graphics card: each eye is 240 × 240
COLOURS = {
    "red": (210, 40, 40),
    "green": (40, 180, 50),
    "blue": (50, 60, 210),
    "yellow": (220, 200, 40),
    "white": (235, 235, 235),
    "black": (12, 12, 12),
    "violet": (170, 40, 180),
    "cyan": (40, 190, 200),
}
MONO = {"projection": "equirect", "layout": "mono"}
STEREO = {"projection": "equirect", "layout": "top-bottom"}


def sphere(front: str = "red", width: int = 512) -> Picture:
    """Equirectangular: front, green to the right, blue behind, yellow to the left; white above, black below."""
    height = width // 2
    picture = np.zeros((height, width, 3), np.uint8)
    for n, name in enumerate(("blue", "yellow", front, "green", "blue")):  # from behind, over the left, to behind
        left, right = int((n * 0.25 - 0.125) * width), int((n * 0.25 + 0.125) * width)
        picture[:, max(0, left) : right] = COLOURS[name]
    picture[: height // 6] = COLOURS["white"]
    picture[-height // 6 :] = COLOURS["black"]
    return picture


def name_of(colour: np.ndarray) -> str:
    """The nearest of COLOURS, or "neutral" when it is none of them."""
    distances = {name: float(np.abs(colour - np.array(value)).max()) for name, value in COLOURS.items()}
    nearest = min(distances, key=lambda name: distances[name])
    return nearest if distances[nearest] < (10 if nearest == "black" else 40) else "neutral"


class Served:
    """The server on a scripted stage, with facts of its own."""

    def __init__(self, panorama: dict[str, str] | None) -> None:
        self.loop = ScriptedLoop()
        self.live = LiveSettings(Settings(strength=0.3), ("eye", "spiral", "shell"), ("conv1",))
        self.facts: dict[str, object] = {"motifs": [{"name": name, "family": ""} for name in self.live.motifs]}
        if panorama is not None:
            self.facts["panorama"] = panorama
        self.painter: Painter | None = None
        self.access = Access(names=[BY_NAME])
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def show(self, picture: Picture) -> None:
        """From now on, at a camera's pace."""
        self.stall()
        self.painter = Painter(self.loop.main.stage)
        self.painter.dream = self.painter.camera = picture
        self.painter.start()

    async def until_settings(self, so: Callable[[Settings], bool]) -> None:
        """Wait until somebody has changed the settings so."""
        changed, events = asyncio.Event(), asyncio.get_running_loop()

        def hear(snapshot: Snapshot) -> None:
            if so(snapshot.settings):
                events.call_soon_threadsafe(changed.set)

        end = self.live.listen(hear)
        if not so(self.live.current):
            await asyncio.wait_for(changed.wait(), WAIT_S)
        end()

    def stall(self) -> None:
        """No more frames; the connection stays."""
        if self.painter is not None:
            self.painter.stop()
        self.painter = None


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """One that draws in three dimensions without a graphics card."""
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine")
    flags = [flag for flag in FLAGS if flag != "--disable-gpu"]
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(
            executable_path=CHROMIUM, args=[*flags, *DRAWING, f"--host-resolver-rules=MAP {BY_NAME} 127.0.0.1"]
        )
        yield chromium
        await chromium.close()


Serve = Callable[..., Awaitable[Served]]


@pytest_asyncio.fixture(loop_scope="session")
async def serve() -> AsyncIterator[Serve]:
    """Serves this picture; panorama: as in /api/about, None for an ordinary picture."""
    running: list[tuple[Served, web.AppRunner]] = []

    async def serve_one(
        picture: Picture, panorama: dict[str, str] | None = None, tls: ssl.SSLContext | None = None
    ) -> Served:
        served = Served(panorama)
        pages = Path(__file__).parents[2] / "web"
        runner = web.AppRunner(make_app(served.loop, served.live, served.access, served.facts, pages))
        running.append((served, runner))
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
        served.port = runner.addresses[0][1]
        served.show(picture)
        return served

    yield serve_one
    for served, runner in running:
        served.stall()
        await runner.cleanup()


class Wearer(Viewer):
    """Somebody on the headset page."""

    async def enter(self) -> None:
        await self.until("!document.getElementById('enter').hidden")
        await self.page.click("#enter")
        await self.until("window.device.activeSession && document.body.classList.contains('inside')")

    async def seen(self) -> Picture:
        """What is on the screen: uint8 RGB (H, W, 3); in the headset the left eye's picture is its left half."""
        return decoded(await self.page.screenshot())

    async def eyes(self) -> tuple[str, str]:
        """The colours that the two eyes look at, straight ahead, above the panel."""
        seen = await self.seen()
        height, width = seen.shape[:2]
        at = slice(int(height * 0.40), int(height * 0.44))
        left, right = (
            seen[at, int(width * x) - 6 : int(width * x) + 6].astype(float).mean((0, 1)) for x in (0.25, 0.75)
        )
        return name_of(left), name_of(right)

    async def until_eyes(self, left: str, right: str) -> None:
        found = None
        try:
            async with asyncio.timeout(WAIT_S):
                while (found := await self.eyes()) != (left, right):
                    pass
        except TimeoutError:
            raise AssertionError(f"the eyes see {found}, not {(left, right)}") from None

    async def until_ahead(self, colour: str) -> None:
        """On the page: the colour ahead, above the bar."""
        async with asyncio.timeout(WAIT_S):
            while True:
                seen = await self.seen()
                middle = seen[seen.shape[0] // 4 :, seen.shape[1] // 2 - 4 :][:8, :8]
                if name_of(middle.astype(float).mean((0, 1))) == colour:
                    return

    async def turn_head(self, yaw: float, pitch: float = 0.0) -> None:
        """Degrees, to the left and up."""
        await self.page.evaluate(
            "([yaw, pitch]) => window.device.quaternion.copy(IWER.eulerToQuat({ yaw, pitch, roll: 0 }))", [yaw, pitch]
        )

    async def point(self, x: float, y: float) -> None:
        """Point the right hand at a place of the panel, 0 to 1 from its top left, the head looking ahead."""
        script = """([x, y]) => {
          const { position } = window.device;
          const [wide, high, away, below] = [0.78, 0.78 * 620 / 960, 1.05, 0.42];
          // The panel faces the eyes, so it is tilted back by this much.
          const tilt = Math.atan2(below, away);
          const [right, up] = [(x - 0.5) * wide, (0.5 - y) * high];
          const to = { x: right, y: -below + up * Math.cos(tilt), z: -away - up * Math.sin(tilt) };
          const { primaryInputMode, hands, controllers } = window.device;
          const hand = (primaryInputMode === 'hand' ? hands : controllers).right;
          hand.position.set(position.x + 0.2, position.y - 0.4, position.z - 0.2);
          const d = { x: to.x - 0.2, y: to.y + 0.4, z: to.z + 0.2 };
          const yaw = Math.atan2(-d.x, -d.z) * 180 / Math.PI;
          const pitch = Math.atan2(d.y, Math.hypot(d.x, d.z)) * 180 / Math.PI;
          hand.quaternion.copy(IWER.eulerToQuat({ yaw, pitch, roll: 0 }));
        }"""
        await self.page.evaluate(script, [x, y])
        await self.frames_drawn(3)

    async def press(self, x: float, y: float) -> None:
        """Point and press, with the trigger or by a pinch."""
        await self.point(x, y)
        for value in (1, 0):
            await self.page.evaluate(
                """(value) => window.device.primaryInputMode === 'hand'
                  ? window.device.hands.right.updatePinchValue(value)
                  : window.device.controllers.right.updateButtonValue('trigger', value)""",
                value,
            )
            await self.frames_drawn(3)

    async def frames_drawn(self, count: int) -> None:
        script = """(count) => new Promise((done) => {
          const session = window.device?.activeSession ?? window;
          session.addEventListener('end', done);  // what was pressed may end it
          const next = () => { count -= 1; count < 0 ? done() : session.requestAnimationFrame(next); };
          next();
        })"""
        await asyncio.wait_for(self.page.evaluate(script, count), WAIT_S)


OpenPage = Callable[..., Awaitable[Wearer]]


@pytest_asyncio.fixture(loop_scope="session")
async def open_page(browser: Browser) -> AsyncIterator[OpenPage]:
    """Opens /headset, with an emulated headset or without; at the end nothing went wrong in any."""
    contexts: list[BrowserContext] = []
    wearers: list[tuple[Wearer, str]] = []

    async def open_one(
        url: str, headset: bool = False, before: str = "", forgive: str = "$.", token: str = ""
    ) -> Wearer:
        context = await browser.new_context(viewport=SIZE, ignore_https_errors=True)
        contexts.append(context)
        if headset:
            await context.add_init_script(IWER.read_text() + HEADSET)
        if before:
            await context.add_init_script(before)
        wearer = Wearer(await context.new_page())
        wearers.append((wearer, forgive))
        if token:
            await wearer.page.goto(f"{url}/?token={token}")
        await wearer.page.goto(f"{url}/headset")
        await wearer.until("!document.getElementById('start').disabled")
        await wearer.start()
        return wearer

    yield open_one
    for context in contexts:
        await context.close()
    ours = r"GPU stall due to ReadPixels|GL Driver Message"  # what taking screenshots costs, says Chromium
    for wearer, forgive in wearers:
        assert [error for error in wearer.errors if not re.search(f"{forgive}|{ours}", error)] == []


async def test_both_eyes_see_the_sphere_and_turning_the_head_turns_the_view(serve: Serve, open_page: OpenPage) -> None:
    served = await serve(sphere(), MONO)
    wearer = await open_page(served.url, headset=True)
    await wearer.enter()
    await wearer.until_eyes("red", "red")
    for yaw, pitch, colour in (
        (-90, 0, "green"),
        (90, 0, "yellow"),
        (179, 0, "blue"),
        (0, 80, "white"),
        (0, -80, "black"),
    ):
        await wearer.turn_head(yaw, pitch)
        await wearer.until_eyes(colour, colour)


async def test_a_step_of_the_codec_behind_one_is_spread(serve: Serve, open_page: OpenPage) -> None:
    picture = np.full((256, 512, 3), 100, np.uint8)
    picture[:, 256:] = 140
    served = await serve(picture, MONO)
    wearer = await open_page(served.url, headset=True)
    await wearer.enter()
    await wearer.turn_head(180)
    async with asyncio.timeout(WAIT_S):
        while True:
            seen = (await wearer.seen()).astype(float).mean(2)
            row = seen[90:110, 40:200].mean(0)  # of the left eye, above the panel
            if row.max() - row.min() > 30:  # the step is in sight
                break
    assert np.abs(np.diff(row)).max() < 4


async def test_each_eye_sees_its_own_half(serve: Serve, open_page: OpenPage) -> None:
    served = await serve(np.concatenate([sphere("red"), sphere("violet")]), STEREO)
    wearer = await open_page(served.url, headset=True)
    await wearer.until_ahead("red")  # without the headset, the left eye's
    await wearer.enter()
    await wearer.until_eyes("red", "violet")
    await wearer.turn_head(-90)
    await wearer.until_eyes("green", "green")


async def test_half_a_sphere_side_by_side_has_nothing_behind(serve: Serve, open_page: OpenPage) -> None:
    halves = [np.full((256, 256, 3), COLOURS[name], np.uint8) for name in ("cyan", "yellow")]
    served = await serve(np.concatenate(halves, axis=1), {"projection": "half-equirect", "layout": "side-by-side"})
    wearer = await open_page(served.url, headset=True)
    await wearer.enter()
    await wearer.until_eyes("cyan", "yellow")
    await wearer.turn_head(180)
    await wearer.until_eyes("neutral", "neutral")


async def test_around_an_ordinary_picture_it_is_dark(serve: Serve, open_page: OpenPage) -> None:
    served = await serve(np.full((180, 320, 3), COLOURS["cyan"], np.uint8))
    wearer = await open_page(served.url, headset=True)
    await wearer.enter()
    await wearer.until_eyes("cyan", "cyan")
    await wearer.turn_head(120)
    await wearer.until_eyes("black", "black")


async def test_a_stall_fades_to_neutral_and_back(serve: Serve, open_page: OpenPage) -> None:
    served = await serve(sphere(), MONO)
    wearer = await open_page(served.url, headset=True)
    await wearer.enter()
    await wearer.until_eyes("red", "red")
    served.stall()
    await wearer.until_eyes("neutral", "neutral")
    await wearer.turn_head(-90)  # the display goes on at its own rate
    served.show(sphere())
    await wearer.until_eyes("green", "green")


@pytest.mark.parametrize("mode", ["controller", "hand"])
async def test_the_panel_changes_strength_and_motif(serve: Serve, open_page: OpenPage, mode: str) -> None:
    served = await serve(sphere(), MONO)
    wearer = await open_page(served.url, headset=True)
    await wearer.page.evaluate("(mode) => { window.device.primaryInputMode = mode; }", mode)
    await wearer.enter()
    await wearer.until_eyes("red", "red")
    await wearer.press(0.75, 0.3)
    await wearer.until("document.getElementById('strength').value > 0.7")
    await served.until_settings(lambda settings: 0.7 < settings.strength < 0.9)
    await wearer.press(0.9, 0.565)
    await served.until_settings(lambda settings: settings.motifs == {"spiral": 1.0})
    # What is moved elsewhere moves here.
    served.live.patch({"strength": 0.1})
    await wearer.until("document.getElementById('strength').value < 0.2")


async def test_a_motif_is_all_that_is_dreamed_of_after_layers(serve: Serve, open_page: OpenPage) -> None:
    served = await serve(sphere(), MONO)
    served.live.patch({"motifs": {}, "layers": {"conv1": 1}})
    wearer = await open_page(served.url)
    await wearer.until("!document.getElementById('knobs').disabled")
    await wearer.page.select_option("#motif", "spiral")
    await served.until_settings(lambda now: now.motifs == {"spiral": 1.0} and not now.layers)


async def test_on_a_phone_the_buttons_are_in_one_row(serve: Serve, open_page: OpenPage) -> None:
    served = await serve(sphere(), MONO)
    wearer = await open_page(served.url)
    await wearer.page.set_viewport_size({"width": 390, "height": 844})
    await wearer.page.evaluate("() => { document.getElementById('tilt').hidden = false; }")
    tops = "new Set([...document.querySelectorAll('.tools > :not([hidden])')].map((each) => each.offsetTop)).size"
    await wearer.until(f"{tops} === 1")


@pytest.mark.parametrize("size", [(390, 844), (844, 390)])
async def test_a_notice_covers_no_words_or_control(serve: Serve, open_page: OpenPage, size: tuple[int, int]) -> None:
    served = await serve(sphere(), MONO)
    wearer = await open_page(served.url)
    await wearer.page.set_viewport_size({"width": size[0], "height": size[1]})
    await wearer.page.evaluate("""() => {
      document.getElementById('notice-words').textContent = 'The dream of this link is over. This is the main one.';
      document.getElementById('notice').hidden = false;
    }""")
    under = """[...document.querySelectorAll('#stop, #state, #how, #knobs, .tools > *')].filter((each) => {
      const [a, b] = [each, document.getElementById('notice')].map((one) => one.getBoundingClientRect());
      return each.checkVisibility() && a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
    }).map(({ id }) => id)"""
    assert await wearer.page.evaluate(f"() => {under}") == []


async def test_recentre_turns_the_front_to_where_one_looks(serve: Serve, open_page: OpenPage) -> None:
    served = await serve(sphere(), MONO)
    wearer = await open_page(served.url, headset=True)
    await wearer.enter()
    await wearer.turn_head(-90)
    await wearer.until_eyes("green", "green")
    await wearer.page.evaluate("() => document.getElementById('recentre').click()")
    await wearer.until_eyes("red", "red")


async def test_leaving_by_the_panel_keeps_the_stream(serve: Serve, open_page: OpenPage) -> None:
    served = await serve(sphere(), MONO)
    wearer = await open_page(served.url, headset=True)
    await wearer.enter()
    await wearer.until_eyes("red", "red")
    await wearer.press(0.73, 0.85)
    await wearer.until("!window.device.activeSession && !document.body.classList.contains('inside')")
    await wearer.until_state("live")
    await wearer.until_ahead("red")
    assert await wearer.page.evaluate("() => document.activeElement.id") == "enter"
    await wearer.enter()  # and in again
    await wearer.until_eyes("red", "red")


async def test_a_headset_that_leaves_mid_session(serve: Serve, open_page: OpenPage) -> None:
    served = await serve(sphere(), MONO)
    wearer = await open_page(served.url, headset=True)
    await wearer.enter()
    await wearer.until_eyes("red", "red")
    await wearer.page.evaluate("() => window.device.updateVisibilityState('hidden')")
    await wearer.page.evaluate("() => window.device.activeSession.end()")
    await wearer.until("!document.body.classList.contains('inside')")
    await wearer.until_ahead("red")
    await wearer.frames(2)
    assert await wearer.page.evaluate("() => document.body.dataset.state") == "live"


async def test_without_a_headset_drag_and_keys_look_around(serve: Serve, open_page: OpenPage) -> None:
    served = await serve(sphere(), MONO)
    wearer = await open_page(served.url)
    await wearer.until_ahead("red")
    assert await wearer.page.inner_text("#how")
    assert not await wearer.page.is_visible("#enter")

    await wearer.page.mouse.move(400, 60)
    await wearer.page.mouse.down()
    await wearer.page.mouse.move(100, 60, steps=4)  # 300 pixels of 72 / 240 degrees: 90 to the right
    await wearer.page.mouse.up()
    await wearer.until_ahead("green")
    await wearer.page.keyboard.press("Home")
    await wearer.until_ahead("red")
    await wearer.page.keyboard.down("ArrowLeft")
    await wearer.until_ahead("yellow")
    await wearer.page.keyboard.up("ArrowLeft")

    await wearer.page.keyboard.press("Escape")
    await wearer.until_state("stopped")
    assert not await wearer.page.is_visible("#view")


async def test_a_page_that_is_not_secure_says_what_to_do(serve: Serve, open_page: OpenPage) -> None:
    served = await serve(sphere(), MONO)
    wearer = await open_page(f"http://{BY_NAME}:{served.port}", headset=True, token=served.access.token)
    await wearer.until_ahead("red")
    assert "--tls" in await wearer.page.inner_text("#how")
    assert await wearer.page.get_attribute("#how a", "href") == f"https://{BY_NAME}:{served.port}/headset"
    assert not await wearer.page.is_visible("#enter")


WEAK_DECODER = """
navigator.mediaCapabilities.decodingInfo = async ({ video }) => ({
  supported: true, smooth: video.width <= 1280, powerEfficient: video.contentType.startsWith('video/VP8'),
});"""


async def test_the_request_is_for_what_the_device_decodes(serve: Serve, open_page: OpenPage) -> None:
    served = await serve(sphere(width=2048), MONO)
    wearer = await open_page(served.url, before=WEAK_DECODER)
    await wearer.until("document.getElementById('picture').videoWidth === 1280")
    able = await open_page(served.url, before=WEAK_DECODER.replace("video.width <= 1280", "true"))
    await able.until("document.getElementById('picture').videoWidth === 2048")
    assert await able.page.evaluate("() => document.getElementById('picture').videoHeight") == 1024


async def test_layers_fall_back_to_the_sphere(serve: Serve, open_page: OpenPage) -> None:
    served = await serve(sphere(), MONO)
    wearer = await open_page(served.url, headset=True)
    await wearer.page.goto(f"{served.url}/headset?layers=1")
    await wearer.until("!document.getElementById('start').disabled")
    await wearer.start()
    await wearer.enter()
    await wearer.until_eyes("red", "red")
    await wearer.until_notice("layers")


async def test_a_link_to_a_dream_that_is_over_leads_to_the_main_one(serve: Serve, open_page: OpenPage) -> None:
    served = await serve(sphere(), MONO)
    wearer = await open_page(served.url, forgive="404")
    await wearer.page.goto(f"{served.url}/headset?dream=viewer-99")
    await wearer.until("!document.getElementById('start').disabled")
    await wearer.page.click("#start")
    await wearer.until_notice("dream-over")
    await wearer.until_ahead("red")


async def test_over_https_the_headset_is_offered_by_any_name(serve: Serve, open_page: OpenPage, tmp_path: Path) -> None:
    names = Names((BY_NAME,), ("127.0.0.1",))
    served = await serve(sphere(), MONO, self_signed(tmp_path / "tls.pem", names, datetime.now(UTC)))
    wearer = await open_page(f"https://{BY_NAME}:{served.port}", headset=True, token=served.access.token)
    await wearer.enter()
    await wearer.until_eyes("red", "red")
    await wearer.until("!document.getElementById('knobs').disabled")  # by WSS


async def test_the_scene_all_round_is_dreamed_and_seen_in_the_headset(open_page: OpenPage) -> None:
    """From the source to the eyes, by the whole program."""
    server = ServerProcess("--source", "scene:panorama", "--size", "512x256", "--dream-width", "160", "--fps", "8")
    await server.start()
    try:
        wearer = await open_page(server.url, headset=True)
        about = await wearer.page.evaluate("async () => (await fetch('/api/about')).json()")
        assert about["panorama"] == MONO
        await wearer.enter()
        await wearer.until_state("live")
        before: dict[tuple[int, int], Picture] = {}
        for direction in ((0, 90), (0, -90), (180, 0)):
            await wearer.turn_head(*direction)
            async with asyncio.timeout(WAIT_S):
                while (seen := (await wearer.seen())[:100]).std() < 12 or any(alike(seen, b) for b in before.values()):
                    pass
            before[direction] = seen
        above, below = (before[0, pitch].astype(float).mean((0, 1)) for pitch in (90, -90))
        assert above[2] > above[0]  # the sky is blue
        assert below[1] > below[2]  # and the meadow green
        assert alike(seen[:, :240], seen[:, 240:])  # a picture for one eye is for both
        # Dreamed: with no strength something else is seen.
        await wearer.page.evaluate(
            "() => fetch('/api/settings', { method: 'PATCH', body: JSON.stringify({ strength: 0 }) })"
        )
        async with asyncio.timeout(WAIT_S):
            while alike((await wearer.seen())[:100], seen):
                pass
    finally:
        await server.kill()


def alike(one: Picture, other: Picture) -> bool:
    """As the same moment of the same view is."""
    return float(np.abs(one.astype(float) - other).mean()) < 10

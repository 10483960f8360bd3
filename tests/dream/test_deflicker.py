"""Light that flickers, and light that only changes."""

import math

import cv2
import numpy as np
import pytest

from hallucinate.dream.deflicker import FARTHEST, Light, brightened, followed, with_gain
from hallucinate.dream.flow import Flow
from hallucinate.dream.session import Session
from hallucinate.frame import Frame, Picture
from hallucinate.settings import Settings
from tests.dream.sessions import POINT, SETTINGS, dream, new_session, world

FPS = 25


def luma(x: int = 0, light: float = 1.0, noise: int = 0) -> Picture:
    """A window into a landscape, 256×144, of such brightness, with a webcam's noise."""
    picture = cv2.cvtColor(np.ascontiguousarray(world()[:, x : x + 256]), cv2.COLOR_RGB2GRAY) * light
    picture = picture + np.random.default_rng(noise).normal(0, 2, picture.shape)
    return np.clip(picture, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("light", [0.7, 0.85, 0.97, 1.1])
def test_a_change_of_light_is_measured(light: float) -> None:
    assert brightened(luma(), luma(0, light, 1), None) == pytest.approx(math.log(light), abs=0.01)


def test_what_moves_is_no_change_of_light_and_hides_none_where_its_motion_is_known() -> None:
    old, moved = luma(), luma(12, 1.0, 1)
    assert brightened(old, luma(0, 1.0, 1), None) == 0.0
    assert brightened(old, moved, None) == 0.0
    assert brightened(old, moved, Flow().between(old, moved)) == 0.0
    darker = luma(12, 0.8, 1)
    assert brightened(old, darker, None) == 0.0
    assert brightened(old, darker, Flow().between(old, darker)) == pytest.approx(math.log(0.8), abs=0.02)


def test_a_lamp_on_a_part_of_it_is_no_change_of_all_light() -> None:
    part = luma()
    part[:, :100] = np.clip(part[:, :100] * 1.5, 0, 255)
    assert brightened(luma(), part, None) == 0.0
    assert brightened(luma(0, 0.05), luma(0, 0.1), None) == 0.0  # too dark to tell


DAY = Light()


def after(changes: list[float], light: Light = DAY, start: int = 0) -> list[Light]:
    """The light after each of some changes, a frame each."""
    gone = []
    for n, change in enumerate(changes, start):
        light = followed(light, change, n / FPS, 1 / FPS)
        gone.append(light)
    return gone


def test_only_light_that_goes_up_and_down_again_is_evened_out() -> None:
    for changes in ([-0.05] * 25, [0.7, *[0.0] * 25], [*[-0.04] * 20, *[0.04] * 20]):  # a fade, a lamp, a cloud
        assert all(light.lag == 0.0 for light in after(changes))
    flicker = [0.16, 0.0, -0.16, 0.0] * 12
    seen = np.cumsum(flicker)
    corrected = seen + [light.lag for light in after(flicker)]
    assert np.ptp(seen[8:]) > 0.15
    assert np.abs(np.diff(corrected[8:])).max() < 0.005


def test_when_the_flicker_has_ended_the_light_is_the_cameras_own() -> None:
    *_, last = after([0.16, -0.16] * 15)
    assert abs(last.lag) > 0.01
    *_, still = after([0.0] * 40, last, 30)
    assert abs(still.lag) < 0.001
    assert still.turned_s == ()


def test_a_strobe_is_evened_out_only_so_far() -> None:
    assert max(abs(light.lag) for light in after([1.2, -1.2] * 20)) <= FARTHEST


def test_a_picture_is_multiplied_and_cut_off_at_white() -> None:
    picture = np.array([[0, 100, 240]], np.uint8)
    assert with_gain(picture, 1.1).tolist() == [[0, 110, 255]]
    assert with_gain(picture, 1.001) is picture


def means(settings: Settings, lights: list[float], session: Session | None = None) -> list[float]:
    """How bright a dream is on a still camera whose light goes so."""
    session, still = session or new_session(), world()[:, :256] * 0.8
    frames = [Frame((still * light).astype(np.uint8), round(n / FPS * 1e9)) for n, light in enumerate(lights)]
    return [float(dream(session, frame, settings, POINT).mean()) for frame in frames]


FLICKER = [1.0, 1.0, 0.85, 0.85] * 10


@pytest.mark.parametrize("motion_compensation", [True, False])
def test_a_dream_on_a_flickering_camera_does_not_flicker(motion_compensation: bool) -> None:
    settings = SETTINGS.model_copy(update={"motion_compensation": motion_compensation})
    steady = np.abs(np.diff(means(settings, FLICKER)[8:])).max()
    as_seen = np.abs(np.diff(means(settings.model_copy(update={"deflicker": False}), FLICKER)[8:])).max()
    assert as_seen > 10
    assert steady < 1


def test_a_flicker_moves_nothing_that_was_dreamed() -> None:
    session = new_session()
    means(SETTINGS, FLICKER, session)
    darker = (world()[:, :256] * 0.8 * 0.9).astype(np.uint8)
    change, _ = session.change(Frame(darker, round(len(FLICKER) / FPS * 1e9)))
    assert change.motion is None


def test_what_is_not_dreamed_on_stays_as_the_camera_saw_it() -> None:
    camera = world()[:, :256] * 0.8
    bright, dark = ((camera * light).astype(np.uint8).mean() for light in (1.0, 0.85))
    updates: tuple[dict[str, object], ...] = ({"strength": 0.0}, {"layers": {}})
    for changes in updates:
        found = means(SETTINGS.model_copy(update=changes), FLICKER)
        assert found[-4:] == pytest.approx([bright, bright, dark, dark])
    assert means(SETTINGS, [0.7] * 20 + [1.0])[-1] == pytest.approx(bright, abs=0.5)  # a lamp is switched on

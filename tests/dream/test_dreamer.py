"""The dreamer on a scripted camera and a tiny network: what the residual does from frame to frame."""

import cv2
import numpy as np
import pytest
import torch

from hallucinate.dream.dreamer import Dreamer
from hallucinate.dream.flow import Flow, Motion
from hallucinate.dream.hallucination import Hallucination
from hallucinate.dream.residual import FARTHEST, distance, grey
from hallucinate.dream.strength import read_strength_calibration
from hallucinate.files import shipped
from hallucinate.frame import Frame, OperatingPoint, Picture
from hallucinate.networks.registry import open_network
from hallucinate.settings import Settings
from hallucinate.sources.scene import filmed
from tests.dream.networks import TinyNetwork

POINT = OperatingPoint(128, 1)
SETTINGS = Settings(motifs={}, layers={"second": 1.0}, strength=0.6, growth_s=0.5, half_life_s=2.0)


def world(seed: int = 0) -> Picture:
    noise = np.random.default_rng(seed).integers(0, 256, (144, 400, 3), dtype=np.uint8)
    return cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 4), None, 40, 215, cv2.NORM_MINMAX)


def run(
    dreamer: Dreamer,
    frames: int,
    fps: float = 25,
    settings: Settings = SETTINGS,
    point: OperatingPoint = POINT,
    pan: int = 0,
    start: int = 0,
) -> tuple[Picture, Picture]:
    """The last camera picture and its dream, after so many frames of a camera that pans by ``pan`` px per frame."""
    wide = world()
    camera = dreamed = wide[:, :256]
    for n in range(start, start + frames):
        camera = np.ascontiguousarray(wide[:, n * pan : n * pan + 256])
        dreamed = dreamer.dream(Frame(camera, int(n / fps * 1e9)), settings, point)
    return camera, dreamed


def new_dreamer() -> Dreamer:
    return Dreamer(TinyNetwork(), torch.device("cpu"))


def apart(a: Picture, b: Picture) -> float:
    return float(np.sqrt(np.mean((a.astype(np.float64) - b) ** 2)) / 255)


def test_a_dream_has_the_cameras_size_and_grows_to_its_strength() -> None:
    camera, dreamed = run(new_dreamer(), 50)
    assert dreamed.shape == camera.shape
    assert dreamed.dtype == np.uint8
    # Enlarging softens the residual a little and 8 bits clip it, so less than the full distance, but near.
    assert 0.7 * 0.6 * FARTHEST < apart(camera, dreamed) <= 0.6 * FARTHEST * 1.02


def test_strength_0_is_the_cameras_own_picture_to_the_bit() -> None:
    camera, dreamed = run(new_dreamer(), 10, settings=SETTINGS.model_copy(update={"strength": 0.0}))
    assert np.array_equal(camera, dreamed)


def test_asking_for_nothing_leaves_the_picture_alone() -> None:
    nothing = Settings(motifs={"light": 0.0})
    camera, dreamed = run(new_dreamer(), 10, settings=nothing)
    assert np.array_equal(camera, dreamed)


def test_equal_strength_goes_equally_far_whatever_is_dreamed() -> None:
    found = [
        apart(*run(new_dreamer(), 75, settings=SETTINGS.model_copy(update={"layers": {layer: 1.0}})))
        for layer in ("first", "second")
    ]
    assert found[0] == pytest.approx(found[1], rel=0.15)


def test_growth_is_in_seconds_whatever_the_frame_rate() -> None:
    # Both 0.5 s, well before the full distance; one octave and no jitter, so that all steps go the same way.
    settings = SETTINGS.model_copy(update={"octaves": 1, "jitter": 0, "growth_s": 2.0})
    slow = apart(*run(new_dreamer(), 7, fps=12, settings=settings))
    fast = apart(*run(new_dreamer(), 16, fps=30, settings=settings))
    assert slow == pytest.approx(fast, rel=0.25)


def test_12_and_30_frames_a_second_look_alike() -> None:
    """The network in the box, a scene that moves, two seconds: as far from the camera, as coarse, as much of an eye."""
    network = open_network("motif", torch.device("cpu"), torch.float32)
    settings, found = Settings(motifs={"eye": 1.0}), {}
    for fps in (12, 30):
        dreamer = Dreamer(network, torch.device("cpu"))
        for frame in filmed(2.0, fps=fps):
            dreamed = dreamer.dream(frame, settings, OperatingPoint(192, 1))
        r = cv2.resize((dreamed.astype(np.float32) - frame.picture) / 255, (192, 108), interpolation=cv2.INTER_AREA)
        power = np.abs(np.fft.rfft2(r.mean(2))) ** 2
        waves = np.hypot(*np.meshgrid(np.fft.rfftfreq(192), np.fft.fftfreq(108)))
        bands = [power[(waves >= low) & (waves < 2 * low)].sum() / power.sum() for low in (0.02, 0.04, 0.08, 0.16)]
        seen = torch.from_numpy(dreamed.copy()).permute(2, 0, 1)[None] / 255
        small = torch.nn.functional.interpolate(seen, size=(108, 192), mode="area")
        eyes = network.forward(small).softmax(1)[0, network.motifs.index("eye")].mean().item()
        found[fps] = (apart(frame.picture, dreamed), bands, eyes)
    slow, fast = found[12], found[30]
    assert slow[0] == pytest.approx(fast[0], rel=0.1)
    assert slow[1] == pytest.approx(fast[1], abs=0.1)
    assert slow[2] == pytest.approx(fast[2], abs=0.12)
    assert min(slow[2], fast[2]) > 0.3


def test_what_is_dreamed_fades_by_half_in_a_half_life() -> None:
    dreamer = new_dreamer()
    camera, before = run(dreamer, 50)
    nothing = Settings(motifs={}, half_life_s=2.0)
    _, after = run(dreamer, 50, settings=nothing, start=50)  # 2 s at 25 fps
    assert apart(camera, after) == pytest.approx(apart(camera, before) / 2, rel=0.1)


def test_asking_for_something_else_lets_the_old_go_quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    def left_after_half_a_second() -> float:
        dreamer = new_dreamer()
        settings = SETTINGS.model_copy(update={"layers": {"first": 1.0}, "half_life_s": 60.0})
        camera, before = run(dreamer, 50, settings=settings)
        old = (before.astype(np.float64) - camera).ravel()
        camera, after = run(dreamer, 13, settings=settings.model_copy(update={"layers": {"second": 1.0}}), start=50)
        assert apart(camera, after) > 0.03  # the new one is on its way
        return float(np.dot((after.astype(np.float64) - camera).ravel(), old) / np.dot(old, old))

    quickly = left_after_half_a_second()
    monkeypatch.setattr("hallucinate.dream.hallucination.LETTING_GO_S", 60.0)
    # The two layers want partly the same, so not all of what is left is of the old one.
    assert quickly < 0.7 * left_after_half_a_second()


def test_a_motif_that_joins_the_mix_does_not_push_the_others_out() -> None:
    dreamer = new_dreamer()
    alone, mixed = Settings(motifs={"light": 1.0}), Settings(motifs={"light": 1.0, "dark": 0.2})
    for n, settings in enumerate([alone] * 30 + [mixed] * 2):
        frame = Frame(world()[:, :256], int(n / 25 * 1e9))
        dreamer.dream(frame, settings, POINT)
        assert dreamer._alone._half_life_s(frame, settings) == (0.15 if n < 8 else 1.5)


def test_the_hallucination_goes_with_what_it_was_dreamed_on() -> None:
    dreamer = new_dreamer()
    camera, before = run(dreamer, 25, pan=2)
    there = before.astype(np.int16) - camera
    nothing = Settings(motifs={}, half_life_s=60)
    camera, after = run(dreamer, 10, settings=nothing, pan=2, start=25)
    here = after.astype(np.int16) - camera
    moved, stayed = here[20:-20, 30:180], there[20:-20, 50:200]  # 10 frames of 2 px
    alike = np.corrcoef(moved.ravel(), stayed.ravel())[0, 1]
    unlike = np.corrcoef(moved.ravel(), there[20:-20, 30:180].ravel())[0, 1]
    assert alike > 0.85
    assert alike > unlike + 0.3


def test_no_brightness_or_colour_cast() -> None:
    camera, dreamed = run(new_dreamer(), 100)
    assert np.abs(dreamed.mean((0, 1)) - camera.mean((0, 1))).max() < 0.01 * 255


def test_one_bad_number_clears_the_residual_and_is_counted() -> None:
    class Sick(TinyNetwork):
        sick = False

        def activations(self, x: torch.Tensor, layer: str) -> torch.Tensor:
            return super().activations(x, layer) * (float("nan") if self.sick else 1.0)

    network = Sick()
    dreamer = Dreamer(network, torch.device("cpu"))
    run(dreamer, 5)
    network.sick = True
    camera, dreamed = run(dreamer, 1, start=5)
    assert np.array_equal(camera, dreamed)
    assert dreamer.cleared == 1
    network.sick = False
    camera, dreamed = run(dreamer, 20, start=6)
    assert apart(camera, dreamed) > 0.02
    assert dreamer.cleared == 1


def test_the_size_may_change_between_frames() -> None:
    dreamer = new_dreamer()
    _, before = run(dreamer, 25)
    camera, after = run(dreamer, 1, point=OperatingPoint(96, 2), start=25)
    assert apart(after, before) < 0.5 * apart(camera, before)  # carried over, not begun anew
    other = Frame(np.zeros((100, 100, 3), np.uint8), 10**10)
    assert dreamer.dream(other, SETTINGS, POINT).shape == (100, 100, 3)


def test_the_same_seed_dreams_the_same() -> None:
    assert np.array_equal(run(new_dreamer(), 10)[1], run(new_dreamer(), 10)[1])


def test_half_precision_dreams_alike() -> None:
    exact = run(new_dreamer(), 25)[1]
    half = run(Dreamer(TinyNetwork(torch.bfloat16), torch.device("cpu")), 25)[1]
    assert apart(exact, half) < 0.02


@pytest.mark.parametrize("on", [True, False], ids=["dreaming on", "asked for nothing"])
@pytest.mark.parametrize("motion_compensation", [True, False])
def test_after_a_cut_no_ghost_of_the_last_scene_is_left(motion_compensation: bool, on: bool) -> None:
    dreamer = new_dreamer()
    settings = SETTINGS.model_copy(update={"half_life_s": 60.0, "motion_compensation": motion_compensation})
    camera, before = run(dreamer, 50, settings=settings)
    ghost = (before.astype(np.float64) - camera).ravel()
    other = world(seed=9)[:, :256]
    asked = settings if on else settings.model_copy(update={"layers": {}})
    for n in range(50, 58):  # 0.28 s
        dreamed = dreamer.dream(Frame(other, int(n / 25 * 1e9)), asked, POINT)
    left = (dreamed.astype(np.float64) - other).ravel()
    assert abs(left @ ghost) < 0.1 * (ghost @ ghost)
    assert on == (np.linalg.norm(left) > 0.1 * np.linalg.norm(ghost))


def test_a_flicker_or_a_fast_pan_is_no_cut() -> None:
    for darker, pan in ((0.4, 0), (1.0, 9)):
        dreamer = new_dreamer()
        wide = world()
        settings = SETTINGS.model_copy(update={"half_life_s": 60.0})
        for n in range(14):
            camera = np.ascontiguousarray(wide[:, n * pan : n * pan + 256])
            camera = (camera * (darker if n % 2 else 1.0)).astype(np.uint8)
            dreamer.dream(Frame(camera, int(n / 25 * 1e9)), settings, POINT)
        assert dreamer._alone._cut_ns is None


def test_a_long_stall_does_not_end_in_a_leap() -> None:
    dreamer = new_dreamer()
    wide = world()[:, :256]
    dreamer.dream(Frame(wide, 0), SETTINGS, POINT)
    dreamed = dreamer.dream(Frame(wide, 60 * 10**9), SETTINGS, POINT)
    assert apart(wide, dreamed) < 0.6 * FARTHEST * 0.9


def test_several_cameras_are_dreamed_as_one_batch_each_with_its_own_residual() -> None:
    batches: list[int] = []

    class Counting(TinyNetwork):
        def activations(self, x: torch.Tensor, layer: str) -> torch.Tensor:
            batches.append(len(x))
            return super().activations(x, layer)

    settings = SETTINGS.model_copy(update={"octaves": 1, "jitter": 0})  # what is drawn by lot is drawn once for all
    wide = [world(seed) for seed in range(3)]
    together = Dreamer(Counting(), torch.device("cpu"))
    alone = [new_dreamer() for _ in wide]
    guests = [Hallucination() for _ in wide]
    for n in range(12):
        # One stands still, one pans, and one comes later.
        pans = (0, 2 * n, n)
        frames = [
            Frame(np.ascontiguousarray(w[:, pan : pan + 256]), int(n / 25 * 1e9))
            for w, pan in zip(wide, pans, strict=True)
        ]
        here = slice(0, 3 if n >= 4 else 2)
        found = together.together(list(zip(guests, frames, strict=True))[here], settings, POINT)
        expected = [d.dream(f, settings, POINT) for d, f in list(zip(alone, frames, strict=True))[here]]
        for a, b in zip(found, expected, strict=True):
            assert apart(a, b) < 0.5 / 255
    assert batches == [2] * 4 + [3] * 8
    assert all(apart(a, frame.picture) > 0.02 for a, frame in zip(found, frames, strict=True))


def test_cameras_of_other_sizes_are_dreamed_too() -> None:
    dreamer = new_dreamer()
    pair = [(Hallucination(), (256, 144)), (Hallucination(), (160, 120)), (Hallucination(), (256, 144))]
    for n in range(3):
        frames = [Frame(cv2.resize(world(k), size), n * 10**8) for k, (_, size) in enumerate(pair)]
        cameras = [(h, frame) for (h, _), frame in zip(pair, frames, strict=True)]
        found = dreamer.together(cameras, SETTINGS, POINT)
    assert [picture.shape for picture in found] == [frame.picture.shape for frame in frames]
    assert all(apart(a, frame.picture) > 0.005 for a, frame in zip(found, frames, strict=True))


def test_a_camera_that_stands_still_is_not_searched_for_motion_but_dreams_on(monkeypatch: pytest.MonkeyPatch) -> None:
    searched: list[int] = []
    between = Flow.between

    def counted(self: Flow, old: Picture, new: Picture, wraps: bool = False) -> Motion:
        searched.append(len(searched))
        return between(self, old, new, wraps)

    monkeypatch.setattr(Flow, "between", counted)
    grain, dreamer = np.random.default_rng(0), new_dreamer()
    still, dreams = world()[:, :256], []
    for n in range(20):
        noisy = np.clip(still + grain.normal(0, 2, still.shape), 0, 255).astype(np.uint8)
        dreams.append(dreamer.dream(Frame(noisy, int(n / 25 * 1e9)), SETTINGS, POINT))
    assert not searched
    assert apart(dreams[-1], still) > 2 * apart(dreams[4], still)
    run(dreamer, 2, start=20, pan=2)
    assert len(searched) == 2


def test_motion_too_slow_to_be_seen_from_frame_to_frame_adds_up() -> None:
    dreamer, wide = new_dreamer(), world()
    where = Settings(motifs={}, half_life_s=60)
    camera, before = run(dreamer, 25)
    there = before.astype(np.int16) - camera
    for n in range(60):  # a tenth of a pixel a frame
        move = np.array([[1, 0, -0.1 * (n + 1)], [0, 1, 0]], np.float32)
        camera = cv2.warpAffine(wide, move, (256, 144), flags=cv2.INTER_LINEAR)
        after = dreamer.dream(Frame(camera, int((25 + n) / 25 * 1e9)), where, POINT)
    here = after.astype(np.int16) - camera
    moved, stayed = here[20:-20, 30:200], there[20:-20, 36:206]
    alike = np.corrcoef(moved.ravel(), stayed.ravel())[0, 1]
    assert alike > 0.85
    assert alike > np.corrcoef(moved.ravel(), there[20:-20, 30:200].ravel())[0, 1] + 0.2


def test_colours_are_free_until_the_dream_has_settled_and_after_a_knob_moved() -> None:
    hallucination, still = Hallucination(), world()[:, :256]

    def fresh(seconds: float, settings: Settings = SETTINGS, picture: Picture = still) -> float:
        return hallucination.change(Frame(picture, int(seconds * 1e9)), settings).fresh

    assert fresh(0.0) == fresh(7.9) == 1.0
    assert fresh(8.1) == fresh(60.0) == 0.0
    louder = SETTINGS.model_copy(update={"strength": 0.7})
    assert fresh(60.1, louder) == fresh(68.0, louder) == 1.0
    assert fresh(68.2, louder) == 0.0
    slow = SETTINGS.model_copy(update={"growth_s": 10.0})
    assert fresh(70.0, slow) == fresh(89.9, slow) == 1.0
    assert fresh(90.1, slow) == 0.0


def test_colours_come_anew_with_what_was_hidden_and_with_a_cut() -> None:
    dreamer, wide = new_dreamer(), world()
    run(dreamer, 250)  # ten seconds
    assert dreamer._alone._last is not None
    assert dreamer._alone._last[1].fresh == 0.0
    dreamer.dream(Frame(np.ascontiguousarray(wide[:, 12:268]), int(10.04e9)), SETTINGS, POINT)
    assert 0 < dreamer._alone._last[1].fresh < 0.3
    dreamer.dream(Frame(np.ascontiguousarray(world(9)[:, :256]), int(10.08e9)), SETTINGS, POINT)
    assert dreamer._alone._last[1].fresh == 1.0


def test_a_settled_dreams_light_and_shade_go_no_further_than_they_went() -> None:
    dreamer = new_dreamer()
    creeping = SETTINGS.model_copy(update={"growth_s": 4.0, "half_life_s": 4.0, "strength": 1.0})
    reached = []
    for start, frames in ((0, 201), (201, 100)):  # at 8 s it has settled
        run(dreamer, frames, settings=creeping, start=start)
        assert dreamer._alone.carried is not None
        reached.append(distance(grey(dreamer._alone.carried.residual)).item())
    assert reached[0] > 0.02
    assert 0.95 * reached[0] < reached[1] <= 1.01 * reached[0]


def test_a_settled_dream_that_sank_comes_back_to_how_far_it_went() -> None:
    dreamer, far = new_dreamer(), []
    slow = SETTINGS.model_copy(update={"growth_s": 20.0, "half_life_s": 60.0})
    for start, frames in ((0, 1050), (1050, 1), (1051, 12)):  # at 40 s it has settled
        run(dreamer, frames, settings=slow, start=start)
        carried = dreamer._alone.carried
        assert carried is not None
        far.append(distance(grey(carried.residual)).item())
        if len(far) == 1:
            dreamer._alone.carried = carried._replace(residual=0.85 * carried.residual)
    assert far[0] > 0.02
    assert far[1] < 0.9 * far[0]
    assert far[2] == pytest.approx(far[0], rel=0.01)


@pytest.mark.parametrize("interval", [2, 3])
def test_a_dream_with_a_longer_step_interval_grows_as_fast_and_ends_where_it_does(interval: int) -> None:
    network = open_network("motif", torch.device("cpu"), torch.float32)
    measured = read_strength_calibration(shipped("calibration") / "strength" / "motif.json")

    def grown(interval: int) -> list[float]:
        dreamer, found = Dreamer(network, torch.device("cpu"), calibration=measured), []
        for n, frame in enumerate(filmed(1.3, fps=24.0, size=(192, 108))):
            point = OperatingPoint(96, 0 if n % interval else 1)
            found.append(apart(frame.picture, dreamer.dream(frame, Settings(), point)))
        return [found[12], found[30]]  # both just after steps

    assert grown(interval) == pytest.approx(grown(1), rel=0.1)

import cv2
import numpy as np
import pytest
import torch

from hallucinate.dream.octaves import SMALLEST, dream_size, octave_sizes
from hallucinate.dream.residual import (
    BROAD,
    CROWDED,
    FARTHEST,
    balanced,
    distance,
    fade,
    hold_colour,
    limit_crowding,
    limit_rms,
    luma,
    orthogonal_to_camera,
)


def test_the_half_life_is_the_time_to_a_half_at_every_frame_rate() -> None:
    for fps in (12, 25, 60):
        share = 1.0
        for _ in range(fps * 2):
            share *= fade(1 / fps, half_life_s=2.0)
        assert share == pytest.approx(0.5)


def test_a_clock_that_stands_still_fades_nothing() -> None:
    assert fade(0.0, 1.0) == 1.0
    assert fade(-1.0, 1.0) == 1.0


@pytest.mark.parametrize("limit", [0.0, 0.1, FARTHEST])
def test_no_residual_goes_further_than_its_limit(limit: float) -> None:
    r = torch.randn(1, 3, 20, 30, generator=torch.Generator().manual_seed(0))
    assert distance(limit_rms(r, limit)).item() == pytest.approx(limit, abs=1e-6)


def test_a_residual_may_be_judged_by_its_luma_and_then_its_contrast_is_held() -> None:
    r = torch.randn(1, 3, 20, 30, generator=torch.Generator().manual_seed(0))
    grey = luma(r)
    for colour in (0.2, 0.4, 0.6):
        found = limit_rms(grey + colour * (r - grey), 0.1, 0.7)
        assert distance(luma(found)).item() == pytest.approx(0.07, rel=1e-4)
    only_colour = limit_rms(r - grey, 0.1, 0.7)
    assert distance(only_colour).item() == pytest.approx(0.1 / 0.9, rel=1e-4)


def test_a_residual_may_be_lifted_to_its_bound_by_so_much() -> None:
    r = torch.randn(1, 3, 20, 30, generator=torch.Generator().manual_seed(0))
    r = r / distance(r)
    for limit, expected in ((1.01, 1.01), (1.5, 1.02), (0.9, 0.9)):
        assert distance(limit_rms(r, limit, lift=1.02)).item() == pytest.approx(expected, abs=1e-5)
    assert limit_rms(torch.zeros(1, 3, 4, 4), 0.1, lift=1.02).abs().max() == 0


def test_a_residual_within_its_limit_stays_as_it_is() -> None:
    r = torch.full((1, 3, 4, 4), 0.01)
    assert torch.equal(limit_rms(r, FARTHEST), r)
    assert torch.equal(limit_rms(torch.zeros(1, 3, 4, 4), 0.0), torch.zeros(1, 3, 4, 4))


@pytest.mark.parametrize("size", [(90, 160), (37, 32), (48, 200)])
def test_balanced_takes_the_broadest_cosine_waves_away_and_nothing_else(size: tuple[int, int]) -> None:
    """Against a discrete cosine transform by another library, in float64."""
    r = torch.randn(1, 3, *size, generator=torch.Generator().manual_seed(0)) + 1
    fine = balanced(r)
    assert fine.mean((2, 3)).abs().max() < 1e-5
    down, across = (max(1, round(n * BROAD / max(size))) for n in size)
    for channel in range(3):
        even = [n - n % 2 for n in size]  # what OpenCV transforms
        if even == list(size):
            found, plain = (cv2.dct(x[0, channel].double().numpy()) for x in (fine, r))
            assert np.abs(found[:down, :across]).max() < 1e-4
            found[:down, :across] = plain[:down, :across]
            assert np.allclose(found, plain, atol=1e-4)
    assert torch.allclose(balanced(fine), fine, atol=1e-5)  # once is enough: a residual does not wear away


def test_the_residual_is_orthogonal_to_the_cameras_picture() -> None:
    generator = torch.Generator().manual_seed(0)
    camera = torch.rand(1, 3, 48, 64, generator=generator)
    r = orthogonal_to_camera(balanced(torch.randn(1, 3, 48, 64, generator=generator) + 0.5 * camera), camera)
    for channel in range(3):
        c, x = (t[0, channel].double().numpy().ravel() for t in (camera, r))
        assert abs(np.dot(c - c.mean(), x)) < 1e-4 * np.linalg.norm(c) * np.linalg.norm(x)
        assert np.var(c + x) == pytest.approx(np.var(c) + np.var(x), rel=1e-4)
    assert torch.allclose(balanced(r), r, atol=1e-5)
    assert torch.allclose(orthogonal_to_camera(r, camera), r, atol=1e-6)  # once is enough
    flat = torch.full_like(camera, 0.4)
    assert torch.allclose(orthogonal_to_camera(r, flat), r, atol=1e-4)


def test_what_crowds_into_one_spot_is_turned_down_there_and_nowhere_else() -> None:
    r = 0.1 * torch.randn(1, 3, 90, 160, generator=torch.Generator().manual_seed(0))
    r[:, :, 30:60, 60:90] *= 20
    found = limit_crowding(r, 0.6 * FARTHEST)
    assert distance(found[:, :, 35:55, 65:85]) < 1.3 * CROWDED * 0.6 * FARTHEST
    assert torch.equal(found[..., :40], r[..., :40])
    assert torch.equal(limit_crowding(r / 20, 0.6 * FARTHEST), r / 20)
    assert torch.equal(limit_crowding(torch.zeros_like(r), 0.0), torch.zeros_like(r))


def test_octaves_run_from_coarse_to_fine_and_end_at_the_finest() -> None:
    assert octave_sizes(180, 320, 320, 3, 1.5) == [(80, 142), (120, 213), (180, 320)]
    assert octave_sizes(180, 320, 160, 2, 2.0) == [(45, 80), (90, 160)]


def test_octaves_finer_than_the_dream_are_as_fine_as_it_and_never_two_alike() -> None:
    assert octave_sizes(180, 320, 640, 3, 2.0) == [(90, 160), (180, 320)]
    assert octave_sizes(90, 160, 640, 3, 2.0) == [(90, 160)]


def test_octaves_stay_as_large_on_the_picture_when_the_dream_shrinks() -> None:
    """What the governor does to the width moves no motif's size, as long as the finest fits."""
    shares = [[w / width for _, w in octave_sizes(width * 9 // 16, width, 200, 3, 1.4)] for width in (480, 352, 224)]
    wides = [[round(w) for _, w in octave_sizes(width * 9 // 16, width, 200, 3, 1.4)] for width in (480, 352, 224)]
    assert wides[0] == wides[1] == wides[2] == [102, 143, 200]
    assert shares[0][-1] < shares[2][-1]


def test_octaves_too_small_for_the_network_are_not_there() -> None:
    sizes = octave_sizes(72, 128, 128, 6, 1.5)
    assert sizes[-1] == (72, 128)
    assert all(min(size) >= SMALLEST for size in sizes)
    assert len(sizes) == len(set(sizes))


def test_a_dream_has_the_frames_shape_and_never_enlarges_it() -> None:
    assert dream_size(360, 640, 320) == (180, 320)
    assert dream_size(48, 64, 320) == (48, 64)
    assert min(dream_size(100, 2000, 128)) >= SMALLEST


def colour_added(camera: torch.Tensor, residual: torch.Tensor) -> float:
    """What a residual adds to the mean distance of the colours from luma, over its luma's size; in float64."""
    pictures = [x[0].double().numpy().transpose(1, 2, 0) for x in (camera, camera + residual)]
    greys = [cv2.cvtColor(x.astype(np.float32), cv2.COLOR_RGB2GRAY)[..., None] for x in pictures]
    plain, dreamed = (np.abs(x - grey).mean() for x, grey in zip(pictures, greys, strict=True))
    luma = residual[0].double().numpy().transpose(1, 2, 0) @ np.array([0.299, 0.587, 0.114])
    return float((dreamed - plain) / np.sqrt(np.mean(luma**2)))


def test_colour_that_is_new_stays_as_it_is_and_colour_that_is_not_is_held() -> None:
    generator = torch.Generator().manual_seed(0)
    camera, r = torch.rand(1, 3, 48, 64, generator=generator), 0.2 * torch.randn(1, 3, 48, 64, generator=generator)
    none, all_of_it = torch.zeros(1, 1, 1, 1), torch.ones(1, 1, 1, 1)
    nothing = torch.zeros(1, 3, 1, 1)
    free, held = hold_colour(r, camera, nothing, all_of_it)
    assert torch.allclose(free, r, atol=1e-6)
    assert held[0, 0].item() == pytest.approx(colour_added(camera, r), rel=1e-3)
    assert held[0, 2].item() == pytest.approx(distance(r).item())
    assert held[0, 1].item() == pytest.approx((distance(luma(r)) / distance(r)).item(), rel=1e-4)
    grey = luma(r)
    for more in (0.8, 1.25):
        creeping = grey + more * (r - grey)
        assert abs(colour_added(camera, creeping) / held[0, 0].item() - 1) > 0.1
        for _ in range(12):  # half a second of frames
            creeping, same = hold_colour(creeping, camera, held, none)
            assert torch.equal(same, held)
        assert colour_added(camera, creeping) == pytest.approx(held[0, 0].item(), rel=0.02)
        assert torch.allclose(luma(creeping), grey, atol=1e-5)


def test_colours_of_a_batch_are_held_each_by_itself() -> None:
    generator = torch.Generator().manual_seed(0)
    camera, r = (torch.rand(2, 3, 24, 32, generator=generator) - m for m in (0.0, 0.5))
    before, fresh = (
        torch.tensor([[0.3, 0.6, 0.1], [0.1, 0.5, 0.2]]).view(2, 3, 1, 1),
        torch.tensor([0.0, 0.5]).view(2, 1, 1, 1),
    )
    both = hold_colour(r, camera, before, fresh)
    for n in range(2):
        alone = hold_colour(r[n : n + 1], camera[n : n + 1], before[n : n + 1], fresh[n : n + 1])
        assert all(torch.allclose(a[n : n + 1], b, atol=1e-6) for a, b in zip(both, alone, strict=True))

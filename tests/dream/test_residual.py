import pytest
import torch

from hallucinate.dream.octaves import SMALLEST, dream_size, octave_sizes
from hallucinate.dream.residual import FARTHEST, balanced, distance, fade, within


def test_the_half_life_is_the_time_to_a_half_at_every_frame_rate() -> None:
    for fps in (12, 25, 60):
        left = 1.0
        for _ in range(fps * 2):
            left *= fade(1 / fps, half_life_s=2.0)
        assert left == pytest.approx(0.5)


def test_a_clock_that_stands_still_fades_nothing() -> None:
    assert fade(0.0, 1.0) == 1.0
    assert fade(-1.0, 1.0) == 1.0


@pytest.mark.parametrize("strength", [0.0, 0.3, 1.0])
def test_no_residual_goes_further_than_its_strength(strength: float) -> None:
    r = torch.randn(1, 3, 20, 30, generator=torch.Generator().manual_seed(0))
    assert distance(within(r, strength)).item() == pytest.approx(strength * FARTHEST, abs=1e-6)


def test_a_residual_within_bounds_is_left_as_it_is() -> None:
    r = torch.full((1, 3, 4, 4), 0.01)
    assert torch.equal(within(r, 1.0), r)
    assert torch.equal(within(torch.zeros(1, 3, 4, 4), 0.0), torch.zeros(1, 3, 4, 4))


def test_balanced_takes_each_channels_mean_away() -> None:
    r = torch.randn(1, 3, 8, 8, generator=torch.Generator().manual_seed(0)) + 1
    assert balanced(r).mean((2, 3)).abs().max() < 1e-6


def test_octaves_run_from_coarse_to_fine_and_end_at_the_picture() -> None:
    sizes = octave_sizes(180, 320, 3, 1.5)
    assert sizes == [(80, 142), (120, 213), (180, 320)]


def test_octaves_too_small_for_the_network_are_left_out() -> None:
    sizes = octave_sizes(72, 128, 6, 1.5)
    assert sizes[-1] == (72, 128)
    assert all(min(size) >= SMALLEST for size in sizes)
    assert len(sizes) == len(set(sizes))


def test_a_dream_has_the_frames_shape_and_never_enlarges_it() -> None:
    assert dream_size(360, 640, 320) == (180, 320)
    assert dream_size(48, 64, 320) == (48, 64)
    assert min(dream_size(100, 2000, 128)) >= SMALLEST

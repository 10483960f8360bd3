import numpy as np
import pytest
import torch

from hallucinate.frame import add_residual, fit, shrunk, to_luma, to_picture, to_tensor


def picture(height: int = 20, width: int = 30) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_there_and_back_is_exact_and_keeps_the_colours_in_order() -> None:
    rgb = picture()
    tensor = to_tensor(rgb, torch.device("cpu"))
    assert tensor.shape == (1, 3, 20, 30)
    assert tensor.dtype == torch.float32
    assert tensor[0, 0, 3, 4].item() == pytest.approx(rgb[3, 4, 0] / 255)
    assert np.array_equal(to_picture(tensor), rgb)


def test_to_picture_rounds_and_clamps() -> None:
    tensor = torch.tensor([-1.0, 0.499 / 255, 0.501 / 255, 2.0]).view(1, 1, 2, 2).expand(1, 3, 2, 2)
    assert to_picture(tensor)[..., 0].tolist() == [[0, 0], [1, 255]]


@pytest.mark.parametrize("size", [(64, 36), (30, 30), (100, 20), (7, 50), (300, 200)])
def test_fit_fills_the_size_without_stretching(size: tuple[int, int]) -> None:
    rings = np.zeros((200, 300, 3), np.uint8)
    y, x = np.mgrid[:200, :300]
    rings[(x - 149.5) ** 2 + (y - 99.5) ** 2 < 40**2] = 255
    found = fit(rings, *size)
    assert found.shape == (size[1], size[0], 3)
    bright = found[..., 0] > 127
    if 0 < bright.any(0).sum() < size[0] and bright.any(1).sum() < size[1]:
        assert abs(int(bright.any(0).sum()) - int(bright.any(1).sum())) <= 2  # still round


def test_luma_and_shrunk_have_the_requested_size() -> None:
    assert to_luma(picture(), 16, 12).shape == (12, 16)
    assert shrunk(picture(), 16, 12).shape == (12, 16, 3)


@pytest.mark.parametrize("size", [(20, 30), (7, 11)])
def test_a_residual_is_added_to_the_full_size_picture(size: tuple[int, int]) -> None:
    rgb = picture()
    assert np.array_equal(add_residual(rgb, torch.zeros(1, 3, *size)), rgb)
    lighter = add_residual(rgb, torch.full((1, 3, *size), 20 / 255))
    assert np.array_equal(lighter, np.minimum(rgb.astype(int) + 20, 255))
    assert not add_residual(rgb, torch.full((1, 3, *size), -2.0)).any()
    assert (add_residual(rgb, torch.full((1, 3, *size), 2.0)) == 255).all()

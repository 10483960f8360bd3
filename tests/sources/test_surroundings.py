import numpy as np
import pytest

from hallucinate.sources.surroundings import Surroundings

SIZE = (256, 128)


@pytest.fixture(scope="module")
def scene() -> Surroundings:
    return Surroundings(*SIZE, seed=0)


@pytest.mark.parametrize("t", [0.0, 7.3, 100.0])
def test_no_seam_where_the_picture_closes(scene: Surroundings, t: float) -> None:
    picture = scene.draw(t).astype(int)
    steps = np.abs(np.diff(np.concatenate([picture, picture[:, :1]], 1), axis=1)).mean((0, 2))
    assert steps[-1] <= np.quantile(steps[:-1], 0.95)


@pytest.mark.parametrize(("row", "halfway"), [(0, 32), (-1, -32)])
def test_straight_up_and_straight_down_are_one_place_each(scene: Surroundings, row: int, halfway: int) -> None:
    picture = scene.draw(3.0).astype(int)
    assert picture[row].std(0).mean() <= 0.6 * picture[halfway].std(0).mean()
    assert np.abs(np.diff(picture[row], axis=0)).max() <= 12  # a small circle of grass or sky, and no more


def test_it_moves_and_is_the_same_at_the_same_time(scene: Surroundings) -> None:
    first, later = scene.draw(1.0), scene.draw(1.5)
    assert first.shape == (128, 256, 3)
    assert 0.3 < np.abs(first.astype(int) - later).mean() < 20
    again = Surroundings(*SIZE, seed=0)
    np.testing.assert_array_equal(again.draw(1.0), first)

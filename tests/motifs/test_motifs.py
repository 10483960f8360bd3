import pytest
import torch

from hallucinate.motifs import MOTIFS, Pen
from hallucinate.motifs.compose import CELL, compose
from hallucinate.motifs.drawing import ramp, smooth


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("name", MOTIFS)
@pytest.mark.parametrize("size", [(48, 48), (40, 72)])
def test_each_motif_is_drawn_at_any_size_with_a_mask_of_where_it_is(name: str, size: tuple[int, int]) -> None:
    picture, mask = MOTIFS[name].draw(Pen(4, *size, generator()))
    assert picture.shape == (4, 3, *size)
    assert mask.shape == (4, *size)
    assert torch.isfinite(picture).all()
    assert picture.min() >= -0.01
    assert picture.max() <= 1.6  # light may overshine; a camera clips it
    assert mask.min() >= 0
    assert mask.max() <= 1
    assert mask.mean() > 0.1
    assert picture.std((1, 2, 3)).min() > 0.03  # none of them is blank


def test_one_seed_one_drawing() -> None:
    for motif in MOTIFS.values():
        first, again = (motif.draw(Pen(2, 32, 32, generator(3)))[0] for _ in range(2))
        other = motif.draw(Pen(2, 32, 32, generator(4)))[0]
        assert torch.equal(first, again)
        assert not torch.equal(first, other)


def test_nothing_outside_the_generator_is_left_to_chance() -> None:
    torch.manual_seed(0)
    first = compose(24, 32, generator(1))[0]
    torch.manual_seed(1)
    assert torch.equal(first, compose(24, 32, generator(1))[0])


def test_labels_say_what_fills_each_place() -> None:
    pictures, places = compose(480, 64, generator())
    assert pictures.shape == (480, 3, 64, 64)
    assert places.shape == (480, len(MOTIFS) + 1, 64 // CELL, 64 // CELL)
    assert pictures.min() >= 0
    assert pictures.max() <= 1
    assert torch.allclose(places.sum(1), torch.ones(480, 4, 4), atol=1e-5)
    share = places.mean((0, 2, 3))
    assert (share[:-1] > 0.004).all()  # every motif is there
    assert 0.1 < share[-1] < 0.5  # and so is nothing
    assert ((places[:, :-1] > 0.05).any(3).any(2).sum(1) > 1).float().mean() > 0.2  # some pictures hold several


def test_ramp_goes_through_its_colours() -> None:
    palette = torch.tensor([[[0.0, 0, 0], [1.0, 0, 0], [1.0, 1.0, 0]]])
    t = torch.tensor([[[0.0, 0.25, 0.5, 1.0]]])
    found = ramp(t, palette)[0, :, 0].T
    expected = torch.tensor([[0.0, 0, 0], [0.5, 0, 0], [1.0, 0, 0], [1.0, 1.0, 0]])
    assert torch.allclose(found, expected)


def test_smooth_runs_both_ways() -> None:
    x = torch.tensor([0.0, 0.5, 1.0])
    assert smooth(0.0, 1.0, x).tolist() == [0, 0.5, 1]
    assert smooth(1.0, 0.0, x).tolist() == [1, 0.5, 0]

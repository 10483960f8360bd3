"""Objectives against independent, slow ones in float64."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hallucinate.dream.ascent import combined_gradient, direction, gradient, normalised
from hallucinate.dream.objectives import GuideObjective, MotifsObjective, UnitObjective, features
from hallucinate.dream.priors import PLAIN, Shaping
from hallucinate.settings import Unit, read_unit
from tests.dream.networks import TinyNetwork
from tests.dream.test_ascent import noise
from tests.refusals import refused

EXACT, SLOW = TinyNetwork(), TinyNetwork(torch.float64)
RAW = Shaping(unchecked=False)


def slow_gradient(x: torch.Tensor, loss: object) -> torch.Tensor:
    x = x.double().requires_grad_(True)
    loss(x).backward()  # type: ignore[operator]
    assert x.grad is not None
    return x.grad / x.grad.abs().mean()


@pytest.mark.parametrize("centre", [False, True])
def test_a_channel_is_ascended_everywhere_and_a_neuron_at_the_centre(centre: bool) -> None:
    x = noise(48, 64)

    def loss(p: torch.Tensor) -> torch.Tensor:
        a = SLOW.activations(p, "first")[0, 3]
        return a[a.shape[0] // 2, a.shape[1] // 2] if centre else a.sum()

    found = direction(x, [UnitObjective(EXACT, Unit("first", 3, centre))], shaping=RAW)
    assert torch.allclose(found.double(), slow_gradient(x, loss), rtol=1e-3, atol=1e-4)
    if centre:  # and nowhere else
        assert (found.abs().sum(1) > 0).sum() <= 5 * 5


def test_units_are_named_as_people_write_them() -> None:
    assert read_unit("mixed4c") == Unit("mixed4c")
    assert read_unit("inception_4c/output:12") == Unit("inception_4c/output", 12)
    assert read_unit("mixed4c:12@centre") == Unit("mixed4c", 12, True)
    for wrong in ("", "a:b", "mixed4c@centre", "a:1:2", "a:-1"):
        with refused("setting_invalid", repr(wrong), "LAYER:CHANNEL"):
            read_unit(wrong)
    for written in ("mixed4c", "inception_4c/output:12", "mixed4c:12@centre"):
        assert UnitObjective(EXACT, read_unit(written)).name == written


def test_a_guide_is_followed_as_in_the_notebook() -> None:
    """The notebook's ``objective_guide``: A = xᵀ·y, dst.diff = y[:, A.argmax(1)]."""
    x, guide = noise(48, 64), noise(40, 56, seed=1)
    y = SLOW.activations(guide.double(), "second")[0].flatten(1).numpy()

    def loss(p: torch.Tensor) -> torch.Tensor:
        a = SLOW.activations(p, "second")[0].flatten(1)
        matches = a.detach().numpy().T @ y
        best = torch.from_numpy(y[:, matches.argmax(1)])
        return (a * best).sum()

    objective = GuideObjective(EXACT, "second", features(EXACT, "second", guide))
    found = direction(x, [objective], shaping=RAW)
    assert torch.allclose(found.double(), slow_gradient(x, loss), rtol=1e-4, atol=1e-4)


def test_a_guide_is_followed_by_each_picture_of_a_batch_alone() -> None:
    one, other = noise(48, 64), noise(48, 64, seed=2)
    objective = GuideObjective(EXACT, "second", features(EXACT, "second", noise(40, 56, seed=1)))
    both = direction(torch.cat([one, other]), [objective])
    assert torch.allclose(both[1:], direction(other, [objective]), rtol=1e-3, atol=1e-4)


def test_several_objectives_have_each_their_share_of_the_direction_whatever_their_loudness() -> None:
    x = noise(48, 64)

    class Quiet(MotifsObjective):
        def answer(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            logits, towards = super().answer(x)
            return logits, towards * 1e-3

    loud = UnitObjective(EXACT, Unit("first"))
    quiet = Quiet(EXACT, torch.tensor([1.0, 0.0]))
    both = combined_gradient(x, [loud, quiet], torch.tensor([0.25, 0.75]))
    parts = [normalised(gradient(x, objective)) for objective in (loud, quiet)]
    assert torch.allclose(both, 0.25 * parts[0] + 0.75 * parts[1], rtol=1e-4, atol=1e-5)
    assert np.isclose(direction(x, [loud, quiet], shares=torch.tensor([0.25, 0.75])).abs().mean(), 1, rtol=1e-3)
    assert torch.equal(direction(x, [loud], shares=torch.ones(1)), direction(x, [loud], shaping=PLAIN))


def test_an_objective_need_not_be_a_networks() -> None:
    class Brighter:
        name, key, tensor = "brighter", "brighter", None

        def with_tensor(self, tensor: torch.Tensor) -> Brighter:
            return self

        def for_part(self, centre: object, statistics: object) -> Brighter:
            return self

        def gradient(self, x: torch.Tensor) -> torch.Tensor:
            return torch.full_like(x, 5.0)

    assert torch.allclose(direction(noise(48, 64), [Brighter()]), torch.ones(1, 3, 48, 64), atol=1e-5)

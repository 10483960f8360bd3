"""A large picture's gradient, put together from tiles, is the one that the whole picture has."""

from __future__ import annotations

import pytest
import torch

from hallucinate.dream.objective_set import Guide, ObjectiveSet, compile_objectives
from hallucinate.dream.tiles import gradient_by_tiles, receptive_field, tiles
from hallucinate.frame import to_picture
from hallucinate.networks.registry import open_motif
from hallucinate.settings import Settings
from tests.dream.networks import TinyNetwork

CPU = torch.device("cpu")
REQUESTS: dict[str, dict[str, object]] = {
    "layer": {"motifs": {}, "layers": {"second": 1.0}},
    "layers": {"motifs": {}, "layers": {"second": 1.0, "first": 0.3}},
    "channel": {"motifs": {}, "layers": {"second:3": 1.0}},
    "neuron": {"motifs": {}, "layers": {"second:2@centre": 1.0}},
    "motif": {"motifs": {"light": 1.0}},
    "mix": {"motifs": {"light": 1.0, "dark": 0.8}},
    "guide": {"motifs": {}, "guide": 1.0},
    "all": {"motifs": {"light": 1.0, "dark": 0.8}, "layers": {"first:1": 0.5}, "guide": 0.5},
}


def objectives_for(knobs: dict[str, object]) -> ObjectiveSet:
    guide = Guide(to_picture(noise(48, 48, 5)))
    return compile_objectives(TinyNetwork(), Settings.model_validate(knobs), guide, CPU, bounded=False)


def noise(height: int, width: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(seed))


def test_tiles_cover_a_picture_once_and_begin_where_every_stride_does() -> None:
    found = torch.zeros(1, 1, 300, 500)
    parts = tiles(300, 500, 96, 40)
    for tile in parts:
        found[:, :, tile.core[0], tile.core[1]] += 1
        assert all(part.start % 32 == 0 for part in tile.seen)
    assert len(parts) == 4 * 6
    assert torch.equal(found, torch.ones_like(found))
    assert len(tiles(100, 100, 96, 40)) == 1


@pytest.mark.parametrize("knobs", REQUESTS.values(), ids=REQUESTS)
def test_put_together_from_tiles_it_is_the_whole_pictures_gradient(knobs: dict[str, object]) -> None:
    objectives, x = objectives_for(knobs), noise(208, 272)
    margin = receptive_field(objectives, CPU)
    parts = tiles(208, 272, 64, margin)
    assert len(parts) > 6
    whole = gradient_by_tiles(objectives, x, tiles(208, 272, 1024, margin))
    assert whole.abs().max() > 0
    assert torch.allclose(
        gradient_by_tiles(objectives, x, parts), whole, rtol=1e-4, atol=1e-6 * float(whole.abs().max())
    )


def test_a_receptive_field_is_as_large_as_it_is_measured() -> None:
    # A place of "second" sees 5 + 2 · (3 − 1) = 13 pixels, so a gradient is made of 12 or so on either side.
    assert 10 <= receptive_field(objectives_for(REQUESTS["layer"]), CPU) <= 16


def test_with_too_little_margin_there_would_be_a_seam() -> None:
    objectives, x = objectives_for(REQUESTS["layer"]), noise(208, 272)
    whole = gradient_by_tiles(objectives, x, tiles(208, 272, 1024, 0))
    cut = gradient_by_tiles(objectives, x, tiles(208, 272, 64, 0))
    assert (cut - whole).abs().max() > 0.01 * whole.abs().max()


@pytest.mark.parametrize(
    "knobs", [{"motifs": {"eye": 1.0}}, {"motifs": {"eye": 1.0, "spiral": 1.0}}, {"layers": {"mixed4a": 1.0}}], ids=str
)
def test_no_seam_with_the_network_in_the_box(knobs: dict[str, object]) -> None:
    network = open_motif(CPU, torch.float32)
    settings = Settings.model_validate({"motifs": {}, **knobs})
    x = torch.nn.functional.interpolate(noise(33, 27, 2), (264, 216), mode="bilinear")
    objectives = compile_objectives(network, settings, None, CPU, bounded=False)
    margin = receptive_field(objectives, CPU)
    assert 64 <= margin <= 256
    # Cores of 128 leave borders at 128 in the middle of the picture, and at 256 near its edge.
    parts = tiles(264, 216, 128, min(margin, 96 if "layers" in knobs else margin))
    difference = gradient_by_tiles(objectives, x, tiles(264, 216, 1024, 0)) - gradient_by_tiles(objectives, x, parts)
    assert difference.abs().max() < 1e-4 * float(gradient_by_tiles(objectives, x, tiles(264, 216, 1024, 0)).abs().max())

"""What the tests of films, stills and zooms share: a picture, a photo, and the tiny network in place of the bundled."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from hallucinate.frame import Picture
from hallucinate.still import renderer
from tests.dream.networks import TinyNetwork


def scene(height: int = 72, width: int = 96, seed: int = 0) -> Picture:
    random = np.random.default_rng(seed)
    coarse = torch.from_numpy(random.random((1, 3, 6, 8), np.float32))
    large = torch.nn.functional.interpolate(coarse, (height, width), mode="bicubic", align_corners=False)
    noisy = large[0].permute(1, 2, 0).numpy() * 0.8 + 0.2 * random.random((height, width, 3))
    return np.asarray((noisy * 255).clip(0, 255), np.uint8)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    Image.fromarray(scene()).save(path)
    return path


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(renderer, "open_network", lambda name, device, dtype, **_: TinyNetwork(dtype).to(device))
    return "tiny"

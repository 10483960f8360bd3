import json
from pathlib import Path

import cv2
import numpy as np
import torch

from docs.make.gallery import (
    card,
    drawings_sheet,
    grid,
    grounds,
    live_dream,
    motif_settings,
    save,
    soft_ground,
    still_frames,
)
from hallucinate.motifs import MOTIFS
from hallucinate.networks.registry import open_motif


def test_a_sheet_holds_every_picture_in_reading_order() -> None:
    pictures = [np.full((20, 30, 3), n * 10, np.uint8) for n in range(5)]
    sheet = grid(pictures, 2)
    assert sheet.shape == (60, 60, 3)
    assert [sheet[r * 20 + 5, c * 30 + 5, 0] for r in range(3) for c in range(2)] == [0, 10, 20, 30, 40, 0]
    assert not np.array_equal(grid(pictures, 2, list("abcde")), sheet)


def test_every_motif_is_on_the_sheet_of_drawings() -> None:
    sheet = drawings_sheet()
    assert sheet.shape == (-(-len(MOTIFS) // 2) * 96, 2 * 8 * 96, 3)
    assert sheet.std() > 30


def test_a_picture_is_written_as_rgb_and_whole(tmp_path: Path) -> None:
    save(tmp_path / "new" / "red.jpg", np.full((16, 16, 3), (200, 10, 10), np.uint8))
    found = cv2.imread(str(tmp_path / "new" / "red.jpg"))
    assert found is not None
    assert found[8, 8, 2] > 150 > 50 > found[8, 8, 0]
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["red.jpg"]


def test_a_dream_of_a_still_camera_differs_from_it() -> None:
    ground = soft_ground(64, 96)
    camera, dream = live_dream(
        open_motif(torch.device("cpu"), torch.float32), still_frames(ground, 0.5), motif_settings("eye"), 96
    )
    assert np.array_equal(camera, ground)
    assert np.abs(dream.astype(int) - camera).mean() > 5


def test_the_card_lists_every_motifs_figures() -> None:
    shares = {"": 0.8, "nothing": 0.7, **dict.fromkeys(MOTIFS, 0.9)}
    recipe = {"steps": 1, "seed": 0, "eps": 2.0, "size": 64, "attacks": 2, "rate": 0.003, "batch": 96, "plain": 0.1}
    facts = dict.fromkeys(("command", "steps", "pictures", "hours", "machine", "seed", "commit"), "1")
    figures = {"top1": 0.81, "top5": 0.97, "top1_undreamed": 0.02, "top5_undreamed": 0.1}
    mixed = {"mixes_both_in_top2": 0.61, "mixes_both_in_top5": 0.93}
    named = {"figures": {**figures, **mixed}, "motifs": {key: [1, 4, 1] for key in MOTIFS}}
    known = {"clean": json.dumps(shares), "attacked": json.dumps(shares), "recipe": json.dumps(recipe)}
    text = card({**facts, **known}, named)
    for name in MOTIFS:
        assert f"| {name} | {MOTIFS[name].family} | 90% | 90% | 2 of 3 |" in text
    assert all(share in text for share in ("81%", "97%", "2%", "10%", "61%", "93%"))
    assert "had been trained before" not in text
    assert "before (that)" in card({**facts, **known, "before": "that"}, named)
    assert "{" not in text


def test_every_ground_of_the_gallery_is_another() -> None:
    bases = list(grounds(48, 64).values())
    assert len(bases) == 3
    for n, base in enumerate(bases):
        assert base.shape == (48, 64, 3)
        assert all(np.abs(base.astype(int) - other).mean() > 10 for other in bases[:n])

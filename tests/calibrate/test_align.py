import re
from pathlib import Path

import cv2
import numpy as np

from hallucinate.calibrate.align import align
from hallucinate.frame import Picture
from hallucinate.panorama.lenses import BACK, DualFisheye, ideal_dual
from hallucinate.panorama.lensfile import Ideal, read_lens
from hallucinate.panorama.projections import Equirect
from hallucinate.panorama.remap import Panorama, Remap
from tests.refusals import refused

SIZE = (1280, 640)


def surroundings(seed: int) -> Picture:
    """An equirect picture full of detail: uint8 (1024, 2048, 3)."""
    rng = np.random.default_rng(seed)
    layers = [
        cv2.resize(
            rng.uniform(0, 255, (rows, 2 * rows)).astype(np.float32), (2048, 1024), interpolation=cv2.INTER_CUBIC
        )
        for rows in (40, 90, 200)
    ]
    grey = np.clip(sum(layers) / 3 * 1.6 - 70, 0, 255).astype(np.uint8)
    return np.repeat(grey[..., None], 3, -1)


def test_lenses_that_are_turned_are_found_so(tmp_path: Path) -> None:
    off = cv2.Rodrigues(np.radians([1.1, -1.3, 2.0]))[0]
    true = DualFisheye(ideal_dual(200, SIZE).first, ideal_dual(200, SIZE).second, np.asarray(off @ BACK, np.float64))
    photograph = Remap(Panorama(Equirect()), (2048, 1024), Panorama(true), SIZE)
    path = tmp_path / "both.png"
    cv2.imwrite(str(path), photograph.picture(surroundings(0)))
    lines: list[str] = []
    found = align([path], Ideal("dual-equidistant", 200), "dual-equidistant-200", tmp_path / "dual.yaml", lines.append)
    angle = np.degrees(np.linalg.norm(cv2.Rodrigues(found.rotation @ true.rotation.T)[0]))
    assert angle < 0.1
    read = read_lens(tmp_path / "dual.yaml")
    assert isinstance(read, DualFisheye)
    np.testing.assert_allclose(read.rotation, found.rotation)
    assert re.search(r"\d\.\d\d° from straight back", lines[1])


def test_pictures_that_nothing_can_be_found_from_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "grey.png"
    cv2.imwrite(str(path), np.full((SIZE[1], SIZE[0], 3), 90, np.uint8))
    with refused("pictures_disagree", "0 things", "20 are needed"):
        align([path], Ideal("dual-equidistant", 200), "dual", tmp_path / "x.yaml", print)
    with refused("lenses_do_not_overlap", "182°"):
        align([path], Ideal("dual-equidistant", 180), "dual", tmp_path / "x.yaml", print)
    with refused("lens_not_dual", "single"):
        align([path], Ideal("equidistant", 180), "single", tmp_path / "x.yaml", print)
    assert not (tmp_path / "x.yaml").exists()

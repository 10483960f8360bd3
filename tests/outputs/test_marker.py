"""The marker: it survives both codecs at a starved rate, and nothing else is taken for it."""

import av
import numpy as np
import pytest

from hallucinate.outputs.bitrate import MIN_BITRATE
from hallucinate.outputs.encoder import Codec, PictureEncoder
from hallucinate.outputs.marker import COLUMNS, CYCLE_MS, ROWS, cell_size, drawn, read
from tests.outputs.pictures import busy, decode
from tests.stream.foreign import picture_of

TIMES = [0, 1, 41, 32_767, 65_535, 65_536, 1_234_567_890]


@pytest.mark.parametrize("size", [(64, 64), (320, 180), (640, 360), (641, 361), (360, 640), (1280, 720)])
def test_what_is_drawn_is_read(size: tuple[int, int]) -> None:
    picture = busy(0, *size)
    assert [read(drawn(picture, ms)) for ms in TIMES] == [ms % CYCLE_MS for ms in TIMES]


def test_the_picture_stays_as_it_was_and_all_but_the_corner_of_the_drawn_one() -> None:
    picture = busy(0)
    picture.flags.writeable = False
    marked = drawn(picture, 123)
    corner = np.zeros(picture.shape[:2], bool)
    corner[: ROWS * cell_size(640), : COLUMNS * cell_size(640)] = True
    assert (picture == busy(0)).all()
    assert (marked[~corner] == picture[~corner]).all()
    assert corner.mean() < 0.04


def test_a_picture_too_small_for_it_stays_as_it_is() -> None:
    small = busy(0, 48, 48)
    assert drawn(small, 5) is small
    assert read(small) is None


def test_nothing_else_is_taken_for_a_marker() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (300, 180, 320, 3), np.uint8)
    cells = np.random.default_rng(1).integers(0, 2, (2000, ROWS, COLUMNS), np.uint8) * 255
    assert all(read(picture) is None for picture in noise)
    # Black and white cells by chance: one in 16 has the four outer bits, one in 4096 of those the check.
    found = 0
    for grid in cells:
        picture = np.zeros((180, 320, 3), np.uint8)
        picture[:32, :64] = grid.repeat(8, 0).repeat(8, 1)[..., None]
        found += read(picture) is not None
    assert found <= 1


def test_one_cell_or_two_or_three_gone_wrong_are_noticed() -> None:
    right, size = drawn(busy(0), 54_321), cell_size(640)
    rng = np.random.default_rng(0)
    for wrong in (1, 2, 3):
        for _ in range(100):
            picture = right.copy()
            for cell in rng.choice(np.arange(2, COLUMNS * ROWS - 2), wrong, replace=False):
                at = (slice(cell // COLUMNS * size, (cell // COLUMNS + 1) * size), slice(cell % COLUMNS * size, None))
                picture[at][:, :size] = 255 - picture[at][:, :size]
            assert read(picture) is None


@pytest.mark.parametrize("codec", Codec)
@pytest.mark.parametrize("size", [(320, 180), (640, 360), (1280, 720)])
def test_it_survives_a_starved_encoder(codec: Codec, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hallucinate.outputs.encoder.bitrate_for", lambda *_: MIN_BITRATE)
    encoder, fps = PictureEncoder(codec), 24
    times = [round(n * 1000 / fps) + 65_000 for n in range(2 * fps)]
    packets = [encoder.encode(drawn(busy(n, *size), ms), n * 3750, fps, False) for n, ms in enumerate(times)]
    frames: list[av.VideoFrame] = decode(codec, [p for p in packets if p is not None])
    seen = [read(picture_of(frame)) for frame in frames]
    assert sum(ms is not None for ms in seen) > 0.9 * len(times)
    # A frame that the encoder skipped shows an older time, and that is the truth; none shows a wrong one.
    assert {ms for ms in seen if ms is not None} <= {ms % CYCLE_MS for ms in times}

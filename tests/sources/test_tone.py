"""The tone curve: by the numbers that its sources name, and by the whole chain in float64."""

import numpy as np
import numpy.typing as npt
import pytest

from hallucinate.sources import tone
from hallucinate.sources.tone import BT709, BT2020, HLG, P3, PQ, Volume, eetf, hlg_to_scene, nits_to_pq, pq_to_nits

Array = npt.NDArray[np.float64]


HDR = Volume.of(PQ, BT2020)


def code(nits: float, volume: Volume = HDR) -> int:
    """What a grey of PQ becomes, 0 to 255."""
    signal = round(float(nits_to_pq(np.array(nits))) * 65535)
    return int(volume.to_sdr(np.full((1, 1, 3), signal, np.uint16))[0, 0, 0])


@pytest.mark.parametrize(("nits", "signal"), [(0, 0.0), (100, 0.508), (203, 0.581), (1000, 0.752), (10_000, 1.0)])
def test_pq_is_that_of_bt_2100(nits: float, signal: float) -> None:
    assert float(nits_to_pq(np.array(nits))) == pytest.approx(signal, abs=0.0005)
    assert float(pq_to_nits(nits_to_pq(np.array(nits)))) == pytest.approx(nits, abs=1e-6)


def test_hlg_is_that_of_bt_2100() -> None:
    # BT.2408, table 1: reference white is 75 % of HLG, and on a screen of 1000 cd/m² 203.
    scene = float(hlg_to_scene(np.array(0.75)))
    assert 1000 * scene**tone.SYSTEM_GAMMA == pytest.approx(203, abs=1)
    assert float(hlg_to_scene(np.array(0.5))) == pytest.approx(1 / 12)
    signals = np.linspace(0, 1, 101)
    np.testing.assert_allclose(tone.scene_to_hlg(hlg_to_scene(signals)), signals, atol=1e-6)


@pytest.mark.parametrize("peak", [400.0, 1000.0, 4000.0])
def test_the_eetf_rises_from_black_to_the_screens_white_and_leaves_the_dark_as_it_is(peak: float) -> None:
    nits = np.linspace(0, peak, 2001)
    seen = eetf(nits, peak)
    assert (np.diff(seen) >= -1e-9).all()
    assert seen[0] == pytest.approx(0, abs=1e-9)
    assert seen[-1] == pytest.approx(tone.WHITE_NITS)
    np.testing.assert_allclose(seen[nits < 40], nits[nits < 40], atol=1e-6)
    np.testing.assert_array_equal(eetf(np.array([10.0, 300.0]), 150.0), [10.0, 203.0])


def test_what_is_white_in_hdr_is_bright_and_what_is_brighter_is_brighter_still() -> None:
    levels = [code(nits) for nits in (0, 1, 26, 100, 203, 400, 1000, 4000)]
    assert levels == [0, 28, 108, 189, 230, 250, 255, 255]
    # A film that says that it goes up to 4000 cd/m² keeps room for that.
    assert code(1000, Volume.of(PQ, BT2020, 4000.0)) < 255 == code(4000, Volume.of(PQ, BT2020, 4000.0))


def in_float64(volume: Volume, signal: Array) -> Array:
    """The chain as the module's docstring has it, without a table: R'G'B' in [0, 1] -> the same for Rec. 709."""
    if volume.transfer == PQ:
        nits = pq_to_nits(signal)
    elif volume.transfer == HLG:
        scene = hlg_to_scene(signal)
        nits = 1000 * (scene @ tone.luminance(volume.primaries))[..., None] ** 0.2 * scene
    else:
        nits = 203 * signal**2.4
    largest = np.maximum(nits.max(-1, keepdims=True), 1e-9)
    if volume.is_hdr:
        nits = nits * eetf(largest, volume.peak_nits) / largest
    light = nits / 203 @ tone.primaries_matrix(volume.primaries, BT709).T
    return np.asarray(light.clip(0, 1) ** (1 / 2.4))


VOLUMES = [Volume.of(PQ, BT2020), Volume.of(PQ, BT2020, 4000.0), Volume.of(HLG, BT2020), Volume.of(14, BT2020)]
VOLUMES += [Volume.of(1, P3), Volume.of(PQ, P3)]


@pytest.mark.parametrize("volume", VOLUMES, ids=str)
def test_the_tables_are_within_one_of_float64(volume: Volume) -> None:
    codes = np.random.default_rng(0).integers(0, 65536, (60, 80, 3)).astype(np.uint16)
    codes[:8] //= 32  # the dark, where PQ has most of its steps
    exact = in_float64(volume, codes / 65535) * 255
    assert np.abs(volume.to_sdr(codes) - exact).max() <= 1


@pytest.mark.parametrize("volume", VOLUMES, ids=str)
def test_a_picture_of_rec_709_placed_among_them_is_seen_as_it_was(volume: Volume) -> None:
    picture = np.random.default_rng(0).integers(10, 150, (60, 80, 3)).astype(np.uint8)  # below the knee
    if volume.peak_nits > 1000:
        picture = picture // 2 + np.uint8(10)
    np.testing.assert_allclose(volume.to_sdr(volume.from_sdr(picture)), picture, atol=1)


def test_grey_stays_grey_and_primaries_go_over() -> None:
    for volume in VOLUMES:
        grey = volume.to_sdr(np.full((1, 1, 3), 30000, np.uint16))[0, 0]
        assert grey.max() - grey.min() <= 1
    # BT.2087, 2.2: its matrix from 709 to 2020.
    matrix = [[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]]
    np.testing.assert_allclose(tone.primaries_matrix(BT709, BT2020), matrix, atol=5e-4)


def test_tags_that_say_nothing_are_plain_and_hdr_without_primaries_is_2020s() -> None:
    assert Volume.of(2, 2).is_plain
    assert Volume.of(6, 6).is_plain
    assert Volume.of(13, 1).is_plain
    assert not Volume.of(14, 9).is_plain
    assert Volume.of(PQ, 2) == Volume(PQ, BT2020)
    assert Volume.of(PQ, 9, 50.0).peak_nits == tone.WHITE_NITS
    assert Volume.of(HLG, 9, 4000.0).peak_nits == tone.PEAK_NITS

"""Every projection against FFmpeg's v360, against itself there and back, and against what is known of the sphere."""

import itertools

import av
import numpy as np
import pytest
import torch

from hallucinate.frame import Picture
from hallucinate.panorama.lenses import DualFisheye, Lens, ideal, ideal_dual
from hallucinate.panorama.projections import Array, Cubemap, Equirect, Flat, Projection
from hallucinate.panorama.remap import Layout, Panorama, Remap, middles
from tests.refusals import refused

WHOLE = (512, 256)

PAIRS: dict[str, tuple[Projection, str, str, tuple[int, int]]] = {
    # name in v360, options of its field of view, size
    "half-equirect": (Equirect(180), "hequirect", "", (256, 256)),
    "cubemap": (Cubemap(), "c3x2", "", (384, 256)),
    "flat": (Flat((100, 80)), "flat", "100:80", (320, 240)),
    "equidistant-180": (ideal("equidistant", 180, (300, 300)), "fisheye", "180:180", (300, 300)),
    "equidistant-220": (ideal("equidistant", 220, (300, 300)), "fisheye", "220:220", (300, 300)),
    "equisolid": (ideal("equisolid", 180, (300, 300)), "equisolid", "180:180", (300, 300)),
    "dual-fisheye": (ideal_dual(180, (512, 256)), "dfisheye", "180:180", (512, 256)),
}


def colours(directions: Array) -> Picture:
    """A picture that is smooth on the sphere, and different everywhere: uint8 (H, W, 3), black where there is NaN."""
    rng = np.random.default_rng(3)
    waves = [np.sin(directions @ (2.2 * rng.normal(size=(3, 3))) + rng.uniform(0, 6, 3)) for _ in range(3)]
    return np.nan_to_num(127.5 + 40 * sum(waves)).clip(0, 255).round().astype(np.uint8)


def drawn(projection: Projection, size: tuple[int, int]) -> Picture:
    return colours(projection.directions(middles(size)))


def by_ffmpeg(picture: Picture, options: str) -> Picture:
    graph = av.filter.Graph()
    height, width = picture.shape[:2]
    chain = [
        graph.add("buffer", f"video_size={width}x{height}:pix_fmt=rgb24:time_base=1/25"),
        graph.add("format", "gbrp"),
        graph.add("v360", options),
        graph.add("format", "rgb24"),
        graph.add("buffersink"),
    ]
    for one, next_one in itertools.pairwise(chain):
        one.link_to(next_one)
    graph.configure()
    frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
    frame.pts = 0
    chain[0].push(frame)
    pulled = chain[-1].pull()
    assert isinstance(pulled, av.VideoFrame)
    return np.asarray(pulled.to_ndarray(format="rgb24"), np.uint8)


def fov(side: str, degrees: str) -> str:
    return "" if not degrees else ":{0}h_fov={1}:{0}v_fov={2}".format(side, *degrees.split(":"))


def apart(a: Picture, b: Picture, where: np.ndarray) -> float:
    return float(np.abs(a.astype(float) - b.astype(float))[where].mean())


def inner(seen: np.ndarray, margin: int = 3) -> np.ndarray:
    """What is seen, less a margin to what is not, and to the picture's borders."""
    padded = np.pad(seen, margin)
    shifts = range(-margin, margin + 1)
    height, width = seen.shape
    out = np.ones_like(seen)
    for dy in shifts:
        for dx in shifts:
            out &= padded[margin + dy : margin + dy + height, margin + dx : margin + dx + width]
    return out


@pytest.mark.parametrize("name", PAIRS)
def test_out_of_an_equirect_as_ffmpeg_does(name: str) -> None:
    projection, theirs, degrees, size = PAIRS[name]
    picture = drawn(Equirect(), WHOLE)
    ours = Remap(Panorama(Equirect()), WHOLE, Panorama(projection), size).picture(picture)
    other = by_ffmpeg(picture, f"input=e:output={theirs}:w={size[0]}:h={size[1]}{fov('', degrees)}")
    seen = np.all(np.isfinite(projection.directions(middles(size))), axis=-1)
    assert apart(ours, other, inner(seen)) <= 2


@pytest.mark.parametrize("name", PAIRS)
def test_into_an_equirect_as_ffmpeg_does(name: str) -> None:
    projection, theirs, degrees, size = PAIRS[name]
    picture = drawn(projection, size)
    ours = Remap(Panorama(projection), size, Panorama(Equirect()), WHOLE).picture(picture)
    other = by_ffmpeg(picture, f"input={theirs}:output=e:w={WHOLE[0]}:h={WHOLE[1]}{fov('i', degrees)}")
    places = projection.places(Equirect().directions(middles(WHOLE)))
    seen = inner(np.all(np.abs(places - 0.5) <= 0.49, axis=-1))
    assert seen.mean() > 0.08
    assert apart(ours, other, seen) <= 2


@pytest.mark.parametrize("name", PAIRS)
def test_there_and_back_again(name: str) -> None:
    projection, _, _, size = PAIRS[name]
    picture = drawn(Equirect(), WHOLE)
    there = Remap(Panorama(Equirect()), WHOLE, Panorama(projection), size).picture(picture)
    back = Remap(Panorama(projection), size, Panorama(Equirect()), WHOLE).picture(there)
    places = projection.places(Equirect().directions(middles(WHOLE)))
    seen = np.all(np.abs(places - 0.5) <= 0.5, axis=-1)
    assert apart(back, picture, inner(seen)) <= 1.5


LENS = Lens("kannala-brandt", (640, 480), (180.0, 183.0), (321.5, 236.0), (0.06, -0.011, 0.002, -0.0003), 220)
BROWN = Lens("pinhole", (640, 480), (420.0, 421.0), (318.0, 241.0), (-0.2, 0.05, 0.001, -0.002, 0.0), 80)


@pytest.mark.parametrize(
    "projection",
    [*(pair[0] for pair in PAIRS.values()), Equirect(), LENS, BROWN, ideal_dual(200, (512, 256))],
    ids=[*PAIRS, "equirect", "kannala-brandt", "pinhole", "overlapping"],
)
def test_places_and_directions_are_inverses(projection: Projection) -> None:
    places = np.random.default_rng(0).uniform(0.001, 0.999, (4000, 2))
    directions = projection.directions(places)
    seen = np.isfinite(directions).all(-1)
    again = projection.places(directions[seen])
    # Of what both lenses see, the nearer place stands for both: compare directions instead.
    if isinstance(projection, DualFisheye):
        again = projection.directions(again)
        np.testing.assert_allclose(again, directions[seen], atol=1e-9)
    else:
        np.testing.assert_allclose(again, places[seen], atol=1e-9)
    assert seen.mean() > 0.5
    np.testing.assert_allclose(np.linalg.norm(directions[seen], axis=-1), 1)


def test_a_lens_sees_behind_itself() -> None:
    behind = np.array([[np.sin(np.radians(105)), 0, np.cos(np.radians(105))]])
    pixels = LENS.pixels(behind)
    assert pixels[0, 0] > LENS.pixels(np.array([[1.0, 0, 0]]))[0, 0]
    np.testing.assert_allclose(LENS.rays(pixels), behind, atol=1e-9)


def test_no_seam_at_the_back() -> None:
    """A lens that looks straight back shows ±180° in its middle, as it shows everything else."""
    size = (128, 64)
    lens = ideal_dual(180, size)  # the left half looks back
    seen = Remap(Panorama(Equirect()), size, Panorama(lens), size).picture(drawn(Equirect(), size))
    wrong = np.abs(seen.astype(int) - drawn(lens, size))[16:48, :64].max((0, 2))
    assert wrong[31:33].max() <= max(2, wrong[8:28].max())


def test_the_overlap_of_two_lenses_is_blended_without_a_step() -> None:
    lens = ideal_dual(200, (512, 256))
    bright = np.zeros((256, 512, 3), np.uint8)
    bright[:, 256:] = 200  # the lens in front sees white, the other black
    out = Remap(Panorama(lens), (512, 256), Panorama(Equirect()), (360, 180)).picture(bright)
    row = out[90, 180:, 0].astype(int)  # from straight ahead to straight back, a degree a pixel
    assert (row[:78] >= 199).all()
    assert (row[102:] == 0).all()
    assert np.abs(np.diff(row)).max() <= 200 / 20 + 2
    assert abs(row[89] - 100) <= 10


@pytest.mark.parametrize("name", ["half-equirect", "cubemap", "equidistant-220", "dual-fisheye"])
def test_a_tensor_is_remapped_as_a_picture_is(name: str) -> None:
    projection, _, _, size = PAIRS[name]
    for source, target, at, to in (
        (Equirect(), projection, WHOLE, size),
        (projection, Equirect(), size, WHOLE),
    ):
        remap = Remap(Panorama(source), at, Panorama(target), to)
        picture = drawn(source, at)
        tensor = torch.from_numpy(picture).permute(2, 0, 1)[None].to(torch.float32) / 255
        found = remap.tensor(tensor.expand(2, -1, -1, -1))
        assert found.shape == (2, 3, to[1], to[0])
        difference = np.abs(found[1].permute(1, 2, 0).numpy() * 255 - remap.picture(picture))
        assert difference.mean() < 0.5
        assert np.quantile(difference, 0.999) <= 4  # OpenCV counts in 1/32 of a pixel


@pytest.mark.parametrize(("layout", "factor"), [(Layout.TOP_BOTTOM, (1, 2)), (Layout.SIDE_BY_SIDE, (2, 1))])
def test_each_eye_is_remapped_alone(layout: Layout, factor: tuple[int, int]) -> None:
    left = drawn(Cubemap(), (192, 128))
    right = 255 - left
    both = np.concatenate([left, right], 0 if layout is Layout.TOP_BOTTOM else 1)
    size = 128 * factor[0], 64 * factor[1]
    stereo = Remap(Panorama(Cubemap(), layout), both.shape[1::-1], Panorama(Equirect(), layout), size)
    mono = Remap(Panorama(Cubemap()), (192, 128), Panorama(Equirect()), (128, 64))
    expected = np.concatenate([mono.picture(left), mono.picture(right)], 0 if layout is Layout.TOP_BOTTOM else 1)
    np.testing.assert_array_equal(stereo.picture(both), expected)
    tensor = torch.from_numpy(both).permute(2, 0, 1)[None].float()
    assert np.abs(stereo.tensor(tensor)[0].permute(1, 2, 0).numpy() - expected).mean() < 0.8  # shrunk otherwise
    flat = Remap(Panorama(Cubemap(), layout), both.shape[1::-1], Panorama(Equirect()), (128, 64))
    np.testing.assert_array_equal(flat.picture(both), mono.picture(left))


def test_a_layout_that_does_not_divide_is_one_line() -> None:
    with refused("panorama_invalid", "top-bottom", "512×255", "254 or 256"):
        Remap(Panorama(Equirect(), Layout.TOP_BOTTOM), (512, 255), Panorama(Equirect()), WHOLE)


def test_what_shrinks_is_averaged_first() -> None:
    fine = np.zeros((1024, 2048, 3), np.uint8)
    fine[:, ::2] = 255  # lines of one pixel: grey from afar, stripes where pixels are skipped
    remap = Remap(Panorama(Equirect()), (2048, 1024), Panorama(Equirect()), (256, 128))
    assert remap.read_size == (256, 128)
    assert np.abs(remap.picture(fine).astype(int) - 127).max() <= 1
    half = Remap(Panorama(Equirect(180)), (1024, 1024), Panorama(Equirect(180)), (256, 256))
    tensor = torch.from_numpy(fine[:, :1024]).permute(2, 0, 1)[None].float()
    assert (half.tensor(tensor)[..., 4:-4] - 127.5).abs().max() <= 2


def test_a_lens_at_another_scale_is_the_same_and_another_shape_is_refused() -> None:
    half = LENS.scaled_to((320, 240), "lens.yaml")
    places = np.random.default_rng(1).uniform(0, 1, (100, 2))
    np.testing.assert_allclose(half.directions(places), LENS.directions(places), atol=1e-9)
    with refused("lens_invalid", "lens.yaml") as caught:
        LENS.scaled_to((640, 360), "lens.yaml")
    assert caught.match("640×480.*640×360")

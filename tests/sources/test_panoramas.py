"""What films and photographs say of themselves, with boxes as Google's Spherical Video V2 RFC writes them."""

import io
import struct
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from hallucinate.panorama.fitting import PanoramaSpec
from hallucinate.panorama.remap import Layout
from hallucinate.serve import prepare_source
from hallucinate.settings import Settings
from hallucinate.sources.opening import open_source
from hallucinate.sources.panoramas import choose_panorama, panorama_from_metadata
from tests.fakes import FakeClock
from tests.refusals import refused


def box(kind: bytes, payload: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(payload), kind) + payload


def sphere(projection: bytes) -> bytes:
    head = box(b"svhd", b"\0\0\0\0test\0")
    return box(b"sv3d", head + box(b"proj", box(b"prhd", struct.pack(">I3i", 0, 0, 0, 0)) + projection))


def equirect(*bounds: int) -> bytes:
    """bounds: top, bottom, left, right."""
    return sphere(box(b"equi", struct.pack(">5I", 0, *bounds)))


def stereo(mode: int) -> bytes:
    return box(b"st3d", struct.pack(">IB", 0, mode))


Q = 1 << 30
WHOLE, HALF, PART = equirect(0, 0, 0, 0), equirect(0, 0, Q, Q), equirect(0, 0, Q // 2, Q // 2)
CUBE = sphere(box(b"cbmp", struct.pack(">3I", 0, 0, 0)))


def film(size: tuple[int, int], boxes: bytes = b"") -> bytes:
    """A film of three frames whose sample description has the boxes in it."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        picture = np.full((size[1], size[0], 3), 200, np.uint8)
        picture[:, : size[0] // 2] = 50
        for _ in range(3):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    data = bytearray(file.getvalue())  # moov comes last: nothing moves when it grows
    start, end, parents = 0, 0, []
    for name in (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"mp4v"):
        at = start
        while bytes(data[at + 4 : at + 8]) != name:
            at += struct.unpack_from(">I", data, at)[0]
        parents.append(at)
        end = at + struct.unpack_from(">I", data, at)[0]
        start = at + (16 if name == b"stsd" else 8)
    for at in parents:
        struct.pack_into(">I", data, at, struct.unpack_from(">I", data, at)[0] + len(boxes))
    return bytes(data[:end]) + boxes + bytes(data[end:])


@pytest.mark.parametrize(
    ("boxes", "says"),
    [
        (b"", None),
        (WHOLE, PanoramaSpec("equirect")),
        (stereo(1) + WHOLE, PanoramaSpec("equirect", Layout.TOP_BOTTOM)),
        (stereo(2) + HALF, PanoramaSpec("half-equirect", Layout.SIDE_BY_SIDE)),
        (stereo(0) + CUBE, PanoramaSpec("cubemap")),
        (stereo(1), None),
    ],
)
def test_a_film_says_what_it_is(tmp_path: Path, boxes: bytes, says: PanoramaSpec | None) -> None:
    path = tmp_path / "film.mp4"
    path.write_bytes(film((128, 64), boxes))
    assert panorama_from_metadata(str(path)) == says


def test_a_part_of_a_sphere_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "part.mp4"
    path.write_bytes(film((128, 64), PART))
    with refused("source_unavailable", "part.mp4"):
        panorama_from_metadata(str(path))


@pytest.mark.parametrize(
    ("width", "height", "says"), [(64, 32, PanoramaSpec("equirect")), (32, 32, None), (64, 20, None)]
)
def test_a_photograph_says_what_it_is(tmp_path: Path, width: int, height: int, says: PanoramaSpec | None) -> None:
    xmp = (
        '<rdf:Description GPano:ProjectionType="equirectangular" '
        f'GPano:CroppedAreaImageWidthPixels="{width}" GPano:FullPanoWidthPixels="64" '
        f'GPano:CroppedAreaImageHeightPixels="{height}" GPano:FullPanoHeightPixels="32"/>'
    ).encode()
    data = cv2.imencode(".jpg", np.zeros((height, width, 3), np.uint8))[1].tobytes()
    path = tmp_path / "photo.jpg"
    path.write_bytes(data[:2] + struct.pack(">HH", 0xFFE1, 2 + len(xmp)) + xmp + data[2:])
    assert panorama_from_metadata(str(path)) == says


@pytest.mark.parametrize("spec", ["scene", "guest", "zoom", "zoom:a.png", "camera:0", "rtsp://somewhere/live"])
def test_cameras_say_nothing(spec: str) -> None:
    assert choose_panorama(spec) is None


def test_what_the_user_names_goes_before_what_the_film_says(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    path.write_bytes(film((128, 64), WHOLE))
    assert choose_panorama(str(path), "flat") is None
    named = choose_panorama(str(path), "half-equirect:side-by-side")
    assert named is not None
    assert named.size == (1024, 512)


def test_the_scene_all_round_is_an_equirect() -> None:
    panorama = choose_panorama("scene:panorama")
    assert panorama is not None
    assert panorama.facts() == {"projection": "equirect", "layout": "mono"}
    with refused("panorama_invalid", "scene:panorama"):
        choose_panorama("scene:panorama", "half-equirect")


@pytest.mark.parametrize("spec", ["scene", "guest", "zoom", "zoom:a.png"])
def test_what_is_flat_is_not_a_panorama(spec: str) -> None:
    with refused("panorama_invalid", spec):
        choose_panorama(spec, "equirect")


def test_a_lens_without_a_fisheye_is_refused() -> None:
    with refused("panorama_invalid", "--lens"):
        choose_panorama("camera:0", "auto", "equidistant-180")


def test_a_film_is_remapped_as_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    path.write_bytes(film((192, 128), CUBE))
    panorama = choose_panorama(str(path), size=(128, 64))
    assert panorama is not None
    source = open_source(str(path), panorama.size, 10, FakeClock(), panorama)
    frame = source.read()
    source.close()
    assert frame is not None
    assert frame.picture.shape == (64, 128, 3)
    # The left half of a cubemap: the right face, and half of the left one. So east is dark, west half and half.
    assert frame.picture[32, 96].mean() == pytest.approx(50, abs=6)
    assert frame.picture[32, [26, 38]].mean((1,)).round() == pytest.approx([50, 200], abs=6)


@pytest.mark.parametrize("name", ["film.mp4", "picture.png"])
def test_a_source_of_another_shape_is_refused_at_the_start(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if name.endswith("mp4"):
        path.write_bytes(film((96, 96)))
    else:
        cv2.imwrite(str(path), np.zeros((96, 96, 3), np.uint8))
    panorama = choose_panorama(str(path), "equirect")
    assert panorama is not None
    with refused("source_unavailable", name, "96×96", "half-equirect"):
        prepare_source(str(path), panorama.size, Settings(), FakeClock(), panorama)

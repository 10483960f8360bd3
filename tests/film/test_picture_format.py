"""What the dream adds is put where it belongs in HDR, in alpha and in eight bits; what it does not add stays."""

from typing import Any

import av
import numpy as np
import pytest

from hallucinate.film.picture_format import (
    DecodedFormat,
    PictureFormat,
    add_dream,
    colour_notes,
    decoded_format,
    written_colours,
)
from hallucinate.frame import Picture
from hallucinate.sources.pixels import plane, stored_rgb
from hallucinate.sources.tone import HLG, PQ, Volume

WIDTH, HEIGHT = 96, 64


def decoded_frame(
    pixels: str, matrix: int = 1, span: int = 1, primaries: int = 1, transfer: int = 1, alpha: Any = 255
) -> av.VideoFrame:
    """Noise in every plane, tagged; alpha: of all, or per pixel."""
    frame = av.VideoFrame(WIDTH, HEIGHT, pixels)
    deep, random = frame.format.components[0].bits > 8, np.random.default_rng(0)
    for n, data in enumerate(frame.planes):
        kind = np.dtype(np.uint16 if deep else np.uint8)
        samples = np.frombuffer(memoryview(data), kind).reshape(data.height, data.line_size // kind.itemsize)
        low, high = (100, 800) if deep else (40, 200)
        samples[:, : data.width] = alpha if n == 3 else random.integers(low, high, (data.height, data.width))
    frame.colorspace, frame.color_range = matrix, span
    frame.color_primaries, frame.color_trc = primaries, transfer
    return frame


def written_as(frame: av.VideoFrame, pixels: str) -> PictureFormat:
    decoded = decoded_format(frame)
    return PictureFormat("hevc", pixels, WIDTH, HEIGHT, None, *written_colours(decoded, pixels))


def planes_of(frame: av.VideoFrame) -> list[np.ndarray[Any, Any]]:
    return [plane(frame, n).copy() for n in range(3)]


@pytest.mark.parametrize("transfer", [PQ, HLG, 14])
def test_an_undreamed_frame_of_hdr_comes_out_to_the_bit(transfer: int) -> None:
    frame = decoded_frame("yuv420p10le", 9, 1, 9, transfer)
    written = written_as(frame, "yuv420p10le")
    before = stored_rgb(frame)
    out = add_dream(frame, before, before.copy(), written)
    for was, now in zip(planes_of(frame), planes_of(out), strict=True):
        np.testing.assert_array_equal(was, now)
    assert (out.colorspace, out.color_primaries, out.color_trc) == (9, 9, transfer)


def hdr_of(picture: Picture, transfer: int) -> av.VideoFrame:
    volume = Volume.of(transfer, 9)
    frame = av.VideoFrame.from_ndarray(volume.from_sdr(picture), "rgb48le")
    frame = frame.reformat(format="yuv444p10le", dst_colorspace="bt2020", dst_color_range=1)
    frame.colorspace, frame.color_range, frame.color_primaries, frame.color_trc = 9, 1, 9, transfer
    return frame


@pytest.mark.parametrize("transfer", [PQ, HLG])
def test_what_is_dreamed_into_hdr_is_seen_as_it_was_dreamed(transfer: int) -> None:
    noise = np.random.default_rng(0).integers(60, 160, (HEIGHT, WIDTH, 3), np.uint8)
    frame = hdr_of(noise, transfer)
    written = written_as(frame, "yuv444p10le")
    before, random = stored_rgb(frame), np.random.default_rng(1)
    after = (before.astype(int) + random.integers(-30, 30, before.shape)).astype(np.uint8)
    np.testing.assert_allclose(before, noise, atol=3)
    np.testing.assert_allclose(stored_rgb(add_dream(frame, before, after, written)), after, atol=4)


def test_a_dream_on_a_highlight_does_not_break_it() -> None:
    frame = hdr_of(np.full((HEIGHT, WIDTH, 3), 100, np.uint8), PQ)
    written = written_as(frame, "yuv444p10le")
    plane(frame, 0)[:] = 719  # of 1000 cd/m²
    before = stored_rgb(frame)
    one_less, half = (add_dream(frame, before, np.full_like(before, level), written) for level in (254, 200))
    assert before.min() == 255
    assert 0 < 719 - plane(one_less, 0).mean() < 3
    assert 30 < 719 - plane(half, 0).mean() < 100


@pytest.mark.parametrize("transfer", [PQ, HLG])
def test_hdr_in_eight_bits_is_tone_mapped_and_says_so(transfer: int) -> None:
    frame = decoded_frame("yuv420p10le", 9, 1, 9, transfer)
    written = written_as(frame, "yuv444p")
    assert (written.matrix, written.range, written.primaries, written.transfer) == (1, 1, 1, 1)
    before = stored_rgb(frame)
    out = add_dream(frame, before, before, written)
    assert (out.colorspace, out.color_range, out.color_primaries, out.color_trc) == (1, 1, 1, 1)
    np.testing.assert_allclose(stored_rgb(out).astype(int), before, atol=4)
    assert "tone mapped" in colour_notes(decoded_format(frame), written, False)[0]
    assert not colour_notes(decoded_format(frame), written_as(frame, "yuv420p10le"), False)


@pytest.mark.parametrize(("source", "pixels"), [("yuva420p", "yuv420p"), ("yuva444p10le", "yuv444p10le")])
def test_opaque_parts_come_out_to_the_bit_and_clear_ones_black(source: str, pixels: str) -> None:
    most = 1023 if "10" in source else 255
    alpha = np.full((HEIGHT, WIDTH), most)
    alpha[:, :32], alpha[:, 32:64] = 0, most // 2
    frame = decoded_frame(source, alpha=alpha)
    written = written_as(frame, pixels)
    before = stored_rgb(frame)
    out = add_dream(frame, before, before, written)
    for n, black in enumerate(written.black):
        was, now = plane(frame, n).astype(int), plane(out, n).astype(int)
        third = was.shape[1] // 3
        np.testing.assert_array_equal(now[:, 2 * third :], was[:, 2 * third :])
        np.testing.assert_array_equal(now[:, :third], black)
        np.testing.assert_allclose(now[:, third : 2 * third] - black, (was[:, third : 2 * third] - black) / 2, atol=2)
    assert "transparent" in colour_notes(decoded_format(frame), written, True)[0]


def test_what_a_film_says_of_itself_is_written_but_for_rgb() -> None:
    assert written_colours(DecodedFormat("yuv420p", 96, 64, 5, 2, 5, 6), "yuv420p") == (5, 2, 5, 6)
    assert written_colours(DecodedFormat("yuvj420p", 96, 64, 2, 0, 2, 2), "yuv420p") == (2, 2, 2, 2)
    assert written_colours(DecodedFormat("gbrp", 96, 64, 0, 2, 1, 13), "yuv444p") == (1, 1, 1, 13)
    assert written_colours(DecodedFormat("yuv420p10le", 96, 64, 9, 1, 9, 16), "yuv420p10le") == (9, 1, 9, 16)

"""The encoder alone: a picture in, a packet out, at the rate that it should have."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from av.packet import Packet

from hallucinate.frame import Picture
from hallucinate.outputs.bitrate import bitrate_for
from hallucinate.outputs.encoder import TIME_BASE, Codec, PictureEncoder, h264_level
from tests.outputs.pictures import busy, decode
from tests.stream.foreign import BLUE, GREEN, RED, looks, picture_of, plain


def encode(encoder: PictureEncoder, picture: Picture, pts: int, fps: float = 30, key: bool = False) -> Packet[Any]:
    """A picture's packet; that there is one is tested, too."""
    packet = encoder.encode(picture, pts, fps, key)
    assert packet is not None
    return packet


@pytest.mark.parametrize("codec", Codec)
class TestPictureEncoder:
    def test_one_picture_in_one_packet_out(self, codec: Codec) -> None:
        encoder = PictureEncoder(codec)
        packets = [encode(encoder, plain(GREEN), pts * 3000) for pts in range(5)]
        assert [p.pts for p in packets] == [0, 3000, 6000, 9000, 12000]
        assert {p.time_base for p in packets} == {TIME_BASE}
        assert [p.is_keyframe for p in packets] == [True, False, False, False, False]
        assert all(looks(frame, GREEN) for frame in decode(codec, packets))

    def test_a_keyframe_that_is_requested_can_be_joined_at(self, codec: Codec) -> None:
        encoder = PictureEncoder(codec)
        packets = [encode(encoder, plain(RED), n * 3000, key=n == 3) for n in range(6)]
        assert [p.is_keyframe for p in packets] == [True, False, False, True, False, False]
        assert looks(decode(codec, packets[3:])[0], RED)

    def test_a_new_size_starts_with_a_keyframe(self, codec: Codec) -> None:
        encoder = PictureEncoder(codec)
        encode(encoder, plain(RED), 0)
        packet = encode(encoder, plain(BLUE, 323, 181), 3000)
        assert packet.is_keyframe
        frame = decode(codec, [packet])[0]
        assert (frame.width, frame.height) == (322, 180)
        assert looks(frame, BLUE)

    @pytest.mark.parametrize("share", [1.0, 0.4])
    def test_the_rate_is_held(self, codec: Codec, share: float) -> None:
        encoder, fps = PictureEncoder(codec, share), 24
        sizes = [encode(encoder, busy(n), n * 90_000 // fps, fps).size for n in range(4 * fps)]
        rate = sum(sizes[fps:]) * 8 / 3  # the first second settles
        assert 0.6 < rate / bitrate_for(640, 360, fps, share) < 1.3

    def test_red_stays_red_and_not_blue(self, codec: Codec) -> None:
        picture = plain(RED)
        picture[:, 160:] = BLUE
        seen = picture_of(decode(codec, [encode(PictureEncoder(codec), picture, 0, key=True)])[0])
        assert np.abs(seen[90, 80].astype(int) - RED).max() < 16
        assert np.abs(seen[90, 240].astype(int) - BLUE).max() < 16


@pytest.mark.parametrize(
    ("width", "height", "fps", "level"),
    [(640, 360, 24, 31), (1920, 1080, 30, 40), (2048, 1024, 24, 40), (2048, 1024, 60, 42), (4096, 2048, 24, 51)],
)
def test_levels(width: int, height: int, fps: int, level: int) -> None:
    assert h264_level(width, height, fps) == level


def test_a_level_that_there_is_for_what_is_larger_than_any() -> None:
    assert h264_level(8192, 4096, 60) == 52


@pytest.mark.parametrize(("width", "height"), [(2048, 1024), (4096, 2048)])
def test_the_stream_says_the_level_itself(width: int, height: int) -> None:
    packet = encode(PictureEncoder(Codec.H264), plain(GREEN, width, height), 0, 20, key=True)
    data = bytes(packet)
    parameters = data[data.index(b"\x00\x00\x01\x67") + 4 :]  # the sequence parameter set: profile, constraints, level
    assert (parameters[0], parameters[2]) == (66, h264_level(width, height, 20))

"""Films in and out: what is dreamed is added, everything else of the film is kept."""

import dataclasses
import io
from collections.abc import Callable
from fractions import Fraction
from functools import partial
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from PIL import Image
from rich.console import Console

from hallucinate.dream.dreamer import Dreamer
from hallucinate.dream.surface import Surface
from hallucinate.errors import HallucinateError, OutputError, PanoramaError, SourceError
from hallucinate.frame import Frame, OperatingPoint, Picture
from hallucinate.panorama.remap import Layout
from hallucinate.settings import Settings
from hallucinate.studio import film as filming
from hallucinate.studio import manners
from hallucinate.studio.boxes import index, of_pictures
from hallucinate.studio.colours import added, canvas_for, seen
from hallucinate.studio.film import films, planned
from hallucinate.studio.footage import Footage, Span
from hallucinate.studio.manners import Live
from hallucinate.studio.order import Order
from hallucinate.studio.parts import parts_folder
from hallucinate.studio.render import Begun, Made, begin, render
from hallucinate.studio.sitting import Ask
from tests.conftest import Hallucinate
from tests.dream.networks import TinyNetwork
from tests.studio.conftest import scene
from tests.studio.films import EVEN, LIGHT, SPHERICAL, Colour, film, frames, planes, sound, times

ASKED = Settings(motifs={"light": 1.0}, motif_size=0.3, dream_width=64, growth_s=0.1)
UNDREAMED = ASKED.model_copy(update={"strength": 0.0})


@pytest.fixture(autouse=True)
def _short_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Live, "part", 6)


def tiny() -> Dreamer:
    return Dreamer(TinyNetwork(), torch.device("cpu"))


def made(order: Order, dreamer: Callable[[], Dreamer] = tiny) -> Made:
    return render(order, begin(order).spans, lambda film: Live(dreamer(), film.ask.settings), lambda count: None)


COLOURS = {
    "hd": Colour(),
    "sd, full range": Colour("yuv420p", 5, 2, 5, 6),
    "not halved": Colour("yuv444p"),
    "hdr, ten bits": Colour("yuv420p10le", 9, 1, 9, 16),
}


@pytest.mark.parametrize("colour", COLOURS.values(), ids=COLOURS)
def test_an_undreamed_film_comes_out_as_it_was(tmp_path: Path, colour: Colour) -> None:
    source = film(tmp_path / "in.mp4", colour=colour, sound=None)
    made(Order(source, tmp_path / "out.mp4", Ask(UNDREAMED), crf=0))
    was, now = frames(source), frames(tmp_path / "out.mp4")
    for tag in ("colorspace", "color_range", "color_primaries", "color_trc"):
        assert getattr(now[0], tag) == getattr(was[0], tag)
    assert (was[0].colorspace, was[0].color_range) == (colour.matrix, colour.range)
    assert now[0].format.name == was[0].format.name
    most = 1023 if "10" in colour.format else 255
    for a, b in zip(planes(source), planes(tmp_path / "out.mp4"), strict=True):
        assert np.abs(a.astype(int) - b).max() <= 2 * most / 255


@pytest.mark.parametrize(
    "source", ["yuv420p", "yuvj420p", "nv12", "yuv422p", "yuv444p", "yuv420p10le", "yuv420p12le", "rgb24", "gray"]
)
def test_what_is_dreamed_is_added_and_nothing_else_changes(source: str) -> None:
    rgb = np.kron(np.random.default_rng(0).integers(40, 200, (8, 12, 3), np.uint8), np.ones((8, 8, 1), np.uint8))
    frame = av.VideoFrame.from_ndarray(rgb, "rgb24").reformat(format=source)
    canvas = canvas_for(frame, None, Order(Path(), Path(), Ask(ASKED)).formats())
    assert canvas.bits == (10 if "1" in source.removeprefix("nv12") else 8)
    before = seen(frame, canvas)
    plain = seen(added(frame, before, before, canvas), canvas).astype(int)
    lighter = seen(added(frame, before, before + np.uint8(20), canvas), canvas).astype(int)
    # Inside the blocks, where halved chroma does not mix them.
    inside = np.s_[3::8, 3::8]
    np.testing.assert_allclose(plain[inside], before[inside], atol=2)
    np.testing.assert_allclose(lighter[inside], before[inside].astype(int) + 20, atol=3)


def test_ten_bits_stay_ten_bits_where_nothing_is_dreamed() -> None:
    frame = av.VideoFrame(96, 64, "yuv420p10le")
    for n, data in enumerate(frame.planes):
        np.frombuffer(data, np.uint16)[:] = np.arange(data.buffer_size // 2) % 800 + 64 + n
    canvas = canvas_for(frame, None, {"yuv420p10le"})
    before = seen(frame, canvas)
    for was, now in zip(frame.planes, added(frame, before, before, canvas).planes, strict=True):
        np.testing.assert_array_equal(np.frombuffer(was, np.uint16), np.frombuffer(now, np.uint16))


def test_a_dreamed_film_is_dreamed(tmp_path: Path) -> None:
    source = film(tmp_path / "in.mp4", sound=None)
    result = made(Order(source, tmp_path / "out.mp4", Ask(ASKED)))
    assert (result.frames, result.damaged, result.manner) == (20, 0, "64 px wide, 1 step a frame")
    far = [np.abs(a.astype(int) - b).mean() for a, b in zip(planes(source), planes(tmp_path / "out.mp4"), strict=True)]
    assert far[-1] > 4 > far[0]
    assert not parts_folder(tmp_path / "out.mp4").exists()


UNEVEN = [0, 512, 700, 1900, 1901, 4000, 4300, 9000, 9100, 9999, 12000, 12100, 13000, 15000]


@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_sound_and_timing_are_the_sources_own(tmp_path: Path, codec: str) -> None:
    source = film(tmp_path / "in.mp4", UNEVEN)
    made(Order(source, tmp_path / "out.mp4", Ask(ASKED), codec=codec))
    assert sound(tmp_path / "out.mp4") == sound(source)
    assert [shown for shown, _ in times(tmp_path / "out.mp4")] == [shown for shown, _ in times(source)]
    assert [frame.pts * frame.time_base for frame in frames(tmp_path / "out.mp4")] == [
        n * Fraction(1, 12800) for n in UNEVEN
    ]
    assert times(tmp_path / "out.mp4")[-1] == times(source)[-1]


def test_tags_language_and_chapters_are_kept(tmp_path: Path) -> None:
    source = film(tmp_path / "in.mp4", aspect=Fraction(4, 3))
    for name in ("out.mp4", "out.mkv"):
        order = Order(source, tmp_path / name, Ask(UNDREAMED))
        assert begin(order).left_out == []  # not the stream that MP4 has of its chapters
        made(order)
        with av.open(str(tmp_path / name)) as out:
            assert {key.lower(): value for key, value in out.metadata.items()}["title"] == "A pattern"
            assert out.streams.audio[0].metadata["language"] in ("deu", "ger")
            assert [chapter["metadata"]["title"] for chapter in out.chapters()] == ["I"]
            assert out.streams.video[0].sample_aspect_ratio == Fraction(4, 3)


def test_subtitles_are_kept_where_they_can_be_and_said_where_not(tmp_path: Path) -> None:
    film(tmp_path / "plain.mkv")
    source = tmp_path / "in.mkv"
    with av.open(str(tmp_path / "plain.mkv")) as plain, av.open(str(source), "w") as out:
        copies = [out.add_stream_from_template(stream, opaque=True) for stream in plain.streams]
        titles = out.add_mux_stream("subrip", time_base=Fraction(1, 1000))
        line = av.Packet(b"What do you see?")
        line.pts = line.dts = 100
        line.duration, line.time_base, line.stream = 300, Fraction(1, 1000), titles
        packets = [packet for packet in plain.demux() if packet.dts is not None]
        for packet in packets:
            packet.stream = copies[packet.stream_index]
        out.mux([*packets[:3], line, *packets[3:]])
    assert begin(Order(source, tmp_path / "out.mp4", Ask(UNDREAMED))).left_out == ["subtitle (srt)"]
    made(Order(source, tmp_path / "out.mkv", Ask(UNDREAMED)))
    with av.open(str(tmp_path / "out.mkv")) as out:
        assert [(p.pts, bytes(p)) for p in out.demux(subtitles=0) if p.size] == [(100, b"What do you see?")]
    assert sound(tmp_path / "out.mkv") == sound(source)


@pytest.mark.parametrize("ending", ["mp4", "mkv", "mov"])
def test_a_360_film_stays_one(tmp_path: Path, ending: str) -> None:
    source = film(tmp_path / "in.mp4", boxes=SPHERICAL + LIGHT, sound=None)
    made(Order(source, tmp_path / f"out.{ending}", Ask(UNDREAMED), codec="hevc", panorama="flat"))
    was, now = (frames(path)[0].side_data for path in (source, tmp_path / f"out.{ending}"))
    for kind in ("SPHERICAL", "CONTENT_LIGHT_LEVEL"):
        assert bytes(now[kind]) == bytes(was[kind])
    assert "STEREO3D" in now
    if ending == "mp4":  # where FFmpeg adds a newer box for stereo, and reads that one
        was_boxes, now_boxes = (of_pictures(index(path)) for path in (source, tmp_path / "out.mp4"))
        assert now_boxes[b"st3d"] == was_boxes[b"st3d"]
        assert now_boxes.keys() == was_boxes.keys()
    if ending == "mkv":
        assert bytes(now["STEREO3D"]) == bytes(was["STEREO3D"])


class Looking(Dreamer):
    """A dreamer that remembers what it was shown."""

    def __init__(self) -> None:
        super().__init__(TinyNetwork(), torch.device("cpu"))
        self.shown: list[Frame] = []

    def dream(self, frame: Frame, settings: Settings, point: OperatingPoint) -> Picture:
        self.shown.append(frame)
        return super().dream(frame, settings, point)


@pytest.mark.parametrize("ending", ["mp4", "mkv"])
def test_a_turned_film_is_dreamed_upright_and_stays_turned(tmp_path: Path, ending: str) -> None:
    source = film(tmp_path / "in.mp4", rotation=90, sound=None)
    looking = Looking()
    made(Order(source, tmp_path / f"out.{ending}", Ask(UNDREAMED), crf=0), lambda: looking)
    assert looking.shown[0].picture.shape == (96, 64, 3)
    now = frames(tmp_path / f"out.{ending}")
    assert (now[0].rotation, now[0].width, now[0].height) == (90, 96, 64)
    np.testing.assert_array_equal(now[3].to_ndarray(), frames(source)[3].to_ndarray())
    assert [frame.captured_ns for frame in looking.shown] == [n * 40_000_000 for n in range(20)]


def test_what_does_not_decode_is_left_out_and_the_rest_keeps_its_time(tmp_path: Path) -> None:
    source = film(tmp_path / "in.mp4", sound=None, bframes=0)
    with av.open(str(source)) as container:
        packets = [(p.pos, p.size) for p in container.demux(video=0) if p.size]
    data = bytearray(source.read_bytes())
    at, size = packets[10]
    assert at is not None
    data[at + 4 : at + size] = b"\xff" * (size - 4)
    source.write_bytes(data)
    result = made(Order(source, tmp_path / "out.mp4", Ask(ASKED)))
    assert result.damaged >= 1
    shown = [frame.pts for frame in frames(tmp_path / "out.mp4")]
    assert 10 <= len(shown) < 20
    assert set(shown) < set(EVEN)
    assert EVEN[10] not in shown


def test_scenes_are_rendered_each_by_itself(tmp_path: Path) -> None:
    even = [n * 512 for n in range(70)]
    source = film(tmp_path / "in.mp4", even, cut_at=30)
    whole = Order(source, tmp_path / "out.mp4", Ask(ASKED), scenes=True, crf=0)
    begun = begin(whole)
    assert begun.spans == [Span(None, even[30]), Span(even[30], None)]
    assert begin(whole).spans == begun.spans  # as they were written down
    made(whole)
    assert [frame.pts for frame in frames(tmp_path / "out.mp4")] == even
    assert sound(tmp_path / "out.mp4") == sound(source)
    # A scene begins undreamed: nothing is carried into it.
    far = np.abs(planes(tmp_path / "out.mp4")[30].astype(int) - planes(source)[30]).mean()
    assert far < np.abs(planes(tmp_path / "out.mp4")[29].astype(int) - planes(source)[29]).mean() / 2


def test_a_film_is_read_from_anywhere(tmp_path: Path) -> None:
    even = [n * 512 for n in range(120)]
    footage = Footage(film(tmp_path / "in.mp4", even, sound=None))
    whole = {time: frame.to_ndarray() for time, frame in footage.frames(Span())}
    for after in (even[0], even[7], even[60], even[118], even[119]):
        rest = dict(footage.frames(Span(), after))
        assert list(rest) == [time for time in even if time > after]
        for time, frame in rest.items():
            np.testing.assert_array_equal(frame.to_ndarray(), whole[time])
    footage.close()


def refused(order: Order) -> str:
    with pytest.raises(HallucinateError) as caught:
        begin(order)
    assert not parts_folder(order.out).exists()
    return str(caught.value)


def test_bad_input_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    source = film(tmp_path / "in.mp4", EVEN[:3])
    order = Order(source, tmp_path / "out.mp4", Ask(ASKED))
    there = film(tmp_path / "there.mp4", EVEN[:2], sound=None)
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "text.mp4").write_text("no film " * 99)
    with av.open(str(tmp_path / "only.wav"), "w") as out:
        stream = out.add_stream("pcm_s16le", rate=44100)
        out.mux(stream.encode(tone_of_a_second()))
    cases = {
        "no file": dataclasses.replace(order, source=tmp_path / "nowhere.mp4"),
        "is empty (0 bytes)": dataclasses.replace(order, source=tmp_path / "empty.mp4"),
        "is not a film": dataclasses.replace(order, source=tmp_path / "text.mp4"),
        "holds no pictures": dataclasses.replace(order, source=tmp_path / "only.wav"),
        "--force": dataclasses.replace(order, out=there),
        "the film itself": dataclasses.replace(order, out=source, force=True),
        "no folder": dataclasses.replace(order, out=tmp_path / "none" / "out.mp4"),
        "'.xyz'": dataclasses.replace(order, out=tmp_path / "out.xyz"),
        "no ending": dataclasses.replace(order, out=tmp_path / "out"),
        "cannot hold h264": dataclasses.replace(order, out=tmp_path / "out.webm"),
    }
    for words, wrong in cases.items():
        message = refused(wrong)
        assert words in message
        assert "\n" not in message


def tone_of_a_second() -> av.AudioFrame:
    frame = av.AudioFrame.from_ndarray(np.zeros((1, 88200), np.int16), "s16", "stereo")
    frame.sample_rate = 44100
    return frame


def test_sound_that_does_not_fit_is_said_before_rendering(tmp_path: Path) -> None:
    source = film(tmp_path / "in.mkv", EVEN[:3], sound="wavpack")
    message = refused(Order(source, tmp_path / "out.mp4", Ask(ASKED)))
    assert "wavpack" in message
    assert "name an .mkv" in message


def test_parts_of_another_film_are_not_gone_on_with(tmp_path: Path) -> None:
    source = film(tmp_path / "in.mp4", sound=None)
    order = Order(source, tmp_path / "out.mp4", Ask(ASKED))
    begin(order)
    begin(order)  # the same again goes on
    for other, words in (
        (dataclasses.replace(order, ask=Ask(UNDREAMED)), "settings differ"),
        (dataclasses.replace(order, ask=Ask(ASKED, seed=1)), "seed differ"),
    ):
        with pytest.raises(OutputError, match=words):
            begin(other)
        assert begin(dataclasses.replace(other, force=True))
        begin(dataclasses.replace(order, force=True))


def test_a_folder_of_films(tmp_path: Path) -> None:
    folder = tmp_path / "films"
    folder.mkdir()
    (folder / "notes.txt").touch()
    like = Order(Path(), Path(), Ask(ASKED))
    with pytest.raises(SourceError, match="holds no film"):
        planned([folder], tmp_path / "out", like)
    for name in ("a.mp4", "b.avi"):
        film(folder / name, EVEN[:2], sound=None)
    orders = planned([folder], tmp_path / "out", like)
    assert [order.out.name for order in orders] == ["a.mp4", "b.mkv"]
    (tmp_path / "out" / "a.mp4").touch()
    assert [order.out.name for order in planned([folder], tmp_path / "out", like)] == ["b.mkv"]
    with pytest.raises(OutputError, match="would both be written"):
        planned([folder, folder / "a.mp4"], tmp_path / "out", like)
    made(orders[1])
    assert len(frames(tmp_path / "out" / "b.mkv")) == 2


def test_the_command(hallucinate: Hallucinate, tmp_path: Path) -> None:
    source = film(tmp_path / "in.mp4", EVEN[:6])
    run = partial(hallucinate, "film", str(source), "-o", str(tmp_path / "out.mp4"))
    first = run("--device", "cpu", "--dream-width", "64", "--steps", "2", "--motifs", "spiral")
    assert (first.returncode, first.stderr) == (0, "")
    assert "out.mp4: 6 frames, 96×64, h264 8-bit, dreamed 64 px wide, 2 steps a frame" in first.stdout
    assert len(frames(tmp_path / "out.mp4")) == 6
    for more, words in (((), "--force"), (("--codec", "vp9"), "h264 or hevc"), (("--crf", "99"), "--crf")):
        refusal = run(*more)
        assert refusal.returncode == 2
        assert words in refusal.stderr
        assert refusal.stderr.count("\n") == 1


def test_a_360_film_is_dreamed_as_the_sphere_that_it_says_it_is(tmp_path: Path) -> None:
    tagged = film(tmp_path / "in.mp4", boxes=SPHERICAL, sound=None)
    plain = film(tmp_path / "plain.mp4", sound=None)
    for source, said, lies in (
        (tagged, "auto", (Surface.SPHERE, Layout.TOP_BOTTOM)),
        (plain, "auto", (Surface.FLAT, Layout.MONO)),
        (plain, "half-equirect", (Surface.HALF, Layout.MONO)),
        (plain, "fisheye", (Surface.FLAT, Layout.MONO)),
    ):
        order = Order(source, tmp_path / "out.mp4", Ask(UNDREAMED), panorama=said)
        assert order.lies() == lies
    with pytest.raises(PanoramaError, match="equirect"):
        Order(plain, tmp_path / "out.mp4", Ask(UNDREAMED), panorama="equirekt").lies()


def test_a_panorama_that_is_dreamed_flat_is_said(tmp_path: Path) -> None:
    tagged = film(tmp_path / "in.mp4", boxes=SPHERICAL, sound=None)
    for said, like, words in (
        ("cubemap", "", "cubemap, dreamed as a flat picture; only equirect and half-equirect are"),
        ("auto", "notebook", "equirect:top-bottom, dreamed as a flat picture\n"),
        ("auto", "", ""),
        ("flat", "", ""),
    ):
        console = Console(file=io.StringIO(), width=500)
        order = Order(tagged, tmp_path / "out.mp4", Ask(UNDREAMED, like), panorama=said)
        filming.tell(console, order, Begun([], [], 0))
        assert isinstance(console.file, io.StringIO)
        told = console.file.getvalue()
        assert words in told
        assert bool(words) == bool(told)


@pytest.mark.parametrize(
    ("boxes", "said", "words"),
    [
        (SPHERICAL, "auto", "96×64 is no equirect:top-bottom, which is 1:1; as its shape is, say --panorama cubemap"),
        (b"", "half-equirect", "96×64 is no half-equirect, which is 1:1"),
    ],
    ids=["as it says", "as somebody said"],
)
def test_a_film_of_another_shape_than_its_panoramas_is_refused(
    tmp_path: Path, boxes: bytes, said: str, words: str
) -> None:
    source = film(tmp_path / "in.mp4", EVEN[:3], boxes=boxes, sound=None)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(PanoramaError, match=rf"in\.mp4: a picture of {words}"):
        begin(Order(source, tmp_path / "out.mp4", Ask(UNDREAMED), panorama=said))
    assert sorted(tmp_path.iterdir()) == before
    if said == "auto":  # in the classic manner every picture is a flat one
        begin(Order(source, tmp_path / "out.mp4", Ask(UNDREAMED, "notebook")))


def test_a_film_dreams_of_a_guide_and_where_a_mask_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = film(tmp_path / "in.mp4", EVEN[:3], sound=None)
    guide, mask = tmp_path / "guide.png", tmp_path / "mask.png"
    Image.fromarray(scene()).save(guide)
    Image.fromarray(np.repeat(np.array([[0, 255]], np.uint8), 2, 0)).resize((96, 64), Image.Resampling.NEAREST).save(
        mask
    )
    monkeypatch.setattr(manners, "open_network", lambda name, device, dtype, given: TinyNetwork().to(device))
    plain = Settings(motif_size=0.3, dream_width=64, growth_s=0.1)
    like = Order(Path(), Path(), Ask(plain, device="cpu", guide_image=guide, mask_image=mask), crf=0)
    films([source], tmp_path / "out.mp4", like)
    far = np.abs(planes(tmp_path / "out.mp4")[-1].astype(int) - planes(source)[-1])[:64]
    assert far[:, :40].max() <= 2
    assert far[:, 56:96].mean() > 2

    (order,) = planned([source], tmp_path / "two.mp4", like)
    begin(order)
    with pytest.raises(OutputError, match="guide differ"):
        begin(dataclasses.replace(order, ask=dataclasses.replace(order.ask, guide_image=mask)))


def test_a_film_through_a_network_that_knows_no_eyes_is_asked_for_its_layer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = film(tmp_path / "in.mp4", EVEN[:2], sound=None)
    monkeypatch.setattr(filming, "outline", lambda name, run_code: TinyNetwork())
    monkeypatch.setattr(manners, "open_network", lambda name, device, dtype, given: TinyNetwork().to(device))
    films([source], tmp_path / "out.mp4", Order(Path(), Path(), Ask(Settings(dream_width=64), device="cpu")))
    assert len(frames(tmp_path / "out.mp4")) == 2
    for knobs, said in (({"guide": 1.0}, "give one with --guide-image"), ({"where": "painted"}, "--mask-image")):
        like = Order(Path(), Path(), Ask(Settings.model_validate({"dream_width": 64, **knobs}), device="cpu"))
        with pytest.raises(HallucinateError, match=said):
            films([source], tmp_path / "other.mp4", like)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.mp4", "out.mp4"]

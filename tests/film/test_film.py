"""Films in and out: what is dreamed is added, everything else of the film is kept."""

import dataclasses
import io
from collections.abc import Mapping
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any, cast

import av
import numpy as np
import pytest
from av.sidedata.sidedata import SideData
from PIL import Image
from rich.console import Console

from hallucinate.dream.surface import Surface
from hallucinate.dream_request import DreamRequest
from hallucinate.film import films, frame_renderers
from hallucinate.film.boxes import movie_box, preserved_boxes
from hallucinate.film.film_job import FilmJob
from hallucinate.film.film_reader import FilmFacts, FilmReader, Span
from hallucinate.film.films import film_jobs, render_films
from hallucinate.film.frame_renderers import LiveRenderer
from hallucinate.film.parts import parts_folder
from hallucinate.film.picture_format import add_dream, decoded_format, picture_format
from hallucinate.film.rendering import FinishedFilm
from hallucinate.film.reports import announce
from hallucinate.frame import Frame, Picture
from hallucinate.panorama.remap import Layout
from hallucinate.settings import Settings
from hallucinate.sources.pixels import stored_rgb
from tests.conftest import Hallucinate
from tests.dream.networks import TinyNetwork
from tests.film.films import (
    EVEN,
    LIGHT,
    SPHERICAL,
    Colour,
    due,
    film,
    frames,
    planes,
    planned,
    rendered,
    sound,
    times,
    tiny,
)
from tests.offline import scene
from tests.refusals import refused

SETTINGS = Settings(motifs={"light": 1.0}, motif_size=0.3, dream_width=64, growth_s=0.1)
UNDREAMED = SETTINGS.model_copy(update={"strength": 0.0})


@pytest.fixture(autouse=True)
def _short_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LiveRenderer, "frames_per_part", 6)


def finished(job: FilmJob) -> FinishedFilm:
    return rendered(job, lambda film, facts: tiny(film.request.settings))


COLOURS = {
    "hd": Colour(),
    "sd, full range": Colour("yuv420p", 5, 2, 5, 6),
    "not halved": Colour("yuv444p"),
    "hdr, ten bits": Colour("yuv420p10le", 9, 1, 9, 16),
}


@pytest.mark.parametrize("colour", COLOURS.values(), ids=COLOURS)
def test_an_undreamed_film_comes_out_as_it_was(tmp_path: Path, colour: Colour) -> None:
    source = film(tmp_path / "in.mp4", colour=colour, sound=None)
    finished(FilmJob(source, tmp_path / "out.mp4", DreamRequest(UNDREAMED), keep_chroma=True, crf=0))
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
    written = picture_format(decoded_format(frame), None, keep_chroma=True)
    assert written.bits == (10 if "1" in source.removeprefix("nv12") else 8)
    before = stored_rgb(frame)
    plain = stored_rgb(add_dream(frame, before, before, written)).astype(int)
    lighter = stored_rgb(add_dream(frame, before, before + np.uint8(20), written)).astype(int)
    # Inside the blocks, where halved chroma does not mix them.
    inside = np.s_[3::8, 3::8]
    np.testing.assert_allclose(plain[inside], before[inside], atol=2)
    np.testing.assert_allclose(lighter[inside], before[inside].astype(int) + 20, atol=3)


def test_ten_bits_stay_ten_bits_where_nothing_is_dreamed() -> None:
    frame = av.VideoFrame(96, 64, "yuv420p10le")
    for n, data in enumerate(frame.planes):
        np.frombuffer(memoryview(data), np.uint16)[:] = np.arange(data.buffer_size // 2) % 800 + 64 + n
    written = picture_format(decoded_format(frame), None)
    before = stored_rgb(frame)
    for was, now in zip(frame.planes, add_dream(frame, before, before, written).planes, strict=True):
        before_data, after_data = (np.frombuffer(memoryview(data), np.uint16) for data in (was, now))
        np.testing.assert_array_equal(before_data, after_data)


def test_a_dreamed_film_is_dreamed(tmp_path: Path) -> None:
    source = film(tmp_path / "in.mp4", sound=None)
    result = finished(FilmJob(source, tmp_path / "out.mp4", DreamRequest(SETTINGS)))
    assert (result.frames, result.damaged, result.rendering) == (20, 0, "64 px wide, 1 step a frame")
    far = [np.abs(a.astype(int) - b).mean() for a, b in zip(planes(source), planes(tmp_path / "out.mp4"), strict=True)]
    assert far[-1] > 4 > far[0]
    assert not parts_folder(tmp_path / "out.mp4").exists()


UNEVEN = [0, 512, 700, 1900, 1901, 4000, 4300, 9000, 9100, 9999, 12000, 12100, 13000, 15000]


@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_sound_and_timing_are_the_sources_own(tmp_path: Path, codec: str) -> None:
    source = film(tmp_path / "in.mp4", UNEVEN)
    finished(FilmJob(source, tmp_path / "out.mp4", DreamRequest(SETTINGS), codec=codec))
    assert sound(tmp_path / "out.mp4") == sound(source)
    assert [start for start, _ in times(tmp_path / "out.mp4")] == [start for start, _ in times(source)]
    assert [due(frame) for frame in frames(tmp_path / "out.mp4")] == [n * Fraction(1, 12800) for n in UNEVEN]
    assert times(tmp_path / "out.mp4")[-1] == times(source)[-1]


def test_tags_language_and_chapters_are_kept(tmp_path: Path) -> None:
    source = film(tmp_path / "in.mp4", aspect=Fraction(4, 3))
    for name in ("out.mp4", "out.mkv"):
        job = FilmJob(source, tmp_path / name, DreamRequest(UNDREAMED))
        assert planned(job).omitted == []  # not the stream that MP4 has of its chapters
        finished(job)
        with av.open(str(tmp_path / name)) as out:
            assert {key.lower(): value for key, value in out.metadata.items()}["title"] == "A pattern"
            assert out.streams.audio[0].metadata["language"] in ("deu", "ger")
            assert [chapter["metadata"]["title"] for chapter in out.chapters()] == ["I"]
            assert out.streams.video[0].sample_aspect_ratio == Fraction(4, 3)


def test_subtitles_are_copied_where_they_can_be_and_announced_where_not(tmp_path: Path) -> None:
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
    assert planned(FilmJob(source, tmp_path / "out.mp4", DreamRequest(UNDREAMED))).omitted == ["subtitle (srt)"]
    finished(FilmJob(source, tmp_path / "out.mkv", DreamRequest(UNDREAMED)))
    with av.open(str(tmp_path / "out.mkv")) as out:
        assert [(p.pts, bytes(p)) for p in out.demux(subtitles=0) if p.size] == [(100, b"What do you see?")]
    assert sound(tmp_path / "out.mkv") == sound(source)


def side_data(path: Path) -> Mapping[str, SideData]:
    """What a film says of its first frame beside its pixels."""
    # PyAV's own stub has another class for it, of the same name.
    return cast("Mapping[str, SideData]", frames(path)[0].side_data)


@pytest.mark.parametrize("ending", ["mp4", "mkv", "mov"])
def test_a_360_film_stays_one(tmp_path: Path, ending: str) -> None:
    source = film(tmp_path / "in.mp4", boxes=SPHERICAL + LIGHT, sound=None)
    finished(FilmJob(source, tmp_path / f"out.{ending}", DreamRequest(UNDREAMED), codec="hevc", panorama="flat"))
    was, now = (side_data(path) for path in (source, tmp_path / f"out.{ending}"))
    for kind in ("SPHERICAL", "CONTENT_LIGHT_LEVEL"):
        assert bytes(now[kind]) == bytes(was[kind])
    assert "STEREO3D" in now
    if ending == "mp4":  # where FFmpeg adds a newer box for stereo, and reads that one
        was_boxes, now_boxes = (preserved_boxes(movie_box(path)) for path in (source, tmp_path / "out.mp4"))
        assert now_boxes[b"st3d"] == was_boxes[b"st3d"]
        assert now_boxes.keys() == was_boxes.keys()
    if ending == "mkv":
        assert bytes(now["STEREO3D"]) == bytes(was["STEREO3D"])


def test_light_levels_go_where_hdr_is_tone_mapped_and_stay_where_it_is_kept(tmp_path: Path) -> None:
    colour = Colour("yuv420p10le", 9, 1, 9, 16)
    source = film(tmp_path / "in.mp4", colour=colour, boxes=SPHERICAL + LIGHT, sound=None)
    for codec, transfer in (("h264", 1), ("hevc", 16)):
        out = tmp_path / f"{codec}.mp4"
        finished(FilmJob(source, out, DreamRequest(UNDREAMED), codec=codec, panorama="flat"))
        assert frames(out)[0].color_trc == transfer
        assert ("CONTENT_LIGHT_LEVEL" in side_data(out)) == (transfer == 16)
        assert "SPHERICAL" in side_data(out)


class Recording(LiveRenderer):
    """A renderer that remembers its frames."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.frames: list[Frame] = []

    def render(self, frame: Frame) -> Picture:
        self.frames.append(frame)
        return super().render(frame)


@pytest.mark.parametrize("ending", ["mp4", "mkv"])
def test_a_turned_film_is_dreamed_upright_and_stays_turned(tmp_path: Path, ending: str) -> None:
    source = film(tmp_path / "in.mp4", rotation=90, sound=None)
    recording = tiny(UNDREAMED, kind=Recording)
    job = FilmJob(source, tmp_path / f"out.{ending}", DreamRequest(UNDREAMED), crf=0)
    rendered(job, lambda film, facts: recording)
    assert recording.frames[0].picture.shape == (96, 64, 3)
    now = frames(tmp_path / f"out.{ending}")
    assert (now[0].rotation, now[0].width, now[0].height) == (90, 96, 64)
    np.testing.assert_array_equal(now[3].to_ndarray(), frames(source)[3].to_ndarray())
    assert [frame.captured_ns for frame in recording.frames] == [n * 40_000_000 for n in range(20)]


def test_what_does_not_decode_is_skipped_and_the_rest_keeps_its_time(tmp_path: Path) -> None:
    source = film(tmp_path / "in.mp4", sound=None, bframes=0)
    with av.open(str(source)) as container:
        packets = [(p.pos, p.size) for p in container.demux(video=0) if p.size]
    data = bytearray(source.read_bytes())
    at, size = packets[10]
    assert at is not None
    data[at + 4 : at + size] = b"\xff" * (size - 4)
    source.write_bytes(data)
    result = finished(FilmJob(source, tmp_path / "out.mp4", DreamRequest(SETTINGS)))
    assert result.damaged >= 1
    written = [frame.pts for frame in frames(tmp_path / "out.mp4")]
    assert 10 <= len(written) < 20
    assert set(written) < set(EVEN)
    assert EVEN[10] not in written


def test_scenes_are_rendered_each_by_itself(tmp_path: Path) -> None:
    even = [n * 512 for n in range(70)]
    source = film(tmp_path / "in.mp4", even, cut_at=30)
    whole = FilmJob(source, tmp_path / "out.mp4", DreamRequest(SETTINGS), scenes=True, crf=0)
    plan = planned(whole)
    assert plan.spans == [Span(None, even[30]), Span(even[30], None)]
    assert planned(whole).spans == plan.spans  # as they were written down
    finished(whole)
    assert [frame.pts for frame in frames(tmp_path / "out.mp4")] == even
    assert sound(tmp_path / "out.mp4") == sound(source)
    # A scene starts undreamed: nothing of the one before is in it.
    far = np.abs(planes(tmp_path / "out.mp4")[30].astype(int) - planes(source)[30]).mean()
    assert far < np.abs(planes(tmp_path / "out.mp4")[29].astype(int) - planes(source)[29]).mean() / 2


def test_a_film_is_opened_for_its_clock_to_be_read_and_to_be_copied_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, real, opened = film(tmp_path / "in.mp4"), av.open, list[str]()

    def counted(file: Any, *arguments: Any, **options: Any) -> Any:
        opened.append(str(file))
        return real(file, *arguments, **options)

    monkeypatch.setattr(av, "open", counted)
    finished(FilmJob(source, tmp_path / "out.mp4", DreamRequest(UNDREAMED)))
    assert opened.count(f"file:{source}") == 3


def test_a_film_is_read_from_anywhere(tmp_path: Path) -> None:
    even = [n * 512 for n in range(120)]
    reader = FilmReader(film(tmp_path / "in.mp4", even, sound=None))
    whole = {time: frame.to_ndarray() for time, frame in reader.frames(Span())}
    for after in (even[0], even[7], even[60], even[118], even[119]):
        rest = dict(reader.frames(Span(), after))
        assert list(rest) == [time for time in even if time > after]
        for time, frame in rest.items():
            np.testing.assert_array_equal(frame.to_ndarray(), whole[time])
    reader.close()


def test_bad_input_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    source = film(tmp_path / "in.mp4", EVEN[:3])
    job = FilmJob(source, tmp_path / "out.mp4", DreamRequest(SETTINGS))
    there = film(tmp_path / "there.mp4", EVEN[:2], sound=None)
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "text.mp4").write_text("no film " * 99)
    with av.open(str(tmp_path / "only.wav"), "w") as out:
        stream = out.add_stream("pcm_s16le", rate=44100)
        out.mux(stream.encode(tone_of_a_second()))
    cases: list[tuple[str, list[object], FilmJob]] = [
        ("file_missing", ["nowhere.mp4"], dataclasses.replace(job, source=tmp_path / "nowhere.mp4")),
        ("file_empty", ["empty.mp4", "0 bytes"], dataclasses.replace(job, source=tmp_path / "empty.mp4")),
        ("film_invalid", ["text.mp4"], dataclasses.replace(job, source=tmp_path / "text.mp4")),
        ("video_missing", ["only.wav"], dataclasses.replace(job, source=tmp_path / "only.wav")),
        ("output_exists", [there, "--force"], dataclasses.replace(job, out=there)),
        ("output_is_source", [source], dataclasses.replace(job, out=source, force=True)),
        ("folder_missing", [tmp_path / "none"], dataclasses.replace(job, out=tmp_path / "none" / "out.mp4")),
        ("ending_unknown", ["'.xyz'", ".mkv"], dataclasses.replace(job, out=tmp_path / "out.xyz")),
        ("ending_unknown", [f"{tmp_path / 'out'}:", ".mkv"], dataclasses.replace(job, out=tmp_path / "out")),
        ("container_unsuitable", ["out.webm", "h264"], dataclasses.replace(job, out=tmp_path / "out.webm")),
    ]
    for code, values, wrong in cases:
        with refused(code, *values):
            planned(wrong)
        assert not parts_folder(wrong.out).exists()


def tone_of_a_second() -> av.AudioFrame:
    frame = av.AudioFrame.from_ndarray(np.zeros((1, 88200), np.int16), "s16", "stereo")
    frame.sample_rate = 44100
    return frame


def test_sound_that_does_not_fit_is_said_before_rendering(tmp_path: Path) -> None:
    source = film(tmp_path / "in.mkv", EVEN[:3], sound="wavpack")
    with refused("container_unsuitable", source, "wavpack", ".mkv"):
        planned(FilmJob(source, tmp_path / "out.mp4", DreamRequest(SETTINGS)))
    assert not parts_folder(tmp_path / "out.mp4").exists()


def test_parts_of_another_film_are_not_gone_on_with(tmp_path: Path) -> None:
    source = film(tmp_path / "in.mp4", sound=None)
    job = FilmJob(source, tmp_path / "out.mp4", DreamRequest(SETTINGS))
    planned(job)
    planned(job)  # the same again continues
    for other, different in (
        (dataclasses.replace(job, request=DreamRequest(UNDREAMED)), "settings"),
        (dataclasses.replace(job, request=DreamRequest(SETTINGS, seed=1)), "seed"),
    ):
        with refused("work_differs", f": {different} ", "--force"):
            planned(other)
        assert planned(dataclasses.replace(other, force=True))
        planned(dataclasses.replace(job, force=True))


def test_a_folder_of_films(tmp_path: Path) -> None:
    folder = tmp_path / "films"
    folder.mkdir()
    (folder / "notes.txt").touch()
    template = FilmJob(Path(), Path(), DreamRequest(SETTINGS))
    with refused("films_missing", folder, ".mp4"):
        film_jobs([folder], tmp_path / "out", template)
    for name in ("a.mp4", "b.avi"):
        film(folder / name, EVEN[:2], sound=None)
    jobs = film_jobs([folder], tmp_path / "out", template)
    assert [job.out.name for job in jobs] == ["a.mp4", "b.mkv"]
    (tmp_path / "out" / "a.mp4").touch()
    assert [job.out.name for job in film_jobs([folder], tmp_path / "out", template)] == ["b.mkv"]
    with refused("outputs_collide", folder / "a.mp4", tmp_path / "out" / "a.mp4"):
        film_jobs([folder, folder / "a.mp4"], tmp_path / "out", template)
    finished(jobs[1])
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


def facts_of(source: Path) -> FilmFacts:
    with FilmReader(source) as reader:
        return reader.facts


def test_a_360_film_is_dreamed_as_the_sphere_that_it_says_it_is(tmp_path: Path) -> None:
    tagged = film(tmp_path / "in.mp4", boxes=SPHERICAL, sound=None)
    plain = film(tmp_path / "plain.mp4", sound=None)
    for source, panorama, geometry in (
        (tagged, "auto", (Surface.SPHERE, Layout.TOP_BOTTOM)),
        (plain, "auto", (Surface.FLAT, Layout.MONO)),
        (plain, "half-equirect", (Surface.HALF, Layout.MONO)),
        (plain, "fisheye", (Surface.FLAT, Layout.MONO)),
    ):
        job = FilmJob(source, tmp_path / "out.mp4", DreamRequest(UNDREAMED), panorama=panorama)
        assert job.geometry(facts_of(source)) == geometry
    with refused("panorama_invalid", "equirekt", "'equirect'"):
        FilmJob(plain, tmp_path / "out.mp4", DreamRequest(UNDREAMED), panorama="equirekt").geometry(facts_of(plain))


def test_a_panorama_that_is_dreamed_flat_is_announced(tmp_path: Path) -> None:
    tagged = film(tmp_path / "in.mp4", boxes=SPHERICAL, sound=None)
    plan = planned(FilmJob(tagged, tmp_path / "out.mp4", DreamRequest(UNDREAMED), panorama="flat"))
    for panorama, preset, words in (
        ("cubemap", "", "cubemap, dreamed as a flat picture; only equirect and half-equirect are"),
        ("auto", "notebook", "equirect:top-bottom, dreamed as a flat picture\n"),
        ("auto", "", ""),
        ("flat", "", ""),
    ):
        console = Console(file=io.StringIO(), width=500)
        job = FilmJob(tagged, tmp_path / "out.mp4", DreamRequest(UNDREAMED, preset), panorama=panorama)
        announce(console, dataclasses.replace(plan, job=job))
        assert isinstance(console.file, io.StringIO)
        text = console.file.getvalue()
        assert words in text
        assert bool(words) == bool(text)


@pytest.mark.parametrize(
    ("boxes", "panorama", "named"),
    [(SPHERICAL, "auto", "equirect:top-bottom"), (b"", "half-equirect", "half-equirect")],
    ids=["as it says", "as somebody said"],
)
def test_a_film_of_another_shape_than_its_panoramas_is_refused(
    tmp_path: Path, boxes: bytes, panorama: str, named: str
) -> None:
    source = film(tmp_path / "in.mp4", EVEN[:3], boxes=boxes, sound=None)
    before = sorted(tmp_path.iterdir())
    with refused("panorama_invalid", "in.mp4", "96×64", named):
        planned(FilmJob(source, tmp_path / "out.mp4", DreamRequest(UNDREAMED), panorama=panorama))
    assert sorted(tmp_path.iterdir()) == before
    if panorama == "auto":  # a classic preset dreams every picture as a flat one
        planned(FilmJob(source, tmp_path / "out.mp4", DreamRequest(UNDREAMED, "notebook")))


def test_a_film_dreams_of_a_guide_and_where_a_mask_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = film(tmp_path / "in.mp4", EVEN[:3], sound=None)
    guide, mask = tmp_path / "guide.png", tmp_path / "mask.png"
    Image.fromarray(scene()).save(guide)
    Image.fromarray(np.repeat(np.array([[0, 255]], np.uint8), 2, 0)).resize((96, 64), Image.Resampling.NEAREST).save(
        mask
    )
    monkeypatch.setattr(frame_renderers, "open_network", lambda name, device, dtype, **_: TinyNetwork().to(device))
    plain = Settings(motif_size=0.3, dream_width=64, growth_s=0.1)
    template = FilmJob(Path(), Path(), DreamRequest(plain, device="cpu", guide_image=guide, mask_image=mask), crf=0)
    render_films([source], tmp_path / "out.mp4", template)
    far = np.abs(planes(tmp_path / "out.mp4")[-1].astype(int) - planes(source)[-1])[:64]
    assert far[:, :40].max() <= 2
    assert far[:, 56:96].mean() > 2

    (job,) = film_jobs([source], tmp_path / "two.mp4", template)
    planned(job)
    with refused("work_differs", ": guide "):
        planned(dataclasses.replace(job, request=dataclasses.replace(job.request, guide_image=mask)))


def test_a_film_through_a_network_that_knows_no_eyes_is_dreamed_by_its_layer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = film(tmp_path / "in.mp4", EVEN[:2], sound=None)
    monkeypatch.setattr(films, "outline", lambda name, run_code: TinyNetwork())
    monkeypatch.setattr(frame_renderers, "open_network", lambda name, device, dtype, **_: TinyNetwork().to(device))
    template = FilmJob(Path(), Path(), DreamRequest(Settings(dream_width=64), device="cpu"))
    render_films([source], tmp_path / "out.mp4", template)
    assert len(frames(tmp_path / "out.mp4")) == 2
    for changes, option in (({"guide": 1.0}, "--guide-image"), ({"where": "painted"}, "--mask-image")):
        request = DreamRequest(Settings.model_validate({"dream_width": 64, **changes}), device="cpu")
        with refused("picture_missing", option):
            render_films([source], tmp_path / "other.mp4", dataclasses.replace(template, request=request))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.mp4", "out.mp4"]

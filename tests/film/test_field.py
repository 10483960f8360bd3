"""Films as people have them: what an output cannot hold is found before the work, and nothing is lost without a
word."""

import dataclasses
import errno
import io
import os
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.error import FFmpegError
from PIL import Image

from hallucinate.dream_request import DreamRequest
from hallucinate.film import joining, rendering
from hallucinate.film.film_job import FilmJob
from hallucinate.film.film_reader import FilmReader, Span
from hallucinate.film.films import films_in
from hallucinate.film.frame_renderers import LiveRenderer
from hallucinate.film.parts import parts_folder
from hallucinate.film.rendering import FilmPlan, FinishedFilm
from hallucinate.film.reports import changes, summary
from hallucinate.settings import Settings
from tests.film.field import clip, fields, remuxed, restamped, with_thumbnail, with_unknown_sound
from tests.film.films import due, frames, picture, planned, rendered, sound, tiny
from tests.refusals import refused

UNDREAMED = Settings(motifs={"light": 1.0}, motif_size=0.3, dream_width=64, growth_s=0.1, strength=0.0)


@pytest.fixture(autouse=True)
def _short_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LiveRenderer, "frames_per_part", 11)


def job_of(tmp_path: Path, data: bytes, name: str = "in.ts", out: str = "out.mp4", **options: Any) -> FilmJob:
    source = tmp_path / name
    source.write_bytes(data)
    return FilmJob(source, tmp_path / out, DreamRequest(UNDREAMED), **options)


def made(job: FilmJob) -> FinishedFilm:
    return rendered(job, lambda film, facts: tiny(film.request.settings))


def words_of(plan: FilmPlan) -> str:
    return " | ".join([*changes(plan), *plan.omitted])


def written(job: FilmJob) -> av.VideoStream:
    with av.open(str(job.out)) as film:
        return film.streams.video[0]


def seconds(path: Path) -> list[float]:
    return [float(due(frame)) for frame in frames(path)]


def heard_at(path: Path) -> list[float]:
    """When each packet of the sound is to be heard, in seconds."""
    return [float((pts or 0) * time_base) for pts, _, time_base, _ in sound(path)]


def heard(path: Path) -> list[bytes]:
    return [data for *_, data in sound(path)]


# What an output cannot hold


@pytest.mark.parametrize("ending", ["mp4", "mov", "mkv"])
def test_a_timecode_stays(tmp_path: Path, ending: str) -> None:
    data = clip(form="mov", picture_tags={"timecode": "01:00:00:00"})
    job = job_of(tmp_path, data, "in.mov", f"out.{ending}")
    assert not planned(job).omitted
    made(job)
    with av.open(str(job.out)) as film:
        tags = {key.lower(): value for key, value in film.streams.video[0].metadata.items()}
        assert tags["timecode"] == "01:00:00:00"
        assert len(film.streams.data) == (ending != "mkv")
    assert len(frames(job.out)) == 25


@pytest.mark.parametrize("timecode", ["99:99:99", "01:00:00;02", "", "noon"])
def test_a_timecode_that_is_none_is_omitted_before_the_work(tmp_path: Path, timecode: str) -> None:
    job = job_of(tmp_path, clip(5, form="matroska", picture_tags={"timecode": timecode}), "in.mkv")
    assert ["TIMECODE" in words for words in planned(job).omitted] == [True]
    assert made(job).frames == 5


@pytest.mark.parametrize("ending", ["mp4", "mov", "mkv"])
def test_an_unknown_sound_is_omitted_and_the_known_one_stays(tmp_path: Path, ending: str) -> None:
    job = job_of(tmp_path, with_unknown_sound(clip(form="mov")), "in.mov", f"out.{ending}")
    assert planned(job).omitted == ["audio (unknown)"]
    made(job)
    with av.open(str(job.out)) as film:
        assert [stream.codec_context.name for stream in film.streams.audio] == ["aac"]
    assert heard(job.out) == heard(job.source)


@pytest.mark.parametrize(
    ("codec", "form", "out", "holds"),
    [
        ("wavpack", "matroska", "out.mp4", [".mkv"]),
        ("flac", "matroska", "out.mov", [".mkv", ".mp4"]),
        ("pcm_s16le", "matroska", "out.mp4", [".mkv", ".mov"]),
        ("pcm_s16le", "matroska", "out.flv", [".mkv", ".mov"]),  # FFmpeg ends the process, if it is tried
        ("adpcm_ima_qt", "mov", "out.mkv", [".mov"]),
        ("wavpack", "matroska", "out.ts", [".mkv"]),  # written by FFmpeg, and nobody knows it again
        ("adpcm_ms", "avi", "out.mkv", [".wmv"]),  # held by none of the usual ones
    ],
)
def test_the_container_that_is_named_for_a_sound_really_holds_it(
    tmp_path: Path, codec: str, form: str, out: str, holds: list[str]
) -> None:
    job = job_of(tmp_path, clip(3, form=form, sound=codec), "in", out)
    with refused("container_unsuitable", job.source, codec, *holds) as caught:
        planned(job)
    assert not parts_folder(job.out).exists()
    for ending in (".mkv", ".mov", ".mp4", ".wmv"):
        assert (ending in str(caught.value).rpartition("; name")[2]) == (ending in holds)
    for ending in holds:
        other = dataclasses.replace(job, out=tmp_path / f"other{ending}")
        made(other)
        assert b"".join(heard(other.out)) == b"".join(heard(job.source))  # in packets of another length


def test_of_two_sounds_the_one_that_fits_stays(tmp_path: Path) -> None:
    two = io.BytesIO()
    one, other = clip(5, form="matroska"), clip(5, form="matroska", sound="wavpack")
    with (
        av.open(io.BytesIO(one), "r") as a,
        av.open(io.BytesIO(other), "r") as b,
        av.open(two, "w", format="matroska") as out,
    ):
        copies = [out.add_stream_from_template(s, opaque=True) for s in (*a.streams, b.streams.audio[0])]
        for film, streams in ((a, copies[:2]), (b, [None, copies[2]])):
            for packet in film.demux():
                if packet.size and (copy := streams[packet.stream_index]) is not None:
                    packet.stream = copy
                    out.mux(packet)
    job = job_of(tmp_path, two.getvalue(), "in.mkv")
    assert planned(job).omitted == ["audio (wavpack)"]
    assert made(job).frames == 5


@pytest.mark.parametrize(
    ("out", "code"),
    [
        ("out.webm", "container_unsuitable"),
        ("out.gif", "container_unsuitable"),
        ("out.mpg", "container_unsuitable"),  # it would lose its frames' times
        ("out.h264", "container_unsuitable"),
        ("out.wav", "container_unsuitable"),
        ("out.jpg", "ending_unknown"),  # muxers that write files of their own
        ("out.m3u8", "ending_unknown"),
        ("out.mpd", "ending_unknown"),
        ("out.txt", "ending_unknown"),
    ],
)
def test_an_ending_that_holds_no_film_is_refused_and_nothing_is_written(tmp_path: Path, out: str, code: str) -> None:
    job = job_of(tmp_path, clip(3), out=out)
    with refused(code, out, ".mp4", ".mkv"):
        planned(job)
    assert [path.name for path in tmp_path.iterdir()] == ["in.ts"]


@pytest.mark.parametrize(
    "ending", ["mp4", "m4v", "mov", "mkv", "avi", "ts", "mts", "m2ts", "flv", "wmv", "3gp", "nut", "f4v"]
)
def test_every_ending_that_holds_a_film_is_written(tmp_path: Path, ending: str) -> None:
    job = job_of(tmp_path, clip(5, form="mov"), "in.mov", f"out.{ending}")
    assert made(job).frames == 5
    with av.open(str(job.out)) as film:
        assert sum(1 for packet in film.demux(video=0) if packet.size) >= 5
    assert len(heard(job.out)) == len(heard(job.source))


def test_tags_that_a_container_does_not_hold_are_named(tmp_path: Path) -> None:
    tags = {"title": "T", "com.apple.quicktime.location.ISO6709": "+48.1+11.5/", "comment": "x" * 200_000, "ключ": "v"}
    job = job_of(tmp_path, clip(3, form="matroska", tags=tags), "in.mkv")
    lost = " ".join(planned(job).omitted).lower()
    assert "location.iso6709" in lost
    assert "ключ" in lost
    assert "title" not in lost
    made(job)
    with av.open(str(job.out)) as film:
        assert (film.metadata["title"], film.metadata["comment"]) == ("T", tags["comment"])
    assert not planned(dataclasses.replace(job, out=tmp_path / "out.mkv")).omitted


def test_a_tag_in_another_encoding_is_read_as_it_was_meant(tmp_path: Path) -> None:
    data = clip(3, form="avi", codec="mpeg4", sound=None, tags={"title": "XXXXXXX"})
    job = job_of(tmp_path, data.replace(b"XXXXXXX", "für Äpp".encode("cp1252")), "in.avi")
    made(job)
    with av.open(str(job.out)) as film:
        assert film.metadata["title"] == "für Äpp"


def test_a_size_that_no_encoder_takes_is_refused_before_the_work(tmp_path: Path) -> None:
    job = job_of(tmp_path, clip(1, form="matroska", codec="ffv1", size=(20_000, 16), sound=None), "in.mkv")
    for codec in ("h264", "hevc"):
        with refused("container_unsuitable", "20000×16", codec):
            planned(dataclasses.replace(job, codec=codec))
    assert [path.name for path in tmp_path.iterdir()] == ["in.mkv"]


def test_a_film_too_small_to_be_dreamed_is_refused_and_a_sliver_is_dreamed(tmp_path: Path) -> None:
    for size in ((8, 8), (64, 14)):
        data = clip(2, form="matroska", codec="mjpeg", pixels="yuvj420p", size=size, sound=None)
        with refused("source_unavailable", f"{size[0]}×{size[1]}", "16×16"):
            planned(job_of(tmp_path, data, "in.mkv"))
    for n, size in enumerate([(16, 16), (640, 16), (16, 640)]):  # OpenCV's flow ends the process for some
        data = clip(3, form="matroska", codec="mjpeg", pixels="yuvj420p", size=size, sound=None)
        assert made(job_of(tmp_path, data, "in.mkv", f"out{n}.mp4")).frames == 3


# What goes wrong at the end


def test_a_packet_that_does_not_fit_after_all_is_omitted_and_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = job_of(tmp_path, clip(5, form="mov"), "in.mov", "out.mkv")
    real = joining.copied_packets

    def damaged(*arguments: Any) -> Any:
        for n, packet in enumerate(real(*arguments)):
            if n == 3:
                packet.dts = -(10**9)
            yield packet

    monkeypatch.setattr(joining, "copied_packets", damaged)
    result = made(job)
    assert (result.frames, result.omitted) == (5, ["1 packet of audio (aac)"])
    assert "1 packet of audio (aac)" in summary(job, result, 1.0)


def test_a_film_that_cannot_be_joined_with_its_sound_is_joined_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = job_of(tmp_path, clip(5, form="mov"), "in.mov")
    real = joining.join

    def unable(job: FilmJob, facts: Any, contents: Any, *rest: Any) -> Any:
        if contents.streams:
            raise FFmpegError(errno.EINVAL, "Invalid argument")
        return real(job, facts, contents, *rest)

    monkeypatch.setattr(rendering, "join", unable)
    result = made(job)
    assert result.frames == len(frames(job.out)) == 5
    assert "Invalid argument" in result.omitted[0]


@pytest.mark.parametrize(("number", "full"), [(errno.ENOSPC, True), (errno.EINVAL, False)])
def test_only_a_full_disk_is_called_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, full: bool
) -> None:
    job = job_of(tmp_path, clip(5, form="mov", sound=None), "in.mov")

    def unable(*_: Any) -> Any:
        raise FFmpegError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(rendering, "join", unable)
        with refused("output_failed", job.out, os.strerror(number), parts_folder(job.out)) as caught:
            made(job)
    assert ("the disk is full" in str(caught.value)) == full
    assert made(job).frames == 5  # nothing was lost, and the same command ends otherwise


# Clocks


def test_a_clock_that_starts_anew_loses_nothing(tmp_path: Path) -> None:
    one = clip(25)
    (tmp_path / "one.ts").write_bytes(one)
    for out in ("out.mkv", "out.mp4"):
        job = job_of(tmp_path, one + one, out=out)
        plan = planned(job)
        assert (plan.facts.clock.steps, plan.facts.frames) == (1, 50)
        made(job)
        times = seconds(job.out)
        assert len(times) == 50
        assert 0.03 < np.diff(times).min() <= np.diff(times).max() < 0.1
        adts = 7  # bytes of a header that transport streams have in each packet
        assert heard(job.out) == [data[adts:] for data in heard(tmp_path / "one.ts")] * 2
        # In step: the second half's sound begins as long before its pictures as the first one's.
        starts = heard_at(job.out)
        assert abs((times[25] - starts[len(starts) // 2]) - (times[0] - starts[0])) < 0.002


@pytest.mark.parametrize(
    ("starts", "steps"),
    [((0, 500), 1), ((500, 0), 1), ((0, 0, 0), 2), ((95_442.68, 0), 0), ((36_001, 90_000), 1)],
    ids=["forward", "back", "twice", "over the counter's end", "far"],
)
def test_recordings_that_were_joined_follow_each_other(tmp_path: Path, starts: tuple[float, ...], steps: int) -> None:
    job = job_of(tmp_path, b"".join(clip(25, start_s=start) for start in starts))
    assert planned(job).facts.clock.steps == steps
    made(job)
    times = seconds(job.out)
    assert len(times) == 25 * len(starts)
    assert times[0] < 0.1
    assert np.diff(times).max() < (0.1 if steps else 0.2)
    assert len(heard(job.out)) == len(heard(job.source))


def test_a_clock_that_starts_late_begins_at_0(tmp_path: Path) -> None:
    job = job_of(tmp_path, clip(25, start_s=36_001), out="out.mkv")
    plan = planned(job)
    assert "begins at 36001.0 s" in words_of(plan)
    made(job)
    with av.open(str(job.out)) as film:
        assert film.start_time is not None
        assert abs(film.start_time) < 100_000
        assert (film.duration or 0) < 2_000_000
    before = [seconds(path)[0] - heard_at(path)[0] for path in (job.source, job.out)]
    assert abs(before[1] - before[0]) < 0.003  # in step


@pytest.mark.parametrize("by_s", [5000, -30, 3, 95_000], ids=str)
@pytest.mark.parametrize("stream", [0xE0, 0xC0], ids=["pictures", "sound"])
def test_one_damaged_time_moves_nothing_else(tmp_path: Path, by_s: float, stream: int) -> None:
    job = job_of(tmp_path, restamped(clip(50), 2 if stream == 0xC0 else 20, by_s, stream))
    plan = planned(job)
    assert plan.facts.clock.steps == 0
    assert "1 packet" in words_of(plan)
    made(job)
    times = seconds(job.out)
    np.testing.assert_allclose(np.diff(times), 0.04, atol=0.002)
    assert len(heard(job.out)) == len(heard(job.source))
    ends = heard_at(job.out)
    assert np.diff(ends).min() >= 0
    assert ends[-1] < 2.2


@pytest.mark.parametrize(("form", "step_s", "steps"), [("matroska", 7200, 1), ("mp4", 7200, 1), ("matroska", 20, 0)])
def test_a_step_of_hours_is_a_new_clock_and_a_pause_stays_one(
    tmp_path: Path, form: str, step_s: int, steps: int
) -> None:
    def later(packet: Any) -> None:
        if packet.pts * packet.time_base >= 1:
            packet.pts += round(step_s / packet.time_base)
            packet.dts += round(step_s / packet.time_base)

    job = job_of(tmp_path, remuxed(clip(50, options={"bf": "0"}), form, later), "in")
    assert planned(job).facts.clock.steps == steps
    made(job)
    assert len(frames(job.out)) == 50
    assert abs(max(np.diff(seconds(job.out))) - (0.04 if steps else 20.04)) < 0.05


def test_a_pause_that_only_the_pictures_have_is_none_of_the_clocks(tmp_path: Path) -> None:
    def later(packet: Any) -> None:
        if packet.stream.type == "video" and packet.pts * packet.time_base >= 1:
            packet.pts += 20 * 90_000
            packet.dts += 20 * 90_000

    film = remuxed(clip(50, options={"bf": "0"}), "mpegts", later)
    job = job_of(tmp_path, film)
    assert planned(job).facts.clock.steps == 0


def test_with_a_new_clock_a_film_is_continued_and_cut_into_scenes_by_times_that_rise(tmp_path: Path) -> None:
    with FilmReader(job_of(tmp_path, clip(25) + clip(25)).source) as reader:
        whole = {time: frame.to_ndarray() for time, frame in reader.frames(Span())}
        times = list(whole)
        for after in (times[3], times[24], times[40]):
            rest = dict(reader.frames(Span(), after))
            assert list(rest) == [time for time in times if time > after]
            for time, frame in rest.items():
                np.testing.assert_array_equal(frame.to_ndarray(), whole[time])
        assert list(dict(reader.frames(Span(times[20], times[30])))) == times[20:30]


DREAMED = UNDREAMED.model_copy(update={"strength": 1.0})

BROKEN = {
    "a new clock": lambda: clip(25) + clip(25),
    "another size": lambda: clip(25) + clip(25, size=(64, 96)),
    "fields": lambda: fields(50),
    "a damaged time": lambda: restamped(clip(50), 20, 5000),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_stopped_and_continued_it_is_the_same_film(tmp_path: Path, kind: str) -> None:
    job = dataclasses.replace(job_of(tmp_path, BROKEN[kind]()), request=DreamRequest(DREAMED))
    whole = dataclasses.replace(job, out=tmp_path / "whole.mp4")

    def stop(at: int) -> Any:
        def report(count: int) -> None:
            if count == at:
                raise KeyboardInterrupt

        return report

    expected = made(whole)
    for at in (14, 37):
        with pytest.raises(KeyboardInterrupt):
            rendered(job, lambda film, facts: tiny(film.request.settings), stop(at))
    result = made(job)
    assert (result.frames, result.fitted) == (expected.frames, expected.fitted)
    assert job.out.read_bytes() == whole.out.read_bytes()


# Pictures


def test_a_thumbnail_that_comes_first_is_not_the_film(tmp_path: Path) -> None:
    job = job_of(tmp_path, with_thumbnail(clip(form="mov")), "in.mov")
    assert planned(job).omitted == ["another video (mjpeg, 48×32)"]
    made(job)
    assert {(frame.width, frame.height) for frame in frames(job.out)} == {(96, 64)}
    assert len(frames(job.out)) == 25


FORMATS = [
    ("gif", "gif", "rgb8", "h264", "yuv420p"),
    ("matroska", "libx264rgb", "rgb24", "h264", "yuv420p"),
    ("avi", "mjpeg", "yuvj422p", "h264", "yuvj420p"),
    ("mp4", "libx264", "yuv444p", "h264", "yuv420p"),
    ("mp4", "libx265", "yuv420p10le", "hevc", "yuv420p10le"),
    ("mov", "prores_ks", "yuv422p10le", "hevc", "yuv420p10le"),
    ("matroska", "ffv1", "gray", "h264", "yuv420p"),
    ("matroska", "ffv1", "yuv444p12le", "hevc", "yuv420p10le"),
]


@pytest.mark.parametrize(
    ("form", "codec", "pixels", "becomes", "as_pixels"), FORMATS, ids=[f"{f[1]} {f[2]}" for f in FORMATS]
)
def test_by_default_a_film_plays_everywhere(
    tmp_path: Path, form: str, codec: str, pixels: str, becomes: str, as_pixels: str
) -> None:
    quiet = {"x265-params": "log-level=error"} if codec == "libx265" else {}
    job = job_of(tmp_path, clip(5, form=form, codec=codec, pixels=pixels, sound=None, options=quiet), "in")
    plan = planned(job)
    made(job)
    stream = written(job)
    assert (stream.codec_context.name, stream.codec_context.pix_fmt) == (becomes, as_pixels)
    assert stream.codec_context.profile in ("High", "Main 10")
    halved = "420" not in pixels and "gray" not in pixels
    assert ("--keep-chroma" in words_of(plan)) == halved
    assert ("HEVC" in words_of(plan)) == (becomes == "hevc")


@pytest.mark.parametrize(
    ("pixels", "codec", "keep", "profile", "as_pixels"),
    [
        ("yuv444p", "auto", True, "High 4:4:4 Predictive", "yuv444p"),
        ("yuv422p", "auto", True, "High 4:2:2", "yuv422p"),
        ("yuv420p10le", "h264", False, "High", "yuv420p"),
        ("yuv422p10le", "auto", True, "Rext", "yuv422p10le"),
        ("yuv420p", "hevc", False, "Main", "yuv420p"),
    ],
)
def test_what_is_requested_is_kept(
    tmp_path: Path, pixels: str, codec: str, keep: bool, profile: str, as_pixels: str
) -> None:
    data = clip(5, form="matroska", codec="ffv1", pixels=pixels, sound=None)
    job = job_of(tmp_path, data, "in.mkv", codec=codec, keep_chroma=keep)
    plan = planned(job)
    made(job)
    context = written(job).codec_context
    assert (context.profile, context.pix_fmt) == (profile, as_pixels)
    assert ("few players" in words_of(plan)) == keep
    assert ("10 bits become 8" in words_of(plan)) == (pixels == "yuv420p10le")


@pytest.mark.parametrize(
    ("size", "becomes"), [((97, 65), (98, 66)), ((96, 65), (96, 66)), ((97, 64), (98, 64)), ((17, 17), (18, 18))]
)
def test_odd_sides_get_their_last_row_or_column_again(
    tmp_path: Path, size: tuple[int, int], becomes: tuple[int, int]
) -> None:
    data = clip(3, form="matroska", codec="ffv1", size=size, sound=None)
    job = job_of(tmp_path, data, "in.mkv", crf=0)
    assert f"{becomes[0]}×{becomes[1]}" in words_of(planned(job))
    made(job)
    was, now = frames(job.source)[2].to_ndarray(format="gray"), frames(job.out)[2].to_ndarray(format="gray")
    height, width = was.shape
    assert now.shape == (becomes[1], becomes[0])
    np.testing.assert_array_equal(now[:height, :width], was)
    np.testing.assert_array_equal(now[:, -1], now[:, width - 1])
    np.testing.assert_array_equal(now[-1], now[height - 1])
    with_chroma = dataclasses.replace(job, out=tmp_path / "other.mkv", keep_chroma=True)
    made(with_chroma)
    assert (written(with_chroma).width, written(with_chroma).height) == becomes


@pytest.mark.parametrize("size", [(64, 96), (128, 64), (48, 32), (96, 60)], ids=str)
def test_a_film_that_changes_size_or_turns_is_fitted_and_nothing_is_cut_off(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    job = job_of(tmp_path, clip(25) + clip(25, size=size), crf=1)
    result = made(job)
    assert (result.frames, result.fitted) == (50, 25)
    assert "25 frames of another size" in summary(job, result, 1.0)
    shapes = {(frame.width, frame.height) for frame in frames(job.out)}
    assert shapes == {(96, 64)}
    now = frames(job.out)[40].to_ndarray(format="rgb24").astype(int)
    scale = min(96 / size[0], 64 / size[1])
    width, height = round(size[0] * scale), round(size[1] * scale)
    x, y = (96 - width) // 2, (64 - height) // 2
    inside = now[y : y + height, x : x + width]
    was = frames(job.source)[40].reformat(width, height, "rgb24", interpolation="BICUBIC").to_ndarray().astype(int)
    assert np.abs(inside - was).mean() < 8
    around = np.ones(now.shape[:2], bool)
    around[max(0, y - 2) : y + height + 2, max(0, x - 2) : x + width + 2] = False
    assert not around.any() or now[around].max() < 24


def test_fields_are_made_whole_and_it_is_said(tmp_path: Path) -> None:
    job = job_of(tmp_path, fields(), crf=4)
    assert "deinterlaced" in words_of(planned(job))
    made(job)
    now = frames(job.out)
    assert len(now) == 25
    for frame in (frames(job.source)[10], now[10]):
        luma = frame.to_ndarray(format="gray").astype(int)
        combed = np.abs(luma[1:-1] - (luma[:-2] + luma[2:]) / 2).max()
        assert (combed > 60) == (frame is not now[10])


def test_a_film_larger_than_h264_is_shown_at_becomes_hevc(tmp_path: Path) -> None:
    data = clip(1, form="matroska", codec="ffv1", size=(9000, 32), sound=None)
    plan = planned(job_of(tmp_path, data, "in.mkv"))
    assert plan.written.codec == "hevc"
    assert "9000×32" in words_of(plan)


def test_an_odd_clock_is_no_hindrance(tmp_path: Path) -> None:
    bases = [Fraction(1, 1_000_000_000), Fraction(1001, 30_000), Fraction(1, 1)]
    for n, base in enumerate(bases):
        file = io.BytesIO()
        with av.open(file, "w", format="nut") as out:
            stream = out.add_stream("ffv1", rate=25, time_base=base)
            assert isinstance(stream, av.VideoStream)
            stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
            for k in range(4):
                frame = av.VideoFrame(96, 64, "yuv420p")
                frame.pts, frame.time_base = k * max(1, round(Fraction(5) / base)), base
                out.mux(stream.encode(frame))
            out.mux(stream.encode())
        job = job_of(tmp_path, file.getvalue(), f"in{n}.nut", f"out{n}.mp4")
        made(job)
        expected = max(1, round(Fraction(5) / base)) * float(base)
        np.testing.assert_allclose(np.diff(seconds(job.out)), expected, rtol=1e-3)


# What breaks off, what says too much, and what few players play


@pytest.mark.parametrize("form", ["matroska", "flv"])
def test_a_film_that_breaks_off_is_rendered_and_it_is_said(tmp_path: Path, form: str) -> None:
    whole = clip(100, form=form, sound=None)
    assert "promises" not in words_of(planned(job_of(tmp_path, whole, "whole", "whole.mp4")))
    job = job_of(tmp_path, whole[: len(whole) // 2], "in")
    assert "s that its header promises are not there" in words_of(planned(job))
    assert 10 < made(job).frames < 90


def test_bytes_that_are_missing_in_the_middle_are_named(tmp_path: Path) -> None:
    data = bytearray(clip(50))
    at = len(data) // 2 // 188 * 188
    data[at : at + 10 * 188] = bytes(10 * 188)
    plan = planned(job_of(tmp_path, bytes(data)))
    assert plan.facts.clock.corrupt > 0
    assert f"missing of {plan.facts.clock.corrupt} packet" in words_of(plan)
    assert "missing" not in words_of(planned(job_of(tmp_path, clip(10), "whole.ts", "whole.mp4")))


def test_films_of_all_kinds_are_found_in_a_folder(tmp_path: Path) -> None:
    for name in ("a.3gp", "b.VOB", "c.mxf", "d.gif", "e.ogv", "f.txt", "g.jpg"):
        (tmp_path / name).touch()
    assert [path.name[0] for path in films_in(tmp_path)] == list("abcde")


def test_an_mp4_without_its_index_is_refused_for_that(tmp_path: Path) -> None:
    whole = clip(10, form="mp4")
    with refused("film_invalid", "index"):
        planned(job_of(tmp_path, whole[: whole.index(b"moov") - 4], "in.mp4"))


def test_pictures_without_a_container_are_a_film(tmp_path: Path) -> None:
    assert made(job_of(tmp_path, clip(5, form="h264", sound=None), "in.h264")).frames == 5


def test_what_a_film_without_alpha_or_depth_says_of_them_is_said_and_not_copied(tmp_path: Path) -> None:
    transparent = clip(3, form="webm", codec="libvpx-vp9", pixels="yuva420p", sound=None)
    job = job_of(tmp_path, transparent.replace(b"\x53\xc0\x81\x00", b"\x53\xc0\x81\x01"), "in.webm", "out.mkv")
    made(job)
    with av.open(str(job.out)) as film:
        assert "alpha_mode" not in {key.lower() for key in film.streams.video[0].metadata}
    for out, lost in (("out.mp4", True), ("two.mkv", True)):
        stereo = job_of(tmp_path, clip(3, form="matroska", options={"x264-params": "frame-packing=3"}), "in.mkv", out)
        assert ("stereo" in words_of(planned(stereo))) == lost


@pytest.mark.parametrize(
    ("sound", "out", "named"), [("mp2", "out.mp4", True), ("mp2", "out.mkv", False), ("aac", "out.mp4", False)]
)
def test_a_sound_that_few_players_play_is_named(tmp_path: Path, sound: str, out: str, named: bool) -> None:
    plan = planned(job_of(tmp_path, clip(3, form="matroska", sound=sound), out=out))
    assert ("few players" in words_of(plan)) == named


def test_an_animated_png_is_a_film_and_an_animated_webp_is_refused_with_what_to_do(tmp_path: Path) -> None:
    pictures = [Image.fromarray(picture(n)) for n in range(4)]
    for name in ("in.png", "in.webp"):
        pictures[0].save(tmp_path / name, save_all=True, append_images=pictures[1:], duration=40)
    assert made(job_of(tmp_path, (tmp_path / "in.png").read_bytes(), "in.png")).frames == 4
    with refused("film_is_picture", "animated", "GIF"):
        planned(job_of(tmp_path, (tmp_path / "in.webp").read_bytes(), "in.webp"))

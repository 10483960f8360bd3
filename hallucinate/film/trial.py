"""Whether a container can hold a film, found out by writing one of a few frames: before the work, not after it.

Nobody knows what every muxer takes: a tag that it reads as a rate, a codec it has no number for, a size, a clock, a
key that is too long. So a film of black frames with all that the source has beside its pictures is written in
memory, header, packets, trailer and all, and read again; what it cannot hold is omitted piece by piece, or refused
where nothing of use would remain.
"""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
from av.container import InputContainer
from av.error import FFmpegError
from av.sidedata.sidedata import Type as SideDataType
from av.stream import Stream

from hallucinate.errors import OutputError
from hallucinate.film.container import add_encoder, add_streams, container_format, muxer_options
from hallucinate.film.contents import Contents, Piece, is_known, never_copied, pieces_of, stream_words, without
from hallucinate.film.film_job import FilmJob
from hallucinate.film.film_reader import FilmFacts
from hallucinate.film.picture_format import PictureFormat, black_frame
from hallucinate.sources.panoramas import side_data
from hallucinate.sources.pixels import Orientation
from hallucinate.writing import reason

FRAMES = 3
"""So many are written in a trial: their times have to come out again."""

TOLERANCE_S = Fraction(1, 500)
"""Frames' times that come out of a container by more than this differently are not held by it (FLV has
milliseconds)."""

UNSAFE_IN_FLV = ("pcm_", "adpcm_")
"""Sounds with which FFmpeg's FLV muxer ends the process (an assertion in flvenc.c, FFmpeg 8.0), instead of refusing."""

READABLE = {"mpegts", "matroska", "avi", "flv", "asf", "nut"}
"""Containers whose muxer and demuxer have one name."""

ALTERNATIVES, WINDOWS = (".mkv", ".mov", ".mp4"), (".wmv",)
"""What is tried where the container that was named cannot hold a film; and, if none of them can, for Windows' sounds.
Not AVI, which has no times and loses packets that come closer together than it expects."""


@dataclass(frozen=True)
class Trial:
    """What a trial is made of. part: the encoded frames."""

    job: FilmJob
    facts: FilmFacts
    written: PictureFormat
    source: InputContainer
    part: bytes

    def film(self, kind: str, contents: Contents) -> bytes:
        """A film of a few frames in a container. Raises FFmpegError or ValueError for what it cannot hold."""
        file = io.BytesIO()
        with av.open(file, "w", format=kind, container_options=muxer_options(kind)) as out:
            pictures, copies = add_streams(out, kind, self.facts, contents, self.part, self.source)
            for packet in self.packets(pictures, copies):
                out.mux(packet)
        return file.getvalue()

    def packets(self, pictures: av.VideoStream, copies: dict[int, Stream]) -> list[av.Packet[Any]]:
        """The frames' packets, and the first one of each copied stream."""
        found = list[Any]()
        with av.open(io.BytesIO(self.part), "r") as part:
            for packet in part.demux(video=0):
                if packet.size:
                    packet.dts, packet.stream = packet.pts, pictures
                    found.append(packet)
        for index, copy in copies.items():
            first = self.facts.clock.first_packets.get(index)
            if first is not None:
                again: av.Packet[Stream] = av.Packet(bytes(first))
                again.pts = again.dts = 0
                again.duration, again.time_base = first.duration or 0, first.time_base
                again.is_keyframe, again.stream = first.is_keyframe, copy
                found.append(again)
        return found

    def reason_against(self, kind: str, contents: Contents) -> str:
        """Why a container cannot hold these contents, in FFmpeg's words; "" where it can."""
        names = [self.source.streams[index].codec_context for index in contents.streams]
        if kind == "flv" and any(each is not None and each.name.startswith(UNSAFE_IN_FLV) for each in names):
            return "FFmpeg cannot write it"
        try:
            data = self.film(kind, contents)
            return self.reason_against_times(kind, data) or self.reason_against_streams(kind, data, contents)
        except (FFmpegError, ValueError, OverflowError) as error:
            return reason(error)

    def reason_against_times(self, kind: str, data: bytes) -> str:
        """Why a written film is not one: its frames' times do not come out of it."""
        was, now = frame_times("nut", self.part), frame_times(kind, data)
        if len(was) != len(now) or any(abs(a - b) > TOLERANCE_S for a, b in zip(was, now, strict=True)):
            return "it does not hold the times of its frames"
        return ""

    def reason_against_streams(self, kind: str, data: bytes, contents: Contents) -> str:
        """Why a written film does not hold what was copied: it is something else when it is read again."""
        with read_again(kind, data) as film:
            names = Counter(codec_of(stream) for stream in film.streams)
        copied = [self.source.streams[index] for index in contents.streams]
        sounds = Counter(codec_of(stream) for stream in copied if stream.index in self.facts.clock.first_packets)
        lost = sounds - names
        return f"it does not hold {', '.join(map(str, lost))}" if lost else ""


def codec_of(stream: Stream) -> str:
    """The name of a stream's codec; of one that has none its kind. MPEG's three layers are distinguished by longer
    films."""
    if not is_known(stream) or stream.type == "attachment":
        return stream.type
    return re.sub(r"^mp[123](float)?$", "mpeg", stream.codec_context.name)


def read_again(kind: str, data: bytes) -> InputContainer:
    """A film in memory, opened as what it is: so little of one is not always recognized."""
    name = kind if kind in READABLE else None
    return av.open(io.BytesIO(data), "r", format=name, metadata_errors="replace")


def frame_times(kind: str, film: bytes) -> list[Fraction]:
    """When the frames of a film in memory are decoded, after the first one, in seconds; nothing where it has none."""
    with read_again(kind, film) as container:
        if not container.streams.video:
            return []
        times = [packet.dts * packet.time_base for packet in container.demux(video=0) if packet.dts is not None]
        return [time - times[0] for time in times]


def prepare_trial(job: FilmJob, facts: FilmFacts, written: PictureFormat, source: InputContainer) -> Trial:
    """Encode a few black frames as the film is going to be. Raises OutputError for what the encoder cannot do."""
    file = io.BytesIO()
    width, height = written.coded_size
    try:
        with av.open(file, "w", format="nut") as out:
            stream = add_encoder(out, job, written, facts.time_base, facts.rate)
            for n in range(FRAMES):
                frame = black_frame(written)
                frame.pts, frame.time_base = n * facts.frame_duration, facts.time_base
                out.mux(stream.encode(frame))
            out.mux(stream.encode())
    except (FFmpegError, ValueError, OverflowError, MemoryError) as error:
        raise OutputError(
            f"{job.source}: {width}×{height} {written.pixels} cannot be encoded as {written.codec} ({reason(error)}); "
            "convert it to another size first, or name another --codec",
            code="container_unsuitable",
        ) from None
    return Trial(job, facts, written, source, file.getvalue())


def choose_contents(trial: Trial, pictures: Stream) -> tuple[Contents, list[str]]:
    """What goes into the film beside its pictures, and what of the source is omitted, in words.

    pictures: the stream that is dreamed. Raises OutputError where the container cannot hold the pictures, or none of
    the sounds that another one could hold.
    """
    kind, facts = container_format(trial.job.out), trial.facts
    pieces = list(pieces_of(trial.source, facts))
    whole = Contents()
    for piece in pieces:
        whole = whole.with_piece(piece)
    omitted = list[str]()
    if trial.reason_against(kind, whole):
        whole, omitted = one_by_one(trial, kind, pieces)
    omitted += lost(trial, kind, whole)
    timecode = any("timecode" in tags for tags in (whole.tags, whole.picture_tags))
    return whole, [*omitted, *never_copied(trial.source, pictures, timecode)]


def one_by_one(trial: Trial, kind: str, pieces: Sequence[Piece]) -> tuple[Contents, list[str]]:
    """The pieces that a container can hold together, and the words of the others. Raises as ``choose_contents``."""
    job = trial.job
    if why := trial.reason_against(kind, Contents()):
        others = alternatives(trial, Contents(), kind)
        raise OutputError(
            f"{job.out}: this container cannot hold {trial.written.codec} as a film needs it ({why}); name "
            f"{others or 'another --codec'}",
            code="container_unsuitable",
        )
    whole, omitted = Contents(), list[str]()
    for piece in pieces:
        candidate = whole.with_piece(piece)
        if trial.reason_against(kind, candidate):
            omitted.append(piece.words)
        else:
            whole = candidate
    sounds = [each for each in trial.source.streams if each.type == "audio" and is_known(each)]
    if sounds and not any(each.index in whole.streams for each in sounds):
        every = Contents(tuple(each.index for each in sounds))
        if others := alternatives(trial, every, kind):
            words = ", ".join(stream_words(each) for each in sounds)
            raise OutputError(
                f"{job.out}: this container cannot hold the sound of {job.source}, which is copied as it is: {words}; "
                f"name {others}",
                code="container_unsuitable",
            )
    return whole, omitted


def alternatives(trial: Trial, contents: Contents, kind: str) -> str:
    """The endings of other containers that can hold these contents, in words; "" where there is none."""
    found = list[str]()
    for endings in (ALTERNATIVES, WINDOWS):
        kinds = {ending: container_format(trial.job.out.with_suffix(ending)) for ending in endings}
        others = {ending: other for ending, other in kinds.items() if other != kind}
        found = found or [ending for ending, other in others.items() if not trial.reason_against(other, contents)]
    words = [f"a {ending}" if ending in WINDOWS else f"an {ending}" for ending in found]
    return " or ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def lost(trial: Trial, kind: str, contents: Contents) -> list[str]:
    """What a container takes and does not hold, in words: it is not there when the trial is read again."""
    found = list[str]()
    with read_again(kind, trial.film(kind, contents)) as film:
        pictures = film.streams.video[0]
        frame = next(film.decode(pictures))
        values = set(film.metadata.values()) | set(pictures.metadata.values())
        names = {*film.metadata, *pictures.metadata}
        for key, value in (without(contents.tags, NOT_MISSED) | without(contents.picture_tags, NOT_MISSED)).items():
            if value not in values and key.lower() not in {name.lower() for name in names}:
                found.append(f"the tag {key}")
        if Orientation.of_frame(frame) != trial.facts.orientation:
            found.append("how it is turned, so that players show it on its side")
        was = trial.facts.pixel_aspect
        if was and was != 1 and pictures.sample_aspect_ratio != was:
            found.append("the shape of its pixels, so that players stretch it")
        if SideDataType.STEREO3D in trial.facts.side_data and SideDataType.STEREO3D not in side_data(frame):
            found.append("that it is in stereo, for two eyes")
        if len(film.streams) < 1 + len(contents.streams):
            found.append(f"{1 + len(contents.streams) - len(film.streams)} streams")
        if contents.chapters and not film.chapters():
            found.append("chapters")
    return found


NOT_MISSED = {"handler_name", "language", "creation_time"}
"""Tags that containers write in forms of their own."""

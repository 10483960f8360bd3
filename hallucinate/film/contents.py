"""What of a film's source goes into the film beside its pictures: sounds, subtitles, chapters, tags."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import av
from av.container import InputContainer
from av.stream import Disposition, Stream

from hallucinate.film.film_reader import FilmFacts, readable

CONTAINER_TAGS = {"major_brand", "minor_version", "compatible_brands", "encoder", "duration"}
"""What a container says of itself, which is no longer true of another."""

STREAM_TAGS = {"encoder", "duration", "vendor_id", "bps", "number_of_frames", "number_of_bytes", "alpha_mode"}
"""... and what it says of a stream, which is no longer true of one that was encoded anew, and over black. Matroska's
may have a language at their end."""


@dataclass(frozen=True)
class Contents:
    """What is written beside the pictures.

    streams: those that are copied, by their index in the source. tags, picture_tags, stream_tags: of the film, of its
    pictures, and of the copied streams, by their index.
    """

    streams: tuple[int, ...] = ()
    tags: dict[str, str] = field(default_factory=dict)
    picture_tags: dict[str, str] = field(default_factory=dict)
    stream_tags: dict[int, dict[str, str]] = field(default_factory=dict)
    chapters: list[Any] = field(default_factory=list)

    def with_piece(self, piece: Piece) -> Contents:
        """These and one piece more."""
        return Contents(
            (*self.streams, *piece.added.streams),
            self.tags | piece.added.tags,
            self.picture_tags | piece.added.picture_tags,
            self.stream_tags | piece.added.stream_tags,
            self.chapters + piece.added.chapters,
        )

    @property
    def pictures_alone(self) -> Contents:
        """Nothing but what is said of the film and its pictures."""
        return replace(self, streams=(), stream_tags={}, chapters=[])


@dataclass(frozen=True)
class Piece:
    """What is written or omitted as one. words: what it is, for people."""

    words: str
    added: Contents


def pieces_of(source: InputContainer, facts: FilmFacts) -> Iterator[Piece]:
    """All that could be copied, the most important first."""
    for kind in ("audio", "subtitle", "attachment"):
        for stream in (each for each in source.streams if each.type == kind and is_known(each)):
            tags = {stream.index: without(readable(stream.metadata), {"encoder"})}
            yield Piece(stream_words(stream), Contents((stream.index,), stream_tags=tags))
    for key, value in without(facts.picture_tags, STREAM_TAGS).items():
        yield Piece(f"the pictures' tag {key}", Contents(picture_tags={key: value}))
    for key, value in without(facts.tags, CONTAINER_TAGS).items():
        yield Piece(f"the tag {key}", Contents(tags={key: value}))
    if facts.chapters:
        yield Piece("chapters", Contents(chapters=facts.chapters))


def never_copied(source: InputContainer, pictures: Stream, has_timecode: bool) -> Iterator[str]:
    """What no film gets of the source, in words. has_timecode: whether the film has one without the source's track."""
    for stream in source.streams:
        if stream is pictures or is_chapters(stream, source):
            continue
        if stream.type == "video":
            if stream.disposition & Disposition.attached_pic:
                yield "a cover picture"
            else:
                yield f"another {stream_words(stream)}"
        elif not is_known(stream) or stream.type not in ("audio", "subtitle", "attachment"):
            if has_timecode and "timecode" in stream.metadata:
                continue
            yield f"a data stream{name_of_data(stream)}" if stream.type == "data" else stream_words(stream)


def is_known(stream: Stream) -> bool:
    """Whether FFmpeg knows a stream's codec, without which it cannot copy it; attachments have none."""
    context: object = stream.codec_context  # None, whatever PyAV's stubs say
    return context is not None or stream.type == "attachment"


def is_chapters(stream: Stream, source: InputContainer) -> bool:
    """Whether a stream is what MP4 has of its chapters, which are copied as chapters."""
    return stream.type == "data" and stream.frames == len(source.chapters()) > 0


def name_of_data(stream: Stream) -> str:
    """What a data stream says that it is, e.g. GoPro's position and motion."""
    name = stream.metadata.get("handler_name", "").strip()
    return f" ({name})" if name else ""


def stream_words(stream: Stream) -> str:
    """What a stream is, in words."""
    if not is_known(stream) or stream.type == "attachment":
        return f"{stream.type} (unknown)"
    size = f", {stream.width}×{stream.height}" if isinstance(stream, av.VideoStream) else ""
    return f"{stream.type} ({stream.codec_context.name}{size})"


def without(tags: dict[str, str], names: set[str]) -> dict[str, str]:
    """The tags but for those of these names, in any case; and but for statistics, which Matroska's tools write."""
    return {
        key: value
        for key, value in tags.items()
        if key and key.lower().partition("-")[0] not in names and not key.startswith("_STATISTICS")
    }

"""Which of a film's picture streams is the film: not its thumbnail, its cover, or another angle that comes first."""

from __future__ import annotations

from fractions import Fraction

import av
from av.container import InputContainer
from av.stream import Disposition, Stream

BESIDE_THE_FILM = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image
"""What pictures are that go with a film, and are not it: covers, thumbnails, stills."""

MUCH_SHORTER = Fraction(1, 2)
"""A stream of less than this share of the longest one is beside the film, whatever it says of itself."""


def main_pictures(container: InputContainer) -> av.VideoStream | None:
    """The picture stream that is the film; None where a container has none that could be.

    Chosen by what it is (no cover, thumbnail or still, and of a known codec), by length, by the container's own choice
    (the default one), by size, and only then by which one is first.
    """
    known = [s for s in container.streams.video if s.codec_context is not None]
    moving = [s for s in known if not s.disposition & BESIDE_THE_FILM]
    # A film that calls all of its streams stills or thumbnails still has one to be seen; a cover alone is no film.
    moving = moving or [s for s in known if not s.disposition & Disposition.attached_pic]
    if not moving:
        return None
    lengths = {stream.index: seconds(stream) for stream in moving}
    longest = max((length for length in lengths.values() if length is not None), default=Fraction(0))

    def rank(stream: av.VideoStream) -> tuple[bool, bool, int]:
        length = lengths[stream.index]
        long = stream.frames != 1 and (length is None or length >= longest * MUCH_SHORTER)
        pixels = stream.codec_context.width * stream.codec_context.height
        return long, bool(stream.disposition & Disposition.default), pixels

    return max(moving, key=rank)  # of equals the first


def seconds(stream: Stream) -> Fraction | None:
    """How long a stream is, in seconds; None where nothing says it."""
    if stream.duration is not None and stream.duration > 0 and stream.time_base:
        return stream.duration * stream.time_base
    # Matroska says it in a tag of each stream, as 00:00:02.000000000, and not where others do.
    hours, _, rest = stream.metadata.get("DURATION", "").partition(":")
    minutes, _, last = rest.partition(":")
    try:
        return int(hours) * 3600 + int(minutes) * 60 + Fraction(last)
    except ValueError:
        return None

"""What a source is doing, by a name that programs read; the words beside it are for people."""

from enum import StrEnum


class SourceStatus(StrEnum):
    """The states of a dream's source."""

    OPENING = "opening"
    """Its first frame has not come yet."""

    LIVE = "live"
    """Its frames come."""

    RECONNECTING = "reconnecting"
    """It broke, and is opened again with growing waits."""

    WAITING_FOR_GUEST = "waiting_for_guest"
    """There is none: the main stage is for the first guest who sends a camera."""

    CLOSED = "closed"
    """Nothing more comes of it."""

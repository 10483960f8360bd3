"""Who connected and who did not, and why: one line in the log for each peer, and the counts of those that failed."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass
from typing import Literal

from hallucinate.errors import BusyError, HallucinateError
from hallucinate.statistics import FailedPeers
from hallucinate.stream.sdp import CodecError, summary

logger = logging.getLogger(__name__)

MOST_OF_A_NAME = 80
"""Characters of what a program calls itself."""

Failure = Literal["offer", "codec", "room", "ice", "dtls", "vanished"]
"""A field of FailedPeers."""


@dataclass(frozen=True)
class Offerer:
    """A peer as the log names it.

    kind: "viewer" or "guest". offer: its SDP. program: what it calls itself, its User-Agent, or "".
    """

    kind: str
    offer: str
    program: str

    def __str__(self) -> str:
        program = "".join(c for c in self.program[:MOST_OF_A_NAME] if c.isprintable())
        return f"it offered {summary(self.offer)}; program {program or 'unnamed'}"


class PeerLog:
    """Writes the lines, and counts."""

    def __init__(self) -> None:
        self._failed: Counter[Failure] = Counter()

    @property
    def failed(self) -> FailedPeers:
        """How many, by reason."""
        return FailedPeers.model_validate(self._failed)

    def connected(self, offerer: Offerer, peer_id: str, codec: str, path: str) -> None:
        """path: the pair of candidates that ICE chose."""
        logger.info("%s %s connected: %s, %s", offerer.kind, _short(peer_id), codec, path)

    def refused(self, offerer: Offerer, error: HallucinateError) -> None:
        """An offer was answered with an error."""
        self._failed[_failure_of(error)] += 1
        logger.warning("a %s was refused: %s; %s", offerer.kind, " ".join(str(error).split()), offerer)

    def did_not_connect(self, offerer: Offerer, peer_id: str, failure: Failure, why: str) -> None:
        """why: in a few words."""
        self._failed[failure] += 1
        where = failure.upper()
        logger.warning("%s %s did not connect: %s: %s; %s", offerer.kind, _short(peer_id), where, why, offerer)

    def vanished(self, offerer: Offerer, peer_id: str) -> None:
        """It was connected, and its consent to be sent to ended (RFC 7675)."""
        self._failed["vanished"] += 1
        logger.info("%s %s is gone: it stopped answering", offerer.kind, _short(peer_id))


def _failure_of(error: HallucinateError) -> Failure:
    if isinstance(error, BusyError):
        return "room"
    return "codec" if isinstance(error, CodecError) else "offer"


def _short(peer_id: str) -> str:
    """Enough to tell peers apart; whoever has the whole of it may end the connection."""
    return peer_id[:4]

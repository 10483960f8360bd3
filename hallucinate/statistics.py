"""The figures of a running server, once: page, API, terminal and logs read this model.

Each part is filled by who knows it: the loop, the encoders, the server. Durations are medians over the last turns or
seconds, in milliseconds; what was not measured is None. Whatever is dropped is counted where it is dropped.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from hallucinate.status import SourceStatus


class NetworkStatistics(BaseModel):
    """Which network dreams, and how far the next one is.

    loading: the one that is being loaded, or "". share: of its weights that have arrived, 0 to 1, or None.
    error: why the last one could not be loaded, or "".
    """

    model_config = ConfigDict(frozen=True)

    name: str
    loading: str
    share: float | None
    error: str


class LoopStatistics(BaseModel):
    """What the loop knows.

    status, status_text: of the main source, for programs and for people. notice: what the engine had to do that
    somebody should know of, or "".
    fps: frames per second of one dream. dream_ms: one turn of the loop. capture_to_dream_ms: age of a frame when its
    dream is ready. dream_width_px, steps, step_interval: the operating point; the interval is in frames.
    source_skipped_frames, source_damaged_packets: skipped inside the sources, and not decodable (see
    ``SourceStatistics``). dropped_frames: came from a source and were replaced by a newer one before the loop
    took them. cleared_residuals: residuals that held a NaN.
    guests: dreams beside the main one. pictures: those that were handed in, of "guide" and "mask".
    """

    model_config = ConfigDict(frozen=True)

    status: SourceStatus
    status_text: str
    notice: str
    fps: float
    dream_ms: float
    capture_to_dream_ms: float
    dream_width_px: int
    steps: int
    step_interval: int
    source_skipped_frames: int
    source_damaged_packets: int
    dropped_frames: int
    cleared_residuals: int
    guests: int
    pictures: tuple[str, ...]
    network: NetworkStatistics


class RungStatistics(BaseModel):
    """One running encoder. max_width_px: its pictures are no wider, None where they keep their width.

    bitrate_share: of the full bitrate for such pictures; target_bps: what that is, None before the first picture.
    """

    model_config = ConfigDict(frozen=True)

    view: str
    codec: str
    max_width_px: int | None
    marked: bool
    bitrate_share: float
    target_bps: int | None
    subscribers: int


class EncodingStatistics(BaseModel):
    """What the encoders know, all together, over the last ten seconds; counts are since the start.

    failures: pictures that could not be encoded. dropped_frames: dreams that an encoder was too slow for.
    dropped_packets: that a subscriber was too slow for. capture_to_packet_ms: age of a frame when its packet is ready.
    """

    model_config = ConfigDict(frozen=True)

    encoders: int
    rungs: tuple[RungStatistics, ...]
    frames: int
    failures: int
    dropped_frames: int
    dropped_packets: int
    encode_ms: float | None
    capture_to_packet_ms: float | None
    capture_to_packet_p95_ms: float | None
    bitrate_bps: int | None


class FailedPeers(BaseModel):
    """Viewers and guests that did not come about, or did not stay, since the start; the log has a line for each.

    offer: could not be answered; codec: no codec in common; room: no place. ice: no path between them and the server
    was found within the time to connect; dtls: the encryption failed; vanished: were connected, and stopped answering.
    """

    model_config = ConfigDict(frozen=True)

    offer: int = 0
    codec: int = 0
    room: int = 0
    ice: int = 0
    dtls: int = 0
    vanished: int = 0


class PeerStatistics(BaseModel):
    """Who is connected: viewers of a dream, guests who send a camera, pages that hold a control channel."""

    model_config = ConfigDict(frozen=True)

    viewers: int
    guests: int
    pages: int
    failed: FailedPeers


class Statistics(BaseModel):
    """All of it, as ``GET /api/stats`` and the control channel send it."""

    model_config = ConfigDict(frozen=True)

    loop: LoopStatistics
    encoding: EncodingStatistics
    peers: PeerStatistics

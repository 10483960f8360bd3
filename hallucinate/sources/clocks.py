"""A film's clock, put right: begun at 0, going on where it starts anew, without times that are damaged.

Recordings that were joined, a receiver that lost its signal, or a counter of 33 bits (26.5 hours of MPEG's clock,
ISO/IEC 13818-1) that began again: the clock steps, and what comes next is not later or earlier, but next. All
packets are looked at once, by ``read_clock``, because where the clock of one stream steps can only be understood
beside the others.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from statistics import median_low
from typing import Any

import av
from av.container import InputContainer
from av.error import FFmpegError
from av.stream import Disposition

from hallucinate.files import ffmpeg_path

TS_DISCONT = 0x0200
"""FFmpeg's flag (AVFMT_TS_DISCONT) of containers whose clocks may start anew."""

STEP_BACK_S = Fraction(1, 10)
"""A smaller step back is jitter. FFmpeg's own limit (ffmpeg_demux.c, ts_discontinuity_detect)."""

LONE_STEP_BACK_S = Fraction(1)
"""... and of a stream whose neighbours do not step: a smaller one is an overlap, after which it is in step again."""

STEP_FORWARD_S = Fraction(10)
"""A larger step forward is a new clock, in containers whose clocks may start anew (FFmpeg's -dts_delta_threshold)."""

LONGEST_PAUSE_S = Fraction(3600)
"""... and in others, in which a pause may be somebody's: a slide that stays, a screen on which nothing moves."""

SAME_STEP_S = Fraction(5)
"""Sound and pictures that step together do so at times, of the old and of the new clock, no further apart than this."""

DAMAGED_PACKETS = 8
"""So few packets in a row, after which a clock is again what it would have been, had damaged times; it did not step."""

PRIMING_S = Fraction(1, 10)
"""Sound that begins so little before 0 is what a decoder throws away, and no reason to move a film."""


@dataclass(frozen=True)
class FilmClock:
    """What is added to the times of a film's packets.

    start_s: the film's own time of its beginning, in seconds. offsets: of each stream, by index, the numbers of the
    packets from which on an offset counts, and the offsets in seconds. damaged: of each stream, the numbers of packets
    whose times are damaged. longest_pause_s: the longest time from one packet of a stream to the next, in seconds.
    steps: how often the clock starts anew. counts: how many packets each stream has. first_packets: of each stream.
    end_s: the film's own time at which its last packet ends, in seconds. corrupt: packets of which bytes are missing.
    """

    start_s: Fraction = Fraction(0)
    offsets: dict[int, list[tuple[int, Fraction]]] = field(default_factory=dict)
    damaged: dict[int, set[int]] = field(default_factory=dict)
    steps: int = 0
    longest_pause_s: Fraction = Fraction(0)
    counts: dict[int, int] = field(default_factory=dict)
    first_packets: dict[int, av.Packet[Any]] = field(default_factory=dict)
    end_s: Fraction = Fraction(0)
    corrupt: int = 0

    @property
    def is_plain(self) -> bool:
        """Whether a packet's time says where it is, so that the film can be entered anywhere."""
        return not self.steps and not any(self.damaged.values())

    @property
    def offset_s(self) -> Fraction:
        """What is added to times until the clock starts anew, in seconds."""
        return -self.start_s

    def offset_of(self, stream: int, number: int) -> Fraction:
        """What is added to the times of a stream's packet, counted from 0, in seconds."""
        changes = self.offsets.get(stream, [])
        at = bisect_right(changes, number, key=lambda change: change[0])
        return changes[at - 1][1] if at else self.offset_s


class PacketClock:
    """Puts the times of a film's packets right, in the order in which they are read."""

    def __init__(self, clock: FilmClock) -> None:
        self._clock, self._count = clock, defaultdict[int, int](int)

    def correct(self, packet: av.Packet[Any]) -> None:
        """Put a packet's times right; damaged ones become None. To be called once for each packet of a stream."""
        if is_flush(packet):
            return
        stream, number = packet.stream_index, self._count[packet.stream_index]
        self._count[stream] += 1
        if number in self._clock.damaged.get(stream, ()):
            packet.pts = packet.dts = None
            return
        if packet.pts is not None and packet.dts is not None:
            ahead_s = (packet.pts - packet.dts) * packet.time_base
            if not -STEP_BACK_S <= ahead_s <= STEP_FORWARD_S:  # no picture waits so long for the ones before it
                packet.pts = None
        offset = round(self._clock.offset_of(stream, number) / packet.time_base)
        if offset:
            packet.pts = None if packet.pts is None else packet.pts + offset
            packet.dts = None if packet.dts is None else packet.dts + offset


def is_flush(packet: av.Packet[Any]) -> bool:
    """Whether a packet is not the film's, but PyAV's at the end of it."""
    return not packet.size and packet.dts is None and packet.pts is None


@dataclass(frozen=True)
class Moment:
    """A packet's time. number: in its stream; order: among all packets. Times in seconds, duration_s 0 if unknown."""

    number: int
    order: int
    time_s: Fraction
    duration_s: Fraction


@dataclass(frozen=True)
class Step:
    """Where a stream's clock steps, from packet ``number`` on: from the end of the one before to its own time."""

    stream: int
    number: int
    order: int
    before_s: Fraction
    after_s: Fraction

    @property
    def size_s(self) -> Fraction:
        """How far the clock steps; below 0 it goes back."""
        return self.after_s - self.before_s


def read_clock(path: Path) -> FilmClock:
    """Look at all packets of a film, without decoding them. What cannot be read any more does not count.

    Raises FFmpegError or OSError for a file that does not open.
    """
    moments: dict[int, list[Moment]] = defaultdict(list)
    orders: dict[int, list[int]] = defaultdict(list)
    first_packets: dict[int, av.Packet[Any]] = {}
    with av.open(ffmpeg_path(path), metadata_errors="replace") as container:
        streams = [s for s in container.streams if s.type in ("video", "audio")]
        timed = {s.index for s in streams if not s.disposition & Disposition.attached_pic}
        packets, order, end_s, corrupt = container.demux(), 0, Fraction(0), 0
        while True:
            try:
                packet = next(packets, None)
            except (FFmpegError, OSError):
                break
            if packet is None:
                break
            if is_flush(packet):
                continue
            order, stream = order + 1, packet.stream_index
            end_s, corrupt = max(end_s, end_of(packet)), corrupt + packet.is_corrupt
            first_packets.setdefault(stream, packet)
            orders[stream].append(order)
            # Not by when it is shown, which goes to and fro.
            if stream in timed and packet.dts is not None:
                base, number = packet.time_base, len(orders[stream]) - 1
                moments[stream].append(Moment(number, order, packet.dts * base, (packet.duration or 0) * base))
        limit_s = STEP_FORWARD_S if container.format.flags & TS_DISCONT else LONGEST_PAUSE_S
        clock = understood(moments, orders, start_of(container), limit_s, first_packets)
        return replace(clock, end_s=end_s, corrupt=corrupt)


def understood(
    moments: dict[int, list[Moment]],
    orders: dict[int, list[int]],
    start_s: Fraction,
    limit_s: Fraction,
    first_packets: dict[int, av.Packet[Any]],
) -> FilmClock:
    """What the times of a film's packets say of its clock.

    moments: of its sounds and pictures, in order. orders: of all streams' packets, among all. limit_s: a larger step
    forward is a new clock.
    """
    damaged: dict[int, set[int]] = {}
    steps, pause_s = list[Step](), Fraction(0)
    for stream, times in moments.items():
        damaged[stream] = damaged_packets(times)
        whole = [each for each in times if each.number not in damaged[stream]]
        steps += steps_of(stream, whole, limit_s)
        pauses = (here.time_s - before.time_s for before, here in pairwise(whole))
        pause_s = max([pause_s, *(pause for pause in pauses if pause <= limit_s)])
    spans = {stream: (times[0].order, times[-1].order) for stream, times in moments.items()}
    together = [each for each in common_steps(steps) if is_new_clock(each, spans)]
    counts = {stream: len(each) for stream, each in orders.items()}
    offsets = offsets_of(together, spans, orders, -start_s)
    return FilmClock(start_s, offsets, damaged, len(together), pause_s, counts, first_packets)


def end_of(packet: av.Packet[Any]) -> Fraction:
    """The time at which a packet ends, in seconds; 0 where it has none."""
    time = packet.pts if packet.pts is not None else packet.dts
    return Fraction(0) if time is None else (time + (packet.duration or 0)) * packet.time_base


def start_of(container: InputContainer) -> Fraction:
    """A film's own time of its beginning, in seconds: of the first of its sound and pictures."""
    starts = [
        stream.start_time * stream.time_base
        for stream in container.streams
        if stream.type in ("video", "audio") and stream.start_time is not None and stream.time_base
        and not stream.disposition & Disposition.attached_pic
    ]  # fmt: skip
    start_s = min(starts, default=Fraction(0))
    return Fraction(0) if -PRIMING_S < start_s < 0 else start_s


def damaged_packets(times: list[Moment]) -> set[int]:
    """The numbers of a stream's packets whose times are damaged: few in a row, after which all is as it would be."""
    found = set[int]()
    n = 1
    while n < len(times):
        before, here = times[n - 1], times[n]
        if before.time_s - STEP_BACK_S <= here.time_s <= before.time_s + before.duration_s + LONE_STEP_BACK_S:
            n += 1
            continue
        expected = before.time_s + before.duration_s
        for end in range(n + 1, min(n + 1 + DAMAGED_PACKETS, len(times))):
            expected += before.duration_s
            if before.time_s < times[end].time_s and abs(times[end].time_s - expected) <= STEP_BACK_S:
                found |= {each.number for each in times[n:end]}
                n = end
                break
        n += 1
    return found


def steps_of(stream: int, times: list[Moment], limit_s: Fraction) -> list[Step]:
    """Where a stream's clock steps back, or forward by more than a limit."""
    steps: list[Step] = []
    if not times:
        return steps
    usual_s = median_low(each.duration_s for each in times)
    for before, here in pairwise(times):
        # In an MP4 the last frame before a step lasts until after it.
        end_s = before.time_s + (before.duration_s if before.duration_s <= limit_s else usual_s)
        if here.time_s < before.time_s - STEP_BACK_S or here.time_s > end_s + limit_s:
            steps.append(Step(stream, here.number, here.order, end_s, here.time_s))
    return steps


def common_steps(steps: list[Step]) -> list[dict[int, Step]]:
    """The steps that streams take together, by stream, in the order of the file.

    A stream's next step belongs to the first of the others' that it has not taken yet and that is alike.
    """
    found: list[dict[int, Step]] = []
    for step in sorted(steps, key=lambda each: each.order):
        taken = max((n for n, each in enumerate(found) if step.stream in each), default=-1)
        for each in found[taken + 1 :]:
            other = next(iter(each.values()))
            near = abs(other.before_s - step.before_s), abs(other.after_s - step.after_s)
            if max(near) <= SAME_STEP_S:
                each[step.stream] = step
                break
        else:
            found.append({step.stream: step})
    return found


def is_new_clock(steps: dict[int, Step], spans: dict[int, tuple[int, int]]) -> bool:
    """Whether what some streams do together is a new clock, or a pause or an overlap that only they have.

    spans: of each stream, the orders of its first and last packet.
    """
    at = min(step.order for step in steps.values())
    around = [stream for stream, (first, last) in spans.items() if first < at < last]
    if all(stream in steps for stream in around):
        return True
    sizes = [step.size_s for step in steps.values()]
    return max(sizes) < 0 and (len(steps) > 1 or sizes[0] <= -LONE_STEP_BACK_S)


def offsets_of(
    together: list[dict[int, Step]], spans: dict[int, tuple[int, int]], orders: dict[int, list[int]], first_s: Fraction
) -> dict[int, list[tuple[int, Fraction]]]:
    """Of each stream, from which packet on which offset counts, in seconds; before the first step it is ``first_s``.

    After a step no stream begins before its own end, and all that step together have one offset, so that they stay in
    step. Subtitles, and a sound that begins later, go with them.
    """
    offsets: dict[int, list[tuple[int, Fraction]]] = defaultdict(list)
    now_s = dict.fromkeys(orders, first_s)
    for steps in together:
        offset_s = max(step.before_s + now_s[step.stream] - step.after_s for step in steps.values())
        at = min(step.order for step in steps.values())
        numbers = {stream: step.number for stream, step in steps.items()}
        for stream, each in orders.items():
            if stream not in spans or spans[stream][0] > at:
                numbers.setdefault(stream, bisect_left(each, at))
        for stream, number in numbers.items():
            offsets[stream].append((number, offset_s))
            now_s[stream] = offset_s
    return dict(offsets)

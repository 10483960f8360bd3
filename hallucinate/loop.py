"""The journey of a frame: source ──► dreamer ──► stage.

Nothing queues: each hand-over is a slot that holds the newest frame, so a slow stage skips frames and never
adds delay. A reader's thread per source fills the slots; the thread of this loop owns the dreamers and the GPU;
encoders wait at the stages on threads of their own; asyncio has the main thread.
"""

from __future__ import annotations

import itertools
import logging
import statistics
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import NoReturn

import numpy as np
import torch

from hallucinate.clock import Clock
from hallucinate.dream.dreamer import Dreamer
from hallucinate.dream.governor import Governor
from hallucinate.dream.hallucination import Hallucination
from hallucinate.errors import BusyError, NetworkError
from hallucinate.frame import Frame, OperatingPoint, OutputFrame, Picture, Slot
from hallucinate.outputs.subscriber import Stage
from hallucinate.settings import LiveSettings, Settings
from hallucinate.sources import Source
from hallucinate.sources.reader import Reader
from hallucinate.statistics import LoopStatistics
from hallucinate.status import SourceStatus
from hallucinate.switch import Switch

log = logging.getLogger(__name__)

BREATHING_S = 0.25
"""When no frame has come for so long, the last one is dreamed on: a lost camera is a held breath, not a freeze."""

RESTING_AFTER_S, RESTING_FPS = 5.0, 2.0
"""A dream that nobody has watched for so long rests: it lives on, at a rate that leaves the machine in peace."""

RECENT = 240
"""Turns over which the figures are taken."""

DARK = 24
"""The picture before the first one: nearly black, and with nothing in it to dream of."""


@dataclass
class Dream:
    """One dream: where its frames come from, what is carried from one to the next, where they are shown.

    carried: how many of its frames, since the last that steps were taken on, were carried only.
    """

    id: str
    slot: Slot[Frame]
    hallucination: Hallucination = field(default_factory=Hallucination)
    stage: Stage = field(default_factory=Stage)
    reader: Reader | None = None
    last: Picture | None = None
    carried: int = 0
    arrived_ns: int = 0
    due_ns: int = 0
    watched_ns: int = 0


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of the loop: how many dreams were ready when, and in nanoseconds its cost and its oldest frame's age."""

    dreams: int
    ready_ns: int
    cost_ns: int
    age_ns: int


class Loop:
    """Dreams the main source and the guests' cameras, each frame with one snapshot of the settings.

    open_source opens the main source, on the reader's thread; None leaves the main stage to the first guest.
    The dreamer dreams the frames of all who are due as one batch. size: (width, height) of frames.
    governor: one that knows where to start; None starts low. hallucination: the main source's, where its pictures are
    panoramas; guests' are flat. networks: which dreams, and which comes next. stage: the main one, for a source that
    looks at it.
    """

    def __init__(
        self,
        open_source: Callable[[], Source] | None,
        dreamer: Dreamer,
        live: LiveSettings,
        clock: Clock,
        size: tuple[int, int] = (640, 360),
        max_guests: int = 2,
        governor: Governor | None = None,
        networks: Switch | None = None,
        hallucination: Hallucination | None = None,
        stage: Stage | None = None,
    ) -> None:
        self._open_source, self._dreamer = open_source, dreamer
        self._live, self._clock, self._size, self._max_guests = live, clock, size, max_guests
        self._governor = governor or Governor()
        self.networks = networks or Switch("", {}, no_other, no_other, list)
        self._arrived, self._closing = threading.Event(), threading.Event()
        self._turns: deque[Turn] = deque(maxlen=RECENT)
        self._lock = threading.Lock()
        self._ids = (f"guest-{n}" for n in itertools.count(1))
        self._notice = ""
        self._pictures: dict[str, Picture | None] = {}
        self.main = self._new_dream("main", hallucination, stage)
        self._dreams: dict[str, Dream] = {"main": self.main}
        self._thread = threading.Thread(target=self._run, name="dreamer", daemon=True)

    def start(self) -> None:
        """Start reading and dreaming."""
        if self._open_source is not None:
            self._read(self.main, self._open_source)
        self._thread.start()

    def close(self) -> None:
        """Stop dreaming, let go of every source, and tell the stages that nothing more comes."""
        self._closing.set()
        self._arrived.set()
        if self._thread.is_alive():
            self._thread.join()
        self.networks.close()
        with self._lock:
            dreams, self._dreams = list(self._dreams.values()), {}
        for dream in dreams:
            _close(dream)

    # The journey ----------------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._closing.is_set():
            self._arrived.clear()
            if not self.take_turns():
                self._clock.wait(self._seconds_idle(), self._arrived)

    def take_turns(self) -> int:
        """One turn for all dreams whose time has come, together; returns how many there were."""
        self._take_over()
        settings, dreams, now_ns = self._live.current, list(self._dreams.values()), self._clock.now_ns()
        wakes = {dream.id: self._wakes_ns(dream) for dream in dreams}
        if min(wakes.values(), default=now_ns + 1) > now_ns:
            return 0
        # Whose frame waits and who would be due within half a beat comes along: when turns take long, frames gather
        # meanwhile and are dreamed as one batch; when they are short, nobody waits for anybody.
        soon_ns = now_ns + int(0.5e9 / settings.fps)
        due = [dream for dream in dreams if wakes[dream.id] <= (soon_ns if dream.slot.full else now_ns)]
        # All dreams share a frame's time, also those that are not in this turn; but one that rests takes little of it.
        shared = max(1.0, sum(self._rate(dream, now_ns, settings) for dream in dreams) / settings.fps)
        self._turn(due, settings, shared)
        return len(due)

    def _take_over(self) -> None:
        """Dream on with the network that has been loaded meanwhile, if there is one."""
        ready = self.networks.take()
        if ready is None:
            return
        network = ready.network
        self._dreamer.use(network, ready.calibration)
        settings = self._live.use(
            network.motifs, network.layers, network.families, network.channels, network.default_layer
        )
        # What it costs is not known yet, and may be a hundred times as much.
        self._governor = Governor(OperatingPoint(settings.dream_width_min, 1))
        self.networks.done(ready)

    def _turn(self, due: list[Dream], settings: Settings, shared: float) -> None:
        """The journey of one frame of each dream, from its slot to its stage."""
        started_ns = self._clock.now_ns()
        frames = [self._newest(dream, started_ns, settings) for dream in due]
        climbs = any(dream.carried + 1 >= self._governor.point(settings).step_interval for dream in due)
        for dream in due:
            dream.carried = 0 if climbs else dream.carried + 1
        pictures = self._dreamed(due, frames, settings, climbs)
        ready_ns = self._clock.now_ns()
        for dream, frame, picture in zip(due, frames, pictures, strict=True):
            dream.stage.publish(OutputFrame(picture, frame.picture, frame.captured_ns, ready_ns))

        oldest_ns = min(frame.captured_ns for frame in frames)
        self._turns.append(Turn(len(due), ready_ns, ready_ns - started_ns, ready_ns - oldest_ns))
        cost_s = (ready_ns - started_ns) / 1e9 * shared / len(due)
        self._governor.observe(cost_s, ready_ns / 1e9, settings, stepped=climbs)

    def _newest(self, dream: Dream, now_ns: int, settings: Settings) -> Frame:
        """The newest frame; when none came for a while, the last picture again, now."""
        frame = dream.slot.take(0)
        if frame is None:
            width, height = self._size
            last = dream.last if dream.last is not None else np.full((height, width, 3), DARK, np.uint8)
            frame = Frame(last, now_ns)
        else:
            dream.arrived_ns = now_ns
        dream.last = frame.picture
        if dream.stage.subscribers > 0:
            dream.watched_ns = now_ns
        # Keep the beat where it was; after a stall start a new one rather than catch up.
        beat_ns = int(1e9 / self._rate(dream, now_ns, settings))
        dream.due_ns = max(dream.due_ns + beat_ns, now_ns + beat_ns // 2)
        return frame

    def _rate(self, dream: Dream, now_ns: int, settings: Settings) -> float:
        """Frames a second that this dream is given."""
        resting = now_ns - dream.watched_ns > RESTING_AFTER_S * 1e9
        return min(RESTING_FPS, settings.fps) if resting else settings.fps

    def _dreamed(self, due: list[Dream], frames: list[Frame], settings: Settings, climbs: bool) -> list[Picture]:
        """The frames, dreamed, at a size that fits into the device's memory. climbs: whether steps are taken."""
        cameras = [(dream.hallucination, frame) for dream, frame in zip(due, frames, strict=True)]
        while True:
            try:
                point = self._governor.point(settings)
                return self._dreamer.together(cameras, settings, point if climbs else replace(point, steps=0))
            except torch.OutOfMemoryError:
                before = self._governor.point(settings).width
                width = self._governor.out_of_memory(settings)
                self._notice = f"the device ran out of memory at {before} px; dreaming {width} px wide"
                log.warning(self._notice)
                if width >= before:
                    return [frame.picture for frame in frames]  # nothing smaller is allowed: the cameras' go on

    def _wakes_ns(self, dream: Dream) -> int:
        """When this dream's next turn is: at its beat if a frame waits, else when it is time to breathe."""
        if dream.slot.full:
            return dream.due_ns
        return max(dream.due_ns, dream.arrived_ns + int(BREATHING_S * 1e9))

    def _seconds_idle(self) -> float:
        wakes = [self._wakes_ns(dream) for dream in list(self._dreams.values())]
        return max(0.0, (min(wakes, default=0) - self._clock.now_ns()) / 1e9)

    # Guests -------------------------------------------------------------------------------------------

    @property
    def main_wants_guest(self) -> bool:
        """Whether the main stage was left to a guest, and none has it now."""
        return self._open_source is None and self.main.reader is None

    def admit(self, source: Source) -> Dream:
        """A dream for a guest's camera: the main one if it waits for a guest, else one of the guest's own.

        Raises BusyError when every place is taken.
        """
        with self._lock:
            if self.main_wants_guest:
                dream = self.main
            elif len(self._dreams) > self._max_guests:
                raise BusyError(
                    f"all {self._max_guests} places for guests' cameras are taken; try again when one leaves"
                )
            else:
                dream = self._new_dream(next(self._ids))
                self._dreams = {**self._dreams, dream.id: dream}
            self._read(dream, lambda: source)
        return dream

    def dismiss(self, dream_id: str) -> None:
        """End a guest's dream; the main one goes back to waiting. An unknown name is nobody to dismiss."""
        with self._lock:
            dream = self._dreams.get(dream_id)
            if dream is None or (dream is self.main and self._open_source is not None):
                return
            if dream is not self.main:
                self._dreams = {name: d for name, d in self._dreams.items() if name != dream_id}
        if dream is self.main:
            reader, dream.reader = dream.reader, None
            if reader is not None:
                reader.close()
        else:
            _close(dream)
        self._arrived.set()

    def find(self, dream_id: str) -> Dream | None:
        """The dream of that name, or None."""
        return self._dreams.get(dream_id)

    def _new_dream(
        self, dream_id: str, hallucination: Hallucination | None = None, stage: Stage | None = None
    ) -> Dream:
        lives = hallucination or Hallucination()
        return Dream(dream_id, Slot(self._arrived), lives, stage or Stage(), watched_ns=self._clock.now_ns())

    def _read(self, dream: Dream, open_source: Callable[[], Source]) -> None:
        dream.reader = Reader(open_source, dream.slot, self._clock)
        dream.reader.start()

    # Pictures -------------------------------------------------------------------------------------------

    def set_picture(self, kind: str, picture: Picture | None) -> None:
        """Take a "guide" or a "mask" for all dreams, uint8 RGB (H, W, 3), or with None take it away. Any thread."""
        with self._lock:
            if picture is None:
                self._live.set_picture(kind, False)  # first, so that no frame asks for what is gone
            self._pictures = {**self._pictures, kind: picture}
            (self._dreamer.guide if kind == "guide" else self._dreamer.mask)(picture)
            if picture is not None:
                self._live.set_picture(kind, True)

    def picture_of(self, kind: str) -> Picture | None:
        """The guide or the mask that was handed in."""
        return self._pictures.get(kind)

    # Figures --------------------------------------------------------------------------------------------

    @property
    def point(self) -> OperatingPoint:
        """What frames are dreamed with now."""
        return self._governor.point(self._live.current)

    def stats(self) -> LoopStatistics:
        """The loop's figures over its last turns; milliseconds are medians."""
        turns, dreams = list(self._turns), list(self._dreams.values())
        reader = self.main.reader
        span_s = (turns[-1].ready_ns - turns[0].ready_ns) / 1e9 if len(turns) > 1 else 0.0
        per_dream = sum(turn.dreams for turn in turns[1:]) / len(dreams) if dreams else 0.0
        return LoopStatistics(
            status=reader.status if reader is not None else SourceStatus.WAITING_FOR_GUEST,
            status_text=reader.status_text if reader is not None else "waiting for a guest's camera",
            notice=self._notice,
            fps=round(per_dream / span_s, 1) if span_s > 0 else 0.0,
            dream_ms=_median_ms([turn.cost_ns for turn in turns]),
            capture_to_dream_ms=_median_ms([turn.age_ns for turn in turns]),
            dream_width_px=self.point.width,
            steps=self.point.steps,
            step_interval=self.point.step_interval,
            source_dropped_frames=sum(dream.reader.dropped for dream in dreams if dream.reader is not None),
            dropped_frames=sum(dream.slot.dropped for dream in dreams),
            cleared_residuals=sum(dream.hallucination.cleared for dream in dreams),
            guests=sum(dream is not self.main for dream in dreams),
            pictures=tuple(sorted(self._live.pictures)),
            network=self.networks.stats(),
        )


def no_other(*_: object) -> NoReturn:
    """Where there is one network alone. Raises NetworkError."""
    raise NetworkError("there is no other network here")


def _close(dream: Dream) -> None:
    if dream.reader is not None:
        dream.reader.close()
    dream.slot.close()
    dream.stage.close()


def _median_ms(values_ns: list[int]) -> float:
    return round(statistics.median(values_ns) / 1e6, 1) if values_ns else 0.0

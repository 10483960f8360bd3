"""The journey of a frame: source ──► session.step ──► stage.

Nothing queues: each hand-over is a slot that holds the newest frame, so a slow stage skips frames and never
adds delay. A reader's thread per source fills the slots; the thread of this loop owns the sessions and the GPU;
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
from hallucinate.control.live_settings import LiveSettings, Snapshot
from hallucinate.dream.governor import Governor
from hallucinate.dream.session import Session
from hallucinate.errors import BusyError, NetworkError
from hallucinate.frame import Frame, OperatingPoint, OutputFrame, Picture
from hallucinate.settings import Settings
from hallucinate.sources import Source, SourceStatistics
from hallucinate.sources.reader import Reader
from hallucinate.statistics import LoopStatistics
from hallucinate.status import SourceStatus
from hallucinate.subscriber import Stage, Subscriber
from hallucinate.switch import NetworkSwitch

log = logging.getLogger(__name__)

BREATHING_S = 0.25
"""When no frame has come for so long, the last one is dreamed on: a lost camera is a held breath, not a freeze."""

IDLE_AFTER_S, IDLE_FPS = 5.0, 2.0
"""A dream that nobody has watched for so long is idle: it lives on, at a rate that leaves the machine in peace."""

RECENT = 240
"""Turns over which the figures are taken."""

DARK = 24
"""The picture before the first one: nearly black, and with nothing in it to dream of."""


@dataclass
class Dream:
    """A session in the loop: where its frames come from, where they go, and when its next turn is.

    last: the newest picture of its source. arrived_ns, due_ns, watched_ns: when that came, when its next turn is, and
    when somebody watched it last.
    """

    id: str
    session: Session
    slot: Subscriber[Frame]
    stage: Stage = field(default_factory=Stage)
    reader: Reader | None = None
    last: Picture | None = None
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
    main: the session of the main source; guests have sessions of their own, on flat pictures. size: (width, height) of
    the picture before the first frame came; a dream always has the shape of the frames that come. governor: one that
    knows where to start; None starts low. networks: which dreams, and which comes next. stage: the main one, for a
    source that looks at it.
    """

    def __init__(
        self,
        open_source: Callable[[], Source] | None,
        main: Session,
        live: LiveSettings,
        clock: Clock,
        size: tuple[int, int] = (640, 360),
        max_guests: int = 2,
        governor: Governor | None = None,
        networks: NetworkSwitch | None = None,
        stage: Stage | None = None,
    ) -> None:
        self._open_source, self._dreamer = open_source, main.dreamer
        self._live, self._clock, self._size, self._max_guests = live, clock, size, max_guests
        self._governor = governor or Governor()
        self.networks = networks or NetworkSwitch("", {}, no_other, no_other, list)
        self._arrived, self._closing = threading.Event(), threading.Event()
        self._turns: deque[Turn] = deque(maxlen=RECENT)
        self._lock = threading.Lock()
        self._guest_numbers = itertools.count(1)
        self._gone, self._gone_dropped, self._gone_cleared = SourceStatistics(), 0, 0  # counted of those who left
        self._notice = ""
        self._pictures: dict[str, Picture | None] = {}
        self.main = self._new_dream("main", main, stage or Stage())
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
        snapshot, dreams, now_ns = self._live.snapshot, list(self._dreams.values()), self._clock.now_ns()
        settings = snapshot.settings
        due = self._due(dreams, settings, now_ns)
        if due:
            # All dreams share a frame's time, also those that are not in this turn; an idle one takes little of it.
            share = max(1.0, sum(self._rate(dream, now_ns, settings) for dream in dreams) / settings.fps)
            self._turn(due, snapshot, share / len(due))
        return len(due)

    def _turn(self, due: list[Dream], snapshot: Snapshot, share: float) -> None:
        """The journey of one frame of each dream, from its slot to its stage. share: of its cost in a frame's time."""
        started_ns, settings = self._clock.now_ns(), snapshot.settings
        frames = [self._newest(dream, started_ns, settings) for dream in due]
        # Of all dreams, so that turns of the one or the other do not move it to and fro.
        self._governor.fit_frames(max(d.last.shape[1] for d in [*self._dreams.values(), *due] if d.last is not None))
        outputs = self._stepped(due, frames, snapshot)
        ready_ns = self._clock.now_ns()
        for dream, output in zip(due, outputs, strict=True):
            dream.stage.publish(replace(output, ready_ns=ready_ns))

        cost_ns, oldest_ns = ready_ns - started_ns, min(frame.captured_ns for frame in frames)
        self._turns.append(Turn(len(due), ready_ns, cost_ns, ready_ns - oldest_ns))
        stepped = any(output.point is not None and output.point.steps for output in outputs)
        self._governor.observe(cost_ns / 1e9 * share, ready_ns / 1e9, settings, stepped)

    def _stepped(self, due: list[Dream], frames: list[Frame], snapshot: Snapshot) -> list[OutputFrame]:
        """The frames, dreamed, at a size that fits into the device's memory."""
        for dream in due:
            if dream.reader is not None:
                dream.reader.set_fps(snapshot.settings.fps)
            dream.session.use(snapshot.settings, snapshot.revision)
        sessions = [(dream.session, frame) for dream, frame in zip(due, frames, strict=True)]
        while True:
            point, now_ns = self._governor.point(snapshot.settings), self._clock.now_ns()
            if all(session.state.frames_since_step + 1 < point.step_interval for session, _ in sessions):
                point = replace(point, steps=0)
            try:
                return self._dreamer.step(sessions, now_ns, point)
            except torch.OutOfMemoryError:
                width = self._governor.out_of_memory(snapshot.settings)
                self._notice = f"the device ran out of memory at {point.width} px; dreaming {width} px wide"
                log.warning(self._notice)
                if width >= point.width:  # nothing smaller is allowed: the cameras' pictures go on
                    return [session.pass_through(frame, now_ns, point) for session, frame in sessions]

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
        # The frame interval is held; after a stall a new one begins rather than that frames catch up.
        interval_ns = int(1e9 / self._rate(dream, now_ns, settings))
        dream.due_ns = max(dream.due_ns + interval_ns, now_ns + interval_ns // 2)
        return frame

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

    # Time -----------------------------------------------------------------------------------------------

    def _due(self, dreams: list[Dream], settings: Settings, now_ns: int) -> list[Dream]:
        """The dreams whose time has come; none before the first of them is due.

        Whose frame waits and who would be due within half an interval comes along: when turns take long, frames gather
        meanwhile and are dreamed as one batch; when they are short, nobody waits for anybody.
        """
        wakes = {dream.id: self._wakes_ns(dream) for dream in dreams}
        if min(wakes.values(), default=now_ns + 1) > now_ns:
            return []
        soon_ns = now_ns + int(0.5e9 / settings.fps)
        return [dream for dream in dreams if wakes[dream.id] <= (soon_ns if dream.slot.full else now_ns)]

    def _rate(self, dream: Dream, now_ns: int, settings: Settings) -> float:
        """Frames a second that this dream is stepped at."""
        idle = now_ns - dream.watched_ns > IDLE_AFTER_S * 1e9
        return min(IDLE_FPS, settings.fps) if idle else settings.fps

    def _wakes_ns(self, dream: Dream) -> int:
        """When this dream's next turn is: when it is due if a frame waits, else when it is time to breathe."""
        if dream.slot.full:
            return dream.due_ns
        return max(dream.due_ns, dream.arrived_ns + int(BREATHING_S * 1e9))

    def _seconds_idle(self) -> float:
        wakes = [self._wakes_ns(dream) for dream in list(self._dreams.values())]
        return max(0.0, (min(wakes, default=0) - self._clock.now_ns()) / 1e9)

    # Guests ---------------------------------------------------------------------------------------------

    @property
    def main_wants_guest(self) -> bool:
        """Whether the main stage is for a guest, and none has it now."""
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
                number = next(self._guest_numbers)
                main = self.main.session  # at the same octave, so that both are dreamed as one batch
                session = self._dreamer.session(self._live.current, seed=main.seed + number, octave=main.state.octave)
                dream = self._new_dream(f"guest-{number}", session, Stage())
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
        reader, dream.reader = dream.reader, None
        if reader is not None:
            reader.close()
            self._gone += reader.statistics
        if dream is not self.main:
            _close(dream)
            self._gone_dropped += dream.slot.dropped
            self._gone_cleared += dream.session.state.cleared
        self._arrived.set()

    def find(self, dream_id: str) -> Dream | None:
        """The dream of that name, or None."""
        return self._dreams.get(dream_id)

    def _new_dream(self, dream_id: str, session: Session, stage: Stage) -> Dream:
        return Dream(dream_id, session, Subscriber(wake=self._arrived.set), stage, watched_ns=self._clock.now_ns())

    def _read(self, dream: Dream, open_source: Callable[[], Source]) -> None:
        dream.reader = Reader(open_source, dream.slot, self._clock)
        dream.reader.start()

    # Guide and mask -------------------------------------------------------------------------------------

    def set_picture(self, kind: str, picture: Picture | None) -> None:
        """Take a "guide" or a "mask" for all dreams, uint8 RGB (H, W, 3), or with None take it away. Any thread."""
        with self._lock:
            if picture is None:
                self._live.set_picture(kind, False)  # first, so that no frame requests what is gone
            self._pictures = {**self._pictures, kind: picture}
            (self._dreamer.set_guide if kind == "guide" else self._dreamer.set_mask)(picture)
            if picture is not None:
                self._live.set_picture(kind, True)

    def picture_of(self, kind: str) -> Picture | None:
        """The guide or the mask that was handed in."""
        return self._pictures.get(kind)

    # Figures --------------------------------------------------------------------------------------------

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the main source's newest frame."""
        last = self.main.last
        return self._size if last is None else (last.shape[1], last.shape[0])

    @property
    def point(self) -> OperatingPoint:
        """What frames are dreamed with now."""
        return self._governor.point(self._live.current)

    def stats(self) -> LoopStatistics:
        """The loop's figures over its last turns; milliseconds are medians."""
        turns, dreams = list(self._turns), list(self._dreams.values())
        sources = [dream.reader.statistics for dream in dreams if dream.reader is not None]
        source = sum(sources, self._gone)
        reader, point = self.main.reader, self.point
        span_s = (turns[-1].ready_ns - turns[0].ready_ns) / 1e9 if len(turns) > 1 else 0.0
        per_dream = sum(turn.dreams for turn in turns[1:]) / len(dreams) if dreams else 0.0
        return LoopStatistics(
            status=reader.status if reader is not None else SourceStatus.WAITING_FOR_GUEST,
            status_text=reader.status_text if reader is not None else "waiting for a guest's camera",
            notice=self._notice,
            fps=round(per_dream / span_s, 1) if span_s > 0 else 0.0,
            dream_ms=_median_ms([turn.cost_ns for turn in turns]),
            capture_to_dream_ms=_median_ms([turn.age_ns for turn in turns]),
            dream_width_px=point.width,
            steps=point.steps,
            step_interval=point.step_interval,
            source_skipped_frames=source.skipped,
            source_damaged_packets=source.damaged,
            dropped_frames=self._gone_dropped + sum(dream.slot.dropped for dream in dreams),
            cleared_residuals=self._gone_cleared + sum(dream.session.state.cleared for dream in dreams),
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

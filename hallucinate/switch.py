"""Another network while the dream goes on: it is loaded on a thread of its own, and taken between two turns."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from hallucinate.dream.strength import StrengthCalibration
from hallucinate.errors import HallucinateError, LoadingError, WeightsError
from hallucinate.networks import Network
from hallucinate.networks.weights import Progress
from hallucinate.statistics import NetworkStatistics

log = logging.getLogger(__name__)

STOP_WITHIN_S = 1.0


@dataclass(frozen=True)
class Ready:
    """A network that can dream at once.

    name: as it was asked for. facts: what ``GET /api/about`` says of it, ready for JSON.
    """

    name: str
    network: Network
    calibration: StrengthCalibration
    facts: Mapping[str, object]


class Switch:
    """Which network dreams, and the loading of the next, one at a time. Safe between threads.

    name: the one that dreams. facts: what ``GET /api/about`` says of it. make: loads one by its name, on the loading
    thread, telling how far its weights have come; raises HallucinateError. check: raises NetworkError for a name that
    does not exist. known: the networks by name.
    """

    def __init__(
        self,
        name: str,
        facts: Mapping[str, object],
        make: Callable[[str, Progress], Ready],
        check: Callable[[str], None],
        known: Callable[[], list[dict[str, object]]],
    ) -> None:
        self.name, self.facts = name, facts
        self._make, self._check, self._known, self._home = make, check, known, name
        self._lock = threading.Lock()
        self._loading, self._error, self._share = "", "", 0.0
        self._ready: Ready | None = None
        self._listeners: list[Callable[[], None]] = []
        self._thread: threading.Thread | None = None
        self._closing = False

    def choices(self) -> list[dict[str, object]]:
        """The networks that may be asked for, the one that was begun with among them; ``current`` is the one now."""
        rows = self._known()
        if self._home not in [row["name"] for row in rows]:
            rows = [{"name": self._home, "state": "here", "size_mb": None}, *rows]
        return [{**row, "current": row["name"] == self.name} for row in rows]

    def begin(self, name: str) -> None:
        """Begin to load a network. Raises LoadingError while another is, NetworkError for a name that is none's."""
        if name != self._home:
            self._check(name)
        with self._lock:
            if self._loading:
                raise LoadingError(f"the network {self._loading!r} is being loaded; ask again when it dreams")
            self._error, self._share = "", 0.0
            if name == self.name:
                return
            self._loading = name
            self._thread = threading.Thread(target=self._load, args=(name,), name="loader", daemon=True)
            self._thread.start()

    def _load(self, name: str) -> None:
        try:
            ready = self._make(name, self._progress)
        except Exception as error:
            known = isinstance(error, HallucinateError)
            said = str(error) if known else f"the network {name!r} could not be loaded: {error or type(error).__name__}"
            log.log(logging.WARNING if known else logging.ERROR, said, exc_info=None if known else error)
            with self._lock:
                self._loading, self._error = "", " ".join(said.split())
        else:
            with self._lock:
                self._ready, self._share = ready, 1.0

    def _progress(self, here: int, total: int) -> None:
        if self._closing:
            raise WeightsError("stopped while weights were fetched; the next try goes on from there")
        self._share = here / total if total else 0.0

    def take(self) -> Ready | None:
        """The network that is ready to be dreamed with, once; ``done`` follows when it is."""
        if self._ready is None:  # nearly always, every turn
            return None
        with self._lock:
            ready, self._ready = self._ready, None
        return ready

    def done(self, ready: Ready) -> None:
        """Say that this network dreams now, and tell the listeners."""
        with self._lock:
            self.name, self.facts, self._loading = ready.name, ready.facts, ""
            listeners = list(self._listeners)
        for listener in listeners:
            listener()

    def listen(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call ``listener`` after each switch, on the dreaming thread; returns what ends that."""
        with self._lock:
            self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def stats(self) -> NetworkStatistics:
        """Which network dreams, which is being loaded ("" for none), how far its weights are here, what went wrong."""
        with self._lock:
            share = round(self._share, 3) if self._loading else None
            return NetworkStatistics(name=self.name, loading=self._loading, share=share, error=self._error)

    def close(self) -> None:
        """Break off what is being fetched; what is here of it is kept for the next time."""
        self._closing = True
        if self._thread is not None:
            self._thread.join(STOP_WITHIN_S)

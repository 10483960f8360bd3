"""Another network while the dream goes on: it is loaded on a thread of its own, and taken between two turns."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from hallucinate.dream.strength_calibration import StrengthCalibration
from hallucinate.errors import HallucinateError, LoadingError, WeightsError
from hallucinate.networks import Network
from hallucinate.networks.weights import DownloadProgress
from hallucinate.statistics import NetworkStatistics

log = logging.getLogger(__name__)

STOP_WITHIN_S = 1.0


@dataclass(frozen=True)
class LoadedNetwork:
    """A network that can dream at once.

    name: as it was requested. facts: what ``GET /api/about`` tells of it, ready for JSON.
    """

    name: str
    network: Network
    calibration: StrengthCalibration
    facts: Mapping[str, object]


class NetworkSwitch:
    """Which network dreams, and the loading of the next, one at a time. Safe between threads.

    name: of the one that dreams. facts: what ``GET /api/about`` tells of it. load: loads one by its name, on the
    loading thread, reporting how many bytes of its weights are here; raises HallucinateError. check: raises
    NetworkError for a name that does not exist. known: the networks by name.
    """

    def __init__(
        self,
        name: str,
        facts: Mapping[str, object],
        load: Callable[[str, DownloadProgress], LoadedNetwork],
        check: Callable[[str], None],
        known: Callable[[], list[dict[str, object]]],
    ) -> None:
        self.name, self.facts = name, facts
        self._load_network, self._check, self._known, self._first = load, check, known, name
        self._lock = threading.Lock()
        self._loading, self._error, self._share = "", "", 0.0
        self._loaded: LoadedNetwork | None = None
        self._listeners: list[Callable[[], None]] = []
        self._thread: threading.Thread | None = None
        self._closing = False

    def choices(self) -> list[dict[str, object]]:
        """The networks that can be requested, the first one among them; ``current`` marks the one that dreams now."""
        rows = self._known()
        if self._first not in [row["name"] for row in rows]:
            rows = [{"name": self._first, "state": "here", "size_mb": None}, *rows]
        return [{**row, "current": row["name"] == self.name} for row in rows]

    def begin(self, name: str) -> None:
        """Begin to load a network. Raises LoadingError while another is loaded, NetworkError for an unknown name."""
        if name != self._first:
            self._check(name)
        with self._lock:
            if self._loading:
                raise LoadingError(f"the network {self._loading!r} is being loaded; try again when it dreams")
            self._error, self._share = "", 0.0
            if name == self.name:
                return
            self._loading = name
            self._thread = threading.Thread(target=self._load, args=(name,), name="loader", daemon=True)
            self._thread.start()

    def _load(self, name: str) -> None:
        try:
            loaded = self._load_network(name, self._progress)
        except Exception as error:
            known = isinstance(error, HallucinateError)
            why = str(error) if known else f"the network {name!r} could not be loaded: {error or type(error).__name__}"
            log.log(logging.WARNING if known else logging.ERROR, why, exc_info=None if known else error)
            with self._lock:
                self._loading, self._error = "", " ".join(why.split())
        else:
            with self._lock:
                self._loaded, self._share = loaded, 1.0

    def _progress(self, here: int, total: int) -> None:
        if self._closing:
            raise WeightsError("stopped while weights were fetched; the next try goes on from there")
        self._share = here / total if total else 0.0

    def take(self) -> LoadedNetwork | None:
        """The network that has been loaded, once; ``done`` follows when it dreams."""
        if self._loaded is None:  # nearly always, every turn
            return None
        with self._lock:
            loaded, self._loaded = self._loaded, None
        return loaded

    def done(self, loaded: LoadedNetwork) -> None:
        """Note that this network dreams now, and tell the listeners."""
        with self._lock:
            self.name, self.facts, self._loading = loaded.name, loaded.facts, ""
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
        """Break off what is being fetched; what is here of it stays for the next time."""
        self._closing = True
        if self._thread is not None:
            self._thread.join(STOP_WITHIN_S)

"""hallucinate: frames in, hallucinations out, live.

The names in ``__all__`` are for other programs:

    from hallucinate import Dreamer, Frame, OperatingPoint, open_network

    session = Dreamer(open_network("motif")).session()
    output = session.step(Frame(picture, captured_ns), captured_ns, OperatingPoint(320, 1))
    output.dream
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hallucinate.dream.dreamer import Dreamer
    from hallucinate.dream.session import Session
    from hallucinate.dream.state import SessionState
    from hallucinate.frame import Frame, OperatingPoint, OutputFrame
    from hallucinate.networks.registry import open_network
    from hallucinate.settings import Settings

__version__ = "0.1.0"

__all__ = [
    "Dreamer",
    "Frame",
    "OperatingPoint",
    "OutputFrame",
    "Session",
    "SessionState",
    "Settings",
    "open_network",
]

# OpenMP's threads spin while they wait for each other, and a camera, encoders and a browser want those cores: with
# every core busy a step took five times as long, and now and then seconds. Read when torch loads its OpenMP, so
# it is set before.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

_MODULES = {
    "Dreamer": "dream.dreamer",
    "Frame": "frame",
    "OperatingPoint": "frame",
    "OutputFrame": "frame",
    "Session": "dream.session",
    "SessionState": "dream.state",
    "Settings": "settings",
    "open_network": "networks.registry",
}


def __getattr__(name: str) -> Any:
    """A public name, imported when it is first used: torch takes seconds, and ``--help`` should not."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)

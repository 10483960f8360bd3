"""A session that is saved and loaded goes on as it would have."""

import dataclasses
import json

import numpy as np
import pytest
import torch
from safetensors.torch import load, save

from hallucinate.dream.dreamer import Dreamer
from hallucinate.dream.session import Session
from hallucinate.dream.state import SessionState
from hallucinate.frame import Frame, OperatingPoint, Picture
from hallucinate.settings import Settings
from tests.dream.networks import TinyNetwork

SETTINGS = Settings(motifs={"light": 1.0}, where="moving", half_life_s=0.5, drift_zoom=0.2, jitter=4, motif_size=0.3)
POINT = OperatingPoint(96, 2)


def picture(n: int) -> Picture:
    """A pattern that moves by two pixels a frame in light that flickers, and another one from the seventh frame on."""
    noise = np.random.default_rng(n > 6).integers(0, 256, (64, 96, 3), np.uint8)
    moved = np.roll(np.repeat(np.repeat(noise[::8, ::8], 8, 0), 8, 1), 2 * n, 1)
    return np.ascontiguousarray(moved * (0.8 if n % 2 else 1.0)).astype(np.uint8)


def pictures(session: Session, frames: range) -> list[Picture]:
    return [session.step(Frame(picture(n), n * 40_000_000), 0, POINT).dream for n in frames]


def new_session() -> Session:
    return Dreamer(TinyNetwork()).session(SETTINGS, seed=3)


def on_disk(state: SessionState) -> SessionState:
    """Saved as files are, and loaded again."""
    tensors, values = state.saved()
    return SessionState.loaded(load(save(tensors)), json.loads(json.dumps(values)))


def test_a_loaded_session_goes_on_with_the_same_frames() -> None:
    unbroken = pictures(new_session(), range(12))
    for broken_at in (0, 1, 5, 8):  # not started; just started; moving; after the cut
        first, second = new_session(), new_session()
        pictures(first, range(broken_at))
        assert broken_at != 5 or first.state.light.gain != 1.0
        second.load(on_disk(first.state))
        for n, found in zip(range(broken_at, 12), pictures(second, range(broken_at, 12)), strict=True):
            np.testing.assert_array_equal(found, unbroken[n])


def test_all_of_a_state_is_saved() -> None:
    session = new_session()
    pictures(session, range(9))
    loaded = on_disk(session.state)
    changed = {"residual", "colour", "luma", "moving", "light", "requested", "settings", "random"}
    changed |= {"sequence", "octave", "captured_ns", "stepped_ns", "cut_ns", "requested_ns", "settling_ns"}
    started = SessionState.start(3)
    for field in dataclasses.fields(SessionState):
        old, new = getattr(session.state, field.name), getattr(loaded, field.name)
        same = torch.equal(old, new) if isinstance(old, torch.Tensor) else np.all(old == new)
        assert same, field.name
        if field.name in changed - {"requested_ns", "settling_ns"}:
            assert old is not None
            assert not np.array_equal(old, getattr(started, field.name)), field.name


def test_what_was_not_saved_by_this_is_not_loaded() -> None:
    tensors, values = new_session().state.saved()
    damages: tuple[dict[str, object], ...] = ({"light": {}}, {"requested": [1]}, {"settings": {"strength": 7}})
    for damage in damages:
        with pytest.raises((KeyError, TypeError, ValueError)):
            SessionState.loaded(tensors, {**values, **damage})
    values.pop("octave")
    with pytest.raises(KeyError):
        SessionState.loaded(tensors, values)

"""How a film's frames are dreamed, one after the other: as live, or in the classic manner."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Protocol

import torch

from hallucinate.device import choose_device, precisions
from hallucinate.dream.dreamer import Dreamer
from hallucinate.dream.flow import Flow
from hallucinate.dream.session import Session
from hallucinate.dream.state import SessionState
from hallucinate.dream.still import StillRun, iterate
from hallucinate.dream.strength import read_strength_calibration
from hallucinate.dream.surface import Geometry
from hallucinate.files import shipped
from hallucinate.frame import Frame, OperatingPoint, Picture, to_tensor
from hallucinate.networks.registry import open_network
from hallucinate.settings import Settings
from hallucinate.studio.likes import Like, carried_on, find_like, led_back
from hallucinate.studio.order import Order
from hallucinate.studio.sitting import Easel, checked, easel, finished, read_pictures


class Dreaming(Protocol):
    """What dreams the frames of one span, in order, and can be put down and taken up again.

    part: frames in a part, what is dreamed again at most after a kill. Each begins with a key frame.
    """

    part: int

    def dream(self, frame: Frame) -> Picture:
        """The next frame, upright, dreamed: uint8 RGB (H, W, 3), the frame's own size."""
        ...

    def saved(self) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
        """All that is carried from frame to frame: tensors for a safetensors file, and values for JSON."""
        ...

    def restore(self, tensors: dict[str, torch.Tensor], values: dict[str, Any]) -> None:
        """Go on from what was ``saved``: the next frames are what they would have been."""
        ...


class Live:
    """As live: residual feedback. A film waits for nobody, so nothing governs: the settings' own width and steps."""

    part = 48

    def __init__(self, session: Session) -> None:
        self._session = session

    def dream(self, frame: Frame) -> Picture:
        """As ``Dreaming`` says."""
        point = point_for(self._session.settings, frame.picture.shape[1])
        return self._session.step(frame, frame.captured_ns, point).dream

    def saved(self) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
        """As ``Dreaming`` says."""
        return self._session.state.saved()

    def restore(self, tensors: dict[str, torch.Tensor], values: dict[str, Any]) -> None:
        """As ``Dreaming`` says."""
        self._session.load(SessionState.loaded(tensors, values))


class Classic:
    """Each frame a still, in the classic manner; begun from the last dream, where the recipe carries it on.

    Frame n (from 0) is dreamed with the seed + n: the still that ``hallucinate still --seed`` makes of what it begins
    from.
    """

    part = 12  # fewer, because each takes tens of steps at full size

    def __init__(self, made: Easel, like: Like) -> None:
        self._easel, self._like, self._flow = made, like, Flow()
        self._done = 0
        self._last: tuple[Picture, Picture] | None = None  # the frame before as it was, and dreamed
        self._sitting: StillRun | None = None

    def dream(self, frame: Frame) -> Picture:
        """As ``Dreaming`` says."""
        start = frame.picture
        if self._last is not None:
            start = carried_on(start, *self._last, led_back(self._last[0], start, self._flow), self._like)
        dreamed = self._dreamed(start)
        self._done += 1
        if self._like.carries:
            self._last = frame.picture, dreamed
        return dreamed

    def _dreamed(self, start: Picture) -> Picture:
        if self._sitting is None:  # once, because all frames of a film are of one size
            self._sitting = self._easel.sitting(start.shape[1], start.shape[0])
        manner = replace(self._easel.manner, seed=self._easel.manner.seed + self._done)
        x = to_tensor(start, self._easel.device)
        detail = torch.zeros_like(x)
        for reached in iterate(replace(self._sitting, options=manner), x):
            detail = reached.detail
        return finished(x, detail)

    def saved(self) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
        """As ``Dreaming`` says."""
        last = {} if self._last is None else dict(zip(("frame", "dreamed"), self._last, strict=True))
        return {name: torch.from_numpy(picture) for name, picture in last.items()}, {"done": self._done}

    def restore(self, tensors: dict[str, torch.Tensor], values: dict[str, Any]) -> None:
        """As ``Dreaming`` says."""
        self._last = (tensors["frame"].numpy(), tensors["dreamed"].numpy()) if tensors else None
        self._done = values["done"]


def dreamers(order: Order) -> Callable[[Order], Dreaming]:
    """What makes that which dreams a span, for films that are ordered alike, all with one network.

    Raises HallucinateError for a network, a device, a recipe, or a name in the settings that is not there.
    """
    return classic_dreamers(order) if order.ask.like else live_dreamers(order)


def classic_dreamers(order: Order) -> Callable[[Order], Dreaming]:
    """In the classic manner."""
    made, like = easel(order.ask), find_like(order.ask.like)
    return lambda film: Classic(made, like)


def live_dreamers(order: Order) -> Callable[[Order], Dreaming]:
    """As live; always in the same precision: which one is quickest is another thing at each start."""
    ask, device = order.ask, choose_device(order.ask.device)
    network = open_network(ask.network, device, precisions(device)[0], options=ask.given)
    pictures = read_pictures(ask.files())
    # The least width is the governor's, and nothing governs here.
    checked(network, ask.settings.model_copy(update={"dream_width_min": 64}), pictures)
    calibration = read_strength_calibration(shipped("calibration") / "strength" / f"{network.name}.json")

    def live(film: Order) -> Live:
        dreamer = Dreamer(network, device, calibration)
        dreamer.set_guide(pictures.get("guide"))
        dreamer.set_mask(pictures.get("mask"))
        return Live(dreamer.session(film.ask.settings, film.ask.seed, Geometry(*film.lies())))

    return live


def point_for(settings: Settings, width: int) -> OperatingPoint:
    """What a frame so many pixels wide is dreamed with, as live."""
    return OperatingPoint(min(settings.dream_width, width), settings.steps)


def in_words(order: Order, width: int) -> str:
    """How a film's frames, upright so many pixels wide, are dreamed."""
    ask = order.ask
    if ask.like:
        iterations = ask.iterations or find_like(ask.like).iterations
        return f"like {ask.like}, {iterations} iteration{'s' if iterations != 1 else ''} on each octave"
    point = point_for(ask.settings, width)
    return f"{point.width} px wide, {point.steps} step{'s' if point.steps != 1 else ''} a frame"

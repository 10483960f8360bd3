"""What dreams a film's frames, one after the other: as live, or as a classic preset does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import torch

from hallucinate.device import choose_device, precisions
from hallucinate.dream.dreamer import Dreamer
from hallucinate.dream.session import Session
from hallucinate.dream.state import SessionState
from hallucinate.dream.strength_calibration import read_strength_calibration
from hallucinate.dream_request import check_settings, load_pictures
from hallucinate.files import shipped
from hallucinate.film.classic_renderer import ClassicRenderer
from hallucinate.film.film_job import FilmJob
from hallucinate.film.film_reader import FilmFacts
from hallucinate.frame import Frame, OperatingPoint, Picture
from hallucinate.networks.registry import open_network
from hallucinate.settings import Settings
from hallucinate.still.presets import find_preset
from hallucinate.still.renderer import open_renderer


class FrameRenderer(Protocol):
    """What dreams the frames of one span, in order, and can be stopped and continued.

    frames_per_part: at most so many frames are dreamed again after a kill. Each part starts with a key frame.
    """

    frames_per_part: int

    def render(self, frame: Frame) -> Picture:
        """The next frame, upright, dreamed: uint8 RGB (H, W, 3), the frame's own size."""
        ...

    def state(self) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
        """All that goes from frame to frame: tensors for a safetensors file, and values for JSON."""
        ...

    def restore(self, tensors: dict[str, torch.Tensor], values: dict[str, Any]) -> None:
        """Continue from a ``state``: the next frames are what they would have been.

        Raises KeyError, TypeError or ValueError for what is not a state.
        """
        ...


RendererFactory = Callable[[FilmJob, FilmFacts], FrameRenderer]
"""Makes the renderer of one span of a film; all that it makes share one network."""


class LiveRenderer:
    """As live: residual feedback; a FrameRenderer. A film waits for nobody, so the settings' width and steps hold."""

    frames_per_part = 48

    def __init__(self, session: Session) -> None:
        self._session = session

    def render(self, frame: Frame) -> Picture:
        """As ``FrameRenderer.render``."""
        point = operating_point(self._session.settings, frame.picture.shape[1])
        return self._session.step(frame, frame.captured_ns, point).dream

    def state(self) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
        """As ``FrameRenderer.state``."""
        return self._session.state.saved()

    def restore(self, tensors: dict[str, torch.Tensor], values: dict[str, Any]) -> None:
        """As ``FrameRenderer.restore``."""
        self._session.load(SessionState.loaded(tensors, values))


def renderer_factory(job: FilmJob) -> RendererFactory:
    """What makes the renderers of films that are requested alike.

    Raises HallucinateError for a network, a device, a preset, or a name in the settings that does not exist.
    """
    return classic_factory(job) if job.request.preset else live_factory(job)


def classic_factory(job: FilmJob) -> RendererFactory:
    """Renderers that follow a classic preset."""
    renderer, preset = open_renderer(job.request), find_preset(job.request.preset)
    return lambda film, facts: ClassicRenderer(renderer, preset)


def live_factory(job: FilmJob) -> RendererFactory:
    """Renderers as live, always in the same precision: which one is the quickest differs from start to start."""
    request, device = job.request, choose_device(job.request.device)
    network = open_network(request.network, device, precisions(device)[0], options=request.network_options)
    pictures = load_pictures(request.pictures())
    # The least width is for the governor, and nothing governs here.
    check_settings(network, request.settings.model_copy(update={"dream_width_min": 64}), pictures)
    calibration = read_strength_calibration(shipped("calibration") / "strength" / f"{network.name}.json")

    def live(film: FilmJob, facts: FilmFacts) -> LiveRenderer:
        dreamer = Dreamer(network, device, calibration)
        dreamer.set_guide(pictures.get("guide"))
        dreamer.set_mask(pictures.get("mask"))
        return LiveRenderer(dreamer.session(film.request.settings, film.request.seed, film.geometry(facts)))

    return live


def operating_point(settings: Settings, width: int) -> OperatingPoint:
    """What a frame so many pixels wide is dreamed with, as live."""
    return OperatingPoint(min(settings.dream_width, width), settings.steps)


def describe_rendering(job: FilmJob, width: int) -> str:
    """How a film's frames, upright so many pixels wide, are dreamed, in words."""
    request = job.request
    if request.preset:
        iterations = request.iterations or find_preset(request.preset).iterations
        return f"like {request.preset}, {iterations} iteration{'s' if iterations != 1 else ''} on each octave"
    point = operating_point(request.settings, width)
    return f"{point.width} px wide, {point.steps} step{'s' if point.steps != 1 else ''} a frame"

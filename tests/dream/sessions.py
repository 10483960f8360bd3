"""Sessions on a tiny network, and a world for their cameras."""

from __future__ import annotations

import cv2
import numpy as np

from hallucinate.dream.dreamer import Dreamer
from hallucinate.dream.session import Session
from hallucinate.frame import Frame, OperatingPoint, Picture
from hallucinate.settings import Settings
from tests.dream.networks import TinyNetwork

POINT = OperatingPoint(128, 1)
SETTINGS = Settings(motifs={}, layers={"second": 1.0}, strength=0.6, growth_s=0.5, half_life_s=2.0)


def world(seed: int = 0) -> Picture:
    noise = np.random.default_rng(seed).integers(0, 256, (144, 400, 3), dtype=np.uint8)
    soft = cv2.GaussianBlur(noise, (0, 0), 4)
    return np.asarray(cv2.normalize(soft, np.empty_like(soft), 40, 215, cv2.NORM_MINMAX), np.uint8)


def new_session() -> Session:
    return Dreamer(TinyNetwork()).session()


def dream(session: Session, frame: Frame, settings: Settings = SETTINGS, point: OperatingPoint = POINT) -> Picture:
    """The next frame, dreamed with these settings."""
    session.use(settings, session.settings_revision + 1)
    return session.step(frame, frame.captured_ns, point).dream


def run(
    session: Session,
    frames: int,
    fps: float = 25,
    settings: Settings = SETTINGS,
    point: OperatingPoint = POINT,
    pan: int = 0,
    start: int = 0,
) -> tuple[Picture, Picture]:
    """The last camera picture and its dream, after so many frames of a camera that pans by ``pan`` px per frame."""
    wide = world()
    camera = dreamed = wide[:, :256]
    for n in range(start, start + frames):
        camera = np.ascontiguousarray(wide[:, n * pan : n * pan + 256])
        dreamed = dream(session, Frame(camera, int(n / fps * 1e9)), settings, point)
    return camera, dreamed


def apart(a: Picture, b: Picture) -> float:
    """Root mean square difference, in [0, 1] units."""
    return float(np.sqrt(np.mean((a.astype(np.float64) - b) ** 2)) / 255)

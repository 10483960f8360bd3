import numpy as np

from hallucinate.calibrate.clips import render_clip
from hallucinate.dream.dreamer import Dreamer
from hallucinate.dream.strength_calibration import StrengthCalibration
from hallucinate.frame import Frame, OperatingPoint
from hallucinate.settings import Settings
from tests.dream.networks import TinyNetwork

SETTINGS = Settings(motifs={}, layers={"second": 1.0}, steps=2)


def test_a_clip_is_dreamed_as_live_with_the_settings_steps_and_the_measured_limit() -> None:
    pictures = np.random.default_rng(0).integers(60, 200, (5, 48, 64, 3), dtype=np.uint8)
    frames = [Frame(picture, n * 80_000_000) for n, picture in enumerate(pictures)]
    near, far = StrengthCalibration(), StrengthCalibration({}, {}, {}, {"second": (0.1, 0.2, 0.3)})
    dreams = []
    for calibration in (near, far):
        session = Dreamer(TinyNetwork(), calibration=calibration).session(SETTINGS)
        expected = [session.step(frame, 0, OperatingPoint(48, 2)) for frame in frames]
        output = render_clip(TinyNetwork(), iter(frames), SETTINGS, 48, calibration)
        assert np.array_equal(output.camera, pictures[-1])
        assert np.array_equal(output.dream, expected[-1].dream)
        dreams.append(output.dream)
    apart = [np.sqrt(np.mean((dream.astype(float) - pictures[-1]) ** 2)) for dream in dreams]
    assert apart[1] > 1.1 * apart[0]

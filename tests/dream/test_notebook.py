"""``--like notebook`` against the notebook itself: google/deepdream's functions, written out slowly in float64."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import torch

from hallucinate.dream.objective_set import Guide, compile_objectives
from hallucinate.dream.still import StillOptions, StillRun, iterate
from hallucinate.dream.strength_calibration import StrengthCalibration
from hallucinate.frame import to_picture, to_tensor
from hallucinate.settings import Settings
from hallucinate.still.presets import CLASSIC_PRESETS
from tests.dream.networks import TinyNetwork

CPU = torch.device("cpu")
LAYER = "second"
Array = npt.NDArray[np.float64]
Direction = Callable[[Array], Array]


def objective_l2(data: Array) -> Array:
    return data


def objective_guide(guide_features: Array) -> Direction:
    def towards(data: Array) -> Array:
        x, y = data, guide_features
        ch = x.shape[0]
        x, y = x.reshape(ch, -1), y.reshape(ch, -1)
        a = x.T.dot(y)
        return y[:, a.argmax(1)].reshape(data.shape)

    return towards


def forward_backward(src: Array, objective: Direction) -> Array:
    """net.forward(end), the objective's diff, net.backward(start=end): pixels in 0..255 in and out."""
    x = torch.from_numpy(src / 255)[None].requires_grad_(True)
    answer = TinyNetwork(torch.float64).activations(x, LAYER)
    diff = objective(answer[0].detach().numpy())
    torch.autograd.backward(answer, torch.from_numpy(np.ascontiguousarray(diff))[None])
    assert x.grad is not None
    return np.asarray(x.grad[0].numpy() / 255)


def make_step(
    src: Array, random: np.random.Generator, objective: Direction, step_size: float = 1.5, jitter: int = 32
) -> Array:
    ox, oy = random.integers(-jitter, jitter + 1, 2)
    src = np.roll(np.roll(src, ox, -1), oy, -2)
    g = forward_backward(src, objective)
    src = src + step_size / np.abs(g).mean() * g
    src = np.roll(np.roll(src, -ox, -1), -oy, -2)
    return np.asarray(np.clip(src, 0, 255))


def zoom(picture: Array, height: int, width: int) -> Array:
    """scipy.ndimage.zoom(picture, (1, …), order=1), its output that large: linear, corners on corners."""

    def along(values: Array, size: int) -> Array:
        """Of the last axis."""
        places = np.linspace(0, values.shape[-1] - 1, size)
        low = np.minimum(np.floor(places).astype(int), values.shape[-1] - 2)
        share = places - low
        return np.asarray(values[..., low] * (1 - share) + values[..., low + 1] * share)

    return np.swapaxes(along(np.swapaxes(along(picture, width), -1, -2), height), -1, -2)


def deepdream(
    base_img: Array, objective: Direction, iter_n: int = 10, octave_n: int = 4, octave_scale: float = 1.4
) -> Array:
    octaves = [base_img]
    for _ in range(octave_n - 1):
        height, width = octaves[-1].shape[-2:]
        octaves.append(zoom(octaves[-1], round(height / octave_scale), round(width / octave_scale)))
    src, detail = base_img, np.zeros_like(octaves[-1])
    for octave, octave_base in enumerate(octaves[::-1]):
        if octave > 0:
            detail = zoom(detail, *octave_base.shape[-2:])
        src = octave_base + detail
        for i in range(iter_n):
            src = make_step(src, np.random.default_rng([0, octave, i]), objective)
        detail = src - octave_base
    return src


def scene(height: int = 112, width: int = 160) -> torch.Tensor:
    coarse = torch.rand(1, 3, 9, 12, generator=torch.Generator().manual_seed(4))
    fine = torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(5))
    large = torch.nn.functional.interpolate(coarse, (height, width), mode="bicubic").clamp(0, 1)
    return to_tensor(to_picture(0.8 * large + 0.2 * fine), CPU)


def ours(x: torch.Tensor, guide: torch.Tensor | None = None, **knobs: object) -> StillRun:
    plain: dict[str, object] = {"motifs": {}} if guide is not None else {"motifs": {}, "layers": {LAYER: 1.0}}
    settings = Settings.model_validate(
        {**CLASSIC_PRESETS["notebook"].settings, **plain, **({"guide": 1.0} if guide is not None else {})}
    )
    options = StillOptions(CLASSIC_PRESETS["notebook"].iterations, CLASSIC_PRESETS["notebook"].step_size, classic=True)
    picture = None if guide is None else Guide(to_picture(guide))
    objectives = compile_objectives(TinyNetwork(), settings, picture, CPU, bounded=False)
    return StillRun(TinyNetwork(), objectives, settings, options, StrengthCalibration(), 0)


def apart(found: torch.Tensor, expected: Array) -> float:
    """Root mean square difference over that of what was dreamed, relative to the expected picture."""
    return float(np.linalg.norm(found.double().numpy()[0] * 255 - expected) / np.linalg.norm(expected))


def one_step(run: StillRun, x: torch.Tensor) -> torch.Tensor:
    alone = replace(run, settings=run.settings.model_copy(update={"octaves": 1}))
    return x + next(iterate(alone, x)).detail


def test_one_step() -> None:
    x = scene()
    start = x[0].double().numpy() * 255
    expected = make_step(start, np.random.default_rng([0, 0, 0]), objective_l2)
    found = one_step(ours(x), x)
    assert apart(found, expected) < 1e-4
    # And of the step itself, which is small beside the picture.
    step = expected - start
    assert np.linalg.norm((found - x).double().numpy()[0] * 255 - step) < 1e-4 * np.linalg.norm(step)
    assert np.abs(step).mean() > 1


def test_one_guided_step() -> None:
    x, guide = scene(), scene(48, 64)
    seen = TinyNetwork(torch.float64).activations(guide.double(), LAYER)[0].numpy()
    start = x[0].double().numpy() * 255
    expected = make_step(start, np.random.default_rng([0, 0, 0]), objective_guide(seen))
    step = expected - start
    found = (one_step(ours(x, guide), x) - x).double().numpy()[0] * 255
    assert np.linalg.norm(found - step) < 1e-4 * np.linalg.norm(step)


def test_an_octave_pass() -> None:
    x = scene()
    expected = deepdream(x[0].double().numpy() * 255, objective_l2)
    *_, last = iterate(ours(x), x)
    assert (last.octaves, last.iteration) == (4, 10)
    assert apart(x + last.detail, expected) < 1e-4


def test_the_hallucination_machine_is_as_published() -> None:
    preset = CLASSIC_PRESETS["hallucination-machine"]
    assert (preset.settings["octaves"], preset.settings["octave_scale"], preset.iterations) == (3, 1.8, 16)
    assert (preset.moving_share, preset.still_share) == (0.9, 0.05)

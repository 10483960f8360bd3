"""The GPU's path without a GPU: the same buffers, the same graphs' bookkeeping, the same frames."""

import logging
from collections.abc import Sequence

import numpy as np
import pytest
import torch

from hallucinate.dream.cuda import MOST_GRAPHS, WARM_UP, Graphs, Replay, StagingBuffers, Work
from hallucinate.dream.dreamer import Dreamer, Pending
from hallucinate.frame import Frame, OperatingPoint, Picture
from hallucinate.settings import Settings
from tests.dream.networks import TinyNetwork
from tests.dream.sessions import SETTINGS, apart, dream, world

CPU = torch.device("cpu")


class Recorder:
    """Captures as CUDA does: static inputs and outputs, and a launch that writes over them."""

    def __init__(self) -> None:
        self.captures = 0

    def __call__(self, work: Work, inputs: Sequence[torch.Tensor]) -> Replay:
        self.captures += 1
        static = [tensor.clone() for tensor in inputs]
        outputs = tuple(tensor.clone() for tensor in work(static))

        def launch() -> None:
            for held, new in zip(outputs, work(static), strict=True):
                held.copy_(new)

        return Replay(static, outputs, launch)


def double(inputs: Sequence[torch.Tensor]) -> tuple[torch.Tensor, ...]:
    return (inputs[0] * 2,)


def whole_frames_on(dreamer: Dreamer, graphs: Graphs | None) -> Dreamer:
    dreamer._whole_frame, dreamer._graphs = True, graphs
    return dreamer


def film(dreamer: Dreamer, settings: Settings, frames: int = 14, pan: int = 2) -> list[Picture]:
    wide = world()
    cameras = [np.ascontiguousarray(wide[:, n * pan : n * pan + 256]) for n in range(frames)]
    session = dreamer.session()
    return [
        dream(session, Frame(picture, int(n / 25 * 1e9)), settings, OperatingPoint(128, 1))
        for n, picture in enumerate(cameras)
    ]


def test_a_graph_key_runs_eagerly_first_and_then_from_one_graph() -> None:
    capture = Recorder()
    graphs, results = Graphs(capture), []
    for n in range(10):
        results.append(graphs.run("key", double, [torch.full((2,), float(n))])[0])
        assert capture.captures == (n >= WARM_UP)
    assert [float(t[0]) for t in results] == [2.0 * n for n in range(10)]  # none was written over by a later launch


def test_other_shapes_are_another_graph_and_the_oldest_goes() -> None:
    capture = Recorder()
    graphs = Graphs(capture)
    for size in range(1, MOST_GRAPHS + 3):
        for _ in range(WARM_UP + 2):
            graphs.run("key", double, [torch.ones(size)])
    assert capture.captures == MOST_GRAPHS + 2
    assert len(graphs._replays) == MOST_GRAPHS


def test_what_cannot_be_captured_runs_eagerly_and_that_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    def refuse(work: Work, inputs: Sequence[torch.Tensor]) -> Replay:
        raise RuntimeError("operation not permitted when stream is capturing\nmore")

    graphs = Graphs(refuse)
    with caplog.at_level(logging.WARNING):
        for n in range(10):
            assert graphs.run(n % 2, double, [torch.ones(1)])[0].item() == 2.0
    assert [r.getMessage() for r in caplog.records] == [
        "dreaming without CUDA graphs: operation not permitted when stream is capturing"
    ]


def test_out_of_memory_under_capture_lets_the_graphs_go_and_is_heard_by_who_called() -> None:
    def large(work: Work, inputs: Sequence[torch.Tensor]) -> Replay:
        raise torch.OutOfMemoryError("scripted")

    graphs = Graphs(Recorder())
    for _ in range(WARM_UP + 1):
        graphs.run("small", double, [torch.ones(1)])
    graphs._capture = large
    for _ in range(WARM_UP):
        graphs.run("large", double, [torch.ones(9)])
    with pytest.raises(torch.OutOfMemoryError):
        graphs.run("large", double, [torch.ones(9)])
    assert not graphs._replays


def test_staging_buffers_upload_and_download_and_are_used_again() -> None:
    staging = StagingBuffers(CPU)
    first = np.arange(6, dtype=np.float32).reshape(2, 3)
    there = staging.upload("x", first)
    staging.request("y", there * 2)
    got = staging.download("y")
    buffers = {name: buffer.data_ptr() for name, buffer in staging._buffers.items()}
    again = staging.upload("x", first + 1)
    staging.request("y", again * 2)
    assert np.array_equal(got, first * 2)
    assert np.array_equal(there.numpy(), first)
    assert np.array_equal(staging.download("y"), first * 2 + 2)
    assert {name: buffer.data_ptr() for name, buffer in staging._buffers.items()} == buffers
    assert staging.upload("x", np.zeros((4, 4), np.float32)).shape == (4, 4)


@pytest.mark.parametrize("layers", [{"second": 1.0}, {}, {"second": 0.5, "first": 1.0}])
def test_whole_frames_on_the_device_look_like_the_cpus(layers: dict[str, float]) -> None:
    settings = SETTINGS.model_copy(update={"layers": layers, "motifs": {"light": 1.0, "dark": 0.5}, "drift_zoom": 0.1})
    here = film(Dreamer(TinyNetwork(), CPU), settings)
    there = film(whole_frames_on(Dreamer(TinyNetwork(), CPU), None), settings)
    assert apart(here[-1], world()[:, 26:282]) > 0.01
    for a, b in zip(here, there, strict=True):
        assert apart(a, b) < 1 / 255


def test_sliders_change_what_a_graph_dreams_without_another_capture() -> None:
    capture = Recorder()
    eager = whole_frames_on(Dreamer(TinyNetwork(), CPU), None)
    graphed = whole_frames_on(Dreamer(TinyNetwork(), CPU), Graphs(capture))
    settings = Settings(motifs={"light": 1.0}, octaves=1, motif_size=0.05)
    changes: list[dict[str, object]] = [{}, {"strength": 0.9}, {"growth_s": 2.0}, {"half_life_s": 0.4}]
    changes += [{"motifs": {"dark": 0.7}}, {"motifs": {"light": 0.2, "dark": 1.0}}]
    wide, made, sessions = world(), [], [eager.session(), graphed.session()]
    for n in range(60):
        now = settings.model_copy(update=changes[n // 10])
        frame = Frame(np.ascontiguousarray(wide[:, 2 * n : 2 * n + 256]), int(n / 25 * 1e9))
        a, b = (dream(session, frame, now, OperatingPoint(128, 1)) for session in sessions)
        assert np.array_equal(a, b)
        made.append(capture.captures)
    assert made[9] == made[-1] == 1


def test_the_next_frame_may_be_begun_before_the_last_is_fetched() -> None:
    settings, pictures = SETTINGS, [np.ascontiguousarray(world()[:, 2 * n : 2 * n + 256]) for n in range(8)]
    frames = [Frame(picture, int(n / 25 * 1e9)) for n, picture in enumerate(pictures)]
    one_by_one = whole_frames_on(Dreamer(TinyNetwork(), CPU), Graphs(Recorder()))
    ahead = whole_frames_on(Dreamer(TinyNetwork(), CPU), Graphs(Recorder()))
    expected = [
        output.dream
        for session in [one_by_one.session(settings)]
        for output in [session.step(frame, 0, OperatingPoint(128, 1)) for frame in frames]
    ]
    session, found = ahead.session(settings), list[Picture]()
    pending: Pending | None = None
    for frame in frames:
        started = ahead.begin([(session, frame)], OperatingPoint(128, 1))
        found += [output.dream for output in pending.outputs(0)] if pending else []
        pending = started
    assert pending is not None
    found += [output.dream for output in pending.outputs(0)]
    for a, b in zip(expected, found, strict=True):
        assert np.array_equal(a, b)


def test_a_number_lost_on_the_device_is_counted_when_the_picture_is_there() -> None:
    class Sick(TinyNetwork):
        def activations(self, x: torch.Tensor, layer: str) -> torch.Tensor:
            return super().activations(x, layer) * float("nan")

    dreamer = whole_frames_on(Dreamer(Sick(), CPU), None)
    session = dreamer.session(SETTINGS)
    for n in range(3):
        output = session.step(Frame(np.ascontiguousarray(world()[:, n : n + 256]), n * 10**8), 0, OperatingPoint(64, 1))
        assert np.array_equal(output.dream, output.camera)
        assert output.cleared
    assert session.state.cleared == 3

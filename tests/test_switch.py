"""Switching networks while the dream goes on: the real loop, and loading on its own thread, one turn at a time."""

import threading
from collections.abc import Mapping

import numpy as np
import pytest
import torch

from hallucinate.control.live_settings import LiveSettings
from hallucinate.dream.dreamer import Dreamer
from hallucinate.dream.objective_set import Guide
from hallucinate.dream.strength_calibration import StrengthCalibration
from hallucinate.errors import WeightsError
from hallucinate.frame import Frame
from hallucinate.loop import Loop
from hallucinate.networks.registry import check_name
from hallucinate.networks.weights import DownloadProgress
from hallucinate.settings import Settings
from hallucinate.statistics import NetworkStatistics
from hallucinate.switch import LoadedNetwork, NetworkSwitch
from tests.dream.networks import TinyNetwork
from tests.fakes import FakeClock
from tests.refusals import refused
from tests.test_loop import Idle

SOON = 10.0


class Other(TinyNetwork):
    """Knows one motif of the first and one that is new; its layers are its own."""

    name = "vgg16"
    motifs: tuple[str, ...] = ("dark", "tabby")
    families: Mapping[str, str] = {"tabby": "cats"}
    layers: tuple[str, ...] = ("conv1", "conv2")
    channels: Mapping[str, int] = {"conv1": 8, "conv2": 8}
    default_layer = "conv2"

    def activations(self, x: torch.Tensor, layer: str) -> torch.Tensor:
        return super().activations(x, {"conv1": "first", "conv2": "second"}[layer])


class Loading:
    """Loads when it is told to, and fails when it is told to."""

    def __init__(self) -> None:
        self.go, self.started = threading.Event(), threading.Event()
        self.failing: Exception | None = None

    def __call__(self, name: str, progress: DownloadProgress) -> LoadedNetwork:
        progress(25, 100)
        self.started.set()
        assert self.go.wait(SOON)
        progress(100, 100)
        if self.failing is not None:
            raise self.failing
        return LoadedNetwork(name, Other(), StrengthCalibration(), {"network": name})


def make(settings: Settings) -> tuple[Loop, LiveSettings, NetworkSwitch, Loading]:
    loading = Loading()
    switch = NetworkSwitch(
        "motif", {"network": "motif"}, loading, check_name, lambda: [{"name": "motif"}, {"name": "vgg16"}]
    )
    live = LiveSettings(settings, TinyNetwork.motifs, TinyNetwork.layers, TinyNetwork.families)
    main = Dreamer(TinyNetwork()).session(settings)
    clock = FakeClock(start_ns=10**12)
    return Loop(Idle, main, live, clock, (64, 36), networks=switch), live, switch, loading


def turn(loop: Loop) -> None:
    clock: FakeClock = loop._clock  # type: ignore[assignment]
    clock.advance(0.05)
    noise = np.random.default_rng(0).integers(0, 256, (36, 64, 3), dtype=np.uint8)
    loop.main.slot.put(Frame(noise, clock.now_ns()))
    assert loop.take_turns() == 1


def loaded(switch: NetworkSwitch) -> None:
    assert switch._thread is not None
    switch._thread.join(SOON)
    assert not switch._thread.is_alive()


SETTINGS = Settings(motifs={}, layers={"second": 1.0}, fps=20, dream_width=64, dream_width_min=64)


def test_the_old_network_dreams_on_until_the_new_one_is_taken_between_two_turns() -> None:
    loop, live, switch, loading = make(SETTINGS)
    switches: list[object] = []
    switch.listen(lambda: switches.append((switch.facts["network"], live.current.layers)))
    turn(loop)
    switch.begin("vgg16")
    assert loading.started.wait(SOON)
    assert loop.stats().network == NetworkStatistics(name="motif", loading="vgg16", share=0.25, error="")
    turn(loop)
    assert live.current.layers == {"second": 1.0}
    loading.go.set()
    loaded(switch)
    assert live.layers == TinyNetwork.layers  # nothing changes but between turns
    residual = loop.main.session.state.residual
    assert residual is not None
    before = residual.abs().mean()
    turn(loop)
    assert switches == [("vgg16", {"conv2": 1.0})]
    assert (live.motifs, live.layers) == (Other.motifs, Other.layers)
    assert live.schema()["properties"]["motifs"]["families"] == {"tabby": "cats"}
    assert loop.stats().network == NetworkStatistics(name="vgg16", loading="", share=None, error="")
    after = loop.main.session.state.residual
    assert after is not None
    assert after.abs().mean() > 0.5 * before  # what was dreamed stays
    assert [row["name"] for row in switch.choices() if row["current"]] == ["vgg16"]
    with refused("layer_unknown", "'second'"):
        live.patch({"layers": {"second": 1.0}})
    loop.close()


def test_one_is_loaded_at_a_time_and_only_what_there_is() -> None:
    loop, _, switch, loading = make(SETTINGS)
    with refused("network_unknown", "'resnet'", "'resnet50'"):
        switch.begin("resnet")
    switch.begin("motif")  # which dreams already
    assert switch._thread is None
    switch.begin("vgg16")
    with refused("network_loading", "'vgg16'"):
        switch.begin("googlenet")
    loading.go.set()
    loaded(switch)
    with refused("network_loading", "'vgg16'"):  # it is here, but does not dream yet
        switch.begin("googlenet")
    turn(loop)
    switch.begin("motif")
    loaded(switch)
    turn(loop)
    assert switch.name == "motif"
    loop.close()


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (WeightsError("it could not be fetched; put it there"), "it could not be fetched; put it there"),
        (RuntimeError("out of\nmemory"), "the network 'vgg16' could not be loaded: out of memory"),
    ],
)
def test_what_cannot_be_loaded_is_reported_and_the_old_one_goes_on(error: Exception, message: str) -> None:
    loop, live, switch, loading = make(SETTINGS)
    loading.failing = error
    loading.go.set()
    switch.begin("vgg16")
    loaded(switch)
    turn(loop)
    assert loop.stats().network == NetworkStatistics(name="motif", loading="", share=None, error=message)
    assert live.current == SETTINGS
    loading.failing = None
    switch.begin("vgg16")
    assert switch.stats().error == ""
    loaded(switch)
    turn(loop)
    assert switch.name == "vgg16"
    loop.close()


def test_closing_breaks_off_a_fetch() -> None:
    loop, _, switch, loading = make(SETTINGS)
    switch.begin("vgg16")
    assert loading.started.wait(SOON)
    switch._closing = True
    loading.go.set()
    loaded(switch)
    assert "stopped while weights were fetched" in switch.stats().error
    loop.close()


def test_a_loop_of_one_network_alone_has_no_other() -> None:
    main = Dreamer(TinyNetwork()).session(SETTINGS)
    loop = Loop(Idle, main, LiveSettings(SETTINGS, (), TinyNetwork.layers), FakeClock())
    with refused("network_invalid"):
        loop.networks.begin("vgg16")
    loop.close()


class Louder(TinyNetwork):
    def activations(self, x: torch.Tensor, layer: str) -> torch.Tensor:
        return 2 * super().activations(x, layer)


def test_a_guide_is_looked_at_with_each_network_anew() -> None:
    guide = Guide(np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8))
    one, other = TinyNetwork(), Louder()
    found = guide.features(one, "second", torch.device("cpu"))
    assert torch.equal(guide.features(other, "second", torch.device("cpu")), 2 * found)
    assert torch.equal(guide.features(one, "second", torch.device("cpu")), found)

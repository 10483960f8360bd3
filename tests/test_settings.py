"""The settings, and the one door through which they change."""

import threading

import pytest

from hallucinate.control.live_settings import LiveSettings, Snapshot, fitted
from hallucinate.settings import Settings, Unit, read_unit
from tests.refusals import refused


@pytest.fixture
def live() -> LiveSettings:
    return LiveSettings(
        Settings(motifs={"eye": 1.0}), ("eye", "spiral", "feather"), ("stem", "mixed4a"), channels={"stem": 8}
    )


@pytest.mark.parametrize(
    ("changes", "code", "values"),
    [
        ({"strenght": 1}, "setting_unknown", ["'strenght'", "'strength'"]),
        ({"strength": 7}, "setting_out_of_range", ["strength", "1", "7"]),
        ({"strength": "high"}, "setting_invalid", ["strength", "'high'"]),
        ({"strength": True}, "setting_invalid", ["strength", "True"]),
        ({"strength": None}, "setting_invalid", ["strength", "None"]),
        ({"fps": float("nan")}, "setting_out_of_range", ["fps", "nan"]),
        ({"steps": 1.5}, "setting_invalid", ["steps", "1.5"]),
        ({"motifs": {"spirl": 1.0}}, "motif_unknown", ["'spirl'", "'spiral'"]),
        ({"motifs": {"zzz": 1.0}}, "motif_unknown", ["'zzz'", "eye, spiral, feather"]),
        ({"motifs": {"eye": 2.0}}, "setting_out_of_range", ["motifs.eye", "1", "2.0"]),
        ({"motifs": ["eye"]}, "setting_invalid", ["motifs", "['eye']"]),
        ({"layers": {"stem:8": 1.0}}, "channel_out_of_range", ["stem", "0 to 7", "8"]),
        ({"layers": {"stem:x": 1.0}}, "setting_invalid", ["'stem:x'", "LAYER:CHANNEL@centre"]),
        ({"guide_layer": "stemm"}, "layer_unknown", ["'stemm'", "'stem'"]),
        ({"guide": 0.5}, "picture_missing", ["guide", "/api/guide", "--guide-image"]),
        ({"where": "painted"}, "picture_missing", ["mask", "/api/mask", "--mask-image"]),
        ({"layers": {"mixed4b": 1.0}}, "layer_unknown", ["'mixed4b'", "'mixed4a'"]),
        ({"dream_width": 100, "dream_width_min": 200}, "settings_conflict", ["dream_width_min", "100", "200"]),
    ],
)
def test_what_is_refused_is_named_and_changes_nothing(
    live: LiveSettings, changes: dict[str, object], code: str, values: list[str]
) -> None:
    before = live.snapshot
    with refused(code, *values):
        live.patch({"half_life_s": 3.0, **changes})
    assert live.snapshot is before


def test_a_patch_changes_what_it_names_and_tells_everyone_who_made_it(live: LiveSettings) -> None:
    heard: list[Snapshot] = []
    stop = live.listen(heard.append)
    settings = live.patch({"strength": 1, "motifs": {"spiral": 0.5}}, origin="page")
    assert (settings.strength, settings.motifs, settings.half_life_s) == (1.0, {"spiral": 0.5}, 1.5)
    assert heard == [live.snapshot] == [Snapshot(settings, 1, "page")]
    assert live.current is settings
    stop()
    live.patch({"strength": 0.2})
    assert len(heard) == 1


def test_every_change_has_a_revision_and_an_origin(live: LiveSettings) -> None:
    heard: list[tuple[int, str]] = []
    live.listen(lambda snapshot: heard.append((snapshot.revision, snapshot.origin)))
    assert (live.snapshot.revision, live.snapshot.origin) == (0, "start")
    live.set_picture("mask", True)  # nothing changes by that alone
    live.patch({"where": "painted"})
    live.set_picture("mask", False)
    live.use(("dog",), ("conv1",), {}, {"conv1": 8}, "conv1")
    assert heard == [(1, "api"), (2, "picture"), (3, "network")]
    assert (live.current.where, live.current.layers) == ("everywhere", {"conv1": 1.0})


def test_changes_from_many_threads_are_counted_one_by_one(live: LiveSettings) -> None:
    seen: list[int] = []
    live.listen(lambda snapshot: seen.append(snapshot.revision))
    threads = [
        threading.Thread(target=lambda n=n: [live.patch({"strength": (n + k) / 100}) for k in range(25)])
        for n in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(seen) == list(range(1, 101))
    assert live.snapshot.revision == 100


def test_the_start_is_checked_too() -> None:
    with refused("motif_unknown", "'eye'", "dog"):
        LiveSettings(Settings(motifs={"eye": 1.0}), ("dog",), ())


def test_every_setting_has_a_description_a_label_and_a_range(live: LiveSettings) -> None:
    for name, knob in live.schema()["properties"].items():
        assert knob["description"], name
        assert knob["label"], name
        assert knob["group"] in ("dream", "engine"), name
        if knob["type"] in ("number", "integer"):
            assert knob["minimum"] <= knob["default"] <= knob["maximum"], name
            assert knob["step"] > 0, name


def test_the_schema_knows_the_networks_names(live: LiveSettings) -> None:
    knobs = live.schema()["properties"]
    assert knobs["motifs"]["propertyNames"]["enum"] == ["eye", "spiral", "feather"]
    assert knobs["layers"]["propertyNames"] == {"enum": ["stem", "mixed4a"]}
    assert knobs["guide_layer"]["enum"] == ["", "stem", "mixed4a"]


def test_a_unit_is_a_layer_a_channel_or_a_neuron() -> None:
    assert read_unit("mixed4c") == Unit("mixed4c")
    assert read_unit("mixed4c:12") == Unit("mixed4c", 12)
    assert read_unit("mixed4c:12@centre") == Unit("mixed4c", 12, True)
    for entry in ("", "mixed4c:", "mixed4c:x", "mixed4c@centre", "a:1:2"):
        with refused("setting_invalid", repr(entry)):
            read_unit(entry)


@pytest.mark.parametrize(
    ("before", "motifs", "layers"),
    [
        ({"motifs": {"light": 1.0, "dark": 0.5}}, {"dark": 0.5}, {}),
        ({"motifs": {"light": 1.0}}, {}, {"conv2": 1.0}),
        ({"motifs": {"light": 1.0, "dark": 0.0}}, {"dark": 0.0}, {"conv2": 1.0}),
        ({"motifs": {}, "layers": {"second": 1.0}}, {}, {"conv2": 1.0}),
        ({"motifs": {"dark": 1.0}, "layers": {"second": 1.0}}, {"dark": 1.0}, {}),
        ({"motifs": {"dark": 1.0}, "layers": {"conv1:7@centre": 0.5}}, {"dark": 1.0}, {"conv1:7@centre": 0.5}),
        ({"motifs": {}, "layers": {"conv1:8": 1.0}}, {}, {"conv2": 1.0}),
        ({"motifs": {"light": 1.0}, "guide": 0.5, "guide_layer": "second"}, {}, {}),
        ({"motifs": {}}, {}, {}),
        ({"motifs": {"light": 0.0}}, {}, {}),
    ],
)
def test_settings_that_another_network_can_follow(
    before: dict[str, object], motifs: dict[str, float], layers: dict[str, float]
) -> None:
    settings = Settings.model_validate({"strength": 0.3, **before})
    found = fitted(settings, ("dark", "tabby"), {"conv1": 8, "conv2": 8}, "conv2")
    assert (found.motifs, found.layers, found.guide_layer, found.strength) == (motifs, layers, "", 0.3)

import pytest

from hallucinate.control.live_settings import LiveSettings
from hallucinate.errors import SettingsError
from hallucinate.settings import Settings


@pytest.fixture
def live() -> LiveSettings:
    return LiveSettings(
        Settings(motifs={"eye": 1.0}), ("eye", "spiral", "feather"), ("stem", "mixed4a"), channels={"stem": 8}
    )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"strenght": 1}, "no setting is called 'strenght'; did you mean 'strength'"),
        ({"strength": 7}, "strength: input should be less than or equal to 1, given 7"),
        ({"strength": "high"}, "strength: input should be a valid number, given 'high'"),
        ({"strength": True}, "strength: input should be a valid number"),
        ({"strength": None}, "strength: input should be a valid number, given None"),
        ({"fps": float("nan")}, "fps: input should be a finite number"),
        ({"steps": 1.5}, "steps: input should be a valid integer, given 1.5"),
        ({"motifs": {"spirl": 1.0}}, "no motif is called 'spirl'; did you mean spiral?"),
        ({"motifs": {"zzz": 1.0}}, "no motif is called 'zzz'; there are: eye, spiral, feather"),
        ({"motifs": {"eye": 2.0}}, "motifs.eye: input should be less than or equal to 1, given 2.0"),
        ({"motifs": ["eye"]}, "motifs: input should be a valid dictionary"),
        ({"layers": {"stem:8": 1.0}}, "stem has channels 0 to 7, given 8"),
        ({"layers": {"stem:x": 1.0}}, "write LAYER, LAYER:CHANNEL or LAYER:CHANNEL@centre"),
        ({"guide_layer": "stemm"}, "no layer is called 'stemm'; did you mean stem"),
        ({"guide": 0.5}, "no guide picture yet: PUT one to /api/guide, or start with --guide-image"),
        ({"layers": {"mixed4b": 1.0}}, "no layer is called 'mixed4b'; did you mean mixed4a"),
        ({"dream_width": 100, "dream_width_min": 200}, "dream_width_min: 200 is above dream_width, 100"),
    ],
)
def test_what_is_refused_is_named_and_changes_nothing(
    live: LiveSettings, changes: dict[str, object], said: str
) -> None:
    before = live.current
    with pytest.raises(SettingsError) as caught:
        live.patch({"half_life_s": 3.0, **changes})
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert live.current is before


def test_a_patch_changes_what_it_names_and_tells_everyone(live: LiveSettings) -> None:
    heard: list[Settings] = []
    stop = live.listen(heard.append)
    settings = live.patch({"strength": 1, "motifs": {"spiral": 0.5}})
    assert (settings.strength, settings.motifs, settings.half_life_s) == (1.0, {"spiral": 0.5}, 1.5)
    assert heard == [settings] == [live.current]
    stop()
    live.patch({"strength": 0.2})
    assert len(heard) == 1


def test_the_start_is_checked_too() -> None:
    with pytest.raises(SettingsError, match="no motif is called 'eye'"):
        LiveSettings(Settings(motifs={"eye": 1.0}), ("dog",), ())


def test_every_knob_says_what_it_is(live: LiveSettings) -> None:
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

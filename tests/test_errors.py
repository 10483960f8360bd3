"""Codes are what programs and tests rely on: errors.py lists each, and each that it lists is used."""

import ast
import pickle
import re
from pathlib import Path

import pytest
from pydantic import BaseModel, ValidationError

from hallucinate import errors
from hallucinate.errors import HallucinateError, SettingsError
from hallucinate.messages import did_you_mean, settings_error, shortened

CODE = Path(errors.__file__).parent
CLASSES = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, HallucinateError)]


def passed_codes() -> set[str]:
    """Every ``code="…"`` in a call, anywhere in the package."""
    found = set()
    for path in CODE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.keyword) and node.arg == "code" and isinstance(node.value, ast.Constant):
                found.add(str(node.value.value))
    return found


def test_the_tree_lists_every_class_and_every_code() -> None:
    assert errors.__doc__ is not None
    words = set(re.findall(r"\w+", errors.__doc__))
    assert {kind.__name__ for kind in CLASSES} <= words
    assert len({kind.code for kind in CLASSES}) == len(CLASSES)
    listed = {word for word in words if "_" in word}
    assert {kind.code for kind in CLASSES} | passed_codes() <= words
    for code in listed:
        uses = [path for path in CODE.rglob("*.py") if f'"{code}"' in path.read_text()]
        built = code in ("motif_unknown", "layer_unknown")  # f"{kind}_unknown"
        assert uses or built, code


def test_a_code_may_be_narrower_than_its_class_and_survives_pickling() -> None:
    error = SettingsError("no such setting", code="setting_unknown")
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), again.code) == (SettingsError, "no such setting", "setting_unknown")
    assert SettingsError("").code == "setting_invalid"


def test_the_nearest_names_are_offered() -> None:
    names = ("eye", "spiral", "feather")
    assert did_you_mean("spirl", names) == "did you mean 'spiral'?"
    assert did_you_mean("feathr", ("feather", "leather"), most=2) == "did you mean 'feather' or 'leather'?"
    assert did_you_mean("zzz", names) == ""


class Model(BaseModel, extra="forbid"):
    width: int = 1
    name: str = ""


@pytest.mark.parametrize(
    ("fields", "code", "values"),
    [
        ({"widht": 1}, "setting_unknown", ["'widht'", "'width'"]),
        ({"width": "x" * 99}, "setting_invalid", ["width", "'xxx"]),
        ({"width": "x", "name": 1}, "setting_invalid", ["width", "name"]),
    ],
)
def test_a_failed_validation_is_one_line(fields: dict[str, object], code: str, values: list[str]) -> None:
    with pytest.raises(ValidationError) as caught:
        Model.model_validate(fields)
    error = settings_error(caught.value, Model.model_fields)
    assert error.code == code
    assert len(str(error).splitlines()) == 1
    assert len(str(error)) < 250
    assert all(value in str(error) for value in values)


def test_a_long_value_is_cut() -> None:
    assert shortened("x" * 99) == "'" + "x" * 56 + "..."
    assert shortened([1, 2]) == "[1, 2]"

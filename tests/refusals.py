"""What is refused: by its code, and the values that its one line names."""

import contextlib
from collections.abc import Iterator

import pytest

from hallucinate.errors import HallucinateError


@contextlib.contextmanager
def refused(code: str, *values: object) -> Iterator[pytest.ExceptionInfo[HallucinateError]]:
    """What is done in here raises an error of this code, in one line that names these values."""
    with pytest.raises(HallucinateError) as caught:
        yield caught
    message = str(caught.value)
    assert caught.value.code == code, message
    assert "\n" not in message
    for value in values:
        assert str(value) in message

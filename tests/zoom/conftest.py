"""Fixtures of these tests."""

from tests.offline import photo, tiny  # noqa: F401

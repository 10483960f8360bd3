"""Fixtures of these tests."""

from tests.offline import tiny  # noqa: F401

"""Imported before torch is, so that tests run as the product does (see hallucinate/__init__.py)."""

import hallucinate  # noqa: F401

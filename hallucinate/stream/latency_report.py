"""What a page measured from capture to its screen, and reports."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hallucinate.errors import SettingsError
from hallucinate.settings import one_line

Milliseconds = Annotated[float, Field(ge=-60_000, le=60_000)]
"""Below 0 when the clocks are further apart than the latency is long; ``clock_error_ms`` then says so too."""

Count = Annotated[int, Field(ge=0, le=1_000_000)]


class LatencyReport(BaseModel):
    """One measurement, as ``POST /api/latency`` takes it. What was not measured is None.

    frames: that were read and count. unreadable: that came, and whose marker could not be read.
    median_ms, p95_ms: from a frame's capture to the time that the browser expected it on the screen.
    clock_error_ms: how wrong the two clocks' alignment may be at most, half the quickest exchange.
    """

    model_config = ConfigDict(frozen=True, strict=True, allow_inf_nan=False)

    seconds: float = Field(gt=0, le=600)
    frames: Count
    unreadable: Count
    median_ms: Milliseconds | None
    p95_ms: Milliseconds | None
    clock_error_ms: Milliseconds | None


def read_latency_report(body: dict[str, object]) -> LatencyReport:
    """Raises SettingsError, one line, for what is missing, of the wrong type or out of its range."""
    try:
        return LatencyReport.model_validate(body)
    except ValidationError as error:
        raise SettingsError(one_line(error)) from None

"""The bar of the offline commands."""

import io

from rich.console import Console

from hallucinate.studio.bar import bar
from tests.fakes import FakeClock


def told(total: int, counts: list[int], terminal: bool = True) -> str:
    """What is in the terminal at the end, when a count is told every half second."""
    clock, out = FakeClock(), io.StringIO()
    console = Console(file=out, force_terminal=terminal, width=100, get_time=lambda: clock.now_ns() / 1e9)
    with bar(console, "a.mp4", total) as tell:
        for count in counts:
            clock.advance(0.5)
            tell(count)
    return out.getvalue()


def test_what_an_earlier_run_did_says_nothing_of_this_ones_speed() -> None:
    said = told(123, [100, 101, 102, 103])
    assert "103/123" in said
    assert "2.0/s" in said
    assert "0:00:10" in said  # for the 20 that are left


def test_a_film_that_does_not_say_how_long_it_is() -> None:
    said = told(0, [1, 2, 3])
    assert "3/?" in said
    assert "2.0/s" in said


def test_without_a_terminal_nothing_is_said() -> None:
    assert told(10, [1, 2], terminal=False).strip() == ""

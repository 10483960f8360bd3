"""The progress bar of the offline commands."""

import io

from rich.console import Console

from hallucinate.progress import progress_bar
from tests.fakes import FakeClock


def drawn(total: int, counts: list[int], terminal: bool = True, name: str = "a.mp4") -> str:
    """What is in the terminal at the end, when a count is reported every half second."""
    clock, out = FakeClock(), io.StringIO()
    console = Console(file=out, force_terminal=terminal, width=100, get_time=lambda: clock.now_ns() / 1e9)
    with progress_bar(console, name, total) as report:
        for count in counts:
            clock.advance(0.5)
            report(count)
    return out.getvalue()


def test_what_an_earlier_run_did_says_nothing_of_this_ones_speed() -> None:
    text = drawn(123, [100, 101, 102, 103])
    assert "103/123" in text
    assert "2.0/s" in text
    assert "0:00:10" in text  # for the 20 that remain


def test_a_film_that_does_not_say_how_long_it_is() -> None:
    text = drawn(0, [1, 2, 3])
    assert "3/?" in text
    assert "2.0/s" in text


def test_without_a_terminal_nothing_is_drawn() -> None:
    assert drawn(10, [1, 2], terminal=False).strip() == ""


def test_a_name_is_no_markup_and_stays_on_its_line() -> None:
    text = drawn(3, [1], name="Trip [dQw4w9WgXcQ]\n\x1b[31m.mp4")
    assert "Trip [dQw4w9WgXcQ]\\n\\x1b[31m.mp4" in text
    assert "1/3" in drawn(3, [1], name="n" * 255)

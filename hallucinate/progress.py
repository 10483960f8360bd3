"""The progress bar of the offline commands, in the terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.table import Column
from rich.text import Text

from hallucinate.plain_text import printable

NAME_CELLS = 40
"""Of a longer name the beginning is shown, so that the bar stays on its line."""


@contextmanager
def progress_bar(console: Console, name: str, total: int) -> Iterator[Callable[[int], None]]:
    """A progress bar; call what it gives with how many are done. Nothing is drawn where there is no terminal.

    total: 0 where nobody knows. What is done at the first call is an earlier run's work, and does not count for the
    speed.
    """
    columns = (name_column(), BarColumn(), MofNCompleteColumn(), Speed(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(printable(name), total=total or None)
        yield lambda count: progress.update(task, completed=count)


def name_column() -> TextColumn:
    """The name of what is done, as it is: brackets in it are no markup."""
    column = Column(max_width=NAME_CELLS, no_wrap=True, overflow="ellipsis")
    return TextColumn("{task.description}", markup=False, table_column=column)


class Speed(ProgressColumn):
    """How many are done in a second."""

    def render(self, task: Task) -> Text:
        """The text of the column, as rich expects it."""
        return Text(f"{task.speed:.1f}/s" if task.speed else "")

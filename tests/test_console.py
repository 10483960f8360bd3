"""The terminal: plain text, in whatever letters it has."""

from __future__ import annotations

import contextlib
import io
import logging
import sys
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.table import Table

from hallucinate.console import draws_blocks, open_console, print_line
from hallucinate.terminal import log_handler

encodings = pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "cp437", "koi8-r", "shift_jis", "utf-8"])


@contextlib.contextmanager
def terminal(encoding: str) -> Iterator[io.BytesIO]:
    """What is written to standard output, in an encoding that refuses what it lacks."""
    written = io.BytesIO()
    stream = io.TextIOWrapper(written, encoding=encoding, errors="strict", write_through=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdout", stream)
        yield written


@encodings
def test_every_encoding_takes_every_text(encoding: str) -> None:
    with terminal(encoding) as written:
        console = open_console()
        console.print("64×48 … [bold]x[/b] :smile: \udcff \x1b[31m \N{SNOWMAN}")
        table = Table("[b]head", title="[/b]")
        table.add_row("[red]cell\n\x1b")
        console.print(table)
        print_line("a\nb")
        text = written.getvalue().decode(encoding)
    assert text.startswith(("64×48 ", "64x48 "))
    assert "[bold]x[/b] :smile: \\xff \\x1b[31m " in text
    assert "[red]cell\\n\\x1b" in text
    assert text.endswith("\na\\nb\n")
    assert "\x1b" not in text


@encodings
def test_a_code_is_drawn_where_its_blocks_can_be(encoding: str) -> None:
    with terminal(encoding):
        assert draws_blocks(open_console()) is (encoding in ("cp437", "koi8-r", "utf-8"))


@pytest.mark.parametrize("words", ["it failed", "one \N{SNOWMAN} two " * 100, "x" * 300])
def test_a_message_is_one_line_of_the_log_however_long(words: str) -> None:
    with terminal("utf-8") as written:
        handler = log_handler(open_console())
        for level in (logging.INFO, logging.CRITICAL):
            handler.handle(logging.LogRecord("name", level, "", 0, "%s\n[b]", (words,), None))
        lines = written.getvalue().decode().split("\n")
    assert [line.split("] ")[1].split()[0] for line in lines[:-1]] == ["INFO", "CRITICAL"]
    assert all(line.endswith(f"{words}\\n[b]") for line in lines[:-1])
    assert lines[-1] == ""


@given(st.text())
def test_whatever_is_printed_is_one_line(text: str) -> None:
    with terminal("ascii") as written:
        open_console().print(text)
        print_line(text)
        lines = written.getvalue()
    assert lines.count(b"\n") == 2
    assert b"\x1b" not in lines

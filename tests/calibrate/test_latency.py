"""The command: the real server, and instead of the browser a program that reports what a page would."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from hallucinate.calibrate.latency import calibrate
from tests.refusals import refused

BROWSER = """#!{python}
import json, pathlib, signal, sys, urllib.request
url = sys.argv[-1]
pathlib.Path({log!r}).write_text(json.dumps(sys.argv[1:]))
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
server = url.split("?")[0]
request = urllib.request.Request(server + "api/latency", json.dumps({report}).encode(), {{"User-Agent": "Netscape 4"}})
own = urllib.request.build_opener(urllib.request.ProxyHandler({{}}))  # browsers send this machine past proxies
own.open(request, timeout=10).read()
signal.pause()
"""
REPORT = {"seconds": 2.0, "frames": 46, "unreadable": 2, "median_ms": 81.256, "p95_ms": 99.0, "clock_error_ms": 0.25}


def browser(folder: Path, **changes: object) -> str:
    """A program that takes a browser's arguments, notes them, and reports at once."""
    path = folder / "browser"
    report = {**REPORT, **changes}
    path.write_text(BROWSER.format(python=sys.executable, log=str(folder / "arguments"), report=report))
    path.chmod(0o755)
    return str(path)


def test_what_the_page_reports_is_printed_and_saved(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")  # as offices have one, which knows nothing of this machine
    calibrate(2.0, browser(tmp_path), tmp_path / "latency.json")
    url = json.loads((tmp_path / "arguments").read_text())[-1]
    assert url.startswith("http://127.0.0.1:")
    assert url.endswith("/?kiosk&measure=2")
    facts: dict[str, Any] = json.loads((tmp_path / "latency.json").read_text())
    assert (facts["median_ms"], facts["p95_ms"], facts["clock_error_ms"]) == (81.26, 99.0, 0.25)
    assert (facts["frames"], facts["unreadable"], facts["shown_fps"]) == (46, 2, 24.0)
    assert facts["browser"] == "Netscape 4"
    assert {"how", "when", "machine", "load", "fps", "dream_width", "dreamed_ms", "encoded_ms"} <= set(facts)
    printed = capsys.readouterr().out
    for words in ("81.3 ms", "99.0 ms", "46 in 2 s", "Netscape 4", "px"):
        assert words in printed
    assert sorted(path.name for path in tmp_path.iterdir()) == ["arguments", "browser", "latency.json"]


def test_a_page_that_could_read_nothing_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    nothing = {"frames": 0, "unreadable": 48, "median_ms": None, "p95_ms": None}
    with refused("measurement_failed", "48"):
        calibrate(2.0, browser(tmp_path, **nothing), tmp_path / "latency.json")
    assert not (tmp_path / "latency.json").exists()


def test_a_browser_that_ends_is_refused() -> None:
    with refused("measurement_failed", "exit code 1", "--browser"):
        calibrate(2.0, "/bin/false", None)


@pytest.mark.parametrize(
    ("seconds", "program", "out", "code", "value"),
    [
        (0.0, None, None, "option_invalid", "--seconds 0: give 1 to 600"),
        (float("nan"), None, None, "option_invalid", "--seconds nan"),
        (20.0, "/nowhere/chromium", None, "program_missing", "--browser /nowhere/chromium"),
        (20.0, "/tmp", None, "program_missing", "--browser /tmp"),
        (20.0, None, Path("/nowhere/at.json"), "folder_missing", "--json /nowhere/at.json"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_runs(
    seconds: float, program: str | None, out: Path | None, code: str, value: str
) -> None:
    with refused(code, value):
        calibrate(seconds, program, out)

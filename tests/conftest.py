"""Imported before torch is, so that tests run as the product does (see hallucinate/__init__.py)."""

import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

from hallucinate.cli import main

# Small pictures gain nothing from more threads, and the servers and browsers of the tests want the cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")


class ByFile(LoadFileScheduling):  # type: ignore[misc]  # xdist has no types
    """Who tests what in parallel: the tests of a file share what is made for them, those of the browser one server."""

    def _split_scope(self, nodeid: str) -> str:
        return "tests/browser" if nodeid.startswith("tests/browser/") else str(super()._split_scope(nodeid))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByFile:
    config.option.loadscopereorder = False  # the browser first, as it is collected: it takes longest
    return ByFile(config, log)


@pytest.fixture(autouse=True, scope="session")
def _nothing_kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What the product keeps for its user is kept elsewhere."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(autouse=True)
def _threads_as_they_were() -> Iterator[None]:
    """How many threads torch uses is the process's, and some tests have it chosen."""
    import torch  # after hallucinate

    threads = torch.get_num_threads()
    yield
    if torch.get_num_threads() != threads:
        torch.set_num_threads(threads)


Ended = subprocess.CompletedProcess[str]
Hallucinate = Callable[..., Ended]


@pytest.fixture
def hallucinate(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Hallucinate:
    """The command line, run in this process, where torch is imported already; C's libraries are heard too."""
    root = logging.getLogger()

    def run(*arguments: str) -> Ended:
        monkeypatch.setattr(sys, "argv", ["hallucinate", *arguments])
        monkeypatch.setattr(root, "handlers", [])  # beside pytest's own the program makes none
        monkeypatch.setattr(root, "level", root.level)
        capfd.readouterr()
        with pytest.raises(SystemExit) as end:
            main()
        assert isinstance(end.value.code, int)
        return Ended(arguments, end.value.code, *capfd.readouterr())

    return run

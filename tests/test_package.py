"""The wheel, installed into an empty environment: everything that is needed is in it."""

import json
import os
import re
import shutil
import site
import subprocess
import sys
import urllib.request
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
"""Where nobody says that this checkout's code is to be taken."""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin folder of an environment that holds the wheel alone; torch and the like are lent by this one."""
    folder = tmp_path_factory.mktemp("wheel")
    # From a copy, so that nothing in the checkout but what the build takes can end up in the wheel.
    source = folder / "source"
    shutil.copytree(ROOT, source, ignore=shutil.ignore_patterns(".venv", ".git", "__pycache__", ".*_cache", "tests"))
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(source))
    (wheel,) = folder.glob("*.whl")
    environment = folder / "environment"
    venv.create(environment, with_pip=False)
    scripts = environment / ("Scripts" if os.name == "nt" else "bin")
    run(sys.executable, "-m", "pip", "--python", str(scripts / "python"), "install", "--no-deps", "--quiet", str(wheel))
    packages = run(str(scripts / "python"), "-c", "import site; print(site.getsitepackages()[0])").strip()
    # A folder named in a .pth file has its own .pth files ignored: this checkout stays out of it.
    Path(packages, "lent.pth").write_text("\n".join(site.getsitepackages()) + "\n")
    return scripts


def run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False, cwd="/", env=ENVIRONMENT)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_it_is_the_wheels_code_that_runs(installed: Path) -> None:
    where = run(str(installed / "python"), "-c", "import hallucinate; print(hallucinate.__file__)")
    assert str(installed.parent) in where


@pytest.fixture
def served(installed: Path) -> Iterator[str]:
    """The address of ``hallucinate`` started from the wheel, in a folder with nothing in it."""
    command = [str(installed / "hallucinate"), "--source", "scene", "--port", "0", "--host", "127.0.0.1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=installed.parent, env=ENVIRONMENT) as process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                if found := re.search(r"http://localhost:\d+/", line):
                    break
            else:
                pytest.fail("it ended without saying where it is")
            yield found[0]
        finally:
            process.terminate()
            assert process.wait(10) == 0


def get(address: str) -> bytes:
    with urllib.request.urlopen(address, timeout=20) as answer:
        return bytes(answer.read())


def test_pages_weights_and_thumbnails_are_in_the_wheel(served: str) -> None:
    assert b"<html" in get(served)
    about = json.loads(get(served + "api/about"))
    assert len(about["motifs"]) >= 15
    for motif in about["motifs"]:
        assert get(f"{served}motifs/{motif['name']}.jpg")[:2] == b"\xff\xd8"
    for script in re.findall(r'src="/?([^"]+\.js)"', get(served).decode()):
        assert get(served + script)
    assert json.loads(get(served + "api/stats"))["loop"]["dream_width_px"] > 0

"""The docs: the site builds without network and without a warning, nothing in it is kept by hand or leads nowhere."""

import importlib
import re
import subprocess
import sys
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import typer

from docs.make.references import GENERATED, commands, filled, routes
from hallucinate.cli import app
from hallucinate.settings import Settings

ROOT = Path(__file__).parent.parent

OFFLINE = """
import socket, sys
def refused(*_, **__):
    raise OSError("the docs are built without network")
socket.socket.connect = socket.getaddrinfo = refused
from mkdocs.__main__ import cli
cli(["build", "--strict", "--quiet", "--site-dir", sys.argv[1]])
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-c", OFFLINE, str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


class Links(HTMLParser):
    """What a page links to, what it loads by itself, and where it can be linked to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.targets: set[str] = set()
        self.loaded: set[str] = set()
        self.anchors: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value for name, value in attrs if value is not None}
        if "id" in found:
            self.anchors.add(found["id"])
        if tag == "a" and "href" in found:
            self.targets.add(found["href"])
        elif tag == "link" and found.get("rel") not in ("canonical", "prev", "next"):
            self.loaded.add(found["href"])
        elif "src" in found:
            self.loaded.add(found["src"])


@cache
def links_of(page: Path) -> Links:
    return Links(page.read_text(encoding="utf-8"))


def broken(page: Path) -> list[str]:
    """Links of a page to files or anchors that are not there."""
    wrong = []
    for target in links_of(page).targets | links_of(page).loaded:
        parts = urlsplit(target)
        if parts.scheme in ("http", "https", "data"):
            continue
        to = (page.parent / unquote(parts.path)).resolve() if parts.path else page
        to = to / "index.html" if to.is_dir() else to
        if not to.is_file() or (parts.fragment and unquote(parts.fragment) not in links_of(to).anchors | {"__skip"}):
            wrong.append(target)
    return wrong


def test_every_link_and_anchor_of_the_site_is_there(site: Path) -> None:
    pages = [page for page in site.rglob("*.html") if page.name != "404.html"]  # whose links begin with /
    assert len(pages) > 20
    assert not {str(page.relative_to(site)): wrong for page in pages if (wrong := broken(page))}


def test_nothing_is_loaded_from_another_host(site: Path) -> None:
    for page in site.rglob("*.html"):
        assert not [address for address in links_of(page).loaded if re.match(r"(https?:)?//", address)]
    for style in site.rglob("*.css"):
        assert not re.findall(r"(?:@import|url\()\s*[\"']?(?:https?:)?//", style.read_text(encoding="utf-8"))


def test_every_setting_is_in_the_reference(site: Path) -> None:
    assert Settings.model_fields.keys() <= links_of(site / "reference" / "settings.html").anchors


def test_every_command_and_option_is_in_the_reference() -> None:
    page = filled((ROOT / "docs" / "reference" / "cli.md").read_text(encoding="utf-8"))
    found = dict(commands(typer.main.get_command(app)))
    assert {"hallucinate", "hallucinate film", "hallucinate calibrate lens"} <= found.keys()
    sections = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL))
    assert sections.keys() == found.keys()
    for name, command in found.items():
        for param in command.params:
            written = param.name.upper() if param.param_type_name == "argument" else param.opts[0]
            assert f"`{written}`" in sections[name], f"{name} {written}"


def test_every_route_is_in_the_reference_and_says_what_it_does() -> None:
    found = routes()
    assert {("POST", "/whep"), ("PATCH", "/api/settings"), ("PUT", "/api/guide")} <= {each[:2] for each in found}
    assert not [f"{method} {path}" for method, path, what in found if not what]


def test_every_generated_part_is_on_a_page() -> None:
    pages = "".join(page.read_text(encoding="utf-8") for page in (ROOT / "docs" / "reference").glob("*.md"))
    assert not [mark for mark in GENERATED if f"<!-- {mark} -->" not in pages]


@cache
def walks() -> dict[str, list[str]]:
    """The functions of each walk in the architecture page."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8").partition("## Four walks")[2]
    parts = re.findall(r"^### (.+?)\n(.*?)(?=^##|\Z)", text, re.MULTILINE | re.DOTALL)
    return {name: re.findall(r"`(hallucinate[\w.]+)`", part) for name, part in parts}


def named(dotted: str) -> object:
    """What a dotted name names: the longest module of it, and attributes of that."""
    words = dotted.split(".")
    for length in range(len(words) - 1, 0, -1):
        try:
            thing: object = importlib.import_module(".".join(words[:length]))
        except ModuleNotFoundError:
            continue
        for word in words[length:]:
            thing = getattr(thing, word)
        return thing
    raise ModuleNotFoundError(dotted)


@pytest.mark.parametrize("walk", ["A frame", "A setting", "An offer", "A film"])
def test_the_functions_of_a_walk_are_there(walk: str) -> None:
    missing = []
    for name in walks()[walk]:
        try:
            thing = named(name)
        except (AttributeError, ModuleNotFoundError):
            missing.append(name)
        else:
            assert callable(thing) or isinstance(thing, property), name
    assert len(walks()[walk]) >= 5
    assert not missing


def test_the_readme_is_short_and_its_links_are_there() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 100
    files = [target for target in re.findall(r"\]\(([^)#]+)[^)]*\)", text) if "://" not in target]
    assert len(files) > 15
    assert not [target for target in files if not (ROOT / target).exists()]


def example(page: str) -> str:
    """The Python of a page."""
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(encoding="utf-8"), re.DOTALL)
    return str(code)


def test_the_readmes_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    exec(example("README.md"), {})
    assert capsys.readouterr().out == "(180, 320, 3) uint8\n"
    assert example("docs/reference/python.md") == example("README.md")

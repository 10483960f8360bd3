"""One meaning a word: what docs/glossary.md retires is nowhere in code, pages, help or docs."""

import ast
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from docs.make.references import GENERATED

ROOT = Path(__file__).parent.parent
GLOSSARY = ROOT / "docs" / "glossary.md"
HEADING = "## Retired words"

WALKED = {".py", ".js", ".html", ".css", ".md", ".toml", ".yml"}
ALSO_WALKED = {"Makefile", ".ci/run", ".ci/oldest"}
NOT_OURS = ("web/vendor/", "tests/browser/vendor/")

FOREIGN = re.compile(r"^from hypothesis import .*$|^@gi[v]en\b", re.MULTILINE)
"""A library's own names, which are not ours to change."""

BESIDE_LEFT = {"right", "top"}
"""A name "left" is a side where one of these is a name in the same file; elsewhere it is a share of something."""


@dataclass(frozen=True)
class Found:
    """A retired word, and where it is."""

    path: str
    line: int
    word: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.word}"


def retired() -> dict[str, set[str]]:
    """The glossary's table: the retired words by kind."""
    found: dict[str, set[str]] = {}
    for line in GLOSSARY.read_text(encoding="utf-8").partition(HEADING)[2].splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and len(cells) == 3 and cells[0] not in ("retired", "---"):
            found.setdefault(cells[1], set()).update(word.strip() for word in cells[0].split(","))
    return found


RETIRED = retired()


def texts() -> dict[str, str]:
    """All that people read, by path: tracked files, and the pages that are made from the code."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    paths = [path for path in listed.stdout.split("\0") if path and not path.startswith(NOT_OURS)]
    walked = [path for path in paths if Path(path).suffix in WALKED or path in ALSO_WALKED]
    found = {path: (ROOT / path).read_text(encoding="utf-8") for path in walked if (ROOT / path).exists()}
    found["docs/glossary.md"] = found["docs/glossary.md"].partition(HEADING)[0]
    return {**found, **{f"generated {name}": make() for name, make in GENERATED.items()}}


TEXTS = texts()


def words_of(text: str) -> Iterator[tuple[int, str]]:
    """Line and word, lower case; identifiers are split at underscores and capitals."""
    for number, line in enumerate(FOREIGN.sub("", text).splitlines(), 1):
        apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", line)
        for word in re.findall(r"[a-z]+", apart.lower()):
            yield number, word


def in_text(path: str, text: str) -> list[Found]:
    return [Found(path, number, word) for number, word in words_of(text) if word in RETIRED["word"]]


def in_path(path: str) -> list[Found]:
    parts = [word for _, word in words_of(path.replace("/", " "))]
    found = [Found(path, 0, word) for word in parts if word in RETIRED["word"]]
    return found + [
        Found(path, 0, stem) for stem in [Path(path).stem] if stem in RETIRED["module"] and path.endswith(".py")
    ]


def names_of(tree: ast.AST) -> Iterator[tuple[int, str, str]]:
    """Line, kind and name of each thing that is named in Python code."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.lineno, "function", node.name
            yield node.lineno, "identifier", node.name
        elif isinstance(node, ast.ClassDef):
            yield node.lineno, "module", node.name
            yield node.lineno, "identifier", node.name
        elif isinstance(node, ast.arg):
            yield node.lineno, "identifier", node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, "identifier", node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.lineno, "identifier", node.attr


def retired_name(name: str, kind: str) -> bool:
    """Capitals in the table are a class's; a leading underscore changes no name."""
    bare = name.strip("_")
    return any(bare == word if word[:1].isupper() else bare.lower() == word for word in RETIRED.get(kind, ()))


def in_names(path: str, tree: ast.AST) -> list[Found]:
    named = list(names_of(tree))
    found = [Found(path, line, name) for line, kind, name in named if retired_name(name, kind)]
    if not BESIDE_LEFT & {name.strip("_") for _, _, name in named}:
        found += [Found(path, line, name) for line, _, name in named if name.strip("_") in RETIRED["side"]]
    return found


def in_messages(path: str, tree: ast.AST) -> list[Found]:
    """Phrases in texts for people; docstrings may say "None", and "there is no …" is a plain sentence."""
    nodes = list(ast.walk(tree))
    documented = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    texts = [node for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    return [
        Found(path, text.lineno, phrase)
        for text in texts
        for phrase in RETIRED["message"]
        if id(text) not in documented and re.search(rf"(?<!there ){phrase}\b(?! longer)", str(text.value).lower())
    ]


def retired_in(path: str) -> list[Found]:
    """Every retired word in a text."""
    text = TEXTS[path]
    found = in_text(path, text) + in_path(path)
    if path.endswith(".py"):
        tree = ast.parse(text)
        found += in_names(path, tree) + in_messages(path, tree)
    return found


@pytest.mark.parametrize("path", sorted(TEXTS))
def test_no_retired_word_is_used(path: str) -> None:
    assert not [str(each) for each in retired_in(path)]


def test_the_table_is_read_and_its_words_are_found() -> None:
    assert {"word", "identifier", "function", "module", "message", "side"} == RETIRED.keys()
    for word in RETIRED["word"]:
        snake, camel = f"a_{word}_b", f"a{word.title()}B"
        for name in (word, word.upper(), word.title(), snake, camel):
            assert in_text("text.md", f"one {name} two")
    assert not in_text("text.md", "always allay splitting waylay foresting carryall")
    assert in_names("code.py", ast.parse("left = 0.5"))
    assert not in_names("code.py", ast.parse("left, right = 1, 2"))

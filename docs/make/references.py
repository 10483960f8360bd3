"""The pages of the site that are made from the code: settings, commands, routes, the importable names.

MkDocs loads this as a hook. A page says ``<!-- settings -->`` where the settings belong; they are put there each time
the site is built, so nothing is kept by hand, and nothing is written into the checkout. The READMEs outside docs/
become pages as well.
"""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, get_args
from unittest.mock import Mock

import typer
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from pydantic import BaseModel

import hallucinate
from hallucinate import errors
from hallucinate.cli import app
from hallucinate.settings import Settings
from hallucinate.statistics import Statistics
from hallucinate.stream.access import Access
from hallucinate.stream.server import make_app

ROOT = Path(__file__).resolve().parents[2]

ELSEWHERE = {
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "calibration/README.md": "calibration/index.md",
    "calibration/machines/README.md": "calibration/machines.md",
}
"""Pages of the checkout that are outside docs/, and where they are in the site."""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages from outside docs/; MkDocs calls this."""
    for source, page in ELSEWHERE.items():
        files.append(File.generated(config, page, content=moved(source, page)))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Put what is generated into a page; MkDocs calls this."""
    return filled(markdown)


def filled(markdown: str) -> str:
    """A page with all that is generated in its place."""
    for mark, make in GENERATED.items():
        if (place := f"<!-- {mark} -->") in markdown:
            markdown = markdown.replace(place, make())
    return markdown


# Settings ---------------------------------------------------------------------------------------------------


def settings() -> str:
    """A row for each setting of ``Settings``, those of the dream first."""
    groups = {
        "dream": ("The dream", "What people play with. The page shows each as a slider, a switch or a list."),
        "engine": ("The engine", "How the dream is computed. The page shows them under *More*."),
    }
    parts = []
    schema = Settings.model_json_schema()["properties"]
    for group, (title, what) in groups.items():
        rows = [setting_row(name, each) for name, each in schema.items() if each["group"] == group]
        parts.append(f"## {title}\n\n{what}\n\n" + table(("setting, option", "range", "default", "what it is"), rows))
    return "\n\n".join(parts)


def setting_row(name: str, schema: dict[str, Any]) -> tuple[str, ...]:
    """name: of the setting. schema: its JSON schema."""
    unit = schema["unit"]
    names = f"`{name}`{{ #{name} }}<br>`{option_of(name)}`"
    default = written(Settings.model_fields[name].get_default())
    return names, f"{range_of(schema)}{f' {unit}' if unit else ''}", default, schema["description"]


def range_of(schema: dict[str, Any]) -> str:
    """What is allowed, in a few words, from a JSON schema."""
    if "enum" in schema:
        return "<br>".join(f"`{word}`" for word in schema["enum"])
    if schema["type"] == "boolean":
        return "on or off"
    if schema["type"] == "object":
        weight = schema["additionalProperties"]
        return f"at most {schema['maxProperties']}, each {weight['minimum']:g} to {weight['maximum']:g}"
    if schema["type"] == "string":
        return f"at most {schema['maxLength']} characters"
    whole = "whole, " if schema["type"] == "integer" else ""
    return f"{whole}{schema['minimum']:g} to {schema['maximum']:g}"


def option_of(name: str) -> str:
    """``half_life_s`` -> ``--half-life-s``."""
    return f"--{name.replace('_', '-')}"


# Commands ---------------------------------------------------------------------------------------------------


def command_parts() -> str:
    """Each command, with its arguments and options; settings are linked."""
    root = typer.main.get_command(app)
    return "\n\n".join(command_part(name, each) for name, each in commands(root))


def commands(command: Any, name: str = "hallucinate") -> Iterator[tuple[str, Any]]:
    """A command and those below it, each with all of its name."""
    yield name, command
    for word, below in getattr(command, "commands", {}).items():
        yield from commands(below, f"{name} {word}")


def command_part(name: str, command: Any) -> str:
    """What one command does, takes and hears."""
    own = [param for param in command.params if param.name not in Settings.model_fields]
    settings = [param for param in command.params if param.name in Settings.model_fields]
    parts = [f"## {name}", command.help or ""]
    if own:
        parts.append(table(("argument, option", "default", "what it is"), [option_row(param) for param in own]))
    if settings:
        links = ", ".join(f"[`{param.opts[0]}`](settings.md#{param.name})" for param in settings)
        parts.append(f"Settings that it takes as options: {links}.")
    return "\n\n".join(filter(None, parts))


def option_row(param: Any) -> tuple[str, ...]:
    """One argument or option."""
    argument = param.param_type_name == "argument"
    name = f"`{param.name.upper()}`" if argument else ", ".join(f"`{each}`" for each in param.opts)
    what, _, stated = (param.help or "").partition(" [default: ")  # where the default itself would say too little
    default = "required" if param.required else stated.removesuffix("]") or written(param.default)
    return name, default, what + bounds(param.min, param.max)


def bounds(low: float | None, high: float | None) -> str:
    """The range of an option that has one."""
    if low is None:
        return ""
    return f"; from {low:g}" if high is None else f"; {low:g} to {high:g}"


# Routes -----------------------------------------------------------------------------------------------------


def route_table() -> str:
    """A row for each route of the server, with what its handler says of itself."""
    rows = [(f"`{method}`", f"`{path}`", what) for method, path, what in routes()]
    return table(("method", "path", "what it does"), rows)


def routes() -> list[tuple[str, str, str]]:
    """Method, path and first paragraph of the docstring, route by route."""
    server = make_app(Mock(), Mock(), Access(), {}, ROOT / "web")
    # "*" refuses what no other route of the path takes; HEAD comes with GET, OPTIONS with the offers, and a slash
    # at the end with every path.
    named = [route for route in server.router.routes() if route.method not in ("*", "HEAD", "OPTIONS")]
    return [
        (route.method, route.resource.canonical, first_paragraph(route.handler))
        for route in named
        if route.resource is not None and not route.resource.canonical.endswith("/")
    ]


def figures() -> str:
    """The models of the statistics, each with what it says of its figures."""
    return "\n\n".join(figures_part(name, model) for name, model in models(Statistics))


def models(model: Any, within: str = "") -> Iterator[tuple[str, Any]]:
    """The models in a model, each with the path that leads to it."""
    for name, field in model.model_fields.items():
        for each in (field.annotation, *get_args(field.annotation)):
            if inspect.isclass(each) and issubclass(each, BaseModel):
                yield within + name, each
                yield from models(each, f"{within}{name}.")


def figures_part(name: str, model: Any) -> str:
    """A model's docstring: its first paragraph, then "figure: what it is." one a line."""
    what, _, rest = documentation(model).partition("\n\n")
    each = re.split(r"(?<=\.)\s+(?=\w+(?:, \w+)*: )", rest) if rest else []
    lines = [re.sub(r"^(\w+(?:, \w+)*):", r"- *\1*:", " ".join(line.split())) for line in each]
    return "\n\n".join(filter(None, [f"### {name}", what, "\n".join(lines)]))


def error_tree() -> str:
    """The errors, as their module draws them."""
    text = errors.__doc__ or ""
    return f"```text\n{text[text.index('HallucinateError') :].strip()}\n```"


# Names ------------------------------------------------------------------------------------------------------


def names() -> str:
    """The importable names of the package, with signature and docstring."""
    return "\n\n".join(name_part(name) for name in hallucinate.__all__)


def name_part(name: str) -> str:
    """A class with its public methods, or a function."""
    thing = getattr(hallucinate, name)
    parts = [f"## {name}", f"```python\n{signature(name, thing)}\n```", documentation(thing)]
    for method, each in vars(thing).items() if inspect.isclass(thing) else ():
        if inspect.isfunction(each) and not method.startswith("_") and each.__doc__:
            parts += [f"### {name}.{method}", f"```python\n{signature(method, each)}\n```", documentation(each)]
    return "\n\n".join(parts)


def signature(name: str, thing: Any) -> str:
    """As it is called."""
    kind = "class " if inspect.isclass(thing) else ""
    return f"{kind}{name}{inspect.signature(thing)}"


# Words ------------------------------------------------------------------------------------------------------


def moved(source: str, page: str) -> str:
    """A page from elsewhere in the checkout; its links to other pages follow, those to code become plain text."""
    folder, here = Path(source).parent, Path(page).parent

    def follow(link: re.Match[str]) -> str:
        words, target = link.groups()
        if re.match(r"https?:|#", target):
            return link[0]
        path = os.path.normpath(folder / target)
        to = ELSEWHERE.get(path, path.removeprefix("docs/") if path.startswith("docs/") else "")
        return f"[{words}]({os.path.relpath(to, here)})" if to else words

    return re.sub(r"\[([^\]]+)\]\(([^)]+)\)", follow, (ROOT / source).read_text(encoding="utf-8"))


def table(heads: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """A Markdown table."""
    lines = [heads, tuple("---" for _ in heads), *(tuple(cell.replace("|", "\\|") for cell in row) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def written(value: Any) -> str:
    """A default as people write it."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, dict):
        value = ",".join(f"{key}={weight:g}" for key, weight in value.items())
    if isinstance(value, float):
        value = f"{value:g}"
    return "" if value in (None, "") else f"`{value}`"


def documentation(thing: Any) -> str:
    """A docstring as Markdown."""
    return re.sub(r"``([^`]+)``", r"`\1`", inspect.getdoc(thing) or "")


def first_paragraph(thing: Any) -> str:
    """The beginning of a docstring, on one line."""
    return " ".join(documentation(thing).partition("\n\n")[0].split())


GENERATED = {
    "settings": settings,
    "commands": command_parts,
    "routes": route_table,
    "statistics": figures,
    "errors": error_tree,
    "names": names,
}
"""What may be put into a page, by its mark."""

"""Public docstrings: every function and class has one, every parameter and field its line."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "vecclust"
SECTION = re.compile(r"^\s*(Args|Attributes|Returns|Raises|Yields):\s*$")
LINE = re.compile(r"^\s+\*{0,2}([A-Za-z_][\w, *]*?)(?: \([^)]*\))?:")
# A command's docstring is its help, for people.
FILES = [file for file in sorted(PACKAGE.rglob("*.py")) if file.parent.name != "cli"]


def told(docstring: str) -> set[str]:
    """Give the names that have a line under `Args` or `Attributes`."""
    names: set[str] = set()
    inside = False
    for line in docstring.splitlines():
        if section := SECTION.match(line):
            inside = section[1] in ("Args", "Attributes")
        elif inside and (found := LINE.match(line)):
            names |= {name.strip().lstrip("*") for name in found[1].split(",")}
    return names


def missing(node: ast.Module | ast.ClassDef, *, of_class: str = "") -> Iterator[str]:
    """Name what has no docstring, and the parameters and fields without a line."""
    for inner in node.body:
        if isinstance(inner, ast.ClassDef) and not inner.name.startswith("_"):
            docstring = ast.get_docstring(inner) or ""
            if not docstring:
                yield inner.name
            if any("dataclass" in ast.dump(decorator) for decorator in inner.decorator_list):
                fields = (part.target for part in inner.body if isinstance(part, ast.AnnAssign))
                names = [field.id for field in fields if isinstance(field, ast.Name) and not field.id.startswith("_")]
                yield from (f"{inner.name}.{name}" for name in names if name not in told(docstring))
            yield from missing(inner, of_class=docstring or inner.name)
        elif isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef):
            if inner.name.startswith("_") and inner.name != "__init__":
                continue
            docstring = of_class if inner.name == "__init__" else ast.get_docstring(inner) or ""
            if not docstring:
                yield inner.name
            asked = [*inner.args.posonlyargs, *inner.args.args, *inner.args.kwonlyargs]
            names = [one.arg for one in asked if one.arg not in ("self", "cls") and not one.arg.startswith("_")]
            yield from (f"{inner.name}({name})" for name in names if name not in told(docstring))


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_every_parameter_has_its_line(file: Path) -> None:
    """Of what has no leading underscore; 39 % had one before this test."""
    assert list(missing(ast.parse(file.read_text(encoding="utf-8")))) == []

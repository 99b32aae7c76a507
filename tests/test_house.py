"""The house: imports point strictly down, every vendor has one room, and nothing heavy is imported by looking in."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Collection, Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "vecclust"

FLOORS = {
    "errors": 0,
    "types": 0,
    "config": 0,
    "photos": 1,
    "embeddings": 1,
    "store": 1,
    "clustering": 1,
    "words": 1,
    "atlas": 1,
    "timeline": 1,
    "testing": 1,
    "watching": 2,
    "exports": 2,
    "library": 3,
    "server": 4,
    "demo": 4,
    "daemon": 5,
    "web": 5,
    "cli": 6,
    "__main__": 6,
    "__init__": 6,
}
# Errors are everybody's, on the ground floor too; the door is on the floor it opens to.
SAME_FLOOR = {("config", "errors"), ("types", "errors"), ("__main__", "cli")}

OWNERS = {
    "threadpoolctl": {"clustering", "embeddings"},
    "torch": {"embeddings", "testing"},
    "torchvision": {"embeddings"},
    "open_clip": {"embeddings", "testing"},
    "timm": {"embeddings"},
    "huggingface_hub": {"embeddings"},
    "safetensors": {"embeddings", "testing"},
    "ftfy": {"embeddings"},
    "regex": {"embeddings"},
    "lancedb": {"store"},
    "lance": {"store"},
    "pyarrow": {"store"},
    "filelock": {"store"},
    "umap": {"clustering"},
    "hdbscan": {"clustering"},
    "sklearn": {"clustering"},
    "scipy": {"clustering"},
    "numba": {"clustering"},
    "PIL": {"photos", "demo"},
    "pillow_heif": {"photos", "demo"},
    "pathspec": {"photos"},
    "pydantic": {"config", "server", "store"},
    "tomllib": {"config"},
    "platformdirs": {"config"},
    "watchdog": {"watching"},
    "typer": {"cli"},
    "rich": {"cli"},
    "jinja2": {"exports"},
    "starlette": {"server", "web"},
    "uvicorn": {"server"},
    "anyio": {"web"},
    "tzfpy": {"atlas"},
}
HEAVY = (
    "torch", "open_clip", "lancedb", "pyarrow", "umap", "hdbscan", "sklearn", "scipy", "numba", "starlette", "uvicorn",
)  # fmt: skip


def modules() -> Iterator[tuple[str, Path]]:
    """Give every module's room and file."""
    for file in sorted(PACKAGE.rglob("*.py")):
        yield file.relative_to(PACKAGE).parts[0].removesuffix(".py"), file


def imports(file: Path) -> Iterator[tuple[str, bool]]:
    """Give every imported module of a file, and whether it is imported for types only."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    typing_only = {
        id(node)
        for guard in ast.walk(tree)
        if isinstance(guard, ast.If) and "TYPE_CHECKING" in ast.dump(guard.test)
        for node in ast.walk(guard)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, id(node) in typing_only
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file} imports relatively"
            if node.module == "vecclust":
                for alias in node.names:
                    yield f"vecclust.{alias.name}", id(node) in typing_only
            else:
                yield node.module or "", id(node) in typing_only


@pytest.mark.parametrize(("room", "file"), list(modules()), ids=lambda value: getattr(value, "name", value))
def test_imports_point_down(room: str, file: Path) -> None:
    """A room imports itself and rooms of lower floors, nothing else."""
    assert room in FLOORS, f"{room} has no floor: give it one here and in ARCHITECTURE"
    for name, _ in imports(file):
        if not name.startswith("vecclust."):
            continue
        other = name.split(".")[1]
        if other in ("__version__", room):
            continue
        assert FLOORS[other] < FLOORS[room] or (room, other) in SAME_FLOOR, f"{file} imports {name}"


@pytest.mark.parametrize(("room", "file"), list(modules()), ids=lambda value: getattr(value, "name", value))
def test_each_vendor_is_known_to_its_own_room(room: str, file: Path) -> None:
    """Only the rooms that own a library import it."""
    for name, _ in imports(file):
        owners = OWNERS.get(name.split(".")[0])
        assert owners is None or room in owners, f"{file} imports {name}, which belongs to {owners}"


@pytest.mark.parametrize(
    "module",
    [
        "vecclust",
        "vecclust.cli.app",
        "vecclust.server",
        "vecclust.library.library",
        "vecclust.library.queries.search",
        "vecclust.library.ingest.scan",
        "vecclust.photos",
    ],
)
def test_looking_in_imports_nothing_heavy(module: str) -> None:
    """Importing the command line or the library drags in no heavy library."""
    program = f"import sys, {module}; print(*[name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_an_import_inside_a_function_is_seen(tmp_path: Path) -> None:
    """The rules above hold for late imports too, and tell those for types apart."""
    file = tmp_path / "room.py"
    file.write_text(
        "from typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n    import lancedb\n"
        "def f():\n    import torch\n    from vecclust import library\n"
    )
    assert set(imports(file)) == {
        ("typing", False),
        ("lancedb", True),
        ("torch", False),
        ("vecclust.library", False),
    }


def module_name(file: Path) -> str:
    """Give a file's dotted name."""
    return ".".join(("vecclust", *file.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__")


def wanted_modules(file: Path, known: Collection[str]) -> Iterator[str]:
    """Give the modules of ours that a file imports, late or not; those for types only do not count."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    guards = (node for node in ast.walk(tree) if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test))
    typed = {id(node) for guard in guards for node in ast.walk(guard)}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and id(node) not in typed:
            for alias in node.names:
                part = f"{node.module}.{alias.name}"
                yield part if part in known else node.module


def test_no_circle_between_modules() -> None:
    """Inside rooms neither, late imports counted; the package itself only hands out what lies below it."""
    known = {module_name(file): file for _, file in modules()}
    wanted = {
        name: set(wanted_modules(file, known)) & known.keys() - {name, "vecclust"} for name, file in known.items()
    }
    while free := [name for name, others in wanted.items() if not others & wanted.keys()]:
        for name in free:
            del wanted[name]
    assert not wanted, f"a circle among {sorted(wanted)}"


def test_few_modules_stand_beside_the_rooms() -> None:
    """At the top of the package; everything else is a room with a floor."""
    beside = {file.stem for file in PACKAGE.glob("*.py")}
    assert beside == {"__init__", "__main__", "config", "errors", "testing"}
    assert len(set(FLOORS.values())) <= 7


@pytest.mark.parametrize(("room", "file"), list(modules()), ids=lambda value: getattr(value, "name", value))
def test_functions_are_short(room: str, file: Path) -> None:
    """Sixty lines at most, the docstring not counted."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno is not None:
            n_said = (node.body[0].end_lineno or 0) - node.body[0].lineno + 1 if ast.get_docstring(node) else 0
            assert node.end_lineno - node.lineno + 1 - n_said <= 60, f"{file}: {node.name}"

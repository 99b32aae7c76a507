"""What README and docs say is so: links lead somewhere, command lines parse, keys exist, examples run."""

from __future__ import annotations

import ast
import functools
import os
import re
import shlex
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
import typer.main
from PIL import Image

from vecclust import Library, errors
from vecclust.cli.app import COMMANDS, app
from vecclust.testing import FakeEmbedder

PROJECT = Path(__file__).resolve().parents[2]
README = PROJECT / "README.md"
DOCUMENTS = [*sorted(PROJECT.glob("*.md")), *sorted((PROJECT / "docs").glob("*.md"))]
# Made from the commands' own help, and held by a test of theirs.
GENERATED = "commands.md"
OURS = ("vecclust", "scripts/start")
_USAGE_ERROR: Any = typer.BadParameter.__bases__[0]  # typer does not export the parent of its usage errors


def by_name(document: Path) -> str:
    """Name a document in a test's id."""
    return document.name


every_document = pytest.mark.parametrize("document", DOCUMENTS, ids=by_name)
written_by_hand = pytest.mark.parametrize(
    "document", [document for document in DOCUMENTS if document.name != GENERATED], ids=by_name
)


def links(text: str) -> list[str]:
    """Give what the links and pictures of a document point at, but for addresses elsewhere."""
    found = re.findall(r"\]\(([^)\s]+)\)", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    return [target for target in found if not re.match(r"[a-z]+:", target)]


def anchors(text: str) -> set[str]:
    """Give the anchors that a forge makes of a document's headings."""
    headings = re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def code(text: str) -> Iterator[str]:
    """Give every line of a document's code blocks, and its code spans."""
    fenced = re.compile(r"```(\w*)\n(.*?)```", re.DOTALL)
    for language, block in fenced.findall(text):
        if language != "python":
            yield from block.splitlines()
    prose = fenced.sub("", text)
    yield from re.findall(r"^ {4}(.+)$", prose, flags=re.MULTILINE)
    yield from (" ".join(span.split()) for span in re.findall(r"(?<!`)`([^`]+)`(?!`)", prose))


def command_lines(text: str) -> list[list[str]]:
    """Give the arguments of each command line of ours in a document, without what a shell does with its output."""
    lines = [re.split(r" (?:\||&&|>|#) ?", line)[0].strip() for line in code(text)]
    return [shlex.split(line)[1:] for line in lines if line.startswith(tuple(f"{name} " for name in OURS))]


def mistake_in(arguments: Sequence[str]) -> str:
    """Parse a command line as typer does, without running it, and say what is wrong with it; nothing where all is well.

    The bare name of a command stands for the command: it may lack its arguments.
    """
    command: Any = typer.main.get_command(app)
    context, rest = None, list(arguments)
    try:
        while True:
            named = not rest
            context = command.make_context(command.name, rest, parent=context, resilient_parsing=named)
            if not hasattr(command, "resolve_command") or named:
                return ""
            rest = [*getattr(context, "_protected_args", []), *context.args]
            _, command, rest = command.resolve_command(context, rest)
    except typer.Exit:  # --help, --version
        return ""
    except _USAGE_ERROR as error:
        return str(error.format_message())


@every_document
def test_every_link_and_picture_leads_somewhere(document: Path) -> None:
    """Files exist, and so does the heading where one is named."""
    for target in links(document.read_text(encoding="utf-8")):
        path, _, anchor = target.partition("#")
        file = (document.parent / path).resolve() if path else document
        assert file.exists(), f"{document.name}: {target}"
        if anchor:
            assert anchor in anchors(file.read_text(encoding="utf-8")), f"{document.name}: {target}"


@written_by_hand
def test_every_command_line_parses(document: Path) -> None:
    """Command and options exist, and the required arguments are there."""
    lines = command_lines(document.read_text(encoding="utf-8"))
    assert [(line, mistake) for line in lines if (mistake := mistake_in(line))] == []


def test_a_wrong_command_line_is_seen() -> None:
    """The rule above can fail: unknown commands and options, missing arguments, in blocks and in spans."""
    text = "    vecclust scna ~/x   # typo\n\n`vecclust similar\nx.jpg --lmit 3`\n\n```\nscripts/start rename c3\n```\n"
    assert sorted(command_lines(text)) == [["rename", "c3"], ["scna", "~/x"], ["similar", "x.jpg", "--lmit", "3"]]
    assert all(mistake_in(line) for line in command_lines(text))
    assert not mistake_in(["similar"])
    assert not mistake_in(["service", "install", "--help"])
    assert mistake_in(["service", "instal"])


# What follows the program's name in sentences that are no command lines.
PROSE = {"as", "came", "comes", "did", "in", "knows", "never", "run", "wrote"}


def said_by(file: Path) -> Iterator[str]:
    """Give the texts of a module that somebody may be shown: all but docstrings."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    described = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    described_nodes = [node for node in ast.walk(tree) if isinstance(node, described) and ast.get_docstring(node)]
    docstrings = {id(node.body[0].value) for node in described_nodes if isinstance(node.body[0], ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.value


def test_every_command_that_the_program_names_exists() -> None:
    """A hint that leads nowhere is worse than none; those in backticks parse as they stand."""
    wrong = []
    for file in sorted((PROJECT / "vecclust").rglob("*.py")):
        for text in said_by(file):
            words = re.findall(r"vecclust ([a-z][a-z-]*)", text)
            wrong += [(file.name, word) for word in words if word not in COMMANDS.keys() | PROSE]
            lines = [shlex.split(line) for line in re.findall(r"`vecclust ([a-z][^`]*)`", text)]
            wrong += [(file.name, mistake) for line in lines if (mistake := mistake_in(line))]
    assert wrong == []


@written_by_hand
def test_every_script_that_is_named_exists_with_its_options(document: Path) -> None:
    """So that a figure can be measured again by the line that stands beside it."""
    for line in code(document.read_text(encoding="utf-8")):
        found = re.match(r"(?:\S+/python )?scripts/(\w+)(?![\w*])(.*)", line)
        if found is None or found[1] in ("start", "NAME"):
            continue
        script = PROJECT / "scripts" / found[1]
        assert script.exists(), f"{document.name}: {line}"
        if script.is_file():
            source = script.read_text(encoding="utf-8")
            assert all(option in source for option in re.findall(r"--[\w-]+", found[2])), f"{document.name}: {line}"


@written_by_hand
def test_every_setting_that_is_named_exists(document: Path) -> None:
    """A dotted key of config.toml in a code span is one that `config.toml` documents."""
    documented = tomllib.loads((PROJECT / "config.toml").read_text(encoding="utf-8"))
    for section, key in re.findall(r"`([a-z]+)\.([a-z_]+)`", document.read_text(encoding="utf-8")):
        if isinstance(documented.get(section), dict):
            assert key in documented[section], f"{document.name}: {section}.{key}"


def test_the_readme_is_short() -> None:
    """A newcomer reads it to the end; the rest stands in docs."""
    assert len(README.read_text(encoding="utf-8").splitlines()) <= 150


def test_the_readme_lists_every_exit_code() -> None:
    """The codes of all errors, of success and of the two signals."""
    table = re.findall(r"^\| ([\d, ]+) \|", README.read_text(encoding="utf-8"), flags=re.MULTILINE)
    listed = {int(code) for cell in table for code in cell.split(",")}
    kinds = [each for each in vars(errors).values() if isinstance(each, type)]
    codes = {kind.exit_code for kind in kinds if issubclass(kind, errors.VecclustError)}
    assert listed == codes | {0, 130, 143}


def test_every_picture_is_small() -> None:
    """A page of documentation opens quickly, and the repository stays light."""
    pictures = sorted((PROJECT / "docs" / "pictures").iterdir())
    assert {picture.suffix for picture in pictures} == {".webp"}
    assert all(picture.stat().st_size < 200_000 for picture in pictures)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with an album of three colours, where libraries are opened with an embedder that sees colours."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("VECCLUST_PHOTOS_SETTLE_S", "0")
    # Principal components: what is tried is the interface, and UMAP alone takes longer than all of this.
    monkeypatch.setenv("VECCLUST_CLUSTERS_REDUCER", "pca")
    monkeypatch.setattr(Library, "open", functools.partial(Library.open, embedder=FakeEmbedder()))
    for colour, rgb in {"red": (200, 30, 30), "green": (30, 180, 40), "blue": (30, 40, 200)}.items():
        (tmp_path / "Photos" / colour).mkdir(parents=True)
        for number in range(12):
            noise = np.random.default_rng(number).normal(0, 12, (48, 64, 3))
            file = tmp_path / "Photos" / colour / f"{number:02}.jpg"
            Image.fromarray(np.clip(np.array(rgb) + noise, 0, 255).astype(np.uint8)).save(file)
            os.utime(file, ns=(10**18, 10**18))
    return tmp_path


@pytest.mark.parametrize("document", [README, PROJECT / "docs" / "library.md"], ids=by_name)
def test_the_examples_run(document: Path, home: Path) -> None:
    """One after the other, each may use what an earlier one made; that of the estimator is run by its own test."""
    blocks = re.findall(r"```python\n(.*?)```", document.read_text(encoding="utf-8"), re.DOTALL)
    examples = [block for block in blocks if "VectorClusterer" not in block]
    known: dict[str, Any] = {}
    for example in examples:
        exec(compile(example, document.name, "exec"), known)
    assert len(examples) >= (1 if document == README else 6)
    assert (home / "photo-library").is_dir()

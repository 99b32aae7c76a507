"""Every stdout: full, closed, read by nobody, of a narrow encoding; and nothing that was typed is echoed raw."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.test_previews import shown_in_terminal
from tests.library.filled import filled_library

DEADLINE_S = 60.0
ESCAPE = "x\x1b]0;title\x07\u202ey"


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library of three clusters: one with a Japanese name, one with a name of earlier days that drives terminals."""
    place = tmp_path_factory.mktemp("streams")
    with filled_library(place, n_each=8) as made:
        made.rename("c1", "日本の山々")
        made.rename("c2", "seaside")
        made._store.rename({"c2": ESCAPE}, named_ns=made._store.names()["c2"].named_ns)
    return place / "library"


def vecclust(
    library: Path, *arguments: str, stdout: int | str = subprocess.PIPE, **environment: str
) -> subprocess.CompletedProcess[bytes]:
    """Run the real command line; `stdout` is a descriptor, or what the shell is told to do with it."""
    command = [sys.executable, "-m", "vecclust", "--library", str(library), *arguments]
    if isinstance(stdout, str):
        command, stdout = ["sh", "-c", f'"$@" {stdout}', "sh", *command], subprocess.PIPE
    given = {**os.environ, **environment}
    return subprocess.run(command, stdout=stdout, stderr=subprocess.PIPE, env=given, check=False)


@pytest.fixture
def unread() -> Iterator[int]:
    """A pipe whose reader went away."""
    reader, writer = os.pipe()
    os.close(reader)
    yield writer
    os.close(writer)


ANSWERS = [("clusters",), ("cluster", "c1", "--paths"), ("--help",), ("cluster", "none", "--json")]


@pytest.mark.parametrize("arguments", ANSWERS)
def test_a_reader_that_went_away_is_no_failure(library: Path, arguments: tuple[str, ...], unread: int) -> None:
    """Whatever the answer is, an error's document too: code 0, and not a word."""
    done = vecclust(library, *arguments, stdout=unread, PYTHONUNBUFFERED="1")
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("stdout", [">/dev/full", ">&-"])
@pytest.mark.parametrize("arguments", ANSWERS)
def test_a_stdout_that_refuses_ends_in_one_line(library: Path, arguments: tuple[str, ...], stdout: str) -> None:
    """A full disk and a closed descriptor: code 1, and why."""
    done = vecclust(library, *arguments, stdout=stdout)
    (line,) = done.stderr.decode().splitlines()
    assert done.returncode == 1
    assert line.startswith("vecclust: the answer is not whole, stdout cannot be written: ")


def test_a_narrow_encoding_ends_in_one_line_and_writes_no_part(library: Path) -> None:
    """What no letter stands for is said; documents and bare paths, which fit, are written."""
    done = vecclust(library, "clusters", PYTHONIOENCODING="cp1252")
    (line,) = done.stderr.decode().splitlines()
    assert (done.returncode, done.stdout) == (1, b"")
    assert "\\u65e5" in line
    assert "PYTHONIOENCODING=utf-8" in line
    assert vecclust(library, "clusters", "--json", PYTHONIOENCODING="cp1252").returncode == 0
    assert vecclust(library, "cluster", "c1", "--paths", PYTHONIOENCODING="cp1252").returncode == 0
    replaced = vecclust(library, "clusters", PYTHONIOENCODING="cp1252:replace")
    assert (replaced.returncode, b"?????" in replaced.stdout) == (0, True)


@pytest.mark.parametrize("stderr", ["2>/dev/full", "2>&-"])
def test_what_stderr_refuses_changes_no_code(library: Path, stderr: str) -> None:
    """The code still tells what happened."""
    assert vecclust(library, "clusters", "--wrong", stdout=stderr).returncode == 2
    assert vecclust(library, "cluster", "none", stdout=stderr).returncode == 1


def test_a_pipe_that_does_not_wait_gets_everything() -> None:
    """Some parents make their end of a pipe non-blocking, and ours with it."""
    program = (
        "import sys\n"
        "from vecclust.cli.streams import guard_streams\n"
        "guard_streams()\n"
        "sys.stdout.write('x' * 1_000_000)\n"
        "sys.stdout.flush()\n"
    )
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with subprocess.Popen([sys.executable, "-c", program], stdout=writer, stderr=subprocess.PIPE) as process:
        deadline = time.monotonic() + DEADLINE_S
        while select.select([], [writer], [], 0.01)[1]:
            assert time.monotonic() < deadline
        os.close(writer)
        with open(reader, "rb") as file:
            assert len(file.read()) == 1_000_000
        assert process.wait(DEADLINE_S) == 0


def test_ctrl_c_ends_the_waiting_for_a_slow_reader() -> None:
    """A pager that reads no further: code 130, no traceback."""
    program = (
        "import sys\n"
        "from vecclust.cli import app\n"
        "app.app = lambda **_: sys.stdout.write('x' * 1_000_000) and None\n"
        "app.main()\n"
    )
    reader, writer = os.pipe()
    with subprocess.Popen([sys.executable, "-c", program], stdout=writer, stderr=subprocess.PIPE) as process:
        deadline = time.monotonic() + DEADLINE_S
        while select.select([], [writer], [], 0.01)[1]:
            assert time.monotonic() < deadline
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        assert b"Traceback" not in process.stderr.read()
        assert process.wait(DEADLINE_S) == 130
    os.close(writer)
    os.close(reader)


@pytest.mark.parametrize(
    "arguments",
    [
        (ESCAPE,),
        (f"--{ESCAPE}",),
        ("clusters", f"--{ESCAPE}"),
        ("clusters", ESCAPE),
        ("cluster", ESCAPE[:-1]),
        ("cluster", "c1", "--since", ESCAPE),
        ("similar", ESCAPE),
        ("rollback", ESCAPE),
        ("move", ESCAPE, ESCAPE),
        ("cluster", "c1", "-n", ESCAPE),
        ("--config", ESCAPE, "status"),
        ("scan", ESCAPE),
    ],
)
def test_what_was_typed_is_never_echoed_raw(library: Path, arguments: tuple[str, ...]) -> None:
    """Neither control characters nor those that turn the direction of writing, in any complaint."""
    done = vecclust(library, *arguments)
    said = (done.stdout + done.stderr).decode()
    assert done.returncode
    assert all(letter.isprintable() or letter == "\n" for letter in said)


def test_a_title_in_a_terminal_is_text(library: Path) -> None:
    """A name of earlier days, which nobody had checked, above a table."""
    shown = shown_in_terminal("--library", str(library), "cluster", "c2")
    assert b"\x1b]0;" not in shown
    assert b"\\x1b]0;title" in shown


@pytest.mark.parametrize(
    "arguments",
    [("--library", "", "status"), ("--config", "", "status"), ("scan", ""), ("cluster", "c1", "--folder", "")],
)
def test_an_empty_path_is_refused(library: Path, arguments: tuple[str, ...], tmp_path: Path) -> None:
    """That of a variable which is not set: it would mean the current directory."""
    given = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2]), "VECCLUST_LIBRARY": str(library)}
    command = [sys.executable, "-m", "vecclust", *arguments]
    done = subprocess.run(command, capture_output=True, cwd=tmp_path, env=given, text=True, check=False)
    assert done.returncode == 2
    assert "the name is empty" in done.stderr
    assert not list(tmp_path.iterdir())

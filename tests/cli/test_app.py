"""What the application leans on in typer, and exceptions and signals to exit codes."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import typer.main

from vecclust import errors
from vecclust.cli import app as application
from vecclust.cli.app import app, run
from vecclust.cli.session import Session, session_of

CODES = {
    errors.VecclustError: 1,
    errors.NotFound: 1,
    errors.UsageError: 2,
    errors.ConfigError: 3,
    errors.StoreError: 4,
    errors.StoreFull: 4,
    errors.DamagedRun: 4,
    errors.LibraryLocked: 6,
    errors.Unreadable: 1,
}


UPGRADE = "typer changed inside: mend vecclust/cli/app.py, or lower the upper bound in pyproject.toml"


def test_typer_is_inside_as_the_application_needs_it() -> None:
    """A new typer that breaks the commands' late imports or the usage errors is told apart from a defect of ours."""
    group = typer.main.get_command(app)
    assert isinstance(group, application.Commands), f"{UPGRADE}: the group's class is not asked for"
    assert group.commands == {}, f"{UPGRADE}: commands are made before they are asked for"
    context = group.make_context("vecclust", [], resilient_parsing=True)
    assert group.list_commands(context) == list(application.COMMANDS), f"{UPGRADE}: the group does not list"
    assert group.get_command(context, "similar") is not None, f"{UPGRADE}: the group makes no command"
    assert list(group.commands) == ["similar"], f"{UPGRADE}: the group keeps no command"
    assert group.get_command(context, "nonsense") is None, f"{UPGRADE}: the group gives what is none"
    for name in ("show", "format_message"):
        assert hasattr(application._TyperUsageError, name), f"{UPGRADE}: its usage errors have no {name}()"
    with pytest.raises(application._TyperUsageError, match="similar"):  # the nearest one is proposed
        app(args=["similer"], standalone_mode=False)


def failing(error: BaseException) -> int:
    """Run a command that raises."""

    def command() -> None:
        raise error

    return run(command, wants_json=False)


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS, errno.ENOSPC, errno.EIO])
def test_what_the_system_refuses_is_said_in_one_line(number: int, capsys: pytest.CaptureFixture[str]) -> None:
    """Wherever in a library's files it strikes: a full, failing or read-only disk is no defect of the program."""
    assert failing(OSError(number, os.strerror(number), "/photos/library/tables")) == 4
    said = capsys.readouterr().err
    assert "/photos/library/tables" in said
    assert "Traceback" not in said


def test_what_nobody_thought_of_is_shown_as_it_is() -> None:
    """A file that should be there and is not is a defect, and needs its traceback."""
    with pytest.raises(FileNotFoundError):
        failing(FileNotFoundError(errno.ENOENT, "No such file or directory", "somewhere"))


@pytest.mark.parametrize(("kind", "code"), CODES.items())
def test_each_error_has_its_code_and_says_what_to_do(
    kind: type[errors.VecclustError], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line for what happened, one for the next step, nothing on stdout, no traceback."""
    assert failing(kind("it broke at /x", hint="Mend it.")) == code
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err == "vecclust: it broke at /x\n  Mend it.\n"


def test_model_errors_exit_with_five() -> None:
    """Both kinds of model errors."""
    assert failing(errors.ModelUnavailable("none", model="x")) == 5
    assert failing(errors.ModelMismatch("other", library_model="a", asked_model="b")) == 5


def test_with_json_an_error_is_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    """Scripts read kind, message and hint from stdout."""

    def command() -> None:
        raise errors.NotFound("no such photo", hint="Scan first.")

    assert run(command, wants_json=True) == 1
    assert json.loads(capsys.readouterr().out) == {
        "error": {"kind": "not_found", "message": "no such photo", "hint": "Scan first."}
    }


def test_a_defect_is_not_hidden() -> None:
    """A programmer's mistake keeps its traceback."""
    with pytest.raises(ZeroDivisionError):
        run(lambda: 1 // 0, wants_json=False)


def vecclust(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the real command line."""
    return subprocess.run([sys.executable, "-m", "vecclust", *arguments], capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("--library a status --library b", Session(Path("b"))),
        ("status --library b", Session(Path("b"))),
        ("-v status -v --config f", Session(config=Path("f"), verbosity=2)),
        ("-v status -q", Session(verbosity=-1)),
        ("-q status -v", Session(verbosity=1)),
        ("--model a status --model b", Session(flags={"model": "b"})),
        ("service status --library b", Session(Path("b"))),
        ("service --library a status -v", Session(Path("a"), verbosity=1)),
        ("--library a words", Session(Path("a"))),
    ],
)
def test_global_options_stand_before_a_command_or_after_it(arguments: str, expected: Session) -> None:
    """What stands later wins, but for -v, which adds up."""
    words = arguments.split()
    group: Any = typer.main.get_command(app)
    context = group.make_context("vecclust", words)
    context.invoke(group.callback, **context.params)
    command, words = group, [*context._protected_args, *context.args]
    while words:
        name, command, rest = command.resolve_command(context, words)
        context = command.make_context(name, rest, parent=context)
        words = [*getattr(context, "_protected_args", ()), *context.args]
    found = session_of(context)
    flags = {key: value for key, value in found.flags.items() if value is not None}
    assert replace(found, flags=flags) == expected


def test_a_commands_own_options_stay_its_own() -> None:
    """`scan --model` is that of a new library; a name after `--` is no option."""
    done = vecclust("cluster", "--library", "/none", "--", "--library")
    assert (done.returncode, "there is no library in /none" in done.stderr) == (1, True)
    done = vecclust("clusters", "--library", "/none", "--model", "")
    assert (done.returncode, "should name a model" in done.stderr) == (3, True)
    done = vecclust("clusters", "--version")
    assert (done.returncode, done.stdout.split()[0]) == (0, "vecclust")


def test_a_wrong_option_is_a_usage_error() -> None:
    """Exit code 2, the reason on stderr, and a document with --json."""
    done = vecclust("clusters", "--wrong")
    assert (done.returncode, done.stdout) == (2, "")
    assert "--wrong" in done.stderr
    done = vecclust("clusters", "--json", "--wrong")
    assert done.returncode == 2
    assert json.loads(done.stdout)["error"]["kind"] == "usage"


def test_a_usage_error_fits_the_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Broken between words; a log of it keeps it on one line."""
    search = ["search", "x", "--since", "tomorrow"]
    monkeypatch.setenv("COLUMNS", "60")
    for is_terminal in (True, False):
        monkeypatch.setattr("sys.stderr.isatty", lambda is_terminal=is_terminal: is_terminal)
        code = application.run(lambda: application.app(args=search, standalone_mode=False), wants_json=False)
        *_, said = capsys.readouterr().err.split("Error: ")
        assert code == 2
        assert "yesterday or 2024-06-01T18:30" in " ".join(said.split())
        assert (max(map(len, f"Error: {said}".splitlines())) <= 60) == is_terminal


def test_options_that_exclude_each_other_say_what_each_does(tmp_path: Path) -> None:
    """A usage error like any other, before a library is looked for."""
    done = vecclust("--library", str(tmp_path / "none"), "recluster", "--full", "--light")
    assert (done.returncode, done.stdout) == (2, "")
    said, hint = done.stderr.splitlines()
    assert "--full and --light" in said
    assert "settles only what came since" in hint


def test_a_wrong_setting_exits_with_three(tmp_path: os.PathLike[str]) -> None:
    """A bad configuration file stops before anything is touched."""
    config = os.path.join(tmp_path, "config.toml")
    with open(config, "w", encoding="utf-8") as file:
        file.write("[photos]\nsettle = 1\n")
    done = vecclust("--config", config, "--library", os.path.join(tmp_path, "none"), "scan", str(tmp_path))
    assert done.returncode == 3
    assert "photos.settle" in done.stderr
    assert not os.path.exists(os.path.join(tmp_path, "none"))


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signals_end_with_their_code_and_no_traceback(number: signal.Signals, code: int) -> None:
    """Ctrl-C and SIGTERM are ends like any other."""
    program = (
        "import sys, threading\n"
        "from vecclust.cli.app import run\n"
        "def command():\n"
        "    print('ready', flush=True)\n"
        "    threading.Event().wait(60)\n"
        "sys.exit(run(command, wants_json=False))\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(number)
    _, complaint = process.communicate(timeout=30)
    assert process.returncode == code
    assert "Traceback" not in complaint
    assert "run it again to go on" in complaint


@pytest.mark.parametrize("command", ["scan", "watch"])
def test_a_folder_that_does_not_exist_is_named(tmp_path: Path, command: str) -> None:
    """It is a mistake of usage, and nothing is remembered."""
    place = ["--library", str(tmp_path / "library")]
    done = subprocess.run(
        [sys.executable, "-m", "vecclust", *place, command, str(tmp_path / "albun")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, f"cannot look at {tmp_path / 'albun'}" in done.stderr) == (2, True), done.stderr


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_that_python_swallows_strikes_again(
    number: signal.Signals, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """While an object is let go an exception goes nowhere: the command ends all the same, and nothing odd is said."""

    class Struck:
        """Let go of at the very moment."""

        def __del__(self) -> None:
            os.kill(os.getpid(), number)
            time.sleep(0)

    def command() -> None:
        struck = Struck()
        del struck
        time.sleep(10)

    before = signal.getsignal(signal.SIGTERM)
    try:
        assert run(command, wants_json=False) == code
    finally:
        signal.signal(signal.SIGTERM, before)
    said = capsys.readouterr().err
    assert "what was committed stays" in said
    assert "ignored" not in said

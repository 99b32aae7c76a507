"""The command `doctor`: what is wrong with a library, what to do about it, and doing it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from vecclust.cli.output import Document, answer, document_of, show
from vecclust.cli.session import AsJson, configure_logging, session_of
from vecclust.errors import StoreError, UsageError

if TYPE_CHECKING:
    from vecclust.types.checkup import CheckCost, CheckDepth, Checkup

# How a thing stands, for people; by width alike, so that lines can be read down.
STATES = {"ok": "ok", "warning": "look", "fault": "WRONG"}


def doctor(
    context: typer.Context,
    quick: Annotated[bool, typer.Option("--quick", help="Look at lengths and times of files alone.")] = False,
    deep: Annotated[
        bool, typer.Option("--deep", help="Read every byte: of tables, arrays, pictures and the model.")
    ] = False,
    repair: Annotated[
        bool, typer.Option("--repair", help="Mend what can be mended; reads every byte unless --quick is given.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Look whether the library is whole, and mend it.

    Tables, rows, vectors, what names what, runs, the model, disk, permissions, folders, watches and the clock: how each
    stands, and what to do. It works where nothing else opens the library any more. Only --repair changes anything, and
    it deletes nothing: what it takes out is kept in the library's folder set-aside. No photo is touched. The exit code
    is 4 while something is wrong, and 0 where there is nothing but things to look at.

    \b
    vecclust doctor
    vecclust doctor --deep          every byte
    vecclust doctor --repair
    """
    if quick and deep:
        raise UsageError("--quick and --deep exclude each other", hint="Without either, rows and vectors are read.")
    from vecclust.library.library import Library

    session = session_of(context)
    configure_logging(session.verbosity)
    depth: CheckDepth = "quick" if quick else "deep" if deep or repair else "usual"
    cost = Library.checkup_cost(session.library, depth=depth)
    session.notices([cost_sentence(cost, twice=repair)] * bool(cost.files))
    with session.progress() as progress:
        found = Library.checkup(
            session.library,
            depth=depth,
            repair=repair,
            config=session.config,
            flags=session.given_flags(),
            progress=progress,
        )
    answer(found, lambda found: show_checkup(found, repair=repair), document=checkup_document, as_json=as_json)
    if found.faults:
        raise typer.Exit(StoreError.exit_code)


def cost_sentence(cost: CheckCost, *, twice: bool) -> str:
    """Say what looking will cost.

    Args:
        cost: of looking once.
        twice: whether it is looked again after a repair.
    """
    times = 2 if twice else 1
    seconds = times * cost.seconds
    how_long = f"about {seconds:.0f} seconds" if seconds < 100 else f"about {seconds / 60:.0f} minutes"
    how_long = "a second or two" if seconds < 3 else how_long
    reading = (
        f", reading {max(0.1, times * cost.bytes_read / 1e6):,.1f} MB" if cost.bytes_read else ", reading none of them"
    )
    again = ", once to mend and once to see" if twice else ""
    return f"looking at {cost.files:,} files{reading}{again}: {how_long}"


def checkup_document(found: Checkup) -> Document:
    """Give the document of `doctor`.

    Args:
        found: what was found.
    """
    counts = {"faults": len(found.faults), "warnings": len(found.warnings)}
    return {**document_of(found, "library depth"), **counts, **document_of(found, "cost findings repaired")}


def show_checkup(found: Checkup, *, repair: bool) -> None:
    """Print what was found: a line for each thing, and below it what is to be done.

    Args:
        found: what was found.
        repair: whether a repair was asked for.
    """
    lines = [("repaired", "done", sentence, "") for sentence in found.repaired]
    lines += [(one.check, STATES[one.state], one.what, one.todo) for one in found.findings]
    rows = []
    for check, state, what, todo in lines:
        rows.append((check, state, what))
        rows += [("", "", f"→ {todo}")] * bool(todo)
    show(("what", "", "how it is"), rows, title=summary(found, repair=repair), lines=lines)
    if sys.stdout.isatty() and found.faults:
        sys.stdout.write(f"{summary(found, repair=False)}\n")


def summary(found: Checkup, *, repair: bool) -> str:
    """Say in a sentence how the library stands.

    Args:
        found: what was found.
        repair: whether a repair was asked for.
    """
    parts = [f"{len(found.faults)} {'thing is' if len(found.faults) == 1 else 'things are'} wrong"]
    if found.warnings:
        parts.append(f"{len(found.warnings)} to look at")
    how = ", ".join(parts) if found.faults or found.warnings else "all is well"
    if repair:
        how = f"{'mended' if found.repaired else 'nothing was to be mended'}; {how}"
    return f"{found.library}: {how}"

"""Commands about the state of things: `status`, `problems` and `models`."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import PurePath
from typing import TYPE_CHECKING, Annotated

import typer

from vecclust.cli.folders import show_skipped, skipped_counts, skipped_document, skipped_text
from vecclust.cli.output import Document, answer, broken, document_of, iso_ns, local_time, show, show_facts
from vecclust.cli.runs import cut_of, figure_facts, run_document
from vecclust.cli.session import AsJson, Everything, Figures, session_of

if TYPE_CHECKING:
    from vecclust.exports.text import Cell
    from vecclust.types.files import FolderStatus, Problem
    from vecclust.types.runs import Drift
    from vecclust.types.status import DaemonStatus, MigrationProgress, ModelStatus, Status

STATUS_KEYS = (
    "library model photos files pending problems missing clusters noise run arrivals_since_run arrivals_noise newcomers"
    " gathered drift skipped_dot_files skipped bytes_on_disk daily_backup=daily_backup_ns migration folders daemon"
)
PAUSED = (
    "it goes on by itself once all is back; vecclust scan --prune DIR if photos were meant to go, vecclust folders"
    " accept DIR if it is another drive that is yours too, vecclust folders forget DIR if the folder is to go"
)
MODEL_KEYS = "name in_use usable dim size_bytes note good_for not_good_for"
DAEMON_KEYS = "running pid since=since_ns watching last_scan doing problems log"


def status(
    context: typer.Context,
    skipped: Annotated[bool, typer.Option("--skipped", help="List what the folders hold that is left out.")] = False,
    figures: Figures = False,
    as_json: AsJson = False,
) -> None:
    """Show photos, problems, folders and the current run.

    \b
    vecclust status
    vecclust status --skipped       what is left out of the folders, and why
    """
    session = session_of(context)
    if skipped:
        left_out = session.client().skipped()
        session.notices(f"cannot look at {place.path}: {place.reason}" for place in left_out.unreadable)
        answer(left_out, show_skipped, document=skipped_document, as_json=as_json)
        return
    found = session.client().status()
    answer(found, lambda found: show_status(found, figures=figures), document=status_document, as_json=as_json)


def problems(
    context: typer.Context,
    retry: Annotated[bool, typer.Option("--retry", help="Try them all again now.")] = False,
    everything: Everything = False,
    as_json: AsJson = False,
) -> None:
    """Show the files that could not be read.

    Each with the reason and the next try; damaged photos that were taken as far as they can be shown, too.

    \b
    vecclust problems --retry
    """
    session = session_of(context)
    if retry:
        with session.open(write=True) as library, session.progress() as progress:
            session.notices(library.retry(progress=progress).notices)
    found = session.client().problems()
    see_all = "" if everything else session.command("problems", "--all")
    answer(found, partial(show_problems, see_all=see_all), document=problems_document, as_json=as_json)


def models(context: typer.Context, as_json: AsJson = False) -> None:
    """Show which models can be used now.

    \b
    vecclust models
    """
    from vecclust.library.model import usable_models

    session = session_of(context)
    found = usable_models(session.library, config=session.config, flags=session.flags)
    answer(found, show_models, document=models_document, as_json=as_json)


def status_document(found: Status) -> Document:
    """Give the document of `status`.

    Args:
        found: the state of a library.
    """
    scans = [folder.last_scan_ns for folder in found.folders if folder.last_scan_ns]
    last_scan, doing = iso_ns(max(scans, default=None)), found.daemon.doing or None
    return document_of(
        found,
        STATUS_KEYS,
        run=None if found.run is None else run_document(found.run),
        skipped=skipped_counts(found.skipped),
        drift=document_of(found.drift, "recent=n_recent unusual=n_unusual alarm_from"),
        folders=[document_of(folder, paused=folder.paused or None) for folder in found.folders],
        daemon=document_of(found.daemon, DAEMON_KEYS, last_scan=last_scan, doing=doing),
    )


def problems_document(problems: Sequence[Problem]) -> Document:
    """Give the document of `problems`.

    Args:
        problems: the files that could not be read.
    """
    return {"problems": [document_of(problem) for problem in problems]}


def models_document(models: Sequence[ModelStatus]) -> Document:
    """Give the document of `models`.

    Args:
        models: the models.
    """
    return {"models": [document_of(model, MODEL_KEYS) for model in models]}


def show_status(found: Status, *, figures: bool = False) -> None:
    """Print the state of a library.

    Args:
        found: the state.
        figures: whether those of the run are shown that experts judge by.
    """
    if sys.stdout.isatty():
        from vecclust.cli.tables import when

        def told(time_ns: int | None) -> str | None:
            moment = local_time(time_ns)
            return None if moment is None else when(moment)

        folders = [fact for folder in found.folders for fact in _folder_facts(folder)]
    else:
        told, folders = iso_ns, [("folder", _folder_line(folder)) for folder in found.folders]
    show_facts(*_status_facts(found, figures=figures, told=told), *folders, *_to_do(found))


def _status_facts(
    found: Status, *, figures: bool, told: Callable[[int | None], str | None]
) -> Iterator[tuple[str, Cell]]:
    """Give what is known of a library but for its folders, with times as they are to be written."""
    run = found.run
    yield from (
        ("library", PurePath(found.library)),
        ("model", found.model),
        ("photos", found.photos),
        ("files", found.files),
        ("pending", found.pending),
        ("problems", found.problems),
        ("missing", found.missing),
        ("run", None if run is None else f"{run.run}, {found.clusters} clusters, {told(run.created_ns)}"),
        *([("kind", run.kind)] if run is not None else ()),
        *([("cut", cut_of(run, figures=figures))] if run is not None and cut_of(run) else ()),
        *([("made for", run.reason)] if run is not None and run.reason else ()),
        *(figure_facts(run.figures) if run is not None and figures else ()),
        ("unclustered", found.noise),
        ("arrivals since", found.arrivals_since_run),
        ("newcomers", _newcomers(found)),
        ("drift", _drift(found.drift)),
        ("left out", skipped_text(found.skipped)),
        ("on disk", f"{found.bytes_on_disk / 1e6:.1f} MB"),
        ("daily backup", told(found.daily_backup_ns) or "none yet"),
        *([("other model", _migration(found.migration))] if found.migration is not None else ()),
        ("daemon", _daemon(found.daemon, told=told)),
        *(("daemon says", problem) for problem in found.daemon.problems),
        *([("its log", PurePath(found.daemon.log))] if found.daemon.log is not None else ()),
    )


def _to_do(found: Status) -> list[tuple[str, Cell]]:
    return [("to do", PAUSED)] if any(folder.paused for folder in found.folders) else []


def _newcomers(found: Status) -> str:
    if not found.gathered:
        return str(found.newcomers)
    return f"{found.newcomers}, {found.gathered} of them alike: a fit is due"


def _drift(drift: Drift) -> str:
    if drift.alarm_from is None:
        return "too few arrivals to tell"
    found = f"{drift.n_unusual} of the newest {drift.n_recent} arrivals are unusual"
    return f"{found}: a fit is due" if drift.alarmed else f"none: {found}"


def _migration(progress: MigrationProgress) -> str:
    return f"{progress.model}: {progress.embedded:,} of {progress.photos:,} photos embedded (vecclust migrate goes on)"


def _folder_facts(folder: FolderStatus) -> Iterator[tuple[str, Cell]]:
    yield "folder", PurePath(folder.path)
    yield "last scan", local_time(folder.last_scan_ns) or "never"
    if folder.paused:
        yield "removal paused", f"{folder.paused}{_held(folder)}"


def _held(folder: FolderStatus) -> str:
    return f"; {folder.held} {'photo' if folder.held == 1 else 'photos'} there not taken in" if folder.held else ""


def _folder_line(folder: FolderStatus) -> str:
    paused = f" (removal paused: {folder.paused}{_held(folder)})" if folder.paused else ""
    return f"{folder.path}, last scan {iso_ns(folder.last_scan_ns) or 'never'}{paused}"


def _daemon(daemon: DaemonStatus, *, told: Callable[[int | None], str | None]) -> str:
    if not daemon.running:
        return "not running"
    return f"process {daemon.pid}, {daemon.doing} since {told(daemon.since_ns)}"


def show_problems(problems: Sequence[Problem], *, see_all: str = "") -> None:
    """Print the files that could not be read.

    Args:
        problems: these files.
        see_all: the command that shows all of them; where it is given, a terminal gets the first only.
    """
    later, now_ns = "when it changes", time.time_ns()
    show(
        ("path", "reason", "attempts", "next try"),
        [
            (
                PurePath(one.path),
                _reason(one),
                one.attempts,
                "with the next scan" if 0 < (one.next_try_ns or 0) <= now_ns else local_time(one.next_try_ns) or later,
            )
            for one in problems
        ],
        title="" if problems else "no problems",
        spare=("attempts", "next try"),
        lines=[(one.path, _reason(one), one.attempts, iso_ns(one.next_try_ns) or later) for one in problems],
        see_all=see_all,
    )


def _reason(problem: Problem) -> str:
    return f"damaged, but taken: {problem.reason}" if problem.damaged else problem.reason


def show_models(models: Sequence[ModelStatus]) -> None:
    """Print the models and whether they can be used now.

    Args:
        models: the models.
    """
    rows = [
        (
            model.name,
            "*" if model.in_use else "",
            "yes" if model.usable else "no",
            None if model.size_bytes is None else f"{model.size_bytes / 1e6:.0f} MB",
            model.note,
        )
        for model in models
    ]
    limits = [
        f"{model.name} is good for {model.good_for}; it is not good for {model.not_good_for}"
        if model.not_good_for
        else ""
        for model in models
    ]
    lines = [(*row, limit) for row, limit in zip(rows, limits, strict=True)]
    show(("model", "used", "usable", "size", "what"), rows, lines=lines)
    if sys.stdout.isatty():
        sys.stdout.write("".join(f"{broken(limit)}\n" for limit in limits if limit))

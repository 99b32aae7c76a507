"""Commands about the state of things: `status`, `problems` and `models`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from vecclust.cli.output import Document, answer, document_of, iso_ns, show, show_facts
from vecclust.cli.runs import cut_of, run_document
from vecclust.cli.session import AsJson, session_of

if TYPE_CHECKING:
    from vecclust.types.files import FolderStatus, Problem
    from vecclust.types.runs import Drift
    from vecclust.types.status import DaemonStatus, ModelStatus, Status

STATUS_KEYS = (
    "library model photos files pending problems missing noise run arrivals_since_run arrivals_noise newcomers gathered"
    " drift skipped_dot_files bytes_on_disk folders daemon"
)
PAUSED = "it goes on by itself once all is back; vecclust scan --prune if photos were meant to go"
MODEL_KEYS = "name in_use usable dim size_bytes note"
DAEMON_KEYS = "running pid since=since_ns watching last_scan doing problems log"


def status(context: typer.Context, as_json: AsJson = False) -> None:
    """Show photos, problems, folders and the current run.

    \b
    vecclust status
    """
    found = session_of(context).client().status()
    answer(found, show_status, document=status_document, as_json=as_json)


def problems(
    context: typer.Context,
    retry: Annotated[bool, typer.Option("--retry", help="Try them all again now.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show the files that could not be read.

    Each with the reason and the next try.

    \b
    vecclust problems --retry
    """
    session = session_of(context)
    if retry:
        with session.open(write=True) as library, session.progress() as progress:
            session.notices(library.retry(progress=progress).notices)
    found = session.client().problems()
    answer(found, show_problems, document=problems_document, as_json=as_json)


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


def show_status(found: Status) -> None:
    """Print the state of a library.

    Args:
        found: the state.
    """
    run = found.run
    show_facts(
        ("library", found.library),
        ("model", found.model),
        ("photos", found.photos),
        ("files", found.files),
        ("pending", found.pending),
        ("problems", found.problems),
        ("missing", found.missing),
        ("run", None if run is None else f"{run.run}, {run.n_clusters} clusters, {iso_ns(run.created_ns)}"),
        *([("kind", run.kind)] if run is not None else ()),
        *([("cut", cut_of(run))] if run is not None and cut_of(run) else ()),
        *([("made for", run.reason)] if run is not None and run.reason else ()),
        ("unclustered", found.noise),
        ("arrivals since", found.arrivals_since_run),
        ("newcomers", _newcomers(found)),
        ("drift", _drift(found.drift)),
        ("dot-files left out", found.skipped_dot_files),
        ("on disk", f"{found.bytes_on_disk / 1e6:.1f} MB"),
        ("daemon", _daemon(found.daemon)),
        *(("daemon says", problem) for problem in found.daemon.problems),
        *([("its log", found.daemon.log)] if found.daemon.log is not None else ()),
        *(("folder", _folder(folder)) for folder in found.folders),
        *([("to do", PAUSED)] if any(folder.paused for folder in found.folders) else ()),
    )


def _newcomers(found: Status) -> str:
    if not found.gathered:
        return str(found.newcomers)
    return f"{found.newcomers}, {found.gathered} of them alike: a fit is due"


def _drift(drift: Drift) -> str:
    if drift.alarm_from is None:
        return "too few arrivals to tell"
    found = f"{drift.n_unusual} of the newest {drift.n_recent} arrivals are unusual"
    return f"{found}: a fit is due" if drift.alarmed else f"none: {found}"


def _folder(folder: FolderStatus) -> str:
    paused = f" (removal paused: {folder.paused})" if folder.paused else ""
    return f"{folder.path}, last scan {iso_ns(folder.last_scan_ns) or 'never'}{paused}"


def _daemon(daemon: DaemonStatus) -> str:
    if not daemon.running:
        return "not running"
    return f"process {daemon.pid}, {daemon.doing} since {iso_ns(daemon.since_ns)}"


def show_problems(problems: Sequence[Problem]) -> None:
    """Print the files that could not be read.

    Args:
        problems: these files.
    """
    show(
        ("path", "reason", "attempts", "next try"),
        [
            (problem.path, problem.reason, problem.attempts, iso_ns(problem.next_try_ns) or "when it changes")
            for problem in problems
        ],
    )


def show_models(models: Sequence[ModelStatus]) -> None:
    """Print the models and whether they can be used now.

    Args:
        models: the models.
    """
    show(
        ("model", "used", "usable", "size", "what"),
        [
            (
                model.name,
                "*" if model.in_use else "",
                "yes" if model.usable else "no",
                None if model.size_bytes is None else f"{model.size_bytes / 1e6:.0f} MB",
                model.note,
            )
            for model in models
        ],
    )

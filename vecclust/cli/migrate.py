"""The command about another model for a library: `migrate`."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Annotated

import typer

from vecclust.cli.output import Document, answer, document_of, show_facts
from vecclust.cli.runs import refit_document
from vecclust.cli.session import AsJson, Session, session_of
from vecclust.errors import NotFound, UsageError, VecclustError
from vecclust.types.runs import IDENTITY

if TYPE_CHECKING:
    from vecclust.types.migrations import MigrationReport, MigrationStatus

# Photos may come between the last one embedded and the switch; a library into which they pour waits for a calmer hour.
MOST_TRIES = 5
# So many photos that could not be embedded are named in one message.
FEW_FAILED = 3


def migrate(
    context: typer.Context,
    name: Annotated[
        str, typer.Argument(metavar="[NAME]", help="The other model, as --model takes it; left out, to go on.")
    ] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what it costs, change nothing.")] = False,
    no_switch: Annotated[
        bool, typer.Option("--no-switch", help="Do all but the switch, and show what it would change.")
    ] = False,
    back: Annotated[bool, typer.Option("--back", help="Go back to the model before, and to its run.")] = False,
    status: Annotated[bool, typer.Option("--status", help="Say how far it is, change nothing.")] = False,
    stop: Annotated[bool, typer.Option("--stop", help="Throw away what was prepared of another model.")] = False,
    drop_old: Annotated[
        bool, typer.Option("--drop-old", help="Let go of the vectors of the model before: no way back then.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Give the library another model without starting over.

    All photos are embedded anew beside the vectors there are, with which questions are answered meanwhile, and fitted;
    ids, names and edits are carried over. Stop it whenever you like: the same line goes on. The switch is one commit,
    and --back undoes it as long as the old vectors are kept. `vecclust watch` may run meanwhile.

    \b
    vecclust migrate ViT-B-32-256/datacomp_s34b_b86k --dry-run
    vecclust migrate ViT-B-32-256/datacomp_s34b_b86k
    vecclust migrate --back
    """
    session = session_of(context)
    chosen = [
        option
        for option, given in (
            ("NAME", name),
            ("--back", back),
            ("--status", status),
            ("--stop", stop),
            ("--drop-old", drop_old),
        )
        if given
    ]
    if len(chosen) > 1:
        raise UsageError(
            f"{' and '.join(chosen)} exclude each other", hint="vecclust migrate --help says what each does."
        )
    if stop or drop_old:
        _let_go(session, of_former=drop_old)
    elif status or dry_run:
        with session.open() as library, session.progress() as progress:
            found = library.migration(name, back=back, progress=progress)
        answer(found, show_migration, as_json=as_json)
    else:
        report = _migrate(session, name, back=back, is_switched=not no_switch)
        session.notices(_what_next(report))
        answer(report, show_migrated, document=migrated_document, as_json=as_json)


def _let_go(session: Session, *, of_former: bool) -> None:
    if of_former:
        name = session.client().drop_former_model()
    else:
        with session.open() as library:
            name = library.stop_migration()
    session.notices([f"the vectors of {name} are gone"])


def _migrate(session: Session, name: str, *, back: bool, is_switched: bool) -> MigrationReport:
    """Embed, fit, and switch unless that is left for later."""
    with session.open() as library, session.progress(lines=True) as progress:
        n_threads = _be_modest(library.config.watch.nice, library.config.watch.threads)
        session.notices(_costs(library.migration(name, back=back, progress=progress)))
        for _ in range(MOST_TRIES):
            report = library.prepare_model(name, back=back, n_threads=n_threads, progress=progress)
            _refuse_missing(report)
            if not is_switched:
                return report
            done = session.client().switch_model(back=report.back)
            if done.switched:
                return dataclasses.replace(
                    report,
                    names_lost=done.names_lost,
                    refit=done.refit or report.refit,
                    run=done.run,
                    switched=True,
                    seconds=report.seconds + done.seconds,
                )
    raise VecclustError(
        "photos keep coming in", hint="What is done is kept; vecclust migrate goes on in a calmer hour."
    )


def _be_modest(nice: int, threads: int) -> int:
    """Let other programs go first, as the daemon does; give the threads that are taken."""
    from vecclust.daemon.resource_limits import lower_priority, set_thread_limit, thread_limit

    n_threads = thread_limit(threads)
    set_thread_limit(n_threads)
    lower_priority(nice)
    return n_threads


def _costs(found: MigrationStatus) -> list[str]:
    """Say before it begins what it costs."""
    if found.target is None:
        return []
    n_left = found.photos - found.embedded
    if not n_left:
        return []
    takes = "" if not found.seconds else f", about {_duration(found.seconds)}"
    costs = [
        f"{n_left} of {found.photos} photos are to be embedded with {found.target}{takes}, {_mb(found.bytes_more)}"
    ]
    if found.from_thumbnails:
        costs.append(
            f"the files of {found.from_thumbnails} of them are away: their thumbnails are taken, which are less sharp"
        )
    return costs


def _refuse_missing(report: MigrationReport) -> None:
    if not report.missing:
        return
    named = ", ".join(f"{path} ({reason})" for path, reason in report.failed[:FEW_FAILED])
    why = f": {named}" if named else ""
    raise NotFound(
        f"{report.missing} photos have no vector of {report.model}, so nothing is switched{why}",
        hint="Bring their files back, or let go of them (vecclust scan --prune), then go on: vecclust migrate.",
    )


def _what_next(report: MigrationReport) -> list[str]:
    if not report.switched:
        return [f"nothing is switched yet; vecclust migrate{' --back' if report.back else ''} does it"]
    return [
        f"{report.model} answers from now on; vecclust migrate --back goes back as long as the old vectors are kept,"
        " vecclust migrate --drop-old lets go of them"
    ]


def migrated_document(report: MigrationReport) -> Document:
    """Give the document of `migrate`.

    Args:
        report: what it did.
    """
    refit = None if report.refit is None else refit_document(report.refit)
    failed = [{"path": path, "reason": reason} for path, reason in report.failed]
    return document_of(report, failed=failed, refit=refit)


def show_migration(found: MigrationStatus) -> None:
    """Print how a library stands to another model.

    Args:
        found: the state.
    """
    of = {"none": "not begun", "filling": "under way", "ready": "ready to be switched"}[found.state]
    kept = f"kept, {found.former_bytes / 1e6:.1f} MB" if found.former_kept else "no longer kept"
    former = found.former and f"{found.former}, {kept}"
    target = (
        ()
        if found.target is None
        else (
            ("other model", found.target),
            ("state", "kept" if found.back else of),
            ("embedded", f"{found.embedded} of {found.photos}"),
            ("from thumbnails", found.from_thumbnails),
            ("without a picture", found.without_picture),
            *([("time", f"about {_duration(found.seconds)}")] if found.seconds else ()),
            ("takes", _mb(found.bytes_more)),
        )
    )
    show_facts(
        ("model", found.model),
        ("model before", former),
        ("photos", found.photos),
        ("on disk", f"{found.bytes_on_disk / 1e6:.1f} MB"),
        *target,
    )


def show_migrated(report: MigrationReport) -> None:
    """Print what a migration did, or would do.

    Args:
        report: what it did.
    """
    refit = report.refit
    alive = f"{report.names - len(report.names_lost)} of {report.names}"
    show_facts(
        ("model", report.model),
        ("photos", report.photos),
        ("embedded", report.embedded),
        *([("from thumbnails", report.from_thumbnails)] if report.from_thumbnails else ()),
        ("run", report.run),
        *(() if refit is None else (("clusters", refit.clusters), ("unclustered", refit.noise))),
        *(() if refit is None else ((name, getattr(refit, name)) for name in IDENTITY)),
        *(() if refit is None else (("labels changed", refit.labels_changed),)),
        ("names alive", alive),
        *(("name lost", name) for name in report.names_lost),
        ("agreement", report.agreement),
        ("seconds", report.seconds),
        title="migrated" if report.switched else "would become",
    )


def _duration(seconds: float) -> str:
    from vecclust.cli.bars import duration

    return duration(seconds)


def _mb(n_bytes: int) -> str:
    return f"{n_bytes / 1e6:.1f} MB more on disk" if n_bytes else "nothing more on disk"

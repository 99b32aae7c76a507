"""Commands about the daemon as a service: `service install`, `remove` and `status`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vecclust.cli.output import answer, document_of, show_facts
from vecclust.cli.session import AsJson, Session, session_of
from vecclust.errors import UsageError

if TYPE_CHECKING:
    from vecclust.daemon.service import Service, ServiceChange, ServiceStatus

Force = Annotated[bool, typer.Option("--force", help="Also a file that somebody else wrote or changed.")]
SERVICE_KEYS = "manager reachable name file installed edited enabled running state pid says"

group = typer.Typer(add_completion=False, no_args_is_help=True, rich_markup_mode=None)


@group.callback()
def service() -> None:
    """Have the daemon run by itself.

    As a systemd user unit, or a launchd agent.

    \b
    vecclust service install ~/Photos   from now on, and at each login
    vecclust service status
    """


@group.command()
def install(
    context: typer.Context,
    folders: Annotated[list[Path] | None, typer.Argument(metavar="[FOLDER]...", help="Kept from then on.")] = None,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Start the daemon now and at each login.

    One service for each library. Settings come from LIBRARY/config.toml, or the file that --config names: variables of
    this terminal do not reach a service.

    \b
    vecclust service install ~/Photos
    vecclust --library ~/trip-library service install ~/Trip
    """
    from vecclust.daemon.service import install, manager_of

    session = session_of(context)
    _check_folders(session, folders or ())
    done = install(manager_of(), _job(session, folders or ()), force=force)
    session.notices(done.notices)
    answer(done, show_change, as_json=as_json)


@group.command()
def remove(context: typer.Context, force: Force = False, as_json: AsJson = False) -> None:
    """Stop the daemon and start it no more; the library stays.

    \b
    vecclust service remove
    """
    from vecclust.daemon.service import manager_of, remove

    session = session_of(context)
    done = remove(manager_of(), _job(session), force=force)
    session.notices(done.notices)
    answer(done, show_change, as_json=as_json)


@group.command()
def status(context: typer.Context, as_json: AsJson = False) -> None:
    """Show whether the service is installed and runs.

    \b
    vecclust service status --json
    """
    from vecclust.daemon.service import manager_of, status

    found = status(manager_of(), _job(session_of(context)))
    answer(
        found,
        show_service,
        document=lambda found: document_of(found, SERVICE_KEYS, state=found.state or None, says=found.says or None),
        as_json=as_json,
    )


def _check_folders(session: Session, folders: Sequence[Path]) -> None:
    """See that there will be something to watch: a service that cannot start tells nobody."""
    for folder in folders:
        if not folder.expanduser().is_dir():
            raise UsageError(f"{folder} is no folder", hint="Name one that is there.")
    if not folders:
        with session.open() as library:
            if not library.folders():
                raise UsageError("no folder to watch", hint="Name one: vecclust service install ~/Photos.")


def _job(session: Session, folders: Sequence[Path] = ()) -> Service:
    from vecclust.config import library_path, named_config
    from vecclust.daemon.service import Service

    def absolute(path: Path) -> Path:
        return Path(os.path.abspath(os.path.expanduser(path)))

    config = named_config(session.config)
    return Service(
        library=absolute(library_path(session.library)),
        config=None if config is None else absolute(config),
        model=session.given_flags().get("model"),
        folders=tuple(absolute(folder) for folder in folders),
    )


def show_service(found: ServiceStatus) -> None:
    """Print how a service stands.

    Args:
        found: how it stands.
    """
    edited = ", written or changed by somebody else" if found.edited else ""
    running = f"runs, process {found.pid}" if found.running else f"does not run ({found.state or 'unknown'})"
    at_login = "starts" if found.enabled else "does not start"
    show_facts(
        ("service", found.name),
        ("file", f"{found.file}{edited}" if found.installed else "not installed"),
        *([("at login", at_login), ("now", running)] if found.reachable else ()),
        *([] if found.reachable else [(found.manager, "does not answer here")]),
        *([("says", found.says)] if found.says else ()),
    )


def show_change(done: ServiceChange) -> None:
    """Print what became of a service's file.

    Args:
        done: what installing or removing did.
    """
    show_facts(("service", done.name), ("file", f"{done.file}{'' if done.changed else ', as it was'}"))

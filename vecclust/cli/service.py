"""Commands about the daemon as a service: `service install`, `remove` and `status`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vecclust.cli.options import AsJson
from vecclust.cli.session import Session, answer, session_of
from vecclust.errors import UsageError

if TYPE_CHECKING:
    from vecclust.daemon.service import Service

Force = Annotated[bool, typer.Option("--force", help="Also a file that somebody else wrote or changed.")]


def register(app: typer.Typer) -> None:
    """Hang this group's commands below `app`."""
    group = typer.Typer(
        no_args_is_help=True, rich_markup_mode=None, context_settings={"help_option_names": ["-h", "--help"]}
    )
    group.command()(install)
    group.command()(remove)
    group.command()(status)
    app.add_typer(group, name="service", callback=service)


def service() -> None:
    """Have the daemon run by itself: a systemd user unit, or a launchd agent.

    \b
    vecclust service install ~/Photos   from now on, and at each login
    vecclust service status
    """


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
    from vecclust.cli import documents, summaries
    from vecclust.daemon.service import install, manager_of

    session = session_of(context)
    _check_folders(session, folders or ())
    done = install(manager_of(), _job(session, folders or ()), force=force)
    session.notices(done.notices)
    answer(
        lambda: documents.service_change_document(done), lambda: summaries.show_service_change(done), as_json=as_json
    )


def remove(context: typer.Context, force: Force = False, as_json: AsJson = False) -> None:
    """Stop the daemon and start it no more; the library stays.

    \b
    vecclust service remove
    """
    from vecclust.cli import documents, summaries
    from vecclust.daemon.service import manager_of, remove

    session = session_of(context)
    done = remove(manager_of(), _job(session), force=force)
    session.notices(done.notices)
    answer(
        lambda: documents.service_change_document(done), lambda: summaries.show_service_change(done), as_json=as_json
    )


def status(context: typer.Context, as_json: AsJson = False) -> None:
    """Show whether the service is installed and runs.

    \b
    vecclust service status --json
    """
    from vecclust.cli import documents, summaries
    from vecclust.daemon.service import manager_of, status

    found = status(manager_of(), _job(session_of(context)))
    answer(lambda: documents.service_document(found), lambda: summaries.show_service(found), as_json=as_json)


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
        model=session.given_flags.get("model"),
        folders=tuple(absolute(folder) for folder in folders),
    )

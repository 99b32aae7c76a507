"""Installing, removing and looking, the same for every manager."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from vecclust.daemon.service.job import Job, Ran, Runner, run_command
from vecclust.errors import UsageError, VecclustError

Authorship = Literal["ours", "edited", "foreign"]


@dataclass(frozen=True, slots=True)
class Standing:
    """How a service stands.

    Attributes:
        manager: `systemd` or `launchd`.
        name: what the manager calls it.
        file: its file.
        installed: whether the file is there.
        edited: whether somebody else wrote or changed it.
        reachable: whether the manager answers here.
        enabled: whether it starts with the session.
        running: whether it runs now.
        state: the manager's own word for that, or empty.
        pid: its process, or None.
        says: what it told the manager last, or empty.
    """

    manager: str
    name: str
    file: Path
    installed: bool
    edited: bool
    reachable: bool
    enabled: bool = False
    running: bool = False
    state: str = ""
    pid: int | None = None
    says: str = ""


@dataclass(frozen=True, slots=True)
class Installed:
    """What installing or removing did.

    Attributes:
        name: what the manager calls the service.
        file: its file.
        changed: whether the file was written or removed.
        active: whether the manager has done its part: the service runs, or does no more.
        notices: what the owner should know or do next.
    """

    name: str
    file: Path
    changed: bool
    active: bool
    notices: tuple[str, ...] = ()


class Manager(Protocol):
    """A manager of services; `Systemd` and `Launchd` are."""

    name: str

    def name_of(self, job: Job) -> str:
        """Give what the manager calls it."""

    def file_of(self, job: Job) -> Path:
        """Give the place of its file."""

    def text_of(self, job: Job) -> bytes:
        """Write its file."""

    def authorship(self, text: bytes) -> Authorship:
        """Tell who wrote a file."""

    def is_reachable(self) -> bool:
        """Tell whether the manager answers here."""

    def start(self, job: Job, *, changed: bool) -> Ran:
        """Have it run now and at each login."""

    def stop(self, job: Job) -> Ran:
        """Have it run no more."""

    def forget(self) -> None:
        """Have the manager notice that a file has gone."""

    def by_hand(self, job: Job) -> str:
        """Give the command that starts it, for people."""

    def after_install(self) -> tuple[str, ...]:
        """Say what the owner should know."""

    def ask(self, job: Job) -> dict[str, str]:
        """Ask how it stands: `enabled` and `running` (`yes` or empty), `state`, `pid`, `says`."""


def manager_of(platform: str = sys.platform, *, run: Runner = run_command) -> Manager:
    """Give this computer's manager.

    Raises:
        UsageError: vecclust knows none here.
    """
    from vecclust.daemon.service.launchd import Launchd
    from vecclust.daemon.service.systemd import Systemd

    if platform == "darwin":
        return Launchd(run)
    if platform.startswith("linux"):
        return Systemd(run)
    raise UsageError(
        f"vecclust knows no manager of services on {platform}", hint="Have vecclust watch started at login instead."
    )


def install(manager: Manager, job: Job, *, force: bool = False) -> Installed:
    """Write a service's file, start it, and have it start with each session; again and again, if you like.

    Args:
        manager: this computer's.
        job: what to run.
        force: overwrite a file that somebody else wrote or changed.

    Raises:
        UsageError: such a file is there, a path cannot be written down, or the place cannot be written.
        VecclustError: the manager refuses.
    """
    file, text = manager.file_of(job), manager.text_of(job)
    before = _read(file)
    if before is not None and before != text and not force:
        _refuse_others(manager, file, before, "overwritten")
    try:
        # Nothing but what is there can be opened to a service that may write nowhere else.
        job.library.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot make {job.library}: {error.strerror}") from error
    changed = before != text
    if changed:
        _write(file, text)
    notices = manager.after_install()
    if not manager.is_reachable():
        notices = (f"{manager.name} does not answer here; in a session of yours, run: {manager.by_hand(job)}", *notices)
        return Installed(manager.name_of(job), file, changed, active=False, notices=notices)
    _check(manager, manager.start(job, changed=changed))
    return Installed(manager.name_of(job), file, changed, active=True, notices=notices)


def remove(manager: Manager, job: Job, *, force: bool = False) -> Installed:
    """Stop a service and remove its file; the library stays.

    Args:
        manager: this computer's.
        job: what it runs; only its library matters.
        force: remove a file that somebody else wrote or changed.

    Raises:
        UsageError: such a file is there.
        VecclustError: the manager refuses.
    """
    file = manager.file_of(job)
    before = _read(file)
    if before is None:
        return Installed(manager.name_of(job), file, False, active=True, notices=("there was no service to remove",))
    if not force:
        _refuse_others(manager, file, before, "removed")
    reachable = manager.is_reachable()
    if reachable:
        _check(manager, manager.stop(job))
    file.unlink(missing_ok=True)
    if reachable:
        manager.forget()
    return Installed(manager.name_of(job), file, True, active=reachable)


def look(manager: Manager, job: Job) -> Standing:
    """Say how a service stands."""
    file = manager.file_of(job)
    text = _read(file)
    reachable = manager.is_reachable()
    told = manager.ask(job) if reachable else {}
    return Standing(
        manager=manager.name,
        name=manager.name_of(job),
        file=file,
        installed=text is not None,
        edited=text is not None and manager.authorship(text) != "ours",
        reachable=reachable,
        enabled=bool(told.get("enabled")),
        running=bool(told.get("running")),
        state=told.get("state", ""),
        pid=int(told["pid"]) if told.get("pid", "").isdecimal() and told["pid"] != "0" else None,
        says=told.get("says", ""),
    )


def _refuse_others(manager: Manager, file: Path, text: bytes, done: str) -> None:
    author = manager.authorship(text)
    if author != "ours":
        why = "was changed since vecclust wrote it" if author == "edited" else "was not written by vecclust"
        raise UsageError(f"{file} {why} and is not {done}", hint="Move it away, or add --force.")


def _check(manager: Manager, ran: Ran) -> None:
    if ran.code != 0:
        raise VecclustError(
            f"{manager.name} refused ({ran.code}): {ran.said}", hint="vecclust service status says how it stands."
        )


def _read(file: Path) -> bytes | None:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UsageError(f"cannot read {file}: {error.strerror}") from error


def _write(file: Path, text: bytes) -> None:
    fresh = file.with_name(f".{file.name}.new")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        # Whole or not at all: the manager may read it at any time.
        fresh.write_bytes(text)
        os.replace(fresh, file)
    except OSError as error:
        raise UsageError(f"cannot write {file}: {error.strerror}") from error

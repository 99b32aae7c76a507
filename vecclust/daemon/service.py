"""The daemon as a service of the person's own session: a systemd user unit, or a launchd agent on macOS.

Knows how each is written (the templates beside this module) and which commands its manager understands, and nothing of
photos. A file that vecclust did not write, or that was changed since, is never overwritten or removed unasked: the file
carries a digest of itself.
"""

from __future__ import annotations

import hashlib
import os
import plistlib
import re
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Literal
from xml.parsers.expat import ExpatError
from xml.sax.saxutils import escape

from vecclust.errors import UsageError, VecclustError

# A manager that does not answer by then is taken for none.
ANSWER_S = 60.0
_TEMPLATES = Path(__file__).parent / "templates"
_MARK = b"# Written by vecclust, which leaves this file alone once what follows is changed; sha256 "
_DIGEST_KEY = "VecclustSha256"

Authorship = Literal["ours", "edited", "foreign"]


@dataclass(frozen=True, slots=True)
class CommandResult:
    """How a command ended.

    Attributes:
        code: its exit status; 127 where there is no such program, 124 where it did not answer.
        output: what it wrote, both streams.
    """

    code: int
    output: str = ""


Runner = Callable[[Sequence[str]], CommandResult]


@dataclass(frozen=True, slots=True)
class Service:
    """One library's daemon.

    Attributes:
        library: the library's directory, absolute.
        config: a configuration file, absolute, or None.
        model: the model that was asked for, or None.
        folders: folders to keep beside those that are kept, absolute.
    """

    library: Path
    config: Path | None = None
    model: str | None = None
    folders: tuple[Path, ...] = ()

    @property
    def name(self) -> str:
        """A name that no other library's service has, and that people recognise."""
        real = os.path.realpath(self.library)
        digest = hashlib.sha256(os.fsencode(real)).hexdigest()[:8]
        return f"vecclust-{re.sub('[^A-Za-z0-9_]+', '_', self.library.name)[:40] or 'library'}-{digest}"

    def command(self, *options: str) -> list[str]:
        """Give the command line.

        Args:
            options: further options, before the verb.

        Raises:
            UsageError: a path cannot be written into a service's file.
        """
        # -P: a file of that name in the working directory must not be taken for the package.
        command = [sys.executable, "-P", "-m", "vecclust", "--library", str(self.library)]
        if self.config is not None:
            command += ["--config", str(self.config)]
        if self.model is not None:
            command += ["--model", self.model]
        return [_printable(part) for part in (*command, *options, "watch", *map(str, self.folders))]


@dataclass(frozen=True, slots=True)
class ServiceStatus:
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
class ServiceChange:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceManager:
    """One manager of services: its files and its commands.

    In `unit`, `file` and commands, `$name` stands for the service's name, `$unit` for what the manager calls it and
    `$file` for its file. A command that begins with `-` may fail.

    Attributes:
        name: `systemd` or `launchd`.
        unit: what it calls a service.
        file: the place of a service's file.
        write: writes it.
        authorship: tells who wrote one.
        reach: succeeds where the manager answers here.
        loaded: succeeds where it has the service; empty where `start` and `stop` do no harm either way.
        start: have the service run now and at each login.
        restart: the same once its file has changed.
        stop: have it run no more.
        forget: notice that its file has gone.
        show: tells how it stands, a line a fact.
        separator: what stands between a fact's name and its value there.
        read: takes enabled, running and the manager's word for that out of the facts.
        by_hand: starts the service, for people.
        notice: what the owner should know.
        run: runs a command.
    """

    name: str
    unit: str
    file: str
    write: Callable[[Service], bytes]
    authorship: Callable[[bytes], Authorship]
    reach: str
    loaded: str = ""
    start: Sequence[str]
    restart: Sequence[str]
    stop: Sequence[str]
    forget: Sequence[str] = ()
    show: str
    separator: str
    read: Callable[[Mapping[str, str]], tuple[bool, bool, str]]
    by_hand: str
    notice: str
    run: Runner

    def unit_of(self, service: Service) -> str:
        """Give what the manager calls a service.

        Args:
            service: which.
        """
        return Template(self.unit).substitute(name=service.name)

    def file_of(self, service: Service) -> Path:
        """Give the place of a service's file.

        Args:
            service: which.
        """
        return Path(os.path.expanduser(Template(self.file).substitute(unit=self.unit_of(service))))

    def ask(self, command: str, service: Service) -> CommandResult:
        """Run one command.

        Args:
            command: as it stands here.
            service: what it is about.

        Returns:
            How it ended; success where it may fail.
        """
        names = {"unit": self.unit_of(service), "file": str(self.file_of(service))}
        words = [Template(word).substitute(names) for word in command.removeprefix("-").split()]
        ran = self.run(words)
        return CommandResult(0, ran.output) if command.startswith("-") else ran

    def order(self, commands: Sequence[str], service: Service) -> None:
        """Run commands one after the other.

        Args:
            commands: as they stand here.
            service: what they are about.

        Raises:
            VecclustError: the manager refuses one; the rest is not run.
        """
        for command in commands:
            ran = self.ask(command, service)
            if ran.code != 0:
                raise VecclustError(
                    f"{self.name} refused ({ran.code}): {ran.output}",
                    hint="vecclust service status says how it stands.",
                )


def run_command(command: Sequence[str]) -> CommandResult:
    """Run a command of the manager.

    Args:
        command: the program and its arguments.

    Returns:
        How it ended.
    """
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=ANSWER_S,
            check=False,
        )
    except FileNotFoundError:
        return CommandResult(127, f"{command[0]}: not found")
    except subprocess.TimeoutExpired:
        return CommandResult(124, f"{command[0]} did not answer in {ANSWER_S:.0f} s")
    return CommandResult(done.returncode, (done.stdout + done.stderr).strip())


def manager_of(platform: str = sys.platform, *, run: Runner = run_command) -> ServiceManager:
    """Give a computer's manager of services.

    Args:
        platform: as `sys.platform` says it.
        run: runs its commands.

    Raises:
        UsageError: vecclust knows none there.
    """
    if platform == "darwin":
        domain = f"gui/{os.getuid()}"
        start = (f"-launchctl enable {domain}/$unit", f"launchctl bootstrap {domain} $file")
        return ServiceManager(
            name="launchd",
            unit="local.$name",
            file="~/Library/LaunchAgents/$unit.plist",
            write=_write_agent,
            authorship=_authorship_of_agent,
            reach=f"launchctl print {domain}",
            loaded=f"launchctl print {domain}/$unit",
            start=start,
            restart=(f"-launchctl bootout {domain}/$unit", *start),
            stop=(f"launchctl bootout {domain}/$unit",),
            show=f"launchctl print {domain}/$unit",
            separator=" = ",
            read=lambda facts: (bool(facts), facts.get("state") == "running", facts.get("state", "")),
            by_hand=f"launchctl bootstrap {domain} ~/Library/LaunchAgents/$unit.plist",
            notice="macOS may refuse it the folders: allow Python in System Settings, Privacy & Security, Full Disk"
            " Access",
            run=run,
        )
    if platform.startswith("linux"):
        enable = ("systemctl --user daemon-reload", "systemctl --user enable $unit")
        home = (os.environ.get("XDG_CONFIG_HOME") or "~/.config").replace("$", "$$")
        return ServiceManager(
            name="systemd",
            unit="$name.service",
            file=f"{home}/systemd/user/$unit",
            write=_write_unit,
            authorship=_authorship_of_unit,
            reach="systemctl --user show-environment",
            start=(*enable, "systemctl --user start $unit"),
            restart=(*enable, "systemctl --user restart $unit"),
            stop=("systemctl --user disable --now $unit",),
            forget=("systemctl --user daemon-reload",),
            show="systemctl --user show --property=ActiveState,SubState,MainPID,UnitFileState,StatusText $unit",
            separator="=",
            read=lambda facts: (
                facts.get("UnitFileState", "").startswith("enabled"),
                facts.get("ActiveState") == "active",
                "/".join(filter(None, (facts.get("ActiveState"), facts.get("SubState")))),
            ),
            by_hand="systemctl --user daemon-reload && systemctl --user enable --now $unit",
            notice="it runs while you are logged in; to have it run without that: loginctl enable-linger",
            run=run,
        )
    raise UsageError(
        f"vecclust knows no manager of services on {platform}", hint="Have vecclust watch started at login instead."
    )


def install(manager: ServiceManager, service: Service, *, force: bool = False) -> ServiceChange:
    """Write a service's file, start it, and have it start with each session; again and again, if you like.

    Args:
        manager: this computer's.
        service: what to run.
        force: overwrite a file that somebody else wrote or changed.

    Raises:
        UsageError: such a file is there, a path cannot be written down, or the place cannot be written.
        VecclustError: the manager refuses.
    """
    unit, file, text = manager.unit_of(service), manager.file_of(service), manager.write(service)
    before = _read(file)
    if before is not None and before != text and not force:
        _refuse_others(manager, file, before, "overwritten")
    try:
        # Nothing but what is there can be opened to a service that may write nowhere else.
        service.library.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot make {service.library}: {error.strerror}") from error
    changed = before != text
    if changed:
        _write(file, text)
    if manager.ask(manager.reach, service).code != 0:
        by_hand = Template(manager.by_hand).substitute(unit=unit)
        notices = (f"{manager.name} does not answer here; in a session of yours, run: {by_hand}", manager.notice)
        return ServiceChange(unit, file, changed, active=False, notices=notices)
    if changed:
        manager.order(manager.restart, service)
    elif not _is_loaded(manager, service):
        manager.order(manager.start, service)
    return ServiceChange(unit, file, changed, active=True, notices=(manager.notice,))


def remove(manager: ServiceManager, service: Service, *, force: bool = False) -> ServiceChange:
    """Stop a service and remove its file; the library stays.

    Args:
        manager: this computer's.
        service: what it runs; only its library matters.
        force: remove a file that somebody else wrote or changed.

    Raises:
        UsageError: such a file is there.
        VecclustError: the manager refuses.
    """
    unit, file = manager.unit_of(service), manager.file_of(service)
    before = _read(file)
    if before is None:
        return ServiceChange(unit, file, False, active=True, notices=("there was no service to remove",))
    if not force:
        _refuse_others(manager, file, before, "removed")
    reachable = manager.ask(manager.reach, service).code == 0
    if reachable and (not manager.loaded or _is_loaded(manager, service)):
        manager.order(manager.stop, service)
    file.unlink(missing_ok=True)
    if reachable:
        manager.order([f"-{command}" for command in manager.forget], service)
    return ServiceChange(unit, file, True, active=reachable)


def status(manager: ServiceManager, service: Service) -> ServiceStatus:
    """Say how a service stands.

    Args:
        manager: this computer's.
        service: which; only its library matters.

    Raises:
        UsageError: its file cannot be read.
    """
    file = manager.file_of(service)
    text = _read(file)
    reachable = manager.ask(manager.reach, service).code == 0
    shown = manager.ask(manager.show, service) if reachable else CommandResult(1)
    lines = shown.output.splitlines() if shown.code == 0 else []
    # The first line of a name counts: launchctl shows parts of a service further down.
    facts = dict(line.strip().split(manager.separator, 1) for line in reversed(lines) if manager.separator in line)
    enabled, running, state = manager.read(facts)
    pid = facts.get("MainPID", facts.get("pid", ""))
    return ServiceStatus(
        manager=manager.name,
        name=manager.unit_of(service),
        file=file,
        installed=text is not None,
        edited=text is not None and manager.authorship(text) != "ours",
        reachable=reachable,
        enabled=enabled,
        running=running,
        state=state,
        pid=int(pid) if pid.isdecimal() and pid != "0" else None,
        says=facts.get("StatusText", ""),
    )


def quoted(word: str) -> str:
    """Write a word so that systemd reads it back as it is.

    In a unit a quoted word knows backslashes and quotes, and `%` begins a specifier everywhere; `$` begins a variable
    in a command unless a colon stands before the command, as in our template.

    Args:
        word: any text.

    Returns:
        The word in quotes.

    Raises:
        UsageError: it holds what a unit cannot say.
    """
    escaped = _printable(word).replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"'


def _write_unit(service: Service) -> bytes:
    command, library = service.command(), str(service.library)
    if set(command[0]) & set("'\"\\"):
        raise UsageError(
            f"systemd starts no program with a quote or a backslash in its path: {command[0]}",
            hint="Install vecclust in another place.",
        )
    template = Template((_TEMPLATES / "systemd.service").read_text(encoding="utf-8"))
    unit = template.substitute(
        title=_printable(library).replace("%", "%%"),
        command=" ".join(map(quoted, command)),
        library=quoted(library),
    ).encode()
    return _MARK + hashlib.sha256(unit).hexdigest().encode() + b"\n" + unit


def _authorship_of_unit(text: bytes) -> Authorship:
    first, _, unit = text.partition(b"\n")
    if not first.startswith(_MARK):
        return "foreign"
    return "ours" if first == _MARK + hashlib.sha256(unit).hexdigest().encode() else "edited"


def _write_agent(service: Service) -> bytes:
    arguments = [f"\t\t<string>{escape(word)}</string>" for word in service.command("-q")]
    template = Template((_TEMPLATES / "launchd.plist").read_text(encoding="utf-8"))
    values = {
        "label": f"local.{service.name}",
        "arguments": "\n".join(arguments),
        "errors": escape(str(service.library / "launchd-errors")),
    }
    agent = template.substitute(values, digest="").encode()
    return template.substitute(values, digest=_digest_of_agent(agent)).encode()


def _authorship_of_agent(text: bytes) -> Authorship:
    try:
        agent = plistlib.loads(text)
        digest = _digest_of_agent(text)
    except (ValueError, ExpatError, AttributeError):
        return "foreign"
    if _DIGEST_KEY not in agent:
        return "foreign"
    return "ours" if agent[_DIGEST_KEY] == digest else "edited"


def _digest_of_agent(text: bytes) -> str:
    """Give the digest of all that a property list says but for its digest."""
    agent = {key: value for key, value in plistlib.loads(text).items() if key != _DIGEST_KEY}
    return hashlib.sha256(plistlib.dumps(agent)).hexdigest()


def _printable(text: str) -> str:
    """Give a text back if services' files can hold it."""
    if any(ord(letter) < 32 or ord(letter) == 127 or 0xD800 <= ord(letter) < 0xE000 for letter in text):
        raise UsageError(
            f"{text!r} cannot be written into a service's file: it holds a control character or bytes that are no text",
            hint="Rename it, or give a link to it that has an ordinary name.",
        )
    return text


def _is_loaded(manager: ServiceManager, service: Service) -> bool:
    return bool(manager.loaded) and manager.ask(manager.loaded, service).code == 0


def _refuse_others(manager: ServiceManager, file: Path, text: bytes, done: str) -> None:
    author = manager.authorship(text)
    if author != "ours":
        why = "was changed since vecclust wrote it" if author == "edited" else "was not written by vecclust"
        raise UsageError(f"{file} {why} and is not {done}", hint="Move it away, or add --force.")


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

"""systemd user units: how one is written so that any path survives, and what systemctl is asked.

In a unit a quoted word knows backslashes and quotes, `%` begins a specifier everywhere, and `$` a variable in a command
unless a colon stands before it. Newlines cannot be said at all.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from vecclust.daemon.service.installing import Authorship
from vecclust.daemon.service.job import Job, Ran, Runner, sayable
from vecclust.errors import UsageError

_MARK = "# Written by vecclust, which leaves this file alone once what follows is changed; sha256 "

_UNIT = """\
[Unit]
Description=vecclust for the library ({title})
# Five failures in ten minutes: systemctl --user reset-failed starts anew.
StartLimitIntervalSec=600
StartLimitBurst=5

[Service]
Type=notify
NotifyAccess=main
ExecStart=:{command}
# Wrong usage and wrong settings do not mend themselves.
Restart=on-failure
RestartSec=30
RestartPreventExitStatus=2 3
SuccessExitStatus=130 143
# Ready means watched: a watch for each directory, on disks that were asleep.
TimeoutStartSec=600
TimeoutStopSec=90
# Its own processes end with it; a signal to them would look like photos that cannot be read.
KillMode=mixed
WatchdogSec=180
Nice=10
IOSchedulingClass=idle
NoNewPrivileges=yes
# Photos are only read: nothing but the library and caches (models, compiled code) can be written.
ProtectSystem=strict
ReadWritePaths={library}
ReadWritePaths=-%C
PrivateTmp=yes

[Install]
WantedBy=default.target
"""


class Systemd:
    """The user's own systemd.

    Args:
        run: runs systemctl.
    """

    name = "systemd"

    def __init__(self, run: Runner) -> None:
        self._run = run

    def name_of(self, job: Job) -> str:
        """Give what systemd calls it."""
        return f"{job.name}.service"

    def file_of(self, job: Job) -> Path:
        """Give the place of its unit."""
        home = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
        return Path(home) / "systemd" / "user" / self.name_of(job)

    def text_of(self, job: Job) -> bytes:
        """Write its unit."""
        program, *arguments = job.command
        if set(program) & set("'\"\\"):
            raise UsageError(
                f"systemd starts no program with a quote or a backslash in its path: {program}",
                hint="Install vecclust in another place.",
            )
        library = str(job.library)
        unit = _UNIT.format(
            title=sayable(library).replace("%", "%%"),
            command=" ".join(quoted(part) for part in (program, *arguments)),
            library=quoted(library),
        ).encode()
        return f"{_MARK}{hashlib.sha256(unit).hexdigest()}\n".encode() + unit

    def authorship(self, text: bytes) -> Authorship:
        """Tell who wrote a unit."""
        first, _, unit = text.partition(b"\n")
        if not first.startswith(_MARK.encode()):
            return "foreign"
        return "ours" if first.decode() == _MARK + hashlib.sha256(unit).hexdigest() else "edited"

    def is_reachable(self) -> bool:
        """Tell whether there is a manager of this user's."""
        return self._systemctl("show-environment").code == 0

    def start(self, job: Job, *, changed: bool) -> Ran:
        """Have it run now and at each login."""
        for command in (
            ("daemon-reload",),
            ("enable", self.name_of(job)),
            ("restart" if changed else "start", self.name_of(job)),
        ):
            ran = self._systemctl(*command)
            if ran.code != 0:
                return ran
        return ran

    def stop(self, job: Job) -> Ran:
        """Have it run no more."""
        return self._systemctl("disable", "--now", self.name_of(job))

    def forget(self) -> None:
        """Have systemd notice that a unit has gone."""
        self._systemctl("daemon-reload")

    def by_hand(self, job: Job) -> str:
        """Give the command that starts it."""
        return f"systemctl --user daemon-reload && systemctl --user enable --now {self.name_of(job)}"

    def after_install(self) -> tuple[str, ...]:
        """Say when it runs."""
        return ("it runs while you are logged in; to have it run without that: loginctl enable-linger",)

    def ask(self, job: Job) -> dict[str, str]:
        """Ask how it stands."""
        wanted = "--property=ActiveState,SubState,MainPID,UnitFileState,StatusText"
        said = self._systemctl("show", wanted, self.name_of(job)).said
        told = dict(line.split("=", 1) for line in said.splitlines() if "=" in line)
        return {
            "enabled": "yes" if told.get("UnitFileState", "").startswith("enabled") else "",
            "running": "yes" if told.get("ActiveState") == "active" else "",
            "state": "/".join(filter(None, (told.get("ActiveState"), told.get("SubState")))),
            "pid": told.get("MainPID", ""),
            "says": told.get("StatusText", ""),
        }

    def _systemctl(self, *arguments: str) -> Ran:
        return self._run(("systemctl", "--user", *arguments))


def quoted(word: str) -> str:
    """Write a word so that systemd reads it back as it is; a command's `$` is the colon's affair."""
    escaped = sayable(word).replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"'

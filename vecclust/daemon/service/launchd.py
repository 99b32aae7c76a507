"""launchd agents: property lists, and what launchctl is asked.

launchd cannot be told that some exit codes are final (systemd's RestartPreventExitStatus): whatever ends without
success is started again. So at least five minutes lie between two starts: wrong settings cost next to nothing, what
they were is in the file of errors, and mended ones are picked up by themselves. A crash after hours is not delayed.
"""

from __future__ import annotations

import hashlib
import os
import plistlib
from pathlib import Path
from typing import Any
from xml.parsers.expat import ExpatError

from vecclust.daemon.service.installing import Authorship
from vecclust.daemon.service.job import Job, Ran, Runner, sayable

_DIGEST = "VecclustSha256"
_BETWEEN_STARTS_S = 300
# The batch in hand is committed on the way out.
_EXIT_S = 60


class Launchd:
    """The user's own launchd.

    Args:
        run: runs launchctl.
    """

    name = "launchd"

    def __init__(self, run: Runner) -> None:
        self._run = run
        self._domain = f"gui/{os.getuid()}"

    def name_of(self, job: Job) -> str:
        """Give its label."""
        return f"local.{job.name}"

    def file_of(self, job: Job) -> Path:
        """Give the place of its property list."""
        return Path(os.path.expanduser("~/Library/LaunchAgents")) / f"{self.name_of(job)}.plist"

    def text_of(self, job: Job) -> bytes:
        """Write its property list."""
        *head, verb = job.command[: -len(job.folders) or None]
        agent: dict[str, Any] = {
            "Label": self.name_of(job),
            # Errors only: all the rest is in the log, which rotates.
            "ProgramArguments": [*head, "-q", verb, *map(str, job.folders)],
            "RunAtLoad": True,
            "KeepAlive": {"SuccessfulExit": False},
            "ThrottleInterval": _BETWEEN_STARTS_S,
            "ExitTimeOut": _EXIT_S,
            "ProcessType": "Background",
            "LowPriorityIO": True,
            "Nice": 10,
            "StandardErrorPath": sayable(str(job.library / "launchd-errors")),
        }
        return plistlib.dumps({**agent, _DIGEST: _digest(agent)})

    def authorship(self, text: bytes) -> Authorship:
        """Tell who wrote a property list."""
        try:
            agent = plistlib.loads(text)
        except (ValueError, ExpatError):
            return "foreign"
        if not isinstance(agent, dict) or _DIGEST not in agent:
            return "foreign"
        return "ours" if agent.pop(_DIGEST) == _digest(agent) else "edited"

    def is_reachable(self) -> bool:
        """Tell whether there is a session of this user's."""
        return self._run(("launchctl", "print", self._domain)).code == 0

    def start(self, job: Job, *, changed: bool) -> Ran:
        """Have it run now and at each login."""
        place = f"{self._domain}/{self.name_of(job)}"
        loaded = self._run(("launchctl", "print", place)).code == 0
        if loaded and not changed:
            return Ran(0)
        if loaded:
            self._run(("launchctl", "bootout", place))
        self._run(("launchctl", "enable", place))
        return self._run(("launchctl", "bootstrap", self._domain, str(self.file_of(job))))

    def stop(self, job: Job) -> Ran:
        """Have it run no more."""
        place = f"{self._domain}/{self.name_of(job)}"
        if self._run(("launchctl", "print", place)).code != 0:
            return Ran(0)
        return self._run(("launchctl", "bootout", place))

    def forget(self) -> None:
        """Nothing: an agent that was booted out is forgotten."""

    def by_hand(self, job: Job) -> str:
        """Give the command that starts it."""
        return f"launchctl bootstrap {self._domain} ~/Library/LaunchAgents/{self.name_of(job)}.plist"

    def after_install(self) -> tuple[str, ...]:
        """Say what macOS asks of the owner."""
        return (
            "macOS may refuse it the folders: allow Python in System Settings, Privacy & Security, Full Disk Access",
        )

    def ask(self, job: Job) -> dict[str, str]:
        """Ask how it stands."""
        ran = self._run(("launchctl", "print", f"{self._domain}/{self.name_of(job)}"))
        if ran.code != 0:
            return {}
        told = dict(line.strip().split(" = ", 1) for line in reversed(ran.said.splitlines()) if " = " in line)
        return {
            "enabled": "yes",
            "running": "yes" if told.get("state") == "running" else "",
            "state": told.get("state", ""),
            "pid": told.get("pid", ""),
        }


def _digest(agent: dict[str, Any]) -> str:
    return hashlib.sha256(plistlib.dumps(agent)).hexdigest()

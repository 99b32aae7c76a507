"""What a service is to run, and how its manager is asked."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from vecclust.errors import UsageError

# A manager that does not answer by then is taken for none.
ANSWER_S = 60.0


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command ended: its exit status, 127 where there is no such program, and what it said."""

    code: int
    said: str = ""


Runner = Callable[[Sequence[str]], Ran]


@dataclass(frozen=True, slots=True)
class Job:
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
        """A name that no other library's job has, and that people recognise."""
        real = os.path.realpath(self.library)
        digest = hashlib.sha256(os.fsencode(real)).hexdigest()[:8]
        return f"vecclust-{re.sub('[^A-Za-z0-9_]+', '_', self.library.name)[:40] or 'library'}-{digest}"

    @property
    def command(self) -> tuple[str, ...]:
        """The command line.

        Raises:
            UsageError: a path cannot be written into a service's file.
        """
        # -P: a file of that name in the working directory must not be taken for the package.
        command = [sys.executable, "-P", "-m", "vecclust", "--library", str(self.library)]
        if self.config is not None:
            command += ["--config", str(self.config)]
        if self.model is not None:
            command += ["--model", self.model]
        command += ["watch", *map(str, self.folders)]
        return tuple(sayable(part) for part in command)


def sayable(text: str) -> str:
    """Give a text back if services' files can hold it.

    Raises:
        UsageError: it holds control characters, or bytes that are not UTF-8.
    """
    if any(ord(letter) < 32 or ord(letter) == 127 or 0xD800 <= ord(letter) < 0xE000 for letter in text):
        raise UsageError(
            f"{text!r} cannot be written into a service's file: it holds a control character or bytes that are no text",
            hint="Rename it, or give a link to it that has an ordinary name.",
        )
    return text


def run_command(command: Sequence[str]) -> Ran:
    """Run a command of the manager."""
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
        return Ran(127, f"{command[0]}: not found")
    except subprocess.TimeoutExpired:
        return Ran(124, f"{command[0]} did not answer in {ANSWER_S:.0f} s")
    return Ran(done.returncode, (done.stdout + done.stderr).strip())

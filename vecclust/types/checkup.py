"""What `doctor` finds: one finding for each thing it looks at, and what looking costs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

# `quick` looks at lengths and times of files alone, `usual` reads rows, vectors and what they name, `deep` every byte.
CheckDepth = Literal["quick", "usual", "deep"]
# `warning`: nothing is lost or wrong, but something is to be known or done. `fault`: the library is not what it was.
FindingState = Literal["ok", "warning", "fault"]


@dataclass(frozen=True, slots=True)
class Finding:
    """How one thing stands.

    Attributes:
        check: what was looked at, in a word or two.
        state: how it stands.
        what: in words.
        todo: what to do about it, or empty.
    """

    check: str
    state: FindingState
    what: str
    todo: str = ""


@dataclass(frozen=True, slots=True)
class CheckCost:
    """What looking at a library costs, known before it is looked at.

    Attributes:
        files: files of the library, each of which is looked at.
        bytes_read: bytes that are read of them, those that are read twice counted twice.
        seconds: roughly how long that takes on a disk of this computer.
    """

    files: int
    bytes_read: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Checkup:
    """What was found in a library, and what was done about it.

    Attributes:
        library: its directory.
        depth: how closely it was looked at.
        cost: what that cost, as it was known before.
        findings: how each thing stands; after a repair, how it stands then.
        repaired: what a repair did, a sentence each; nothing where none was asked for, or none was needed.
    """

    library: str
    depth: CheckDepth
    cost: CheckCost
    findings: tuple[Finding, ...]
    repaired: tuple[str, ...] = ()

    @property
    def faults(self) -> tuple[Finding, ...]:
        """What is not as it was."""
        return tuple(finding for finding in self.findings if finding.state == "fault")

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """What is to be known or done."""
        return tuple(finding for finding in self.findings if finding.state == "warning")

"""What the owner may say of clusters, and what a library answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Verb = Literal["move", "pin", "unpin", "merge", "not-together", "split-off", "rename", "take-back"]


@dataclass(frozen=True, slots=True)
class Word:
    """One row of what the owner said of clusters: a log that is only ever added to; `owner` tells what is in force.

    Attributes:
        number: of the saying; all its rows share it.
        verb: what was said.
        photo: the photo it is about; None where it is about clusters alone.
        cluster: the cluster; None for photos that are to be in none.
        other: the other cluster: what was merged in, is not together with it, was split; or the word taken back.
        name: the name given, or empty.
        run: the run that was current, or None.
        said_ns: when.
    """

    number: int
    verb: Verb
    photo: str | None = None
    cluster: str | None = None
    other: str | None = None
    name: str = ""
    run: str | None = None
    said_ns: int = 0


@dataclass(frozen=True, slots=True)
class EditRequest:
    """Something the owner says of clusters, as `Library.edit` explains.

    Attributes:
        verb: what is said; `rename` has a verb of its own.
        photos: photos, by path or content hash.
        cluster: a cluster, by id or name: where photos are to be (`unclustered` for none), which one is kept or split.
        other: another cluster, by id or name.
        name: for a cluster that is split off.
        edits: ids of edits that are taken back.
    """

    verb: Verb
    photos: tuple[str, ...] = ()
    cluster: str = ""
    other: str = ""
    name: str = ""
    edits: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EditReport:
    """What an edit changed.

    Attributes:
        word: its id, or None where there was nothing to say.
        verb: what was said.
        cluster: the cluster where photos are now, that is kept, or that is new.
        cluster_name: its name, or None.
        other: the other cluster, or None.
        photos: photos it speaks of.
        changed: photos that are in another cluster of the current run than before.
        ended: ids of earlier words that it contradicts and that are no longer in force.
        notices: sentences the owner should see.
    """

    word: str | None
    verb: Verb
    cluster: str | None = None
    cluster_name: str | None = None
    other: str | None = None
    photos: int = 0
    changed: int = 0
    ended: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EditEntry:
    """One thing the owner said of clusters.

    Attributes:
        word: its id.
        verb: what was said.
        text: the same as one line.
        photos: path, or None where no file is there now, and content hash of the photos it holds for.
        cluster: the cluster, or None.
        cluster_name: its name, or None.
        other: the other cluster, or None.
        run: the run that was current when it was said.
        said_ns: when.
        in_force: whether it still holds.
    """

    word: str
    verb: Verb
    text: str
    photos: tuple[tuple[str | None, str], ...]
    cluster: str | None
    cluster_name: str | None
    other: str | None
    run: str | None
    said_ns: int
    in_force: bool

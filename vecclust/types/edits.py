"""Edits: what the owner changes about clusters, and what a library answers."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Literal

PHOTO = re.compile("[0-9a-f]{64}")

EditKind = Literal["move", "pin", "unpin", "merge", "not-together", "split-off", "rename", "refuse", "take-back"]


def command_of(kind: EditKind) -> str:
    """Give the command that makes an edit; the log and the documents keep the name that one of them had at first.

    Args:
        kind: what is done.
    """
    return {"take-back": "undo", "refuse": "name --refuse"}.get(kind, kind)


@dataclass(frozen=True, slots=True)
class Edit:
    """One row of the log of edits, which is only ever added to; `constraints` tells what of it is in force.

    Attributes:
        number: of the edit; all its rows share it. 0 where the store is still to give it.
        kind: what was done.
        photo: the photo it is about; None where it is about clusters alone.
        cluster: the cluster; None for photos that are to be in none.
        other: the other cluster: what was merged in, is not together with it, was split; or the id of the edit
            that is taken back. None for other kinds.
        name: the name given; of a refusal the id of the word that is refused, or the proposed name that is none; or
            empty.
        run: the run that was current, or None.
        made_ns: when, in nanoseconds since the epoch.
    """

    number: int
    kind: EditKind
    photo: str | None = None
    cluster: str | None = None
    other: str | None = None
    name: str = ""
    run: str | None = None
    made_ns: int = 0


@dataclass(frozen=True, slots=True)
class EditRequest:
    """A change to clusters that the owner asks for; as `Library.edit` explains.

    Attributes:
        kind: what to do; `rename` and `refuse` have calls of their own.
        photos: photos, by path or content hash; paths are made absolute.
        cluster: a cluster, by id or name: where photos are to be (`unclustered` for none), which one is kept or split.
        other: another cluster, by id or name.
        name: for a cluster that is split off.
        edits: ids of edits that are taken back.
    """

    kind: EditKind
    photos: tuple[str, ...] = ()
    cluster: str = ""
    other: str = ""
    name: str = ""
    edits: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        # A path means the same wherever the request goes: what is no content hash is made absolute here.
        photos = tuple(one if PHOTO.fullmatch(one) else os.path.abspath(one) for one in self.photos)
        object.__setattr__(self, "photos", photos)


@dataclass(frozen=True, slots=True)
class EditReport:
    """What an edit changed.

    Attributes:
        edit: its id, or None where there was nothing to change.
        kind: what was done.
        cluster: the cluster where photos are now, that is kept, or that is new.
        cluster_name: its name, or None.
        other: the other cluster, or None.
        photos: photos it is about.
        changed: photos that are in another cluster of the current run than before.
        ended: ids of earlier edits that it contradicts and that are no longer in force.
        notices: sentences the owner should see.
    """

    edit: str | None
    kind: EditKind
    cluster: str | None = None
    cluster_name: str | None = None
    other: str | None = None
    photos: int = 0
    changed: int = 0
    ended: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EditEntry:
    """One edit, as it is listed.

    Attributes:
        edit: its id.
        kind: what was done.
        text: the same as one line.
        photos: path, or None where no file is there now, and content hash of the photos it holds for.
        cluster: the cluster, or None.
        cluster_name: its name, or None.
        other: the other cluster, or None.
        run: the run that was current when it was made, or None.
        made_ns: when, in nanoseconds since the epoch.
        in_force: whether it still holds.
    """

    edit: str
    kind: EditKind
    text: str
    photos: tuple[tuple[str | None, str], ...]
    cluster: str | None
    cluster_name: str | None
    other: str | None
    run: str | None
    made_ns: int
    in_force: bool

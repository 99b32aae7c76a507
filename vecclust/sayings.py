"""What the owner may say of clusters, and what a library answers: frozen records, as those of `reports`."""

from __future__ import annotations

from dataclasses import dataclass

from vecclust.records import Verb


@dataclass(frozen=True, slots=True)
class Saying:
    """Something the owner says of clusters; see `Library.say`.

    Attributes:
        verb: what is said; `rename` has a verb of its own.
        photos: photos, by path or content hash.
        cluster: a cluster, by id or name: where photos are to be (`unclustered` for none), which one is kept or split.
        other: another cluster, by id or name.
        name: for a cluster that is split off.
        words: ids of words that are taken back.
    """

    verb: Verb
    photos: tuple[str, ...] = ()
    cluster: str = ""
    other: str = ""
    name: str = ""
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WordReport:
    """What a word of the owner's changed.

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
class WordEntry:
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

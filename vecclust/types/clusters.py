"""Labels and clusters: what a run says of a photo, its clusters, and how they are listed."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

# Names the photos that are in no cluster wherever a cluster can be named; a cluster of this name goes by its id.
UNCLUSTERED = "unclustered"

AssignedBy = Literal["fit", "predict", "nearest", "owner"]


@dataclass(frozen=True, slots=True)
class Label:
    """What a run says of one photo.

    Attributes:
        photo: content hash.
        cluster: the stable cluster id, or None where it is unclustered.
        strength: membership strength in [0, 1]; 0 where it is unclustered.
        assigned_by: `fit`, `predict`, `nearest` (the fit left it without a cluster, and was asked to) or `owner`.
        novelty: of an arrival, the share in [0, 1] of the run's own photos that are less unlike the others than it is;
            None for photos that were fitted and where it was not kept.
        newcomer: whether it is an arrival that was held back as unlike all that the run knows, rather than one that
            fell between clusters.
    """

    photo: str
    cluster: str | None
    strength: float
    assigned_by: AssignedBy
    novelty: float | None = None
    newcomer: bool = False


@dataclass(frozen=True, slots=True)
class ClusterRow:
    """One cluster of one run.

    Attributes:
        run: the run.
        cluster: the stable id, `c1`, `c2`, ...; its number is never reused.
        size: photos the fit put into it.
        medoid: content hash of its most central photo.
        strength: mean membership strength of its photos.
        event: what this run did to it: born, kept, grew, split, merged or revived.
        sources: the earlier ids it came from.
    """

    run: str
    cluster: str
    size: int
    medoid: str
    strength: float
    event: str
    sources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ClusterName:
    """The name of a cluster and who gave it; it outlives runs.

    Attributes:
        cluster: its stable id.
        name: the name, not empty.
        named_by: `owner`, or `auto` for vecclust itself.
        named_ns: when, in nanoseconds since the epoch.
    """

    cluster: str
    name: str
    named_by: Literal["owner", "auto"]
    named_ns: int


@dataclass(frozen=True, slots=True)
class ClusterEntry:
    """One cluster of the current run, as it is now, arrivals counted in; or the photos that are in none.

    Attributes:
        id: the stable id; `unclustered` for the photos that are in none, which have no name, strength or medoid.
        name: its owner's name, else the one that is proposed, or None.
        named_by: who gave the name: `owner`, or `auto` where it is proposed; None without one.
        suggested_name: the name proposed for one that its owner gave none: that of a named one which it broke off, else
            words; or None.
        size: photos with this label.
        strength: their mean membership strength in [0, 1].
        medoid: absolute path of a file of the most central photo, or None where no file of it is known.
        first_taken: earliest time taken, or None where only files' own times are known.
        last_taken: latest time taken, likewise.
        is_mixed: whether most of its photos are more likely of other kinds than of the one that it mostly is.
        medoid_photo: content hash of the most central photo, or None where there is none.
        tags: a few further words for what its photos show, the best first; often none.
        word: the word that the vocabulary has for it, whoever named it, or None.
        own_words: which of `word` and `tags` are of the owner's own vocabulary.
        language: of `word` and `tags`, but for the owner's own.
    """

    id: str
    name: str | None
    named_by: Literal["owner", "auto"] | None
    size: int
    strength: float
    medoid: str | None
    first_taken: datetime | None
    last_taken: datetime | None
    suggested_name: str | None = None
    is_mixed: bool = False
    medoid_photo: str | None = None
    tags: tuple[str, ...] = ()
    word: str | None = None
    own_words: tuple[str, ...] = ()
    language: str = "en"

    def without_owners_words(self) -> ClusterEntry:
        """Give the cluster as it is shown to others: without what its owner wrote, with what the shipped words say."""
        word = None if self.word in self.own_words else self.word
        return dataclasses.replace(
            self,
            name=word,
            named_by="auto" if word else None,
            suggested_name=word,
            tags=tuple(tag for tag in self.tags if tag not in self.own_words),
            word=word,
            own_words=(),
        )


@dataclass(frozen=True, slots=True)
class ClusterList:
    """The clusters of the current run, largest first.

    Attributes:
        run: the current run, or None before the first fit.
        model: the model id, or None for an empty library.
        photos: photos in the library.
        clustered: photos with a cluster.
        noise: photos the run left unclustered; photos without a label yet are in neither count.
        clusters: the entries.
    """

    run: str | None
    model: str | None
    photos: int
    clustered: int
    noise: int
    clusters: tuple[ClusterEntry, ...]


@dataclass(frozen=True, slots=True)
class Member:
    """One photo of a cluster.

    Attributes:
        path: absolute path of a file that holds it, or None where none is there now.
        photo: content hash.
        strength: membership strength in [0, 1].
        assigned_by: who put it there.
    """

    path: str | None
    photo: str
    strength: float
    assigned_by: AssignedBy


@dataclass(frozen=True, slots=True)
class HistoryEvent:
    """What a run did to a cluster, or the owner said of it.

    Attributes:
        run: the run; for an edit the one that was current, or None.
        event: what it did; for an edit its kind.
        sources: the ids it came from; for an edit the other cluster, or the edits it takes back.
        when_ns: when, in nanoseconds since the epoch, or None where that is not known.
        text: the edit as a line, empty for a run.
        word: the edit's id where it is in force, else empty; named as JSON and pages name it.
    """

    run: str | None
    event: str
    sources: tuple[str, ...]
    when_ns: int | None = None
    text: str = ""
    word: str = ""


@dataclass(frozen=True, slots=True)
class Composition:
    """What a cluster is made of: counts of its photos.

    Attributes:
        dated: those whose time is known from more than the file's own.
        years: of them by year, `2023`, in order.
        months: likewise by month of any year, `01` to `12`.
        hours: likewise by hour of the day by the clock on the wall, `00` to `23`; a day without an hour is in none.
        bursts: how often several follow one another within seconds.
        in_bursts: the photos of all bursts.
        kinds: all photos by kind, the commonest first.
        places: photos by town, or by country where there is none near, the most first.
    """

    dated: int
    years: Mapping[str, int]
    months: Mapping[str, int]
    hours: Mapping[str, int]
    bursts: int
    in_bursts: int
    kinds: Mapping[str, int]
    places: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ClusterPage:
    """One cluster.

    Attributes:
        entry: the cluster as the list has it.
        photos: its photos, strongest first, those in no cluster by path; those that were asked for.
        history: what runs did to it and what the owner said of it, oldest first.
        made_of: what all of its photos are; None for those that are in no cluster.
    """

    entry: ClusterEntry
    photos: tuple[Member, ...]
    history: tuple[HistoryEvent, ...]
    made_of: Composition | None = None


@dataclass(frozen=True, slots=True)
class ClusterCaption:
    """A sentence about one cluster.

    Attributes:
        cluster: its id.
        text: the sentence.
        of: what it is about: the most central picture, or the mean of several.
        model: model id of what wrote it.
        photos: pictures that it was made from.
        photo: content hash of the one picture, or None for a mean.
        path: absolute path of its file, likewise.
    """

    cluster: str
    text: str
    of: Literal["medoid", "mean"]
    model: str
    photos: int
    photo: str | None = None
    path: str | None = None


@dataclass(frozen=True, slots=True)
class ClusterParts:
    """What is inside one cluster.

    Attributes:
        cluster: its id.
        size: its photos.
        parts: photos of each group in it, strongest first, the largest group first; photos in none are left out.
    """

    cluster: str
    size: int
    parts: tuple[tuple[Member, ...], ...]

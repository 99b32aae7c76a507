"""Questions for photos and their answers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, slots=True)
class Hit:
    """One photo of an answer.

    Attributes:
        photo: content hash.
        path: absolute path of a file that holds it.
        score: cosine similarity in [-1, 1].
        cluster: its cluster in the current run, or None.
        cluster_name: that cluster's name, its owner's or a proposed one, or None.
        cluster_named_by: who gave that name: `owner` or `auto`; None without one.
    """

    photo: str
    path: str
    score: float
    cluster: str | None = None
    cluster_name: str | None = None
    cluster_named_by: Literal["owner", "auto"] | None = None


@dataclass(frozen=True, slots=True)
class MeantCluster:
    """A cluster that the words of a question mean.

    Attributes:
        id: its stable id.
        name: its owner's name, else the one that is proposed, or None.
        named_by: who gave the name: `owner` or `auto`; None without one.
    """

    id: str
    name: str | None
    named_by: Literal["owner", "auto"] | None = None


@dataclass(frozen=True, slots=True)
class Examples:
    """Words and pictures that a question adds to what it asks for, or takes away from it.

    Attributes:
        texts: words, each text one example.
        photos: image files, in the library or not.
    """

    texts: tuple[str, ...] = ()
    photos: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """The photos that answer a question, best first.

    Attributes:
        query: the text, or the absolute path of the photo asked about.
        model: the model id of the library's vectors.
        results: the hits, by score then path.
        notices: sentences the asker should see, the most important first.
        plus: the texts and the absolute paths that were asked for besides.
        minus: those that were asked to be far away.
        better_than_chance: whether the library shows one of the texts that are asked for, as far as its model can
            tell; None where no words are asked for, or there are too few photos to tell.
        unknown_words: words of the question that the model never learnt, where that can be known.
        clusters: the clusters that its words mean, the likeliest first; often none.
    """

    query: str
    model: str
    results: tuple[Hit, ...]
    notices: tuple[str, ...] = ()
    plus: tuple[str, ...] = ()
    minus: tuple[str, ...] = ()
    better_than_chance: bool | None = None
    unknown_words: tuple[str, ...] = ()
    clusters: tuple[MeantCluster, ...] = ()


@dataclass(frozen=True, slots=True)
class Near:
    """A point and what is near it.

    Attributes:
        latitude: degrees north, in [-90, 90].
        longitude: degrees east, in [-180, 180].
        km: how far from it, above 0.
    """

    latitude: float
    longitude: float
    km: float


@dataclass(frozen=True, slots=True)
class Filters:
    """What an answer is limited to; None limits nothing.

    Attributes:
        cluster: only photos of this cluster, by id or name.
        since: only photos taken at this time or later, by the clock on the wall where each was taken; a zone is passed
            over.
        until: only photos taken at this time or earlier, likewise; midnight means the whole day.
        folder: only photos with a file below this folder.
        event: only photos of this event, by id or name.
        trip: only photos of this trip, likewise.
        place: only photos of this place, likewise, or of a country, by name.
        near: only photos taken near this point.
    """

    cluster: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    folder: Path | None = None
    event: str | None = None
    trip: str | None = None
    place: str | None = None
    near: Near | None = None

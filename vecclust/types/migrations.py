"""Another model for a library: its photos beside those of the present one, what it costs, what the switch changes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from vecclust.types.runs import RefitReport
from vecclust.types.status import LibraryModel

# A migration that is under way fills its table; one that is ready has a fit too, or a run to go back to.
MigrationState = Literal["none", "filling", "ready"]


@dataclass(frozen=True, slots=True)
class ModelTable:
    """The photos of one model, in a table of their own.

    Attributes:
        model: where their vectors come from.
        table: its name.
        run: of a model that was the library's own before, the run that was the current one then; None for others.
        until_ns: until when it was the library's own, 0 for others.
        kept: whether the table is still there.
    """

    model: LibraryModel
    table: str
    run: str | None = None
    until_ns: int = 0
    kept: bool = True


@dataclass(frozen=True, slots=True)
class MigrationStatus:
    """How a library stands to another model; before anything is done, what it costs.

    Attributes:
        state: whether a migration is under way, and how far.
        model: the name of the library's model.
        target: the name of the other model, or None where there is none.
        back: whether the other one was the library's own before.
        photos: photos of the library.
        embedded: those of them that have a vector of the other model.
        from_thumbnails: of those that have none, the ones whose files are away: their thumbnails are taken instead.
        without_picture: of those that have none, the ones that have neither file nor thumbnail now.
        seconds: how long the rest takes, by a sample; None where none was taken.
        bytes_on_disk: size of the library.
        bytes_more: what the other model's vectors will add, while both are kept.
        former: the name of the model before the present one, or None.
        former_kept: whether its vectors are still kept, so that `--back` is quick.
        former_bytes: what they take.
    """

    state: MigrationState
    model: str
    target: str | None
    back: bool
    photos: int
    embedded: int
    from_thumbnails: int
    without_picture: int
    seconds: float | None
    bytes_on_disk: int
    bytes_more: int
    former: str | None
    former_kept: bool
    former_bytes: int


@dataclass(frozen=True, slots=True)
class MigrationReport:
    """What a migration found or did.

    Attributes:
        model: the name of the model that the library has, or is to have.
        back: whether it was the library's own before.
        photos: photos of the library.
        embedded: photos embedded now.
        from_thumbnails: those of them whose thumbnail was taken.
        missing: photos without a vector of the other model; where there are any, nothing is switched.
        failed: those that could not be embedded, by a path of theirs, and why.
        names: clusters of the present run that the owner named.
        names_lost: the names of those that the other run does not carry on.
        agreement: adjusted mutual information of both runs over all photos, unclustered as a class; None where there
            is no earlier run.
        refit: what the fit changes; None where an earlier run is the current one again.
        run: the run that is the current one then.
        switched: whether the library has the model now.
        seconds: wall seconds.
    """

    model: str
    back: bool
    photos: int
    embedded: int = 0
    from_thumbnails: int = 0
    missing: int = 0
    failed: tuple[tuple[str, str], ...] = field(default=())
    names: int = 0
    names_lost: tuple[str, ...] = field(default=())
    agreement: float | None = None
    refit: RefitReport | None = None
    run: str | None = None
    switched: bool = False
    seconds: float = 0.0

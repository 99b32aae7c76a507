"""Fits: a run and its figures, what a refit changed, how far a library has grown beyond it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

# A fit lays out from nothing, settles the layout of the run before, or settles there only what came since.
RefitKind = Literal["full", "continued", "light"]


# The figures of a run that say how many fits since the last one from nothing it is the last of, and how many light ones
# in a row.
N_CONTINUED, N_LIGHT = "n_continued", "n_light"
# What a refit does to the identity of clusters: the counts of a report, and keys of a run's `changes`.
IDENTITY = ("kept", "born", "split", "merged", "gone")


def refit_kind_of(figures: Mapping[str, Any]) -> RefitKind:
    """Say by the figures of a fit what kind it was; the oldest name none, for there was but one.

    Args:
        figures: figures by name, as a run or a report has them.
    """
    if figures.get(N_LIGHT):
        return "light"
    return "continued" if figures.get(N_CONTINUED) else "full"


@dataclass(frozen=True, slots=True)
class Run:
    """One fit and its figures.

    Attributes:
        run: its id, `r1`, `r2`, ...; never reused.
        created_ns: when it was committed.
        model: model id of the vectors it was fitted on.
        params: the parameters, automatic ones resolved.
        n_photos: photos fitted.
        n_clusters: clusters found.
        n_noise: photos left unclustered by the fit.
        figures: honest quality figures by name.
        seconds: seconds per stage.
        parent: the run that was current before it, or None.
        reason: why it ran.
        changes: what it did to identity (kept, born, split, merged, gone, revived, labels_changed).
    """

    run: str
    created_ns: int
    model: str
    params: Mapping[str, Any]
    n_photos: int
    n_clusters: int
    n_noise: int
    figures: Mapping[str, Any] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    parent: str | None = None
    reason: str = ""
    changes: Mapping[str, int] = field(default_factory=dict)

    @property
    def kind(self) -> RefitKind:
        """What kind of fit it was."""
        return refit_kind_of(self.figures)


@dataclass(frozen=True, slots=True)
class RefitReport:
    """What a refit found and what it did to identity.

    Attributes:
        run: the new run; in a dry run the id it would have had.
        photos: photos fitted.
        clusters: clusters found.
        noise: photos left unclustered.
        seconds: wall-clock seconds.
        kept: clusters that are what they were, grown ones included.
        born: clusters that are new.
        split: clusters that took a part of an earlier one.
        merged: earlier clusters that went into another.
        gone: earlier clusters without a successor.
        labels_changed: photos in both runs whose cluster is another.
        suggested: names proposed for clusters that broke off a named one in this run, by id.
        ended: ids of the run before that no cluster carries any more: those that were merged and those that are gone.
        figures: quality figures by name.
        stage_seconds: seconds per stage.
        dry_run: whether nothing was changed.
    """

    run: str
    photos: int
    clusters: int
    noise: int
    seconds: float
    kept: int
    born: int
    split: int
    merged: int
    gone: int
    labels_changed: int
    figures: Mapping[str, Any] = field(default_factory=dict)
    stage_seconds: Mapping[str, float] = field(default_factory=dict)
    dry_run: bool = False
    suggested: Mapping[str, str] = field(default_factory=dict)
    ended: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Drift:
    """How unusual the newest arrivals are.

    Attributes:
        n_recent: how many were looked at.
        n_unusual: those of them that stand out more than 95 % of the run's own photos do.
        alarm_from: from how many on the collection has drifted away from the run; None where too few came to tell.
    """

    n_recent: int = 0
    n_unusual: int = 0
    alarm_from: int | None = None

    @property
    def alarmed(self) -> bool:
        """Whether the collection has drifted away."""
        return self.alarm_from is not None and self.n_unusual >= self.alarm_from


@dataclass(frozen=True, slots=True)
class Growth:
    """How far a library has grown beyond its current run.

    Attributes:
        run: the run.
        n_fitted: photos it was fitted on.
        n_arrivals: photos that came since.
        fitted_ns: when it was made.
        drift: how unusual the newest of these are.
        n_gathered: newcomers among them that have gathered into what may become a cluster, 0 where none have.
    """

    run: str
    n_fitted: int
    n_arrivals: int
    fitted_ns: int
    drift: Drift = Drift()
    n_gathered: int = 0


@dataclass(frozen=True, slots=True)
class Way:
    """One way to cluster, and the mean of what resamples of the same photos gave.

    Attributes:
        reducer: `umap`, `pca` or `none`.
        clusterer: `hdbscan`, `kmeans` or `agglomerative`.
        min_cluster_size: of HDBSCAN, 0 for chosen; None for the others.
        figures: see `vecclust.clustering.figures_of_way`.
        time_weight: of when photos were taken beside what they show.
        place_weight: of where.
    """

    reducer: str
    clusterer: str
    min_cluster_size: int | None
    figures: Mapping[str, float | None]
    time_weight: float = 0.0
    place_weight: float = 0.0


@dataclass(frozen=True, slots=True)
class Comparison:
    """Ways to cluster beside one another.

    Attributes:
        photos: photos that all of them saw.
        run: the run they are compared with, or None before the first.
        ways: the ways, in the order they were tried.
    """

    photos: int
    run: str | None
    ways: tuple[Way, ...]

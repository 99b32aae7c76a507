"""A full fit of all photos: vectors to a run, its clusters and its labels, in one visible commit."""

from __future__ import annotations

import dataclasses
import logging
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from vecclust.errors import DamagedRun, ModelMismatch, StoreError
from vecclust.library.runs.constrained import Parted, evidence_of, homes_of, part
from vecclust.library.runs.fit_result import FitResult, fit_photos
from vecclust.library.runs.rows import FittedRows, load_rows, save_rows
from vecclust.types.clusters import ClusterRow, Label
from vecclust.types.constraints import Constraints, suggested_names
from vecclust.types.progress import Progress, no_progress
from vecclust.types.runs import IDENTITY, RefitKind, RefitReport, Run

if TYPE_CHECKING:
    from vecclust.clustering import Carried, FitParams
    from vecclust.library.naming.naming import Naming
    from vecclust.store import Store

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Fitted:
    """A fit, and what it does to identity.

    `before` is what the earlier run itself has, `living_on` the photos of clusters that are there by the owner's edits
    alone.
    """

    result: FitResult
    carried: Carried
    before: Mapping[str, Label]
    constraints: Constraints
    living_on: Mapping[str, Sequence[str]]
    suggested: Mapping[str, str]


def refit(
    store: Store,
    params: FitParams,
    *,
    reason: str,
    dry_run: bool = False,
    kind: RefitKind | None = "full",
    naming: Naming | None = None,
    progress: Progress = no_progress,
) -> RefitReport:
    """Fit all photos anew and, unless it is a dry run, make the result the current run.

    Args:
        store: the library.
        params: the parameters of the fit.
        reason: why it runs, kept with the run.
        dry_run: change nothing.
        kind: what kind of fit, None for the cheapest that will do; see `fit_photos`.
        naming: names its clusters.
        progress: told about stages.

    Returns:
        What was found and what happened to identity.

    Raises:
        NotFound: the library has no photos.
    """
    started = time.monotonic()
    result = fit_photos(store, params, kind=kind, progress=progress)
    report = adopt(store, result, reason=reason, dry_run=dry_run, naming=naming)
    return dataclasses.replace(report, seconds=time.monotonic() - started)


def adopt(
    store: Store, result: FitResult, *, reason: str, dry_run: bool = False, naming: Naming | None = None
) -> RefitReport:
    """Match a result with the clusters there are and, unless it is a dry run, make it the current run.

    Photos that came since it was made stay without a label until arrivals are labelled; those that went are dropped.

    Args:
        store: the library, open for writing unless it is a dry run.
        result: the fit.
        reason: why it was made, kept with the run.
        dry_run: change nothing.
        naming: names its clusters.

    Returns:
        What was found and what happened to identity; its seconds are those of the fit.

    Raises:
        ModelMismatch: it was made of the vectors of another model.
    """
    model = store.model()
    if model is not None and result.model and result.model != model.model_id:
        raise ModelMismatch(
            f"this fit is of vectors of {result.model}, and the library has those of {model.model_id} now",
            library_model=model.model_id,
            asked_model=result.model,
            hint="A new fit mends it: vecclust recluster.",
        )
    fitted = _matched(store, result)
    report = _report(fitted, store.next_run(), dry_run=dry_run)
    if not dry_run:
        _commit(store, fitted, report, reason, naming)
    return report


def _matched(store: Store, result: FitResult) -> _Fitted:
    from vecclust.clustering import Known, match

    state, constraints = store.state(), store.constraints()
    before = {} if state.current_run is None else dict(store.run_labels(state.current_run))
    # What was only nearest says nothing of a cluster's identity.
    own = {
        one.photo: one.cluster for one in before.values() if one.cluster is not None and one.assigned_by != "nearest"
    }
    evidence = evidence_of(own, constraints)
    members, remembered = evidence.members, evidence.remembered
    owners = {cluster for cluster, name in store.names().items() if name.named_by == "owner"}
    named = frozenset(owners | constraints.clusters) - constraints.joined.keys()
    retired = _memory(store, state.current_run, alive=frozenset(members.values()) | remembered.keys(), named=named)
    retired |= {cluster: photos | retired.get(cluster, frozenset()) for cluster, photos in remembered.items()}
    known = Known(members=members, retired=retired, named=named, next_number=state.next_cluster)
    photos = list(result.photos)
    carried = match(photos, result.labels, known=known)
    if pairs := constraints.pairs_apart():
        homes = homes_of(evidence, retired, constraints)
        parted = part(photos, result.labels, ids=carried.ids, homes=homes, pairs=pairs, vectors=store.vectors)
        if parted.fixed:
            result = _relabelled(store, result, parted)
            carried = match(photos, result.labels, known=known, fixed=parted.fixed)
    names = {cluster: name.name for cluster, name in store.names().items()}
    splits = {one: change.sources[0] for one, change in carried.changes.items() if change.event == "split"}
    suggested = {
        one: name for one, name in suggested_names(names, {**store.splits(), **splits}).items() if one in splits
    }
    return _Fitted(result, carried, before, constraints, _living_on(photos, carried, constraints), suggested)


def _relabelled(store: Store, result: FitResult, parted: Parted) -> FitResult:
    """Give a fit its parted clusters, each with a medoid of its own."""
    medoid_of = dict(enumerate(result.medoids.tolist()))
    row_of = {photo: row for row, photo in enumerate(result.photos)}
    for label in parted.fixed:
        rows = np.flatnonzero(parted.labels == label).tolist()
        medoid_of[label] = row_of[_medoid(store, [result.photos[row] for row in rows])]
    medoids = np.array([medoid_of[label] for label in sorted(medoid_of)], np.int64)
    return dataclasses.replace(result, labels=parted.labels, medoids=medoids)


def _medoid(store: Store, photos: Sequence[str]) -> str:
    """Find the most central of some photos; the first of them where all went away since the fit."""
    from vecclust.clustering import medoids

    found, vectors = store.vectors(photos)
    return found[int(medoids(vectors, np.zeros(len(found), np.int64))[0])] if found else photos[0]


def _living_on(photos: Sequence[str], carried: Carried, constraints: Constraints) -> dict[str, list[str]]:
    """Give the photos pinned to clusters that the fit did not find."""
    found = frozenset(carried.ids.values())
    living: dict[str, list[str]] = {}
    for photo in photos:
        pin = constraints.pins.get(photo)
        if pin is not None and pin.cluster is not None and pin.cluster not in found:
            living.setdefault(pin.cluster, []).append(photo)
    return living


def _memory(
    store: Store, run: str | None, *, alive: frozenset[str], named: frozenset[str]
) -> dict[str, frozenset[str]]:
    """Give the last members of ids that no cluster carries now.

    What the current run remembers comes first. An owner's name that it has never heard of (given in a later run
    that was rolled back, or its memory is damaged) is looked for in the other kept runs, the newest first.
    """
    memory: dict[str, frozenset[str]] = {}
    if run is not None:
        try:
            memory = dict(load_rows(store.fit_folder(run)).retired)
        except DamagedRun as error:
            log.warning("%s", error)
    for other in reversed(store.runs()):
        unknown = named - alive - memory.keys()
        if not unknown:
            break
        for cluster in unknown & {row.cluster for row in store.run_clusters(other.run)}:
            labels = store.run_labels(other.run).values()
            memory[cluster] = frozenset(label.photo for label in labels if label.cluster == cluster)
    return memory


def _report(fitted: _Fitted, run: str, *, dry_run: bool) -> RefitReport:
    changes = Counter(change.event for change in fitted.carried.changes.values())
    result, before, living = fitted.result, fitted.before, fitted.living_on
    shown = fitted.constraints.label
    both = [(before[label.photo], label) for label in _labels(fitted) if label.photo in before]
    return RefitReport(
        run=run,
        photos=len(result.photos),
        clusters=len(fitted.carried.ids) + len(living),
        noise=int(((result.labels < 0) & (result.nearest < 0)).sum()),
        seconds=sum(result.seconds.values()),
        kept=changes["kept"] + changes["grew"] + changes["merged"] + changes["revived"] + len(living),
        born=changes["born"],
        split=changes["split"],
        merged=len(fitted.carried.merged.keys() - living.keys()),
        gone=len(frozenset(fitted.carried.gone) - living.keys()),
        labels_changed=sum(shown(one).cluster != shown(other).cluster for one, other in both),
        figures=result.figures,
        stage_seconds=result.seconds,
        dry_run=dry_run,
        suggested=fitted.suggested,
        ended=tuple(sorted({*fitted.carried.merged, *fitted.carried.gone} - living.keys())),
    )


def _commit(store: Store, fitted: _Fitted, report: RefitReport, reason: str, naming: Naming | None) -> None:
    from vecclust.clustering import save_state

    model = store.model()
    if model is None:
        raise StoreError("the library has photos but no model")
    folder = store.new_fit_folder(report.run)
    result, ids = fitted.result, fitted.carried.ids
    save_state(result.state, folder)
    rows = FittedRows(tuple(result.photos), tuple(ids[label] for label in sorted(ids)), fitted.carried.retired)
    save_rows(rows, folder)
    labels = _labels(fitted)
    if naming is not None:
        naming.name_fit(store, folder, labels)
    run = Run(
        run=report.run,
        created_ns=time.time_ns(),
        model=model.model_id,
        params=result.params,
        n_photos=report.photos,
        n_clusters=report.clusters,
        n_noise=report.noise,
        figures=result.figures,
        seconds=result.seconds,
        parent=store.state().current_run,
        reason=reason,
        changes={name: getattr(report, name) for name in (*IDENTITY, "labels_changed")},
    )
    store.commit_run(
        run,
        clusters=[*_cluster_rows(fitted, report.run), *_living_rows(store, fitted, report.run)],
        labels=labels,
        next_cluster=fitted.carried.next_number,
    )


def _cluster_rows(fitted: _Fitted, run: str) -> list[ClusterRow]:
    result, rows = fitted.result, []
    for label, cluster in sorted(fitted.carried.ids.items()):
        inside, change = result.labels == label, fitted.carried.changes[cluster]
        medoid, strength = result.photos[int(result.medoids[label])], float(result.strengths[inside].mean())
        rows.append(ClusterRow(run, cluster, int(inside.sum()), medoid, strength, change.event, change.sources))
    return rows


def _living_rows(store: Store, fitted: _Fitted, run: str) -> list[ClusterRow]:
    return [
        ClusterRow(run, cluster, len(pinned), _medoid(store, pinned), 1.0, "kept", (cluster,))
        for cluster, pinned in fitted.living_on.items()
    ]


def _labels(fitted: _Fitted) -> list[Label]:
    ids, result = fitted.carried.ids, fitted.result
    columns = result.labels.tolist(), result.nearest.tolist(), result.strengths.tolist()
    return [
        Label(photo, ids.get(near), 0.0, "nearest")
        if label < 0 <= near
        else Label(photo, ids.get(label), strength if label >= 0 else 0.0, "fit")
        for photo, label, near, strength in zip(result.photos, *columns, strict=True)
    ]

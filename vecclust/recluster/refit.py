"""A full fit of all photos: vectors to a run, its clusters and its labels, in one visible commit."""

from __future__ import annotations

import dataclasses
import logging
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vecclust.errors import DamagedRun, NotFound, StoreError
from vecclust.recluster.needs import ClusteredStore
from vecclust.recluster.rows import FittedRows, load_rows, save_rows
from vecclust.records import ClusterRow, Label, Run
from vecclust.reports import Progress, RefitReport, no_progress

if TYPE_CHECKING:
    from vecclust.cluster import Carried, Fit, FitParams

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Fitted:
    """A fit, the rows it stands on, and what it does to identity."""

    photos: list[str]
    vectors: NDArray[np.float32]
    fit: Fit
    carried: Carried
    before: Mapping[str, Label]


def refit(
    store: ClusteredStore,
    params: FitParams,
    *,
    reason: str,
    dry_run: bool = False,
    progress: Progress = no_progress,
) -> RefitReport:
    """Fit all photos anew and, unless it is a dry run, make the result the current run.

    Args:
        store: the library.
        params: the parameters of the fit.
        reason: why it runs, kept with the run.
        dry_run: change nothing.
        progress: told about stages.

    Returns:
        What was found and what happened to identity.

    Raises:
        NotFound: the library has no photos.
    """
    started = time.monotonic()
    fitted = _fit(store, params, progress)
    report = _report(fitted, store.next_run(), dry_run=dry_run)
    if not dry_run:
        _commit(store, fitted, report, reason)
    return dataclasses.replace(report, seconds=time.monotonic() - started)


def _fit(store: ClusteredStore, params: FitParams, progress: Progress) -> _Fitted:
    from vecclust.cluster import Known, fit, match

    photos, vectors = store.vectors()
    if not photos:
        raise NotFound("the library has no photos yet", hint="Fill it first: vecclust scan FOLDER.")
    found = fit(vectors, params, progress=progress)
    state = store.state()
    before = {} if state.current_run is None else dict(store.labels(state.current_run))
    members = {photo: label.cluster for photo, label in before.items() if label.cluster is not None}
    named = frozenset(cluster for cluster, name in store.names().items() if name.named_by == "owner")
    known = Known(
        members=members,
        retired=_memory(store, state.current_run, alive=frozenset(members.values()), named=named),
        named=named,
        next_number=state.next_cluster,
    )
    return _Fitted(photos, vectors, found, match(photos, found.labels, known=known), before)


def _memory(
    store: ClusteredStore, run: str | None, *, alive: frozenset[str], named: frozenset[str]
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
        for cluster in unknown & {row.cluster for row in store.clusters(other.run)}:
            labels = store.labels(other.run).values()
            memory[cluster] = frozenset(label.photo for label in labels if label.cluster == cluster)
    return memory


def _report(fitted: _Fitted, run: str, *, dry_run: bool) -> RefitReport:
    changes = Counter(change.event for change in fitted.carried.changes.values())
    ids = fitted.carried.ids
    changed = sum(
        1
        for photo, label in zip(fitted.photos, fitted.fit.labels.tolist(), strict=True)
        if photo in fitted.before and fitted.before[photo].cluster != ids.get(label)
    )
    return RefitReport(
        run=run,
        photos=len(fitted.photos),
        clusters=len(ids),
        noise=int((fitted.fit.labels < 0).sum()),
        seconds=0.0,
        kept=changes["kept"] + changes["grew"] + changes["merged"] + changes["revived"],
        born=changes["born"],
        split=changes["split"],
        merged=len(fitted.carried.merged),
        gone=len(fitted.carried.gone),
        labels_changed=changed,
        figures=fitted.fit.figures,
        stage_seconds=fitted.fit.seconds,
        dry_run=dry_run,
    )


def _commit(store: ClusteredStore, fitted: _Fitted, report: RefitReport, reason: str) -> None:
    from vecclust.cluster import save_state

    model = store.model()
    if model is None:
        raise StoreError("the library has photos but no model")
    folder = store.new_fit_folder(report.run)
    save_state(fitted.fit.state, folder)
    ids = fitted.carried.ids
    save_rows(
        FittedRows(tuple(fitted.photos), tuple(ids[label] for label in sorted(ids)), fitted.carried.retired),
        folder,
    )
    run = Run(
        run=report.run,
        created_ns=time.time_ns(),
        model=model.model_id,
        params=fitted.fit.params.as_dict(),
        n_photos=report.photos,
        n_clusters=report.clusters,
        n_noise=report.noise,
        figures=fitted.fit.figures,
        seconds=fitted.fit.seconds,
        parent=store.state().current_run,
        reason=reason,
        changes={name: getattr(report, name) for name in ("kept", "born", "split", "merged", "gone", "labels_changed")},
    )
    store.commit_run(
        run,
        clusters=_cluster_rows(fitted, report.run),
        labels=_labels(fitted),
        next_cluster=fitted.carried.next_number,
    )


def _cluster_rows(fitted: _Fitted, run: str) -> list[ClusterRow]:
    from vecclust.cluster import medoids

    central = medoids(fitted.vectors, fitted.fit.labels)
    rows = []
    for label, cluster in sorted(fitted.carried.ids.items()):
        inside = fitted.fit.labels == label
        change = fitted.carried.changes[cluster]
        rows.append(
            ClusterRow(
                run=run,
                cluster=cluster,
                size=int(inside.sum()),
                medoid=fitted.photos[int(central[label])],
                strength=float(fitted.fit.strengths[inside].mean()),
                event=change.event,
                sources=change.sources,
            )
        )
    return rows


def _labels(fitted: _Fitted) -> list[Label]:
    ids = fitted.carried.ids
    return [
        Label(photo, ids.get(label), float(strength) if label >= 0 else 0.0, "fit")
        for photo, label, strength in zip(
            fitted.photos, fitted.fit.labels.tolist(), fitted.fit.strengths.tolist(), strict=True
        )
    ]

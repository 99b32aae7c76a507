"""A full fit of all photos: vectors to a run, its clusters and its labels, in one visible commit."""

from __future__ import annotations

import dataclasses
import logging
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vecclust.errors import DamagedRun, StoreError
from vecclust.recluster.finding import Finding, find
from vecclust.recluster.needs import ClusteredStore
from vecclust.recluster.rows import FittedRows, load_rows, save_rows
from vecclust.records import ClusterRow, Label, Run
from vecclust.reports import Progress, RefitReport, no_progress

if TYPE_CHECKING:
    from vecclust.cluster import Carried, FitParams

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Fitted:
    """A fit, and what it does to identity."""

    finding: Finding
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
    report = adopt(store, find(store, params, progress=progress), reason=reason, dry_run=dry_run)
    return dataclasses.replace(report, seconds=time.monotonic() - started)


def adopt(store: ClusteredStore, finding: Finding, *, reason: str, dry_run: bool = False) -> RefitReport:
    """Match a finding with the clusters there are and, unless it is a dry run, make it the current run.

    Photos that came since it was made stay without a label until arrivals are labelled; those that went are dropped.

    Args:
        store: the library, open for writing unless it is a dry run.
        finding: the fit.
        reason: why it was made, kept with the run.
        dry_run: change nothing.

    Returns:
        What was found and what happened to identity; its seconds are those of the fit.
    """
    fitted = _matched(store, finding)
    report = _report(fitted, store.next_run(), dry_run=dry_run)
    if not dry_run:
        _commit(store, fitted, report, reason)
    return report


def _matched(store: ClusteredStore, finding: Finding) -> _Fitted:
    from vecclust.cluster import Known, match

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
    return _Fitted(finding, match(list(finding.photos), finding.labels, known=known), before)


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
    ids, finding = fitted.carried.ids, fitted.finding
    changed = sum(
        1
        for photo, label in zip(finding.photos, finding.labels.tolist(), strict=True)
        if photo in fitted.before and fitted.before[photo].cluster != ids.get(label)
    )
    return RefitReport(
        run=run,
        photos=len(finding.photos),
        clusters=len(ids),
        noise=int((finding.labels < 0).sum()),
        seconds=sum(finding.seconds.values()),
        kept=changes["kept"] + changes["grew"] + changes["merged"] + changes["revived"],
        born=changes["born"],
        split=changes["split"],
        merged=len(fitted.carried.merged),
        gone=len(fitted.carried.gone),
        labels_changed=changed,
        figures=finding.figures,
        stage_seconds=finding.seconds,
        dry_run=dry_run,
    )


def _commit(store: ClusteredStore, fitted: _Fitted, report: RefitReport, reason: str) -> None:
    from vecclust.cluster import save_state

    model = store.model()
    if model is None:
        raise StoreError("the library has photos but no model")
    folder = store.new_fit_folder(report.run)
    finding, ids = fitted.finding, fitted.carried.ids
    save_state(finding.state, folder)
    save_rows(
        FittedRows(tuple(finding.photos), tuple(ids[label] for label in sorted(ids)), fitted.carried.retired),
        folder,
    )
    run = Run(
        run=report.run,
        created_ns=time.time_ns(),
        model=model.model_id,
        params=finding.params,
        n_photos=report.photos,
        n_clusters=report.clusters,
        n_noise=report.noise,
        figures=finding.figures,
        seconds=finding.seconds,
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
    finding = fitted.finding
    rows = []
    for label, cluster in sorted(fitted.carried.ids.items()):
        inside = finding.labels == label
        change = fitted.carried.changes[cluster]
        rows.append(
            ClusterRow(
                run=run,
                cluster=cluster,
                size=int(inside.sum()),
                medoid=finding.photos[int(finding.medoids[label])],
                strength=float(finding.strengths[inside].mean()),
                event=change.event,
                sources=change.sources,
            )
        )
    return rows


def _labels(fitted: _Fitted) -> list[Label]:
    ids, finding = fitted.carried.ids, fitted.finding
    return [
        Label(photo, ids.get(label), float(strength) if label >= 0 else 0.0, "fit")
        for photo, label, strength in zip(
            finding.photos, finding.labels.tolist(), finding.strengths.tolist(), strict=True
        )
    ]

"""Reports to the JSON documents that scripts rely on.

Paths are absolute strings (bytes that are not UTF-8 as surrogate escapes), scores lie in [-1, 1], strengths in
[0, 1], times are ISO 8601. One function per document; the field names are the contract and are golden-tested.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from vecclust.demo.tour import Tour
from vecclust.errors import VecclustError
from vecclust.types.clusters import ClusterEntry, ClusterList, ClusterPage, ClusterParts
from vecclust.types.edits import EditEntry, EditReport
from vecclust.types.files import Problem, ScanReport
from vecclust.types.pages import PageReport
from vecclust.types.photos import PhotoFacts
from vecclust.types.runs import Comparison, RefitReport, Run, kind_of
from vecclust.types.search import Answer
from vecclust.types.status import ModelStatus, Status

if TYPE_CHECKING:
    from vecclust.daemon.service import ServiceChange, ServiceStatus

Document = dict[str, Any]


def dump(document: Document) -> str:
    """Write a document as JSON in ASCII, so that surrogate escapes survive any terminal."""
    return json.dumps(document, ensure_ascii=True, indent=2, allow_nan=False)


def scan_document(report: ScanReport) -> Document:
    """Give the document of `scan`."""
    document: Document = {
        "added": report.added,
        "updated": report.updated,
        "moved": report.moved,
        "removed": report.removed,
        "unchanged": report.unchanged,
        "problems": report.problems,
        "pending": report.pending,
        "missing": report.missing,
        "new_photos": report.new_photos,
        "labelled": report.labelled,
        "run": report.run,
        "notices": list(report.notices),
    }
    return document | {"dry_run": True} if report.dry_run else document


def refit_document(report: RefitReport) -> Document:
    """Give the document of `recluster`."""
    document: Document = {
        "run": report.run,
        "kind": kind_of(report.figures),
        "photos": report.photos,
        "clusters": report.clusters,
        "noise": report.noise,
        "seconds": round(report.seconds, 3),
        "kept": report.kept,
        "born": report.born,
        "split": report.split,
        "merged": report.merged,
        "gone": report.gone,
        "labels_changed": report.labels_changed,
        "suggested": dict(report.suggested),
        "figures": dict(report.figures),
        "stage_seconds": {stage: round(seconds, 3) for stage, seconds in report.stage_seconds.items()},
    }
    return document | {"dry_run": True} if report.dry_run else document


def answer_document(answer: Answer) -> Document:
    """Give the document of `similar` and `search`."""
    return {
        "query": answer.query,
        "model": answer.model,
        "results": [
            {
                "path": hit.path,
                "photo": hit.photo,
                "score": round(hit.score, 6),
                "cluster": hit.cluster,
                "cluster_name": hit.cluster_name,
            }
            for hit in answer.results
        ],
    }


def clusters_document(clusters: ClusterList) -> Document:
    """Give the document of `clusters`."""
    return {
        "run": clusters.run,
        "model": clusters.model,
        "photos": clusters.photos,
        "clustered": clusters.clustered,
        "noise": clusters.noise,
        "clusters": [_entry(entry) for entry in clusters.clusters],
    }


def cluster_document(page: ClusterPage) -> Document:
    """Give the document of `cluster`."""
    return _entry(page.entry) | {
        "photos": [
            {
                "path": member.path,
                "photo": member.photo,
                "strength": round(member.strength, 6),
                "assigned_by": member.assigned_by,
            }
            for member in page.photos
        ],
        "history": [
            {"run": event.run, "event": event.event, "from": list(event.sources), "time": iso_ns(event.when_ns)}
            for event in page.history
            if not event.text
        ],
        "said": [
            {"word": event.word or None, "text": event.text, "run": event.run, "time": iso_ns(event.when_ns)}
            for event in page.history
            if event.text
        ],
    }


def parts_document(found: ClusterParts) -> Document:
    """Give the document of `cluster --inside`."""
    return {
        "id": found.cluster,
        "size": found.size,
        "inside": [
            {"size": len(part), "photos": [{"path": member.path, "photo": member.photo} for member in part]}
            for part in found.parts
        ],
    }


def comparison_document(found: Comparison) -> Document:
    """Give the document of `compare`."""
    return {
        "photos": found.photos,
        "run": found.run,
        "ways": [
            {"reducer": way.reducer, "clusterer": way.clusterer, "min_cluster_size": way.min_cluster_size}
            | dict(way.figures)
            for way in found.ways
        ],
    }


def photo_document(facts: PhotoFacts) -> Document:
    """Give the document of `photo`."""
    return {
        "path": facts.path,
        "photo": facts.photo,
        "cluster": facts.cluster,
        "cluster_name": facts.cluster_name,
        "strength": None if facts.strength is None else round(facts.strength, 6),
        "assigned_by": facts.assigned_by,
        "novelty": None if facts.novelty is None else round(facts.novelty, 6),
        "newcomer": facts.newcomer,
        "run": facts.run,
        "taken": _iso(facts.taken),
        "taken_source": facts.taken_source,
        "latitude": facts.latitude,
        "longitude": facts.longitude,
        "width": facts.width,
        "height": facts.height,
        "model": facts.model,
        "other_paths": list(facts.other_paths),
    }


def word_document(report: EditReport) -> Document:
    """Give the document of everything the owner can say but a name."""
    return {
        "word": report.edit,
        "verb": report.kind,
        "cluster": report.cluster,
        "cluster_name": report.cluster_name,
        "other": report.other,
        "photos": report.photos,
        "changed": report.changed,
        "ended": list(report.ended),
        "notices": list(report.notices),
    }


def words_document(words: Sequence[EditEntry]) -> Document:
    """Give the document of `words`."""
    return {
        "words": [
            {
                "word": entry.edit,
                "verb": entry.kind,
                "text": entry.text,
                "photos": [{"path": path, "photo": photo} for path, photo in entry.photos],
                "cluster": entry.cluster,
                "cluster_name": entry.cluster_name,
                "other": entry.other,
                "run": entry.run,
                "time": iso_ns(entry.made_ns),
                "in_force": entry.in_force,
            }
            for entry in words
        ]
    }


def status_document(status: Status) -> Document:
    """Give the document of `status`."""
    scans = [folder.last_scan_ns for folder in status.folders if folder.last_scan_ns]
    return {
        "library": status.library,
        "model": status.model,
        "photos": status.photos,
        "files": status.files,
        "pending": status.pending,
        "problems": status.problems,
        "missing": status.missing,
        "noise": status.noise,
        "run": None if status.run is None else run_document(status.run),
        "arrivals_since_run": status.arrivals_since_run,
        "arrivals_noise": status.arrivals_noise,
        "newcomers": status.newcomers,
        "gathered": status.gathered,
        "drift": {
            "recent": status.drift.n_recent,
            "unusual": status.drift.n_unusual,
            "alarm_from": status.drift.alarm_from,
        },
        "skipped_dot_files": status.skipped_dot_files,
        "bytes_on_disk": status.bytes_on_disk,
        "folders": [
            {"path": folder.path, "last_scan": iso_ns(folder.last_scan_ns), "paused": folder.paused or None}
            for folder in status.folders
        ],
        "daemon": {
            "running": status.daemon.running,
            "pid": status.daemon.pid,
            "since": iso_ns(status.daemon.since_ns),
            "watching": list(status.daemon.watching),
            "last_scan": iso_ns(max(scans)) if scans else None,
            "doing": status.daemon.doing or None,
            "problems": list(status.daemon.problems),
            "log": status.daemon.log,
        },
    }


def run_document(run: Run) -> Document:
    """Give one run with its parameters and figures."""
    return {
        "run": run.run,
        "kind": run.kind,
        "created": iso_ns(run.created_ns),
        "model": run.model,
        "photos": run.n_photos,
        "clusters": run.n_clusters,
        "noise": run.n_noise,
        "parent": run.parent,
        "reason": run.reason,
        "params": dict(run.params),
        "figures": dict(run.figures),
        "seconds": {stage: round(seconds, 3) for stage, seconds in run.seconds.items()},
        "changes": dict(run.changes),
    }


def runs_document(runs: Sequence[Run], current: str | None) -> Document:
    """Give the document of `runs`, oldest first."""
    return {"current": current, "runs": [run_document(run) for run in runs]}


def problems_document(problems: Sequence[Problem]) -> Document:
    """Give the document of `problems`."""
    return {
        "problems": [
            {
                "path": problem.path,
                "reason": problem.reason,
                "attempts": problem.attempts,
                "next_try": iso_ns(problem.next_try_ns),
            }
            for problem in problems
        ]
    }


def models_document(models: Sequence[ModelStatus]) -> Document:
    """Give the document of `models`."""
    return {
        "models": [
            {
                "name": model.name,
                "in_use": model.in_use,
                "usable": model.usable,
                "dim": model.dim,
                "size_bytes": model.size_bytes,
                "note": model.note,
            }
            for model in models
        ]
    }


def page_document(report: PageReport) -> Document:
    """Give the document of `gallery` and `map`."""
    return {
        "page": report.page,
        "photos": report.photos,
        "clusters": report.clusters,
        "files": report.files,
        "size_bytes": report.size_bytes,
    }


def tour_document(tour: Tour) -> Document:
    """Give the document of `demo`: the documents of its steps by name."""
    return {
        "album": str(tour.album),
        "library": str(tour.library),
        "scan": scan_document(tour.scan),
        "rescan": scan_document(tour.rescan),
        "recluster": refit_document(tour.refit),
        "clusters": clusters_document(tour.clusters),
        "similar": None if tour.similar is None else answer_document(tour.similar),
        "search": answer_document(tour.search),
        "problems": problems_document(tour.problems)["problems"],
        "status": status_document(tour.status),
        "gallery": page_document(tour.gallery),
        "map": page_document(tour.map),
    }


def error_document(error: VecclustError) -> Document:
    """Give the document of an error."""
    return {"error": {"kind": error.kind, "message": error.message, "hint": error.hint}}


def iso_ns(time_ns: int | None) -> str | None:
    """Write a time in nanoseconds as ISO 8601 in UTC; None and 0 stay None."""
    if not time_ns:
        return None
    return datetime.fromtimestamp(time_ns / 1e9, UTC).isoformat(timespec="seconds")


def _iso(time: datetime | None) -> str | None:
    return None if time is None else time.isoformat()


def _entry(entry: ClusterEntry) -> Document:
    return {
        "id": entry.id,
        "name": entry.name,
        "named_by": entry.named_by,
        "suggested_name": entry.suggested_name,
        "size": entry.size,
        "strength": round(entry.strength, 6),
        "medoid": entry.medoid,
        "first_taken": _iso(entry.first_taken),
        "last_taken": _iso(entry.last_taken),
    }


def service_document(standing: ServiceStatus) -> Document:
    """Give the document of `service status`."""
    return {
        "manager": standing.manager,
        "reachable": standing.reachable,
        "name": standing.name,
        "file": str(standing.file),
        "installed": standing.installed,
        "edited": standing.edited,
        "enabled": standing.enabled,
        "running": standing.running,
        "state": standing.state or None,
        "pid": standing.pid,
        "says": standing.says or None,
    }


def service_change_document(done: ServiceChange) -> Document:
    """Give the document of `service install` and `service remove`."""
    return {
        "name": done.name,
        "file": str(done.file),
        "changed": done.changed,
        "active": done.active,
        "notices": list(done.notices),
    }

"""Reports to what a person reads: a table or a few lines each."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from vecclust.cli.documents import iso_ns
from vecclust.cli.tables import show
from vecclust.demo.tour import Tour
from vecclust.exports.text import Cell, plain
from vecclust.types.clusters import ClusterEntry, ClusterList, ClusterPage, ClusterParts
from vecclust.types.edits import EditEntry, EditReport
from vecclust.types.files import Problem, ScanReport
from vecclust.types.pages import PageReport
from vecclust.types.photos import PhotoFacts
from vecclust.types.runs import Comparison, Drift, RefitReport, Run, kind_of
from vecclust.types.search import Answer
from vecclust.types.status import DaemonStatus, ModelStatus, Status

if TYPE_CHECKING:
    from vecclust.daemon.service import ServiceChange, ServiceStatus

# What a refit did to identity, in the order it is told.
IDENTITY = ("kept", "born", "split", "merged", "gone")


def show_scan(report: ScanReport) -> None:
    """Print what a scan did, one count a line; counts of zero are left out but for the main ones.

    Most count files; two files of one content are one photo, which is what is embedded and labelled.
    """
    rows: list[tuple[Cell, Cell]] = [("added", report.added), ("unchanged", report.unchanged)]
    rare = ("updated", "moved", "removed", "missing", "pending", "problems")
    rows += [(name, getattr(report, name)) for name in rare if getattr(report, name)]
    distinct = (("new photos", report.new_photos), ("photos labelled", report.labelled))
    rows += [(name, number) for name, number in distinct if number]
    rows.append(("run", report.run))
    show(("would do" if report.dry_run else "scan", "files"), rows)


def show_refit(report: RefitReport) -> None:
    """Print what a refit found and changed."""
    names = (
        "run",
        "photos",
        "clusters",
        "noise",
        "kept",
        "born",
        "split",
        "merged",
        "gone",
        "labels_changed",
    )
    rows: list[tuple[Cell, Cell]] = [(name.replace("_", " "), getattr(report, name)) for name in names]
    rows += [("kind", kind_of(report.figures)), ("seconds", report.seconds)]
    rows += [("suggested name", f"{cluster}: {name}") for cluster, name in report.suggested.items()]
    rows += [(name.replace("_", " "), value) for name, value in report.figures.items()]
    show(("would become" if report.dry_run else "refit", ""), rows)


def show_answer(answer: Answer) -> None:
    """Print hits, best first."""
    show(
        ("score", "path", "cluster", "name"),
        [(hit.score, hit.path, hit.cluster, hit.cluster_name) for hit in answer.results],
    )


def show_clusters(clusters: ClusterList) -> None:
    """Print the clusters, largest first."""
    title = f"{clusters.photos} photos, {clusters.clustered} in {len(clusters.clusters)} clusters"
    show(
        ("id", "name", "photos", "strength", "first", "last", "most typical"),
        [
            (entry.id, _name(entry), entry.size, entry.strength, *_span(entry), entry.medoid)
            for entry in clusters.clusters
        ],
        title=f"{title}, {clusters.noise} unclustered",
    )


def _name(entry: ClusterEntry) -> str | None:
    """Give the name, or with a question mark the one that is proposed."""
    return entry.name or (f"{entry.suggested_name}?" if entry.suggested_name else None)


def _span(entry: ClusterEntry) -> tuple[Cell, Cell]:
    first, last = entry.first_taken, entry.last_taken
    return (f"{first:%Y-%m-%d}" if first else None, f"{last:%Y-%m-%d}" if last else None)


def show_cluster(page: ClusterPage) -> None:
    """Print one cluster's photos by strength, and on a terminal its history."""
    name = f" “{_name(page.entry)}”" if _name(page.entry) else ""
    show(
        ("strength", "path", "by"),
        [(member.strength, member.path or f"(no file) {member.photo}", member.assigned_by) for member in page.photos],
        title=f"{page.entry.id}{name}: {page.entry.size} photos",
    )
    if sys.stdout.isatty():
        events = [
            (
                iso_ns(event.when_ns),
                event.run,
                event.text or event.event,
                "" if event.text else ", ".join(event.sources),
            )
            for event in page.history
        ]
        show(("when", "run", "what", "from"), events, title="history")


def show_parts(found: ClusterParts) -> None:
    """Print what is inside a cluster: each group with its size and its most typical photo."""
    show(
        ("group", "size", "most typical"),
        [
            (number, len(part), part[0].path or f"(no file) {part[0].photo}")
            for number, part in enumerate(found.parts, start=1)
        ],
        title=f"inside {found.cluster}: {found.size} photos",
    )


def show_comparison(found: Comparison) -> None:
    """Print ways to cluster, one a line."""
    names = ("clusters", "share_unclustered", "dbcv", "stability", "ami", "ari", "seconds")
    show(
        ("reducer", "clusterer", "size", "clusters", "unclustered", "dbcv", "stability", "ami", "ari", "seconds"),
        [
            (
                way.reducer,
                way.clusterer,
                "" if way.min_cluster_size is None else way.min_cluster_size or "chosen",
                *(way.figures[name] for name in names),
            )
            for way in found.ways
        ],
        title=f"{found.photos} photos",
    )


def show_photo(facts: PhotoFacts) -> None:
    """Print what is known of one photo."""
    place = None if facts.latitude is None else f"{facts.latitude:.5f}, {facts.longitude:.5f}"
    rows: list[tuple[Cell, Cell]] = [
        ("path", facts.path),
        *(("also", path) for path in facts.other_paths),
        ("photo", facts.photo),
        ("cluster", facts.cluster),
        ("name", facts.cluster_name),
        ("strength", facts.strength),
        ("assigned by", facts.assigned_by),
        *([("novelty", f"{facts.novelty:.3f}")] if facts.novelty is not None else ()),
        *([("held back", "as a newcomer, unlike all that the run knows")] if facts.newcomer else ()),
        ("run", facts.run),
        ("taken", facts.taken),
        ("taken from", facts.taken_source),
        ("place", place),
        ("size", f"{facts.width} x {facts.height}"),
        ("model", facts.model),
    ]
    show(("", ""), rows)


def show_word(report: EditReport) -> None:
    """Print what a word of the owner's changed."""
    rows: list[tuple[Cell, Cell]] = [("word", report.edit), ("cluster", report.cluster), ("other", report.other)]
    rows.insert(2, ("name", report.cluster_name))
    rows += [("photos", report.photos), ("in another cluster now", report.changed), ("ends", ", ".join(report.ended))]
    show((report.kind, ""), [row for row in rows if row[1] not in (None, "")])


def show_words(words: Sequence[EditEntry]) -> None:
    """Print what the owner said, oldest first."""
    show(
        ("word", "said", "run", "holds", "photos", "when"),
        [
            (
                entry.edit,
                entry.text,
                entry.run,
                "yes" if entry.in_force else "",
                ", ".join(path or photo for path, photo in entry.photos),
                iso_ns(entry.made_ns),
            )
            for entry in words
        ],
    )


def show_runs(runs: Sequence[Run], current: str | None) -> None:
    """Print the kept runs, oldest first."""
    show(
        ("run", "current", "made", "kind", "photos", "clusters", "noise", "cut", "identity", "seconds", "why"),
        [
            (
                run.run,
                "*" if run.run == current else "",
                iso_ns(run.created_ns),
                run.kind,
                run.n_photos,
                run.n_clusters,
                run.n_noise,
                cut_of(run),
                ", ".join(f"{run.changes[name]} {name}" for name in IDENTITY if run.changes.get(name)),
                float(sum(run.seconds.values())),
                run.reason,
            )
            for run in runs
        ],
    )


def cut_of(run: Run) -> str:
    """Say how finely a run of HDBSCAN cuts, and whether that was chosen; empty for other runs."""
    asked = run.params
    if asked.get("clusterer") != "hdbscan" or "granularity" not in asked:
        return ""
    chosen = "chosen" if asked["chosen_at"] else "given"
    return f"{asked['granularity']}, clusters of {asked['min_cluster_size']} and more ({chosen})"


def show_status(status: Status) -> None:
    """Print the state of a library."""
    run = status.run
    rows: list[tuple[Cell, Cell]] = [
        ("library", status.library),
        ("model", status.model),
        ("photos", status.photos),
        ("files", status.files),
        ("pending", status.pending),
        ("problems", status.problems),
        ("missing", status.missing),
        ("run", None if run is None else f"{run.run}, {run.n_clusters} clusters, {iso_ns(run.created_ns)}"),
        *([("kind", run.kind)] if run is not None else ()),
        *([("cut", cut_of(run))] if run is not None and cut_of(run) else ()),
        *([("made for", run.reason)] if run is not None and run.reason else ()),
        ("unclustered", status.noise),
        ("arrivals since", status.arrivals_since_run),
        ("newcomers", _newcomers(status)),
        ("drift", _drift(status.drift)),
        ("dot-files left out", status.skipped_dot_files),
        ("on disk", f"{status.bytes_on_disk / 1e6:.1f} MB"),
        ("daemon", _daemon(status.daemon)),
    ]
    rows += [("daemon says", problem) for problem in status.daemon.problems]
    if status.daemon.log is not None:
        rows.append(("its log", status.daemon.log))
    for folder in status.folders:
        paused = f" (removal paused: {folder.paused})" if folder.paused else ""
        rows.append(("folder", f"{folder.path}, last scan {iso_ns(folder.last_scan_ns) or 'never'}{paused}"))
    if any(folder.paused for folder in status.folders):
        rows.append(
            ("to do", "it goes on by itself once all is back; vecclust scan --prune if photos were meant to go")
        )
    show(("", ""), rows)


def _newcomers(status: Status) -> str:
    if not status.gathered:
        return str(status.newcomers)
    return f"{status.newcomers}, {status.gathered} of them alike: a fit is due"


def _drift(drift: Drift) -> str:
    if drift.alarm_from is None:
        return "too few arrivals to tell"
    found = f"{drift.n_unusual} of the newest {drift.n_recent} arrivals are unusual"
    return f"{found}: a fit is due" if drift.alarmed else f"none: {found}"


def _daemon(daemon: DaemonStatus) -> str:
    if not daemon.running:
        return "not running"
    return f"process {daemon.pid}, {daemon.doing} since {iso_ns(daemon.since_ns)}"


def show_problems(problems: Sequence[Problem]) -> None:
    """Print the files that could not be read."""
    show(
        ("path", "reason", "attempts", "next try"),
        [
            (problem.path, problem.reason, problem.attempts, iso_ns(problem.next_try_ns) or "when it changes")
            for problem in problems
        ],
    )


def show_models(models: Sequence[ModelStatus]) -> None:
    """Print the models and whether they can be used now."""
    show(
        ("model", "used", "usable", "size", "what"),
        [
            (
                model.name,
                "*" if model.in_use else "",
                "yes" if model.usable else "no",
                None if model.size_bytes is None else f"{model.size_bytes / 1e6:.0f} MB",
                model.note,
            )
            for model in models
        ],
    )


def show_page(report: PageReport) -> None:
    """Print what page was written, and where."""
    show(
        ("", ""),
        [
            ("page", report.page),
            ("photos", report.photos),
            ("clusters", report.clusters),
            ("files", report.files),
            ("size", f"{report.size_bytes / 1e6:.1f} MB"),
        ],
    )


def show_tour(tour: Tour) -> None:
    """Print what the demo did, step by step, with the command that does each."""
    _heading(f"vecclust scan {tour.album}")
    show_scan(tour.scan)
    _heading("vecclust scan   (again: nothing to do)")
    show_scan(tour.rescan)
    _heading("vecclust recluster")
    show_refit(tour.refit)
    _heading("vecclust clusters")
    show_clusters(tour.clusters)
    if tour.similar is not None:
        _heading(f"vecclust similar {tour.similar.query}")
        show_answer(tour.similar)
    _heading(f"vecclust search {tour.search.query}")
    show_answer(tour.search)
    _heading("vecclust problems")
    show_problems(tour.problems)
    _heading(f"vecclust gallery --out {Path(tour.gallery.page).parent}")
    show_page(tour.gallery)
    _heading(f"vecclust map --out {tour.map.page}")
    show_page(tour.map)
    sys.stdout.write(
        f"\n{tour.status.photos} photos from {tour.status.files} files, {tour.refit.clusters} clusters. "
        f"Go on with this library: vecclust --library {plain(str(tour.library))} clusters\n"
        f"To look at: {plain(tour.gallery.page)} and {plain(tour.map.page)}\n"
    )


def _heading(text: str) -> None:
    sys.stdout.write(f"\n$ {plain(text)}\n")


def show_service(standing: ServiceStatus) -> None:
    """Print how a service stands."""
    if not standing.installed:
        file = "not installed"
    else:
        file = f"{standing.file}{', written or changed by somebody else' if standing.edited else ''}"
    rows: list[tuple[Cell, Cell]] = [("service", standing.name), ("file", file)]
    if not standing.reachable:
        rows.append((standing.manager, "does not answer here"))
    else:
        rows.append(("at login", "starts" if standing.enabled else "does not start"))
        running = (
            f"runs, process {standing.pid}" if standing.running else f"does not run ({standing.state or 'unknown'})"
        )
        rows.append(("now", running))
    if standing.says:
        rows.append(("says", standing.says))
    show(("", ""), rows)


def show_service_change(done: ServiceChange) -> None:
    """Print what became of a service's file."""
    show(("", ""), [("service", done.name), ("file", f"{done.file}{'' if done.changed else ', as it was'}")])

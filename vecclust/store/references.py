"""What the tables say of one another: that whatever one names is there in the other.

Files name photos, labels photos and clusters, edits and names clusters; each is held against what there is. Read at one
version of each table, in the order in which a removal goes, so that what is being removed is not taken for damage.
Judges what is found and refuses to know how it is mended.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from vecclust.store.layout import CLUSTERS, EDITS, RUNS, labels_table, run_number
from vecclust.store.schema import FILES, NAMES, ROOTS, STATE, THUMBNAILS, Entries, photos_table
from vecclust.store.tables import INT64, Tables
from vecclust.types.checkup import Finding
from vecclust.types.status import LibraryState
from vecclust.types.timeline import TIMELINE_ID

_SCAN = "vecclust scan"
# Zones that a camera or a copier mistakes are less.
_AHEAD_NS = 86_400 * 10**9


def reference_findings(tables: Tables, entries: Entries, *, readable: frozenset[str], now_ns: int) -> list[Finding]:
    """Hold the tables against one another.

    Args:
        tables: the library's tables.
        entries: its own entries.
        readable: the tables that are there and can be read; what the others would say is left out.
        now_ns: the time, nanoseconds since the epoch.
    """
    state = LibraryState(**entries[STATE])
    with tables.snapshot():
        found = [
            *_files(tables, entries, readable),
            *_file_times(tables, readable, now_ns=now_ns),
            *_labels(tables, state, readable, photos=photos_table(entries)),
            *_run(tables, state, readable),
            *_clusters(tables, state, readable),
        ]
    return found


def cluster_numbers(tables: Tables) -> set[int]:
    """Give the numbers of all clusters that anything names.

    Args:
        tables: the library's tables, which can be read.
    """
    named = set(_said_clusters(tables))
    for table in (CLUSTERS, NAMES):
        named.update(cluster for (cluster,) in tables.rows(table, ["cluster"]))
    return {int(cluster[1:]) for cluster in named if cluster[1:].isdecimal()}


def _files(tables: Tables, entries: Entries, readable: frozenset[str]) -> Iterator[Finding]:
    """Hold files against photos, and photos against their pictures."""
    if FILES not in readable:
        return
    rows = list(tables.rows(FILES, ["root", "photo", "state", "missing_since_ns"]))
    # What lies in files that are away now is made again when they are back, and not before.
    there = {photo for _, photo, _, missing_ns in rows if not missing_ns}
    kept = photos_table(entries)
    photos = tables.keys(kept, "photo") if kept in readable else None
    n_lost = 0
    if photos is not None:
        lost = [photo for _, photo, state, _ in rows if state in ("ready", "damaged") and photo not in photos]
        n_lost, n_here = len(lost), sum(photo in there for photo in lost)
        if n_here:
            what = f"{n_here:,} files were read and the photos in them are gone"
            yield Finding("photos", "fault", what, f"{_SCAN} embeds them again")
        if n_lost > n_here:
            what = f"those in {n_lost - n_here:,} files are gone, and so are the files"
            yield Finding("photos", "warning", what, f"once the files are back, {_SCAN} embeds them again")
        if n := len(photos - {photo for _, photo, _, _ in rows}):
            what = f"{n:,} lie in no file: a scan was killed, or their files were overwritten"
            yield Finding("photos", "warning", what, f"{_SCAN} of all folders settles it")
    roots = {root["path"].encode("utf-8", "surrogateescape") for root in entries[ROOTS]}
    # The number of another drive stands behind the folder, after a NUL.
    if astray := sorted({root.partition(b"\0")[0] for root, _, _, _ in rows} - roots):
        what = f"those below {astray[0].decode('utf-8', 'surrogateescape')} lie in no kept folder"
        yield Finding("files", "warning", what, "vecclust scan DIR keeps it again")
    if photos is not None and not n_lost:
        n_ready = sum(state in ("ready", "damaged") for _, _, state, _ in rows)
        yield Finding("files", "ok", f"{n_ready:,} of {len(rows):,} are read, and each has its photo")
    if photos is None or THUMBNAILS not in readable:
        return
    pictures = tables.keys(THUMBNAILS, "photo")
    lacking = photos - pictures
    if n := len(lacking & there):
        yield Finding("thumbnails", "fault", f"{n:,} photos have lost theirs", f"{_SCAN} makes them again")
    elif lacking:
        what = f"{len(lacking):,} photos have lost theirs, and their files are away"
        yield Finding("thumbnails", "warning", what, f"once the files are back, {_SCAN} makes them again")
    elif n := len(pictures - photos - {photo for _, photo, _, _ in rows}):
        what = f"{n:,} are of photos that have gone: their removal was killed"
        yield Finding("thumbnails", "warning", what, f"{_SCAN} removes them")
    else:
        yield Finding("thumbnails", "ok", f"{len(photos):,}, one for each photo")


def _file_times(tables: Tables, readable: frozenset[str], *, now_ns: int) -> Iterator[Finding]:
    """Tell of files that are newer than now: of a server, or by a clock, that is ahead."""
    if FILES not in readable:
        return
    ahead = range(now_ns + _AHEAD_NS, INT64.stop)
    rows = tables.rows(FILES, ["root", "path"], where={"mtime_ns": ahead})
    if paths := sorted(os.path.join(root.partition(b"\0")[0], path) for root, path in rows):
        what = f"{len(paths):,} files are of a time to come, {os.fsdecode(paths[0])} first"
        yield Finding("file times", "ok", what, "such a file is read when it looks the same twice")


def _labels(tables: Tables, state: LibraryState, readable: frozenset[str], *, photos: str) -> Iterator[Finding]:
    """Hold the labels of the current run against photos and clusters."""
    if state.current_run is None or not {labels_table(state.current_run), photos, FILES, CLUSTERS} <= readable:
        return
    labels = dict(tables.rows(labels_table(state.current_run), ["photo", "cluster"]))
    # What files know will be embedded again; its label waits for it.
    expected = {photo for (photo,) in tables.rows(FILES, ["photo"])}
    there = tables.keys(photos, "photo")
    clusters = dict(tables.rows(CLUSTERS, ["cluster", "medoid"], where={"run": [state.current_run]}))
    whole = True
    if n := len(labels.keys() - there - expected):
        whole = False
        yield Finding("labels", "fault", f"{n:,} are of photos that are not there", f"{_SCAN} removes them")
    if n := sum(cluster is not None and cluster not in clusters for cluster in labels.values()):
        whole = False
        what = f"{n:,} name clusters that run {state.current_run} does not have"
        yield Finding("labels", "fault", what, "vecclust recluster fits anew")
    if astray := sorted(one for one, medoid in clusters.items() if labels.get(medoid, one) != one):
        whole = False
        what = f"the photo that stands for {astray[0]} is in another one"
        yield Finding("clusters", "fault", what, "vecclust recluster fits anew")
    if n := len(there - labels.keys()):
        yield Finding("labels", "warning", f"{n:,} photos have none yet", f"{_SCAN} gives them one")
    elif whole:
        yield Finding("labels", "ok", f"{len(labels):,} of run {state.current_run}, {len(clusters):,} clusters")


def _run(tables: Tables, state: LibraryState, readable: frozenset[str]) -> Iterator[Finding]:
    """Hold the runs that are kept against their rows."""
    if RUNS not in readable:
        return
    rows = {run for (run,) in tables.rows(RUNS, ["run"])}
    kept = [run for run in tables.place.labelled_runs() if run_number(run) <= state.last_run]
    if lacking := [run for run in kept if run not in rows]:
        yield Finding("runs", "fault", f"{lacking[0]} has labels and no row", "vecclust doctor --repair makes one")
    if unseen := sorted(run for run in rows if run_number(run) > state.last_run):
        what = f"{unseen[0]} was never finished: a fit was killed"
        yield Finding("runs", "warning", what, "vecclust doctor --repair or the next vecclust scan removes it")
    if not lacking and not unseen:
        current = "none is current yet" if state.current_run is None else f"{state.current_run} is the current one"
        yield Finding("runs", "ok", f"{len(kept):,} can be gone back to; {current}")


def _clusters(tables: Tables, state: LibraryState, readable: frozenset[str]) -> Iterator[Finding]:
    """Hold names and edits against the clusters that there ever were, and these against the next number."""
    if not {CLUSTERS, NAMES} <= readable or (tables.has(EDITS) and EDITS not in readable):
        return
    known = {cluster for (cluster,) in tables.rows(CLUSTERS, ["cluster"])}
    known |= {cluster for cluster, verb in tables.rows(EDITS, ["cluster", "verb"]) if verb == "split-off"}
    named = {cluster for (cluster,) in tables.rows(NAMES, ["cluster"])} | set(_said_clusters(tables))
    if unknown := sorted(named - known):
        what = f"{len(unknown):,} clusters are named that no run tells of ({unknown[0]})"
        yield Finding("names", "warning", what, "nothing: they are kept, and hold again if such a cluster comes back")
    highest = max(cluster_numbers(tables), default=0)
    if highest >= state.next_cluster:
        what = f"the next cluster would be c{state.next_cluster}, and there is a c{highest} already"
        yield Finding("numbers", "fault", what, "vecclust doctor --repair counts on from the highest")


def _said_clusters(tables: Tables) -> Iterator[str]:
    """Give the clusters that edits name."""
    for cluster, other, verb in tables.rows(EDITS, ["cluster", "other", "verb"]):
        for one in (cluster, None if verb == "take-back" else other):
            if one is not None and not TIMELINE_ID.fullmatch(one):
                yield one

"""Look at a library without opening it: also where opening refuses, and without changing a byte.

Each thing is a finding: what tables there are and whether they are what was noted, their rows, what the owner said in
both places, the runs, what was set aside and what nobody knows. What a writer does at this moment may look like damage
for an instant, so whatever is wrong is looked at a second time. What tables say of one another is `references`'s
affair; models, settings and the computer around are not known here.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vecclust.errors import NotFound, StoreError
from vecclust.store.beside import tables_beside
from vecclust.store.copies import read_copy, save_copies
from vecclust.store.journal import read_lines
from vecclust.store.layout import (
    CLUSTERS,
    EDITS,
    META,
    NO_TABLE,
    RUNS,
    LibraryPlace,
    StoreSettings,
    is_photo_table,
    labels_table,
    run_number,
    run_of_labels,
)
from vecclust.store.ledger import FITS, Fault
from vecclust.store.mending import restore_run, whole_rows
from vecclust.store.references import reference_findings
from vecclust.store.schema import (
    FIXED_TABLES,
    MODEL,
    PHOTOS,
    ROOTS,
    SCHEMA,
    SCHEMA_VERSION,
    STATE,
    TABLES,
    THUMBNAILS,
    Entries,
    Meta,
    arrow_rows,
    photo_widths,
    photos_table,
    refuse_newer,
    table_schema,
    way_back,
)
from vecclust.store.tables import Tables
from vecclust.types.checkup import CheckDepth, Finding
from vecclust.types.progress import Progress, no_progress
from vecclust.types.status import LibraryState

REPAIR = "vecclust doctor --repair mends it"
_BESIDE = "vecclust migrate goes on with what is whole of it; nothing else is hindered"
_TO_NOTE = "vecclust doctor --repair or the next vecclust scan notes"
# Of these a scan makes again what a repair has to leave out.
_READ_AGAIN = frozenset({PHOTOS, THUMBNAILS, "files"})
# An edit is in the table and is being brought to the disk in the journal: up to a tenth of a second on a busy disk.
_SECOND_LOOK_S = 0.5
# Clocks that are set over the network are right to a second; file systems of other computers are given two minutes.
CLOCK_LATE_S = 120.0
_SET_ASIDE = "set-aside"


@dataclass(frozen=True, slots=True)
class StoreCheck:
    """What was found of the tables.

    Attributes:
        findings: how each thing stands.
        entries: the library's own entries, from their table or their copy; empty where there are none.
        runs: the runs that are kept, oldest first.
    """

    findings: tuple[Finding, ...]
    entries: Entries
    runs: tuple[str, ...]

    @property
    def current_run(self) -> str | None:
        """The current run; None where there is none, or it is not known."""
        return LibraryState(**self.entries[STATE]).current_run if self.entries else None

    @property
    def model(self) -> tuple[str, str] | None:
        """The name of the model the vectors come from, and the identity of its weights; None where it is not known."""
        entry = self.entries.get(MODEL)
        return None if entry is None else (entry["name"], entry["model_id"])

    @property
    def roots(self) -> dict[str, str]:
        """The kept folders, and why nothing of one is removed at present, or empty."""
        return {root["path"]: root["paused"] for root in self.entries.get(ROOTS, ())}


def check_store(folder: Path, *, depth: CheckDepth, now_ns: int, progress: Progress = no_progress) -> StoreCheck:
    """Look at the tables of a library; nothing is changed, and a writer is not disturbed.

    Args:
        folder: the library's directory.
        depth: how closely.
        now_ns: the time, nanoseconds since the epoch.
        progress: told of tables.

    Raises:
        NotFound: there is no library.
        StoreTooNew: a newer vecclust wrote it.
    """
    place = LibraryPlace(Path(os.path.abspath(folder)))
    if not (
        place.is_library or _noted(place) or any(place.newest(table) is not NO_TABLE for table in place.photo_tables())
    ):
        raise NotFound(f"there is no library in {place.folder}", hint="`vecclust scan FOLDER` makes one")
    if not place.tables.is_dir():
        lost = Finding("tables", "fault", "all of them are missing", _todo(PHOTOS))
        return StoreCheck((lost, *_around(place)), {}, ())
    # Told nothing to write, the vendor makes no file.
    tables = Tables(place, writable=False, settings=StoreSettings())
    try:
        return _checked(tables, depth=depth, now_ns=now_ns, progress=progress)
    finally:
        tables.close()


def _checked(tables: Tables, *, depth: CheckDepth, now_ns: int, progress: Progress) -> StoreCheck:
    meta = Meta(tables)
    refuse_newer(tables, meta)
    entries, found = _entries(tables, meta)
    names = _names(tables, entries)
    faults: dict[str, Fault] = {}
    for number, table in enumerate(names):
        progress("checking", number, len(names))
        if table_fault(tables, table, depth=depth) is None:
            continue
        # An old run may have been let go of meanwhile.
        wanted = _names(tables, _entries(tables, meta)[0])
        fault = table_fault(tables, table, depth=depth) if table in wanted else None
        if fault is not None:
            faults[table] = fault
    beside = tables_beside(tables, entries) if entries else []
    for table in beside:
        if (astray := faults.pop(table, None)) is not None:
            found.append(Finding(f"table {table}", "warning", f"what prepares another model: {astray.what}", _BESIDE))
    for fault in faults.values():
        is_known = entries or fault.table != META
        todo = _todo(fault.table) + _lost_edits(tables, fault) if is_known else way_back(tables.place)
        found.append(Finding(f"table {fault.table}", "fault", fault.what, todo))
    readable = [table for table in names if tables.has(table) and table not in (*faults, *beside)]
    found += _notes(tables)
    found.append(_tables_in_order(tables, readable, depth=depth, n_faults=len(faults)))
    runs: tuple[str, ...] = ()
    if entries:
        state = LibraryState(**entries[STATE])
        runs = tuple(run for run in tables.place.labelled_runs() if run_number(run) <= state.last_run)
        if depth != "quick":
            known = frozenset(readable)
            found += _twice(
                lambda: reference_findings(tables, _entries(tables, meta)[0] or entries, readable=known, now_ns=now_ns)
            )
        found += _twice(lambda: _edits(tables, readable, schema=entries[SCHEMA]["version"]))
        found += _run_copies(tables, runs, deep=depth == "deep")
    found.append(_clock(tables, names, now_ns=now_ns))
    progress("checking", len(names), len(names))
    return StoreCheck((*found, *_around(tables.place)), entries, runs)


def table_fault(tables: Tables, table: str, *, depth: CheckDepth) -> Fault | None:
    """Tell what is wrong with one table.

    Args:
        tables: the library's tables.
        table: its name.
        depth: `quick` for its files, `usual` for its rows too, `deep` for every byte and for pictures.

    Returns:
        The first thing that is; None where nothing is.
    """
    fault = tables.ledger.table_fault(table, deep=depth == "deep")
    if fault is not None:
        return fault
    if not tables.has(table):
        return Fault(table, "it is missing", lost=True)
    if tables.shrank(table):
        return Fault(table, "rows of it are gone")
    try:
        tables.count(table)
        return None if depth == "quick" else row_fault(tables, table, with_pictures=depth == "deep")
    except StoreError as error:
        return Fault(table, f"it cannot be read ({error.message})")


def row_fault(tables: Tables, table: str, *, with_pictures: bool) -> Fault | None:
    """Tell whether rows of a table are not what vecclust writes, or stand twice.

    Args:
        tables: the library's tables.
        table: its name; it is there.
        with_pictures: read the thumbnails too, which are most of what there is to read.

    Returns:
        How many are not; None where all are, and of thumbnails that are not to be read.

    Raises:
        StoreError: it cannot be read.
    """
    import pyarrow as pa

    if table == META or (table == THUMBNAILS and not with_pictures):
        return None
    columns = table_schema(table, dim=1).names
    lacking = set(columns) - set(tables.query(table, lambda handle: handle.schema.names))
    if is_photo_table(table) and (what := _other_width(tables, table)):
        return Fault(table, what)
    n_bad, n_rows, keys = 0, 0, set()
    for batch in tables.read(table):
        rows = pa.Table.from_batches([batch])
        for column in lacking:
            rows = rows.append_column(column, pa.nulls(rows.num_rows, pa.null()))
        n_bad += whole_rows(table, rows.select(columns)).count(False) if rows.num_rows else 0
        n_rows += rows.num_rows
        if table_schema(table, dim=1).field(0).metadata:
            keys.update(rows.column(columns[0]).to_pylist())
    n_twice = n_rows - len(keys) if keys else 0
    parts = [f"{n_bad} of its {n_rows} rows are not what was written"] * bool(n_bad)
    parts += [f"{n_twice} of its {n_rows} rows stand there twice"] * bool(n_twice)
    return Fault(table, " and ".join(parts)) if parts else None


def unsound_tables(tables: Tables, *, leave_out: Iterable[str], with_pictures: bool) -> list[Fault]:
    """Find the tables whose rows are not what they should be, though their files are as noted.

    Args:
        tables: the library's tables.
        leave_out: tables that are known to be damaged.
        with_pictures: read the thumbnails too.
    """
    found = []
    for table in sorted(set(tables.place.table_names()) - set(leave_out)):
        if not _is_ours(table) or not tables.has(table):
            continue
        try:
            fault = row_fault(tables, table, with_pictures=with_pictures)
        except StoreError as error:
            fault = Fault(table, f"it cannot be read ({error.message})")
        found += [fault] if fault is not None else []
    return found


def _other_width(tables: Tables, table: str) -> str:
    """Say that vectors are not as wide as the model's; empty where they are."""
    try:
        wanted = photo_widths(Meta(tables).entries()).get(table)
    except StoreError:
        return ""
    width = tables.query(table, lambda handle: handle.schema.field("vector").type.list_size)
    if wanted is None or width == wanted:
        return ""
    return f"its vectors have {width} numbers, those of the model {wanted}"


def complete_copies(tables: Tables) -> list[str]:
    """Write what the tables say of each run a second time, where it stands there once only, and note its arrays.

    Args:
        tables: the library's tables, open for writing, in order.

    Returns:
        What was done, a sentence each.
    """
    import pyarrow as pa

    done: list[str] = []
    state = LibraryState(**Meta(tables).entries()[STATE])
    for run in tables.place.labelled_runs():
        if run_number(run) > state.last_run or not tables.has(labels_table(run)):
            continue
        done += restore_run(tables, run, state)
        lacking = _without_copy(tables, run)
        if not lacking and tables.ledger.note(f"{FITS}-{run}") is not None:
            continue
        made = {}
        for table in lacking:
            where = None if table == labels_table(run) else {"run": [run]}
            batches = list(tables.read(table, where=where))
            made[table] = pa.Table.from_batches(batches, schema=batches[0].schema if batches else table_schema(table))
        save_copies(tables, run, made)
        done.append(f"run {run}: what stands in the tables alone was written a second time, and its files were noted")
    return done


def next_cluster_of(tables: Tables) -> int:
    """Give the least number that no cluster has yet, by all that names clusters.

    Args:
        tables: the library's tables, which can be read.
    """
    from vecclust.store.references import cluster_numbers

    return max(cluster_numbers(tables), default=0) + 1


def bytes_to_read(folder: Path, depth: CheckDepth) -> tuple[int, int]:
    """Count the files of a library, and the bytes that looking at it reads.

    Args:
        folder: the library's directory.
        depth: how closely it is to be looked at.

    Returns:
        The number of files, and bytes; what is read twice counts twice.
    """
    place, n_files, n_bytes = LibraryPlace(Path(os.path.abspath(folder))), 0, 0
    for directory, _, names in os.walk(place.folder):
        parts = Path(directory).relative_to(place.folder).parts
        is_data = parts[:1] == ("tables",) and "data" in parts
        times = {"quick": 0, "usual": int(is_data and f"{THUMBNAILS}.lance" not in parts)}.get(depth)
        if times is None:
            # Once for the sums of files, once for rows and arrays.
            times = 2 if is_data or parts[:1] == (FITS,) else int(parts[:1] == ("tables",))
        for name in names:
            n_files += 1
            try:
                n_bytes += times * os.stat(os.path.join(directory, name)).st_size
            except OSError:
                continue
    return n_files, n_bytes


def _noted(place: LibraryPlace) -> bool:
    return place.ledger.is_dir() and any(name.suffix == ".json" for name in place.ledger.iterdir())


def _twice(look: Callable[[], list[Finding]]) -> list[Finding]:
    """Look, and once more where something is wrong: a writer may have been between two steps."""
    found = look()
    if all(finding.state == "ok" for finding in found):
        return found
    time.sleep(_SECOND_LOOK_S)
    return look()


def _entries(tables: Tables, meta: Meta) -> tuple[Entries, list[Finding]]:
    """Read the library's own entries, from their copy where their table cannot be read."""
    found, why = [], ""
    try:
        entries = meta.entries() if tables.has(META) else {}
    except StoreError as error:
        entries, why = {}, error.message
    note = tables.ledger.note(META)
    if not entries and note is not None and note.kept is not None:
        entries = {key: json.loads(value) for key, value in note.kept}
    if not entries:
        # That the table is missing or damaged is a finding of its own; this one says what cannot be told for it.
        lost = "which model and which run the library is of cannot be told, for its own entries are lost"
        return {}, [Finding("schema", "fault", lost, way_back(tables.place))]
    if why:
        found.append(Finding("entries", "fault", why, REPAIR))
    version = entries[SCHEMA]["version"]
    if version < SCHEMA_VERSION:
        older = f"{version}, of an older vecclust; this one writes {SCHEMA_VERSION}"
        return entries, [*found, Finding("schema", "warning", older, "vecclust scan brings it up to date")]
    return entries, [*found, Finding("schema", "ok", str(version))]


def _names(tables: Tables, entries: Entries) -> list[str]:
    """Name the tables there are, and those there should be."""
    wanted = {META, *FIXED_TABLES, *tables.ledger.tables()}
    if entries:
        wanted |= photo_widths(entries).keys()
    if entries and (run := entries[STATE]["current_run"]) is not None:
        wanted.add(labels_table(run))
    if tables.place.journal.exists():
        wanted.add(EDITS)
    return sorted(wanted | {table for table in tables.place.table_names() if _is_ours(table) and tables.has(table)})


def _is_ours(table: str) -> bool:
    return table in TABLES or is_photo_table(table) or run_of_labels(table) is not None


def _todo(table: str) -> str:
    if table in _READ_AGAIN or is_photo_table(table):
        return f"{REPAIR}, vecclust scan then reads again what is lost"
    return REPAIR


def _lost_edits(tables: Tables, fault: Fault) -> str:
    """Say what brings edits back that the journal does not have either."""
    note, command = tables.ledger.note(EDITS), tables.place.command_to_restore()
    if fault.table != EDITS or note is None or not command:
        return ""
    try:
        lines, _ = read_lines(tables.place.journal)
    except OSError:
        lines = []
    n_there = sum(bool(line.get("verb")) for line in lines)
    return f", {command} then adds what the journal lacks too" if n_there < note.rows else ""


def unnoted_tables(tables: Tables) -> list[str]:
    """Name the tables of which nothing is noted that they could be held against.

    Args:
        tables: the library's tables.
    """
    there = (table for table in tables.place.table_names() if _is_ours(table) and tables.has(table))
    return [table for table in there if tables.ledger.note(table) is None]


def _notes(tables: Tables) -> list[Finding]:
    """Tell of which tables nothing is noted, or something that cannot be read."""
    on_disk, lacking = set(tables.ledger.tables()), unnoted_tables(tables)
    damaged = [table for table in lacking if table in on_disk]
    found = []
    if damaged:
        found.append(Finding("ledger", "fault", f"what is noted of {_listed(damaged)} is damaged", REPAIR))
    if new := [table for table in lacking if table not in on_disk]:
        what = f"nothing is noted yet of {_listed(new)}, so that damage to their files would not be seen"
        found.append(Finding("ledger", "warning", what, f"{_TO_NOTE} it"))
    return found


def _tables_in_order(tables: Tables, readable: Sequence[str], *, depth: CheckDepth, n_faults: int) -> Finding:
    try:
        table = photos_table(Meta(tables).entries())
    except StoreError:
        table = PHOTOS
    photos = f" with {tables.count(table):,} photos" if table in readable else ""
    how = {
        "quick": "their files are there and as long and as old as noted",
        "usual": "their files are as noted, their rows what was written, vectors finite and of norm 1",
        "deep": "every byte as noted, every row what was written, vectors finite and of norm 1",
    }[depth]
    others = "the other " if n_faults else ""
    return Finding("tables", "ok", f"{others}{len(readable)}{photos}: {how}")


def _edits(tables: Tables, readable: Sequence[str], *, schema: int) -> list[Finding]:
    """Hold what the owner said in the table against the journal."""
    try:
        lines, n_damaged = read_lines(tables.place.journal)
    except OSError as error:
        return [Finding("edits", "fault", f"the journal cannot be read: {error.strerror}", "look at its permissions")]
    if tables.has(EDITS) and EDITS not in readable:
        return []
    names = table_schema(EDITS).names
    said = arrow_rows(EDITS, [{name: line.get(name) for name in names} for line in lines if line.get("verb")])
    in_journal = [json.dumps(row, sort_keys=True) for row in said.to_pylist()]
    in_table = [json.dumps(row, sort_keys=True) for batch in tables.read(EDITS) for row in batch.to_pylist()]
    if in_table and schema < SCHEMA_VERSION and not tables.place.journal.exists():
        return [Finding("edits", "warning", f"{len(in_table):,}, which stand in the table alone", f"{_TO_NOTE} it")]
    parts = [f"{n_damaged} lines of the journal are damaged"] * bool(n_damaged)
    if n := len(set(in_journal) - set(in_table)):
        parts.append(f"{n} stand in the journal and not in the table")
    if n := len(set(in_table) - set(in_journal)):
        parts.append(f"{n} stand in the table and not in the journal")
    if parts:
        return [Finding("edits", "fault", ", ".join(parts), REPAIR)]
    return [Finding("edits", "ok", f"{len(in_table):,}, the same in the table and in the journal")]


def _clock(tables: Tables, names: Iterable[str], *, now_ns: int) -> Finding:
    """Hold the clock against the newest commit: one that stands before it makes arrivals older than they are."""
    ahead_s = (max(tables.place.newest(table).written_ns for table in names) - now_ns) / 1e9
    if ahead_s <= CLOCK_LATE_S:
        return Finding("clock", "ok", "not before the newest commit")
    what = f"it stands {_duration(ahead_s)} before the newest commit: this clock is late, or an earlier one was early"
    return Finding("clock", "warning", what, "set the clock; times of arrivals and pauses are told by it")


def _duration(seconds: float) -> str:
    for unit, length_s in (("days", 86_400), ("hours", 3600)):
        if seconds >= 2 * length_s:
            return f"{seconds / length_s:.0f} {unit}"
    return f"{seconds / 60:.0f} minutes"


def _without_copy(tables: Tables, run: str) -> list[str]:
    wanted = (labels_table(run), CLUSTERS, RUNS)
    return [table for table in wanted if read_copy(tables.place, run, table) is None]


def _run_copies(tables: Tables, runs: Sequence[str], *, deep: bool) -> list[Finding]:
    """Look whether the arrays of each kept run are what was noted, and whether its rows stand there twice."""
    found, alone = [], []
    for run in runs:
        fault = tables.ledger.fit_fault(run, deep=deep) and tables.ledger.fit_fault(run, deep=deep)
        if fault is not None:
            files = _listed((*fault.files, *fault.missing))
            found.append(Finding(f"run {run}", "fault", f"{fault.what}: {files}", REPAIR))
        elif tables.ledger.note(f"{FITS}-{run}") is None or _without_copy(tables, run):
            alone.append(run)
    if alone:
        what = f"labels and clusters of {_listed(alone)} stand in the tables alone, or their files are not noted"
        found.append(Finding("copies", "warning", what, "vecclust doctor --repair writes them a second time"))
    return found


def _around(place: LibraryPlace) -> Iterator[Finding]:
    """Look at what lies around the tables: what was set aside, and what nobody knows."""
    aside = place.folder / _SET_ASIDE
    if kept := sorted(os.listdir(aside)) if aside.is_dir() else []:
        sizes = [_size(aside / name) for name in kept]
        named = [f"{_short(name)} ({size / 1e3:,.1f} kB)" for name, size in zip(kept, sizes, strict=True)]
        what = f"{len(kept)} kept from earlier damage, {sum(sizes) / 1e6:.1f} MB: {_listed(named)}"
        yield Finding(_SET_ASIDE, "ok", what, f"nobody reads {aside}; remove it when you miss nothing")
    if killed := sorted(leftovers(place)):
        what = f"{_listed(killed)}: left by a killed process"
        yield Finding("leftovers", "warning", what, "vecclust doctor --repair or the next vecclust scan removes it")
    if stray := sorted(_stray(place)):
        what = f"{_listed(stray)}: not made by vecclust"
        yield Finding("other files", "warning", what, "they are left alone; move them elsewhere")


def leftovers(place: LibraryPlace) -> Iterator[str]:
    """Name what a writer makes for a moment and the next one removes.

    Args:
        place: the library.
    """
    for part in (place.tables, place.fits):
        if part.is_dir():
            yield from (f"{part.name}/{name}" for name in os.listdir(part) if name.startswith((".dropped-", ".probe-")))


def _stray(place: LibraryPlace) -> Iterator[str]:
    """Name what lies in the library's folder and is nothing of vecclust's."""
    yield from place.foreign()
    known = (".dropped-", ".probe-")
    if place.tables.is_dir():
        for name in os.listdir(place.tables):
            if not _is_ours(name.removesuffix(".lance")) and not name.startswith(known):
                yield f"tables/{name}"
    if place.fits.is_dir():
        runs = set(place.fit_runs())
        yield from (
            f"fits/{name}" for name in os.listdir(place.fits) if name not in runs and not name.startswith(known)
        )


def _size(path: Path) -> int:
    if not path.is_dir():
        return path.lstat().st_size
    return sum(os.lstat(os.path.join(below, name)).st_size for below, _, names in os.walk(path) for name in names)


def _short(name: str) -> str:
    return name if len(name) <= 40 else f"{name[:28]}…{name[-11:]}"


def _listed(names: Sequence[Any]) -> str:
    """Name the first of some things."""
    shown = ", ".join(map(str, names[:3]))
    return f"{shown} and {len(names) - 3} more" if len(names) > 3 else shown

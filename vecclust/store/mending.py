"""Make a damaged library whole again, as far as that can be done without its photos, and say what was done.

A writer does this before anything else, in this order: records of commits that are torn or gone are written anew from
their copies; then each table that is still not what was noted is read row by row as far as it can be, what is in it is
held against its sums, and it is written anew of what is whole. What is missing then comes from where it stands a second
time: entries from the ledger, edits from the journal, labels, clusters and runs from the folders of the runs. Photos,
thumbnails and files are read again by the next scan. Nothing that is taken out is deleted: it lies in `set-aside`.
"""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import numpy as np

from vecclust.errors import StoreDamaged, StoreError
from vecclust.store.copies import read_copy
from vecclust.store.files import file_key
from vecclust.store.journal import Line, add_lines, read_lines
from vecclust.store.layout import (
    CLUSTERS,
    EDITS,
    META,
    RUNS,
    TIMELINE,
    LibraryPlace,
    is_photo_table,
    labels_table,
    manifest_number,
    manifests,
    run_number,
    run_of_labels,
)
from vecclust.store.ledger import Fault, Ledger
from vecclust.store.photos import NORM_TOLERANCE
from vecclust.store.schema import (
    CHECKED,
    FILES,
    FIXED_TABLES,
    MODEL,
    NAMES,
    STATE,
    Meta,
    arrow_rows,
    photo_widths,
    row_checks,
    table_schema,
)
from vecclust.store.tables import Tables, border
from vecclust.types.clusters import AssignedBy
from vecclust.types.files import FileState
from vecclust.types.status import LibraryState
from vecclust.types.timeline import TIMELINE_ID, TimelineKind

_log = logging.getLogger(__name__)

# What is read at once of a damaged table: a fragment's end is found to the row all the same.
_BLOCK_ROWS = 4096
_HASH = re.compile(r"[0-9a-f]{64}")
_CLUSTER = re.compile(r"c[1-9][0-9]{0,17}")


def mend(tables: Tables, meta: Meta, faults: Sequence[Fault]) -> list[str]:
    """Write damaged tables anew, and fill them from where their rows stand a second time.

    Args:
        tables: the library's tables, open for writing.
        meta: its entries.
        faults: what `mend_files` left.

    Returns:
        What was done, a sentence each, for the library's owner.
    """
    done, found = [], {fault.table: fault for fault in faults}
    for fault in _emptied(tables):
        found.setdefault(fault.table, fault)
    if META in found or not tables.place.is_library:
        done += _mend_entries(tables, found.pop(META, None))
    if tables.place.is_library:
        widths = photo_widths(meta.entries())
        # What is being filled for another model is not the library's yet; whoever fills it writes it at this moment.
        others = set(tables.place.photo_tables()) - widths.keys()
        found = {table: fault for table, fault in found.items() if table not in others}
        wanted = {*FIXED_TABLES, *widths}
        for table in sorted(table for table in wanted if not tables.has(table)):
            found.setdefault(table, Fault(table, "it is missing", lost=True))
        for table in (*_unnoted(tables), *tables.ledger.tables()):
            if table not in {*found, *others, META} and tables.ledger.note(table) is None:
                found |= _first_note(tables, table)
        # Photos before labels, runs before what names them.
        for fault in sorted(found.values(), key=lambda fault: (fault.table.startswith("labels_"), fault.table)):
            dim = widths.get(fault.table, 0)
            done.append(_mend_table(tables, fault, dim=dim, state=LibraryState(**meta.entries()[STATE])))
        done += _agree(tables)
        state = LibraryState(**meta.entries()[STATE])
        done += restore_run(tables, state.current_run, state) if state.current_run is not None else []
    return done


def mend_files(place: LibraryPlace, ledger: Ledger, *, deep: bool = False) -> tuple[list[Fault], list[str]]:
    """Set aside what a power loss tore, and write the records of commits anew from their copies.

    Args:
        place: the library.
        ledger: what its tables should consist of.
        deep: read every byte, also of files that look as they did.

    Returns:
        What is not right even then, and what was done.
    """
    done = [f"a last commit was torn and lies in {aside} now" for aside in place.set_torn_aside()]
    faults = []
    for table in ledger.tables():
        done += _drop_unfinished(place, ledger, table)
        fault = ledger.table_fault(table, deep=deep)
        if fault is not None and fault.lost and write_manifest(place, ledger, table):
            done.append(f"the table {table}: {fault.what}; it was written anew from its copy")
            fault = ledger.table_fault(table, deep=deep)
        if fault is not None:
            faults.append(fault)
    for run in ledger.fits():
        fault = ledger.fit_fault(run, deep=deep)
        if fault is not None:
            for path in fault.files:
                set_aside(place, place.fit(run) / path)
            ledger.forget_fit(run)
            done.append(f"run {run}: {fault.what}; what arrivals are placed by is computed again")
    return faults, done


def _drop_unfinished(place: LibraryPlace, ledger: Ledger, table: str) -> list[str]:
    """Go back before a commit that nobody was told of, where a power loss took its files and left its record."""
    if not (torn := ledger.torn_files(table)):
        return []
    note = ledger.note(table)
    for manifest in manifests(place.table(table)):
        if note is not None and manifest_number(manifest) > note.version:
            set_aside(place, manifest)
    for path in torn:
        set_aside(place, path)
    return [f"the table {table}: a commit that was never finished was torn, the one before it is in force"]


def set_aside(place: LibraryPlace, path: Path) -> Path | None:
    """Move a file or folder out of the way, keeping it.

    Args:
        place: the library.
        path: of it; nothing happens where it is not there.

    Returns:
        Where it is now, or None.
    """
    inside = "-".join(path.relative_to(place.folder).parts)
    aside = place.folder / "set-aside" / f"{inside}-{uuid.uuid4().hex[:8]}"
    aside.parent.mkdir(mode=0o700, exist_ok=True)
    try:
        path.rename(aside)
    except FileNotFoundError:
        return None
    return aside


def write_manifest(place: LibraryPlace, ledger: Ledger, table: str) -> bool:
    """Write the record of the noted commit anew.

    Args:
        place: the library.
        ledger: what its tables should consist of.
        table: whose record.

    Returns:
        Whether it is there; not where the table's files are gone with it.
    """
    note = ledger.note(table)
    if note is None or (note.files and not (place.table(table) / "data").is_dir()):
        return False
    manifest = place.manifest(table, note.version)
    set_aside(place, manifest)
    manifest.parent.mkdir(parents=True, exist_ok=True)
    new = manifest.with_name(f".{uuid.uuid4().hex}")
    new.write_bytes(note.manifest)
    new.replace(manifest)
    return True


def _mend_entries(tables: Tables, fault: Fault | None) -> list[str]:
    """Make the library's own entries again as they were noted; nothing where nothing is, as in a new library."""
    note = tables.ledger.note(META)
    if note is None or note.kept is None:
        return []
    tables.create(META, arrow_rows(META, [{"key": key, "value": value} for key, value in note.kept]))
    for path in () if fault is None else fault.files:
        set_aside(tables.place, tables.place.table(META) / path)
    tables.record(META)
    what = "they were missing" if fault is None else fault.what
    return [f"the library's own entries: {what}; they were written anew from their copy"]


def _emptied(tables: Tables) -> Iterator[Fault]:
    """Find tables that lost rows in a commit that is not ours, and go back before it."""
    for table in tables.ledger.tables():
        note = tables.ledger.note(table)
        if note is None or tables.place.newest(table).number <= note.version or not tables.shrank(table):
            continue
        for manifest in manifests(tables.place.table(table)):
            if manifest_number(manifest) > note.version:
                set_aside(tables.place, manifest)
        write_manifest(tables.place, tables.ledger, table)
        tables.renew()
        what = f"most of its {note.rows} rows were gone"
        yield tables.ledger.table_fault(table) or Fault(table, what)


def _unnoted(tables: Tables) -> list[str]:
    noted = set(tables.ledger.tables())
    return [table for table in tables.place.table_names() if table not in noted and tables.has(table)]


def _first_note(tables: Tables, table: str) -> dict[str, Fault]:
    """Note a table of which nothing is noted yet, if it can be read from end to end."""
    try:
        for _ in tables.read(table):
            pass
        tables.record(table)
    except StoreError as error:
        return {table: Fault(table, f"it cannot be read ({error.message})")}
    return {}


def _mend_table(tables: Tables, fault: Fault, *, dim: int, state: LibraryState) -> str:
    """Write one table anew of what is whole and of what stands elsewhere, and say so."""
    table = fault.table
    schema = table_schema(table, dim=dim)
    if fault.lost or tables.ledger.note(table) is None:
        _go_back_to_readable(tables, table)
    rows, n_before = salvaged(tables, fault, schema)
    n_whole = rows.num_rows
    rows = _completed(tables, table, rows, trusted=not fault.files, state=state)
    # Edits come with the first of them; where there were some their table is to be there.
    if table != EDITS or n_before or rows.num_rows or tables.has(table):
        tables.create(table, rows)
    for path in fault.files:
        set_aside(tables.place, tables.place.table(table) / path)
    tables.record(table)
    whole = f"{n_whole} of {n_before} rows are whole" if n_whole or not n_before else f"none of {n_before} rows is left"
    n_lost, n_back = n_before - n_whole, rows.num_rows - n_whole
    if table == EDITS and n_lost > n_back:
        return f"the table {table}: {fault.what}; {whole}{_edits_gone(tables.place, n_back)}"
    return f"the table {table}: {fault.what}; {whole}{_next_step(table, n_lost, n_back)}"


def _go_back_to_readable(tables: Tables, table: str) -> None:
    """Set records aside that cannot be read and have no copy, so that the commit before counts; or the whole table."""
    for manifest in manifests(tables.place.table(table)):
        try:
            tables.query(table, lambda handle: handle.schema)
            return
        except StoreDamaged:
            set_aside(tables.place, manifest)
            tables.renew()
    set_aside(tables.place, tables.place.table(table))


def _edits_gone(place: LibraryPlace, n_back: int) -> str:
    """Say that neither table nor journal has some edits, and what may."""
    back = f", {n_back} were written anew from their copies" if n_back else ""
    command = place.command_to_restore()
    return f"{back}, the others are gone" + (f"; {command} adds those it has" if command else "")


def _next_step(table: str, n_lost: int, n_back: int) -> str:
    if n_back > 0:
        return f", {n_back} were written anew from their copies"
    if is_photo_table(table):
        return ", the others are embedded again from their files"
    if not n_lost and table != FILES:
        return ""
    match table:
        case "files":
            return ", the others are found again in their folders"
        case "thumbnails":
            return ", the others are made again from their files"
    return ", the others are computed again" if table.startswith("labels_") else ", the others are gone"


def salvaged(tables: Tables, fault: Fault, schema: Any) -> tuple[Any, int]:
    """Read what of a table can be read and is what it was.

    Args:
        tables: the library's tables, open for writing.
        fault: what is wrong with it.
        schema: the columns that it should have.

    Returns:
        Those rows, and how many there should be.
    """
    import pyarrow as pa

    table, note = fault.table, tables.ledger.note(fault.table)
    n_before = note.rows if note is not None else 0
    parts: list[Any] = []
    if tables.has(table):
        try:
            parts = list(tables.read(table))
        except StoreError:
            parts = list(_readable(tables, table))
    read = [pa.Table.from_batches([part]) if isinstance(part, pa.RecordBatch) else part for part in parts]
    fitting = [_as_declared(part, schema) for part in read]
    rows = pa.concat_tables([part for part in fitting if part is not None] or [schema.empty_table()])
    whole = whole_rows(table, rows) if rows.num_rows else []
    if not all(whole) and not fault.files:
        # Where a file goes to `set-aside` they are in it.
        _keep_rows(tables.place, table, _only(rows, (not one for one in whole)))
    return _first_of_each(_only(rows, whole)), max(n_before, rows.num_rows)


def _keep_rows(place: LibraryPlace, table: str, rows: Any) -> None:
    """Write rows that are taken out of a table where they can be looked at."""
    import pyarrow as pa

    file = place.folder / "set-aside" / f"rows-of-{table}-{uuid.uuid4().hex[:8]}.arrow"
    file.parent.mkdir(mode=0o700, exist_ok=True)
    with pa.OSFile(str(file), "wb") as out, pa.ipc.new_file(out, rows.schema) as writer:
        writer.write_table(rows)


def _readable(tables: Tables, table: str) -> Iterator[Any]:
    """Read block by block, passing over what cannot be read: usually one fragment, found to the row."""
    try:
        n_rows = tables.query(table, lambda handle: int(handle.count_rows()))
    except StoreError:
        return

    def read(first: int, n: int) -> Any:
        offsets = list(range(first, min(n_rows, first + n)))
        try:
            return tables.query(table, lambda handle: handle.take_offsets(offsets).to_arrow())
        except StoreError:
            return None

    at = 0
    while at < n_rows:
        size = _BLOCK_ROWS
        while (part := read(at, size)) is None and size > 1:
            size //= 2
        if part is not None:
            yield part
            at += part.num_rows or size
            continue
        at = _next_readable(lambda row: read(row, 1) is not None, at, n_rows)


def _next_readable(can_read: Callable[[int], bool], bad: int, end: int) -> int:
    """Find where reading goes on behind a row that cannot be read, taking what lies between for one piece."""
    step = 1
    while bad + step < end and not can_read(bad + step):
        step *= 2
    low, high = bad + step // 2, min(bad + step, end)
    while low + 1 < high:
        middle = (low + high) // 2
        low, high = (low, middle) if can_read(middle) else (middle, high)
    return high


def _as_declared(part: Any, schema: Any) -> Any:
    """Give rows the columns a table should have; None where they cannot be had."""
    import pyarrow as pa

    try:
        columns = [
            part.column(field.name).cast(field.type)
            if field.name in part.schema.names
            else pa.nulls(len(part), field.type)
            for field in schema
        ]
        return pa.table(columns, schema=schema)
    except pa.ArrowException:
        return None


def _first_of_each(rows: Any) -> Any:
    """Drop what repeats a key, the first column where a table has one."""
    if not rows.num_rows or not rows.schema.field(0).metadata:
        return rows
    seen: set[str] = set()
    first = [key not in seen and not seen.add(key) for key in rows.column(0).to_pylist()]  # type: ignore[func-returns-value]
    return rows if all(first) else _only(rows, first)


def _only(rows: Any, wanted: Iterable[bool]) -> Any:
    import pyarrow as pa

    return rows.filter(pa.array(list(wanted), pa.bool_()))


def whole_rows(table: str, rows: Any) -> list[bool]:
    """Tell of each row whether it is what vecclust writes.

    Args:
        table: whose rows.
        rows: an arrow table of all its columns.
    """
    if table in CHECKED or is_photo_table(table):
        sums, noted = row_checks(rows).to_pylist(), rows.column("check").to_pylist()
        whole = [wanted is None or wanted == found for wanted, found in zip(noted, sums, strict=True)]
        if is_photo_table(table):
            flat = rows.column("vector").combine_chunks().flatten().to_numpy(zero_copy_only=False)
            with np.errstate(over="ignore", invalid="ignore"):
                norms = np.linalg.norm(flat.reshape(rows.num_rows, -1), axis=1)
                fit = np.abs(norms - 1) <= NORM_TOLERANCE
            whole = [one and bool(other) for one, other in zip(whole, fit, strict=True)]
        return whole
    judge = _JUDGES.get(table, _is_label if table.startswith("labels_") else lambda _row: True)
    return [_holds(judge, row) for row in rows.to_pylist()]


def _holds(judge: Callable[[Mapping[str, Any]], bool], row: Mapping[str, Any]) -> bool:
    try:
        return judge(row)
    except (ValueError, TypeError, KeyError, AttributeError):
        return False


def _is_label(row: Mapping[str, Any]) -> bool:
    known = row["assigned_by"] in get_args(AssignedBy) and bool(_HASH.fullmatch(row["photo"]))
    return known and 0 <= row["strength"] <= 1 and (row["cluster"] is None or bool(_CLUSTER.fullmatch(row["cluster"])))


def _is_file(row: Mapping[str, Any]) -> bool:
    named = file_key(os.fsdecode(row["root"]), os.fsdecode(row["path"])) == row["file"]
    return (
        named and row["state"] in get_args(FileState) and (row["photo"] is None or bool(_HASH.fullmatch(row["photo"])))
    )


def _is_run(row: Mapping[str, Any]) -> bool:
    figures = [json.loads(row[name]) for name in ("params", "figures", "seconds", "changes")]
    return run_number(row["run"]) == row["number"] > 0 and all(isinstance(one, dict) for one in figures)


def _is_cluster(row: Mapping[str, Any]) -> bool:
    named = run_number(row["run"]) == row["number"] > 0 and bool(_CLUSTER.fullmatch(row["cluster"]))
    return named and isinstance(json.loads(row["sources"]), list) and row["size"] >= 0


_JUDGES: Mapping[str, Callable[[Mapping[str, Any]], bool]] = {
    FILES: _is_file,
    RUNS: _is_run,
    CLUSTERS: _is_cluster,
    NAMES: lambda row: bool(_CLUSTER.fullmatch(row["cluster"])) and bool(row["name"].strip()),
    EDITS: lambda row: row["number"] > 0 and bool(row["verb"]),
    TIMELINE: lambda row: bool(TIMELINE_ID.fullmatch(row["id"])) and row["kind"] in get_args(TimelineKind),
}


def _completed(tables: Tables, table: str, rows: Any, *, trusted: bool, state: LibraryState) -> Any:
    """Add what stands elsewhere; where rows are in doubt, what stands elsewhere wins."""
    place = tables.place
    if table == EDITS:
        with border("reading the journal", place=place.folder):
            said = _journal_rows(read_lines(place.journal)[0])
        numbers = set(said.column("number").to_pylist())
        kept = _only(rows, (number not in numbers for number in rows.column("number").to_pylist()))
        return _joined([said, kept])
    if (run := run_of_labels(table)) is not None:
        copy = read_copy(place, run, table)
        if copy is None:
            return rows
        # Also of photos that are not there: a scan may bring them back, and removes what is left of the others.
        return _first_of_each(_joined([copy, rows] if trusted else [copy]))
    if table in (RUNS, CLUSTERS):
        runs = [run for run in place.fit_runs() if run_number(run) <= state.last_run]
        copies = [copy for run in runs if (copy := read_copy(place, run, table)) is not None]
        copied = {run for copy in copies for run in copy.column("run").to_pylist()}
        kept = _only(rows, (run not in copied for run in rows.column("run").to_pylist()))
        return _joined([*copies, kept])
    return rows


def _joined(parts: Iterable[Any]) -> Any:
    import pyarrow as pa

    parts = list(parts)
    schema = parts[-1].schema
    return pa.concat_tables([declared for part in parts if (declared := _as_declared(part, schema)) is not None])


def _journal_rows(lines: Iterable[Line]) -> Any:
    names = table_schema(EDITS).names
    return arrow_rows(EDITS, [{name: line.get(name) for name in names} for line in lines if line.get("verb")])


def _agree(tables: Tables) -> list[str]:
    """Bring the log of edits and the journal in step: what one lacks comes from the other."""
    place, done = tables.place, []
    with border("bringing the journal in step", place=place.folder):
        lines, n_damaged = read_lines(place.journal)
    if n_damaged:
        aside = place.folder / "set-aside" / f"{place.journal.name}-{uuid.uuid4().hex[:8]}"
        aside.parent.mkdir(mode=0o700, exist_ok=True)
        shutil.copy2(place.journal, aside)
        done.append(f"{n_damaged} lines of the journal were damaged; as it was it lies in {aside}")
    said = {tuple(row.values()): row for row in _journal_rows(lines).to_pylist()}
    kept = {
        tuple(row.values()): row for batch in tables.read(EDITS, table_schema(EDITS).names) for row in batch.to_pylist()
    }
    lacking = [row for key, row in said.items() if key not in kept]
    unsaid = [row for key, row in kept.items() if key not in said]
    if lacking:
        tables.add(EDITS, arrow_rows(EDITS, lacking))
        done.append(f"{len(lacking)} edits were missing and came back from the journal")
    with border("bringing the journal in step", place=place.folder):
        if n_damaged:
            new = place.journal.with_name(f".{uuid.uuid4().hex}")
            add_lines(new, [*lines, *unsaid])
            new.replace(place.journal)
        else:
            add_lines(place.journal, unsaid)
    return done


def restore_run(tables: Tables, run: str, state: LibraryState) -> list[str]:
    """Make sure that a run has labels, clusters and a row, which may have no copy in older libraries.

    Args:
        tables: the library's tables, open for writing.
        run: its id; one that can be gone back to.
        state: which runs there are.

    Returns:
        What was done, a sentence each.
    """
    labels, done = labels_table(run), []
    if not tables.has(labels):
        empty = Fault(labels, "it is missing", lost=True)
        done.append(_mend_table(tables, empty, dim=0, state=state))
    has_clusters, has_row = (
        any(batch.num_rows for batch in tables.read(table, ["run"], where={"run": [run]})) for table in (CLUSTERS, RUNS)
    )
    if has_clusters and has_row:
        return done
    found = [row for batch in tables.read(labels, ["photo", "cluster", "strength"]) for row in batch.to_pylist()]
    if not has_clusters and any(row["cluster"] for row in found):
        tables.add(CLUSTERS, arrow_rows(CLUSTERS, _clusters_of(run, found)))
        done.append(f"the clusters of run {run} were missing and were read off its labels")
    if not has_row:
        entries = Meta(tables).entries()[MODEL]
        row = {
            **{"run": run, "number": run_number(run), "created_ns": time.time_ns(), "reason": "repair"},
            **{"model": entries["model_id"] if entries else "", "n_photos": len(found)},
            **{"n_clusters": len({row["cluster"] for row in found} - {None})},
            **{"n_noise": sum(row["cluster"] is None for row in found)},
            **dict.fromkeys(("params", "figures", "seconds", "changes"), "{}"),
        }
        tables.add(RUNS, arrow_rows(RUNS, [row]))
        done.append(f"the row of run {run} was missing and was counted anew")
    return done


def _clusters_of(run: str, labels: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Read clusters off labels: the strongest photo stands for each."""
    members: dict[str, list[tuple[float, str]]] = {}
    for row in labels:
        if row["cluster"]:
            members.setdefault(row["cluster"], []).append((row["strength"], row["photo"]))
    return [
        {
            **{"run": run, "number": run_number(run), "cluster": cluster, "size": len(found)},
            **{"medoid": max(found)[1], "strength": sum(one for one, _ in found) / len(found)},
            **{"event": "kept", "sources": json.dumps([cluster])},
        }
        for cluster, found in sorted(members.items())
    ]

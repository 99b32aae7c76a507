"""The shape of a library: its tables column by column, and its own entries with the version that names the shape.

Photos and thumbnails are two tables so that compacting vectors does not rewrite pictures. Labels are one narrow table
per run: a refit writes its own unseen, and one commit of `meta` makes it the current one. Keys are declared as primary
keys and never null; two writers merging the same new key would otherwise both insert. Times lie as integers, mappings
as JSON that is pure ASCII.

Entries are one small table, `meta`, that each commit replaces as a whole, so entries that belong together change
together: the current run, the last run's number and the next cluster's number flip in one step, and a migration is
recorded with what it changed. What a migration changes in other tables comes before that commit, so such a change must
be harmless when done twice: a step that was killed is simply done again. A library of a newer vecclust is never
touched. Which table holds the photos is an entry too, for a library may be given another model: see `models`.
"""

from __future__ import annotations

import json
import logging
import threading
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import asdict, dataclass
from operator import attrgetter, itemgetter
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from vecclust.errors import StoreDamaged, StoreError, StoreTooNew
from vecclust.store.failures import MEND_HINT
from vecclust.store.layout import (
    CLUSTERS,
    EDITS,
    META,
    RUNS,
    TIMELINE,
    LibraryPlace,
    StoreSettings,
    is_photo_table,
    labels_table,
)
from vecclust.store.tables import Tables
from vecclust.store.upgrades import kept_as_before
from vecclust.types.files import Root, SkipKind
from vecclust.types.photos import Framing
from vecclust.types.status import LibraryModel, LibraryState

_log = logging.getLogger(__name__)

SCHEMA_VERSION = 4

PHOTOS = "photos"
THUMBNAILS = "thumbnails"
FILES = "files"
NAMES = "names"
# Made with the library; `photos` needs a width and comes with the model, `words` comes with the first edit, `meta`
# comes last and ends the making.
FIXED_TABLES = (THUMBNAILS, FILES, RUNS, CLUSTERS, NAMES)

# What labels say of arrivals since schema 2; nothing of photos that were fitted.
ARRIVAL_COLUMNS = "novelty float?, newcomer bool?"

# A sum over the rest of a row, since schema 3: what rots in one row costs that row and not its file. See `row_checks`.
CHECK_COLUMN = "check int64?"
CHECKED = (PHOTOS, THUMBNAILS)

# What took a photo, since schema 4; nothing of photos that were read before.
CAMERA_COLUMN, CAMERAS_SINCE = "camera string?", 4

# Column and type of each table, in order; what ends in `?` may be null, and a key is text that is unique.
_COLUMNS = {
    PHOTOS: "photo key, vector vector, model string, width_px int64, height_px int64, size_bytes int64, taken string?,"
    " taken_source string?, taken_ns int64?, latitude double?, longitude double?, added_ns int64,"
    " camera string?, check int64?",
    THUMBNAILS: "photo key, jpeg binary, check int64?",
    FILES: "file key, root binary, path binary, size_bytes int64, mtime_ns int64, ctime_ns int64, inode uint64,"
    " photo string?, state string, attempts int64, next_try_ns int64, reason string, missing_since_ns int64",
    RUNS: "run key, number int64, created_ns int64, model string, params string, n_photos int64, n_clusters int64,"
    " n_noise int64, figures string, seconds string, parent string?, reason string, changes string",
    CLUSTERS: "run string, number int64, cluster string, size int64, medoid string, strength double, event string,"
    " sources string",
    NAMES: "cluster key, name string, named_by string, named_ns int64",
    EDITS: "number int64, verb string, photo string?, cluster string?, other string?, name string, run string?,"
    " said_ns int64",
    TIMELINE: "id key, kind string, anchors string, n_photos int64",
    META: "key key, value string",
}
# All but those of labels.
TABLES = tuple(_COLUMNS)
_LABEL_COLUMNS = "photo key, cluster string?, strength float, assigned_by string, " + ARRIVAL_COLUMNS
_KEY = {"lance-schema:unenforced-primary-key:position": "1"}

# The entries, by key.
SCHEMA = "schema"
MODEL = "model"
ROOTS = "roots"
# Beside the roots, by their path: entries of their own, so that an earlier vecclust reads the roots as they were.
SKIPPED = "skipped"
DRIVES = "drives"
STATE = "state"
# Since schema 3, once a library was given another model: the table of the photos, and the model before with its own.
PHOTOS_TABLE = "photos_table"
FORMER = "former_model"

# What is told of drives, by the names of `Root`.
_DRIVE_FIELDS = ("volumes", "drives", "held")

Entries = dict[str, Any]


def table_schema(table: str, *, dim: int = 0) -> Any:
    """Lay out a table.

    Args:
        table: its name.
        dim: the width of vectors; only `photos` needs it.

    Returns:
        An arrow schema.
    """
    import pyarrow as pa

    columns = _COLUMNS.get(PHOTOS if is_photo_table(table) else table, _LABEL_COLUMNS)
    return pa.schema(fields(columns, dim=dim))


def fields(columns: str, *, dim: int = 0) -> list[Any]:
    """Turn column declarations into arrow fields.

    Args:
        columns: names and types, as this module declares them.
        dim: the width of a vector.
    """
    import pyarrow as pa

    made = []
    for column in columns.split(", "):
        name, kind = column.split()
        plain = kind.rstrip("?")
        if plain == "key":
            made.append(pa.field(name, pa.string(), nullable=False, metadata=_KEY))
        else:
            of_type = pa.list_(pa.float32(), dim) if plain == "vector" else pa.type_for_alias(plain)
            made.append(pa.field(name, of_type, nullable=kind != plain))
    return made


def arrow_table(table: str, rows: Sequence[Any], *, dim: int = 0, **derived: Callable[[Any], Any]) -> Any:
    """Lay out records as rows of a table.

    Args:
        table: its name.
        rows: the records; a column is their attribute of its name.
        dim: the width of vectors; only `photos` needs it.
        derived: by column, what makes its value of a record where that is no attribute as it stands.
    """
    import pyarrow as pa

    schema = table_schema(table, dim=dim)
    plain = schema if table not in CHECKED else schema.remove(schema.get_field_index("check"))
    values = {name: derived.get(name, attrgetter(name)) for name in plain.names}
    made = pa.table({name: [value(row) for row in rows] for name, value in values.items()}, schema=plain)
    return made if plain is schema else made.append_column(schema.field("check"), row_checks(made))


def arrow_rows(table: str, rows: Sequence[Mapping[str, Any]]) -> Any:
    """Lay out plain values as rows of a table without vectors.

    Args:
        table: its name.
        rows: values by column; what is left out is null.
    """
    import pyarrow as pa

    return pa.Table.from_pylist(list(rows), schema=table_schema(table))


def row_checks(data: Any) -> Any:
    """Sum up each row: the CRC-32 of its values as text, vectors and pictures as the bytes they are.

    Args:
        data: an arrow table or batch of a checked table; its column `check` is left out, and so is a camera that
            is not known, for rows that were summed up before there were any.

    Returns:
        An arrow array of int64, one sum a row.
    """
    import pyarrow as pa

    columns = [_summable(data.column(name)) for name in data.schema.names if name not in ("check", "camera")]
    sums = [zlib.crc32(b"\x1f".join(values)) for values in zip(*columns, strict=True)]
    if "camera" in data.schema.names:
        cameras = data.column("camera").to_pylist()
        sums = [
            one if camera is None else zlib.crc32(b"\x1f" + camera.encode("utf-8"), one)
            for one, camera in zip(sums, cameras, strict=True)
        ]
    return pa.array(sums, pa.int64())


def _summable(column: Any) -> list[bytes]:
    import pyarrow as pa

    if pa.types.is_fixed_size_list(column.type):
        flat = (column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column).flatten()
        vectors = flat.to_numpy(zero_copy_only=False).astype("<f4", copy=False).reshape(len(column), -1)
        return [vector.tobytes() for vector in vectors]
    values = column.to_pylist()
    return values if pa.types.is_binary(column.type) else [repr(value).encode("ascii", "replace") for value in values]


def to_json(value: Any) -> str:
    """Write a value as JSON that is pure ASCII, so that surrogate escapes come back as they were.

    Args:
        value: what JSON can hold, numpy scalars and arrays included.
    """
    return json.dumps(value, default=_plain_number, sort_keys=True)


def refuse_repeated(keys: Sequence[str], *, what: str) -> None:
    """Raise where a key stands twice: one batch holding a new key twice would insert both.

    Args:
        keys: the keys of one batch.
        what: what a key names, for the message.

    Raises:
        ValueError: with the first key that stands twice.
    """
    if len(set(keys)) != len(keys):
        seen: set[str] = set()
        twice = next(key for key in keys if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise ValueError(f"{what} {twice} stands twice in one batch")


def _plain_number(value: Any) -> Any:
    """JSON for the numpy scalars that figures are full of."""
    if isinstance(value, (np.generic, np.ndarray)):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} cannot be kept as JSON")


class Meta:
    """The entries of one library.

    Args:
        tables: its tables.
        laid_over: entries that are read in place of those that are kept, and kept with the next commit.
    """

    def __init__(self, tables: Tables, *, laid_over: Mapping[str, Any] = MappingProxyType({})) -> None:
        self._tables = tables
        self._laid_over = laid_over

    def create(self) -> None:
        """Write the first entries; with them the making of the library is complete."""
        entries: Entries = {
            SCHEMA: {"version": SCHEMA_VERSION, "migrations": []},
            MODEL: None,
            ROOTS: [],
            STATE: asdict(LibraryState()),
        }
        self._tables.create(META, meta_table(entries))

    def entries(self) -> Entries:
        """Give all entries of one version, not to be changed in place.

        Raises:
            StoreDamaged: they are not what vecclust writes.
        """
        return {**self._tables.reading(META, "entries", self._read), **self._laid_over}

    def commit(self, changes: Mapping[str, Any]) -> None:
        """Change entries, all in one commit, and keep the others; the caller holds off other writing threads.

        Args:
            changes: the new values of some entries.
        """
        self._tables.renew()
        self._tables.replace(META, meta_table({**self.entries(), **changes}))

    def commit_state(self, state: LibraryState) -> None:
        """Make another run the current one.

        Args:
            state: the run, and the numbers given so far.
        """
        self.commit({STATE: asdict(state)})

    def _read(self) -> Entries:
        rows = list(self._tables.rows(META, ["key", "value"]))
        try:
            entries = {key: json.loads(value) for key, value in rows}
            if not isinstance(entries[SCHEMA]["version"], int):
                raise TypeError("the schema version is no number")
            # One of a newer vecclust may have others; it is refused for what it is.
            if entries[SCHEMA]["version"] <= SCHEMA_VERSION and (missing := {MODEL, ROOTS, STATE} - entries.keys()):
                raise KeyError(min(missing))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise StoreDamaged(
                f"the library's own entries cannot be read in {self._tables.place.folder}: {error!r}",
                hint=MEND_HINT,
            ) from error
        return entries


def meta_table(entries: Entries) -> Any:
    """Lay out the library's own entries.

    Args:
        entries: all of them.
    """
    return arrow_table(META, list(entries.items()), key=itemgetter(0), value=lambda entry: to_json(entry[1]))


def way_back(place: LibraryPlace) -> str:
    """Say what is to be done about a library whose own entries are lost with their copy.

    Args:
        place: the library.
    """
    todo, command = "restore a backup (vecclust restore FILE), or scan into a new library", place.command_to_restore()
    return f"{todo}: {command} brings names and edits into that one" if command else todo


def make_tables(tables: Tables, meta: Meta) -> None:
    """Make the tables of a new library, also where a making was killed.

    Args:
        tables: the library's tables.
        meta: its entries.

    Raises:
        StoreDamaged: it has photos, so it is not new.
    """
    if any(tables.count(table) for table in tables.place.photo_tables()):
        todo = way_back(tables.place)
        raise StoreDamaged(
            f"the library's own entries are missing in {tables.place.folder}, its photos are there",
            hint=f"{todo[:1].upper()}{todo[1:]}",
        )
    for table in tables.place.table_names():
        tables.drop(table)
    for table in FIXED_TABLES:
        tables.create(table, table_schema(table).empty_table())
    meta.create()


class StorePart:
    """What every part of a store stands on: tables, entries, settings and a lock for threads.

    Args:
        tables: the library's tables.
        meta: the library's entries.
        settings: how to commit and to tidy up.
    """

    def __init__(self, *, tables: Tables, meta: Meta, settings: StoreSettings) -> None:
        self._tables = tables
        self._meta = meta
        self._settings = settings
        # Several threads of a daemon share one store; whatever takes more than one commit holds this meanwhile.
        self._writing_lock = threading.RLock()

    @property
    def folder(self) -> Path:
        """The library's directory."""
        return self._tables.place.folder

    def state(self) -> LibraryState:
        """Tell which run is current, and the numbers given so far."""
        return LibraryState(**self._meta.entries()[STATE])

    def model(self) -> LibraryModel | None:
        """Tell the model of the library's vectors, None while it is bound to none."""
        entry = self._meta.entries()[MODEL]
        return None if entry is None else read_model(entry)

    @property
    def _photos(self) -> str:
        """The table of the photos, whose vectors are those of the library's model."""
        return photos_table(self._meta.entries())

    def roots(self) -> list[Root]:
        """List the folders the library keeps in step with, as they were given."""
        entries = self._meta.entries()
        skipped, drives = entries.get(SKIPPED, {}), entries.get(DRIVES, {})
        return [_read_root(entry, skipped, drives) for entry in entries[ROOTS]]

    def snapshot(self) -> AbstractContextManager[None]:
        """Answer one question within: each table is read at one version, the newest one when it is first asked for.

        Which run is current and what the owner changed is asked at the beginning. Snapshots within one another are
        one. A snapshot is its thread's own and short-lived: an hour later, maintenance may remove what it reads. What
        the thread itself writes within is seen at once, with all that others wrote meanwhile.
        """
        return self._tables.snapshot(META, EDITS)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Be the one thread that writes, on the newest version of every table."""
        with self._writing_lock:
            self._tables.renew()
            yield


def read_model(entry: Entries) -> LibraryModel:
    """Read a model as it is kept.

    Args:
        entry: its fields, as `asdict` gives them.
    """
    return LibraryModel(**{**entry, "framing": Framing(**entry["framing"])})


def photos_table(entries: Entries) -> str:
    """Name the table of the photos that a library answers from.

    Args:
        entries: of the library; may be empty.
    """
    return str(entries.get(PHOTOS_TABLE, PHOTOS))


def photo_widths(entries: Entries) -> dict[str, int]:
    """Give the tables of photos that a library answers from, or may go back to, and the width of their vectors.

    Args:
        entries: of the library.
    """
    found = {}
    if entries[MODEL] is not None:
        found[photos_table(entries)] = int(entries[MODEL]["dim"])
    if (former := entries.get(FORMER)) is not None and former["kept"]:
        found[former["table"]] = int(former["model"]["dim"])
    return found


def root_entries(roots: Sequence[Root]) -> Entries:
    """Lay out the kept folders as entries.

    Args:
        roots: all of them.
    """
    kept, drives = [], {}
    for root in roots:
        entry = asdict(root)
        skipped = entry.pop("skipped")
        beside = {name: value for name in _DRIVE_FIELDS if (value := entry.pop(name))}
        if beside:
            drives[root.path] = beside
        kept.append({**entry, "n_skipped": skipped.get("hidden", 0)})
    return {ROOTS: kept, SKIPPED: {root.path: dict(root.skipped) for root in roots if root.skipped}, DRIVES: drives}


def _read_root(entry: Entries, skipped: Mapping[str, Mapping[SkipKind, int]], drives: Mapping[str, Entries]) -> Root:
    """Read a kept folder; libraries of before 0.2 count dot-files alone and know of no drives."""
    known = {name: value for name, value in entry.items() if name not in ("mounts", "n_skipped")}
    hidden: Mapping[SkipKind, int] = {"hidden": entry["n_skipped"]} if entry.get("n_skipped") else {}
    beside = {**drives.get(entry["path"], {}), "skipped": skipped.get(entry["path"], hidden)}
    return Root(**known, mounts=tuple(entry.get("mounts", ())), **beside)


@dataclass(frozen=True, slots=True)
class Migration:
    """One step to a newer schema.

    Attributes:
        version: the schema version after it.
        name: a name that is never reused.
        apply: changes tables (harmlessly when done twice) and returns the entries it changes.
        is_readable: whether this vecclust reads a library as it is before the step.
    """

    version: int
    name: str
    apply: Callable[[Tables, Entries], Entries]
    is_readable: bool = False


def _add_arrival_columns(tables: Tables, entries: Entries) -> Entries:
    """Make room for novelty in the labels of every kept run; labels made before have none."""
    for run in tables.place.labelled_runs():
        if tables.has(labels_table(run)):
            tables.widen(labels_table(run), fields(ARRIVAL_COLUMNS))
    return {}


def _add_sums_and_names(tables: Tables, entries: Entries) -> Entries:
    """Make room for the sums of rows, and put what the owner named into the log of edits, which alone says it now.

    Rows made before have no sums.
    """
    for table in CHECKED:
        if tables.has(table):
            tables.widen(table, fields(CHECK_COLUMN))
    given = [row for batch in tables.read(NAMES, where={"named_by": ["owner"]}) for row in batch.to_pylist()]
    rows = [row for batch in tables.read(EDITS) for row in batch.to_pylist()]
    said = {(row["cluster"], row["name"]) for row in rows if row["name"]}
    number = max((row["number"] for row in rows), default=0) + 1
    missing = [
        {"number": number, "verb": "rename", "cluster": row["cluster"], "name": row["name"], "said_ns": row["named_ns"]}
        for row in given
        if (row["cluster"], row["name"]) not in said
    ]
    if missing:
        tables.add(EDITS, arrow_rows(EDITS, missing))
    tables.delete(NAMES, {"named_by": ["owner"]})
    return {}


def _add_cameras(tables: Tables, entries: Entries) -> Entries:
    """Make room for cameras; photos read before have none."""
    for table in tables.place.photo_tables():
        if tables.has(table):
            tables.widen(table, fields(CAMERA_COLUMN))
    return {}


# In order; version 1 is the first. Version 3 also keeps older ones from a library with another model's photos.
MIGRATIONS: tuple[Migration, ...] = (
    Migration(2, "novelty of arrivals", _add_arrival_columns),
    Migration(3, "sums of rows, and names as edits", _add_sums_and_names, is_readable=True),
    Migration(CAMERAS_SINCE, "cameras", _add_cameras, is_readable=True),
)


def refuse_newer(tables: Tables, meta: Meta, *, target: int = SCHEMA_VERSION) -> None:
    """Raise where a newer vecclust wrote the library, before anything of it is read or mended.

    Args:
        tables: the library's tables.
        meta: its entries; where they cannot be read, what was noted of them counts.
        target: the schema version of this vecclust.

    Raises:
        StoreTooNew: it did.
    """
    note = tables.ledger.note(META)
    version, known = 0, True
    try:
        version = meta.entries()[SCHEMA]["version"] if tables.has(META) else 0
    except StoreError:
        known = not _are_foreign(tables)
    with suppress(TypeError, ValueError, KeyError):
        noted = 0 if note is None else json.loads(dict(note.kept)[SCHEMA])["version"]
        version = max(version, int(noted))
    if version > target or tables.ledger.is_newer():
        how = f"schema {version}, this one knows {target}" if version > target else "it keeps another kind of ledger"
        raise StoreTooNew(
            f"the library in {tables.place.folder} was written by a newer vecclust ({how})", hint="Update vecclust"
        )
    if not known:
        raise StoreTooNew(
            f"the library's own entries in {tables.place.folder} are not of this vecclust:"
            " a newer one wrote them, or they are damaged",
            hint="Update vecclust; where it is the newest, bring a backup back: vecclust restore FILE",
        )


def _are_foreign(tables: Tables) -> bool:
    """Tell entries that were written as they are, by somebody else, from those that were damaged since."""
    ledger = tables.ledger
    if tables.shrank(META) or ledger.torn_files(META) or ledger.table_fault(META, deep=True) is not None:
        return False
    try:
        return any(batch.num_rows for batch in tables.read(META))
    except StoreError:
        return False


def bring_up_to_date(
    tables: Tables, meta: Meta, *, target: int = SCHEMA_VERSION, migrations: Sequence[Migration] = MIGRATIONS
) -> list[str]:
    """Do the steps a library still needs.

    Args:
        tables: the library's tables.
        meta: its entries.
        target: the schema version of this vecclust.
        migrations: all steps there are.

    Returns:
        Names of the steps done.

    Raises:
        StoreTooNew: the library was written by a newer vecclust.
        StoreError: it is older than the target and may not be written now.
    """
    refuse_newer(tables, meta, target=target)
    schema = meta.entries()[SCHEMA]
    if schema["version"] == target:
        return []
    if not tables.writable and all(step.is_readable for step in migrations if step.version > schema["version"]):
        return []
    if not tables.writable:
        raise StoreError(
            f"the library in {tables.place.folder} was written by an older vecclust",
            hint="Run `vecclust scan` once to bring it up to date",
        )
    with kept_as_before(tables, version=target):
        done = [step.name for step in migrations if _apply(step, tables, meta)]
    if (reached := meta.entries()[SCHEMA]["version"]) != target:
        raise StoreError(f"no migration leads from schema {reached} to {target}")
    return done


def _apply(step: Migration, tables: Tables, meta: Meta) -> bool:
    entries = meta.entries()
    schema = entries[SCHEMA]
    if step.name in schema["migrations"] or step.version <= schema["version"]:
        return False
    changes = step.apply(tables, entries)
    record = {"version": step.version, "migrations": [*schema["migrations"], step.name]}
    meta.commit({**changes, SCHEMA: record})
    _log.info("library brought to schema %d by %s", step.version, step.name)
    return True

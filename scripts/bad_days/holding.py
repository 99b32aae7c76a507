"""What must hold of a library after one scan with everything in order."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from bad_days.deeds import embedder_of, hues_of, opened, read_facts
from vecclust import photos
from vecclust.errors import VecclustError
from vecclust.library.checkup import check_library
from vecclust.photos.decode import decode
from vecclust.store.journal import read_lines
from vecclust.store.layout import EDITS
from vecclust.store.ledger import Ledger

# What may lie in a library's folder.
KNOWN = {
    *("tables", "fits", "ledger", "journal.jsonl", "lock", "lock.holder", "log", "watch", "set-aside", "backups"),
    *("config.toml", "digests.json", "words", "migration", "unread", "timeline.npz"),
}
# Vectors are stored as they were computed, and a picture that is decoded twice is the same. After a migration while the
# files were away a vector is that of the thumbnail: 0.005 off as a rule, 0.019 at most in 800; two photos of one colour
# are 0.2 apart as a rule.
_SAME, _SAME_BY_THUMBNAIL = 1e-5, 0.03


def settle(library: Path, album: Path) -> list[str]:
    """Scan once with everything in order, and say what does not hold.

    Args:
        library: its folder.
        album: the photos' folder.

    Returns:
        Sentences; none where all is well.
    """
    facts = read_facts(album.parent.parent / "expected.json")
    wrong: list[str] = []
    with opened(library, write=True) as made:
        report = made.scan([album])
        if any("nothing is removed" in notice for notice in report.notices):
            # Most of the photos were deleted in between, which only their owner may say.
            made.scan([album], prune=True)
        wrong += wrong_migration(made)
        keys, vectors = made._store.vectors()
        content, mistaken = seen_photos(made, album, facts["broken"], dict(zip(keys, vectors, strict=True)))
        wrong += mistaken
        wrong += wrong_rows(made._store, album, content, facts["broken"], keys)
        wrong += wrong_clusters(made, facts["named"], keys)
        wrong += wrong_edits(made._store)
        wrong += wrong_files(library, made._store)
    found = check_library(library, depth="usual")
    # The models are doubles, which nothing can load.
    return wrong + [f"doctor finds {one}" for one in found.faults if one.check != "model"]


def seen_photos(made: Any, album: Path, broken: list[str], vectors: dict[str, Any]) -> tuple[dict[str, str], list[str]]:
    """Read every photo, and hold each vector against the picture that it is said to be of.

    Args:
        made: the library.
        album: the photos' folder.
        broken: paths of those that cannot be read.
        vectors: by photo.

    Returns:
        What each path holds, and what does not hold.
    """
    content, wrong = {}, []
    model = made._store.model()
    embedder = None if model is None else embedder_of(model.name)
    most = _SAME if made._store.former_model() is None else _SAME_BY_THUMBNAIL
    for file in photos.walk(str(album), photos.IgnoreRules()).files:
        if file.path in broken:
            continue
        read = photos.read_content(file, file_bytes=10**9)
        content[file.path] = read.photo
        if embedder is None or read.photo not in vectors:
            continue
        wanted = embedder.embed_frames(decode(read, embedder.framing).frame[None])[0]
        vector = vectors[read.photo]
        if vector.shape != wanted.shape or np.abs(vector - wanted).max() > most:
            wrong.append(f"the vector of {file.path} is that of another picture or model")
    return content, wrong


def wrong_rows(store: Any, album: Path, content: dict[str, str], broken: list[str], keys: list[str]) -> list[str]:
    """Say what does not hold of files, photos and thumbnails.

    Args:
        store: the library's tables.
        album: the photos' folder.
        content: the photo of each path.
        broken: paths that cannot be read.
        keys: photos that have a vector.
    """
    wrong = []
    rows = [row for row in store.files() if row.root == str(album)]
    ready = {row.path: row.photo for row in rows if row.has_photo and not row.missing_since_ns}
    if ready != content:
        wrong.append(f"files are {_difference(ready, content)}")
    if {row.path for row in rows if row.state == "problem" and not row.missing_since_ns} != set(broken):
        wrong.append("problems are others")
    held = {row.photo for row in store.files() if row.photo}
    if len(keys) != len(set(keys)) or not set(content.values()) <= set(keys) <= held:
        wrong.append(f"photos: {len(keys)} rows, {len(set(content.values()))} contents, {len(held)} held")
    pictures = set(store.thumbnails(keys))
    # Those whose files have gone cannot be made again.
    if not set(content.values()) <= pictures:
        wrong.append("thumbnails are missing")
    return wrong


def wrong_clusters(made: Any, named: dict[str, str], keys: list[str]) -> list[str]:
    """Say what does not hold of labels, ids and names.

    Args:
        made: the library.
        named: the cluster of each name that was given.
        keys: photos that have a vector.
    """
    wrong, store = [], made._store
    names = {name.name: cluster for cluster, name in store.names().items()}
    if store.state().current_run is not None:
        labels = store.labels()
        if set(labels) != set(keys):
            bare, astray = set(keys) - set(labels), set(labels) - set(keys)
            wrong.append(f"{len(bare)} photos without a label, {len(astray)} labels without a photo")
        if {label.cluster for label in labels.values()} - {None} - {row.cluster for row in store.clusters()}:
            wrong.append("a label names a cluster that is none")
        hues = hues_of(made)
        for given, cluster in names.items():
            if cluster in hues and hues[cluster].most_common(1)[0][0] != given:
                wrong.append(f"{given} ({cluster}) holds {hues[cluster]}")
    for given, cluster in named.items():
        if names.get(given) != cluster:
            wrong.append(f"{given} was {cluster} and is {names.get(given)}")
    return wrong


def wrong_edits(store: Any) -> list[str]:
    """Say whether an edit stands only once.

    Args:
        store: the library's tables.
    """
    lines, n_damaged = read_lines(store._tables.place.journal)
    kept = [row for batch in store._tables.read(EDITS) for row in batch.to_pylist()]
    if n_damaged or sorted(map(str, lines)) != sorted(map(str, kept)):
        return [f"{len(kept)} edits, {len(lines)} in the journal, {n_damaged} damaged"]
    return []


def has_files(folder: Path) -> bool:
    """Tell whether there is any file below a folder.

    Args:
        folder: which may not be there.
    """
    return any(names for _, _, names in os.walk(folder))


def wrong_files(library: Path, store: Any) -> list[str]:
    """Say what of the library's files is not as noted, and what lies there that should not.

    Args:
        library: its folder.
        store: its tables.
    """
    under_way = store.next_model()
    # What is being prepared is mended by whoever goes on with it.
    left_out = under_way and under_way.table
    faults = Ledger(store._tables.place).faults(deep=True)
    wrong = [f"the ledger finds {fault}" for fault in faults if fault.table != left_out]
    if stray := {entry.name for entry in library.iterdir()} - KNOWN:
        wrong.append(f"stray in the library: {sorted(stray)}")
    stray = {entry for part in ("tables", "fits") for entry in os.listdir(library / part) if entry.startswith(".")}
    former = store.former_model()
    kept = {store._photos, under_way and under_way.table, former.table if former is not None and former.kept else None}
    # Folders without a file are what a full disk leaves of a table's creation; the next migration makes its own there.
    made = {table for table in store._tables.place.photo_tables() if has_files(library / "tables" / f"{table}.lance")}
    stray |= made - kept
    if stray:
        wrong.append(f"stray beside the tables: {sorted(stray)}")
    return wrong


def wrong_migration(made: Any) -> list[str]:
    """Say where what prepares another model can neither be gone on with nor thrown away.

    Args:
        made: the library.
    """
    if made._store.next_model() is None:
        return []
    try:
        made.prepare_model()
    except VecclustError as error:
        try:
            made.stop_migration()
        except VecclustError as after:
            return [f"a migration cannot go on ({error.message}), nor be stopped ({after.message})"]
    return []


def _difference(found: dict[str, Any], wanted: dict[str, Any]) -> str:
    keys = [key for key in {**found, **wanted} if found.get(key) != wanted.get(key)]
    return f"wrong for {len(keys)}, such as {keys[0]}: {found.get(keys[0])} instead of {wanted.get(keys[0])}"

"""Whatever a record holds, the store gives back exactly that."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.store.samples import DIM, commit_sample_run, new_library, photo_key, unit_vectors
from vecclust.store import Store, storable_text
from vecclust.store.files import file_key
from vecclust.store.labels import label_table, read_clusters, read_labels
from vecclust.store.photos import _instant_ns
from vecclust.store.runs import cluster_table, read_runs, run_table
from vecclust.types.clusters import ClusterName, ClusterRow, Label
from vecclust.types.files import SKIP_KINDS, FileRow, Root
from vecclust.types.photos import PhotoRow, Place, Taken
from vecclust.types.runs import Run

EXAMPLES = settings(max_examples=25, deadline=None)
INT64 = st.integers(-(2**63), 2**63 - 1)
COUNT = st.integers(0, 2**63 - 1)
# Bytes of names as a file system may hold them, read the way Python reads them: with surrogate escapes.
NAME_BYTES = st.binary(min_size=1, max_size=30).filter(lambda name: not {0, 47} & set(name))
ODD = st.sampled_from([b"it's", b'"; DROP TABLE photos; --', b"\\", b"\xff\xfe", "é😀".encode(), b"a b%20#?", b"\n"])
PATHS = st.lists(NAME_BYTES | ODD, min_size=1, max_size=3).map(lambda parts: os.fsdecode(b"/".join(parts)))
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
ODD_TEXT = TEXT | st.sampled_from(
    ["c1' OR '1'='1", "'; DELETE FROM names; --", "\\'", '"', "😀", "--", "\x00", "c\udcff"]
)
TIMES = st.datetimes() | st.datetimes(
    min_value=datetime(2, 1, 1),
    max_value=datetime(9998, 1, 1),
    timezones=st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes))),
)
JSON = st.recursive(
    st.none() | st.booleans() | INT64 | st.floats(allow_nan=False) | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
FILES = st.builds(
    FileRow,
    root=PATHS.map(lambda path: "/" + path),
    path=PATHS,
    size_bytes=COUNT,
    mtime_ns=INT64,
    ctime_ns=INT64,
    inode=st.integers(0, 2**64 - 1),
    photo=st.none() | st.integers(0, 5).map(photo_key),
    state=st.sampled_from(["ready", "waiting", "problem"]),
    attempts=COUNT,
    next_try_ns=INT64,
    reason=TEXT,
    missing_since_ns=COUNT,
)
PHOTOS = st.builds(
    PhotoRow,
    photo=st.integers(0, 10**9).map(photo_key),
    vector=st.integers(0, 10**6).map(lambda seed: unit_vectors(1, seed=seed)[0]),
    width_px=COUNT,
    height_px=COUNT,
    size_bytes=COUNT,
    taken=st.none() | st.builds(Taken, when=TIMES, source=st.sampled_from(["original", "xmp", "mtime"])),
    place=st.none() | st.builds(Place, st.floats(-90, 90), st.floats(-180, 180)),
    added_ns=INT64,
    thumbnail=st.binary(max_size=20),
)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """One library for the whole file: every example removes what it wrote."""
    with new_library(tmp_path_factory.mktemp("rows") / "lib") as opened:
        yield opened


@EXAMPLES
@given(rows=st.lists(FILES, max_size=4, unique_by=lambda row: (row.root, row.path)))
def test_files_come_back_as_they_were(store: Store, rows: list[FileRow]) -> None:
    """Every field of a file, its name's bytes above all, survives and is found by path, state and photo."""
    store.put_files(rows)
    assert sorted(store.files(), key=repr) == sorted(rows, key=repr)
    for row in rows:
        assert store.file_at(row.path, root=row.root) == row
        assert store.file_at(row.absolute) is not None
        assert row in store.files(state=row.state, root=row.root)
        assert row.photo is None or row in store.files_of([row.photo])[row.photo]
    assert store.counts().files == len(rows)
    assert store.remove_files([(row.root, row.path) for row in rows]) == len(rows)
    assert list(store.files()) == []


def test_files_of_several_drives_have_the_same_names(store: Store) -> None:
    """Ten cards of one reader: each keeps its own row, and a path is that of the card which lies there."""
    rows = [FileRow("/a", "b/c\udcff.jpg", 1, 1, 1, 1, photo=photo_key(n), drive=n) for n in range(11)]
    store.put_files(rows)
    assert sorted(store.files(root="/a"), key=lambda row: row.drive) == rows
    for drive, drives in ((0, {}), (10, {"": 10}), (3, {"": 10, "b": 3}), (10, {"": 10, "b/c": 3})):
        root = Root("/a", drives=drives)
        store.put_roots([root])
        assert store.file_at("/a/b/c\udcff.jpg") == rows[drive]
        assert store.files_at(["b/c\udcff.jpg"], root=root) == {"b/c\udcff.jpg": rows[drive]}
    assert store.remove_files([("/a", "b/c\udcff.jpg"), ("/a", "b/c\udcff.jpg", 7)]) == 2
    assert {row.drive for row in store.files()} == {*range(11)} - {0, 7}
    store.remove_files([(row.root, row.path, row.drive) for row in rows])
    store.put_roots([])


def test_a_reason_that_is_no_text_is_written_out(store: Store) -> None:
    """Reasons are for people: a surrogate in one is escaped instead of failing the commit."""
    row = FileRow("/a", "b\udcff", 1, 1, 1, 1, state="problem", reason="no such file: b\udcff")
    store.put_files([row])
    assert [one.reason for one in store.files()] == ["no such file: b\\udcff"]
    assert store.remove_files([("/a", "b\udcff")]) == 1


def test_the_innermost_kept_folder_owns_a_path(store: Store) -> None:
    """A path is found under any of the folders above it, the root of the file system among them."""
    rows = [
        FileRow("/", "a/b/c.jpg", 1, 1, 1, 1),
        FileRow("/a", "b/c.jpg", 1, 1, 1, 1),
        FileRow("/a/b", "d.jpg", 1, 1, 1, 1),
    ]
    store.put_files(rows)
    assert store.file_at("/a/b/c.jpg") == rows[1]
    assert store.file_at("/a/b/d.jpg") == rows[2]
    assert store.file_at("/a/b") is None
    assert store.file_at("relative.jpg") is None
    store.remove_files([(row.root, row.path) for row in rows])


@given(first=st.tuples(PATHS, PATHS), second=st.tuples(PATHS, PATHS))
def test_two_files_never_share_a_key(first: tuple[str, str], second: tuple[str, str]) -> None:
    """Where the root ends is part of a file's name."""
    assert (file_key(*first) == file_key(*second)) == (first == second)


@EXAMPLES
@given(rows=st.lists(PHOTOS, max_size=3, unique_by=lambda row: row.photo))
def test_photos_come_back_as_they_were(store: Store, rows: list[PhotoRow]) -> None:
    """Every field of a photo survives: bits of the vector, unknown zones, missing places, pictures."""
    assert store.add_photos(rows) == len(rows)
    found = store.photos([row.photo for row in rows], with_vectors=True)
    assert len(found) == len(rows)
    for row, back in zip(rows, found, strict=True):
        assert np.array_equal(row.vector, back.vector)
        assert np.array_equal(row.vector, store.vector(row.photo))
        assert (store.thumbnail(row.photo) or b"") == row.thumbnail
        for name in ("photo", "width_px", "height_px", "size_bytes", "taken", "place", "added_ns"):
            assert getattr(row, name) == getattr(back, name), name
        if row.taken is not None and back.taken is not None:
            assert row.taken.when.utcoffset() == back.taken.when.utcoffset()
    assert [row.vector.size for row in store.photos()] == [0] * len(rows)
    assert store.remove_photos([row.photo for row in rows]) == len(rows)
    assert store.thumbnails([row.photo for row in rows]) == {}


@given(when=TIMES)
def test_times_are_ordered_as_their_zone_says_and_as_utc_without_one(when: datetime) -> None:
    """The sort key is the instant, held within an int64."""
    exact = (when if when.tzinfo else when.replace(tzinfo=UTC)) - datetime(1970, 1, 1, tzinfo=UTC)
    nanoseconds = exact // timedelta(microseconds=1) * 1000
    assert _instant_ns(when) == max(-(2**63) + 1, min(2**63 - 1, nanoseconds))


@EXAMPLES
@given(
    names=st.lists(
        st.builds(ClusterName, cluster=TEXT, name=TEXT, named_by=st.sampled_from(["owner", "auto"]), named_ns=INT64),
        max_size=4,
        unique_by=lambda name: name.cluster,
    )
)
def test_names_come_back_as_they_were(store: Store, names: list[ClusterName]) -> None:
    """A cluster may be called anything."""
    store.put_names(names)
    kept = store.names()
    assert {name.cluster: kept[name.cluster] for name in names} == {name.cluster: name for name in names}


@EXAMPLES
@given(
    roots=st.lists(
        st.builds(
            Root,
            PATHS.map("/".__add__),
            INT64,
            INT64,
            TEXT,
            st.dictionaries(st.sampled_from(SKIP_KINDS), COUNT.filter(bool), max_size=2),
            volumes=st.dictionaries(PATHS, TEXT, max_size=2),
            drives=st.dictionaries(PATHS, COUNT, max_size=2),
            held=st.dictionaries(PATHS, COUNT, max_size=2),
        ),
        unique_by=lambda r: r.path,
    )
)
def test_roots_come_back_as_they_were(store: Store, roots: list[Root]) -> None:
    """Kept folders survive whatever bytes their names hold, in their order."""
    store.put_roots(roots)
    assert store.roots() == roots


def test_roots_of_an_earlier_library_know_their_dot_files(store: Store) -> None:
    """Before 0.2 a root counted dot-files alone, and nothing stood beside the roots; it reads ours as its own too."""
    store.put_roots([Root("/a", 1, 2, "", {"hidden": 3, "raw": 4})])
    entries = store._meta.entries()
    assert entries["roots"] == [
        {"path": "/a", "device": 1, "last_scan_ns": 2, "paused": "", "n_skipped": 3, "mounts": []}
    ]
    store._meta.commit({"skipped": {}})
    assert store.roots() == [Root("/a", 1, 2, "", {"hidden": 3})]


def test_roots_that_make_no_sense_are_refused(store: Store) -> None:
    """A folder twice, or one that depends on where the process stands, is a programmer's mistake."""
    with pytest.raises(ValueError, match="twice"):
        store.put_roots([Root("/a", 1, 1), Root("/a", 2, 2)])
    with pytest.raises(ValueError, match="absolute"):
        store.put_roots([Root("a", 1, 1)])


@given(
    params=st.dictionaries(st.text(max_size=5), JSON, max_size=3),
    seconds=st.dictionaries(TEXT, st.floats(0, 1e6), max_size=3),
    parent=st.none() | st.just("r1"),
    reason=TEXT,
)
def test_runs_come_back_as_they_were(
    params: dict[str, object], seconds: dict[str, float], parent: str | None, reason: str
) -> None:
    """Parameters and figures survive as JSON."""
    run = Run("r7", 5, "m", params, 1, 2, 3, params, seconds, parent, reason, {"kept": 1})
    assert read_runs(run_table(run).to_batches()) == [run]


def test_figures_may_be_numpy_numbers_and_not_numbers() -> None:
    """Figures come straight from the clustering: numpy scalars, arrays, NaN."""
    figures = {"dbcv": np.float32(0.5), "n": np.int64(3), "sizes": np.arange(2), "silhouette": float("nan")}
    back = read_runs(run_table(Run("r1", 1, "m", {}, 1, 1, 1, figures)).to_batches())[0].figures
    assert (back["dbcv"], back["n"], back["sizes"]) == (0.5, 3, [0, 1])
    assert np.isnan(back["silhouette"])
    with pytest.raises(TypeError, match="JSON"):
        run_table(Run("r1", 1, "m", {"x": object()}, 1, 1, 1))


@given(
    rows=st.lists(
        st.builds(
            ClusterRow, st.just("r3"), TEXT, COUNT, TEXT, st.floats(0, 1), TEXT, st.lists(TEXT, max_size=3).map(tuple)
        ),
        max_size=3,
    )
)
def test_clusters_come_back_as_they_were(rows: list[ClusterRow]) -> None:
    """Lineage included."""
    assert read_clusters(cluster_table(rows).to_batches()) == rows


@given(
    rows=st.lists(
        st.builds(
            Label,
            TEXT,
            st.none() | TEXT,
            st.floats(0, 1, width=32),
            st.sampled_from(["fit", "predict", "owner"]),
            st.none() | st.floats(0, 1, width=32),
            st.booleans(),
        ),
        max_size=4,
        unique_by=lambda label: label.photo,
    )
)
def test_labels_come_back_as_they_were(rows: list[Label]) -> None:
    """Noise included, strengths as float32."""
    assert read_labels(label_table(rows, table="labels_r1").to_batches()) == rows


@EXAMPLES
@given(odd=ODD_TEXT)
def test_no_value_reaches_the_query_language(store: Store, odd: str) -> None:
    """A filter finds exactly the row that holds the value, whatever it is, and no value widens it."""
    names = [ClusterName("sentinel", "x", "auto", 0)]
    if storable_text(odd) != "sentinel":
        names.append(ClusterName(storable_text(odd), "y", "auto", 0))
    store.put_names(names)
    for where in ({"cluster": [odd]}, {"cluster": {odd, "nobody's"}}, {"cluster": [odd], "name": ["x", "y"]}):
        found = [
            key
            for batch in store._tables.read("names", ["cluster"], where=where)
            for key in batch.column(0).to_pylist()
        ]
        assert found == [storable_text(odd)]
    assert store._tables.delete("names", {"cluster": [odd]}) == 1
    assert "sentinel" in store.names()


def test_ids_from_the_command_line_that_are_no_ids_find_nothing(store: Store) -> None:
    """Asking for what cannot exist is not an error of the store."""
    commit_sample_run(store)
    for odd in ("c1' OR '1'='1", "c\udcff", "", "r0", "r999999999999999999999"):
        assert store.members(odd) == []
        assert store.history(odd) == []
        assert store.labels(odd) == {}
        assert store.clusters(odd) == []
        assert store.files_of([odd]) == {}
        assert store.photos([odd]) == []
        assert store.thumbnail(odd) is None
        assert store.label(odd) is None
    assert store.vectors()[1].shape == (0, DIM)

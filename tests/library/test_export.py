"""The map as a table for other programs: read back by pyarrow, as they do."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.cli.test_documents import run
from tests.library.test_looking import HUES, NAMES, album, library, opened, write_picture
from vecclust.errors import UsageError
from vecclust.library.pages.written import read_points
from vecclust.library.queries.clusters import list_clusters
from vecclust.store import Store
from vecclust.store.points import write_points

__all__ = ["album", "library"]  # fixtures

# What `embedding-atlas --neighbors` reads: packages/backend/embedding_atlas/cli.py of apple/embedding-atlas.
NEIGHBOURS = pa.struct([("ids", pa.list_(pa.int32())), ("distances", pa.list_(pa.float32()))])
NAMED = {"cluster_name", "file_name", "path", "path_bytes"}
PLAIN = {"photo", "x", "y", "neighbors", "cluster", "strength", "assigned_by", "newcomer", "taken", "width", "height"}


def test_a_table_says_of_every_photo_what_the_library_knows(tmp_path: Path, library: Path, album: Path) -> None:
    """Row by row: label, place, size, and a path that leads to the file, whatever its bytes."""
    out = tmp_path / "photos.parquet"
    with opened(library) as looked_at:
        report = looked_at.export(out)
    assert (report.page, report.photos, report.clusters, report.files) == (str(out), 42, 3, 1)
    assert report.size_bytes == out.stat().st_size
    table = pq.read_table(out)
    assert set(table.column_names) == PLAIN | NAMED
    rows = table.to_pylist()
    paths = [row["path_bytes"] or os.fsencode(row["path"]) for row in rows]
    assert set(paths) == {entry.path for entry in os.scandir(os.fsencode(album))}
    assert {row["file_name"] for row in rows} >= {os.fsdecode(name) + ".jpg" for name in NAMES[:4]}
    inexact = [row for row in rows if row["path_bytes"] is not None]
    assert [(row["file_name"], row["path_bytes"].endswith(NAMES[4] + b".jpg")) for row in inexact] == [
        ("not \\udcff UTF-8.jpg", True)
    ]
    with opened(library) as looked_at, Store.open(library) as store:
        labels = store.labels()
        names = {entry.id: entry.name for entry in looked_at.clusters().clusters}
        for row, path in zip(rows, paths, strict=True):
            label = labels[row["photo"]]
            assert looked_at.photo(os.fsdecode(path)).photo == row["photo"]
            assert (row["cluster"], row["assigned_by"]) == (label.cluster, label.assigned_by)
            assert row["newcomer"] is False
            assert row["strength"] == pytest.approx(label.strength)
            assert row["cluster_name"] == (None if row["cluster"] is None else names[row["cluster"]])
            assert (row["width"], row["height"], row["taken"]) == (64, 48, None)
    assert "<script>alert(1)</script>" in {row["cluster_name"] for row in rows}
    assert list(tmp_path.glob(".photos*")) == []


def test_neighbours_are_rows_by_the_real_vectors(tmp_path: Path, library: Path) -> None:
    """In the shape that Embedding Atlas reads: row numbers from 0 without the row itself, cosine distances, ordered."""
    with opened(library) as looked_at:
        looked_at.export(tmp_path / "photos.parquet")
    table = pq.read_table(tmp_path / "photos.parquet")
    assert table.schema.field("neighbors").type.equals(NEIGHBOURS)
    with Store.open(library) as store:
        photos, vectors = store.vectors()
    assert table.column("photo").to_pylist() == photos
    ids = np.array([row["ids"] for row in table.column("neighbors").to_pylist()])
    distances = np.array([row["distances"] for row in table.column("neighbors").to_pylist()])
    exact = 1 - vectors @ vectors.T
    np.testing.assert_allclose(distances, np.take_along_axis(exact, ids, axis=1), atol=1e-5)
    assert (np.diff(distances, axis=1) >= 0).all()
    assert not (ids == np.arange(42)[:, None]).any()
    np.fill_diagonal(exact, 9)
    np.testing.assert_allclose(distances, np.sort(exact, axis=1)[:, :15], atol=1e-5)
    assert np.isfinite(np.array(table.column("x"))).all()
    assert np.isfinite(np.array(table.column("y"))).all()


def test_the_time_is_as_it_stands_in_the_photo(tmp_path: Path, library: Path) -> None:
    """Whatever zone a camera wrote; a time that is only the file's own is none."""
    times = [datetime.fromisoformat("2021-07-01T09:30:00+02:00"), datetime(1901, 1, 1), None]
    with Store.open(library) as store:
        points = read_points(store, list_clusters(store))
    shown = tuple(replace(photo, taken=times[row % 3]) for row, photo in enumerate(points.photos))
    write_points(replace(points, photos=shown), tmp_path / "t.parquet", names=True)
    taken = pq.read_table(tmp_path / "t.parquet").column("taken").to_pylist()
    assert taken[:3] == [datetime(2021, 7, 1, 9, 30), datetime(1901, 1, 1), None]


def test_without_names_there_is_nothing_that_names(tmp_path: Path, library: Path, album: Path) -> None:
    """Neither as a column nor anywhere in the file."""
    out = tmp_path / "photos.parquet"
    with opened(library) as looked_at:
        looked_at.export(out, names=False)
    assert set(pq.read_table(out).column_names) == PLAIN
    held = out.read_bytes()
    assert os.fsencode(album) not in held
    assert b"alert(1)" not in held


@pytest.mark.parametrize("n", [0, 1, 2])
def test_a_library_without_a_run_has_a_table_too(tmp_path: Path, n: int) -> None:
    """All columns, no label, and as many neighbours as there are others."""
    album = tmp_path / "few"
    album.mkdir()
    for number in range(n):
        write_picture(os.fsencode(album / f"{number}.jpg"), HUES[number], number)
    with opened(tmp_path / "library", write=True) as few:
        few.scan([album])
        assert few.export(tmp_path / "p.parquet").photos == n
    table = pq.read_table(tmp_path / "p.parquet")
    assert set(table.column_names) == PLAIN | NAMED
    rows = table.to_pylist()
    assert [len(row["neighbors"]["ids"]) for row in rows] == [n - 1] * n
    assert [(row["cluster"], row["strength"], row["assigned_by"], row["cluster_name"]) for row in rows] == [
        (None, None, None, None)
    ] * n


def test_only_a_table_of_ours_is_written_over(tmp_path: Path, library: Path, album: Path) -> None:
    """A page, a foreign table, a torn one, a photo and a folder are left as they are."""
    out = tmp_path / "photos.parquet"
    foreign = {"foreign.parquet": b"", "empty": b"", "torn.parquet": b"PAR1 torn PAR1", "map.html": b"<!doctype html>"}
    for name, held in foreign.items():
        (tmp_path / name).write_bytes(held)
    pq.write_table(pa.table({"x": [1]}).replace_schema_metadata({b"vecclust": b"[]"}), tmp_path / "foreign.parquet")
    with opened(library) as looked_at:
        looked_at.export(out)
        first = out.read_bytes()
        looked_at.export(out, names=False)
        assert out.read_bytes() != first
        for taken in (*(tmp_path / name for name in foreign), album, album / "07.jpg"):
            held = taken.read_bytes() if taken.is_file() else b""
            with pytest.raises(UsageError, match="did not make it") as refused:
                looked_at.export(taken)
            assert "--export" in refused.value.hint
            assert (taken.read_bytes() if taken.is_file() else b"") == held
        with pytest.raises(UsageError):
            looked_at.map(out)


def test_the_command_writes_a_table_instead_of_a_page(
    tmp_path: Path, library: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And says so; what is for pages alone is refused with it."""
    monkeypatch.chdir(tmp_path)
    code, said, _ = run(library, "map", "--export", "photos.parquet", "--no-names", "--json", capture=capsys)
    assert (code, json.loads(said)["page"]) == (0, str(tmp_path / "photos.parquet"))
    assert pq.read_table("photos.parquet").num_rows == 42
    assert not (tmp_path / "vecclust-map.html").exists()
    for page_only in (["--open"], ["--out", "m.html"]):
        assert run(library, "map", "--export", "p.parquet", *page_only, capture=capsys)[0] == 2
    assert not (tmp_path / "p.parquet").exists()
    assert run(library, "map", capture=capsys)[0] == 0
    assert (tmp_path / "vecclust-map.html").exists()

"""Searching: the right photos in the right order, filtered by values and never by code."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.store.samples import DIM, FAST, new_library, photo_key, photo_rows, unit_vectors
from vecclust.store import Store
from vecclust.store import photos as photos_module

N = 300


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """One library to ask."""
    with new_library(tmp_path_factory.mktemp("search") / "lib", n_photos=N) as opened:
        yield opened


def exact(rows: list[tuple[str, NDArray[np.float32]]], query: NDArray[np.float32], limit: int) -> list[str]:
    """Answer by plain arithmetic."""
    scored = [(-round(float(vector.astype(np.float64) @ query), 6), photo) for photo, vector in rows]
    return [photo for _, photo in sorted(scored)[:limit]]


def test_the_answer_is_that_of_plain_arithmetic(store: Store) -> None:
    """Without an index every vector is compared, and scores are cosines."""
    rows = list(zip(*store.vectors(), strict=True))
    for query in unit_vectors(5, seed=99):
        hits = store.search(query, limit=20)
        assert [photo for photo, _ in hits] == exact(rows, query, 20)
        vectors = dict(rows)
        assert [score for _, score in hits] == pytest.approx(
            [float(vectors[photo] @ query) for photo, _ in hits], abs=2e-6
        )
    assert store.search(rows[5][1], limit=1) == [(rows[5][0], 1.0)]


@pytest.mark.parametrize("limit", [1, N - 1, N, N + 1, 10 * N])
def test_a_limit_may_be_anything_from_one_up(store: Store, limit: int) -> None:
    """As many as asked for, and no more than there are."""
    assert len(store.search(unit_vectors(1)[0], limit=limit)) == min(limit, N)


def test_questions_that_make_no_sense_are_refused(store: Store) -> None:
    """No limit, another width, no unit vector: a programmer's mistake."""
    with pytest.raises(ValueError, match="at least one"):
        store.search(unit_vectors(1)[0], limit=0)
    with pytest.raises(ValueError, match="16 numbers"):
        store.search(unit_vectors(1, dim=DIM + 1)[0], limit=1)
    with pytest.raises(ValueError, match="norm"):
        store.search(unit_vectors(1)[0] * np.float32(2), limit=1)
    with pytest.raises(ValueError, match="finite"):
        store.search(np.full(DIM, np.nan, np.float32), limit=1)


@pytest.mark.parametrize("n_within", [0, 1, 7, 290])
@pytest.mark.parametrize("in_filter", [10_000, 3])
def test_a_set_narrows_the_answer_however_it_is_applied(
    store: Store, monkeypatch: pytest.MonkeyPatch, n_within: int, in_filter: int
) -> None:
    """Small sets become a filter, large ones sift the ordered answer; both are exact."""
    monkeypatch.setattr(photos_module, "_IDS_IN_FILTER", in_filter)
    within = {photo_key(number) for number in range(n_within)}
    rows = [(photo, vector) for photo, vector in zip(*store.vectors(), strict=True) if photo in within]
    query = unit_vectors(1, seed=5)[0]
    assert [photo for photo, _ in store.search(query, limit=9, within=within)] == exact(rows, query, 9)


def test_a_time_range_holds_its_beginning_and_not_its_end(store: Store) -> None:
    """Photo n was taken on day n of 2020."""
    query = unit_vectors(1)[0]
    since, until = datetime(2020, 1, 3), datetime(2020, 1, 6)
    found = {photo for photo, _ in store.search(query, limit=50, since=since, until=until)}
    assert found == {photo_key(number) for number in (2, 3, 4)}
    assert len(store.search(query, limit=N, since=since)) == N - 2
    both = store.search(query, limit=50, until=until, within=[photo_key(4), photo_key(5)])
    assert [photo for photo, _ in both] == [photo_key(4)]


@pytest.mark.parametrize("limit", [3, 40])
def test_equal_scores_are_ordered_by_photo(tmp_path: Path, limit: int) -> None:
    """A burst of pictures with one vector comes in one order, wherever the limit cuts it."""
    one = unit_vectors(1)[0]
    rows = [dataclasses.replace(row, vector=one) for row in photo_rows(150)]
    with new_library(tmp_path) as store:
        store.add_photos([*rows, *photo_rows(20, first=500)])
        expected = sorted(row.photo for row in rows)[:limit]
        assert store.search(one, limit=limit) == [(photo, 1.0) for photo in expected]


def test_a_sample_is_a_part_drawn_as_if_at_random(store: Store) -> None:
    """Vectors of the library, about as many as wanted, the same ones again; all where there are no more."""
    known = {vector.tobytes() for vector in store.vectors()[1]}
    some = store.sample_vectors(100)
    assert 70 <= len(some) <= 130
    assert len({vector.tobytes() for vector in some} & known) == len(some)
    assert np.array_equal(store.sample_vectors(100), some)
    assert len(store.sample_vectors(5000)) == N
    assert {vector.tobytes() for vector in store.sample_vectors(N)} == known


def test_of_an_empty_library_there_is_no_sample(tmp_path: Path) -> None:
    """And nothing to count."""
    with new_library(tmp_path / "lib") as empty:
        assert len(empty.sample_vectors(10)) == 0
        assert empty.count_photos() == empty.count_photos(since=datetime(2020, 1, 1)) == 0


def test_photos_are_counted_as_a_search_looks_among_them(store: Store) -> None:
    """By set, by time, and by both."""
    month, some = {"since": datetime(2020, 1, 1), "until": datetime(2020, 2, 1)}, [photo_key(at) for at in (1, 5, 200)]
    query = unit_vectors(1)[0]
    for within in (None, some):
        for times in ({}, month):
            found = store.search(query, limit=1000, within=within, **times)
            assert store.count_photos(within=within, **times) == len(found)


def test_photos_without_a_time_are_in_no_time_range(tmp_path: Path) -> None:
    """What nobody dated cannot be claimed for a date."""
    with new_library(tmp_path) as store:
        store.add_photos([dataclasses.replace(photo_rows(1)[0], taken=None)])
        query = photo_rows(1)[0].vector
        assert store.search(query, limit=1, since=datetime.min) == []
        assert len(store.search(query, limit=1)) == 1


def test_the_index_gives_what_brute_force_gives(tmp_path: Path) -> None:
    """Past the threshold an index is built, asked, and kept in step; recall at 20 stays at 0.99 or more."""
    settings = replace(FAST, index_from_photos=3000)
    centres = unit_vectors(60, seed=3)
    noisy = centres[np.arange(4000) % 60] + 0.5 * unit_vectors(4000, seed=4)
    vectors = noisy / np.linalg.norm(noisy, axis=1, keepdims=True)
    rows = [dataclasses.replace(row, vector=vectors[at]) for at, row in enumerate(photo_rows(4000))]
    with new_library(tmp_path, settings=settings) as store:
        store.add_photos(rows[:2999])
        assert not store.maintain().indexed
        store.add_photos(rows[2999:3500])
        assert store.maintain().indexed
        assert not store.maintain().indexed
        # The last 500 are beside the index and must be found all the same.
        store.add_photos(rows[3500:])
        plan = store._tables.query(
            "photos", lambda table: table.search(vectors[0]).distance_type("cosine").limit(3).explain_plan()
        )
        assert "ANN" in plan
        everything = list(zip(*store.vectors(), strict=True))
        agreeing = 0
        for query in unit_vectors(30, seed=8):
            found = {photo for photo, _ in store.search(query, limit=20)}
            agreeing += len(found & set(exact(everything, query, 20)))
        assert agreeing >= 0.99 * 30 * 20
        assert store.search(vectors[3999], limit=1) == [(rows[3999].photo, 1.0)]
        assert len(store.search(vectors[0], limit=3990)) == 3990
        store.remove_photos([rows[3999].photo])
        assert store.search(vectors[3999], limit=1)[0][0] != rows[3999].photo


def test_an_index_takes_in_what_came_since(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When enough photos lie beside the index, maintenance takes them in."""
    monkeypatch.setattr("vecclust.store.store._UNINDEXED_ROWS", 100)
    with new_library(tmp_path, n_photos=400, settings=replace(FAST, index_from_photos=300)) as store:
        assert store.maintain().indexed
        store.add_photos(photo_rows(50, first=400))
        assert not store.maintain().indexed
        store.add_photos(photo_rows(100, first=450))
        assert store.maintain().indexed
        unindexed = store._tables.query("photos", lambda table: [i.num_unindexed_rows for i in table.list_indices()])
        assert unindexed == [0]


def test_a_filtered_question_never_asks_the_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An index looks into the nearest parts only, where a filter may leave nothing: filtered answers are exact."""
    from lancedb.query import LanceVectorQueryBuilder

    exact_asked: list[bool] = []
    real = LanceVectorQueryBuilder.bypass_vector_index

    def noting(query: LanceVectorQueryBuilder) -> LanceVectorQueryBuilder:
        exact_asked.append(True)
        return real(query)

    monkeypatch.setattr(LanceVectorQueryBuilder, "bypass_vector_index", noting)
    with new_library(tmp_path, n_photos=400, settings=replace(FAST, index_from_photos=300)) as store:
        assert store.maintain().indexed
        query = unit_vectors(1)[0]
        store.search(query, limit=5)
        assert exact_asked == []
        store.search(query, limit=5, within=[photo_key(1)])
        store.search(query, limit=5, since=datetime(1970, 1, 1))
        assert exact_asked == [True, True]

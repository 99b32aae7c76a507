"""Names of clusters through the library: unique, found whatever their case, and those of earlier days still there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.library.filled import filled_library
from vecclust.errors import NotFound, UsageError
from vecclust.library.watched import WatchedLibrary
from vecclust.types.edits import EditRequest


@pytest.fixture
def library(tmp_path: Path) -> Iterator[WatchedLibrary]:
    """Three clusters, the first with a name."""
    with filled_library(tmp_path, n_each=8) as made:
        made.rename("c1", "Glacier lagoon")
        yield made


def names_of(library: WatchedLibrary) -> dict[str, str | None]:
    """Give the name of each cluster."""
    return {entry.id: entry.name for entry in library.clusters().clusters}


@pytest.mark.parametrize("name", ["Glacier lagoon", " glacier  LAGOON", "c2", "C2", "c99", "unclustered", "x\x1b", ""])
def test_a_name_that_is_another_ones_or_none_is_refused(library: WatchedLibrary, name: str) -> None:
    """By `rename` and, but for the empty one, by `split-off`; nothing is kept of it."""
    before, n_edits = names_of(library), len(library.edits(everything=True))
    with pytest.raises(UsageError):
        library.rename("c2", name)
    if name:
        photo = library.cluster("c3").photos[0].photo
        with pytest.raises(UsageError):
            library.edit(EditRequest("split-off", photos=(photo,), cluster="c3", name=name))
    assert (names_of(library), len(library.edits(everything=True))) == (before, n_edits)


def test_a_cluster_keeps_its_name_in_another_case(library: WatchedLibrary) -> None:
    """It is its own."""
    assert library.rename("Glacier lagoon", "GLACIER lagoon").name == "GLACIER lagoon"


def test_the_name_of_a_cluster_that_was_merged_is_free(library: WatchedLibrary) -> None:
    """As `merge` advises."""
    library.edit(EditRequest("merge", cluster="c2", other="c1"))
    assert library.rename("c2", "Glacier lagoon").cluster == "c2"
    assert library.cluster("glacier lagoon").entry.id == "c2"


def test_the_status_counts_clusters_as_their_owner_has_them(library: WatchedLibrary) -> None:
    """As `clusters` lists them; the run says what its fit found."""
    library.edit(EditRequest("merge", cluster="c2", other="c1"))
    status = library.status()
    assert status.clusters == len(library.clusters().clusters) == 2
    assert status.run is not None
    assert status.run.n_clusters == 3


@pytest.mark.parametrize("named", ["glacier lagoon", "GLACIER  LAGOON ", "c1", "C1"])
def test_a_cluster_is_found_whatever_the_case(library: WatchedLibrary, named: str) -> None:
    """By its name and by its id."""
    assert library.cluster(named).entry.id == "c1"


@pytest.mark.parametrize(
    ("named", "meant"),
    [("Glacier lagon", "“Glacier lagoon”"), ("lagoon", "“Glacier lagoon”"), ("2", "c2"), ("zzz", None), ("", None)],
)
def test_a_name_that_is_none_proposes_the_nearest(library: WatchedLibrary, named: str, meant: str | None) -> None:
    """Where there is one that is near."""
    with pytest.raises(NotFound) as caught:
        library.cluster(named)
    assert ("Did you mean" in caught.value.hint) == (meant is not None)
    assert meant is None or f"Did you mean {meant}?" in caught.value.hint


def test_names_of_earlier_days_are_still_understood(library: WatchedLibrary) -> None:
    """They were kept before anybody looked at them: shown as they are, found, and given better ones."""
    given = {"c1": "Beach", "c2": "beach", "c3": "c1"}
    library._store.rename(given, named_ns=1)
    assert names_of(library) == given
    assert [library.cluster(named).entry.id for named in ("Beach", "beach", "c1")] == ["c1", "c2", "c1"]
    with pytest.raises(UsageError, match="c1 and c2"):
        library.cluster("BEACH")
    assert library.rename("c2", "Shore").name == "Shore"
    assert library.cluster("BEACH").entry.id == "c1"


def test_a_name_that_another_cluster_has_by_now_does_not_come_back(library: WatchedLibrary) -> None:
    """Taking back a rename is refused where two clusters would have one name."""
    library.rename("c1", "Ice")
    renamed = library.edits()[-1]
    library.rename("c2", "glacier LAGOON")
    with pytest.raises(UsageError, match="c2 has that name now"):
        library.edit(EditRequest("take-back", edits=(renamed.edit,)))
    library.rename("c2", "Shore")
    library.edit(EditRequest("take-back", edits=(renamed.edit,)))
    assert names_of(library)["c1"] == "Glacier lagoon"

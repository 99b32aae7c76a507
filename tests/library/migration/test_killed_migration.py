"""Killed at any write of a migration: the library answers as before or as after, and the migration goes on."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.library.migration.models import N_PHOTOS, OTHER, OtherEmbedder, add_photo, make_album, opened
from tests.library.test_damage import cut, data, flipped, gone, newest, zeroed
from vecclust.errors import NotFound, StoreFull
from vecclust.library.migration import switch
from vecclust.library.watched import WatchedLibrary
from vecclust.store.layout import LibraryPlace, manifests
from vecclust.store.tables import Tables
from vecclust.testing import FakeEmbedder

# What writes: commits, tables that are made and dropped, and the fit that is kept for the switch.
WRITES: tuple[tuple[Any, str], ...] = (
    (Tables, "_commit"),
    (Tables, "create"),
    (Tables, "drop"),
    (switch, "save_fit_result"),
)


class Killed(BaseException):
    """Stands for SIGKILL: nothing catches it, and nothing is written after it."""


class FatalWrite:
    """Ends this process's writing at the n-th write.

    Args:
        number: which, from 1.
        late: after it has been made, not before.
        error: what is raised.
    """

    def __init__(self, number: int, *, late: bool, error: BaseException) -> None:
        self._number = number
        self._late = late
        self._error = error
        self.n_writes = 0

    def around(self, write: Callable[..., Any]) -> Callable[..., Any]:
        """Give a write that may be the fatal one; a dead process makes none that follow either."""

        def call(*given: Any, **named: Any) -> Any:
            self.n_writes += 1
            if self.n_writes > self._number or (self.n_writes == self._number and not self._late):
                raise self._error
            result = write(*given, **named)
            if self.n_writes == self._number:
                raise self._error
            return result

        return call

    @property
    def struck(self) -> bool:
        """Whether there were so many writes."""
        return self.n_writes >= self._number


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library with a name, and the same once it has been given the other model."""
    place = tmp_path_factory.mktemp("killed")
    album = make_album(place / "album")
    with opened(place / "library") as library:
        library.scan([album])
        library.rename(library.clusters().clusters[0].id, "Named")
    shutil.copytree(place / "library", place / "switched")
    migrate(place / "switched")
    with opened(place / "switched", embedder=OtherEmbedder()) as library:
        add_photo(album, "green", 93)
        library.scan()
    # Away, so that thumbnails are taken, which needs no decoding processes.
    album.rename(place / "away")
    return place


def migrate(folder: Path, *, back: bool = False) -> None:
    """Go the whole way."""
    with opened(folder, write=False) as library:
        prepared = library.prepare_model("" if back else OTHER, back=back)
    assert not prepared.missing
    with opened(folder, embedder=OtherEmbedder() if back else FakeEmbedder()) as library:
        assert library.switch_model(back=back).switched


def state_of(folder: Path) -> dict[str, Any]:
    """Give what the library answers, with whatever model it has now."""
    with WatchedLibrary.open(folder) as library:
        store = library._store
        photos, vectors = store.vectors()
        model, current = store.model(), store.state().current_run
        assert model is not None
        assert vectors.shape == (len(photos), model.dim)
        assert {run.model for run in store.runs() if run.run == current} == {model.model_id}
        return {
            "model": model.model_id,
            "run": current,
            "photos": photos,
            "labels": {photo: label.cluster for photo, label in store.labels().items()},
            "names": {cluster: name.name for cluster, name in store.names().items()},
            "like": [hit.photo for hit in library.alike(photos[0], limit=5).results],
        }


def strike(
    monkeypatch: pytest.MonkeyPatch, folder: Path, number: int, *, back: bool, late: bool, error: BaseException
) -> bool:
    """Migrate until the n-th write kills it; tell whether there were so many."""
    with monkeypatch.context() as patched:
        fatal = FatalWrite(number, late=late, error=error)
        for owner, name in WRITES:
            patched.setattr(owner, name, fatal.around(getattr(owner, name)))
        with suppress(Killed, StoreFull):
            migrate(folder, back=back)
        return fatal.struck


@pytest.mark.parametrize(
    ("back", "late"),
    [
        (False, False),
        pytest.param(False, True, marks=pytest.mark.slow),
        pytest.param(True, False, marks=pytest.mark.slow),
        pytest.param(True, True, marks=pytest.mark.slow),
    ],
    ids=["before each write", "after each write", "back, before each write", "back, after each write"],
)
def test_killed_at_any_write_it_answers_as_before_or_as_after(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, back: bool, late: bool
) -> None:
    """One of the two, whole; run again, the library is the one that an undisturbed migration makes."""
    start = place / ("switched" if back else "library")
    shutil.copytree(start, tmp_path / "whole")
    migrate(tmp_path / "whole", back=back)
    before, after = state_of(start), state_of(tmp_path / "whole")
    assert before["model"] != after["model"]
    outcomes = []
    for number in range(1, 1000):
        folder = tmp_path / f"library{number}"
        shutil.copytree(start, folder)
        if not strike(monkeypatch, folder, number, back=back, late=late, error=Killed()):
            break
        found = state_of(folder)
        if found["model"] == after["model"] and found["labels"] != after["labels"]:
            # What the run does not know is labelled after the switch, by this process or the next.
            assert back
            found = after
        assert found in (before, after)
        outcomes.append(found == after)
        if found != after:
            migrate(folder, back=back)
        else:
            with opened(folder, embedder=FakeEmbedder() if back else OtherEmbedder()) as library:
                library.scan()
        assert state_of(folder) == after
        with WatchedLibrary.open(folder) as library:
            assert library.migration().state == "none"
        shutil.rmtree(folder)
    assert outcomes == sorted(outcomes)
    # Nothing is written after the switch but labels of what came since the run.
    assert set(outcomes) == ({False, True} if late or back else {False})
    assert len(outcomes) >= (3 if back else 8)


@pytest.mark.slow
def test_a_full_disk_at_any_write_loses_nothing(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error, not a kill: what closes afterwards has nothing to write either."""
    before = state_of(place / "library")
    for number in range(1, 1000):
        folder = tmp_path / f"library{number}"
        shutil.copytree(place / "library", folder)
        if not strike(monkeypatch, folder, number, back=False, late=False, error=StoreFull("no space left")):
            break
        found = state_of(folder)
        assert found == before or found["model"] == OtherEmbedder().model_id
        assert len(found["photos"]) == len(found["labels"]) == N_PHOTOS
        shutil.rmtree(folder)


def test_the_disk_holds_both_vectors_and_no_more(place: Path, tmp_path: Path) -> None:
    """Never more than twice the library, and what is let go of is gone."""

    def size(folder: Path) -> int:
        return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())

    folder = tmp_path / "library"
    shutil.copytree(place / "library", folder)
    most, alone = 0, size(folder)
    with opened(folder, write=False) as library:

        def note(stage: str, done: int, total: int) -> None:
            nonlocal most
            most = max(most, size(folder))

        library.prepare_model(OTHER, progress=note)
    with opened(folder) as library:
        library.switch_model()
        most = max(most, size(folder))
        library.drop_former_model()
    assert most < 2 * alone
    assert size(folder) < 1.5 * alone


@pytest.mark.parametrize("harm", [cut, flipped, zeroed, gone])
@pytest.mark.parametrize("of", [data, newest], ids=["rows", "record"])
def test_damage_to_what_is_being_prepared_hinders_nobody_else(
    tmp_path: Path, of: Callable[[Path, str], Path], harm: Callable[[Path], None]
) -> None:
    """Questions are answered, the writer writes, doctor has a word of it; going on keeps what is whole."""
    album = make_album(tmp_path / "album")
    folder = tmp_path / "library"
    with opened(folder) as library:
        library.scan([album])
    with opened(folder, write=False) as library:
        library.prepare_model(OTHER)
    harm(of(folder, "photos_2"))
    with opened(folder, write=False) as library:
        assert library.status().photos == N_PHOTOS
        assert library.search("red").results
    found = WatchedLibrary.checkup(folder, depth="deep")
    assert not [one for one in found.faults if "photos_2" in one.check + one.what]
    assert [one.state for one in found.findings if one.check == "table photos_2"] == ["warning"]
    with opened(folder) as library:
        assert library.scan().unchanged == N_PHOTOS
    with opened(folder, write=False) as library:
        assert library.prepare_model(OTHER).missing == 0
    with opened(folder) as library:
        assert library.switch_model().switched
        keys, vectors = library._store.vectors()
        assert (len(keys), vectors.shape[1]) == (N_PHOTOS, OtherEmbedder().dim)
    assert not [one for one in WatchedLibrary.checkup(folder, depth="deep").faults if one.check != "model"]


@pytest.mark.parametrize("harm", [cut, gone])
def test_what_is_damaged_of_it_can_be_thrown_away(tmp_path: Path, harm: Callable[[Path], None]) -> None:
    """And begun anew."""
    album = make_album(tmp_path / "album")
    folder = tmp_path / "library"
    with opened(folder) as library:
        library.scan([album])
        library.prepare_model(OTHER)
    for record in manifests(LibraryPlace(folder).table("photos_2")):
        harm(record)
    harm(LibraryPlace(folder).ledger / "photos_2.json")
    with opened(folder) as library, suppress(NotFound):
        library.stop_migration()
    with opened(folder, write=False) as library:
        assert library.prepare_model(OTHER).missing == 0

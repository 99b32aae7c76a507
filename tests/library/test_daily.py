"""What cannot be computed again: kept each day, and brought back to a library that lost it, by the clusters' photos."""

from __future__ import annotations

import gzip
import json
import shutil
import time
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from tests.library.filled import filled_library
from vecclust.errors import NotFound, StoreDamaged, StoreTooNew, UsageError
from vecclust.library import daily
from vecclust.library.backups import back_up
from vecclust.library.watched import WatchedLibrary
from vecclust.store.journal import read_lines
from vecclust.testing import FakeClock, FakeEmbedder
from vecclust.types.edits import EditRequest

DAY = date(2040, 3, 1)


def opened(folder: Path, *, write: bool = True) -> WatchedLibrary:
    """Open a library some hours later, with a model that answers as the first one did."""
    clock, flags = FakeClock(time.time_ns() + 9 * 3600 * 10**9), {"clusters.reducer": "pca"}
    return WatchedLibrary.open(folder, write=write, flags=flags, embedder=FakeEmbedder(), clock=clock)


def say(library: WatchedLibrary, request: EditRequest) -> None:
    """Make an edit, a second after the last one."""
    library._clock.sleep(1)
    library.edit(request)


def said(library: WatchedLibrary) -> list[tuple[str | None, int]]:
    """Give names and sizes of the clusters."""
    return sorted(((one.name, one.size) for one in library.clusters().clusters), key=str)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A place with an album and a library of which everything was said that can be, and the backup of a day."""
    place = tmp_path_factory.mktemp("daily")
    with filled_library(place, n_each=12) as library:
        library.rename("c1", "Grandma")
        library._clock.sleep(1)
        library.rename("c2", "Lagoon")
        photos = [photo.path or "" for photo in library.cluster("c2").photos]
        say(library, EditRequest("pin", photos=(library.cluster("c3").photos[0].path or "",)))
        say(library, EditRequest("split-off", photos=tuple(photos[:3]), cluster="c2", name="Three"))
        say(library, EditRequest("move", photos=(photos[5],), cluster="c1"))
        say(library, EditRequest("move", photos=(photos[6],), cluster="unclustered"))
        say(library, EditRequest("not-together", cluster="c1", other="c3"))
        say(library, EditRequest("take-back", edits=("w5",)))
        file = daily.keep_day(library._store, DAY)
    assert file is not None
    shutil.copy(file, place / "day.json")
    return place, place / "day.json"


@pytest.fixture
def library(made: tuple[Path, Path], tmp_path: Path) -> Iterator[WatchedLibrary]:
    """A copy of that library, open for writing."""
    shutil.copytree(made[0] / "library", tmp_path / "library")
    with opened(tmp_path / "library") as copy:
        yield copy


def test_a_day_is_kept_once_and_the_last_thirty_are(library: WatchedLibrary) -> None:
    """Where nothing was said since, the newest one says it already: thirty quiet days push no good one out."""
    store = library._store
    assert daily.keep_day(store, DAY) is None
    assert daily.keep_day(store, DAY + timedelta(1)) is None
    for number in range(2, 40):
        library.rename("c3", f"Name {number}")
        assert daily.keep_day(store, DAY + timedelta(number)) is not None
    kept = [file.name for file in daily.kept_days(library.folder)]
    assert len(kept) == daily.N_DAYS
    assert kept[-1] == "2040-04-09.json"
    assert not list((library.folder / "backups").glob(".*"))
    newest = json.loads((library.folder / "backups" / kept[-1]).read_text())
    assert [one["name"] for one in newest["clusters"] if one["id"] == "c3"] == ["Name 39"]


def test_a_person_can_read_it(made: tuple[Path, Path]) -> None:
    """Names with the photos of their clusters, edits, settings, folders; its owner's alone."""
    document = json.loads(made[1].read_text(encoding="ascii"))
    assert {one["id"]: one["name"] for one in document["clusters"]}.items() >= {("c1", "Grandma"), ("c4", "Three")}
    assert [len(one["members"]) for one in document["clusters"] if one["id"] == "c1"] == [12]
    assert [row["kind"] for row in document["edits"][:3]] == ["rename", "rename", "pin"]
    assert document["folders"][0]["path"].endswith("album")
    kept = daily.kept_days(made[0] / "library")[0]
    assert (kept.stat().st_mode & 0o777, kept.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_what_is_long_is_packed(library: WatchedLibrary, monkeypatch: pytest.MonkeyPatch) -> None:
    """And comes back all the same."""
    monkeypatch.setattr(daily, "_PLAIN_BYTES", 10)
    library.rename("c3", "Sand")
    file = daily.keep_day(library._store, DAY + timedelta(1))
    assert file is not None
    assert file.name == "2040-03-02.json.gz"
    assert json.loads(gzip.decompress(file.read_bytes()))["format"] == 1
    assert library.restore_day(file).edits == 0


def test_a_library_that_says_all_of_it_is_left_as_it_is(library: WatchedLibrary, made: tuple[Path, Path]) -> None:
    """However often it is brought back."""
    before, edits = said(library), library.edits(everything=True)
    assert library.restore_day(made[1]).edits == 0
    assert (said(library), library.edits(everything=True)) == (before, edits)


def test_after_a_total_loss_names_and_edits_find_their_clusters(
    made: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new scan and fit number the clusters otherwise: each name goes to the one that has its photos."""
    place, day = made
    with opened(place / "library", write=False) as first:
        wanted = said(first)
        medoids = {one.name: one.medoid for one in first.clusters().clusters if one.name in ("Grandma", "Lagoon")}
    with opened(tmp_path / "library") as anew:
        with pytest.raises(NotFound, match="no clusters"):
            anew.restore_day(day)
        anew.scan([place / "album"])
        # Numbers that were given already make all ids others.
        state = anew._store.state()
        for _ in range(5):
            anew._store.new_cluster()
        anew.recluster()
        report = anew.restore_day(day)
        assert state.next_cluster == 4
        assert said(anew) == wanted
        assert (report.lost_names, report.edits) == ((), 8)
        assert {name for _, name in report.names} == {"Grandma", "Lagoon"}
        for name, medoid in medoids.items():
            assert medoid in [photo.path for photo in anew.cluster(name or "").photos]
        assert anew.restore_day(day).edits == 0
        assert [line["number"] for line in read_lines(anew.folder / "journal.jsonl")[0]][-1] == 8
        # Ids of then mean nothing here, and none is given twice.
        assert anew._store.new_cluster() not in {row.cluster for row in anew._store.edits()}
    with opened(tmp_path / "library") as again:
        again.recluster()
        assert said(again) == wanted


def test_names_whose_photos_are_gone_are_told(made: tuple[Path, Path], tmp_path: Path) -> None:
    """They go to no other cluster."""
    place, day = made
    album = tmp_path / "album"
    shutil.copytree(place / "album", album)
    document = json.loads(day.read_text())
    gone = set(next(one for one in document["clusters"] if one["name"] == "Grandma")["members"])
    with opened(place / "library", write=False) as first:
        paths = {row.path for photo in gone for row in first._store.files_of([photo])[photo]}
    for path in paths:
        (album / path).unlink()
    with opened(tmp_path / "library") as anew:
        anew.scan([album])
        if anew._store.state().current_run is None:
            pytest.fail("too few photos for a run")
        report = anew.restore_day(day)
        assert [name.partition(" (")[0] for name in report.lost_names] == ["Grandma"]
        assert "Grandma" not in [name for name, _ in said(anew)]
        assert any("was kept then" in notice for notice in report.notices)


def test_what_was_said_later_stays(library: WatchedLibrary, made: tuple[Path, Path], tmp_path: Path) -> None:
    """An older backup brings back what was lost, and wins over nothing that was said since."""
    library._clock.sleep(1)
    library.rename("c1", "Grandmother")
    library._clock.sleep(1)
    library.rename("c3", "Sand")
    after = said(library)
    assert library.restore_day(made[1]).edits == 0
    assert said(library) == after
    # Of a library whose log was lost, and of which something was said since.
    with opened(tmp_path / "anew") as anew:
        anew.scan([made[0] / "album"])
        anew._clock.sleep(1)
        grandma = next(one.id for one in anew.clusters().clusters if one.medoid == library.cluster("c1").entry.medoid)
        anew.rename(grandma, "Nan")
        report = anew.restore_day(made[1])
        names = [name for name, _ in said(anew)]
        assert "Nan" in names
        assert {"Lagoon", "Three"} <= set(names)
        assert report.lost_names[0].startswith("Grandma (")


def test_a_name_that_another_cluster_bears_is_not_given_twice(made: tuple[Path, Path], tmp_path: Path) -> None:
    """Whatever the case."""
    with opened(tmp_path / "anew") as anew:
        anew.scan([made[0] / "album"])
        ids = {one.medoid: one.id for one in anew.clusters().clusters}
        with opened(made[0] / "library", write=False) as first:
            sand = first.cluster("c3").entry.medoid
        anew.rename(ids[sand], "lagoon")
        anew.restore_day(made[1])
        assert sorted(str(name).lower() for name, _ in said(anew)).count("lagoon") == 1


def test_settings_are_put_aside(made: tuple[Path, Path], tmp_path: Path) -> None:
    """Those of now stay; where they are the same nothing is said."""
    shutil.copytree(made[0] / "library", tmp_path / "library")
    (tmp_path / "library" / "config.toml").write_text("[watch]\nnice = 4\n")
    with opened(tmp_path / "library") as library:
        file = daily.keep_day(library._store, DAY + timedelta(1))
        assert file is not None
        assert library.restore_day(file).notices == ()
    (tmp_path / "library" / "config.toml").write_text("[watch]\nnice = 5\n")
    (notice,) = WatchedLibrary.restore(file, tmp_path / "library").notices
    assert "settings" in notice
    assert (tmp_path / "library" / "set-aside" / "config-of-2040-03-02.toml").read_text() == "[watch]\nnice = 4\n"
    assert (tmp_path / "library" / "config.toml").read_text() == "[watch]\nnice = 5\n"


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (b"", UsageError),
        (b"[1, 2]", UsageError),
        (b'{"format": 9, "said": "otherwise"}', StoreTooNew),
        (b'{"format": 1, "edits": [], "sum": "abc"}', StoreDamaged),
    ],
)
def test_what_is_no_backup_of_a_day_is_refused(
    library: WatchedLibrary, tmp_path: Path, text: bytes, error: type[Exception]
) -> None:
    """Nothing is changed by it, nor by one that was changed by hand."""
    (tmp_path / "day.json").write_bytes(text)
    before = library.edits(everything=True)
    with pytest.raises(error):
        library.restore_day(tmp_path / "day.json")
    with pytest.raises(UsageError):
        library.restore_day(tmp_path / "missing.json")
    assert library.edits(everything=True) == before


def test_a_day_on_which_nothing_was_said_yet_waits_for_the_first_edit(tmp_path: Path) -> None:
    """As the daemon's does, which looks first thing in the morning."""
    with filled_library(tmp_path, n_each=12) as library:
        library.keep_day()
        assert daily.kept_days(library.folder) == []
        assert library.status().daily_backup_ns is None
        library.rename("c1", "Grandma")
        library.keep_day()
        (kept,) = daily.kept_days(library.folder)
        assert library.status().daily_backup_ns == kept.stat().st_mtime_ns
        assert "Grandma" in kept.read_text()


def test_the_first_edit_of_a_day_keeps_it(library: WatchedLibrary) -> None:
    """By whatever command, and only the first; what goes wrong there keeps nobody from an edit."""
    for file in daily.kept_days(library.folder):
        file.unlink()
    library.rename("c3", "Sand")
    (kept,) = daily.kept_days(library.folder)
    assert "Sand" in kept.read_text()
    library.rename("c3", "Dune")
    assert "Dune" not in kept.read_text()
    kept.unlink()
    kept.parent.rmdir()
    kept.parent.write_text("no folder")
    library._day_kept = None
    library.rename("c3", "Beach")
    assert library.clusters().clusters


def test_a_whole_library_comes_back_with_its_days(made: tuple[Path, Path], tmp_path: Path) -> None:
    """Into a new place and in the place of another; its cost is said first, and what cannot be is refused."""
    place, _ = made
    (tmp_path / "usb").mkdir()
    planned = back_up(place / "library", tmp_path / "usb", dry_run=True)
    assert (planned.photos, planned.size_bytes, list((tmp_path / "usb").iterdir())) == (36, 0, [])
    done = back_up(place / "library", tmp_path / "usb")
    (file,) = (tmp_path / "usb").iterdir()
    assert done.file == str(file)
    assert done.library_bytes < done.size_bytes == file.stat().st_size
    report = WatchedLibrary.restore(file, tmp_path / "library")
    assert (report.photos, report.set_aside, report.notices) == (36, None, ())
    with opened(place / "library", write=False) as first, opened(tmp_path / "library") as copy:
        assert said(copy) == said(first)
        assert copy.edits(everything=True) == first.edits(everything=True)
        found = copy.scan()
        assert (found.added, found.unchanged, found.mended) == (0, 36, ())
        assert daily.kept_days(copy.folder)
    for target in (place / "library" / "in.tar", tmp_path / "nowhere" / "x.tar", tmp_path / "usb" / "copy", file):
        with pytest.raises(UsageError):
            back_up(place / "library", target)
    with pytest.raises(NotFound):
        back_up(tmp_path / "none", tmp_path / "usb")

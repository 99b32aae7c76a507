"""The whole loop through `vecclust.Library`: real files, real decoding, real tables, a fake model."""

from __future__ import annotations

import dataclasses
import io
import os
import re
import shutil
import struct
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vecclust.errors import LibraryLocked, ModelMismatch, NotFound, PhotoError, UsageError
from vecclust.library.opening import SystemClock
from vecclust.library.watched import WatchedLibrary
from vecclust.testing import FakeClock, FakeEmbedder
from vecclust.types.edits import EditRequest
from vecclust.types.files import ScanReport
from vecclust.types.search import Filters

HUES = {"red": (200, 30, 30), "green": (30, 180, 40), "blue": (30, 40, 200)}


def noisy(colour: tuple[int, ...], number: int) -> bytes:
    """Draw a JPEG around one colour, different for each number."""
    pixels = np.clip(np.array(colour) + np.random.default_rng(number).normal(0, 12, (48, 64, 3)), 0, 255)
    file = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(file, "JPEG", quality=90)
    return file.getvalue()


def picture(colour: str, number: int) -> bytes:
    """Draw a JPEG of one hue, different for each number."""
    return noisy(HUES[colour], number)


def old(path: Path) -> None:
    """Make a file look as if it had been quiet for a day: a scan does not wait for it."""
    os.utime(path, ns=(10**18, 10**18))


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """A folder with twelve photos of each of three colours."""
    folder = tmp_path / "album"
    for colour in HUES:
        (folder / colour).mkdir(parents=True)
        for number in range(12):
            (folder / colour / f"{number:02}.jpg").write_bytes(picture(colour, number))
    return folder


class Home:
    """One library that is opened, used and closed, with one clock and one embedder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # An hour ahead of the files: whatever a test writes has been quiet for long.
        self.clock: FakeClock | SystemClock = FakeClock(time.time_ns() + 3600 * 10**9)
        self.embedder = FakeEmbedder()

    def open(self, *, write: bool = True, **flags: object) -> WatchedLibrary:
        """Open the library."""
        settings = {key.replace("__", "."): value for key, value in flags.items()}
        return WatchedLibrary.open(self.folder, write=write, flags=settings, embedder=self.embedder, clock=self.clock)

    def scan(self, *folders: Path, prune: bool = False) -> ScanReport:
        """Scan, as one process would."""
        with self.open() as library:
            return library.scan(folders, prune=prune)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """A library that does not exist yet."""
    return Home(tmp_path / "library")


def counts(report: ScanReport) -> tuple[int, int, int, int, int]:
    """Give added, updated, moved, removed, unchanged."""
    return report.added, report.updated, report.moved, report.removed, report.unchanged


def test_a_first_scan_embeds_and_clusters_and_a_second_does_nothing(home: Home, album: Path) -> None:
    """Every photo has a label of the first run; the second scan finds nothing to do and embeds nothing."""
    first = home.scan(album)
    assert counts(first) == (36, 0, 0, 0, 0)
    assert (first.run, first.labelled, first.problems) == ("r1", 36, 0)
    embedded = home.embedder.n_frames_embedded
    second = home.scan()
    assert counts(second) == (0, 0, 0, 0, 36)
    assert second.labelled == 0
    assert home.embedder.n_frames_embedded == embedded == 36


def test_each_colour_becomes_a_cluster_of_its_own(home: Home, album: Path) -> None:
    """The labels mean something."""
    home.scan(album)
    with home.open(write=False) as library:
        for entry in library.clusters().clusters:
            folders = {Path(member.path or "").parent.name for member in library.cluster(entry.id).photos}
            assert len(folders) == 1


def test_the_first_fit_waits_for_as_many_photos_as_the_smallest_cluster_is_to_have(
    home: Home, album: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A scan goes on without clusters and says why, once; with enough photos they are there."""
    with home.open(clusters__min_cluster_size=38) as library:
        for number in (50, 51):
            report = library.scan([album])
            assert (report.run, report.labelled, report.problems) == (None, 0, 0)
            said = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
            assert len(said) == 1
            assert "38 photos, and the library has 36" in said[0]
            (album / "red" / f"{number}.jpg").write_bytes(picture("red", number))
        assert library.scan().run == "r1"
    with home.open(clusters__min_cluster_size=50) as library:
        (album / "red" / "52.jpg").write_bytes(picture("red", 52))
        report = library.scan()
        assert (report.run, report.labelled) == ("r1", 1), "arrivals are labelled as ever"


def test_a_moved_or_copied_photo_costs_no_embedding(home: Home, album: Path) -> None:
    """A photo is its content, wherever it lies."""
    home.scan(album)
    embedded = home.embedder.n_frames_embedded
    os.rename(album / "red" / "00.jpg", album / "blue" / "moved.jpg")
    shutil.copy(album / "green" / "00.jpg", album / "copy.jpg")
    report = home.scan()
    assert counts(report) == (1, 0, 1, 0, 35)
    assert home.embedder.n_frames_embedded == embedded
    with home.open(write=False) as library:
        assert (library.status().photos, library.status().files) == (36, 37)
        assert library.photo(album / "copy.jpg").other_paths == (str(album / "green" / "00.jpg"),)


def test_an_overwritten_photo_replaces_the_earlier_one(home: Home, album: Path) -> None:
    """Another content at the same path is another photo, and the earlier one goes."""
    home.scan(album)
    (album / "red" / "00.jpg").write_bytes(picture("blue", 99))
    report = home.scan()
    assert counts(report) == (0, 1, 0, 0, 35)
    assert report.labelled == 1
    with home.open(write=False) as library:
        assert library.status().photos == 36


def test_an_arrival_is_labelled_by_prediction_at_once(home: Home, album: Path) -> None:
    """A new red photo joins the red cluster without a refit."""
    home.scan(album)
    new = album / "red" / "new.jpg"
    new.write_bytes(picture("red", 77))
    report = home.scan()
    assert (report.added, report.labelled, report.run) == (1, 1, "r1")
    with home.open(write=False) as library:
        facts, sibling = library.photo(new), library.photo(album / "red" / "01.jpg")
        assert facts.assigned_by == "predict"
        assert facts.cluster in (sibling.cluster, None)


def test_an_arrival_of_a_kind_never_seen_is_kept_as_a_newcomer(home: Home, album: Path) -> None:
    """It is told from one that only fell between clusters, in `photo` and in `status`, by whoever opens it later."""
    home.scan(album)
    (album / "red" / "new.jpg").write_bytes(picture("red", 77))
    Image.new("RGB", (64, 48), (250, 240, 20)).save(album / "yellow.png")
    home.scan()
    with home.open(write=False) as library:
        facts, known = library.photo(album / "yellow.png"), library.photo(album / "red" / "new.jpg")
        assert (facts.cluster, facts.assigned_by, facts.novelty, facts.newcomer) == (None, "predict", 1.0, True)
        assert known.novelty is not None
        assert known.novelty < 1.0
        fitted = library.photo(album / "red" / "01.jpg")
        assert (fitted.novelty, fitted.newcomer) == (None, False)
        status = library.status()
        assert (status.arrivals_since_run, status.newcomers) == (2, 1 + known.newcomer)
    with home.open() as library:
        library.recluster()
        assert library.status().newcomers == 0


def test_a_deleted_photo_goes_after_two_scans_a_day_apart(home: Home, album: Path) -> None:
    """The first miss only marks it, and it answers nothing meanwhile; the second, a day later, removes it."""
    home.scan(album)
    gone = album / "red" / "00.jpg"
    gone.unlink()
    assert home.scan().missing == 1
    with home.open(write=False) as library:
        assert library.status().photos == 36
        hits = library.similar(album / "red" / "01.jpg", limit=50).results
        assert str(gone) not in {hit.path for hit in hits}
    home.clock.advance(3600)
    assert (home.scan().removed, home.scan().missing) == (0, 1)
    home.clock.advance(86_400)
    assert home.scan().removed == 1
    with home.open(write=False) as library:
        assert library.status().photos == 35


def test_prune_removes_at_once(home: Home, album: Path) -> None:
    """The owner need not wait a day."""
    home.scan(album)
    (album / "red" / "00.jpg").unlink()
    assert home.scan(prune=True).removed == 1


def test_prune_believes_that_most_is_gone_but_not_a_folder_that_is_not_there(home: Home, album: Path) -> None:
    """The owner's word lifts the pause of a folder that can be read whole, and of no other."""
    home.scan(album)
    shutil.rmtree(album / "red")
    shutil.rmtree(album / "green")
    assert home.scan(prune=True).removed == 24
    shutil.rmtree(album)
    report = home.scan(prune=True)
    assert report.removed == 0
    assert "nothing is removed" in report.notices[0]


@pytest.mark.parametrize("loss", ["vanished", "emptied", "mostly gone"])
def test_an_unplugged_drive_is_not_a_deletion(home: Home, album: Path, tmp_path: Path, loss: str) -> None:
    """Days without the folder remove nothing; when it is back nothing is embedded again."""
    home.scan(album)
    away = tmp_path / "away"
    shutil.copytree(album, away)  # the times of the copies do not matter: contents do
    if loss == "mostly gone":
        shutil.rmtree(album / "red")
        shutil.rmtree(album / "green")
    else:
        shutil.rmtree(album)
        if loss == "emptied":
            album.mkdir()
    for _ in range(3):
        report = home.scan()
        assert report.removed == 0
        assert "nothing is removed" in report.notices[0]
        home.clock.advance(2 * 86_400)
    with home.open(write=False) as library:
        assert library.status().photos == 36
        assert library.status().folders[0].paused
    embedded = home.embedder.n_frames_embedded
    shutil.copytree(away, album, dirs_exist_ok=True)
    assert home.scan().notices == ()
    assert home.embedder.n_frames_embedded == embedded


def test_a_folder_that_never_was_is_a_mistake_and_a_kept_one_is_away(home: Home, album: Path) -> None:
    """A name typed wrong is not remembered; a kept folder that is not there is a notice, as is one inside it."""
    wrong = album.parent / "albun"
    with home.open() as library:
        for take in (library.scan, library.remember):
            with pytest.raises(UsageError, match="albun: No such file"):
                take([album, wrong])
        with pytest.raises(UsageError, match="is not a folder"):
            library.scan([album / "red" / "00.jpg"])
        assert library.folders() == ()
        library.scan([album])
        shutil.rmtree(album)
        for named in (album, album / "red"):
            assert "is not there" in library.scan([named]).notices[0]
        assert library.remember([album]) == (str(album),)


def test_a_broken_file_is_recorded_once_and_read_when_it_is_mended(home: Home, album: Path) -> None:
    """It costs nothing but itself, has a reason, and is not tried at every scan."""
    broken = album / "broken.jpg"
    broken.write_bytes(picture("red", 50)[:500])
    assert (home.scan(album).problems, home.scan().problems) == (1, 1)
    with home.open(write=False) as library:
        (problem,) = library.problems()
        assert (problem.path, problem.attempts) == (str(broken), 1)
        assert problem.reason
    home.clock.advance(6)
    home.scan()
    with home.open() as library:
        assert library.problems()[0].attempts == 2
        assert library.retry().problems == 1
        assert library.problems()[0].attempts == 3
    broken.write_bytes(picture("red", 50))
    report = home.scan()
    assert (report.added, report.problems) == (1, 0)
    with home.open(write=False) as library:
        assert library.problems() == ()


def test_a_damaged_photo_is_taken_marked_and_forgiven(home: Home, album: Path) -> None:
    """Young it waits; quiet for long it is a photo, marked in `problems`, copies too; completed it is as any other."""
    whole = noisy(HUES["red"], 50)
    cut, copy = album / "cut.jpg", album / "copy.jpg"
    cut.write_bytes(whole[:-40])
    report = home.scan(album)
    assert (report.added, report.problems) == (36, 1)
    with home.open(write=False) as library:
        (problem,) = library.problems()
        assert (problem.reason, problem.damaged) == ("the end of the JPEG is missing", False)
    home.clock.advance(6)
    with home.open(photos__damaged_after_s=0.0) as library:
        report = library.scan()
        assert (report.added, report.problems, report.pending) == (1, 0, 0)
        assert report.notices == ("damaged files taken as far as they can be shown: 1; vecclust problems lists them",)
        assert (library.photo(cut).width, library.photo(cut).damaged) == (64, "the end of the JPEG is missing")
    shutil.copy(cut, copy)
    home.scan()
    again = home.scan()
    assert (again.unchanged, again.notices) == (38, ())
    with home.open(write=False) as library:
        marked = [(problem.path, problem.reason, problem.damaged) for problem in library.problems()]
        assert marked == [(str(path), "the end of the JPEG is missing", True) for path in (copy, cut)]
        assert library.status().problems == 2
        assert str(copy) in {hit.path for hit in library.similar(album / "red" / "00.jpg", limit=40).results}
    cut.write_bytes(whole)
    copy.unlink()
    assert home.scan().updated == 1
    with home.open(write=False) as library:
        assert [problem.path for problem in library.problems()] == [str(copy)]
        assert library.photo(cut).damaged == ""
    home.scan(prune=True)
    with home.open(write=False) as library:
        assert library.problems() == ()
        assert library.status().photos == 37


def test_a_file_still_being_written_waits(home: Home, album: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that changes at every look is pending, not read half; once quiet it is read."""
    growing = album / "growing.jpg"
    data = picture("red", 51)
    growing.write_bytes(data[:100])

    def grow(seconds: float) -> None:
        with growing.open("ab") as file:
            file.write(b"\0")
        home.clock.advance((time.time_ns() - home.clock.now_ns()) / 1e9)

    home.clock = FakeClock(time.time_ns())
    monkeypatch.setattr(home.clock, "sleep", grow)
    for path in album.rglob("0*.jpg"):
        old(path)
    report = home.scan(album)
    assert report.pending >= 1
    with home.open(write=False) as library:
        assert library.status().pending == report.pending
        assert str(growing) not in {problem.path for problem in library.problems()}


def test_names_and_rollback_outlive_refits(home: Home, album: Path) -> None:
    """The id keeps its photos and its name through refits and back."""
    home.scan(album)
    with home.open() as library:
        reds = library.photo(album / "red" / "01.jpg").cluster
        assert reds is not None
        library.rename(reds, "Glacier lagoon 'é' 🌋")
        for _ in range(3):
            report = library.recluster()
            assert (report.kept, report.born, report.gone) == (report.clusters, 0, 0)
        assert library.photo(album / "red" / "01.jpg").cluster_name == "Glacier lagoon 'é' 🌋"
        library.rename(reds, "Lagoon")
        assert library.rollback("r2").run == "r2"
        assert library.photo(album / "red" / "01.jpg").cluster_name == "Lagoon"
        assert library.runs()[1] == "r2"
        assert library.recluster().run == "r5"


def test_a_dry_refit_changes_nothing(home: Home, album: Path) -> None:
    """The difference is shown, the tables stay."""
    home.scan(album)
    with home.open(write=False, clusters__clusterer="kmeans", clusters__n_clusters=2) as library:
        report = library.recluster(dry_run=True)
        assert (report.dry_run, report.clusters, report.noise) == (True, 2, 0)
        assert [run.run for run in library.runs()[0]] == ["r1"]


@pytest.mark.parametrize("reducer", ["pca", "none"])
@pytest.mark.parametrize("clusterer", ["hdbscan", "kmeans", "agglomerative"])
def test_reducer_and_clusterer_are_one_option_each(home: Home, album: Path, reducer: str, clusterer: str) -> None:
    """The article's comparison can be repeated, and arrivals are labelled in each."""
    with home.open(clusters__reducer=reducer, clusters__clusterer=clusterer) as library:
        library.scan([album])
        (album / "red" / "new.jpg").write_bytes(picture("red", 77))
        assert library.scan().labelled == 1
        assert library.clusters().clusters


def test_what_is_no_photo_is_said_to_be_what_it_is(home: Home, album: Path, tmp_path: Path) -> None:
    """A folder, a file that is not there, one that is no picture or lies elsewhere: each by its name."""
    home.scan(album)
    absent, empty = tmp_path / "absent.jpg", tmp_path / "empty.jpg"
    empty.touch()
    with home.open(write=True) as library:
        for ask in (library.similar, library.photo, lambda path: library.edit(EditRequest("pin", (str(path),)))):
            with pytest.raises(NotFound, match=f"^{re.escape(str(album))} is a folder"):
                ask(album)
            with pytest.raises(NotFound, match=f"{re.escape(str(absent))}.*(no such file|No such file)"):
                ask(absent)
        with pytest.raises(NotFound, match=f"^{re.escape(str(empty))} is not in the library"):
            library.photo(empty)
        with pytest.raises(PhotoError, match=f"^{re.escape(str(empty))} cannot be used: the file is empty"):
            library.similar(empty)


def test_a_photo_from_outside_can_be_asked_about(home: Home, album: Path, tmp_path: Path) -> None:
    """Any image file will do, and a copy of a known photo is not its own answer."""
    home.scan(album)
    stranger = tmp_path / "stranger.jpg"
    stranger.write_bytes(picture("blue", 500))
    copy = tmp_path / "copy.jpg"
    shutil.copy(album / "blue" / "03.jpg", copy)
    with home.open(write=False) as library:
        best = library.similar(stranger, limit=5).results
        assert {Path(hit.path).parent.name for hit in best} == {"blue"}
        assert [hit.score for hit in best] == sorted((hit.score for hit in best), reverse=True)
        assert str(album / "blue" / "03.jpg") not in {hit.path for hit in library.similar(copy, limit=50).results}


def test_words_find_what_they_name(home: Home, album: Path) -> None:
    """Search goes by the model's words."""
    home.scan(album)
    with home.open(write=False) as library:
        found = library.search("green", limit=12)
        assert {Path(hit.path).parent.name for hit in found.results} == {"green"}
        with pytest.raises(UsageError):
            library.search("  ")


def test_filters_limit_the_answer(home: Home, album: Path) -> None:
    """By folder and by cluster; an unknown cluster is an error, not an empty answer."""
    home.scan(album)
    with home.open(write=False) as library:
        asked = album / "red" / "01.jpg"
        blue = library.similar(asked, limit=50, filters=Filters(folder=album / "blue"))
        assert {Path(hit.path).parent.name for hit in blue.results} == {"blue"}
        cluster = library.photo(album / "green" / "01.jpg").cluster
        green = library.similar(asked, limit=50, filters=Filters(cluster=cluster))
        assert {Path(hit.path).parent.name for hit in green.results} == {"green"}
        with pytest.raises(NotFound):
            library.similar(asked, filters=Filters(cluster="c999"))


@pytest.mark.parametrize("n", [0, 1, 2, 6])
def test_small_libraries_give_sensible_answers(home: Home, tmp_path: Path, n: int) -> None:
    """No photos, one, two, six: no traceback anywhere."""
    folder = tmp_path / "few"
    folder.mkdir()
    for number in range(n):
        (folder / f"{number}.jpg").write_bytes(picture("red", number))
    report = home.scan(folder)
    assert (report.added, report.run) == (n, None)
    with home.open() as library:
        assert library.clusters().clusters == ()
        if n == 0:
            with pytest.raises(NotFound, match="no photos"):
                library.recluster()
            with pytest.raises(NotFound, match="no photos"):
                library.search("red")
            return
        assert library.recluster().photos == n
        assert len(library.similar(folder / "0.jpg").results) == n - 1
        assert len(library.search("red").results) == n
        assert library.status().run is not None


def test_a_library_of_one_picture_many_times(home: Home, tmp_path: Path) -> None:
    """Fifteen copies are one photo with fifteen files, and the report says both."""
    folder = tmp_path / "same"
    folder.mkdir()
    for number in range(15):
        (folder / f"{number}.jpg").write_bytes(picture("red", 1))
    report = home.scan(folder)
    assert (report.added, report.new_photos) == (15, 1)
    with home.open() as library:
        assert (library.status().photos, library.status().files) == (1, 15)
        assert library.similar(folder / "3.jpg").results == ()
        library.recluster()


def test_odd_names_are_names_like_any_other(home: Home, tmp_path: Path) -> None:
    """Quotes, newlines, emoji and bytes that are not UTF-8, in folders and files, come back exactly."""
    folder = tmp_path / 'o\'dd "x" 🌋'
    folder.mkdir()
    names = [b"a'b.jpg", b"new\nline.jpg", "é🌋.jpg".encode(), b"\xff\xfe.jpg", b"%s;--.jpg", b" .jpg"]
    for number, name in enumerate(names):
        with open(os.path.join(os.fsencode(folder), name), "wb") as file:
            file.write(picture("red", number))
    assert home.scan(folder).added == len(names)
    with home.open(write=False) as library:
        paths = {hit.path for hit in library.search("red").results}
        assert {os.fsencode(path) for path in paths} == {os.path.join(os.fsencode(folder), name) for name in names}
        for path in paths:
            assert library.photo(path).path == path


def test_folders_inside_folders_hold_each_file_once(home: Home, album: Path) -> None:
    """A folder below a kept one adds nothing; one around it takes its place without reading a photo again."""
    home.scan(album / "red")
    home.scan(album)
    embedded = home.embedder.n_frames_embedded
    report = home.scan(album / "blue")
    assert (report.added, home.embedder.n_frames_embedded, embedded) == (0, 36, 36)
    with home.open(write=False) as library:
        assert [folder.path for folder in library.status().folders] == [str(album)]
        assert library.status().files == 36


def test_another_model_is_refused(home: Home, album: Path) -> None:
    """Vectors of two models never meet in one library."""
    home.scan(album)
    with home.open(model="local-dir:/somewhere/else") as library, pytest.raises(ModelMismatch) as caught:
        library.scan()
    assert caught.value.exit_code == 5
    assert "vecclust migrate local-dir:/somewhere/else" in caught.value.hint
    home.embedder = FakeEmbedder(model_id="fake/other@000000000000")
    with home.open(write=False) as library, pytest.raises(ModelMismatch):
        library.search("red")


def test_a_second_writer_is_refused_and_readers_are_not(home: Home, album: Path) -> None:
    """One writer at a time; questions are answered meanwhile."""
    home.scan(album)
    with home.open():
        with pytest.raises(LibraryLocked):
            home.open()
        with home.open(write=False) as reader:
            assert reader.similar(album / "red" / "01.jpg", limit=3).results


def test_a_dry_scan_changes_nothing_not_even_the_disk(home: Home, album: Path) -> None:
    """What would be done is said, also where there is no library yet."""
    with WatchedLibrary.open(home.folder, write=False, missing_ok=True, embedder=home.embedder) as library:
        report = library.scan([album], dry_run=True)
    assert (report.added, report.dry_run) == (36, True)
    assert not home.folder.exists()


def test_a_damaged_run_is_fitted_again_not_guessed_at(home: Home, album: Path) -> None:
    """An arrival after the fitted arrays were damaged leads to a refit with a reason."""
    home.scan(album)
    for file in (home.folder / "fits" / "r1").iterdir():
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    (album / "red" / "new.jpg").write_bytes(picture("red", 77))
    report = home.scan()
    assert report.run == "r2"
    with home.open(write=False) as library:
        assert library.runs()[0][-1].reason.startswith("repair")
        assert library.photo(album / "red" / "new.jpg").run == "r2"


def test_the_order_of_arrival_does_not_change_the_labels(tmp_path: Path, album: Path) -> None:
    """Two libraries filled in opposite orders hold the same partition after a refit."""
    partitions = []
    orders: list[Callable[[list[str]], list[str]]] = [sorted, lambda names: sorted(names, reverse=True)]
    for number, order in enumerate(orders):
        home = Home(tmp_path / f"library{number}")
        folder = tmp_path / f"copy{number}"
        for colour in order(list(HUES)):
            shutil.copytree(album / colour, folder / colour)
            home.scan(folder)
        with home.open() as library:
            library.recluster()
            clusters = [library.cluster(entry.id).photos for entry in library.clusters().clusters]
            partitions.append({frozenset(member.photo for member in photos) for photos in clusters})
    assert partitions[0] == partitions[1]


def test_a_fresh_file_of_odd_end_is_waited_for(home: Home, tmp_path: Path) -> None:
    """A HEIC whose last box is cut short is doubted while it is fresh, and taken within the same scan."""
    pillow_heif = pytest.importorskip("pillow_heif")
    folder = tmp_path / "fresh"
    folder.mkdir()
    image = Image.new("RGB", (64, 48), HUES["red"])
    pillow_heif.from_pillow(image).save(folder / "odd.heic")
    data = (folder / "odd.heic").read_bytes()
    (folder / "odd.heic").write_bytes(data + struct.pack(">I4s", 24, b"free") + bytes(range(10)))
    home.clock = SystemClock()
    report = home.scan(folder)
    assert (report.added, report.problems) == (1, 0)


def test_what_a_scan_leaves_out_is_counted_and_can_be_listed(home: Home, album: Path) -> None:
    """A scan counts by kind, the state keeps it, the list names each; a folder that is away keeps its counts."""
    for name in ("a.cr2", "b.mov", "red/c.mov", ".d.jpg", "notes"):
        (album / name).write_bytes(b"x")
    (album / "all").symlink_to(album)
    outside = album.parent / "elsewhere.jpg"
    outside.write_bytes(picture("red", 50))
    (album / "link.jpg").symlink_to(outside)
    counts = {"raw": 1, "video": 2, "other": 1, "hidden": 1, "linked_folder": 1, "outside_link": 1}
    with home.open() as library:
        foreseen = library.scan([album], dry_run=True)
        report = library.scan([album])
        assert (foreseen.skipped, report.skipped, report.added) == (counts, counts, 36)
        status = library.status()
        assert (status.skipped, status.skipped_dot_files) == (counts, 1)
        listed = library.skipped()
        assert sorted((one.kind, os.path.relpath(one.path, album)) for one in listed.skipped) == [
            ("hidden", ".d.jpg"), ("linked_folder", "all"), ("other", "notes"), ("outside_link", "link.jpg"),
            ("raw", "a.cr2"), ("video", "b.mov"), ("video", "red/c.mov"),
        ]  # fmt: skip
        assert listed.unreadable == ()
        album.rename(album.parent / "away")
        library.scan()
        assert library.status().skipped == counts
        away = library.skipped()
        assert (away.skipped, [place.path for place in away.unreadable]) == ((), [str(album)])


def test_links_that_leave_the_folder_are_followed_where_the_settings_say_so(home: Home, album: Path) -> None:
    """The same setting holds for scans and for single files that a daemon hears of."""
    outside = album.parent / "elsewhere.jpg"
    outside.write_bytes(picture("red", 50))
    link = album / "link.jpg"
    link.symlink_to(outside)
    with home.open() as library:
        assert library.scan([album]).added == 36
        assert library.catch_up([str(link)]).added == 0
    with home.open(photos__follow_links=True) as library:
        assert library.catch_up([str(link)]).added == 1
        assert library.scan().unchanged == 37
    home.clock.advance(5 * 86_400)
    with home.open() as library:
        for report in (library.scan(), library.scan()):
            assert (report.missing, report.removed) == (0, 0), "what is there is not missing"
            assert "1 link out of it is not followed any more" in report.notices[0]
        assert library.photo(link).path == str(link)
        assert library.scan(prune=True).removed == 1


def test_a_link_that_the_owner_has_ignored_goes_as_any_file_does(home: Home, album: Path) -> None:
    """Only what the walk itself leaves out for leading elsewhere stays."""
    outside = album.parent / "elsewhere.jpg"
    outside.write_bytes(picture("red", 50))
    (album / "link.jpg").symlink_to(outside)
    with home.open(photos__follow_links=True) as library:
        assert library.scan([album]).added == 37
    with home.open(photos__ignore=("link.jpg",)) as library:
        report = library.scan()
        assert (report.missing, report.notices) == (1, ())


@pytest.fixture
def forbid(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], None]:
    """Have the system refuse to list a directory, as it does to all but root."""
    scandir = os.scandir

    def forbid(place: Path) -> None:
        def refuse(path: str) -> object:
            if os.path.normpath(path) == str(place):
                raise PermissionError(13, "Permission denied", path)
            return scandir(path)

        monkeypatch.setattr(os, "scandir", refuse)

    return forbid


def test_prune_removes_what_is_missing_beside_a_forbidden_folder(
    home: Home, album: Path, forbid: Callable[[Path], None]
) -> None:
    """What may not be looked at stays, the rest of what is missing goes with its photos, and both are said."""
    home.scan(album)
    forbid(album / "red")
    for number in range(12):
        (album / "blue" / f"{number:02}.jpg").unlink()
    (album / "green" / "00.jpg").unlink()
    (notice,) = home.scan().notices
    assert "a part of the folder cannot be read: 'red' (Permission denied); nothing is removed" in notice
    assert "scan --prune" in notice
    with home.open() as library:
        foreseen = library.scan(dry_run=True, prune=True)
        report = library.scan(prune=True)
        assert (foreseen.removed, report.removed, report.missing) == (13, 13, 0)
        assert foreseen.notices == report.notices
        (notice,) = report.notices
        assert "'red' (Permission denied)" in notice
        assert "12 known files there stay, what is missing elsewhere is removed" in notice
        assert "--prune" not in notice
        status = library.status()
        assert (status.photos, status.files) == (23, 23)
        assert "'red' (Permission denied)" in status.folders[0].paused
        assert library.photo(album / "red" / "00.jpg").path == str(album / "red" / "00.jpg")


def test_prune_never_advises_to_prune(home: Home, album: Path, forbid: Callable[[Path], None]) -> None:
    """A folder that is away, or may not be looked at, keeps all, and what is advised is something else."""
    home.scan(album)
    forbid(album)
    (notice,) = home.scan(prune=True).notices
    assert "cannot be read (Permission denied)" in notice
    assert "--prune" not in notice
    album.rename(album.parent / "away")
    report = home.scan(prune=True)
    (notice,) = report.notices
    assert "not there" in notice
    assert "--prune" not in notice
    assert report.removed == 0
    with home.open(write=False) as library:
        assert library.status().files == 36
    assert f"vecclust folders forget {album}" in notice


def test_the_kept_folders_are_listed_with_what_lies_in_them(home: Home, album: Path) -> None:
    """Photos and files of each, what is missing, whether it is there."""
    shutil.copy(album / "red" / "00.jpg", album / "blue" / "a copy.jpg")
    home.scan(album / "red")
    home.scan(album / "blue")
    (album / "blue" / "00.jpg").unlink()
    (album / "red").rename(album / "away")
    home.scan()
    with home.open(write=False) as library:
        found = library.kept_folders()
    assert [(one.path, one.present, one.photos, one.files, one.missing) for one in found] == [
        (str(album / "red"), False, 12, 12, 0),
        (str(album / "blue"), True, 13, 13, 1),
    ]
    assert "not there" in found[0].paused
    assert all(one.last_scan_ns for one in found)


def test_a_folder_is_taken_back_and_haunts_no_scan(home: Home, album: Path) -> None:
    """Said first, then done: its rows and the photos that are only there go, copies elsewhere and all words stay."""
    wrong = album.parent / "wrong"
    shutil.copytree(album / "blue", wrong)
    shutil.copy(album / "red" / "00.jpg", wrong / "a copy.jpg")
    shutil.rmtree(album / "blue")
    with home.open() as library:
        library.scan([album])
        library.scan([wrong])
        library.recluster()
        blue = library.photo(wrong / "00.jpg").cluster
        assert blue is not None
        library.rename(blue, "Sea")
        library.edit(EditRequest("move", photos=(str(wrong / "00.jpg"),), cluster="unclustered"))
    before = sorted(os.listdir(wrong))
    wrong.rename(album.parent / "gone")
    with home.open(write=False) as library:
        planned = library.forget(wrong, dry_run=True)
        assert library.status().photos == 36
    assert (planned.files, planned.photos_removed, planned.photos_kept, planned.edits) == (13, 12, 1, 1)
    assert (planned.emptied, planned.dry_run) == (("Sea",), True)
    assert any("wrong" in notice for notice in home.scan().notices)
    with home.open() as library:
        done = library.forget(wrong)
        assert dataclasses.replace(done, dry_run=True) == planned
        status = library.status()
        assert (status.photos, status.files, [folder.path for folder in status.folders]) == (24, 24, [str(album)])
        report = library.scan()
        assert (report.notices, report.added, report.missing) == ((), 0, 0)
        with pytest.raises(NotFound, match="no folder of this library"):
            library.forget(wrong)
        assert library.photo(album / "red" / "00.jpg").other_paths == ()
        assert [entry.kind for entry in library.edits()] == ["rename", "move"]
    (album.parent / "gone").rename(wrong)
    assert sorted(os.listdir(wrong)) == before
    with home.open() as library:
        assert library.scan([wrong]).added == 13
        again = library.photo(wrong / "00.jpg")
        assert (again.cluster, again.assigned_by) == (None, "owner")
        names = {one.id: one.name for one in library.clusters().clusters}
        assert names.get(blue) == "Sea"


def test_only_a_kept_folder_can_be_taken_back(home: Home, album: Path) -> None:
    """A part of one, or what holds some, is told from a folder that was never kept; nothing is changed."""
    home.scan(album)
    with home.open() as library:
        with pytest.raises(UsageError, match="is a part of"):
            library.forget(album / "red")
        with pytest.raises(UsageError, match="is not kept itself"):
            library.forget(album.parent)
        with pytest.raises(NotFound, match="no folder of this library"):
            library.forget(album.with_name("albums"))
        assert library.folders() == (str(album),)
        assert library.status().files == 36


def test_forgetting_that_was_killed_is_done_again(home: Home, album: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder itself goes last: until then it can be forgotten once more, or scanned again without embedding."""
    home.scan(album)

    def die(*arguments: object) -> None:
        raise KeyboardInterrupt

    with home.open() as library, monkeypatch.context() as patch:
        patch.setattr(library._store, "remove_photos", die)
        with pytest.raises(KeyboardInterrupt):
            library.forget(album)
    n_embedded = home.embedder.n_frames_embedded
    with home.open() as library:
        assert library.scan().added == 36
        assert home.embedder.n_frames_embedded == n_embedded
        assert library.forget(album).photos_removed == 36
        assert (library.folders(), library.status().photos, library.status().files) == ((), 0, 0)


def test_a_folder_that_was_never_scanned_is_said_to_be_so(home: Home, album: Path) -> None:
    """An empty answer is one only for a folder that is there and kept."""
    home.scan(album)
    (album / "empty").mkdir()
    with home.open(write=False) as library:
        for nowhere in (Path("/nowhere"), album.with_name("albums"), album.parent / "alb"):
            with pytest.raises(NotFound, match="was never scanned"):
                library.search("red", filters=Filters(folder=nowhere))
        with pytest.raises(NotFound, match="there is no folder"):
            library.cluster("c1", filters=Filters(folder=album / "rde"))
        assert library.search("red", filters=Filters(folder=album / "empty")).results == ()
        for holds in (album, album.parent, album / "red"):
            assert library.search("red", filters=Filters(folder=holds)).results

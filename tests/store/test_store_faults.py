"""Killed writers, full disks, busy tables, and readers that look on meanwhile."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.forking import Forked
from tests.store import killed_writer
from tests.store.samples import DIM, FAST, MODEL_ID, commit_sample_run, new_library, photo_key, photo_rows
from vecclust.errors import NotFound, StoreDamaged, StoreError, StoreFull, StoreUnsuitable
from vecclust.store import Store
from vecclust.store.layout import LibraryPlace
from vecclust.store.photos import photo_table
from vecclust.store.tables import Tables, border, retried

CHECKOUT = Path(__file__).resolve().parents[2]


def start(*args: str, code: str = "") -> subprocess.Popen[str]:
    """Start Python in a process of its own."""
    program = ["-c", code] if code else ["-m", "tests.store.killed_writer"]
    return subprocess.Popen(
        [sys.executable, *program, *args], cwd=CHECKOUT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def killed(folder: Path, deed: str, commit: int) -> bool:
    """Let a writer kill itself before a commit; False where it had fewer and came to its end."""
    process = Forked(killed_writer.main, folder, deed, commit)
    _, said = process.communicate(timeout=120)
    if process.returncode == 0:
        assert said.split()[-1] in ("done", "made")
        return False
    assert process.returncode == -signal.SIGKILL, said
    return True


def assert_sound(store: Store) -> None:
    """Check what must hold of any library at any time."""
    keys, vectors = store.vectors()
    assert len(keys) == len(set(keys)) == store.counts().photos == len(vectors)
    assert set(store.thumbnails(keys)) == set(keys)
    state = store.state()
    assert len(store.runs()) == state.last_run
    labels = store.labels()
    assert set(labels) <= set(keys)
    assert {label.cluster for label in labels.values()} - {None} <= {row.cluster for row in store.clusters()}


@pytest.mark.parametrize(
    "commit", [pytest.param(1, marks=pytest.mark.slow), 2, pytest.param(3, marks=pytest.mark.slow)]
)
def test_a_writer_killed_at_any_commit_of_adding_loses_nothing(tmp_path: Path, commit: int) -> None:
    """Before and after each commit: old photos all there, new ones whole or absent, and adding again completes."""
    new_library(tmp_path, n_photos=5).close()
    assert killed(tmp_path, "add", commit) == (commit < 3)
    with Store.open(tmp_path) as reader:
        assert reader.counts().photos == (15 if commit == 3 else 5)
        assert_sound(reader)
    with Store.open(tmp_path, write=True, settings=FAST) as store:
        store.add_photos(photo_rows(10, first=100))
        store.maintain()
        assert store.counts().photos == 15
        assert_sound(store)


@pytest.mark.parametrize("commit", [*(pytest.param(at, marks=pytest.mark.slow) for at in (1, 2, 3, 5)), 4])
def test_a_writer_killed_at_any_commit_of_a_refit_leaves_the_earlier_run(tmp_path: Path, commit: int) -> None:
    """No reader sees any of the half-written run, the next writer removes it, and the refit can be done again."""
    folder = tmp_path
    with new_library(folder, n_photos=7) as store:
        commit_sample_run(store)
        before = store.labels()
    finished = not killed(folder, "run", commit)
    assert finished == (commit == 5)
    with Store.open(folder) as reader:
        assert reader.state().current_run == ("r2" if finished else "r1")
        assert len(reader.runs()) == (2 if finished else 1)
        assert [row.run for row in reader.history("c9")] == (["r2"] if finished else [])
        assert reader.restorable_runs() == (["r1", "r2"] if finished else ["r1"])
        assert finished or reader.labels() == before
        assert_sound(reader)
    with Store.open(folder, write=True, settings=FAST) as store:
        tables = set(store._tables.place.table_names())
        assert ("labels_r2" in tables) == finished
        assert_sound(store)
        assert commit_sample_run(store) == ("r3" if finished else "r2")
        assert_sound(store)
        assert len(store.clusters()) == 2


@pytest.mark.slow
@pytest.mark.parametrize("commit", [1, 2, 3])
def test_a_writer_killed_while_removing_leaves_a_sound_library(tmp_path: Path, commit: int) -> None:
    """Labels go first and pictures last, so what is left is a photo to label or a picture to sweep."""
    folder = tmp_path
    with new_library(folder, n_photos=5) as store:
        commit_sample_run(store)
    assert killed(folder, "remove", commit)
    with Store.open(folder, write=True, settings=FAST) as store:
        assert_sound(store)
        store.remove_photos([photo_key(0), photo_key(1)])
        store.maintain()
        assert store.photo_keys() == {photo_key(number) for number in (2, 3, 4)}
        assert store._tables.keys("thumbnails", "photo") == store.photo_keys()


@pytest.mark.parametrize("commit", [*(pytest.param(at, marks=pytest.mark.slow) for at in (1, 3, 8)), 6])
def test_a_writer_killed_while_making_a_library_is_no_hindrance(tmp_path: Path, commit: int) -> None:
    """A half-made library is none, and is made by the next writer."""
    folder = tmp_path
    assert killed(folder, "make", commit)
    if commit <= 6:
        with pytest.raises(NotFound):
            Store.open(folder)
    with new_library(folder, n_photos=2) as store:
        assert_sound(store)
        assert store.counts().photos == 2


@pytest.mark.slow
def test_a_writer_killed_at_random_keeps_what_it_acknowledged(tmp_path: Path) -> None:
    """Twelve kills at random moments: acknowledged photos and runs are there, none twice, one run's labels only."""
    moments = random.Random(7)
    folder = tmp_path / "lib"
    new_library(folder, n_photos=3).close()
    for _ in range(12):
        process = start(str(folder), "forever", "0")
        assert process.stdout is not None
        acknowledged: list[list[str]] = []
        deadline = threading.Timer(0.05 + moments.random() * 0.8, process.kill)
        for line in process.stdout:
            if not acknowledged:
                deadline.start()
            acknowledged.append(line.split())
        process.communicate(timeout=60)
        deadline.cancel()
        assert acknowledged
        with Store.open(folder, write=True, settings=FAST) as store:
            assert_sound(store)
            firsts = [int(word) for kind, word in acknowledged if kind == "photos"]
            assert store.photo_keys() >= {photo_key(first + at) for first in firsts for at in range(5)}
            runs = [word for kind, word in acknowledged if kind == "run"]
            assert set(runs) <= {run.run for run in store.runs()}
            store.maintain()
            assert_sound(store)


_LOOKER = """
import sys
from vecclust.store import Store
with Store.open(sys.argv[1]) as reader:
    print("ready", flush=True)
    seen = []
    while not seen or seen[-1] < int(sys.argv[2]):
        state = reader.state()
        run, number = state.current_run, state.last_run
        labels, clusters = reader.labels(run), reader.clusters(run)
        # Run n has the one cluster c<n>, and all photos are in it but the first.
        assert run == f"r{number}", (run, number)
        assert [row.cluster for row in clusters] == [f"c{number}"], (run, clusters)
        assert {label.cluster for label in labels.values()} == {None, f"c{number}"}, run
        assert len(labels) == 6, (run, len(labels))
        assert [one.run for one in reader.runs()][-1] >= run
        if not seen or seen[-1] != number:
            seen.append(number)
    print(len(seen), flush=True)
"""


def test_a_reader_elsewhere_sees_commits_at_once_and_never_half_a_run(tmp_path: Path) -> None:
    """Another process looks on while runs are committed: whatever it sees is one whole run, and then the newest."""
    with new_library(tmp_path, n_photos=6) as store:
        commit_sample_run(store, clusters=("c1",))
        looker = start(str(tmp_path), "9", code=_LOOKER)
        assert looker.stdout is not None
        assert looker.stdout.readline() == "ready\n", looker.communicate(timeout=60)
        for number in range(2, 10):
            commit_sample_run(store, clusters=(f"c{number}",))
        out, err = looker.communicate(timeout=60)
        assert looker.returncode == 0, err
        assert int(out) >= 2


def test_an_open_reader_sees_each_commit_at_once(tmp_path: Path) -> None:
    """No handle of this or another store is ever stale."""
    with new_library(tmp_path, n_photos=2) as store, Store.open(tmp_path) as reader:
        assert reader.counts().photos == 2
        assert len(reader.search(reader.vector(photo_key(0)), limit=9)) == 2
        commit_sample_run(store)
        assert reader.state().current_run == "r1"
        store.remove_photos([photo_key(0)])
        assert reader.photo_keys() == {photo_key(1)}
        assert set(reader.labels()) == {photo_key(1)}
        assert len(reader.search(reader.vector(photo_key(1)), limit=9)) == 1


_FILLER = """
import resource, sys
from tests.store.samples import photo_rows
from vecclust.errors import StoreFull
from vecclust.store import Store
with Store.open(sys.argv[1], write=True) as store:
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, resource.RLIM_INFINITY))
    try:
        store.add_photos(photo_rows(500, first=100))
    except StoreFull as error:
        print("full:", error)
    print(store.counts().photos)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    print(store.add_photos(photo_rows(500, first=100)), store.counts().photos)
"""


def test_a_full_disk_stops_the_write_and_nothing_else(tmp_path: Path) -> None:
    """No room is our own error with the next step in it; reads go on, and writing goes on when there is room."""
    new_library(tmp_path, n_photos=4).close()
    process = start(str(tmp_path), code=_FILLER)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    full, still, after = out.splitlines()
    assert "no space left" in full
    assert "run the command again" in full
    assert (still, after) == ("4", "500 504")


@pytest.mark.parametrize(
    ("vendor", "ours"),
    [
        (RuntimeError("lance error: LanceError(IO): No space left on device (os error 28), /root/x.rs:1"), StoreFull),
        (OSError(28, "No space left on device"), StoreFull),
        (RuntimeError("Disk quota exceeded (os error 122)"), StoreFull),
        (RuntimeError("Permission denied (os error 13)"), StoreUnsuitable),
        (RuntimeError("Read-only file system (os error 30)"), StoreUnsuitable),
        (ValueError("Table 'photos' was not found"), StoreDamaged),
        (RuntimeError("lance error: LanceError(IO): file size is too small, /root/.cargo/x.rs:172:20"), StoreDamaged),
        (ValueError("something unheard of, /rustc/abc"), StoreError),
        (KeyError("name"), StoreError),
    ],
)
def test_vendor_errors_become_ours(tmp_path: Path, vendor: Exception, ours: type[StoreError]) -> None:
    """Each failure has a kind, keeps its cause, says what was being done and shows no path of somebody's source."""
    with pytest.raises(StoreError) as caught, border("testing", place=tmp_path):
        raise vendor
    assert type(caught.value) is ours
    assert caught.value.__cause__ is vendor
    assert "testing" in caught.value.message
    assert "/root" not in str(caught.value)
    assert "/rustc" not in str(caught.value)


def test_our_own_errors_and_interrupts_pass_the_border(tmp_path: Path) -> None:
    """What is ours already, or nobody's fault, is not wrapped."""
    for passing in (NotFound("x"), KeyboardInterrupt()):
        with pytest.raises(type(passing)) as caught, border("testing", place=tmp_path):
            raise passing
        assert caught.value is passing


def test_a_conflict_is_tried_again_with_growing_pauses() -> None:
    """Another commit that came first is no failure, unless it always does."""
    pauses: list[float] = []
    tries: list[int] = []

    def attempt() -> str:
        tries.append(1)
        if len(tries) < 4:
            raise RuntimeError("lance error: Retryable commit conflict for version 5")
        return "committed"

    assert retried(attempt, again=lambda: None, pause=pauses.append) == "committed"
    assert len(pauses) == 3
    assert pauses == sorted(pauses)

    def hopeless() -> None:
        raise RuntimeError("commit conflict")

    with pytest.raises(RuntimeError, match="conflict"):
        retried(hopeless, again=lambda: None, pause=pauses.append)
    assert len(pauses) == 8

    def broken() -> None:
        raise RuntimeError("No space left")

    with pytest.raises(RuntimeError, match="space"):
        retried(broken, again=lambda: pytest.fail("tried again"), pause=pauses.append)


def test_a_commit_beside_a_foreign_one_is_made_in_the_end(tmp_path: Path) -> None:
    """Should the lock ever fail (some network disks do), two writers still lose and double nothing."""
    with new_library(tmp_path, n_photos=3) as store:
        twin = Tables(LibraryPlace(tmp_path), writable=True, settings=FAST)
        data = photo_table(photo_rows(200, first=10), dim=DIM, model_id=MODEL_ID)
        with ThreadPoolExecutor(2) as threads:
            added = list(threads.map(lambda tables: tables.insert_missing("photos", data), (store._tables, twin)))
        assert sum(added) == 200
        keys = store.vectors()[0]
        assert len(keys) == len(set(keys)) == 203

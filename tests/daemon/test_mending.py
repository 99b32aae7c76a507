"""First fits and repairs beside the loop: in a process of their own, tried again after a pause, ended in seconds."""

from __future__ import annotations

import errno
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.daemon.processes import DEADLINE_S, Process, put
from tests.library.test_library import HUES
from tests.watching.scripted import ScriptedWatcher
from vecclust import Client
from vecclust.config import WatchConfig
from vecclust.daemon import Daemon
from vecclust.daemon.loop import REFUSED_PAUSE_S
from vecclust.daemon.refits import REPAIR_PAUSE_S
from vecclust.errors import StoreUnsuitable, VecclustError
from vecclust.library.fit_process import FitProcess
from vecclust.library.watched import WatchedLibrary
from vecclust.testing import FakeEmbedder

FLAGS = {"clusters.reducer": "pca", "photos.settle_s": 0, "photos.decode_processes": 1}


class Stepped:
    """A daemon on 24 photos without a run, its time in the test's hands."""

    def __init__(self, library: WatchedLibrary, album: Path) -> None:
        self.library = library
        self.now_s = 1000.0
        self.process = FitProcess(library.folder)
        library.remember([album])
        library.keep_warm()
        config = WatchConfig(refit_quiet_s=1e9, idle_s=0.0)
        self.daemon = Daemon(
            library, ScriptedWatcher(), fit_process=self.process, config=config, clock_s=lambda: self.now_s
        )

    def wait(self) -> None:
        """Wait for the end of the process under way, and let the daemon see it."""
        assert self.process._child is not None
        self.process._child.wait(DEADLINE_S)
        self.daemon.work()

    @property
    def current(self) -> str | None:
        """The current run."""
        return self.library.runs()[1]


@pytest.fixture
def stepped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stepped]:
    """A daemon of a library to be, in whose own process nothing can be fitted."""

    def never(*anything: object, **more: object) -> None:
        raise AssertionError("fitted in the loop")

    monkeypatch.setattr("vecclust.library.runs.runs.refit", never)
    for colour in HUES:
        put(tmp_path / "album", colour, range(8))
    with WatchedLibrary.open(tmp_path / "library", write=True, flags=FLAGS, embedder=FakeEmbedder()) as library:
        made = Stepped(library, tmp_path / "album")
        yield made
        made.process.close()


def damage(library: WatchedLibrary) -> None:
    """Lose the arrays of the current run, as a bad disk does."""
    run = library.runs()[1]
    assert run is not None
    for file in library._store.fit_folder(run).iterdir():
        file.write_bytes(b"")
    library._runs.let_go()


def test_a_first_fit_is_made_beside_the_loop(stepped: Stepped) -> None:
    """With its reason, and what comes meanwhile is read and labelled once it is adopted."""
    stepped.daemon.work()
    assert (stepped.current, stepped.process.pid is None) == (None, False)
    put(Path(stepped.library.folders()[0]), "red", range(50, 52))
    stepped.daemon._schedule.request_scan("a test", by_s=stepped.now_s)
    stepped.daemon.work()
    assert stepped.library.status().photos == 26
    if stepped.current is None:
        stepped.wait()
    runs, current = stepped.library.runs()
    assert (current, runs[0].reason) == ("r1", "first fit")
    assert runs[0].n_photos in (24, 26), "its process reads at its own pace"
    assert len(stepped.library._store.labels()) == 26
    assert stepped.library.missing_fit == ""


def test_a_damaged_run_is_repaired_beside_the_loop(stepped: Stepped) -> None:
    """Until then its labels stay, and arrivals wait for theirs; so after a rollback to one."""
    stepped.daemon.work()
    stepped.wait()
    damage(stepped.library)
    put(Path(stepped.library.folders()[0]), "red", range(50, 52))
    stepped.now_s += REPAIR_PAUSE_S
    stepped.daemon._schedule.request_scan("a test", by_s=stepped.now_s)
    stepped.daemon.work()
    assert (stepped.current, len(stepped.library._store.labels())) == ("r1", 24)
    stepped.wait()
    runs, current = stepped.library.runs()
    assert (current, runs[1].reason.startswith("repair: "), runs[1].n_photos) == ("r2", True, 26)
    stepped.library.rollback("r1")
    assert stepped.current == "r1"
    assert stepped.library.missing_fit.startswith("repair: ")


def test_a_library_smaller_than_its_smallest_cluster_waits_for_more(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """No fit is begun for nothing, the log says why; once there are enough photos, one is."""
    put(tmp_path / "album", "red", range(12))
    flags = {**FLAGS, "clusters.min_cluster_size": 14}
    with WatchedLibrary.open(tmp_path / "library", write=True, flags=flags, embedder=FakeEmbedder()) as library:
        stepped = Stepped(library, tmp_path / "album")
        stepped.daemon.work()
        assert (library.status().photos, stepped.process.pid, stepped.current) == (12, None, None)
        assert "the smallest cluster is to have 14 photos, and the library has 12" in caplog.text
        put(tmp_path / "album", "green", range(12))
        stepped.daemon._schedule.request_scan("a test", by_s=stepped.now_s)
        stepped.daemon.work()
        stepped.wait()
        assert stepped.current == "r1"
        stepped.process.close()


@pytest.mark.parametrize("way", ["killed", "refused", "torn"])
def test_a_first_fit_that_fails_is_tried_again_after_a_pause(stepped: Stepped, way: str) -> None:
    """By the out-of-memory killer, by an error of its own, or cut short; nothing of it stays."""
    if way == "refused":
        stepped.process._library = stepped.library.folder.parent / "none"
    stepped.daemon.work()
    child = stepped.process._child
    assert child is not None
    if way == "killed":
        child.kill()
    child.wait(DEADLINE_S)
    if way == "torn":
        result = stepped.process.folder / "result.npz"
        os.truncate(result, result.stat().st_size // 2)
    stepped.daemon.work()
    assert (stepped.current, stepped.process.pid, stepped.process.folder.exists()) == (None, None, False)
    stepped.now_s += REPAIR_PAUSE_S - 1
    stepped.daemon.work()
    assert stepped.process.pid is None, "tried again at once"
    stepped.process._library = stepped.library.folder
    stepped.now_s += 1
    stepped.daemon.work()
    assert stepped.process.pid is not None, "never tried again"
    stepped.wait()
    assert stepped.current == "r1"


def test_a_disk_that_fills_up_costs_the_fit_alone(stepped: Stepped, monkeypatch: pytest.MonkeyPatch) -> None:
    """It goes on, and fits again once there is room."""
    from vecclust.errors import StoreFull

    adopt = stepped.library.adopt

    def full(*anything: object, **more: object) -> None:
        raise StoreFull("no space left")

    stepped.library.adopt = full  # type: ignore[method-assign, assignment]
    stepped.daemon.work()
    stepped.wait()
    assert stepped.current is None
    stepped.library.adopt = adopt  # type: ignore[method-assign]
    stepped.now_s += REPAIR_PAUSE_S
    stepped.daemon.work()
    stepped.wait()
    assert stepped.current == "r1"


@pytest.mark.parametrize(
    "refused",
    [OSError(errno.EROFS, "Read-only file system", "/photos/library/ledger"), StoreUnsuitable("not allowed to write")],
)
def test_a_folder_that_became_read_only_is_waited_for(
    stepped: Stepped, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, refused: Exception
) -> None:
    """One line, no end: what came meanwhile is taken in once it may be written again."""
    catch_up, start = stepped.library.catch_up, stepped.process.start

    def refuse(*anything: object, **more: object) -> None:
        raise refused

    stepped.library.catch_up = refuse  # type: ignore[method-assign, assignment]
    stepped.daemon.work()
    told = [record.getMessage() for record in caplog.records if "trying again" in record.getMessage()]
    assert len(told) == 1
    assert told[0].endswith("trying again in 60 s")
    stepped.daemon.work()
    stepped.library.catch_up = catch_up  # type: ignore[method-assign]
    # A fit whose folder cannot be made is not under way.
    refused = OSError(errno.EROFS, "Read-only file system")
    stepped.process.start = refuse  # type: ignore[method-assign, assignment]
    stepped.now_s += REFUSED_PAUSE_S
    stepped.daemon.work()
    assert (stepped.library.status().photos, stepped.process.pid) == (24, None)
    stepped.process.start = start  # type: ignore[method-assign]
    stepped.now_s += REPAIR_PAUSE_S
    stepped.daemon.work()
    stepped.wait()
    assert stepped.current == "r1"


def test_another_error_ends_it(stepped: Stepped) -> None:
    """What the system does not refuse is a defect, and is shown as one."""

    def fail(*anything: object, **more: object) -> None:
        raise FileNotFoundError(errno.ENOENT, "No such file or directory", "somewhere")

    stepped.library.catch_up = fail  # type: ignore[method-assign, assignment]
    with pytest.raises(FileNotFoundError):
        stepped.daemon.work()


def children_of(pid: int) -> dict[int, str]:
    """Give the children of a process and their command lines."""
    numbers = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return {int(number): Path(f"/proc/{number}/cmdline").read_bytes().decode() for number in numbers}


@pytest.mark.skipif(not Path(f"/proc/self/task/{os.getpid()}/children").exists(), reason="needs Linux's /proc")
def test_the_end_does_not_wait_for_a_first_fit(tmp_path: Path) -> None:
    """SIGTERM while its process hangs for ever: the daemon ends well, the photos stay, the fit is gone."""
    for colour in HUES:
        put(tmp_path / "album", colour, range(8))
    flags = ['clusters.reducer="pca"', "photos.settle_s=0.3", "photos.decode_processes=1"]
    with Process(tmp_path / "library", str(tmp_path / "album"), *flags) as process:
        fits: list[int] = []
        deadline = time.monotonic() + DEADLINE_S
        while not fits:
            assert time.monotonic() < deadline, "no fit was begun"
            process.lives_on(0.01)
            fits = [
                pid for pid, line in children_of(process.child.pid).items() if "vecclust.library.fit_process" in line
            ]
        os.kill(fits[0], signal.SIGSTOP)
        # Once the one writer answers, it has the process that it began in hand.
        with pytest.raises(VecclustError):
            Client(process.library).rename("1", "sand")
        process.child.send_signal(signal.SIGTERM)
        _, said = process.child.communicate(timeout=DEADLINE_S)
        assert (process.child.returncode, "Traceback" in said) == (0, False), said
    assert not Path(f"/proc/{fits[0]}").exists()
    assert not (tmp_path / "library" / "watch" / "fit").exists()
    with WatchedLibrary.open(tmp_path / "library", embedder=FakeEmbedder()) as library:
        assert (library.status().photos, library.runs()[1]) == (24, None)

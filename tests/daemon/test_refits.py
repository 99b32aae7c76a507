"""A refit in a process of its own: adopted, failed, killed; the library is never left without a run."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.daemon.processes import PROJECT
from tests.library.test_library import HUES, picture
from vecclust import Library
from vecclust.daemon import Daemon, RefitPolicy, Refitter
from vecclust.daemon.refitter import RefitFailed
from vecclust.errors import DamagedRun
from vecclust.library.runs import Finding, find, load_finding, save_finding
from vecclust.testing import FakeClock, FakeEmbedder
from vecclust.watching import Hint, ScriptedWatcher

DEADLINE_S = 90.0


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    """A library of 24 photos with a first run."""
    album = tmp_path / "album"
    album.mkdir()
    for colour in HUES:
        for number in range(8):
            (album / f"{colour}{number}.jpg").write_bytes(picture(colour, number))
    clock = FakeClock(time.time_ns() + 3600 * 10**9)
    flags = {"clusters.reducer": "pca"}
    with Library.open(tmp_path / "library", write=True, flags=flags, embedder=FakeEmbedder(), clock=clock) as opened:
        opened.scan([album])
        yield opened


def ended(refitter: Refitter) -> Finding:
    """Wait for the end of a refit."""
    deadline = time.monotonic() + DEADLINE_S
    child = refitter._child
    assert child is not None
    child.wait(DEADLINE_S)
    assert time.monotonic() < deadline
    finding = refitter.poll()
    assert finding is not None
    return finding


def test_what_another_process_found_is_what_this_one_would_have(library: Library) -> None:
    """The same labels; photos that came or went meanwhile are labelled and left out."""
    here = find(library._store, library.fit_params)
    refitter = Refitter(library.folder)
    refitter.start(library.fit_params.as_dict(), reason="a test")
    there = ended(refitter)
    assert tuple(there.photos) == tuple(here.photos)
    assert there.labels.tolist() == here.labels.tolist()
    album = Path(library.folders()[0])
    (album / "red0.jpg").unlink()
    (album / "new.jpg").write_bytes(picture("red", 100))
    library.scan(prune=True)
    report = library.adopt(there, reason="a test")
    assert report.run == library.status().run.run == "r2"  # type: ignore[union-attr]
    labels = library._store.labels()
    assert set(labels) == library._store.photo_keys()
    assert [label.assigned_by for label in labels.values()].count("predict") == 1


@pytest.mark.parametrize("way", ["killed", "refused"])
def test_a_refit_that_fails_leaves_the_earlier_run(library: Library, way: str) -> None:
    """By the out-of-memory killer or an error of its own: nothing is left behind but the run there was."""
    refitter = Refitter(library.folder)
    params = library.fit_params.as_dict() if way == "killed" else {"no": "such"}
    refitter.start(params, reason="a test")
    if way == "killed":
        assert refitter.pid is not None
        os.kill(refitter.pid, signal.SIGKILL)
    with pytest.raises(RefitFailed):
        ended(refitter)
    assert refitter.pid is None
    assert not (library.folder / "watch" / "fit").exists()
    assert library.runs()[1] == "r1"


DAEMON = """
import json, os, signal, sys, time
from pathlib import Path
from vecclust.daemon import Refitter
signal.signal(signal.SIGINT, lambda number, frame: None)
signal.signal(signal.SIGHUP, signal.SIG_IGN)  # the system sends it to what is stopped when its parent goes
refitter = Refitter(Path(sys.argv[1]))
refitter.start(json.loads(sys.argv[2]), reason="a test")
os.kill(refitter.pid, signal.SIGSTOP)
print(refitter.pid, flush=True)
time.sleep(600)
"""


@contextmanager
def daemon_with_a_stopped_fit(library: Library) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Give a process, in a process group of its own, that has begun a fit, and the fit's process."""
    params = json.dumps(dict(library.fit_params.as_dict()))
    daemon = subprocess.Popen(
        [sys.executable, "-c", DAEMON, str(library.folder), params],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
        cwd=PROJECT,
    )
    with daemon:
        try:
            assert daemon.stdout is not None
            fit = int(daemon.stdout.readline())
            try:
                yield daemon, fit
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(fit, signal.SIGKILL)
        finally:
            daemon.kill()


def test_a_fit_does_not_outlive_a_daemon_that_is_killed(library: Library) -> None:
    """Nor does it find anything for nobody."""
    with daemon_with_a_stopped_fit(library) as (daemon, fit):
        daemon.kill()
        daemon.wait()
        os.kill(fit, signal.SIGCONT)
        assert daemon.stderr is not None
        assert daemon.stderr.read() == ""  # open as long as either lives
    assert not list((library.folder / "watch" / "fit").glob("finding*"))


def test_a_fit_hears_nothing_of_a_terminals_ctrl_c(library: Library) -> None:
    """The daemon ends it; a traceback of it would be the last thing in the terminal."""
    with daemon_with_a_stopped_fit(library) as (daemon, fit):
        os.killpg(daemon.pid, signal.SIGINT)
        os.kill(fit, signal.SIGCONT)
        finding = library.folder / "watch" / "fit" / "finding.json"
        deadline = time.monotonic() + DEADLINE_S
        while not finding.exists():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        daemon.kill()
        assert daemon.stderr is not None
        assert daemon.stderr.read() == ""


def test_a_torn_finding_is_not_adopted(library: Library, tmp_path: Path) -> None:
    """Whichever part is short or missing."""
    finding = find(library._store, library.fit_params)
    for name in ("finding.npz", "finding.json"):
        folder = tmp_path / name
        folder.mkdir()
        save_finding(finding, folder)
        assert load_finding(folder).labels.tolist() == finding.labels.tolist()
        whole = (folder / name).read_bytes()
        (folder / name).write_bytes(whole[: len(whole) // 2])
        with pytest.raises(DamagedRun):
            load_finding(folder)


class FailingRefitter(Refitter):
    """Fails at every look, and counts its starts."""

    n_started = 0
    kinds: frozenset[object] = frozenset()

    def start(self, params: object, *, reason: str, kind: object = "full") -> None:
        """Pretend."""
        self.n_started += 1
        self.kinds |= {kind}

    @property
    def pid(self) -> int | None:
        """Running from the first start on."""
        return 1 if self.n_started % 2 else None

    def poll(self) -> None:
        """Fail."""
        self.n_started += 1
        raise RefitFailed("as it must")


def test_a_failed_refit_is_tried_again_after_a_pause(library: Library) -> None:
    """Not at once, and not never; the loop goes on."""
    now_s = [1000.0]
    policy = RefitPolicy(share=0.01, least=1, quiet_s=0.0, pause_s=500.0, longest_s=0.0)
    refitter = FailingRefitter(library.folder)
    watcher = ScriptedWatcher(pass_time=lambda seconds: now_s.__setitem__(0, now_s[0] + max(1.0, seconds)))
    daemon = Daemon(library, watcher, refitter=refitter, policy=policy, clock_s=lambda: now_s[0])
    (Path(library.folders()[0]) / "new.jpg").write_bytes(picture("red", 100))
    age_run(library)
    began_s = now_s[0]
    starts: list[float] = []
    while now_s[0] < began_s + 1800:
        before = refitter.n_started
        daemon.work()
        if refitter.n_started % 2 and refitter.n_started != before:
            starts.append(now_s[0])
        daemon.listen()
    assert 2 <= len(starts) <= 4
    assert all(later - earlier >= 500 for earlier, later in itertools.pairwise(starts))
    assert refitter.kinds == {None}  # the cheapest kind that will do; `find` knows which
    assert library.runs()[1] == "r1"


def age_run(library: Library) -> None:
    """Let the run look old: the policy waits after a fresh one."""
    growth = library.growth()
    assert growth is not None
    library.growth = lambda: dataclasses.replace(growth, fitted_ns=0, n_arrivals=1)  # type: ignore[method-assign]


def test_it_is_armed_before_it_looks(library: Library) -> None:
    """What changes between the two would otherwise be lost."""
    watcher = ScriptedWatcher([Hint(rescan="asked", at_once=True)])
    daemon = Daemon(library, watcher)
    looked: list[str] = []
    catch_up = library.catch_up
    library.catch_up = lambda paths=None, **told: looked.append(",".join(watcher.log)) or catch_up(paths)  # type: ignore

    class After:
        asked = False

        def check(self) -> None:
            if len(looked) >= 2:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        daemon.run(After())  # type: ignore[arg-type]
    assert looked == ["arm", "arm,wait"]

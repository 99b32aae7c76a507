"""What others ask of the loop: errands between two files, fits on demand; nobody's wish ends the daemon."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import threading
import time
from pathlib import Path

import pytest

from tests.library.test_fit_process import library as library
from tests.library.test_library import picture
from tests.watching.scripted import ScriptedWatcher
from vecclust.daemon import Daemon
from vecclust.daemon.jobs import DaemonEnds, FitJob, Job, JobQueue
from vecclust.daemon.refits import _FitUnderWay
from vecclust.errors import NotFound, StoreError
from vecclust.library.fit_process import FitProcess
from vecclust.library.runs.fit_result import fit_photos
from vecclust.library.watched import WatchedLibrary

DEADLINE_S = 90.0


def daemon_of(library: WatchedLibrary, jobs: JobQueue) -> Daemon:
    """A daemon without a policy that would fit by itself, its first look done."""
    made = Daemon(library, ScriptedWatcher(), fit_process=FitProcess(library.folder), jobs=jobs)
    made.work()
    return made


def work_until(daemon: Daemon, job: Job) -> None:
    """Let the daemon go on until the order is settled."""
    deadline = time.monotonic() + DEADLINE_S
    while not concurrent.futures.wait([job], 0.05).done:
        assert time.monotonic() < deadline, "it was never settled"
        daemon.work()


def test_an_errand_is_run_by_the_loop_and_its_error_is_its_outcome(library: WatchedLibrary) -> None:
    """In the loop's own thread; an error, even a defect, leaves the loop going."""
    jobs = JobQueue()
    daemon = daemon_of(library, jobs)
    named = Job(lambda opened: (opened.rename("c1", "Lagoon").name, threading.current_thread()))
    unknown = Job(lambda opened: opened.rename("c99", "Bay"))
    broken = Job(lambda opened: 1 // 0)
    for errand in (named, unknown, broken):
        jobs.add(errand)
    daemon.work()
    assert named.result() == ("Lagoon", threading.main_thread())
    with pytest.raises(NotFound):
        unknown.result()
    with pytest.raises(ZeroDivisionError):
        broken.result()


def test_a_long_import_keeps_nobody_waiting(library: WatchedLibrary) -> None:
    """What is asked for during a look is done before its last file."""
    jobs = JobQueue()
    daemon = daemon_of(library, jobs)
    for number in range(3):
        (Path(library.folders()[0]) / f"new{number}.jpg").write_bytes(picture("red", 100 + number))
    errand = Job(lambda opened: opened.status().photos)
    jobs.add(errand)
    daemon._schedule.request_scan("a test", by_s=float("-inf"))
    daemon.work()
    assert errand.result() == 24, "run after the photos of the look were committed"
    assert library.status().photos == 27


def test_what_may_not_be_done_between_two_files_waits_for_an_end_of_the_look(library: WatchedLibrary) -> None:
    """The photos that are in hand are cut and embedded for the model of before; what came later goes first."""
    jobs = JobQueue()
    daemon = daemon_of(library, jobs)
    (Path(library.folders()[0]) / "new.jpg").write_bytes(picture("red", 100))
    order: list[str] = []
    switch = Job(lambda opened: order.append(f"switch with {opened.status().photos} photos"), between_files=False)
    errand = Job(lambda opened: order.append("errand"))
    jobs.add(switch)
    jobs.add(errand)
    daemon._schedule.request_scan("a test", by_s=float("-inf"))
    daemon.work()
    assert order == ["errand", "switch with 25 photos"]


def test_a_fit_on_demand_tells_its_stages_and_becomes_the_run(library: WatchedLibrary) -> None:
    """With the parameters asked for, whatever the daemon's own are."""
    jobs = JobQueue()
    daemon = daemon_of(library, jobs)
    order = FitJob({**library.fit_params.as_dict(), "clusterer": "kmeans", "n_clusters": 2})
    second = FitJob(library.fit_params.as_dict())
    jobs.add(order)
    jobs.add(second)
    work_until(daemon, order)
    report = order.result()
    assert (report.run, report.photos, report.clusters, report.dry_run) == ("r2", 24, 2, False)
    assert report.seconds > 0
    stages = order.new_stages()
    assert {"neighbours", "clusters"} <= {stage for stage, _, _ in stages}, stages
    assert all(done <= total for _, done, total in stages)
    work_until(daemon, second)
    assert second.result().run == "r3"
    runs, current = library.runs()
    assert current == "r3"
    assert [run.reason for run in runs[1:]] == ["on demand", "on demand"]


def test_a_fit_of_another_models_vectors_is_thrown_away(
    library: WatchedLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The library was given another model while a fit was under way that nobody waits for; the loop goes on."""
    daemon = daemon_of(library, JobQueue())
    stale = dataclasses.replace(fit_photos(library._store, library.fit_params), model="another@0")
    refits = daemon._refits
    assert refits is not None
    refits._fit = _FitUnderWay("a test", 0.0)
    monkeypatch.setattr(refits._process, "poll", lambda: True)
    monkeypatch.setattr(refits._process, "result", lambda: stale)
    daemon.work()
    assert refits.reason == ""
    assert library.runs()[1] == "r1"


def test_a_fit_that_fails_says_why_and_leaves_the_earlier_run(library: WatchedLibrary) -> None:
    """By a defect or by a refusal of its own, whose kind and words are kept."""
    jobs = JobQueue()
    daemon = daemon_of(library, jobs)
    defective = FitJob({"no": "such"})
    jobs.add(defective)
    work_until(daemon, defective)
    with pytest.raises(StoreError, match="earlier run stays in force"):
        defective.result()
    refused = FitJob(library.fit_params.as_dict())
    assert daemon._refits is not None
    daemon._refits._process._library = library.folder.parent / "none"
    jobs.add(refused)
    work_until(daemon, refused)
    with pytest.raises(NotFound, match="there is no library"):
        refused.result()
    assert library.runs()[1] == "r1"


def test_what_waits_when_the_daemon_ends_is_refused(library: WatchedLibrary) -> None:
    """Errands, fits that wait and the one under way; later ones at once."""
    jobs = JobQueue()
    daemon = daemon_of(library, jobs)
    under_way, waiting = FitJob(library.fit_params.as_dict()), FitJob(library.fit_params.as_dict())
    errand = Job(lambda opened: None)
    jobs.add(under_way)
    daemon.work()
    jobs.add(waiting)
    jobs.add(errand)
    daemon.close()
    jobs_left: list[Job] = [under_way, waiting, errand]  # type: ignore[list-item]
    for order in jobs_left:
        assert order.done()
        with pytest.raises(DaemonEnds):
            order.result()
    with pytest.raises(DaemonEnds):
        jobs.add(Job(lambda opened: None))

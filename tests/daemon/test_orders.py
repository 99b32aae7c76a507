"""What others ask of the loop: errands between two files, fits on demand; nobody's wish ends the daemon."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from tests.library.test_fit_process import library as library
from tests.library.test_library import picture
from vecclust import Library
from vecclust.daemon import Daemon
from vecclust.daemon.orders import Ended, Errand, FitOrder, Order, Orders
from vecclust.errors import NotFound, StoreError
from vecclust.library.fit_process import FitProcess
from vecclust.watching import ScriptedWatcher

DEADLINE_S = 90.0


def daemon_of(library: Library, orders: Orders) -> Daemon:
    """A daemon without a policy that would fit by itself, its first look done."""
    made = Daemon(library, ScriptedWatcher(), fit_process=FitProcess(library.folder), orders=orders)
    made.work()
    return made


def work_until(daemon: Daemon, order: Order[object]) -> None:
    """Let the daemon go on until the order is settled."""
    deadline = time.monotonic() + DEADLINE_S
    while not order.wait(0.05):
        assert time.monotonic() < deadline, "it was never settled"
        daemon.work()


def test_an_errand_is_run_by_the_loop_and_its_error_is_its_outcome(library: Library) -> None:
    """In the loop's own thread; an error, even a defect, leaves the loop going."""
    orders = Orders()
    daemon = daemon_of(library, orders)
    named = Errand(lambda opened: (opened.rename("c1", "Lagoon").name, threading.current_thread()))
    unknown = Errand(lambda opened: opened.rename("c99", "Lagoon"))
    broken = Errand(lambda opened: 1 // 0)
    for errand in (named, unknown, broken):
        orders.add(errand)
    daemon.work()
    assert named.outcome() == ("Lagoon", threading.main_thread())
    with pytest.raises(NotFound):
        unknown.outcome()
    with pytest.raises(ZeroDivisionError):
        broken.outcome()


def test_a_long_import_keeps_nobody_waiting(library: Library) -> None:
    """What is asked for during a look is done before its last file."""
    orders = Orders()
    daemon = daemon_of(library, orders)
    for number in range(3):
        (Path(library.folders()[0]) / f"new{number}.jpg").write_bytes(picture("red", 100 + number))
    errand = Errand(lambda opened: opened.status().photos)
    orders.add(errand)
    daemon._schedule.request_scan("a test", by_s=float("-inf"))
    daemon.work()
    assert errand.outcome() == 24, "run after the photos of the look were committed"
    assert library.status().photos == 27


def test_a_fit_on_demand_tells_its_stages_and_becomes_the_run(library: Library) -> None:
    """With the parameters asked for, whatever the daemon's own are."""
    orders = Orders()
    daemon = daemon_of(library, orders)
    order = FitOrder({**library.fit_params.as_dict(), "clusterer": "kmeans", "n_clusters": 2})
    second = FitOrder(library.fit_params.as_dict())
    orders.add(order)
    orders.add(second)
    work_until(daemon, order)
    report = order.outcome()
    assert (report.run, report.photos, report.clusters, report.dry_run) == ("r2", 24, 2, False)
    assert report.seconds > 0
    stages = order.heard()
    assert {"neighbours", "clusters"} <= {stage for stage, _, _ in stages}, stages
    assert all(done <= total for _, done, total in stages)
    work_until(daemon, second)
    assert second.outcome().run == "r3"
    runs, current = library.runs()
    assert current == "r3"
    assert [run.reason for run in runs[1:]] == ["on demand", "on demand"]


def test_a_fit_that_fails_says_why_and_leaves_the_earlier_run(library: Library) -> None:
    """By a defect or by a refusal of its own, whose kind and words are kept."""
    orders = Orders()
    daemon = daemon_of(library, orders)
    defective = FitOrder({"no": "such"})
    orders.add(defective)
    work_until(daemon, defective)
    with pytest.raises(StoreError, match="earlier run stays in force"):
        defective.outcome()
    refused = FitOrder(library.fit_params.as_dict())
    assert daemon._refits is not None
    daemon._refits._process._library = library.folder.parent / "none"
    orders.add(refused)
    work_until(daemon, refused)
    with pytest.raises(NotFound, match="there is no library"):
        refused.outcome()
    assert library.runs()[1] == "r1"


def test_what_waits_when_the_daemon_ends_is_refused(library: Library) -> None:
    """Errands, fits that wait and the one under way; later ones at once."""
    orders = Orders()
    daemon = daemon_of(library, orders)
    under_way, waiting = FitOrder(library.fit_params.as_dict()), FitOrder(library.fit_params.as_dict())
    errand = Errand(lambda opened: None)
    orders.add(under_way)
    daemon.work()
    orders.add(waiting)
    orders.add(errand)
    daemon.close()
    orders_left: list[Order[object]] = [under_way, waiting, errand]  # type: ignore[list-item]
    for order in orders_left:
        assert order.wait(0)
        with pytest.raises(Ended):
            order.outcome()
    with pytest.raises(Ended):
        orders.add(Errand(lambda opened: None))

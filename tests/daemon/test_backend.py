"""The daemon's answers over a real library, and a daemon as a process behind its socket; the model alone is a fake."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.daemon.processes import DEADLINE_S, PROJECT, Process, put
from tests.daemon.test_process import FLAGS
from tests.library.test_fit_process import library as library
from tests.library.test_library import HUES, picture
from vecclust import Client
from vecclust.config import socket_files
from vecclust.daemon.backend import DaemonBackend
from vecclust.daemon.jobs import JobQueue
from vecclust.errors import LibraryLocked, NotFound, UsageError, VecclustError
from vecclust.library.queries import search
from vecclust.library.watched import WatchedLibrary
from vecclust.server.app import Asker, Question
from vecclust.server.client import Declined, NoServer
from vecclust.server.sockets import connect
from vecclust.server.verbs import VERBS
from vecclust.testing import FakeEmbedder
from vecclust.types.search import Filters


def question(verb: str, arguments: Mapping[str, Any] | None = None, **other: Any) -> Question:
    """Ask as one who differs in nothing from the daemon but as told."""
    same: dict[str, Any] = {"flags": {"clusters.reducer": "pca"}}
    return Question(VERBS[verb], arguments or {}, Asker(**{**same, **other}))


SEARCH = {"text": "red", "limit": 5}


@pytest.fixture
def backend(library: WatchedLibrary) -> Iterator[DaemonBackend]:
    """A backend that nobody serves."""
    made = DaemonBackend(library, JobQueue())
    yield made
    made.close()


def test_it_answers_as_the_library_does(library: WatchedLibrary, backend: DaemonBackend) -> None:
    """From handles of its own, with the model of the library; anybody is answered by the daemon's own settings."""
    assert backend.read(question("search", SEARCH)) == library.search("red", limit=5)
    assert backend.read(Question(VERBS["search"], SEARCH, None)) == library.search("red", limit=5)
    assert backend._store is not library._store
    assert not backend._store.writable  # type: ignore[union-attr]


OTHERS: dict[str, dict[str, Any]] = {
    "runs the model otherwise": {"flags": {"embed.precision": "float32"}},
    "runs the model elsewhere": {"environment": {"VECCLUST_EMBED_DEVICE": "cuda"}},
    "uses the index otherwise": {"environment": {"VECCLUST_STORE_INDEX_FROM_PHOTOS": "256"}},
    "has a setting that is none": {"flags": {"no.such": 1}},
    "has a file that is none": {"config": "/nowhere/config.toml"},
    "sees other files": {"files": {"/nowhere/x.jpg": (1, 2)}},
    "sees a file that is not there for it": {"files": {str(PROJECT / "README.md"): None}},
}


@pytest.mark.parametrize("way", OTHERS)
def test_who_would_find_something_else_alone_is_left_to_it(
    library: WatchedLibrary, backend: DaemonBackend, way: str
) -> None:
    """Or would be told of a mistake in words of its own; nothing is written for it either."""
    with pytest.raises(Declined):
        backend.read(question("search", SEARCH, **OTHERS[way]))
    with pytest.raises(Declined):
        next(backend.write(question("rename", {"cluster": "c1", "name": "x"}, **OTHERS[way])))


def test_what_changes_no_answer_is_no_reason_to_decline(library: WatchedLibrary, backend: DaemonBackend) -> None:
    """Threads, batches, folders to watch: the asker's own affair."""
    flags = {"embed.threads": 3, "embed.batch_size": 2, "watch.interval_s": 9, "store.keep_runs": 3}
    assert backend.read(question("search", SEARCH, flags=flags)).results


def test_an_answer_never_mixes_two_runs(
    library: WatchedLibrary, backend: DaemonBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that becomes the current one in the middle changes nothing of the answer."""
    photo = Path(library.folders()[0]) / "red0.jpg"
    backend.read(question("status"))
    with_clusters, switched = search.with_clusters, []
    library.recluster()
    library.rollback("r1")
    names = {run: {label.photo: label.cluster for label in library._store.labels(run).values()} for run in ("r1", "r2")}
    assert library._store.clusters("r1") != library._store.clusters("r2")

    def switch_before(store: Any, hits: Any, **named: Any) -> Any:
        if not switched:
            library.rollback("r2")
        switched.append(len(hits))
        return with_clusters(store, hits, **named)

    monkeypatch.setattr(search, "with_clusters", switch_before)
    asked = {"photo": photo, "limit": 30}
    answers = [backend.read(question("similar", asked)) for _ in range(2)]
    clusters = [{hit.photo: hit.cluster for hit in answer.results}.items() for answer in answers]
    assert switched[0] == 23
    assert clusters[0] <= names["r1"].items(), "of the run that was current when it was asked"
    assert clusters[1] <= names["r2"].items(), "the next question sees the newer one"


def test_it_reads_new_runs_with_new_handles(library: WatchedLibrary, backend: DaemonBackend) -> None:
    """Handles of runs that are gone do not pile up in a process that stays for months."""
    backend.read(question("status"))
    before = backend._store
    library.recluster()
    assert backend.read(question("status")).run.run == "r2"
    assert backend._store is not before


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """A folder with eight photos of each of three colours."""
    for colour in HUES:
        put(tmp_path / "album", colour, range(8))
    return tmp_path / "album"


@pytest.fixture
def start(tmp_path: Path, album: Path) -> Iterator[Callable[..., Process]]:
    """Start a daemon on the album and wait until it has labelled all; what is left is killed."""
    started: list[Process] = []

    def begin(*arguments: str) -> Process:
        slow = {"TEST_SLOW": str(tmp_path / "slow")}
        started.append(Process(tmp_path / "library", str(album), *FLAGS, *arguments, **slow))
        started[-1].until_labelled(24)
        started[-1].until(lambda opened: opened.status().daemon.doing == "watching")
        return started[-1]

    yield begin
    for process in started:
        process.kill()


def client_of(process: Process, **flags: Any) -> Client:
    """Ask as a command line does whose flags are the daemon's."""
    return Client(process.library, flags={"clusters.reducer": "pca", **flags})


def test_a_whole_life_of_questions(start: Callable[..., Process], album: Path) -> None:
    """Words, photos, status, names, fits, rollback, errors; after the end the socket is gone and answers go on."""
    process = start()
    ask_ = client_of(process)
    found = ask_.search("red", limit=4, filters=Filters(folder=album))
    assert {Path(hit.path).parent.name for hit in found.results} == {"red"}
    assert ask_.status().daemon.pid == process.child.pid
    assert ask_.rename("c1", "Lagoon").name == "Lagoon"
    with pytest.raises(NotFound, match="c99"):
        ask_.rename("c99", "x")
    with pytest.raises(UsageError):
        ask_.search("  ")
    stages: list[str] = []
    report = client_of(process, **{"clusters.clusterer": "kmeans", "clusters.n_clusters": 2}).recluster(
        progress=lambda stage, done, total: stages.append(stage)
    )
    assert (report.run, report.clusters) == ("r2", 2)
    assert "neighbours" in stages
    assert client_of(process).recluster(dry_run=True).run == "r3"
    assert ask_.rollback("r1").run == "r1"
    with WatchedLibrary.open(process.library) as opened:
        assert opened.runs()[1] == "r1"
        assert opened.runs()[0][-1].reason == "on demand"
        known = opened.similar(album / "red" / "000.jpg")
    assert ask_.similar(album / "red" / "000.jpg") == known
    with pytest.raises(LibraryLocked, match=str(process.child.pid)) as locked:
        WatchedLibrary.open(process.library, write=True)
    assert f"kill {process.child.pid}" in locked.value.hint
    assert process.end()[0] == 0
    assert list(socket_files(process.library)[0].parent.iterdir()) == []
    assert ask_.similar(album / "red" / "000.jpg") == known


def test_a_photo_outside_the_library_is_embedded_by_the_daemon(
    start: Callable[..., Process], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a path relative to the asker, with bytes that are no UTF-8; one that is not there is a mistake like any."""
    process = start()
    name = os.fsdecode(b"out\xff.jpg")
    (tmp_path / name).write_bytes(picture("blue", 500))
    monkeypatch.chdir(tmp_path)
    found = client_of(process).similar(name, limit=3)
    assert found.query == str(tmp_path / name)
    assert {Path(hit.path).parent.name for hit in found.results} == {"blue"}
    with pytest.raises(NotFound, match=r"nothing\.jpg"):
        client_of(process).similar("nothing.jpg")


def test_it_ends_promptly_while_a_question_is_being_answered(start: Callable[..., Process], tmp_path: Path) -> None:
    """SIGTERM does not wait for a minute's question; who asked goes on without the daemon."""
    process = start()
    asker_of = subprocess.Popen(
        [sys.executable, "-m", "vecclust", "--library", str(process.library), "search", "slow"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=PROJECT,
    )
    deadline = time.monotonic() + DEADLINE_S
    while not (tmp_path / "slow").exists():
        assert time.monotonic() < deadline
        process.lives_on(0.05)
    code, said = process.end()
    assert (code, "Traceback" in said) == (0, False), said
    _, complaint = asker_of.communicate(timeout=DEADLINE_S)
    # Alone it has no model of that name: the fake one's.
    assert (asker_of.returncode, "Traceback" in complaint) == (5, False), complaint


def test_a_stopped_or_killed_daemon_keeps_nobody_waiting(
    start: Callable[..., Process], album: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its socket is there, nobody answers: the question is answered alone."""
    monkeypatch.setattr("vecclust.server.client.HELLO_S", 0.5)
    process = start()
    known = client_of(process).similar(album / "red" / "000.jpg")
    process.child.send_signal(signal.SIGSTOP)
    assert client_of(process).similar(album / "red" / "000.jpg") == known
    with pytest.raises(LibraryLocked):
        client_of(process).rename("c1", "Lagoon")
    process.child.send_signal(signal.SIGCONT)
    deadline = time.monotonic() + DEADLINE_S
    while True:
        try:
            connect(process.library, seconds=1).close()
            break
        except OSError:
            assert time.monotonic() < deadline
    process.kill()
    assert socket_files(process.library)[0].exists()
    assert client_of(process).similar(album / "red" / "000.jpg") == known
    with WatchedLibrary.open(process.library) as opened:
        assert opened.clusters().clusters[0].name is None, "what was refused was done later"


def test_who_asks_for_a_fit_may_go_away(start: Callable[..., Process]) -> None:
    """By Ctrl-C, which says that the daemon goes on; the run is there once it is done."""
    process = start()
    command = [sys.executable, "-m", "vecclust", "--library", str(process.library), "-v", "recluster"]
    environment = {**os.environ, "VECCLUST_CLUSTERS_REDUCER": "pca"}
    began, told_ = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=PROJECT, env=environment), []
    deadline = time.monotonic() + DEADLINE_S
    while not (process.library / "watch" / "fit").exists():
        assert time.monotonic() < deadline
        process.lives_on(0.05)
    # A second one waits for its turn.
    second = threading.Thread(target=lambda: told_.append(client_of(process).recluster()))
    second.start()
    began.send_signal(signal.SIGINT)
    _, said = began.communicate(timeout=DEADLINE_S)
    assert (began.returncode, "goes on with recluster" in said) == (130, True), said
    second.join(DEADLINE_S)
    assert told_[0].run == "r3"
    with WatchedLibrary.open(process.library) as opened:
        assert [run.run for run in opened.runs()[0]] == ["r1", "r2", "r3"]


def test_a_daemon_that_ends_says_so_to_who_waits_for_a_fit(start: Callable[..., Process]) -> None:
    """The earlier run stays in force, and the error says what to do."""
    process = start()
    outcome: list[BaseException] = []

    def recluster() -> None:
        try:
            client_of(process).recluster()
        except BaseException as error:
            outcome.append(error)

    asking = threading.Thread(target=recluster)
    asking.start()
    deadline = time.monotonic() + DEADLINE_S
    while not (process.library / "watch" / "fit").exists():
        assert time.monotonic() < deadline
        process.lives_on(0.02)
    assert process.end()[0] == 0
    asking.join(DEADLINE_S)
    assert isinstance(outcome[0], VecclustError)
    assert "went away" in outcome[0].message
    with WatchedLibrary.open(process.library, embedder=FakeEmbedder()) as opened:
        assert opened.runs()[1] == "r1"


def test_photos_are_labelled_while_questions_come(start: Callable[..., Process], album: Path) -> None:
    """Ten askers at a time without end: arrivals are labelled, and every answer holds together."""
    process = start()
    stop, failures, n_answers = threading.Event(), [], []

    def go_on() -> None:
        while not stop.is_set():
            try:
                client_of(process).ask(VERBS["search"], SEARCH)
                n_answers.append(1)
            except NoServer:
                continue
            except BaseException as error:
                failures.append(error)
                return

    askers = [threading.Thread(target=go_on) for _ in range(10)]
    for thread in askers:
        thread.start()
    try:
        put(album, "red", range(50, 60))
        process.until_labelled(34)
    finally:
        stop.set()
        for thread in askers:
            thread.join(DEADLINE_S)
    assert failures == []
    assert n_answers
    assert process.end()[0] == 0

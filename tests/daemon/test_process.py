"""The daemon as a process: signals, the lock, what `status` says, refits beside it, SIGKILL."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.daemon.processes import DEADLINE_S, PROJECT, Process, put
from tests.library.test_library import HUES
from vecclust.library.watched import WatchedLibrary

FLAGS = ['clusters.reducer="pca"', "photos.settle_s=0.3", "photos.decode_processes=1", "watch.refit_pause_s=0"]


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """A folder with eight photos of each of three colours."""
    for colour in HUES:
        put(tmp_path / "album", colour, range(8))
    return tmp_path / "album"


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Process]]:
    """Start daemons on one library; what is left is killed."""
    started: list[Process] = []

    def begin(*arguments: str, **environment: str) -> Process:
        started.append(Process(tmp_path / "library", *arguments, *FLAGS, **environment))
        return started[-1]

    yield begin
    for process in started:
        process.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_labels_what_comes_tells_status_and_ends_well(
    start: Callable[..., Process], album: Path, number: signal.Signals
) -> None:
    """A whole life: catch up, an arrival, status, a second daemon, the end."""
    process = start(str(album))
    process.until_labelled(24)
    put(album, "red", range(50, 52))
    process.until_labelled(26)
    process.until(lambda library: library.status().daemon.doing == "watching")
    with WatchedLibrary.open(process.library) as library:
        daemon = library.status().daemon
    log = process.library / "log" / "watch.log"
    assert (daemon.running, daemon.pid, daemon.watching, daemon.problems, daemon.log) == (
        True, process.child.pid, (str(album),), (), str(log),
    )  # fmt: skip
    second = start(str(album))
    _, said = second.child.communicate(timeout=60)
    assert second.child.returncode == 6
    assert str(process.child.pid) in said
    code, said = process.end(number)
    assert (code, "Traceback" in said) == (0, False), said
    assert "stopping" in log.read_text().splitlines()[-1]
    with WatchedLibrary.open(process.library, write=True) as library:
        assert not library.status().daemon.running


def test_hangup_looks_at_everything(start: Callable[..., Process], album: Path) -> None:
    """SIGHUP does not end it, and its look is the reason in the log."""
    process = start(str(album))
    process.until_labelled(24)
    with WatchedLibrary.open(process.library) as library:
        before = library._store.roots()[0].last_scan_ns
    process.child.send_signal(signal.SIGHUP)
    process.until(lambda library: library._store.roots()[0].last_scan_ns > before)
    assert process.end()[0] == 0


def test_a_refit_runs_beside_it_and_is_adopted(start: Callable[..., Process], album: Path) -> None:
    """Enough new photos and quiet: a new run with the reason, every photo labelled."""
    process = start(str(album), "watch.refit_least=10", "watch.refit_quiet_s=1")
    process.until_labelled(24)
    put(album, "blue", range(50, 62))
    process.until(lambda library: library.runs()[1] == "r2")
    process.until_labelled(36)
    with WatchedLibrary.open(process.library) as library:
        assert library.runs()[0][-1].reason == "12 new photos since a fit of 24"
        assert {label.assigned_by for label in library._store.labels().values()} == {"fit"}
    assert process.end()[0] == 0
    assert not (process.library / "watch" / "fit").exists()


def test_it_says_ready_to_its_supervisor(start: Callable[..., Process], album: Path, tmp_path: Path) -> None:
    """READY once armed, the watchdog fed all through a batch that takes long, and how things stand."""
    busy = tmp_path / "busy"
    busy.touch()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(DEADLINE_S)
        # The longest that a stage may take is far longer than this test: what feeds is the thread beside the loop.
        told = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "300000", "TEST_BUSY": str(busy)}
        process = start(str(album), **told)
        said: list[str] = []
        while said.count("WATCHDOG=1") < 5 or "READY=1" not in said:
            said += listening.recv(4096).decode().splitlines()
        assert [line for line in said if line.startswith("STATUS=")] == ["STATUS=catching up (1 folder)"]
        busy.unlink()
        while "STATUS=watching (1 folder)" not in said:
            said += listening.recv(4096).decode().splitlines()
        process.child.send_signal(signal.SIGTERM)
        while "STOPPING=1" not in said:
            said += listening.recv(4096).decode().splitlines()
        process.child.communicate(timeout=DEADLINE_S)
    assert process.child.returncode == 0
    assert said.count("READY=1") == 1


def test_killed_at_any_time_it_goes_on(start: Callable[..., Process], album: Path) -> None:
    """SIGKILL in the middle of an import: each photo once, labels of one run, the old note not believed."""
    process = start(str(album))
    process.until_labelled(24)
    put(album, "green", range(50, 80))
    process.until(lambda library: library._store.counts().photos > 24)
    process.kill()
    with WatchedLibrary.open(process.library) as library:
        assert not library.status().daemon.running
    again = start()
    again.until_labelled(54)
    assert again.end()[0] == 0
    with WatchedLibrary.open(process.library) as library:
        files = list(library._store.files())
        assert len(files) == len({file.absolute for file in files}) == 54
        assert {file.photo for file in files} == library._store.photo_keys()


def test_events_that_the_kernel_dropped_lose_nothing(start: Callable[..., Process], album: Path) -> None:
    """Stopped while more happens than the kernel's queue holds: photos made at the end are found at once."""
    limit = Path("/proc/sys/fs/inotify/max_queued_events")
    n_files = int(limit.read_text()) // 2 + 500 if limit.exists() else 0
    if not 0 < n_files < 30_000:
        pytest.skip("there is no queue here that could be filled in a test")
    process = start(str(album))
    process.until_labelled(24)
    process.until(lambda library: library.status().daemon.doing == "watching")
    process.child.send_signal(signal.SIGSTOP)
    for number in range(n_files):
        (album / f"{number}.txt").touch()
    put(album, "red", range(50, 53))
    process.child.send_signal(signal.SIGCONT)
    process.until_labelled(27)
    code, said = process.end()
    assert (code, "queue overflowed" in said) == (0, True), said


def test_the_command_line_watches(tmp_path: Path, album: Path) -> None:
    """`vecclust watch` without a folder says what to do; `status --json` has the daemon's part."""
    command = [sys.executable, "-m", "vecclust", "--library", str(tmp_path / "other")]
    done = subprocess.run([*command, "watch"], capture_output=True, text=True, check=False, cwd=PROJECT)
    assert (done.returncode, "vecclust watch ~/Photos" in done.stderr) == (2, True), done.stderr
    done = subprocess.run([*command, "status", "--json"], capture_output=True, text=True, check=True, cwd=PROJECT)
    assert json.loads(done.stdout)["daemon"]["running"] is False

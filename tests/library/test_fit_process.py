"""A fit in a process of its own: adopted, failed, killed; the library is never left without a run."""

from __future__ import annotations

import contextlib
import dataclasses
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

from tests.library.filled import filled_library
from tests.library.test_library import picture
from vecclust.errors import DamagedRun
from vecclust.library.fit_process import FitFailed, FitProcess
from vecclust.library.runs.fit_result import FitResult, fit_photos, load_fit_result, save_fit_result
from vecclust.library.watched import WatchedLibrary

PROJECT = Path(__file__).resolve().parents[2]
DEADLINE_S = 90.0


@pytest.fixture
def library(tmp_path: Path) -> Iterator[WatchedLibrary]:
    """A library of 24 photos with a first run."""
    with filled_library(tmp_path, n_each=8) as opened:
        yield opened


def wait_for(process: FitProcess) -> FitResult:
    """Wait for the end of a fit."""
    assert process._child is not None
    process._child.wait(DEADLINE_S)
    assert process.poll()
    return process.result()


def test_what_another_process_found_is_what_this_one_would_have(library: WatchedLibrary) -> None:
    """The same labels; photos that came or went meanwhile are labelled and left out."""
    here = fit_photos(library._store, library.fit_params)
    process = FitProcess(library.folder)
    process.start(library.fit_params.as_dict())
    there = wait_for(process)
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
def test_a_fit_that_fails_leaves_the_earlier_run(library: WatchedLibrary, way: str) -> None:
    """By the out-of-memory killer or an error of its own: nothing is left behind but the run there was."""
    process = FitProcess(library.folder)
    params = library.fit_params.as_dict() if way == "killed" else {"no": "such"}
    process.start(params)
    if way == "killed":
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
    with pytest.raises(FitFailed):
        wait_for(process)
    assert process.pid is None
    assert not (library.folder / "watch" / "fit").exists()
    assert library.runs()[1] == "r1"


PARENT = """
import json, os, signal, sys, time
from pathlib import Path
from vecclust.library.fit_process import FitProcess
signal.signal(signal.SIGINT, lambda number, frame: None)
signal.signal(signal.SIGHUP, signal.SIG_IGN)  # the system sends it to what is stopped when its parent goes
process = FitProcess(Path(sys.argv[1]))
process.start(json.loads(sys.argv[2]))
os.kill(process.pid, signal.SIGSTOP)
print(process.pid, flush=True)
time.sleep(600)
"""


@contextmanager
def parent_of_a_stopped_fit(library: WatchedLibrary) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Give a process, in a process group of its own, that has begun a fit, and the fit's process."""
    params = json.dumps(dict(library.fit_params.as_dict()))
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(library.folder), params],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
        cwd=PROJECT,
    )
    with parent:
        try:
            assert parent.stdout is not None
            fit = int(parent.stdout.readline())
            try:
                yield parent, fit
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(fit, signal.SIGKILL)
        finally:
            parent.kill()


def test_a_fit_does_not_outlive_a_parent_that_is_killed(library: WatchedLibrary) -> None:
    """Nor does it find anything for nobody."""
    with parent_of_a_stopped_fit(library) as (parent, fit):
        parent.kill()
        parent.wait()
        os.kill(fit, signal.SIGCONT)
        assert parent.stderr is not None
        assert parent.stderr.read() == ""  # open as long as either lives
    assert not list((library.folder / "watch" / "fit").glob("result*"))


def test_a_fit_hears_nothing_of_a_terminals_ctrl_c(library: WatchedLibrary) -> None:
    """Its parent ends it; a traceback of it would be the last thing in the terminal."""
    with parent_of_a_stopped_fit(library) as (parent, fit):
        os.killpg(parent.pid, signal.SIGINT)
        os.kill(fit, signal.SIGCONT)
        result = library.folder / "watch" / "fit" / "result.json"
        deadline = time.monotonic() + DEADLINE_S
        while not result.exists():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        parent.kill()
        assert parent.stderr is not None
        assert parent.stderr.read() == ""


def test_a_torn_fit_result_is_not_adopted(library: WatchedLibrary, tmp_path: Path) -> None:
    """Whichever part is short or missing."""
    result = fit_photos(library._store, library.fit_params)
    for name in ("result.npz", "result.json"):
        folder = tmp_path / name
        folder.mkdir()
        save_fit_result(result, folder)
        assert load_fit_result(folder).labels.tolist() == result.labels.tolist()
        whole = (folder / name).read_bytes()
        (folder / name).write_bytes(whole[: len(whole) // 2])
        with pytest.raises(DamagedRun):
            load_fit_result(folder)


def test_a_preview_says_what_adopting_would_change(library: WatchedLibrary) -> None:
    """As a dry run in this process does; the result stays until it is thrown away, the library as it is."""
    process = FitProcess(library.folder, library.folder.parent / "proposed")
    process.start(library.fit_params.as_dict(), preview=True)
    steps = []
    deadline = time.monotonic() + DEADLINE_S
    while not process.poll():
        assert time.monotonic() < deadline
        steps += process.progress()
        time.sleep(0.02)
    steps += process.progress()
    assert {"neighbours", "clusters"} <= {stage for stage, _, _ in steps}
    report, expected = process.preview(), library.recluster(dry_run=True)
    assert dataclasses.replace(report, seconds=0.0, stage_seconds={}) == dataclasses.replace(
        expected, seconds=0.0, stage_seconds={}
    )
    assert (report.dry_run, library.runs()[1]) == (True, "r1")
    assert library.adopt(process.result(), reason="a test").run == "r2"
    process.close()
    assert not (library.folder.parent / "proposed").exists()


def test_a_signal_while_a_fit_is_started_leaves_nobody_behind(
    library: WatchedLibrary, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It strikes once the process is known, so that whoever is on the way out ends it."""

    class Stopped(BaseException):
        pass

    def stop(number: int, frame: object) -> None:
        raise Stopped

    real = subprocess.Popen

    def popen(*args: object, **kwargs: object) -> object:
        signal.raise_signal(signal.SIGTERM)
        return real(*args, **kwargs)  # type: ignore[call-overload]

    earlier = signal.signal(signal.SIGTERM, stop)
    process = FitProcess(library.folder)
    try:
        monkeypatch.setattr(subprocess, "Popen", popen)
        with pytest.raises(Stopped):
            process.start(library.fit_params.as_dict())
        child = process._child
        assert child is not None
        process.close()
        assert child.returncode is not None
        assert signal.getsignal(signal.SIGTERM) is stop
    finally:
        signal.signal(signal.SIGTERM, earlier)


def test_a_stray_or_torn_line_of_progress_is_left_out(library: WatchedLibrary) -> None:
    """What is no step is none, and the next one counts."""
    process = FitProcess(library.folder)
    process.folder.mkdir(parents=True)
    file = process.folder / "progress"
    file.write_bytes(b'["layout", 1, 2]\na library says hello\n["lay\n[1]\n["layout", 2, 2]\n["tor')
    assert process.progress() == [("layout", 1, 2), ("layout", 2, 2)]
    process.close()


FULL = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
from vecclust.library.fit_process import main
sys.exit(main(sys.argv[1]))
"""


@pytest.mark.parametrize("n_bytes", [0, 4096])
def test_a_fit_on_a_full_disk_ends_without_a_traceback(library: WatchedLibrary, tmp_path: Path, n_bytes: int) -> None:
    """Whatever could still be written, it is exit 4, and the reason where there was room for it."""
    folder = tmp_path / "fit"
    folder.mkdir()
    request = {
        "library": str(library.folder), "folder": str(folder), "params": dict(library.fit_params.as_dict()),
        "kind": "full", "preview": False, "nice": 0,
    }  # fmt: skip
    command = [sys.executable, "-c", FULL, json.dumps(request), str(n_bytes)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=PROJECT, check=False)
    assert done.returncode == 4, done.stderr
    assert "Traceback" not in done.stderr
    if n_bytes:
        assert "cannot be written" in json.loads((folder / "refusal.json").read_text())["message"]

"""Killed by SIGKILL at every step of a scan or a refit, run again: the same library."""

from __future__ import annotations

import contextlib
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.forking import Forked
from tests.library import killed_scan
from tests.library.test_library import HUES, picture
from vecclust import Library
from vecclust.testing import FakeClock, FakeEmbedder

N_EACH = 6
FLAGS = {"store.commit_photos": 5, "clusters.reducer": "pca"}


def make_album(folder: Path) -> Path:
    """Write a few photos of each colour."""
    for colour in HUES:
        (folder / colour).mkdir(parents=True)
        for number in range(N_EACH):
            (folder / colour / f"{number}.jpg").write_bytes(picture(colour, number))
    return folder


def die(library: Path, album: Path, *, job: str, step: int) -> bool:
    """Run a job that kills itself at a step; tell whether it did, or was done before."""
    process = Forked(killed_scan.main, library, album, job, step)
    _, said = process.communicate(timeout=120)
    assert process.returncode in (0, -signal.SIGKILL), said
    return process.returncode != 0


def recovered(library: Path, album: Path) -> tuple[set[str], set[str], dict[str, str | None]]:
    """Scan again and give the photos, the paths, and the cluster of each photo."""
    clock = FakeClock(time.time_ns() + 7200 * 10**9)
    with Library.open(library, write=True, flags=FLAGS, embedder=FakeEmbedder(), clock=clock) as opened:
        opened.scan([album], prune=True)
        store = opened._store
        photos, _ = store.vectors()
        files = list(store.files())
        labels = store.labels()
        assert len(photos) == len(set(photos)), "a photo stands twice"
        assert len(files) == len({file.absolute for file in files}), "a file stands twice"
        assert {file.photo for file in files} == set(photos)
        assert all(file.state == "ready" and not file.missing_since_ns for file in files)
        assert set(labels) == set(photos), "labels of one run, one for each photo"
        ids = {row.cluster for row in store.clusters()}
        assert {label.cluster for label in labels.values()} - {None} <= ids
        return set(photos), {file.absolute for file in files}, {key: label.cluster for key, label in labels.items()}


@pytest.mark.slow
def test_a_first_scan_killed_at_every_step_is_taken_up_again(tmp_path: Path) -> None:
    """No photo lost, none twice, labels of one run only, whatever the step."""
    album = make_album(tmp_path / "album")
    whole = recovered(tmp_path / "whole", album)
    step = 0
    while die(tmp_path / f"library{step}", album, job="scan", step=step):
        photos, paths, _ = recovered(tmp_path / f"library{step}", album)
        assert (photos, paths) == whole[:2]
        step += 1
    assert step > 20, "the steps were not reached"


@pytest.mark.slow
def test_a_later_scan_killed_at_every_step_is_taken_up_again(tmp_path: Path) -> None:
    """The same with photos that are new, moved, overwritten and deleted."""
    album = make_album(tmp_path / "album")
    start = tmp_path / "start"
    recovered(start, album)
    (album / "red" / "0.jpg").rename(album / "blue" / "moved.jpg")
    (album / "red" / "1.jpg").write_bytes(picture("green", 90))
    (album / "red" / "2.jpg").unlink()
    (album / "new.jpg").write_bytes(picture("blue", 91))
    shutil.copytree(start, tmp_path / "whole")
    whole = recovered(tmp_path / "whole", album)
    step = 0
    while True:
        library = tmp_path / f"library{step}"
        shutil.copytree(start, library)
        if not die(library, album, job="scan", step=step):
            break
        assert recovered(library, album)[:2] == whole[:2]
        step += 1
    assert step > 12, "the steps were not reached"


@pytest.mark.slow
def test_a_refit_killed_at_every_step_leaves_one_run_in_force(tmp_path: Path) -> None:
    """The earlier run or the new one, whole; ids are what they were."""
    album = make_album(tmp_path / "album")
    start = tmp_path / "start"
    before = recovered(start, album)
    step = 0
    while True:
        library = tmp_path / f"library{step}"
        shutil.copytree(start, library)
        if not die(library, album, job="recluster", step=step):
            break
        assert recovered(library, album) == before
        step += 1
    assert step >= 4, "the steps were not reached"


@pytest.mark.slow
def test_a_word_is_said_or_not_said(tmp_path: Path) -> None:
    """Killed at any step of a split: the cluster of before, or the two with the name, and the same after a refit."""
    album = make_album(tmp_path / "album")
    start = tmp_path / "start"
    labels = recovered(start, album)[2]
    outcomes = []
    while True:
        library = tmp_path / f"library{len(outcomes)}"
        shutil.copytree(start, library)
        done = not die(library, album, job="say", step=len(outcomes))
        with Library.open(library, write=True, flags=FLAGS, embedder=FakeEmbedder()) as opened:
            words = opened.edits()
            for _ in range(2):
                now = {photo: label.cluster for photo, label in opened._store.labels().items()}
                changed = [photo for photo in labels if now[photo] != labels[photo]]
                assert len(changed) == (2 if words else 0)
                assert all(entry.name == ("Two" if entry.size == 2 else None) for entry in opened.clusters().clusters)
                opened.recluster()
        outcomes.append(bool(words))
        if done:
            break
    assert outcomes == sorted(outcomes)
    assert set(outcomes) == {False, True}
    # The number of the new cluster, the edit, and the end: killed before and after each.
    assert len(outcomes) == 5


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [0.05, 0.2, 0.4, 0.7, 1.2])
def test_a_scan_killed_at_any_time_is_taken_up_again(tmp_path: Path, seconds: float) -> None:
    """Not only between calls: the clock strikes wherever the process happens to be."""
    album = make_album(tmp_path / "album")
    library = tmp_path / "library"
    process = Forked(killed_scan.main, library, album, "scan", -1)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(seconds)
    process.kill()
    process.wait()
    photos, paths, _ = recovered(library, album)
    assert len(photos) == len(paths) == N_EACH * len(HUES)

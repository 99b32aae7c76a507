"""A long import through the daemon: in parts, each committed and labelled, and nobody waits for the end of it."""

from __future__ import annotations

import itertools
import math
import subprocess
import time
from pathlib import Path

import pytest

from tests.daemon.kept import DEADLINE_S, Kept, put_one
from tests.library.test_library import HUES, picture
from tests.watching.scripted import ScriptedWatcher
from vecclust.config import WatchConfig
from vecclust.daemon import Daemon
from vecclust.daemon.refits import Refits
from vecclust.library.fit_process import FitProcess
from vecclust.library.watched import WatchedLibrary
from vecclust.testing import FakeEmbedder

PART = 32


def put_many(folder: Path, n_photos: int) -> None:
    """Write distinct photos: what follows the end marker is not decoded."""
    wholes = [picture(colour, number) for colour in HUES for number in range(10)]
    for number in range(n_photos):
        place = folder / f"{number // 100:02}"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{number:05}.jpg").write_bytes(wholes[number % 30] + number.to_bytes(4, "big"))


class NoFits(FitProcess):
    """Counts how often it is started, and does nothing."""

    n_started = 0

    def start(self, params: object, **more: object) -> None:
        """Count."""
        self.n_started += 1


@pytest.mark.parametrize("kept", [{"store.commit_photos": PART}], indirect=True)
@pytest.mark.parametrize("n_photos", [400, pytest.param(1200, marks=pytest.mark.slow)])
def test_an_import_goes_on_in_commits_and_an_arrival_does_not_wait_for_its_end(kept: Kept, n_photos: int) -> None:
    """A tree by `cp -r`: photos and labels grow part by part, a photo that comes meanwhile is next, refits wait."""
    put_many(kept.album.parent / "source", n_photos)
    process = NoFits(kept.library.folder)
    config = WatchConfig(refit_share=0.01, refit_least=1, refit_quiet_s=0.0, refit_pause_s=0.0)
    kept.daemon._refits = Refits(kept.library, process, config=config, heartbeat=kept.daemon.heartbeat)
    schedule = kept.daemon._schedule
    subprocess.run(["cp", "-r", str(kept.album.parent / "source"), str(kept.album / "copy")], check=True)
    kept.until(lambda: schedule.n_left > 0)
    put_one(kept.album, 100)
    arrival = str(kept.album / "100.jpg")
    heard_by_s = time.monotonic() + DEADLINE_S
    while schedule._due_s.get(arrival, math.inf) > time.monotonic():
        assert time.monotonic() < heard_by_s
        schedule.add_hint(kept.daemon._watcher.wait(0.05), now_s=time.monotonic())
    n_labels = [len(kept.library._store.labels())]

    def step() -> None:
        """Go on by one commit, and count the labels."""
        kept.step()
        n_labels.append(len(kept.library._store.labels()))

    kept.daemon.work()
    n_labels.append(len(kept.library._store.labels()))
    # On a busy machine it may have been heard of once more, and wait for that.
    while schedule.n_left and arrival not in kept.rows():
        step()
    assert (schedule.n_left > 0, arrival in kept.rows()) == (True, True)
    assert kept.library.photo(arrival).assigned_by == "predict"
    while schedule.n_left:
        assert not process.n_started, "a refit began in the middle"
        step()
    assert len(n_labels) > n_photos / PART / 2
    assert max(later - earlier for earlier, later in itertools.pairwise(n_labels)) <= PART
    kept.until(lambda: kept.in_step() and process.n_started > 0)


def test_a_first_fit_waits_for_the_last_part(tmp_path: Path) -> None:
    """A first run over a part of what there is would name the clusters of a few days."""
    put_many(tmp_path / "album", 3 * PART + 5)
    flags = {"clusters.reducer": "pca", "store.commit_photos": PART, "photos.settle_s": 0, "photos.decode_processes": 1}
    with WatchedLibrary.open(tmp_path / "library", write=True, flags=flags, embedder=FakeEmbedder()) as library:
        library.remember([tmp_path / "album"])
        library.keep_warm()
        daemon = Daemon(library, ScriptedWatcher())
        for n_looks in range(1, 5):
            daemon.work()
            assert library.status().photos == min(n_looks * PART, 3 * PART + 5)
            daemon.listen()
        runs, current = library.runs()
        assert (current, [run.n_photos for run in runs]) == ("r1", [3 * PART + 5])

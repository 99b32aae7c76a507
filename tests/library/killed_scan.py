"""A scan or refit that kills itself: run in a process of its own by `test_killed`."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from vecclust import Library
from vecclust.store import Store
from vecclust.testing import FakeClock, FakeEmbedder
from vecclust.types.edits import EditRequest

WRITES = (
    "put_roots", "bind_model", "add_photos", "put_files", "remove_files", "remove_photos", "new_fit_folder",
    "commit_run", "add_labels", "maintain", "new_cluster", "put_names", "add_edits",
)  # fmt: skip


def main(library: Path, album: Path, job: str, fatal_step: int) -> None:
    """Do the job, and die on the way.

    Args:
        library: its directory.
        album: the folder of photos.
        job: `scan`, `recluster` or `say`.
        fatal_step: at which SIGKILL strikes; step 2n is just before the n-th call that writes, step 2n + 1 just after
            it. Ends normally where there are fewer steps.
    """
    steps = iter(range(10**6))

    def deadly(write: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            strike_if(next(steps) == fatal_step)
            result = write(*arguments, **named)
            strike_if(next(steps) == fatal_step)
            return result

        return call

    for name in WRITES:
        setattr(Store, name, deadly(getattr(Store, name)))
    flags = {"store.commit_photos": 5, "clusters.reducer": "pca"}
    clock = FakeClock(time.time_ns() + 3600 * 10**9)
    with Library.open(library, write=True, flags=flags, embedder=FakeEmbedder(batch_size=5), clock=clock) as opened:
        if job == "scan":
            opened.scan([album], prune=True)
        elif job == "recluster":
            opened.recluster()
        else:
            cluster = opened.clusters().clusters[0].id
            some = tuple(member.photo for member in opened.cluster(cluster).photos[:2])
            opened.edit(EditRequest("split-off", photos=some, cluster=cluster, name="Two"))


def strike_if(due: bool) -> None:
    """Die without a word, as at a power cut or the out-of-memory killer."""
    if due:
        os.kill(os.getpid(), signal.SIGKILL)

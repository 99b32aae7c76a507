"""What the daemon takes: little of processor and disk, all of its threads and processes alike."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from vecclust.daemon import resource_limits
from vecclust.daemon.resource_limits import thread_limit

PROJECT = Path(__file__).resolve().parents[2]

LIMITED = """
import json, os, subprocess, sys, threading
os.nice(int(sys.argv[2]))
import numpy
from vecclust.daemon.resource_limits import lower_priority, set_thread_limit
over = threading.Event()
threading.Thread(target=over.wait, daemon=True).start()
set_thread_limit(1)
lower_priority(int(sys.argv[1]))
from threadpoolctl import threadpool_info
program = "import os; print(os.getpriority(0, 0), os.environ['NUMBA_NUM_THREADS'], os.environ['OMP_NUM_THREADS'])"
def run(*command):
    return subprocess.run(command, capture_output=True, text=True).stdout
threads = [int(name) for name in os.listdir("/proc/self/task")]
print(json.dumps({
    "nice": [os.getpriority(os.PRIO_PROCESS, thread) for thread in threads],
    "disk": [run("ionice", "-p", str(thread)) for thread in threads],
    "blas": [pool["num_threads"] for pool in threadpool_info()],
    "child": run(sys.executable, "-c", program).split(),
}))
"""


def told(nice: int, before: int, **environment: str) -> dict[str, Any]:
    """Run a process that limits itself, and have it tell how much."""
    clean = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    command = [sys.executable, "-c", LIMITED, str(nice), str(before)]
    done = subprocess.run(
        command, cwd=PROJECT, env={**clean, **environment}, capture_output=True, text=True, check=True
    )
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="the system does not list threads here")
def test_all_threads_and_processes_are_limited() -> None:
    """Also those that were there before; numpy's BLAS, loaded before, is limited too."""
    own = os.getpriority(os.PRIO_PROCESS, 0)
    found = told(12, 0)
    assert len(found["nice"]) >= 2
    assert set(found["nice"]) == {max(12, own)}
    assert found["child"] == [str(max(12, own)), "1", "1"]
    assert found["blas"]
    assert set(found["blas"]) == {1}


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="the system does not list threads here")
def test_what_is_lower_already_and_what_the_owner_set_stays() -> None:
    """A unit's own Nice is not added to; a variable of the owner's wins."""
    own = os.getpriority(os.PRIO_PROCESS, 0)
    found = told(5, 7, NUMBA_NUM_THREADS="3")
    assert set(found["nice"]) == {min(19, own + 7)}
    assert found["child"][1:] == ["3", "1"]


@pytest.mark.skipif(shutil.which("ionice") is None, reason="there is no ionice here to tell the disk's priority")
def test_the_disk_is_left_to_others() -> None:
    """Every thread is of the idle class; not where the owner wants no niceness at all."""
    if os.uname().machine not in resource_limits._IOPRIO_SET:
        pytest.skip("the system call's number is not known on this machine")
    assert {said.strip() for said in told(10, 0)["disk"]} == {"idle"}
    assert "idle" not in {said.strip() for said in told(0, 0)["disk"]}


@pytest.mark.parametrize(("n_cpus", "cap"), [(1, 1), (2, 1), (3, 1), (8, 4)])
def test_half_the_processors_and_at_least_one(monkeypatch: pytest.MonkeyPatch, n_cpus: int, cap: int) -> None:
    """Unless a number is wanted."""
    monkeypatch.setattr(resource_limits, "available_cpus", lambda: n_cpus)
    assert thread_limit(0) == cap
    assert thread_limit(6) == 6

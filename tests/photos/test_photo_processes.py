"""Child processes: each failure costs its own call, and no child outlives its parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import CancelledError
from pathlib import Path

import pytest

from tests.photos.process_calls import behave, double, end_once, never
from vecclust.photos import processes
from vecclust.photos.processes import ChildDied, ChildOrder, ChildPool, ChildTimedOut

CHECKOUT = Path(__file__).resolve().parents[2]


def wait_until_gone(*pids: int) -> None:
    """Wait until no such process runs; a deadline, for a zombie of a killed parent needs its new one to reap it."""
    deadline = time.monotonic() + 20
    left = set(pids)
    while left:
        left = {pid for pid in left if _runs(pid)}
        assert time.monotonic() < deadline, f"still there: {left}"
        os.sched_yield()


def _runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state not in "ZX"


def test_calls_are_answered_by_few_processes() -> None:
    """Every call gets its own answer; no more processes than asked for are started."""
    with ChildPool(double, processes=2, time_s=30) as pool:
        futures = [pool.submit(number) for number in range(50)]
        assert [future.result() for future in futures] == [2 * number for number in range(50)]
        assert 1 <= len(pool.pids) <= 2


@pytest.mark.parametrize(
    ("how", "words"), [("crash", "SIGSEGV"), ("abort", "SIGABRT"), ("killed", "SIGKILL"), ("exit", "exit status 3")]
)
def test_a_crash_costs_that_call_alone(how: str, words: str) -> None:
    """Calls before, beside and after a crash are answered."""
    with ChildPool(behave, processes=1, time_s=30) as pool:
        futures = [pool.submit(word) for word in ("before", how, "after")]
        assert futures[0].result() == "before"
        with pytest.raises(ChildDied, match=words):
            futures[1].result()
        assert futures[2].result() == "after"


def test_what_a_library_prints_is_no_answer() -> None:
    """A stray line on a child's output is nobody's, and the answers are what they were."""
    with ChildPool(behave, processes=1, time_s=30) as pool:
        assert [pool.submit(word).result() for word in ("print", "after")] == ["print", "after"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_child_that_somebody_ended_says_nothing_of_its_photo(tmp_path: Path, number: signal.Signals) -> None:
    """A signal to the whole group: the call goes to a new child instead of being blamed."""
    with ChildPool(end_once, processes=1, time_s=30) as pool:
        assert pool.submit(str(tmp_path / "done"), number).result() == "answered"
    assert (tmp_path / "done").exists()


def test_a_child_that_is_ended_while_it_starts_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    """SIGTERM during its imports: no error, no traceback, and the ended one is reaped."""
    ended: list[processes._Child] = []

    class Ended(processes._Child):
        def __init__(self) -> None:
            super().__init__()
            if not ended:
                ended.append(self)
                self._process.terminate()

    monkeypatch.setattr(processes, "_Child", Ended)
    with ChildPool(double, processes=1, time_s=30) as pool:
        assert pool.submit(4).result() == 8
    assert ended[0]._process.returncode is not None


def test_a_working_child_leaves_sigterm_to_its_parent() -> None:
    """It goes on with its photo."""
    child = processes._Child()
    try:
        child.call(ChildOrder(behave, os.getpid(), time_s=60, memory_bytes=0), time_s=60.0)
        os.kill(child.pid, signal.SIGTERM)
        assert child.call((("after",), {}), time_s=60) == (True, "after")
    finally:
        child.close()


def test_a_hang_costs_that_call_alone() -> None:
    """A call over its time is ended with its process; the next one is answered."""
    with ChildPool(behave, processes=1, time_s=0.5) as pool:
        hanging, after = pool.submit("hang"), pool.submit("after")
        with pytest.raises(ChildTimedOut):
            hanging.result()
        assert after.result() == "after"


def test_the_kernel_ends_a_hang_when_the_parent_does_not() -> None:
    """A stopped parent cannot watch the clock; the child's own alarm, five seconds later, does."""
    child = processes._Child()
    try:
        child.call(ChildOrder(behave, os.getpid(), time_s=-4.5, memory_bytes=0), time_s=60.0)
        with pytest.raises(ChildDied, match="SIGALRM"):
            child.call((("hang",), {}), time_s=60)
    finally:
        child.close()


def test_an_alarm_is_over_with_its_call() -> None:
    """A child that waits for work is not killed by the clock of its last call."""
    child = processes._Child()
    try:
        child.call(ChildOrder(behave, os.getpid(), time_s=-4.7, memory_bytes=0), time_s=60.0)
        assert child.call((("quick",), {}), time_s=60) == (True, "quick")
        with pytest.raises(subprocess.TimeoutExpired):
            child._process.wait(timeout=0.6)
    finally:
        child.close()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux holds the limit")
def test_memory_over_the_limit_is_refused_in_the_child() -> None:
    """Eight gigabytes are not given where one is the limit, and the child lives on."""
    with ChildPool(behave, processes=1, time_s=30, memory_bytes=1 << 30) as pool:
        with pytest.raises(RuntimeError, match="MemoryError"):
            pool.submit("eat").result()
        assert pool.submit("after").result() == "after"


def test_what_a_function_raises_is_raised_here() -> None:
    """An unforeseen error is a programmer's mistake and is told as such; the child lives on."""
    with ChildPool(behave, processes=1, time_s=30) as pool:
        pid = pool.submit("pid").result()
        with pytest.raises(RuntimeError, match="LookupError: not foreseen"):
            pool.submit("raise").result()
        assert pool.submit("pid").result() == pid


def test_a_child_killed_while_idle_costs_nothing() -> None:
    """Between calls nobody's photo is to blame: the next call gets a new child."""
    with ChildPool(behave, processes=1, time_s=30) as pool:
        pid = int(pool.submit("pid").result())
        os.kill(pid, signal.SIGKILL)
        wait_until_gone(pid)
        assert int(pool.submit("pid").result()) != pid


def test_children_are_renewed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A child serves so many calls and is then replaced, so that leaks stay small."""
    monkeypatch.setattr(processes, "_CALLS_PER_CHILD", 2)
    with ChildPool(behave, processes=1, time_s=30) as pool:
        pids = [pool.submit("pid").result() for _ in range(4)]
    assert pids[0] == pids[1] != pids[2] == pids[3]


def test_children_ignore_ctrl_c() -> None:
    """The parent decides what an interrupt means."""
    with ChildPool(behave, processes=1, time_s=30) as pool:
        assert pool.submit("interrupt").result() == "interrupt"


def test_closing_drops_what_waits_and_ends_the_children() -> None:
    """However long the calls, closing is quick and leaves no process."""
    pool = ChildPool(never, processes=2, time_s=600)
    futures = [pool.submit("") for _ in range(20)]
    while len(pool.pids) < 2:
        os.sched_yield()
    pids = pool.pids
    started = time.monotonic()
    pool.close()
    assert time.monotonic() - started < 10
    wait_until_gone(*pids)
    assert all(isinstance(f.exception(), CancelledError) if not f.cancelled() else True for f in futures)
    pool.close()


def test_a_child_that_is_killed_while_it_starts_is_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the system does when memory runs out; only where that happens again and again is it said."""
    from vecclust.photos import processes

    n_killed, most = 0, 2

    class Doomed(processes._Child):
        """Killed before it hears what it is for."""

        def __init__(self) -> None:
            nonlocal n_killed
            super().__init__()
            if n_killed < most:
                n_killed += 1
                self.kill()
                self._process.wait()

    monkeypatch.setattr(processes, "_Child", Doomed)
    with ChildPool(double, processes=1, time_s=30) as pool:
        assert pool.submit(4).result() == 8
    n_killed, most = 0, 99
    with ChildPool(double, processes=1, time_s=30) as pool, pytest.raises(RuntimeError, match="cannot be started"):
        pool.submit(1).result()


def test_a_child_that_cannot_start_is_told_with_its_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """A broken installation stops the run; it is not blamed on the photos."""
    monkeypatch.setattr(sys, "path", [])
    with ChildPool(double, processes=1, time_s=30) as pool, pytest.raises(RuntimeError, match="cannot be started"):
        pool.submit(1).result()


def test_children_import_next_to_nothing() -> None:
    """No torch, no store, no Pillow, no test runner: a child is up in a fraction of a second."""
    with ChildPool(behave, processes=1, time_s=30) as pool:
        loaded = set(pool.submit("modules").result().split())
    heavy = {
        "torch",
        "open_clip",
        "lancedb",
        "pyarrow",
        "umap",
        "hdbscan",
        "sklearn",
        "PIL",
        "pathspec",
        "pytest",
        "typer",
        "rich",
    }
    assert not loaded & heavy


UNGUARDED = """
from tests.photos.process_calls import behave
from vecclust.photos.processes import ChildPool
pool = ChildPool(behave, processes=2, time_s=600)
print(pool.submit("hello").result())
pool.close()
"""


@pytest.mark.parametrize("way", ["-c", "script", "stdin"])
def test_any_parent_can_start_children(tmp_path: Path, way: str) -> None:
    """A script without a main guard, `python -c` and a program on standard input all work."""
    script = tmp_path / "script.py"
    script.write_text(UNGUARDED)
    arguments = {"-c": ["-c", UNGUARDED], "script": [str(script)], "stdin": ["-"]}[way]
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=CHECKOUT,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        input=UNGUARDED if way == "stdin" else "",
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout.strip()) == (0, "hello"), done.stderr


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_no_child_outlives_a_parent_that_is_killed(tmp_path: Path) -> None:
    """SIGKILL on the parent, in the middle of calls that never end, leaves no orphan."""
    hanging = tmp_path / "hanging"
    program = (
        "import os, sys\n"
        "from tests.photos.process_calls import never\n"
        "from vecclust.photos.processes import ChildPool\n"
        "pool = ChildPool(never, processes=1, time_s=600)\n"
        f"pool.submit({str(hanging)!r})\n"
        f"while not os.path.exists({str(hanging)!r}): pass\n"
        "print(*pool.pids, flush=True)\n"
        "sys.stdin.read()\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=CHECKOUT,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with parent:
        assert parent.stdout is not None
        pids = [int(word) for word in parent.stdout.readline().split()]
        assert len(pids) == 1
        parent.kill()
    wait_until_gone(*pids)

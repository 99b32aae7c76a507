"""A pool of child processes in which a call that crashes, hangs or eats memory costs that call alone.

One thread, one child and one socket for each place in the pool: a dead child is an end of file on its own
socket, so blame is exact and no lock is shared that a killed process could hold. Children are fresh
interpreters that import the one function they serve and never the caller's main module, so any parent can
start them: a script without a main guard, `python -c`, a test runner. (pebble and multiprocessing import
it; pebble also gives up the whole pool when an idle child is killed.) A child ignores Ctrl-C and
SIGTERM (the parent decides), dies with its parent, and is killed by the kernel when a call takes much too long, so
that neither a crash nor a `kill -9` of the parent leaves an orphan behind. Knows nothing of photos. Needs a POSIX
system.
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import IO, Any, Generic, ParamSpec, Self, TypeVar

log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")
_Arguments = tuple[tuple[Any, ...], dict[str, Any]]

# An interpreter with its imports is up in 0.3 s; a machine that swaps may need this long.
_START_S = 60.0

# Decoders leak now and then; a new child costs 0.3 s, which is under 1 % of the time of this many photos.
_CALLS_PER_CHILD = 1000

# Each child is one worker: libraries that start a thread per processor would fight, and reserve address
# space.
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")

# glibc gives memory back after each picture and asks for it again: 212 page faults and 0.4 of 3.1 ms for a JPEG of
# 640 px. A child may keep this much; what is larger than a few MB still comes and goes by itself.
_KEPT_MEMORY = {"MALLOC_TRIM_THRESHOLD_": str(32 << 20), "MALLOC_MMAP_THRESHOLD_": str(4 << 20)}

# The parent kills first; this much later the kernel does it, should the parent be stopped or gone.
_ALARM_SLACK_S = 5.0

_PR_SET_PDEATHSIG = 1

# Sent to a child, they say nothing of the photo it had: somebody ended a whole group of processes, or cleaned up.
_SENT = frozenset({-signal.SIGTERM, -signal.SIGINT, -getattr(signal, "SIGHUP", signal.SIGTERM)})
# A call whose child was ended so goes to new ones.
_TRIES = 3

# A killed process is gone at once unless the kernel waits for a dead server on its behalf.
_HANGUP_S = 5.0


class ChildFailed(Exception):
    """A child did not answer a call; the pool goes on with a new one."""


class ChildTimedOut(ChildFailed):
    """The call took longer than allowed and its child was killed."""


class ChildDied(ChildFailed):
    """The child ended during the call.

    Args:
        exit_status: as `subprocess` gives it: the negative number of the signal that killed it, or its exit
            status.
    """

    def __init__(self, exit_status: int) -> None:
        super().__init__(exit_status)
        self.exit_status = exit_status

    def __str__(self) -> str:
        if self.exit_status >= 0:
            return f"exit status {self.exit_status}"
        try:
            return signal.Signals(-self.exit_status).name
        except ValueError:
            return f"signal {-self.exit_status}"


@dataclass(frozen=True, slots=True)
class ChildOrder:
    """What a child is told first.

    Attributes:
        function: what to call; it must be importable by name.
        parent_pid: whose child it is.
        time_s: longest time of one call.
        memory_bytes: most address space, where the system can limit it; 0 for no limit.
    """

    function: Callable[..., Any]
    parent_pid: int
    time_s: float
    memory_bytes: int


class ChildPool(Generic[P, T]):
    """Children that all serve one function.

    Args:
        function: what to call; importable by name, picklable (a `functools.partial` of a module's function
            is).
        processes: how many children at most; they are started when there is work for them.
        time_s: longest time of one call.
        memory_bytes: most address space of a child, 0 for no limit.
    """

    def __init__(self, function: Callable[P, T], *, processes: int, time_s: float, memory_bytes: int = 0) -> None:
        self._order = ChildOrder(function, os.getpid(), time_s, memory_bytes)
        self._threads = ThreadPoolExecutor(processes, thread_name_prefix="vecclust-child")
        self._own = threading.local()
        self._lock = threading.Lock()
        self._children: set[_Child] = set()
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    @property
    def pids(self) -> tuple[int, ...]:
        """Process ids of the children that are up."""
        with self._lock:
            return tuple(child.pid for child in self._children)

    def submit(self, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Have the function called in a child.

        Args:
            args: what to call it with; picklable.
            kwargs: likewise, by name.

        Returns:
            Its answer to come. `ChildFailed` where the child did not survive the call; RuntimeError where the
            function raised, or where no child can be started at all.
        """
        return self._threads.submit(self._call, (args, kwargs))

    def close(self) -> None:
        """Drop what waits, kill the children and wait until they are gone."""
        with self._lock:
            self._closed = True
            for child in self._children:
                child.kill()
        self._threads.shutdown(wait=True, cancel_futures=True)
        with self._lock:
            for child in self._children:
                child.close()
            self._children.clear()

    def _call(self, arguments: _Arguments) -> T:
        for _ in range(_TRIES - 1):
            try:
                return self._call_once(arguments)
            except ChildDied as death:
                if death.exit_status not in _SENT:
                    raise
        return self._call_once(arguments)

    def _call_once(self, arguments: _Arguments) -> T:
        child = self._child()
        try:
            answered, answer = child.call(arguments, time_s=self._order.time_s)
        except ChildFailed as failure:
            self._drop(child)
            if self._closed:
                raise CancelledError from failure
            log.debug("child %d: %r; it wrote: %s", child.pid, failure, child.last_words())
            raise
        # The order was one too.
        if child.n_calls > _CALLS_PER_CHILD:
            self._drop(child)
        if not answered:
            raise RuntimeError(answer)
        return answer  # type: ignore[no-any-return]

    def _child(self) -> _Child:
        """Give this thread's child, a new one if it has none or its own died idle."""
        child: _Child | None = getattr(self._own, "child", None)
        if child is not None and child.is_alive():
            return child
        if child is not None:
            self._drop(child)
        for _ in range(_TRIES - 1):
            try:
                return self._started()
            except ChildDied as death:
                # Somebody killed it before it had a photo, as the system does when memory runs out.
                if death.exit_status != -signal.SIGKILL:
                    raise
        try:
            return self._started()
        except ChildDied as death:
            if death.exit_status != -signal.SIGKILL:
                raise
            raise RuntimeError(f"a decoding process cannot be started ({death})") from death

    def _started(self) -> _Child:
        """Start a child for this thread."""
        with self._lock:
            if self._closed:
                raise CancelledError
            child = _Child()
            self._children.add(child)
        self._own.child = child
        try:
            child.call(self._order, time_s=_START_S)
        except ChildFailed as failure:
            words = child.last_words()
            self._drop(child)
            if self._closed:
                raise CancelledError from failure
            if isinstance(failure, ChildDied) and failure.exit_status in (*_SENT, -signal.SIGKILL):
                raise
            raise RuntimeError(f"a decoding process cannot be started ({failure}): {words}") from failure
        return child

    def _drop(self, child: _Child) -> None:
        self._own.child = None
        with self._lock:
            self._children.discard(child)
        child.close()


class _Child:
    """One child process and the socket to it; used by one thread, killed by any."""

    def __init__(self) -> None:
        self.n_calls = 0
        self._words: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the child
        ours, theirs = Pipe()
        # The parent's own path, so that it finds what the parent found; `!a` keeps odd names intact.
        start = f"import sys; sys.path[:] = {sys.path!a}; from {__name__} import serve; serve({theirs.fileno()})"
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-X", "faulthandler", "-c", start],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._words,
                pass_fds=(theirs.fileno(),),
                env={**os.environ, **_ONE_THREAD, **_KEPT_MEMORY},
            )
        self._connection: Connection = ours

    @property
    def pid(self) -> int:
        return self._process.pid

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def call(self, message: ChildOrder | _Arguments, *, time_s: float) -> Any:
        """Tell it what it is for, or have it call the function; give its answer."""
        self.n_calls += 1
        try:
            self._connection.send(message)
            if self._connection.poll(time_s):
                return self._connection.recv()
        except (EOFError, OSError) as error:
            raise ChildDied(self._end()) from error
        self.kill()
        raise ChildTimedOut(f"no answer in {time_s:g} s")

    def _end(self) -> int:
        """Give the exit status; who hung up without ending is killed."""
        try:
            return self._process.wait(timeout=_HANGUP_S)
        except subprocess.TimeoutExpired:
            self.kill()
            return self._process.wait()

    def last_words(self) -> str:
        """Give the last line it wrote to its standard error, where decoders complain and Python dies."""
        if self._words.closed:
            return ""
        self._words.seek(0)
        lines = self._words.read().decode("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else "nothing"

    def kill(self) -> None:
        self._process.kill()

    def close(self) -> None:
        """Make an end of it, and free what it held; one the system will not let go is left behind."""
        self.kill()
        try:
            self._process.wait(timeout=_HANGUP_S)
        except subprocess.TimeoutExpired:
            log.warning("decoding process %d cannot be ended: the system waits for a disk or server", self.pid)
        self._connection.close()
        self._words.close()


def serve(handle: int) -> None:
    """Serve calls until the parent hangs up.

    Args:
        handle: descriptor of the connection to the parent.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    connection = Connection(handle)
    try:
        order: ChildOrder = connection.recv()
        _die_with(order.parent_pid)
        _limit_memory(order.memory_bytes)
        connection.send(True)
        while True:
            arguments: _Arguments = connection.recv()
            signal.setitimer(signal.ITIMER_REAL, order.time_s + _ALARM_SLACK_S)
            connection.send(_call(order.function, arguments))
            signal.setitimer(signal.ITIMER_REAL, 0)
    except (EOFError, ConnectionError):
        pass  # the parent hung up: the ordinary end


def _call(function: Callable[..., Any], arguments: _Arguments) -> tuple[bool, Any]:
    args, kwargs = arguments
    try:
        return True, function(*args, **kwargs)
    except Exception as error:  # the border of the process: what was not foreseen is the parent's to raise
        return False, f"{type(error).__name__}: {error}"


def _die_with(parent_pid: int) -> None:
    """Ask Linux to kill this process when its parent ends, however that ends; elsewhere the hang-up does."""
    if sys.platform.startswith("linux"):
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent_pid:
        os._exit(1)  # it ended before we could ask


def _limit_memory(memory_bytes: int) -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # macOS accepts the limit and does not hold it.
    if memory_bytes > 0 and sys.platform.startswith("linux"):
        hard = resource.getrlimit(resource.RLIMIT_AS)[1]
        soft = memory_bytes if hard == resource.RLIM_INFINITY else min(memory_bytes, hard)
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
